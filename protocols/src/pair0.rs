//! Pair, version 0: one peer, both ways.
//!
//! The first peer is the only one; others are refused while it is there. Nothing is buffered unless asked for: a send waits until
//! the peer's pipe can take the message.
//!
//! ```text
//!   try_send ──► peer ready? ──yes──► pipe                 pipe ──► queue (`recv-buffer` + 1) ──► try_recv
//!                    │ no              ▲                                │ full
//!                    ▼                 │                                ▼
//!           queue (`send-buffer`) ─────┘ ready again, or           the pipe pauses
//!                    │ full                a new peer
//!                    ▼
//!              the caller waits
//! ```
//!
//! **Dropped:** nothing while the socket is open. What was received outlives the peer; what was queued, or taken by its pipe and
//! not written, waits for the next peer.
//! **Options:** `send-buffer` (0), `recv-buffer` (0: one message is read ahead). **Errors:** none of its own.
//! **On the wire:** the body alone.

use spanwire_core::protocol::ProtocolInfo;
use spanwire_core::{Message, Result};

use crate::mono::{Hops, Mono, Verdict};

/// Pair, version 0.
pub type Pair0 = Mono<Pair0Form>;

/// Raw pair, version 0: the same, since there is no header.
pub type RawPair0 = Mono<RawPair0Form>;

/// Facts about [`Pair0`].
#[derive(Debug, Default)]
pub struct Pair0Form;

impl Hops for Pair0Form {
    const INFO: ProtocolInfo = ProtocolInfo {
        name: "pair",
        peer_name: "pair",
        number: 0x10,
        peer: 0x10,
        raw: false,
        sends: true,
        receives: true,
        contexts: false,
        shared_recv: true,
        shared_send: true,
        returns_unsent: true,
        pipe_depth: 1,
    };

    fn wrap(&mut self, msg: &mut Message) -> Result<()> {
        msg.clear_header();
        Ok(())
    }

    fn unwrap(&mut self, msg: &mut Message) -> Verdict {
        msg.join_header();
        Verdict::Good
    }
}

/// Facts about [`RawPair0`].
#[derive(Debug, Default)]
pub struct RawPair0Form;

impl Hops for RawPair0Form {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, ..Pair0Form::INFO };

    fn wrap(&mut self, msg: &mut Message) -> Result<()> {
        Pair0Form.wrap(msg)
    }

    fn unwrap(&mut self, msg: &mut Message) -> Verdict {
        Pair0Form.unwrap(msg)
    }
}
