//! Asynchronous operations.
//!
//! An aio carries one operation at a time, as often as its user likes. What the operation is stands in [`Work`]: a send or a receive of the
//! core, a sleep, a future of this library, or something that an application provides with a function to cancel it. An aio is
//! its own waker, so that an operation allocates nothing.
//!
//! ```text
//!        begin               start, defer                 ended, canceled, expired
//! Idle ─────────► Begun ──────────────────► Pending ─────────────────────────────────► Done
//!   ▲               └──────────────────────finish───────────────────────────────────────┤
//!   └──the callback begins (a pool thread), or there is none───────────────────────────-┘
//! ```
//!
//! Lock order: an aio's state; then a socket's, the timer's or the pool's. No lock is held across a callback or a cancel function.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_uint, c_void};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use spanwire::op::{Limit, Operation, Recv, Send as SendOp};
use spanwire::{AnyContext, AnySocket, ContextId, Error, Message, SendError};

use crate::body;
use crate::error::{Code, Result};
use crate::fork;
use crate::guard::{export, object_mut, out};
use crate::message::{give, nng_msg};
use crate::pool;
use crate::timer::{self, Place};
use crate::types::{DEFAULT, INFINITE, nng_duration, nng_iov, nng_time};

/// An asynchronous operation, as C holds it: what an `Arc` of it points to.
pub type nng_aio = Aio;

/// A function of the application that is called when an operation has ended.
type Callback = unsafe extern "C" fn(*mut c_void);

/// A function of a provider that is called when the operation that it deferred is to end with an error.
type CancelFn = unsafe extern "C" fn(*mut nng_aio, *mut c_void, c_int);

/// See the [module](self).
pub struct Aio {
    callback: Option<Callback>,
    arg: Pointer,
    /// It is in the pool's queue.
    queued: AtomicBool,
    /// Where it is in the timer's heap.
    pub(crate) place: Place,
    state: Mutex<State>,
    idle: Condvar,
}

/// A pointer of the application's, which is passed on and never looked into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pointer(pub(crate) *mut c_void);

// SAFETY: it is only a number to this library; what it points to is the application's business.
unsafe impl Send for Pointer {}
// SAFETY: as above.
unsafe impl Sync for Pointer {}

/// A message of the application's while an aio holds it; null for none.
struct MsgPointer(*mut nng_msg);

// SAFETY: whoever sets it hands the message over; it is used under the aio's lock.
unsafe impl Send for MsgPointer {}

struct State {
    phase: Phase,
    work: Work,
    /// Operations that have begun and whose callback has not returned: two, while a callback has begun the next one.
    busy: usize,
    /// Nothing may begin any more.
    stopped: bool,
    timeout: nng_duration,
    /// The time of the clock at which the next operation expires, instead of a timeout.
    expire: Option<nng_time>,
    deadline: Option<Instant>,
    result: c_int,
    count: usize,
    msg: MsgPointer,
    inputs: [Pointer; SLOTS],
    outputs: [Pointer; SLOTS],
    iov: [Pointer; IOVS],
    iov_len: [usize; IOVS],
    iovs: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// Somebody is about to do it.
    Begun,
    /// It waits; it can be canceled.
    Pending,
    /// It has ended; the callback is still to be called.
    Done,
}

/// What an aio is doing.
#[derive(Default)]
enum Work {
    #[default]
    None,
    Send(SendOp<AnySocket>),
    Recv(Recv<AnySocket>),
    ContextSend(SendOp<AnyContext>),
    ContextRecv(Recv<AnyContext>),
    /// Ends with this when its time is over.
    Sleep(c_int),
    /// The application does it, and is told once if it is to end before.
    Provided(Option<CancelFn>, Pointer),
    Future(Pin<Box<dyn Future<Output = Outcome> + Send>>),
}

/// What a future of this library came to.
pub(crate) struct Outcome {
    /// How many bytes, or why not.
    pub(crate) result: Result<usize>,
    /// The aio's first output, if it has one.
    pub(crate) output: Option<Pointer>,
}

impl From<Result<usize>> for Outcome {
    fn from(result: Result<usize>) -> Self {
        Self { result, output: None }
    }
}

