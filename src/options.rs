//! The options of sockets and contexts as methods. [`option::OPTIONS`](crate::option::OPTIONS) has all of them by name.

use std::time::Duration;

use spanwire_core::option::names;

use crate::base::{SocketBase, typed};
use crate::pattern::{HasRecvBuffer, HasSendBuffer, HasTtl, Req, Sub, Surveyor};
use crate::{Context, Result, Socket};

impl SocketBase {
    /// How long a receive waits; `None`: without end.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn recv_timeout(&self) -> Result<Option<Duration>> {
        typed(self.option(names::RECV_TIMEOUT))
    }

    /// Sets how long a receive waits: [`Error::TimedOut`](crate::Error::TimedOut) after that; `None`: without end, the default; zero: not at
    /// all, [`Error::TryAgain`](crate::Error::TryAgain). Contexts that are open keep theirs.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use spanwire::{Error, Pull, Socket};
    /// use std::time::Duration;
    ///
    /// let pull = Socket::<Pull>::new();
    /// pull.set_recv_timeout(Duration::ZERO)?;
    /// assert_eq!(pull.recv().wait(), Err(Error::TryAgain));
    /// pull.set_recv_timeout(Duration::from_millis(1))?;
    /// assert_eq!(pull.recv().wait(), Err(Error::TimedOut));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn set_recv_timeout(&self, time: impl Into<Option<Duration>>) -> Result<()> {
        self.set_option(names::RECV_TIMEOUT, time.into())
    }

    /// How long a send waits; `None`: without end.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn send_timeout(&self) -> Result<Option<Duration>> {
        typed(self.option(names::SEND_TIMEOUT))
    }

    /// Sets how long a send waits; as [`set_recv_timeout`](Self::set_recv_timeout).
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn set_send_timeout(&self, time: impl Into<Option<Duration>>) -> Result<()> {
        self.set_option(names::SEND_TIMEOUT, time.into())
    }

    /// How long close waits for accepted messages to reach the kernel; `None`: without end.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn linger(&self) -> Result<Option<Duration>> {
        typed(self.option(names::LINGER))
    }

    /// Sets how long close waits for accepted messages to reach the kernel; 1 s by default; `None`: without end.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn set_linger(&self, time: impl Into<Option<Duration>>) -> Result<()> {
        self.set_option(names::LINGER, time.into())
    }

    /// The largest message that is accepted, in bytes; 0 is unlimited.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn recv_max(&self) -> Result<usize> {
        typed(self.option(names::RECV_SIZE_MAX))
    }

    /// Disconnects whoever sends a larger message than this, in bytes; 64 MiB by default, 0 is unlimited. In-process connections
    /// ignore it.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn set_recv_max(&self, bytes: usize) -> Result<()> {
        self.set_option(names::RECV_SIZE_MAX, bytes)
    }

    /// How long dialers wait before they try again: the first bound, and how far it may grow.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn reconnect(&self) -> Result<(Duration, Duration)> {
        let time = |name| typed::<Option<Duration>>(self.option(name)).map(|time| time.unwrap_or(Duration::MAX));
        Ok((time(names::RECONNECT_TIME_MIN)?, time(names::RECONNECT_TIME_MAX)?))
    }

    /// Sets how long dialers wait before they try again: a random time below a bound, which starts at `min` and doubles up to
    /// `max`; 100 ms and 5 s by default. With a `max` of zero it does not grow.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let req = spanwire::Socket::<spanwire::Req>::new();
    /// req.set_reconnect(Duration::from_millis(10), Duration::from_secs(1))?;
    /// assert_eq!(req.reconnect()?.1, Duration::from_secs(1));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_reconnect(&self, min: Duration, max: Duration) -> Result<()> {
        self.set_option(names::RECONNECT_TIME_MIN, min)?;
        self.set_option(names::RECONNECT_TIME_MAX, max)
    }

    /// Its name in logs and statistics.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn name(&self) -> Result<String> {
        typed(self.option(names::SOCKET_NAME))
    }

    /// Names it in logs and statistics; its id by default.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for more than 63 bytes, [`Error::Closed`](crate::Error::Closed).
    pub fn set_name(&self, name: &str) -> Result<()> {
        self.set_option(names::SOCKET_NAME, name)
    }

    /// Sets whether TCP sends small segments at once; true by default.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn set_tcp_nodelay(&self, on: bool) -> Result<()> {
        self.set_option(names::TCP_NODELAY, on)
    }

    /// Sets whether TCP probes idle connections; false by default.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn set_tcp_keepalive(&self, on: bool) -> Result<()> {
        self.set_option(names::TCP_KEEPALIVE, on)
    }

    /// A descriptor that is readable while a receive would not wait, for a poll loop of your own. Made by the first call, and closed with the
    /// socket. Never read from it.
    ///
    /// # Errors
    /// [`Error::NotSupported`](crate::Error::NotSupported) if the protocol does not receive,
    /// [`Error::OutOfFiles`](crate::Error::OutOfFiles), [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// assert!(spanwire::Socket::<spanwire::Pull>::new().recv_fd()? >= 0);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[cfg(unix)]
    pub fn recv_fd(&self) -> Result<std::os::fd::RawFd> {
        typed(self.option(names::RECV_FD))
    }

    /// A descriptor that is readable while a send would not wait; as [`recv_fd`](Self::recv_fd).
    ///
    /// # Errors
    /// [`Error::NotSupported`](crate::Error::NotSupported) if the protocol does not send,
    /// [`Error::OutOfFiles`](crate::Error::OutOfFiles), [`Error::Closed`](crate::Error::Closed).
    #[cfg(unix)]
    pub fn send_fd(&self) -> Result<std::os::fd::RawFd> {
        typed(self.option(names::SEND_FD))
    }
}

