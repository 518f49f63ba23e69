//! One measurement, as the server sees it.
//!
//! Each stream has a socket and a thread of its own. Another thread holds them together: it answers questions, and closes the sockets when
//! the client asks for another measurement or goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use spanwire::pattern::Pattern;
use spanwire::{AnySocket, Message, PipeChange, Pull, Push, Rep, Request, Socket, Url};

use super::cpu;
use super::door::Door;
use super::plan::{Measure, Plan, Ports};
use super::report;
use super::stream::{self, Counter, Tally};
use super::wire::{Answer, Status};
use crate::exit::{Doing, Exit};
use crate::tls::Tls;

/// A measurement under way.
pub(crate) struct Session {
    events: Sender<Event>,
    thread: JoinHandle<()>,
}

/// What measurements need to know of their server.
pub(crate) struct Site {
    /// Where it listens.
    pub url: Url,
    /// For the streams' sockets.
    pub tls: Tls,
    /// Where streams may listen.
    pub ports: Option<Ports>,
    /// All measurements of this process.
    pub crowd: Arc<Crowd>,
    /// How many streams there have been.
    pub streams: u64,
}

/// Counts measurements, so that one knows whether it has the process for itself.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    present: AtomicU64,
    ever: AtomicU64,
}

enum Event {
    /// The client asks how far it is; `true`: it would rather know when it is over.
    Asked(Request, bool),
    /// A stream has its connection.
    Connected,
    /// The thread of a stream has ended.
    Ended(Result<Tally, String>),
    /// The client is done, or gone.
    Left,
}

impl Session {
    /// Listens for all streams, and starts them. `log` is told what to write into the log.
    pub(crate) fn open(
        site: &mut Site,
        plan: Plan,
        log: impl Fn(&str) + Send + 'static,
    ) -> Result<(Self, Vec<Door>), Exit> {
        let (events, inbox) = mpsc::channel();
        let counters: Arc<[Counter]> = (0..plan.streams).map(|_| Counter::default()).collect();
        let mut team = Team { plan, counters, sockets: Vec::new(), threads: Vec::new() };
        let mut doors = Vec::new();
        let Plan { measure, size, warm_up, .. } = plan;
        // One for all streams, so that many of them take no more memory.
        let msg = if measure == Measure::Down { stream::message(size)? } else { Message::new() };
        for i in 0..plan.streams as usize {
            let msg = msg.clone();
            let amount = plan.amount.share(plan.streams, i);
            doors.push(match measure {
                Measure::Lat => team.add(site, &events, echo),
                Measure::Up => team.add(site, &events, move |pull: &Socket<Pull>, n| stream::receive(pull, size, n)),
                Measure::Down => {
                    team.add(site, &events, move |push: &Socket<Push>, n| stream::send(push, &msg, warm_up, amount, n))
                }
            }?);
        }
        let stay = Stay::new(&site.crowd);
        let thread =
            thread::Builder::new().spawn(move || team.run(&inbox, &stay, &log)).doing(|| "no thread".into())?;
        Ok((Self { events, thread }, doors))
    }

    /// Answers how far it is, at once or when it is over.
    pub(crate) fn status(&self, request: Request, wait: bool) {
        let _ = self.events.send(Event::Asked(request, wait));
    }

    /// Closes its sockets.
    pub(crate) fn end(self) {
        let _ = self.events.send(Event::Left);
        let _ = self.thread.join();
    }
}

/// The sockets and threads of a measurement. Dropped, it ends them.
struct Team {
    plan: Plan,
    counters: Arc<[Counter]>,
    sockets: Vec<AnySocket>,
    threads: Vec<JoinHandle<()>>,
}

impl Team {
    fn add<P: Pattern>(
        &mut self,
        site: &mut Site,
        events: &Sender<Event>,
        work: impl FnOnce(&Socket<P>, &Counter) -> Result<Tally, String> + Send + 'static,
    ) -> Result<Door, Exit> {
        let socket = Socket::<P>::open().doing(|| "can't open a socket".into())?;
        site.tls.apply(&socket)?;
        socket.set_recv_max(super::recv_max(self.plan.size)).doing(|| "can't set an option".into())?;
        let (any, tx) = (socket.to_any(), events.clone());
        socket.on_pipe(move |change, _| {
            if change == PipeChange::AfterAdd {
                let _ = tx.send(Event::Connected);
            }
        });
        self.sockets.push(any.clone());
        site.streams += 1;
        let door = Door::open(&any, &site.url, site.ports, site.streams)?;
        let (i, counters, events) = (self.threads.len(), self.counters.clone(), events.clone());
        let run = move || {
            let tally = counters.get(i).map_or_else(|| Err("no counter".into()), |counter| work(&socket, counter));
            let _ = events.send(Event::Ended(tally));
        };
        self.threads.push(thread::Builder::new().spawn(run).doing(|| "can't start a thread".into())?);
        Ok(door)
    }

