//! The bytes on a stream: the handshake and the framing of messages. Pure.
//!
//! ```text
//! handshake, each way            00 53 50 00  PP PP  00 00       PP PP: the sender's protocol number
//! message, Length                LL LL LL LL LL LL LL LL  SP header and body of L bytes
//! message, Typed             01  LL LL LL LL LL LL LL LL  SP header and body of L bytes
//! ```
//!
//! All numbers are big-endian.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::panic)
)]

use spanwire_core::transport::{Codec, Frame};
use spanwire_core::{Error, Result};

/// A message is its length and its bytes: TCP, TLS and `socket://`.
///
/// ```
/// use spanwire_core::transport::{Codec, Frame};
/// use spanwire_transports::codec::Length;
/// let mut bytes = Vec::new();
/// Length.encode_prefix(5, &mut bytes);
/// assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 5]);
/// assert_eq!(Length.decode_prefix(&bytes)?, Some(Frame { prefix: 8, len: 5 }));
/// assert_eq!(Length.decode_prefix(&bytes[..7])?, None);
/// # Ok::<(), spanwire_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Length;

impl Codec for Length {
    fn encode_prefix(&self, len: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&wire_len(len));
    }

    fn decode_prefix(&self, buf: &[u8]) -> Result<Option<Frame>> {
        Ok(buf.first_chunk().map(|len| Frame { prefix: 8, len: u64::from_be_bytes(*len) }))
    }
}

/// A message is the byte 1, its length and its bytes: `ipc://` and `abstract://`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Typed;

impl Codec for Typed {
    fn encode_prefix(&self, len: usize, out: &mut Vec<u8>) {
        out.push(MESSAGE);
        out.extend_from_slice(&wire_len(len));
    }

    fn decode_prefix(&self, buf: &[u8]) -> Result<Option<Frame>> {
        let Some((kind, rest)) = buf.split_first() else { return Ok(None) };
        if *kind != MESSAGE {
            return Err(Error::Protocol(format!("frame of type {kind:#04x}, {MESSAGE:#04x} expected").into()));
        }
        Ok(rest.first_chunk().map(|len| Frame { prefix: 9, len: u64::from_be_bytes(*len) }))
    }
}

/// The 8 bytes that each side of a stream sends first, with its own protocol number.
pub fn encode_hello(number: u16) -> [u8; 8] {
    let [high, low] = number.to_be_bytes();
    [0, b'S', b'P', 0, high, low, 0, 0]
}

/// The protocol number of the peer, from the 8 bytes that it sent first.
///
/// # Errors
/// [`Error::Protocol`] if this is not the handshake of the scalability protocols, version 0.
pub fn decode_hello(bytes: [u8; 8]) -> Result<u16> {
    match bytes {
        [0, b'S', b'P', 0, high, low, 0, 0] => Ok(u16::from_be_bytes([high, low])),
        other => Err(Error::Protocol(format!("no SP handshake: {:?}", other.escape_ascii().to_string()).into())),
    }
}

fn wire_len(len: usize) -> [u8; 8] {
    // A usize has at most 64 bits on all platforms that there are.
    u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes()
}

const MESSAGE: u8 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(codec: &dyn Codec, len: usize) -> Vec<u8> {
        let mut out = b"before".to_vec();
        codec.encode_prefix(len, &mut out);
        out.split_off(6)
    }

    #[test]
    fn prefixes_byte_for_byte() {
        assert_eq!(prefix(&Length, 0), [0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(prefix(&Length, 0x01_0203), [0, 0, 0, 0, 0, 1, 2, 3]);
        assert_eq!(prefix(&Typed, 0), [1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(prefix(&Typed, 0xfffe), [1, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]);
    }

    #[test]
    fn prefixes_are_read_from_the_front() {
        let len = Length.decode_prefix(&[0, 0, 0, 1, 0, 0, 0, 2, b'x']).unwrap();
        assert_eq!(len, Some(Frame { prefix: 8, len: 0x1_0000_0002 }));
        let len = Length.decode_prefix(&[0xff; 8]).unwrap();
        assert_eq!(len, Some(Frame { prefix: 8, len: u64::MAX }));
        let len = Typed.decode_prefix(&[1, 0, 0, 0, 0, 0, 0, 0, 2, b'x']).unwrap();
        assert_eq!(len, Some(Frame { prefix: 9, len: 2 }));
        assert_eq!(Typed.decode_prefix(&[]).unwrap(), None);
        assert_eq!(Typed.decode_prefix(&[1, 0, 0, 0, 0, 0, 0, 0]).unwrap(), None);
    }

    #[test]
    fn another_type_byte_is_refused_at_once() {
        for kind in [0, 2, 0xff] {
            match Typed.decode_prefix(&[kind]) {
                Err(Error::Protocol(why)) => assert!(why.as_str().contains(&format!("{kind:#04x}")), "{why:?}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_handshake_byte_for_byte() {
        assert_eq!(encode_hello(0x30), [0, 0x53, 0x50, 0, 0, 0x30, 0, 0]);
        assert_eq!(encode_hello(0x0640), [0, 0x53, 0x50, 0, 0x06, 0x40, 0, 0]);
        for wrong in [0, 1, 2, 3, 6, 7] {
            let mut bytes = encode_hello(0x10);
            bytes[wrong] ^= 1;
            assert!(matches!(decode_hello(bytes), Err(Error::Protocol(_))), "byte {wrong}");
        }
    }

    proptest! {
        #[test]
        fn lengths_come_back(len in 0..=usize::MAX, tail in prop::collection::vec(any::<u8>(), 0..4)) {
            for (codec, size) in [(&Length as &dyn Codec, 8), (&Typed, 9)] {
                let mut bytes = prefix(codec, len);
                prop_assert_eq!(bytes.len(), size);
                for cut in 0..size {
                    prop_assert_eq!(codec.decode_prefix(&bytes[..cut]).unwrap(), None);
                }
                bytes.extend_from_slice(&tail);
                prop_assert_eq!(codec.decode_prefix(&bytes).unwrap(), Some(Frame { prefix: size, len: len as u64 }));
            }
        }

        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..20), hello: [u8; 8]) {
            let framed = Typed.decode_prefix(&bytes);
            prop_assert_eq!(framed.is_err(), bytes.first().is_some_and(|kind| *kind != 1));
            prop_assert_eq!(Length.decode_prefix(&bytes).unwrap().is_some(), bytes.len() >= 8);
            if let Ok(number) = decode_hello(hello) {
                prop_assert_eq!(encode_hello(number), hello);
            }
        }

        #[test]
        fn numbers_come_back(number: u16) {
            prop_assert_eq!(decode_hello(encode_hello(number)).unwrap(), number);
        }
    }
}
