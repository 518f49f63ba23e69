//! Pair, version 1, polyamorous: many peers, and the message says which one it goes to.
//!
//! Received messages carry their pipe; a message that is sent goes to its pipe, or to the first one that is still there if it
//! names none. Peers can be polyamorous or not.
//!
//! ```text
//!   try_send ──► has any peer ever come? ──no──► the caller waits
//!                    │ yes
//!                    ▼
//!             the pipe is known? ──no──► dropped         pipe ──► queue (`recv-buffer`, one more a pipe) ──► try_recv
//!                    │ yes                                             │ full
//!                    ▼                                                 ▼
//!             pipe, or its queue of 2 ── full ──► dropped         the pipe pauses
//! ```
//!
//! **Dropped:** messages to an unknown pipe (`drop_no_pipe`) or to one whose queue is full (`drop_tx_full`), both also in `tx_drop`;
//! a queue whose pipe closes (`drop_closed`); messages that have passed more than `ttl-max` devices (`drop_ttl`).
//! **Options:** `recv-buffer` (0), `ttl-max` (8), `pair1:polyamorous` (true, read only).
//! **Errors:** none of its own. A peer whose message has no hop count, or one above 0xff, is disconnected.
//! **On the wire:** `u32` hop count, then the body.

use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, RecvError, SendRefused};
use spanwire_core::{
    Attempt, ContextId, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::fanout::{Fanout, Overflow, Sent};
use crate::inbox::Inbox;
use crate::mono::{Hops, Verdict};
use crate::options;
use crate::pair1::{HopCount, Pair1Form};

/// Pair, version 1, polyamorous.
#[derive(Debug)]
pub struct Pair1Poly {
    peers: Fanout,
    order: Order,
    incoming: Inbox,
    hops: HopCount,
}

/// ```text
///   NoneYet ──the first pipe──► Started
/// ```
#[derive(Debug)]
enum Order {
    NoneYet,
    /// The pipes, oldest first.
    Started(Vec<PipeId>),
}

impl Pair1Poly {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = ProtocolInfo { returns_unsent: false, ..Pair1Form::INFO };

    /// A socket without peers. The seed is not needed.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        Self {
            peers: Fanout::new(QUEUE, Overflow::Newest),
            order: Order::NoneYet,
            incoming: Inbox::new(0),
            hops: HopCount::default(),
        }
    }

    fn forget(&mut self, pipe: PipeId, out: &mut dyn Outbox) -> bool {
        if let Order::Started(pipes) = &mut self.order {
            pipes.retain(|other| *other != pipe);
        }
        self.incoming.detach(pipe);
        self.peers.detach(pipe, out)
    }
}

impl Protocol for Pair1Poly {
    fn info(&self) -> &'static ProtocolInfo {
        &Self::INFO
    }

    fn pipe_attached(&mut self, pipe: PipeId, _attrs: PipeAttrs, out: &mut dyn Outbox) -> Result<(), Reject> {
        self.peers.attach(pipe);
        match &mut self.order {
            Order::Started(pipes) => pipes.push(pipe),
            Order::NoneYet => {
                self.order = Order::Started(vec![pipe]);
                out.wake_send(ContextId::SOCKET);
            }
        }
        Ok(())
    }

    fn pipe_detached(&mut self, pipe: PipeId, _unsent: Vec<Message>, out: &mut dyn Outbox) {
        self.forget(pipe, out);
    }

    fn pipe_writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        self.peers.writable(pipe, out);
    }

    fn pipe_received(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        if !self.peers.knows(pipe) {
            return Flow::Pause;
        }
        match self.hops.receive(msg) {
            Verdict::Good => {
                msg.set_pipe(Some(pipe));
                self.incoming.push(pipe, msg, out)
            }
            Verdict::TooManyHops => {
                out.count_drop(DropCause::TtlExceeded, 1);
                Flow::Continue
            }
            Verdict::Malformed => {
                self.forget(pipe, out);
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
        let Order::Started(pipes) = &self.order else { return Err(SendRefused::Full) };
        let sent = match msg.pipe().or_else(|| pipes.first().copied()) {
            Some(pipe) => {
                HopCount::start(msg);
                self.peers.send_to(pipe, msg, out)
            }
            None => {
                out.count_drop(DropCause::NoPipe, 1);
                Sent::Dropped
            }
        };
        if sent == Sent::Dropped {
            self.hops.tx_drop += 1;
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
        matches!(self.order, Order::Started(_))
    }

    fn can_recv(&self, _ctx: ContextId) -> usize {
        self.incoming.len()
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if ctx == ContextId::SOCKET {
            self.peers.clear(out);
            self.incoming.clear(out);
        }
    }

    fn set_option(&mut self, _ctx: ContextId, name: &str, value: &OptionValue, out: &mut dyn Outbox) -> Result<()> {
        match name {
            names::RECV_BUFFER => {
                self.incoming.set_limit(options::count(name, value)?, out);
                Ok(())
            }
            _ => self.hops.set_option(&Self::INFO, name, value),
        }
    }

    fn option(&self, _ctx: ContextId, name: &str) -> Result<OptionValue> {
        match name {
            names::RECV_BUFFER => Ok(options::from_count(self.incoming.limit())),
            _ => self.hops.option(&Self::INFO, true, name),
        }
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.hops.counters(&Self::INFO, true)
    }

    fn unsent(&self) -> usize {
        self.peers.queued()
    }

    fn held(&self) -> usize {
        self.peers.queued() + self.incoming.len()
    }
}

/// Per pipe, as in NNG.
const QUEUE: usize = 2;
