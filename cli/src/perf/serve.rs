//! `spanwire perf serve`: answers the control exchange, and keeps one measurement for each client.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use clap::Args;
use spanwire::{PipeChange, PipeId, Rep, Request, Socket, Url};

use super::plan::{self, Plan, Ports};
use super::report;
use super::session::{Session, Site};
use super::wire::{Answer, Ask, Unreadable, VERSION};
use crate::endpoint::cant;
use crate::exit::{Doing, Exit};
use crate::tls::{Tls, TlsArgs};

/// Serve measurements, for any number of clients, until Ctrl-C
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct ServeArgs {
    /// Where to listen
    #[arg(value_name = "URL", value_parser = Url::parse)]
    url: Url,
    /// End when the first client is done
    #[arg(long)]
    once: bool,
    /// The TCP port, or the range of ports, that connections of measurements are made to [default: the system chooses]
    #[arg(long, value_name = "FIRST-LAST", value_parser = plan::ports)]
    ports: Option<Ports>,
    /// Measure with messages of at most SIZE bytes; 0 is no limit
    #[arg(long, short = 'Z', value_name = "SIZE", default_value = "64MiB", value_parser = plan::size)]
    recv_maxsz: usize,
    /// TLS.
    #[command(flatten)]
    tls: TlsArgs,
}

impl ServeArgs {
    /// Serves until it is told to end.
    pub(crate) fn run(self) -> Result<(), Exit> {
        if self.url.scheme() == "inproc" {
            let text = "nobody else can reach inproc://; \"spanwire perf lat URL --local\" measures in one process";
            return Err(Exit::Usage(text.into()));
        }
        let server = Server::start(
            &self.url,
            &self.tls.read()?,
            self.ports,
            self.recv_maxsz,
            if self.once { Until::Once } else { Until::Told },
            Log::Stderr,
        )?;
        let notes = server.notes.clone();
        ctrlc::set_handler(move || {
            let _ = notes.send(Note::Interrupted);
        })
        .doing(|| "can't watch for Ctrl-C".into())?;
        eprintln!("listening on {}", server.url);
        server.join()
    }
}

/// A server, on a thread of its own.
pub(crate) struct Server {
    /// Where it listens.
    pub url: Url,
    notes: SyncSender<Note>,
    thread: JoinHandle<Result<(), Exit>>,
}

/// When a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// With its first client.
    Once,
    /// When it is told to.
    Told,
}

/// Where a server tells what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    /// Standard error, a line when a measurement begins and one when it ends.
    Stderr,
    /// Nowhere.
    No,
}

enum Note {
    Asked(Request),
    Left(PipeId),
    Interrupted,
    Stopped,
}

