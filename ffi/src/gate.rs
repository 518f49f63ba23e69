//! What streams, listeners and UDP sockets have in common: operations take turns, and closing ends them all.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use event_listener::Event;
use futures_lite::future;

use crate::error::{Code, Result};
use crate::types::nng_iov;

/// Open until it is closed.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_closed: AtomicBool,
    closing: Event,
}

impl Gate {
    /// Carries an operation out, unless the gate is or will be closed before it ends: `ECLOSED`.
    pub(crate) async fn pass<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let closed = async {
            loop {
                let closing = self.closing.listen();
                if self.is_closed() {
                    return Err(Code::ECLOSED);
                }
                closing.await;
            }
        };
        future::or(closed, operation).await
    }

    /// Ends all operations.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.closing.notify(usize::MAX);
    }

    /// No operation can begin.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }
}

/// Memory of an aio's user to read into or to write from, without empty pieces.
pub(crate) struct Memory(Vec<nng_iov>);

// SAFETY: the memory is the aio's until the operation has ended, on whatever thread that may be.
unsafe impl Send for Memory {}
// SAFETY: as above; only what is within the operation looks into the memory, one after the other.
unsafe impl Sync for Memory {}

impl Memory {
    /// Takes what was set with `nng_aio_set_iov`.
    pub(crate) fn new(mut pieces: Vec<nng_iov>) -> Self {
        pieces.retain(|piece| piece.iov_len > 0 && !piece.iov_buf.is_null());
        Self(pieces)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|piece| piece.iov_len).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pieces, to be read.
    ///
    /// # Safety
    /// Within the operation that they were given for.
    pub(crate) unsafe fn slices(&self) -> impl Iterator<Item = &[u8]> {
        // SAFETY: neither null nor empty, and the caller's promise.
        self.0.iter().map(|piece| unsafe { std::slice::from_raw_parts(piece.iov_buf.cast(), piece.iov_len) })
    }

    /// Spreads bytes over the pieces. Answers how many there was room for.
    ///
    /// # Safety
    /// Within the operation that they were given for.
    pub(crate) unsafe fn fill(&self, mut bytes: &[u8]) -> usize {
        let before = bytes.len();
        for piece in &self.0 {
            let (now, rest) = bytes.split_at(piece.iov_len.min(bytes.len()));
            // SAFETY: the piece has at least that room, and the caller's promise.
            unsafe { piece.iov_buf.cast::<u8>().copy_from_nonoverlapping(now.as_ptr(), now.len()) }
            bytes = rest;
        }
        before - bytes.len()
    }
}
