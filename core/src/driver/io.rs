//! The I/O thread: one for all sockets, started with the first.
//!
//! It looks after a socket while no receiver of that socket is blocked, writes what coalescing senders left behind, and tells
//! protocols that their time has come. It makes no system call while there is nothing to do.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::dirty;
use super::socket::Inner;
use super::sys::{IoEvent, IoPoll};
use crate::Result;

/// The I/O thread as others see it. Lock order: a socket's lock may be held while this one is taken, never the reverse.
pub(crate) struct Io {
    poll: IoPoll,
    state: Mutex<IoState>,
}

#[derive(Default)]
struct IoState {
    sockets: Vec<Weak<Inner>>,
    /// Places in `sockets` that can be used again.
    vacant: Vec<u32>,
    /// Times that sockets asked for. Those that are out of date stay until they are over, and are not acted on.
    timers: BTreeSet<(Instant, u32)>,
    /// Sockets whose leader left, with the number of leads seen at the last tick.
    ticks: Vec<(u32, u64)>,
    next_tick: Option<Instant>,
    /// Sockets with pipes that coalesce.
    stragglers: Vec<u32>,
    next_straggle: Option<Instant>,
    kicks: Vec<u32>,
    /// Until when the thread sleeps, if it does; the inner `None` is for ever.
    asleep: Option<Option<Instant>>,
}

/// The I/O thread, started if it does not run yet.
pub(crate) fn get() -> Result<&'static Io> {
    static START: Mutex<()> = Mutex::new(());
    if let Some(io) = IO.get() {
        return Ok(io);
    }
    let _start = START.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(io) = IO.get() {
        return Ok(io);
    }
    let io = Io { poll: IoPoll::new()?, state: Mutex::default() };
    let io = IO.get_or_init(|| io);
    thread::Builder::new().name("spanwire-io".into()).spawn(|| io.run())?;
    Ok(io)
}

/// The I/O thread, for sockets: it has been started for them.
pub(crate) fn started() -> &'static Io {
    IO.get().expect("the I/O thread starts before the first socket")
}

static IO: OnceLock<Io> = OnceLock::new();

impl Io {
    pub(crate) fn poll(&self) -> &IoPoll {
        &self.poll
    }

    /// A number for a new socket.
    pub(crate) fn reserve(&self) -> u32 {
        let mut state = self.lock();
        if let Some(index) = state.vacant.pop() {
            return index;
        }
        state.sockets.push(Weak::new());
        (state.sockets.len() - 1) as u32
    }

    /// A socket is there.
    pub(crate) fn enlist(&self, index: u32, socket: &Arc<Inner>) {
        self.lock().sockets[index as usize] = Arc::downgrade(socket);
    }

    /// A socket is gone.
    pub(crate) fn release(&self, index: u32) {
        let mut state = self.lock();
        state.sockets[index as usize] = Weak::new();
        state.vacant.push(index);
    }

    /// Calls [`Inner::timeout`] at this time.
    pub(crate) fn schedule(&self, at: Instant, index: u32) {
        let mut state = self.lock();
        state.timers.insert((at, index));
        self.awake_by(state, at);
    }

    /// Calls [`Inner::tick`] every millisecond, as long as it wants.
    pub(crate) fn tick(&self, index: u32) {
        let mut state = self.lock();
        state.ticks.push((index, u64::MAX));
        let at = *state.next_tick.get_or_insert_with(|| Instant::now() + TICK);
        self.awake_by(state, at);
    }

    /// Calls [`Inner::stragglers`] on the short tick, as long as it wants.
    pub(crate) fn straggle(&self, index: u32) {
        let mut state = self.lock();
        state.stragglers.push(index);
        let at = *state.next_straggle.get_or_insert_with(|| Instant::now() + STRAGGLE);
        self.awake_by(state, at);
    }

