//! What comes in, one after the other: messages, requests, responses.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures_core::Stream;
use spanwire_core::driver;

use crate::op::{Op, Operation, Recv, RecvOp};
use crate::pattern::{CanRecv, HasContexts, Rep, Respondent, Surveyor};
use crate::pool::Lane;
use crate::request::RecvRequest;
use crate::{AnyContext, AnySocket, Context, Error, Message, Result, SendError, Socket};

/// What a socket receives, one after the other, without end until the socket is closed. A [`Stream`], and a blocking iterator
/// in a `for` loop.
///
/// Errors are items: after one, a timeout say, it goes on.
///
/// # Cancel safety
/// Dropped at any time, no message is lost.
pub struct Incoming<'a, T> {
    next: Box<dyn Fn() -> Op<T> + Send + Sync + 'a>,
    pending: Option<Op<T>>,
}

/// The messages of a socket or context: see [`Incoming`].
pub type Messages<'a> = Incoming<'a, Recv<&'a driver::Socket>>;

/// The requests of a socket: see [`Incoming`].
pub type Requests<'a> = Incoming<'a, RecvRequest<'a>>;

impl<'a, T> Incoming<'a, T> {
    fn new(next: impl Fn() -> Op<T> + Send + Sync + 'a) -> Self {
        Self { next: Box::new(next), pending: None }
    }
}

impl<I, T: Operation<Output = Result<I>>> Incoming<'_, T> {
    /// The next one; blocks until it is there. `None` when the socket or context is closed.
    ///
    /// # Errors
    /// As items: those of the receive, [`Error::TimedOut`] say. [`Error::Closed`] is the end and no item.
    ///
    /// ```
    /// use spanwire::{Error, Pull, Socket};
    /// use std::time::Duration;
    ///
    /// let pull = Socket::<Pull>::new();
    /// pull.set_recv_timeout(Duration::from_millis(1))?;
    /// let mut messages = pull.messages();
    /// assert_eq!(messages.wait_next(), Some(Err(Error::TimedOut)));
    /// pull.close().wait()?;
    /// assert_eq!(messages.wait_next(), None);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn wait_next(&mut self) -> Option<Result<I>> {
        let op = self.pending.take().unwrap_or_else(|| (self.next)());
        open(op.wait())
    }
}

impl<I, T: Operation<Output = Result<I>>> Stream for Incoming<'_, T> {
    type Item = Result<I>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let op = this.pending.get_or_insert_with(|| (this.next)());
        let Poll::Ready(result) = Pin::new(op).poll(cx) else { return Poll::Pending };
        this.pending = None;
        Poll::Ready(open(result))
    }
}

impl<'a, I, T: Operation<Output = Result<I>>> IntoIterator for Incoming<'a, T> {
    type Item = Result<I>;
    type IntoIter = Blocking<Self>;

    fn into_iter(self) -> Blocking<Self> {
        Blocking(self)
    }
}

impl<T> fmt::Debug for Incoming<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Incoming")
    }
}

/// A blocking iterator over what comes in.
#[derive(Debug)]
pub struct Blocking<T>(pub(crate) T);

impl<I, T: Operation<Output = Result<I>>> Iterator for Blocking<Incoming<'_, T>> {
    type Item = Result<I>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.wait_next()
    }
}

impl<P: CanRecv> Socket<P> {
    /// All messages, one after the other.
    ///
    /// ```
    /// use spanwire::{Pull, Push, Socket};
    ///
    /// let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
    /// pull.listen("inproc://messages").wait()?;
    /// push.dial("inproc://messages").wait()?;
    /// std::thread::spawn(move || (0..3_u8).try_for_each(|n| push.send([n]).wait()));
    /// let mut sum = 0;
    /// for msg in pull.messages() {
    ///     sum += msg?[0];
    ///     if sum == 3 {
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn messages(&self) -> Messages<'_> {
        Incoming::new(|| self.recv())
    }
}

impl AnySocket {
    /// All messages, one after the other; see [`Socket::messages`].
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (push, pull) = (AnySocket::open("push")?, AnySocket::open("pull")?);
    /// # pull.listen("inproc://any-messages").wait()?;
    /// # push.dial("inproc://any-messages").wait()?;
    /// push.send("one").wait()?;
    /// assert_eq!(pull.messages().wait_next(), Some(Ok("one".into())));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn messages(&self) -> Messages<'_> {
        Incoming::new(|| self.recv())
    }
}

