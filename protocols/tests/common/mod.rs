//! What the tests of the protocols share.
#![allow(dead_code, unreachable_pub, unused_imports)]

use std::time::{Duration, Instant};

use spanwire_core::protocol::{PipeAttrs, Room};
use spanwire_core::{ContextId, Error, Message, Outbox, PipeId, Reject};
use spanwire_protocols::sim::{CallId, LinkId, LinkSpec, NodeId, Outcome, Sim};

pub use spanwire_core::option::names;
pub use spanwire_core::protocol::DropCause;

/// The context of the socket itself.
pub const SOCKET: ContextId = ContextId::SOCKET;

/// Milliseconds.
pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Two connected sockets.
pub fn pair_of(a: &str, b: &str) -> (Sim, NodeId, NodeId, LinkId) {
    let mut sim = Sim::new(1);
    let (a, b) = (sim.socket(a), sim.socket(b));
    let link = sim.connect(a, b).unwrap();
    (sim, a, b, link)
}

/// A link that holds this many messages in each direction.
pub fn deep(depth: usize) -> LinkSpec {
    LinkSpec { depth, ..LinkSpec::default() }
}

/// A link whose ends have this priority.
pub fn first(priority: u8) -> LinkSpec {
    let attrs = PipeAttrs { send_priority: priority, recv_priority: priority };
    LinkSpec { attrs, ..LinkSpec::default() }
}

/// All that can be received now, as text.
pub fn drain(sim: &mut Sim, node: NodeId) -> Vec<String> {
    drain_on(sim, node, SOCKET)
}

/// The same on a context.
pub fn drain_on(sim: &mut Sim, node: NodeId, ctx: ContextId) -> Vec<String> {
    let mut all = Vec::new();
    while let Ok(msg) = sim.recv_on(node, ctx) {
        all.push(text(&msg));
    }
    all
}

/// The body as text.
pub fn text(msg: &Message) -> String {
    msg.to_str().unwrap().to_owned()
}

/// Sends texts that all must be taken.
pub fn send_all(sim: &mut Sim, node: NodeId, texts: &[&str]) {
    for text in texts {
        sim.send(node, *text).unwrap();
    }
}

/// The error with which a call ended.
pub fn error_of(sim: &mut Sim, node: NodeId, call: CallId) -> Option<Error> {
    match sim.outcome(node, call)? {
        Outcome::Failed(error) | Outcome::NotSent(error, _) => Some(error),
        Outcome::Sent | Outcome::Received(_) => None,
    }
}

/// The text that a call received.
pub fn text_of(sim: &mut Sim, node: NodeId, call: CallId) -> Option<String> {
    match sim.outcome(node, call)? {
        Outcome::Received(msg) => Some(text(&msg)),
        Outcome::Failed(_) | Outcome::NotSent(..) | Outcome::Sent => None,
    }
}

/// Whether a result is the error `State`.
pub fn is_state<T>(result: spanwire_core::Result<T>) -> bool {
    matches!(result, Err(Error::State(_)))
}

/// Says yes to everything.
pub struct Nowhere(pub Instant);

impl Outbox for Nowhere {
    fn now(&mut self) -> Instant {
        self.0
    }
    fn send(&mut self, _pipe: PipeId, _msg: &mut Message) -> Room {
        Room::More
    }
    fn close(&mut self, _pipe: PipeId, _reason: Reject) {}
    fn resume(&mut self, _pipe: PipeId) {}
    fn wake_send(&mut self, _ctx: ContextId) {}
    fn wake_recv(&mut self, _ctx: ContextId) {}
    fn deliver(&mut self, _ctx: ContextId) -> bool {
        false
    }
    fn cancel(&mut self, _ctx: ContextId) {}
    fn count_drop(&mut self, _cause: DropCause, _n: usize) {}
}
