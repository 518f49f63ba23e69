//! Pipes as the application sees them, and as the socket keeps them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use super::endpoint::Endpoint;
use super::local::{Channel, LocalLink};
use super::notify::Signal;
use super::socket::Inner;
use super::stream::{Rx, Tx};
use crate::option::{self, Scope};
use crate::protocol::PipeAttrs;
use crate::transport::{ByteStream, Codec};
use crate::{DialerId, Error, ListenerId, OptionMap, OptionValue, PipeId, Result, SocketId};

/// One connection of a socket. Cheap to clone; usable from any thread. Keeping one does not keep the connection open.
#[derive(Clone)]
pub struct Pipe(pub(crate) Arc<PipeShared>);

impl Pipe {
    /// Its id, which is also its hop id on the wire.
    ///
    /// ```
    /// # use spanwire::{Pull, Push, Socket};
    /// # let (pull, push) = (Socket::<Pull>::new(), Socket::<Push>::new());
    /// # let dialer = push.dial(&pull.listen("inproc://pipe-id").wait()?).wait()?;
    /// let pipe = &push.pipes()[0];
    /// push.send("x").wait()?;
    /// assert!(pull.recv().wait()?.pipe().is_some_and(|id| id != pipe.id())); // each side has its own
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn id(&self) -> PipeId {
        self.0.id
    }

    /// The socket it belongs to.
    ///
    /// ```
    /// # use spanwire::{Pull, Push, Socket};
    /// # let (pull, push) = (Socket::<Pull>::new(), Socket::<Push>::new());
    /// # let dialer = push.dial(&pull.listen("inproc://pipe-socket").wait()?).wait()?;
    /// let pipe = &push.pipes()[0];
    /// assert_eq!(pipe.socket_id(), push.id());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn socket_id(&self) -> SocketId {
        self.0.socket_id
    }

    /// The dialer that made it, if a dialer did.
    ///
    /// ```
    /// # use spanwire::{Pull, Push, Socket};
    /// # let (pull, push) = (Socket::<Pull>::new(), Socket::<Push>::new());
    /// # let dialer = push.dial(&pull.listen("inproc://pipe-dialer").wait()?).wait()?;
    /// let pipe = &push.pipes()[0];
    /// assert_eq!(pipe.dialer_id(), Some(dialer.id()));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn dialer_id(&self) -> Option<DialerId> {
        self.0.endpoint.dialer_id()
    }

    /// The listener that took it, if a listener did.
    ///
    /// ```
    /// # use spanwire::{Pull, Push, Socket};
    /// # let (pull, push) = (Socket::<Pull>::new(), Socket::<Push>::new());
    /// # let dialer = push.dial(&pull.listen("inproc://pipe-listener").wait()?).wait()?;
    /// let pipe = &push.pipes()[0];
    /// assert_eq!(pipe.listener_id(), None); // a dialer made it
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn listener_id(&self) -> Option<ListenerId> {
        self.0.endpoint.listener_id()
    }

    /// Closes the connection. In a before-add callback this refuses it. A dialer connects anew.
    ///
    /// ```
    /// # use spanwire::{Pull, Push, Socket};
    /// # let (pull, push) = (Socket::<Pull>::new(), Socket::<Push>::new());
    /// # let dialer = push.dial(&pull.listen("inproc://pipe-close").wait()?).wait()?;
    /// let pipe = &push.pipes()[0];
    /// pipe.close();
    /// assert!(pipe.is_closed());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn close(&self) {
        if let Some(socket) = self.0.socket.upgrade() {
            socket.close_pipe(&self.0);
        }
    }

    /// Whether the connection has been closed, by either side.
    ///
    /// ```
    /// # use spanwire::{Pull, Push, Socket};
    /// # let (pull, push) = (Socket::<Pull>::new(), Socket::<Push>::new());
    /// # let dialer = push.dial(&pull.listen("inproc://pipe-closed").wait()?).wait()?;
    /// let pipe = &push.pipes()[0];
    /// assert!(!pipe.is_closed());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        self.0.is_closing() || self.0.gone.is_set()
    }

    /// Reads an option of the pipe; what the pipe does not have is read from its dialer or listener.
    ///
    /// # Errors
    /// [`Error::NotSupported`] if there is no such option, [`Error::WriteOnly`].
    ///
    /// ```
    /// # use spanwire::{Pull, Push, Socket};
    /// # let (pull, push) = (Socket::<Pull>::new(), Socket::<Push>::new());
    /// # let dialer = push.dial(&pull.listen("inproc://pipe-option").wait()?).wait()?;
    /// let pipe = &push.pipes()[0];
    /// assert_eq!(pipe.option("url")?, "inproc://pipe-option".into());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn option(&self, name: &str) -> Result<OptionValue> {
        if let Some(value) = self.0.options.get(name) {
            return Ok(value.clone());
        }
        if name == option::names::URL {
            return Ok(OptionValue::Str(self.0.endpoint.url().to_string()));
        }
        if let PipeLink::Stream(stream, _) = &self.0.link
            && let Ok(value) = stream.option(name)
        {
            return Ok(value);
        }
        if let Ok(spec) = option::spec(name)
            && spec.check_get(Scope::PIPE).is_err()
            && !spec.scope.has(Scope::DIALER)
            && !spec.scope.has(Scope::LISTENER)
        {
            spec.check_get(Scope::PIPE)?;
        }
        self.0.endpoint.option(name)
    }
}

