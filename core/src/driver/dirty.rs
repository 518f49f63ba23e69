//! The pipes to which this thread has appended messages that nobody has written yet.
//!
//! They are flushed before the thread blocks in this library, or an async operation of it is pending. Without that a request
//! would wait for the I/O thread's tick.

use std::cell::RefCell;
use std::sync::Weak;

use super::socket::Inner;
use super::sync::thread_local;
use crate::PipeId;

/// Remembers a pipe. May be called under the socket's lock.
pub(crate) fn list(socket: Weak<Inner>, pipe: PipeId) {
    // A thread that is ending has no list any more; the I/O thread's tick writes its messages.
    let _ = DIRTY.try_with(|dirty| dirty.borrow_mut().push((socket, pipe)));
}

/// Writes what this thread has left. Not under a lock.
pub(crate) fn flush() {
    let next = || DIRTY.try_with(|dirty| dirty.borrow_mut().pop()).ok().flatten();
    while let Some((socket, pipe)) = next() {
        if let Some(socket) = socket.upgrade() {
            socket.flush(pipe);
        }
    }
}

thread_local! {
    static DIRTY: RefCell<Vec<(Weak<Inner>, PipeId)>> = const { RefCell::new(Vec::new()) };
}
