//! Sockets: typed, and with the protocol chosen at run time.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use spanwire_core::driver::{self, Handle};
use spanwire_core::{ContextId, Protocol};

use crate::base::SocketBase;
use crate::context::{AnyContext, Context};
use crate::op::{Op, Recv, RecvOp, Send, SendOp};
use crate::pattern::{CanRecv, CanSend, HasContexts, Pattern};
use crate::{Error, Message, Result, SendError};

/// A socket whose protocol is part of its type: what the protocol can't do does not compile.
///
/// Cheap to clone, and usable from any thread at any time: all methods take `&self`. The last handle closes it, which may block for the time
/// of the option `linger`. What sockets of all protocols have in common, such as [`dial`](SocketBase::dial) and
/// [`listen`](SocketBase::listen), stands in [`SocketBase`].
///
/// ```
/// use spanwire::{Pair1, Socket};
///
/// let (a, b) = (Socket::<Pair1>::new(), Socket::<Pair1>::new());
/// a.listen("inproc://typed").wait()?;
/// b.dial("inproc://typed").wait()?;
/// a.send("hello").wait()?;
/// assert_eq!(b.recv().wait()?.to_str(), Ok("hello"));
/// # Ok::<(), spanwire::Error>(())
/// ```
///
/// ```compile_fail,E0599
/// // Nothing can be sent through a pull socket.
/// spanwire::Socket::<spanwire::Pull>::new().send("hello");
/// ```
pub struct Socket<P: Pattern> {
    base: Arc<SocketBase>,
    pattern: PhantomData<fn() -> P>,
}

/// A socket whose protocol is chosen at run time, for tools and bindings. Otherwise as [`Socket`].
///
/// ```
/// use spanwire::AnySocket;
///
/// let (a, b) = (AnySocket::open("pair")?, AnySocket::open("pair")?);
/// a.listen("inproc://any").wait()?;
/// b.dial("inproc://any").wait()?;
/// a.send("hello").wait()?;
/// assert_eq!(b.recv().wait()?.body(), b"hello");
/// # Ok::<(), spanwire::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AnySocket {
    base: Arc<SocketBase>,
}

impl<P: Pattern> Socket<P> {
    /// A new socket. The first one of the process starts the I/O thread.
    ///
    /// # Panics
    /// If the system has no file descriptor, memory or thread left; [`open`](Self::open) returns that as an error.
    ///
    /// ```
    /// use spanwire::{Bus, Socket};
    ///
    /// let bus = Socket::<Bus>::new();
    /// assert_eq!(bus.protocol().name, "bus");
    /// ```
    #[expect(clippy::new_without_default, reason = "opening a socket is no default")]
    #[track_caller]
    pub fn new() -> Self {
        match Self::open() {
            Ok(socket) => socket,
            Err(e) => panic!("cannot open a socket: {e}"),
        }
    }

    /// A new socket. The first one of the process starts the I/O thread.
    ///
    /// # Errors
    /// [`Error::OutOfFiles`] and what else the system says.
    ///
    /// ```
    /// let bus = spanwire::Socket::<spanwire::Bus>::open()?;
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn open() -> Result<Self> {
        let base = SocketBase::open(P::state_machine(fastrand::u64(..)))?;
        Ok(Self { base: Arc::new(base), pattern: PhantomData })
    }

    /// A handle of the same socket that does not name the protocol.
    ///
    /// ```
    /// use spanwire::{Req, Socket};
    ///
    /// let req = Socket::<Req>::new();
    /// assert_eq!(req.to_any().id(), req.id());
    /// ```
    pub fn to_any(&self) -> AnySocket {
        AnySocket { base: self.base.clone() }
    }

    pub(crate) fn base(&self) -> &Arc<SocketBase> {
        &self.base
    }
}