impl<P: HasSendBuffer> Socket<P> {
    /// How many messages wait for a peer.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn send_buffer(&self) -> Result<usize> {
        count(self, names::SEND_BUFFER)
    }

    /// Sets how many messages wait for a peer, at most 8192: pub and bus 16 a pipe, surveyor 8 a pipe, push and pair none by default.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for more, [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use spanwire::{Push, Socket};
    ///
    /// let push = Socket::<Push>::new();
    /// push.set_send_buffer(2)?;
    /// push.try_send("one")?;
    /// push.try_send("two")?;
    /// assert!(push.try_send("three").is_err());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_send_buffer(&self, messages: usize) -> Result<()> {
        set_count(self, names::SEND_BUFFER, messages)
    }
}

impl<P: HasRecvBuffer> Socket<P> {
    /// How many messages wait for the application.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn recv_buffer(&self) -> Result<usize> {
        count(self, names::RECV_BUFFER)
    }

    /// Sets how many messages wait for the application, at most 8192: sub and surveyor 128 a context, bus 16, pair none by default.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for more, [`Error::Closed`](crate::Error::Closed).
    pub fn set_recv_buffer(&self, messages: usize) -> Result<()> {
        set_count(self, names::RECV_BUFFER, messages)
    }
}

impl<P: HasTtl> Socket<P> {
    /// How many devices a message may pass.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn ttl(&self) -> Result<u8> {
        Ok(u8::try_from(typed::<i32>(self.option(names::TTL_MAX))?).unwrap_or(u8::MAX))
    }

    /// Sets how many devices a message may pass, 1 to 255; 8 by default. What has passed more is dropped and counted.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for 0, [`Error::Closed`](crate::Error::Closed).
    pub fn set_ttl(&self, hops: u8) -> Result<()> {
        self.set_option(names::TTL_MAX, i32::from(hops))
    }
}

impl Socket<Req> {
    /// Sets how often requests are looked at for the [resend time](Self::set_resend_time); 1 s by default.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn set_resend_tick(&self, time: Duration) -> Result<()> {
        self.set_option(names::REQ_RESEND_TICK, time)
    }
}

