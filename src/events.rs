//! Pipe events: what happens to a socket's connections.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use futures_core::Stream;
use spanwire_core::driver;

use crate::base::SocketBase;
use crate::incoming::Blocking;
use crate::op::{Limit, Operation};
use crate::{Pipe, PipeChange, Result};

/// Something that happened to a pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipeEvent {
    /// What.
    pub change: PipeChange,
    /// To which.
    pub pipe: Pipe,
}

impl SocketBase {
    /// Calls back for each pipe event from now on, on the library's callback thread, with no lock held. A callback may use and
    /// close sockets and pipes; one that panics is logged. While it runs for [`PipeChange::BeforeAdd`], the pipe waits, and closing the pipe
    /// there refuses it.
    ///
    /// It goes on until [`Watch::stop`] or the socket's close; dropping the [`Watch`] does not end it. A callback that holds a handle of its
    /// own socket keeps the socket open.
    ///
    /// ```
    /// use spanwire::{Error, Pair0, PipeChange, Socket};
    ///
    /// let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    /// let listener = a.listen("tcp://127.0.0.1:0").wait()?;
    /// b.on_pipe(|change, pipe| {
    ///     if change == PipeChange::BeforeAdd {
    ///         pipe.close();
    ///     }
    /// });
    /// assert_eq!(b.dial(&listener).wait(), Err(Error::ConnectionAborted));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn on_pipe(&self, callback: impl Fn(PipeChange, &Pipe) + Send + Sync + 'static) -> Watch {
        let watch = self.watch(Watcher::Callback(Arc::new(callback)));
        if self.is_closed() {
            // The close may have come too early to see this one.
            watch.stop();
        }
        watch
    }

    /// The pipe events from now on, as a [`Stream`], and as a blocking iterator in a `for` loop. They end when the socket is closed and its
    /// last pipe removed. Does not keep the socket open.
    ///
    /// ```
    /// use spanwire::{Pair0, PipeChange, Socket};
    ///
    /// let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    /// let events = a.events();
    /// a.listen("inproc://events").wait()?;
    /// b.dial("inproc://events").wait()?;
    /// b.close().wait()?;
    /// for event in events {
    ///     if event.change == PipeChange::Removed {
    ///         a.close().wait()?;
    ///     }
    /// }
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn events(&self) -> Events {
        let queue = Arc::new(Queue::default());
        let watch = self.watch(Watcher::Queue(queue.clone()));
        if self.is_closed() {
            watch.stop();
            queue.end();
        }
        Events { queue, watch }
    }

    fn watch(&self, watcher: Watcher) -> Watch {
        let watchers = self.watchers.get_or_init(|| {
            let watchers = Arc::new(Watchers::default());
            let told = watchers.clone();
            self.core.on_pipe(move |change, pipe| told.tell(change, pipe));
            watchers
        });
        let mut list = watchers.lock();
        let id = list.next;
        list.next += 1;
        list.watchers.push((id, watcher));
        Watch { watchers: Arc::downgrade(watchers), id }
    }

    /// After the close: ends the events once the callbacks for it have run.
    fn end_events(&self) {
        if let Some(watchers) = self.watchers.get()
            && self.is_closed()
        {
            let watchers = watchers.clone();
            self.core.after_callbacks(move || watchers.end());
        }
    }
}

impl Drop for SocketBase {
    fn drop(&mut self) {
        if self.watchers.get().is_some() {
            let _ = Close::new(self).wait(Limit::Options);
        }
    }
}

/// A callback that was added; see [`SocketBase::on_pipe`].
#[derive(Clone)]
pub struct Watch {
    watchers: Weak<Watchers>,
    id: u64,
}

