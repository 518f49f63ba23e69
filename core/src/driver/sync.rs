//! The locks, threads, statics and the clock of the hand-over, in one place: a model checker has its own.

pub(crate) use std::panic::catch_unwind;
pub(crate) use std::sync::{Mutex, MutexGuard};
pub(crate) use std::{thread, thread_local};

use std::io;
use std::time::Instant;

/// The time.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Starts a thread that never ends.
pub(crate) fn daemon(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

/// A static of which there is one in the process.
macro_rules! per_process {
    (static $name:ident: $type:ty = $init:expr;) => {
        static $name: $type = $init;
    };
}

pub(crate) use per_process;
