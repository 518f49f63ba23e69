//! Pub: one sender, many subscribers. Never blocks.
//!
//! Each message goes to every subscriber, which filters for itself. Up to `send-buffer` messages wait for each peer that is slow;
//! beyond that its *oldest* waiting message is dropped, so that a slow peer sees the newest data and nobody else notices.
//!
//! ```text
//!   per pipe:   Ready ── pipe full ──► Queueing ── queue full ──► Queueing, the oldest is dropped
//!                 ▲                        │
//!                 └──── queue drained ─────┘
//! ```
//!
//! **Dropped:** the oldest message of a full queue (`drop_tx_full`); a queue whose pipe closes (`drop_closed`).
//! **Options:** `send-buffer` (16 a pipe). **Errors:** receive is `NotSupported`; a peer that sends anything is disconnected.
//! **On the wire:** the body alone. It starts with the topic.

use std::marker::PhantomData;

use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, RecvError, SendRefused};
use spanwire_core::{
    Attempt, ContextId, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::Form;
use crate::fanout::{Fanout, Overflow};
use crate::options;

/// Pub.
pub type Pub = Publisher<PubForm>;

/// Raw pub: the same, since there is no header.
pub type RawPub = Publisher<RawPubForm>;

/// The state machine behind [`Pub`] and [`RawPub`].
#[derive(Debug)]
pub struct Publisher<F> {
    peers: Fanout,
    form: PhantomData<F>,
}

impl<F: Form> Publisher<F> {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = F::INFO;

    /// A pub socket without pipes. The seed is not needed.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        Self { peers: Fanout::new(SEND_BUFFER, Overflow::Oldest), form: PhantomData }
    }
}

impl<F: Form> Protocol for Publisher<F> {
    fn info(&self) -> &'static ProtocolInfo {
        &F::INFO
    }

    fn pipe_attached(&mut self, pipe: PipeId, _attrs: PipeAttrs, _out: &mut dyn Outbox) -> Result<(), Reject> {
        self.peers.attach(pipe);
        Ok(())
    }

    fn pipe_detached(&mut self, pipe: PipeId, _unsent: Vec<Message>, out: &mut dyn Outbox) {
        self.peers.detach(pipe, out);
    }

    fn pipe_writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        self.peers.writable(pipe, out);
    }

    /// A subscriber has nothing to say.
    fn pipe_received(&mut self, pipe: PipeId, _msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        if self.peers.detach(pipe, out) {
            out.close(pipe, Reject::Malformed);
        }
        Flow::Pause
    }

    fn try_send(
        &mut self,
        _ctx: ContextId,
        msg: &mut Message,
        _attempt: Attempt,
        out: &mut dyn Outbox,
    ) -> Result<(), SendRefused> {
        msg.clear_header();
        self.peers.send_all(msg, None, out);
        Ok(())
    }

    fn try_recv(
        &mut self,
        _ctx: ContextId,
        _attempt: Attempt,
        _msg: &mut Message,
        _out: &mut dyn Outbox,
    ) -> Result<(), RecvError> {
        Err(RecvError::Failed(options::no_direction(&F::INFO, "receive")))
    }

    fn unrecv(&mut self, _ctx: ContextId, _msg: Message, out: &mut dyn Outbox) {
        out.count_drop(DropCause::Stale, 1);
    }

    fn can_send(&self, _ctx: ContextId) -> bool {
        true
    }

    fn can_recv(&self, _ctx: ContextId) -> usize {
        0
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if ctx == ContextId::SOCKET {
            self.peers.clear(out);
        }
    }

    fn set_option(&mut self, _ctx: ContextId, name: &str, value: &OptionValue, _out: &mut dyn Outbox) -> Result<()> {
        if name != names::SEND_BUFFER {
            return options::unsupported(&F::INFO, name);
        }
        self.peers.set_limit(options::count(name, value)?);
        Ok(())
    }

    fn option(&self, _ctx: ContextId, name: &str) -> Result<OptionValue> {
        if name != names::SEND_BUFFER {
            return options::unsupported(&F::INFO, name);
        }
        Ok(options::from_count(self.peers.limit()))
    }

    fn unsent(&self) -> usize {
        self.peers.queued()
    }

    fn held(&self) -> usize {
        self.peers.queued()
    }
}

const SEND_BUFFER: usize = 16;

/// Facts about [`Pub`].
#[derive(Debug)]
pub enum PubForm {}

impl Form for PubForm {
    const INFO: ProtocolInfo = ProtocolInfo {
        name: "pub",
        peer_name: "sub",
        number: 0x20,
        peer: 0x21,
        raw: false,
        sends: true,
        receives: false,
        contexts: false,
        shared_recv: true,
        shared_send: false,
        returns_unsent: false,
        pipe_depth: 128,
    };
}

/// Facts about [`RawPub`].
#[derive(Debug)]
pub enum RawPubForm {}

impl Form for RawPubForm {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, ..PubForm::INFO };
}
