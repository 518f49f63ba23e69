//! The thread on which dials, accepts, handshakes and back-off timers run, and the one on which callbacks run.

use std::future::{Future, pending};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::task::Poll;
use std::thread;

use async_executor::{Executor, Task};

use crate::{Error, Result};

/// Runs a future on the library's executor thread, which starts with the first one.
pub(crate) fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Task<T> {
    static EXECUTOR: OnceLock<Executor<'static>> = OnceLock::new();
    static THREAD: OnceLock<()> = OnceLock::new();
    let executor = EXECUTOR.get_or_init(Executor::new);
    THREAD.get_or_init(|| {
        let run = move || {
            loop {
                // Only a task that panics ends this: one of a transport that somebody has plugged in, say.
                guarded("a transport", || async_io::block_on(executor.run(pending::<()>())));
            }
        };
        if let Err(e) = thread::Builder::new().name("spanwire-async".into()).spawn(run) {
            tracing::error!("cannot start the executor thread: {e}");
        }
    });
    executor.spawn(future)
}

/// Polls what a transport does. If it panics, that is an error of the transport, and of nobody else.
pub(crate) fn contained<T>(poll: impl FnOnce() -> Poll<Result<T>>) -> Poll<Result<T>> {
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll));
    polled.unwrap_or_else(|_| Poll::Ready(Err(Error::Internal("the transport panicked".into()))))
}

/// Runs code that is not the driver's; a panic is logged and goes no further.
pub(crate) fn guarded(what: &str, code: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(code)).is_err() {
        tracing::error!("{what} panicked");
    }
}

/// Runs a callback of the application on the callback thread, which starts with the first one. Callbacks run one after the
/// other, with no lock held; one that panics is logged.
pub(crate) fn call(callback: impl FnOnce() + Send + 'static) {
    type Call = Box<dyn FnOnce() + Send>;
    static QUEUE: OnceLock<Sender<Call>> = OnceLock::new();
    let queue = QUEUE.get_or_init(|| {
        let (queue, calls) = channel::<Call>();
        let run = move || {
            for call in calls {
                guarded("a pipe callback", call);
            }
        };
        if let Err(e) = thread::Builder::new().name("spanwire-call".into()).spawn(run) {
            tracing::error!("cannot start the callback thread: {e}");
        }
        queue
    });
    if queue.send(Box::new(callback)).is_err() {
        tracing::error!("the callback thread is gone");
    }
}
