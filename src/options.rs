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
    ///
    /// ```
    /// let pull = spanwire::Socket::<spanwire::Pull>::new();
    /// assert_eq!(pull.recv_timeout()?, None);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
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
    ///
    /// ```
    /// let push = spanwire::Socket::<spanwire::Push>::new();
    /// assert_eq!(push.send_timeout()?, None);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn send_timeout(&self) -> Result<Option<Duration>> {
        typed(self.option(names::SEND_TIMEOUT))
    }

    /// Sets how long a send waits; as [`set_recv_timeout`](Self::set_recv_timeout).
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use spanwire::{Error, Push, Socket};
    /// use std::time::Duration;
    ///
    /// let push = Socket::<Push>::new();
    /// push.set_send_timeout(Duration::from_millis(1))?;
    /// assert_eq!(push.send("nobody is there").wait().unwrap_err().error, Error::TimedOut);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_send_timeout(&self, time: impl Into<Option<Duration>>) -> Result<()> {
        self.set_option(names::SEND_TIMEOUT, time.into())
    }

    /// How long close waits for accepted messages to reach the kernel; `None`: without end.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let push = spanwire::Socket::<spanwire::Push>::new();
    /// assert_eq!(push.linger()?, Some(Duration::from_secs(1)));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn linger(&self) -> Result<Option<Duration>> {
        typed(self.option(names::LINGER))
    }

    /// Sets how long close waits for accepted messages to reach the kernel; 1 s by default; `None`: without end.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let push = spanwire::Socket::<spanwire::Push>::new();
    /// push.set_linger(Duration::ZERO)?;                             // close at once
    /// assert_eq!(push.linger()?, Some(Duration::ZERO));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_linger(&self, time: impl Into<Option<Duration>>) -> Result<()> {
        self.set_option(names::LINGER, time.into())
    }

    /// The largest message that is accepted, in bytes; 0 is unlimited.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// let pull = spanwire::Socket::<spanwire::Pull>::new();
    /// assert_eq!(pull.recv_max()?, 64 << 20);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn recv_max(&self) -> Result<usize> {
        typed(self.option(names::RECV_SIZE_MAX))
    }

    /// Disconnects whoever sends a larger message than this, in bytes; 64 MiB by default, 0 is unlimited. In-process connections
    /// ignore it.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// let pull = spanwire::Socket::<spanwire::Pull>::new();
    /// pull.set_recv_max(1024)?;
    /// assert_eq!(pull.listener("tcp://127.0.0.1:0")?.recv_max()?, 1024);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_recv_max(&self, bytes: usize) -> Result<()> {
        self.set_option(names::RECV_SIZE_MAX, bytes)
    }

    /// How long dialers wait before they try again: the first bound, and how far it may grow.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let req = spanwire::Socket::<spanwire::Req>::new();
    /// assert_eq!(req.reconnect()?, (Duration::from_millis(100), Duration::from_secs(5)));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
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
    ///
    /// ```
    /// let bus = spanwire::Socket::<spanwire::Bus>::new();
    /// assert_eq!(bus.name()?, bus.id().to_string());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn name(&self) -> Result<String> {
        typed(self.option(names::SOCKET_NAME))
    }

    /// Names it in logs and statistics; its id by default.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for more than 63 bytes, [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// let bus = spanwire::Socket::<spanwire::Bus>::new();
    /// bus.set_name("prices")?;
    /// assert_eq!(bus.name()?, "prices");
    /// assert!(bus.set_name(&"x".repeat(64)).is_err());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_name(&self, name: &str) -> Result<()> {
        self.set_option(names::SOCKET_NAME, name)
    }

    /// Sets whether TCP sends small segments at once; true by default.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// let bus = spanwire::Socket::<spanwire::Bus>::new();
    /// bus.set_tcp_nodelay(false)?;
    /// assert_eq!(bus.option("tcp-nodelay")?, false.into());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_tcp_nodelay(&self, on: bool) -> Result<()> {
        self.set_option(names::TCP_NODELAY, on)
    }

    /// Sets whether TCP probes idle connections; false by default.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// let bus = spanwire::Socket::<spanwire::Bus>::new();
    /// bus.set_tcp_keepalive(true)?;
    /// assert_eq!(bus.option("tcp-keepalive")?, true.into());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
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
    ///
    /// ```
    /// assert!(spanwire::Socket::<spanwire::Push>::new().send_fd()? >= 0);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
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
    ///
    /// ```
    /// let publisher = spanwire::Socket::<spanwire::Pub>::new();
    /// assert_eq!(publisher.send_buffer()?, 16);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
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
    ///
    /// ```
    /// let sub = spanwire::Socket::<spanwire::Sub>::new();
    /// assert_eq!(sub.recv_buffer()?, 128);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn recv_buffer(&self) -> Result<usize> {
        count(self, names::RECV_BUFFER)
    }

    /// Sets how many messages wait for the application, at most 8192: sub and surveyor 128 a context, bus 16, pair none by default.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for more, [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// let sub = spanwire::Socket::<spanwire::Sub>::new();
    /// sub.set_recv_buffer(8192)?;
    /// assert_eq!(sub.recv_buffer()?, 8192);
    /// assert!(sub.set_recv_buffer(8193).is_err());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_recv_buffer(&self, messages: usize) -> Result<()> {
        set_count(self, names::RECV_BUFFER, messages)
    }
}

