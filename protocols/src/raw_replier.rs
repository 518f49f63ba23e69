//! Raw rep and raw respondent: the application keeps the headers. For devices.
//!
//! ```text
//!   try_send ──► the header's first word names a pipe ──unknown──► dropped
//!                     │
//!                     ▼
//!                pipe, or its queue (`send-buffer`) ── full ──► dropped
//!
//!   pipe ──► queue (`recv-buffer`) ──► try_recv
//!                 │ full
//!                 ▼
//!           the pipe pauses
//! ```
//!
//! **Dropped:** requests that have passed more than `ttl-max` devices (`drop_ttl`); replies without a pipe, or to one that has gone
//! (`drop_no_pipe`); the newest reply where the queue of a pipe is full (`drop_tx_full`); a queue whose pipe closes (`drop_closed`).
//! **Options:** `ttl-max` (8), `recv-buffer` (128), `send-buffer` (64 a pipe).
//! **Errors:** none of its own. A peer whose request has no id is disconnected.
//! **On the wire:** hop ids, then the id with its top bit set, then the body. What is received has the own pipe's id in front
//! of them in its header; what is sent loses that word.

use std::marker::PhantomData;

use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, RecvError, SendRefused};
use spanwire_core::{
    Attempt, ContextId, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::Form;
use crate::fanout::{Fanout, Overflow};
use crate::inbox::Inbox;
use crate::options;
use crate::rep::RepForm;
use crate::respondent::RespondentForm;
use crate::words::{self, BadStack};

/// Raw rep.
pub type RawRep = RawReplier<RawRepForm>;

/// Raw respondent.
pub type RawRespondent = RawReplier<RawRespondentForm>;

/// The state machine behind [`RawRep`] and [`RawRespondent`].
#[derive(Debug)]
pub struct RawReplier<F> {
    peers: Fanout,
    incoming: Inbox,
    ttl: usize,
    form: PhantomData<F>,
}

impl<F: Form> RawReplier<F> {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = F::INFO;

    /// A socket without pipes. The seed is not needed.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        Self {
            peers: Fanout::new(SEND_BUFFER, Overflow::Newest),
            incoming: Inbox::new(RECV_BUFFER),
            ttl: options::TTL,
            form: PhantomData,
        }
    }
}

impl<F: Form> Protocol for RawReplier<F> {
    fn info(&self) -> &'static ProtocolInfo {
        &F::INFO
    }

    fn pipe_attached(&mut self, pipe: PipeId, _attrs: PipeAttrs, _out: &mut dyn Outbox) -> Result<(), Reject> {
        self.peers.attach(pipe);
        Ok(())
    }

    fn pipe_detached(&mut self, pipe: PipeId, _unsent: Vec<Message>, out: &mut dyn Outbox) {
        self.peers.detach(pipe, out);
        self.incoming.detach(pipe);
    }

    fn pipe_writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        self.peers.writable(pipe, out);
    }

    fn pipe_received(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        if !self.peers.knows(pipe) {
            return Flow::Pause;
        }
        match words::take_stack(msg, words::stack_of(pipe), self.ttl) {
            Ok(stack) => {
                msg.set_header(stack);
                self.incoming.push(pipe, msg, out)
            }
            Err(BadStack::TooManyHops) => {
                out.count_drop(DropCause::TtlExceeded, 1);
                Flow::Continue
            }
            Err(BadStack::Malformed) => {
                self.peers.detach(pipe, out);
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
        match msg.trim_header_u32().and_then(PipeId::new) {
            Some(pipe) => {
                self.peers.send_to(pipe, msg, out);
            }
            None => out.count_drop(DropCause::NoPipe, 1),
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
        true
    }

    fn can_recv(&self, _ctx: ContextId) -> usize {
        self.incoming.len()
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if ctx == ContextId::SOCKET {
            self.incoming.clear(out);
            self.peers.clear(out);
        }
    }

    fn set_option(&mut self, _ctx: ContextId, name: &str, value: &OptionValue, out: &mut dyn Outbox) -> Result<()> {
        match name {
            names::RECV_BUFFER => self.incoming.set_limit(options::count(name, value)?, out),
            names::SEND_BUFFER => self.peers.set_limit(options::count(name, value)?),
            names::TTL_MAX => self.ttl = options::count(name, value)?,
            _ => return options::unsupported(&F::INFO, name),
        }
        Ok(())
    }

    fn option(&self, _ctx: ContextId, name: &str) -> Result<OptionValue> {
        match name {
            names::RECV_BUFFER => Ok(options::from_count(self.incoming.limit())),
            names::SEND_BUFFER => Ok(options::from_count(self.peers.limit())),
            names::TTL_MAX => Ok(options::from_count(self.ttl)),
            _ => options::unsupported(&F::INFO, name),
        }
    }

    fn unsent(&self) -> usize {
        self.peers.queued()
    }

    fn held(&self) -> usize {
        self.peers.queued() + self.incoming.len()
    }
}

const RECV_BUFFER: usize = 128;
/// As in NNG.
const SEND_BUFFER: usize = 64;

/// Facts about [`RawRep`].
#[derive(Debug)]
pub enum RawRepForm {}

impl Form for RawRepForm {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, contexts: false, ..RepForm::INFO };
}

/// Facts about [`RawRespondent`].
#[derive(Debug)]
pub enum RawRespondentForm {}

impl Form for RawRespondentForm {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, contexts: false, ..RespondentForm::INFO };
}
