//! Raw req and raw surveyor: the application keeps the headers. For devices.
//!
//! ```text
//!   try_send ──► req: a ready pipe, or the caller waits      pipe ──► queue (`recv-buffer`) ──► try_recv
//!                surveyor: every pipe                                      │ full
//!                                                                          ▼
//!                                                                    the pipe pauses
//! ```
//!
//! **Dropped:** raw req nothing; raw surveyor the new survey where the queue of a pipe is full (`drop_tx_full`).
//! **Options:** `recv-buffer` (128), `ttl-max` (8, not looked at: the answering side guards against loops); surveyor also
//! `send-buffer` (8 a pipe). **Errors:** none of its own. A peer whose answer has no id is disconnected.
//! **On the wire:** the header as it is: hop ids, then the id with its top bit set. Of what is received the same words
//! stand in the header.

use std::fmt;

use spanwire_core::message::Header;
use spanwire_core::option::names;
use spanwire_core::protocol::{Flow, RecvError, SendRefused};
use spanwire_core::{
    Attempt, ContextId, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::fanout::{Fanout, Overflow};
use crate::inbox::Inbox;
use crate::options;
use crate::picker::Picker;
use crate::surveyor;
use crate::words;
use crate::{Req, Surveyor};

/// Raw req.
pub type RawReq = RawAsker<ToOne>;

/// Raw surveyor.
pub type RawSurveyor = RawAsker<ToAll>;

/// The state machine behind [`RawReq`] and [`RawSurveyor`].
#[derive(Debug)]
pub struct RawAsker<R> {
    route: R,
    incoming: Inbox,
    ttl: usize,
}

/// Which pipes a message goes to.
pub trait Route: fmt::Debug + Default + Send + 'static {
    /// The facts about the protocol.
    const INFO: ProtocolInfo;

    /// A new pipe.
    fn attach(&mut self, pipe: PipeId, attrs: PipeAttrs, out: &mut dyn Outbox);
    /// A pipe has gone. `false` if it was not known.
    fn detach(&mut self, pipe: PipeId, out: &mut dyn Outbox) -> bool;
    /// A pipe has room again.
    fn writable(&mut self, pipe: PipeId, out: &mut dyn Outbox);
    /// Whether this pipe is there.
    fn knows(&self, pipe: PipeId) -> bool;
    /// Sends a message, if it can.
    fn send(&mut self, msg: &mut Message, out: &mut dyn Outbox) -> Result<(), SendRefused>;
    /// Whether it would be sent.
    fn can_send(&self) -> bool;
    /// How many messages wait.
    fn queued(&self) -> usize;
    /// Drops what waits.
    fn clear(&mut self, out: &mut dyn Outbox);
    /// The bound of each pipe's queue, if there are queues.
    fn limit(&self) -> Option<usize>;
    /// Changes that bound.
    fn set_limit(&mut self, limit: usize);
}

impl<R: Route> RawAsker<R> {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = R::INFO;

    /// A socket without pipes. The seed is not needed.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        Self { route: R::default(), incoming: Inbox::new(RECV_BUFFER), ttl: options::TTL }
    }
}

