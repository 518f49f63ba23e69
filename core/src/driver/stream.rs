//! The two directions of a pipe on a byte stream: what waits to be written, and what has been read and not delivered.
//!
//! Nothing here does I/O under a lock: the buffers are taken out of the socket's state, used, and put back.

use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;

use super::dirty::Owner;
use super::pipe::PipeShared;
use crate::transport::{ByteStream, Codec};
use crate::{Error, Message, Result};

/// The sending side. Under the socket's lock.
///
/// ```text
///            push                 write ended, nothing appended
///   Idle ───────────► Writing ───────────────────────────────► Idle
///    ▲                   │ EAGAIN
///    └──── writable ── Blocked          collecting and `Blocked`: messages are appended, somebody writes later
/// ```
pub(crate) struct Tx {
    pub(crate) phase: Phase,
    /// For the next writer; `None` while somebody writes.
    pub(crate) pipe: Option<Arc<PipeShared>>,
    /// Appended, and not yet taken by a writer.
    pub(crate) out: OutBuf,
    /// Taken by a writer and not written completely, when nobody is writing.
    pub(crate) rest: Option<OutBuf>,
    /// Bytes in the hands of a writer or in `rest`.
    pub(crate) taken: usize,
    /// Somebody has written since the I/O thread's last look.
    pub(crate) written: bool,
    /// The thread that put it last on its list of pipes to flush before blocking, unless it has been flushed since.
    pub(crate) listed: Option<Owner>,
    /// This pipe stands on the socket's list of pipes that the I/O thread looks at.
    pub(crate) ticking: bool,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody; there may be something to write.
    Idle,
    /// Somebody, outside the lock. Others append and go on.
    Writing,
    /// Nobody, until the stream is writable.
    Blocked,
    /// Nobody any more: writing has failed.
    Dead,
}

/// A buffer in the hands of a writer.
pub(crate) struct Write {
    pub(crate) pipe: Arc<PipeShared>,
    pub(crate) out: OutBuf,
}

impl Tx {
    pub(crate) fn new(pipe: &Arc<PipeShared>) -> Self {
        Self {
            phase: Phase::Idle,
            pipe: Some(pipe.clone()),
            out: OutBuf::default(),
            rest: None,
            taken: 0,
            written: false,
            listed: None,
            ticking: false,
        }
    }

    /// Bytes that have not been written.
    pub(crate) fn pending(&self) -> usize {
        self.taken + self.out.len()
    }

    /// The next buffer to write, for a writer that takes the phase `Writing`.
    pub(crate) fn take(&mut self) -> Option<Write> {
        if self.rest.is_none() && self.out.is_empty() {
            return None;
        }
        let pipe = self.pipe.take()?;
        let out = self.rest.take().unwrap_or_else(|| {
            self.taken = self.out.len();
            std::mem::take(&mut self.out)
        });
        self.phase = Phase::Writing;
        self.written = true;
        Some(Write { pipe, out })
    }
}

/// Bytes to be written: small messages one after the other in one buffer, large bodies by reference in between.
#[derive(Default)]
pub(crate) struct OutBuf {
    small: Vec<u8>,
    /// Each large body, and the offset in `small` before which it stands.
    large: Vec<(usize, Bytes)>,
    large_len: usize,
    written: usize,
    /// What its messages cost, in bytes: their own, and [`MESSAGE`] for each.
    cost: usize,
}

