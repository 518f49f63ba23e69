//! Requests and replies: req, rep and respondent.

use std::fmt;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use spanwire_core::driver;

use crate::op::{Limit, Op, Operation, Recv, RecvOp, Send, SendOp};
use crate::pattern::{Rep, Req, Respondent};
use crate::pool::Lane;
use crate::{Context, Error, Message, Result, SendError, Socket};

impl Socket<Req> {
    /// Sends a request and receives its reply.
    ///
    /// Each runs in a context of its own, so that any number of them may be under way at once, from one thread or many. A request
    /// is sent again, to another peer if there is one, when its connection is lost or after
    /// [`set_resend_time`](Self::set_resend_time).
    ///
    /// Without a [`timeout`](Op::timeout), the options `send-timeout` and `recv-timeout` bound the sending and the wait for the reply.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::ConnectionReset`] if the connection was lost and there is no resend time; [`Error::Closed`].
    /// [`Error::TryAgain`] for a timeout of zero: a request always has to wait.
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the request is not sent any more, or its reply is dropped when it comes.
    ///
    /// ```
    /// use spanwire::{Rep, Req, Socket};
    /// use std::time::Duration;
    ///
    /// let (req, rep) = (Socket::<Req>::new(), Socket::<Rep>::new());
    /// rep.listen("inproc://request").wait()?;
    /// req.dial("inproc://request").wait()?;
    /// std::thread::spawn(move || Ok::<_, spanwire::Error>(rep.recv_request().wait()?.reply("pong").wait()?));
    /// let reply = req.request("ping").timeout(Duration::from_secs(10)).wait()?;
    /// assert_eq!(reply.body(), b"pong");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn request(&self, msg: impl Into<Message>) -> Op<Exchange<'_>> {
        Exchange::op(&self.base().core, Lane::lease(self.base()), msg.into())
    }
}

impl Context<Req> {
    /// Sends a request and receives its reply. One at a time: another one of this context cancels it. Otherwise as
    /// [`Socket::request`].
    ///
    /// # Errors
    /// [`Error::Canceled`] if a later request took its place, and as [`Socket::request`].
    ///
    /// # Cancel safety
    /// As [`Socket::request`].
    ///
    /// ```
    /// use spanwire::{Rep, Req, Socket};
    ///
    /// # let (req, rep) = (Socket::<Req>::new(), Socket::<Rep>::new());
    /// # rep.listen("inproc://context-request").wait()?;
    /// # req.dial("inproc://context-request").wait()?;
    /// let context = req.context()?;
    /// std::thread::spawn(move || Ok::<_, spanwire::Error>(rep.recv_request().wait()?.reply("pong").wait()?));
    /// assert_eq!(context.request("ping").wait()?.body(), b"pong");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn request(&self, msg: impl Into<Message>) -> Op<Exchange<'_>> {
        Exchange::op(self.core(), Ok(Lane::of(self.shared())), msg.into())
    }
}

macro_rules! answering {
    ($($pattern:ident, $peer:ident, $what:literal, $answered:literal;)*) => {
        $(
            impl Socket<$pattern> {
                #[doc = concat!("Receives a ", $what, ", together with the way back for its answer.")]
                ///
                /// Each runs in a context of its own: any number of them may be received before the first is answered, by one thread or
                /// many, and answered in any order.
                ///
                /// # Errors
                /// [`Error::TimedOut`], [`Error::TryAgain`], [`Error::Closed`].
                ///
                /// # Cancel safety
                /// Dropped while it is pending, nothing is lost.
                ///
                /// ```
                #[doc = concat!("use spanwire::{", stringify!($pattern), ", ", stringify!($peer), ", Socket};")]
                ///
                #[doc = concat!("let (asker, answerer) = (Socket::<", stringify!($peer), ">::new(), Socket::<", stringify!($pattern), ">::new());")]
                #[doc = concat!("answerer.listen(\"inproc://socket-", $what, "\").wait()?;")]
                #[doc = concat!("asker.dial(\"inproc://socket-", $what, "\").wait()?;")]
                /// asker.send("6 x 7").wait()?;
                /// let request = answerer.recv_request().wait()?;
                /// assert_eq!(request.message.body(), b"6 x 7");
                /// request.reply("42").wait()?;
                #[doc = $answered]
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn recv_request(&self) -> Op<RecvRequest<'_>> {
                    RecvRequest::op(&self.base().core, Lane::lease(self.base()))
                }
            }

            impl Context<$pattern> {
                #[doc = concat!("Receives a ", $what, ", together with the way back for its answer.")]
                /// One at a time: the next one of this context drops the way back. Otherwise as [`Socket::recv_request`].
                ///
                /// # Errors
                /// As [`Socket::recv_request`].
                ///
                /// # Cancel safety
                /// Dropped while it is pending, nothing is lost.
                ///
                /// ```
                #[doc = concat!("use spanwire::{", stringify!($pattern), ", ", stringify!($peer), ", Socket};")]
                ///
                #[doc = concat!("let (asker, answerer) = (Socket::<", stringify!($peer), ">::new(), Socket::<", stringify!($pattern), ">::new());")]
                #[doc = concat!("answerer.listen(\"inproc://context-", $what, "\").wait()?;")]
                #[doc = concat!("asker.dial(\"inproc://context-", $what, "\").wait()?;")]
                /// let context = answerer.context()?;
                /// asker.send("6 x 7").wait()?;
                /// let request = context.recv_request().wait()?;
                /// assert_eq!(request.message.body(), b"6 x 7");
                /// # Ok::<(), spanwire::Error>(())
                /// ```
                pub fn recv_request(&self) -> Op<RecvRequest<'_>> {
                    RecvRequest::op(self.core(), Ok(Lane::of(self.shared())))
                }
            }
        )*
    };
}

