//! A simulator: protocols joined by links, with fake time and seeded faults, and no I/O.
//!
//! [`Sim`] is for tests that tell a story; [`run`] makes random stories and checks what must always hold: queues stay bounded,
//! nobody is sent to who can't take it, each message arrives at most once and only where it should, no caller waits who could go on,
//! nothing is left behind.
//!
//! ```
//! use spanwire_protocols::sim::{self, Sim};
//!
//! let mut sim = Sim::new(1);
//! let (req, rep) = (sim.socket("req"), sim.socket("rep"));
//! sim.connect(req, rep).unwrap();
//! sim.send(req, "ping").unwrap();
//! assert_eq!(sim.recv(rep).unwrap().body(), b"ping");
//! sim.send(rep, "pong").unwrap();
//! assert_eq!(sim.recv(req).unwrap().body(), b"pong");
//!
//! sim::run(1, "req", 1000).unwrap();
//! ```

// This is a tool for tests: it may stop them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    clippy::missing_panics_doc
)]

mod ledger;
mod node;
mod operation;
mod random;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use spanwire_core::protocol::DropCause;
use spanwire_core::{ContextId, Error, Message, OptionValue, PipeAttrs, PipeId, Protocol, Reject, Result};

use crate::find;
use node::{Caller, End, Kind, Node};

pub use node::{CallId, Outcome};
pub use operation::{Operation, Rng};
pub use random::{Report, Violation, run, run_operations};

/// A simulated world. Sockets and links are numbered; time stands still unless told otherwise.
///
/// Whatever is sent arrives at once, unless a link is stalled.
pub struct Sim {
    nodes: Vec<Node>,
    links: Vec<Link>,
    now: Instant,
    next_pipe: PipeId,
    next_context: ContextId,
    calls: usize,
    rng: Rng,
    /// Deliver and wake at once; otherwise [`random`] chooses when.
    eager: bool,
    /// What links lost when they broke.
    lost: Vec<Message>,
}

/// A socket of the simulated world.
pub type NodeId = usize;
/// A link of the simulated world.
pub type LinkId = usize;

/// What is between two sockets.
#[derive(Clone, Copy, Debug)]
pub struct LinkSpec {
    /// How many messages each direction holds.
    pub depth: usize,
    /// A full direction takes messages again when no more than this many are left, or when it has lost one if that comes later.
    pub refill: usize,
    /// Headers and bodies arrive joined, as from a wire; otherwise apart, as within a process.
    pub wire: bool,
    /// The priorities at both ends.
    pub attrs: PipeAttrs,
}

impl Default for LinkSpec {
    fn default() -> Self {
        Self { depth: 4, refill: usize::MAX, wire: true, attrs: PipeAttrs::default() }
    }
}

struct Link {
    ends: [(NodeId, PipeId); 2],
    wire: bool,
    /// What of the two directions does not move.
    stalled: [bool; 2],
    alive: bool,
}