impl<R: Route> Protocol for RawAsker<R> {
    fn info(&self) -> &'static ProtocolInfo {
        &R::INFO
    }

    fn pipe_attached(&mut self, pipe: PipeId, attrs: PipeAttrs, out: &mut dyn Outbox) -> Result<(), Reject> {
        self.route.attach(pipe, attrs, out);
        Ok(())
    }

    fn pipe_detached(&mut self, pipe: PipeId, _unsent: Vec<Message>, out: &mut dyn Outbox) {
        self.route.detach(pipe, out);
        self.incoming.detach(pipe);
    }

    fn pipe_writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        self.route.writable(pipe, out);
    }

    fn pipe_received(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        if !self.route.knows(pipe) {
            return Flow::Pause;
        }
        match words::take_stack(msg, Header::new(), usize::MAX) {
            Ok(stack) => {
                msg.set_header(stack);
                self.incoming.push(pipe, msg, out)
            }
            Err(_) => {
                self.route.detach(pipe, out);
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
        self.route.send(msg, out)
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
        self.route.can_send()
    }

    fn can_recv(&self, _ctx: ContextId) -> usize {
        self.incoming.len()
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if ctx == ContextId::SOCKET {
            self.incoming.clear(out);
            self.route.clear(out);
        }
    }

    fn set_option(&mut self, _ctx: ContextId, name: &str, value: &OptionValue, out: &mut dyn Outbox) -> Result<()> {
        match (name, self.route.limit()) {
            (names::RECV_BUFFER, _) => self.incoming.set_limit(options::count(name, value)?, out),
            (names::SEND_BUFFER, Some(_)) => self.route.set_limit(options::count(name, value)?),
            (names::TTL_MAX, _) => self.ttl = options::count(name, value)?,
            _ => return options::unsupported(&R::INFO, name),
        }
        Ok(())
    }

    fn option(&self, _ctx: ContextId, name: &str) -> Result<OptionValue> {
        match (name, self.route.limit()) {
            (names::RECV_BUFFER, _) => Ok(options::from_count(self.incoming.limit())),
            (names::SEND_BUFFER, Some(limit)) => Ok(options::from_count(limit)),
            (names::TTL_MAX, _) => Ok(options::from_count(self.ttl)),
            _ => options::unsupported(&R::INFO, name),
        }
    }

    fn unsent(&self) -> usize {
        self.route.queued()
    }

    fn held(&self) -> usize {
        self.route.queued() + self.incoming.len()
    }
}

/// To one of the ready pipes, in turn.
#[derive(Debug, Default)]
pub struct ToOne(Picker);

impl Route for ToOne {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, contexts: false, shared_recv: true, ..Req::INFO };

    fn attach(&mut self, pipe: PipeId, attrs: PipeAttrs, out: &mut dyn Outbox) {
        self.0.attach(pipe, attrs);
        out.wake_send(ContextId::SOCKET);
    }

    fn detach(&mut self, pipe: PipeId, _out: &mut dyn Outbox) -> bool {
        self.0.detach(pipe)
    }

    fn writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        self.0.writable(pipe);
        out.wake_send(ContextId::SOCKET);
    }

    fn knows(&self, pipe: PipeId) -> bool {
        self.0.knows(pipe)
    }

    fn send(&mut self, msg: &mut Message, out: &mut dyn Outbox) -> Result<(), SendRefused> {
        match self.0.pick() {
            Some(turn) => {
                self.0.send(turn, msg, out);
                Ok(())
            }
            None => Err(SendRefused::Full),
        }
    }

    fn can_send(&self) -> bool {
        self.0.is_ready()
    }

    fn queued(&self) -> usize {
        0
    }

    fn clear(&mut self, _out: &mut dyn Outbox) {
        self.0.clear();
    }

    fn limit(&self) -> Option<usize> {
        None
    }

    fn set_limit(&mut self, _limit: usize) {}
}

/// To all pipes.
#[derive(Debug)]
pub struct ToAll(Fanout);

impl Default for ToAll {
    fn default() -> Self {
        Self(Fanout::new(surveyor::SEND_BUFFER, Overflow::Newest))
    }
}

impl Route for ToAll {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, contexts: false, shared_recv: true, ..Surveyor::INFO };

    fn attach(&mut self, pipe: PipeId, _attrs: PipeAttrs, _out: &mut dyn Outbox) {
        self.0.attach(pipe);
    }

    fn detach(&mut self, pipe: PipeId, out: &mut dyn Outbox) -> bool {
        self.0.detach(pipe, out)
    }

    fn writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        self.0.writable(pipe, out);
    }

    fn knows(&self, pipe: PipeId) -> bool {
        self.0.knows(pipe)
    }

    fn send(&mut self, msg: &mut Message, out: &mut dyn Outbox) -> Result<(), SendRefused> {
        self.0.send_all(msg, None, out);
        Ok(())
    }

    fn can_send(&self) -> bool {
        true
    }

    fn queued(&self) -> usize {
        self.0.queued()
    }

    fn clear(&mut self, out: &mut dyn Outbox) {
        self.0.clear(out);
    }

    fn limit(&self) -> Option<usize> {
        Some(self.0.limit())
    }

    fn set_limit(&mut self, limit: usize) {
        self.0.set_limit(limit);
    }
}

const RECV_BUFFER: usize = 128;
