//! The traits that every transport implements, and the registry of transports by URL scheme.
//!
//! A transport only makes connections. What it hands over is a [`Link`]: usually a non-blocking byte stream with a
//! [`Codec`], which the driver's engine then reads and writes by itself, so that handshake, framing, batching, limits and
//! fairness are the same for all of them. Whoever has no byte stream hands over a [`PipeTx`] and a [`PipeRx`], which move
//! messages in batches.
//!
//! All methods are object-safe and poll-based, so that a C vtable can mirror them one to one. They are polled on one
//! thread that all endpoints share: they must not block. Use `async-io` for readiness and the crate `blocking` for what
//! can't be done without waiting, such as name resolution.
//!
//! Errors: what a method answers is counted on the dialer or listener, and logged. An error of a dialer or listener should name
//! its address, see [`Error::or_detail`]. A panic is [`Error::Internal`]; the driver gives up an attempt to connect or to bind after 30 s, a handshake
//! after 10 s, and a pipe that does not close after 1 s.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock, RwLock};
use std::task::{Context, Poll};

use crate::option::EndpointOptions;
use crate::{Error, Message, OptionMap, ProtocolInfo, Result, Url};

pub use crate::driver::local::{LocalLink, local_pair};

/// Makes dialers and listeners for the URL schemes that it serves.
pub trait Transport: Send + Sync + 'static {
    /// The schemes, without `://`.
    fn schemes(&self) -> &[&'static str];

    /// A dialer for this URL. Checks the URL and the options, and touches no network.
    ///
    /// # Errors
    /// [`Error::AddressInvalid`] if the URL can't be dialed, [`Error::InvalidArgument`] and the like for bad options.
    fn dialer(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>>;

    /// A listener for this URL. Checks the URL and the options, and touches no network.
    ///
    /// # Errors
    /// As [`dialer`](Self::dialer).
    fn listener(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>>;
}

/// Makes outgoing connections, one at a time.
pub trait Dialer: Send {
    /// Connects and shakes hands. Each call after a `Ready` starts a new attempt. Dropping the dialer gives up an attempt.
    fn poll_dial(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Connection>>;
}

/// Takes incoming connections.
pub trait Listener: Send {
    /// Binds the address and answers the URL under which the listener can be reached, with the port that was chosen. Called until it is
    /// ready, once, before [`poll_accept`](Self::poll_accept).
    fn poll_bind(&mut self, cx: &mut Context<'_>) -> Poll<Result<Url>>;

    /// Takes the next connection. The handshake that comes back runs beside this listener, within a time limit, so that
    /// a slow peer holds up nobody. After an error the driver calls again, at once for the error of a connection, and
    /// after a pause when files or memory have run out ([`Error::OutOfFiles`], [`Error::OutOfMemory`]).
    fn poll_accept(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Handshake>>;
}

/// A connection that is being set up. [`Error::TryAgain`] says that another listener has taken it over, which is no failure of this one.
pub type Handshake = Pin<Box<dyn Future<Output = Result<Connection>> + Send>>;

/// What a transport must know of the socket.
#[derive(Clone, Copy, Debug)]
pub struct Hello {
    /// The socket's protocol.
    pub protocol: &'static ProtocolInfo,
}

/// A connection after its handshake.
pub struct Connection {
    /// The protocol number that the peer sent. The driver refuses the pipe if it is not the socket's peer protocol.
    pub peer: u16,
    /// What carries the messages.
    pub link: Link,
    /// What can be read as options of the pipe, such as `local-address`, `remote-address` and `ipc:peer-uid`.
    pub options: OptionMap,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("peer", &self.peer).field("options", &self.options).finish_non_exhaustive()
    }
}

/// What carries the messages of a pipe.
pub enum Link {
    /// A byte stream, driven by the engine.
    Stream(Box<dyn ByteStream>, Box<dyn Codec>),
    /// Two sockets of this process, see [`local_pair`].
    Local(LocalLink),
    /// Something that moves whole messages.
    Messages(Box<dyn PipeTx>, Box<dyn PipeRx>),
}

/// A connected, non-blocking, reliable byte stream. Reads and writes may run at the same time in two threads.
pub trait ByteStream: Send + Sync {
    /// Appends at most `max` bytes to `into`, within its spare capacity; 0 at the end of the stream.
    /// [`io::ErrorKind::WouldBlock`] if there is nothing now.
    ///
    /// After `WouldBlock`, and after fewer bytes than would have fitted, the caller waits for the next event on the descriptor. So
    /// a stream that buffers answers that only when the descriptor has nothing more and the buffer is empty.
    ///
    /// After [`io::ErrorKind::Interrupted`] the caller reads again without an event, when others have had their turn. What was appended before
    /// it counts.
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> io::Result<usize>;

    /// Writes what can be written at once and answers its length.
    ///
    /// The next call begins with the first byte that was not counted: what was offered in vain is offered again, the same bytes and no
    /// fewer. So a stream that transforms its bytes may keep what it has transformed and not sent, and count it when it is.
    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Whether bytes were read ahead that no event on the descriptor will tell of. Asked when the stream becomes a pipe: the
    /// handshake may have read more than its own bytes.
    fn has_buffered(&self) -> bool {
        false
    }

    /// Ends the connection in both directions. Whoever reads or writes is told.
    fn shutdown(&self);

    /// The descriptor to wait on.
    #[cfg(unix)]
    fn fd(&self) -> std::os::fd::BorrowedFd<'_>;

    /// Changes an option of the open connection, such as `tcp-nodelay`.
    fn set_option(&self, name: &str, value: &crate::OptionValue) -> Result<()> {
        let _ = value;
        Err(Error::NotSupported(format!("option {name} of a pipe").into()))
    }

    /// Reads an option of the open connection.
    fn option(&self, name: &str) -> Result<crate::OptionValue> {
        Err(Error::NotSupported(format!("option {name} of a pipe").into()))
    }
}

/// A stream of which only the trait is known is one as well.
impl<S: ByteStream + ?Sized> ByteStream for Box<S> {
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        (**self).try_read(into, max)
    }

    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (**self).try_write(bufs)
    }

    fn has_buffered(&self) -> bool {
        (**self).has_buffered()
    }

    fn shutdown(&self) {
        (**self).shutdown();
    }

    #[cfg(unix)]
    fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        (**self).fd()
    }

    fn set_option(&self, name: &str, value: &crate::OptionValue) -> Result<()> {
        (**self).set_option(name, value)
    }

    fn option(&self, name: &str) -> Result<crate::OptionValue> {
        (**self).option(name)
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for dyn ByteStream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd()
    }
}

/// How messages are framed on a byte stream. Pure.
pub trait Codec: Send + Sync {
    /// Appends what stands before a message of `len` bytes (header and body).
    fn encode_prefix(&self, len: usize, out: &mut Vec<u8>);

    /// Looks at the start of the stream. `None`: more bytes are needed to tell.
    ///
    /// # Errors
    /// [`Error::Protocol`] if this is not the framing.
    fn decode_prefix(&self, buf: &[u8]) -> Result<Option<Frame>>;
}

/// A frame at the start of a buffer: `prefix` bytes, then `len` bytes of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Bytes before the message.
    pub prefix: usize,
    /// Length of the message.
    pub len: u64,
}

