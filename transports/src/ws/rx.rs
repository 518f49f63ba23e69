//! The receiving side: frames become messages, or bytes.
//!
//! The engine is given its own framing, the length and then the message. A message in one frame goes straight on, whatever its length; one in
//! fragments is collected first, because its length is not known before. Of a byte stream all payloads go straight on, without a length: nothing
//! tells where one ends. Nothing is allocated for bytes that were only announced.

use std::collections::VecDeque;
use std::io::{self, Cursor, ErrorKind};

use spanwire_core::Error;
use spanwire_core::transport::ByteStream;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::mask::{Key, apply};
use super::scratch::{self, give_back, scratch};
use super::stream::{Content, Terms};

/// What has been read of the connection and not been given to the engine.
pub(super) struct Rx {
    /// Read, and not looked at from `at` on. The thread's scratch memory while a call lasts.
    raw: Vec<u8>,
    at: usize,
    frame: Frame,
    /// The fragments of a message that is not complete, or complete and not given completely.
    collected: Vec<u8>,
    /// Whether a fragment that is not the last has come.
    fragments: bool,
    give: Give,
    life: Life,
    /// The pings that were read and not answered, the last [`PONGS`] of them.
    pings: VecDeque<Vec<u8>>,
    /// Frames come from a client, and are masked.
    masked: bool,
    content: Content,
    /// The longest message and the longest frame.
    message_max: u64,
    frame_max: u64,
}

/// ```text
/// Header ──a message in one frame, bytes──► Whole ──────► Header
///   ├──────a fragment of a message────────► Part  ──────► Header
///   └──────ping, pong, close──────────────► Control ────► Header
/// ```
enum Frame {
    Header,
    Whole(Payload),
    Part { payload: Payload, last: bool },
    Control { kind: Control, payload: Payload, read: Vec<u8> },
}

/// What is left of a frame's payload.
struct Payload {
    left: u64,
    at: u64,
    key: Option<Key>,
}

/// What the engine gets before anything else.
enum Give {
    Nothing,
    /// A message's length, from this byte on; then, if it was collected, the message.
    Prefix {
        len: u64,
        at: usize,
        collected: bool,
    },
    /// The collected message, from this byte on.
    Collected(usize),
}

/// ```text
/// Open ──close frame, end of the stream──► Ended
///   └────what the peer must not send─────► Failed
/// ```
enum Life {
    Open,
    Ended,
    Failed(Error),
}

/// What the peer must be sent.
pub(super) enum Reply {
    Pongs(VecDeque<Vec<u8>>),
    /// The last frame.
    Close(Option<CloseCode>),
}

/// What the peer must not send, and the code with which it is told.
struct Fault(CloseCode, Error);

impl Rx {
    /// `raw`: what was read behind the handshake.
    pub(super) fn new(raw: Vec<u8>, terms: &Terms) -> Self {
        let limit = |max: usize| if max == 0 { u64::MAX } else { max as u64 };
        Self {
            raw,
            at: 0,
            frame: Frame::Header,
            collected: Vec::new(),
            fragments: false,
            give: Give::Nothing,
            life: Life::Open,
            pings: VecDeque::new(),
            masked: !terms.client,
            content: terms.content,
            message_max: match terms.content {
                Content::Messages => limit(terms.message_max),
                Content::Bytes { .. } => u64::MAX,
            },
            frame_max: limit(terms.frame_max),
        }
    }

    /// Whether something was read that the stream's descriptor does not tell of.
    pub(super) fn has_buffered(&self) -> bool {
        self.at < self.raw.len()
    }

