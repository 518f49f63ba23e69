//! The body of a message: short ones within it, longer ones shared or growing.

use std::num::NonZeroU8;

use bytes::{Bytes, BytesMut};

/// Bodies up to this many bytes are stored inside the message, without an allocation.
///
/// Parsing a 64-byte body into the message takes 14 ns, into a `Bytes` 28 to 58 ns, and a body that is allocated in one thread and
/// freed in another costs 390 to 630 ns with glibc's malloc.
pub const INLINE_BODY: usize = 78;

#[derive(Clone)]
pub(super) enum Body {
    Inline(Inline),
    Heap(Heap),
}

#[derive(Clone)]
pub(super) enum Heap {
    Shared(Bytes),
    Owned(BytesMut),
}

impl Default for Body {
    #[inline]
    fn default() -> Self {
        Self::Inline(Inline::EMPTY)
    }
}

impl Body {
    #[inline]
    pub(super) fn copy_from(bytes: &[u8]) -> Self {
        match Inline::copy_from(bytes) {
            Some(inline) => Self::Inline(inline),
            None => Self::Heap(Heap::Shared(Bytes::copy_from_slice(bytes))),
        }
    }

    pub(super) fn from_owned(bytes: BytesMut) -> Self {
        if bytes.len() <= INLINE_BODY { Self::copy_from(&bytes) } else { Self::Heap(Heap::Owned(bytes)) }
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Inline(inline) => inline.as_slice(),
            Self::Heap(Heap::Shared(bytes)) => bytes,
            Self::Heap(Heap::Owned(bytes)) => bytes,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Inline(inline) => inline.len(),
            Self::Heap(Heap::Shared(bytes)) => bytes.len(),
            Self::Heap(Heap::Owned(bytes)) => bytes.len(),
        }
    }

    #[inline]
    pub(super) fn append_to(&self, len: usize, out: &mut Vec<u8>) {
        match self {
            Self::Inline(inline) if inline.start == 0 => inline.append_to(len, out),
            Self::Inline(_) | Self::Heap(_) => out.extend_from_slice(self.as_slice()),
        }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        match self {
            Self::Inline(inline) => Bytes::copy_from_slice(inline.as_slice()),
            Self::Heap(Heap::Shared(bytes)) => bytes,
            Self::Heap(Heap::Owned(bytes)) => bytes.freeze(),
        }
    }

    /// This body as one that can grow, with room for `additional` bytes.
    pub(super) fn owned(&mut self, additional: usize) -> &mut BytesMut {
        let mut bytes = match std::mem::take(self) {
            Self::Heap(Heap::Owned(bytes)) => bytes,
            Self::Heap(Heap::Shared(bytes)) => {
                bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]))
            }
            Self::Inline(inline) => {
                let mut bytes = BytesMut::with_capacity(inline.len() + additional);
                bytes.extend_from_slice(inline.as_slice());
                bytes
            }
        };
        bytes.reserve(additional);
        *self = Self::Heap(Heap::Owned(bytes));
        match self {
            Self::Heap(Heap::Owned(bytes)) => bytes,
            Self::Inline(_) | Self::Heap(Heap::Shared(_)) => unreachable!("set to Owned one line above"),
        }
    }
}

impl Heap {
    // Not inline: a message around it would be taken apart to be moved afterwards.
    #[inline(never)]
    pub(super) fn freeze(&mut self) {
        if let Self::Owned(bytes) = self {
            *self = Self::Shared(std::mem::take(bytes).freeze());
        }
    }
}

/// A short buffer of bytes. They begin where the buffer does, as a rule: the compiler moves it in aligned pieces, and a piece that was
/// written as a whole just before is read without waiting for the cache.
#[derive(Clone)]
#[repr(C, align(16))]
pub(super) struct Inline {
    buf: [u8; INLINE_BODY],
    pub(super) start: u8,
    /// One more than where they end. Never 0: that is where the compiler notes that a body is not inline, and a message has no other
    /// value to spare, so that an `Option` of it is not taken apart to be moved.
    end: NonZeroU8,
}

/// Zeros of each length up to 64. A length that was written by itself is waited for when the piece of memory around it is moved; this one comes with
/// its piece.
static BLANKS: [Inline; 65] = {
    let mut blanks = [const { Inline::EMPTY }; 65];
    let mut len = 0;
    while len < blanks.len() {
        blanks[len].set_end(len);
        len += 1;
    }
    blanks
};

