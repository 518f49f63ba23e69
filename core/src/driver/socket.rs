//! The socket: one lock, one state, and everything that happens under that lock.
//!
//! A *turn* is what happens between locking and unlocking. It feeds the protocol, which answers through [`Turn`]'s outbox; it ends in
//! [`Inner::finish`], which settles the hand-over, unlocks, and only then writes to pipes, wakes callers and tells other sockets.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::endpoint::Endpoint;
use super::events::{PipeCallback, PipeChange};
use super::executor;
use super::handover::{Drive, Handover, Outcome, Sleeper, WaitQueue};
use super::hash::FastHash;
use super::io::{self, Io};
use super::local::Channel;
use super::notify::Signal;
use super::pipe::{Pipe, PipeLink, PipeShared, Slot, SlotRx, SlotTx, Traffic};
use super::pollfd::PollFds;
#[cfg(unix)]
use super::pollfd::{recv_fd, send_fd};
use super::stream::{self, OutBuf, Phase, Tx};
use super::sys::{self, PipeEvent, SocketPoll};
use crate::protocol::{DropCause, Flow, Protocol, ProtocolInfo, Reject, Room};
use crate::{ContextId, Error, Message, OptionMap, OptionValue, Outbox, PipeId, Result, SocketId};

/// What all handles of a socket share.
pub(crate) struct Inner {
    pub(crate) id: SocketId,
    pub(crate) info: &'static ProtocolInfo,
    pub(crate) poll: SocketPoll,
    /// This socket's number with the I/O thread.
    pub(crate) index: u32,
    /// Handles of the application; the last one closes the socket.
    pub(crate) handles: AtomicUsize,
    callbacks: RwLock<Vec<Arc<PipeCallback>>>,
    state: Mutex<State>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.io().release(self.index);
    }
}

/// Callbacks have run, even if one of them panicked.
struct SetOnDrop(Arc<Signal>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// What the socket's lock guards.
pub(crate) struct State {
    pub(crate) proto: Box<dyn Protocol>,
    pub(crate) core: Core,
}

/// The driver's part of the state; the protocol's outbox writes to it.
pub(crate) struct Core {
    me: Weak<Inner>,
    info: &'static ProtocolInfo,
    pub(crate) life: Life,
    pub(crate) hand: Handover,
    pub(crate) pipes: HashMap<PipeId, Slot, FastHash>,
    root: Context,
    contexts: HashMap<ContextId, Context, FastHash>,
    next_context: ContextId,
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    /// Options that new dialers and listeners start with.
    pub(crate) defaults: OptionMap,
    pub(crate) name: String,
    pub(crate) linger: Option<Duration>,
    pub(crate) fds: PollFds,
    pub(crate) counters: Counters,
    /// Receives so far: a receive between two sends ends a streak of sends.
    recvs: u64,
    /// Pipes with messages that were read and not delivered.
    stashed: usize,
    /// Pipes that wait to be writable.
    blocked: usize,
    /// The background has to look at the socket, although nobody waits.
    watch: bool,
    /// Pipes that the I/O thread flushes on its tick, and whether the socket is on its list.
    streaming: Vec<PipeId>,
    straggling: bool,
    /// The time that the I/O thread knows for the protocol's timeout.
    timer: Option<Instant>,
    buffers: Vec<OutBuf>,
    chunks: Vec<Vec<u8>>,
    /// The time of this turn, once somebody asked.
    now: Option<Instant>,
    /// There are messages that the application has not received: it will be back soon.
    backlog: bool,
    todo: Todo,
    effects: Effects,
}

/// The life of a socket.
///
/// ```text
/// Open ──close──► Lingering ──all written, or time is over──► Closed
/// ```
#[derive(Debug)]
pub(crate) enum Life {
    Open,
    /// No new operations; accepted messages are being written. Who waits for that.
    Lingering(Vec<Sleeper>),
    Closed,
}

/// A context, or the socket itself.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) recv: WaitQueue,
    pub(crate) send: WaitQueue,
    pub(crate) recv_timeout: Option<Duration>,
    pub(crate) send_timeout: Option<Duration>,
}

/// What the socket counts. Pipes that are gone have added theirs.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) traffic: Traffic,
    pub(crate) drops: [u64; DropCause::ALL.len()],
    pub(crate) rejects: u64,
}

/// What the turn has to look after before it ends.
#[derive(Default)]
struct Todo {
    closes: SmallVec<[(PipeId, Reject); 2]>,
    recv: SmallVec<[ContextId; 4]>,
    send: SmallVec<[ContextId; 4]>,
    cancel: SmallVec<[ContextId; 2]>,
    any: bool,
}

/// What is done after the lock was released.
#[derive(Default)]
struct Effects {
    wakes: SmallVec<[Sleeper; 2]>,
    writes: SmallVec<[(Arc<PipeShared>, OutBuf); 1]>,
    tell_readers: SmallVec<[Arc<Channel>; 2]>,
    tell_writers: SmallVec<[Arc<Channel>; 2]>,
    gone: SmallVec<[Arc<PipeShared>; 1]>,
    timer: Option<Instant>,
    wake_leader: bool,
    kick: bool,
    tick: bool,
    straggle: bool,
    any: bool,
}

/// The lock is held.
pub(crate) type Guard<'a> = MutexGuard<'a, State>;