impl OutBuf {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// So much has come together that it pays to write it.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.cost >= FLUSH
    }

    /// It holds no memory.
    pub(crate) fn is_unallocated(&self) -> bool {
        self.small.capacity() == 0
    }

    /// Bytes that have not been written.
    pub(crate) fn len(&self) -> usize {
        self.small.len() + self.large_len - self.written
    }

    /// Appends a message. Bodies up to [`COPY`] bytes are copied, larger ones are kept by reference. Answers how long it is.
    #[inline]
    pub(crate) fn push(&mut self, codec: &dyn Codec, msg: &mut Message) -> usize {
        let (header, len) = (msg.header().len(), msg.len());
        self.cost += MESSAGE + header + len;
        codec.encode_prefix(header + len, &mut self.small);
        if header > 0 {
            self.small.extend_from_slice(msg.header());
        }
        if len <= COPY {
            msg.append_body_to(len, &mut self.small);
        } else {
            self.push_large(msg);
        }
        header + len
    }

    #[inline(never)]
    fn push_large(&mut self, msg: &mut Message) {
        self.large_len += msg.len();
        self.large.push((self.small.len(), std::mem::take(msg).into_bytes()));
    }

    /// Writes as much as goes at once. `true`: everything.
    pub(crate) fn write(&mut self, stream: &dyn ByteStream) -> io::Result<bool> {
        while !self.is_empty() {
            let result = if self.large.is_empty() {
                stream.try_write(&[IoSlice::new(&self.small[self.written..])])
            } else {
                self.write_vectored(stream)
            };
            match result {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.written += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }

    fn write_vectored(&self, stream: &dyn ByteStream) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut n = 0;
        for (start, piece) in self.pieces() {
            let skip = self.written.saturating_sub(start);
            if skip < piece.len() {
                slices[n] = IoSlice::new(&piece[skip..]);
                n += 1;
                if n == SLICES {
                    break;
                }
            }
        }
        stream.try_write(&slices[..n])
    }

    /// All bytes in order, in pieces, with the offset of each.
    fn pieces(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut from = 0;
        let ends = self.large.iter().map(|(at, body)| (*at, &body[..])).chain([(self.small.len(), &[][..])]);
        let pieces = ends.flat_map(move |(at, body)| {
            let small = &self.small[from..at];
            from = at;
            [small, body]
        });
        pieces.scan(0, |offset, piece| {
            let start = *offset;
            *offset += piece.len();
            Some((start, piece))
        })
    }

    /// Empties it and keeps the memory, if that is not much.
    pub(crate) fn recycle(mut self) -> Option<Self> {
        if self.small.capacity() > KEEP_MAX || self.small.capacity() == 0 {
            return None;
        }
        self.small.clear();
        self.large.clear();
        (self.large_len, self.written, self.cost) = (0, 0, 0);
        Some(self)
    }

    /// The messages of which not a byte has been written, to be sent elsewhere.
    pub(crate) fn unsent(self, codec: &dyn Codec) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut large = self.large.into_iter().peekable();
        let (mut at, mut offset) = (0, 0);
        while let Ok(Some(frame)) = codec.decode_prefix(&self.small[at..]) {
            let (begin, start) = (offset, at + frame.prefix);
            let len = frame.len as usize;
            offset += frame.prefix + len;
            let msg = match large.next_if(|(end, _)| *end <= start + len && *end >= start) {
                Some((end, body)) => {
                    let mut msg = Message::from(body);
                    msg.append_header(&self.small[start..end]);
                    at = end;
                    msg
                }
                None => {
                    at = start + len;
                    Message::copy_from(&self.small[start..at])
                }
            };
            if begin >= self.written {
                messages.push(msg);
            }
        }
        messages
    }
}

/// The receiving side: read and not yet delivered. Owned by whoever reads the pipe; under the socket's lock by whoever takes what has been read.
#[derive(Default)]
pub(crate) struct Rx {
    chunk: Vec<u8>,
    at: usize,
    /// Where the rest of a chunk is kept while the pipe is idle, between two of them.
    rest: Vec<u8>,
    /// What is left in the chunk is known to be less than a message.
    starved: bool,
    /// A large message that is being read into a buffer of its own, and its length.
    large: Option<(Vec<u8>, usize)>,
    /// The last message was one of those: the next one is likely to be one too, and what is read of it ahead has to be copied.
    after_large: bool,
    /// The last read found as much as it asked for: there may be more, and no edge will tell.
    more: bool,
    /// The last read found something.
    found: bool,
    /// Nothing more will come, for this reason.
    pub(crate) ended: Option<Error>,
}

