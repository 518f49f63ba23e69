//! A message as C holds it. Its body lies in memory as NNG's does: with room in front and behind, as much as NNG leaves there, and with what
//! was in that room before.

use std::cell::Cell;
use std::mem::MaybeUninit;

use bytes::{Buf, BytesMut};
use spanwire::Message;
use spanwire::message::INLINE_BODY;

use crate::error::{Code, Result};

/// A message of C's: what a `Box` of it points to.
///
/// The body is `len` bytes of the memory at `start`. What is before and behind it, up to `cap`, is room that C may write to, too, and
/// make part of the body later.
pub struct nng_msg {
    /// The header and the pipe. The body, if that is where the memory is; otherwise that is empty.
    content: Message,
    memory: Memory,
    start: usize,
    len: usize,
    cap: usize,
}

/// Where the body is. There may be more memory than `cap` tells.
enum Memory {
    /// Where it arrived. There is no room around it.
    Content,
    /// With the message, so that a short body needs no allocation of its own.
    Inline([u8; INLINE]),
    Heap(BytesMut),
}

impl nng_msg {
    /// A message whose body is `len` zero bytes.
    pub(crate) fn zeroed(len: usize) -> Result<Box<Self>> {
        // As NNG does: room for headers at both ends, but not for large bodies of whole pages.
        let room = if len < 1024 || !len.is_power_of_two() { ROOM } else { 0 };
        let cap = len.checked_add(2 * room).ok_or(Code::ENOMEM)?;
        let memory = Memory::zeroed(cap)?;
        Ok(boxed(Self { content: Message::new(), memory, start: room, len, cap }))
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How long the body can become where it is.
    pub(crate) fn capacity(&self) -> usize {
        self.cap - self.start
    }

    pub(crate) fn body(&self) -> &[u8] {
        let memory = match &self.memory {
            Memory::Content => self.content.body(),
            Memory::Inline(memory) => memory,
            Memory::Heap(memory) => memory,
        };
        &memory[self.start..self.start + self.len]
    }

    /// Removes all bytes.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// The memory from the beginning of the body to the end of the room behind it.
    pub(crate) fn body_and_room(&mut self) -> &mut [u8] {
        let (start, cap) = (self.start, self.cap);
        &mut self.all()[start..cap]
    }

    /// The header and the pipe.
    pub(crate) fn head(&self) -> &Message {
        &self.content
    }

    /// The header and the pipe.
    pub(crate) fn head_mut(&mut self) -> &mut Message {
        &mut self.content
    }

    /// Takes out what is to be sent: header, pipe and body. [`put_back`](Self::put_back) undoes that.
    #[inline]
    pub(crate) fn take(&mut self) -> Message {
        let body = self.start..self.start + self.len;
        match &mut self.memory {
            Memory::Content => {
                let behind = self.cap - body.end;
                if behind > 0 {
                    let _ = self.content.chop(behind);
                }
                if self.start > 0 {
                    let _ = self.content.trim(self.start);
                }
            }
            Memory::Inline(memory) => self.content.set_body(&memory[body]),
            Memory::Heap(memory) if self.len <= INLINE_BODY => self.content.set_body(&memory[body]),
            Memory::Heap(memory) => {
                let mut bytes = std::mem::take(memory);
                bytes.truncate(body.end);
                bytes.advance(body.start);
                let mut content = Message::from(bytes);
                content.set_header(self.content.take_header());
                content.set_pipe(self.content.pipe());
                self.memory = Memory::Content;
                return content;
            }
        }
        std::mem::take(&mut self.content)
    }

    /// It was not sent.
    pub(crate) fn put_back(&mut self, content: Message) {
        self.content = content;
        match self.memory {
            Memory::Content => (self.start, self.len, self.cap) = (0, self.content.len(), self.content.len()),
            // The body is still here, for those who know where.
            Memory::Inline(_) | Memory::Heap(_) => self.content.clear(),
        }
    }

    /// Makes room for a body of this length.
    pub(crate) fn reserve(&mut self, len: usize) -> Result<()> {
        self.grow(len, 0)
    }

    /// Makes the body longer by what is in the room behind it.
    pub(crate) fn extend(&mut self, more: usize) -> Result<()> {
        self.grow(self.len.checked_add(more).ok_or(Code::ENOMEM)?, 0)?;
        self.len += more;
        Ok(())
    }

    /// Adds bytes at the end.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.extend(bytes.len())?;
        let end = self.start + self.len;
        self.all()[end - bytes.len()..end].copy_from_slice(bytes);
        Ok(())
    }

