//! Allocations a message, counted by the allocator of the process itself.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::gate::{Bound, Gates};
use crate::scenarios::{Res, SCENARIOS};
use crate::sides::{PAIRINGS, Pairing};

/// The gates: by the application's thread, and by all threads of the process.
pub(crate) fn allocations(gates: &mut Gates) -> Res {
    for scenario in SCENARIOS {
        let names = both(&format!("allocations/{}", scenario.name), scenario.allocations);
        gates.measure(&names, || {
            let mut child = Running::start(own(["scenario", scenario.name, MESSAGES])?)?;
            counts(&child.line()?)
        })?;
    }
    for pairing in PAIRINGS {
        let of = |side| both(&format!("allocations/{}/{side}", pairing.name), 0.0);
        let names = [of("listen"), of("dial")].concat();
        gates.measure(&names, || {
            let (listen, dial) = pair(pairing, |_| own::<0>([]))?;
            Ok([counts(&listen)?, counts(&dial)?].concat())
        })?;
    }
    Ok(())
}

/// Runs both sides under the commands that this makes for `listen` and `dial`; what each has written.
pub(crate) fn pair(pairing: &Pairing, command: impl Fn(&str) -> Res<Command>) -> Res<(String, String)> {
    let side = |name, address: Option<&str>| -> Res<Running> {
        let mut command = command(name)?;
        command.args(["side", pairing.name]).args(address);
        Running::start(command)
    };
    let mut listen = side("listen", None)?;
    let address = listen.line()?;
    let mut dial = side("dial", Some(address.trim()))?;
    let found = (listen.line()?, dial.line()?);
    dial.end()?;
    listen.end()?;
    Ok(found)
}

/// This program with these arguments.
pub(crate) fn own<const N: usize>(args: [&str; N]) -> Res<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args);
    Ok(command)
}

/// A child that writes lines. Dropped, it is killed.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Res<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self { child, lines })
    }

    pub(crate) fn line(&mut self) -> Res<String> {
        let mut line = String::new();
        match self.lines.read_line(&mut line)? {
            0 => Err("a child ended without a result".into()),
            _ => Ok(line),
        }
    }

    /// Waits until it has ended, which must be in success.
    pub(crate) fn end(mut self) -> Res {
        drop(self.child.stdin.take());
        match self.child.wait()?.success() {
            true => Ok(()),
            false => Err("a child failed".into()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn both(name: &str, each: f64) -> Vec<(String, Bound)> {
    let bound = |more| Bound::AtMost(each + more);
    vec![(name.to_owned(), bound(RARELY)), (format!("{name}/process"), bound(TICKS))]
}

fn counts(line: &str) -> Res<Vec<f64>> {
    let found: Value = serde_json::from_str(line)?;
    let number = |name: &str| found[name].as_f64().ok_or_else(|| format!("no {name} in {line}"));
    Ok(vec![number("own")? / number("messages")?, number("all")? / number("messages")?])
}

const MESSAGES: &str = "20000";
/// None a message: a list that grows now and then is all right.
const RARELY: f64 = 0.001;
/// The I/O thread has a tick of a millisecond, which is none a message either, but many of them on a slow machine.
const TICKS: f64 = 0.25;
