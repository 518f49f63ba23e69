//! Contexts: conversations of their own over one socket.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use spanwire_core::ContextId;
use spanwire_core::driver::{self, Handle};
use spanwire_core::option::names;

use crate::base::{SocketBase, typed};
use crate::op::{Op, Recv, RecvOp, Send, SendOp};
use crate::pattern::{CanRecv, CanSend, HasContexts};
use crate::{Message, OptionValue, Result, SendError};

/// A context of a socket: a conversation of its own. Each has its own request, survey or subscriptions, and its own timeouts.
///
/// Cheap to clone, and usable from any thread. Keeps its socket open; the last handle closes it. What contexts of all protocols have in
/// common stands in [`ContextBase`].
///
/// ```
/// use spanwire::{Rep, Req, Socket};
///
/// let (rep, req) = (Socket::<Rep>::new(), Socket::<Req>::new());
/// rep.listen("inproc://context").wait()?;
/// req.dial("inproc://context").wait()?;
/// let (first, second) = (req.context()?, req.context()?);
/// first.send("1").wait()?;
/// second.send("2").wait()?;                    // does not cancel the first
/// for _ in 0..2 {
///     let request = rep.recv().wait()?;
///     rep.send(request).wait()?;
/// }
/// assert_eq!(second.recv().wait()?.body(), b"2");
/// assert_eq!(first.recv().wait()?.body(), b"1");
/// # Ok::<(), spanwire::Error>(())
/// ```
pub struct Context<P: HasContexts> {
    base: Arc<ContextBase>,
    pattern: PhantomData<fn() -> P>,
}

/// A context of a socket whose protocol was chosen at run time. Otherwise as [`Context`].
#[derive(Clone, Debug)]
pub struct AnyContext {
    base: Arc<ContextBase>,
}

/// What contexts of all protocols have in common. [`Context`] and [`AnyContext`] dereference to it.
pub struct ContextBase {
    base: Arc<SocketBase>,
    id: ContextId,
}

impl ContextBase {
    fn open(base: &Arc<SocketBase>) -> Result<Arc<Self>> {
        let id = base.core.open_context()?;
        Ok(Arc::new(Self { base: base.clone(), id }))
    }

    pub(crate) fn core(&self) -> &driver::Socket {
        &self.base.core
    }

