//! Push: hands work to one of many pullers.
//!
//! Each message goes to exactly one peer: round robin among those of the best `send-priority` that can take a message now. A slow
//! peer is skipped, and a peer that dies gives back what it had not begun to write.
//!
//! ```text
//!   try_send ──► a ready pipe? ──yes──► pipe
//!                     │ no                ▲ a pipe becomes ready
//!                     ▼                   │
//!             queue (`send-buffer`) ──────┘
//!                     │ full
//!                     ▼
//!               the caller waits
//! ```
//!
//! **Dropped:** nothing while the socket is open, except what a peer or its connection loses after it was written.
//! **Options:** `send-buffer` (0). **Errors:** receive is `NotSupported`. **On the wire:** the body alone.

use std::collections::VecDeque;
use std::marker::PhantomData;

use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, RecvError, SendRefused};
use spanwire_core::{
    Attempt, ContextId, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::Form;
use crate::options;
use crate::picker::Picker;

/// Push.
pub type Push = Pusher<PushForm>;

/// Raw push: the same, since there is no header.
pub type RawPush = Pusher<RawPushForm>;

/// The state machine behind [`Push`] and [`RawPush`].
#[derive(Debug)]
pub struct Pusher<F> {
    picker: Picker,
    /// Holds something only while no pipe is ready.
    queue: VecDeque<Message>,
    limit: usize,
    closed: bool,
    form: PhantomData<F>,
}

impl<F: Form> Pusher<F> {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = F::INFO;

    /// A push socket without pipes. The seed is not needed.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        Self { picker: Picker::default(), queue: VecDeque::new(), limit: 0, closed: false, form: PhantomData }
    }

    /// Queues a message that no pipe takes now.
    #[inline(never)]
    fn keep(&mut self, msg: &mut Message) -> Result<(), SendRefused> {
        if self.queue.len() >= self.limit {
            return Err(SendRefused::Full);
        }
        msg.clear_header();
        self.queue.push_back(std::mem::take(msg));
        Ok(())
    }

    /// Sends what waits, then lets waiting callers try.
    fn pump(&mut self, out: &mut dyn Outbox) {
        while !self.queue.is_empty()
            && let Some(turn) = self.picker.pick()
            && let Some(mut msg) = self.queue.pop_front()
        {
            self.picker.send(turn, &mut msg, out);
        }
        if self.can_send(ContextId::SOCKET) {
            out.wake_send(ContextId::SOCKET);
        }
    }
}

impl<F: Form> Protocol for Pusher<F> {
    fn info(&self) -> &'static ProtocolInfo {
        &F::INFO
    }

    fn pipe_attached(&mut self, pipe: PipeId, attrs: PipeAttrs, out: &mut dyn Outbox) -> Result<(), Reject> {
        self.picker.attach(pipe, attrs);
        self.pump(out);
        Ok(())
    }

    fn pipe_detached(&mut self, pipe: PipeId, unsent: Vec<Message>, out: &mut dyn Outbox) {
        self.picker.detach(pipe);
        if self.closed {
            return options::drop_closed(unsent.len(), out);
        }
        for msg in unsent.into_iter().rev() {
            self.queue.push_front(msg);
        }
        self.pump(out);
    }

    fn pipe_writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        self.picker.writable(pipe);
        self.pump(out);
    }

    /// A puller has nothing to say.
    fn pipe_received(&mut self, pipe: PipeId, _msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        if self.picker.detach(pipe) {
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
        if self.queue.is_empty()
            && let Some(turn) = self.picker.pick()
        {
            msg.clear_header();
            self.picker.send(turn, msg, out);
            return Ok(());
        }
        self.keep(msg)
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
        self.picker.is_ready() || self.queue.len() < self.limit
    }

    fn can_recv(&self, _ctx: ContextId) -> usize {
        0
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if ctx == ContextId::SOCKET {
            options::drop_closed(self.queue.len(), out);
            self.queue.clear();
            self.picker.clear();
            self.closed = true;
        }
    }

    fn set_option(&mut self, _ctx: ContextId, name: &str, value: &OptionValue, out: &mut dyn Outbox) -> Result<()> {
        if name != names::SEND_BUFFER {
            return options::unsupported(&F::INFO, name);
        }
        self.limit = options::count(name, value)?;
        self.pump(out);
        Ok(())
    }

    fn option(&self, _ctx: ContextId, name: &str) -> Result<OptionValue> {
        if name != names::SEND_BUFFER {
            return options::unsupported(&F::INFO, name);
        }
        Ok(options::from_count(self.limit))
    }

    fn unsent(&self) -> usize {
        self.queue.len()
    }

    fn held(&self) -> usize {
        self.queue.len()
    }
}

/// Facts about [`Push`].
#[derive(Debug)]
pub enum PushForm {}

impl Form for PushForm {
    const INFO: ProtocolInfo = ProtocolInfo {
        name: "push",
        peer_name: "pull",
        number: 0x50,
        peer: 0x51,
        raw: false,
        sends: true,
        receives: false,
        contexts: false,
        shared_recv: true,
        shared_send: true,
        returns_unsent: true,
        pipe_depth: 128,
    };
}

/// Facts about [`RawPush`].
#[derive(Debug)]
pub enum RawPushForm {}

impl Form for RawPushForm {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, ..PushForm::INFO };
}
