//! Messages.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use crate::PipeId;

mod body;
mod convert;
mod header;
#[cfg(test)]
mod tests;

pub use body::INLINE_BODY;
pub use header::Header;

use body::{Body, Heap, Inline};

/// A message: a body for the application, a header for the protocol, and the pipe it came from.
///
/// Cloning copies small bodies and shares large ones. A message that goes from one socket to another in the same process is
/// handed over, not copied.
///
/// ```
/// use spanwire_core::Message;
/// let mut msg = Message::from("hello");
/// msg.append(b", world");
/// assert_eq!(msg.body(), b"hello, world");
/// let shared = bytes::Bytes::from(vec![7; 1_000_000]);
/// let large = Message::from(shared.clone());
/// assert_eq!(large.body().as_ptr(), shared.as_ptr()); // not copied
/// ```
#[derive(Clone, Default)]
pub struct Message {
    header: Header,
    body: Body,
    pipe: Option<PipeId>,
    /// Zeros where the compiler would leave a gap. With a gap it writes an empty message in other pieces than it moves it in, and to read what was
    /// just written in other pieces takes the processor 4 ns longer.
    _gap: u32,
}

impl Message {
    /// An empty message.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// assert!(Message::new().is_empty());
    /// ```
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// A message whose body is a copy of these bytes.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// assert_eq!(Message::copy_from(&[1, 2]).body(), [1, 2]);
    /// ```
    // Not inline, so that the message is moved as a whole from here. Taken apart, it would be read in other pieces than it was written in, and the
    // processor waits for that.
    #[inline(never)]
    pub fn copy_from(body: &[u8]) -> Self {
        let Some(blank) = Inline::blank(body.len()) else {
            let mut msg = Self::default();
            msg.set_body(body);
            return msg;
        };
        let mut msg = Self { body: Body::Inline(blank.clone()), ..Self::default() };
        if let Body::Inline(inline) = &mut msg.body {
            inline.fill(body);
        }
        msg
    }

    /// Replaces the body by a copy of these bytes.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::from("old");
    /// msg.set_body(b"new");
    /// assert_eq!(msg.body(), b"new");
    /// ```
    #[inline]
    pub fn set_body(&mut self, body: &[u8]) {
        match &mut self.body {
            Body::Inline(inline) if body.len() <= INLINE_BODY => inline.set(body),
            Body::Inline(_) | Body::Heap(_) => self.body = Body::copy_from(body),
        }
    }

    /// The body.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// assert_eq!(Message::from("hello").body(), b"hello");
    /// ```
    #[inline]
    pub fn body(&self) -> &[u8] {
        self.body.as_slice()
    }

    /// Adds the body, which has this length, at the end of a vector.
    #[inline]
    pub(crate) fn append_body_to(&self, len: usize, out: &mut Vec<u8>) {
        self.body.append_to(len, out);
    }

