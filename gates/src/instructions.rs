//! Instructions a message, counted by valgrind: the difference between a long and a short run, so that neither the start nor the end counts.

use std::path::Path;
use std::process::Command;

use crate::gate::{Bound, Gates};
use crate::native::own;
use crate::scenarios::{Res, SCENARIOS};

pub(crate) fn instructions(gates: &mut Gates) -> Res {
    if !SCENARIOS.iter().any(|scenario| gates.wants(&name(scenario.name))) && !gates.wants(C) {
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
            let run = |messages: usize| own(["scenario", scenario.name, &messages.to_string()]);
            Ok(vec![a_message(run)?.round()])
        })?;
    }
    c(gates)
}

/// What the C library adds to a send and a receive, as a part of what the same in Rust costs.
fn c(gates: &mut Gates) -> Res {
    let gate = (C.to_owned(), Bound::AtMost(1.15));
    if !gates.wants(&gate.0) {
        return Ok(());
    }
    // Beside this program, where the command that starts it has built it.
    let library = std::env::current_exe()?.with_file_name("libspanwire.so");
    if !library.exists() {
        gates.skip(&gate.0, "the C library is not built; cargo xtask gates does that");
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let program = dir.path().join("pair");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Werror", "-I"]).arg(root.join("../ffi/include")).arg(root.join("c/pair.c"));
    cc.arg(&library).arg("-o").arg(&program);
    if let Some(folder) = library.parent() {
        cc.arg(format!("-Wl,-rpath,{}", folder.display()));
    }
    let compiled = cc.output()?;
    if !compiled.status.success() {
        return Err(String::from_utf8_lossy(&compiled.stderr).into());
    }
    gates.measure(&[gate], || {
        let of_c = a_message(|messages| {
            let mut run = Command::new(&program);
            run.arg(messages.to_string());
            Ok(run)
        })?;
        Ok(vec![of_c / a_message(|messages| own(["scenario", "inproc-any-pair", &messages.to_string()]))?])
    })
}

fn name(scenario: &str) -> String {
    format!("instructions/{scenario}")
}

/// Instructions a message of what this makes for a number of them.
fn a_message(run: impl Fn(usize) -> Res<Command>) -> Res<f64> {
    let (short, long) = (count(&run(SHORT)?)?, count(&run(LONG)?)?);
    Ok((long - short) / (LONG - SHORT) as f64)
}

/// All instructions of a run.
fn count(run: &Command) -> Res<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    valgrind.arg(run.get_program()).args(run.get_args());
    let out = valgrind.output()?;
    let text = String::from_utf8_lossy(&out.stderr);
    // ==4711== I   refs:      22,233,900
    let refs = text.lines().find_map(|line| line.split_once("I   refs:"));
    match refs.map(|(_, number)| number.trim().replace(',', "").parse()) {
        Some(Ok(number)) if out.status.success() => Ok(number),
        _ => Err(format!("{valgrind:?}: {}\n{text}", out.status).into()),
    }
}

/// The I/O thread's ticks come by the clock, and who reads a pipe is a matter of time too: 2 to 6 % between runs.
const MARGIN: f64 = 0.1;
const SHORT: usize = 1000;
const LONG: usize = 3000;
const C: &str = "c/inproc-any-pair";
