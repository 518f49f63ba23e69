//! One call, and the ways to carry it out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_io::Timer;
use futures_lite::future;
pub use spanwire_core::driver::{Handle, Limit, Operation, Recv, Send};

pub use crate::events::Close;

use crate::{Error, Result};

/// A call that has been described and not yet made: await it, [wait](Self::wait) for it, or only [try](Self::try_now) it.
///
/// As a future it runs in any async runtime, and in none. Nothing happens before the first poll. Without a
/// [`timeout`](Self::timeout) it has the time that the options `send-timeout` and `recv-timeout` allow, without end unless they are set.
///
/// # Cancel safety
/// Dropping an operation that is pending cancels it and loses nothing: a message that was to be received stays in its queue, one that
/// was to be sent has not been sent.
///
/// ```
/// use std::time::Duration;
/// use spanwire::{Error, Pull, Push, Socket};
///
/// let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
/// pull.listen("inproc://op").wait()?;
/// push.dial("inproc://op").wait()?;
///
/// push.send("one").wait()?;                                          // blocks
/// assert_eq!(pull.recv().wait()?, "one".into());
/// futures_lite::future::block_on(async {
///     push.send("two").await?;                                       // async
///     pull.recv().timeout(Duration::from_secs(10)).await
/// })?;
/// assert_eq!(pull.recv().try_now(), Err(Error::TryAgain));           // neither
/// # Ok::<(), Error>(())
/// ```
#[must_use = "nothing happens until it is awaited, waited for or tried"]
pub struct Op<T> {
    inner: T,
    clock: Clock,
}

/// A send: answers `()`, or a [`SendError`](crate::SendError) that holds the message.
pub type SendOp<'a> = Op<Send<&'a spanwire_core::driver::Socket>>;

/// A receive: answers the message.
pub type RecvOp<'a> = Op<Recv<&'a spanwire_core::driver::Socket>>;

impl<T: Operation> Op<T> {
    /// Makes an operation of the driver one of the facade.
    ///
    /// ```
    /// use spanwire::op::{Op, Recv};
    /// use spanwire::{AnySocket, ContextId, Error};
    ///
    /// let pull = AnySocket::open("pull")?;
    /// assert_eq!(Op::new(Recv::new(pull, ContextId::SOCKET)).try_now(), Err(Error::TryAgain));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[inline]
    pub fn new(inner: T) -> Self {
        Self { inner, clock: Clock::Options }
    }

    /// Allows this much time, counted from when it first has to wait; `None` for as long as it takes. Zero makes it a
    /// [`try_now`](Self::try_now). When the time is over, the answer is [`Error::TimedOut`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use spanwire::{Error, Pull, Socket};
    ///
    /// let pull = Socket::<Pull>::new();
    /// assert_eq!(pull.recv().timeout(Duration::from_millis(1)).wait(), Err(Error::TimedOut));
    /// assert_eq!(pull.recv().timeout(Duration::ZERO).wait(), Err(Error::TryAgain));
    /// ```
    pub fn timeout(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.clock = time.into().map_or(Clock::Stopped, Clock::After);
        self
    }

    /// Blocks the calling thread until it is done or its time is over.
    ///
    /// Don't call it in async code, which it would hold up, nor in a transport or protocol.
    ///
    /// ```
    /// use spanwire::{Pair0, Socket};
    ///
    /// let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    /// a.listen("inproc://op-wait").wait()?;
    /// b.dial("inproc://op-wait").wait()?;
    /// a.send("hello").wait()?;
    /// assert_eq!(b.recv().wait()?.body(), b"hello");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    #[inline]
    pub fn wait(mut self) -> T::Output {
        match self.clock {
            Clock::Options => self.inner.wait(Limit::Options),
            Clock::Stopped | Clock::After(_) | Clock::Running(_) => self.wait_limited(),
        }
    }

    /// Apart from the others, most of which the options limit.
    #[inline(never)]
    fn wait_limited(&mut self) -> T::Output {
        let limit = match &self.clock {
            Clock::Options => Limit::Options,
            Clock::Stopped => Limit::Never,
            Clock::After(time) => Limit::After(*time),
            Clock::Running(running) => running.0,
        };
        self.inner.wait(limit)
    }

