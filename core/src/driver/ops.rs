//! Sending and receiving: one implementation for callers that block, that are async, and that only try.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::dirty;
use super::handle::Socket;
use super::handover::{Drive, Sleeper, Ticket, Waiter};
use super::ledger::{Core, Life};
use super::pipe::Reader;
use super::socket::{Guard, Inner};
use super::state::{FEED, Feed, State};
use super::sync::{self, thread};
use super::sys::{self, PipeEvent};
use crate::protocol::{Attempt, RecvError, SendRefused};
use crate::{ContextId, Error, Message, PipeId, Result, SendError};

/// An operation that can be awaited, waited for by blocking, or tried.
///
/// Dropping one that is pending cancels it and loses nothing.
pub trait Operation: Unpin {
    /// What comes of it.
    type Output;

    /// Polls it as a future does. With [`Limit::Options`], and options that allow no time at all, the first poll is the only attempt; to
    /// end it when its time is over is otherwise the caller's task.
    fn poll_op(&mut self, cx: &mut Context<'_>, limit: Limit) -> Poll<Self::Output>;

    /// Blocks the calling thread until it is done or its time is over. May be called from any thread, except from within a
    /// transport or protocol. No time at all, by the limit or by the options, is a [`try_now`](Self::try_now).
    fn wait(&mut self, limit: Limit) -> Self::Output;

    /// Does it only if that needs no waiting.
    fn try_now(&mut self) -> Self::Output;

    /// Ends it because its time is over.
    fn time_out(&mut self) -> Self::Output;

    /// The time that the socket's or context's options allow for it.
    fn default_timeout(&self) -> Option<Duration>;
}

/// How long an operation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// As long as the options of the socket or context say.
    Options,
    /// As long as it takes.
    Never,
    /// This long from when it first has to wait; zero: not at all.
    After(Duration),
    /// Until then.
    At(Instant),
}

impl Limit {
    /// This long from now.
    pub fn after(time: Duration) -> Self {
        sync::now().checked_add(time).map_or(Self::Never, Self::At)
    }

    /// The time that is left; asks for the options' timeout once. `None`: no end.
    pub(crate) fn left(&mut self, options: impl FnOnce() -> Option<Duration>) -> Option<Duration> {
        match *self {
            Self::Options => *self = options().map_or(Self::Never, Self::after),
            Self::After(time) => *self = Self::after(time),
            Self::Never | Self::At(_) => {}
        }
        match self {
            Self::At(at) => Some(at.saturating_duration_since(sync::now())),
            Self::Options | Self::After(_) | Self::Never => None,
        }
    }

    /// No time at all: the operation may only be tried.
    fn forbids_waiting(self, options: impl FnOnce() -> Option<Duration>) -> bool {
        match self {
            Self::Options => options() == Some(Duration::ZERO),
            Self::After(time) => time.is_zero(),
            Self::Never | Self::At(_) => false,
        }
    }
}

/// A handle of a socket: the socket, or a reference to it.
pub trait Handle: Unpin {
    /// The socket.
    fn socket(&self) -> &Socket;
}

impl Handle for Socket {
    fn socket(&self) -> &Socket {
        self
    }
}

impl Handle for &Socket {
    fn socket(&self) -> &Socket {
        self
    }
}

/// A receive.
#[must_use = "an operation does nothing until it is awaited or waited for"]
#[derive(Debug)]
pub struct Recv<S: Handle> {
    socket: S,
    op: Receiving,
}

#[derive(Debug)]
struct Receiving {
    ctx: ContextId,
    progress: Progress,
}

/// A send.
#[must_use = "an operation does nothing until it is awaited or waited for"]
#[derive(Debug)]
// The message comes first, so that it is moved in the pieces that it was written in.
#[repr(C)]
pub struct Send<S: Handle> {
    op: Sending,
    socket: S,
}

#[derive(Debug)]
#[repr(C)]
struct Sending {
    /// What is to be sent; of no use once it has been sent.
    msg: Message,
    ctx: ContextId,
    progress: Progress,
}

/// How far an operation has come.
///
/// ```text
/// Fresh ──first attempt: must wait──► Waiting ──done, failed, timed out, dropped──► Done
///   └───────────────────done, failed─────────────────────────────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Fresh,
    Waiting(Ticket),
    Done,
}

