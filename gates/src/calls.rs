//! System calls a message, counted by strace.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::gate::{Bound, Gates};
use crate::meter::{BEGIN, END};
use crate::native::{Running, own, pair};
use crate::scenarios::Res;
use crate::sides::PAIRINGS;

pub(crate) fn calls(gates: &mut Gates) -> Res {
    if !PAIRINGS.iter().any(|pairing| gates.wants(&format!("calls/{}", pairing.name))) && !gates.wants("calls/idle") {
        return Ok(());
    }
    if Command::new("strace").arg("-V").output().is_err() {
        gates.skip("system calls", "there is no strace");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    for pairing in PAIRINGS {
        let names = ["listen", "dial"].map(|side| (format!("calls/{}/{side}", pairing.name), pairing.calls));
        gates.measure(&names, || {
            let log = |side: &str| folder.path().join(side);
            pair(pairing, |side| strace(&log(side)))?;
            ["listen", "dial"].iter().map(|side| Ok(between_marks(&log(side))? / pairing.messages as f64)).collect()
        })?;
    }
    gates.measure(&[("calls/idle".to_owned(), Bound::AtMost(0.0))], || Ok(vec![idle(&folder.path().join("idle"))?]))
}

/// Calls during a second of sockets that have been used and are not any more.
fn idle(log: &Path) -> Res<f64> {
    let mut command = strace(log)?;
    command.arg("idle");
    let mut running = Running::start(command)?;
    running.line()?;
    // What is on its way when the application has nothing more to do shows in the trace: it is settled when that stands still.
    let mut lines = lines(log)?;
    for _ in 0..PATIENCE {
        thread::sleep(QUIET);
        let now = self::lines(log)?;
        if now == lines {
            break;
        }
        lines = now;
    }
    thread::sleep(IDLE);
    let calls = self::lines(log)? - lines;
    running.end()?;
    Ok(calls as f64)
}

fn lines(log: &Path) -> Res<usize> {
    Ok(fs::read(log)?.iter().filter(|byte| **byte == b'\n').count())
}

/// Calls of all threads from where the count of a [`Meter`](crate::meter::Meter) begins to where it ends.
fn between_marks(log: &Path) -> Res<f64> {
    let text = fs::read_to_string(log)?;
    let place = |mark| text.lines().position(|line| line.contains(mark)).ok_or("the trace has no mark");
    let (begin, end) = (place(BEGIN)?, place(END)?);
    // A call that is interrupted by one of another thread is shown in two parts.
    let is_call = |line: &&str| !line.contains("resumed>") && !line.contains("+++") && !line.contains("---");
    Ok(text.lines().take(end).skip(begin + 1).filter(is_call).count() as f64)
}

/// This program under strace.
fn strace(log: &Path) -> Res<Command> {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(log).arg(own([])?.get_program());
    Ok(command)
}

/// For how long the trace stands still when nothing is on its way: many of the I/O thread's ticks, and a request's one of a second.
const QUIET: Duration = Duration::from_millis(1500);
/// How often the trace may have grown within that time.
const PATIENCE: usize = 20;
const IDLE: Duration = Duration::from_secs(1);