/// How an operation ended.
enum End {
    Sent,
    Refused(Code, Message),
    Received(Message),
    Failed(Code),
    Other(Outcome),
}

/// A socket or a context to send to or to receive from.
pub(crate) enum Target {
    Socket(AnySocket),
    Context(AnyContext),
}

impl Aio {
    fn new(callback: Option<Callback>, arg: *mut c_void) -> Arc<Self> {
        Arc::new(Self {
            callback,
            arg: Pointer(arg),
            queued: AtomicBool::new(false),
            place: Place::default(),
            state: Mutex::new(State {
                phase: Phase::Idle,
                work: Work::None,
                busy: 0,
                stopped: false,
                timeout: DEFAULT,
                expire: None,
                deadline: None,
                result: 0,
                count: 0,
                msg: MsgPointer(std::ptr::null_mut()),
                inputs: [NULL; SLOTS],
                outputs: [NULL; SLOTS],
                iov: [NULL; IOVS],
                iov_len: [0; IOVS],
                iovs: 0,
            }),
            idle: Condvar::new(),
        })
    }

    /// The aio behind a pointer from C; `None` for null, and in a forked child.
    ///
    /// # Safety
    /// A pointer that is not null comes from [`nng_aio_alloc`], and the aio has not been freed.
    pub(crate) unsafe fn from_c(ptr: *mut nng_aio) -> Option<Arc<Self>> {
        if ptr.is_null() || fork::inherited() {
            return None;
        }
        // SAFETY: it points into an `Arc` that the application holds one reference of.
        unsafe {
            Arc::increment_strong_count(ptr);
            Some(Arc::from_raw(ptr))
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first step of every operation. `false`: the aio was stopped, and nothing more is to be done, nor called.
    pub(crate) fn begin(&self) -> bool {
        let mut st = self.lock();
        if st.phase != Phase::Idle {
            // The application's mistake. The operation that is under way goes on.
            tracing::error!("an aio was used for a second operation at the same time");
            return false;
        }
        st.outputs = [NULL; SLOTS];
        st.count = 0;
        st.result = 0;
        if st.stopped {
            st.result = Code::ECANCELED.get();
            return false;
        }
        st.busy += 1;
        st.phase = Phase::Begun;
        true
    }

    /// The end of an operation that has begun, or that was deferred, by whoever does it.
    pub(crate) fn finish(self: &Arc<Self>, result: Result<usize>) {
        let st = self.lock();
        if matches!(st.phase, Phase::Begun | Phase::Pending) {
            self.complete(st, End::Other(result.into()));
        }
    }

    /// Begins an operation that a future of this library carries out: on this thread first, then on the pool's. The future is dropped when the operation
    /// is canceled or expires; it must not touch the application's memory after that.
    pub(crate) fn run(self: &Arc<Self>, work: impl Future<Output = Outcome> + Send + 'static) {
        if self.begin() {
            self.start(Work::Future(Box::pin(work)));
        }
    }

    /// Sends the aio's message.
    pub(crate) fn send(self: &Arc<Self>, to: Result<Target>) {
        if !self.begin() {
            return;
        }
        let mut st = self.lock();
        // SAFETY: null, or a message that was handed over with `nng_aio_set_msg`, which nobody else uses until this ends.
        let msg = unsafe { object_mut(st.msg.0) };
        st.count = msg.as_ref().map_or(0, |msg| msg.len());
        drop(st);
        match (msg, to) {
            (Err(code), _) | (_, Err(code)) => self.finish(Err(code)),
            (Ok(msg), Ok(Target::Socket(socket))) => {
                self.start(Work::Send(SendOp::new(socket, ContextId::SOCKET, msg.take())));
            }
            (Ok(msg), Ok(Target::Context(context))) => {
                let id = context.id();
                self.start(Work::ContextSend(SendOp::new(context, id, msg.take())));
            }
        }
    }

    /// Receives a message into the aio.
    pub(crate) fn recv(self: &Arc<Self>, from: Result<Target>) {
        if !self.begin() {
            return;
        }
        match from {
            Err(code) => self.finish(Err(code)),
            Ok(Target::Socket(socket)) => self.start(Work::Recv(Recv::new(socket, ContextId::SOCKET))),
            Ok(Target::Context(context)) => {
                let id = context.id();
                self.start(Work::ContextRecv(Recv::new(context, id)));
            }
        }
    }

    /// Sleeps. A timeout that is shorter than this ends it early, as an error.
    fn sleep(self: &Arc<Self>, time: nng_duration) {
        if !self.begin() {
            return;
        }
        let mut st = self.lock();
        let (time, result) = match st.timeout {
            limit if limit >= 0 && time > limit => (limit, Code::ETIMEDOUT.get()),
            _ => (time, 0),
        };
        st.work = Work::Sleep(result);
        st.phase = Phase::Pending;
        self.expire_at(&mut st, after(time.max(0)));
    }

    /// From Begun to Pending, or at once to the end.
    fn start(self: &Arc<Self>, work: Work) {
        let mut st = self.lock();
        let limit = st.limit();
        st.work = work;
        st.phase = Phase::Pending;
        if let Some(end) = st.work.attempt(self, limit) {
            return self.complete(st, end);
        }
        let deadline = match limit {
            Limit::Options => st.work.default_timeout().and_then(|time| Instant::now().checked_add(time)),
            Limit::Never => None,
            Limit::After(time) => Instant::now().checked_add(time),
            Limit::At(at) => Some(at),
        };
        if deadline.is_some_and(|at| at <= Instant::now()) {
            return self.end(st, Code::ETIMEDOUT);
        }
        self.expire_at(&mut st, deadline);
    }

    fn expire_at(self: &Arc<Self>, st: &mut State, deadline: Option<Instant>) {
        st.deadline = deadline;
        if let Some(at) = deadline {
            timer::arm(self, at);
        }
    }

    /// The application does it from here on, and can be told to end it.
    fn defer(self: &Arc<Self>, cancel: Option<CancelFn>, arg: *mut c_void) {
        let mut st = self.lock();
        if st.phase != Phase::Begun {
            return;
        }
        let limit = st.limit();
        st.work = Work::Provided(cancel, Pointer(arg));
        st.phase = Phase::Pending;
        if st.stopped {
            return self.end(st, Code::ECLOSED);
        }
        let deadline = match limit {
            Limit::Options | Limit::Never => None,
            Limit::After(time) => Instant::now().checked_add(time),
            Limit::At(at) => Some(at),
        };
        self.expire_at(&mut st, deadline);
    }

    /// The timer's thread: the time of an earlier operation, if not of this one, is over. Answers when it is to come again.
    pub(crate) fn expire(self: &Arc<Self>) -> Option<Instant> {
        let st = self.lock();
        let deadline = st.deadline?;
        if deadline > Instant::now() {
            return Some(deadline);
        }
        match st.work {
            Work::Sleep(0) => self.complete(st, End::Other(Outcome::from(Ok(0)))),
            _ => self.end(st, Code::ETIMEDOUT),
        }
        None
    }

    /// Ends what is pending with an error, if anything is.
    pub(crate) fn abort(self: &Arc<Self>, code: Code) {
        self.end(self.lock(), code);
    }

    fn end(self: &Arc<Self>, mut st: MutexGuard<'_, State>, code: Code) {
        if st.phase != Phase::Pending {
            return;
        }
        st.deadline = None;
        let end = match std::mem::take(&mut st.work) {
            Work::None => return,
            Work::Provided(cancel, arg) => {
                st.work = Work::Provided(None, arg);
                drop(st);
                if let Some(cancel) = cancel {
                    // SAFETY: the provider's function, with what it was to be called with; the aio lives while this does.
                    unsafe { cancel(Arc::as_ptr(self).cast_mut(), arg.0, code.get()) }
                }
                return;
            }
            Work::Send(mut op) => refused(code, op.time_out()),
            Work::ContextSend(mut op) => refused(code, op.time_out()),
            // Dropped, they end, and lose nothing.
            Work::Recv(_) | Work::ContextRecv(_) | Work::Sleep(_) | Work::Future(_) => End::Failed(code),
        };
        self.complete(st, end);
    }

    /// To Done, and on to the callback.
    fn complete(self: &Arc<Self>, mut st: MutexGuard<'_, State>, end: End) {
        let work = st.done(end);
        if self.callback.is_some() {
            drop(st);
            self.queue();
        } else {
            st.phase = Phase::Idle;
            self.leave(st);
        }
        // A socket that is closed by this should find no lock.
        drop(work);
    }

    fn leave(&self, mut st: MutexGuard<'_, State>) {
        st.busy -= 1;
        drop(st);
        self.idle.notify_all();
    }

    fn queue(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            pool::push(self.clone());
        }
    }

    /// Goes on with what is pending, on a thread that is none of the pool's.
    fn go_on(self: &Arc<Self>) {
        let mut st = self.lock();
        if st.phase == Phase::Pending
            && let Some(end) = st.work.attempt(self, Limit::Never)
        {
            self.complete(st, end);
        }
    }

    /// A pool thread: goes on with what is pending, and calls back when it has ended.
    pub(crate) fn attend(self: &Arc<Self>) {
        self.queued.store(false, Ordering::Release);
        let mut st = self.lock();
        let mut work = Work::None;
        if st.phase == Phase::Pending {
            let Some(end) = st.work.attempt(self, Limit::Never) else { return };
            work = st.done(end);
        }
        if st.phase != Phase::Done {
            return;
        }
        st.phase = Phase::Idle;
        drop(st);
        drop(work);
        if let Some(callback) = self.callback {
            let before = CALLING.replace(Arc::as_ptr(self));
            // SAFETY: the application's function, with what it was to be called with.
            unsafe { callback(self.arg.0) }
            CALLING.set(before);
        }
        self.leave(self.lock());
    }

    /// Waits until nothing is under way. The callback that this is called from, if it is, is not waited for.
    pub(crate) fn wait(&self) {
        let own = usize::from(std::ptr::eq(CALLING.get(), self));
        let mut st = self.lock();
        while st.busy > own {
            st = self.idle.wait(st).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends what is pending, and lets nothing begin any more.
    fn close(self: &Arc<Self>, code: Code) {
        let mut st = self.lock();
        st.stopped = true;
        self.end(st, code);
    }

    /// The memory that was set to read into or to write from.
    pub(crate) fn iov(&self) -> Vec<nng_iov> {
        let st = self.lock();
        let all = st.iov.iter().zip(&st.iov_len).take(st.iovs);
        all.map(|(buf, len)| nng_iov { iov_buf: buf.0, iov_len: *len }).collect()
    }

    /// What was set as input, null if nothing was.
    pub(crate) fn input(&self, index: usize) -> Pointer {
        self.lock().inputs.get(index).copied().unwrap_or(NULL)
    }
}

impl State {
    /// How long the next operation may take; the setting of a point in time is used up.
    fn limit(&mut self) -> Limit {
        if let Some(at) = self.expire.take() {
            return timer::instant(at).map_or(Limit::Never, Limit::At);
        }
        match self.timeout {
            INFINITE => Limit::Never,
            time => u64::try_from(time).map_or(Limit::Options, |ms| Limit::After(Duration::from_millis(ms))),
        }
    }

    /// Notes how it ended. Answers what did it, to be dropped without the lock.
    fn done(&mut self, end: End) -> Work {
        (self.result, self.count) = match end {
            End::Sent => {
                let msg = std::mem::replace(&mut self.msg.0, std::ptr::null_mut());
                if !msg.is_null() {
                    // SAFETY: it was handed over with `nng_aio_set_msg`, and its content has been sent.
                    body::free(unsafe { Box::from_raw(msg) });
                }
                (0, self.count)
            }
            End::Refused(code, content) => {
                // SAFETY: null, or the message whose content this was; nobody else has used it meanwhile.
                if let Ok(msg) = unsafe { object_mut(self.msg.0) } {
                    msg.put_back(content);
                }
                (code.get(), 0)
            }
            End::Received(msg) => {
                let len = msg.len();
                self.msg.0 = give(msg);
                (0, len)
            }
            End::Failed(code) => (code.get(), 0),
            End::Other(Outcome { result, output }) => {
                if let Some(output) = output {
                    self.outputs[0] = output;
                }
                match result {
                    Ok(count) => (0, count),
                    Err(code) => (code.get(), 0),
                }
            }
        };
        self.phase = Phase::Done;
        self.deadline = None;
        std::mem::take(&mut self.work)
    }
}

impl Work {
    /// Goes on with it. `None`: it has to wait, and will wake the aio. `Limit::After(0)` allows no waiting.
    fn attempt(&mut self, aio: &Arc<Aio>, limit: Limit) -> Option<End> {
        let waker = Waker::from(aio.clone());
        let cx = &mut Context::from_waker(&waker);
        match self {
            Self::Send(op) => send(op, cx, limit),
            Self::ContextSend(op) => send(op, cx, limit),
            Self::Recv(op) => recv(op, cx, limit),
            Self::ContextRecv(op) => recv(op, cx, limit),
            Self::Future(future) => match future.as_mut().poll(cx) {
                Poll::Ready(outcome) => Some(End::Other(outcome)),
                Poll::Pending => None,
            },
            Self::None | Self::Sleep(_) | Self::Provided(..) => None,
        }
    }

    fn default_timeout(&self) -> Option<Duration> {
        match self {
            Self::Send(op) => op.default_timeout(),
            Self::ContextSend(op) => op.default_timeout(),
            Self::Recv(op) => op.default_timeout(),
            Self::ContextRecv(op) => op.default_timeout(),
            Self::None | Self::Sleep(_) | Self::Provided(..) | Self::Future(_) => None,
        }
    }
}

fn send<T: Operation<Output = Result<(), SendError>>>(op: &mut T, cx: &mut Context<'_>, limit: Limit) -> Option<End> {
    match poll(op, cx, limit)? {
        Ok(()) => Some(End::Sent),
        Err(e) => Some(End::Refused(untried(e.error), e.message)),
    }
}

fn recv<T: Operation<Output = Result<Message, Error>>>(op: &mut T, cx: &mut Context<'_>, limit: Limit) -> Option<End> {
    match poll(op, cx, limit)? {
        Ok(msg) => Some(End::Received(msg)),
        Err(e) => Some(End::Failed(untried(e))),
    }
}

fn poll<T: Operation>(op: &mut T, cx: &mut Context<'_>, limit: Limit) -> Option<T::Output> {
    if limit == Limit::After(Duration::ZERO) {
        return Some(op.try_now());
    }
    let limit = if limit == Limit::Options { limit } else { Limit::Never };
    match op.poll_op(cx, limit) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn refused(code: Code, ended: Result<(), SendError>) -> End {
    match ended {
        Ok(()) => End::Sent,
        Err(e) => End::Refused(code, e.message),
    }
}

/// The number of an error of an operation that was not called non-blocking: to have no time is to run out of it.
pub(crate) fn untried(error: Error) -> Code {
    match error {
        Error::TryAgain => Code::ETIMEDOUT,
        error => error.into(),
    }
}

export! {
    /// Makes an aio. The callback, which may be null, is called on a thread of the library each time that an operation has ended.
    fn nng_aio_alloc(aio: *mut *mut nng_aio, callback: Option<Callback>, arg: *mut c_void) -> status {
        // SAFETY: the caller's promise.
        let aio = unsafe { out(aio) }?;
        fork::begin()?;
        aio.write(Arc::into_raw(Aio::new(callback, arg)).cast_mut());
        Ok(())
    }

    /// Ends what is under way, waits for its callback, and frees the aio. From its own callback it does not wait.
    fn nng_aio_free(aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        unsafe { give_back(aio, true) }
    }

    /// [`nng_aio_free`] without waiting.
    fn nng_aio_reap(aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        unsafe { give_back(aio, false) }
    }

    /// Ends what is under way, waits for its callback, and lets nothing begin any more. From its own callback it does not wait.
    fn nng_aio_stop(aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            aio.close(Code::ECANCELED);
            aio.wait();
        }
    }

    /// Ends what is under way with `NNG_ECANCELED`.
    fn nng_aio_cancel(aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            aio.abort(Code::ECANCELED);
        }
    }

    /// Ends what is under way with this error.
    fn nng_aio_abort(aio: *mut nng_aio, error: c_int) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            aio.abort(Code::new(error).unwrap_or(Code::ECANCELED));
        }
    }

