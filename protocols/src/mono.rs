//! One exclusive peer: what both versions of pair have in common.

use std::collections::VecDeque;
use std::fmt;

use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, RecvError, Room, SendRefused};
use spanwire_core::{
    Attempt, ContextId, Error, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::inbox::Inbox;
use crate::options;
use crate::picker::Gate;

/// What differs between the versions of pair.
pub trait Hops: fmt::Debug + Default + Send + 'static {
    /// The facts about this version.
    const INFO: ProtocolInfo;

    /// Whether a message of the application can ever be made ready for the wire: one that can't must not wait for a peer.
    fn check(&mut self, msg: &Message) -> Result<()> {
        let _ = msg;
        Ok(())
    }

    /// Makes a message of the application ready for the wire.
    fn wrap(&mut self, msg: &mut Message) -> Result<()>;

    /// Makes a message from the wire ready for the application.
    fn unwrap(&mut self, msg: &mut Message) -> Verdict;

    /// A second peer was refused.
    fn refused(&mut self) {}

    /// Sets an option that only this version has.
    fn set_option(&mut self, name: &str, value: &OptionValue) -> Result<()> {
        let _ = value;
        options::unsupported(&Self::INFO, name)
    }

    /// Reads an option that only this version has.
    fn option(&self, name: &str) -> Result<OptionValue> {
        options::unsupported(&Self::INFO, name)
    }

    /// Counters that only this version has.
    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// What to do with a message from the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Deliver it.
    Good,
    /// It has passed too many devices.
    TooManyHops,
    /// The peer does not speak the protocol.
    Malformed,
}

/// The state machine behind all forms of pair with one peer.
#[derive(Debug)]
pub struct Mono<H> {
    peer: Peer,
    /// Ready for the wire. Holds something only while there is no ready peer.
    outgoing: VecDeque<Message>,
    limit: usize,
    incoming: Inbox,
    hops: H,
}

/// The peer.
///
/// ```text
///   Absent ──pipe_attached──► Present ──pipe_detached──► Absent
///      │                         └──it is malformed──► Leaving ──pipe_detached──► Absent
///      └──the socket closes, here or anywhere──► Closed
/// ```
#[derive(Debug)]
enum Peer {
    Absent,
    Present {
        pipe: PipeId,
        gate: Gate,
    },
    /// It will bring back what it has not sent, and that comes before what is sent to its successor.
    Leaving {
        pipe: PipeId,
    },
    Closed,
}

impl<H: Hops> Mono<H> {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = H::INFO;

    /// A pair socket without a peer. The seed is not needed.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        Self { peer: Peer::Absent, outgoing: VecDeque::new(), limit: 0, incoming: Inbox::new(0), hops: H::default() }
    }

    fn is_peer(&self, pipe: PipeId) -> bool {
        matches!(self.peer, Peer::Present { pipe: peer, .. } if peer == pipe)
    }

    /// Sends what waits, then lets waiting callers try.
    fn pump(&mut self, out: &mut dyn Outbox) {
        if let Peer::Present { pipe, gate } = &mut self.peer {
            while *gate == Gate::Ready
                && let Some(mut msg) = self.outgoing.pop_front()
            {
                if out.send(*pipe, &mut msg) == Room::Full {
                    *gate = Gate::Full;
                }
            }
        }
        if self.can_send(ContextId::SOCKET) {
            out.wake_send(ContextId::SOCKET);
        }
    }
}

