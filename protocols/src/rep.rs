//! Rep: answers requests.
//!
//! Each context takes one request, and sends one reply to where it came from. Requests of better `recv-priority` come first. A pipe
//! is not read further until its request was taken, so that a fast client waits instead of filling memory.
//!
//! ```text
//!                                                  try_send: the reply
//!   pipe ──► request ──► try_recv ──► Owed(path) ──────────────────────► pipe
//!            (pauses)                     │                               │ full
//!                                         │ another receive               ▼
//!                                         ▼                         the caller waits
//!                                    can't be answered
//! ```
//!
//! **Dropped:** requests that have passed more than `ttl-max` devices (`drop_ttl`) or whose pipe closes before they are received
//! (`drop_closed`); replies to a pipe that has gone (`drop_no_pipe`), which succeed.
//! **Options:** `ttl-max` (8). **Errors:** a reply without a request is `State`, and so is a receive while another one of the
//! same context waits. A peer whose request has no id is disconnected. A reply that was cancelled can't be sent again.
//! **On the wire:** any number of `u32` hop ids with the top bit clear, `u32` request id with the top bit set, then the body. A reply
//! carries the same words.

use spanwire_core::protocol::ProtocolInfo;

use crate::Form;
use crate::replier::Replier;

/// Rep.
pub type Rep = Replier<RepForm>;

/// Facts about [`Rep`].
#[derive(Debug)]
pub enum RepForm {}

impl Form for RepForm {
    const INFO: ProtocolInfo = ProtocolInfo {
        name: "rep",
        peer_name: "req",
        number: 0x31,
        peer: 0x30,
        raw: false,
        sends: true,
        receives: true,
        contexts: true,
        shared_recv: true,
        shared_send: false,
        returns_unsent: false,
        pipe_depth: 16,
    };
}
