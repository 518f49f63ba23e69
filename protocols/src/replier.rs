//! Answering requests: what rep and respondent have in common.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;

use spanwire_core::message::{Header, pop_into};
use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, RecvError, Room, SendRefused};
use spanwire_core::table::Table;
use spanwire_core::{
    Attempt, ContextId, Error, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::Form;
use crate::levels::Levels;
use crate::options;
use crate::picker::Gate;
use crate::words::{self, BadStack};

/// The state machine behind [`Rep`](crate::Rep) and [`Respondent`](crate::Respondent).
#[derive(Debug)]
pub struct Replier<F> {
    pipes: Table<PipeId, Peer>,
    contexts: Table<ContextId, Context>,
    /// Pipes that hold a request, by `recv-priority`.
    asking: Levels<PipeId>,
    /// Requests that were put back; they come before all others.
    returned: VecDeque<Message>,
    ttl: usize,
    form: PhantomData<F>,
}

#[derive(Debug)]
struct Peer {
    priority: u8,
    gate: Gate,
    /// Read ahead; the pipe pauses until it is taken.
    request: Option<Message>,
    /// Contexts whose reply waits for this pipe, first come first served.
    senders: VecDeque<ContextId>,
}

/// A context receives and replies independently: while a reply waits for its pipe, the next request can be received.
#[derive(Debug)]
struct Context {
    request: Request,
    reply: Reply,
}

/// ```text
///   Idle ──try_recv, none there──► Receiving
///    ▲  ╲                              │ try_recv again
///    │   ╲──────try_recv─────────► Owed(path) ──try_recv──► Receiving or Owed(another path)
///    └────────────try_send─────────────┘
/// ```
#[derive(Debug)]
enum Request {
    Idle,
    /// A caller waits to receive.
    Receiving,
    /// A request was received and not answered.
    Owed(Path),
}

/// ```text
///   Idle ──try_send, the pipe is full──► Waiting(path) ──try_send again, or cancel_send──► Idle
/// ```
#[derive(Debug)]
enum Reply {
    Idle,
    Waiting(Path),
}

/// Where a reply goes.
struct Path {
    pipe: PipeId,
    stack: Header,
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({} {:02x?})", self.pipe, self.stack.as_slice())
    }
}

impl<F: Form> Replier<F> {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = F::INFO;

    /// A socket without pipes. The seed is not needed.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        let mut contexts = Table::default();
        contexts.insert(ContextId::SOCKET, Context::NEW);
        Self {
            pipes: Table::default(),
            contexts,
            asking: Levels::default(),
            returned: VecDeque::new(),
            ttl: options::TTL,
            form: PhantomData,
        }
    }

    fn next_request(&mut self, msg: &mut Message, out: &mut dyn Outbox) -> bool {
        if pop_into(&mut self.returned, msg) {
            return true;
        }
        let Some(pipe) = self.asking.pop() else { return false };
        let Some(peer) = self.pipes.get_mut(pipe) else { return false };
        let Some(request) = &mut peer.request else { return false };
        std::mem::swap(request, msg);
        peer.request = None;
        out.resume(pipe);
        true
    }

    /// Lets the next reply go that waits for this pipe, if it can.
    fn wake_sender(&self, pipe: PipeId, out: &mut dyn Outbox) {
        if let Some(peer) = self.pipes.get(pipe)
            && peer.gate == Gate::Ready
            && let Some(ctx) = peer.senders.front()
        {
            out.wake_send(*ctx);
        }
    }

    /// A context does not wait for its pipe any more.
    fn end_waiting(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if let Some(context) = self.contexts.get_mut(ctx)
            && let Reply::Waiting(path) = std::mem::replace(&mut context.reply, Reply::Idle)
        {
            if let Some(peer) = self.pipes.get_mut(path.pipe) {
                peer.senders.retain(|other| *other != ctx);
            }
            self.wake_sender(path.pipe, out);
        }
    }

    fn forget(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        let Some(peer) = self.pipes.remove(pipe) else { return };
        let before = self.returned.len();
        self.returned.retain(|msg| msg.pipe() != Some(pipe));
        let mut dropped = before - self.returned.len();
        if peer.request.is_some() {
            self.asking.remove(peer.priority, |other| *other == pipe);
            dropped += 1;
        }
        options::drop_closed(dropped, out);
        // Their replies succeed, and vanish.
        for ctx in peer.senders {
            out.wake_send(ctx);
        }
    }
}

