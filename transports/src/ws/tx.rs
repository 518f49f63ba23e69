//! The sending side: messages become frames, or bytes.
//!
//! The engine hands over its own framing, the length and then the message. Each message becomes one WebSocket message, in fragments. Of a byte stream
//! each write becomes one frame, a message by itself, of as much as may be in one. Bytes count as written when the whole frame that holds them is with
//! the kernel: what the engine keeps as unsent can't have reached the peer.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Cursor, ErrorKind, IoSlice};

use spanwire_core::transport::ByteStream;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::mask::{Key, apply};
use super::scratch::{give_back, scratch};
use super::stream::{Content, Terms};

/// Frames on their way to the kernel. Its buffer is the thread's scratch memory while a call lasts, and belongs to the stream only
/// while something is left in it.
pub(super) struct Tx {
    /// Frames, whole ones, of which the first `sent` bytes are with the kernel. Empty, or not all of it is.
    out: Vec<u8>,
    sent: usize,
    /// The engine's bytes that `out` stands for, and how many of them count as written already.
    batch: usize,
    counted: usize,
    /// The engine's bytes that are written, and of which it has not been told.
    due: usize,
    /// What is left of a message of which something has been sent: the next frame is a continuation.
    message: Option<u64>,
    /// The answer to the last ping, which waits for `out` to be sent.
    pong: Option<Vec<u8>>,
    /// No frame may follow.
    closed: bool,
    /// `Some` for clients.
    masks: Option<Masks>,
    content: Content,
    /// The longest payload of a frame.
    frame_max: usize,
}

impl Tx {
    pub(super) fn new(terms: &Terms) -> Self {
        Self {
            out: Vec::new(),
            sent: 0,
            batch: 0,
            counted: 0,
            due: 0,
            message: None,
            pong: None,
            closed: false,
            masks: terms.client.then(Masks::default),
            content: terms.content,
            frame_max: if terms.fragment == 0 { usize::MAX } else { terms.fragment },
        }
    }

    /// As [`ByteStream::try_write`], over that stream.
    pub(super) fn write(&mut self, stream: &dyn ByteStream, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let result = if self.closed { Err(ErrorKind::BrokenPipe.into()) } else { self.advance(stream, bufs) };
        // What has been delivered is told before what has failed: the engine sends the rest again, to somebody else.
        self.count();
        match std::mem::take(&mut self.due) {
            0 => result.and_then(|()| Err(ErrorKind::WouldBlock.into())),
            n => Ok(n),
        }
    }

    fn advance(&mut self, stream: &dyn ByteStream, bufs: &[IoSlice<'_>]) -> io::Result<()> {
        // What is left of the last call stands for the first of these bytes.
        self.flush(stream)?;
        if self.out.is_empty() && self.due == 0 {
            match self.content {
                Content::Messages => self.encode(bufs)?,
                Content::Bytes { send_text, .. } => self.encode_bytes(bufs, send_text)?,
            }
            self.flush(stream)?;
        }
        Ok(())
    }

    /// Answers pings, now and in one write. If something else is being sent, only the last one is answered, as soon as there is room: a
    /// peer that asks and does not read costs nothing.
    pub(super) fn pong(&mut self, stream: &dyn ByteStream, mut pings: VecDeque<Vec<u8>>) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        if self.out.is_empty() {
            pings.drain(..).for_each(|payload| self.control(Control::Pong, &payload));
        } else {
            self.pong = pings.pop_back();
        }
        self.flush_control(stream)
    }

    /// Asks whether the peer is there, unless there is something else to send.
    pub(super) fn ping(&mut self, stream: &dyn ByteStream) -> io::Result<()> {
        if self.out.is_empty() && !self.closed {
            self.control(Control::Ping, &[]);
        }
        self.flush_control(stream)
    }

    /// Says why no frame will follow, if nothing is in the way of it.
    pub(super) fn close(&mut self, stream: &dyn ByteStream, code: Option<CloseCode>) {
        if self.closed {
            return;
        }
        // What fails here fails because the peer has gone.
        let _ = self.flush_control(stream);
        self.closed = true;
        if self.out.is_empty() {
            let code = code.map(|code| u16::from(code).to_be_bytes());
            self.control(Control::Close, code.as_ref().map_or(&[], |code| code));
            let _ = self.flush(stream);
        }
    }

    /// Sends what is not the engine's. Messages are sent by [`write`](Self::write) only, which tells the engine: it would send them twice.
    fn flush_control(&mut self, stream: &dyn ByteStream) -> io::Result<()> {
        if self.batch == 0 { self.flush(stream) } else { Ok(()) }
    }