impl Inner {
    pub(crate) fn open(id: SocketId, proto: Box<dyn Protocol>, defaults: OptionMap) -> Result<Arc<Self>> {
        let io = io::get()?;
        let info = proto.info();
        let index = io.reserve();
        let poll = match SocketPoll::new(index) {
            Ok(poll) => poll,
            Err(e) => {
                io.release(index);
                return Err(e.into());
            }
        };
        let inner = Arc::new_cyclic(|me: &Weak<Self>| {
            let core = Core {
                me: me.clone(),
                info,
                life: Life::Open,
                hand: Handover::default(),
                pipes: HashMap::default(),
                root: Context::default(),
                contexts: HashMap::default(),
                next_context: ContextId::SOCKET,
                endpoints: Vec::new(),
                defaults,
                name: id.to_string(),
                linger: Some(DEFAULT_LINGER),
                fds: PollFds::default(),
                counters: Counters::default(),
                recvs: 0,
                stashed: 0,
                blocked: 0,
                watch: false,
                streaming: Vec::new(),
                straggling: false,
                timer: None,
                buffers: Vec::new(),
                chunks: Vec::new(),
                now: None,
                backlog: false,
                todo: Todo::default(),
                effects: Effects::default(),
            };
            Self {
                id,
                info,
                poll,
                index,
                handles: AtomicUsize::new(1),
                callbacks: RwLock::default(),
                state: Mutex::new(State { proto, core }),
            }
        });
        io.enlist(index, &inner);
        Ok(inner)
    }

    pub(crate) fn lock(&self) -> Guard<'_> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a callback for pipe events.
    pub(crate) fn add_callback(&self, callback: Arc<PipeCallback>) {
        self.callbacks.write().unwrap_or_else(PoisonError::into_inner).push(callback);
    }

    /// Has the callbacks told. Answers what is set when they have run, if there are any.
    pub(crate) fn notify(&self, change: PipeChange, pipe: &Arc<PipeShared>) -> Option<Arc<Signal>> {
        let callbacks = self.callbacks.read().unwrap_or_else(PoisonError::into_inner).clone();
        if callbacks.is_empty() {
            return None;
        }
        let done = Arc::new(Signal::default());
        let (pipe, signal) = (Pipe(pipe.clone()), done.clone());
        executor::call(move || {
            let _set = SetOnDrop(signal);
            for callback in &callbacks {
                callback(change, &pipe);
            }
        });
        Some(done)
    }