    /// As [`ByteStream::try_read`], over that stream.
    pub(super) fn read(
        &mut self,
        stream: &dyn ByteStream,
        into: &mut Vec<u8>,
        max: usize,
        mut reply: impl FnMut(Reply),
    ) -> io::Result<usize> {
        let begin = into.len();
        let goal = begin + max.min(into.capacity() - begin);
        let (mut blocked, mut short) = (false, false);
        let (mut before, mut taken, mut vain) = (begin, 0, 0);
        loop {
            self.give(into, goal);
            if into.len() == goal {
                self.answer(&mut reply);
                return Ok(goal - begin);
            }
            if !matches!(self.life, Life::Open) {
                break;
            }
            match self.step(into, goal, &mut reply) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(Fault(code, error)) => {
                    self.life = Life::Failed(error);
                    self.answer(&mut reply);
                    reply(Reply::Close(Some(code)));
                    continue;
                }
            }
            self.answer(&mut reply);
            // Behind a short read may be the end, of which nobody would tell if this call gave nothing.
            if blocked || (short && into.len() > begin) {
                self.settle();
                return if into.len() > begin { Ok(into.len() - begin) } else { Err(ErrorKind::WouldBlock.into()) };
            }
            vain += usize::from((into.len() - before) * WORTH < taken);
            before = into.len();
            if vain >= VAIN {
                // Others have a turn. What was given so far counts.
                self.settle();
                return Err(ErrorKind::Interrupted.into());
            }
            match self.fill(stream, into, goal) {
                Ok((0, _)) => {
                    self.life = if self.at_rest() { Life::Ended } else { Life::Failed(Error::ConnectionShutdown) };
                }
                Ok((n, want)) => (taken, short) = (n, n < want),
                Err(e) if e.kind() == ErrorKind::WouldBlock => blocked = true,
                Err(e) if e.kind() == ErrorKind::Interrupted => {
                    // The stream below has found nothing for too long. What it has given is looked at in the next turn.
                    self.settle();
                    return Err(e);
                }
                Err(e) => self.life = Life::Failed(e.into()),
            }
        }
        self.release();
        self.collected = Vec::new();
        if let Life::Failed(_) = self.life {
            discard(stream);
        }
        if into.len() > begin {
            // The end is for the next read, of which nothing would tell.
            stream.shutdown();
            return Ok(into.len() - begin);
        }
        match &self.life {
            Life::Failed(error) => Err(error.clone().into()),
            Life::Open | Life::Ended => Ok(0),
        }
    }

    /// Answers the pings that have been read, all at once.
    fn answer(&mut self, reply: &mut impl FnMut(Reply)) {
        if !self.pings.is_empty() {
            reply(Reply::Pongs(std::mem::take(&mut self.pings)));
        }
    }

    /// Whether the connection ends between two messages.
    fn at_rest(&self) -> bool {
        matches!(self.frame, Frame::Header) && !self.fragments && !self.has_buffered()
    }

    /// Gives what is due.
    fn give(&mut self, into: &mut Vec<u8>, goal: usize) {
        loop {
            match &mut self.give {
                Give::Nothing => return,
                Give::Prefix { len, at, collected } => {
                    let prefix = len.to_be_bytes();
                    let rest = prefix.get(*at..).unwrap_or_default();
                    let rest = rest.get(..goal - into.len()).unwrap_or(rest);
                    into.extend_from_slice(rest);
                    *at += rest.len();
                    if *at < prefix.len() {
                        return;
                    }
                    self.give = if *collected { Give::Collected(0) } else { Give::Nothing };
                }
                Give::Collected(at) => {
                    let rest = self.collected.get(*at..).unwrap_or_default();
                    let rest = rest.get(..goal - into.len()).unwrap_or(rest);
                    into.extend_from_slice(rest);
                    *at += rest.len();
                    if *at < self.collected.len() {
                        return;
                    }
                    // An idle connection holds no memory.
                    self.collected = Vec::new();
                    self.give = Give::Nothing;
                }
            }
        }
    }

    /// Goes on with what has been read. `false`: more must be read.
    fn step(&mut self, into: &mut Vec<u8>, goal: usize, reply: &mut impl FnMut(Reply)) -> Result<bool, Fault> {
        let raw = self.raw.get(self.at..).unwrap_or_default();
        match &mut self.frame {
            Frame::Header => {
                let mut cursor = Cursor::new(raw);
                let parsed = FrameHeader::parse(&mut cursor).map_err(|e| violation(&e.to_string()))?;
                let Some((header, len)) = parsed else {
                    return Ok(false);
                };
                self.at += cursor.position() as usize;
                self.begin(&header, len)?;
                Ok(true)
            }
            Frame::Whole(payload) => {
                let n = payload.take(raw, goal - into.len(), into);
                self.at += n;
                if payload.left == 0 {
                    self.frame = Frame::Header;
                }
                Ok(n > 0 || matches!(self.frame, Frame::Header))
            }
            Frame::Part { payload, last } => {
                let n = payload.take(raw, usize::MAX, &mut self.collected);
                self.at += n;
                let last = *last;
                if payload.left > 0 {
                    return Ok(n > 0);
                }
                self.frame = Frame::Header;
                self.fragments = !last;
                if last {
                    self.give = Give::Prefix { len: self.collected.len() as u64, at: 0, collected: true };
                }
                Ok(true)
            }
            Frame::Control { kind, payload, read } => {
                let n = payload.take(raw, usize::MAX, read);
                self.at += n;
                if payload.left > 0 {
                    return Ok(n > 0);
                }
                let (kind, read) = (*kind, std::mem::take(read));
                self.frame = Frame::Header;
                match kind {
                    Control::Ping => {
                        if self.pings.len() == PONGS {
                            self.pings.pop_front();
                        }
                        self.pings.push_back(read);
                    }
                    Control::Close => {
                        let code = closed_with(&read)?;
                        self.life = Life::Ended;
                        self.answer(reply);
                        reply(Reply::Close(code));
                    }
                    Control::Pong | Control::Reserved(_) => {}
                }
                Ok(true)
            }
        }
    }

    /// Judges a frame by its header.
    fn begin(&mut self, header: &FrameHeader, len: u64) -> Result<(), Fault> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(violation("reserved bits are set"));
        }
        if header.mask.is_some() != self.masked {
            return Err(violation(if self.masked {
                "a client's frame is not masked"
            } else {
                "a server's frame is masked"
            }));
        }
        let payload = Payload { left: len, at: 0, key: header.mask };
        self.frame = match header.opcode {
            OpCode::Control(_) if !header.is_final => return Err(violation("a control frame in fragments")),
            OpCode::Control(_) if len > CONTROL_MAX => return Err(violation("a control frame that is too long")),
            OpCode::Control(kind) => Frame::Control { kind, payload, read: Vec::new() },
            OpCode::Data(Data::Continue) if !self.fragments => {
                return Err(violation("the continuation of no message"));
            }
            OpCode::Data(Data::Text | Data::Binary) if self.fragments => {
                return Err(violation("a message within another"));
            }
            OpCode::Data(Data::Text) if !self.content.takes_text() => {
                return Err(Fault(CloseCode::Unsupported, Error::Protocol("a text message".into())));
            }
            OpCode::Data(Data::Reserved(_)) => return Err(violation("a reserved opcode")),
            OpCode::Data(Data::Text | Data::Binary | Data::Continue) => {
                let total = len.saturating_add(self.collected.len() as u64);
                let too_large = |what: &str, size, max| {
                    let detail = format!("{what} of {size} bytes announced, {max} allowed");
                    Fault(CloseCode::Size, Error::MessageTooLarge(detail.into()))
                };
                if total > self.message_max {
                    return Err(too_large("a message", total, self.message_max));
                }
                if len > self.frame_max {
                    return Err(too_large("a frame", len, self.frame_max));
                }
                if let Content::Bytes { .. } = self.content {
                    self.fragments = !header.is_final;
                    Frame::Whole(payload)
                } else if header.is_final && !self.fragments {
                    self.give = Give::Prefix { len, at: 0, collected: false };
                    Frame::Whole(payload)
                } else {
                    Frame::Part { payload, last: header.is_final }
                }
            }
        };
        Ok(())
    }

    /// Reads once. Answers how much, and how much there was room for. Large payloads are read to where they belong.
    fn fill(&mut self, stream: &dyn ByteStream, into: &mut Vec<u8>, goal: usize) -> io::Result<(usize, usize)> {
        match &mut self.frame {
            Frame::Whole(payload) if payload.left >= LARGE && goal - into.len() >= LARGE as usize => {
                let want = payload.up_to(goal - into.len());
                Ok((payload.read(stream, into, want)?, want))
            }
            Frame::Part { payload, .. } if payload.left >= LARGE => {
                let want = payload.up_to(scratch::LEN);
                if self.collected.try_reserve(want).is_err() {
                    return Err(ErrorKind::OutOfMemory.into());
                }
                Ok((payload.read(stream, &mut self.collected, want)?, want))
            }
            Frame::Header | Frame::Whole(_) | Frame::Part { .. } | Frame::Control { .. } => {
                let mut raw = scratch();
                raw.extend_from_slice(self.raw.get(self.at..).unwrap_or_default());
                let before = raw.len();
                // Little more than what fits, so that little is left over.
                let want = (goal - into.len()).max(READ_MIN).min(scratch::LEN.saturating_sub(before).max(READ_MIN));
                give_back(std::mem::replace(&mut self.raw, raw));
                self.at = 0;
                Ok((stream.try_read(&mut self.raw, want)?, want))
            }
        }
    }

    /// Nothing more is there: what is left, less than a header, is kept in as much memory as it needs.
    fn settle(&mut self) {
        let rest = self.raw.get(self.at..).unwrap_or_default().to_vec();
        self.release();
        self.raw = rest;
    }

    fn release(&mut self) {
        give_back(std::mem::take(&mut self.raw));
        self.at = 0;
    }
}

