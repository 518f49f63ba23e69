//! The `spanwire` command.
//!
//! `args` is the command line; `cat` is one socket, with nngcat's options; `device`, `monitor`, `perf` and `demo` are the other subcommands; `plugins` has
//! the transports that any of them may load.

#![forbid(unsafe_code)]

mod args;
mod cat;
mod demo;
mod device;
mod endpoint;
mod exit;
mod format;
mod monitor;
mod perf;
mod plugins;
mod protocol;
mod tls;

use std::process::ExitCode;

use args::{Cli, Command};
use cat::Style;
use exit::Exit;
use protocol::Protocol;

fn main() -> ExitCode {
    match args::parse(std::env::args_os()).and_then(|cli| cli.map_or(Ok(()), run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

fn run(cli: Cli) -> Result<(), Exit> {
    cli.plugins.load()?;
    match cli.command {
        Command::Req(cat) => cat.run(Protocol::Req, Style::Subcommand),
        Command::Rep(cat) => cat.run(Protocol::Rep, Style::Subcommand),
        Command::Pub(cat) => cat.run(Protocol::Pub, Style::Subcommand),
        Command::Sub(cat) => cat.run(Protocol::Sub, Style::Subcommand),
        Command::Push(cat) => cat.run(Protocol::Push, Style::Subcommand),
        Command::Pull(cat) => cat.run(Protocol::Pull, Style::Subcommand),
        Command::Surveyor(cat) => cat.run(Protocol::Surveyor, Style::Subcommand),
        Command::Respondent(cat) => cat.run(Protocol::Respondent, Style::Subcommand),
        Command::Pair(cat) => cat.run(Protocol::Pair0, Style::Subcommand),
        Command::Pair1(cat) => cat.run(Protocol::Pair1, Style::Subcommand),
        Command::Bus(cat) => cat.run(Protocol::Bus, Style::Subcommand),
        Command::Nngcat(nngcat) => {
            let protocol = nngcat.protocol.chosen(nngcat.cat.pair());
            let protocol =
                protocol.ok_or_else(|| Exit::Usage("no protocol: name one, as in \"spanwire req\"".into()))?;
            nngcat.cat.run(protocol, Style::Nngcat)
        }
        Command::Device(device) => device.run(),
        Command::Monitor(monitor) => monitor.run(),
        Command::Perf(perf) => perf.run(),
        Command::Demo(demo) => demo.run(),
        Command::DemoPart(part) => part.run(),
    }
}