    fn send_op(&self, msg: Message) -> SendOp<'_> {
        Op::new(self.base.core.send(self.id, msg))
    }

    fn recv_op(&self) -> RecvOp<'_> {
        Op::new(self.base.core.recv(self.id))
    }

    /// Its id, unique within its socket.
    ///
    /// ```
    /// let rep = spanwire::Socket::<spanwire::Rep>::new();
    /// assert_ne!(rep.context()?.id(), rep.context()?.id());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn id(&self) -> ContextId {
        self.id
    }

    /// Sets an option of this context by its name, as NNG spells it.
    ///
    /// # Errors
    /// As [`SocketBase::set_option`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let context = spanwire::AnySocket::open("req")?.context()?;
    /// context.set_option("req:resend-time", Duration::from_secs(5))?;
    /// assert!(context.set_option("ttl-max", 3).is_err());          // an option of the socket
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_option(&self, name: &str, value: impl Into<OptionValue>) -> Result<()> {
        self.base.core.set_option(self.id, name, value.into())
    }

    /// Reads an option of this context by its name, as NNG spells it.
    ///
    /// # Errors
    /// As [`SocketBase::option`].
    ///
    /// ```
    /// use spanwire::{AnySocket, OptionValue};
    ///
    /// let context = AnySocket::open("sub")?.context()?;
    /// assert_eq!(context.option("recv-buffer")?, OptionValue::Int(128));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn option(&self, name: &str) -> Result<OptionValue> {
        self.base.core.option(self.id, name)
    }

    /// How long a receive waits; `None`: without end.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use spanwire::{Rep, Socket};
    /// use std::time::Duration;
    ///
    /// let rep = Socket::<Rep>::new();
    /// rep.set_recv_timeout(Duration::from_secs(1))?;
    /// assert_eq!(rep.context()?.recv_timeout()?, Some(Duration::from_secs(1)));   // copied from the socket
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn recv_timeout(&self) -> Result<Option<Duration>> {
        typed(self.option(names::RECV_TIMEOUT))
    }

    /// Sets how long a receive waits; `None`: without end; zero: not at all.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use spanwire::{Error, Rep, Socket};
    /// use std::time::Duration;
    ///
    /// let context = Socket::<Rep>::new().context()?;
    /// context.set_recv_timeout(Duration::from_millis(1))?;
    /// assert_eq!(context.recv().wait(), Err(Error::TimedOut));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn set_recv_timeout(&self, time: impl Into<Option<Duration>>) -> Result<()> {
        self.set_option(names::RECV_TIMEOUT, time.into())
    }

    /// How long a send waits; `None`: without end.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// let context = spanwire::Socket::<spanwire::Req>::new().context()?;
    /// assert_eq!(context.send_timeout()?, None);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn send_timeout(&self) -> Result<Option<Duration>> {
        typed(self.option(names::SEND_TIMEOUT))
    }

    /// Sets how long a send waits; `None`: without end; zero: not at all.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use spanwire::{Error, Req, Socket};
    /// use std::time::Duration;
    ///
    /// let context = Socket::<Req>::new().context()?;
    /// context.set_send_timeout(Duration::from_millis(1))?;
    /// assert_eq!(context.send("nobody is there").wait().unwrap_err().error, Error::TimedOut);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_send_timeout(&self, time: impl Into<Option<Duration>>) -> Result<()> {
        self.set_option(names::SEND_TIMEOUT, time.into())
    }

    /// Closes the context, for all its handles. Whoever waits on it gets [`Error::Closed`](crate::Error::Closed).
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed) if it or its socket was closed before.
    ///
    /// ```
    /// use spanwire::{Error, Rep, Socket};
    ///
    /// let context = Socket::<Rep>::new().context()?;
    /// context.close()?;
    /// assert_eq!(context.recv().wait(), Err(Error::Closed));
    /// assert_eq!(context.close(), Err(Error::Closed));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn close(&self) -> Result<()> {
        self.base.core.close_context(self.id)
    }
}

impl Drop for ContextBase {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

impl fmt::Debug for ContextBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({} of {:?})", self.id, self.base)
    }
}

impl AnyContext {
    pub(crate) fn open(base: &Arc<SocketBase>) -> Result<Self> {
        Ok(Self { base: ContextBase::open(base)? })
    }

