//! From the numbers that C holds to objects.
//!
//! The numbers are the ids of the objects, or count up as they do, through all 31 bits: a number is not used again soon, so that
//! a stale one finds nothing.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::fork;

/// Objects by number. A forked child finds none.
///
/// A number's bucket has a lock of its own. Ids are handed out one after the other, so they spread evenly, and a bucket rarely
/// holds more than one.
pub(crate) struct Table<T> {
    buckets: [RwLock<Vec<(u32, T)>>; BUCKETS],
}

const BUCKETS: usize = 256;

impl<T: Clone> Table<T> {
    /// An empty one.
    pub(crate) const fn new() -> Self {
        Self { buckets: [const { RwLock::new(Vec::new()) }; BUCKETS] }
    }

    /// The object with this number.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> Option<T> {
        if fork::inherited() {
            return None;
        }
        self.read(id).iter().find(|(other, _)| *other == id).map(|(_, object)| object.clone())
    }

    /// Adds an object.
    pub(crate) fn insert(&self, id: u32, object: T) {
        self.write(id).push((id, object));
    }

    /// Takes an object out.
    pub(crate) fn remove(&self, id: u32) -> Option<T> {
        if fork::inherited() {
            return None;
        }
        let mut bucket = self.write(id);
        let found = bucket.iter().position(|(other, _)| *other == id)?;
        Some(bucket.swap_remove(found).1)
    }

    /// Takes out all objects of which this holds.
    pub(crate) fn remove_all(&self, mut gone: impl FnMut(&T) -> bool) {
        for bucket in self.buckets() {
            // Dropped without the lock.
            let _gone: Vec<_> = bucket
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .extract_if(.., |(_, object)| gone(object))
                .collect();
        }
    }

    /// All objects, in the order of their numbers.
    pub(crate) fn all(&self) -> Vec<(u32, T)> {
        let mut all = Vec::new();
        for bucket in self.buckets() {
            all.extend_from_slice(&bucket.read().unwrap_or_else(PoisonError::into_inner));
        }
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    /// The buckets; none in a forked child.
    fn buckets(&self) -> &[RwLock<Vec<(u32, T)>>] {
        if fork::inherited() { &[] } else { &self.buckets }
    }

    fn read(&self, id: u32) -> RwLockReadGuard<'_, Vec<(u32, T)>> {
        self.buckets[id as usize % BUCKETS].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, id: u32) -> RwLockWriteGuard<'_, Vec<(u32, T)>> {
        self.buckets[id as usize % BUCKETS].write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A positive 31-bit number as the functions `nng_*_id` answer it; -1 for others.
pub(crate) fn id(raw: u32) -> std::ffi::c_int {
    match std::ffi::c_int::try_from(raw) {
        Ok(id) if id > 0 => id,
        _ => -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_find_their_objects() {
        static TABLE: Table<char> = Table::new();
        TABLE.insert(1, 'a');
        TABLE.insert(1 + BUCKETS as u32, 'b');
        assert_eq!((TABLE.get(1), TABLE.get(257), TABLE.get(513)), (Some('a'), Some('b'), None));
        assert_eq!(TABLE.remove(1), Some('a'));
        assert_eq!(TABLE.remove(1), None);
        assert_eq!(TABLE.all(), [(257, 'b')]);
    }

    #[test]
    fn ids_are_positive() {
        assert_eq!([id(0), id(7), id(0x7fff_ffff), id(0x8000_0000)], [-1, 7, 0x7fff_ffff, -1]);
    }
}
