//! Req: asks a question and gets one answer, whoever of many gives it.
//!
//! A request goes round robin to one of the ready peers of the best `send-priority`. It is sent again if its peer goes away or
//! does not answer in time. Each context has one request at a time, so several contexts give several requests in flight.
//!
//! ```text
//!                  no pipe ready
//!      ┌──────► Waiting ─────┐ pipe ready, the caller tries again
//!      │                     ▼              reply
//!    Idle ── try_send ────► Sent ────────────────────────► Replied ── try_recv ──► Idle
//!      ▲                    │  ▲ │                            ▲
//!      │                    │  │ └─ pipe lost, or resend-time │ reply after all
//!      │                    │  │         is over              │
//!      │                    │  └──── pipe ready ───────── Requeued
//!      │                    ▼
//!      └─── try_recv ──── Reset     (pipe lost, no resend)
//! ```
//! A new send starts over from any state; a cancelled receive leads back to Idle.
//!
//! **Dropped:** replies that nobody waits for: late, unknown, duplicate (`drop_stale`).
//! **Options:** `req:resend-time` (60 s, per context), `req:resend-tick` (1 s), `ttl-max` (8, for raw peers that read it).
//! **Errors:** receive without a request, or while another receive of this context waits, is `State`; one whose peer was lost
//! and that must not be sent again is `ConnectionReset`, once; whoever waits when a new request is sent is `Canceled`. A peer whose
//! reply has no request id is disconnected.
//! **On the wire:** `u32` request id with the top bit set, then the body.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, RecvError, SendRefused};
use spanwire_core::table::{FastHash, Table};
use spanwire_core::{
    Attempt, ContextId, Error, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::options;
use crate::picker::{Picker, Turn};
use crate::words::{Ids, LAST};

/// Req.
#[derive(Debug)]
pub struct Req {
    picker: Picker,
    contexts: Table<ContextId, Context>,
    /// Who sent which request.
    /// Contexts with a reply that has not been received.
    replied: usize,
    requests: HashMap<u32, ContextId, FastHash>,
    /// Contexts in state Requeued, in the order in which they came to it. Empty while a pipe is ready.
    requeued: VecDeque<ContextId>,
    ids: Ids,
    tick: Duration,
    /// When requests are looked at next; `None` while none can be sent again.
    next_tick: Option<Instant>,
    ttl: usize,
}

#[derive(Debug)]
struct Context {
    resend: Option<Duration>,
    receiver: Receiver,
    state: State,
    /// The request, if it may be sent again; the reply, once it is there. In one place, so that a change of state moves no message.
    msg: Message,
}

/// Whether a caller waits to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiver {
    None,
    Waiting,
}

/// The life of a request; the diagram is at the top of the module.
#[derive(Debug)]
enum State {
    Idle,
    /// The caller has the request and waits for a pipe.
    Waiting,
    Sent {
        id: u32,
        pipe: PipeId,
        again: Again,
    },
    /// It was sent and waits for another pipe.
    Requeued {
        id: u32,
    },
    Replied,
    /// The pipe was lost; the next receive says so.
    Reset,
}

/// Whether a request is sent again.
#[derive(Clone, Copy, Debug)]
enum Again {
    Never,
    /// From the first tick on it knows when. This saves most sends from reading the clock.
    OnTick,
    At(Instant),
}

impl Req {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = ProtocolInfo {
        name: "req",
        peer_name: "rep",
        number: 0x30,
        peer: 0x31,
        raw: false,
        sends: true,
        receives: true,
        contexts: true,
        shared_recv: false,
        shared_send: true,
        returns_unsent: false,
        pipe_depth: 16,
    };

    /// A req socket without pipes. The seed chooses the first request id.
    pub fn new(seed: u64) -> Self {
        let mut contexts = Table::default();
        contexts.insert(ContextId::SOCKET, Context::new(Some(RESEND_TIME)));
        Self {
            picker: Picker::default(),
            contexts,
            replied: 0,
            requests: HashMap::default(),
            requeued: VecDeque::new(),
            ids: Ids::new(seed),
            tick: RESEND_TICK,
            next_tick: None,
            ttl: options::TTL,
        }
    }

