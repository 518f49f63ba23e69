//! The side that measures: the control exchange as the client sees it, and the threads that do the work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use spanwire::pattern::Pattern;
use spanwire::{AnySocket, Error, PipeChange, Req, Socket, Url};

use super::plan::Plan;
use super::progress::Progress;
use super::stream::Counter;
use super::wire::{Answer, Ask, Outcome, Status, Unreadable, VERSION};
use crate::endpoint::cant;
use crate::exit::{Doing, Exit};
use crate::tls::Tls;

/// A connection to a server.
pub(crate) struct Client {
    socket: Socket<Req>,
    url: Url,
    tls: Tls,
    patience: Duration,
    gone: Arc<AtomicBool>,
    /// The server was built without optimizations.
    pub debug_build: bool,
}

/// A measurement that the server is ready for, and the sockets for it. Dropped, it closes them.
pub(crate) struct Run<'a, P: Pattern> {
    client: &'a Client,
    session: u64,
    /// One for each stream.
    pub sockets: Vec<Socket<P>>,
}

impl Client {
    /// Calls the server.
    pub(crate) fn connect(url: &Url, tls: &Tls, patience: Duration) -> Result<Self, Exit> {
        let socket = Socket::<Req>::open().doing(|| "can't open a socket".into())?;
        tls.apply(&socket)?;
        // Asked once only: if the connection is lost, the measurement is, too.
        socket.set_resend_time(None).doing(|| "can't set an option".into())?;
        let gone = Arc::new(AtomicBool::new(false));
        let (flag, closed) = (gone.clone(), socket.clone());
        let watch = socket.on_pipe(move |change, _| {
            if change == PipeChange::Removed {
                flag.store(true, Ordering::Relaxed);
                let _ = closed.close().wait();
            }
        });
        let client = Self { socket, url: url.clone(), tls: tls.clone(), patience, gone, debug_build: false };
        let dialed = dial(&client.socket.to_any(), url, patience, "is \"spanwire perf serve\" running there?");
        dialed.inspect_err(|_| watch.stop()).map(|()| client)
    }

    /// Agrees on a measurement and connects all its streams. `set` sets options of a stream's socket.
    pub(crate) fn open<P: Pattern>(
        &mut self,
        plan: Plan,
        set: impl Fn(&Socket<P>) -> spanwire::Result<()>,
    ) -> Result<Run<'_, P>, Exit> {
        let (session, doors) = match self.ask(&Ask::Open(plan))? {
            Answer::Opened { session, doors, debug_build } if doors.len() == plan.streams as usize => {
                self.debug_build = debug_build;
                (session, doors)
            }
            _ => return Err(self.nonsense()),
        };
        let mut run = Run { client: self, session, sockets: Vec::new() };
        for door in doors {
            let socket = Socket::<P>::open().doing(|| "can't open a socket".into())?;
            run.client.tls.apply(&socket)?;
            socket.set_recv_max(super::recv_max(plan.size)).doing(|| "can't set an option".into())?;
            set(&socket).doing(|| "can't set an option".into())?;
            run.sockets.push(socket.clone());
            let url = door.url(&run.client.url)?;
            let dialed = dial(&socket.to_any(), &url, run.client.patience, DOOR);
            // If the server has gone, it is that what has to be said.
            dialed.or_else(|exit| run.status().and(Err(exit)))?;
        }
        Ok(run)
    }

    /// The connection broke.
    fn lost(&self) -> Exit {
        Exit::Failed(format!("the connection to the server at {} was lost", self.url))
    }

    fn ask(&self, ask: &Ask) -> Result<Answer, Exit> {
        let reply = self.socket.request(ask.write()).timeout(self.patience).wait();
        let url = &self.url;
        let reply = reply.map_err(|e| match e {
            Error::TimedOut => Exit::Failed(format!("no answer from {url} in {} s", self.patience.as_secs_f64())),
            Error::Closed | Error::ConnectionReset => self.lost(),
            e => Exit::Failed(format!("can't ask {url}: {e}")),
        })?;
        match Answer::read(&reply) {
            Ok(Answer::Error(text)) => Err(Exit::Failed(format!("the server at {url} refuses: {text}"))),
            Ok(answer) => Ok(answer),
            Err(Unreadable::Version(theirs)) => Err(Exit::Failed(format!(
                "the server at {url} speaks version {theirs} of the exchange of spanwire perf, and this is version {VERSION}"
            ))),
            Err(Unreadable::Foreign) => {
                Err(Exit::Failed(format!("what answers at {url} is not \"spanwire perf serve\"")))
            }
            Err(Unreadable::Senseless) => Err(self.nonsense()),
        }
    }

    fn nonsense(&self) -> Exit {
        Exit::Failed(format!("the answer of {} makes no sense", self.url))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The callback holds the socket, too.
        let _ = self.socket.close().wait();
    }
}

