//! The words of SP headers: hop ids and request ids.

use spanwire_core::message::Header;
use spanwire_core::{Message, PipeId};

/// The bit that marks the last word of a stack: a request or survey id.
pub(crate) const LAST: u32 = 0x8000_0000;

/// Why a stack of words is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadStack {
    /// The message ends before the last word.
    Malformed,
    /// It has passed too many devices.
    TooManyHops,
}

/// Takes the words up to the one with its top bit set off a received message. At most `ttl` of them.
pub(crate) fn take_stack(msg: &mut Message, mut stack: Header, ttl: usize) -> Result<Header, BadStack> {
    for _ in 0..ttl {
        let word = msg.take_word().ok_or(BadStack::Malformed)?;
        stack.push(word);
        if word & LAST != 0 {
            return Ok(stack);
        }
    }
    Err(BadStack::TooManyHops)
}

/// A stack that holds a pipe's id only.
pub(crate) fn stack_of(pipe: PipeId) -> Header {
    let mut stack = Header::new();
    stack.push(pipe.get());
    stack
}

/// Gives a message of the application its header, in place of the one that it may have.
pub(crate) fn stamp(msg: &mut Message, header: Header) {
    msg.clear_header();
    msg.set_header(header);
}

/// Request and survey ids: 0x8000_0000 to 0xffff_ffff, from a random start, one by one.
#[derive(Debug)]
pub(crate) struct Ids(u32);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        // The seed may be a small number; neighbours should start far apart.
        let mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        Self(u32::try_from(mixed).unwrap_or(0) | LAST)
    }

    pub(crate) fn next(&mut self) -> u32 {
        let id = self.0;
        self.0 = id.wrapping_add(1) | LAST;
        id
    }
}