impl Progress {
    /// Whether the protocol canceled everybody who came no later than this caller.
    fn is_canceled(self, core: &Core, ctx: ContextId) -> bool {
        match self {
            Self::Waiting(ticket) => core.context(ctx).is_some_and(|c| ticket <= c.canceled),
            Self::Fresh | Self::Done => false,
        }
    }
}

/// What an attempt came to.
enum Step<T> {
    Done(T),
    /// Read this pipe and try again.
    Read(PipeId),
    /// Sleep on the socket's pipes and try again; give others a chance before, if that pays.
    Lead,
    /// Sleep until woken and try again.
    Sleep,
}

/// Who makes an attempt.
#[derive(Clone, Copy)]
enum Caller<'a> {
    Thread,
    Task(&'a Waker),
    Once,
}

impl<S: Handle> Recv<S> {
    /// A receive of this context.
    #[inline]
    pub fn new(socket: S, ctx: ContextId) -> Self {
        Self { socket, op: Receiving { ctx, progress: Progress::Fresh } }
    }
}

impl Receiving {
    /// One attempt under the lock, which leaves the message in `msg`. `leading`: the caller is the leader. `read`: the caller has time to read pipes.
    fn step(
        &mut self,
        inner: &Inner,
        st: &mut State,
        caller: Caller<'_>,
        leading: &mut bool,
        read: bool,
        msg: &mut Message,
    ) -> Step<Result<()>> {
        let key = st.core.recv_key(self.ctx);
        self.back(st, key);
        if !matches!(st.core.life, Life::Open) || st.core.context(self.ctx).is_none() {
            return Step::Done(Err(Error::Closed));
        }
        if self.progress.is_canceled(&st.core, self.ctx) {
            return Step::Done(Err(Error::Canceled));
        }
        if *leading {
            // Those who came before are served first.
            st.dispatch(self.ctx);
        }
        let reserved = st.core.context(key).map_or(0, |c| c.recv.reserved);
        let attempt = match (self.progress, caller) {
            (_, Caller::Once) => Attempt::Only,
            (Progress::Fresh, _) => Attempt::First,
            _ => Attempt::Again,
        };
        if reserved == 0 || st.proto.can_recv(self.ctx) > reserved {
            let ctx = self.ctx;
            match st.drive(|proto, out| proto.try_recv(ctx, attempt, msg, out)) {
                Ok(()) => {
                    st.core.pace.received();
                    return Step::Done(Ok(()));
                }
                Err(RecvError::Failed(e)) => return Step::Done(Err(e)),
                Err(RecvError::Empty) => {}
            }
        }
        let ticket = match self.progress {
            Progress::Waiting(ticket) => ticket,
            _ => st.core.hand.ticket(),
        };
        if attempt != Attempt::Only {
            self.progress = Progress::Waiting(ticket);
        }
        let idle = st.core.hand.drive == Drive::Idle;
        if sys::LEADS && matches!(caller, Caller::Thread) && (idle || *leading) {
            if !*leading {
                *leading = true;
                st.core.hand.leads += 1;
            }
            if read && let Some(pipe) = st.next_ready(inner) {
                st.core.hand.drive = Drive::Led { queue: key, ticket, asleep: false };
                return Step::Read(pipe);
            }
            st.core.hand.drive = Drive::Led { queue: key, ticket, asleep: true };
            st.core.hand.starve();
            return Step::Lead;
        }
        if idle && read {
            if st.core.hand.ready.is_empty() {
                st.look(inner);
            }
            if let Some(pipe) = st.next_ready(inner) {
                return Step::Read(pipe);
            }
        }
        st.core.hand.starve();
        let sleeper = match caller {
            Caller::Once => return Step::Sleep,
            Caller::Thread => Sleeper::Thread(thread::current()),
            Caller::Task(waker) => Sleeper::Task(waker.clone()),
        };
        if let Some((context, hand)) = st.core.queue(key) {
            hand.wait_recv(key, &mut context.recv, Waiter { ticket, ctx: self.ctx, sleeper });
        }
        Step::Sleep
    }

