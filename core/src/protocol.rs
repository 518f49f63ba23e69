//! The trait that every protocol implements: a state machine that never waits.
//!
//! A protocol knows no socket, no thread, no lock and no clock. The driver calls one method per event under the socket's lock;
//! the protocol answers at once and says what should happen through its [`Outbox`]. The simulator in `spanwire-protocols`
//! is another caller of the same trait.
//!
//! ## Waiting
//! A protocol never holds on to a caller. An operation that can't be done now is answered with [`SendRefused::Full`] or
//! [`RecvError::Empty`]; the caller keeps the message, waits, and tries again once the protocol said
//! [`Outbox::wake_send`] or [`Outbox::wake_recv`]. [`Attempt`] tells the protocol whether the caller will wait, so that it can
//! keep the context's state (a request that waits for a pipe, say); [`Protocol::cancel_send`] and
//! [`Protocol::cancel_recv`] tell it that a waiting caller has gone away.
//!
//! ## Room
//! A pipe is *ready* when it is attached, until [`Outbox::send`] answers [`Room::Full`]; it is ready again after
//! [`Protocol::pipe_writable`]. A protocol never sends to a pipe that is not ready.

use std::time::Instant;

use crate::option::OptionValue;
use crate::{ContextId, Error, Message, PipeId, Result};

/// What is fixed about a protocol.
#[derive(Debug, PartialEq, Eq)]
pub struct ProtocolInfo {
    /// Name as NNG has it, such as `"req"` or `"pair1"`.
    pub name: &'static str,
    /// The peer protocol's name.
    pub peer_name: &'static str,
    /// The number that goes on the wire.
    pub number: u16,
    /// The number that the other side must send.
    pub peer: u16,
    /// Raw mode: headers are the application's, no state is kept.
    pub raw: bool,
    /// The protocol has a send direction.
    pub sends: bool,
    /// The protocol has a receive direction.
    pub receives: bool,
    /// Contexts can be opened.
    pub contexts: bool,
    /// All contexts receive from one queue (rep), instead of each from its own (sub).
    pub shared_recv: bool,
    /// All contexts wait for the same room to send, first come first served (req), instead of each for its own (rep).
    pub shared_send: bool,
    /// Messages that a pipe took and could not write before it died come back in [`Protocol::pipe_detached`].
    pub returns_unsent: bool,
    /// How many messages a pipe between two sockets of one process may hold in one direction.
    pub pipe_depth: usize,
}

/// What the dialer or listener of a pipe says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipeAttrs {
    /// 1 (first) to 16; see `send-priority`.
    pub send_priority: u8,
    /// 1 (first) to 16; see `recv-priority`.
    pub recv_priority: u8,
}

impl Default for PipeAttrs {
    fn default() -> Self {
        Self { send_priority: 8, recv_priority: 8 }
    }
}

/// Whether the caller of a send or receive is going to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The only attempt: on failure the caller goes away, and the state stays as if it had not come.
    Only,
    /// The first attempt of a caller that will wait.
    First,
    /// A further attempt of a caller whose first one had to wait.
    Again,
}

/// Whether a pipe can take another message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a protocol must not send to a full pipe"]
pub enum Room {
    /// It can.
    More,
    /// It can't until [`Protocol::pipe_writable`].
    Full,
}

/// Whether a pipe may go on delivering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Deliver the next message.
    Continue,
    /// The message was taken, and has filled a queue of received messages that drops what it can't hold. Deliver the next one when the application has
    /// had its turn.
    Yield,
    /// The message was taken; deliver no more until [`Outbox::resume`].
    Pause,
}

/// Why a pipe is refused or closed by the protocol. Counted on the socket and on the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reject {
    /// There is a peer already (pair).
    Already,
    /// The peer sent what the protocol does not allow.
    Malformed,
    /// The peer speaks another protocol.
    Mismatch,
}

