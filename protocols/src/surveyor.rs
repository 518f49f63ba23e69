//! Surveyor: asks everybody, and takes the answers that come in time.
//!
//! A survey goes to all peers that are there and lasts `surveyor:survey-time`. Each context has one survey at a time, and any number of
//! receives may wait for its answers.
//!
//! ```text
//!            try_send                        replies are queued (`recv-buffer`)
//!   Idle ───────────────► Open{until} ◄──────────────────────────────────────── pipe
//!     ▲                       │
//!     └── it is over, a new one is sent, or a waiting receive is cancelled
//! ```
//!
//! **Dropped:** the new survey where the queue of a pipe is full (`drop_tx_full`); the new answer where the queue of the context is
//! (`drop_rx_full`); answers to a survey that is over, queued ones too (`drop_stale`).
//! **Options:** `surveyor:survey-time` (1 s, at least 1 ms, per context), `send-buffer` (8 a pipe), `recv-buffer` (128, per context, at
//! least 1), `ttl-max` (8, for raw peers that read it).
//! **Errors:** a receive without a survey, or after it is over, is `State`; one that waits when it ends is `TimedOut`; whoever waits
//! when a new one is sent is `Canceled`. A peer whose answer has no survey id is disconnected.
//! **On the wire:** `u32` survey id with the top bit set, then the body.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use spanwire_core::message::pop_into;
use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, RecvError, SendRefused};
use spanwire_core::table::{FastHash, Table};
use spanwire_core::{
    Attempt, ContextId, Error, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, ProtocolInfo, Reject, Result,
};

use crate::fanout::{Fanout, Overflow};
use crate::options;
use crate::words::{Ids, LAST};

/// Surveyor.
#[derive(Debug)]
pub struct Surveyor {
    peers: Fanout,
    contexts: Table<ContextId, Context>,
    /// Whose survey this is.
    surveys: HashMap<u32, ContextId, FastHash>,
    /// When open surveys end, the first one first.
    ends: BTreeSet<(Instant, ContextId)>,
    ids: Ids,
    ttl: usize,
}

#[derive(Debug)]
struct Context {
    survey_time: Option<Duration>,
    limit: usize,
    survey: Survey,
}

/// The life of a survey; the diagram is at the top of the module.
#[derive(Debug)]
enum Survey {
    Idle,
    Open {
        id: u32,
        /// `None`: it lasts until the next one.
        until: Option<Instant>,
        replies: VecDeque<Message>,
    },
}

impl Surveyor {
    /// What is fixed about it.
    pub const INFO: ProtocolInfo = ProtocolInfo {
        name: "surveyor",
        peer_name: "respondent",
        number: 0x62,
        peer: 0x63,
        raw: false,
        sends: true,
        receives: true,
        contexts: true,
        shared_recv: false,
        shared_send: false,
        returns_unsent: false,
        pipe_depth: 16,
    };

    /// A surveyor socket without pipes. The seed chooses the first survey id.
    pub fn new(seed: u64) -> Self {
        let mut contexts = Table::default();
        contexts.insert(ContextId::SOCKET, Context::new(Some(SURVEY_TIME), RECV_BUFFER));
        Self {
            peers: Fanout::new(SEND_BUFFER, Overflow::Newest),
            contexts,
            surveys: HashMap::default(),
            ends: BTreeSet::new(),
            ids: Ids::new(seed),
            ttl: options::TTL,
        }
    }

    /// Ends a context's survey. `false` if there is none.
    fn end(&mut self, ctx: ContextId, out: &mut dyn Outbox) -> bool {
        let Some(context) = self.contexts.get_mut(ctx) else { return false };
        let Survey::Open { id, until, replies } = std::mem::replace(&mut context.survey, Survey::Idle) else {
            return false;
        };
        self.surveys.remove(&id);
        if let Some(until) = until {
            self.ends.remove(&(until, ctx));
        }
        if !replies.is_empty() {
            out.count_drop(DropCause::Stale, replies.len());
        }
        true
    }

    /// Ends the surveys whose time is over.
    fn expire(&mut self, now: Instant, out: &mut dyn Outbox) {
        while let Some((until, ctx)) = self.ends.first().copied()
            && until <= now
        {
            self.ends.pop_first();
            self.end(ctx, out);
            out.wake_recv(ctx);
        }
    }
}

impl Context {
    fn new(survey_time: Option<Duration>, limit: usize) -> Self {
        Self { survey_time, limit, survey: Survey::Idle }
    }
}

