//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cat::CatArgs;
use crate::demo::{DemoArgs, PartArgs};
use crate::device::DeviceArgs;
use crate::exit::Exit;
use crate::monitor::MonitorArgs;
use crate::perf::PerfArgs;
use crate::plugins::Plugins;
use crate::protocol::{Protocol, ProtocolFlags};

/// Send, receive, forward and watch messages of the scalability protocols
///
/// Speaks with every program that uses Spanwire, nanomsg, NNG or mangos. There is a subcommand for each protocol; its options are
/// those of nngcat and nanocat.
#[derive(Debug, Parser)]
#[command(name = "spanwire", version, after_help = EXAMPLES, infer_long_args = true, arg_required_else_help = true)]
#[command(subcommand_required = true, disable_help_subcommand = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// What else can be dialed and listened at.
    #[command(flatten)]
    pub plugins: Plugins,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A subcommand.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send requests and print the replies
    Req(CatArgs),
    /// Print requests; with --data, reply to them
    Rep(CatArgs),
    /// Publish to all subscribers
    Pub(CatArgs),
    /// Print what is published, by topic
    Sub(CatArgs),
    /// Send each message to one of the pullers
    Push(CatArgs),
    /// Print what is pushed
    Pull(CatArgs),
    /// Ask everybody, and print all responses until the survey ends
    #[command(alias = "survey")]
    Surveyor(CatArgs),
    /// Print surveys; with --data, respond to them
    #[command(alias = "respond")]
    Respondent(CatArgs),
    /// Talk with one peer (version 0, the one nanomsg has)
    #[command(visible_alias = "pair0")]
    Pair(CatArgs),
    /// Talk with one peer (version 1, NNG's)
    Pair1(CatArgs),
    /// Talk with all direct neighbours
    Bus(CatArgs),
    /// Forward messages between two addresses
    Device(DeviceArgs),
    /// Print connections as they come and go
    Monitor(MonitorArgs),
    /// Measure latency and throughput between two processes
    Perf(PerfArgs),
    /// Move a file, serve requests and fan out a feed with many processes, and measure it
    Demo(DemoArgs),
    /// nngcat's and nanocat's calling style: the protocol is an option, too
    ///
    /// Unlike with a subcommand for the protocol, nothing is printed unless a format is chosen, and a request that gets no reply in time
    /// is no error.
    #[command(hide = true, override_usage = "spanwire --PROTOCOL [OPTIONS] <ADDRESS>...", after_help = NNGCAT_EXAMPLES)]
    Nngcat(NngcatArgs),
    /// A process of the demonstration.
    #[command(hide = true)]
    DemoPart(PartArgs),
}

/// nngcat's calling style: the protocol is an option, too.
#[derive(Debug, Args)]
pub(crate) struct NngcatArgs {
    /// The protocol.
    #[command(flatten)]
    pub protocol: ProtocolFlags,
    /// The rest.
    #[command(flatten)]
    pub cat: CatArgs,
}

/// Parses a command line, the program's name first. `Ok(None)`: help or the version was asked for and has been printed.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Option<Cli>, Exit> {
    let args = nngcat_style(args.into_iter().collect());
    let mut command = command();
    let help = match args.get(1).and_then(|arg| command.find_subcommand(arg)) {
        Some(sub) if !sub.is_hide_set() => format!("spanwire {} --help", sub.get_name()),
        _ => "spanwire --help".into(),
    };
    let usage = |e: &clap::Error| Exit::Usage(format!("{} (see {help})", one_line(&e.render())));
    match command.try_get_matches_from_mut(args) {
        Ok(matches) => Cli::from_arg_matches(&matches).map(Some).map_err(|e| usage(&e)),
        Err(e) if e.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            e.print().map_err(Exit::writing)?;
            Err(Exit::Usage("no command given".into()))
        }
        Err(e) if e.use_stderr() => Err(usage(&e)),
        Err(e) => e.print().map(|()| None).map_err(Exit::writing),
    }
}

/// The whole command line, without the options in each protocol's help that the protocol does not take.
pub(crate) fn command() -> clap::Command {
    let mut command = Cli::command();
    for protocol in Protocol::ALL {
        command = command.mut_subcommand(protocol.command(), |mut sub| {
            for id in protocol.foreign_options() {
                sub = sub.mut_arg(id, |arg| arg.hide(true));
            }
            let usage = format!("spanwire {} [OPTIONS] <ADDRESS>...", protocol.command());
            sub.override_usage(usage).after_help(protocol.examples())
        });
    }
    command
}

/// `spanwire --req ...`, and a link to the command with the name `nngcat` or `nanocat`, mean the hidden subcommand.
fn nngcat_style(mut args: Vec<OsString>) -> Vec<OsString> {
    let program = args.first().map(PathBuf::from).unwrap_or_default();
    let linked = program.file_stem().is_some_and(|name| name == "nngcat" || name == "nanocat");
    let flag_first = args.get(1).and_then(|arg| arg.to_str()).is_some_and(|arg| {
        arg.starts_with('-')
            && !["-h", "-V"].contains(&arg)
            && !is_prefix(arg, "--help")
            && !is_prefix(arg, "--version")
    });
    if linked || flag_first {
        args.insert(1, "nngcat".into());
    }
    args
}

/// `--vers` is `--version`; `--ver` might as well be `--verbose`.
fn is_prefix(arg: &str, option: &str) -> bool {
    arg.len() > 5 && option.starts_with(arg)
}

