//! A socket on the command line: what nngcat and nanocat do.

use std::fs;
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use spanwire::option::names;
use spanwire::{AnySocket, Error, Message};

use crate::endpoint::{Addresses, Dialing};
use crate::exit::{Doing, Exit};
use crate::format::{Format, Printer};
use crate::protocol::Protocol;

/// The options, in nngcat's and nanocat's spelling.
#[derive(Args, Clone, Debug)]
pub(crate) struct CatArgs {
    /// Where to connect.
    #[command(flatten)]
    pub addresses: Addresses,

    /// Send DATA
    #[arg(long, short = 'D', value_name = "DATA", allow_hyphen_values = true, conflicts_with = "file", help_heading = INPUT)]
    data: Option<String>,
    /// Send what PATH contains; - is standard input
    #[arg(long, short = 'F', value_name = "PATH", help_heading = INPUT)]
    file: Option<PathBuf>,
    /// Send again every SEC seconds; fractions are allowed, 0 is as fast as possible
    #[arg(long, short, value_name = "SEC", value_parser = seconds, help_heading = INPUT)]
    interval: Option<Duration>,
    /// Wait SEC seconds before the first message is sent, so that peers can connect
    #[arg(long, short, value_name = "SEC", value_parser = seconds, help_heading = INPUT)]
    delay: Option<Duration>,

    /// How to print what is received [default: quoted; with the protocol as an option: no]
    #[arg(long, value_enum, value_name = "FORMAT", group = "form", help_heading = OUTPUT)]
    format: Option<Format>,
    /// As --format ascii
    #[arg(long, short = 'A', group = "form", help_heading = OUTPUT)]
    ascii: bool,
    /// As --format quoted
    #[arg(long, short = 'Q', group = "form", help_heading = OUTPUT)]
    quoted: bool,
    /// As --format raw
    #[arg(long, group = "form", help_heading = OUTPUT)]
    raw: bool,
    /// As --format hex
    #[arg(long, group = "form", help_heading = OUTPUT)]
    hex: bool,
    /// As --format msgpack
    #[arg(long, group = "form", help_heading = OUTPUT)]
    msgpack: bool,

    /// Receive messages that begin with TOPIC; may be repeated
    #[arg(long, value_name = "TOPIC", allow_hyphen_values = true)]
    subscribe: Vec<String>,
    /// Collect responses for SEC seconds [default: 1]
    #[arg(long, value_name = "SEC", value_parser = seconds)]
    time: Option<Duration>,
    /// End after N messages (of those that are sent, if the protocol sends of its own accord); 0 is no end
    #[arg(long, short = 'C', value_name = "N")]
    count: Option<u64>,
    /// Give up receiving after SEC seconds; 0 is never
    #[arg(long, value_name = "SEC", value_parser = seconds)]
    recv_timeout: Option<Duration>,
    /// Give up sending after SEC seconds; 0 is never
    #[arg(long, value_name = "SEC", value_parser = seconds)]
    send_timeout: Option<Duration>,
    /// Close connections on which a message of more than SIZE bytes arrives; 0 is no limit [default: 64 MiB]
    #[arg(long, short = 'Z', value_name = "SIZE")]
    recv_maxsz: Option<usize>,
    /// The socket's name in statistics
    #[arg(long, value_name = "NAME")]
    socket_name: Option<String>,
    /// Don't fail if nobody is there yet: dial in the background
    #[arg(long = "async")]
    background: bool,
    /// As nanocat did it: dial in the background; --pair is pair version 0
    #[arg(long, conflicts_with_all = ["background", "count"])]
    compat: bool,
    /// Tell on standard error what is listened at and dialed
    #[arg(long, short, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Takes back one --verbose
    #[arg(long, short = 'q', action = clap::ArgAction::Count)]
    silent: u8,
}

/// How the command was called, which decides what holds where nngcat's way is not the obvious one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `spanwire req`: prints by default; no reply in time is an error.
    Subcommand,
    /// `spanwire --req`: prints what it is asked to; no reply in time is the end.
    Nngcat,
}

impl CatArgs {
    /// The version of pair that `--pair` means.
    pub(crate) fn pair(&self) -> Protocol {
        if self.compat { Protocol::Pair0 } else { Protocol::Pair1 }
    }

    /// Does what the options say.
    pub(crate) fn run(self, protocol: Protocol, style: Style) -> Result<(), Exit> {
        self.check(protocol)?;
        Cat::start(&self, protocol, style)?.run()
    }

