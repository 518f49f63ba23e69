//! Memory for the time of one call: what idle connections would each hold otherwise, a thread holds once.

use std::cell::Cell;

/// The thread's buffer, empty, or a new one while the thread's is in use.
pub(super) fn scratch() -> Vec<u8> {
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    scratch.clear();
    scratch.reserve(LEN);
    scratch
}

/// Makes it the thread's buffer, unless it has grown, or was none.
pub(super) fn give_back(mut buffer: Vec<u8>) {
    if (LEN..=4 * LEN).contains(&buffer.capacity()) {
        buffer.clear();
        let _ = SCRATCH.try_with(|scratch| scratch.set(buffer));
    }
}

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What one read takes; and what is encoded for one write, which may be a frame more.
pub(super) const LEN: usize = 64 * 1024;