answering! {
    Rep, Req, "request", "assert_eq!(asker.recv().wait()?.body(), b\"42\");";
    Respondent, Surveyor, "survey", "assert_eq!(asker.recv().wait()?.body(), b\"42\");                // within the survey time";
}

/// A request, or a survey, that was received, and the way back for its answer. Keeps the socket open.
///
/// Dropped without a reply, it stays unanswered: a req peer asks again after its resend time.
#[must_use = "a request that is dropped stays unanswered"]
#[derive(Debug)]
pub struct Request {
    /// What was asked.
    pub message: Message,
    lane: Lane,
}

impl Request {
    /// Sends the answer. If the peer has gone meanwhile, the answer vanishes and the send succeeds.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::TryAgain`], [`Error::Closed`]; all hand the answer back, but not the request.
    ///
    /// # Cancel safety
    /// Dropped while it is pending, the request stays unanswered.
    ///
    /// ```
    /// use spanwire::{Rep, Req, Socket};
    ///
    /// let (req, rep) = (Socket::<Req>::new(), Socket::<Rep>::new());
    /// rep.listen("inproc://reply").wait()?;
    /// req.dial("inproc://reply").wait()?;
    /// std::thread::scope(|scope| {
    ///     let (one, two) = (scope.spawn(|| req.request("1").wait()), scope.spawn(|| req.request("2").wait()));
    ///     let (first, second) = (rep.recv_request().wait()?, rep.recv_request().wait()?);
    ///     let answer = second.message.clone();
    ///     second.reply(answer).wait()?;                          // in any order
    ///     let answer = first.message.clone();
    ///     first.reply(answer).wait()?;
    ///     assert_eq!(one.join().unwrap()?.body(), b"1");
    ///     assert_eq!(two.join().unwrap()?.body(), b"2");
    ///     Ok::<(), spanwire::Error>(())
    /// })?;
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn reply(self, msg: impl Into<Message>) -> Op<Reply> {
        let mut lane = self.lane;
        lane.set_reusable(true);
        let ctx = lane.ctx();
        Op::new(Reply(Send::new(lane, ctx, msg.into())))
    }
}

/// The operation of [`Socket::request`].
#[derive(Debug)]
pub struct Exchange<'a> {
    stage: Stage<'a>,
    // Dropped after the operations that run in it.
    lane: Option<Lane>,
}

