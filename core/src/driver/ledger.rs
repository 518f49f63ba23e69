//! The driver's part of a socket's state: pipes, contexts, who waits, what is to be done.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::endpoint::Endpoint;
use super::handover::{Drive, Handover, Sleeper, Ticket, WaitQueue, Waiter};
use super::local::Channel;
use super::pace::Pace;
use super::pipe::{PipeLink, PipeShared, Reader, Slot, SlotRx, SlotTx, Traffic};
use super::pollfd::PollFds;
use super::socket::Inner;
use super::state::FEED;
use super::stream::{OutBuf, Phase, Write};
use super::sync;
use super::sys::PipeEvent;
use crate::protocol::{DropCause, ProtocolInfo, Reject};
use crate::table::{FastHash, Table};
use crate::transport::ByteStream;
use crate::{ContextId, OptionMap, OptionValue, PipeId, SocketId};

/// The driver's part of the state; the protocol's outbox writes to it.
pub(crate) struct Core {
    pub(super) me: Weak<Inner>,
    pub(super) info: &'static ProtocolInfo,
    pub(crate) life: Life,
    pub(crate) hand: Handover,
    pub(crate) pipes: Table<PipeId, Slot>,
    pub(super) root: Context,
    pub(super) contexts: HashMap<ContextId, Context, FastHash>,
    pub(super) next_context: ContextId,
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    /// Options that new dialers and listeners start with.
    pub(crate) defaults: OptionMap,
    pub(crate) name: String,
    pub(crate) linger: Option<Duration>,
    pub(crate) fds: PollFds,
    pub(crate) counters: Counters,
    /// Whether messages are written at once or collected.
    pub(super) pace: Pace,
    /// Pipes from sockets of this process.
    pub(super) locals: usize,
    /// Leaders do not yield before this time: it did not pay.
    no_spin: Option<Instant>,
    /// Pipes with messages that were read and not delivered.
    pub(super) stashed: usize,
    /// Pipes that wait to be writable.
    pub(super) blocked: usize,
    /// The background has to look at the socket, although nobody waits.
    pub(super) watch: bool,
    /// Pipes that the I/O thread flushes on its tick, and whether the socket is on its list.
    pub(super) streaming: Vec<PipeId>,
    pub(super) straggling: bool,
    /// The time that the I/O thread knows for the protocol's timeout.
    pub(super) timer: Option<Instant>,
    pub(super) buffers: Vec<OutBuf>,
    pub(super) chunks: Vec<Vec<u8>>,
    /// The time of this turn, once somebody asked.
    pub(super) now: Option<Instant>,
    pub(super) todo: Todo,
    pub(super) effects: Effects,
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
    /// The protocol canceled everybody who came no later than this.
    pub(crate) canceled: Ticket,
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
pub(super) struct Todo {
    pub(super) closes: SmallVec<[(PipeId, Reject); 2]>,
    pub(super) recv: SmallVec<[ContextId; 4]>,
    pub(super) send: SmallVec<[ContextId; 4]>,
    pub(super) cancel: SmallVec<[ContextId; 2]>,
    pub(super) any: bool,
}

/// What is done after the lock was released.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) wakes: SmallVec<[Sleeper; 2]>,
    pub(super) writes: SmallVec<[Write; 1]>,
    pub(super) tell_readers: SmallVec<[Arc<Channel>; 2]>,
    pub(super) tell_writers: SmallVec<[Arc<Channel>; 2]>,
    pub(super) ends: SmallVec<[End; 1]>,
    pub(super) timer: Option<Instant>,
    pub(super) wake_leader: bool,
    pub(super) kick: bool,
    pub(super) tick: bool,
    pub(super) straggle: bool,
    pub(super) any: bool,
}

/// What has ended of a pipe.
pub(super) enum End {
    /// Its stream: nobody may use it any more who still does.
    Stream(Arc<PipeShared>),
    /// All of it.
    Pipe(Arc<PipeShared>),
    /// The receiving side that somebody held when it went.
    Reader(Box<Reader>),
}

impl Counters {
    /// What a pipe that is gone was thought to have sent has got lost.
    pub(super) fn lose(&mut self, messages: usize) {
        self.traffic.tx_msgs = self.traffic.tx_msgs.saturating_sub(messages as u64);
        self.drops[DropCause::Closed.index()] += messages as u64;
    }
}

impl Core {
    pub(super) fn new(me: Weak<Inner>, id: SocketId, info: &'static ProtocolInfo, defaults: OptionMap) -> Self {
        Self {
            me,
            info,
            life: Life::Open,
            hand: Handover::default(),
            pipes: Table::default(),
            root: Context::default(),
            contexts: HashMap::default(),
            next_context: ContextId::SOCKET,
            endpoints: Vec::new(),
            defaults,
            name: id.to_string(),
            linger: Some(DEFAULT_LINGER),
            fds: PollFds::default(),
            counters: Counters::default(),
            pace: Pace::default(),
            locals: 0,
            no_spin: None,
            stashed: 0,
            blocked: 0,
            watch: false,
            streaming: Vec::new(),
            straggling: false,
            timer: None,
            buffers: Vec::new(),
            chunks: Vec::new(),
            now: None,
            todo: Todo::default(),
            effects: Effects::default(),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.life, Life::Closed)
    }