    /// Gives `out` to the kernel, as much as it takes.
    fn flush(&mut self, stream: &dyn ByteStream) -> io::Result<()> {
        loop {
            while self.sent < self.out.len() {
                match stream.try_write(&[IoSlice::new(self.out.get(self.sent..).unwrap_or_default())]) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(n) => self.sent += n,
                    Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(e) => return Err(e),
                }
            }
            give_back(std::mem::take(&mut self.out));
            self.due += self.batch - self.counted;
            (self.sent, self.batch, self.counted) = (0, 0, 0);
            match self.pong.take() {
                Some(payload) if !self.closed => self.control(Control::Pong, &payload),
                _ => return Ok(()),
            }
        }
    }

    /// Counts the frames that are with the kernel, if only a part of `out` is.
    fn count(&mut self) {
        if self.batch > 0 {
            let prefix = if self.content == Content::Messages { PREFIX } else { 0 };
            let written = written(&self.out, self.sent, prefix);
            self.due += written - self.counted;
            self.counted = written;
        }
    }

    /// Turns messages into frames: as many as make a good write.
    fn encode(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<()> {
        let mut from = Bufs { bufs, at: 0 };
        self.out = scratch();
        while self.out.len() < BATCH {
            let mut payload = from;
            let (left, prefix) = match self.message {
                Some(left) => (left, 0),
                None => match payload.take_prefix() {
                    Some(len) => (len, PREFIX),
                    None => break,
                },
            };
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(self.frame_max);
            let here = payload.left_up_to(want);
            // The rest of a frame may come with the next call: it is cut only if there is nothing else to do.
            if here < want && (here == 0 || !self.out.is_empty()) {
                break;
            }
            let rest = left - here as u64;
            let opcode = if prefix > 0 { Data::Binary } else { Data::Continue };
            self.frame(OpCode::Data(opcode), rest == 0, here, |out| payload.append_to(out, here));
            self.batch += prefix + here;
            self.message = (rest > 0).then_some(rest);
            from = payload;
        }
        if self.batch > 0 {
            return Ok(());
        }
        give_back(std::mem::take(&mut self.out));
        Err(io::Error::new(ErrorKind::InvalidInput, "not even the length of a message"))
    }

    /// Turns bytes into one frame: as many as may be in it.
    fn encode_bytes(&mut self, bufs: &[IoSlice<'_>], text: bool) -> io::Result<()> {
        let mut payload = Bufs { bufs, at: 0 };
        let len = payload.left_up_to(self.frame_max);
        self.out = scratch();
        // How long a frame may be is the application's choice, and there may be no such memory.
        if self.out.try_reserve(len.saturating_add(HEADER_MAX)).is_err() {
            give_back(std::mem::take(&mut self.out));
            return Err(ErrorKind::OutOfMemory.into());
        }
        let opcode = if text { Data::Text } else { Data::Binary };
        self.frame(OpCode::Data(opcode), true, len, |out| payload.append_to(out, len));
        self.batch = len;
        Ok(())
    }

    fn control(&mut self, kind: Control, payload: &[u8]) {
        if self.out.capacity() == 0 {
            self.out = scratch();
        }
        self.frame(OpCode::Control(kind), true, payload.len(), |out| out.extend_from_slice(payload));
    }

    fn frame(&mut self, opcode: OpCode, is_final: bool, len: usize, payload: impl FnOnce(&mut Vec<u8>)) {
        let mask = self.masks.as_mut().map(Masks::next);
        let header = FrameHeader { is_final, opcode, mask, ..FrameHeader::default() };
        // Writing to a vector can't fail.
        let _ = header.format(len as u64, &mut self.out);
        let start = self.out.len();
        payload(&mut self.out);
        if let (Some(key), Some(payload)) = (mask, self.out.get_mut(start..)) {
            apply(key, 0, payload);
        }
    }
}

/// The engine's bytes that the first `sent` of these stand for, as far as they are whole frames; `prefix` of them announce a message.
fn written(out: &[u8], sent: usize, prefix: usize) -> usize {
    let (mut at, mut written) = (0, 0);
    while let Ok(Some((header, len))) = FrameHeader::parse(&mut Cursor::new(out.get(at..).unwrap_or_default())) {
        let len = len as usize;
        at += header.len(len as u64) + len;
        if at > sent {
            break;
        }
        written += match header.opcode {
            OpCode::Data(Data::Text | Data::Binary) => prefix + len,
            OpCode::Data(_) => len,
            OpCode::Control(_) => 0,
        };
    }
    written
}

/// What the engine offers, from a certain byte on.
#[derive(Clone, Copy)]
struct Bufs<'a> {
    bufs: &'a [IoSlice<'a>],
    at: usize,
}