    /// The short way, while nobody else is about to receive: takes a message that is there, or has been read already. Whoever finds none
    /// takes the long way, and makes its first attempt there.
    #[inline]
    fn at_once(&mut self, inner: &Inner, st: &mut State, msg: &mut Message) -> Option<Result<()>> {
        if self.progress != Progress::Fresh {
            return None;
        }
        let ctx = self.ctx;
        for _ in 0..=FEED {
            if !st.core.is_calm() {
                return None;
            }
            let result = match st.drive(|proto, out| proto.try_recv(ctx, Attempt::Only, msg, out)) {
                Ok(()) => Ok(()),
                Err(RecvError::Failed(e)) => Err(e),
                Err(RecvError::Empty) if st.next_stashed(inner, st.core.recv_key(ctx), msg)? => Ok(()),
                Err(RecvError::Empty) => continue,
            };
            self.progress = Progress::Done;
            st.core.pace.received();
            st.core.left();
            return Some(result);
        }
        None
    }

    /// Reads a pipe. `true`: `msg` is the caller's, straight from there.
    fn read<'a>(
        &self,
        inner: &'a Inner,
        st: Guard<'a>,
        pipe: PipeId,
        leading: bool,
        msg: &mut Message,
    ) -> (Guard<'a>, bool) {
        let (mut st, taken) = inner.read_and_feed(st, pipe, msg, |st| self.share(&st.core, leading));
        if taken {
            self.took(&mut st.core, pipe);
        }
        (st, taken)
    }

    /// How much of what has been read is to be delivered: up to the caller's message, if it is the first in line.
    fn share(&self, core: &Core, leading: bool) -> Feed {
        let first = core.hand.is_alone() && (leading || core.hand.drive == Drive::Idle);
        let wanted = core.is_open() && core.context(self.ctx).is_some() && !self.progress.is_canceled(core, self.ctx);
        if first && wanted { Feed::To(core.recv_key(self.ctx)) } else { Feed::Fitting }
    }

    /// The caller has its message, straight from this pipe.
    fn took(&self, core: &mut Core, pipe: PipeId) {
        core.pace.received();
        core.begin_turn(pipe);
    }

    /// Sleeps as the leader until something happens; `busy`: after it has looked around for a while. `true`: `msg` is the caller's, straight from the pipe that it `held`.
    fn lead<'a>(
        &self,
        inner: &'a Inner,
        left: Option<Duration>,
        held: Option<Box<Reader>>,
        busy: bool,
        msg: &mut Message,
    ) -> (Guard<'a>, bool) {
        let mut events = SmallVec::<[PipeEvent; 4]>::new();
        let seen = busy && inner.busy_poll(|event| events.push(event));
        let found = seen && !events.is_empty();
        if !seen {
            inner.poll.wait(left, |event| events.push(event));
        }
        let (mut st, taken) = match (held, &events[..]) {
            // Most of the time: the lock is taken once what has come is in this thread's hands.
            (Some(mut reader), [event]) if event.readable && event.pipe == reader.pipe.id.get() => {
                let id = reader.pipe.id;
                reader.read();
                let mut st = inner.lock();
                st.core.hand.rouse();
                st.core.event(PipeEvent { readable: false, ..*event });
                let taken = inner.feed_from(&mut st, reader, msg, |st| self.share(&st.core, true));
                if taken {
                    self.took(&mut st.core, id);
                }
                (st, taken)
            }
            (held, _) => {
                let mut st = inner.lock();
                st.core.hand.rouse();
                if let Some(reader) = held {
                    st.put_back(inner, reader, None);
                }
                for event in events {
                    st.core.event(event);
                }
                st.core.hand.round = st.core.hand.ready.len();
                (st, false)
            }
        };
        if busy {
            st.core.pace.busy_polled(found);
        }
        (st, taken)
    }

    #[cold]
    fn failed(&mut self, inner: &Inner, st: Guard<'_>, error: Error) -> Result<Message> {
        inner.finish(st);
        Err(error)
    }

    /// A blocking receive that could not be done at once, or not without looking around.
    #[inline(never)]
    fn wait<'a>(&mut self, inner: &'a Inner, mut st: Guard<'a>, mut limit: Limit) -> Result<Message> {
        if limit.forbids_waiting(|| st.core.context(self.ctx).and_then(|c| c.recv_timeout)) {
            return self.try_now(inner, st);
        }
        let (mut leading, mut late, mut spun) = (false, false, false);
        let mut msg = Message::new();
        loop {
            match self.step(inner, &mut st, Caller::Thread, &mut leading, !late, &mut msg) {
                Step::Done(result) => {
                    self.leave(inner, st, leading);
                    return result.map(|()| msg);
                }
                Step::Read(pipe) => {
                    let taken;
                    (st, taken) = self.read(inner, st, pipe, leading, &mut msg);
                    if taken {
                        self.leave(inner, st, leading);
                        return Ok(msg);
                    }
                    // What is read need not be for this caller, and there may be more of it than time.
                    let left = limit.left(|| st.core.context(self.ctx).and_then(|c| c.recv_timeout));
                    late = left.is_some_and(|left| left.is_zero());
                }
                step @ (Step::Lead | Step::Sleep) => {
                    let left = limit.left(|| st.core.context(self.ctx).and_then(|c| c.recv_timeout));
                    if left.is_some_and(|left| left.is_zero()) {
                        self.give_up(&mut st);
                        self.leave(inner, st, leading);
                        return Err(Error::TimedOut);
                    }
                    let spins = matches!(step, Step::Lead) && !spun && st.core.may_spin();
                    if spins {
                        // Nobody needs to wake it: it looks again before it sleeps.
                        st.core.hand.rouse();
                        inner.stirred.store(false, Ordering::Relaxed);
                    }
                    let sleeps = matches!(step, Step::Lead) && !spins;
                    let held = if sleeps { st.core.hold_only() } else { None };
                    let busy = sleeps && st.core.pace.may_busy_poll() && left.is_none_or(|left| left > IN_TIME);
                    let pipes = st.core.pipes.len();
                    if sleeps && st.core.hand.unwatch(pipes) {
                        inner.poll.unwatch(inner.io().poll());
                    }
                    inner.finish(st);
                    dirty::flush();
                    spun = spins;
                    if spins {
                        let paid = inner.spin();
                        st = inner.lock();
                        st.core.spun(paid);
                    } else if sleeps {
                        let taken;
                        (st, taken) = self.lead(inner, left, held, busy, &mut msg);
                        if taken {
                            self.leave(inner, st, leading);
                            return Ok(msg);
                        }
                    } else {
                        match left {
                            Some(left) => thread::park_timeout(left),
                            None => thread::park(),
                        }
                        st = inner.lock();
                    }
                }
            }
        }
    }

    fn try_now<'a>(&mut self, inner: &'a Inner, mut st: Guard<'a>) -> Result<Message> {
        let mut reads = READS;
        let mut msg = Message::new();
        loop {
            match self.step(inner, &mut st, Caller::Once, &mut false, reads > 0, &mut msg) {
                Step::Done(result) => {
                    self.leave(inner, st, false);
                    return result.map(|()| msg);
                }
                Step::Read(pipe) => {
                    reads -= 1;
                    let taken;
                    (st, taken) = self.read(inner, st, pipe, false, &mut msg);
                    if taken {
                        self.leave(inner, st, false);
                        return Ok(msg);
                    }
                }
                Step::Lead | Step::Sleep => {
                    self.give_up(&mut st);
                    self.leave(inner, st, false);
                    dirty::flush();
                    return Err(Error::TryAgain);
                }
            }
        }
    }

    /// The caller goes away: with a message, an error, or nothing.
    fn leave(&mut self, inner: &Inner, mut st: Guard<'_>, leading: bool) {
        self.progress = Progress::Done;
        let core = &mut st.core;
        if leading {
            core.hand.drive = Drive::Idle;
        }
        // Somebody waits, a leader sleeps beside this caller, or there are pipes to be looked after.
        let others = !core.hand.nobody_waits() || core.hand.drive != Drive::Idle;
        if others || (leading && !core.hand.ready.is_empty()) {
            core.look_again();
            let ctx = self.ctx;
            st.dispatch(ctx);
        }
        if st.core.hand.nobody_waits() && st.core.hand.drive == Drive::Idle && st.core.is_alive() {
            st.core.left();
        }
        inner.finish(st);
    }

    /// The caller is awake: takes it out of its queue, and what it was woken for into account.
    fn back(&mut self, st: &mut State, key: ContextId) {
        let Progress::Waiting(ticket) = self.progress else { return };
        match st.core.queue(key) {
            Some((context, hand)) => hand.back_recv(&mut context.recv, ticket),
            None => st.core.hand.forget(ticket),
        }
    }

    /// Gives up: takes the caller out of its queue.
    fn give_up(&mut self, st: &mut State) {
        let Progress::Waiting(_) = self.progress else { return };
        self.back(st, st.core.recv_key(self.ctx));
        if !self.progress.is_canceled(&st.core, self.ctx) && st.core.context(self.ctx).is_some() {
            let ctx = self.ctx;
            st.drive(|proto, out| proto.cancel_recv(ctx, out));
        }
        st.core.look_again();
    }

    /// It was dropped while it waited.
    #[cold]
    fn abandon(&mut self, inner: &Inner) {
        let mut st = inner.lock();
        self.give_up(&mut st);
        self.leave(inner, st, false);
    }
}