/// ```text
/// Fresh ──► Sending ──sent──► Receiving ──reply──► Done
///   └──────────┴──failed, timed out─┴────────────────┘
/// ```
#[derive(Debug)]
enum Stage<'a> {
    Fresh(&'a driver::Socket, Message),
    Sending(&'a driver::Socket, SendOp<'a>, Limit),
    Receiving(RecvOp<'a>),
    /// With what went wrong before it began.
    Done(Error),
}

impl<'a> Exchange<'a> {
    fn op(core: &'a driver::Socket, lane: Result<Lane>, msg: Message) -> Op<Self> {
        Op::new(match lane {
            Ok(mut lane) => {
                // Only a reply leaves the context as it was.
                lane.set_reusable(false);
                Self { stage: Stage::Fresh(core, msg), lane: Some(lane) }
            }
            Err(e) => Self { stage: Stage::Done(e), lane: None },
        })
    }

    /// Goes on with `f` for the sends and `g` for the receives, until one has to wait.
    fn advance(
        &mut self,
        limit: Limit,
        mut send: impl FnMut(&mut SendOp<'a>) -> Poll<Result<(), SendError>>,
        mut recv: impl FnMut(&mut RecvOp<'a>) -> Poll<Result<Message>>,
    ) -> Poll<Result<Message>> {
        while let Some(lane) = &mut self.lane {
            let ctx = lane.ctx();
            match &mut self.stage {
                Stage::Fresh(core, msg) => {
                    let (core, msg) = (*core, std::mem::take(msg));
                    self.stage = Stage::Sending(core, Op::new(core.send(ctx, msg)).within(limit), limit);
                }
                Stage::Sending(core, op, limit) => match send(op) {
                    Poll::Ready(Ok(())) => self.stage = Stage::Receiving(Op::new(core.recv(ctx)).within(*limit)),
                    Poll::Ready(Err(e)) => return Poll::Ready(self.end(Err(e.error))),
                    Poll::Pending => return Poll::Pending,
                },
                Stage::Receiving(op) => match recv(op) {
                    Poll::Ready(result) => {
                        lane.set_reusable(result.is_ok());
                        return Poll::Ready(self.end(result));
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Stage::Done(_) => break,
            }
        }
        match std::mem::replace(&mut self.stage, Stage::Done(Error::Canceled)) {
            Stage::Done(e) => Poll::Ready(Err(e)),
            Stage::Fresh(..) | Stage::Sending(..) | Stage::Receiving(_) => Poll::Ready(Err(Error::Canceled)),
        }
    }

    fn end<T>(&mut self, result: T) -> T {
        self.stage = Stage::Done(Error::Canceled);
        self.lane = None;
        result
    }
}

impl Operation for Exchange<'_> {
    type Output = Result<Message>;

    fn poll_op(&mut self, cx: &mut TaskContext<'_>, limit: Limit) -> Poll<Self::Output> {
        let cx = std::cell::RefCell::new(cx);
        self.advance(limit, |op| poll(op, &mut cx.borrow_mut()), |op| poll(op, &mut cx.borrow_mut()))
    }

    fn wait(&mut self, limit: Limit) -> Self::Output {
        let limit = match limit {
            Limit::After(Duration::ZERO) => return self.try_now(),
            Limit::After(time) => Limit::after(time),
            Limit::Options | Limit::Never | Limit::At(_) => limit,
        };
        let result = self.advance(limit, |op| Poll::Ready(op.wait_for(limit)), |op| Poll::Ready(op.wait_for(limit)));
        match result {
            Poll::Ready(result) => result,
            Poll::Pending => Err(Error::Canceled),
        }
    }

    fn try_now(&mut self) -> Self::Output {
        self.end(Err(Error::TryAgain))
    }

    fn time_out(&mut self) -> Self::Output {
        self.end(Err(Error::TimedOut))
    }

    /// Those of the send and of the receive are looked after here.
    fn default_timeout(&self) -> Option<Duration> {
        None
    }
}

fn poll<T: Future + Unpin>(op: &mut T, cx: &mut TaskContext<'_>) -> Poll<T::Output> {
    std::pin::Pin::new(op).poll(cx)
}

/// The operation of [`Socket::recv_request`].
pub struct RecvRequest<'a> {
    stage: Result<Recv<&'a driver::Socket>>,
    // Dropped after the receive that runs in it.
    lane: Option<Lane>,
}

impl<'a> RecvRequest<'a> {
    fn op(core: &'a driver::Socket, lane: Result<Lane>) -> Op<Self> {
        Op::new(match lane {
            Ok(lane) => Self { stage: Ok(core.recv(lane.ctx())), lane: Some(lane) },
            Err(e) => Self { stage: Err(e), lane: None },
        })
    }

    fn with<T>(&mut self, f: impl FnOnce(&mut Recv<&'a driver::Socket>) -> T) -> Result<T> {
        self.stage.as_mut().map(f).map_err(|e| e.clone())
    }

    fn request(&mut self, received: Result<Message>) -> Result<Request> {
        let message = received?;
        let mut lane = self.lane.take().ok_or(Error::Canceled)?;
        // Closing the context forgets the way back, if there is no reply.
        lane.set_reusable(false);
        Ok(Request { message, lane })
    }
}

impl Operation for RecvRequest<'_> {
    type Output = Result<Request>;

    fn poll_op(&mut self, cx: &mut TaskContext<'_>, limit: Limit) -> Poll<Self::Output> {
        match self.with(|recv| recv.poll_op(cx, limit)) {
            Ok(Poll::Ready(received)) => Poll::Ready(self.request(received)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(e) => Poll::Ready(Err(e)),
        }
    }

    fn wait(&mut self, limit: Limit) -> Self::Output {
        let received = self.with(|recv| recv.wait(limit))?;
        self.request(received)
    }

    fn try_now(&mut self) -> Self::Output {
        let received = self.with(Operation::try_now)?;
        self.request(received)
    }

    fn time_out(&mut self) -> Self::Output {
        let received = self.with(Operation::time_out)?;
        self.request(received)
    }

    fn default_timeout(&self) -> Option<Duration> {
        self.stage.as_ref().ok().and_then(Operation::default_timeout)
    }
}

impl fmt::Debug for RecvRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvRequest").field(&self.stage).finish()
    }
}

/// The operation of [`Request::reply`].
#[derive(Debug)]
pub struct Reply(Send<Lane>);

impl Operation for Reply {
    type Output = Result<(), SendError>;

    fn poll_op(&mut self, cx: &mut TaskContext<'_>, limit: Limit) -> Poll<Self::Output> {
        self.0.poll_op(cx, limit)
    }

    fn wait(&mut self, limit: Limit) -> Self::Output {
        self.0.wait(limit)
    }

    fn try_now(&mut self) -> Self::Output {
        self.0.try_now()
    }

    fn time_out(&mut self) -> Self::Output {
        self.0.time_out()
    }

    fn default_timeout(&self) -> Option<Duration> {
        self.0.default_timeout()
    }
}
