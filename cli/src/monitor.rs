//! `spanwire monitor`: prints connections as they come and go.

use std::io::Write;
use std::num::NonZeroU64;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::json;
use spanwire::option::names;
use spanwire::{AnySocket, OptionValue, Pipe, PipeChange};

use crate::cat::seconds;
use crate::endpoint::{Addresses, Dialing};
use crate::exit::{Doing, Exit};
use crate::protocol::Protocol;

/// Prints connections as they come and go
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct MonitorArgs {
    /// The protocol that this end speaks
    #[arg(value_enum)]
    protocol: Protocol,
    /// Where to connect.
    #[command(flatten)]
    addresses: Addresses,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// End after N events; 0 is no end
    #[arg(long, short = 'C', value_name = "N")]
    count: Option<u64>,
    /// End after SEC seconds
    #[arg(long = "for", value_name = "SEC", value_parser = seconds)]
    time: Option<Duration>,
    /// Tell on standard error what is listened at and dialed
    #[arg(long, short)]
    verbose: bool,
}

impl MonitorArgs {
    /// Prints events until there were enough.
    pub(crate) fn run(self) -> Result<(), Exit> {
        let end = self.time.map(|time| Instant::now() + time);
        let endpoints = self.addresses.endpoints()?;
        let socket = AnySocket::open(self.protocol.name()).doing(|| "can't open a socket".into())?;
        self.addresses.tls.read()?.apply(&socket)?;
        let (tx, events) = mpsc::channel();
        socket.on_pipe(move |change, pipe| {
            let _ = tx.send(Event::new(change, pipe));
        });
        for endpoint in endpoints {
            endpoint.start(&socket, Dialing::InBackground, |text| {
                if self.verbose {
                    eprintln!("{text}");
                }
            })?;
        }
        if self.protocol.receives() {
            let socket = socket.clone();
            thread::Builder::new()
                .spawn(move || while socket.recv().wait().is_ok() {})
                .doing(|| "can't start a thread".into())?;
        }
        let mut left = self.count.and_then(NonZeroU64::new).map(NonZeroU64::get);
        let mut out = std::io::stdout().lock();
        while left != Some(0) {
            let event = match end {
                None => events.recv().ok(),
                Some(end) => events.recv_timeout(end.saturating_duration_since(Instant::now())).ok(),
            };
            let Some(event) = event else { break };
            let line = if self.json { event.json() } else { event.text() };
            writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Exit::writing)?;
            left = left.map(|n| n - 1);
        }
        Ok(())
    }
}

/// What happened to a connection.
#[derive(Debug)]
struct Event {
    at: SystemTime,
    what: &'static str,
    socket: u32,
    pipe: u32,
    from: Origin,
    url: String,
    /// None: the transport does not know it.
    remote: Option<String>,
}

/// Who made the connection.
#[derive(Debug)]
enum Origin {
    Dialer(u32),
    Listener(u32),
    Unknown,
}

impl Event {
    fn new(change: PipeChange, pipe: &Pipe) -> Self {
        Self {
            at: SystemTime::now(),
            what: match change {
                PipeChange::BeforeAdd => "before-add",
                PipeChange::AfterAdd => "after-add",
                PipeChange::Removed => "removed",
            },
            socket: pipe.socket_id().get(),
            pipe: pipe.id().get(),
            from: match (pipe.dialer_id(), pipe.listener_id()) {
                (Some(id), _) => Origin::Dialer(id.get()),
                (_, Some(id)) => Origin::Listener(id.get()),
                (None, None) => Origin::Unknown,
            },
            url: match pipe.option(names::URL) {
                Ok(OptionValue::Str(url)) => url,
                _ => String::new(),
            },
            remote: match pipe.option(names::REMOTE_ADDRESS) {
                Ok(OptionValue::Address(address)) => Some(address.to_string()).filter(|text| !text.is_empty()),
                _ => None,
            },
        }
    }

    fn text(&self) -> String {
        let Self { what, socket, pipe, url, .. } = self;
        let at = utc(self.at);
        let from = match self.from {
            Origin::Dialer(id) => format!("dialer={id}"),
            Origin::Listener(id) => format!("listener={id}"),
            Origin::Unknown => "dialer=-".into(),
        };
        let remote = self.remote.as_deref().unwrap_or("-");
        format!("{at} {what:<10} socket={socket} {from} pipe={pipe} url={url} remote={remote}")
    }

    fn json(&self) -> String {
        let (dialer, listener) = match self.from {
            Origin::Dialer(id) => (Some(id), None),
            Origin::Listener(id) => (None, Some(id)),
            Origin::Unknown => (None, None),
        };
        json!({
            "time": utc(self.at), "event": self.what, "socket": self.socket, "dialer": dialer, "listener": listener,
            "pipe": self.pipe, "url": self.url, "remote": self.remote,
        })
        .to_string()
    }
}

/// RFC 3339 with milliseconds. The day comes from Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
fn utc(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (secs, millis) = (since.as_secs(), since.subsec_millis());
    let (days, secs) = (secs / 86_400 + 719_468, secs % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

const HELP: &str = "\
A line says when, what, and to which connection it happened:
  before-add   connected and shaken hands
  after-add    messages flow
  removed      gone, or refused (then without after-add)

Dialing goes on in the background; messages that arrive are thrown away.

Examples:
  spanwire monitor rep --listen tcp://127.0.0.1:5555
  spanwire monitor sub --dial tcp://127.0.0.1:5556 --json | jq .remote";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (4_102_444_800, "2100-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(secs)), text);
        }
        assert!(utc(UNIX_EPOCH + Duration::from_millis(7)).ends_with(".007Z"));
    }
}
