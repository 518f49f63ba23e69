//! One simulated socket: a state machine, its pipe ends, and the callers that wait.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use spanwire_core::protocol::{DropCause, Flow, RecvError, Room, SendRefused};
use spanwire_core::{Attempt, ContextId, Error, Message, Outbox, PipeId, Protocol, Reject, Result};

/// A waiting or finished call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(super) usize);

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The protocol took the message.
    Sent,
    /// It did not; the message is here.
    NotSent(Error, Message),
    /// A message.
    Received(Message),
    /// No message.
    Failed(Error),
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) id: CallId,
    pub(super) ctx: ContextId,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Send(Message),
    Receive,
}

/// A simulated socket.
pub(super) struct Node {
    pub(super) machine: Box<dyn Protocol>,
    pub(super) side: Side,
    pub(super) callers: Vec<Caller>,
    pub(super) contexts: Vec<ContextId>,
    /// Calls that ended since this was last looked at.
    pub(super) done: Vec<(CallId, ContextId, Outcome)>,
}

/// What the machine sees of the world.
pub(super) struct Side {
    pub(super) now: Instant,
    pub(super) ends: BTreeMap<PipeId, End>,
    pub(super) wakes: Vec<Wake>,
    cancels: Vec<ContextId>,
    /// Whose next message may go straight to its caller, and whether one did.
    taker: Option<ContextId>,
    taken: bool,
    /// Deliveries so far: every other one may go straight.
    deliveries: usize,
    pub(super) drops: [u64; DropCause::ALL.len()],
    /// What the machine did wrong.
    pub(super) faults: Vec<String>,
}

/// One end of a link.
pub(super) struct End {
    pub(super) link: usize,
    /// Sent by the machine and not yet delivered to the other end.
    pub(super) queue: VecDeque<Message>,
    pub(super) depth: usize,
    pub(super) refill: usize,
    pub(super) full: bool,
    pub(super) paused: bool,
    pub(super) closing: Option<Reject>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Send(ContextId),
    Receive(ContextId),
}

impl Node {
    pub(super) fn new(machine: Box<dyn Protocol>, now: Instant) -> Self {
        let side = Side {
            now,
            ends: BTreeMap::new(),
            wakes: Vec::new(),
            cancels: Vec::new(),
            taker: None,
            taken: false,
            deliveries: 0,
            drops: [0; DropCause::ALL.len()],
            faults: Vec::new(),
        };
        Self { machine, side, callers: Vec::new(), contexts: vec![ContextId::SOCKET], done: Vec::new() }
    }

    /// Calls the machine and then ends the calls that it cancelled.
    pub(super) fn call<R>(&mut self, f: impl FnOnce(&mut dyn Protocol, &mut Side) -> R) -> R {
        let result = f(&mut *self.machine, &mut self.side);
        self.end_cancelled();
        result
    }

    fn end_cancelled(&mut self) {
        for ctx in std::mem::take(&mut self.side.cancels) {
            self.end_callers(|caller| caller.ctx == ctx, &Error::Canceled);
        }
    }

    /// Ends all calls of which `which` holds, without a word to the machine.
    pub(super) fn end_callers(&mut self, which: impl Fn(&Caller) -> bool, error: &Error) {
        let (ended, waiting) = std::mem::take(&mut self.callers).into_iter().partition(|caller| which(caller));
        self.callers = waiting;
        let ended: Vec<Caller> = ended;
        for caller in ended {
            let outcome = match caller.kind {
                Kind::Send(msg) => Outcome::NotSent(error.clone(), msg),
                Kind::Receive => Outcome::Failed(error.clone()),
            };
            self.done.push((caller.id, caller.ctx, outcome));
        }
    }

    /// A call that does not wait.
    pub(super) fn send_now(&mut self, ctx: ContextId, mut msg: Message) -> Result<(), (Error, Message)> {
        let able = self.machine.can_send(ctx);
        match self.attempt_send(ctx, &mut msg, Attempt::Only) {
            Ok(()) if !able => {
                self.fault("a send was done although can_send was false");
                Ok(())
            }
            Ok(()) => Ok(()),
            Err(SendRefused::Full) => {
                if able {
                    self.fault("a send found no room although can_send was true");
                }
                Err((Error::TryAgain, msg))
            }
            Err(SendRefused::Failed(error)) => Err((error, msg)),
        }
    }

