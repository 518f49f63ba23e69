//! A bounded queue of received messages that pauses the pipes it comes from.

use std::collections::VecDeque;

use spanwire_core::message::{pop_into, push_from};
use spanwire_core::protocol::{Flow, RecvError};
use spanwire_core::{ContextId, Message, Outbox, PipeId};

use crate::options;

/// Messages from several pipes in the order in which they came. Holds `limit` messages; a pipe that delivers more is paused
/// after each, so that it is exceeded by at most one message a pipe.
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: VecDeque<Message>,
    limit: usize,
    paused: Vec<PipeId>,
}

impl Inbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self { queue: VecDeque::new(), limit, paused: Vec::new() }
    }

    /// Takes a message in: into the hands of who receives now, or into the queue.
    pub(crate) fn push(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        if self.queue.is_empty() && out.deliver(ContextId::SOCKET) {
            return Flow::Continue;
        }
        push_from(&mut self.queue, msg);
        out.wake_recv(ContextId::SOCKET);
        if self.queue.len() <= self.limit {
            return Flow::Continue;
        }
        self.paused.push(pipe);
        Flow::Pause
    }

    /// The next message, as [`Protocol::try_recv`](spanwire_core::Protocol::try_recv) hands it over.
    pub(crate) fn pop(&mut self, msg: &mut Message, out: &mut dyn Outbox) -> Result<(), RecvError> {
        let popped = pop_into(&mut self.queue, msg);
        self.resume(out);
        if popped { Ok(()) } else { Err(RecvError::Empty) }
    }

    /// Puts a message back at the head.
    pub(crate) fn put_back(&mut self, msg: Message) {
        self.queue.push_front(msg);
    }

    /// Forgets a pipe. Its messages stay.
    pub(crate) fn detach(&mut self, pipe: PipeId) {
        self.paused.retain(|other| *other != pipe);
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn set_limit(&mut self, limit: usize, out: &mut dyn Outbox) {
        self.limit = limit;
        self.resume(out);
    }

    pub(crate) fn clear(&mut self, out: &mut dyn Outbox) {
        options::drop_closed(self.queue.len(), out);
        self.queue.clear();
        self.paused.clear();
    }

    fn resume(&mut self, out: &mut dyn Outbox) {
        if self.queue.len() <= self.limit {
            for pipe in self.paused.drain(..) {
                out.resume(pipe);
            }
        }
    }
}