impl<P: HasContexts + CanRecv> Context<P> {
    /// All messages, one after the other; see [`Socket::messages`].
    ///
    /// ```
    /// use spanwire::{Pub, Socket, Sub};
    ///
    /// # let (publisher, sub) = (Socket::<Pub>::new(), Socket::<Sub>::new());
    /// # sub.listen("inproc://context-messages").wait()?;
    /// let context = sub.context()?;
    /// context.subscribe("")?;
    /// # publisher.dial("inproc://context-messages").wait()?;
    /// publisher.send("one").wait()?;
    /// assert_eq!(context.messages().wait_next(), Some(Ok("one".into())));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn messages(&self) -> Messages<'_> {
        Incoming::new(|| self.recv())
    }
}

impl AnyContext {
    /// All messages, one after the other; see [`Socket::messages`].
    ///
    /// ```
    /// use spanwire::AnySocket;
    ///
    /// # let (req, rep) = (AnySocket::open("req")?, AnySocket::open("rep")?);
    /// # rep.listen("inproc://any-context-messages").wait()?;
    /// # req.dial("inproc://any-context-messages").wait()?;
    /// let context = rep.context()?;
    /// req.send("one").wait()?;
    /// assert_eq!(context.messages().wait_next(), Some(Ok("one".into())));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn messages(&self) -> Messages<'_> {
        Incoming::new(|| self.recv())
    }
}

impl Socket<Rep> {
    /// All requests, one after the other, each with its way back; see [`recv_request`](Self::recv_request).
    ///
    /// ```
    /// use spanwire::{Rep, Req, Socket};
    ///
    /// let (req, rep) = (Socket::<Req>::new(), Socket::<Rep>::new());
    /// rep.listen("inproc://requests").wait()?;
    /// req.dial("inproc://requests").wait()?;
    /// std::thread::spawn(move || {
    ///     for request in rep.requests() {
    ///         let _ = request?.reply("done").wait();
    ///     }
    ///     Ok::<(), spanwire::Error>(())
    /// });
    /// assert_eq!(req.request("a").wait()?.body(), b"done");
    /// assert_eq!(req.request("b").wait()?.body(), b"done");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn requests(&self) -> Requests<'_> {
        Incoming::new(|| self.recv_request())
    }
}

impl Socket<Respondent> {
    /// All surveys, one after the other, each with its way back; see [`recv_request`](Self::recv_request).
    ///
    /// ```
    /// use spanwire::{Respondent, Socket, Surveyor};
    ///
    /// let (surveyor, respondent) = (Socket::<Surveyor>::new(), Socket::<Respondent>::new());
    /// respondent.listen("inproc://survey-requests").wait()?;
    /// surveyor.dial("inproc://survey-requests").wait()?;
    /// surveyor.send("who is there?").wait()?;
    /// let survey = respondent.requests().wait_next().expect("it is open")?;
    /// assert_eq!(survey.message.body(), b"who is there?");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn requests(&self) -> Requests<'_> {
        Incoming::new(|| self.recv_request())
    }
}

impl Socket<Surveyor> {
    /// Asks all respondents that are connected, and answers their responses as they come, until the
    /// [survey time](Self::set_survey_time) is over or the [`Responses`] are dropped.
    ///
    /// Each survey runs in a context of its own: any number of them may be under way at once.
    ///
    /// # Errors
    /// [`Error::Closed`].
    ///
    /// ```
    /// use spanwire::{Respondent, Socket, Surveyor};
    /// use std::time::Duration;
    ///
    /// let (surveyor, respondent) = (Socket::<Surveyor>::new(), Socket::<Respondent>::new());
    /// respondent.listen("inproc://survey").wait()?;
    /// surveyor.dial("inproc://survey").wait()?;
    /// surveyor.set_survey_time(Duration::from_millis(500))?;
    /// let responses = surveyor.survey("who is there?")?;
    /// respondent.recv_request().wait()?.reply("me").wait()?;
    /// assert_eq!(responses.into_iter().collect::<Vec<_>>(), ["me".into()]);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn survey(&self, msg: impl Into<Message>) -> Result<Responses<'_>, SendError> {
        Responses::begin(&self.base().core, Lane::lease(self.base()), msg.into())
    }
}