impl Protocol for Surveyor {
    fn info(&self) -> &'static ProtocolInfo {
        &Self::INFO
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
        if !self.peers.knows(pipe) {
            return Flow::Pause;
        }
        let id = match msg.take_word() {
            Some(id) if id & LAST != 0 => id,
            Some(_) | None => {
                self.peers.detach(pipe, out);
                out.close(pipe, Reject::Malformed);
                return Flow::Pause;
            }
        };
        if let Some(ctx) = self.surveys.get(&id).copied()
            && let Some(Context { survey: Survey::Open { replies, .. }, limit, .. }) = self.contexts.get_mut(ctx)
        {
            let limit = (*limit).max(1);
            if replies.len() >= limit {
                out.count_drop(DropCause::RecvQueueFull, 1);
            } else {
                msg.join_header();
                replies.push_back(std::mem::take(msg));
                out.wake_recv(ctx);
                if replies.len() == limit {
                    return Flow::Yield;
                }
            }
        } else {
            out.count_drop(DropCause::Stale, 1);
        }
        Flow::Continue
    }

    fn try_send(
        &mut self,
        ctx: ContextId,
        msg: &mut Message,
        _attempt: Attempt,
        out: &mut dyn Outbox,
    ) -> Result<(), SendRefused> {
        self.end(ctx, out);
        // Even if none is open: who was told that the last one is over may not have looked yet.
        out.cancel(ctx);
        let Some(context) = self.contexts.get_mut(ctx) else { return Err(SendRefused::Failed(Error::Closed)) };
        let mut id = self.ids.next();
        while self.surveys.contains_key(&id) {
            id = self.ids.next();
        }
        let until = context.survey_time.and_then(|time| out.now().checked_add(time));
        context.survey = Survey::Open { id, until, replies: VecDeque::new() };
        self.surveys.insert(id, ctx);
        if let Some(until) = until {
            self.ends.insert((until, ctx));
        }
        msg.clear_header();
        msg.append_header_u32(id);
        self.peers.send_all(msg, None, out);
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
        // The time may be over although the driver has not come round to say so.
        let over = match &mut context.survey {
            Survey::Idle => true,
            Survey::Open { until, .. } if until.is_some_and(|until| until <= out.now()) => {
                self.expire(out.now(), out);
                true
            }
            Survey::Open { replies, .. } => {
                if pop_into(replies, msg) {
                    return Ok(());
                }
                false
            }
        };
        Err(match (over, attempt) {
            (false, _) => RecvError::Empty,
            (true, Attempt::Again) => RecvError::Failed(Error::TimedOut),
            (true, Attempt::First | Attempt::Only) => {
                RecvError::Failed(Error::State("no survey was sent, or it is over".into()))
            }
        })
    }

    fn unrecv(&mut self, ctx: ContextId, msg: Message, out: &mut dyn Outbox) {
        match self.contexts.get_mut(ctx) {
            Some(Context { survey: Survey::Open { replies, .. }, .. }) => {
                replies.push_front(msg);
                out.wake_recv(ctx);
            }
            Some(_) => out.count_drop(DropCause::Stale, 1),
            None => out.count_drop(DropCause::Closed, 1),
        }
    }

    fn cancel_recv(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        if self.end(ctx, out) {
            out.cancel(ctx);
        }
    }

    fn can_send(&self, _ctx: ContextId) -> bool {
        true
    }

    fn can_recv(&self, ctx: ContextId) -> usize {
        match self.contexts.get(ctx).map(|context| &context.survey) {
            Some(Survey::Open { replies, .. }) => replies.len(),
            Some(Survey::Idle) | None => usize::MAX,
        }
    }

    fn has_undelivered(&self) -> bool {
        let replies =
            |context: &Context| matches!(&context.survey, Survey::Open { replies, .. } if !replies.is_empty());
        self.contexts.values().any(replies)
    }

    fn open_context(&mut self, ctx: ContextId) -> Result<()> {
        let (survey_time, limit) = self
            .contexts
            .get(ContextId::SOCKET)
            .map_or((Some(SURVEY_TIME), RECV_BUFFER), |socket| (socket.survey_time, socket.limit));
        self.contexts.insert(ctx, Context::new(survey_time, limit));
        Ok(())
    }

    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        self.end(ctx, out);
        self.contexts.remove(ctx);
        if ctx == ContextId::SOCKET {
            self.peers.clear(out);
        }
    }

    fn set_option(&mut self, ctx: ContextId, name: &str, value: &OptionValue, _out: &mut dyn Outbox) -> Result<()> {
        let context = self.contexts.get_mut(ctx).ok_or(Error::Closed)?;
        match (name, value) {
            (names::SURVEYOR_SURVEY_TIME, OptionValue::Duration(time)) => {
                context.survey_time = time.map(|time| time.max(MIN_SURVEY_TIME));
            }
            (names::SURVEYOR_SURVEY_TIME, other) => return Err(options::bad_type(name, other)),
            (names::RECV_BUFFER, value) => context.limit = options::count(name, value)?,
            (names::SEND_BUFFER, value) => self.peers.set_limit(options::count(name, value)?),
            (names::TTL_MAX, value) => self.ttl = options::count(name, value)?,
            _ => return options::unsupported(&Self::INFO, name),
        }
        Ok(())
    }

    fn option(&self, ctx: ContextId, name: &str) -> Result<OptionValue> {
        let context = self.contexts.get(ctx).ok_or(Error::Closed)?;
        match name {
            names::SURVEYOR_SURVEY_TIME => Ok(context.survey_time.into()),
            names::RECV_BUFFER => Ok(options::from_count(context.limit)),
            names::SEND_BUFFER => Ok(options::from_count(self.peers.limit())),
            names::TTL_MAX => Ok(options::from_count(self.ttl)),
            _ => options::unsupported(&Self::INFO, name),
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.ends.first().map(|(until, _)| *until)
    }

    fn handle_timeout(&mut self, out: &mut dyn Outbox) {
        let now = out.now();
        self.expire(now, out);
    }

    fn unsent(&self) -> usize {
        self.peers.queued()
    }

    fn held(&self) -> usize {
        let replies = |context: &Context| match &context.survey {
            Survey::Idle => 0,
            Survey::Open { replies, .. } => replies.len(),
        };
        self.peers.queued() + self.contexts.iter().map(|(_, context)| replies(context)).sum::<usize>()
    }
}

const SURVEY_TIME: Duration = Duration::from_secs(1);
const MIN_SURVEY_TIME: Duration = Duration::from_millis(1);
pub(crate) const SEND_BUFFER: usize = 8;
const RECV_BUFFER: usize = 128;
