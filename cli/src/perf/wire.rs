//! The control exchange: what client and server say to each other, over req and rep.
//!
//! A message is the line `spanwire-perf/VERSION`, and a JSON object after it. The client asks, the server answers:
//!
//! | ask | answer |
//! |---|---|
//! | `open`: a measurement | `session`, and where its connections are to be made (`doors`) |
//! | `status` of the session, at once or when it is over | how far it is, and what came of it |
//!
//! Any question may be answered by an `error`.

use std::time::Duration;

use serde_json::{Value, json};
use spanwire::Message;

use super::door::Door;
use super::plan::{Amount, Measure, Plan};

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Get ready for this. Ends what this client measured before.
    Open(Plan),
    /// How far is it?
    Status {
        /// The measurement.
        session: u64,
        /// Rather answer when it is over, or after a while.
        wait: bool,
    },
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is ready.
    Opened {
        /// The measurement.
        session: u64,
        /// Where each stream is to be dialed.
        doors: Vec<Door>,
        /// Its figures are those of a build without optimizations.
        debug_build: bool,
    },
    /// How far it is.
    Status(Status),
    /// It can't.
    Error(String),
}

/// How far a measurement is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// How many messages have passed.
    pub messages: u64,
    /// The CPU time of the whole process so far, if no other measurement went on at the same time.
    pub cpu: Option<Duration>,
    /// What came of it, when it is over.
    pub outcome: Option<Outcome>,
}

/// What one side of a one-way measurement saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// How many messages passed, without those of the warm-up.
    pub messages: u64,
    /// From the first to the last.
    pub time: Duration,
    /// The CPU time of the whole process meanwhile, if it is known.
    pub cpu: Option<Duration>,
}

/// Why a message can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It does not belong to this exchange.
    Foreign,
    /// It is of another version.
    Version(u64),
    /// It makes no sense.
    Senseless,
}

impl Ask {
    /// As a message.
    pub(crate) fn write(&self) -> Message {
        write(&match *self {
            Self::Open(Plan { measure, size, streams, amount, warm_up }) => {
                let (count, time) = match amount {
                    Amount::Count(n) => (Some(n), None),
                    Amount::Time(time) => (None, Some(nanos(time))),
                };
                json!({
                    "ask": "open", "measure": measure.name(), "size_bytes": size, "streams": streams, "count": count,
                    "time_ns": time, "warm_up_ns": nanos(warm_up),
                })
            }
            Self::Status { session, wait } => json!({ "ask": "status", "session": session, "wait": wait }),
        })
    }

    /// From a message.
    pub(crate) fn read(msg: &Message) -> Result<Self, Unreadable> {
        let value = read(msg)?;
        let ask = || match value["ask"].as_str()? {
            "open" => {
                let amount = match (value["count"].as_u64(), asked_time(&value["time_ns"])) {
                    (Some(n), None) => Amount::Count(n),
                    (None, Some(time)) => Amount::Time(time),
                    _ => return None,
                };
                Some(Self::Open(Plan {
                    measure: Measure::of_name(value["measure"].as_str()?)?,
                    size: value["size_bytes"].as_u64()?.try_into().ok()?,
                    streams: value["streams"].as_u64()?.try_into().ok()?,
                    amount,
                    warm_up: asked_time(&value["warm_up_ns"])?,
                }))
            }
            "status" => Some(Self::Status { session: value["session"].as_u64()?, wait: value["wait"].as_bool()? }),
            _ => None,
        };
        ask().ok_or(Unreadable::Senseless)
    }
}

impl Answer {
    /// As a message.
    pub(crate) fn write(&self) -> Message {
        write(&match self {
            Self::Opened { session, doors, debug_build } => {
                let doors: Vec<Value> = doors.iter().map(Door::json).collect();
                json!({ "session": session, "doors": doors, "debug_build": debug_build })
            }
            Self::Status(Status { messages, cpu, outcome }) => json!({
                "messages": messages,
                "cpu_ns": cpu.map(nanos),
                "outcome": outcome.map(|Outcome { messages, time, cpu }| json!({
                    "messages": messages, "time_ns": nanos(time), "cpu_ns": cpu.map(nanos),
                })),
            }),
            Self::Error(text) => json!({ "error": text }),
        })
    }