    /// Makes the body longer at its front. What is there now is not said.
    pub(crate) fn extend_front(&mut self, more: usize) -> Result<()> {
        if more > self.start {
            let len = self.len.checked_add(more).ok_or(Code::ENOMEM)?;
            if len + WORD <= self.cap {
                // What room there is goes to both sides, so that the next one need not move it again.
                let start = ((self.cap - len) / 2).next_multiple_of(WORD);
                let old = self.start..self.start + self.len;
                self.all().copy_within(old, start + more);
                self.start = start + more;
            } else {
                self.grow(0, more)?;
            }
        }
        self.start -= more;
        self.len += more;
        Ok(())
    }

    /// Adds bytes in front.
    pub(crate) fn insert(&mut self, bytes: &[u8]) -> Result<()> {
        self.extend_front(bytes.len())?;
        self.body_and_room()[..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    /// Removes bytes at the front.
    pub(crate) fn trim(&mut self, n: usize) -> Result<()> {
        self.len = self.len.checked_sub(n).ok_or(Code::EINVAL)?;
        // As NNG does: an empty body begins where it did.
        if self.len > 0 {
            self.start += n;
        }
        Ok(())
    }

    /// Removes bytes at the end.
    pub(crate) fn chop(&mut self, n: usize) -> Result<()> {
        self.len = self.len.checked_sub(n).ok_or(Code::EINVAL)?;
        Ok(())
    }

    /// Room for a body of `len` bytes, and `head` more in front. There never is less than before.
    fn grow(&mut self, len: usize, head: usize) -> Result<()> {
        let (head, len) = (head.max(self.start), len.max(self.len));
        if head == self.start && len <= self.capacity() {
            return Ok(());
        }
        let cap = len.max(self.capacity()).checked_add(head).ok_or(Code::ENOMEM)?;
        let there = self.memory.len();
        if head > self.start || cap > there {
            // Who appends to a long body will append again.
            let more = if let Memory::Heap(_) = self.memory { there.saturating_mul(2) } else { 0 };
            let mut memory = Memory::zeroed(cap.max(more))?;
            if let Some(to) = memory.bytes_mut().get_mut(head..head + self.len) {
                to.copy_from_slice(self.body());
            }
            self.memory = memory;
            self.content.clear();
        }
        (self.start, self.cap) = (head, cap);
        Ok(())
    }

    /// All memory.
    fn all(&mut self) -> &mut [u8] {
        if let Memory::Content = self.memory { self.content.body_mut() } else { self.memory.bytes_mut() }
    }
}

/// The memory of a message: what this thread has freed last, or new.
#[inline]
pub(crate) fn boxed(msg: nng_msg) -> Box<nng_msg> {
    match SPARE.try_with(Cell::take) {
        Ok(Some(memory)) => Box::write(memory, msg),
        Ok(None) | Err(_) => Box::new(msg),
    }
}

/// Frees a message. Its memory waits for this thread's next one: to allocate and to free it would cost as much as all else that the C library
/// adds to a receive and a send.
#[inline]
pub(crate) fn free(msg: Box<nng_msg>) {
    let ptr = Box::into_raw(msg).cast::<MaybeUninit<nng_msg>>();
    // SAFETY: a message that nobody else has; its content is dropped once, and afterwards it is memory without one.
    let memory = unsafe {
        (*ptr).assume_init_drop();
        Box::from_raw(ptr)
    };
    let _ = SPARE.try_with(|spare| spare.set(Some(memory)));
}

thread_local! {
    static SPARE: Cell<Option<Box<MaybeUninit<nng_msg>>>> = const { Cell::new(None) };
}

impl From<Message> for nng_msg {
    #[inline]
    fn from(content: Message) -> Self {
        let len = content.len();
        Self { content, memory: Memory::Content, start: 0, len, cap: len }
    }
}

impl Clone for nng_msg {
    fn clone(&self) -> Self {
        let memory = match &self.memory {
            Memory::Content => Memory::Content,
            Memory::Inline(memory) => Memory::Inline(*memory),
            Memory::Heap(memory) => Memory::Heap(memory.clone()),
        };
        Self { content: self.content.clone(), memory, ..*self }
    }
}

impl Memory {
    fn zeroed(len: usize) -> Result<Self> {
        affordable(len)?;
        Ok(if len <= INLINE { Self::Inline([0; INLINE]) } else { Self::Heap(BytesMut::zeroed(len)) })
    }

    /// How many bytes there are, besides those of the content.
    fn len(&self) -> usize {
        match self {
            Self::Content => 0,
            Self::Inline(memory) => memory.len(),
            Self::Heap(memory) => memory.len(),
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Content => &mut [],
            Self::Inline(memory) => memory,
            Self::Heap(memory) => memory,
        }
    }
}

/// Whether there is memory for so much. Rust's collections end the process where C's `malloc` answers null.
pub(crate) fn affordable(size: usize) -> Result<()> {
    if size >= LARGE && Vec::<u8>::new().try_reserve_exact(size).is_err() {
        return Err(Code::ENOMEM);
    }
    Ok(())
}

/// A body of 64 bytes with NNG's room around it, and some more.
const INLINE: usize = 144;
/// The room at either end of a new body.
const ROOM: usize = 32;
const WORD: usize = size_of::<u64>();
/// What is less is not asked for twice.
const LARGE: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(len: usize) -> Box<nng_msg> {
        let mut msg = nng_msg::zeroed(len).unwrap();
        for (i, byte) in msg.body_and_room()[..len].iter_mut().enumerate() {
            *byte = i as u8;
        }
        msg
    }

    #[test]
    fn room_is_that_of_nng() {
        let capacity = |len| nng_msg::zeroed(len).unwrap().capacity();
        assert_eq!([0, 1, 64, 1000, 1024, 1025, 2048].map(capacity), [32, 33, 96, 1032, 1024, 1057, 2048]);
        let mut msg = nng_msg::zeroed(0).unwrap();
        for (reserve, capacity) in [(10, 32), (33, 33), (64, 64), (20, 64), (3000, 3000)] {
            msg.reserve(reserve).unwrap();
            assert_eq!(msg.capacity(), capacity, "reserve {reserve}");
        }
    }

    #[test]
    fn bytes_behind_the_end_come_back() {
        for len in [20, 120, 2048] {
            let mut msg = filled(len);
            let old = msg.body().to_vec();
            msg.chop(15).unwrap();
            msg.extend(10).unwrap();
            assert_eq!(msg.body(), &old[..len - 5]);
            let mut arrived = nng_msg::from(msg.take());
            arrived.chop(7).unwrap();
            arrived.extend(7).unwrap();
            assert_eq!(arrived.body(), &old[..len - 5]);
        }
    }

    #[test]
    fn what_is_not_sent_is_as_before() {
        for len in [0, 20, 78, 79, 144, 5000] {
            let mut msg = filled(len);
            msg.head_mut().append_header(b"head");
            let (at, body) = (msg.body().as_ptr(), msg.body().to_vec());
            let content = msg.take();
            assert_eq!((content.header(), content.body()), (&b"head"[..], &body[..]));
            msg.put_back(content);
            assert_eq!((msg.head().header(), msg.body()), (&b"head"[..], &body[..]));
            assert_eq!(msg.body().as_ptr(), at, "{len} bytes have moved");
        }
    }

    #[test]
    fn edits_are_those_of_a_vector() {
        for seed in 0..500 {
            let mut random = fastrand(seed);
            let mut vector: Vec<u8> = (0..random(200) as u8).collect();
            let mut msg = match random(2) {
                0 => Box::new(nng_msg::from(Message::copy_from(&vector))),
                _ => filled(vector.len()),
            };
            for step in 0..60 {
                let bytes = vec![step; random(60)];
                match random(6) {
                    0 => {
                        msg.append(&bytes).unwrap();
                        vector.extend_from_slice(&bytes);
                    }
                    1 => {
                        msg.insert(&bytes).unwrap();
                        vector.splice(0..0, bytes);
                    }
                    2 => {
                        assert_eq!(msg.trim(bytes.len()).is_ok(), bytes.len() <= vector.len());
                        vector.drain(..if bytes.len() <= vector.len() { bytes.len() } else { 0 });
                    }
                    3 => {
                        assert_eq!(msg.chop(bytes.len()).is_ok(), bytes.len() <= vector.len());
                        vector.truncate(vector.len().checked_sub(bytes.len()).unwrap_or(vector.len()));
                    }
                    4 => msg.reserve(random(400)).unwrap(),
                    _ if random(4) == 0 => {
                        let content = msg.take();
                        *msg = nng_msg::from(content);
                    }
                    _ => msg = msg.clone(),
                }
                assert_eq!(msg.body(), vector, "seed {seed} step {step}");
                assert!(msg.capacity() >= msg.len());
                assert_eq!(msg.body_and_room().len(), msg.capacity());
            }
        }
    }

    /// Numbers below a limit, the same for the same seed.
    fn fastrand(seed: u64) -> impl FnMut(usize) -> usize {
        let mut state = seed;
        move |limit| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % limit
        }
    }
}
