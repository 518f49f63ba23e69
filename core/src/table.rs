//! A dense map from ids to entries, for protocols and the driver: constant-time lookup, and iteration over plain memory.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Entries by id, kept side by side so that going through all of them is cheap.
///
/// ```
/// use spanwire_core::table::Table;
///
/// let mut table = Table::default();
/// table.insert(7, "seven");
/// assert_eq!(table.get(7), Some(&"seven"));
/// assert_eq!(table.remove(7), Some("seven"));
/// ```
#[derive(Debug)]
pub struct Table<K, T> {
    entries: Vec<(K, T)>,
    places: HashMap<K, usize, FastHash>,
}

impl<K, T> Default for Table<K, T> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: HashMap::default() }
    }
}

impl<K: Copy + Eq + Hash, T> Table<K, T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether this id has an entry.
    #[inline]
    pub fn contains(&self, id: K) -> bool {
        self.place(id).is_some()
    }

    /// The entry of this id.
    #[inline]
    pub fn get(&self, id: K) -> Option<&T> {
        self.place(id).and_then(|place| self.entries.get(place)).map(|(_, entry)| entry)
    }

    /// The entry of this id.
    #[inline]
    pub fn get_mut(&mut self, id: K) -> Option<&mut T> {
        self.place(id).and_then(|place| self.entries.get_mut(place)).map(|(_, entry)| entry)
    }

    /// The entry and its id, if there is one and no other.
    #[inline]
    pub fn only(&self) -> Option<(K, &T)> {
        match &*self.entries {
            [(id, entry)] => Some((*id, entry)),
            _ => None,
        }
    }

    /// Adds an entry; the one that had this id is replaced.
    pub fn insert(&mut self, id: K, entry: T) {
        match self.get_mut(id) {
            Some(old) => *old = entry,
            None => {
                self.places.insert(id, self.entries.len());
                self.entries.push((id, entry));
            }
        }
    }

    /// Takes an entry out; the last one takes its place.
    pub fn remove(&mut self, id: K) -> Option<T> {
        let place = self.places.remove(&id)?;
        let (_, entry) = self.entries.swap_remove(place);
        if let Some((moved, _)) = self.entries.get(place) {
            self.places.insert(*moved, place);
        }
        Some(entry)
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.places.clear();
    }

    /// All of them, in no order that means something.
    pub fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut T)> {
        self.entries.iter_mut().map(|(id, entry)| (*id, entry))
    }

    /// All entries, without their ids.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// All entries, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|(_, entry)| entry)
    }

    /// Most sockets have one pipe and one context: the first entry needs no hashing.
    #[inline]
    fn place(&self, id: K) -> Option<usize> {
        match self.entries.first() {
            Some((first, _)) if *first == id => Some(0),
            Some(_) => self.places.get(&id).copied(),
            None => None,
        }
    }
}

/// For maps whose keys are ids.
pub type FastHash = BuildHasherDefault<IdHasher>;

/// A hash for ids that this library hands out itself: nobody can choose them to collide. Multiplies by an odd constant, which spreads
/// consecutive numbers over the upper bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
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