    /// Does it only if that needs no waiting; otherwise the answer is [`Error::TryAgain`], and a message that was to be sent comes back in
    /// the error.
    ///
    /// ```
    /// use spanwire::{Error, Push, Socket};
    ///
    /// let push = Socket::<Push>::new();
    /// let failed = push.send("nobody is there").try_now().unwrap_err();
    /// assert_eq!(failed.error, Error::TryAgain);
    /// assert_eq!(failed.message.body(), b"nobody is there");
    /// ```
    #[inline]
    pub fn try_now(mut self) -> T::Output {
        self.inner.try_now()
    }

    /// The limit that an operation around this one imposes: only the options' times are this one's own business.
    pub(crate) fn within(mut self, limit: Limit) -> Self {
        if limit != Limit::Options {
            self.clock = Clock::Stopped;
        }
        self
    }

    /// [`wait`](Self::wait) within the time that an operation around this one has.
    pub(crate) fn wait_for(&mut self, limit: Limit) -> T::Output {
        self.inner.wait(limit)
    }
}

impl<T: Operation> Future for Op<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let limit = match this.clock {
            Clock::After(Duration::ZERO) => return Poll::Ready(this.inner.try_now()),
            Clock::Options => Limit::Options,
            Clock::Stopped | Clock::After(_) | Clock::Running(_) => Limit::Never,
        };
        if let Poll::Ready(output) = this.inner.poll_op(cx, limit) {
            return Poll::Ready(output);
        }
        match this.clock {
            Clock::Options => this.clock = Clock::start(this.inner.default_timeout()),
            Clock::After(time) => this.clock = Clock::start(Some(time)),
            Clock::Stopped | Clock::Running(_) => {}
        }
        match &mut this.clock {
            Clock::Running(running) => Pin::new(&mut running.1).poll(cx).map(|_| this.inner.time_out()),
            Clock::Options | Clock::After(_) | Clock::Stopped => Poll::Pending,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Op<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Op").field(&self.inner).finish()
    }
}

/// The time that an operation has.
///
/// ```text
/// Options ─┬─first wait──► Running
/// After ───┘    └─no end──► Stopped
/// ```
enum Clock {
    /// What the options say.
    Options,
    /// This long, from the first wait on.
    After(Duration),
    /// It is waiting. Boxed: a timer is larger than the rest of a receive, and few need one.
    Running(Box<(Limit, Timer)>),
    /// There is no end.
    Stopped,
}

impl Clock {
    fn start(time: Option<Duration>) -> Self {
        match time.map(Limit::after) {
            Some(limit @ Limit::At(at)) => Self::Running(Box::new((limit, Timer::at(at)))),
            _ => Self::Stopped,
        }
    }
}

/// An operation that a future carries out: dialing, listening, forwarding.
#[must_use = "nothing happens until it is awaited, waited for or tried"]
pub struct Task<'a, T> {
    work: Option<Work<'a, T>>,
}

type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + std::marker::Send + 'a>>;

impl<'a, T: 'a> Task<'a, T> {
    pub(crate) fn op(work: impl Future<Output = Result<T>> + std::marker::Send + 'a) -> Op<Self> {
        Op::new(Self { work: Some(Box::pin(work)) })
    }
}

impl<T> Operation for Task<'_, T> {
    type Output = Result<T>;

    fn poll_op(&mut self, cx: &mut Context<'_>, _: Limit) -> Poll<Self::Output> {
        match &mut self.work {
            Some(work) => work.as_mut().poll(cx),
            None => Poll::Ready(Err(Error::Canceled)),
        }
    }

    fn wait(&mut self, limit: Limit) -> Self::Output {
        let Some(work) = self.work.take() else { return Err(Error::Canceled) };
        let until = match limit {
            Limit::Options | Limit::Never => return future::block_on(work),
            Limit::After(Duration::ZERO) => {
                self.work = Some(work);
                return self.try_now();
            }
            Limit::After(time) => Timer::after(time),
            Limit::At(at) => Timer::at(at),
        };
        future::block_on(future::or(work, async {
            until.await;
            Err(Error::TimedOut)
        }))
    }

    fn try_now(&mut self) -> Self::Output {
        match self.poll_op(&mut Context::from_waker(Waker::noop()), Limit::Never) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                self.work = None;
                Err(Error::TryAgain)
            }
        }
    }

    fn time_out(&mut self) -> Self::Output {
        self.work = None;
        Err(Error::TimedOut)
    }

    fn default_timeout(&self) -> Option<Duration> {
        None
    }
}

impl<T> fmt::Debug for Task<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.work.is_some() { "Task(pending)" } else { "Task(done)" })
    }
}