    #[inline]
    pub(super) fn is_open(&self) -> bool {
        matches!(self.life, Life::Open)
    }

    /// Open, and nobody else receives or is about to.
    #[inline]
    pub(super) fn is_calm(&self) -> bool {
        self.hand.is_calm() && self.is_open()
    }

    /// Nothing has to be settled.
    #[inline]
    pub(super) fn quiet(&self) -> bool {
        let busy = self.todo.any | self.now.is_some() | self.watch | (self.blocked != 0) | self.fds.any();
        !busy && self.hand.is_quiet() && self.is_open()
    }

    /// Whether a leader should yield before it sleeps: messages from this process need no system call to be seen.
    pub(super) fn may_spin(&mut self) -> bool {
        self.locals > 0 && self.no_spin.is_none_or(|until| sync::now() >= until)
    }

    /// A leader has yielded.
    pub(super) fn spun(&mut self, paid: bool) {
        self.no_spin = if paid { None } else { sync::now().checked_add(NO_SPIN) };
    }

    /// A receiver went away and nobody waits: if nobody comes back soon, the I/O thread looks after the pipes.
    #[inline]
    pub(super) fn left(&mut self) {
        if !self.hand.armed || !self.hand.ready.is_empty() {
            self.tick_later();
        }
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
        self.end_waiters(Some(id), Ticket::MAX);
        self.contexts.remove(&id);
        true
    }

    /// Wakes those who wait on this context (`None`: on any) and came no later than this.
    pub(super) fn end_waiters(&mut self, ctx: Option<ContextId>, until: Ticket) {
        let (hand, effects) = (&mut self.hand, &mut self.effects);
        let meant = |waiter: &Waiter| waiter.ticket <= until && ctx.is_none_or(|ctx| waiter.ctx == ctx);
        let others = self.contexts.iter_mut().filter(|(id, _)| ctx.is_none_or(|ctx| ctx == **id)).map(|(_, c)| c);
        for context in others.chain([&mut self.root]) {
            hand.end_receivers(&mut context.recv, meant, |sleeper| effects.wake(sleeper));
            hand.end_senders(&mut context.send, meant, |sleeper| effects.wake(sleeper));
        }
        self.rouse_leader();
    }

    /// Makes the leader look again, if it sleeps.
    pub(super) fn rouse_leader(&mut self) {
        if let Drive::Led { asleep: true, .. } = self.hand.drive {
            self.hand.rouse();
            self.effects.any = true;
            self.effects.wake_leader = true;
        }
    }

    /// Gives the next senders of this context's queue their turn.
    pub(crate) fn wake_senders(&mut self, ctx: ContextId) {
        let key = self.send_key(ctx);
        let (hand, effects) = (&mut self.hand, &mut self.effects);
        let context = if key == ContextId::SOCKET { Some(&mut self.root) } else { self.contexts.get_mut(&key) };
        if let Some(context) = context {
            hand.wake_senders(&mut context.send, |sleeper| effects.wake(sleeper));
        }
    }

    /// The stream of a pipe that waits to be writable.
    pub(super) fn blocked_stream(&self, id: PipeId) -> Option<(&dyn ByteStream, PipeId)> {
        let slot = self.pipes.get(id)?;
        match (&slot.tx, &slot.pipe.link) {
            (SlotTx::Stream(tx), PipeLink::Stream(stream, _)) if tx.phase == Phase::Blocked => Some((&**stream, id)),
            _ => None,
        }
    }

    /// Something was seen on a pipe.
    pub(crate) fn event(&mut self, event: PipeEvent) {
        let Some(id) = PipeId::new(event.pipe) else { return };
        let Some(slot) = self.pipes.get_mut(id) else { return };
        slot.hangup |= event.hangup;
        if event.writable {
            self.hand.writable.push(id);
            self.todo.any = true;
        }
        if event.readable {
            slot.pending = true;
            if slot.rx.is_none() {
                // Whoever holds it looks again.
                self.rouse_leader();
            } else if !slot.paused || slot.hangup {
                self.ready(id);
            }
        }
    }

