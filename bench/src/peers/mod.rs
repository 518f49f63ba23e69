//! The peers, behind one interface.

mod nanomsg;
mod nng;
mod raw;
mod ring;
mod spanwire;
mod zeromq_rs;
mod zmq;

use serde::{Deserialize, Serialize};

pub(crate) use self::nanomsg::Nanomsg;
pub(crate) use self::nng::Nng;
pub(crate) use self::raw::{Coalescing, Plain};
pub(crate) use self::ring::Ring;
pub(crate) use self::spanwire::{Span, SpanAsync};
pub(crate) use self::zeromq_rs::ZeromqRs;
pub(crate) use self::zmq::Libzmq;

pub(crate) type Res<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// One socket of a peer. What a peer cannot do answers an error, and the table shows a gap.
pub(crate) trait Peer: Sized + Send + 'static {
    fn open(pattern: Pattern, setup: Setup) -> Res<Self>;
    fn listen(&mut self, url: &str) -> Res;
    /// May be called several times, and need not wait until the connection stands.
    fn dial(&mut self, url: &str) -> Res;
    fn send(&mut self, body: &[u8]) -> Res;
    fn recv(&mut self) -> Res<Got>;

    /// Sends the same body as all the time, without a copy where the peer's interface offers that for shared bodies.
    #[inline]
    fn send_again(&mut self, body: &[u8]) -> Res {
        self.send(body)
    }

    /// Receives one message and sends it back, by the shortest way that the peer has.
    fn echo(&mut self) -> Res;

    /// Sends unless that would block: whether it did.
    fn try_send(&mut self, _body: &[u8]) -> Res<bool> {
        unsupported("try_send")
    }
    /// Sends a request that is one of several under way.
    fn submit(&mut self, _slot: usize, _body: &[u8]) -> Res {
        unsupported("requests in flight")
    }
    /// Waits for the reply to it. Requests complete in the order in which they were submitted.
    fn complete(&mut self, _slot: usize) -> Res {
        unsupported("requests in flight")
    }
    fn subscribe(&mut self, _topic: &[u8]) -> Res {
        unsupported("subscriptions")
    }
    /// Another handle of the same socket, for another thread.
    fn share(&mut self) -> Res<Self> {
        unsupported("several threads")
    }
    /// How many connections stand; only if opened with `watch`.
    fn connections(&mut self) -> Res<usize> {
        unsupported("counting connections")
    }
}

/// `Client` and `Server` have several requests under way: request and reply, where the peer can do that with one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Req,
    Rep,
    Push,
    Pull,
    Pub,
    Sub,
    Client,
    Server,
}

/// What a peer may want to know before it opens a socket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Setup {
    /// Bytes of each message; plain sockets read as many at once.
    pub(crate) size: usize,
    /// How many peers connect; plain sockets accept as many, the last of which is the one to talk to.
    pub(crate) peers: usize,
    /// Requests under way at a time.
    pub(crate) slots: usize,
    /// [`Peer::connections`] will be called.
    pub(crate) watch: bool,
    /// There will be more subscriptions than a queue usually takes.
    pub(crate) many_topics: bool,
}

/// What the scenarios look at in a message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Got {
    /// Its first four bytes as a number.
    pub(crate) tag: u32,
}

impl Got {
    #[inline]
    pub(crate) fn of(body: &[u8]) -> Self {
        Self { tag: body.first_chunk().map_or(0, |first| u32::from_le_bytes(*first)) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Name {
    Spanwire,
    /// The same through futures.
    SpanwireAsync,
    Libzmq,
    Nng,
    Nanomsg,
    ZeromqRs,
    Raw,
    Rawb,
}

impl Name {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Name::Spanwire => "spanwire",
            Name::SpanwireAsync => "spanwire-async",
            Name::Libzmq => "libzmq",
            Name::Nng => "nng",
            Name::Nanomsg => "nanomsg",
            Name::ZeromqRs => "zeromq-rs",
            Name::Raw => "raw",
            Name::Rawb => "rawb",
        }
    }
}

fn unsupported<T>(what: &str) -> Res<T> {
    Err(format!("not supported: {what}").into())
}
