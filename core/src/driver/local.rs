//! Connections between two sockets of one process: a bounded queue each way, and messages handed over by value.
//!
//! A channel never calls into a socket. Pushing answers whether its reader has to be told, popping whether its writer has; the
//! caller does that after it has released its own socket's lock. Lock order: socket, then channel.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use super::notify::Notified;
use super::sync::{Mutex, MutexGuard};
use crate::Message;
use crate::message::push_from;

/// One end of a connection between two sockets of one process.
pub struct LocalLink {
    /// Where to send and where to receive; `None` once a pipe has taken them over.
    ends: Option<(Arc<Channel>, Arc<Channel>)>,
}

impl LocalLink {
    /// The channels, to be closed by the caller from now on.
    pub(crate) fn take(mut self) -> (Arc<Channel>, Arc<Channel>) {
        self.ends.take().unwrap_or_else(|| unreachable!("taken once, by value"))
    }
}

/// A connection between two sockets of this process: one link for each of them.
///
/// `depth` is how many messages each direction may hold, see [`ProtocolInfo::pipe_depth`](crate::ProtocolInfo::pipe_depth).
pub fn local_pair(depth: usize) -> (LocalLink, LocalLink) {
    let (a, b) = (Arc::new(Channel::new(depth)), Arc::new(Channel::new(depth)));
    (LocalLink { ends: Some((a.clone(), b.clone())) }, LocalLink { ends: Some((b, a)) })
}

impl Drop for LocalLink {
    fn drop(&mut self) {
        if let Some((tx, rx)) = self.ends.take() {
            tx.close();
            rx.close();
        }
    }
}

/// One direction of a local connection.
pub(crate) struct Channel {
    state: Mutex<ChannelState>,
    depth: usize,
}

struct ChannelState {
    queue: VecDeque<Message>,
    closed: bool,
    /// The reader has been told that there is something, and has not found the queue empty since.
    told_reader: bool,
    /// What the reader took last has not reached the transport. Only readers that say so.
    in_hand: bool,
    /// The writer has gone: it takes nothing back any more.
    left: bool,
    /// The reader has given back what it could not use.
    returned: bool,
    /// The writer found the queue full, or lingers, and wants to be told when the queue is taken.
    writer_waits: bool,
    reader: Notified,
    writer: Notified,
}

/// What became of a push.
pub(crate) struct Pushed {
    /// The queue is full now.
    pub(crate) full: bool,
    /// The reader has to be told.
    pub(crate) tell: bool,
}

impl ChannelState {
    fn take(&mut self, into: &mut VecDeque<Message>) -> (bool, bool) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut self.queue, into);
        // One that found something looks again, by itself.
        self.told_reader = self.closed || !into.is_empty();
        (std::mem::take(&mut self.writer_waits), self.closed)
    }
}

impl Channel {
    fn new(depth: usize) -> Self {
        Self {
            state: Mutex::new(ChannelState {
                queue: VecDeque::new(),
                closed: false,
                told_reader: false,
                in_hand: false,
                left: false,
                returned: false,
                writer_waits: false,
                reader: Notified::Nobody,
                writer: Notified::Nobody,
            }),
            depth: depth.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says who reads. Answers whether there is something to read, or the end, already.
    pub(crate) fn set_reader(&self, reader: Notified) -> bool {
        let mut state = self.lock();
        state.reader = reader;
        state.told_reader = !state.queue.is_empty() || state.closed;
        state.told_reader
    }

    /// Says who writes.
    pub(crate) fn set_writer(&self, writer: Notified) {
        self.lock().writer = writer;
    }

    /// Adds a message. Never refuses one: it is the writer who must stop when the queue is full.
    pub(crate) fn push(&self, msg: &mut Message) -> Pushed {
        let mut state = self.lock();
        push_from(&mut state.queue, msg);
        if state.closed {
            // The reader is gone and the writer does not know yet: it takes the message back when it does.
            return Pushed { full: true, tell: false };
        }
        let full = state.queue.len() >= self.depth;
        state.writer_waits |= full;
        let tell = !std::mem::replace(&mut state.told_reader, true);
        Pushed { full, tell }
    }

    /// Takes everything, in exchange for an empty queue. Who finds something must come again. Answers whether the writer has to be told, and whether the channel has
    /// ended: then nothing more will come.
    pub(crate) fn take(&self, into: &mut VecDeque<Message>) -> (bool, bool) {
        self.lock().take(into)
    }

    /// As [`take`](Self::take), and what was taken is on its way until it is [`delivered`](Self::delivered).
    pub(crate) fn take_in_hand(&self, into: &mut VecDeque<Message>) -> (bool, bool) {
        let mut state = self.lock();
        let taken = state.take(into);
        state.in_hand = !into.is_empty();
        taken
    }

    /// What was taken in hand has arrived. Answers whether the writer has to be told.
    pub(crate) fn delivered(&self) -> bool {
        let mut state = self.lock();
        state.in_hand = false;
        // If there is more, the next take tells.
        state.queue.is_empty() && std::mem::take(&mut state.writer_waits)
    }

    /// Whether more than half of the queue is free.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.lock();
        !state.closed && state.queue.len() * 2 <= self.depth
    }

    /// Whether one side has closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether nothing is on its way. Otherwise the writer is told when it has been taken.
    pub(crate) fn is_taken(&self) -> bool {
        let mut state = self.lock();
        let taken = state.queue.is_empty() && !state.in_hand;
        state.writer_waits |= !taken;
        taken
    }

    /// The reader could do nothing with what it took in hand: the writer takes it back when the channel has been closed. Answers how many
    /// messages nobody takes back.
    pub(crate) fn give_back(&self, mut messages: VecDeque<Message>) -> usize {
        let mut state = self.lock();
        state.in_hand = false;
        if state.left {
            return messages.len() + std::mem::take(&mut state.queue).len();
        }
        messages.append(&mut state.queue);
        state.queue = messages;
        state.returned = true;
        0
    }

    /// The writer goes. It takes back what was pushed and not taken if the reader has gone before, or if it wants to: otherwise that is still on its
    /// way.
    pub(crate) fn leave(&self, take: bool) -> VecDeque<Message> {
        let mut state = self.lock();
        state.left = true;
        if take || state.closed || state.returned { std::mem::take(&mut state.queue) } else { VecDeque::new() }
    }

    /// Nothing more is written. What is in the queue can still be read. Both sides are told, by the caller's thread, so it
    /// must hold no lock.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.closed, true) {
            return;
        }
        state.told_reader = true;
        let (reader, writer) = (std::mem::take(&mut state.reader), std::mem::take(&mut state.writer));
        drop(state);
        reader.tell_readable();
        writer.tell_hangup();
    }

    /// Who has to be told when [`Pushed::tell`] says so.
    pub(crate) fn reader(&self) -> Notified {
        self.lock().reader.clone()
    }

    /// Who has to be told when [`take`](Self::take) says so.
    pub(crate) fn writer(&self) -> Notified {
        self.lock().writer.clone()
    }
}
