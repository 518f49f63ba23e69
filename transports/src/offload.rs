//! Work that blocks, off the thread that all endpoints share: resolving names, and socket files.
//!
//! A thread is started when there is work, and ends when there is none, so that an idle process has none and makes no system
//! call. (The pool of the crate `blocking` wakes up twice a second for ever.)

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;

use spanwire_core::{Error, Result};

/// Runs this on a thread where it may block.
///
/// # Errors
/// [`Error::OutOfMemory`] if there can be no thread, [`Error::Internal`] if the work panics.
pub(crate) async fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let place = Arc::new(Mutex::new(Outcome::Awaited(None)));
    let done = place.clone();
    begin(Box::new(move || {
        let result = catch_unwind(AssertUnwindSafe(work));
        let result = result.map_err(|_| Error::Internal("work that blocks has panicked".into()));
        if let Outcome::Awaited(Some(waker)) = mem::replace(&mut *lock(&done), Outcome::Done(result)) {
            waker.wake();
        }
    }))?;
    poll_fn(|cx| {
        let mut place = lock(&place);
        match mem::replace(&mut *place, Outcome::Awaited(Some(cx.waker().clone()))) {
            Outcome::Awaited(_) => Poll::Pending,
            Outcome::Done(result) => Poll::Ready(result),
        }
    })
    .await
}

/// `Awaited ─the work ends→ Done`
enum Outcome<T> {
    Awaited(Option<Waker>),
    Done(Result<T>),
}

type Work = Box<dyn FnOnce() + Send>;

struct Pool {
    queue: VecDeque<Work>,
    threads: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { queue: VecDeque::new(), threads: 0 });

fn begin(work: Work) -> Result<()> {
    let mut pool = lock(&POOL);
    pool.queue.push_back(work);
    if pool.threads == THREADS {
        return Ok(());
    }
    if thread::Builder::new().name("spanwire-block".into()).spawn(run).is_ok() {
        pool.threads += 1;
        return Ok(());
    }
    // The threads that there are will do it, if there are any.
    if pool.threads > 0 {
        return Ok(());
    }
    pool.queue.pop_back();
    Err(Error::OutOfMemory)
}

fn run() {
    loop {
        let mut pool = lock(&POOL);
        let Some(work) = pool.queue.pop_front() else {
            pool.threads -= 1;
            return;
        };
        drop(pool);
        work();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names whose servers do not answer take long; more threads than this would not help.
const THREADS: usize = 64;

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use futures_lite::future::{block_on, poll_once};

    use super::*;

    #[test]
    fn the_result_comes_back() {
        assert_eq!(block_on(unblock(|| 6 * 7)), Ok(42));
    }

    #[test]
    fn a_panic_is_an_error() {
        assert!(matches!(block_on(unblock(|| panic!("on purpose"))), Err::<(), _>(Error::Internal(_))));
    }

    #[test]
    fn more_work_than_threads_is_done() {
        let barrier = Arc::new(Barrier::new(THREADS + 1));
        let mut works: Vec<_> = (0..3 * THREADS)
            .map(|n| {
                let barrier = barrier.clone();
                Box::pin(unblock(move || {
                    barrier.wait();
                    n
                }))
            })
            .collect();
        for work in &mut works {
            assert_eq!(block_on(poll_once(work)), None);
        }
        (0..3).for_each(|_| {
            barrier.wait();
        });
        let results: Vec<_> = works.into_iter().map(|work| block_on(work).unwrap()).collect();
        assert_eq!(results, (0..3 * THREADS).collect::<Vec<_>>());
    }
}