impl Watch {
    /// Takes the callback away. It may be running for the last time when this returns.
    ///
    /// ```
    /// use spanwire::{Pair0, Socket};
    ///
    /// let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    /// a.listen("inproc://watch-stop").wait()?;
    /// let watch = b.on_pipe(|_, pipe| pipe.close());                // refuses every connection
    /// watch.stop();
    /// b.dial("inproc://watch-stop").wait()?;
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn stop(&self) {
        if let Some(watchers) = self.watchers.upgrade() {
            let mut list = watchers.lock();
            let found = list.watchers.iter().position(|(id, _)| *id == self.id);
            let gone = found.map(|i| list.watchers.swap_remove(i));
            drop(list);
            // What the callback holds is dropped without the lock.
            drop(gone);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({})", self.id)
    }
}

/// Pipe events as they happen; see [`SocketBase::events`].
pub struct Events {
    queue: Arc<Queue>,
    watch: Watch,
}

impl Events {
    /// The next event; blocks until it is there. `None` after the last one.
    ///
    /// # Cancel safety
    /// It blocks. Asynchronously the events are a [`Stream`], whose `next` may be dropped at any time: no event is lost.
    ///
    /// ```
    /// use spanwire::{Pair0, PipeChange, Socket};
    ///
    /// let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    /// let mut events = b.events();
    /// a.listen("inproc://events-next").wait()?;
    /// b.dial("inproc://events-next").wait()?;
    /// assert_eq!(events.wait_next().map(|event| event.change), Some(PipeChange::BeforeAdd));
    /// b.close().wait()?;
    /// while events.wait_next().is_some() {}                         // the last one is there
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    pub fn wait_next(&mut self) -> Option<PipeEvent> {
        loop {
            match self.queue.next(|| Reader::Thread(thread::current())) {
                Poll::Ready(event) => return event,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl Stream for Events {
    type Item = PipeEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<PipeEvent>> {
        self.queue.next(|| Reader::Task(cx.waker().clone()))
    }
}

impl IntoIterator for Events {
    type Item = PipeEvent;
    type IntoIter = Blocking<Self>;

    fn into_iter(self) -> Blocking<Self> {
        Blocking(self)
    }
}

impl Iterator for Blocking<Events> {
    type Item = PipeEvent;

    fn next(&mut self) -> Option<PipeEvent> {
        self.0.wait_next()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.watch.stop();
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

/// The operation of [`SocketBase::close`].
#[derive(Debug)]
pub struct Close<'a> {
    close: driver::Close<'a>,
    // Dropped after the close, which is over then.
    end: EndEvents<'a>,
}

impl<'a> Close<'a> {
    pub(crate) fn new(base: &'a SocketBase) -> Self {
        Self { close: base.core.close(), end: EndEvents(Some(base)) }
    }

    /// It is over, and the events with it; unless another close is at it, whose events they are.
    fn over(&mut self, result: Result<()>) -> Result<()> {
        if let Some(base) = self.end.0.take()
            && result.is_ok()
        {
            base.end_events();
        }
        result
    }
}

impl Operation for Close<'_> {
    type Output = Result<()>;

    fn poll_op(&mut self, cx: &mut TaskContext<'_>, limit: Limit) -> Poll<Self::Output> {
        self.close.poll_op(cx, limit).map(|result| self.over(result))
    }

    fn wait(&mut self, limit: Limit) -> Self::Output {
        let result = self.close.wait(limit);
        self.over(result)
    }

    fn try_now(&mut self) -> Self::Output {
        let result = self.close.try_now();
        self.over(result)
    }

    fn time_out(&mut self) -> Self::Output {
        let result = self.close.time_out();
        self.over(result)
    }

    fn default_timeout(&self) -> Option<Duration> {
        self.close.default_timeout()
    }
}

#[derive(Debug)]
struct EndEvents<'a>(Option<&'a SocketBase>);

impl Drop for EndEvents<'_> {
    fn drop(&mut self) {
        if let Some(base) = self.0 {
            base.end_events();
        }
    }
}

/// Who is told of a socket's pipe events.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<List>);

#[derive(Default)]
struct List {
    watchers: Vec<(u64, Watcher)>,
    next: u64,
}

#[derive(Clone)]
enum Watcher {
    Callback(Arc<Callback>),
    Queue(Arc<Queue>),
}

type Callback = dyn Fn(PipeChange, &Pipe) + Send + Sync;

impl Watchers {
    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: PipeChange, pipe: &Pipe) {
        let watchers: Vec<_> = self.lock().watchers.iter().map(|(_, watcher)| watcher.clone()).collect();
        for watcher in watchers {
            match watcher {
                Watcher::Callback(callback) => callback(change, pipe),
                Watcher::Queue(queue) => queue.push(PipeEvent { change, pipe: pipe.clone() }),
            }
        }
    }

    fn end(&self) {
        let watchers = std::mem::take(&mut self.lock().watchers);
        for (_, watcher) in watchers {
            if let Watcher::Queue(queue) = watcher {
                queue.end();
            }
        }
    }
}

/// Events on their way to their reader.
#[derive(Default)]
struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    events: VecDeque<PipeEvent>,
    ended: bool,
    reader: Option<Reader>,
}

enum Reader {
    Thread(Thread),
    Task(Waker),
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, reader: impl FnOnce() -> Reader) -> Poll<Option<PipeEvent>> {
        let mut state = self.lock();
        match state.events.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if state.ended => Poll::Ready(None),
            None => {
                state.reader = Some(reader());
                Poll::Pending
            }
        }
    }

    fn push(&self, event: PipeEvent) {
        self.change(|state| state.events.push_back(event));
    }

    fn end(&self) {
        self.change(|state| state.ended = true);
    }

    fn change(&self, f: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        f(&mut state);
        let reader = state.reader.take();
        drop(state);
        match reader {
            Some(Reader::Thread(thread)) => thread.unpark(),
            Some(Reader::Task(waker)) => waker.wake(),
            None => {}
        }
    }
}