/// Copies what is too short for a call of `memcpy` to pay; both have the same length.
#[inline]
fn copy_short(to: &mut [u8], from: &[u8]) {
    // Two pieces of a fixed length, which may overlap, cover all lengths between one and both of them.
    #[inline]
    fn ends<const N: usize>(to: &mut [u8], from: &[u8]) -> bool {
        let (Some(a), Some(b)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else { return false };
        if let Some(first) = to.first_chunk_mut::<N>() {
            *first = *a;
        }
        if let Some(last) = to.last_chunk_mut::<N>() {
            *last = *b;
        }
        true
    }
    let done = match from.len() {
        8..=15 => ends::<8>(to, from),
        16..=32 => ends::<16>(to, from),
        33..=64 => ends::<32>(to, from),
        65..=128 => ends::<64>(to, from),
        _ => false,
    };
    if !done {
        to.copy_from_slice(from);
    }
}

impl Inline {
    pub(super) const EMPTY: Self = Self { buf: [0; INLINE_BODY], start: 0, end: NonZeroU8::MIN };

    #[inline]
    pub(super) fn copy_from(bytes: &[u8]) -> Option<Self> {
        let mut inline = Self::EMPTY;
        if bytes.len() > INLINE_BODY {
            return None;
        }
        inline.set(bytes);
        Some(inline)
    }

    /// So many zeros, to be overwritten; not for all lengths.
    #[inline]
    pub(super) fn blank(len: usize) -> Option<&'static Self> {
        BLANKS.get(len)
    }

    /// Overwrites it with as many bytes as it holds.
    // Not inline: the compiler would then move its first 16 bytes by halves, and whoever reads them as a whole waits for that.
    #[inline(never)]
    pub(super) fn fill(&mut self, bytes: &[u8]) {
        copy_short(&mut self.buf[..bytes.len()], bytes);
    }

    /// Holds these bytes from now on, of which there are not too many.
    #[inline]
    pub(super) fn set(&mut self, bytes: &[u8]) {
        copy_short(&mut self.buf[..bytes.len()], bytes);
        self.start = 0;
        self.set_end(bytes.len());
    }

    /// Adds the first `len` bytes at the end of a vector. Lengths that are multiples of 16 are read in the pieces that they were written in.
    #[inline]
    fn append_to(&self, len: usize, out: &mut Vec<u8>) {
        debug_assert_eq!(len, self.len(), "what lies behind the body is nobody's business");
        let end = out.len() + len;
        match len {
            0..=16 => out.extend_from_slice(&self.buf[..16]),
            17..=32 => out.extend_from_slice(&self.buf[..32]),
            33..=64 => out.extend_from_slice(&self.buf[..64]),
            _ => out.extend_from_slice(&self.buf),
        }
        out.truncate(end);
    }

    #[inline]
    pub(super) fn end(&self) -> usize {
        usize::from(self.end.get() - 1)
    }

    #[inline]
    pub(super) const fn set_end(&mut self, end: usize) {
        self.end = NonZeroU8::MIN.saturating_add(end as u8);
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end() - usize::from(self.start)
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.buf[usize::from(self.start)..self.end()]
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        let end = self.end();
        &mut self.buf[usize::from(self.start)..end]
    }

    /// `false`, and nothing is done, if there is no room.
    pub(super) fn insert(&mut self, bytes: &[u8]) -> bool {
        let (start, end) = (usize::from(self.start), self.end());
        if let Some(room) = start.checked_sub(bytes.len()) {
            self.buf[room..start].copy_from_slice(bytes);
            self.start = room as u8;
            return true;
        }
        let len = bytes.len() + end - start;
        if len > INLINE_BODY {
            return false;
        }
        self.buf.copy_within(start..end, bytes.len());
        self.buf[..bytes.len()].copy_from_slice(bytes);
        self.start = 0;
        self.set_end(len);
        true
    }

    /// `false`, and nothing is done, if there is no room.
    pub(super) fn append(&mut self, bytes: &[u8]) -> bool {
        let end = self.end();
        match self.buf.get_mut(end..end + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.set_end(end + bytes.len());
                true
            }
            None => false,
        }
    }
}
