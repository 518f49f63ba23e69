//! Sub: receives what it has subscribed to.
//!
//! A subscription is a byte prefix of the body; the empty one is everything, and there is none at first. Subscriptions, the queue
//! and `sub:prefnew` belong to a context, and a message goes to each context that matches. Large bodies are shared by them.
//!
//! ```text
//!   pipe ──► matches? ──yes──► queue of the context (`recv-buffer`) ──► try_recv
//!               │ no                 │ full
//!               ▼                    ▼
//!            dropped       `sub:prefnew`: the oldest, otherwise the new one is dropped
//! ```
//!
//! **Dropped:** what no context has subscribed to (`drop_not_matched`); the oldest or the new message of a full queue
//! (`drop_rx_full`); queued messages that an unsubscribe leaves without a match (`drop_not_matched`).
//! **Options:** `sub:subscribe`, `sub:unsubscribe`, `sub:prefnew` (true), `recv-buffer` (128; one message is kept at least).
//! **Errors:** send is `NotSupported`; unsubscribing what was not subscribed is `NotFound`.
//! **On the wire:** the body alone. Subscriptions stay local.
//!
//! The raw form has no contexts and no filter: it receives everything.

use std::collections::VecDeque;
use std::marker::PhantomData;

use spanwire_core::message::pop_into;
use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, RecvError, SendRefused};
use spanwire_core::table::Table;
use spanwire_core::{
    Attempt, ContextId, Error, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::Form;
use crate::options;
use crate::publish::PubForm;
use crate::subscriptions::Subscriptions;

/// Sub.
pub type Sub = Subscriber<SubForm>;

/// Raw sub: receives everything.
pub type RawSub = Subscriber<RawSubForm>;

/// The state machine behind [`Sub`] and [`RawSub`].
#[derive(Debug)]
pub struct Subscriber<F> {
    contexts: Table<ContextId, Context>,
    form: PhantomData<F>,
}

#[derive(Debug)]
struct Context {
    filter: Filter,
    queue: VecDeque<Message>,
    limit: usize,
    prefer_new: bool,
}

#[derive(Debug)]
enum Filter {
    Everything,
    Topics(Subscriptions),
}

impl<F: Form> Subscriber<F> {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = F::INFO;

    /// A sub socket without pipes and subscriptions. The seed is not needed.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        let mut contexts = Table::default();
        contexts.insert(ContextId::SOCKET, Context::new(RECV_BUFFER, true, F::INFO.raw));
        Self { contexts, form: PhantomData }
    }
}

impl Context {
    fn new(limit: usize, prefer_new: bool, raw: bool) -> Self {
        let filter = if raw { Filter::Everything } else { Filter::Topics(Subscriptions::new()) };
        Self { filter, queue: VecDeque::new(), limit, prefer_new }
    }

    /// Only the message that fills the queue yields: whoever leaves a full one alone holds up nobody.
    fn push(&mut self, ctx: ContextId, msg: Message, out: &mut dyn Outbox) -> Flow {
        let limit = self.limit.max(1);
        let was_full = self.queue.len() >= limit;
        if was_full {
            out.count_drop(DropCause::RecvQueueFull, 1);
            if !self.prefer_new {
                return Flow::Continue;
            }
            self.queue.pop_front();
        }
        self.queue.push_back(msg);
        out.wake_recv(ctx);
        if !was_full && self.queue.len() == limit { Flow::Yield } else { Flow::Continue }
    }

    fn unsubscribe(&mut self, topic: &[u8], out: &mut dyn Outbox) -> Result<()> {
        let Filter::Topics(topics) = &mut self.filter else { return Ok(()) };
        if !topics.remove(topic) {
            return Err(Error::NotFound(format!("not subscribed to \"{}\"", topic.escape_ascii()).into()));
        }
        let before = self.queue.len();
        self.queue.retain(|msg| topics.matches(msg.body()));
        let purged = before - self.queue.len();
        if purged > 0 {
            out.count_drop(DropCause::NotMatched, purged);
        }
        Ok(())
    }
}

impl Filter {
    fn passes(&self, body: &[u8]) -> bool {
        match self {
            Self::Everything => true,
            Self::Topics(topics) => topics.matches(body),
        }
    }
}

