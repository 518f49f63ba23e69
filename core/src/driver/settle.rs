//! The end of a turn: what the protocol asked for is done, and somebody is found to look after the pipes.

use super::handover::Drive;
use super::ledger::Life;
use super::pipe::Slot;
use super::socket::Inner;
use super::state::State;
use super::sys;
use crate::{ContextId, Error};

impl State {
    /// Ends a turn, still under the lock: closes what the protocol wants closed, gives messages and turns to those who wait, and sees to
    /// it that somebody looks after the pipes.
    pub(super) fn settle(&mut self, inner: &Inner) {
        if self.core.quiet() {
            self.core.now = None;
            return;
        }
        self.core.todo.any = false;
        self.unblock(inner);
        while let Some((pipe, reject)) = self.core.todo.closes.pop() {
            self.core.counters.rejects += 1;
            if let Some(slot) = self.core.pipes.get(pipe) {
                tracing::warn!(socket = %inner.id, %pipe, url = %slot.pipe.endpoint.url(), "closing pipe: {reject:?}");
                slot.pipe.endpoint.count_reject(reject);
            }
            self.detach(inner, pipe, Some(Error::Protocol(format!("{reject:?}").into())));
        }
        for ctx in std::mem::take(&mut self.core.todo.cancel) {
            let until = self.core.context(ctx).map_or(0, |c| c.canceled);
            self.core.end_waiters(Some(ctx), until);
        }
        for ctx in std::mem::take(&mut self.core.todo.recv) {
            self.dispatch(ctx);
        }
        for ctx in std::mem::take(&mut self.core.todo.send) {
            self.core.wake_senders(ctx);
        }
        self.hand_over(inner);
        if let Life::Open = self.core.life {
            self.core.fds.update(&*self.proto);
        }
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
    pub(super) fn hand_over(&mut self, inner: &Inner) {
        let left = self.core.hand.left && self.is_late();
        let core = &mut self.core;
        if !core.is_alive() {
            // What is on the list are pipes that are gone. Nobody reads them, so the I/O thread must not be asked to.
            core.hand.ready.clear();
        }
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
                    if left {
                        core.tick_later();
                    } else if !core.hand.ready.is_empty() {
                        core.effects.any = true;
                        core.effects.kick = true;
                    }
                    if core.hand.arm()
                        && let Err(e) = inner.poll.arm(inner.io().poll())
                    {
                        tracing::error!(socket = %inner.id, "cannot watch the socket, looking at it now and then: {e}");
                        core.hand.disarm();
                        core.tick_later();
                    }
                } else if !core.hand.ready.is_empty() {
                    // No edge will tell of what has been seen already, armed or not.
                    if self.core.fds.any() && !self.has_left() {
                        self.core.effects.any = true;
                        self.core.effects.kick = true;
                    } else {
                        self.core.tick_later();
                    }
                }
                self.core.watch = false;
            }
            Drive::Led { queue, ticket, asleep: true } => {
                // What came neither from a pipe nor through the leader's hands: a timeout's end, a message that was put back.
                let (reserved, first) =
                    core.context(queue).map_or((0, true), |c| (c.recv.reserved, c.recv.is_first(ticket)));
                let wake = !core.hand.ready.is_empty() || (first && self.proto.can_recv(queue) > reserved);
                if wake {
                    self.core.rouse_leader();
                }
            }
            Drive::Idle | Drive::Led { .. } | Drive::Background => {}
        }
    }
}