/// Sockets and links.
impl Sim {
    /// An empty world.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        // Any origin serves; std has no other way to make an Instant.
        let now = Instant::now();
        let next_pipe = PipeId::new((rng.next() as u32 >> 1).max(1)).unwrap();
        Self {
            nodes: Vec::new(),
            links: Vec::new(),
            now,
            next_pipe,
            next_context: ContextId::SOCKET,
            calls: 0,
            rng,
            eager: true,
            lost: Vec::new(),
        }
    }

    /// Opens a socket: a name that [`find`] knows, with "-raw" behind it for the raw form.
    pub fn socket(&mut self, protocol: &str) -> NodeId {
        let (name, raw) = match protocol.strip_suffix("-raw") {
            Some(name) => (name, true),
            None => (protocol, false),
        };
        let entry = find(name, raw).unwrap_or_else(|| panic!("no protocol {protocol:?}"));
        let machine = (entry.new)(self.rng.next());
        self.nodes.push(Node::new(machine, self.now));
        self.nodes.len() - 1
    }

    /// Opens a context.
    ///
    /// # Errors
    /// `NotSupported` if the protocol has none.
    pub fn context(&mut self, node: NodeId) -> Result<ContextId> {
        self.next_context = self.next_context.next();
        let ctx = self.next_context;
        self.nodes[node].machine.open_context(ctx)?;
        self.nodes[node].contexts.push(ctx);
        Ok(ctx)
    }

    /// Closes a context; its waiting calls end with `Closed`.
    pub fn close_context(&mut self, node: NodeId, ctx: ContextId) {
        let node = &mut self.nodes[node];
        node.contexts.retain(|other| *other != ctx);
        node.end_callers(|caller| caller.ctx == ctx, &Error::Closed);
        node.call(|machine, side| machine.close_context(ctx, side));
        self.settle();
    }

    /// Closes a socket and checks that nothing is left in it. It can't be used again.
    pub fn close(&mut self, node: NodeId) {
        let contexts = self.nodes[node].contexts.clone();
        for ctx in contexts.into_iter().rev() {
            self.close_context(node, ctx);
        }
        for link in 0..self.links.len() {
            if self.links[link].alive && self.links[link].ends.iter().any(|(end, _)| *end == node) {
                self.disconnect(link);
            }
        }
        let held = self.nodes[node].machine.held();
        if held != 0 {
            self.nodes[node].fault(&format!("{held} messages held after everything was closed"));
        }
    }

    /// Connects two sockets of matching protocols.
    ///
    /// # Errors
    /// The reason if one of them refuses.
    pub fn connect(&mut self, a: NodeId, b: NodeId) -> Result<LinkId, Reject> {
        self.connect_with(a, b, LinkSpec::default())
    }

    /// The same with properties of the link.
    ///
    /// # Errors
    /// The reason if one of them refuses.
    pub fn connect_with(&mut self, a: NodeId, b: NodeId, spec: LinkSpec) -> Result<LinkId, Reject> {
        assert_eq!(self.machine(a).info().peer, self.machine(b).info().number, "these two don't talk");
        let link = self.links.len();
        let ends = [(a, self.fresh_pipe()), (b, self.fresh_pipe())];
        self.links.push(Link { ends, wire: spec.wire, stalled: [false; 2], alive: true });
        for (node, pipe) in ends {
            let end = End {
                link,
                queue: VecDeque::new(),
                depth: spec.depth,
                refill: spec.refill,
                full: false,
                paused: false,
                closing: None,
            };
            self.nodes[node].side.ends.insert(pipe, end);
            let attached = self.nodes[node].call(|machine, side| machine.pipe_attached(pipe, spec.attrs, side));
            if let Err(reason) = attached {
                self.nodes[node].side.ends.remove(&pipe);
                self.disconnect(link);
                return Err(reason);
            }
        }
        self.settle();
        Ok(link)
    }

    /// Breaks a link. What waits in it comes back to a protocol that wants it, otherwise it is lost.
    pub fn disconnect(&mut self, link: LinkId) {
        self.break_link(link, 0);
        self.settle();
    }

    /// Stops what this socket sends on a link.
    pub fn stall(&mut self, link: LinkId, from: NodeId) {
        let direction = self.direction(link, from);
        self.links[link].stalled[direction] = true;
    }

    /// Lets it move again.
    pub fn unstall(&mut self, link: LinkId, from: NodeId) {
        let direction = self.direction(link, from);
        self.links[link].stalled[direction] = false;
        self.settle();
    }

    /// Delivers a message to a socket as if the peer had sent these bytes.
    pub fn inject(&mut self, link: LinkId, to: NodeId, bytes: &[u8]) {
        let pipe = self.pipe(link, to);
        let mut msg = Message::from(bytes);
        msg.set_pipe(Some(pipe));
        self.nodes[to].deliver(pipe, msg);
        self.settle();
    }

    /// What this socket has sent on a stalled link, as it stands on the wire.
    pub fn on_wire(&self, link: LinkId, from: NodeId) -> Vec<Vec<u8>> {
        let end = &self.nodes[from].side.ends[&self.pipe(link, from)];
        end.queue.iter().map(|msg| [msg.header(), msg.body()].concat()).collect()
    }

    /// The id of a link's pipe at this socket.
    pub fn pipe(&self, link: LinkId, node: NodeId) -> PipeId {
        self.links[link].ends.iter().find(|(end, _)| *end == node).expect("no end of this link").1
    }

    /// Whether the link is still up.
    pub fn is_up(&self, link: LinkId) -> bool {
        self.links[link].alive
    }

    /// The state machine of a socket.
    pub fn machine(&self, node: NodeId) -> &dyn Protocol {
        &*self.nodes[node].machine
    }

    /// How many messages a socket has dropped for this reason.
    pub fn drops(&self, node: NodeId, cause: DropCause) -> u64 {
        self.nodes[node].side.drops[cause.index()]
    }
}

