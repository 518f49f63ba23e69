//! What can happen in a random story.

use std::time::Duration;

use spanwire_core::OptionValue;
use spanwire_core::option::names;

/// Something that happens to a world. Numbers are taken modulo what there is, so that any values make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operation {
    /// Opens a context.
    OpenContext { node: u8 },
    /// Closes a context, but never the socket's own.
    CloseContext { node: u8, ctx: u8 },
    /// Sends a message of a topic.
    Send { node: u8, ctx: u8, wait: bool, topic: u8, large: bool },
    /// Receives a message.
    Receive { node: u8, ctx: u8, wait: bool },
    /// Gives up a waiting call.
    Cancel { node: u8, caller: u8 },
    /// Puts the last received message back, if nothing has happened to its context since.
    PutBack { node: u8 },
    /// Subscribes a context to a topic.
    Subscribe { node: u8, ctx: u8, topic: u8 },
    /// Ends a subscription.
    Unsubscribe { node: u8, ctx: u8, topic: u8 },
    /// Sets one of the protocol's options.
    SetOption { node: u8, ctx: u8, option: u8, value: u8 },
    /// Lets time pass. Unless late, timers go off on the way and on time.
    Advance { milliseconds: u16, late: bool },
    /// Connects two sockets that are not connected.
    Attach { a: u8, b: u8, depth: u8, wire: bool },
    /// Breaks a link after each end has written some of its messages.
    Detach { link: u8, written: u8 },
    /// Stops or restarts one direction of a link.
    Stall { link: u8, back: bool },
    /// Delivers messages.
    Deliver { link: u8, back: bool, count: u8 },
    /// Delivers bytes that the peer did not send.
    Garbage { link: u8, back: bool, length: u8, word: u32 },
    /// Lets woken callers go on.
    Wake { node: u8 },
    /// Breaks the links that a protocol has closed.
    Reap,
}

impl Operation {
    /// Makes an operation from numbers: random ones, or those of a fuzzer.
    pub fn pick(next: &mut dyn FnMut() -> u32) -> Self {
        let what = next() % 100;
        let bytes = next().to_le_bytes();
        let [node, ctx, c, d] = bytes;
        let flag = d & 1 == 1;
        match what {
            0..=1 => Self::OpenContext { node },
            2 => Self::CloseContext { node, ctx },
            3..=22 => Self::Send { node, ctx, wait: flag, topic: c, large: d > 240 },
            23..=42 => Self::Receive { node, ctx, wait: flag },
            43..=46 => Self::Cancel { node, caller: ctx },
            47..=49 => Self::PutBack { node },
            50..=52 => Self::Subscribe { node, ctx, topic: c },
            53..=54 => Self::Unsubscribe { node, ctx, topic: c },
            55..=56 => Self::SetOption { node, ctx, option: c, value: d },
            57..=59 => Self::Advance { milliseconds: u16::from_le_bytes([ctx, c]) >> (node % 16), late: flag },
            60..=64 => Self::Attach { a: node, b: ctx, depth: c, wire: flag },
            65 => Self::Detach { link: node, written: c },
            66..=67 => Self::Stall { link: node, back: flag },
            68..=86 => Self::Deliver { link: node, back: flag, count: c },
            87 => Self::Garbage { link: node, back: flag, length: c, word: next() },
            88..=97 => Self::Wake { node },
            _ => Self::Reap,
        }
    }
}

/// A small generator of numbers (splitmix64): the same seed makes the same numbers for ever.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// From this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// What messages start with.
pub(super) fn topic_of(topic: u8) -> [u8; 3] {
    let letter = |n: u8| b'a' + n % 2;
    [letter(topic), letter(topic >> 1), letter(topic >> 2)]
}

/// What is subscribed to.
pub(super) fn topic_prefix(topic: u8) -> &'static [u8] {
    const PREFIXES: [&[u8]; 8] = [b"a", b"b", b"ab", b"aba", b"abb", b"ba", b"bb", b""];
    PREFIXES[usize::from(topic) % PREFIXES.len()]
}

pub(super) fn option_value(option: u8, value: u8) -> (&'static str, OptionValue) {
    let count = OptionValue::Int(i32::from(value % 9));
    let time = OptionValue::Duration(match value % 4 {
        0 => None,
        n => Some(Duration::from_millis(u64::from(n) * 20)),
    });
    match option % 7 {
        0 => (names::SEND_BUFFER, count),
        1 => (names::RECV_BUFFER, count),
        2 => (names::SUB_PREFNEW, OptionValue::Bool(value & 1 == 1)),
        3 => (names::REQ_RESEND_TIME, time),
        4 => (names::REQ_RESEND_TICK, OptionValue::Duration(Some(Duration::from_millis(u64::from(value) + 1)))),
        5 => (names::SURVEYOR_SURVEY_TIME, time),
        _ => (names::TTL_MAX, OptionValue::Int(i32::from(value % 15) + 1)),
    }
}