impl<'a> Bufs<'a> {
    /// The next bytes that lie together; empty at the end.
    fn chunk(&mut self) -> &'a [u8] {
        while let Some((first, rest)) = self.bufs.split_first() {
            match first.get(self.at..) {
                Some(chunk) if !chunk.is_empty() => return chunk,
                _ => *self = Self { bufs: rest, at: 0 },
            }
        }
        &[]
    }

    /// The length of the next message.
    fn take_prefix(&mut self) -> Option<u64> {
        if let Some(prefix) = self.chunk().first_chunk() {
            self.at += PREFIX;
            return Some(u64::from_be_bytes(*prefix));
        }
        if self.left_up_to(PREFIX) < PREFIX {
            return None;
        }
        let mut prefix = Vec::with_capacity(PREFIX);
        self.append_to(&mut prefix, PREFIX);
        prefix.first_chunk().map(|prefix| u64::from_be_bytes(*prefix))
    }

    /// How much there is, as far as this.
    fn left_up_to(mut self, want: usize) -> usize {
        let mut left = 0;
        while left < want {
            let n = self.chunk().len();
            if n == 0 {
                break;
            }
            left += n;
            self.at += n;
        }
        left.min(want)
    }

    fn append_to(&mut self, out: &mut Vec<u8>, mut len: usize) {
        while len > 0 {
            let chunk = self.chunk();
            let Some(piece) = chunk.get(..len.min(chunk.len())).filter(|piece| !piece.is_empty()) else { break };
            out.extend_from_slice(piece);
            self.at += piece.len();
            len -= piece.len();
        }
    }
}

/// Keys that nobody can foresee: a keyed hash of a counter, under keys from the system. Whoever can make a client send bytes of his choice must
/// not know what they become on the wire (RFC 6455, section 10.3).
#[derive(Default)]
struct Masks {
    hash: RandomState,
    next: u64,
    spare: Option<Key>,
}

impl Masks {
    fn next(&mut self) -> Key {
        if let Some(key) = self.spare.take() {
            return key;
        }
        self.next += 1;
        let [a, b, c, d, e, f, g, h] = self.hash.hash_one(self.next).to_ne_bytes();
        self.spare = Some([a, b, c, d]);
        [e, f, g, h]
    }
}