    /// A call that does not wait.
    pub(super) fn receive_now(&mut self, ctx: ContextId) -> Result<Message> {
        let able = self.machine.can_recv(ctx);
        match self.attempt_receive(ctx, Attempt::Only) {
            Ok(msg) => {
                if able == 0 {
                    self.fault("a message was received although can_recv was 0");
                }
                Ok(msg)
            }
            Err(RecvError::Empty) => {
                if able > 0 {
                    self.fault("nothing was received although can_recv was more than 0");
                }
                Err(Error::TryAgain)
            }
            Err(RecvError::Failed(error)) => Err(error),
        }
    }

    /// A call that waits, if it must.
    pub(super) fn start(&mut self, caller: Caller) {
        self.attempt(caller, Attempt::First, None);
    }

    /// Lets those try again whom the machine has woken, first come first served.
    pub(super) fn run_wakes(&mut self) {
        for wake in std::mem::take(&mut self.side.wakes) {
            let info = self.machine.info();
            let shared = match wake {
                Wake::Send(_) => info.shared_send,
                Wake::Receive(_) => info.shared_recv,
            };
            let concerns = |caller: &Caller| match (wake, &caller.kind) {
                (Wake::Send(ctx), Kind::Send(_)) | (Wake::Receive(ctx), Kind::Receive) => shared || caller.ctx == ctx,
                (Wake::Send(_), Kind::Receive) | (Wake::Receive(_), Kind::Send(_)) => false,
            };
            while let Some(at) = self.callers.iter().position(concerns) {
                let caller = self.callers.remove(at);
                let ctx = caller.ctx;
                if !self.attempt(caller, Attempt::Again, Some(at)) {
                    break;
                }
                // Like the driver: one that succeeds wakes the next if it looks as if that could, too.
                let more = match wake {
                    Wake::Send(_) => self.machine.can_send(ctx),
                    Wake::Receive(_) => self.machine.can_recv(ctx) > 0,
                };
                if !more {
                    break;
                }
            }
        }
    }

    /// Delivers a message to the machine.
    pub(super) fn deliver(&mut self, pipe: PipeId, mut msg: Message) {
        self.side.deliveries += 1;
        let first = self.callers.iter().position(|caller| matches!(caller.kind, Kind::Receive));
        let taker = first.filter(|_| self.side.deliveries.is_multiple_of(2)).map(|at| (at, self.callers[at].ctx));
        let shared = self.machine.info().shared_recv;
        self.side.taker = taker.map(|(_, ctx)| if shared { ContextId::SOCKET } else { ctx });
        let flow = self.machine.pipe_received(pipe, &mut msg, &mut self.side);
        self.side.taker = None;
        if std::mem::take(&mut self.side.taken)
            && let Some((at, ctx)) = taker
        {
            let caller = self.callers.remove(at);
            self.done.push((caller.id, ctx, Outcome::Received(msg)));
        }
        if let Some(end) = self.side.ends.get_mut(&pipe)
            && flow == Flow::Pause
        {
            end.paused = true;
        }
        self.end_cancelled();
    }

    /// A waiting call is not wanted any more.
    pub(super) fn cancel(&mut self, id: CallId, error: Error) {
        let Some(at) = self.callers.iter().position(|caller| caller.id == id) else { return };
        let caller = self.callers.remove(at);
        let ctx = caller.ctx;
        let outcome = match caller.kind {
            Kind::Send(msg) => {
                self.call(|machine, side| machine.cancel_send(ctx, side));
                Outcome::NotSent(error, msg)
            }
            Kind::Receive => {
                self.call(|machine, side| machine.cancel_recv(ctx, side));
                Outcome::Failed(error)
            }
        };
        self.done.push((id, ctx, outcome));
    }