/// Calls.
impl Sim {
    /// Sends on the socket without waiting.
    ///
    /// # Errors
    /// `TryAgain` where it would have to wait, or what the protocol says.
    pub fn send(&mut self, node: NodeId, msg: impl Into<Message>) -> Result<()> {
        self.send_on(node, ContextId::SOCKET, msg)
    }

    /// Sends on a context without waiting.
    ///
    /// # Errors
    /// `TryAgain` where it would have to wait, or what the protocol says.
    pub fn send_on(&mut self, node: NodeId, ctx: ContextId, msg: impl Into<Message>) -> Result<()> {
        let result = self.nodes[node].send_now(ctx, msg.into());
        self.settle();
        result.map_err(|(error, _)| error)
    }

    /// Receives on the socket without waiting.
    ///
    /// # Errors
    /// `TryAgain` where it would have to wait, or what the protocol says.
    pub fn recv(&mut self, node: NodeId) -> Result<Message> {
        self.recv_on(node, ContextId::SOCKET)
    }

    /// Receives on a context without waiting.
    ///
    /// # Errors
    /// `TryAgain` where it would have to wait, or what the protocol says.
    pub fn recv_on(&mut self, node: NodeId, ctx: ContextId) -> Result<Message> {
        let result = self.nodes[node].receive_now(ctx);
        self.settle();
        result
    }

    /// Starts a send that waits if it must.
    pub fn start_send(&mut self, node: NodeId, ctx: ContextId, msg: impl Into<Message>) -> CallId {
        self.start(node, ctx, Kind::Send(msg.into()))
    }

    /// Starts a receive that waits if it must.
    pub fn start_recv(&mut self, node: NodeId, ctx: ContextId) -> CallId {
        self.start(node, ctx, Kind::Receive)
    }

    /// Gives up a waiting call; it ends with this error.
    pub fn cancel(&mut self, node: NodeId, call: CallId, error: Error) {
        self.nodes[node].cancel(call, error);
        self.settle();
    }

    /// How a call ended, once; `None` while it waits.
    pub fn outcome(&mut self, node: NodeId, call: CallId) -> Option<Outcome> {
        let done = &mut self.nodes[node].done;
        let at = done.iter().position(|(id, ..)| *id == call)?;
        Some(done.remove(at).2)
    }

    /// Puts a message back that was received on this context.
    pub fn unrecv(&mut self, node: NodeId, ctx: ContextId, msg: Message) {
        self.nodes[node].call(|machine, side| machine.unrecv(ctx, msg, side));
        self.settle();
    }

    /// Sets an option.
    ///
    /// # Errors
    /// What the protocol says.
    pub fn set(&mut self, node: NodeId, ctx: ContextId, name: &str, value: impl Into<OptionValue>) -> Result<()> {
        let value = value.into();
        let result = self.nodes[node].call(|machine, side| machine.set_option(ctx, name, &value, side));
        self.settle();
        result
    }

    /// Lets time pass; timers go off in order and on time.
    pub fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((due, node)) = self.next_timer().filter(|(due, _)| *due <= until) {
            self.set_now(due.max(self.now));
            self.fire(node);
            self.settle();
        }
        self.set_now(until);
    }

    /// The first broken rule, if any.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        for (id, node) in self.nodes.iter().enumerate() {
            node.check().map_err(|what| format!("socket {id} ({}): {what}", node.machine.info().name))?;
        }
        Ok(())
    }
}

/// The world's clockwork.
impl Sim {
    fn start(&mut self, node: NodeId, ctx: ContextId, kind: Kind) -> CallId {
        let id = CallId(self.calls);
        self.calls += 1;
        self.nodes[node].start(Caller { id, ctx, kind });
        self.settle();
        id
    }

