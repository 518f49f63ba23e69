//! The locks, threads, statics and the clock of the hand-over, in one place: a model checker has its own, with `--cfg spanwire_loom`.

#[cfg(spanwire_loom)]
pub(crate) use model::*;
#[cfg(not(spanwire_loom))]
pub(crate) use real::*;

#[cfg(not(spanwire_loom))]
mod real {
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
}

#[cfg(spanwire_loom)]
mod model {
    pub(crate) use crate::driver::sys::model::now;
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    use std::io;
    use std::panic::UnwindSafe;

    pub(crate) mod thread {
        pub(crate) use crate::driver::model::{Thread, current, park, park_timeout};

        /// Others may run between any two steps anyway.
        pub(crate) fn yield_now() {}
    }

    /// Starts nothing: a model's threads must end, so it runs the loop of this one itself.
    pub(crate) fn daemon(_name: &str, _run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        Ok(())
    }

    /// A panic is the model's failure, and must not be caught.
    pub(crate) fn catch_unwind<R>(f: impl FnOnce() -> R + UnwindSafe) -> std::thread::Result<R> {
        Ok(f())
    }

    /// A static of which there is one in each run of the model.
    macro_rules! per_process {
        (static $name:ident: $type:ty = $init:expr;) => {
            loom::lazy_static! {
                static ref $name: $type = $init;
            }
        };
    }

    /// loom's own knows no `const` blocks.
    macro_rules! per_thread {
        (static $name:ident: $type:ty = $init:expr;) => {
            loom::thread_local! {
                static $name: $type = $init;
            }
        };
    }

    pub(crate) use {per_process, per_thread as thread_local};
}