    /// Waits until nothing is under way and the callback has returned.
    fn nng_aio_wait(aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            aio.wait();
        }
    }

    /// Whether anything is under way, or its callback has not returned.
    fn nng_aio_busy(aio: *mut nng_aio) -> bool {
        // SAFETY: the caller's promise.
        unsafe { state(aio) }.is_some_and(|st| st.busy > 0)
    }

    /// What the last operation came to.
    fn nng_aio_result(aio: *mut nng_aio) -> c_int {
        let none = if fork::inherited() { Code::ECLOSED } else { Code::EINVAL };
        // SAFETY: the caller's promise.
        unsafe { state(aio) }.map_or(none.get(), |st| st.result)
    }

    /// How many bytes the last operation moved.
    fn nng_aio_count(aio: *mut nng_aio) -> usize {
        // SAFETY: the caller's promise.
        unsafe { state(aio) }.map_or(0, |st| st.count)
    }

    /// Sets the message that is to be sent.
    fn nng_aio_set_msg(aio: *mut nng_aio, msg: *mut nng_msg) {
        // SAFETY: the caller's promise.
        if let Some(mut st) = unsafe { state(aio) } {
            st.msg = MsgPointer(msg);
        }
    }

    /// The message that was received, or was set and has not been sent; null if there is none.
    fn nng_aio_get_msg(aio: *mut nng_aio) -> *mut nng_msg {
        // SAFETY: the caller's promise.
        unsafe { state(aio) }.map_or(std::ptr::null_mut(), |st| st.msg.0)
    }

    /// Sets one of four inputs.
    fn nng_aio_set_input(aio: *mut nng_aio, index: c_uint, value: *mut c_void) -> status {
        // SAFETY: the caller's promise.
        let mut st = unsafe { state(aio) }.ok_or(Code::EINVAL)?;
        *st.inputs.get_mut(index as usize).ok_or(Code::EINVAL)? = Pointer(value);
        Ok(())
    }

    /// One of four inputs; null if it was not set.
    fn nng_aio_get_input(aio: *mut nng_aio, index: c_uint) -> *mut c_void {
        // SAFETY: the caller's promise.
        unsafe { state(aio) }.and_then(|st| st.inputs.get(index as usize).copied()).unwrap_or(NULL).0
    }

    /// Sets one of four outputs.
    fn nng_aio_set_output(aio: *mut nng_aio, index: c_uint, value: *mut c_void) -> status {
        // SAFETY: the caller's promise.
        let mut st = unsafe { state(aio) }.ok_or(Code::EINVAL)?;
        *st.outputs.get_mut(index as usize).ok_or(Code::EINVAL)? = Pointer(value);
        Ok(())
    }

    /// One of four outputs; null if it was not set.
    fn nng_aio_get_output(aio: *mut nng_aio, index: c_uint) -> *mut c_void {
        // SAFETY: the caller's promise.
        unsafe { state(aio) }.and_then(|st| st.outputs.get(index as usize).copied()).unwrap_or(NULL).0
    }

    /// How long each operation from now on may take.
    fn nng_aio_set_timeout(aio: *mut nng_aio, timeout: nng_duration) {
        // SAFETY: the caller's promise.
        if let Some(mut st) = unsafe { state(aio) } {
            st.timeout = timeout;
            st.expire = None;
        }
    }

    /// Until when, by `nng_clock`, the next operation may take.
    fn nng_aio_set_expire(aio: *mut nng_aio, at: nng_time) {
        // SAFETY: the caller's promise.
        if let Some(mut st) = unsafe { state(aio) } {
            st.expire = Some(at);
        }
    }

    /// Sets the memory, at most eight pieces, that a stream is to be read into or written from.
    fn nng_aio_set_iov(aio: *mut nng_aio, count: c_uint, iov: *const nng_iov) -> status {
        let count = count as usize;
        // SAFETY: the caller's promise.
        let mut st = unsafe { state(aio) }.ok_or(Code::EINVAL)?;
        if count > IOVS || (count > 0 && iov.is_null()) {
            return Err(Code::EINVAL);
        }
        for i in 0..count {
            // SAFETY: not null, and the caller's promise that there are so many.
            let iov = unsafe { iov.add(i).read() };
            (st.iov[i], st.iov_len[i]) = (Pointer(iov.iov_buf), iov.iov_len);
        }
        st.iovs = count;
        Ok(())
    }

    /// Providers: the first step of an operation. `false`: the aio was stopped, and there is nothing more to do.
    fn nng_aio_begin(aio: *mut nng_aio) -> bool {
        // SAFETY: the caller's promise.
        unsafe { Aio::from_c(aio) }.is_some_and(|aio| aio.begin())
    }

    /// Providers: the operation has ended.
    fn nng_aio_finish(aio: *mut nng_aio, error: c_int) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            let count = aio.lock().count;
            aio.finish(Code::new(error).map_or(Ok(count), Err));
        }
    }

    /// Providers: the operation will end later, by [`nng_aio_finish`]. The function, which may be null, is called when it is to end
    /// early.
    fn nng_aio_defer(aio: *mut nng_aio, cancel: Option<CancelFn>, arg: *mut c_void) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            aio.defer(cancel, arg);
        }
    }

    /// Sleeps.
    fn nng_sleep_aio(time: nng_duration, aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            aio.sleep(time);
        }
    }
}