    /// In a story everything happens at once, and every step is checked.
    fn settle(&mut self) {
        if !self.eager {
            return;
        }
        self.run_to_rest();
        if let Err(what) = self.check() {
            panic!("{what}");
        }
    }

    /// Delivers, wakes and closes until nothing moves.
    fn run_to_rest(&mut self) {
        loop {
            for node in &mut self.nodes {
                while !node.side.wakes.is_empty() {
                    node.run_wakes();
                }
            }
            self.reap();
            let mut moved = false;
            for link in 0..self.links.len() {
                for direction in 0..2 {
                    moved |= self.deliver(link, direction);
                }
            }
            if !moved && self.nodes.iter().all(|node| node.side.wakes.is_empty()) {
                return;
            }
        }
    }

    /// Breaks the links that protocols have closed.
    fn reap(&mut self) {
        for link in 0..self.links.len() {
            let closing = |(node, pipe): &(NodeId, PipeId)| {
                self.nodes[*node].side.ends.get(pipe).is_some_and(|end| end.closing.is_some())
            };
            if self.links[link].alive && self.links[link].ends.iter().any(closing) {
                self.break_link(link, 0);
            }
        }
    }

    /// Delivers one message. `false` if there is none that could be.
    fn deliver(&mut self, link: LinkId, direction: usize) -> bool {
        let Link { ends, wire, stalled, alive } = self.links[link];
        let ((from, sender), (to, receiver)) = (ends[direction], ends[1 - direction]);
        let open =
            |node: &Node, pipe| node.side.ends.get(&pipe).is_some_and(|end| !end.paused && end.closing.is_none());
        if !alive || stalled[direction] || !open(&self.nodes[to], receiver) {
            return false;
        }
        let end = self.nodes[from].side.ends.get_mut(&sender).expect("a link that is up has two ends");
        let Some(mut msg) = end.queue.pop_front() else { return false };
        let room = end.full && end.queue.len() <= end.refill;
        end.full &= !room;
        if room && end.closing.is_none() {
            self.nodes[from].call(|machine, side| machine.pipe_writable(sender, side));
        }
        if wire {
            msg.join_header();
        }
        msg.set_pipe(Some(receiver));
        self.nodes[to].deliver(receiver, msg);
        true
    }

    /// Breaks a link after each end has written `written` messages of what it was given.
    fn break_link(&mut self, link: LinkId, written: usize) {
        self.links[link].alive = false;
        for (node, pipe) in self.links[link].ends {
            let Some(end) = self.nodes[node].side.ends.remove(&pipe) else { continue };
            debug_assert_eq!(end.link, link);
            let mut queue: Vec<Message> = end.queue.into();
            let unsent = queue.split_off(written.min(queue.len()));
            self.lost.append(&mut queue);
            let node = &mut self.nodes[node];
            let returned = if node.machine.info().returns_unsent {
                unsent
            } else {
                self.lost.extend(unsent);
                Vec::new()
            };
            node.call(|machine, side| machine.pipe_detached(pipe, returned, side));
        }
    }

    fn next_timer(&self) -> Option<(Instant, NodeId)> {
        let timers = self.nodes.iter().enumerate();
        timers.filter_map(|(id, node)| Some((node.machine.next_timeout()?, id))).min()
    }

    fn fire(&mut self, node: NodeId) {
        let now = self.now;
        let node = &mut self.nodes[node];
        node.call(|machine, side| machine.handle_timeout(side));
        if node.machine.next_timeout().is_some_and(|next| next <= now) {
            node.fault("the next timeout is not after the one that was just handled");
        }
    }

    fn set_now(&mut self, now: Instant) {
        self.now = now;
        for node in &mut self.nodes {
            node.side.now = now;
        }
    }

    fn fresh_pipe(&mut self) -> PipeId {
        let pipe = self.next_pipe;
        self.next_pipe = pipe.next();
        pipe
    }

    fn direction(&self, link: LinkId, from: NodeId) -> usize {
        usize::from(self.links[link].ends[0].0 != from)
    }
}
