//! What all sockets have in common.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use spanwire_core::driver;
use spanwire_core::protocol::ProtocolInfo;
use spanwire_core::stats::Stat;
use spanwire_core::{ContextId, PipeId, Protocol, SocketId};

use crate::endpoint::{self, Dialer, IntoUrl, Listener};
use crate::events::{Close, Watchers};
use crate::op::{Op, Task};
use crate::pool::Pool;
use crate::{Error, OptionValue, Pipe, Result};

/// What sockets of all protocols have in common: addresses, options, pipes, statistics, close.
///
/// [`Socket`](crate::Socket) and [`AnySocket`](crate::AnySocket) dereference to it.
pub struct SocketBase {
    pub(crate) core: driver::Socket,
    pub(crate) pool: Mutex<Pool>,
    pub(crate) watchers: OnceLock<Arc<Watchers>>,
}

impl SocketBase {
    pub(crate) fn open(protocol: Box<dyn Protocol>) -> Result<Self> {
        spanwire_transports::register_all();
        Ok(Self { core: driver::Socket::open(protocol)?, pool: Mutex::default(), watchers: OnceLock::new() })
    }

    /// Its id, unique in this process.
    ///
    /// ```
    /// use spanwire::{Bus, Socket};
    ///
    /// let (a, b) = (Socket::<Bus>::new(), Socket::<Bus>::new());
    /// assert_ne!(a.id(), b.id());
    /// ```
    pub fn id(&self) -> SocketId {
        self.core.id()
    }

