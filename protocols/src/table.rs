//! A dense map from ids to entries: constant-time lookup, and iteration over plain memory.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Entries by id, kept side by side so that going through all of them is cheap.
#[derive(Debug)]
pub(crate) struct Table<K, T> {
    entries: Vec<(K, T)>,
    places: HashMap<K, usize, BuildHasherDefault<IdHasher>>,
}

impl<K, T> Default for Table<K, T> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: HashMap::default() }
    }
}

impl<K: Copy + Eq + Hash, T> Table<K, T> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn contains(&self, id: K) -> bool {
        self.place(id).is_some()
    }

    pub(crate) fn get(&self, id: K) -> Option<&T> {
        self.place(id).and_then(|place| self.entries.get(place)).map(|(_, entry)| entry)
    }

    pub(crate) fn get_mut(&mut self, id: K) -> Option<&mut T> {
        self.place(id).and_then(|place| self.entries.get_mut(place)).map(|(_, entry)| entry)
    }

    /// Adds an entry; the one that had this id is replaced.
    pub(crate) fn insert(&mut self, id: K, entry: T) {
        match self.get_mut(id) {
            Some(old) => *old = entry,
            None => {
                self.places.insert(id, self.entries.len());
                self.entries.push((id, entry));
            }
        }
    }

    pub(crate) fn remove(&mut self, id: K) -> Option<T> {
        let place = self.places.remove(&id)?;
        let (_, entry) = self.entries.swap_remove(place);
        if let Some((moved, _)) = self.entries.get(place) {
            self.places.insert(*moved, place);
        }
        Some(entry)
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.places.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut T)> {
        self.entries.iter_mut().map(|(id, entry)| (*id, entry))
    }

    /// Most sockets have one pipe and one context: the first entry needs no hashing.
    fn place(&self, id: K) -> Option<usize> {
        match self.entries.first() {
            Some((first, _)) if *first == id => Some(0),
            Some(_) => self.places.get(&id).copied(),
            None => None,
        }
    }
}

/// Spreads ids that count up. They are our own, so nobody can choose them to collide.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_keeps_the_others_reachable() {
        let mut table = Table::default();
        for id in 0_u32..100 {
            table.insert(id, id * 2);
        }
        for id in (0_u32..100).step_by(3) {
            assert_eq!(table.remove(id), Some(id * 2));
            assert_eq!(table.remove(id), None);
        }
        for id in 0_u32..100 {
            assert_eq!(table.get(id).copied(), (id % 3 != 0).then_some(id * 2));
        }
        assert_eq!(table.iter().count(), table.len());
    }
}
