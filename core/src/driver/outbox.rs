//! The outbox of the protocol during a turn.

use std::time::Instant;

use super::dirty;
use super::ledger::Core;
use super::pipe::{PipeLink, SlotTx};
use super::stream::{self, Phase};
use super::sync;
use crate::protocol::{DropCause, Reject, Room};
use crate::{ContextId, Message, Outbox, PipeId};

/// The outbox of the protocol during a turn.
pub(crate) struct Turn<'a> {
    pub(super) core: &'a mut Core,
    /// Who receives now: the next message of this context may go straight there.
    taker: Option<ContextId>,
    /// It has.
    pub(super) taken: bool,
}

impl<'a> Turn<'a> {
    #[inline]
    pub(super) fn new(core: &'a mut Core, taker: Option<ContextId>) -> Self {
        Self { core, taker, taken: false }
    }
}

impl Outbox for Turn<'_> {
    fn now(&mut self) -> Instant {
        *self.core.now.get_or_insert_with(sync::now)
    }

    fn send(&mut self, pipe: PipeId, msg: &mut Message) -> Room {
        let core = &mut *self.core;
        let Some(slot) = core.pipes.get_mut(pipe) else {
            core.counters.drops[DropCause::NoPipe.index()] += 1;
            return Room::Full;
        };
        slot.traffic.tx_msgs += 1;
        match (&mut slot.tx, &slot.pipe.link) {
            (SlotTx::Stream(tx), PipeLink::Stream(_, codec)) => {
                if tx.out.is_unallocated()
                    && let Some(buffer) = core.buffers.pop()
                {
                    tx.out = buffer;
                }
                slot.traffic.tx_bytes += tx.out.push(&**codec, msg) as u64;
                slot.full = tx.pending() >= stream::HIGH_WATER;
                let room = if slot.full { Room::Full } else { Room::More };
                if tx.phase != Phase::Idle {
                    // Whoever writes goes on with this one, or sees to it when the pipe is writable.
                } else if !core.pace.collects() || tx.out.is_due() {
                    if let Some(write) = tx.take() {
                        core.effects.write(write);
                    }
                } else {
                    let me = dirty::me();
                    if tx.listed != me {
                        tx.listed = me;
                        dirty::list(&core.me, pipe);
                    }
                    if !tx.ticking {
                        core.straggle(pipe);
                    }
                }
                room
            }
            (SlotTx::Local, PipeLink::Local { tx, .. }) => {
                slot.traffic.tx_bytes += (msg.header().len() + msg.len()) as u64;
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
        let Some(slot) = self.core.pipes.get_mut(pipe) else { return };
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
        if self.core.hand.nobody_listens() {
            return;
        }
        let todo = &mut self.core.todo;
        todo.any = true;
        if todo.recv.last() != Some(&ctx) {
            todo.recv.push(ctx);
        }
    }

    fn deliver(&mut self, ctx: ContextId) -> bool {
        self.taken = self.taker == Some(ctx);
        self.taken
    }

    fn cancel(&mut self, ctx: ContextId) {
        let last = self.core.hand.last_ticket();
        if let Some(context) = self.core.context_mut(ctx) {
            context.canceled = last;
            self.core.todo.any = true;
            self.core.todo.cancel.push(ctx);
        }
    }

    fn count_drop(&mut self, cause: DropCause, n: usize) {
        self.core.counters.drops[cause.index()] += n as u64;
    }
}

impl Core {
    /// Has the I/O thread write what is left on this pipe, unless somebody does before.
    pub(super) fn straggle(&mut self, id: PipeId) {
        let Some(slot) = self.pipes.get_mut(id) else { return };
        let SlotTx::Stream(tx) = &mut slot.tx else { return };
        if !std::mem::replace(&mut tx.ticking, true) {
            tx.written = true;
            self.streaming.push(id);
            if !std::mem::replace(&mut self.straggling, true) {
                self.effects.any = true;
                self.effects.straggle = true;
            }
        }
    }
}