impl Context {
    const NEW: Self = Self { request: Request::Idle, reply: Reply::Idle };
}

impl<F: Form> Protocol for Replier<F> {
    fn info(&self) -> &'static ProtocolInfo {
        &F::INFO
    }

    fn pipe_attached(&mut self, pipe: PipeId, attrs: PipeAttrs, _out: &mut dyn Outbox) -> Result<(), Reject> {
        self.pipes.insert(
            pipe,
            Peer { priority: attrs.recv_priority, gate: Gate::Ready, request: None, senders: VecDeque::new() },
        );
        Ok(())
    }

    fn pipe_detached(&mut self, pipe: PipeId, _unsent: Vec<Message>, out: &mut dyn Outbox) {
        self.forget(pipe, out);
    }

    fn pipe_writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        if let Some(peer) = self.pipes.get_mut(pipe) {
            peer.gate = Gate::Ready;
            self.wake_sender(pipe, out);
        }
    }

    fn pipe_received(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        let Some(peer) = self.pipes.get_mut(pipe) else { return Flow::Pause };
        match words::take_stack(msg, Header::new(), self.ttl) {
            Ok(stack) => {
                msg.set_header(stack);
                msg.set_pipe(Some(pipe));
                if peer.request.is_none() {
                    self.asking.push(peer.priority, pipe);
                }
                std::mem::swap(peer.request.get_or_insert_default(), msg);
                out.wake_recv(ContextId::SOCKET);
                Flow::Pause
            }
            Err(BadStack::TooManyHops) => {
                out.count_drop(DropCause::TtlExceeded, 1);
                Flow::Continue
            }
            Err(BadStack::Malformed) => {
                out.close(pipe, Reject::Malformed);
                self.forget(pipe, out);
                Flow::Pause
            }
        }
    }

    fn try_send(
        &mut self,
        ctx: ContextId,
        msg: &mut Message,
        attempt: Attempt,
        out: &mut dyn Outbox,
    ) -> Result<(), SendRefused> {
        let Some(context) = self.contexts.get_mut(ctx) else { return Err(SendRefused::Failed(Error::Closed)) };
        let path = match (attempt, &mut context.reply) {
            (Attempt::Again, Reply::Waiting(path)) => path,
            (Attempt::Again, Reply::Idle) => return Err(SendRefused::Failed(Error::Canceled)),
            (Attempt::Only | Attempt::First, Reply::Waiting(_)) => {
                return Err(SendRefused::Failed(Error::State("another reply waits on this context".into())));
            }
            (Attempt::Only | Attempt::First, Reply::Idle) => match &mut context.request {
                Request::Owed(path) => path,
                Request::Idle | Request::Receiving => {
                    return Err(SendRefused::Failed(Error::State("no request to reply to".into())));
                }
            },
        };
        let pipe = path.pipe;
        match self.pipes.get_mut(pipe) {
            Some(peer) if peer.gate == Gate::Full => {
                if attempt == Attempt::First {
                    peer.senders.push_back(ctx);
                    if let Request::Owed(path) = std::mem::replace(&mut context.request, Request::Idle) {
                        context.reply = Reply::Waiting(path);
                    }
                }
                return Err(SendRefused::Full);
            }
            Some(peer) => {
                words::stamp(msg, std::mem::take(&mut path.stack));
                if out.send(pipe, msg) == Room::Full {
                    peer.gate = Gate::Full;
                }
                if attempt == Attempt::Again {
                    peer.senders.retain(|other| *other != ctx);
                }
            }
            None => out.count_drop(DropCause::NoPipe, 1),
        }
        if attempt == Attempt::Again {
            context.reply = Reply::Idle;
        } else {
            context.request = Request::Idle;
        }
        self.wake_sender(pipe, out);
        Ok(())
    }

    fn try_recv(
        &mut self,
        ctx: ContextId,
        attempt: Attempt,
        msg: &mut Message,
        out: &mut dyn Outbox,
    ) -> Result<(), RecvError> {
        let context = self.contexts.get_mut(ctx).ok_or(RecvError::Failed(Error::Closed))?;
        if attempt != Attempt::Again && matches!(context.request, Request::Receiving) {
            return Err(RecvError::Failed(Error::State("another receive waits on this context".into())));
        }
        let found = self.next_request(msg, out);
        let context = self.contexts.get_mut(ctx).ok_or(RecvError::Failed(Error::Closed))?;
        if !found {
            if attempt != Attempt::Only {
                context.request = Request::Receiving;
            }
            return Err(RecvError::Empty);
        }
        let stack = msg.take_header();
        if let Some(pipe) = msg.pipe() {
            context.request = Request::Owed(Path { pipe, stack });
        }
        Ok(())
    }

    fn unrecv(&mut self, ctx: ContextId, mut msg: Message, out: &mut dyn Outbox) {
        let Some(context) = self.contexts.get_mut(ctx) else { return out.count_drop(DropCause::Closed, 1) };
        match std::mem::replace(&mut context.request, Request::Idle) {
            Request::Owed(path) if msg.pipe() == Some(path.pipe) => {
                if !self.pipes.contains(path.pipe) {
                    return out.count_drop(DropCause::Closed, 1);
                }
                words::stamp(&mut msg, path.stack);
                self.returned.push_front(msg);
                out.wake_recv(ContextId::SOCKET);
            }
            other => {
                context.request = other;
                out.count_drop(DropCause::Stale, 1);
            }
        }
    }

    fn cancel_send(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        self.end_waiting(ctx, out);
    }

    fn cancel_recv(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if let Some(context) = self.contexts.get_mut(ctx)
            && matches!(context.request, Request::Receiving)
        {
            context.request = Request::Idle;
        }
        let _ = out;
    }

    fn can_send(&self, ctx: ContextId) -> bool {
        let ready = |path: &Path| self.pipes.get(path.pipe).is_none_or(|peer| peer.gate == Gate::Ready);
        match self.contexts.get(ctx) {
            Some(Context { reply: Reply::Waiting(path), .. }) => ready(path),
            Some(Context { request: Request::Owed(path), .. }) => ready(path),
            // It would fail at once. As in NNG, a poll loop is told only of replies that can be sent.
            Some(Context { request: Request::Idle | Request::Receiving, .. }) | None => false,
        }
    }

    fn can_recv(&self, _ctx: ContextId) -> usize {
        self.asking.len() + self.returned.len()
    }

    fn open_context(&mut self, ctx: ContextId) -> Result<()> {
        self.contexts.insert(ctx, Context::NEW);
        Ok(())
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        self.end_waiting(ctx, out);
        self.contexts.remove(ctx);
        if ctx == ContextId::SOCKET {
            let dropped = self.asking.len() + self.returned.len();
            options::drop_closed(dropped, out);
            self.asking.clear();
            self.returned.clear();
            self.pipes.clear();
        }
    }

    fn set_option(&mut self, _ctx: ContextId, name: &str, value: &OptionValue, _out: &mut dyn Outbox) -> Result<()> {
        if name != names::TTL_MAX {
            return options::unsupported(&F::INFO, name);
        }
        self.ttl = options::count(name, value)?;
        Ok(())
    }

    fn option(&self, _ctx: ContextId, name: &str) -> Result<OptionValue> {
        if name != names::TTL_MAX {
            return options::unsupported(&F::INFO, name);
        }
        Ok(options::from_count(self.ttl))
    }

    fn held(&self) -> usize {
        self.asking.len() + self.returned.len()
    }
}