impl<P: HasTtl> Socket<P> {
    /// How many devices a message may pass.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// let req = spanwire::Socket::<spanwire::Req>::new();
    /// assert_eq!(req.ttl()?, 8);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn ttl(&self) -> Result<u8> {
        Ok(u8::try_from(typed::<i32>(self.option(names::TTL_MAX))?).unwrap_or(u8::MAX))
    }

    /// Sets how many devices a message may pass, 1 to 255; 8 by default. What has passed more is dropped and counted.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for 0, [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// let req = spanwire::Socket::<spanwire::Req>::new();
    /// req.set_ttl(3)?;
    /// assert_eq!(req.ttl()?, 3);
    /// assert!(req.set_ttl(0).is_err());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_ttl(&self, hops: u8) -> Result<()> {
        self.set_option(names::TTL_MAX, i32::from(hops))
    }
}

impl Socket<Req> {
    /// Sets how often requests are looked at for the [resend time](Self::set_resend_time); 1 s by default, at least 1 ms.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let req = spanwire::Socket::<spanwire::Req>::new();
    /// req.set_resend_tick(Duration::from_millis(50))?;
    /// assert_eq!(req.option("req:resend-tick")?, Duration::from_millis(50).into());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn set_resend_tick(&self, time: Duration) -> Result<()> {
        self.set_option(names::REQ_RESEND_TICK, time)
    }
}

macro_rules! both {
    ($($type:ident, $context:literal;)*) => {
        $(
            impl $type<Req> {
                /// After how long without a reply a request is sent again; `None`: never.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                ///
                /// ```
                /// use std::time::Duration;
                ///
                #[doc = concat!("let req = spanwire::Socket::<spanwire::Req>::new()", $context, ";")]
                /// assert_eq!(req.resend_time()?, Some(Duration::from_secs(60)));
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn resend_time(&self) -> Result<Option<Duration>> {
                    typed(self.option(names::REQ_RESEND_TIME))
                }

                /// Sets after how long without a reply a request is sent again, to another peer if there is one; 60 s by default;
                /// `None` or zero: never, and a request whose connection is lost fails with
                /// [`Error::ConnectionReset`](crate::Error::ConnectionReset).
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                ///
                /// ```
                #[doc = concat!("let req = spanwire::Socket::<spanwire::Req>::new()", $context, ";")]
                /// req.set_resend_time(None)?;                                   // ask once only
                /// assert_eq!(req.resend_time()?, None);
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn set_resend_time(&self, time: impl Into<Option<Duration>>) -> Result<()> {
                    self.set_option(names::REQ_RESEND_TIME, time.into())
                }
            }

            impl $type<Surveyor> {
                /// How long a survey lasts; `None`: until the next one.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                ///
                /// ```
                /// use std::time::Duration;
                ///
                #[doc = concat!("let surveyor = spanwire::Socket::<spanwire::Surveyor>::new()", $context, ";")]
                /// assert_eq!(surveyor.survey_time()?, Some(Duration::from_secs(1)));
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn survey_time(&self) -> Result<Option<Duration>> {
                    typed(self.option(names::SURVEYOR_SURVEY_TIME))
                }

                /// Sets how long the next survey lasts; 1 s by default, at least 1 ms; `None`: until the one after it.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                ///
                /// ```
                /// use std::time::Duration;
                ///
                #[doc = concat!("let surveyor = spanwire::Socket::<spanwire::Surveyor>::new()", $context, ";")]
                /// surveyor.set_survey_time(Duration::ZERO)?;
                /// assert_eq!(surveyor.survey_time()?, Some(Duration::from_millis(1)));
                /// # Ok::<(), spanwire::Error>(())
                /// ```
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
                /// let (publisher, socket) = (Socket::<Pub>::new(), Socket::<Sub>::new());
                /// socket.listen("inproc://subscribe").wait()?;
                #[doc = concat!("let sub = socket", $context, ";")]
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
                ///
                /// ```
                #[doc = concat!("let sub = spanwire::Socket::<spanwire::Sub>::new()", $context, ";")]
                /// sub.subscribe("price.")?;
                /// sub.unsubscribe("price.")?;
                /// assert!(sub.unsubscribe("price.").is_err());
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<()> {
                    self.set_option(names::SUB_UNSUBSCRIBE, topic.as_ref())
                }

                /// Sets what is dropped when the receive queue is full: the oldest message (true, the default), or the new one.
                ///
                /// # Errors
                /// [`Error::Closed`](crate::Error::Closed).
                ///
                /// ```
                #[doc = concat!("let sub = spanwire::Socket::<spanwire::Sub>::new()", $context, ";")]
                /// sub.set_prefer_new(false)?;
                /// assert_eq!(sub.option("sub:prefnew")?, false.into());
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn set_prefer_new(&self, on: bool) -> Result<()> {
                    self.set_option(names::SUB_PREFNEW, on)
                }
            }
        )*
    };
}

both! {
    Socket, "";
    Context, ".context()?";
}

impl Context<Sub> {
    /// Sets how many messages wait for the application, at most 8192; 128 by default.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for more, [`Error::Closed`](crate::Error::Closed).
    ///
    /// ```
    /// let context = spanwire::Socket::<spanwire::Sub>::new().context()?;
    /// context.set_recv_buffer(8192)?;
    /// assert_eq!(context.option("recv-buffer")?, 8192.into());
    /// assert!(context.set_recv_buffer(8193).is_err());
    /// # Ok::<(), spanwire::Error>(())
    /// ```
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
