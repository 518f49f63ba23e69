//! Queues towards several peers, one each: a slow peer loses messages, the others don't notice.

use std::collections::VecDeque;

use spanwire_core::protocol::{DropCause, Room};
use spanwire_core::table::Table;
use spanwire_core::{Message, Outbox, PipeId};

use crate::options;
use crate::picker::Gate;

/// What a full queue drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    Oldest,
    Newest,
}

/// The pipes of a protocol that sends to several of them or to a chosen one, each with a bounded queue.
#[derive(Debug)]
pub(crate) struct Fanout {
    lanes: Table<PipeId, Lane>,
    limit: usize,
    overflow: Overflow,
    queued: usize,
}

/// A pipe's queue holds something only while the pipe is full.
#[derive(Debug)]
struct Lane {
    gate: Gate,
    queue: VecDeque<Message>,
}

impl Fanout {
    pub(crate) fn new(limit: usize, overflow: Overflow) -> Self {
        Self { lanes: Table::default(), limit, overflow, queued: 0 }
    }

    pub(crate) fn attach(&mut self, pipe: PipeId) {
        self.lanes.insert(pipe, Lane { gate: Gate::Ready, queue: VecDeque::new() });
    }

    /// Forgets a pipe and drops what waited for it. `false` if it was not known.
    pub(crate) fn detach(&mut self, pipe: PipeId, out: &mut dyn Outbox) -> bool {
        let Some(lane) = self.lanes.remove(pipe) else { return false };
        let lost = lane.queue.len();
        self.queued -= lost;
        options::drop_closed(lost, out);
        true
    }

    pub(crate) fn writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        let Some(lane) = self.lanes.get_mut(pipe) else { return };
        lane.gate = Gate::Ready;
        while lane.gate == Gate::Ready {
            let Some(mut msg) = lane.queue.pop_front() else { break };
            self.queued -= 1;
            lane.hand_over(pipe, &mut msg, out);
        }
    }

    pub(crate) fn knows(&self, pipe: PipeId) -> bool {
        self.lanes.contains(pipe)
    }

    /// Sends to every pipe but one.
    pub(crate) fn send_all(&mut self, msg: &mut Message, except: Option<PipeId>, out: &mut dyn Outbox) {
        if self.lanes.len() > 1 {
            msg.freeze();
        }
        let mut lanes = self.lanes.iter_mut().filter(|(pipe, _)| Some(*pipe) != except);
        let Some((mut pipe, mut lane)) = lanes.next() else { return };
        // One behind, so that the last one gets the message itself and not a copy.
        for (next_pipe, next_lane) in lanes {
            lane.offer(pipe, &mut msg.clone(), self.limit, self.overflow, &mut self.queued, out);
            (pipe, lane) = (next_pipe, next_lane);
        }
        lane.offer(pipe, msg, self.limit, self.overflow, &mut self.queued, out);
    }

    /// Sends to one pipe, or drops the message.
    pub(crate) fn send_to(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Sent {
        match self.lanes.get_mut(pipe) {
            Some(lane) => lane.offer(pipe, msg, self.limit, self.overflow, &mut self.queued, out),
            None => {
                out.count_drop(DropCause::NoPipe, 1);
                Sent::Dropped
            }
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Changes the bound of each queue. What is queued stays.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// How many messages wait, over all pipes.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    pub(crate) fn clear(&mut self, out: &mut dyn Outbox) {
        options::drop_closed(self.queued, out);
        self.queued = 0;
        self.lanes.clear();
    }
}

/// What became of a message for one pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The pipe or its queue has it.
    Taken,
    /// It, or an older one, was dropped and counted.
    Dropped,
}

impl Lane {
    fn offer(
        &mut self,
        pipe: PipeId,
        msg: &mut Message,
        limit: usize,
        overflow: Overflow,
        queued: &mut usize,
        out: &mut dyn Outbox,
    ) -> Sent {
        if self.gate == Gate::Ready {
            self.hand_over(pipe, msg, out);
            return Sent::Taken;
        }
        if self.queue.len() < limit {
            self.queue.push_back(std::mem::take(msg));
            *queued += 1;
            return Sent::Taken;
        }
        out.count_drop(DropCause::SendQueueFull, 1);
        if overflow == Overflow::Oldest && self.queue.pop_front().is_some() {
            self.queue.push_back(std::mem::take(msg));
        }
        Sent::Dropped
    }

    fn hand_over(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) {
        self.gate = match out.send(pipe, msg) {
            Room::More => Gate::Ready,
            Room::Full => Gate::Full,
        };
    }
}
