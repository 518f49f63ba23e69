//! The protocols, as the command line names them.

use clap::{Args, ValueEnum};

/// A protocol in its usual form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// Asks one of the repliers
    #[value(alias = "req0")]
    Req,
    /// Answers
    #[value(alias = "rep0")]
    Rep,
    /// Publishes to all subscribers
    #[value(alias = "pub0")]
    Pub,
    /// Receives what is published
    #[value(alias = "sub0")]
    Sub,
    /// Sends to one of the pullers
    #[value(alias = "push0")]
    Push,
    /// Receives what is pushed
    #[value(alias = "pull0")]
    Pull,
    /// Asks everybody
    #[value(aliases = ["survey", "surveyor0"])]
    Surveyor,
    /// Answers surveys
    #[value(aliases = ["respond", "respondent0"])]
    Respondent,
    /// Talks with one peer, version 0
    #[value(alias = "pair")]
    Pair0,
    /// Talks with one peer, version 1
    Pair1,
    /// Talks with all neighbours
    #[value(alias = "bus0")]
    Bus,
}

impl Protocol {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
        Self::Req,
        Self::Rep,
        Self::Pub,
        Self::Sub,
        Self::Push,
        Self::Pull,
        Self::Surveyor,
        Self::Respondent,
        Self::Pair0,
        Self::Pair1,
        Self::Bus,
    ];

    /// Its name in the library, and as an option.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Req => "req",
            Self::Rep => "rep",
            Self::Pub => "pub",
            Self::Sub => "sub",
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Surveyor => "surveyor",
            Self::Respondent => "respondent",
            Self::Pair0 => "pair0",
            Self::Pair1 => "pair1",
            Self::Bus => "bus",
        }
    }

    /// Its subcommand.
    pub(crate) fn command(self) -> &'static str {
        if self == Self::Pair0 { "pair" } else { self.name() }
    }

    /// What it talks with.
    pub(crate) fn peer(self) -> Self {
        match self {
            Self::Req => Self::Rep,
            Self::Rep => Self::Req,
            Self::Pub => Self::Sub,
            Self::Sub => Self::Pub,
            Self::Push => Self::Pull,
            Self::Pull => Self::Push,
            Self::Surveyor => Self::Respondent,
            Self::Respondent => Self::Surveyor,
            Self::Pair0 | Self::Pair1 | Self::Bus => self,
        }
    }

    /// Whether it can send without having received, or at all.
    pub(crate) fn takes_data(self) -> bool {
        !matches!(self, Self::Sub | Self::Pull)
    }

    /// Whether there is nothing it could do without data.
    pub(crate) fn needs_data(self) -> bool {
        matches!(self, Self::Req | Self::Surveyor | Self::Pub | Self::Push)
    }

    /// Whether it sends of its own accord.
    pub(crate) fn initiates(self) -> bool {
        self.takes_data() && !matches!(self, Self::Rep | Self::Respondent)
    }

    /// Whether it has messages to print.
    pub(crate) fn receives(self) -> bool {
        !matches!(self, Self::Pub | Self::Push)
    }

    /// The options (by their ids) of [`CatArgs`](crate::cat::CatArgs) that it does not take.
    pub(crate) fn foreign_options(self) -> Vec<&'static str> {
        let mut ids = Vec::new();
        if self != Self::Sub {
            ids.push("subscribe");
        }
        if self != Self::Surveyor {
            ids.push("time");
        }
        if !self.takes_data() {
            ids.extend(["data", "file"]);
        }
        if !self.initiates() {
            ids.extend(["interval", "delay"]);
        }
        if !self.receives() {
            ids.extend(["format", "ascii", "quoted", "raw", "hex", "msgpack", "recv_timeout", "recv_maxsz"]);
        }
        ids
    }

    /// What its help ends with.
    pub(crate) fn examples(self) -> &'static str {
        match self {
            Self::Req => {
                "\
Sends the data as a request, prints the reply and ends; with --interval, again and again; with
--count, so many times.

Examples:
  spanwire req --dial tcp://127.0.0.1:5555 --data ping
  spanwire req --dial tcp://127.0.0.1:5555 --data ping --interval 0.5 --count 10
  date | spanwire req --dial ipc:///tmp/clock --file - --recv-timeout 2"
            }
            Self::Rep => {
                "\
With --data or --file every request is printed and answered with the data. Without, requests are
only printed.

Examples:
  spanwire rep --listen tcp://127.0.0.1:5555 --data pong
  spanwire rep --listen ipc:///tmp/clock --ascii --count 1"
            }
            Self::Pub => {
                "\
Subscribers that are not connected yet miss what is published: give them time with --delay, or
repeat with --interval.

Examples:
  spanwire pub --listen tcp://127.0.0.1:5555 --data 'weather/rain' --interval 1
  spanwire pub --dial tcp://127.0.0.1:5555 --data 'weather/sun'"
            }
            Self::Sub => {
                "\
Without --subscribe everything is received.

Examples:
  spanwire sub --dial tcp://127.0.0.1:5555
  spanwire sub --dial ipc:///tmp/feed --subscribe weather/ --subscribe news/ --ascii"
            }
            Self::Push => {
                "\
Waits until a puller takes the message.

Examples:
  spanwire push --dial tcp://127.0.0.1:5555 --data job-17
  spanwire push --listen ipc:///tmp/jobs --file job.bin --send-timeout 5"
            }
            Self::Pull => {
                "\
Examples:
  spanwire pull --listen tcp://127.0.0.1:5555
  spanwire pull --dial ipc:///tmp/jobs --raw --count 1 > job.bin"
            }
            Self::Surveyor => {
                "\
Examples:
  spanwire surveyor --listen tcp://127.0.0.1:5555 --delay 1 --data 'who is there?'
  spanwire surveyor --dial ipc:///tmp/a --dial ipc:///tmp/b --data status --time 0.2"
            }
            Self::Respondent => {
                "\
With --data or --file every survey is printed and answered with the data. Without, surveys are only
printed.

Examples:
  spanwire respondent --dial tcp://127.0.0.1:5555 --data 'me'"
            }
            Self::Pair0 | Self::Pair1 => {
                "\
With data it is sent, and what the peer sends is printed until --recv-timeout is over or Ctrl-C.
Without, it is only printed. With --count N and no --interval: N times, the data is sent and a
message awaited.

Versions 0 and 1 do not speak with each other.

Examples:
  spanwire pair1 --listen tcp://127.0.0.1:5555
  spanwire pair1 --dial tcp://127.0.0.1:5555 --data hello --interval 1"
            }
            Self::Bus => {
                "\
With data it is sent, and what neighbours send is printed until --recv-timeout is over or Ctrl-C.
Without, it is only printed. With --count N and no --interval: N times, the data is sent and a
message awaited.

Examples:
  spanwire bus --listen tcp://127.0.0.1:5555 --dial tcp://127.0.0.1:5556
  spanwire bus --dial tcp://127.0.0.1:5555 --data hello --interval 1"
            }
        }
    }
}

