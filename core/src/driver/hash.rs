//! A hash for ids that this library hands out itself: nobody can choose them to collide.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps whose keys are ids.
pub(crate) type FastHash = BuildHasherDefault<IdHasher>;

/// Multiplies by an odd constant, which spreads consecutive numbers over the upper bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

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