impl<F: Form> Protocol for Subscriber<F> {
    fn info(&self) -> &'static ProtocolInfo {
        &F::INFO
    }

    fn pipe_attached(&mut self, _pipe: PipeId, _attrs: PipeAttrs, _out: &mut dyn Outbox) -> Result<(), Reject> {
        Ok(())
    }

    fn pipe_detached(&mut self, _pipe: PipeId, _unsent: Vec<Message>, _out: &mut dyn Outbox) {}

    fn pipe_writable(&mut self, _pipe: PipeId, _out: &mut dyn Outbox) {}

    fn pipe_received(&mut self, _pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        msg.join_header();
        if self.contexts.len() > 1 {
            msg.freeze();
        }
        let body = msg.body();
        let mut matching = self.contexts.iter_mut().filter(|(_, context)| context.filter.passes(body));
        let Some((mut ctx, mut context)) = matching.next() else {
            drop(matching);
            out.count_drop(DropCause::NotMatched, 1);
            return Flow::Continue;
        };
        let mut flow = Flow::Continue;
        // One behind, so that the last one gets the message itself and not a copy.
        for (next_ctx, next_context) in matching {
            if context.push(ctx, msg.clone(), out) == Flow::Yield {
                flow = Flow::Yield;
            }
            (ctx, context) = (next_ctx, next_context);
        }
        let delivered = context.queue.is_empty() && out.deliver(ctx);
        if !delivered && context.push(ctx, std::mem::take(msg), out) == Flow::Yield {
            flow = Flow::Yield;
        }
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
        ctx: ContextId,
        _attempt: Attempt,
        msg: &mut Message,
        _out: &mut dyn Outbox,
    ) -> Result<(), RecvError> {
        let context = self.contexts.get_mut(ctx).ok_or(RecvError::Failed(Error::Closed))?;
        if pop_into(&mut context.queue, msg) { Ok(()) } else { Err(RecvError::Empty) }
    }

    fn unrecv(&mut self, ctx: ContextId, msg: Message, out: &mut dyn Outbox) {
        match self.contexts.get_mut(ctx) {
            Some(context) if context.filter.passes(msg.body()) => {
                context.queue.push_front(msg);
                out.wake_recv(ctx);
            }
            Some(_) => out.count_drop(DropCause::NotMatched, 1),
            None => out.count_drop(DropCause::Closed, 1),
        }
    }

    fn can_send(&self, _ctx: ContextId) -> bool {
        true
    }

    fn can_recv(&self, ctx: ContextId) -> usize {
        self.contexts.get(ctx).map_or(0, |context| context.queue.len())
    }

    fn has_undelivered(&self) -> bool {
        self.contexts.iter().any(|(_, context)| !context.queue.is_empty())
    }

    fn open_context(&mut self, ctx: ContextId) -> Result<()> {
        if !F::INFO.contexts {
            return Err(options::no_contexts(&F::INFO));
        }
        let (limit, prefer_new) = self
            .contexts
            .get(ContextId::SOCKET)
            .map_or((RECV_BUFFER, true), |socket| (socket.limit, socket.prefer_new));
        self.contexts.insert(ctx, Context::new(limit, prefer_new, F::INFO.raw));
        Ok(())
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if let Some(context) = self.contexts.remove(ctx)
            && !context.queue.is_empty()
        {
            out.count_drop(DropCause::Closed, context.queue.len());
        }
    }

    fn set_option(&mut self, ctx: ContextId, name: &str, value: &OptionValue, out: &mut dyn Outbox) -> Result<()> {
        let context = self.contexts.get_mut(ctx).ok_or(Error::Closed)?;
        match (name, value) {
            (names::RECV_BUFFER, value) => context.limit = options::count(name, value)?,
            (names::SUB_PREFNEW, OptionValue::Bool(new)) => context.prefer_new = *new,
            (names::SUB_SUBSCRIBE, OptionValue::Bytes(topic)) if !F::INFO.raw => {
                if let Filter::Topics(topics) = &mut context.filter {
                    topics.insert(topic);
                }
            }
            (names::SUB_UNSUBSCRIBE, OptionValue::Bytes(topic)) if !F::INFO.raw => context.unsubscribe(topic, out)?,
            (names::SUB_PREFNEW, other) => return Err(options::bad_type(name, other)),
            (names::SUB_SUBSCRIBE | names::SUB_UNSUBSCRIBE, other) if !F::INFO.raw => {
                return Err(options::bad_type(name, other));
            }
            _ => return options::unsupported(&F::INFO, name),
        }
        Ok(())
    }

    fn option(&self, ctx: ContextId, name: &str) -> Result<OptionValue> {
        let context = self.contexts.get(ctx).ok_or(Error::Closed)?;
        match name {
            names::RECV_BUFFER => Ok(options::from_count(context.limit)),
            names::SUB_PREFNEW => Ok(context.prefer_new.into()),
            _ => options::unsupported(&F::INFO, name),
        }
    }

    fn held(&self) -> usize {
        self.contexts.iter().map(|(_, context)| context.queue.len()).sum()
    }
}

const RECV_BUFFER: usize = 128;

/// Facts about [`Sub`].
#[derive(Debug)]
pub enum SubForm {}

impl Form for SubForm {
    const INFO: ProtocolInfo = ProtocolInfo {
        name: "sub",
        peer_name: "pub",
        number: 0x21,
        peer: 0x20,
        sends: false,
        receives: true,
        contexts: true,
        shared_recv: false,
        ..PubForm::INFO
    };
}

/// Facts about [`RawSub`].
#[derive(Debug)]
pub enum RawSubForm {}

impl Form for RawSubForm {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, contexts: false, shared_recv: true, ..SubForm::INFO };
}