    fn check(&self, protocol: Protocol) -> Result<(), Exit> {
        let given = [
            ("data", self.data.is_some()),
            ("file", self.file.is_some()),
            ("interval", self.interval.is_some()),
            ("delay", self.delay.is_some()),
            ("format", self.format.is_some()),
            ("ascii", self.ascii),
            ("quoted", self.quoted),
            ("raw", self.raw),
            ("hex", self.hex),
            ("msgpack", self.msgpack),
            ("subscribe", !self.subscribe.is_empty()),
            ("time", self.time.is_some()),
            ("recv_timeout", self.recv_timeout.is_some()),
            ("recv_maxsz", self.recv_maxsz.is_some()),
        ];
        let is_given = |id: &str| given.iter().any(|&(name, given)| name == id && given);
        // nngcat takes these two everywhere, and they do no harm.
        let harmless = ["recv_timeout", "recv_maxsz", "delay"];
        if let Some(id) = protocol.foreign_options().into_iter().find(|&id| is_given(id) && !harmless.contains(&id)) {
            let option = id.replace('_', "-");
            return Err(Exit::Usage(format!("protocol {} does not take --{option}", protocol.name())));
        }
        let has_data = is_given("data") || is_given("file");
        if !has_data && protocol.needs_data() {
            return Err(Exit::Usage(format!("protocol {} needs --data or --file", protocol.name())));
        }
        if !has_data && is_given("interval") {
            return Err(Exit::Usage("--interval needs --data or --file".into()));
        }
        if self.compat && protocol == Protocol::Pair1 {
            return Err(Exit::Usage("protocol pair1 does not take --compat".into()));
        }
        Ok(())
    }

    fn set_options(&self, socket: &AnySocket, protocol: Protocol) -> spanwire::Result<()> {
        socket.set_send_timeout(not_zero(self.send_timeout))?;
        if let Some(size) = self.recv_maxsz {
            socket.set_recv_max(size)?;
        }
        if let Some(name) = &self.socket_name {
            socket.set_name(name)?;
        }
        if let Some(time) = self.time {
            socket.set_option(names::SURVEYOR_SURVEY_TIME, Some(time))?;
        }
        if protocol == Protocol::Sub && self.subscribe.is_empty() {
            socket.set_option(names::SUB_SUBSCRIBE, Vec::new())?;
        }
        self.subscribe.iter().try_for_each(|topic| socket.set_option(names::SUB_SUBSCRIBE, topic.clone().into_bytes()))
    }

    fn format(&self, style: Style) -> Format {
        match (self.ascii, self.quoted, self.raw, self.hex, self.msgpack) {
            (true, ..) => Format::Ascii,
            (_, true, ..) => Format::Quoted,
            (_, _, true, ..) => Format::Raw,
            (.., true, _) => Format::Hex,
            (.., true) => Format::Msgpack,
            _ => self.format.unwrap_or(if style == Style::Subcommand { Format::Quoted } else { Format::No }),
        }
    }
}

/// A socket at work.
struct Cat {
    socket: AnySocket,
    protocol: Protocol,
    style: Style,
    data: Option<Message>,
    printer: Printer,
    interval: Option<Duration>,
    delay: Option<Duration>,
    count: Option<NonZeroU64>,
    recv_timeout: Option<Duration>,
}

impl Cat {
    fn start(args: &CatArgs, protocol: Protocol, style: Style) -> Result<Self, Exit> {
        let data = match (&args.data, &args.file) {
            (Some(data), _) => Some(Message::from(data.as_bytes())),
            (None, Some(path)) => Some(Message::from(read(path)?)),
            (None, None) => None,
        };
        let endpoints = args.addresses.endpoints()?;
        let socket = AnySocket::open(protocol.name()).doing(|| "can't open a socket".into())?;
        args.set_options(&socket, protocol).doing(|| "can't set an option".into())?;
        args.addresses.tls.read()?.apply(&socket)?;
        let dialing = if args.background || args.compat { Dialing::InBackground } else { Dialing::AtOnce };
        let verbose = args.verbose > args.silent;
        for endpoint in endpoints {
            endpoint.start(&socket, dialing, |text| {
                if verbose {
                    eprintln!("{text}");
                }
            })?;
        }
        Ok(Self {
            socket,
            protocol,
            style,
            data,
            printer: Printer::new(args.format(style)),
            interval: args.interval,
            delay: args.delay,
            count: args.count.and_then(NonZeroU64::new),
            recv_timeout: not_zero(args.recv_timeout),
        })
    }

    fn run(mut self) -> Result<(), Exit> {
        match (self.protocol, self.data.take()) {
            (Protocol::Push | Protocol::Pub, Some(data)) => self.send_all(&data)?,
            (Protocol::Rep | Protocol::Respondent, Some(data)) => self.answer_all(&data)?,
            (_, Some(data)) => self.converse(&data)?,
            (_, None) => self.receive_all()?,
        }
        self.printer.flush()?;
        self.socket.close().wait().doing(|| "can't close".into())
    }

    /// Prints messages until there have been enough, or none comes in time.
    fn receive_all(&mut self) -> Result<(), Exit> {
        let mut rounds = Rounds::new(self.count);
        while rounds.next() && self.receive(None)? {}
        Ok(())
    }

    /// Prints requests or surveys and answers each.
    fn answer_all(&mut self, data: &Message) -> Result<(), Exit> {
        let mut rounds = Rounds::new(self.count);
        while rounds.next() {
            if !self.receive(None)? {
                return Err(Exit::Failed(format!("nothing received: {}", Error::TimedOut)));
            }
            self.printer.flush()?;
            self.send(data)?;
        }
        Ok(())
    }