/// # Safety
/// As [`Aio::from_c`]; and the aio is not freed during `'a`.
unsafe fn state<'a>(aio: *mut nng_aio) -> Option<MutexGuard<'a, State>> {
    // SAFETY: the caller's promise.
    unsafe { aio.as_ref() }.filter(|_| !fork::inherited()).map(Aio::lock)
}

/// # Safety
/// As [`Aio::from_c`]; and the application does not use it any more.
unsafe fn give_back(aio: *mut nng_aio, wait: bool) {
    if aio.is_null() || fork::inherited() {
        return;
    }
    // SAFETY: the reference that `nng_aio_alloc` gave to the application, which gives it back.
    let aio = unsafe { Arc::from_raw(aio.cast_const()) };
    aio.close(Code::ECLOSED);
    if wait {
        aio.wait();
    }
    timer::disarm(&aio);
}

fn after(time: nng_duration) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(u64::try_from(time).unwrap_or(0)))
}

impl Wake for Aio {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // When the thread ends, what is local to it may have gone before.
        let later = WOKEN.try_with(|woken| woken.borrow_mut().as_mut().map(|woken| woken.push(self.clone())).is_some());
        if !later.unwrap_or(false) {
            self.queue();
        }
    }
}

/// Closes something, or begins to: it must not block. The operations that it ends have their results when this returns, as with NNG, and not only
/// when a thread of the pool comes to them; their callbacks are the pool's.
pub(crate) fn settled<R>(close: impl FnOnce() -> R) -> R {
    let _settle = Settle(WOKEN.try_with(|woken| woken.replace(Some(Vec::new()))).unwrap_or_default());
    close()
}

/// Lets those go on whom this thread has woken since, also if closing panicked. Holds whom a call around this one has kept.
struct Settle(Option<Vec<Arc<Aio>>>);

impl Drop for Settle {
    fn drop(&mut self) {
        let before = self.0.take();
        let woken = WOKEN.try_with(|woken| woken.replace(before)).unwrap_or_default();
        for aio in woken.into_iter().flatten() {
            if std::thread::panicking() { aio.queue() } else { aio.go_on() }
        }
    }
}

thread_local! {
    /// Whom this thread has woken while it closes something.
    static WOKEN: RefCell<Option<Vec<Arc<Aio>>>> = const { RefCell::new(None) };
    /// The aio whose callback this thread is in.
    static CALLING: Cell<*const Aio> = const { Cell::new(std::ptr::null()) };
}

const NULL: Pointer = Pointer(std::ptr::null_mut());
/// Inputs, and outputs.
const SLOTS: usize = 4;
const IOVS: usize = 8;