    /// Length of the body in bytes.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// assert_eq!(Message::from("hello").len(), 5);
    /// ```
    #[inline]
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether the body is empty.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// assert!(!Message::from("hello").is_empty());
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The body as text, if it is UTF-8.
    ///
    /// # Errors
    /// Where the body is not UTF-8.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// assert_eq!(Message::from("hello").to_str(), Ok("hello"));
    /// assert!(Message::copy_from(&[0xff]).to_str().is_err());
    /// ```
    pub fn to_str(&self) -> Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(self.body())
    }

    /// The body as `Bytes`, without copying a large one.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let body = vec![7; 1000];
    /// let at = body.as_ptr();
    /// assert_eq!(Message::from(body).into_bytes().as_ptr(), at);    // not copied
    /// ```
    pub fn into_bytes(self) -> Bytes {
        self.body.into_bytes()
    }

    /// The body as `Bytes`, shared with this message if it is large and copied if it is small.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let msg = Message::from("hello");
    /// assert_eq!(&*msg.to_bytes(), b"hello");
    /// ```
    pub fn to_bytes(&self) -> Bytes {
        self.shared_body().cloned().unwrap_or_else(|| Bytes::copy_from_slice(self.body()))
    }

    /// The pipe that the message came from, or that it should go to (polyamorous pair1 and raw sockets).
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// assert_eq!(Message::from("not received").pipe(), None);
    /// ```
    #[inline]
    pub fn pipe(&self) -> Option<PipeId> {
        self.pipe
    }

    /// Sets the pipe that the message should go to.
    ///
    /// ```
    /// use spanwire_core::{Message, PipeId};
    ///
    /// let mut msg = Message::from("to a peer");
    /// msg.set_pipe(PipeId::new(7));
    /// assert_eq!(msg.pipe(), PipeId::new(7));
    /// ```
    #[inline]
    pub fn set_pipe(&mut self, pipe: Option<PipeId>) {
        self.pipe = pipe;
    }

    /// Adds bytes at the end of the body.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::from("a");
    /// msg.append(b"bc");
    /// assert_eq!(msg.body(), b"abc");
    /// ```
    pub fn append(&mut self, bytes: &[u8]) {
        if let Body::Inline(inline) = &mut self.body
            && inline.append(bytes)
        {
            return;
        }
        self.body.owned(bytes.len()).extend_from_slice(bytes);
    }

    /// Adds bytes in front of the body.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::from("c");
    /// msg.insert(b"ab");
    /// assert_eq!(msg.body(), b"abc");
    /// ```
    pub fn insert(&mut self, bytes: &[u8]) {
        if let Body::Inline(inline) = &mut self.body
            && inline.insert(bytes)
        {
            return;
        }
        let mut body = BytesMut::with_capacity(bytes.len() + self.len());
        body.extend_from_slice(bytes);
        body.extend_from_slice(self.body());
        self.body = Body::from_owned(body);
    }

    /// Removes `n` bytes at the front of the body. `false`, and nothing is done, if there are not so many.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::from("abc");
    /// assert!(msg.trim(1));
    /// assert_eq!(msg.body(), b"bc");
    /// assert!(!msg.trim(3));
    /// ```
    #[must_use]
    pub fn trim(&mut self, n: usize) -> bool {
        if n > self.len() {
            return false;
        }
        match &mut self.body {
            Body::Inline(inline) => inline.start += n as u8,
            Body::Heap(Heap::Shared(bytes)) => bytes.advance(n),
            Body::Heap(Heap::Owned(bytes)) => bytes.advance(n),
        }
        true
    }

    /// Removes `n` bytes at the end of the body. `false`, and nothing is done, if there are not so many.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::from("abc");
    /// assert!(msg.chop(1));
    /// assert_eq!(msg.body(), b"ab");
    /// assert!(!msg.chop(3));
    /// ```
    #[must_use]
    pub fn chop(&mut self, n: usize) -> bool {
        let Some(rest) = self.len().checked_sub(n) else { return false };
        match &mut self.body {
            Body::Inline(inline) => inline.set_end(usize::from(inline.start) + rest),
            Body::Heap(Heap::Shared(bytes)) => bytes.truncate(rest),
            Body::Heap(Heap::Owned(bytes)) => bytes.truncate(rest),
        }
        true
    }

    /// Empties the body.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::from("abc");
    /// msg.clear();
    /// assert_eq!(msg, Message::new());
    /// ```
    pub fn clear(&mut self) {
        self.body = Body::default();
    }

    /// Makes room for `additional` bytes at the end of the body, so that appending them allocates nothing more.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::from("abc");
    /// msg.reserve(1000);
    /// assert!(msg.capacity() >= 1003);
    /// ```
    pub fn reserve(&mut self, additional: usize) {
        if let Body::Inline(inline) = &self.body
            && inline.end() + additional <= INLINE_BODY
        {
            return;
        }
        self.body.owned(additional);
    }

    /// How long the body can become without an allocation.
    ///
    /// ```
    /// use spanwire_core::message::{INLINE_BODY, Message};
    ///
    /// assert_eq!(Message::new().capacity(), INLINE_BODY);
    /// ```
    pub fn capacity(&self) -> usize {
        match &self.body {
            Body::Inline(inline) => INLINE_BODY - usize::from(inline.start),
            Body::Heap(Heap::Shared(bytes)) => bytes.len(),
            Body::Heap(Heap::Owned(bytes)) => bytes.capacity(),
        }
    }

    /// The body, to be changed in place. A shared one is copied first.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::from("abc");
    /// msg.body_mut()[0] = b'x';
    /// assert_eq!(msg.body(), b"xbc");
    /// ```
    pub fn body_mut(&mut self) -> &mut [u8] {
        if let Body::Heap(_) = &self.body {
            return self.body.owned(0);
        }
        match &mut self.body {
            Body::Inline(inline) => inline.as_mut_slice(),
            Body::Heap(_) => &mut [],
        }
    }

    /// Takes a big-endian word off the front of the body. `None`, and nothing is done, if there are fewer than 4 bytes.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::copy_from(&[0, 0, 0, 7, b'x']);
    /// assert_eq!(msg.trim_u32(), Some(7));
    /// assert_eq!(msg.trim_u32(), None);
    /// assert_eq!(msg.body(), b"x");
    /// ```
    pub fn trim_u32(&mut self) -> Option<u32> {
        let word = u32::from_be_bytes(*self.body().first_chunk()?);
        self.trim(4).then_some(word)
    }
}