impl Payload {
    /// Moves at most `max` bytes of what has been read.
    fn take(&mut self, raw: &[u8], max: usize, into: &mut Vec<u8>) -> usize {
        let n = self.up_to(raw.len().min(max));
        let start = into.len();
        into.extend_from_slice(raw.get(..n).unwrap_or_default());
        self.arrived(into, start);
        n
    }

    /// Reads at most `max` bytes.
    fn read(&mut self, stream: &dyn ByteStream, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let start = into.len();
        let read = stream.try_read(into, max);
        // What came before an interruption counts.
        self.arrived(into, start);
        read
    }

    fn arrived(&mut self, into: &mut [u8], start: usize) {
        let Some(bytes) = into.get_mut(start..) else { return };
        if let Some(key) = self.key {
            apply(key, self.at, bytes);
        }
        self.at += bytes.len() as u64;
        self.left -= bytes.len() as u64;
    }

    fn up_to(&self, max: usize) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX).min(max)
    }
}

/// The code to answer a close frame with.
fn closed_with(payload: &[u8]) -> Result<Option<CloseCode>, Fault> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(violation("half a close code")) };
    };
    let code = CloseCode::from(u16::from_be_bytes(*code));
    if !code.is_allowed() {
        return Err(violation(&format!("close code {code}")));
    }
    match std::str::from_utf8(reason) {
        Ok(_) => Ok(Some(code)),
        Err(_) => Err(Fault(CloseCode::Invalid, Error::Protocol("a reason to close that is no UTF-8".into()))),
    }
}

