//! What a message costs, and what it may cost: `cargo xtask gates`.
//!
//! Wall-clock times mean nothing on a machine that others use as well. Instructions, system calls and allocations do: each gate counts one of
//! them for a scenario and compares it with a limit, or with what was recorded before in `recorded.json`.

#![deny(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command")]

mod allocations;
mod calls;
mod gate;
mod instructions;
mod meter;
mod native;
mod scenarios;
mod sides;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::gate::{Gates, Mode};
use crate::meter::Meter;
use crate::scenarios::{Res, SCENARIOS};
use crate::sides::PAIRINGS;

const HELP: &str = "\
cargo xtask gates [PART]..            all gates, or those with one of these in their names
cargo xtask gates --record [PART]..   writes what is found into gates/recorded.json instead of comparing";

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match run(&args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Res {
    if let ["scenario" | "side" | "idle", ..] = args {
        // Nobody waits for ever for a child that hangs.
        thread::spawn(|| {
            thread::sleep(PATIENCE);
            eprintln!("not done within {PATIENCE:?}");
            std::process::exit(1);
        });
    }
    match args {
        // What is measured, in a process of its own.
        ["scenario", name, messages] => {
            let scenario = SCENARIOS.iter().find(|scenario| scenario.name == *name).ok_or("no such scenario")?;
            (scenario.run)(&Meter { messages: messages.parse()? })
        }
        ["side", name, address @ ..] => {
            let pairing = PAIRINGS.iter().find(|pairing| pairing.name == *name).ok_or("no such scenario")?;
            pairing.play(address.first().copied())
        }
        ["idle"] => sides::idle(),
        ["--record", parts @ ..] => judge(Mode::Record, parts),
        [part, ..] if part.starts_with('-') => Err(HELP.into()),
        parts => judge(Mode::Compare, parts),
    }
}

fn judge(mode: Mode, parts: &[&str]) -> Res {
    let mut gates = Gates::open(mode, parts)?;
    native::allocations(&mut gates)?;
    calls::calls(&mut gates)?;
    instructions::instructions(&mut gates)?;
    gates.close()
}

const PATIENCE: Duration = Duration::from_secs(100);