impl AnySocket {
    /// A new socket of the protocol of this name: "pair" (or "pair0"), "pair1", "pair1-poly", "bus", "push", "pull", "pub", "sub",
    /// "req", "rep", "surveyor" or "respondent".
    ///
    /// # Errors
    /// [`Error::NotSupported`] for another name, [`Error::OutOfFiles`] and what else the system says.
    ///
    /// ```
    /// use spanwire::{AnySocket, Error};
    ///
    /// assert_eq!(AnySocket::open("sub")?.protocol().peer_name, "pub");
    /// assert!(matches!(AnySocket::open("carrier pigeon"), Err(Error::NotSupported(_))));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn open(name: &str) -> Result<Self> {
        Self::find(name, false)
    }

    /// A new raw socket of the protocol of this name.
    ///
    /// # Errors
    /// As [`open`](Self::open); "pair1-poly" has no raw form.
    ///
    /// ```
    /// assert!(spanwire::AnySocket::open_raw("rep")?.protocol().raw);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn open_raw(name: &str) -> Result<Self> {
        Self::find(name, true)
    }

    /// A new socket of a protocol of your own.
    ///
    /// # Errors
    /// [`Error::OutOfFiles`] and what else the system says.
    ///
    /// ```
    /// use spanwire::{AnySocket, Bus, Pattern};
    ///
    /// let bus = AnySocket::with_protocol(Bus::state_machine(7))?;   // or one of your own
    /// assert_eq!(bus.protocol().name, "bus");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn with_protocol(protocol: Box<dyn Protocol>) -> Result<Self> {
        Ok(Self { base: Arc::new(SocketBase::open(protocol)?) })
    }

    fn find(name: &str, raw: bool) -> Result<Self> {
        let entry = spanwire_protocols::find(name, raw).ok_or_else(|| {
            let form = if raw { "raw " } else { "" };
            Error::NotSupported(format!("no {form}protocol {name:?}").into())
        })?;
        Self::with_protocol((entry.new)(fastrand::u64(..)))
    }

    /// Sends a message. Completes when a pipe or the protocol's queue has taken it.
    ///
    /// # Errors
    /// All hand the message back. [`Error::NotSupported`] if the protocol does not send; [`Error::State`] for a reply without a request;
    /// [`Error::Canceled`] for a request that a later one replaces; [`Error::TimedOut`], [`Error::TryAgain`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the message has not been sent.
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (a, b) = (AnySocket::open("pair")?, AnySocket::open("pair")?);
    /// # a.listen("inproc://any-send").wait()?;
    /// # b.dial("inproc://any-send").wait()?;
    /// a.send("hello").wait()?;
    /// assert_eq!(b.recv().wait()?.body(), b"hello");
    /// assert!(AnySocket::open("pull")?.send("what a pull socket can't").wait().is_err());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[inline]
    pub fn send(&self, msg: impl Into<Message>) -> SendOp<'_> {
        Op::new(self.base.core.send(ContextId::SOCKET, msg.into()))
    }

    /// Receives a message.
    ///
    /// # Errors
    /// [`Error::NotSupported`] if the protocol does not receive; [`Error::State`] with no request or survey under way;
    /// [`Error::TimedOut`], [`Error::TryAgain`], [`Error::Canceled`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Dropped while it is pending, no message is lost. A request or survey whose receive is dropped ends.
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (a, b) = (AnySocket::open("pair")?, AnySocket::open("pair")?);
    /// # a.listen("inproc://any-recv").wait()?;
    /// # b.dial("inproc://any-recv").wait()?;
    /// b.send("hello").wait()?;
    /// assert_eq!(a.recv().wait()?.body(), b"hello");
    /// assert!(AnySocket::open("push")?.recv().wait().is_err());     // it only sends
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[inline]
    pub fn recv(&self) -> RecvOp<'_> {
        Op::new(self.base.core.recv(ContextId::SOCKET))
    }

    /// [`send`](Self::send) as an operation that holds the socket and borrows nothing.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the message has not been sent.
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (a, b) = (AnySocket::open("pair")?, AnySocket::open("pair")?);
    /// # a.listen("inproc://any-send-owned").wait()?;
    /// # b.dial("inproc://any-send-owned").wait()?;
    /// let send = a.send_owned("hello");
    /// let sent = std::thread::spawn(|| send.wait());
    /// assert_eq!(b.recv().wait()?.body(), b"hello");
    /// # sent.join().unwrap()?;
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn send_owned(&self, msg: impl Into<Message>) -> Op<Send<Self>> {
        Op::new(Send::new(self.clone(), ContextId::SOCKET, msg.into()))
    }

    /// [`recv`](Self::recv) as an operation that holds the socket and borrows nothing.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropped while it is pending, no message is lost. A request or survey whose receive is dropped ends.
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (a, b) = (AnySocket::open("pair")?, AnySocket::open("pair")?);
    /// # a.listen("inproc://any-recv-owned").wait()?;
    /// # b.dial("inproc://any-recv-owned").wait()?;
    /// let recv = b.recv_owned();
    /// let received = std::thread::spawn(|| recv.wait());
    /// a.send("hello").wait()?;
    /// assert_eq!(received.join().unwrap()?.body(), b"hello");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn recv_owned(&self) -> Op<Recv<Self>> {
        Op::new(Recv::new(self.clone(), ContextId::SOCKET))
    }

    /// Sends a message if that needs no waiting.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// ```
    /// let push = spanwire::AnySocket::open("push")?;
    /// assert_eq!(push.try_send("no peer").unwrap_err().message.body(), b"no peer");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn try_send(&self, msg: impl Into<Message>) -> Result<(), SendError> {
        self.send(msg).try_now()
    }

    /// Receives a message if one is there.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// ```
    /// use spanwire::{AnySocket, Error};
    ///
    /// assert_eq!(AnySocket::open("pull")?.try_recv(), Err(Error::TryAgain));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn try_recv(&self) -> Result<Message> {
        self.recv().try_now()
    }

    /// Puts a received message back, so that it is the next one to be received.
    ///
    /// # Errors
    /// [`Error::Closed`].
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (a, b) = (AnySocket::open("pair")?, AnySocket::open("pair")?);
    /// # a.listen("inproc://any-unrecv").wait()?;
    /// # b.dial("inproc://any-unrecv").wait()?;
    /// b.send("hello").wait()?;
    /// a.unrecv(a.recv().wait()?)?;
    /// assert_eq!(a.recv().wait()?.body(), b"hello");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn unrecv(&self, msg: Message) -> Result<()> {
        self.base.core.unrecv(ContextId::SOCKET, msg)
    }

    /// Opens a context: a conversation of its own over this socket. It copies the socket's timeouts and options.
    ///
    /// # Errors
    /// [`Error::NotSupported`] if the protocol has none, [`Error::Closed`].
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// assert!(AnySocket::open("rep")?.context().is_ok());
    /// assert!(AnySocket::open("push")?.context().is_err());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn context(&self) -> Result<AnyContext> {
        AnyContext::open(&self.base)
    }
}