/// The sending side of a link that moves whole messages.
///
/// A message's [header](Message::header) and body belong together: on the way they are one, the header first. The other side's
/// [`PipeRx`] puts all of it into the body.
///
/// Dropped when the pipe has closed; no other method is called after [`poll_close`](Self::poll_close) was ready.
pub trait PipeTx: Send {
    /// Takes messages off the front of the queue, as many as it can. Pending: it took what it could and will wake when it can
    /// take more, or has delivered what it took. Ready: it took all, and none of it is held here any more. So a pipe that closes
    /// waits for what is on its way, for as long as the option `linger` says.
    ///
    /// # Errors
    /// They close the pipe. What is left in the queue goes to another pipe, if the protocol has one that will do; so a message that this transport can't send at
    /// all is taken off before the error.
    fn poll_send(&mut self, cx: &mut Context<'_>, queue: &mut VecDeque<Message>) -> Poll<Result<()>>;

    /// Called once, when the pipe ends, before [`poll_close`](Self::poll_close) and after the last [`poll_send`](Self::poll_send): puts back
    /// to the front of the queue, in their order, those messages that it took and of which nothing has left this process. Who takes only what it
    /// sends at once has none.
    fn take_back(&mut self, queue: &mut VecDeque<Message>) {
        let _ = queue;
    }

    /// Delivers what it holds and closes. Called when the pipe closes, whoever closes it, after the last
    /// [`poll_send`](Self::poll_send). Who does not get through with both within a second after that is dropped as it is.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// The receiving side of a link that moves whole messages. Dropped when the pipe closes.
pub trait PipeRx: Send {
    /// Appends at most `max` messages and answers how many; 0 at the end of the connection.
    ///
    /// # Errors
    /// They close the pipe. [`Error::MessageTooLarge`] above [`EndpointOptions::recv_size_max`]; the driver checks that as well,
    /// but only when the message is there. [`Error::Protocol`] for what makes no sense.
    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut Vec<Message>, max: usize) -> Poll<Result<usize>>;
}

/// Registers a transport for its URL schemes, for all sockets of this process. A transport that had a scheme before is replaced.
pub fn register(transport: Arc<dyn Transport>) {
    let mut table = registry().write().unwrap_or_else(std::sync::PoisonError::into_inner);
    for scheme in transport.schemes() {
        table.insert((*scheme).to_owned(), transport.clone());
    }
}

/// The transport for a URL scheme.
///
/// # Errors
/// [`Error::NotSupported`] if none is registered.
pub fn lookup(scheme: &str) -> Result<Arc<dyn Transport>> {
    let table = registry().read().unwrap_or_else(std::sync::PoisonError::into_inner);
    table.get(scheme).cloned().ok_or_else(|| Error::NotSupported(format!("no transport for scheme {scheme:?}").into()))
}

/// Runs a task beside dialers and listeners, on the thread that all of them share: it must not block.
///
/// ```
/// let (tell, told) = std::sync::mpsc::channel();
/// spanwire_core::transport::spawn(async move { tell.send("hello").unwrap() });
/// assert_eq!(told.recv(), Ok("hello"));
/// ```
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    crate::driver::executor::spawn(task).detach();
}

fn registry() -> &'static RwLock<HashMap<String, Arc<dyn Transport>>> {
    static REGISTRY: OnceLock<RwLock<HashMap<String, Arc<dyn Transport>>>> = OnceLock::new();
    REGISTRY.get_or_init(RwLock::default)
}