/// Reads what has come and is of no use: the system would answer a close with a reset otherwise, which destroys what the peer has not
/// read yet, such as the close frame.
fn discard(stream: &dyn ByteStream) {
    let mut scrap = scratch();
    for _ in 0..DISCARDS {
        scrap.clear();
        if !matches!(stream.try_read(&mut scrap, scratch::LEN), Ok(n) if n > 0) {
            break;
        }
    }
    give_back(scrap);
}

fn violation(what: &str) -> Fault {
    Fault(CloseCode::Protocol, Error::Protocol(what.to_owned().into()))
}

const CONTROL_MAX: u64 = 125;
/// A payload of which so much is missing is read to where it belongs.
const LARGE: u64 = 4 * 1024;
const READ_MIN: usize = 512;
/// How often one call reads what holds next to nothing for the engine, such as pings.
const VAIN: usize = 16;
/// Next to nothing is less than this part.
const WORTH: usize = 8;
/// How many pings are answered of those that come at once: the last ones. The last would do (RFC 6455, section 5.5.3).
const PONGS: usize = 16;
/// What a socket's receive buffer can hold.
const DISCARDS: usize = 100;

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    /// Hands out its bytes in pieces.
    struct Wire(Mutex<(Vec<u8>, usize)>);

    impl ByteStream for Wire {
        fn try_read(&self, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
            let mut wire = self.0.lock().unwrap();
            let n = wire.0.len().min(wire.1).min(max);
            into.extend(wire.0.drain(..n));
            if n > 0 { Ok(n) } else { Err(ErrorKind::WouldBlock.into()) }
        }

        fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
            unreachable!("nobody writes")
        }

        fn shutdown(&self) {}

        #[cfg(unix)]
        fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
            unreachable!("nobody waits for it")
        }
    }

    #[derive(Clone, Debug)]
    enum Sent {
        Message(Vec<u8>, usize),
        Ping(Vec<u8>),
        Pong,
    }

    fn sent() -> impl Strategy<Value = Sent> {
        prop_oneof![
            4 => (prop::collection::vec(any::<u8>(), 0..300), 1_usize..400).prop_map(|(m, cut)| Sent::Message(m, cut)),
            1 => (4000_usize..9000, 3000_usize..9000).prop_map(|(n, cut)| Sent::Message(vec![n as u8; n], cut)),
            1 => prop::collection::vec(any::<u8>(), 0..125).prop_map(Sent::Ping),
            1 => Just(Sent::Pong),
        ]
    }

    fn frame(opcode: u8, fin: bool, payload: &[u8], key: Option<Key>) -> Vec<u8> {
        let header = FrameHeader { is_final: fin, opcode: opcode.into(), mask: key, ..FrameHeader::default() };
        let mut out = Vec::new();
        header.format(payload.len() as u64, &mut out).unwrap();
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = key {
            apply(key, 0, &mut out[start..]);
        }
        out
    }

    /// Of messages.
    fn receiver(masked: bool, ahead: Vec<u8>, message_max: usize) -> Rx {
        Rx::new(ahead, &Terms { message_max, ..Terms::of(!masked, Content::Messages) })
    }

    fn bytes_with(recv_text: bool) -> Content {
        Content::Bytes { send_text: false, recv_text }
    }

    fn whole(rx: &mut Rx, bytes: &[u8]) -> (Result<usize, Error>, Vec<u8>, Vec<u16>) {
        let wire = Wire(Mutex::new((bytes.to_vec(), usize::MAX)));
        let (mut out, mut codes) = (Vec::with_capacity(1 << 16), Vec::new());
        loop {
            let read = rx.read(&wire, &mut out, 1 << 15, |reply| {
                if let Reply::Close(code) = reply {
                    codes.push(code.map_or(1005, u16::from));
                }
            });
            match read {
                Ok(n) if n > 0 => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Ok(n) => return (Ok(n), out, codes),
                Err(e) => return (Err(e.into()), out, codes),
            }
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        let key = Some([1, 2, 3, 4]);
        let cases: Vec<(Vec<u8>, u16)> = vec![
            (vec![0x82, 0x01, b'x'], 1002), // not masked
            (frame(0x1, true, b"text", key), 1003),
            (frame(0x1, false, b"te", key), 1003),
            (vec![0xc2, 0x80, 0, 0, 0, 0], 1002), // RSV1
            (vec![0xa2, 0x80, 0, 0, 0, 0], 1002),
            (vec![0x92, 0x80, 0, 0, 0, 0], 1002),
            (vec![0x83, 0x80, 0, 0, 0, 0], 1002), // opcodes
            (vec![0x8b, 0x80, 0, 0, 0, 0], 1002),
            (frame(0x0, true, b"?", key), 1002),
            ([frame(0x2, false, b"a", key), frame(0x2, true, b"b", key)].concat(), 1002),
            (frame(0x9, false, b"", key), 1002),
            (vec![0x89, 0xfe, 0, 126, 0, 0, 0, 0], 1002),
            (frame(0x2, true, &[0; 1001], key), 1009),
            ([frame(0x2, false, &[0; 600], key), frame(0x0, true, &[0; 401], key)].concat(), 1009),
            (vec![0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], 1009),
            (frame(0x8, true, &[3], key), 1002),
            (frame(0x8, true, &1005_u16.to_be_bytes(), key), 1002),
            (frame(0x8, true, b"\x03\xe8\xff", key), 1007),
            (frame(0x8, true, &1000_u16.to_be_bytes(), key), 1000),
            (frame(0x8, true, b"\x0b\xb8bye", key), 3000),
            (frame(0x8, true, b"", key), 1005),
        ];
        for (bytes, code) in cases {
            let good = frame(0x2, true, b"first", key);
            let mut rx = receiver(true, Vec::new(), 1000);
            let (end, given, codes) = whole(&mut rx, &[good, bytes.clone()].concat());
            assert_eq!(given, b"\0\0\0\0\0\0\0\x05first", "{bytes:02x?}");
            assert_eq!(codes, [code], "{bytes:02x?}");
            match (code, end) {
                (1000 | 1005 | 3000, Ok(0))
                | (1002 | 1003 | 1007, Err(Error::Protocol(_)))
                | (1009, Err(Error::MessageTooLarge(_))) => {}
                (_, end) => panic!("{bytes:02x?}: {end:?}"),
            }
        }
    }

    /// Bytes flow together, whatever the frames are; what belongs to frames is judged as ever.
    #[test]
    fn bytes_have_no_borders() {
        let key = Some([1, 2, 3, 4]);
        let some = [
            frame(0x2, true, b"one", key),
            frame(0x2, true, b"", key),
            frame(0x2, false, b" tw", key),
            frame(0x9, true, b"?", key),
            frame(0x0, false, b"", key),
            frame(0x0, true, b"o", key),
        ]
        .concat();
        let text = [frame(0x1, false, b" thr", key), frame(0x0, true, b"ee", key)].concat();
        let cases: Vec<(bool, Vec<u8>, &[u8], u16)> = vec![
            (true, text.clone(), b"one two three", 0),
            (false, text, b"one two", 1003),
            (false, frame(0x2, true, &[b'.'; 10], key), b"one two..........", 0),
            (false, frame(0x2, true, &[b'.'; 11], key), b"one two", 1009),
            (false, [frame(0x2, false, b".", key), frame(0x2, true, b"?", key)].concat(), b"one two.", 1002),
            (false, frame(0x0, true, b"?", key), b"one two", 1002),
            (false, frame(0x8, true, &1000_u16.to_be_bytes(), key), b"one two", 1000),
        ];
        for (recv_text, bytes, given, code) in cases {
            // Of messages there is no limit: there are none.
            let terms = Terms { frame_max: 10, message_max: 1, ..Terms::of(false, bytes_with(recv_text)) };
            let found = whole(&mut Rx::new(some.clone(), &terms), &bytes);
            assert_eq!((&found.1[..], &found.2[..]), (given, &[code][usize::from(code == 0)..]), "{bytes:02x?}");
            match (code, found.0) {
                (0, Err(Error::TryAgain))
                | (1000, Ok(0))
                | (1002 | 1003, Err(Error::Protocol(_)))
                | (1009, Err(Error::MessageTooLarge(_))) => {}
                (_, end) => panic!("{bytes:02x?}: {end:?}"),
            }
        }
    }

    #[test]
    fn servers_do_not_mask() {
        let mut rx = receiver(false, frame(0x2, true, b"x", Some([1; 4])), 0);
        assert!(rx.has_buffered());
        assert_eq!(whole(&mut rx, b"").2, [1002]);
    }

    #[test]
    fn what_is_announced_costs_nothing() {
        for first in [0x82, 0x02] {
            let mut rx = receiver(true, Vec::new(), 0);
            let mut bytes = vec![first, 0xff];
            bytes.extend((1_u64 << 62).to_be_bytes());
            bytes.extend([0; 10]);
            assert_eq!(whole(&mut rx, &bytes).0, Err(Error::TryAgain));
            assert!(rx.collected.capacity() <= 2 * scratch::LEN && rx.raw.capacity() == 0);
        }
    }

    #[test]
    fn idle_connections_hold_nothing() {
        let mut rx = receiver(true, Vec::new(), 0);
        let large = vec![7; 1 << 20];
        let key = Some([1, 2, 3, 4]);
        let bytes =
            [frame(0x2, false, &large, key), frame(0x0, true, &large, key), frame(0x2, true, &large, key)].concat();
        let (end, given, _) = {
            let wire = Wire(Mutex::new((bytes, usize::MAX)));
            let mut out = Vec::with_capacity(4 << 20);
            let end = loop {
                match rx.read(&wire, &mut out, 50_000, |_| {}) {
                    Ok(n) if n > 0 => {}
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    other => break other.map_err(Error::from),
                }
            };
            (end, out, ())
        };
        assert_eq!((end, given.len()), (Err(Error::TryAgain), (3 << 20) + 16));
        assert_eq!((rx.raw.capacity(), rx.collected.capacity()), (0, 0));
    }

    /// Says the same for ever, and as much as is wanted; or once, and ends.
    struct Flood {
        frame: Vec<u8>,
        once: bool,
        /// How often it was read, and how much.
        reads: Mutex<(usize, usize)>,
    }

    impl ByteStream for Flood {
        fn try_read(&self, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
            let mut reads = self.reads.lock().unwrap();
            reads.0 += 1;
            let n = match (self.once, reads.0) {
                (true, 1) => self.frame.len(),
                (true, _) => 0,
                (false, _) => max,
            };
            into.extend(self.frame.iter().cycle().skip(reads.1 % self.frame.len()).take(n));
            reads.1 += n;
            Ok(n)
        }

        fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
            unreachable!("nobody writes")
        }

        fn shutdown(&self) {}

        #[cfg(unix)]
        fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
            unreachable!("nobody waits for it")
        }
    }

    /// Who sends nothing but control frames, or empty fragments, has the thread for a moment only; and what came before them is given.
    #[test]
    fn floods_are_interrupted() {
        let message = frame(0x2, true, b"first", None);
        let start = frame(0x2, false, b"", None);
        for (ahead, given, flood) in [
            (Vec::new(), 0, frame(0x9, true, b"!", None)),
            (message, 13, frame(0xa, true, b"", None)),
            (start, 0, frame(0x0, false, b"", None)),
        ] {
            let wire = Flood { frame: flood, once: false, reads: Mutex::default() };
            let mut rx = receiver(false, ahead, 0);
            let (mut out, mut replies, mut pongs) = (Vec::with_capacity(1 << 16), 0, 0);
            for call in 1..=3 {
                let read = rx.read(&wire, &mut out, 1 << 16, |reply| match reply {
                    Reply::Pongs(payloads) => (replies, pongs) = (replies + 1, pongs + payloads.len()),
                    Reply::Close(code) => panic!("closed with {code:?}"),
                });
                assert_eq!(read.unwrap_err().kind(), ErrorKind::Interrupted);
                assert_eq!(out.len(), given);
                let reads = wire.reads.lock().unwrap().0;
                assert!(reads <= call * (VAIN + 1), "{reads} reads");
                assert!(replies <= reads && pongs <= reads * PONGS, "{replies} replies, {pongs} pongs");
            }
        }
    }

    /// Nor does a little something now and then buy more time.
    #[test]
    fn floods_with_messages_in_between_are_interrupted() {
        let mut flood = frame(0x2, true, b"", None);
        (0..1000).for_each(|_| flood.extend(frame(0xa, true, b"", None)));
        let wire = Flood { frame: flood, once: false, reads: Mutex::default() };
        let mut out = Vec::with_capacity(1 << 16);
        let read = receiver(false, Vec::new(), 0).read(&wire, &mut out, 1 << 16, |_| {});
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Interrupted);
        assert!(!out.is_empty() && wire.reads.lock().unwrap().0 <= VAIN + 1);
    }

    /// Of the end behind a ping nothing else tells.
    #[test]
    fn the_end_is_found_behind_a_ping() {
        let wire = Flood { frame: frame(0x9, true, b"!", None), once: true, reads: Mutex::default() };
        let mut rx = receiver(false, Vec::new(), 0);
        assert_eq!(rx.read(&wire, &mut Vec::with_capacity(1 << 16), 1 << 16, |_| {}).unwrap(), 0);
    }

    proptest! {
        /// However the bytes come and are asked for.
        #[test]
        fn messages_arrive(
            script in prop::collection::vec(sent(), 1..12),
            key: Option<Key>,
            piece in 1_usize..5000,
            max in 1_usize..6000,
            ahead in 0_usize..100,
            as_bytes: bool,
        ) {
            let content = if as_bytes { bytes_with(false) } else { Content::Messages };
            let (mut bytes, mut messages, mut pings) = (Vec::new(), Vec::new(), Vec::new());
            for sent in &script {
                match sent {
                    Sent::Message(body, cut) => {
                        let mut pieces: Vec<_> = body.chunks(*cut).collect();
                        if pieces.is_empty() { pieces.push(&[]) }
                        for (n, payload) in pieces.iter().enumerate() {
                            bytes.extend(frame(if n == 0 { 2 } else { 0 }, n + 1 == pieces.len(), payload, key));
                            // Control frames may stand between fragments.
                            bytes.extend(frame(0xa, true, b"unasked", key));
                        }
                        if !as_bytes {
                            messages.extend((body.len() as u64).to_be_bytes());
                        }
                        messages.extend(body);
                    }
                    Sent::Ping(payload) => {
                        bytes.extend(frame(9, true, payload, key));
                        pings.push(payload.clone());
                    }
                    Sent::Pong => bytes.extend(frame(0xa, true, b"", key)),
                }
            }
            let rest = bytes.split_off(ahead.min(bytes.len()));
            let mut rx = Rx::new(bytes, &Terms::of(key.is_none(), content));
            let wire = Wire(Mutex::new((rest, piece)));
            let (mut given, mut pongs) = (Vec::new(), Vec::new());
            // Less than was asked for means that the wire is empty for now; this one never is, until the end.
            loop {
                let mut out = Vec::with_capacity(max);
                let read = rx.read(&wire, &mut out, max, |reply| match reply {
                    Reply::Pongs(payloads) => pongs.extend(payloads),
                    Reply::Close(code) => panic!("closed with {code:?}"),
                });
                given.extend(out);
                match read {
                    Ok(_) => {}
                    Err(e) if e.kind() == ErrorKind::WouldBlock && wire.0.lock().unwrap().0.is_empty() => break,
                    Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                    Err(e) => panic!("{e}"),
                }
            }
            prop_assert_eq!(given, messages);
            prop_assert_eq!(pongs, pings);
        }

        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200), masked: bool, max in 0_usize..100) {
            let _ = whole(&mut receiver(masked, Vec::new(), max), &bytes);
            let terms = Terms { frame_max: max, ..Terms::of(!masked, bytes_with(bytes.len() % 2 == 0)) };
            let _ = whole(&mut Rx::new(Vec::new(), &terms), &bytes);
        }
    }
}