    /// From a message.
    pub(crate) fn read(msg: &Message) -> Result<Self, Unreadable> {
        let value = read(msg)?;
        let answer = || {
            if let Some(text) = value["error"].as_str() {
                return Some(Self::Error(text.to_owned()));
            }
            if let Some(session) = value["session"].as_u64() {
                let doors = value["doors"].as_array()?.iter().map(Door::of_json).collect::<Option<_>>()?;
                return Some(Self::Opened { session, doors, debug_build: value["debug_build"].as_bool()? });
            }
            let outcome = match &value["outcome"] {
                Value::Null => None,
                outcome => Some(Outcome {
                    messages: outcome["messages"].as_u64()?,
                    time: time(&outcome["time_ns"])?,
                    cpu: time(&outcome["cpu_ns"]),
                }),
            };
            let messages = value["messages"].as_u64()?;
            Some(Self::Status(Status { messages, cpu: time(&value["cpu_ns"]), outcome }))
        };
        answer().ok_or(Unreadable::Senseless)
    }
}

fn write(value: &Value) -> Message {
    Message::from(format!("{NAME}{VERSION}\n{value}"))
}

fn read(msg: &Message) -> Result<Value, Unreadable> {
    let text = msg.to_str().map_err(|_| Unreadable::Foreign)?;
    let (version, json) = text.strip_prefix(NAME).and_then(|text| text.split_once('\n')).ok_or(Unreadable::Foreign)?;
    match version.parse() {
        Ok(VERSION) => serde_json::from_str(json).map_err(|_| Unreadable::Senseless),
        Ok(version) => Err(Unreadable::Version(version)),
        Err(_) => Err(Unreadable::Foreign),
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn time(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_nanos)
}

/// A time that may be asked for: what can be added to any instant.
fn asked_time(value: &Value) -> Option<Duration> {
    time(value).filter(|time| *time <= LONGEST)
}

/// The version of the exchange.
pub(crate) const VERSION: u64 = 1;
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const NAME: &str = "spanwire-perf/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_as_they_were_written() {
        let time = Duration::from_millis(1500);
        for (measure, amount) in [
            (Measure::Lat, Amount::Count(3)),
            (Measure::Up, Amount::Time(time)),
            (Measure::Down, Amount::Count(u64::MAX)),
        ] {
            let ask = Ask::Open(Plan { measure, size: 1024, streams: 2, amount, warm_up: time });
            assert_eq!(Ask::read(&ask.write()), Ok(ask));
        }
        let ask = Ask::Status { session: 7, wait: true };
        assert_eq!(Ask::read(&ask.write()), Ok(ask));
    }

    #[test]
    fn answers_are_read_as_they_were_written() {
        let time = Duration::from_nanos(7);
        for answer in [
            Answer::Opened { session: 1, doors: vec![Door::Port(5), Door::Suffix(6)], debug_build: false },
            Answer::Status(Status::default()),
            Answer::Status(Status {
                messages: 3,
                cpu: Some(time),
                outcome: Some(Outcome { messages: 2, time, cpu: None }),
            }),
            Answer::Error("no \"way\"\n".into()),
        ] {
            assert_eq!(Answer::read(&answer.write()), Ok(answer));
        }
    }

    #[test]
    fn anything_else_is_told_apart() {
        let too_long = json!({
            "ask": "open", "measure": "up", "size_bytes": 1, "streams": 1, "time_ns": u64::MAX, "warm_up_ns": 0,
        });
        let too_long = format!("spanwire-perf/1\n{too_long}");
        for (text, why) in [
            ("", Unreadable::Foreign),
            ("pong", Unreadable::Foreign),
            ("spanwire-perf/1", Unreadable::Foreign),
            ("spanwire-perf/x\n{}", Unreadable::Foreign),
            ("spanwire-perf/2\n", Unreadable::Version(2)),
            ("spanwire-perf/1\n{", Unreadable::Senseless),
            ("spanwire-perf/1\n{}", Unreadable::Senseless),
            ("spanwire-perf/1\n{\"ask\":\"open\",\"size_bytes\":-1}", Unreadable::Senseless),
            (&too_long, Unreadable::Senseless),
        ] {
            assert_eq!(Ask::read(&Message::from(text)), Err(why), "{text}");
        }
        assert_eq!(Answer::read(&Message::from(&b"\xff"[..])), Err(Unreadable::Foreign));
    }
}
