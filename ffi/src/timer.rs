//! The timeouts of asynchronous operations: one thread and one heap.
//!
//! An aio is in the heap at most once. It stays there when its operation has ended, and is moved when a later one ends sooner:
//! operations that end long before their timeout, which are most, cost nothing here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use crate::aio::Aio;
use crate::pool;
use crate::types::nng_time;

/// Where an aio is in the heap. Used under the heap's lock only.
#[derive(Debug)]
pub(crate) struct Place(AtomicUsize);

impl Default for Place {
    fn default() -> Self {
        Self(AtomicUsize::new(NOWHERE))
    }
}

impl Place {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, place: usize) {
        self.0.store(place, Ordering::Relaxed);
    }
}

const NOWHERE: usize = usize::MAX;

#[derive(Default)]
struct Timers {
    /// Each entry is not before the one at half its index.
    heap: Vec<(Instant, Arc<Aio>)>,
    /// When the pool is to be looked after.
    pool: Option<Instant>,
}

static TIMERS: Mutex<Timers> = Mutex::new(Timers { heap: Vec::new(), pool: None });
static CHANGED: Condvar = Condvar::new();

/// Calls [`Aio::expire`] then, or earlier.
pub(crate) fn arm(aio: &Arc<Aio>, at: Instant) {
    let mut timers = lock();
    let place = aio.place.get();
    match timers.heap.get_mut(place) {
        Some(entry) if entry.0 <= at => return,
        Some(entry) => {
            entry.0 = at;
            timers.up(place);
        }
        None => {
            let place = timers.heap.len();
            timers.heap.push((at, aio.clone()));
            timers.up(place);
        }
    }
    if aio.place.get() == 0 {
        wake();
    }
}

/// Takes an aio out that is not used any more.
pub(crate) fn disarm(aio: &Aio) {
    let mut timers = lock();
    let place = aio.place.get();
    let gone = (place != NOWHERE).then(|| timers.remove(place));
    drop(timers);
    drop(gone);
}

/// Calls [`pool::look_after`] then.
pub(crate) fn look_after_pool(at: Instant) {
    lock().pool = Some(at);
    wake();
}

fn wake() {
    static START: Once = Once::new();
    START.call_once(|| {
        if let Err(e) = std::thread::Builder::new().name("spanwire-timer".into()).spawn(run) {
            tracing::error!("cannot start the thread for timeouts: {e}");
        }
    });
    CHANGED.notify_one();
}

fn run() {
    let mut timers = lock();
    loop {
        let now = Instant::now();
        if timers.pool.is_some_and(|at| at <= now) {
            timers.pool = None;
            drop(timers);
            pool::look_after();
            timers = lock();
            continue;
        }
        let first = timers.heap.first().map(|(at, _)| *at);
        if first.is_some_and(|at| at <= now) {
            let aio = timers.remove(0);
            drop(timers);
            if let Some(at) = aio.expire() {
                arm(&aio, at);
            }
            drop(aio);
            timers = lock();
            continue;
        }
        timers = match first.into_iter().chain(timers.pool).min() {
            Some(at) => CHANGED.wait_timeout(timers, at - now).unwrap_or_else(PoisonError::into_inner).0,
            None => CHANGED.wait(timers).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

fn lock() -> MutexGuard<'static, Timers> {
    TIMERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Timers {
    fn remove(&mut self, place: usize) -> Arc<Aio> {
        let (_, aio) = self.heap.swap_remove(place);
        aio.place.set(NOWHERE);
        if place < self.heap.len() {
            self.heap[place].1.place.set(place);
            let place = self.up(place);
            self.down(place);
        }
        aio
    }

    /// Moves an entry towards the front. Answers where it came to.
    fn up(&mut self, mut place: usize) -> usize {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.heap[parent].0 <= self.heap[place].0 {
                break;
            }
            self.swap(place, parent);
            place = parent;
        }
        self.heap[place].1.place.set(place);
        place
    }

    fn down(&mut self, mut place: usize) {
        loop {
            let children = [2 * place + 1, 2 * place + 2].into_iter().filter(|child| *child < self.heap.len());
            let Some(child) = children.min_by_key(|child| self.heap[*child].0) else { return };
            if self.heap[place].0 <= self.heap[child].0 {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.heap[a].1.place.set(a);
        self.heap[b].1.place.set(b);
    }
}

/// Milliseconds of the system's monotonic clock.
pub(crate) fn clock() -> nng_time {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes to a structure of our own.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// A time of [`clock`]; `None` if it is too far away to come.
pub(crate) fn instant(at: nng_time) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(at.saturating_sub(clock())))
}