    /// Sends a request on the pipe that was picked.
    fn send(&mut self, ctx: ContextId, id: u32, turn: Turn, msg: &mut Message, out: &mut dyn Outbox) {
        let Some(context) = self.contexts.get_mut(ctx) else { return };
        msg.clear_header();
        msg.append_header_u32(id);
        let again = match context.resend {
            None => Again::Never,
            Some(resend) => {
                msg.freeze();
                context.msg.clone_from(msg);
                let ticking = self.next_tick.is_some();
                if !ticking {
                    self.next_tick = out.now().checked_add(self.tick);
                }
                if ticking && resend >= self.tick {
                    Again::OnTick
                } else {
                    out.now().checked_add(resend).map_or(Again::Never, Again::At)
                }
            }
        };
        let pipe = self.picker.send(turn, msg, out);
        context.state = State::Sent { id, pipe, again };
    }

    /// Sends what was requeued, then lets waiting callers try.
    fn pump(&mut self, out: &mut dyn Outbox) {
        while let Some(ctx) = self.requeued.front().copied() {
            let Some(turn) = self.picker.pick() else { return };
            self.requeued.pop_front();
            if let Some(context) = self.contexts.get_mut(ctx)
                && let State::Requeued { id } = std::mem::replace(&mut context.state, State::Idle)
            {
                let mut request = std::mem::take(&mut context.msg);
                self.send(ctx, id, turn, &mut request, out);
            }
        }
        if self.picker.is_ready() {
            out.wake_send(ContextId::SOCKET);
        }
    }

    /// Ends whatever a context was doing and counts what it held.
    fn reset(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        let Some(context) = self.contexts.get_mut(ctx) else { return };
        context.msg = Message::new();
        match std::mem::replace(&mut context.state, State::Idle) {
            State::Idle | State::Waiting | State::Reset => {}
            State::Sent { id, .. } => {
                self.requests.remove(&id);
            }
            State::Requeued { id, .. } => {
                self.requests.remove(&id);
                self.requeued.retain(|other| *other != ctx);
            }
            State::Replied => {
                self.replied -= 1;
                out.count_drop(DropCause::Stale, 1);
            }
        }
    }

    /// A new send takes over: whoever waits on this context is told so.
    fn supersede(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        let Some(context) = self.contexts.get_mut(ctx) else { return };
        if context.receiver == Receiver::Waiting || matches!(context.state, State::Waiting) {
            out.cancel(ctx);
        }
        context.receiver = Receiver::None;
        self.reset(ctx, out);
    }

    fn forget(&mut self, pipe: PipeId, out: &mut dyn Outbox) -> bool {
        if !self.picker.detach(pipe) {
            return false;
        }
        for (ctx, context) in self.contexts.iter_mut() {
            if !matches!(context.state, State::Sent { pipe: used, .. } if used == pipe) {
                continue;
            }
            if let State::Sent { id, again, .. } = std::mem::replace(&mut context.state, State::Reset) {
                match again {
                    Again::Never => {
                        self.requests.remove(&id);
                        if context.receiver == Receiver::Waiting {
                            out.wake_recv(ctx);
                        }
                    }
                    Again::OnTick | Again::At(_) => {
                        context.state = State::Requeued { id };
                        self.requeued.push_back(ctx);
                    }
                }
            }
        }
        self.pump(out);
        true
    }

    fn fresh_id(&mut self) -> u32 {
        loop {
            let id = self.ids.next();
            if !self.requests.contains_key(&id) {
                return id;
            }
        }
    }
}

impl Context {
    fn new(resend: Option<Duration>) -> Self {
        Self { resend, receiver: Receiver::None, state: State::Idle, msg: Message::new() }
    }
}

