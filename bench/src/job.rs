//! What one process is asked to do, and how it answers.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::peers::Name;

/// One measurement: a scenario, a peer, a transport. Two processes carry it out, or two threads for inproc.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) kind: Kind,
    pub(crate) peer: Name,
    pub(crate) transport: Transport,
    pub(crate) url: String,
    /// Where the streaming socket of a mixed load listens.
    pub(crate) second: String,
    /// Bytes a message.
    pub(crate) size: usize,
    /// Requests in flight, threads, pipes or subscriptions; what it counts depends on the kind.
    pub(crate) n: usize,
    /// Messages a second; 0: as many as go.
    pub(crate) rate: u64,
    pub(crate) warm_ms: u64,
    pub(crate) run_ms: u64,
    pub(crate) cores: Cores,
}

/// Where the two sides run. Which of them the scheduler chooses, and when, decides a round trip more than what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cores {
    /// Wherever the scheduler puts them.
    Any,
    /// Both on the first core.
    One,
    /// The listener on the first core, the dialer on the second.
    Two,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Request and reply, one at a time, beside `n` idle connections.
    RoundTrip,
    /// A stream of messages to one receiver, from `n` threads on one socket.
    OneWay,
    /// Request and reply with `n` under way.
    InFlight,
    /// `n` requests at once, then silence.
    Burst,
    /// One publisher, `n` subscribers.
    FanOut,
    /// `n` senders, one receiver.
    FanIn,
    /// One subscriber with `n` subscriptions.
    Subscribe,
    /// Request and reply beside a stream on another socket of the same process.
    Mixed,
    /// `n` connections between two sockets.
    Connect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Transport {
    Tcp,
    Ipc,
    Inproc,
}

/// Which part of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Side {
    Listen,
    Dial,
    /// Both, as two threads.
    Both,
    /// Holds idle connections.
    Idle,
}

/// Numbers by name.
pub(crate) type Numbers = BTreeMap<String, f64>;

/// A line that a process writes for whoever started it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Line {
    /// The next process may start.
    Ready,
    Done {
        side: Side,
        numbers: Numbers,
    },
    Failed {
        side: Side,
        error: String,
    },
}

/// How a side answers.
pub(crate) struct Answer {
    pub(crate) side: Side,
    /// The other thread waits for this one to be ready.
    pub(crate) gate: Option<Sender<()>>,
}

impl Answer {
    pub(crate) fn ready(&self) {
        match &self.gate {
            Some(gate) => drop(gate.send(())),
            None => write(&Line::Ready),
        }
    }

    pub(crate) fn done(&self, numbers: Numbers) {
        write(&Line::Done { side: self.side, numbers });
    }

    pub(crate) fn failed(&self, error: &str) {
        write(&Line::Failed { side: self.side, error: error.to_owned() });
    }
}

impl Job {
    pub(crate) fn warm(&self) -> Duration {
        Duration::from_millis(self.warm_ms)
    }

    pub(crate) fn run(&self) -> Duration {
        Duration::from_millis(self.run_ms)
    }
}

impl Cores {
    /// The core of a side.
    pub(crate) fn of(self, side: Side) -> Option<usize> {
        match self {
            Self::Any => None,
            Self::One => Some(0),
            Self::Two => Some(usize::from(side != Side::Listen)),
        }
    }

    /// The end of a case's name.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::One => "-one-core",
            Self::Two => "-two-cores",
        }
    }
}

impl Transport {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Ipc => "ipc",
            Transport::Inproc => "inproc",
        }
    }
}

fn write(line: &Line) {
    if let Ok(text) = serde_json::to_string(line) {
        println!("{text}");
    }
}