    /// Sends once, so many times, or for ever.
    fn send_all(&mut self, data: &Message) -> Result<(), Exit> {
        thread::sleep(self.delay.unwrap_or_default());
        let mut rounds = self.sends();
        let mut at = Instant::now();
        while rounds.next() {
            self.send(data)?;
            at = self.pause(at, &rounds);
        }
        Ok(())
    }

    /// Sends, and prints what comes back; once, so many times, or for ever.
    fn converse(&mut self, data: &Message) -> Result<(), Exit> {
        thread::sleep(self.delay.unwrap_or_default());
        if self.interval.is_none() && self.count.is_none() {
            self.send(data)?;
            let answered = self.receive_each(None)?;
            return match (self.protocol, self.style) {
                (Protocol::Req, Style::Subcommand) if answered == 0 => {
                    Err(Exit::Failed(format!("no reply: {}", Error::TimedOut)))
                }
                _ => Ok(()),
            };
        }
        let mut rounds = self.sends();
        let mut at = Instant::now();
        while rounds.next() {
            self.send(data)?;
            let end = self.interval.map(|interval| at + interval);
            match (self.protocol, end) {
                // One for one: there is no other way to know when to go on.
                (Protocol::Pair0 | Protocol::Pair1 | Protocol::Bus, None) => {
                    self.receive(None)?;
                }
                _ => {
                    self.receive_each(end)?;
                }
            }
            self.printer.flush()?;
            at = self.pause(at, &rounds);
        }
        Ok(())
    }

    /// Prints all that comes until then, or until the request is answered or the survey over. Answers how many there were.
    fn receive_each(&mut self, end: Option<Instant>) -> Result<u64, Exit> {
        let mut n = 0;
        while self.receive(end)? {
            n += 1;
        }
        Ok(n)
    }

    /// Prints the next message; `false`: there will be none.
    fn receive(&mut self, end: Option<Instant>) -> Result<bool, Exit> {
        let received = match self.socket.try_recv() {
            Err(Error::TryAgain) => {
                self.printer.flush()?;
                let left = end.map(|end| end.saturating_duration_since(Instant::now()));
                self.socket.recv().timeout(left.into_iter().chain(self.recv_timeout).min()).wait()
            }
            result => result,
        };
        match received {
            Ok(msg) => self.printer.print(msg.body()).map(|()| true),
            Err(Error::TimedOut | Error::TryAgain | Error::State(_)) => Ok(false),
            Err(e) => Err(Exit::Failed(format!("can't receive: {e}"))),
        }
    }

    fn send(&mut self, data: &Message) -> Result<(), Exit> {
        self.socket.send(data.clone()).wait().map_err(|e| e.error).doing(|| "can't send".into())
    }

    /// One send unless the options say otherwise.
    fn sends(&self) -> Rounds {
        match (self.count, self.interval) {
            (None, None) => Rounds::new(NonZeroU64::new(1)),
            (count, _) => Rounds::new(count),
        }
    }

    /// Sleeps until the next send, which was to be one interval after `at`. Who is late sends at once, and does not catch up.
    fn pause(&self, at: Instant, rounds: &Rounds) -> Instant {
        let (Some(interval), true) = (self.interval, rounds.more()) else { return at };
        let (next, now) = (at + interval, Instant::now());
        thread::sleep(next.saturating_duration_since(now));
        next.max(now)
    }
}

/// Counts down; without a number, for ever.
struct Rounds(Option<u64>);

impl Rounds {
    fn new(count: Option<NonZeroU64>) -> Self {
        Self(count.map(NonZeroU64::get))
    }

    fn more(&self) -> bool {
        self.0 != Some(0)
    }

    fn next(&mut self) -> bool {
        let more = self.more();
        self.0 = self.0.map(|left| left.saturating_sub(1));
        more
    }
}

/// nngcat's way to say "for ever".
fn not_zero(time: Option<Duration>) -> Option<Duration> {
    time.filter(|time| !time.is_zero())
}

fn read(path: &Path) -> Result<Vec<u8>, Exit> {
    if path == Path::new("-") {
        let mut data = Vec::new();
        io::stdin().lock().read_to_end(&mut data).doing(|| "can't read standard input".into())?;
        return Ok(data);
    }
    fs::read(path).doing(|| format!("can't read {}", path.display()))
}

/// A number of seconds, at most a day's.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    let time = Duration::try_from_secs_f64(number).map_err(|_| "not a time".to_owned())?;
    if time > DAY { Err("more than a day".into()) } else { Ok(time) }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const INPUT: &str = "What to send";
const OUTPUT: &str = "How to print (at most one)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_be_fractions() {
        assert_eq!(seconds("2"), Ok(Duration::from_secs(2)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for bad in ["", "soon", "-1", "NaN", "inf", "86401", "1e30"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rounds_count_down_or_never_end() {
        let mut two = Rounds::new(NonZeroU64::new(2));
        assert_eq!([two.next(), two.next(), two.next()], [true, true, false]);
        assert!((0..10).all(|_| Rounds(None).next()));
    }
}