impl Context<Surveyor> {
    /// Asks all respondents that are connected. One at a time: another survey of this context ends it. Otherwise as
    /// [`Socket::survey`].
    ///
    /// # Errors
    /// [`Error::Closed`].
    ///
    /// ```
    /// use spanwire::{Respondent, Socket, Surveyor};
    ///
    /// let (surveyor, respondent) = (Socket::<Surveyor>::new(), Socket::<Respondent>::new());
    /// respondent.listen("inproc://context-survey").wait()?;
    /// surveyor.dial("inproc://context-survey").wait()?;
    /// let context = surveyor.context()?;
    /// context.set_survey_time(None)?;                               // until the next one
    /// let mut responses = context.survey("who is there?")?;
    /// respondent.recv_request().wait()?.reply("me").wait()?;
    /// assert_eq!(responses.wait_next(), Some("me".into()));
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn survey(&self, msg: impl Into<Message>) -> Result<Responses<'_>, SendError> {
        Responses::begin(self.core(), Ok(Lane::of(self.shared())), msg.into())
    }
}

/// The responses to a survey, as they come; it ends when the survey's time is over, or the socket is closed. A [`Stream`], and a blocking
/// iterator in a `for` loop.
///
/// # Cancel safety
/// Dropped at any time, the survey ends, and what is still to come is dropped when it comes.
#[derive(Debug)]
pub struct Responses<'a> {
    core: &'a driver::Socket,
    pending: Option<RecvOp<'a>>,
    // Dropped after the receive that runs in it. `None` when the survey has ended.
    lane: Option<Lane>,
}

impl<'a> Responses<'a> {
    fn begin(core: &'a driver::Socket, lane: Result<Lane>, msg: Message) -> Result<Self, SendError> {
        let mut lane = match lane {
            Ok(lane) => lane,
            Err(error) => return Err(SendError { error, message: msg }),
        };
        // Closing the context ends the survey, if it has not ended by itself.
        lane.set_reusable(false);
        core.send(lane.ctx(), msg).try_now()?;
        Ok(Self { core, pending: None, lane: Some(lane) })
    }

    /// The next response; blocks until it is there. `None` when the survey is over.
    ///
    /// ```
    /// use spanwire::{Socket, Surveyor};
    /// use std::time::Duration;
    ///
    /// let surveyor = Socket::<Surveyor>::new();
    /// surveyor.set_survey_time(Duration::from_millis(1))?;
    /// assert_eq!(surveyor.survey("is anybody there?")?.wait_next(), None);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn wait_next(&mut self) -> Option<Message> {
        let op = self.op()?;
        self.next(op.wait())
    }

    fn op(&mut self) -> Option<RecvOp<'a>> {
        let lane = self.lane.as_ref()?;
        Some(self.pending.take().unwrap_or_else(|| Op::new(self.core.recv(lane.ctx())).timeout(None)))
    }

    fn next(&mut self, received: Result<Message>) -> Option<Message> {
        if received.is_err()
            && let Some(mut lane) = self.lane.take()
        {
            lane.set_reusable(true);
        }
        received.ok()
    }
}

impl Stream for Responses<'_> {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Message>> {
        let this = &mut *self;
        let Some(mut op) = this.op() else { return Poll::Ready(None) };
        match Pin::new(&mut op).poll(cx) {
            Poll::Ready(received) => Poll::Ready(this.next(received)),
            Poll::Pending => {
                this.pending = Some(op);
                Poll::Pending
            }
        }
    }
}

impl<'a> IntoIterator for Responses<'a> {
    type Item = Message;
    type IntoIter = Blocking<Self>;

    fn into_iter(self) -> Blocking<Self> {
        Blocking(self)
    }
}

impl Iterator for Blocking<Responses<'_>> {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.0.wait_next()
    }
}

fn open<I>(result: Result<I>) -> Option<Result<I>> {
    match result {
        Err(Error::Closed) => None,
        other => Some(other),
    }
}