impl Protocol for Req {
    fn info(&self) -> &'static ProtocolInfo {
        &Self::INFO
    }

    fn pipe_attached(&mut self, pipe: PipeId, attrs: PipeAttrs, out: &mut dyn Outbox) -> Result<(), Reject> {
        self.picker.attach(pipe, attrs);
        self.pump(out);
        Ok(())
    }

    fn pipe_detached(&mut self, pipe: PipeId, _unsent: Vec<Message>, out: &mut dyn Outbox) {
        self.forget(pipe, out);
    }

    fn pipe_writable(&mut self, pipe: PipeId, out: &mut dyn Outbox) {
        self.picker.writable(pipe);
        self.pump(out);
    }

    fn pipe_received(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow {
        if !self.picker.knows(pipe) {
            return Flow::Pause;
        }
        let id = match msg.take_word() {
            Some(id) if id & LAST != 0 => id,
            Some(_) | None => {
                out.close(pipe, Reject::Malformed);
                self.forget(pipe, out);
                return Flow::Pause;
            }
        };
        let Some(ctx) = self.requests.remove(&id) else {
            out.count_drop(DropCause::Stale, 1);
            return Flow::Continue;
        };
        if let Some(context) = self.contexts.get_mut(ctx) {
            msg.join_header();
            self.replied += 1;
            std::mem::swap(&mut context.msg, msg);
            if let State::Requeued { .. } = std::mem::replace(&mut context.state, State::Replied) {
                self.requeued.retain(|other| *other != ctx);
            }
            out.wake_recv(ctx);
        }
        Flow::Continue
    }

    fn try_send(
        &mut self,
        ctx: ContextId,
        msg: &mut Message,
        attempt: Attempt,
        out: &mut dyn Outbox,
    ) -> Result<(), SendRefused> {
        let Some(context) = self.contexts.get_mut(ctx) else { return Err(SendRefused::Failed(Error::Closed)) };
        match attempt {
            Attempt::Again if !matches!(context.state, State::Waiting) => {
                return Err(SendRefused::Failed(Error::Canceled));
            }
            Attempt::Only if !self.picker.is_ready() => return Err(SendRefused::Full),
            Attempt::Only | Attempt::First => self.supersede(ctx, out),
            Attempt::Again => {}
        }
        match self.picker.pick() {
            Some(turn) => {
                let id = self.fresh_id();
                self.requests.insert(id, ctx);
                self.send(ctx, id, turn, msg, out);
                Ok(())
            }
            None => {
                if let Some(context) = self.contexts.get_mut(ctx) {
                    context.state = State::Waiting;
                }
                Err(SendRefused::Full)
            }
        }
    }

    fn try_recv(
        &mut self,
        ctx: ContextId,
        attempt: Attempt,
        msg: &mut Message,
        _out: &mut dyn Outbox,
    ) -> Result<(), RecvError> {
        let context = self.contexts.get_mut(ctx).ok_or(RecvError::Failed(Error::Closed))?;
        if attempt != Attempt::Again && context.receiver == Receiver::Waiting {
            return Err(failed("another receive waits on this context"));
        }
        // A new request took over before this caller came round to see.
        let stale = attempt == Attempt::Again && context.receiver == Receiver::None;
        match &context.state {
            State::Waiting | State::Sent { .. } | State::Requeued { .. } | State::Replied | State::Reset if stale => {
                return Err(RecvError::Failed(Error::Canceled));
            }
            State::Waiting | State::Sent { .. } | State::Requeued { .. } => {
                if attempt != Attempt::Only {
                    context.receiver = Receiver::Waiting;
                }
                return Err(RecvError::Empty);
            }
            State::Idle | State::Replied | State::Reset => context.receiver = Receiver::None,
        }
        match std::mem::replace(&mut context.state, State::Idle) {
            State::Replied => {
                self.replied -= 1;
                std::mem::swap(&mut context.msg, msg);
                context.msg = Message::new();
                Ok(())
            }
            State::Reset => Err(RecvError::Failed(Error::ConnectionReset)),
            State::Idle | State::Waiting | State::Sent { .. } | State::Requeued { .. } => {
                Err(failed("no request was sent"))
            }
        }
    }

    fn unrecv(&mut self, ctx: ContextId, msg: Message, out: &mut dyn Outbox) {
        match self.contexts.get_mut(ctx) {
            Some(context) if matches!(context.state, State::Idle) => {
                context.state = State::Replied;
                context.msg = msg;
                self.replied += 1;
                out.wake_recv(ctx);
            }
            Some(_) => out.count_drop(DropCause::Stale, 1),
            None => out.count_drop(DropCause::Closed, 1),
        }
    }

    fn cancel_send(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if let Some(context) = self.contexts.get_mut(ctx)
            && matches!(context.state, State::Waiting)
        {
            context.state = State::Idle;
            // A receive was posted ahead of the request, and there will be no reply.
            if std::mem::replace(&mut context.receiver, Receiver::None) == Receiver::Waiting {
                out.cancel(ctx);
            }
        }
    }

    fn cancel_recv(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        let Some(context) = self.contexts.get_mut(ctx) else { return };
        if std::mem::replace(&mut context.receiver, Receiver::None) == Receiver::Waiting {
            if matches!(context.state, State::Waiting) {
                out.cancel(ctx);
            }
            self.reset(ctx, out);
        }
    }

    fn can_send(&self, _ctx: ContextId) -> bool {
        self.picker.is_ready()
    }

    fn can_recv(&self, ctx: ContextId) -> usize {
        match self.contexts.get(ctx).map(|context| &context.state) {
            Some(State::Replied | State::Reset) => 1,
            Some(State::Idle) | None => usize::MAX,
            Some(State::Waiting | State::Sent { .. } | State::Requeued { .. }) => 0,
        }
    }

    fn has_undelivered(&self) -> bool {
        self.replied > 0
    }

    fn open_context(&mut self, ctx: ContextId) -> Result<()> {
        let resend = self.contexts.get(ContextId::SOCKET).map_or(Some(RESEND_TIME), |socket| socket.resend);
        self.contexts.insert(ctx, Context::new(resend));
        Ok(())
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        self.reset(ctx, out);
        self.contexts.remove(ctx);
        if self.requests.is_empty() {
            self.next_tick = None;
        }
    }

    fn set_option(&mut self, ctx: ContextId, name: &str, value: &OptionValue, _out: &mut dyn Outbox) -> Result<()> {
        match (name, value) {
            (names::REQ_RESEND_TIME, OptionValue::Duration(resend)) => {
                let context = self.contexts.get_mut(ctx).ok_or(Error::Closed)?;
                context.resend = resend.filter(|resend| !resend.is_zero());
            }
            (names::REQ_RESEND_TICK, OptionValue::Duration(tick)) => {
                self.tick = tick.unwrap_or(RESEND_TICK).max(MIN_TICK);
            }
            (names::TTL_MAX, value) => self.ttl = options::count(name, value)?,
            (names::REQ_RESEND_TIME | names::REQ_RESEND_TICK, other) => return Err(options::bad_type(name, other)),
            _ => return options::unsupported(&Self::INFO, name),
        }
        Ok(())
    }

    fn option(&self, ctx: ContextId, name: &str) -> Result<OptionValue> {
        match name {
            names::REQ_RESEND_TIME => Ok(self.contexts.get(ctx).ok_or(Error::Closed)?.resend.into()),
            names::REQ_RESEND_TICK => Ok(self.tick.into()),
            names::TTL_MAX => Ok(options::from_count(self.ttl)),
            _ => options::unsupported(&Self::INFO, name),
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.next_tick
    }

    fn handle_timeout(&mut self, out: &mut dyn Outbox) {
        let now = out.now();
        if self.next_tick.is_none_or(|tick| tick > now) {
            return;
        }
        let mut outstanding = false;
        for (ctx, context) in self.contexts.iter_mut() {
            let resend = context.resend;
            if let State::Sent { id, again, .. } = &mut context.state {
                *again = match *again {
                    Again::Never => continue,
                    Again::At(due) if due <= now => {
                        context.state = State::Requeued { id: *id };
                        self.requeued.push_back(ctx);
                        outstanding = true;
                        continue;
                    }
                    Again::At(due) => Again::At(due),
                    Again::OnTick => match resend.and_then(|resend| now.checked_add(resend)) {
                        Some(due) => Again::At(due),
                        None => {
                            context.msg = Message::new();
                            Again::Never
                        }
                    },
                };
                outstanding = true;
            }
        }
        self.next_tick = if outstanding { now.checked_add(self.tick) } else { None };
        self.pump(out);
    }

    fn held(&self) -> usize {
        let held = |state: &State| match state {
            State::Idle | State::Waiting | State::Reset | State::Sent { again: Again::Never, .. } => 0,
            State::Sent { again: Again::OnTick | Again::At(_), .. } | State::Requeued { .. } | State::Replied => 1,
        };
        self.contexts.iter().map(|(_, context)| held(&context.state)).sum()
    }
}

fn failed(why: &str) -> RecvError {
    RecvError::Failed(Error::State(why.into()))
}

const RESEND_TIME: Duration = Duration::from_secs(60);
const RESEND_TICK: Duration = Duration::from_secs(1);
/// A tick of zero would never let the driver rest.
const MIN_TICK: Duration = Duration::from_millis(1);
