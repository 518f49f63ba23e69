//! Framing: what one side writes the other reads, in whatever pieces; and any bytes are judged without a panic.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use spanwire_core::transport::Codec;
use spanwire_transports::codec::{Length, Typed, decode_hello, encode_hello};

#[derive(Arbitrary, Debug)]
struct Input {
    typed: bool,
    messages: Vec<Vec<u8>>,
    /// How far to look, again and again.
    cuts: Vec<u8>,
    garbage: Vec<u8>,
    hello: [u8; 8],
}

fuzz_target!(|input: Input| {
    let codec: &dyn Codec = if input.typed { &Typed } else { &Length };
    let mut stream = Vec::new();
    for message in &input.messages {
        codec.encode_prefix(message.len(), &mut stream);
        stream.extend_from_slice(message);
    }
    let (mut at, mut seen) = (0, 0);
    let mut expected = input.messages.iter();
    let cuts = input.cuts.iter().map(|cut| usize::from(*cut)).chain([usize::MAX]);
    for cut in cuts {
        seen = stream.len().min(cut.saturating_add(seen));
        while let Some(frame) = codec.decode_prefix(&stream[at..seen]).expect("our own framing") {
            let (start, len) = (at + frame.prefix, usize::try_from(frame.len).expect("our own length"));
            if seen < start + len {
                break;
            }
            assert_eq!(Some(&stream[start..start + len]), expected.next().map(|message| &message[..]));
            at = start + len;
        }
    }
    assert_eq!((at, expected.next()), (stream.len(), None));

    let judged = codec.decode_prefix(&input.garbage);
    let wrong_type = input.typed && input.garbage.first().is_some_and(|kind| *kind != 1);
    assert_eq!(judged.is_err(), wrong_type);
    if let Ok(number) = decode_hello(input.hello) {
        assert_eq!(encode_hello(number), input.hello);
    }
});
