//! Dialers and listeners.

use std::fmt;
use std::time::Duration;

use spanwire_core::driver;
use spanwire_core::option::names;
use spanwire_core::{DialerId, ListenerId, Url};

use crate::base::typed;
use crate::op::{Op, Task};
use crate::{OptionValue, Result};

/// Makes connections to one address and renews them when they are lost. Cheap to clone; usable from any thread. Lives until it or its
/// socket is closed: dropping the handle does not end it.
#[derive(Clone)]
pub struct Dialer(pub(crate) driver::Dialer);

/// Takes connections at one address. Cheap to clone; usable from any thread. Lives until it or its socket is closed: dropping the handle
/// does not end it.
#[derive(Clone)]
pub struct Listener(pub(crate) driver::Listener);

impl Dialer {
    /// Its id, unique in this process.
    ///
    /// ```
    /// let pull = spanwire::Socket::<spanwire::Pull>::new();
    /// let (a, b) = (pull.dialer("tcp://127.0.0.1:5555")?, pull.dialer("tcp://127.0.0.1:5555")?);
    /// assert_ne!(a.id(), b.id());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn id(&self) -> DialerId {
        self.0.id()
    }

    /// Connects. When the first attempt succeeds, the connection is kept up from then on; when it fails, the dialer is as it was before.
    ///
    /// # Errors
    /// What the attempt failed with; [`Error::State`](crate::Error::State) if it was started before,
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the attempt is given up.
    ///
    /// ```
    /// use spanwire::{Error, Pair0, Socket};
    ///
    /// let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    /// let dialer = b.dialer("inproc://dialer-start")?;
    /// assert!(matches!(dialer.start().wait(), Err(Error::ConnectionRefused(_))));
    /// a.listen("inproc://dialer-start").wait()?;
    /// dialer.start().wait()?;
    /// assert!(matches!(dialer.start().wait(), Err(Error::State(_))));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn start(&self) -> Op<Task<'_, ()>> {
        Task::op(self.0.start())
    }

    /// As [`start`](Self::start), but to reach the peer is enough: if this side refuses the connection, because a callback closes it, the
    /// peer speaks another protocol or the protocol has no place for it, the dialer tries again later, as if it had been lost. NNG's
    /// dialers do so.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    ///
    /// # Cancel safety
    /// As [`start`](Self::start).
    ///
    /// ```
    /// use spanwire::{Error, Pair0, Push, Socket};
    ///
    /// let (push, pair) = (Socket::<Push>::new(), Socket::<Pair0>::new());
    /// push.listen("inproc://dialer-reached").wait()?;
    /// let dialer = pair.dialer("inproc://dialer-reached")?;
    /// assert!(matches!(dialer.start().wait(), Err(Error::Protocol(_))));
    /// dialer.start_once_reached().wait()?;
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn start_once_reached(&self) -> Op<Task<'_, ()>> {
        Task::op(self.0.start_once_reached())
    }

    /// Starts connecting and keeps trying, without waiting for the first attempt.
    ///
    /// # Errors
    /// For an address or options that can't be dialed; [`Error::State`](crate::Error::State) if it was started before,
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use spanwire::{Pair0, Socket};
    ///
    /// let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    /// b.dialer("inproc://dialer-background")?.start_in_background()?;
    /// a.listen("inproc://dialer-background").wait()?;
    /// a.send("found you").wait()?;
    /// assert_eq!(b.recv().wait()?.body(), b"found you");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn start_in_background(&self) -> Result<()> {
        self.0.start_in_background()
    }

    /// Waits at least and at most how long before it connects again; see [`SocketBase::set_reconnect`](crate::SocketBase::set_reconnect).
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let req = spanwire::Socket::<spanwire::Req>::new();
    /// let dialer = req.dialer("tcp://127.0.0.1:5555")?;
    /// dialer.set_reconnect(Duration::from_millis(10), Duration::from_secs(1))?;
    /// assert_eq!(dialer.option("reconnect-time-max")?, Duration::from_secs(1).into());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_reconnect(&self, min: Duration, max: Duration) -> Result<()> {
        self.set_option(names::RECONNECT_TIME_MIN, min)?;
        self.set_option(names::RECONNECT_TIME_MAX, max)
    }
}