impl PartialEq for Pipe {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Pipe {}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pipe({} of socket {}, {})", self.0.id, self.0.socket_id, self.0.endpoint.url())
    }
}

/// What stays the same about a pipe, and what its handles share.
pub(crate) struct PipeShared {
    pub(crate) id: PipeId,
    pub(crate) socket: Weak<Inner>,
    pub(crate) socket_id: SocketId,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) attrs: PipeAttrs,
    pub(crate) options: OptionMap,
    pub(crate) link: PipeLink,
    closing: AtomicBool,
    /// The pipe is not with its socket any more, or was refused.
    pub(crate) gone: Signal,
}

/// What carries a pipe's messages.
pub(crate) enum PipeLink {
    Stream(Box<dyn ByteStream>, Box<dyn Codec>),
    Local { tx: Arc<Channel>, rx: Arc<Channel> },
}

impl From<LocalLink> for PipeLink {
    fn from(link: LocalLink) -> Self {
        let (tx, rx) = link.take();
        Self::Local { tx, rx }
    }
}

impl PipeShared {
    pub(crate) fn new(socket: &Arc<Inner>, endpoint: Arc<Endpoint>, options: OptionMap, link: PipeLink) -> Self {
        Self {
            id: next_pipe_id(),
            socket: Arc::downgrade(socket),
            socket_id: socket.id,
            attrs: endpoint.attrs(),
            endpoint,
            options,
            link,
            closing: AtomicBool::new(false),
            gone: Signal::default(),
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn set_closing(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Ends the stream, for those who read or write. Not under the socket's lock.
    pub(crate) fn shut_down(&self) {
        if let PipeLink::Stream(stream, _) = &self.link {
            stream.shutdown();
        }
    }

    /// Ends the connection. Not under the socket's lock.
    pub(crate) fn end(&self) {
        match &self.link {
            PipeLink::Stream(stream, _) => {
                stream.shutdown();
                // Unread bytes would make the kernel send a reset, which destroys what the peer has not read yet.
                let mut scrap = Vec::with_capacity(super::stream::CHUNK);
                for _ in 0..DRAIN_READS {
                    scrap.clear();
                    if !matches!(stream.try_read(&mut scrap, super::stream::CHUNK), Ok(n) if n > 0) {
                        break;
                    }
                }
            }
            PipeLink::Local { tx, rx } => {
                tx.close();
                rx.close();
            }
        }
    }
}

/// A pipe in the socket's state.
pub(crate) struct Slot {
    pub(crate) pipe: Arc<PipeShared>,
    pub(crate) tx: SlotTx,
    /// `None` while somebody reads, or a leader sleeps with it.
    pub(crate) rx: Option<Box<Reader>>,
    /// In the list of ready pipes.
    pub(crate) queued: bool,
    /// Something happened that has not been looked at: while somebody was reading, or while the protocol paused it.
    pub(crate) pending: bool,
    /// The protocol takes no message now.
    pub(crate) paused: bool,
    /// The protocol was told that the pipe takes no message.
    pub(crate) full: bool,
    /// The peer has closed its side: read even if paused, to find the end.
    pub(crate) hangup: bool,
    /// To be detached for this reason as soon as nobody writes.
    pub(crate) dead: Option<Error>,
    /// The largest message that is accepted; 0 is unlimited.
    pub(crate) limit: usize,
    pub(crate) traffic: Traffic,
}

pub(crate) enum SlotTx {
    Stream(Tx),
    Local,
}

pub(crate) enum SlotRx {
    Stream(Rx),
    Local(LocalRx),
}

/// The receiving side of a local pipe.
#[derive(Default)]
pub(crate) struct LocalRx {
    /// Taken out of the channel, and not delivered.
    pub(crate) batch: VecDeque<crate::Message>,
    /// The last look found something: the writer relies on another one.
    pub(crate) more: bool,
    pub(crate) ended: Option<Error>,
}

/// The receiving side of a pipe. It is taken out of its slot to be read without the socket's lock.
pub(crate) struct Reader {
    pub(crate) pipe: Arc<PipeShared>,
    pub(crate) rx: SlotRx,
    /// Memory that the socket has lent for what is read.
    pub(crate) chunk: Option<Vec<u8>>,
    /// Many pipes wait to be read: not much of each.
    pub(crate) crowd: bool,
}

impl Reader {
    pub(crate) fn new(pipe: &Arc<PipeShared>, rx: SlotRx) -> Box<Self> {
        Box::new(Self { pipe: pipe.clone(), rx, chunk: None, crowd: false })
    }

    /// Reads a stream once.
    pub(crate) fn read(&mut self) {
        if let (SlotRx::Stream(rx), PipeLink::Stream(stream, _)) = (&mut self.rx, &self.pipe.link) {
            rx.read(&**stream, self.crowd, &mut self.chunk);
        }
    }

    /// Something can be delivered without reading.
    #[inline]
    pub(crate) fn has_messages(&self) -> bool {
        match &self.rx {
            SlotRx::Stream(rx) => rx.has_bytes(),
            SlotRx::Local(rx) => !rx.batch.is_empty(),
        }
    }

    /// There may be more to read, and nothing will tell.
    pub(crate) fn may_read_more(&self, hangup: bool) -> bool {
        match &self.rx {
            SlotRx::Stream(rx) => rx.may_read_more(hangup),
            SlotRx::Local(rx) => rx.more,
        }
    }

    pub(crate) fn ended(&self) -> Option<&Error> {
        match &self.rx {
            SlotRx::Stream(rx) => rx.ended.as_ref(),
            SlotRx::Local(rx) => rx.ended.as_ref(),
        }
    }
}

/// Messages and bytes in both directions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) tx_msgs: u64,
    pub(crate) tx_bytes: u64,
    pub(crate) rx_msgs: u64,
    pub(crate) rx_bytes: u64,
}

impl Traffic {
    #[inline]
    pub(crate) fn received(&mut self, msg: &crate::Message) {
        self.rx_msgs += 1;
        self.rx_bytes += (msg.header().len() + msg.len()) as u64;
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.tx_msgs += other.tx_msgs;
        self.tx_bytes += other.tx_bytes;
        self.rx_msgs += other.rx_msgs;
        self.rx_bytes += other.rx_bytes;
    }
}

/// How often a closing pipe reads at the most: what a socket's receive buffer can hold.
const DRAIN_READS: usize = 100;

/// Ids start at random, so that the ids of a process that was restarted do not meet answers for its predecessor.
fn next_pipe_id() -> PipeId {
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU32::new(fastrand::u32(..)));
    loop {
        if let Some(id) = PipeId::new(next.fetch_add(1, Ordering::Relaxed) & 0x7fff_ffff) {
            return id;
        }
    }
}
