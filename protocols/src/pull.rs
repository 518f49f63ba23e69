//! Pull: takes work from many pushers.
//!
//! Messages are received in the order in which they come, those from pipes of a better `recv-priority` first. A pipe is read
//! at most 128 messages ahead of the application, and all pipes together about 8192, so that one fast peer can't crowd out the others.
//!
//! ```text
//!   per pipe:   Reading ── 128 queued, or 8192 over all pipes ──► Paused
//!                  ▲           64 left, or 4096 over all            │
//!                  └────────────────────────────────────────────────┘
//! ```
//!
//! **Dropped:** nothing while the socket is open. What was received outlives its pipe.
//! **Options:** none. **Errors:** send is `NotSupported`. **On the wire:** the body alone.

use std::collections::VecDeque;
use std::marker::PhantomData;

use spanwire_core::message::pop_into;
use spanwire_core::protocol::{Flow, RecvError, SendRefused};
use spanwire_core::table::Table;
use spanwire_core::{
    Attempt, ContextId, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::Form;
use crate::levels::Levels;
use crate::options;
use crate::push::PushForm;

/// Pull.
pub type Pull = Puller<PullForm>;

/// Raw pull: the same, since there is no header.
pub type RawPull = Puller<RawPullForm>;

/// The state machine behind [`Pull`] and [`RawPull`].
#[derive(Debug)]
pub struct Puller<F> {
    pipes: Table<PipeId, Source>,
    queue: Levels<Message>,
    /// Messages that were put back; they come before all others.
    returned: VecDeque<Message>,
    /// Pipes paused because all pipes together have delivered too much.
    crowded: Vec<PipeId>,
    form: PhantomData<F>,
}

#[derive(Debug)]
struct Source {
    priority: u8,
    queued: usize,
    flow: SourceFlow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceFlow {
    Reading,
    /// It has delivered too much by itself.
    Paused,
    /// It is in `crowded`.
    Crowded,
}

impl<F: Form> Puller<F> {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = F::INFO;

    /// A pull socket without pipes. The seed is not needed.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        Self {
            pipes: Table::default(),
            queue: Levels::default(),
            returned: VecDeque::new(),
            crowded: Vec::new(),
            form: PhantomData,
        }
    }

    fn queued(&self) -> usize {
        self.queue.len() + self.returned.len()
    }

    /// A message of this pipe has left the queue.
    fn taken_from(&mut self, pipe: Option<PipeId>, out: &mut dyn Outbox) {
        if let Some(pipe) = pipe
            && let Some(source) = self.pipes.get_mut(pipe)
        {
            source.queued = source.queued.saturating_sub(1);
            if source.flow == SourceFlow::Paused && source.queued <= PIPE_LOW {
                source.flow = SourceFlow::Reading;
                out.resume(pipe);
            }
        }
        if !self.crowded.is_empty() && self.queue.len() <= TOTAL_LOW {
            for pipe in self.crowded.drain(..) {
                if let Some(source) = self.pipes.get_mut(pipe) {
                    source.flow = SourceFlow::Reading;
                    out.resume(pipe);
                }
            }
        }
    }
}

impl<F: Form> Protocol for Puller<F> {
    fn info(&self) -> &'static ProtocolInfo {
        &F::INFO
    }

    fn pipe_attached(&mut self, pipe: PipeId, attrs: PipeAttrs, _out: &mut dyn Outbox) -> Result<(), Reject> {
        self.pipes.insert(pipe, Source { priority: attrs.recv_priority, queued: 0, flow: SourceFlow::Reading });
        Ok(())
    }

    fn pipe_detached(&mut self, pipe: PipeId, _unsent: Vec<Message>, _out: &mut dyn Outbox) {
        if let Some(source) = self.pipes.remove(pipe)
            && source.flow == SourceFlow::Crowded
        {
            self.crowded.retain(|other| *other != pipe);
        }
    }

    fn pipe_writable(&mut self, _pipe: PipeId, _out: &mut dyn Outbox) {}

    fn pipe_received(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        let idle = self.queued() == 0;
        let Some(source) = self.pipes.get_mut(pipe) else { return Flow::Pause };
        msg.join_header();
        if idle && out.deliver(ContextId::SOCKET) {
            return Flow::Continue;
        }
        self.queue.push_from(source.priority, msg);
        source.queued += 1;
        let flow = if source.queued >= PIPE_HIGH {
            source.flow = SourceFlow::Paused;
            Flow::Pause
        } else if self.queue.len() >= TOTAL_HIGH {
            source.flow = SourceFlow::Crowded;
            self.crowded.push(pipe);
            Flow::Pause
        } else {
            Flow::Continue
        };
        out.wake_recv(ContextId::SOCKET);
        flow
    }

    fn try_send(
        &mut self,
        _ctx: ContextId,
        _msg: &mut Message,
        _attempt: Attempt,
        _out: &mut dyn Outbox,
    ) -> Result<(), SendRefused> {
        Err(SendRefused::Failed(options::no_direction(&F::INFO, "send")))
    }

    fn try_recv(
        &mut self,
        _ctx: ContextId,
        _attempt: Attempt,
        msg: &mut Message,
        out: &mut dyn Outbox,
    ) -> Result<(), RecvError> {
        if self.queued() == 0 {
            return Err(RecvError::Empty);
        }
        if !pop_into(&mut self.returned, msg) && self.queue.pop_into(msg) {
            self.taken_from(msg.pipe(), out);
        }
        Ok(())
    }

    fn unrecv(&mut self, _ctx: ContextId, msg: Message, out: &mut dyn Outbox) {
        self.returned.push_front(msg);
        out.wake_recv(ContextId::SOCKET);
    }

    fn can_send(&self, _ctx: ContextId) -> bool {
        true
    }

    fn can_recv(&self, _ctx: ContextId) -> usize {
        self.queued()
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if ctx == ContextId::SOCKET {
            options::drop_closed(self.queued(), out);
            self.queue.clear();
            self.returned.clear();
            self.crowded.clear();
            self.pipes.clear();
        }
    }

    fn set_option(&mut self, _ctx: ContextId, name: &str, _value: &OptionValue, _out: &mut dyn Outbox) -> Result<()> {
        options::unsupported(&F::INFO, name)
    }

    fn option(&self, _ctx: ContextId, name: &str) -> Result<OptionValue> {
        options::unsupported(&F::INFO, name)
    }

    fn held(&self) -> usize {
        self.queued()
    }
}

/// How far a pipe is read ahead, and where it is read again: the depth at which a consumer that takes a batch never starves.
const PIPE_HIGH: usize = 128;
const PIPE_LOW: usize = PIPE_HIGH / 2;

/// The same over all pipes: 8192 messages are `recv-buffer`'s largest value in NNG.
const TOTAL_HIGH: usize = 8192;
const TOTAL_LOW: usize = TOTAL_HIGH / 2;

/// Facts about [`Pull`].
#[derive(Debug)]
pub enum PullForm {}

impl Form for PullForm {
    const INFO: ProtocolInfo = ProtocolInfo {
        name: "pull",
        peer_name: "push",
        number: 0x51,
        peer: 0x50,
        sends: false,
        receives: true,
        returns_unsent: false,
        ..PushForm::INFO
    };
}

/// Facts about [`RawPull`].
#[derive(Debug)]
pub enum RawPullForm {}

impl Form for RawPullForm {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, ..PullForm::INFO };
}
