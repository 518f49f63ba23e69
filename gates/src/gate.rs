//! A gate: a number, what it was, what it may be.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::scenarios::Res;

/// All gates of a run.
pub(crate) struct Gates {
    mode: Mode,
    parts: Vec<String>,
    recorded: BTreeMap<String, f64>,
    recorded_with: String,
    found: BTreeMap<String, f64>,
    failed: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Compare,
    Record,
}

/// What a number may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtMost(f64),
    /// This part more than was recorded.
    Recorded(f64),
}

impl Gates {
    pub(crate) fn open(mode: Mode, parts: &[&str]) -> Res<Self> {
        let text = fs::read_to_string(RECORDED).unwrap_or_default();
        let file: Value = if text.is_empty() { json!({}) } else { serde_json::from_str(&text)? };
        let values = file["found"].as_object().into_iter().flatten();
        println!("{:44} {:>11} {:>11} {:>11}", "gate", "recorded", "found", "limit");
        Ok(Self {
            mode,
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
            recorded: values.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect(),
            recorded_with: file["rustc"].as_str().unwrap_or("another compiler").to_owned(),
            found: BTreeMap::new(),
            failed: Vec::new(),
        })
    }

    /// Whether anything is to be measured of which gates with this name are told.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| name.contains(part.as_str()))
    }

    /// Measures until the numbers are within their bounds, [`ATTEMPTS`] times at most; the least of each counts. Whatever else the machine does adds
    /// to a number and takes nothing from it: a thread that lost its core in the wrong moment is a call more, never one less.
    pub(crate) fn measure(&mut self, gates: &[(String, Bound)], mut measure: impl FnMut() -> Res<Vec<f64>>) -> Res {
        if !gates.iter().any(|(name, _)| self.wants(name)) {
            return Ok(());
        }
        let mut least = vec![f64::INFINITY; gates.len()];
        for _ in 0..ATTEMPTS {
            for (least, found) in least.iter_mut().zip(measure()?) {
                *least = least.min(found);
            }
            let within = |((name, bound), found): (&(String, Bound), &f64)| *found <= self.limit(name, *bound);
            if self.mode == Mode::Compare && gates.iter().zip(&least).all(within) {
                break;
            }
        }
        for ((name, bound), found) in gates.iter().zip(least) {
            self.judge(name, *bound, found);
        }
        Ok(())
    }

    /// Says what can't be measured here; on a machine that should be able to that is a failure.
    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        println!("SKIPPED: {what}: {why}");
        if std::env::var_os("CI").is_some() {
            self.failed.push(format!("{what}: {why}"));
        }
    }

    /// Writes the record, or tells of the gates that do not hold.
    pub(crate) fn close(mut self) -> Res {
        if self.mode == Mode::Record {
            self.recorded.append(&mut self.found);
            let file = json!({ "rustc": rustc(), "found": self.recorded });
            fs::write(RECORDED, serde_json::to_string_pretty(&file)? + "\n")?;
            println!("wrote {RECORDED}");
        }
        if self.failed.is_empty() {
            return Ok(());
        }
        let (then, now) = (&self.recorded_with, rustc());
        let compiler = if *then == now { String::new() } else { format!("Recorded with {then}; this is {now}.\n") };
        let failed = self.failed.join("\n");
        Err(format!("{failed}\n{compiler}If it is worth what it costs, record anew: cargo xtask gates --record").into())
    }

    fn limit(&self, name: &str, bound: Bound) -> f64 {
        match bound {
            Bound::AtMost(limit) => limit,
            Bound::Recorded(more) => self.recorded.get(name).map_or(f64::NEG_INFINITY, |was| was * (1.0 + more)),
        }
    }

    fn judge(&mut self, name: &str, bound: Bound, found: f64) {
        let recorded = self.recorded.get(name).map_or_else(|| "-".to_owned(), |was| short(*was));
        let limit = self.limit(name, bound);
        let holds = found <= limit || (self.mode == Mode::Record && matches!(bound, Bound::Recorded(_)));
        let verdict = if holds { "" } else { "FAILED" };
        let shown = if limit.is_finite() { short(limit) } else { "-".to_owned() };
        println!("{name:44} {recorded:>11} {:>11} {shown:>11} {verdict}", short(found));
        if !holds {
            let was = if recorded == "-" { "never recorded".to_owned() } else { format!("recorded {recorded}") };
            self.failed.push(format!("{name}: {was}, found {}, limit {shown}", short(found)));
        }
        self.found.insert(name.to_owned(), found);
    }
}

fn rustc() -> String {
    let out = Command::new("rustc").arg("--version").output();
    out.map_or_else(|_| "an unknown compiler".to_owned(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn short(value: f64) -> String {
    match value {
        v if v == v.trunc() => format!("{v}"),
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 1.0 => format!("{v:.2}"),
        v => format!("{v:.5}"),
    }
}

/// How often a number is measured that is too large.
const ATTEMPTS: usize = 5;
const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/recorded.json");
