//! The memory of a tree: nodes of 64 bytes in one array, in blocks, and found by their place in it.
//!
//! A large array lies in pages of its own, and asks for large ones: with a million nodes, half of the time of a walk down the tree
//! would go into finding small pages. (On a hypervisor such a miss costs two dozen loads.)

use std::alloc::{self, Layout};

use memmap2::MmapMut;

/// A node, or a quarter of an index.
pub(crate) type Unit = [u8; UNIT];

/// Blocks of units.
#[derive(Default)]
pub(crate) struct Nodes {
    memory: Memory,
    /// The first unit that was never used.
    end: u32,
    /// The first free block of each class; it begins with the place of the next one, and 0 is none.
    free: [u32; CLASSES],
    /// The units of all free blocks.
    freed: u32,
}

enum Memory {
    Small(Vec<Unit>),
    Large(MmapMut),
}

impl Nodes {
    /// All units, used or not.
    pub(crate) fn units(&self) -> &[Unit] {
        match &self.memory {
            Memory::Small(units) => units,
            Memory::Large(map) => map.as_chunks().0,
        }
    }

    pub(crate) fn units_mut(&mut self) -> &mut [Unit] {
        match &mut self.memory {
            Memory::Small(units) => units,
            Memory::Large(map) => map.as_chunks_mut().0,
        }
    }

    /// A unit; zeros if there is none.
    pub(crate) fn get(&self, at: u32) -> &Unit {
        self.units().get(place(at)).unwrap_or(&[0; UNIT])
    }

    pub(crate) fn set(&mut self, at: u32, unit: Unit) {
        if let Some(old) = self.units_mut().get_mut(place(at)) {
            *old = unit;
        }
    }

    /// Whether the array should be made anew because most of it is free.
    pub(crate) fn is_sparse(&self) -> bool {
        self.end > SPARSE && self.freed > self.end / 2
    }

    /// The units that are not free.
    #[cfg(test)]
    pub(crate) fn in_use(&self) -> u32 {
        self.end - self.freed
    }

    /// A block of this class, with whatever it held before; it has no place if its size is 0.
    pub(crate) fn allocate(&mut self, class: u8) -> u32 {
        let size = size(class);
        let at = self.free.get(usize::from(class)).copied().unwrap_or_default();
        if at != 0 {
            let [a, b, c, d, ..] = *self.get(at);
            self.set_free(class, u32::from_le_bytes([a, b, c, d]));
            self.freed -= size;
            return at;
        }
        let at = self.end;
        // After 256 GiB.
        self.end = at.checked_add(size).unwrap_or_else(no_memory);
        while place(self.end) > self.units().len() {
            self.memory.grow();
        }
        at
    }

    /// Gives a block back.
    pub(crate) fn release(&mut self, at: u32, class: u8) {
        if size(class) == 0 {
            return;
        }
        let next = self.free.get(usize::from(class)).copied().unwrap_or_default();
        let mut unit = [0; UNIT];
        unit.iter_mut().zip(next.to_le_bytes()).for_each(|(to, from)| *to = from);
        self.set(at, unit);
        self.set_free(class, at);
        self.freed += size(class);
    }

    fn set_free(&mut self, class: u8, at: u32) {
        if let Some(first) = self.free.get_mut(usize::from(class)) {
            *first = at;
        }
    }

    /// Copies `n` units.
    pub(crate) fn copy(&mut self, from: u32, to: u32, n: u32) {
        let (from, to) = (place(from), place(to));
        let units = self.units_mut();
        if from.max(to) + place(n) <= units.len() {
            units.copy_within(from..from + place(n), to);
        }
    }
}

impl Memory {
    fn grow(&mut self) {
        let units = match self {
            Self::Small(units) if units.len() * UNIT < LARGE => {
                let more = (units.len() / 2).max(FEW);
                units.reserve_exact(more);
                return units.resize(units.len() + more, [0; UNIT]);
            }
            Self::Small(units) => units.len() * 2,
            // On Linux, what is not used yet costs nothing.
            Self::Large(map) => map.len() / UNIT * 2,
        };
        let (mut large, old);
        let from: &[u8] = match self {
            Self::Small(units) => {
                old = std::mem::take(units);
                old.as_flattened()
            }
            Self::Large(map) => map,
        };
        large = match MmapMut::map_anon(units * UNIT) {
            Ok(map) => Self::Large(map),
            // The allocator may still have it.
            Err(_) => {
                let mut small = Vec::new();
                small.try_reserve_exact(units).unwrap_or_else(|_| no_memory());
                small.resize(units, [0; UNIT]);
                Self::Small(small)
            }
        };
        let to = match &mut large {
            Self::Small(units) => units.as_flattened_mut(),
            Self::Large(map) => {
                #[cfg(target_os = "linux")]
                let _ = map.advise(memmap2::Advice::HugePage); // It is slower without, and works.
                map
            }
        };
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        *self = large;
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::Small(Vec::new())
    }
}

/// Ends the program, as the allocator does.
fn no_memory<T>() -> T {
    alloc::handle_alloc_error(Layout::new::<Unit>())
}

/// How many units a block of this class has.
pub(crate) fn size(class: u8) -> u32 {
    SIZES.get(usize::from(class)).copied().unwrap_or_default()
}

/// The smallest class for so many units.
pub(crate) fn class(units: u32) -> u8 {
    SIZES.iter().zip(0..).find(|(size, _)| **size >= units).map_or(0, |(_, class)| class)
}

/// Where in [`Nodes::units`] it is.
pub(crate) fn place(at: u32) -> usize {
    at.try_into().unwrap_or(usize::MAX)
}

pub(crate) const UNIT: usize = 64;
/// The sizes of blocks, in units. They grow in small steps: most nodes have a few children, and a million half-empty blocks add up.
const SIZES: [u32; CLASSES] = [0, 1, 2, 3, 4, 5, 6, 8, 11, 14, 18, 23, 29, 37, 47, 59, 74, 93, 117, 147, 184, 231, 256];
const CLASSES: usize = 23;
/// Units of the first array.
const FEW: usize = 4;
/// From so many bytes on, the array asks for large pages.
const LARGE: usize = 4 << 20;
/// Units that don't matter: 64 KiB.
const SPARSE: u32 = 1024;