    /// Takes a pipe's receiving side out, for whoever reads it. `None`: somebody else has it, and looks again.
    pub(super) fn hold(&mut self, id: PipeId) -> Option<Box<Reader>> {
        let slot = self.pipes.get_mut(id)?;
        slot.queued = false;
        let Some(mut reader) = slot.rx.take() else {
            slot.pending = true;
            return None;
        };
        let stashed = reader.has_messages();
        // What has been seen on the pipe is not looked at before all is delivered that was read.
        slot.pending &= stashed;
        self.stashed -= usize::from(stashed);
        if matches!(reader.rx, SlotRx::Stream(_)) && !stashed {
            reader.chunk = self.chunks.pop();
            reader.crowd = self.hand.ready.len() > CROWD;
        }
        Some(reader)
    }

    /// The receiving side of the only pipe, for a leader that is alone and about to sleep: it is most likely that pipe that wakes it, and then
    /// it reads before it takes the lock again.
    pub(super) fn hold_only(&mut self) -> Option<Box<Reader>> {
        let (id, slot) = self.pipes.only()?;
        let reader = slot.rx.as_ref()?;
        let idle = matches!(&reader.rx, SlotRx::Stream(rx) if !rx.has_bytes());
        if !idle || slot.paused || slot.queued || slot.pending || slot.dead.is_some() || !self.hand.is_alone() {
            return None;
        }
        self.hold(id)
    }

    /// The pipe whose turn it is, if it has messages that were read already. It stays on the list.
    #[inline]
    pub(super) fn first_stashed(&mut self) -> Option<(PipeId, &mut Slot)> {
        let asks = self.hand.round == 0 && self.pipes.len() > 1;
        if self.stashed == 0 || asks {
            return None;
        }
        let id = *self.hand.ready.front()?;
        let slot = self.pipes.get_mut(id)?;
        let stashed = !slot.paused && slot.dead.is_none() && slot.rx.as_ref().is_some_and(|rx| rx.has_messages());
        stashed.then_some((id, slot))
    }

    /// This pipe has been read, and has delivered the first message of what came. If others came with it they follow at once, while they are in the
    /// processor's cache; otherwise it is read again when the other pipes have had their turn.
    pub(super) fn begin_turn(&mut self, id: PipeId) {
        if self.pipes.get(id).is_some_and(|slot| slot.rx.as_ref().is_some_and(|rx| rx.has_messages())) {
            self.hand.begin_turn(id);
        }
    }

    /// That pipe has delivered a message. Whether it goes on; if it has delivered many, it does so behind the others.
    #[inline]
    pub(super) fn goes_on(&mut self, id: PipeId) -> bool {
        let goes_on = self.pipes.get(id).is_some_and(|slot| slot.rx.as_ref().is_some_and(|rx| rx.has_messages()))
            && self.todo.closes.is_empty();
        if goes_on && self.pipes.len() > 1 {
            self.hand.delivered(FEED);
        }
        goes_on
    }

    /// The next pipe that the I/O thread reads; if the application is `late`, only one whose peer is gone, and of which nothing has been read.
    pub(super) fn next_in_background(&mut self, late: bool) -> Option<PipeId> {
        let (ready, pipes) = (&mut self.hand.ready, &self.pipes);
        let may_end = |slot: &Slot| slot.hangup && slot.rx.as_ref().is_some_and(|rx| !rx.has_messages());
        let place = if late { ready.iter().position(|id| pipes.get(*id).is_some_and(may_end))? } else { 0 };
        ready.remove(place)
    }

    /// Puts a pipe at the end of the list of those to read.
    pub(super) fn ready(&mut self, id: PipeId) {
        if let Some(slot) = self.pipes.get_mut(id)
            && !std::mem::replace(&mut slot.queued, true)
        {
            self.hand.ready.push_back(id);
            // On the tick list, and with nobody waiting, it may lie until somebody comes.
            self.todo.any |= !(self.hand.is_attended() || (self.hand.ticking && self.hand.is_calm()));
        }
    }

    /// Has the I/O thread look after this socket in a moment, unless somebody does before.
    #[inline]
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
}

impl Effects {
    #[inline]
    pub(super) fn write(&mut self, write: Write) {
        self.any = true;
        self.writes.push(write);
    }

    /// Takes the write, if that is all there is to do.
    #[inline]
    pub(super) fn only_write(&mut self) -> Option<Write> {
        let flags = self.wake_leader | self.kick | self.tick | self.straggle | self.timer.is_some();
        let tells = self.tell_readers.len() + self.tell_writers.len();
        if flags || self.writes.len() != 1 || tells + self.wakes.len() + self.ends.len() > 0 {
            return None;
        }
        self.any = false;
        self.writes.pop()
    }

    pub(super) fn end(&mut self, end: End) {
        self.any = true;
        self.ends.push(end);
    }

    pub(super) fn wake(&mut self, sleeper: Sleeper) {
        self.any = true;
        self.wakes.push(sleeper);
    }
}

/// With more ready pipes than this, each is read in smaller pieces.
const CROWD: usize = 4;
/// How long leaders do not yield after it did not pay.
const NO_SPIN: Duration = Duration::from_millis(5);
const DEFAULT_LINGER: Duration = Duration::from_secs(1);