impl<S: Handle> Operation for Recv<S> {
    type Output = Result<Message>;

    fn poll_op(&mut self, cx: &mut Context<'_>, limit: Limit) -> Poll<Self::Output> {
        let (inner, op) = (self.socket.socket().inner(), &mut self.op);
        let mut st = inner.lock();
        let mut msg = Message::new();
        if let Some(result) = op.at_once(inner, &mut st, &mut msg) {
            inner.finish(st);
            return Poll::Ready(result.map(|()| msg));
        }
        if op.progress == Progress::Fresh
            && limit.forbids_waiting(|| st.core.context(op.ctx).and_then(|c| c.recv_timeout))
        {
            return Poll::Ready(op.try_now(inner, st));
        }
        let mut reads = READS;
        loop {
            match op.step(inner, &mut st, Caller::Task(cx.waker()), &mut false, reads > 0, &mut msg) {
                Step::Done(result) => {
                    op.leave(inner, st, false);
                    return Poll::Ready(result.map(|()| msg));
                }
                Step::Read(pipe) => {
                    reads -= 1;
                    let taken;
                    (st, taken) = op.read(inner, st, pipe, false, &mut msg);
                    if taken {
                        op.leave(inner, st, false);
                        return Poll::Ready(Ok(msg));
                    }
                }
                Step::Lead | Step::Sleep => {
                    // Other tasks are about to take their messages: the last of them writes what all have sent.
                    let others = st.core.pace.is_receiving() && st.proto.has_undelivered();
                    inner.finish(st);
                    if !others {
                        dirty::flush();
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    #[inline]
    fn wait(&mut self, limit: Limit) -> Self::Output {
        let (inner, op) = (self.socket.socket().inner(), &mut self.op);
        let mut st = inner.lock();
        let mut msg = Message::new();
        match op.at_once(inner, &mut st, &mut msg) {
            Some(Ok(())) => {
                inner.finish(st);
                Ok(msg)
            }
            Some(Err(e)) => op.failed(inner, st, e),
            None => op.wait(inner, st, limit),
        }
    }

    #[inline]
    fn try_now(&mut self) -> Self::Output {
        let (inner, op) = (self.socket.socket().inner(), &mut self.op);
        let mut st = inner.lock();
        let mut msg = Message::new();
        match op.at_once(inner, &mut st, &mut msg) {
            Some(Ok(())) => {
                inner.finish(st);
                Ok(msg)
            }
            Some(Err(e)) => op.failed(inner, st, e),
            None => op.try_now(inner, st),
        }
    }

    fn time_out(&mut self) -> Self::Output {
        let (inner, op) = (self.socket.socket().inner(), &mut self.op);
        let mut st = inner.lock();
        op.give_up(&mut st);
        op.leave(inner, st, false);
        Err(Error::TimedOut)
    }

    fn default_timeout(&self) -> Option<Duration> {
        self.socket.socket().inner().lock().core.context(self.op.ctx).and_then(|c| c.recv_timeout)
    }
}

impl<S: Handle> Future for Recv<S> {
    type Output = Result<Message>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_op(cx, Limit::Never)
    }
}

impl<S: Handle> Drop for Recv<S> {
    #[inline]
    fn drop(&mut self) {
        if let Progress::Waiting(_) = self.op.progress {
            self.op.abandon(self.socket.socket().inner());
        }
    }
}

impl<S: Handle> Send<S> {
    /// A send of this context.
    #[inline]
    pub fn new(socket: S, ctx: ContextId, mut msg: Message) -> Self {
        msg.freeze();
        Self { socket, op: Sending { ctx, msg, progress: Progress::Fresh } }
    }
}

impl Sending {
    /// The short way, while nobody else waits to send: sends what can be sent. Whoever can't takes the long way, and makes its first
    /// attempt there.
    #[inline]
    fn at_once(&mut self, st: &mut State) -> Option<Result<()>> {
        if self.progress != Progress::Fresh || !st.core.hand.no_sender_waits() || !st.core.is_open() {
            return None;
        }
        let result = match st.try_send(self.ctx, &mut self.msg, Attempt::Only) {
            Ok(()) => Ok(()),
            Err(SendRefused::Failed(e)) => Err(e),
            Err(SendRefused::Full) => return None,
        };
        self.progress = Progress::Done;
        Some(result)
    }

    /// It failed at once. An answer that holds a message is made only here, out of the way.
    #[cold]
    #[inline(never)]
    fn failed(&mut self, inner: &Inner, st: Guard<'_>, error: Error) -> Result<(), SendError> {
        inner.finish(st);
        self.refused(error)
    }

    /// A blocking send that could not be done at once.
    #[inline(never)]
    fn wait<'a>(&mut self, inner: &'a Inner, mut st: Guard<'a>, mut limit: Limit) -> Result<(), SendError> {
        if limit.forbids_waiting(|| st.core.context(self.ctx).and_then(|c| c.send_timeout)) {
            return self.try_now(inner, st);
        }
        loop {
            match self.step(&mut st, Caller::Thread) {
                Step::Done(result) => {
                    self.leave(inner, st);
                    return result;
                }
                Step::Read(_) | Step::Lead | Step::Sleep => {
                    let left = limit.left(|| st.core.context(self.ctx).and_then(|c| c.send_timeout));
                    if left.is_some_and(|left| left.is_zero()) {
                        self.give_up(&mut st);
                        self.leave(inner, st);
                        return self.refused(Error::TimedOut);
                    }
                    inner.finish(st);
                    dirty::flush();
                    match left {
                        Some(left) => thread::park_timeout(left),
                        None => thread::park(),
                    }
                    st = inner.lock();
                }
            }
        }
    }

    #[inline(never)]
    fn try_now<'a>(&mut self, inner: &'a Inner, mut st: Guard<'a>) -> Result<(), SendError> {
        let step = self.step(&mut st, Caller::Once);
        if !matches!(step, Step::Done(_)) {
            self.give_up(&mut st);
        }
        self.leave(inner, st);
        match step {
            Step::Done(result) => result,
            Step::Read(_) | Step::Lead | Step::Sleep => self.refused(Error::TryAgain),
        }
    }

    fn step(&mut self, st: &mut State, caller: Caller<'_>) -> Step<Result<(), SendError>> {
        let key = st.core.send_key(self.ctx);
        self.back(st, key);
        if !matches!(st.core.life, Life::Open) || st.core.context(self.ctx).is_none() {
            return Step::Done(self.refused(Error::Closed));
        }
        if self.progress.is_canceled(&st.core, self.ctx) {
            return Step::Done(self.refused(Error::Canceled));
        }
        let attempt = match (self.progress, caller) {
            (_, Caller::Once) => Attempt::Only,
            (Progress::Fresh, _) => Attempt::First,
            _ => Attempt::Again,
        };
        match st.try_send(self.ctx, &mut self.msg, attempt) {
            Ok(()) => return Step::Done(Ok(())),
            Err(SendRefused::Failed(error)) => return Step::Done(self.refused(error)),
            Err(SendRefused::Full) => {}
        }
        let ticket = match self.progress {
            Progress::Waiting(ticket) => ticket,
            _ => st.core.hand.ticket(),
        };
        let sleeper = match caller {
            Caller::Once => return Step::Sleep,
            Caller::Thread => Sleeper::Thread(thread::current()),
            Caller::Task(waker) => Sleeper::Task(waker.clone()),
        };
        self.progress = Progress::Waiting(ticket);
        if let Some((context, hand)) = st.core.queue(key) {
            hand.wait_send(&mut context.send, Waiter { ticket, ctx: self.ctx, sleeper });
        }
        Step::Sleep
    }

    /// The caller goes away; if there is still room, the next one has its turn.
    fn leave(&mut self, inner: &Inner, mut st: Guard<'_>) {
        self.progress = Progress::Done;
        let key = st.core.send_key(self.ctx);
        let others = st.core.context(key).is_some_and(|c| !c.send.is_empty());
        if others && st.proto.can_send(self.ctx) {
            let ctx = self.ctx;
            st.core.wake_senders(ctx);
        }
        inner.finish(st);
    }

    /// The caller is awake: takes it out of its queue, and what it was woken for into account.
    fn back(&mut self, st: &mut State, key: ContextId) {
        let Progress::Waiting(ticket) = self.progress else { return };
        match st.core.queue(key) {
            Some((context, hand)) => hand.back_send(&mut context.send, ticket),
            None => st.core.hand.forget(ticket),
        }
    }

    fn give_up(&mut self, st: &mut State) {
        let Progress::Waiting(_) = self.progress else { return };
        self.back(st, st.core.send_key(self.ctx));
        if !self.progress.is_canceled(&st.core, self.ctx) && st.core.context(self.ctx).is_some() {
            let ctx = self.ctx;
            st.drive(|proto, out| proto.cancel_send(ctx, out));
        }
    }

    /// It was dropped while it waited.
    #[cold]
    fn abandon(&mut self, inner: &Inner) {
        let mut st = inner.lock();
        self.give_up(&mut st);
        self.leave(inner, st);
    }

    #[cold]
    fn refused(&mut self, error: Error) -> Result<(), SendError> {
        Err(SendError { error, message: std::mem::take(&mut self.msg) })
    }
}

impl<S: Handle> Operation for Send<S> {
    type Output = Result<(), SendError>;

    fn poll_op(&mut self, cx: &mut Context<'_>, limit: Limit) -> Poll<Self::Output> {
        let (inner, op) = (self.socket.socket().inner(), &mut self.op);
        let mut st = inner.lock();
        match op.at_once(&mut st) {
            Some(Ok(())) => {
                inner.finish(st);
                return Poll::Ready(Ok(()));
            }
            Some(Err(e)) => return Poll::Ready(op.failed(inner, st, e)),
            None => {}
        }
        if op.progress == Progress::Fresh
            && limit.forbids_waiting(|| st.core.context(op.ctx).and_then(|c| c.send_timeout))
        {
            return Poll::Ready(op.try_now(inner, st));
        }
        match op.step(&mut st, Caller::Task(cx.waker())) {
            Step::Done(result) => {
                op.leave(inner, st);
                Poll::Ready(result)
            }
            Step::Read(_) | Step::Lead | Step::Sleep => {
                inner.finish(st);
                dirty::flush();
                Poll::Pending
            }
        }
    }

    #[inline]
    fn wait(&mut self, limit: Limit) -> Self::Output {
        let (inner, op) = (self.socket.socket().inner(), &mut self.op);
        let mut st = inner.lock_to_send();
        match op.at_once(&mut st) {
            Some(Ok(())) => {
                inner.note_pace(&st);
                inner.finish(st);
                Ok(())
            }
            Some(Err(e)) => op.failed(inner, st, e),
            None => op.wait(inner, st, limit),
        }
    }

    #[inline]
    fn try_now(&mut self) -> Self::Output {
        let (inner, op) = (self.socket.socket().inner(), &mut self.op);
        let mut st = inner.lock();
        match op.at_once(&mut st) {
            Some(Ok(())) => {
                inner.finish(st);
                Ok(())
            }
            Some(Err(e)) => op.failed(inner, st, e),
            None => op.try_now(inner, st),
        }
    }

    fn time_out(&mut self) -> Self::Output {
        let (inner, op) = (self.socket.socket().inner(), &mut self.op);
        let mut st = inner.lock();
        op.give_up(&mut st);
        op.leave(inner, st);
        op.refused(Error::TimedOut)
    }

    fn default_timeout(&self) -> Option<Duration> {
        self.socket.socket().inner().lock().core.context(self.op.ctx).and_then(|c| c.send_timeout)
    }
}

impl<S: Handle> Future for Send<S> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_op(cx, Limit::Never)
    }
}

impl<S: Handle> Drop for Send<S> {
    #[inline]
    fn drop(&mut self) {
        if let Progress::Waiting(_) = self.op.progress {
            self.op.abandon(self.socket.socket().inner());
        }
    }
}

/// The most pipes that a receive reads which may not wait, before it is left to the I/O thread: what arrives need not be for it.
const READS: u32 = 64;
/// Whoever has less time left to wait does not look around before it sleeps.
const IN_TIME: Duration = Duration::from_millis(1);