/// Why a message was dropped. Each has a counter in the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropCause {
    /// The queue towards a peer was full.
    SendQueueFull,
    /// The queue towards the application was full.
    RecvQueueFull,
    /// It passed more devices than `ttl-max` allows.
    TtlExceeded,
    /// Its destination is not there (any more).
    NoPipe,
    /// No subscription matches.
    NotMatched,
    /// A reply that nobody waits for (any more).
    Stale,
    /// Queued when its pipe or socket closed.
    Closed,
}

impl DropCause {
    /// All of them, in the order of their counters.
    pub const ALL: [Self; 7] = [
        Self::SendQueueFull,
        Self::RecvQueueFull,
        Self::TtlExceeded,
        Self::NoPipe,
        Self::NotMatched,
        Self::Stale,
        Self::Closed,
    ];

    /// The name of its counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendQueueFull => "drop_tx_full",
            Self::RecvQueueFull => "drop_rx_full",
            Self::TtlExceeded => "drop_ttl",
            Self::NoPipe => "drop_no_pipe",
            Self::NotMatched => "drop_not_matched",
            Self::Stale => "drop_stale",
            Self::Closed => "drop_closed",
        }
    }

    /// Its place in [`DropCause::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Where a protocol says what should happen. The driver and the simulator implement it.
pub trait Outbox {
    /// The time of this event. The same for the whole call.
    fn now(&mut self) -> Instant;

    /// Sends a message on a pipe that is ready. What is left in `msg` is of no use any more.
    fn send(&mut self, pipe: PipeId, msg: &mut Message) -> Room;

    /// Closes a pipe. [`Protocol::pipe_detached`] follows later, never within this call.
    fn close(&mut self, pipe: PipeId, reason: Reject);

    /// A pipe that was told [`Flow::Pause`] may deliver again. Never delivers within this call.
    fn resume(&mut self, pipe: PipeId);

    /// Sends of this context may succeed now (with `shared_send`: of any context; name [`ContextId::SOCKET`]).
    fn wake_send(&mut self, ctx: ContextId);

    /// Receives of this context may end now (with `shared_recv`: of any context; name [`ContextId::SOCKET`]).
    fn wake_recv(&mut self, ctx: ContextId);

    /// Gives the message that [`Protocol::pipe_received`] is called with straight to a caller that receives on this context now (with
    /// `shared_recv`: on any; name [`ContextId::SOCKET`]). `false`: there is none, and the message is to be queued. After `true` the
    /// protocol leaves it alone: it has been received.
    ///
    /// Only for a message before which nothing else is due on this context, and at most once in a call. Nothing but a shorter way: a
    /// protocol may queue every message and call [`wake_recv`](Self::wake_recv).
    fn deliver(&mut self, ctx: ContextId) -> bool;

    /// Ends all sends and receives that wait on this context with [`Error::Canceled`]. Does not call
    /// [`Protocol::cancel_send`] or [`Protocol::cancel_recv`] for them: the protocol has dealt with them already.
    fn cancel(&mut self, ctx: ContextId);

    /// Counts `n` dropped messages.
    fn count_drop(&mut self, cause: DropCause, n: usize);
}

/// Why a send was not done.
#[derive(Debug, PartialEq, Eq)]
pub enum SendRefused {
    /// It would have to wait.
    Full,
    /// It can't be done.
    Failed(Error),
}

/// Why a receive was not done.
#[derive(Debug, PartialEq, Eq)]
pub enum RecvError {
    /// It would have to wait.
    Empty,
    /// It can't be done.
    Failed(Error),
}

/// A scalability protocol as a pure state machine. The [module](self) explains waiting and room.
///
/// No method may panic on anything that a peer or an application passes in.
pub trait Protocol: Send {
    /// What is fixed about it.
    fn info(&self) -> &'static ProtocolInfo;

    /// A pipe has connected and is ready. `Err` refuses it; no other event follows for it then.
    fn pipe_attached(&mut self, pipe: PipeId, attrs: PipeAttrs, out: &mut dyn Outbox) -> Result<(), Reject>;

