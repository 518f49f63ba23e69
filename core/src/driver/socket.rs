//! The socket: one lock, one state, and everything that happens around that lock.
//!
//! A *turn* is what happens between locking and unlocking. It feeds the protocol, which answers through its outbox; it ends in
//! [`Inner::finish`], which settles the hand-over, unlocks, and only then writes to pipes, wakes callers and tells other sockets.

use std::cell::Cell;
use std::hint;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, TryLockError, Weak};
use std::time::{Duration, Instant};

use super::events::{PipeCallback, PipeChange};
use super::executor;
use super::handover::Drive;
use super::io::{self, Io};
use super::ledger::{Core, Effects, End};
use super::notify::Signal;
use super::pipe::{Pipe, PipeLink, PipeShared, Reader, SlotRx, SlotTx};
use super::state::{Fed, Feed, State};
use super::stream::{Phase, Write};
use super::sync::{self, Mutex, MutexGuard, thread, thread_local};
use super::sys::{self, PipeEvent, SocketPoll};
use crate::protocol::{Protocol, ProtocolInfo};
use crate::{Error, Message, OptionMap, PipeId, Result, SocketId};

/// What all handles of a socket share.
pub(crate) struct Inner {
    pub(crate) id: SocketId,
    pub(crate) info: &'static ProtocolInfo,
    pub(crate) poll: SocketPoll,
    /// This socket's number with the I/O thread.
    pub(crate) index: u32,
    /// Handles of the application; the last one closes the socket.
    pub(crate) handles: AtomicUsize,
    /// Something has come from another socket of this process, for a leader that is about to sleep.
    pub(super) stirred: AtomicBool,
    /// The last send was one of a stream. A hint: read without the lock.
    streams: AtomicBool,
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
            let core = Core::new(me.clone(), id, info, defaults);
            Self {
                id,
                info,
                poll,
                index,
                handles: AtomicUsize::new(1),
                stirred: AtomicBool::new(false),
                streams: AtomicBool::new(false),
                callbacks: RwLock::default(),
                state: Mutex::new(State { proto, core }),
            }
        });
        io.enlist(index, &inner);
        Ok(inner)
    }

    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock, for a sender.
    #[inline]
    pub(crate) fn lock_to_send(&self) -> Guard<'_> {
        self.try_lock().unwrap_or_else(|| self.wait_to_send())
    }

    /// Somebody else has the lock. A sender that streams beside others yields before it waits for it: whoever spins takes the lock's memory away from the
    /// one that works, and the core from somebody with work to do, such as the receiver.
    #[cold]
    fn wait_to_send(&self) -> Guard<'_> {
        if self.streams.load(Ordering::Relaxed) {
            for _ in 0..YIELDS {
                thread::yield_now();
                if let Some(st) = self.try_lock() {
                    return st;
                }
            }
        }
        self.lock()
    }

    #[inline]
    fn try_lock(&self) -> Option<Guard<'_>> {
        match self.state.try_lock() {
            Ok(st) => Some(st),
            Err(TryLockError::Poisoned(e)) => Some(e.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// A sender has sent: notes for the next ones whether they stream.
    #[inline]
    pub(crate) fn note_pace(&self, st: &State) {
        let streams = st.core.pace.streams();
        if self.streams.load(Ordering::Relaxed) != streams {
            self.streams.store(streams, Ordering::Relaxed);
        }
    }

    /// Adds a callback for pipe events.
    pub(crate) fn add_callback(&self, callback: Arc<PipeCallback>) {
        self.callbacks.write().unwrap_or_else(PoisonError::into_inner).push(callback);
    }

    /// Has the callbacks told, if there are any.
    pub(crate) fn notify(&self, change: PipeChange, pipe: &Arc<PipeShared>) {
        self.notify_then(change, pipe, || ());
    }

    /// Has the callbacks told, and the same thread go on with this. Answers what is set when it has; without callbacks nothing is done.
    pub(crate) fn notify_then(
        &self,
        change: PipeChange,
        pipe: &Arc<PipeShared>,
        then: impl FnOnce() + Send + 'static,
    ) -> Option<Arc<Signal>> {
        let callbacks = self.callbacks.read().unwrap_or_else(PoisonError::into_inner).clone();
        if callbacks.is_empty() {
            return None;
        }
        let done = Arc::new(Signal::default());
        let (pipe, set) = (Pipe(pipe.clone()), SetOnDrop(done.clone()));
        executor::call(move || {
            let _set = set;
            for callback in &callbacks {
                executor::guarded("a pipe callback", || callback(change, &pipe));
            }
            then();
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
    #[inline]
    pub(crate) fn finish(&self, st: Guard<'_>) {
        if !st.core.quiet() || st.core.effects.any {
            self.conclude(st);
        }
    }

    #[inline(never)]
    fn conclude(&self, mut st: Guard<'_>) {
        st.settle(self);
        if !st.core.effects.any {
            return;
        }
        if let Some(write) = st.core.effects.only_write() {
            // Nothing but that comes of most turns, and all the lists take longer to move than to be done.
            drop(st);
            return self.write(write);
        }
        let effects = std::mem::take(&mut st.core.effects);
        drop(st);
        self.perform(effects);
    }

    fn perform(&self, effects: Effects) {
        for write in effects.writes {
            self.write(write);
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
        for end in effects.ends {
            match end {
                End::Stream(pipe) => pipe.shut_down(),
                End::Pipe(pipe) => {
                    pipe.end();
                    pipe.endpoint.pipe_gone();
                    self.notify(PipeChange::Removed, &pipe);
                    pipe.gone.set();
                }
                End::Reader(reader) => drop(reader),
            }
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

    /// Lets other threads of this core run, until one of them has sent something. Answers whether that was worth it: they may
    /// have other things to do.
    pub(super) fn spin(&self) -> bool {
        for _ in 0..SPINS {
            let begin = sync::now();
            thread::yield_now();
            if self.stirred.load(Ordering::Relaxed) {
                return true;
            }
            if sync::now().saturating_duration_since(begin) > SPIN_MAX {
                return false;
            }
        }
        true
    }

    /// Looks at the pipes again and again, for a while or until something has happened on them. Answers whether something has.
    pub(super) fn busy_poll(&self, mut each: impl FnMut(PipeEvent)) -> bool {
        (0..LOOKS).any(|_| {
            let found = self.poll.wait(Some(Duration::ZERO), &mut each);
            if !found {
                (0..PAUSES).for_each(|_| hint::spin_loop());
            }
            found
        })
    }

    pub(crate) fn io(&self) -> &'static Io {
        io::started()
    }

    /// Writes a buffer that was taken from a pipe, and what others append meanwhile.
    fn write(&self, mut write: Write) {
        for more_to_come in (0..WRITES).rev() {
            let PipeLink::Stream(stream, _) = &write.pipe.link else { return };
            let result = write.out.write(&**stream);
            let mut st = self.lock();
            let next = st.written(self, write, result, more_to_come > 0);
            self.finish(st);
            match next {
                Some(more) => write = more,
                None => return,
            }
        }
    }

    /// Writes what a pipe has collected.
    pub(crate) fn flush(&self, pipe: PipeId) {
        self.turn(|st| {
            let Some(slot) = st.core.pipes.get_mut(pipe) else { return };
            let SlotTx::Stream(tx) = &mut slot.tx else { return };
            tx.listed = None;
            if tx.phase == Phase::Idle
                && let Some(write) = tx.take()
            {
                st.core.effects.write(write);
            }
        });
    }

    /// Reads one pipe once, and feeds the protocol. Releases and takes the lock.
    pub(crate) fn read_pipe<'a>(&'a self, st: Guard<'a>, id: PipeId) -> Guard<'a> {
        self.read_and_feed(st, id, &mut Message::new(), |_| Feed::Fitting).0
    }

    /// Reads one pipe once, and delivers as much as `feed` says then. What is not delivered stays where it is. `true`: a message went straight
    /// into `msg`.
    pub(super) fn read_and_feed<'a>(
        &'a self,
        mut st: Guard<'a>,
        id: PipeId,
        msg: &mut Message,
        feed: impl FnOnce(&State) -> Feed,
    ) -> (Guard<'a>, bool) {
        let core = &mut st.core;
        let Some(mut reader) = core.hold(id) else { return (st, false) };
        let stashed = reader.has_messages();
        match (&mut reader.rx, &reader.pipe.link) {
            _ if stashed => {}
            (SlotRx::Local(rx), PipeLink::Local { rx: channel, .. }) => {
                let (tell, closed) = channel.take(&mut rx.batch);
                rx.more = !rx.batch.is_empty();
                if closed {
                    rx.ended = Some(Error::ConnectionShutdown);
                }
                if tell {
                    core.effects.any = true;
                    core.effects.tell_writers.push(channel.clone());
                }
            }
            _ => {
                self.finish(st);
                reader.read();
                st = self.lock();
            }
        }
        let taken = self.feed_from(&mut st, reader, msg, feed);
        (st, taken)
    }

    /// Delivers what has been read, as much as `feed` says, and puts the receiving side back. `true`: a message went straight into `msg`.
    pub(super) fn feed_from(
        &self,
        st: &mut State,
        mut reader: Box<Reader>,
        msg: &mut Message,
        feed: impl FnOnce(&State) -> Feed,
    ) -> bool {
        let how = feed(st);
        let Fed { fault, taken } = st.feed(&mut reader, how, msg);
        st.put_back(self, reader, fault);
        taken
    }

    /// A local pipe has something to read, or its other end is gone.
    pub(crate) fn local_readable(&self, pipe: PipeId, hangup: bool) {
        let mut st = self.lock();
        st.core.event(PipeEvent { pipe: pipe.get(), readable: true, writable: false, hangup });
        self.stirred.store(true, Ordering::Relaxed);
        // Threads that wait read for themselves; tasks can't, and nobody else would see the end of the pipe. One round: this thread
        // has other things to do.
        let level = Level::enter();
        let mut round = if level.is_deep() { 0 } else { st.core.hand.ready.len() };
        while round > 0
            && st.core.hand.drive == Drive::Idle
            && st.core.hand.promoted.is_none()
            && (!sys::LEADS || st.core.hand.longest_parked().is_none())
            && (hangup || !st.core.hand.nobody_waits() || (st.core.fds.any() && !st.is_late()))
        {
            let Some(next) = st.core.hand.ready.pop_front() else { break };
            round -= 1;
            st = self.read_pipe(st, next);
            if st.core.hand.brimful {
                break;
            }
        }
        if !st.core.hand.ready.is_empty() && st.core.hand.drive == Drive::Idle && st.core.hand.nobody_waits() {
            st.core.tick_later();
        }
        self.finish(st);
    }

    /// A local pipe has room again.
    pub(crate) fn local_writable(&self, pipe: PipeId) {
        self.turn(|st| {
            let Some(slot) = st.core.pipes.get_mut(pipe) else { return };
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
            if !event.writable
                && let Some((stream, id)) = PipeId::new(event.pipe).and_then(|id| st.core.blocked_stream(id))
            {
                self.poll.watch_write(self.io().poll(), stream.fd(), id.get());
            }
        }
        if st.core.hand.drive != Drive::Idle || !st.core.is_alive() {
            self.finish(st);
            return;
        }
        st.core.hand.drive = Drive::Background;
        st.look(self);
        let late = st.is_late();
        let patient = st.core.hand.look_behind(late, sync::now());
        for _ in 0..BACKGROUND_READS {
            let late = patient && st.is_late();
            let Some(pipe) = st.core.next_in_background(late) else { break };
            let feed = match (late, patient) {
                (true, _) => Feed::Nothing,
                (false, true) => Feed::Fitting,
                (false, false) => Feed::All,
            };
            st = self.read_and_feed(st, pipe, &mut Message::new(), |_| feed).0;
            if patient && st.core.hand.brimful {
                break;
            }
        }
        st.core.hand.drive = Drive::Idle;
        st.core.hand.left = patient && st.is_late() && !st.core.hand.ready.is_empty();
        st.core.watch = !st.core.hand.left;
        st.core.look_again();
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
        if std::mem::replace(seen, leads) != leads {
            return true;
        }
        st.core.hand.ticking = false;
        if st.core.hand.drive != Drive::Idle {
            // A leader that sleeps this long: its leave puts the socket on the list again.
            return false;
        }
        drop(st);
        self.background(None);
        false
    }

    /// The I/O thread's look at what was collected and not written. `None`: the socket leaves the list. Otherwise whether there was
    /// something to write.
    pub(crate) fn stragglers(&self) -> Option<bool> {
        let mut st = self.lock();
        let core = &mut st.core;
        let slow = core.blocked > 0;
        core.pace.tick(slow);
        let streams = core.pace.streams();
        let (pipes, effects) = (&mut core.pipes, &mut core.effects);
        let mut found = false;
        core.streaming.retain(|id| {
            let Some(slot) = pipes.get_mut(*id) else { return false };
            let SlotTx::Stream(tx) = &mut slot.tx else { return false };
            // A sender that writes by itself does so again.
            let active = std::mem::take(&mut tx.written) && streams;
            if tx.phase == Phase::Idle
                && !active
                && let Some(write) = tx.take()
            {
                tx.written = false;
                found = true;
                effects.write(write);
                return true;
            }
            // Whoever writes, or sees that a blocked pipe is writable, writes the rest.
            tx.ticking = streams;
            streams
        });
        core.straggling = !core.streaming.is_empty();
        let stays = core.straggling;
        self.finish(st);
        stays.then_some(found)
    }

    /// A time has come that the socket asked for, which may be out of date.
    pub(crate) fn timeout(&self, at: Instant) {
        self.turn(|st| {
            if st.core.timer != Some(at) {
                return;
            }
            st.core.timer = None;
            st.core.now = Some(sync::now());
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

/// A local pipe that is read has room, its writer is told and writes, its reader is told: calls within calls, as long as the writer's
/// queue is. From a certain level on reading is left to the I/O thread.
struct Level(u32);

impl Level {
    fn enter() -> Self {
        let level = LEVEL.try_with(|level| level.replace(level.get() + 1));
        Self(level.unwrap_or(LEVELS))
    }

    fn is_deep(&self) -> bool {
        self.0 >= LEVELS
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        let _ = LEVEL.try_with(|level| level.set(self.0));
    }
}

thread_local! {
    static LEVEL: Cell<u32> = const { Cell::new(0) };
}

/// How often a leader yields before it sleeps, while others may send from another core. A wake-up costs ten times as much.
const SPINS: u32 = 10;
/// A yield that takes longer has given the core to somebody who needs it.
const SPIN_MAX: Duration = Duration::from_micros(30);
/// How often a leader looks at its pipes before it sleeps, when its peers take turns with it: 30 to 80 us in all. A wake-up takes each side 5 to 20.
const LOOKS: u32 = if cfg!(spanwire_loom) { 1 } else { 50 };
/// Pauses between two looks: a third of a microsecond to one and a half.
const PAUSES: u32 = 32;
/// How often a sender of a stream yields before it waits for the lock. With 4 senders on two cores 1 to 16 times make 8 to 10 million messages a second of
/// 5 without, and 64 times no more.
const YIELDS: u32 = 4;
/// How deep calls from one socket into the other go.
const LEVELS: u32 = 8;
/// The most pipes that the I/O thread reads for one socket before it looks after the others.
const BACKGROUND_READS: usize = 64;
/// How often a writer goes on with what others have appended meanwhile. Then the next sender writes, or the I/O thread: nobody is
/// kept from its own work for ever.
const WRITES: u32 = 16;