    /// What is fixed about its protocol: name, numbers, directions.
    ///
    /// ```
    /// let req = spanwire::Socket::<spanwire::Req>::new();
    /// assert_eq!((req.protocol().name, req.protocol().peer_name), ("req", "rep"));
    /// ```
    pub fn protocol(&self) -> &'static ProtocolInfo {
        self.core.info()
    }

    /// Connects to an address. When this first attempt succeeds, the connection is kept up from then on, and made anew when
    /// it is lost. When it fails, nothing remains of it; [`dial_in_background`](Self::dial_in_background) goes on trying.
    ///
    /// # Errors
    /// [`Error::ConnectionRefused`] and what else the attempt failed with, [`Error::AddressInvalid`], [`Error::NotSupported`] for an
    /// unknown scheme, [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the attempt is given up, and nothing remains of it.
    ///
    /// ```
    /// use spanwire::{Error, Pair0, Socket};
    ///
    /// let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    /// assert!(matches!(b.dial("tcp://127.0.0.1:1").wait(), Err(Error::ConnectionRefused(_))));
    /// let listener = a.listen("tcp://127.0.0.1:0").wait()?;
    /// b.dial(&listener).wait()?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn dial(&self, url: impl IntoUrl) -> Op<Task<'_, Dialer>> {
        let url = url.into_url();
        Task::op(async move {
            let dialer = self.dialer(url?)?;
            let undo = endpoint::CloseOnDrop(&dialer);
            dialer.start().await?;
            undo.keep();
            Ok(dialer)
        })
    }

    /// Connects to an address in the background: returns at once and tries until it succeeds, and again when the connection is
    /// lost. Messages wait until there is a connection.
    ///
    /// # Errors
    /// [`Error::AddressInvalid`], [`Error::NotSupported`] for an unknown scheme, [`Error::Closed`].
    ///
    /// ```
    /// use spanwire::{Pull, Push, Socket};
    ///
    /// let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
    /// push.dial_in_background("inproc://not yet there")?;
    /// pull.listen("inproc://not yet there").wait()?;
    /// push.send("found you").wait()?;
    /// assert_eq!(pull.recv().wait()?.body(), b"found you");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn dial_in_background(&self, url: impl IntoUrl) -> Result<Dialer> {
        let dialer = self.dialer(url)?;
        let undo = endpoint::CloseOnDrop(&dialer);
        dialer.start_in_background()?;
        undo.keep();
        Ok(dialer)
    }

    /// Binds an address and takes connections there. The listener that comes back knows the [URL](Listener::url) with the port that was
    /// chosen.
    ///
    /// # Errors
    /// [`Error::AddressInUse`], [`Error::AddressInvalid`], [`Error::PermissionDenied`], [`Error::NotSupported`] for an unknown scheme,
    /// [`Error::Closed`], and what else the system says.
    ///
    /// # Cancel safety
    /// Dropped while it is pending, nothing remains of it.
    ///
    /// ```
    /// use spanwire::{Rep, Socket};
    ///
    /// let rep = Socket::<Rep>::new();
    /// let listener = rep.listen("tcp://127.0.0.1:0").wait()?;
    /// assert_ne!(listener.url().port(), Some(0));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn listen(&self, url: impl IntoUrl) -> Op<Task<'_, Listener>> {
        let url = url.into_url();
        Task::op(async move {
            let listener = self.listener(url?)?;
            let undo = endpoint::CloseOnDrop(&listener);
            listener.start().await?;
            undo.keep();
            Ok(listener)
        })
    }

    /// A dialer that has not been started, to set options of its own first.
    ///
    /// # Errors
    /// [`Error::AddressInvalid`], [`Error::NotSupported`] for an unknown scheme, [`Error::Closed`].
    ///
    /// ```
    /// use spanwire::{Pull, Push, Socket};
    ///
    /// let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
    /// pull.listen("inproc://standby").wait()?;
    /// let dialer = push.dialer("inproc://standby")?;
    /// dialer.set_send_priority(16)?;
    /// dialer.start().wait()?;
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn dialer(&self, url: impl IntoUrl) -> Result<Dialer> {
        self.core.dialer(&url.into_url()?).map(Dialer)
    }

    /// A listener that has not been started, to set options of its own first.
    ///
    /// # Errors
    /// [`Error::AddressInvalid`], [`Error::NotSupported`] for an unknown scheme, [`Error::Closed`].
    ///
    /// ```
    /// let pull = spanwire::Socket::<spanwire::Pull>::new();
    /// let listener = pull.listener("tcp://127.0.0.1:0")?;
    /// listener.set_recv_max(1024)?;
    /// listener.start().wait()?;
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn listener(&self, url: impl IntoUrl) -> Result<Listener> {
        self.core.listener(&url.into_url()?).map(Listener)
    }

    /// Closes the socket, for all its handles. Whoever waits on it gets [`Error::Closed`] at once; messages that it has accepted are given
    /// the time of the option `linger`, or of [`timeout`](Op::timeout), to reach the kernel.
    ///
    /// Legal from everywhere, callbacks included. Dropping the last handle does the same, and blocks for it: async code had better await
    /// this.
    ///
    /// # Errors
    /// [`Error::Closed`] if it was closed before.
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the socket closes without lingering further.
    ///
    /// ```
    /// use spanwire::{Error, Pull, Socket};
    ///
    /// let pull = Socket::<Pull>::new();
    /// pull.close().wait()?;
    /// assert_eq!(pull.recv().wait(), Err(Error::Closed));
    /// assert_eq!(pull.close().wait(), Err(Error::Closed));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn close(&self) -> Op<Close<'_>> {
        Op::new(Close::new(self))
    }

    /// Whether it has been closed.
    ///
    /// ```
    /// let bus = spanwire::Socket::<spanwire::Bus>::new();
    /// assert!(!bus.is_closed());
    /// bus.close().wait()?;
    /// assert!(bus.is_closed());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    /// Sets an option by its name, as NNG spells it; [`option::OPTIONS`](crate::option::OPTIONS) lists them. One that dialers and listeners
    /// have applies to the present and future ones.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for an unknown one, [`Error::BadType`], [`Error::InvalidArgument`] for a value out of range,
    /// [`Error::ReadOnly`], [`Error::Closed`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let req = spanwire::AnySocket::open("req")?;
    /// req.set_option("req:resend-time", Duration::from_secs(5))?;
    /// req.set_option("ttl-max", 3)?;
    /// assert!(req.set_option("ttl-max", 1000).is_err());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_option(&self, name: &str, value: impl Into<OptionValue>) -> Result<()> {
        self.core.set_option(ContextId::SOCKET, name, value.into())?;
        self.renew_pool(name);
        Ok(())
    }

    /// Reads an option by its name, as NNG spells it.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for an unknown one, [`Error::WriteOnly`], [`Error::Closed`].
    ///
    /// ```
    /// use spanwire::OptionValue;
    ///
    /// let req = spanwire::AnySocket::open("req")?;
    /// assert_eq!(req.option("ttl-max")?, OptionValue::Int(8));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn option(&self, name: &str) -> Result<OptionValue> {
        self.core.option(ContextId::SOCKET, name)
    }

    /// The open pipes.
    ///
    /// ```
    /// use spanwire::{Pair0, Socket};
    ///
    /// let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    /// a.listen("inproc://pipes").wait()?;
    /// let dialer = b.dial("inproc://pipes").wait()?;
    /// assert_eq!(b.pipes()[0].dialer_id(), Some(dialer.id()));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn pipes(&self) -> Vec<Pipe> {
        self.core.pipes()
    }

    /// The open pipe with this id, such as that of a [message](crate::Message::pipe).
    ///
    /// ```
    /// use spanwire::{Pull, Push, Socket};
    ///
    /// let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
    /// pull.listen("inproc://pipe").wait()?;
    /// push.dial("inproc://pipe").wait()?;
    /// push.send("hello").wait()?;
    /// let pipe = pull.recv().wait()?.pipe().and_then(|id| pull.pipe(id));
    /// assert_eq!(pipe, pull.pipes().pop());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn pipe(&self, id: PipeId) -> Option<Pipe> {
        self.core.pipe(id)
    }

    /// The open dialers, started or not.
    ///
    /// ```
    /// let bus = spanwire::Socket::<spanwire::Bus>::new();
    /// let dialer = bus.dialer("tcp://127.0.0.1:5555")?;
    /// assert_eq!(bus.dialers(), [dialer]);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn dialers(&self) -> Vec<Dialer> {
        self.core.dialers().into_iter().map(Dialer).collect()
    }

    /// The open listeners, started or not.
    ///
    /// ```
    /// let bus = spanwire::Socket::<spanwire::Bus>::new();
    /// let listener = bus.listen("inproc://listeners").wait()?;
    /// assert_eq!(bus.listeners(), [listener]);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn listeners(&self) -> Vec<Listener> {
        self.core.listeners().into_iter().map(Listener).collect()
    }

    /// A snapshot of its statistics: messages and bytes, what was dropped and why, and the same by dialer, listener and pipe.
    ///
    /// ```
    /// use spanwire::{Pub, Socket};
    ///
    /// let publisher = Socket::<Pub>::new();
    /// publisher.send("nobody hears it").wait()?;
    /// assert_eq!(publisher.stats().number(&["tx_msgs"]), Some(0));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn stats(&self) -> Stat {
        self.core.stats()
    }
}

impl fmt::Debug for SocketBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}

/// The value of an option whose type is known.
pub(crate) fn typed<T: TryFrom<OptionValue, Error = Error>>(value: Result<OptionValue>) -> Result<T> {
    T::try_from(value?)
}