    /// A pipe is gone. `unsent` holds, in order, what it took and did not begin to write, if
    /// [`ProtocolInfo::returns_unsent`]; otherwise it is empty.
    fn pipe_detached(&mut self, pipe: PipeId, unsent: Vec<Message>, out: &mut dyn Outbox);

    /// A pipe that was full is ready again.
    fn pipe_writable(&mut self, pipe: PipeId, out: &mut dyn Outbox);

    /// A message came from a pipe that is attached and not paused. The driver has set its [`Message::pipe`]. The words of the SP
    /// header are read with [`Message::take_word`]: from the wire they are the first words of the body, from a socket of this
    /// process they are still in the header. A protocol without an SP header calls [`Message::join_header`].
    fn pipe_received(&mut self, pipe: PipeId, msg: &mut Message, out: &mut dyn Outbox) -> Flow;

    /// Sends the message, and then what is left in `msg` is of no use any more; or refuses it, and leaves it as it was.
    fn try_send(
        &mut self,
        ctx: ContextId,
        msg: &mut Message,
        attempt: Attempt,
        out: &mut dyn Outbox,
    ) -> Result<(), SendRefused>;

    /// Receives the next message into `msg`; leaves it alone otherwise.
    fn try_recv(
        &mut self,
        ctx: ContextId,
        attempt: Attempt,
        msg: &mut Message,
        out: &mut dyn Outbox,
    ) -> Result<(), RecvError>;

    /// Puts a message back at the head of the queue from which [`try_recv`](Self::try_recv) took it, or in front of which it was
    /// [delivered](Outbox::deliver), as if it had not been received. May exceed the queue's bound by the messages that are put back. A protocol whose state has moved on (the
    /// context has a new request) drops it and counts it.
    fn unrecv(&mut self, ctx: ContextId, msg: Message, out: &mut dyn Outbox);

    /// A send that was waiting is not wanted any more.
    fn cancel_send(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        let _ = (ctx, out);
    }

    /// A receive that was waiting is not wanted any more.
    fn cancel_recv(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        let _ = (ctx, out);
    }

    /// Whether a send on this context would be done, or fail, without waiting.
    fn can_send(&self, ctx: ContextId) -> bool;

    /// How many receives on this context would end without waiting, by a message or an error.
    fn can_recv(&self, ctx: ContextId) -> usize;

    /// Whether there are messages, on whatever context, that the application has not received: then it will be back soon.
    fn has_undelivered(&self) -> bool {
        matches!(self.can_recv(ContextId::SOCKET), 1..usize::MAX)
    }

    /// Opens a context under this id.
    fn open_context(&mut self, ctx: ContextId) -> Result<()> {
        let _ = ctx;
        Err(Error::NotSupported(format!("contexts with protocol {}", self.info().name).into()))
    }

    /// Closes a context; what it held is dropped. Its waiting callers have been dealt with.
    fn close_context(&mut self, ctx: ContextId, out: &mut dyn Outbox) {
        let _ = (ctx, out);
    }

    /// Sets one of the protocol's own options. The driver has checked name, type and range against the option table.
    ///
    /// # Errors
    /// [`Error::NotSupported`] if this protocol has no such option.
    fn set_option(&mut self, ctx: ContextId, name: &str, value: &OptionValue, out: &mut dyn Outbox) -> Result<()>;

    /// Reads one of the protocol's own options.
    ///
    /// # Errors
    /// [`Error::NotSupported`] if this protocol has no such option.
    fn option(&self, ctx: ContextId, name: &str) -> Result<OptionValue>;

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next. Must be cheap.
    fn next_timeout(&self) -> Option<Instant> {
        None
    }

    /// The time of [`next_timeout`](Self::next_timeout) has come.
    fn handle_timeout(&mut self, out: &mut dyn Outbox) {
        let _ = out;
    }

    /// Counters of the protocol's own, by name, for the statistics.
    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// How many messages the protocol holds for its peers that have not been handed to a pipe: what `linger` waits for.
    fn unsent(&self) -> usize {
        0
    }

    /// How many messages the protocol holds in all, for the invariants of tests: zero after everything was closed.
    fn held(&self) -> usize;
}