/// The protocol as an option, nngcat's way.
#[derive(Args, Clone, Debug)]
#[group(id = "protocol-flag", multiple = false)]
pub(crate) struct ProtocolFlags {
    /// Request
    #[arg(long, visible_alias = "req0", help_heading = PROTOCOL)]
    req: bool,
    /// Reply
    #[arg(long, visible_alias = "rep0", help_heading = PROTOCOL)]
    rep: bool,
    /// Publish
    #[arg(long = "pub", visible_alias = "pub0", help_heading = PROTOCOL)]
    publish: bool,
    /// Subscribe
    #[arg(long, visible_alias = "sub0", help_heading = PROTOCOL)]
    sub: bool,
    /// Push
    #[arg(long, visible_alias = "push0", help_heading = PROTOCOL)]
    push: bool,
    /// Pull
    #[arg(long, visible_alias = "pull0", help_heading = PROTOCOL)]
    pull: bool,
    /// Ask all
    #[arg(long, visible_alias = "surveyor0", help_heading = PROTOCOL)]
    surveyor: bool,
    /// Respond
    #[arg(long, visible_alias = "respondent0", help_heading = PROTOCOL)]
    respondent: bool,
    /// Pair, version 1; with --compat, version 0
    #[arg(long, help_heading = PROTOCOL)]
    pair: bool,
    /// Pair, version 0
    #[arg(long, help_heading = PROTOCOL)]
    pair0: bool,
    /// Pair, version 1
    #[arg(long, help_heading = PROTOCOL)]
    pair1: bool,
    /// Bus
    #[arg(long, visible_alias = "bus0", help_heading = PROTOCOL)]
    bus: bool,
}

impl ProtocolFlags {
    /// The protocol that was named, if one was. `--pair` is this version of pair.
    pub(crate) fn chosen(&self, pair: Protocol) -> Option<Protocol> {
        let flags = [
            (self.req, Protocol::Req),
            (self.rep, Protocol::Rep),
            (self.publish, Protocol::Pub),
            (self.sub, Protocol::Sub),
            (self.push, Protocol::Push),
            (self.pull, Protocol::Pull),
            (self.surveyor, Protocol::Surveyor),
            (self.respondent, Protocol::Respondent),
            (self.pair, pair),
            (self.pair0, Protocol::Pair0),
            (self.pair1, Protocol::Pair1),
            (self.bus, Protocol::Bus),
        ];
        flags.into_iter().find_map(|(set, protocol)| set.then_some(protocol))
    }
}

const PROTOCOL: &str = "Protocol (one of)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_mutual() {
        for protocol in Protocol::ALL {
            assert_eq!(protocol.peer().peer(), protocol);
        }
    }

    #[test]
    fn who_needs_data_takes_it() {
        for protocol in Protocol::ALL {
            assert!(protocol.takes_data() || !protocol.needs_data(), "{protocol:?}");
        }
    }
}