impl<P: CanSend> Socket<P> {
    /// Sends a message. Completes when a pipe or the protocol's queue has taken it; whether it waits for that, drops, or
    /// chooses another peer is the protocol's business.
    ///
    /// # Errors
    /// All hand the message back. [`Error::State`] for a reply without a request; [`Error::Canceled`] for a request that a later one
    /// replaces; [`Error::TimedOut`], [`Error::TryAgain`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the message has not been sent.
    ///
    /// ```
    /// use spanwire::{Pull, Push, Socket};
    ///
    /// let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
    /// pull.listen("inproc://send").wait()?;
    /// push.dial("inproc://send").wait()?;
    /// push.send(vec![1, 2, 3]).wait()?;
    /// assert_eq!(pull.recv().wait()?.body(), [1, 2, 3]);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[inline]
    pub fn send(&self, msg: impl Into<Message>) -> SendOp<'_> {
        Op::new(self.base.core.send(ContextId::SOCKET, msg.into()))
    }

    /// Sends a message if that needs no waiting.
    ///
    /// # Errors
    /// [`Error::TryAgain`] if it would have to wait, and as [`send`](Self::send); all hand the message back.
    ///
    /// ```
    /// let push = spanwire::Socket::<spanwire::Push>::new();
    /// assert_eq!(push.try_send("no peer").unwrap_err().message.body(), b"no peer");
    /// ```
    #[inline]
    pub fn try_send(&self, msg: impl Into<Message>) -> Result<(), SendError> {
        self.send(msg).try_now()
    }
}