impl Rx {
    /// Whether there are bytes that may hold a message.
    pub(crate) fn has_bytes(&self) -> bool {
        let complete = || self.large.as_ref().is_some_and(|(body, want)| body.len() >= *want);
        (!self.starved && self.at < self.chunk.len()) || complete()
    }

    /// Whether there may be more to read. After the peer's hang-up no edge tells of the end of the stream: it is read for.
    pub(crate) fn may_read_more(&self, hangup: bool) -> bool {
        self.more || (hangup && self.found)
    }

    /// Reads once, unless the stream has ended; not much if there is a `crowd`. May use the spare chunk.
    pub(crate) fn read(&mut self, stream: &dyn ByteStream, crowd: bool, spare: &mut Option<Vec<u8>>) {
        (self.more, self.found) = (false, false);
        if self.ended.is_some() {
            return;
        }
        let result = match &mut self.large {
            Some((body, want)) => {
                let missing = *want - body.len();
                if body.capacity() == body.len() {
                    // Only messages beyond RESERVE grow, so that a length which nobody sends costs nothing.
                    if body.try_reserve_exact(missing.min(body.len())).is_err() {
                        self.ended = Some(Error::OutOfMemory);
                        return;
                    }
                }
                let max = missing.min(body.capacity() - body.len());
                stream.try_read(body, max).map(|n| (n, n == max))
            }
            None => {
                let want = match (self.after_large, crowd) {
                    (true, _) => PEEK,
                    (false, true) => CHUNK / 4,
                    (false, false) => CHUNK,
                };
                self.make_room(want, spare);
                let room = self.chunk.capacity() - self.chunk.len();
                let max = if want < CHUNK { want.min(room) } else { room };
                stream.try_read(&mut self.chunk, max).map(|n| (n, n == max))
            }
        };
        match result {
            Ok((0, _)) => self.ended = Some(Error::ConnectionShutdown),
            Ok((_, filled)) => (self.more, self.found) = (filled, true),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => self.more = true,
            Err(e) => self.ended = Some(e.into()),
        }
    }

    fn make_room(&mut self, want: usize, spare: &mut Option<Vec<u8>>) {
        let left = self.chunk.len() - self.at;
        if self.chunk.capacity() >= CHUNK {
            if self.at > 0 {
                self.chunk.copy_within(self.at.., 0);
                self.chunk.truncate(left);
            }
        } else {
            let mut chunk = match spare.take_if(|_| want >= CHUNK) {
                Some(spare) => spare,
                None => Vec::with_capacity(want + if want >= CHUNK { SLACK } else { left }),
            };
            chunk.clear();
            chunk.extend_from_slice(&self.chunk[self.at..]);
            let old = std::mem::replace(&mut self.chunk, chunk);
            if old.capacity() <= REST {
                self.rest = old;
            }
        }
        self.at = 0;
        self.starved = false;
    }

    /// Takes the next message into `msg`, if the whole of it has been read.
    ///
    /// # Errors
    /// [`Error::Protocol`] for wrong framing, [`Error::MessageTooLarge`], [`Error::OutOfMemory`]: the pipe is to be closed.
    #[inline]
    pub(crate) fn next(&mut self, codec: &dyn Codec, limit: usize, msg: &mut Message) -> Result<bool> {
        if let Some((body, want)) = &mut self.large {
            if body.len() < *want {
                return Ok(false);
            }
            let body = std::mem::take(body);
            self.large = None;
            self.after_large = true;
            *msg = Message::from(body);
            return Ok(true);
        }
        let bytes = &self.chunk[self.at..];
        let Some(frame) = codec.decode_prefix(bytes)? else {
            self.starved = true;
            return Ok(false);
        };
        if limit != 0 && frame.len > limit as u64 {
            return Err(Error::MessageTooLarge(format!("{} bytes announced, {limit} allowed", frame.len).into()));
        }
        let bytes = &bytes[frame.prefix..];
        if bytes.len() as u64 >= frame.len {
            let len = frame.len as usize;
            // What is left in it from another message is of no use.
            msg.clear_header();
            msg.set_body(&bytes[..len]);
            self.at += frame.prefix + len;
            self.after_large = false;
            return Ok(true);
        }
        if frame.len > LARGE as u64 {
            let want = usize::try_from(frame.len).map_err(|_| Error::OutOfMemory)?;
            let mut body = Vec::new();
            body.try_reserve_exact(want.min(RESERVE)).map_err(|_| Error::OutOfMemory)?;
            body.extend_from_slice(bytes);
            self.at = self.chunk.len();
            self.large = Some((body, want));
        }
        self.starved = true;
        Ok(false)
    }

