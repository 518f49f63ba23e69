//! The results as text.

use std::fmt::Write;

use crate::cases::Case;
use crate::machine::Machine;
use crate::peers::Name;
use crate::results::{Results, Spread};
use crate::targets::{Row, Verdict};

/// The targets, as a table in Markdown.
pub(crate) fn targets(rows: &[Row]) -> String {
    let mut out = String::from("| | target | reached | spread | runs | |\n|---|---|---|---|---|---|\n");
    for row in rows.iter().filter(|row| row.verdict != Verdict::NotRun) {
        let verdict = if row.verdict == Verdict::Pass { "PASS" } else { "short" };
        let Some(found) = row.reached else {
            let _ = writeln!(out, "| {} | {} | - | | 0 | failed |", row.what, row.target);
            continue;
        };
        let (median, least, most) = (short(found.median), short(found.least), short(found.most));
        let runs = found.runs;
        let _ = writeln!(out, "| {} | {} | {median} | {least} - {most} | {runs} | {verdict} |", row.what, row.target);
    }
    out
}

/// Each case with all its peers.
pub(crate) fn peers(cases: &[Case], results: &Results) -> String {
    let mut out = String::from(
        "| scenario | peer | median | spread | x raw | x libzmq | p99 us | CPU us/message | switches/message | |\n",
    );
    out.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for case in cases {
        for &peer in &case.peers {
            let metric = case.headline.metric;
            let Some(found) = results.spread(&case.name, peer, metric) else {
                if let Some(error) = results.failure(&case.name, peer) {
                    let _ = writeln!(out, "| {} | {} | - | | | | | | | {error} |", case.name, peer.text());
                }
                continue;
            };
            let shown = found.scaled(1.0 / case.headline.scale);
            let than = |other| ratio(results.ratio((&case.name, peer, metric), (&case.name, other, metric)));
            let also = |metric| ratio(results.spread(&case.name, peer, metric));
            let _ = writeln!(
                out,
                "| {} | {} | {} {} | {} - {} | {} | {} | {} | {} | {} | {} |",
                case.name,
                peer.text(),
                short(shown.median),
                case.headline.unit,
                short(shown.least),
                short(shown.most),
                than(Name::Raw),
                than(Name::Libzmq),
                also("dial.p99_us"),
                also("cpu_us"),
                also("switches"),
                remarks(case, peer, results),
            );
        }
    }
    out
}

/// The page that goes with the plots.
pub(crate) fn page(machine: &Machine, rows: &[Row], cases: &[Case], results: &Results, plots: &[String]) -> String {
    let mut out = format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench`; [bench/README.md](../../bench/README.md) says how. Compare within a table; quote nothing as absolute.\n\n{machine}\n"
    );
    let _ = write!(out, "\n## Targets\n\n{}\n## Plots\n\n", targets(rows));
    for plot in plots {
        let _ = writeln!(out, "![{plot}]({plot})");
    }
    let _ = write!(out, "\n## All scenarios\n\n{}", peers(cases, results));
    out
}

/// What only some scenarios find.
fn remarks(case: &Case, peer: Name, results: &Results) -> String {
    let get = |metric| results.spread(&case.name, peer, metric).map(|found| found.median);
    let mut out = Vec::new();
    if let (Some(least), Some(median), Some(most)) = (get("dial.least"), get("dial.median"), get("dial.most")) {
        out.push(format!("each subscriber {} / {} / {} a second", short(least), short(median), short(most)));
    }
    if let (Some(least), Some(median), Some(most)) = (get("listen.least"), get("listen.median"), get("listen.most")) {
        out.push(format!("each pipe {} / {} / {} messages", short(least), short(median), short(most)));
    }
    if let (Some(p50), Some(rate)) = (get("dial.p50_us"), get("dial.stream_rate")) {
        out.push(format!("p50 {} us, beside a stream of {} M/s", short(p50), short(rate / 1e6)));
    }
    if let Some(lost) = get("dial.lost") {
        out.push(format!("{} % lost", short(lost * 100.0)));
    }
    if let Some(time) = get("dial.set_up_s") {
        out.push(format!("set up in {} s", short(time)));
    }
    if let Some(bytes) = get("dial.bytes_each") {
        out.push(format!("dialer {} B each", short(bytes)));
    }
    if let (Some(bytes), Some(threads)) = (get("listen.bytes_each"), get("listen.threads")) {
        out.push(format!("listener {} B each, {threads} threads", short(bytes)));
    }
    if results.failure(&case.name, peer).is_some_and(|_| out.len() < 9) {
        out.push(format!("also: {}", results.failure(&case.name, peer).unwrap_or_default()));
    }
    out.join("; ")
}

fn ratio(found: Option<Spread>) -> String {
    found.map_or_else(String::new, |found| short(found.median))
}

/// Three digits that count.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.4}"),
    }
}
