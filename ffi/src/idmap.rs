//! Maps from numbers to pointers: `nng_id_*`.
//!
//! As with NNG they have no lock: C keeps one, or uses a map in one thread.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::ops::Bound::{Excluded, Unbounded};

use crate::error::{Code, Result};
use crate::guard::{export, object, object_mut, out};

/// A map, behind a pointer.
#[derive(Debug)]
pub struct nng_id_map {
    entries: BTreeMap<u64, *mut c_void>,
    lo: u64,
    hi: u64,
    /// The number that is tried next, within `lo..=hi`.
    next: u64,
    /// Where a visit stands: its cursor and the number that it answered last. NNG's cursor has 32 bits, and a number has 64.
    visit: Option<(u32, u64)>,
}

export! {
    /// A map whose own numbers are from `lo` to `hi`, both included; 0 and 0 are 1 and 2^32 - 1.
    fn nng_id_map_alloc(map: *mut *mut nng_id_map, lo: u64, hi: u64, flags: c_int) -> status {
        // SAFETY: the caller's promise that the pointer is null or may be written to.
        let map = unsafe { out(map) }?;
        map.write(Box::into_raw(Box::new(nng_id_map::new(lo, hi, flags & RANDOM != 0)?)));
        Ok(())
    }

    /// Frees a map and not what it points to. Null is allowed.
    fn nng_id_map_free(map: *mut nng_id_map) {
        if !map.is_null() {
            // SAFETY: the caller's promise that it comes from `nng_id_map_alloc` and is not used again.
            drop(unsafe { Box::from_raw(map) });
        }
    }

    /// The pointer of a number, null if it has none.
    fn nng_id_get(map: *mut nng_id_map, id: u64) -> *mut c_void {
        // SAFETY: the caller's promise that the pointer is null or a map that nobody changes meanwhile.
        let map = unsafe { object(map) };
        map.ok().and_then(|map| map.entries.get(&id)).copied().unwrap_or(std::ptr::null_mut())
    }

    /// Gives a number a pointer, which is not null.
    fn nng_id_set(map: *mut nng_id_map, id: u64, value: *mut c_void) -> status {
        // SAFETY: the caller's promise that the pointer is null or a map that nobody else uses meanwhile.
        unsafe { object_mut(map) }?.set(id, value)
    }

    /// Gives a pointer, which is not null, a number. `ENOMEM` if all numbers are taken.
    fn nng_id_alloc(map: *mut nng_id_map, id: *mut u64, value: *mut c_void) -> status {
        // SAFETY: the caller's promise that the pointer is null or may be written to.
        let id = unsafe { out(id) }?;
        // SAFETY: the caller's promise that the pointer is null or a map that nobody else uses meanwhile.
        id.write(unsafe { object_mut(map) }?.take(value)?);
        Ok(())
    }

    /// Takes a number out. `ENOENT` if it is not in.
    fn nng_id_remove(map: *mut nng_id_map, id: u64) -> status {
        // SAFETY: the caller's promise that the pointer is null or a map that nobody else uses meanwhile.
        let map = unsafe { object_mut(map) }?;
        map.entries.remove(&id).map(drop).ok_or(Code::ENOENT)
    }

    /// The next entry. The cursor is 0 at the start; `id` and `value` may be null.
    fn nng_id_visit(map: *mut nng_id_map, id: *mut u64, value: *mut *mut c_void, cursor: *mut u32) -> bool {
        // SAFETY: the caller's promise that the pointers are null, or a map and a number that nobody else uses meanwhile.
        let (Ok(map), Ok(cursor)) = (unsafe { object_mut(map) }, unsafe { object_mut(cursor) }) else {
            return false;
        };
        let Some((key, entry)) = map.after(*cursor) else {
            return false;
        };
        *cursor += 1;
        map.visit = Some((*cursor, key));
        // SAFETY: the caller's promise that the pointer is null or may be written to.
        if let Ok(id) = unsafe { out(id) } {
            id.write(key);
        }
        // SAFETY: the caller's promise that the pointer is null or may be written to.
        if let Ok(value) = unsafe { out(value) } {
            value.write(entry);
        }
        true
    }
}

impl nng_id_map {
    fn new(lo: u64, hi: u64, random: bool) -> Result<Self> {
        let lo = lo.max(1);
        let hi = if hi == 0 { u64::from(u32::MAX) } else { hi };
        if hi <= lo {
            return Err(Code::EINVAL);
        }
        let next = if random { lo + random_u64()? % (hi - lo + 1) } else { lo };
        Ok(Self { entries: BTreeMap::new(), lo, hi, next, visit: None })
    }