    /// Runs a turn.
    pub(crate) fn turn<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut st = self.lock();
        let result = f(&mut st);
        self.finish(st);
        result
    }

    /// Ends a turn: settles, unlocks, and does what is to be done outside the lock.
    pub(crate) fn finish(&self, mut st: Guard<'_>) {
        st.settle(self);
        if !st.core.effects.any {
            return;
        }
        let effects = std::mem::take(&mut st.core.effects);
        drop(st);
        self.perform(effects);
    }

    fn perform(&self, effects: Effects) {
        for (pipe, out) in effects.writes {
            self.write(&pipe, out);
        }
        for channel in effects.tell_readers {
            channel.reader().tell_readable();
        }
        for channel in effects.tell_writers {
            channel.writer().tell_writable();
        }
        if effects.wake_leader {
            self.poll.wake();
        }
        for sleeper in effects.wakes {
            sleeper.wake();
        }
        for pipe in effects.gone {
            pipe.end();
            pipe.endpoint.pipe_gone();
            self.notify(PipeChange::Removed, &pipe);
            pipe.gone.set();
        }
        if effects.kick || effects.tick || effects.straggle || effects.timer.is_some() {
            let io = self.io();
            if effects.kick {
                io.kick(self.index);
            }
            if effects.tick {
                io.tick(self.index);
            }
            if effects.straggle {
                io.straggle(self.index);
            }
            if let Some(at) = effects.timer {
                io.schedule(at, self.index);
            }
        }
    }

    pub(crate) fn io(&self) -> &'static Io {
        io::started()
    }

    /// Writes a buffer that was taken from a pipe, and what others append meanwhile.
    fn write(&self, pipe: &Arc<PipeShared>, mut out: OutBuf) {
        let PipeLink::Stream(stream, _) = &pipe.link else { return };
        loop {
            let result = out.write(&**stream);
            let mut st = self.lock();
            let next = st.written(self, pipe.id, out, result);
            self.finish(st);
            match next {
                Some(more) => out = more,
                None => return,
            }
        }
    }

    /// Writes what a pipe has collected.
    pub(crate) fn flush(&self, pipe: PipeId) {
        self.turn(|st| {
            let Some(slot) = st.core.pipes.get_mut(&pipe) else { return };
            let SlotTx::Stream(tx) = &mut slot.tx else { return };
            tx.listed = false;
            if tx.phase == Phase::Idle
                && let Some(out) = tx.take()
            {
                st.core.effects.write(slot.pipe.clone(), out);
            }
        });
    }

    /// Reads one pipe once, and feeds the protocol. Releases and takes the lock.
    pub(crate) fn read_pipe<'a>(&'a self, mut st: Guard<'a>, id: PipeId) -> Guard<'a> {
        let core = &mut st.core;
        let max = if core.hand.ready.len() > CROWD { stream::CHUNK / 4 } else { stream::CHUNK };
        let Some(slot) = core.pipes.get_mut(&id) else { return st };
        slot.queued = false;
        let Some(mut rx) = slot.rx.take() else {
            slot.pending = true;
            return st;
        };
        slot.pending = false;
        let stashed = rx.has_messages();
        core.stashed -= usize::from(stashed);
        if !stashed {
            let pipe = slot.pipe.clone();
            match (&mut rx, &pipe.link) {
                (SlotRx::Stream(rx), PipeLink::Stream(stream, _)) => {
                    let mut pool = std::mem::take(&mut core.chunks);
                    self.finish(st);
                    rx.read(&**stream, max, &mut pool);
                    st = self.lock();
                    st.core.chunks.append(&mut pool);
                }
                (SlotRx::Local(batch, ended), PipeLink::Local { rx: channel, .. }) => {
                    let (tell, closed) = channel.take(batch);
                    if closed {
                        *ended = Some(Error::ConnectionShutdown);
                    }
                    if tell {
                        core.effects.any = true;
                        core.effects.tell_writers.push(channel.clone());
                    }
                }
                _ => {}
            }
        }
        let fault = st.feed(id, &mut rx);
        st.put_back(self, id, rx, fault);
        st
    }

    /// A local pipe has something to read, or its other end is gone.
    pub(crate) fn local_readable(&self, pipe: PipeId, hangup: bool) {
        let mut st = self.lock();
        st.core.event(PipeEvent { pipe: pipe.get(), readable: true, writable: false, hangup });
        // Threads that wait read for themselves; tasks can't, and nobody else would see the end of the pipe.
        while st.core.hand.drive == Drive::Idle
            && st.core.hand.promoted.is_none()
            && (!sys::LEADS || st.core.hand.longest_parked().is_none())
            && (hangup || !st.core.hand.nobody_waits() || st.core.fds.any())
        {
            let Some(next) = st.core.hand.ready.pop_front() else { break };
            st = self.read_pipe(st, next);
        }
        if !st.core.hand.ready.is_empty() && st.core.hand.drive == Drive::Idle && st.core.hand.nobody_waits() {
            st.core.tick_later();
        }
        self.finish(st);
    }

    /// A local pipe has room again.
    pub(crate) fn local_writable(&self, pipe: PipeId) {
        self.turn(|st| {
            let Some(slot) = st.core.pipes.get_mut(&pipe) else { return };
            if let PipeLink::Local { tx, .. } = &slot.pipe.link
                && slot.full
                && tx.has_room()
            {
                slot.full = false;
                st.drive(|proto, out| proto.pipe_writable(pipe, out));
            }
        });
    }

    /// The I/O thread runs the socket for a while: it was armed and something happened, or it was asked to.
    pub(crate) fn background(&self, event: Option<PipeEvent>) {
        let mut st = self.lock();
        if event.is_none() {
            st.core.hand.armed = false;
        }
        if let Some(event) = event {
            st.core.event(event);
        }
        if st.core.hand.drive != Drive::Idle || !st.core.is_alive() {
            self.finish(st);
            return;
        }
        st.core.hand.drive = Drive::Background;
        st.look(self);
        for _ in 0..BACKGROUND_READS {
            let Some(pipe) = st.core.hand.ready.pop_front() else { break };
            st = self.read_pipe(st, pipe);
        }
        st.core.hand.drive = Drive::Idle;
        st.core.watch = true;
        self.finish(st);
    }

    /// The I/O thread's millisecond tick. `true`: the socket stays on the list.
    pub(crate) fn tick(&self, seen: &mut u64) -> bool {
        let mut st = self.lock();
        let leads = st.core.hand.leads;
        if !st.core.is_alive() {
            st.core.hand.ticking = false;
            return false;
        }
        if st.core.hand.drive != Drive::Idle || std::mem::replace(seen, leads) != leads {
            return true;
        }
        st.core.hand.ticking = false;
        drop(st);
        self.background(None);
        false
    }

    /// The I/O thread's look at what coalescing senders left behind. `true`: the socket stays on the list.
    pub(crate) fn stragglers(&self) -> bool {
        let mut st = self.lock();
        let core = &mut st.core;
        let (pipes, effects) = (&mut core.pipes, &mut core.effects);
        core.streaming.retain(|id| {
            let Some(slot) = pipes.get_mut(id) else { return false };
            let SlotTx::Stream(tx) = &mut slot.tx else { return false };
            if std::mem::take(&mut tx.since_tick) < STREAM_MIN {
                tx.stream = false;
                tx.streak = 0;
            }
            if tx.phase == Phase::Idle
                && let Some(out) = tx.take()
            {
                effects.write(slot.pipe.clone(), out);
                return true;
            }
            tx.ticking = tx.stream || !tx.out.is_empty();
            tx.ticking
        });
        core.straggling = !core.streaming.is_empty();
        let stays = core.straggling;
        self.finish(st);
        stays
    }

    /// The time of the protocol's timeout has come.
    pub(crate) fn timeout(&self) {
        self.turn(|st| {
            st.core.timer = None;
            st.core.now = Some(Instant::now());
            let due = st.proto.next_timeout().is_some_and(|at| Some(at) <= st.core.now);
            if due && st.core.is_alive() {
                st.drive(|proto, out| proto.handle_timeout(out));
            }
        });
    }

    /// Closes one pipe, at the wish of the application or because its endpoint closes.
    pub(crate) fn close_pipe(&self, pipe: &Arc<PipeShared>) {
        pipe.set_closing();
        self.turn(|st| st.detach(self, pipe.id, None));
    }
}