impl<P: Pattern> Run<'_, P> {
    /// Does this on a thread for each stream, and looks after them. The counters count what moves.
    pub(crate) fn work<T: Send>(
        &self,
        progress: &Progress,
        job: impl Fn(usize, &Socket<P>, &Counter) -> Result<T, String> + Sync,
    ) -> Result<Vec<T>, Exit> {
        let counters: Vec<Counter> = self.sockets.iter().map(|_| Counter::default()).collect();
        let moved = || counters.iter().map(Counter::get).sum::<u64>();
        let (tx, rx) = mpsc::channel();
        thread::scope(|scope| {
            let run = || {
                for (i, (socket, counter)) in self.sockets.iter().zip(&counters).enumerate() {
                    let (tx, job) = (tx.clone(), &job);
                    let work = move || tx.send(job(i, socket, counter));
                    thread::Builder::new().spawn_scoped(scope, work).doing(|| "can't start a thread".into())?;
                }
                let (mut done, mut patience) = (Vec::new(), Patience::new(self.client.patience));
                while done.len() < self.sockets.len() {
                    match rx.recv_timeout(TICK) {
                        Ok(Ok(result)) => done.push(result),
                        Ok(Err(text)) => return Err(Exit::Failed(text)),
                        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
                    }
                    if self.client.gone.load(Ordering::Relaxed) {
                        return Err(self.client.lost());
                    }
                    progress.at(moved());
                    patience.check(moved())?;
                }
                Ok(done)
            };
            // Whoever fails, the others must not wait for ever.
            run().inspect_err(|_| self.close())
        })
    }

    /// How far the server is.
    pub(crate) fn status(&self) -> Result<Status, Exit> {
        self.ask(false)
    }

    /// What came of it at the server, when it is over there, too.
    pub(crate) fn outcome(&self) -> Result<Outcome, Exit> {
        let mut patience = Patience::new(self.client.patience);
        loop {
            let status = self.ask(true)?;
            if let Some(outcome) = status.outcome {
                return Ok(outcome);
            }
            patience.check(status.messages)?;
        }
    }

    fn ask(&self, wait: bool) -> Result<Status, Exit> {
        match self.client.ask(&Ask::Status { session: self.session, wait })? {
            Answer::Status(status) => Ok(status),
            Answer::Opened { .. } | Answer::Error(_) => Err(self.client.nonsense()),
        }
    }

    fn close(&self) {
        super::close(&self.sockets.iter().map(Socket::to_any).collect::<Vec<_>>());
    }
}

impl<P: Pattern> Drop for Run<'_, P> {
    fn drop(&mut self) {
        self.close();
    }
}

/// Notices when nothing moves.
struct Patience {
    limit: Duration,
    last: u64,
    since: Instant,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self { limit, last: 0, since: Instant::now() }
    }

    fn check(&mut self, moved: u64) -> Result<(), Exit> {
        if moved != self.last {
            (self.last, self.since) = (moved, Instant::now());
        }
        match self.since.elapsed() < self.limit {
            true => Ok(()),
            false => Err(Exit::Failed(format!("nothing has come through for {} s", self.limit.as_secs_f64()))),
        }
    }
}

fn dial(socket: &AnySocket, url: &Url, patience: Duration, hint: &str) -> Result<(), Exit> {
    let e = match socket.dial(url).timeout(patience).wait() {
        Ok(_) => return Ok(()),
        Err(e) => e,
    };
    let seconds = patience.as_secs_f64();
    Err(match e {
        Error::TimedOut => Exit::Failed(format!("can't dial {url}: nobody answered in {seconds} s ({hint})")),
        Error::ConnectionRefused(_) => Exit::Failed(format!("{} ({hint})", cant("dial", url, &e).text())),
        e => cant("dial", url, &e),
    })
}

const DOOR: &str =
    "the server opened this address for the measurement; --ports of \"spanwire perf serve\" fixes the port";
/// How often progress is shown.
const TICK: Duration = Duration::from_millis(100);
