//! The pipes to which this thread has appended messages that nobody has written yet.
//!
//! They are flushed before the thread blocks in this library, or an async operation of it is pending. Without that a request
//! would wait for the I/O thread's tick.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Weak;
use std::sync::atomic::{AtomicU32, Ordering};

use super::socket::Inner;
use super::sync::thread_local;
use crate::PipeId;
use crate::table::FastHash;

/// Whose list a pipe stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(NonZeroU32);

/// This thread. A thread that is ending has no list any more; the I/O thread's tick writes its messages.
#[inline]
pub(crate) fn me() -> Option<Owner> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let me = ME.try_with(|me| {
        if me.get().is_none() {
            me.set(NonZeroU32::new(NEXT.fetch_add(1, Ordering::Relaxed)));
        }
        me.get()
    });
    me.ok().flatten().map(Owner)
}

/// Remembers a pipe, for this thread. May be called under the socket's lock.
pub(crate) fn list(socket: &Weak<Inner>, pipe: PipeId) {
    let _ = DIRTY.try_with(|dirty| {
        let mut dirty = dirty.borrow_mut();
        // Where several threads send on one pipe, each of them may have listed it before. No two pipes of a process have the same id.
        if dirty.known.insert(pipe) {
            dirty.pipes.push((socket.clone(), pipe));
        }
    });
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
    static ME: Cell<Option<NonZeroU32>> = const { Cell::new(None) };
}

struct Dirty {
    pipes: Vec<(Weak<Inner>, PipeId)>,
    known: HashSet<PipeId, FastHash>,
}

impl Dirty {
    fn pop(&mut self) -> Option<(Weak<Inner>, PipeId)> {
        let next = self.pipes.pop()?;
        self.known.remove(&next.1);
        Some(next)
    }
}

thread_local! {
    static DIRTY: RefCell<Dirty> =
        const { RefCell::new(Dirty { pipes: Vec::new(), known: HashSet::with_hasher(FastHash::new()) }) };
}