impl State {
    /// Calls the protocol with its outbox.
    pub(crate) fn drive<R>(&mut self, f: impl FnOnce(&mut dyn Protocol, &mut Turn<'_>) -> R) -> R {
        let mut turn = Turn { core: &mut self.core };
        f(&mut *self.proto, &mut turn)
    }

    /// Before a send: whether the application has messages to receive, so that it will be back soon.
    pub(crate) fn note_backlog(&mut self) {
        let core = &mut self.core;
        core.backlog = core.info.receives && (core.stashed > 0 || self.proto.can_recv(ContextId::SOCKET) > 0);
    }

    pub(crate) fn note_received(&mut self) {
        self.core.recvs += 1;
    }

    /// Everything that was accepted is with the kernel, or with the other socket.
    pub(crate) fn is_written(&self) -> bool {
        self.proto.unsent() == 0 && self.core.pipes.values().all(Slot::is_written)
    }

    /// The descriptor for the application's own poll loop.
    ///
    /// # Errors
    /// [`Error::NotSupported`] if the protocol does not receive, or send.
    #[cfg(unix)]
    pub(crate) fn poll_fd(&mut self, recv: bool) -> Result<OptionValue> {
        let info = self.core.info;
        if !(if recv { info.receives } else { info.sends }) {
            let what = if recv { "recv-fd" } else { "send-fd" };
            return Err(Error::NotSupported(format!("{what} with protocol {}", info.name).into()));
        }
        self.core.watch = true;
        let fds = &mut self.core.fds;
        let fd = if recv { recv_fd(fds, &*self.proto) } else { send_fd(fds, &*self.proto) };
        Ok(OptionValue::Int(fd?))
    }

    #[cfg(not(unix))]
    pub(crate) fn poll_fd(&mut self, _recv: bool) -> Result<OptionValue> {
        Err(Error::NotSupported("poll descriptors on this system".into()))
    }

    /// Asks the kernel for events, without waiting.
    pub(crate) fn look(&mut self, inner: &Inner) {
        let core = &mut self.core;
        inner.poll.wait(Some(Duration::ZERO), |event| core.event(event));
        self.core.hand.round = self.core.hand.ready.len();
    }

    /// The next pipe to read. At the end of each round the kernel is asked for events, so that pipes that are always ready do not
    /// starve those that become ready.
    pub(crate) fn next_ready(&mut self, inner: &Inner) -> Option<PipeId> {
        if self.core.hand.ready.is_empty() {
            return None;
        }
        if self.core.hand.round == 0 {
            if self.core.pipes.len() > 1 {
                self.look(inner);
            }
            self.core.hand.round = self.core.hand.ready.len();
        }
        self.core.hand.round -= 1;
        self.core.hand.ready.pop_front()
    }

    /// Delivers what a pipe has received to the protocol, until that pauses the pipe. Answers what is wrong with the pipe.
    fn feed(&mut self, id: PipeId, rx: &mut SlotRx) -> Option<Error> {
        let Some(slot) = self.core.pipes.get(&id) else { return None };
        let (pipe, limit) = (slot.pipe.clone(), slot.limit);
        if slot.paused {
            return None;
        }
        let mut traffic = Traffic::default();
        let mut fault = None;
        let mut flow = Flow::Continue;
        for _ in 0..FEED {
            let next = match (&mut *rx, &pipe.link) {
                (SlotRx::Stream(rx), PipeLink::Stream(_, codec)) => rx.next(&**codec, limit),
                (SlotRx::Local(batch, _), _) => Ok(batch.pop_front()),
                (SlotRx::Stream(_), PipeLink::Local { .. }) => Ok(None),
            };
            let mut msg = match next {
                Ok(Some(msg)) => msg,
                Ok(None) => break,
                Err(e) => {
                    fault = Some(e);
                    break;
                }
            };
            traffic.rx_msgs += 1;
            traffic.rx_bytes += (msg.header().len() + msg.len()) as u64;
            msg.set_pipe(Some(id));
            flow = self.drive(|proto, out| proto.pipe_received(id, msg, out));
            // The protocol may have asked to close the pipe.
            if flow == Flow::Pause || !self.core.todo.closes.is_empty() {
                break;
            }
        }
        if let Some(slot) = self.core.pipes.get_mut(&id) {
            slot.paused |= flow == Flow::Pause;
            slot.traffic.add(traffic);
        }
        fault
    }

    /// The end of [`Inner::read_pipe`].
    fn put_back(&mut self, inner: &Inner, id: PipeId, mut rx: SlotRx, fault: Option<Error>) {
        let core = &mut self.core;
        let Some(slot) = core.pipes.get_mut(&id) else { return };
        if let SlotRx::Stream(rx) = &mut rx {
            rx.settle(&mut core.chunks);
        }
        let messages = rx.has_messages();
        let more = rx.may_read_more();
        let ended = rx.ended().cloned();
        core.stashed += usize::from(messages);
        slot.rx = Some(rx);
        if let Some(fault) = fault {
            tracing::warn!(socket = %inner.id, pipe = %id, url = %slot.pipe.endpoint.url(), "closing pipe: {fault}");
            slot.pipe.endpoint.count_error(&fault);
            self.detach(inner, id, Some(fault));
        } else if messages || more || slot.pending {
            if slot.paused && !(slot.hangup && !messages) {
                slot.pending = true;
            } else {
                core.ready(id);
            }
        } else if let Some(ended) = ended {
            self.detach(inner, id, Some(ended));
        } else if let PipeLink::Stream(stream, _) = &slot.pipe.link {
            let blocked = matches!(&slot.tx, SlotTx::Stream(tx) if tx.phase == Phase::Blocked);
            inner.poll.drained(inner.io().poll(), stream.fd(), id.get(), blocked);
        }
    }

    /// After a write, by whoever wrote. Answers what to write next.
    fn written(&mut self, inner: &Inner, id: PipeId, out: OutBuf, result: std::io::Result<bool>) -> Option<OutBuf> {
        let core = &mut self.core;
        let recvs = core.recvs;
        let slot = core.pipes.get_mut(&id)?;
        let SlotTx::Stream(tx) = &mut slot.tx else { return None };
        let PipeLink::Stream(stream, _) = &slot.pipe.link else { return None };
        tx.taken = out.len();
        match result {
            Ok(true) => {
                tx.phase = Phase::Idle;
                if let Some(buffer) = out.recycle()
                    && core.buffers.len() < BUFFERS
                {
                    core.buffers.push(buffer);
                }
                if slot.dead.is_none() && !tx.out.is_empty() && (!tx.stream || tx.out.len() >= stream::FLUSH) {
                    return tx.take();
                }
                if !tx.stream {
                    tx.last = Some((Instant::now(), recvs));
                }
            }
            Ok(false) => {
                tx.rest = Some(out);
                tx.phase = Phase::Blocked;
                core.blocked += 1;
                let _ = inner.poll.want_write(inner.io().poll(), stream.fd(), id.get(), true);
            }
            Err(e) => {
                tracing::debug!(socket = %inner.id, pipe = %id, "write failed: {e}");
                tx.rest = Some(out);
                tx.phase = Phase::Dead;
                slot.full = true;
                // What the peer sent before it went is still to be read; then the pipe ends.
                slot.hangup = true;
                stream.shutdown();
                core.event(PipeEvent { pipe: id.get(), readable: true, writable: false, hangup: true });
                core.watch = true;
                core.todo.any = true;
            }
        }
        if let Some(dead) = slot_dead(&mut self.core, id) {
            self.detach(inner, id, dead);
            return None;
        }
        self.room(id);
        None
    }

    /// Tells the protocol if a pipe that was full has room again.
    fn room(&mut self, id: PipeId) {
        let Some(slot) = self.core.pipes.get_mut(&id) else { return };
        let SlotTx::Stream(tx) = &slot.tx else { return };
        if slot.full && tx.phase != Phase::Dead && tx.pending() <= stream::HIGH_WATER / 2 {
            slot.full = false;
            self.drive(|proto, out| proto.pipe_writable(id, out));
        }
    }

    /// Writable pipes are flushed, by whoever saw the event.
    fn unblock(&mut self, inner: &Inner) {
        while let Some(id) = self.core.hand.writable.pop() {
            let core = &mut self.core;
            let Some(slot) = core.pipes.get_mut(&id) else { continue };
            let (SlotTx::Stream(tx), PipeLink::Stream(stream, _)) = (&mut slot.tx, &slot.pipe.link) else { continue };
            if tx.phase != Phase::Blocked {
                continue;
            }
            core.blocked -= 1;
            let _ = inner.poll.want_write(inner.io().poll(), stream.fd(), id.get(), false);
            tx.phase = Phase::Idle;
            if let Some(out) = tx.take() {
                core.effects.write(slot.pipe.clone(), out);
            }
        }
    }

    /// Takes a pipe into the socket.
    ///
    /// # Errors
    /// The protocol refuses it.
    pub(crate) fn attach(&mut self, inner: &Inner, pipe: &Arc<PipeShared>, limit: usize) -> Result<(), Reject> {
        let (tx, rx) = match &pipe.link {
            PipeLink::Stream(..) => (SlotTx::Stream(Tx::default()), SlotRx::Stream(stream::Rx::default())),
            PipeLink::Local { .. } => (SlotTx::Local, SlotRx::Local(VecDeque::new(), None)),
        };
        let slot = Slot {
            pipe: pipe.clone(),
            tx,
            rx: Some(rx),
            queued: false,
            pending: false,
            paused: false,
            full: false,
            hangup: false,
            dead: None,
            limit,
            traffic: Traffic::default(),
        };
        self.core.pipes.insert(pipe.id, slot);
        if let Err(reject) = self.drive(|proto, out| proto.pipe_attached(pipe.id, pipe.attrs, out)) {
            self.core.pipes.remove(&pipe.id);
            self.core.counters.rejects += 1;
            return Err(reject);
        }
        match &pipe.link {
            PipeLink::Stream(stream, _) => {
                if let Err(e) = inner.poll.add(inner.io().poll(), stream.fd(), pipe.id.get()) {
                    tracing::error!(socket = %inner.id, pipe = %pipe.id, "cannot watch pipe: {e}");
                    self.detach(inner, pipe.id, Some(e.into()));
                    return Ok(());
                }
            }
            PipeLink::Local { tx, rx } => {
                use super::notify::Notified::Pipe;
                tx.set_writer(Pipe(self.core.me.clone(), pipe.id));
                if rx.set_reader(Pipe(self.core.me.clone(), pipe.id)) {
                    self.core.ready(pipe.id);
                }
            }
        }
        self.core.watch = true;
        self.core.todo.any = true;
        Ok(())
    }

    /// Takes a pipe out of the socket. `None`: closed by this side.
    pub(crate) fn detach(&mut self, inner: &Inner, id: PipeId, why: Option<Error>) {
        let core = &mut self.core;
        let Some(slot) = core.pipes.get_mut(&id) else { return };
        if let SlotTx::Stream(tx) = &slot.tx
            && tx.phase == Phase::Writing
        {
            // Whoever writes detaches it on return; what could not be written is known only then.
            slot.dead = Some(why.unwrap_or(Error::Closed));
            if let PipeLink::Stream(stream, _) = &slot.pipe.link {
                stream.shutdown();
            }
            return;
        }
        let Some(slot) = core.pipes.remove(&id) else { return };
        let Slot { pipe, tx, rx, mut traffic, .. } = slot;
        if let Some(rx) = &rx {
            core.stashed -= usize::from(rx.has_messages());
        }
        let mut unsent = Vec::new();
        match (&pipe.link, tx) {
            (PipeLink::Stream(stream, codec), SlotTx::Stream(mut tx)) => {
                core.blocked -= usize::from(tx.phase == Phase::Blocked);
                inner.poll.remove(inner.io().poll(), stream.fd(), id.get());
                for out in tx.rest.take().into_iter().chain([std::mem::take(&mut tx.out)]) {
                    unsent.extend(out.unsent(&**codec));
                }
            }
            (PipeLink::Local { tx, .. }, _) => unsent.extend(tx.take_back()),
            (PipeLink::Stream(..), SlotTx::Local) => {}
        }
        traffic.tx_msgs -= unsent.len() as u64;
        core.counters.traffic.add(traffic);
        if !core.info.returns_unsent {
            core.counters.drops[DropCause::Closed.index()] += unsent.len() as u64;
            unsent.clear();
        }
        tracing::debug!(socket = %inner.id, pipe = %id, "pipe closed: {}", why.as_ref().map_or("by us", |e| e.text()));
        core.effects.any = true;
        core.effects.gone.push(pipe);
        self.drive(|proto, out| proto.pipe_detached(id, unsent, out));
    }

    /// Ends a turn, still under the lock: closes what the protocol wants closed, gives messages and turns to those who wait, and sees to
    /// it that somebody looks after the pipes.
    fn settle(&mut self, inner: &Inner) {
        if self.core.quiet() {
            self.core.now = None;
            return;
        }
        self.core.todo.any = false;
        self.unblock(inner);
        while let Some((pipe, reject)) = self.core.todo.closes.pop() {
            self.core.counters.rejects += 1;
            if let Some(slot) = self.core.pipes.get(&pipe) {
                tracing::warn!(socket = %inner.id, %pipe, url = %slot.pipe.endpoint.url(), "closing pipe: {reject:?}");
                slot.pipe.endpoint.count_reject(reject);
            }
            self.detach(inner, pipe, Some(Error::Protocol(format!("{reject:?}").into())));
        }
        for ctx in std::mem::take(&mut self.core.todo.cancel) {
            self.core.end_waiters(Some(ctx), Some(Outcome::Canceled));
        }
        for ctx in std::mem::take(&mut self.core.todo.recv) {
            self.dispatch(ctx);
        }
        for ctx in std::mem::take(&mut self.core.todo.send) {
            self.core.wake_sender(ctx);
        }
        self.hand_over(inner);
        self.core.fds.update(&*self.proto);
        if let Life::Lingering(closers) = &mut self.core.life {
            let written = self.proto.unsent() == 0 && self.core.pipes.values().all(Slot::is_written);
            if written && !closers.is_empty() {
                self.core.effects.any = true;
                self.core.effects.wakes.extend(closers.drain(..));
            }
        }
        if self.core.now.take().is_some()
            && let Some(at) = self.proto.next_timeout()
            && self.core.timer.is_none_or(|known| at < known)
        {
            self.core.timer = Some(at);
            self.core.effects.any = true;
            self.core.effects.timer = Some(at);
        }
    }

    /// Reserves free messages for the receivers of this context, and wakes them.
    pub(crate) fn dispatch(&mut self, ctx: ContextId) {
        let key = self.core.recv_key(ctx);
        let can = self.proto.can_recv(ctx);
        let (hand, effects) = (&mut self.core.hand, &mut self.core.effects);
        let context =
            if key == ContextId::SOCKET { Some(&mut self.core.root) } else { self.core.contexts.get_mut(&key) };
        let Some(context) = context else { return };
        let free = can.saturating_sub(context.recv.reserved);
        hand.dispatch(key, &mut context.recv, free, |sleeper| effects.wake(sleeper));
    }

    /// If nobody looks after the pipes although somebody should, finds somebody.
    fn hand_over(&mut self, inner: &Inner) {
        let core = &mut self.core;
        match core.hand.drive {
            Drive::Idle if core.hand.promoted.is_none() => {
                if sys::LEADS
                    && let Some((ticket, key)) = core.hand.longest_parked()
                {
                    let context =
                        if key == ContextId::SOCKET { Some(&mut core.root) } else { core.contexts.get_mut(&key) };
                    if let Some(sleeper) = context.and_then(|c| core.hand.promote(&mut c.recv, ticket)) {
                        core.effects.wake(sleeper);
                    }
                } else if core.watch || core.blocked > 0 || !core.hand.nobody_waits() {
                    if !core.hand.ready.is_empty() {
                        core.effects.any = true;
                        core.effects.kick = true;
                    }
                    if !std::mem::replace(&mut core.hand.armed, true) {
                        inner.poll.arm(inner.io().poll());
                    }
                }
                core.watch = false;
            }
            Drive::Led { queue, asleep: true, .. } => {
                let wake = !core.hand.ready.is_empty()
                    || (core.hand.nobody_waits() && {
                        let reserved = core.context(queue).map_or(0, |c| c.recv.reserved);
                        self.proto.can_recv(queue) > reserved
                    });
                if wake {
                    self.core.hand.rouse();
                    self.core.effects.any = true;
                    self.core.effects.wake_leader = true;
                }
            }
            Drive::Idle | Drive::Led { .. } | Drive::Background => {}
        }
    }
}

fn slot_dead(core: &mut Core, id: PipeId) -> Option<Option<Error>> {
    core.pipes.get_mut(&id)?.dead.take().map(Some)
}

impl Slot {
    /// Nothing is on its way to the kernel, or to the other socket.
    fn is_written(&self) -> bool {
        match (&self.tx, &self.pipe.link) {
            (SlotTx::Stream(tx), _) => tx.phase == Phase::Dead || (tx.phase != Phase::Writing && tx.pending() == 0),
            (SlotTx::Local, PipeLink::Local { tx, .. }) => tx.is_empty(),
            (SlotTx::Local, PipeLink::Stream(..)) => true,
        }
    }
}

impl Core {
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.life, Life::Closed)
    }

    /// Nothing has to be settled.
    fn quiet(&self) -> bool {
        !self.todo.any
            && self.now.is_none()
            && self.hand.is_quiet()
            && !self.watch
            && self.blocked == 0
            && !self.fds.any()
            && matches!(self.life, Life::Open)
    }

    /// Whose queue a context receives from.
    pub(crate) fn recv_key(&self, ctx: ContextId) -> ContextId {
        if self.info.shared_recv { ContextId::SOCKET } else { ctx }
    }

    /// Whose queue a context waits in to send.
    pub(crate) fn send_key(&self, ctx: ContextId) -> ContextId {
        if self.info.shared_send { ContextId::SOCKET } else { ctx }
    }

    pub(crate) fn context(&self, ctx: ContextId) -> Option<&Context> {
        if ctx == ContextId::SOCKET { Some(&self.root) } else { self.contexts.get(&ctx) }
    }

    pub(crate) fn context_mut(&mut self, ctx: ContextId) -> Option<&mut Context> {
        if ctx == ContextId::SOCKET { Some(&mut self.root) } else { self.contexts.get_mut(&ctx) }
    }

    /// The context together with the hand-over.
    pub(crate) fn queue(&mut self, key: ContextId) -> Option<(&mut Context, &mut Handover)> {
        let context = if key == ContextId::SOCKET { Some(&mut self.root) } else { self.contexts.get_mut(&key) };
        context.map(|context| (context, &mut self.hand))
    }

    pub(crate) fn contexts(&self) -> usize {
        self.contexts.len()
    }

    /// The number for a new context, which copies the socket's timeouts.
    pub(crate) fn add_context(&mut self) -> ContextId {
        loop {
            self.next_context = self.next_context.next();
            let id = self.next_context;
            if id != ContextId::SOCKET && !self.contexts.contains_key(&id) {
                let (recv_timeout, send_timeout) = (self.root.recv_timeout, self.root.send_timeout);
                self.contexts.insert(id, Context { recv_timeout, send_timeout, ..Context::default() });
                return id;
            }
        }
    }

    /// Forgets a context and wakes those who wait on it: they find that it is gone.
    pub(crate) fn remove_context(&mut self, id: ContextId) -> bool {
        if !self.contexts.contains_key(&id) {
            return false;
        }
        self.end_waiters(Some(id), None);
        self.contexts.remove(&id);
        true
    }

    /// Wakes those who wait on this context (`None`: on any).
    pub(crate) fn end_waiters(&mut self, ctx: Option<ContextId>, outcome: Option<Outcome>) {
        let (hand, effects) = (&mut self.hand, &mut self.effects);
        let others = self.contexts.iter_mut().filter(|(id, _)| ctx.is_none_or(|ctx| ctx == **id)).map(|(_, c)| c);
        for context in others.chain([&mut self.root]) {
            hand.end_receivers(&mut context.recv, ctx, outcome, |sleeper| effects.wake(sleeper));
            hand.end_senders(&mut context.send, ctx, outcome, |sleeper| effects.wake(sleeper));
        }
    }

    /// Gives the next sender of this context's queue its turn.
    pub(crate) fn wake_sender(&mut self, ctx: ContextId) {
        let key = self.send_key(ctx);
        let context = if key == ContextId::SOCKET { Some(&mut self.root) } else { self.contexts.get_mut(&key) };
        if let Some(sleeper) = context.and_then(|c| self.hand.wake_sender(&mut c.send)) {
            self.effects.wake(sleeper);
        }
    }

    /// Something was seen on a pipe.
    pub(crate) fn event(&mut self, event: PipeEvent) {
        let Some(id) = PipeId::new(event.pipe) else { return };
        let Some(slot) = self.pipes.get_mut(&id) else { return };
        slot.hangup |= event.hangup;
        if event.writable {
            self.hand.writable.push(id);
            self.todo.any = true;
        }
        if event.readable {
            if slot.rx.is_none() || (slot.paused && !slot.hangup) {
                slot.pending = true;
            } else {
                self.ready(id);
            }
        }
    }

    /// Puts a pipe at the end of the list of those to read.
    fn ready(&mut self, id: PipeId) {
        if let Some(slot) = self.pipes.get_mut(&id)
            && !std::mem::replace(&mut slot.queued, true)
        {
            self.hand.ready.push_back(id);
            self.todo.any = true;
        }
    }

    /// Has the I/O thread look after this socket in a moment, unless somebody does before.
    pub(crate) fn tick_later(&mut self) {
        if !std::mem::replace(&mut self.hand.ticking, true) {
            self.effects.any = true;
            self.effects.tick = true;
        }
    }

    /// Changes an option of all open connections that have it.
    pub(crate) fn set_on_pipes(&self, name: &str, value: &OptionValue) {
        for slot in self.pipes.values() {
            if let PipeLink::Stream(stream, _) = &slot.pipe.link {
                let _ = stream.set_option(name, value);
            }
        }
    }

    pub(crate) fn look_again(&mut self) {
        self.todo.any = true;
    }

    /// A message was appended to a pipe on which nobody is writing: write it now, or leave it for later?
    fn appended(&mut self, id: PipeId) {
        let (backlog, recvs) = (self.backlog, self.recvs);
        let Some(slot) = self.pipes.get_mut(&id) else { return };
        let SlotTx::Stream(tx) = &mut slot.tx else { return };
        let mut later = tx.stream || backlog;
        if !later {
            let close = tx.last.is_some_and(|(end, then)| then == recvs && end.elapsed() < STREAK_GAP);
            tx.streak = if close { tx.streak + 1 } else { 0 };
            if tx.streak >= STREAK {
                tx.stream = true;
                later = true;
            }
        }
        if !later || tx.out.len() >= stream::FLUSH {
            if let Some(out) = tx.take() {
                self.effects.write(slot.pipe.clone(), out);
            }
            return;
        }
        tx.since_tick += 1;
        if !std::mem::replace(&mut tx.listed, true) {
            super::dirty::list(self.me.clone(), id);
        }
        if !std::mem::replace(&mut tx.ticking, true) {
            self.streaming.push(id);
            if !std::mem::replace(&mut self.straggling, true) {
                self.effects.any = true;
                self.effects.straggle = true;
            }
        }
    }
}

