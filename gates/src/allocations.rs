//! An allocator that counts.

// The only way to count allocations. All methods pass everything on to the system's allocator.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

#[global_allocator]
static GLOBAL: Counting = Counting;

/// Allocations so far: of this thread, and of all.
pub(crate) fn count() -> (u64, u64) {
    (OWN.get(), ALL.load(Ordering::Relaxed))
}

fn one() {
    ALL.fetch_add(1, Ordering::Relaxed);
    // A thread that is ending may have none any more.
    let _ = OWN.try_with(|own| own.set(own.get() + 1));
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        one();
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        one();
        // SAFETY: as above; the block came from `alloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the block came from `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

static ALL: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static OWN: Cell<u64> = const { Cell::new(0) };
}