/// How much is encoded for one system call, at least.
const BATCH: usize = 64 * 1024;
/// The length before a message, in the engine's framing.
const PREFIX: usize = 8;
/// The longest header of a frame.
const HEADER_MAX: usize = 14;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    /// Takes as many bytes as it is allowed to.
    #[derive(Default)]
    struct Wire {
        bytes: Mutex<Vec<u8>>,
        room: Mutex<usize>,
    }

    impl ByteStream for Wire {
        fn try_read(&self, _: &mut Vec<u8>, _: usize) -> io::Result<usize> {
            Err(ErrorKind::WouldBlock.into())
        }

        fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            let mut room = self.room.lock().unwrap();
            let n = bufs[0].len().min(*room);
            *room -= n;
            self.bytes.lock().unwrap().extend_from_slice(&bufs[0][..n]);
            if n > 0 { Ok(n) } else { Err(ErrorKind::WouldBlock.into()) }
        }

        fn shutdown(&self) {}

        #[cfg(unix)]
        fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
            unreachable!("nobody waits for it")
        }
    }

    /// Of messages.
    fn sender(client: bool, fragment: usize) -> Tx {
        Tx::new(&Terms { fragment, ..Terms::of(client, Content::Messages) })
    }

    /// Of bytes.
    fn plain(client: bool, fragment: usize, send_text: bool) -> Tx {
        Tx::new(&Terms { fragment, ..Terms::of(client, Content::Bytes { send_text, recv_text: false }) })
    }

    fn engine(messages: &[Vec<u8>]) -> Vec<u8> {
        messages.iter().flat_map(|m| [&(m.len() as u64).to_be_bytes()[..], m].concat()).collect()
    }

    type ControlFrame = (u8, Vec<u8>);

    /// The payloads of the messages in these frames; control frames as their opcode and payload.
    fn decode(mut bytes: &[u8], masked: bool) -> (Vec<Vec<u8>>, Vec<ControlFrame>) {
        let (mut messages, mut control, mut open) = (Vec::new(), Vec::new(), false);
        while !bytes.is_empty() {
            let (header, len) = FrameHeader::parse(&mut Cursor::new(bytes)).unwrap().unwrap();
            assert_eq!(header.mask.is_some(), masked);
            let (start, len) = (header.len(len), len as usize);
            let mut payload = bytes[start..start + len].to_vec();
            if let Some(key) = header.mask {
                payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
            }
            bytes = &bytes[start + len..];
            match header.opcode {
                OpCode::Data(data) => {
                    assert_eq!(data, if open { Data::Continue } else { Data::Binary });
                    if open {
                        messages.last_mut().map(|m: &mut Vec<u8>| m.extend(payload)).unwrap()
                    } else {
                        messages.push(payload)
                    }
                    open = !header.is_final;
                }
                OpCode::Control(kind) => control.push((OpCode::Control(kind).into(), payload)),
            }
        }
        assert!(!open);
        (messages, control)
    }

    #[test]
    fn frames_byte_for_byte() {
        let wire = Wire { room: Mutex::new(usize::MAX), ..Wire::default() };
        let mut tx = sender(false, 4);
        let bytes = engine(&[b"hello".to_vec(), vec![], b"you!".to_vec()]);
        assert_eq!(tx.write(&wire, &[IoSlice::new(&bytes)]).unwrap(), bytes.len());
        tx.pong(&wire, [b"p".to_vec()].into()).unwrap();
        tx.ping(&wire).unwrap();
        tx.close(&wire, Some(CloseCode::Normal));
        assert_eq!(
            *wire.bytes.lock().unwrap(),
            b"\x02\x04hell\x80\x01o\x82\x00\x82\x04you!\x8a\x01p\x89\x00\x88\x02\x03\xe8"
        );
        assert_eq!(tx.write(&wire, &[IoSlice::new(&bytes)]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn bytes_byte_for_byte() {
        let wire = Wire { room: Mutex::new(usize::MAX), ..Wire::default() };
        let mut tx = plain(false, 4, false);
        let pieces = [IoSlice::new(b"he"), IoSlice::new(b""), IoSlice::new(b"llo")];
        assert_eq!(tx.write(&wire, &pieces).unwrap(), 4);
        assert_eq!(tx.write(&wire, &[IoSlice::new(b"o")]).unwrap(), 1);
        tx.close(&wire, Some(CloseCode::Normal));
        assert_eq!(*wire.bytes.lock().unwrap(), b"\x82\x04hell\x82\x01o\x88\x02\x03\xe8");
        // Without a limit, as text.
        wire.bytes.lock().unwrap().clear();
        assert_eq!(plain(false, 0, true).write(&wire, &pieces).unwrap(), 5);
        assert_eq!(*wire.bytes.lock().unwrap(), b"\x81\x05hello");
    }

    /// A frame counts when all of it is with the kernel, and none is begun before.
    #[test]
    fn bytes_count_by_frames() {
        let wire = Wire { room: Mutex::new(5), ..Wire::default() };
        let mut tx = plain(false, 4, false);
        let offer = [IoSlice::new(b"hello")];
        assert_eq!(tx.write(&wire, &offer).unwrap_err().kind(), ErrorKind::WouldBlock);
        tx.pong(&wire, [b"p".to_vec()].into()).unwrap();
        *wire.room.lock().unwrap() = 2;
        assert_eq!(tx.write(&wire, &offer).unwrap(), 4);
        *wire.room.lock().unwrap() = usize::MAX;
        assert_eq!(tx.write(&wire, &[IoSlice::new(b"o")]).unwrap(), 1);
        assert_eq!(*wire.bytes.lock().unwrap(), b"\x82\x04hell\x8a\x01p\x82\x01o");
    }

    /// What the engine was told is unsent does not go out behind its back, with a pong, a ping or a close.
    #[test]
    fn unsent_messages_stay_unsent() {
        let wire = Wire { room: Mutex::new(4), ..Wire::default() };
        let mut tx = sender(false, 0);
        let bytes = engine(&[b"ab".to_vec(), b"cd".to_vec()]);
        // One frame, and then nothing.
        assert_eq!(tx.write(&wire, &[IoSlice::new(&bytes)]).unwrap(), 10);
        *wire.room.lock().unwrap() = usize::MAX;
        tx.pong(&wire, [b"p".to_vec()].into()).unwrap();
        tx.ping(&wire).unwrap();
        tx.close(&wire, Some(CloseCode::Normal));
        assert_eq!(*wire.bytes.lock().unwrap(), b"\x82\x02ab");
        assert_eq!(tx.write(&wire, &[IoSlice::new(&bytes[10..])]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    /// Takes so many bytes, and breaks.
    struct Breaking(Mutex<usize>);

    impl ByteStream for Breaking {
        fn try_read(&self, _: &mut Vec<u8>, _: usize) -> io::Result<usize> {
            unreachable!("nobody reads")
        }

        fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            let mut room = self.0.lock().unwrap();
            let n = bufs[0].len().min(*room);
            *room -= n;
            if n > 0 { Ok(n) } else { Err(ErrorKind::ConnectionReset.into()) }
        }

        fn shutdown(&self) {}

        #[cfg(unix)]
        fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
            unreachable!("nobody waits for it")
        }
    }

    #[test]
    fn what_was_delivered_is_told_before_the_error() {
        let wire = Breaking(Mutex::new(5));
        let mut tx = sender(false, 0);
        let bytes = engine(&[b"ab".to_vec(), b"cd".to_vec()]);
        assert_eq!(tx.write(&wire, &[IoSlice::new(&bytes)]).unwrap(), 10);
        let error = tx.write(&wire, &[IoSlice::new(&bytes[10..])]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn keys_differ() {
        let mut masks = Masks::default();
        let keys: std::collections::HashSet<_> = (0..1000).map(|_| masks.next()).collect();
        assert!(keys.len() > 990);
    }

    proptest! {
        /// However the system takes them: bytes arrive in their order, in frames that are not too long, and what was counted has been sent.
        #[test]
        fn bytes_arrive(
            bytes in prop::collection::vec(any::<u8>(), 1..400),
            rooms in prop::collection::vec((0_usize..60, any::<bool>()), 1..60),
            slices in 1_usize..30,
            frame_max in 1_usize..50,
            client: bool,
        ) {
            let (wire, mut tx) = (Wire::default(), plain(client, frame_max, false));
            let mut at = 0;
            for (room, ping) in rooms.into_iter().chain([(usize::MAX, false)]) {
                *wire.room.lock().unwrap() = room;
                if ping {
                    tx.pong(&wire, [b"!".to_vec()].into()).unwrap();
                }
                while at < bytes.len() {
                    let bufs: Vec<_> = bytes[at..].chunks(slices).map(IoSlice::new).collect();
                    match tx.write(&wire, &bufs) {
                        Ok(n) => {
                            prop_assert_eq!(n, frame_max.min(bytes.len() - at));
                            at += n;
                        }
                        Err(e) => {
                            assert_eq!(e.kind(), ErrorKind::WouldBlock);
                            break;
                        }
                    }
                }
            }
            tx.flush(&wire).unwrap();
            prop_assert_eq!(at, bytes.len());
            let (arrived, _) = decode(&wire.bytes.lock().unwrap(), client);
            prop_assert!(arrived.iter().all(|frame| (1..=frame_max).contains(&frame.len())));
            prop_assert_eq!(arrived.concat(), bytes);
        }

        /// However the engine cuts its bytes, and the system takes them: the messages arrive, pings are answered in between, and what
        /// counts as written is with the kernel.
        #[test]
        fn messages_arrive(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20),
            rooms in prop::collection::vec((0_usize..60, any::<bool>()), 1..60),
            slices in 1_usize..30,
            frame_max in 1_usize..50,
            client: bool,
        ) {
            let (wire, mut tx) = (Wire::default(), sender(client, frame_max));
            let bytes = engine(&messages);
            let mut at = 0;
            for (room, ping) in rooms.into_iter().chain([(usize::MAX, false)]) {
                *wire.room.lock().unwrap() = room;
                if ping {
                    tx.pong(&wire, [b"!".to_vec()].into()).unwrap();
                }
                while at < bytes.len() {
                    // The engine's pieces: never less than a prefix and something behind it.
                    let bufs: Vec<_> = bytes[at..].chunks(slices).map(IoSlice::new).collect();
                    match tx.write(&wire, &bufs) {
                        Ok(n) => at += n,
                        Err(e) => {
                            assert_eq!(e.kind(), ErrorKind::WouldBlock);
                            break;
                        }
                    }
                }
            }
            tx.flush(&wire).unwrap();
            prop_assert_eq!(at, bytes.len());
            let (arrived, control) = decode(&wire.bytes.lock().unwrap(), client);
            prop_assert_eq!(arrived, messages);
            prop_assert!(control.iter().all(|c| *c == (0xa, b"!".to_vec()) || *c == (0x8a, b"!".to_vec())));
        }
    }
}