impl Effects {
    fn write(&mut self, pipe: Arc<PipeShared>, out: OutBuf) {
        self.any = true;
        self.writes.push((pipe, out));
    }

    fn wake(&mut self, sleeper: Sleeper) {
        self.any = true;
        self.wakes.push(sleeper);
    }
}

/// The outbox of the protocol during a turn.
pub(crate) struct Turn<'a> {
    core: &'a mut Core,
}

impl Outbox for Turn<'_> {
    fn now(&mut self) -> Instant {
        *self.core.now.get_or_insert_with(Instant::now)
    }

    fn send(&mut self, pipe: PipeId, msg: Message) -> Room {
        let core = &mut *self.core;
        let Some(slot) = core.pipes.get_mut(&pipe) else {
            core.counters.drops[DropCause::NoPipe.index()] += 1;
            return Room::Full;
        };
        slot.traffic.tx_msgs += 1;
        slot.traffic.tx_bytes += (msg.header().len() + msg.len()) as u64;
        match (&mut slot.tx, &slot.pipe.link) {
            (SlotTx::Stream(tx), PipeLink::Stream(_, codec)) => {
                if tx.out.is_unallocated()
                    && let Some(buffer) = core.buffers.pop()
                {
                    tx.out = buffer;
                }
                tx.out.push(&**codec, msg);
                slot.full = tx.pending() >= stream::HIGH_WATER;
                let full = slot.full;
                match tx.phase {
                    Phase::Idle => core.appended(pipe),
                    Phase::Writing | Phase::Blocked | Phase::Dead => {}
                }
                if full { Room::Full } else { Room::More }
            }
            (SlotTx::Local, PipeLink::Local { tx, .. }) => {
                let pushed = tx.push(msg);
                if pushed.tell {
                    core.effects.any = true;
                    core.effects.tell_readers.push(tx.clone());
                }
                slot.full = pushed.full;
                if pushed.full { Room::Full } else { Room::More }
            }
            _ => Room::Full,
        }
    }

    fn close(&mut self, pipe: PipeId, reason: Reject) {
        self.core.todo.any = true;
        self.core.todo.closes.push((pipe, reason));
    }

    fn resume(&mut self, pipe: PipeId) {
        let Some(slot) = self.core.pipes.get_mut(&pipe) else { return };
        if !std::mem::replace(&mut slot.paused, false) {
            return;
        }
        match &slot.rx {
            None => slot.pending = true,
            Some(rx) if rx.has_messages() || rx.ended().is_some() || slot.pending => self.core.ready(pipe),
            Some(_) => {}
        }
    }

    fn wake_send(&mut self, ctx: ContextId) {
        let todo = &mut self.core.todo;
        todo.any = true;
        if todo.send.last() != Some(&ctx) {
            todo.send.push(ctx);
        }
    }

    fn wake_recv(&mut self, ctx: ContextId) {
        let todo = &mut self.core.todo;
        todo.any = true;
        if todo.recv.last() != Some(&ctx) {
            todo.recv.push(ctx);
        }
    }

    fn cancel(&mut self, ctx: ContextId) {
        self.core.todo.any = true;
        self.core.todo.cancel.push(ctx);
    }

    fn count_drop(&mut self, cause: DropCause, n: usize) {
        self.core.counters.drops[cause.index()] += n as u64;
    }
}

/// At most this many messages of one pipe are delivered in one hold of the lock.
const FEED: usize = 128;
/// With more ready pipes than this, each is read in smaller pieces.
const CROWD: usize = 4;
/// The most pipes that the I/O thread reads for one socket before it looks after the others.
const BACKGROUND_READS: usize = 64;
/// A send that starts within this time of the end of the last write continues a streak of sends.
const STREAK_GAP: Duration = Duration::from_micros(5);
/// After this many, messages are coalesced.
const STREAK: u8 = 3;
/// Fewer messages than this between two ticks end the coalescing.
const STREAM_MIN: u32 = 4;
/// Write buffers that a socket keeps.
const BUFFERS: usize = 4;
const DEFAULT_LINGER: Duration = Duration::from_secs(1);