impl Listener {
    /// Its id, unique in this process.
    ///
    /// ```
    /// let pull = spanwire::Socket::<spanwire::Pull>::new();
    /// let (a, b) = (pull.listener("tcp://127.0.0.1:0")?, pull.listener("tcp://127.0.0.1:0")?);
    /// assert_ne!(a.id(), b.id());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn id(&self) -> ListenerId {
        self.0.id()
    }

    /// Binds the address and starts taking connections.
    ///
    /// # Errors
    /// [`Error::AddressInUse`](crate::Error::AddressInUse), [`Error::AddressInvalid`](crate::Error::AddressInvalid),
    /// [`Error::PermissionDenied`](crate::Error::PermissionDenied) and what else the system says;
    /// [`Error::State`](crate::Error::State) if it was started before, [`Error::Closed`](crate::Error::Closed).
    ///
    /// # Cancel safety
    /// Dropped while it is pending, it is as it was before.
    ///
    /// ```
    /// use spanwire::{Error, Pull, Socket};
    ///
    /// let pull = Socket::<Pull>::new();
    /// let listener = pull.listener("tcp://127.0.0.1:0")?;
    /// listener.start().wait()?;
    /// assert_ne!(listener.url().port(), Some(0));
    /// assert!(matches!(listener.start().wait(), Err(Error::State(_))));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn start(&self) -> Op<Task<'_, ()>> {
        Task::op(self.0.start())
    }

    /// Hands a connected stream socket to a listener at `socket://`: one end of a socket pair whose other end a child process has, say.
    /// It is closed if that fails.
    ///
    /// # Errors
    /// [`Error::NotSupported`](crate::Error::NotSupported) unless this listens at `socket://`, [`Error::Closed`](crate::Error::Closed),
    /// [`Error::OutOfSpace`](crate::Error::OutOfSpace) if 128 of them wait already.
    ///
    /// ```
    /// use spanwire::{Pair0, Socket};
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    /// let (mine, theirs) = UnixStream::pair()?;
    /// a.listen("socket://").wait()?.accept_fd(mine)?;
    /// b.listen("socket://").wait()?.accept_fd(theirs)?;
    /// a.send("over a pair of descriptors").wait()?;
    /// assert_eq!(b.recv().wait()?.len(), 26);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(unix)]
    pub fn accept_fd(&self, fd: impl Into<std::os::fd::OwnedFd>) -> Result<()> {
        self.0.endpoint_options().fd_inbox().put(fd.into())
    }
}

macro_rules! common {
    ($($type:ident, $what:literal, $url:literal;)*) => {
        $(
            impl $type {
                #[doc = $url]
                ///
                /// ```
                /// # let pull = spanwire::Socket::<spanwire::Pull>::new();
                #[doc = concat!("let ", $what, " = pull.", $what, "(\"tcp://127.0.0.1:5555\")?;")]
                #[doc = concat!("assert_eq!(", $what, ".url().as_str(), \"tcp://127.0.0.1:5555\");")]
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn url(&self) -> Url {
                    self.0.url()
                }

                /// Disconnects whoever sends a larger message than this, in bytes; 0 is unlimited.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                ///
                /// ```
                /// # let pull = spanwire::Socket::<spanwire::Pull>::new();
                #[doc = concat!("let ", $what, " = pull.", $what, "(\"tcp://127.0.0.1:5555\")?;")]
                #[doc = concat!($what, ".set_recv_max(1024)?;")]
                #[doc = concat!("assert_eq!(", $what, ".recv_max()?, 1024);")]
                /// assert_eq!(pull.recv_max()?, 64 << 20);                       // the others keep theirs
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn set_recv_max(&self, bytes: usize) -> Result<()> {
                    self.set_option(names::RECV_SIZE_MAX, bytes)
                }

                /// Its pipes are sent to before those of a higher number, 1 (first) to 16; 8 by default.
                ///
                /// # Errors
                /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for another number,
                /// [`Error::Busy`](crate::Error::Busy) after the start, [`Error::Closed`](crate::Error::Closed).
                ///
                /// ```
                /// let push = spanwire::Socket::<spanwire::Push>::new();
                #[doc = concat!("let ", $what, " = push.", $what, "(\"tcp://127.0.0.1:5555\")?;")]
                #[doc = concat!($what, ".set_send_priority(1)?;                                  // first choice")]
                #[doc = concat!("assert!(", $what, ".set_send_priority(17).is_err());")]
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn set_send_priority(&self, priority: u8) -> Result<()> {
                    self.set_option(names::SEND_PRIORITY, i32::from(priority))
                }

                /// Its pipes are received from before those of a higher number, 1 (first) to 16; 8 by default.
                ///
                /// # Errors
                /// As [`set_send_priority`](Self::set_send_priority).
                ///
                /// ```
                /// # let pull = spanwire::Socket::<spanwire::Pull>::new();
                #[doc = concat!("let ", $what, " = pull.", $what, "(\"tcp://127.0.0.1:5555\")?;")]
                #[doc = concat!($what, ".set_recv_priority(16)?;                                 // only when nothing else is there")]
                #[doc = concat!("assert!(", $what, ".set_recv_priority(0).is_err());")]
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn set_recv_priority(&self, priority: u8) -> Result<()> {
                    self.set_option(names::RECV_PRIORITY, i32::from(priority))
                }

                /// Sets an option by its name, as NNG spells it.
                ///
                /// # Errors
                /// [`Error::NotSupported`](crate::Error::NotSupported) for an unknown one,
                /// [`Error::BadType`](crate::Error::BadType), [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a
                /// value out of range, [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Busy`](crate::Error::Busy) for
                /// one that must be set before the start, [`Error::Closed`](crate::Error::Closed).
                ///
                /// ```
                /// # let pull = spanwire::Socket::<spanwire::Pull>::new();
                #[doc = concat!("let ", $what, " = pull.", $what, "(\"tcp://127.0.0.1:5555\")?;")]
                #[doc = concat!($what, ".set_option(\"tcp-nodelay\", false)?;")]
                #[doc = concat!("assert!(", $what, ".set_option(\"tcp-nodelay\", 0).is_err());         // not a truth value")]
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn set_option(&self, name: &str, value: impl Into<OptionValue>) -> Result<()> {
                    self.0.set_option(name, value.into())
                }

                /// Reads an option by its name, as NNG spells it.
                ///
                /// # Errors
                /// [`Error::NotSupported`](crate::Error::NotSupported) for an unknown one,
                /// [`Error::WriteOnly`](crate::Error::WriteOnly).
                ///
                /// ```
                /// # let pull = spanwire::Socket::<spanwire::Pull>::new();
                #[doc = concat!("let ", $what, " = pull.", $what, "(\"tcp://127.0.0.1:5555\")?;")]
                #[doc = concat!("assert_eq!(", $what, ".option(\"tcp-nodelay\")?, spanwire::OptionValue::Bool(true));")]
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn option(&self, name: &str) -> Result<OptionValue> {
                    self.0.option(name)
                }

                /// The largest message that it accepts, in bytes; 0 is unlimited.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                ///
                /// ```
                /// let pull = spanwire::Socket::<spanwire::Pull>::new();
                /// pull.set_recv_max(1024)?;
                #[doc = concat!("assert_eq!(pull.", $what, "(\"tcp://127.0.0.1:5555\")?.recv_max()?, 1024);")]
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn recv_max(&self) -> Result<usize> {
                    typed(self.option(names::RECV_SIZE_MAX))
                }

                #[doc = concat!("Closes the ", $what, " and its connections.")]
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed) if it was closed before.
                ///
                /// ```
                /// # let pull = spanwire::Socket::<spanwire::Pull>::new();
                #[doc = concat!("let ", $what, " = pull.", $what, "(\"tcp://127.0.0.1:5555\")?;")]
                #[doc = concat!($what, ".close()?;")]
                #[doc = concat!("assert_eq!(", $what, ".close(), Err(spanwire::Error::Closed));")]
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn close(&self) -> Result<()> {
                    self.0.close()
                }
            }

            impl fmt::Debug for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }

            impl PartialEq for $type {
                fn eq(&self, other: &Self) -> bool {
                    self.id() == other.id()
                }
            }

            impl Eq for $type {}

            impl Close for $type {
                fn close_now(&self) {
                    let _ = self.close();
                }
            }
        )*
    };
}