    /// Sends a message; see [`AnySocket::send`](crate::AnySocket::send).
    ///
    /// # Errors
    /// As [`AnySocket::send`](crate::AnySocket::send).
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the message has not been sent.
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (req, rep) = (AnySocket::open("req")?, AnySocket::open("rep")?);
    /// # rep.listen("inproc://any-context-send").wait()?;
    /// # req.dial("inproc://any-context-send").wait()?;
    /// let context = req.context()?;
    /// context.send("ping").wait()?;
    /// assert_eq!(rep.recv().wait()?.body(), b"ping");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn send(&self, msg: impl Into<Message>) -> SendOp<'_> {
        self.base.send_op(msg.into())
    }

    /// Receives a message; see [`AnySocket::recv`](crate::AnySocket::recv).
    ///
    /// # Errors
    /// As [`AnySocket::recv`](crate::AnySocket::recv).
    ///
    /// # Cancel safety
    /// Dropped while it is pending, no message is lost. A request or survey whose receive is dropped ends.
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (req, rep) = (AnySocket::open("req")?, AnySocket::open("rep")?);
    /// # rep.listen("inproc://any-context-recv").wait()?;
    /// # req.dial("inproc://any-context-recv").wait()?;
    /// let context = rep.context()?;
    /// req.send("ping").wait()?;
    /// assert_eq!(context.recv().wait()?.body(), b"ping");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn recv(&self) -> RecvOp<'_> {
        self.base.recv_op()
    }

    /// [`send`](Self::send) as an operation that holds the context and borrows nothing.
    ///
    /// # Errors
    /// As [`AnySocket::send`](crate::AnySocket::send).
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the message has not been sent.
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (req, rep) = (AnySocket::open("req")?, AnySocket::open("rep")?);
    /// # rep.listen("inproc://any-context-send-owned").wait()?;
    /// # req.dial("inproc://any-context-send-owned").wait()?;
    /// let send = req.context()?.send_owned("ping");
    /// let sent = std::thread::spawn(|| send.wait());
    /// assert_eq!(rep.recv().wait()?.body(), b"ping");
    /// # sent.join().unwrap()?;
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn send_owned(&self, msg: impl Into<Message>) -> Op<Send<Self>> {
        Op::new(Send::new(self.clone(), self.id, msg.into()))
    }

    /// [`recv`](Self::recv) as an operation that holds the context and borrows nothing.
    ///
    /// # Errors
    /// As [`AnySocket::recv`](crate::AnySocket::recv).
    ///
    /// # Cancel safety
    /// Dropped while it is pending, no message is lost. A request or survey whose receive is dropped ends.
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (req, rep) = (AnySocket::open("req")?, AnySocket::open("rep")?);
    /// # rep.listen("inproc://any-context-recv-owned").wait()?;
    /// # req.dial("inproc://any-context-recv-owned").wait()?;
    /// let recv = rep.context()?.recv_owned();
    /// let received = std::thread::spawn(|| recv.wait());
    /// req.send("ping").wait()?;
    /// assert_eq!(received.join().unwrap()?.body(), b"ping");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn recv_owned(&self) -> Op<Recv<Self>> {
        Op::new(Recv::new(self.clone(), self.id))
    }

    /// Sends a message if that needs no waiting.
    ///
    /// # Errors
    /// As [`AnySocket::send`](crate::AnySocket::send).
    ///
    /// ```
    /// use spanwire::{AnySocket, Error};
    ///
    /// let context = AnySocket::open("req")?.context()?;
    /// assert_eq!(context.try_send("nobody is there").unwrap_err().error, Error::TryAgain);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn try_send(&self, msg: impl Into<Message>) -> Result<(), SendError> {
        self.send(msg).try_now()
    }

    /// Receives a message if one is there.
    ///
    /// # Errors
    /// As [`AnySocket::recv`](crate::AnySocket::recv).
    ///
    /// ```
    /// use spanwire::{AnySocket, Error};
    ///
    /// let context = AnySocket::open("rep")?.context()?;
    /// assert_eq!(context.try_recv(), Err(Error::TryAgain));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn try_recv(&self) -> Result<Message> {
        self.recv().try_now()
    }

    /// Puts a received message back, so that it is the next one to be received.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use spanwire::{Pub, Socket, Sub};
    ///
    /// # let (publisher, sub) = (Socket::<Pub>::new(), Socket::<Sub>::new());
    /// # sub.listen("inproc://any-context-unrecv").wait()?;
    /// let context = sub.context()?;
    /// context.subscribe("")?;
    /// # publisher.dial("inproc://any-context-unrecv").wait()?;
    /// let context = context.to_any();
    /// publisher.send("one").wait()?;
    /// context.unrecv(context.recv().wait()?)?;
    /// assert_eq!(context.recv().wait()?.body(), b"one");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn unrecv(&self, msg: Message) -> Result<()> {
        self.base.base.core.unrecv(self.id, msg)
    }
}

impl<P: HasContexts> Context<P> {
    pub(crate) fn open(base: &Arc<SocketBase>) -> Result<Self> {
        Ok(Self { base: ContextBase::open(base)?, pattern: PhantomData })
    }

    /// A handle of the same context that does not name the protocol.
    ///
    /// ```
    /// let context = spanwire::Socket::<spanwire::Rep>::new().context()?;
    /// assert_eq!(context.to_any().id(), context.id());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn to_any(&self) -> AnyContext {
        AnyContext { base: self.base.clone() }
    }

    pub(crate) fn shared(&self) -> &Arc<ContextBase> {
        &self.base
    }
}

