//! The state behind a socket's lock, and what happens to its pipes there: they come, deliver, are written, and go.

use std::sync::Arc;
use std::time::Duration;

use super::ledger::{Core, End};
use super::outbox::Turn;
use super::pipe::{LocalRx, PipeLink, PipeShared, Reader, Slot, SlotRx, SlotTx, Traffic};
#[cfg(unix)]
use super::pollfd::{recv_fd, send_fd};
use super::socket::Inner;
use super::stream::{self, Phase, Tx, Write};
use super::sys::PipeEvent;
use crate::message::pop_into;
use crate::protocol::{Attempt, DropCause, Flow, Protocol, Reject, SendRefused};
use crate::{ContextId, Error, Message, OptionValue, PipeId};

/// What the socket's lock guards.
pub(crate) struct State {
    pub(crate) proto: Box<dyn Protocol>,
    pub(crate) core: Core,
}

impl State {
    /// Calls the protocol with its outbox.
    #[inline]
    pub(crate) fn drive<R>(&mut self, f: impl FnOnce(&mut dyn Protocol, &mut Turn<'_>) -> R) -> R {
        f(&mut *self.proto, &mut Turn::new(&mut self.core, None))
    }

    /// Lets the protocol send a message.
    #[inline]
    pub(super) fn try_send(&mut self, ctx: ContextId, msg: &mut Message, attempt: Attempt) -> Result<(), SendRefused> {
        let (core, proto) = (&mut self.core, &mut *self.proto);
        core.pace.begin(|| core.info.receives && (core.stashed > 0 || proto.has_undelivered()));
        let result = proto.try_send(ctx, msg, attempt, &mut Turn::new(core, None));
        self.core.pace.end();
        result
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
    pub(crate) fn poll_fd(&mut self, recv: bool) -> crate::Result<OptionValue> {
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
    pub(crate) fn poll_fd(&mut self, _recv: bool) -> crate::Result<OptionValue> {
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

    /// The application has messages that it has not taken, and nobody waits. What else arrives stays in the kernel for now: of a
    /// protocol that keeps no more than its queue takes it would be lost, although the application is only late.
    pub(super) fn is_late(&self) -> bool {
        self.core.hand.nobody_waits() && self.has_left()
    }

    /// Whether there are messages that the application has not taken. One with a poll descriptor is told of those of the socket alone, when the
    /// protocol has them.
    pub(super) fn has_left(&self) -> bool {
        match self.core.fds.any() {
            true => matches!(self.proto.can_recv(ContextId::SOCKET), 1..usize::MAX),
            false => self.core.stashed > 0 || self.proto.has_undelivered(),
        }
    }

    /// Delivers what a pipe has received to the protocol: until that pauses the pipe, a queue is full that would drop the rest, or a message went
    /// straight to the caller that receives, and is in `msg`. What comes behind it stays where it is.
    pub(super) fn feed(&mut self, reader: &mut Reader, feed: Feed, msg: &mut Message) -> Fed {
        let id = reader.pipe.id;
        self.core.hand.brimful = false;
        let Some(slot) = self.core.pipes.get(id) else { return Fed::default() };
        let limit = slot.limit;
        if slot.paused || slot.dead.is_some() || feed == Feed::Nothing {
            return Fed::default();
        }
        match (&mut reader.rx, &reader.pipe.link) {
            (SlotRx::Stream(rx), PipeLink::Stream(_, codec)) => {
                self.feed_from(id, feed, msg, |msg| rx.next(&**codec, limit, msg))
            }
            (SlotRx::Local(rx), _) => {
                // Many at a time: they are in the cache of the processor that sent them, and to fetch them one by one takes longer than a queue.
                let feed = if let Feed::To(_) = feed { Feed::Fitting } else { feed };
                self.feed_from(id, feed, msg, |msg| Ok(pop_into(&mut rx.batch, msg)))
            }
            (SlotRx::Stream(_), PipeLink::Local { .. }) => Fed::default(),
        }
    }

    #[inline]
    fn feed_from(
        &mut self,
        id: PipeId,
        feed: Feed,
        msg: &mut Message,
        mut next: impl FnMut(&mut Message) -> Result<bool, Error>,
    ) -> Fed {
        let mut traffic = Traffic::default();
        let mut fault = None;
        let mut flow = Flow::Continue;
        let taker = if let Feed::To(key) = feed { Some(key) } else { None };
        let mut turn = Turn::new(&mut self.core, taker);
        for _ in 0..FEED {
            match next(msg) {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) => {
                    fault = Some(e);
                    break;
                }
            }
            traffic.received(msg);
            msg.set_pipe(Some(id));
            flow = self.proto.pipe_received(id, msg, &mut turn);
            // The protocol may have asked to close the pipe.
            let yields = flow == Flow::Yield && feed != Feed::All;
            if turn.taken || yields || flow == Flow::Pause || !turn.core.todo.closes.is_empty() {
                break;
            }
        }
        let taken = turn.taken;
        self.core.hand.brimful = flow == Flow::Yield;
        if let Some(slot) = self.core.pipes.get_mut(id) {
            slot.paused |= flow == Flow::Pause;
            slot.traffic.add(traffic);
        }
        Fed { fault, taken }
    }

    /// Delivers the next message that has been read already, for a caller that receives with this key while nobody else does. `Some(true)`: it went
    /// straight into `msg`; `Some(false)`: the protocol has it. `None`: there is none.
    ///
    /// From a stream one at a time: what nobody waits for is as well where it is, and moved once instead of three times.
    #[inline]
    pub(super) fn next_stashed(&mut self, inner: &Inner, taker: ContextId, msg: &mut Message) -> Option<bool> {
        let (id, slot) = self.core.first_stashed()?;
        let reader = slot.rx.as_deref_mut()?;
        let next = match (&mut reader.rx, &reader.pipe.link) {
            (SlotRx::Stream(rx), PipeLink::Stream(_, codec)) => rx.next(&**codec, slot.limit, msg),
            _ => {
                self.unstash(inner, id, |st, reader| st.feed(reader, Feed::Fitting, msg).fault);
                return Some(false);
            }
        };
        if !matches!(next, Ok(true)) {
            self.unstash(inner, id, |_, _| next.err());
            return Some(false);
        }
        slot.traffic.received(msg);
        msg.set_pipe(Some(id));
        let mut turn = Turn::new(&mut self.core, Some(taker));
        let flow = self.proto.pipe_received(id, msg, &mut turn);
        let taken = turn.taken;
        if flow == Flow::Pause || !self.core.goes_on(id) {
            if let Some(slot) = self.core.pipes.get_mut(id) {
                slot.paused |= flow == Flow::Pause;
            }
            self.unstash(inner, id, |_, _| None);
        }
        Some(taken)
    }

    /// Takes the first pipe off the list, and has done with it what is to be done: `feed` answers what is wrong with it.
    #[inline(never)]
    fn unstash(&mut self, inner: &Inner, id: PipeId, feed: impl FnOnce(&mut Self, &mut Reader) -> Option<Error>) {
        let core = &mut self.core;
        core.hand.ready.pop_front();
        core.hand.next_turn();
        core.stashed -= 1;
        let Some(slot) = core.pipes.get_mut(id) else { return };
        slot.queued = false;
        if let Some(mut reader) = slot.rx.take() {
            let fault = feed(self, &mut reader);
            self.put_back(inner, reader, fault);
        }
    }

    /// A receiving side that was taken out of its slot, or used in it, and is done with for now: it is put back, and what is to be done with the pipe follows.
    pub(super) fn put_back(&mut self, inner: &Inner, mut reader: Box<Reader>, fault: Option<Error>) {
        let core = &mut self.core;
        core.chunks.extend(reader.chunk.take());
        let id = reader.pipe.id;
        let shares = core.pipes.len() > 1;
        let Some(slot) = core.pipes.get_mut(id) else {
            // This may be all that is left of the pipe.
            return core.effects.end(End::Reader(reader));
        };
        if let SlotRx::Stream(rx) = &mut reader.rx
            && shares
        {
            // An only pipe keeps the socket's only chunk.
            rx.settle(&mut core.chunks);
        }
        let messages = reader.has_messages();
        let more = reader.may_read_more(slot.hangup);
        let ended = reader.ended().cloned();
        core.stashed += usize::from(messages);
        slot.rx = Some(reader);
        if slot.dead.is_some() {
            // Whoever writes detaches it.
            return;
        }
        if let Some(fault) = fault {
            tracing::warn!(socket = %inner.id, pipe = %id, url = %slot.pipe.endpoint.url(), "closing pipe: {fault}");
            slot.pipe.endpoint.count_error(&fault);
            self.detach(inner, id, Some(fault));
        } else if messages || more || slot.pending {
            if slot.paused && (messages || !slot.hangup) {
                slot.pending = true;
            } else {
                core.ready(id);
            }
        } else if let Some(ended) = ended {
            // What the stream itself has found wrong, such as a WebSocket frame that is too large.
            if let Error::Protocol(_) | Error::MessageTooLarge(_) | Error::Crypto(_) = &ended {
                tracing::warn!(socket = %inner.id, pipe = %id, url = %slot.pipe.endpoint.url(), "closing pipe: {ended}");
                slot.pipe.endpoint.count_error(&ended);
            }
            self.detach(inner, id, Some(ended));
        } else if let PipeLink::Stream(stream, _) = &slot.pipe.link {
            let blocked = matches!(&slot.tx, SlotTx::Stream(tx) if tx.phase == Phase::Blocked);
            inner.poll.drained(inner.io().poll(), stream.fd(), id.get(), blocked);
        }
    }

    /// After a write, by whoever wrote. Answers what to write next, if the writer is willing to `go_on`.
    pub(super) fn written(
        &mut self,
        inner: &Inner,
        write: Write,
        result: std::io::Result<bool>,
        go_on: bool,
    ) -> Option<Write> {
        let Write { pipe, out } = write;
        let core = &mut self.core;
        let id = pipe.id;
        let slot = core.pipes.get_mut(id)?;
        let SlotTx::Stream(tx) = &mut slot.tx else { return None };
        let PipeLink::Stream(stream, _) = &slot.pipe.link else { return None };
        tx.pipe = Some(pipe);
        tx.taken = out.len();
        match result {
            Ok(true) => {
                tx.phase = Phase::Idle;
                if let Some(buffer) = out.recycle()
                    && core.buffers.len() < BUFFERS
                {
                    core.buffers.push(buffer);
                }
                let streams = core.pace.streams();
                if slot.dead.is_none() && !tx.out.is_empty() {
                    // A full pipe is always worth a write: senders wait for it.
                    if go_on && (!streams || slot.full || tx.out.is_due()) {
                        return tx.take();
                    }
                    // Appended during the write, so that its sender has not put the pipe on any list.
                    core.straggle(id);
                } else {
                    core.pace.written();
                    if slot.dead.is_none() && !slot.full {
                        return None;
                    }
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
                core.effects.end(End::Stream(slot.pipe.clone()));
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
    pub(super) fn room(&mut self, id: PipeId) {
        let Some(slot) = self.core.pipes.get_mut(id) else { return };
        let SlotTx::Stream(tx) = &slot.tx else { return };
        if slot.full && tx.phase != Phase::Dead && tx.pending() <= stream::HIGH_WATER / 2 {
            slot.full = false;
            self.drive(|proto, out| proto.pipe_writable(id, out));
        }
    }

    /// Writable pipes are flushed, by whoever saw the event.
    pub(super) fn unblock(&mut self, inner: &Inner) {
        while let Some(id) = self.core.hand.writable.pop() {
            let core = &mut self.core;
            let Some(slot) = core.pipes.get_mut(id) else { continue };
            let (SlotTx::Stream(tx), PipeLink::Stream(stream, _)) = (&mut slot.tx, &slot.pipe.link) else { continue };
            if tx.phase != Phase::Blocked {
                continue;
            }
            core.blocked -= 1;
            let _ = inner.poll.want_write(inner.io().poll(), stream.fd(), id.get(), false);
            tx.phase = Phase::Idle;
            if let Some(write) = tx.take() {
                core.effects.write(write);
            }
        }
    }

    /// Takes a pipe into the socket.
    ///
    /// # Errors
    /// The protocol refuses it.
    pub(crate) fn attach(&mut self, inner: &Inner, pipe: &Arc<PipeShared>, limit: usize) -> Result<(), Reject> {
        let (tx, rx) = match &pipe.link {
            PipeLink::Stream(..) => (SlotTx::Stream(Tx::new(pipe)), SlotRx::Stream(stream::Rx::default())),
            PipeLink::Local { .. } => (SlotTx::Local, SlotRx::Local(LocalRx::default())),
        };
        let slot = Slot {
            pipe: pipe.clone(),
            tx,
            rx: Some(Reader::new(pipe, rx)),
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
            self.core.pipes.remove(pipe.id);
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
                if stream.has_buffered() {
                    self.core.ready(pipe.id);
                }
            }
            PipeLink::Local { tx, rx } => {
                self.core.locals += 1;
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
        let Some(slot) = core.pipes.get_mut(id) else { return };
        if let SlotTx::Stream(tx) = &slot.tx
            && tx.phase == Phase::Writing
        {
            // Whoever writes detaches it on return; what could not be written is known only then.
            slot.dead = Some(why.unwrap_or(Error::Closed));
            core.effects.end(End::Stream(slot.pipe.clone()));
            return;
        }
        let Some(slot) = core.pipes.remove(id) else { return };
        let Slot { pipe, tx, rx, mut traffic, .. } = slot;
        match &rx {
            Some(rx) => core.stashed -= usize::from(rx.has_messages()),
            // A leader that sleeps with it would keep the connection's memory and descriptor.
            None => core.rouse_leader(),
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
            (PipeLink::Local { tx, .. }, _) => {
                core.locals -= 1;
                // What is on its way reaches a reader that is still there, as it does from the kernel's buffer; unless other pipes can have it.
                unsent.extend(tx.leave(core.info.returns_unsent && core.is_alive()));
            }
            (PipeLink::Stream(..), SlotTx::Local) => {}
        }
        // A transport may give back more than it was given.
        traffic.tx_msgs = traffic.tx_msgs.saturating_sub(unsent.len() as u64);
        core.counters.traffic.add(traffic);
        if !core.info.returns_unsent {
            core.counters.drops[DropCause::Closed.index()] += unsent.len() as u64;
            unsent.clear();
        }
        tracing::debug!(socket = %inner.id, pipe = %id, "pipe closed: {}", why.as_ref().map_or("by us", |e| e.text()));
        core.effects.end(End::Pipe(pipe));
        self.drive(|proto, out| proto.pipe_detached(id, unsent, out));
    }
}

/// How much of what has arrived goes to the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feed {
    Nothing,
    /// What its queues can hold.
    Fitting,
    /// The same, until a message goes straight to a caller that receives with this key.
    To(ContextId),
    /// All of it: nobody has come for what is in a full queue.
    All,
}

/// What came of feeding the protocol.
#[derive(Default)]
pub(super) struct Fed {
    /// What is wrong with the pipe.
    pub(super) fault: Option<Error>,
    /// A message went straight to the caller.
    pub(super) taken: bool,
}

fn slot_dead(core: &mut Core, id: PipeId) -> Option<Option<Error>> {
    core.pipes.get_mut(id)?.dead.take().map(Some)
}

impl Slot {
    /// Nothing is on its way to the kernel, or to the other socket.
    pub(super) fn is_written(&self) -> bool {
        match (&self.tx, &self.pipe.link) {
            (SlotTx::Stream(tx), _) => tx.phase == Phase::Dead || (tx.phase != Phase::Writing && tx.pending() == 0),
            (SlotTx::Local, PipeLink::Local { tx, .. }) => tx.is_taken(),
            (SlotTx::Local, PipeLink::Stream(..)) => true,
        }
    }
}

/// At most this many messages of one pipe are delivered in one hold of the lock, and before another pipe has its turn.
pub(super) const FEED: usize = 128;
/// Write buffers that a socket keeps.
const BUFFERS: usize = 4;