/// What clap says in a paragraph, in one line.
fn one_line(text: &StyledStr) -> String {
    let text = text.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let line = first.split_whitespace().collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

const EXAMPLES: &str = "\
Examples:
  spanwire demo                                              see it all at work
  spanwire rep --listen tcp://127.0.0.1:5555 --data pong     answer every request with \"pong\"
  spanwire req --dial tcp://127.0.0.1:5555 --data ping       ask, and print the reply
  spanwire sub --dial ipc:///tmp/feed --subscribe weather/   print what is published on a topic
  spanwire monitor rep --listen tcp://127.0.0.1:5555         watch who connects
  spanwire perf serve tcp://127.0.0.1:5555                   measure: this, and \"perf lat\" elsewhere
  spanwire device --protocol req tcp://0.0.0.0:5555 ipc:///tmp/servers
                                                             many servers at one address

nngcat's and nanocat's calling style works, too. The protocol is an option then, and nothing is
printed unless a format is chosen, as they have it:
  spanwire --req --dial tcp://127.0.0.1:5555 --data ping --quoted

URLs: tcp://HOST:PORT, tls+tcp://HOST:PORT, ws://HOST:PORT/PATH, wss://HOST:PORT/PATH, ipc://PATH,
abstract://NAME, inproc://NAME, and those of a --plugin. Port 0 lets the system choose; --verbose
tells what it chose.

Exit status: 0 done, 1 failed, 2 the command line makes no sense.";

const NNGCAT_EXAMPLES: &str = "\
Examples:
  spanwire --rep --listen tcp://127.0.0.1:5555 --data pong
  spanwire --req --dial tcp://127.0.0.1:5555 --data ping --quoted

A link to this program with the name nngcat or nanocat behaves so, too.";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Command>, Exit> {
        let args = std::iter::once("spanwire").chain(line.split_whitespace());
        Ok(parse(args.map(OsString::from))?.map(|cli| cli.command))
    }

    fn refused(line: &str) -> String {
        match parsed(line) {
            Err(Exit::Usage(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_protocol_is_a_subcommand_and_a_flag() {
        for protocol in Protocol::ALL {
            assert!(parsed(&format!("{} --dial tcp://127.0.0.1:1", protocol.command())).is_ok(), "{protocol:?}");
            let line = format!("--{} --dial tcp://127.0.0.1:1", protocol.name());
            let Ok(Some(Command::Nngcat(args))) = parsed(&line) else { panic!("{line}") };
            assert_eq!(args.protocol.chosen(args.cat.pair()), Some(protocol));
        }
        for alias in ["survey", "respond", "pair0"] {
            assert!(parsed(&format!("{alias} --dial tcp://127.0.0.1:1")).is_ok(), "{alias}");
        }
    }

    #[test]
    fn nngcats_abbreviations_and_numbered_names_work() {
        let Ok(Some(Command::Nngcat(args))) = parsed("--surv --connect tcp://127.0.0.1:1 -Dx -vQ --recv-t 1") else {
            panic!("not parsed")
        };
        assert_eq!(args.protocol.chosen(args.cat.pair()), Some(Protocol::Surveyor));
        for (line, pair) in [("--pair -l 1", Protocol::Pair1), ("--pair --compat -l 1", Protocol::Pair0)] {
            let Ok(Some(Command::Nngcat(args))) = parsed(line) else { panic!("{line}") };
            assert_eq!(args.protocol.chosen(args.cat.pair()), Some(pair));
        }
        assert!(refused("--req --rep --dial tcp://127.0.0.1:1").contains("--rep"));
    }

    #[test]
    fn a_link_named_nngcat_is_nngcat() {
        let args = ["/usr/bin/nngcat", "--pull", "-l", "1"].map(OsString::from);
        assert!(matches!(parse(args), Ok(Some(Cli { command: Command::Nngcat(_), .. }))));
    }

    #[test]
    fn every_subcommand_takes_plugins() {
        for line in [
            "req --plugin a.so --dial x://y --plugin b.so",
            "--req --plugin a.so --plugin b.so --dial x://y",
            "device --plugin a.so -p req --plugin b.so x://y x://z",
            "monitor req --plugin a.so --plugin b.so --dial x://y",
            "perf --plugin a.so --plugin b.so serve x://y",
            "perf lat --plugin a.so --plugin b.so x://y",
        ] {
            let args = std::iter::once("spanwire").chain(line.split_whitespace());
            let Ok(Some(cli)) = parse(args.map(OsString::from)) else { panic!("{line}") };
            assert!(format!("{:?}", cli.plugins).contains("[\"a.so\", \"b.so\"]"), "{line}: {:?}", cli.plugins);
        }
    }

    #[test]
    fn errors_are_one_line_that_names_the_culprit() {
        for (line, culprit) in [
            ("req --frobnicate", "--frobnicate"),
            ("frob", "frob"),
            ("req --dial carrier-pigeon", "carrier-pigeon"),
            ("req --dial tcp://localhost", "tcp://localhost"),
            ("req --dial tcp://127.0.0.1:1 --count -3", "-3"),
            ("req --dial tcp://127.0.0.1:1 --interval soon", "soon"),
            ("req --dial tcp://127.0.0.1:1 --format xml", "xml"),
            ("req --dial", "--dial"),
            ("device", "FRONT"),
            ("monitor teapot --dial tcp://127.0.0.1:1", "teapot"),
        ] {
            let text = refused(line);
            assert!(text.contains(culprit) && !text.contains('\n') && text.contains("--help"), "{line}: {text}");
        }
    }
}