    fn run(self, inbox: &Receiver<Event>, stay: &Stay, log: &impl Fn(&str)) {
        let Plan { measure, size, streams, .. } = self.plan;
        let what = format!("{} {}, {}", measure.name(), report::size(size), report::streams(streams));
        let (mut tallies, mut failure, mut connected) = (Vec::new(), None, 0);
        let mut waiting: Option<(Request, Instant)> = None;
        loop {
            let event = match &waiting {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some((_, until)) => inbox.recv_timeout(until.saturating_duration_since(Instant::now())),
            };
            // Who was waiting is answered when it is over, when time is up, and before somebody else waits.
            let mut answer_now = None;
            match event {
                Ok(Event::Asked(request, true)) if failure.is_none() && !self.is_over(&tallies) => {
                    answer_now = waiting.replace((request, Instant::now() + LONG_POLL));
                }
                Ok(Event::Asked(request, _)) => answer_now = Some((request, Instant::now())),
                Ok(Event::Connected) => {
                    connected += 1;
                    if connected == streams {
                        log(&format!("{what}: started"));
                    }
                }
                Ok(Event::Ended(tally)) => {
                    match tally {
                        Ok(tally) => tallies.push(tally),
                        Err(why) => failure = Some(why),
                    }
                    if failure.is_some() || self.is_over(&tallies) {
                        answer_now = waiting.take();
                    }
                }
                Err(RecvTimeoutError::Timeout) => answer_now = waiting.take(),
                Ok(Event::Left) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Some((request, _)) = answer_now {
                let answer = match &failure {
                    Some(why) => Answer::Error(why.clone()),
                    None => Answer::Status(self.status(&tallies, stay)),
                };
                super::serve::answer(request, &answer);
            }
        }
        let messages = report::number(self.messages());
        let end = match (measure, failure) {
            (Measure::Lat, _) => "",
            (_, Some(why)) => &format!("; {why}"),
            (_, None) if self.is_over(&tallies) => "",
            (_, None) => "; the client went away",
        };
        log(&format!("{what}: {messages} messages{end}"));
    }

    fn is_over(&self, tallies: &[Tally]) -> bool {
        tallies.len() == self.plan.streams as usize
    }

    fn messages(&self) -> u64 {
        self.counters.iter().map(Counter::get).sum()
    }

    fn status(&self, tallies: &[Tally], stay: &Stay) -> Status {
        let mut outcome = if self.is_over(tallies) { Tally::sum(tallies) } else { None };
        if let Some(outcome) = &mut outcome {
            outcome.cpu = outcome.cpu.filter(|_| stay.is_alone());
        }
        Status { messages: self.messages(), cpu: cpu::time().filter(|_| stay.is_alone()), outcome }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        super::close(&self.sockets);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The presence of one measurement in the crowd.
struct Stay {
    crowd: Arc<Crowd>,
    /// Its number, if nobody else was there when it came.
    alone: Option<u64>,
}

impl Stay {
    fn new(crowd: &Arc<Crowd>) -> Self {
        let number = crowd.ever.fetch_add(1, Ordering::SeqCst) + 1;
        let first = crowd.present.fetch_add(1, Ordering::SeqCst) == 0;
        Self { crowd: crowd.clone(), alone: first.then_some(number) }
    }

    /// Nobody else has been there in its time.
    fn is_alone(&self) -> bool {
        self.alone == Some(self.crowd.ever.load(Ordering::SeqCst))
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.crowd.present.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Sends everything back, until the socket is closed.
fn echo(socket: &Socket<Rep>, counter: &Counter) -> Result<Tally, String> {
    loop {
        let msg = socket.recv().wait().map_err(|e| format!("can't receive: {e}"))?;
        // Before the reply: who has it may ask for the count at once.
        counter.add();
        socket.send(msg).wait().map_err(|e| format!("can't send: {}", e.error))?;
    }
}

/// How long a question may stay without an answer.
const LONG_POLL: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_shares_the_process_knows() {
        let crowd = Arc::new(Crowd::default());
        let one = Stay::new(&crowd);
        assert!(one.is_alone());
        let two = Stay::new(&crowd);
        assert!(!one.is_alone() && !two.is_alone());
        drop(two);
        assert!(!one.is_alone());
        drop(one);
        assert!(Stay::new(&crowd).is_alone());
    }
}
