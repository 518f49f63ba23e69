//! The receiving side of a WebSocket: any frames and any bytes, in any pieces.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use spanwire_transports::ws::fuzz::{receive, receive_bytes, send};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    masked: bool,
    frames: Vec<Frame<'a>>,
    garbage: &'a [u8],
    cuts: Vec<u16>,
    message_max: u16,
    frame_max: u16,
    max: u16,
    recv_text: bool,
}

#[derive(Arbitrary, Debug)]
struct Frame<'a> {
    first: u8,
    payload: &'a [u8],
    key: [u8; 4],
}

fuzz_target!(|input: Input<'_>| {
    let mut bytes = Vec::new();
    for frame in &input.frames {
        frame.append(input.masked, &mut bytes);
    }
    bytes.extend_from_slice(input.garbage);
    let (message_max, frame_max) = (usize::from(input.message_max), usize::from(input.frame_max));
    let whole = receive(input.masked, &[&bytes], message_max, frame_max, 1 << 16);

    let mut pieces = Vec::new();
    let mut rest = &bytes[..];
    for cut in &input.cuts {
        let (piece, behind) = rest.split_at(rest.len().min(usize::from(*cut)));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    let cut = receive(input.masked, &pieces, message_max, frame_max, usize::from(input.max).max(1));
    // Of pings that come at once only the last ones are answered, and how many come at once is a matter of the pieces.
    assert_eq!((&whole.given, &whole.closed, &whole.ended), (&cut.given, &cut.closed, &cut.ended));
    assert!(whole.closed.len() <= 1);
    assert_eq!(whole.closed.is_empty(), whole.ended.is_none());

    // A byte stream has the same frames, and no limit for messages.
    let whole_bytes = receive_bytes(input.masked, &[&bytes], input.recv_text, frame_max, 1 << 16);
    let max = usize::from(input.max).max(1);
    let cut = receive_bytes(input.masked, &pieces, input.recv_text, frame_max, max);
    assert_eq!((&whole_bytes.given, &whole_bytes.closed, &whole_bytes.ended), (&cut.given, &cut.closed, &cut.ended));
    assert_eq!(whole_bytes.closed.is_empty(), whole_bytes.ended.is_none());

    let mut messages = &whole.given[..];
    while let Some((len, behind)) = messages.split_first_chunk() {
        let len = usize::try_from(u64::from_be_bytes(*len)).expect("a message that was given");
        assert!(message_max == 0 || len <= message_max);
        let Some(next) = behind.get(len..) else { break };
        messages = next;
    }

    // What is received can be sent, and is received again.
    let complete = &whole.given[..whole.given.len() - messages.len()];
    let frames = send(!input.masked, usize::from(input.frame_max), complete);
    let again = receive(!input.masked, &[&frames], 0, 0, usize::from(input.max).max(1));
    assert_eq!((&again.given[..], &again.closed[..], again.ended), (complete, &[][..], None));
});

impl Frame<'_> {
    fn append(&self, masked: bool, out: &mut Vec<u8>) {
        let mask = u8::from(masked) << 7;
        out.push(self.first);
        match u16::try_from(self.payload.len()) {
            Ok(len @ ..126) => out.push(mask | len as u8),
            Ok(len) => {
                out.push(mask | 126);
                out.extend(len.to_be_bytes());
            }
            Err(_) => {
                out.push(mask | 127);
                out.extend((self.payload.len() as u64).to_be_bytes());
            }
        }
        if masked {
            out.extend(self.key);
        }
        let key = if masked { self.key } else { [0; 4] };
        out.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}
