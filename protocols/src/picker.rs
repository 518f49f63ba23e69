//! Which pipe a message goes to: round robin among the ready ones of the best priority.

use spanwire_core::protocol::Room;
use spanwire_core::table::Table;
use spanwire_core::{Message, Outbox, PipeAttrs, PipeId};

use crate::levels::Levels;

/// The pipes of a protocol that sends each message to one of them. Picking takes constant time, whatever their number.
#[derive(Debug, Default)]
pub(crate) struct Picker {
    pipes: Table<PipeId, Port>,
    ready: Levels<PipeId>,
}

#[derive(Debug)]
struct Port {
    priority: u8,
    gate: Gate,
}

/// Whether a pipe can take a message.
///
/// ```text
///          send answers Full
///   Ready ──────────────────► Full
///     ▲      pipe_writable     │
///     └────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Ready,
    Full,
}

impl Picker {
    pub(crate) fn attach(&mut self, pipe: PipeId, attrs: PipeAttrs) {
        self.pipes.insert(pipe, Port { priority: attrs.send_priority, gate: Gate::Ready });
        self.ready.push(attrs.send_priority, pipe);
    }

    /// Forgets a pipe. `false` if it was not known.
    pub(crate) fn detach(&mut self, pipe: PipeId) -> bool {
        let Some(port) = self.pipes.remove(pipe) else { return false };
        if port.gate == Gate::Ready {
            self.ready.remove(port.priority, |other| *other == pipe);
        }
        true
    }

    pub(crate) fn writable(&mut self, pipe: PipeId) {
        if let Some(port) = self.pipes.get_mut(pipe)
            && port.gate == Gate::Full
        {
            port.gate = Gate::Ready;
            self.ready.push(port.priority, pipe);
        }
    }

    pub(crate) fn knows(&self, pipe: PipeId) -> bool {
        self.pipes.contains(pipe)
    }

    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The pipe whose turn it is, to be sent on with [`send`](Self::send).
    #[inline]
    pub(crate) fn pick(&self) -> Option<Turn> {
        self.ready.first().map(|pipe| Turn { pipe: *pipe })
    }

    /// Sends on the pipe that was picked.
    #[inline]
    pub(crate) fn send(&mut self, turn: Turn, msg: &mut Message, out: &mut dyn Outbox) -> PipeId {
        match out.send(turn.pipe, msg) {
            Room::More => self.ready.rotate(),
            Room::Full => self.fill(turn.pipe),
        }
        turn.pipe
    }

    /// The pipe that was picked takes no more.
    #[cold]
    fn fill(&mut self, pipe: PipeId) {
        self.ready.pop();
        if let Some(port) = self.pipes.get_mut(pipe) {
            port.gate = Gate::Full;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.pipes.clear();
        self.ready.clear();
    }
}

/// A pipe that was picked.
#[derive(Debug)]
#[must_use]
pub(crate) struct Turn {
    pipe: PipeId,
}