/// The header: words that protocols put in front of the body on the wire. Only authors of protocols, and users of raw sockets,
/// meet it.
impl Message {
    /// The header.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// assert_eq!(Message::from("body").header(), b"");
    /// ```
    #[inline]
    pub fn header(&self) -> &[u8] {
        self.header.as_slice()
    }

    /// The header, to be changed in place.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header(b"abc");
    /// msg.header_mut()[0] = b'x';
    /// assert_eq!(msg.header(), b"xbc");
    /// ```
    pub fn header_mut(&mut self) -> &mut [u8] {
        self.header.as_mut_slice()
    }

    /// Empties the header.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header(b"ab");
    /// msg.clear_header();
    /// assert!(msg.header().is_empty());
    /// ```
    #[inline]
    pub fn clear_header(&mut self) {
        if !self.header.as_slice().is_empty() {
            self.header = Header::default();
        }
    }

    /// Adds bytes at the end of the header.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header(b"ab");
    /// msg.append_header(b"c");
    /// assert_eq!(msg.header(), b"abc");
    /// ```
    pub fn append_header(&mut self, bytes: &[u8]) {
        self.header.append(bytes);
    }

    /// Adds bytes in front of the header.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header(b"c");
    /// msg.insert_header(b"ab");
    /// assert_eq!(msg.header(), b"abc");
    /// ```
    pub fn insert_header(&mut self, bytes: &[u8]) {
        let mut header = Header::default();
        header.append(bytes);
        header.append(self.header());
        self.header = header;
    }

    /// Removes `n` bytes at the front of the header. `false`, and nothing is done, if there are not so many.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header(b"abc");
    /// assert!(msg.trim_header(1));
    /// assert_eq!(msg.header(), b"bc");
    /// assert!(!msg.trim_header(3));
    /// ```
    #[must_use]
    pub fn trim_header(&mut self, n: usize) -> bool {
        let Some(rest) = self.header().get(n..) else { return false };
        let mut header = Header::default();
        header.append(rest);
        self.header = header;
        true
    }

    /// Removes `n` bytes at the end of the header. `false`, and nothing is done, if there are not so many.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header(b"abc");
    /// assert!(msg.chop_header(1));
    /// assert_eq!(msg.header(), b"ab");
    /// assert!(!msg.chop_header(3));
    /// ```
    #[must_use]
    pub fn chop_header(&mut self, n: usize) -> bool {
        let Some(rest) = self.header().len().checked_sub(n) else { return false };
        self.header.truncate(rest);
        true
    }

    /// Adds a big-endian word at the end of the header.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header_u32(0x8000_0001);
    /// assert_eq!(msg.header(), [0x80, 0, 0, 1]);
    /// ```
    pub fn append_header_u32(&mut self, word: u32) {
        self.append_header(&word.to_be_bytes());
    }

    /// Takes a big-endian word off the front of the header. `None`, and nothing is done, if there are fewer than 4 bytes.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header_u32(7);
    /// assert_eq!(msg.trim_header_u32(), Some(7));
    /// assert_eq!(msg.trim_header_u32(), None);
    /// ```
    pub fn trim_header_u32(&mut self) -> Option<u32> {
        let word = u32::from_be_bytes(*self.header().first_chunk()?);
        self.trim_header(4).then_some(word)
    }