    /// Gives memory back that an idle pipe does not need.
    pub(crate) fn settle(&mut self, pool: &mut Vec<Vec<u8>>) {
        let left = self.chunk.len() - self.at;
        if self.chunk.capacity() <= SMALL_REST || left > SMALL_REST {
            return;
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.clear();
        rest.extend_from_slice(&self.chunk[self.at..]);
        let chunk = std::mem::replace(&mut self.chunk, rest);
        self.at = 0;
        if chunk.capacity() >= CHUNK && pool.len() < POOLED {
            pool.push(chunk);
        }
    }
}

/// Bodies up to this length are copied behind the others; larger ones are written from where they are.
pub(crate) const COPY: usize = 4 * 1024;
/// A collecting sender writes when messages of this cost have come together: about 1,200 of 64 bytes (86 KiB), 150 of 1 KiB (151 KiB). A receiver
/// that keeps up sleeps before each of its reads, and that must be worth it; and it still makes no more than one call in 500 messages of 64 bytes.
const FLUSH: usize = 160 * 1024;
/// What a message costs besides its bytes, in bytes.
const MESSAGE: usize = 72;
/// A pipe that has this much to write takes no more.
pub(crate) const HIGH_WATER: usize = 256 * 1024;
/// One read.
pub(crate) const CHUNK: usize = 64 * 1024;
/// Room behind a chunk for the beginning of a message that was left from the chunk before, and for the rest of what a sender of small messages
/// writes at once.
const SLACK: usize = LARGE + 8 * 1024;
/// Messages above this length that have not arrived as a whole get a buffer of their own, so that they are not copied.
const LARGE: usize = 16 * 1024;
/// The most that is reserved because a peer announced it; more is reserved as it arrives.
const RESERVE: usize = 256 * 1024 * 1024;
/// An idle pipe keeps at most this much of an unfinished message as it is; see `settle`.
const SMALL_REST: usize = 4 * 1024;
/// What is read ahead of a message that is likely to be large.
const PEEK: usize = 4 * 1024;
/// Memory for the rest of a chunk that a pipe keeps for the next one.
const REST: usize = 1024;
const POOLED: usize = 4;
/// A write buffer that doubles while it is filled to the high water ends below this.
const KEEP_MAX: usize = 2 * (HIGH_WATER + COPY);
const SLICES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Frame;

    struct Short;

    impl Codec for Short {
        fn encode_prefix(&self, len: usize, out: &mut Vec<u8>) {
            out.push(len as u8);
        }

        fn decode_prefix(&self, buf: &[u8]) -> Result<Option<Frame>> {
            Ok(buf.first().map(|len| Frame { prefix: 1, len: u64::from(*len) }))
        }
    }

    #[test]
    fn nothing_is_left_of_the_message_before() {
        let mut rx = Rx { chunk: b"\x03new\x00\x01".to_vec(), ..Rx::default() };
        let mut msg = Message::from("a body that is longer");
        msg.append_header(b"an old header");
        assert_eq!(rx.next(&Short, 0, &mut msg), Ok(true));
        assert_eq!((msg.header(), msg.body()), (&b""[..], &b"new"[..]));
        assert_eq!(rx.next(&Short, 0, &mut msg), Ok(true));
        assert!(msg.is_empty());
        assert_eq!(rx.next(&Short, 0, &mut msg), Ok(false));
    }
}