    /// Calls [`Inner::background`] at once.
    pub(crate) fn kick(&self, index: u32) {
        let mut state = self.lock();
        state.kicks.push(index);
        if state.asleep.take().is_some() {
            drop(state);
            self.poll.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, IoState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn awake_by(&self, mut state: MutexGuard<'_, IoState>, at: Instant) {
        if state.asleep.is_some_and(|until| until.is_none_or(|until| at < until)) {
            state.asleep = None;
            drop(state);
            self.poll.wake();
        }
    }

    fn run(&'static self) {
        let mut events = Vec::new();
        loop {
            let timeout = self.lock().sleep();
            self.poll.wait(timeout, &mut events);
            let mut state = self.lock();
            state.asleep = None;
            let kicks = std::mem::take(&mut state.kicks);
            drop(state);
            for index in kicks {
                self.with(index, |socket| socket.background(None));
            }
            for event in events.drain(..) {
                match event {
                    IoEvent::Socket(index) => self.with(index, |socket| socket.background(None)),
                    IoEvent::Pipe(index, event) => self.with(index, |socket| socket.background(Some(event))),
                };
            }
            self.look_at_clock();
            dirty::flush();
        }
    }

    fn look_at_clock(&self) {
        let mut state = self.lock();
        let idle = state.timers.is_empty() && state.next_tick.is_none() && state.next_straggle.is_none();
        if idle {
            return;
        }
        let now = Instant::now();
        let mut timeouts = Vec::new();
        while let Some((at, index)) = state.timers.first().copied()
            && at <= now
        {
            state.timers.pop_first();
            timeouts.push((at, index));
        }
        let mut ticks = Vec::new();
        if state.next_tick.is_some_and(|at| at <= now) {
            ticks = std::mem::take(&mut state.ticks);
        }
        let mut stragglers = Vec::new();
        if state.next_straggle.is_some_and(|at| at <= now) {
            stragglers = std::mem::take(&mut state.stragglers);
        }
        drop(state);
        for (at, index) in timeouts {
            self.with(index, |socket| socket.timeout(at));
        }
        let ticked = !ticks.is_empty();
        ticks.retain_mut(|(index, seen)| self.with(*index, |socket| socket.tick(seen)).unwrap_or(false));
        let straggled = !stragglers.is_empty();
        let mut late = false;
        stragglers.retain(|index| match self.with(*index, Inner::stragglers).flatten() {
            Some(found) => {
                late |= found;
                true
            }
            None => false,
        });
        let mut state = self.lock();
        if ticked {
            put_back(&mut state.ticks, ticks);
            state.next_tick = (!state.ticks.is_empty()).then(|| now + TICK);
        }
        if straggled {
            put_back(&mut state.stragglers, stragglers);
            // Nothing was late: the senders are busy and write by themselves.
            let pause = if late { STRAGGLE } else { 4 * STRAGGLE };
            state.next_straggle = (!state.stragglers.is_empty()).then(|| now + pause);
        }
    }

    /// Does something for a socket. A waker of the application that panics ends neither this thread nor another socket.
    fn with<R>(&self, index: u32, f: impl FnOnce(&Inner) -> R) -> Option<R> {
        let socket = self.lock().sockets.get(index as usize)?.upgrade()?;
        let done = catch_unwind(AssertUnwindSafe(|| f(&socket)));
        done.inspect_err(|_| tracing::error!(socket = %socket.id, "a waker panicked")).ok()
    }
}

/// Appends what was taken out of a list, and keeps the memory of the longer one.
fn put_back<T>(list: &mut Vec<T>, mut taken: Vec<T>) {
    if list.capacity() < taken.capacity() {
        std::mem::swap(list, &mut taken);
    }
    list.append(&mut taken);
}

impl IoState {
    /// How long to sleep; notes it for those who want the thread earlier.
    fn sleep(&mut self) -> Option<Duration> {
        if !self.kicks.is_empty() {
            return Some(Duration::ZERO);
        }
        let timer = self.timers.first().map(|(at, _)| *at);
        let until = [timer, self.next_tick, self.next_straggle].into_iter().flatten().min();
        self.asleep = Some(until);
        until.map(|until| until.saturating_duration_since(Instant::now()))
    }
}

/// How soon a socket is looked after whose receiver left: 2 ms at most, since two ticks must pass.
const TICK: Duration = Duration::from_millis(1);
/// How soon collected messages are looked at that nobody has written: twice this at the most, or eight times this while a sender
/// collects and writes by itself all the time.
const STRAGGLE: Duration = Duration::from_micros(50);