impl<P: HasContexts + CanSend> Context<P> {
    /// Sends a message; see [`Socket::send`](crate::Socket::send).
    ///
    /// # Errors
    /// As [`Socket::send`](crate::Socket::send).
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the message has not been sent.
    ///
    /// ```
    /// use spanwire::{Rep, Req, Socket};
    ///
    /// # let (req, rep) = (Socket::<Req>::new(), Socket::<Rep>::new());
    /// # rep.listen("inproc://context-send").wait()?;
    /// # req.dial("inproc://context-send").wait()?;
    /// let context = req.context()?;
    /// context.send("ping").wait()?;
    /// assert_eq!(rep.recv().wait()?.body(), b"ping");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[inline]
    pub fn send(&self, msg: impl Into<Message>) -> SendOp<'_> {
        self.base.send_op(msg.into())
    }

    /// Sends a message if that needs no waiting.
    ///
    /// # Errors
    /// As [`Socket::try_send`](crate::Socket::try_send).
    ///
    /// ```
    /// use spanwire::{Error, Rep, Socket};
    ///
    /// let context = Socket::<Rep>::new().context()?;
    /// let failed = context.try_send("a reply to nothing").unwrap_err();
    /// assert!(matches!(failed.error, Error::State(_)));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[inline]
    pub fn try_send(&self, msg: impl Into<Message>) -> Result<(), SendError> {
        self.send(msg).try_now()
    }
}

impl<P: HasContexts + CanRecv> Context<P> {
    /// Receives a message; see [`Socket::recv`](crate::Socket::recv).
    ///
    /// # Errors
    /// As [`Socket::recv`](crate::Socket::recv).
    ///
    /// # Cancel safety
    /// Dropped while it is pending, no message is lost. A request or survey whose receive is dropped ends.
    ///
    /// ```
    /// use spanwire::{Rep, Req, Socket};
    ///
    /// # let (req, rep) = (Socket::<Req>::new(), Socket::<Rep>::new());
    /// # rep.listen("inproc://context-recv").wait()?;
    /// # req.dial("inproc://context-recv").wait()?;
    /// let context = rep.context()?;
    /// req.send("ping").wait()?;
    /// assert_eq!(context.recv().wait()?.body(), b"ping");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[inline]
    pub fn recv(&self) -> RecvOp<'_> {
        self.base.recv_op()
    }

    /// Receives a message if one is there.
    ///
    /// # Errors
    /// As [`Socket::try_recv`](crate::Socket::try_recv).
    ///
    /// ```
    /// use spanwire::{Error, Rep, Socket};
    ///
    /// assert_eq!(Socket::<Rep>::new().context()?.try_recv(), Err(Error::TryAgain));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<Message> {
        self.recv().try_now()
    }

    /// Puts a received message back, so that it is the next one to be received.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use spanwire::{Pub, Socket, Sub};
    ///
    /// # let (publisher, sub) = (Socket::<Pub>::new(), Socket::<Sub>::new());
    /// # sub.listen("inproc://context-unrecv").wait()?;
    /// let context = sub.context()?;
    /// context.subscribe("")?;
    /// # publisher.dial("inproc://context-unrecv").wait()?;
    /// publisher.send("one").wait()?;
    /// context.unrecv(context.recv().wait()?)?;
    /// assert_eq!(context.recv().wait()?.body(), b"one");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn unrecv(&self, msg: Message) -> Result<()> {
        self.base.base.core.unrecv(self.base.id, msg)
    }
}

impl<P: HasContexts> Clone for Context<P> {
    fn clone(&self) -> Self {
        Self { base: self.base.clone(), pattern: PhantomData }
    }
}

impl<P: HasContexts> Deref for Context<P> {
    type Target = ContextBase;

    fn deref(&self) -> &ContextBase {
        &self.base
    }
}

impl Deref for AnyContext {
    type Target = ContextBase;

    fn deref(&self) -> &ContextBase {
        &self.base
    }
}

impl Handle for AnyContext {
    fn socket(&self) -> &driver::Socket {
        &self.base.base.core
    }
}

impl<P: HasContexts> From<Context<P>> for AnyContext {
    fn from(context: Context<P>) -> Self {
        Self { base: context.base }
    }
}

impl<P: HasContexts> fmt::Debug for Context<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base.fmt(f)
    }
}
