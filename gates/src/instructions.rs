//! Instructions a message, counted by valgrind: the difference between a long and a short run, so that neither the start nor the end counts.

use std::process::Command;

use crate::gate::{Bound, Gates};
use crate::native::own;
use crate::scenarios::{Res, SCENARIOS};

pub(crate) fn instructions(gates: &mut Gates) -> Res {
    if !SCENARIOS.iter().any(|scenario| gates.wants(&name(scenario.name))) {
        return Ok(());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        gates.skip("instructions", "they were recorded on Linux, x86_64");
        return Ok(());
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        gates.skip("instructions", "there is no valgrind");
        return Ok(());
    }
    for scenario in SCENARIOS {
        gates.measure(&[(name(scenario.name), Bound::Recorded(MARGIN))], || {
            let (short, long) = (count(scenario.name, SHORT)?, count(scenario.name, LONG)?);
            Ok(vec![((long - short) / (LONG - SHORT) as f64).round()])
        })?;
    }
    Ok(())
}

fn name(scenario: &str) -> String {
    format!("instructions/{scenario}")
}

/// All instructions of a run with so many messages.
fn count(scenario: &str, messages: usize) -> Res<f64> {
    let this = own([])?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    valgrind.arg(this.get_program()).args(["scenario", scenario, &messages.to_string()]);
    let out = valgrind.output()?;
    let text = String::from_utf8_lossy(&out.stderr);
    // ==4711== I   refs:      22,233,900
    let refs = text.lines().find_map(|line| line.split_once("I   refs:"));
    match refs.map(|(_, number)| number.trim().replace(',', "").parse()) {
        Some(Ok(number)) if out.status.success() => Ok(number),
        _ => Err(format!("valgrind: {scenario}: {}\n{text}", out.status).into()),
    }
}

/// The I/O thread's ticks come by the clock, and who reads a pipe is a matter of time too: 2 to 6 % between runs.
const MARGIN: f64 = 0.1;
const SHORT: usize = 1000;
const LONG: usize = 3000;