    fn set(&mut self, id: u64, value: *mut c_void) -> Result<()> {
        // Null is how C learns that there is no entry.
        if value.is_null() {
            return Err(Code::EINVAL);
        }
        self.entries.insert(id, value);
        Ok(())
    }

    fn take(&mut self, value: *mut c_void) -> Result<u64> {
        let id =
            self.free_from(self.next, self.hi).or_else(|| self.free_from(self.lo, self.next)).ok_or(Code::ENOMEM)?;
        self.set(id, value)?;
        self.next = if id == self.hi { self.lo } else { id + 1 };
        Ok(id)
    }

    /// The first number in `from..=to` that is not taken.
    fn free_from(&self, from: u64, to: u64) -> Option<u64> {
        let mut id = from;
        for &taken in self.entries.range(from..=to).map(|(id, _)| id) {
            if taken > id {
                break;
            }
            id = taken.checked_add(1)?;
        }
        (id <= to).then_some(id)
    }

    /// The entry that follows a cursor. Another visit than the last one counts from the start.
    fn after(&self, cursor: u32) -> Option<(u64, *mut c_void)> {
        let entry = match self.visit {
            Some((seen, last)) if seen == cursor => self.entries.range((Excluded(last), Unbounded)).next(),
            _ => self.entries.iter().nth(cursor as usize),
        };
        entry.map(|(id, value)| (*id, *value))
    }
}

fn random_u64() -> Result<u64> {
    let mut bytes = [0; 8];
    crate::platform::random(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

/// Start anywhere.
const RANDOM: c_int = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn value(nr: usize) -> *mut c_void {
        std::ptr::without_provenance_mut(nr)
    }

    #[test]
    fn numbers_are_given_in_turn() {
        let mut map = nng_id_map::new(10, 12, false).unwrap();
        assert_eq!([map.take(value(1)), map.take(value(2)), map.take(value(3))], [Ok(10), Ok(11), Ok(12)]);
        assert_eq!(map.take(value(4)), Err(Code::ENOMEM));
        map.entries.remove(&11);
        assert_eq!(map.take(value(4)), Ok(11));
        // A number that was given back is the last to be given again.
        map.entries.clear();
        assert_eq!([map.take(value(1)), map.take(value(2)), map.take(value(3))], [Ok(12), Ok(10), Ok(11)]);
    }

    #[test]
    fn numbers_from_outside_are_left_alone() {
        let mut map = nng_id_map::new(0, 0, false).unwrap();
        assert_eq!((map.lo, map.hi), (1, 0xffff_ffff));
        map.set(1, value(1)).unwrap();
        map.set(u64::MAX, value(2)).unwrap();
        assert_eq!(map.take(value(3)), Ok(2));
        assert_eq!(map.set(7, value(0)), Err(Code::EINVAL));
        let mut high = nng_id_map::new(u64::MAX - 1, u64::MAX, false).unwrap();
        assert_eq!(
            [high.take(value(1)), high.take(value(1)), high.take(value(1))],
            [Ok(u64::MAX - 1), Ok(u64::MAX), Err(Code::ENOMEM)]
        );
        assert!(nng_id_map::new(5, 5, false).is_err());
    }

    #[test]
    fn a_random_start_is_in_range() {
        for _ in 0..100 {
            let map = nng_id_map::new(100, 103, true).unwrap();
            assert!((100..=103).contains(&map.next));
        }
    }

    #[test]
    fn a_visit_sees_every_entry_once() {
        let (mut map, mut id, mut cursor) = (std::ptr::null_mut(), 0, 0);
        let mut seen = Vec::new();
        // SAFETY: valid pointers, and the map is freed once.
        unsafe {
            assert_eq!(nng_id_map_alloc(&mut map, 0, 0, 0), 0);
            for nr in [5, 900, 1 << 40] {
                assert_eq!(nng_id_set(map, nr, value(1)), 0);
            }
            while nng_id_visit(map, &mut id, std::ptr::null_mut(), &mut cursor) {
                seen.push(id);
            }
            assert_eq!(seen, [5, 900, 1 << 40]);
            assert_eq!((nng_id_remove(map, 900), nng_id_remove(map, 900)), (0, 12));
            assert!(nng_id_get(map, 900).is_null());
            assert_eq!(nng_id_get(map, 5), value(1));
            nng_id_map_free(map);
        }
    }
}
