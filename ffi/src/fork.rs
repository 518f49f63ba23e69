//! A child that was forked by a process that uses the library.
//!
//! It has none of the library's threads, and locks that one of them held stay locked for ever. So nothing of what was there at the fork is touched
//! again: to the child all of it is closed. Nothing is freed or closed either, since connections and files are the parent's, too. And nothing new can be
//! made: the child that wants sockets calls `exec` first, or is forked before the first socket.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Code, Result};

/// This process has inherited the library's state.
#[inline]
pub(crate) fn inherited() -> bool {
    INHERITED.load(Ordering::Relaxed)
}

/// To be called before anything is made that needs a lock or a thread.
///
/// # Errors
/// [`Code::ENOTSUP`] in a child.
pub(crate) fn begin() -> Result<()> {
    static WATCH: Once = Once::new();
    if inherited() {
        return Err(Code::ENOTSUP);
    }
    WATCH.call_once(|| {
        // SAFETY: the handler stores to an atomic and does nothing else, which is allowed at any time.
        let failed = unsafe { libc::pthread_atfork(None, None, Some(child)) };
        if failed != 0 {
            tracing::warn!("children that are forked will not know it: error {failed}");
        }
    });
    Ok(())
}

extern "C" fn child() {
    INHERITED.store(true, Ordering::Relaxed);
}

static INHERITED: AtomicBool = AtomicBool::new(false);
