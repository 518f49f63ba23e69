//! Wakes by number: a plugin holds no pointer of ours, so whatever it does with a wake, and whenever, is harmless.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::Context;

/// The wake of one object, or of one direction of a pipe.
pub(crate) struct Wake {
    number: u64,
    slot: Arc<Slot>,
}

/// Who waits.
type Slot = Mutex<Option<std::task::Waker>>;

impl Wake {
    /// A new one. Its number is not used again.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let wake = Self { number: NEXT.fetch_add(1, Ordering::Relaxed), slot: Arc::default() };
        WAKES
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_default()
            .insert(wake.number, wake.slot.clone());
        wake
    }

    /// The number that wakes this task, from now on.
    pub(crate) fn of(&self, cx: &Context<'_>) -> u64 {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => *slot = Some(cx.waker().clone()),
        }
        self.number
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        if let Some(wakes) = &mut *WAKES.write().unwrap_or_else(PoisonError::into_inner) {
            wakes.remove(&self.number);
        }
    }
}

/// Wakes who waits, if anybody does.
pub(crate) fn wake(number: u64) {
    let slot =
        WAKES.read().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|wakes| wakes.get(&number).cloned());
    let waiting = slot.and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take());
    if let Some(waker) = waiting {
        waker.wake();
    }
}

static WAKES: RwLock<Option<HashMap<u64, Arc<Slot>>>> = RwLock::new(None);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Waker;

    use super::*;

    struct Count(AtomicUsize);

    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn late_double_and_spurious_wakes_find_nobody() {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let cx = Context::from_waker(&waker);
        let first = Wake::new();
        let number = first.of(&cx);
        super::wake(number);
        super::wake(number);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(first.of(&cx), number);
        drop(first);
        super::wake(number);
        super::wake(0);
        super::wake(u64::MAX);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_ne!(Wake::new().of(&cx), number);
    }
}