impl<H: Hops> Protocol for Mono<H> {
    fn info(&self) -> &'static ProtocolInfo {
        &H::INFO
    }

    fn pipe_attached(&mut self, pipe: PipeId, _attrs: PipeAttrs, out: &mut dyn Outbox) -> Result<(), Reject> {
        if !matches!(self.peer, Peer::Absent) {
            self.hops.refused();
            return Err(Reject::Already);
        }
        self.peer = Peer::Present { pipe, gate: Gate::Ready };
        self.pump(out);
        Ok(())
    }

    fn pipe_detached(&mut self, pipe: PipeId, unsent: Vec<Message>, out: &mut dyn Outbox) {
        if matches!(self.peer, Peer::Closed) {
            return options::drop_closed(unsent.len(), out);
        }
        for msg in unsent.into_iter().rev() {
            self.outgoing.push_front(msg);
        }
        if self.is_peer(pipe) || matches!(self.peer, Peer::Leaving { pipe: leaving } if leaving == pipe) {
            self.peer = Peer::Absent;
            self.incoming.detach(pipe);
        }
    }

    fn pipe_writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        if self.is_peer(pipe) {
            self.peer = Peer::Present { pipe, gate: Gate::Ready };
            self.pump(out);
        }
    }

    fn pipe_received(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        if !self.is_peer(pipe) {
            return Flow::Pause;
        }
        match self.hops.unwrap(msg) {
            Verdict::Good => self.incoming.push(pipe, msg, out),
            Verdict::TooManyHops => {
                out.count_drop(DropCause::TtlExceeded, 1);
                Flow::Continue
            }
            Verdict::Malformed => {
                self.peer = Peer::Leaving { pipe };
                self.incoming.detach(pipe);
                out.close(pipe, Reject::Malformed);
                Flow::Pause
            }
        }
    }

    fn try_send(
        &mut self,
        _ctx: ContextId,
        msg: &mut Message,
        _attempt: Attempt,
        out: &mut dyn Outbox,
    ) -> Result<(), SendRefused> {
        if let Err(error) = self.hops.check(msg) {
            return Err(SendRefused::Failed(error));
        }
        if !self.can_send(ContextId::SOCKET) {
            return Err(SendRefused::Full);
        }
        if let Err(error) = self.hops.wrap(msg) {
            return Err(SendRefused::Failed(error));
        }
        match &mut self.peer {
            Peer::Present { pipe, gate } if *gate == Gate::Ready => {
                if out.send(*pipe, msg) == Room::Full {
                    *gate = Gate::Full;
                }
            }
            Peer::Present { .. } | Peer::Absent | Peer::Leaving { .. } | Peer::Closed => {
                self.outgoing.push_back(std::mem::take(msg))
            }
        }
        Ok(())
    }

    fn try_recv(
        &mut self,
        _ctx: ContextId,
        _attempt: Attempt,
        msg: &mut Message,
        out: &mut dyn Outbox,
    ) -> Result<(), RecvError> {
        self.incoming.pop(msg, out)
    }

    fn unrecv(&mut self, _ctx: ContextId, msg: Message, out: &mut dyn Outbox) {
        self.incoming.put_back(msg);
        out.wake_recv(ContextId::SOCKET);
    }

    fn can_send(&self, _ctx: ContextId) -> bool {
        matches!(self.peer, Peer::Present { gate: Gate::Ready, .. }) || self.outgoing.len() < self.limit
    }

    fn can_recv(&self, _ctx: ContextId) -> usize {
        self.incoming.len()
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if ctx == ContextId::SOCKET {
            options::drop_closed(self.outgoing.len(), out);
            self.outgoing.clear();
            self.incoming.clear(out);
            self.peer = Peer::Closed;
        }
    }

    fn set_option(&mut self, _ctx: ContextId, name: &str, value: &OptionValue, out: &mut dyn Outbox) -> Result<()> {
        match name {
            names::SEND_BUFFER => {
                self.limit = options::count(name, value)?;
                self.pump(out);
                Ok(())
            }
            names::RECV_BUFFER => {
                self.incoming.set_limit(options::count(name, value)?, out);
                Ok(())
            }
            _ => self.hops.set_option(name, value),
        }
    }

    fn option(&self, _ctx: ContextId, name: &str) -> Result<OptionValue> {
        match name {
            names::SEND_BUFFER => Ok(options::from_count(self.limit)),
            names::RECV_BUFFER => Ok(options::from_count(self.incoming.limit())),
            _ => self.hops.option(name),
        }
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.hops.counters()
    }

    fn unsent(&self) -> usize {
        self.outgoing.len()
    }

    fn held(&self) -> usize {
        self.outgoing.len() + self.incoming.len()
    }
}

/// For a raw message whose header is not a hop count.
pub(crate) fn bad_hop_header(header: &[u8]) -> Error {
    Error::Protocol(format!("a raw pair1 message needs a header of 4 bytes, at most 0xfe, not {header:02x?}").into())
}