common! {
    Dialer, "dialer", "The address that it dials.";
    Listener, "listener", "The address that it listens at; once started, with the port that was chosen.";
}

/// What can be dialed or listened at: a URL as text or parsed, or the address of a listener.
///
/// ```
/// use spanwire::{Bus, Socket, Url};
///
/// let (a, b) = (Socket::<Bus>::new(), Socket::<Bus>::new());
/// let listener = a.listen(String::from("tcp://127.0.0.1:0")).wait()?;
/// b.dial(&listener).wait()?;
/// b.dial(listener.url()).wait()?;
/// b.dial(listener.url().as_str()).wait()?;
/// # Ok::<(), spanwire::Error>(())
/// ```
pub trait IntoUrl {
    /// The URL.
    ///
    /// # Errors
    /// [`Error::AddressInvalid`](crate::Error::AddressInvalid), which names the text and what is wrong with it.
    ///
    /// ```
    /// use spanwire::{Error, IntoUrl};
    ///
    /// assert_eq!("tcp://localhost:5555".into_url()?.port(), Some(5555));
    /// assert!(matches!("no address".into_url(), Err(Error::AddressInvalid(_))));
    /// # Ok::<(), Error>(())
    /// ```
    fn into_url(self) -> Result<Url>;
}

impl IntoUrl for Url {
    fn into_url(self) -> Result<Url> {
        Ok(self)
    }
}

impl IntoUrl for &Url {
    fn into_url(self) -> Result<Url> {
        Ok(self.clone())
    }
}

impl IntoUrl for &str {
    fn into_url(self) -> Result<Url> {
        Url::parse(self)
    }
}

impl IntoUrl for String {
    fn into_url(self) -> Result<Url> {
        Url::parse(&self)
    }
}

impl IntoUrl for &String {
    fn into_url(self) -> Result<Url> {
        Url::parse(self)
    }
}

impl IntoUrl for &Listener {
    fn into_url(self) -> Result<Url> {
        Ok(self.url())
    }
}

/// What [`CloseOnDrop`] closes.
pub(crate) trait Close {
    fn close_now(&self);
}

/// Closes a dialer or listener whose start failed or was given up.
pub(crate) struct CloseOnDrop<'a, T: Close>(pub(crate) &'a T);

impl<T: Close> CloseOnDrop<'_, T> {
    /// The start succeeded.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl<T: Close> Drop for CloseOnDrop<'_, T> {
    fn drop(&mut self) {
        self.0.close_now();
    }
}