    /// What must hold between any two events.
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(fault) = self.side.faults.first() {
            return Err(fault.clone());
        }
        if !self.side.wakes.is_empty() {
            return Ok(());
        }
        for caller in &self.callers {
            let able = match caller.kind {
                Kind::Send(_) => self.machine.can_send(caller.ctx),
                Kind::Receive => self.machine.can_recv(caller.ctx) > 0,
            };
            if able {
                return Err(format!("lost wake: {caller:?} could go on and was not told"));
            }
        }
        if self.side.ends.is_empty() && !self.machine.info().returns_unsent && self.machine.unsent() > 0 {
            return Err(format!("{} unsent to nobody", self.machine.unsent()));
        }
        if self.machine.unsent() > self.machine.held() {
            return Err(format!("{} unsent of {} held", self.machine.unsent(), self.machine.held()));
        }
        Ok(())
    }

    pub(super) fn fault(&mut self, what: &str) {
        self.side.faults.push(what.into());
    }

    /// `false` if the call goes on waiting.
    fn attempt(&mut self, caller: Caller, attempt: Attempt, place: Option<usize>) -> bool {
        let Caller { id, ctx, kind } = caller;
        let (outcome, kind) = match kind {
            Kind::Send(mut msg) => match self.attempt_send(ctx, &mut msg, attempt) {
                Ok(()) => (Some(Outcome::Sent), Kind::Receive),
                Err(SendRefused::Failed(error)) => (Some(Outcome::NotSent(error, msg)), Kind::Receive),
                Err(SendRefused::Full) => (None, Kind::Send(msg)),
            },
            Kind::Receive => match self.attempt_receive(ctx, attempt) {
                Ok(msg) => (Some(Outcome::Received(msg)), Kind::Receive),
                Err(RecvError::Failed(error)) => (Some(Outcome::Failed(error)), Kind::Receive),
                Err(RecvError::Empty) => (None, Kind::Receive),
            },
        };
        match outcome {
            Some(outcome) => {
                self.done.push((id, ctx, outcome));
                true
            }
            None => {
                let place = place.unwrap_or(usize::MAX).min(self.callers.len());
                self.callers.insert(place, Caller { id, ctx, kind });
                false
            }
        }
    }

    fn attempt_send(&mut self, ctx: ContextId, msg: &mut Message, attempt: Attempt) -> Result<(), SendRefused> {
        let before = (msg.header().to_vec(), msg.body().to_vec());
        let result = self.call(|machine, side| machine.try_send(ctx, &mut *msg, attempt, side));
        if result.is_err() && (msg.header(), msg.body()) != (&before.0[..], &before.1[..]) {
            self.fault("a refused message came back changed");
        }
        result
    }

    fn attempt_receive(&mut self, ctx: ContextId, attempt: Attempt) -> Result<Message, RecvError> {
        let mut msg = Message::new();
        self.call(|machine, side| machine.try_recv(ctx, attempt, &mut msg, side)).map(|()| msg)
    }
}

impl Outbox for Side {
    fn now(&mut self) -> Instant {
        self.now
    }

    fn send(&mut self, pipe: PipeId, msg: &mut Message) -> Room {
        match self.ends.get_mut(&pipe) {
            None => self.faults.push(format!("sent to unknown {pipe:?}")),
            Some(end) if end.closing.is_some() => self.faults.push(format!("sent to {pipe:?} after closing it")),
            Some(end) if end.full => self.faults.push(format!("sent to full {pipe:?}")),
            Some(end) => {
                end.queue.push_back(std::mem::take(msg));
                end.full = end.queue.len() >= end.depth;
                return if end.full { Room::Full } else { Room::More };
            }
        }
        Room::Full
    }

    fn close(&mut self, pipe: PipeId, reason: Reject) {
        match self.ends.get_mut(&pipe) {
            Some(end) if end.closing.is_none() => end.closing = Some(reason),
            Some(_) => self.faults.push(format!("closed {pipe:?} twice")),
            None => self.faults.push(format!("closed unknown {pipe:?}")),
        }
    }

    fn resume(&mut self, pipe: PipeId) {
        match self.ends.get_mut(&pipe) {
            Some(end) if end.paused => end.paused = false,
            Some(_) => self.faults.push(format!("resumed {pipe:?}, which was not paused")),
            None => self.faults.push(format!("resumed unknown {pipe:?}")),
        }
    }

    fn wake_send(&mut self, ctx: ContextId) {
        self.wakes.push(Wake::Send(ctx));
    }

    fn wake_recv(&mut self, ctx: ContextId) {
        self.wakes.push(Wake::Receive(ctx));
    }

    fn deliver(&mut self, ctx: ContextId) -> bool {
        if self.taken {
            self.faults.push("delivered a message twice".into());
        }
        self.taken = self.taker == Some(ctx);
        self.taken
    }

    fn cancel(&mut self, ctx: ContextId) {
        self.cancels.push(ctx);
    }

    fn count_drop(&mut self, cause: DropCause, n: usize) {
        if n == 0 {
            self.faults.push(format!("counted no drop at all as {cause:?}"));
        }
        if let Some(count) = self.drops.get_mut(cause.index()) {
            *count += n as u64;
        }
    }
}
