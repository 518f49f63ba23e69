//! Brokerless messaging: sockets that speak the scalability protocols, wire-compatible with nanomsg, NNG and mangos.
//!
//! A [`Socket`] does not stand for one connection. It [dials](SocketBase::dial) and [listens](SocketBase::listen) at any number of
//! addresses, over any transport, connects again by itself, and its protocol decides which peer a message goes to.
//!
//! ```
//! use spanwire::{Rep, Req, Socket};
//! use std::time::Duration;
//!
//! let rep = Socket::<Rep>::new();
//! let listener = rep.listen("tcp://127.0.0.1:0").wait()?;
//! std::thread::spawn(move || {
//!     while let Ok(request) = rep.recv_request().wait() {
//!         let _ = request.reply("pong").wait();
//!     }
//! });
//!
//! let req = Socket::<Req>::new();
//! req.dial(&listener).wait()?;
//! let reply = req.request("ping").timeout(Duration::from_secs(10)).wait()?;   // or .await, in any runtime
//! assert_eq!(reply.body(), b"pong");
//! # Ok::<(), spanwire::Error>(())
//! ```
//!
//! # Protocols
//!
//! | socket | talks to | what it is for | what may be dropped |
//! |---|---|---|---|
//! | [`Req`] | [`Rep`] | ask one of several servers; ask again when no reply comes | nothing that is asked |
//! | [`Rep`] | [`Req`] | answer requests | replies to who has gone |
//! | [`Push`] | [`Pull`] | hand work to whoever is ready | what a connection had taken when it was lost |
//! | [`Pull`] | [`Push`] | take work | |
//! | [`Pub`] | [`Sub`] | tell everybody who wants to know | the oldest, when a subscriber is slow |
//! | [`Sub`] | [`Pub`] | hear what was subscribed to | the oldest, when the queue is full |
//! | [`Surveyor`] | [`Respondent`] | ask all, and take answers until a deadline | the newest, when a peer is slow |
//! | [`Respondent`] | [`Surveyor`] | answer surveys | replies to who has gone |
//! | [`Bus`] | [`Bus`] | tell all direct neighbours | the newest, when a peer is slow |
//! | [`Pair0`] | [`Pair0`] | talk to one peer | |
//! | [`Pair1`] | [`Pair1`], [`Pair1Poly`] | talk to one peer, through devices if need be | |
//! | [`Pair1Poly`] | [`Pair1`], [`Pair1Poly`] | talk to several peers, each by its pipe | when that peer is slow or gone |
//!
//! The protocol is part of the socket's type: what it can't do does not compile. [`Raw<P>`](Raw) is a protocol's raw form, for
//! [devices](device()). An [`AnySocket`] chooses its protocol at run time, by name. Every drop is counted by its cause in the
//! [statistics](SocketBase::stats).
//!
//! # Addresses
//!
//! | URL | where |
//! |---|---|
//! | `tcp://host:port`, `tcp4://`, `tcp6://` | TCP; `tcp://*:port` listens on all interfaces, port 0 chooses one |
//! | `ws://host:port/path`, `wss://` | WebSocket, with the feature `ws`; `wss` with `tls` too |
//! | `ipc:///path`, `unix:///path` | a socket file of this machine |
//! | `abstract://name` | Linux' abstract socket namespace |
//! | `inproc://name` | this process |
//! | `tls+tcp://host:port`, `tls+tcp4://`, `tls+tcp6://` | TLS over TCP, with the feature `tls` |
//! | `socket://` | [descriptors](Listener::accept_fd) that the application has connected |
//!
//! Transports of your own [register](transport::register) their URL schemes.
//!
//! # Operations: blocking, async, or not at all
//!
//! What may have to wait answers an [`Op`], and nothing happens until it is carried out: `.wait()` blocks, `.await` suspends, `.try_now()` does
//! neither and answers [`Error::TryAgain`] instead. All three are one implementation, so threads and tasks may share a socket. No runtime is
//! needed, and any will do.
//!
//! - **Timeouts.** [`Op::timeout`] says how long this one may take; otherwise the options `recv-timeout` and `send-timeout` of the socket or
//!   context do, which are infinite unless they are set. When the time is over, the answer is [`Error::TimedOut`]; zero means a try. A send that
//!   failed [hands the message back](SendError).
//! - **Cancel safety.** An operation may be dropped at any time, and nothing is lost: a message stays in its queue, or was not sent.
//! - **Backpressure.** A send completes when a connection or the protocol's queue has taken the message. Which protocols wait for that, and which
//!   drop instead, stands in the table above.
//!
//! # Closing
//!
//! The last handle that is dropped [closes](SocketBase::close) the socket. Whoever waits on it gets [`Error::Closed`] at once. Messages that
//! it had accepted are given the time of the option `linger` (1 s unless it is [set](SocketBase::set_linger)) to reach the kernel: so the drop
//! may block for that long, and async code had better await `close()`. A [`Context`] and a [`Request`] keep their socket open; a [`Dialer`], a
//! [`Listener`], a [`Pipe`] and [`Events`] do not.
//!
//! # Threads
//!
//! Whoever calls does the I/O: a send writes, a blocked receive reads. The library starts
//! - none before the first socket is opened;
//! - then `spanwire-io`, which looks after sockets while nobody is blocked on them, and timers of protocols;
//! - from the first dial or listen on `spanwire-async`, which connects, accepts and shakes hands, and `async-io`, which it and
//!   async timeouts sleep on; name resolution and socket files are looked up on the thread pool of the crate `blocking`;
//! - from the first [pipe callback](SocketBase::on_pipe) or [event](SocketBase::events) on `spanwire-call`, which runs the callbacks.
//!
//! # Errors
//!
//! There is one [`Error`], with NNG's numbers. What a peer does wrong never appears there: it closes that peer's connection, and is counted and
//! logged (through the crate `tracing`).

#![forbid(unsafe_code)]

mod base;
mod context;
mod device;
mod endpoint;
pub mod events;
pub mod incoming;
pub mod op;
mod options;
pub mod pattern;
mod pool;
pub mod request;
mod socket;
#[cfg(feature = "tls")]
pub mod tls;
pub mod transport;

pub use base::SocketBase;
pub use context::{AnyContext, Context, ContextBase};
pub use device::{device, reflector};
pub use endpoint::{Dialer, IntoUrl, Listener};
pub use events::{Events, PipeEvent};
pub use incoming::{Messages, Requests, Responses};
pub use op::Op;
pub use pattern::{Bus, Pair0, Pair1, Pair1Poly, Pattern, Pub, Pull, Push, Raw, Rep, Req, Respondent, Sub, Surveyor};
pub use request::Request;
pub use socket::{AnySocket, Socket};

pub use spanwire_core::driver::{Pipe, PipeChange};
pub use spanwire_core::{
    ContextId, DialerId, Error, ListenerId, Message, OptionValue, PipeId, Result, SendError, SocketId, Url,
};
pub use spanwire_core::{message, option, protocol, stats};