impl Server {
    /// Listens, and starts serving.
    pub(crate) fn start(
        url: &Url,
        tls: &Tls,
        ports: Option<Ports>,
        max: usize,
        until: Until,
        log: Log,
    ) -> Result<Self, Exit> {
        super::check_scheme(url)?;
        let socket = Socket::<Rep>::open().doing(|| "can't open a socket".into())?;
        tls.apply(&socket)?;
        socket.set_recv_max(MAX_QUESTION).doing(|| "can't set an option".into())?;
        // Bounded, so that who asks faster than the answers come is held up.
        let (notes, inbox) = mpsc::sync_channel(64);
        let tx = notes.clone();
        socket.on_pipe(move |change, pipe| {
            if change == PipeChange::Removed {
                let _ = tx.send(Note::Left(pipe.id()));
            }
        });
        let listener = socket.listen(url).wait().map_err(|e| cant("listen at", url, &e))?;
        let url = listener.url();
        let (asked, tx) = (socket.clone(), notes.clone());
        let read = move || {
            while let Ok(request) = asked.recv_request().wait() {
                if tx.send(Note::Asked(request)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().spawn(read).doing(|| "can't start a thread".into())?;
        let site = Site { url: url.clone(), tls: tls.clone(), ports, crowd: std::sync::Arc::default(), streams: 0 };
        let desk = Desk { socket, site, max, log, sessions: HashMap::new(), ever: 0 };
        let thread =
            thread::Builder::new().spawn(move || desk.run(inbox, until)).doing(|| "can't start a thread".into())?;
        Ok(Self { url, notes, thread })
    }

    /// Waits for its end.
    fn join(self) -> Result<(), Exit> {
        self.thread.join().unwrap_or_else(|_| Err(Exit::Failed("the server failed".into())))
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Result<(), Exit> {
        let _ = self.notes.send(Note::Stopped);
        self.join()
    }
}

/// Where questions are answered.
struct Desk {
    socket: Socket<Rep>,
    site: Site,
    /// The largest message; 0 is no limit.
    max: usize,
    log: Log,
    /// By the connection of the client that asked for it.
    sessions: HashMap<PipeId, (u64, Session)>,
    ever: u64,
}

impl Desk {
    fn run(mut self, inbox: Receiver<Note>, until: Until) -> Result<(), Exit> {
        let end = loop {
            let left = match inbox.recv() {
                Ok(Note::Asked(request)) => self.asked(request),
                Ok(Note::Left(pipe)) => Some(pipe),
                Ok(Note::Interrupted) => break Err(Exit::Interrupted),
                Ok(Note::Stopped) | Err(_) => break Ok(()),
            };
            if left.is_some_and(|pipe| self.end_session(pipe)) && until == Until::Once {
                break Ok(());
            }
        };
        // Who still has something to tell is not held up any more.
        drop(inbox);
        let pipes: Vec<_> = self.sessions.keys().copied().collect();
        for pipe in pipes {
            self.end_session(pipe);
        }
        let _ = self.socket.close().wait();
        end
    }

    /// Answers. The client's connection comes back if the client has left meanwhile.
    fn asked(&mut self, request: Request) -> Option<PipeId> {
        let ask = Ask::read(&request.message);
        match (ask, request.message.pipe()) {
            (Ok(Ask::Status { session, wait }), Some(pipe)) => match self.sessions.get(&pipe) {
                Some((id, found)) if *id == session => found.status(request, wait),
                _ => answer(request, &Answer::Error(format!("there is no measurement {session}"))),
            },
            (Ok(Ask::Open(plan)), Some(pipe)) => {
                let opened = self.open(plan, pipe).unwrap_or_else(|exit| Answer::Error(exit.text()));
                answer(request, &opened);
                // That it left may have been told before there was a measurement to end.
                return self.socket.pipes().iter().all(|open| open.id() != pipe).then_some(pipe);
            }
            (Ok(_), None) => answer(request, &Answer::Error("it is not known who asks".into())),
            (Err(why), _) => answer(request, &Answer::Error(why.told_by_server())),
        }
        None
    }

    fn open(&mut self, plan: Plan, pipe: PipeId) -> Result<Answer, Exit> {
        self.end_session(pipe);
        if self.max != 0 && plan.size > self.max {
            let (size, max) = (report::size(plan.size), report::size(self.max));
            return Err(Exit::Failed(format!(
                "{size} is above its receive limit of {max} (--recv-maxsz of spanwire perf serve)"
            )));
        }
        if !(1..=super::MAX_THREADS).contains(&plan.streams) {
            return Err(Exit::Failed(format!("{} streams are not between 1 and {}", plan.streams, super::MAX_THREADS)));
        }
        if self.sessions.len() >= MAX_SESSIONS {
            return Err(Exit::Failed(format!("{MAX_SESSIONS} clients measure already")));
        }
        self.ever += 1;
        let (id, log) = (self.ever, self.log);
        let tell = move |text: &str| match log {
            Log::Stderr => eprintln!("#{id} {text}"),
            Log::No => {}
        };
        let (session, doors) = Session::open(&mut self.site, plan, tell)?;
        self.sessions.insert(pipe, (id, session));
        Ok(Answer::Opened { session: id, doors, debug_build: cfg!(debug_assertions) })
    }

    /// Ends the measurement of the client with this connection. `false`: there is none.
    fn end_session(&mut self, pipe: PipeId) -> bool {
        let Some((_, session)) = self.sessions.remove(&pipe) else { return false };
        session.end();
        true
    }
}

/// Answers a question. Who does not read its answers gets none, so that nobody is held up.
pub(crate) fn answer(request: Request, answer: &Answer) {
    let _ = request.reply(answer.write()).try_now();
}

impl Unreadable {
    fn told_by_server(&self) -> String {
        match self {
            Self::Foreign => {
                "this is a server of spanwire perf, which answers \"spanwire perf lat\" and \"thr\" only".into()
            }
            Self::Version(theirs) => {
                format!(
                    "this server speaks version {VERSION} of the exchange of spanwire perf, and not version {theirs}"
                )
            }
            Self::Senseless => "it does not understand the question".into(),
        }
    }
}

/// Bytes of a question.
const MAX_QUESTION: usize = 64 << 10;
const MAX_SESSIONS: usize = 64;

const HELP: &str = "\
Tells on standard error where it listens, and when a measurement begins and ends. A client that goes
away ends its own measurement only.

Measurements get connections of their own, so that the control exchange at URL is not in their way:
with TCP at ports that the system chooses or that --ports names (one for each thread of each client
that measures at the same time), otherwise at addresses next to URL (PATH.perf1, PATH.perf2, ...).

Examples:
  spanwire perf serve tcp://127.0.0.1:5555
  spanwire perf serve tcp://*:5555 --ports 5600-5607      through a firewall
  spanwire perf serve ipc:///tmp/perf --once";