impl<P: CanRecv> Socket<P> {
    /// Receives a message.
    ///
    /// # Errors
    /// [`Error::State`] with no request or survey under way; [`Error::TimedOut`], [`Error::TryAgain`], [`Error::Canceled`],
    /// [`Error::Closed`]. What a peer did wrong is never reported here.
    ///
    /// # Cancel safety
    /// Dropped while it is pending, no message is lost. A request or survey whose receive is dropped ends.
    ///
    /// ```
    /// use spanwire::{Bus, Socket};
    ///
    /// let (a, b) = (Socket::<Bus>::new(), Socket::<Bus>::new());
    /// a.listen("inproc://recv").wait()?;
    /// b.dial("inproc://recv").wait()?;
    /// b.send("all aboard").wait()?;
    /// assert_eq!(a.recv().wait()?.body(), b"all aboard");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[inline]
    pub fn recv(&self) -> RecvOp<'_> {
        Op::new(self.base.core.recv(ContextId::SOCKET))
    }

    /// Receives a message if one is there.
    ///
    /// # Errors
    /// [`Error::TryAgain`] if there is none, and as [`recv`](Self::recv).
    ///
    /// ```
    /// use spanwire::{Error, Pull, Socket};
    /// assert_eq!(Socket::<Pull>::new().try_recv(), Err(Error::TryAgain));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<Message> {
        self.recv().try_now()
    }

    /// Puts a received message back, so that it is the next one to be received. For who took it and can't use it after all.
    ///
    /// # Errors
    /// [`Error::Closed`].
    ///
    /// ```
    /// use spanwire::{Bus, Socket};
    ///
    /// let (a, b) = (Socket::<Bus>::new(), Socket::<Bus>::new());
    /// a.listen("inproc://unrecv").wait()?;
    /// b.dial("inproc://unrecv").wait()?;
    /// b.send("one").wait()?;
    /// b.send("two").wait()?;
    /// let one = a.recv().wait()?;
    /// a.unrecv(one)?;
    /// assert_eq!(a.recv().wait()?.body(), b"one");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn unrecv(&self, msg: Message) -> Result<()> {
        self.base.core.unrecv(ContextId::SOCKET, msg)
    }
}

impl<P: HasContexts> Socket<P> {
    /// Opens a context: a conversation of its own over this socket. It copies the socket's timeouts and options, and is closed when its last
    /// handle is dropped.
    ///
    /// # Errors
    /// [`Error::Closed`].
    ///
    /// ```
    /// use spanwire::{Pub, Socket, Sub};
    ///
    /// let (publisher, sub) = (Socket::<Pub>::new(), Socket::<Sub>::new());
    /// sub.listen("inproc://contexts").wait()?;
    /// let (fruit, trees) = (sub.context()?, sub.context()?);
    /// fruit.subscribe("apple")?;
    /// trees.subscribe("oak")?;
    /// publisher.dial("inproc://contexts").wait()?;
    /// publisher.send("oak: 20 m").wait()?;
    /// publisher.send("apple: red").wait()?;
    /// assert_eq!(fruit.recv().wait()?.body(), b"apple: red");
    /// assert_eq!(trees.recv().wait()?.body(), b"oak: 20 m");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn context(&self) -> Result<Context<P>> {
        Context::open(&self.base)
    }
}

impl<P: Pattern> Clone for Socket<P> {
    fn clone(&self) -> Self {
        Self { base: self.base.clone(), pattern: PhantomData }
    }
}

impl<P: Pattern> Deref for Socket<P> {
    type Target = SocketBase;

    fn deref(&self) -> &SocketBase {
        &self.base
    }
}

impl Deref for AnySocket {
    type Target = SocketBase;

    fn deref(&self) -> &SocketBase {
        &self.base
    }
}

impl<P: Pattern> From<Socket<P>> for AnySocket {
    fn from(socket: Socket<P>) -> Self {
        Self { base: socket.base }
    }
}

impl<P: Pattern> From<&Socket<P>> for AnySocket {
    fn from(socket: &Socket<P>) -> Self {
        socket.to_any()
    }
}

impl From<&AnySocket> for AnySocket {
    fn from(socket: &AnySocket) -> Self {
        socket.clone()
    }
}

impl Handle for AnySocket {
    fn socket(&self) -> &driver::Socket {
        &self.base.core
    }
}

impl<P: Pattern> fmt::Debug for Socket<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base.fmt(f)
    }
}

impl<P: Pattern> PartialEq for Socket<P> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.base, &other.base)
    }
}

impl<P: Pattern> Eq for Socket<P> {}

impl PartialEq for AnySocket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.base, &other.base)
    }
}

impl Eq for AnySocket {}