    /// The header's last big-endian word. `None` if there are fewer than 4 bytes.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header_u32(7);
    /// msg.append_header_u32(8);
    /// assert_eq!(msg.last_header_u32(), Some(8));
    /// ```
    pub fn last_header_u32(&self) -> Option<u32> {
        self.header().last_chunk().map(|word| u32::from_be_bytes(*word))
    }

    /// Takes the next big-endian word of a received message: off the header, where a socket of this process left it there, or
    /// off the body, where the wire puts it. `None`, and nothing is done, if there are fewer than 4 bytes.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::copy_from(&[0, 0, 0, 8]);
    /// msg.append_header_u32(7);
    /// assert_eq!((msg.take_word(), msg.take_word(), msg.take_word()), (Some(7), Some(8), None));
    /// ```
    pub fn take_word(&mut self) -> Option<u32> {
        if self.header().is_empty() { self.trim_u32() } else { self.trim_header_u32() }
    }

    /// Sets the header of a received message. What [`take_word`](Self::take_word) left of the old one goes to the front of the
    /// body.
    ///
    /// ```
    /// use spanwire_core::message::{Header, Message};
    ///
    /// let mut msg = Message::from("body");
    /// let mut header = Header::new();
    /// header.push(7);
    /// msg.set_header(header);
    /// assert_eq!(msg.header(), [0, 0, 0, 7]);
    /// ```
    pub fn set_header(&mut self, header: Header) {
        self.join_header();
        self.header = header;
    }

    /// Takes the header out.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header_u32(7);
    /// assert_eq!(msg.take_header().as_slice(), [0, 0, 0, 7]);
    /// assert!(msg.header().is_empty());
    /// ```
    pub fn take_header(&mut self) -> Header {
        std::mem::take(&mut self.header)
    }

    /// Puts the header in front of the body, as it stands on the wire, and empties it.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::from("body");
    /// msg.append_header(b"head ");
    /// msg.join_header();
    /// assert_eq!((msg.header(), msg.body()), (&b""[..], &b"head body"[..]));
    /// ```
    #[inline]
    pub fn join_header(&mut self) {
        if !self.header().is_empty() {
            let header = std::mem::take(&mut self.header);
            self.insert(header.as_slice());
        }
    }

    /// Makes a body that can still grow into one that is shared by clones.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append(&[7; 1000]);
    /// msg.freeze();
    /// assert_eq!(msg.clone().body().as_ptr(), msg.body().as_ptr()); // not copied
    /// ```
    #[inline]
    pub fn freeze(&mut self) {
        if let Body::Heap(heap) = &mut self.body {
            heap.freeze();
        }
    }

    /// The body, if it is long enough to be worth sharing instead of copying.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// assert!(Message::from("short").shared_body().is_none());
    /// assert!(Message::from(vec![7; 1000]).shared_body().is_some());
    /// ```
    pub fn shared_body(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Heap(Heap::Shared(bytes)) => Some(bytes),
            Body::Inline(_) | Body::Heap(Heap::Owned(_)) => None,
        }
    }
}

/// Takes the first message of a queue into `msg`. As `pop_front`, without moving it more than once.
///
/// ```
/// use std::collections::VecDeque;
/// use spanwire_core::message::{Message, pop_into};
///
/// let mut queue = VecDeque::from([Message::from("first")]);
/// let mut msg = Message::new();
/// assert!(pop_into(&mut queue, &mut msg));
/// assert_eq!(msg.body(), b"first");
/// assert!(!pop_into(&mut queue, &mut msg));
/// ```
#[inline]
pub fn pop_into(queue: &mut VecDeque<Message>, msg: &mut Message) -> bool {
    let Some(first) = queue.front_mut() else { return false };
    std::mem::swap(first, msg);
    queue.pop_front();
    true
}

/// Adds `msg` at the end of a queue and leaves an empty one. As `push_back`, without moving it more than once.
///
/// ```
/// use std::collections::VecDeque;
/// use spanwire_core::message::{Message, push_from};
///
/// let mut queue = VecDeque::new();
/// push_from(&mut queue, &mut Message::from("last"));
/// assert_eq!(queue[0].body(), b"last");
/// ```
#[inline]
pub fn push_from(queue: &mut VecDeque<Message>, msg: &mut Message) {
    queue.push_back(Message::new());
    if let Some(last) = queue.back_mut() {
        std::mem::swap(last, msg);
    }
}
