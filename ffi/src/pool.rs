//! The threads on which operations go on and callbacks are called.
//!
//! A few serve as long as callbacks return. While all of them are stuck in callbacks that block, more are started: a callback may
//! wait for what another callback does. The timer's thread notices it: nothing was taken out of the queue for [`STUCK`].

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::aio::Aio;
use crate::guard::guarded;
use crate::timer;

struct Pool {
    queue: VecDeque<Arc<Aio>>,
    threads: usize,
    idle: usize,
    /// How many entries have been taken out.
    taken: u64,
    /// The same, when the timer's thread was asked to look after the pool; `None`: it was not.
    watched: Option<u64>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { queue: VecDeque::new(), threads: 0, idle: 0, taken: 0, watched: None });
static FILLED: Condvar = Condvar::new();

/// Has a thread attend to an aio.
pub(crate) fn push(aio: Arc<Aio>) {
    let mut pool = lock();
    pool.queue.push_back(aio);
    if pool.idle >= pool.queue.len() {
        FILLED.notify_one();
    } else if pool.threads < usual() {
        pool.start();
    } else if pool.watched.is_none() {
        pool.watch();
    }
}

/// The timer's thread: starts another thread if nothing has moved since it was asked to come.
pub(crate) fn look_after() {
    let mut pool = lock();
    let Some(before) = pool.watched.take() else { return };
    if pool.queue.is_empty() {
        return;
    }
    if pool.taken == before && pool.threads < MOST {
        pool.start();
    }
    pool.watch();
}

fn lock() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many threads there are while callbacks return.
fn usual() -> usize {
    std::thread::available_parallelism().map_or(LEAST, usize::from).clamp(LEAST, 16)
}

impl Pool {
    fn start(&mut self) {
        match std::thread::Builder::new().name("spanwire-task".into()).spawn(run) {
            Ok(_) => self.threads += 1,
            Err(e) => tracing::error!("cannot start a thread for callbacks: {e}"),
        }
    }

    fn watch(&mut self) {
        self.watched = Some(self.taken);
        timer::look_after_pool(Instant::now() + STUCK);
    }
}

fn run() {
    let mut pool = lock();
    loop {
        if let Some(aio) = pool.queue.pop_front() {
            pool.taken += 1;
            drop(pool);
            guarded("an operation", || aio.attend());
            drop(aio);
            pool = lock();
            continue;
        }
        pool.idle += 1;
        let wait = if pool.threads > usual() { EXTRA } else { Duration::MAX };
        let (back, timeout) = FILLED.wait_timeout(pool, wait).unwrap_or_else(PoisonError::into_inner);
        pool = back;
        pool.idle -= 1;
        if timeout.timed_out() && pool.queue.is_empty() && pool.threads > usual() {
            pool.threads -= 1;
            return;
        }
    }
}

const LEAST: usize = 2;
/// A bound, so that a mistake does not use up the process' threads.
const MOST: usize = 256;
/// How long the queue may stand still before another thread is started.
const STUCK: Duration = Duration::from_millis(5);
/// How long a thread that is more than usual waits for work before it ends.
const EXTRA: Duration = Duration::from_secs(5);