macro_rules! both {
    ($($type:ident)*) => {
        $(
            impl $type<Req> {
                /// After how long without a reply a request is sent again; `None`: never.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                pub fn resend_time(&self) -> Result<Option<Duration>> {
                    typed(self.option(names::REQ_RESEND_TIME))
                }

                /// Sets after how long without a reply a request is sent again, to another peer if there is one; 60 s by default;
                /// `None`: never, and a request whose connection is lost fails with
                /// [`Error::ConnectionReset`](crate::Error::ConnectionReset).
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                pub fn set_resend_time(&self, time: impl Into<Option<Duration>>) -> Result<()> {
                    self.set_option(names::REQ_RESEND_TIME, time.into())
                }
            }

            impl $type<Surveyor> {
                /// How long a survey lasts; `None`: until the next one.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                pub fn survey_time(&self) -> Result<Option<Duration>> {
                    typed(self.option(names::SURVEYOR_SURVEY_TIME))
                }

                /// Sets how long the next survey lasts; 1 s by default, at least 1 ms; `None`: until the one after it.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                pub fn set_survey_time(&self, time: impl Into<Option<Duration>>) -> Result<()> {
                    self.set_option(names::SURVEYOR_SURVEY_TIME, time.into())
                }
            }

            impl $type<Sub> {
                /// Subscribes to a topic: messages whose body starts with these bytes are received, all of them with `""`. Without a
                /// subscription nothing is. A second one of the same topic is ignored.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                ///
                /// ```
                /// use spanwire::{Error, Pub, Socket, Sub};
                ///
                /// let (publisher, sub) = (Socket::<Pub>::new(), Socket::<Sub>::new());
                /// sub.listen("inproc://subscribe").wait()?;
                /// sub.subscribe("price.")?;
                /// publisher.dial("inproc://subscribe").wait()?;
                /// publisher.send("news.none").wait()?;
                /// publisher.send("price.gold").wait()?;
                /// assert_eq!(sub.recv().wait()?.body(), b"price.gold");
                /// sub.unsubscribe("price.")?;
                /// assert!(matches!(sub.unsubscribe("price."), Err(Error::NotFound(_))));
                /// # Ok::<(), Error>(())
                /// ```
                pub fn subscribe(&self, topic: impl AsRef<[u8]>) -> Result<()> {
                    self.set_option(names::SUB_SUBSCRIBE, topic.as_ref())
                }

                /// Ends a subscription. Messages in the queue that match no other one are dropped.
                ///
                /// # Errors
                /// [`Error::NotFound`](crate::Error::NotFound) if there is none of this topic,
                /// [`Error::Closed`](crate::Error::Closed).
                pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<()> {
                    self.set_option(names::SUB_UNSUBSCRIBE, topic.as_ref())
                }

                /// Sets what is dropped when the receive queue is full: the oldest message (true, the default), or the new one.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                pub fn set_prefer_new(&self, on: bool) -> Result<()> {
                    self.set_option(names::SUB_PREFNEW, on)
                }
            }
        )*
    };
}

both!(Socket Context);

impl Context<Sub> {
    /// Sets how many messages wait for the application, at most 8192; 128 by default.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for more, [`Error::Closed`](crate::Error::Closed).
    pub fn set_recv_buffer(&self, messages: usize) -> Result<()> {
        self.set_option(names::RECV_BUFFER, i32::try_from(messages).unwrap_or(i32::MAX))
    }
}

fn count(base: &SocketBase, name: &str) -> Result<usize> {
    Ok(usize::try_from(typed::<i32>(base.option(name))?).unwrap_or(0))
}

fn set_count(base: &SocketBase, name: &str, n: usize) -> Result<()> {
    // What does not fit is out of range anyway.
    base.set_option(name, i32::try_from(n).unwrap_or(i32::MAX))
}
