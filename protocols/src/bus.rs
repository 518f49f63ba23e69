//! Bus: every socket sends to all those which it is connected to, and to nobody else.
//!
//! Messages are never forwarded, so a bus of n sockets needs them all connected to each other. A device between two buses
//! forwards; two rings of such devices pass messages round for ever, because a bus has no hop count.
//!
//! ```text
//!   try_send ──► for each pipe:  ready ──► pipe
//!                                full  ──► queue (`send-buffer`) ── full ──► the new message is dropped
//!   pipe ──► queue (`recv-buffer`) ──► try_recv
//!                 │ full
//!                 ▼
//!            the new message is dropped
//! ```
//!
//! **Dropped:** the newest, where the queue of a pipe (`drop_tx_full`) or of received messages (`drop_rx_full`) is full.
//! **Options:** `send-buffer` (16 a pipe), `recv-buffer` (16; one message is kept at least). **Errors:** none of its own.
//! **On the wire:** the body alone. A raw socket finds the id of the pipe in the header, and skips the pipe that the header of a
//! message names when it sends; so a device does not send back what it has just got.

use std::collections::VecDeque;
use std::marker::PhantomData;

use spanwire_core::message::{pop_into, push_from};
use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, RecvError, SendRefused};
use spanwire_core::{
    Attempt, ContextId, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::Form;
use crate::fanout::{Fanout, Overflow};
use crate::options;
use crate::words;

/// Bus.
pub type Bus = BusSocket<BusForm>;

/// Raw bus.
pub type RawBus = BusSocket<RawBusForm>;

/// The state machine behind [`Bus`] and [`RawBus`].
#[derive(Debug)]
pub struct BusSocket<F> {
    peers: Fanout,
    queue: VecDeque<Message>,
    limit: usize,
    form: PhantomData<F>,
}

impl<F: Form> BusSocket<F> {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = F::INFO;

    /// A bus socket without pipes. The seed is not needed.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        Self { peers: Fanout::new(BUFFER, Overflow::Newest), queue: VecDeque::new(), limit: BUFFER, form: PhantomData }
    }
}

impl<F: Form> Protocol for BusSocket<F> {
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

    fn pipe_received(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        let limit = self.limit.max(1);
        if self.queue.len() >= limit {
            out.count_drop(DropCause::RecvQueueFull, 1);
            return Flow::Continue;
        }
        msg.join_header();
        if F::INFO.raw {
            msg.set_header(words::stack_of(pipe));
        }
        if self.queue.is_empty() && out.deliver(ContextId::SOCKET) {
            return Flow::Continue;
        }
        push_from(&mut self.queue, msg);
        out.wake_recv(ContextId::SOCKET);
        if self.queue.len() == limit { Flow::Yield } else { Flow::Continue }
    }

    fn try_send(
        &mut self,
        _ctx: ContextId,
        msg: &mut Message,
        _attempt: Attempt,
        out: &mut dyn Outbox,
    ) -> Result<(), SendRefused> {
        let source = if F::INFO.raw { msg.trim_header_u32().and_then(PipeId::new) } else { None };
        msg.clear_header();
        self.peers.send_all(msg, source, out);
        Ok(())
    }

    fn try_recv(
        &mut self,
        _ctx: ContextId,
        _attempt: Attempt,
        msg: &mut Message,
        _out: &mut dyn Outbox,
    ) -> Result<(), RecvError> {
        if pop_into(&mut self.queue, msg) { Ok(()) } else { Err(RecvError::Empty) }
    }

    fn unrecv(&mut self, _ctx: ContextId, msg: Message, out: &mut dyn Outbox) {
        self.queue.push_front(msg);
        out.wake_recv(ContextId::SOCKET);
    }

    fn can_send(&self, _ctx: ContextId) -> bool {
        true
    }

    fn can_recv(&self, _ctx: ContextId) -> usize {
        self.queue.len()
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if ctx == ContextId::SOCKET {
            options::drop_closed(self.queue.len(), out);
            self.queue.clear();
            self.peers.clear(out);
        }
    }

    fn set_option(&mut self, _ctx: ContextId, name: &str, value: &OptionValue, _out: &mut dyn Outbox) -> Result<()> {
        match name {
            names::SEND_BUFFER => self.peers.set_limit(options::count(name, value)?),
            names::RECV_BUFFER => self.limit = options::count(name, value)?,
            _ => return options::unsupported(&F::INFO, name),
        }
        Ok(())
    }

    fn option(&self, _ctx: ContextId, name: &str) -> Result<OptionValue> {
        match name {
            names::SEND_BUFFER => Ok(options::from_count(self.peers.limit())),
            names::RECV_BUFFER => Ok(options::from_count(self.limit)),
            _ => options::unsupported(&F::INFO, name),
        }
    }

    fn unsent(&self) -> usize {
        self.peers.queued()
    }

    fn held(&self) -> usize {
        self.peers.queued() + self.queue.len()
    }
}

const BUFFER: usize = 16;

/// Facts about [`Bus`].
#[derive(Debug)]
pub enum BusForm {}

impl Form for BusForm {
    const INFO: ProtocolInfo = ProtocolInfo {
        name: "bus",
        peer_name: "bus",
        number: 0x70,
        peer: 0x70,
        raw: false,
        sends: true,
        receives: true,
        contexts: false,
        shared_recv: true,
        shared_send: false,
        returns_unsent: false,
        pipe_depth: 16,
    };
}

/// Facts about [`RawBus`].
#[derive(Debug)]
pub enum RawBusForm {}

impl Form for RawBusForm {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, ..BusForm::INFO };
}
