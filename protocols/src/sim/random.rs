//! Random stories, and what must hold in all of them.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use spanwire_core::option::names;
use spanwire_core::{ContextId, Error, Message, PipeId};

use super::ledger::{Ledger, Payload};
use super::node::{CallId, Caller, Kind, Outcome};
use super::operation::{Operation, Rng, option_value, topic_of, topic_prefix};
use super::{LinkSpec, NodeId, Sim};
use crate::Pair1;

/// What a random story came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages that a protocol has taken.
    pub sent: usize,
    /// Messages that an application has got.
    pub received: usize,
    /// Messages that protocols have dropped and counted.
    pub dropped: u64,
    /// Links that were made.
    pub links: usize,
}

/// A rule that was broken, and all that led to it.
#[derive(Clone)]
pub struct Violation {
    /// The seed of the world, which makes it happen again.
    pub seed: u64,
    /// The protocol in question.
    pub protocol: String,
    /// What happened, in order.
    pub operations: Vec<Operation>,
    /// The rule.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} with seed {}: {}", self.protocol, self.seed, self.what)?;
        writeln!(f, "after {} operations:", self.operations.len())?;
        self.operations.iter().try_for_each(|operation| writeln!(f, "    {operation:?},"))
    }
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Violation {}

/// Runs a random story of this many operations about a protocol and its peers.
///
/// # Errors
/// The first rule that was broken.
pub fn run(seed: u64, protocol: &str, steps: usize) -> Result<Report, Violation> {
    let mut rng = Rng::new(seed);
    let operations: Vec<_> = (0..steps).map(|_| Operation::pick(&mut || rng.next() as u32)).collect();
    run_operations(seed, protocol, &operations)
}

/// Runs these operations in a world of a protocol and its peers.
///
/// # Errors
/// The first rule that was broken.
pub fn run_operations(seed: u64, protocol: &str, operations: &[Operation]) -> Result<Report, Violation> {
    let mut story = Story::new(seed, protocol);
    let broken = |what: String, so_far: usize| Violation {
        seed,
        protocol: protocol.into(),
        operations: operations[..so_far].to_vec(),
        what,
    };
    for (so_far, operation) in operations.iter().enumerate() {
        story.apply(*operation).map_err(|what| broken(what, so_far + 1))?;
    }
    story.finish().map_err(|what| broken(what, operations.len()))
}

struct Story {
    sim: Sim,
    ledger: Ledger,
    /// What was received last on each socket, while it can be put back.
    last: HashMap<NodeId, (ContextId, Message)>,
    /// Requests that raw sockets have received, to be answered.
    requests: HashMap<NodeId, Vec<Message>>,
    /// What the message of a waiting send is.
    sending: HashMap<CallId, Payload>,
    report: Report,
}

impl Story {
    fn new(seed: u64, protocol: &str) -> Self {
        let mut sim = Sim::new(seed);
        sim.eager = false;
        let first = sim.socket(protocol);
        sim.socket(protocol);
        let info = sim.machine(first).info();
        if protocol.starts_with("pair1") {
            sim.socket("pair1");
            sim.socket("pair1-poly");
        } else {
            sim.socket(info.peer_name);
            sim.socket(info.peer_name);
        }
        Self {
            sim,
            ledger: Ledger::default(),
            last: HashMap::new(),
            requests: HashMap::new(),
            sending: HashMap::new(),
            report: Report::default(),
        }
    }

    fn apply(&mut self, operation: Operation) -> Result<(), String> {
        match operation {
            Operation::OpenContext { node } => {
                let node = self.node(node);
                if self.sim.nodes[node].contexts.len() < 4 && self.sim.machine(node).info().contexts {
                    let ctx = self.sim.context(node).map_err(|e| format!("no context: {e}"))?;
                    self.ledger.opened(node, ctx);
                }
            }
            Operation::CloseContext { node, ctx } => {
                let (node, ctx) = self.context(node, ctx);
                if ctx != ContextId::SOCKET {
                    self.last.remove(&node);
                    self.sim.close_context(node, ctx);
                    self.settle_calls()?;
                    self.ledger.closed(node, ctx);
                }
            }
            Operation::Send { node, ctx, wait, topic, large } => self.send(node, ctx, wait, topic, large)?,
            Operation::Receive { node, ctx, wait } => self.receive(node, ctx, wait)?,
            Operation::Cancel { node, caller } => {
                let node = self.node(node);
                let callers = &self.sim.nodes[node].callers;
                if let Some(caller) = callers.get(usize::from(caller) % callers.len().max(1)) {
                    let (id, ctx, receive) = (caller.id, caller.ctx, matches!(caller.kind, Kind::Receive));
                    self.last.remove(&node);
                    self.sim.cancel(node, id, Error::TimedOut);
                    if receive {
                        self.ledger.gave_up(node, ctx);
                    }
                }
            }
            Operation::PutBack { node } => {
                let node = self.node(node);
                if let Some((ctx, msg)) = self.last.remove(&node) {
                    self.ledger.put_back(node, ctx, &msg);
                    self.sim.unrecv(node, ctx, msg);
                    self.report.received -= 1;
                }
            }
            Operation::Subscribe { node, ctx, topic } => {
                let (node, ctx) = self.context(node, ctx);
                if self.sim.machine(node).info().name == "sub" && !self.sim.machine(node).info().raw {
                    let topic = topic_prefix(topic);
                    self.ledger.subscribe(node, ctx, topic);
                    self.sim.set(node, ctx, names::SUB_SUBSCRIBE, topic).map_err(|e| format!("subscribe: {e}"))?;
                }
            }
            Operation::Unsubscribe { node, ctx, topic } => {
                let (node, ctx) = self.context(node, ctx);
                if self.sim.machine(node).info().name == "sub" && !self.sim.machine(node).info().raw {
                    let topic = topic_prefix(topic);
                    let known = self.ledger.unsubscribe(node, ctx, topic);
                    let result = self.sim.set(node, ctx, names::SUB_UNSUBSCRIBE, topic);
                    if known != result.is_ok() {
                        return Err(format!("unsubscribe of {topic:?}, known: {known}: {result:?}"));
                    }
                }
            }
            Operation::SetOption { node, ctx, option, value } => {
                let (node, ctx) = self.context(node, ctx);
                let (name, value) = option_value(option, value);
                let before = self.sim.machine(node).option(ctx, name);
                let set = self.sim.set(node, ctx, name, value);
                if before.is_ok() != set.is_ok() {
                    return Err(format!("{name}: get {before:?}, set {set:?}"));
                }
            }
            Operation::Advance { milliseconds, late } => {
                let time = Duration::from_millis(milliseconds.into());
                if late {
                    self.sim.set_now(self.sim.now + time);
                    while let Some((due, node)) = self.sim.next_timer()
                        && due <= self.sim.now
                        && self.sim.check().is_ok()
                    {
                        self.sim.fire(node);
                    }
                } else {
                    self.sim.advance(time);
                }
            }
            Operation::Attach { a, b, depth, wire } => self.attach(a, b, depth, wire),
            Operation::Detach { link, written } => {
                if let Some(link) = self.link(link) {
                    self.sim.break_link(link, usize::from(written % 3));
                }
            }
            Operation::Stall { link, back } => {
                if let Some(link) = self.link(link) {
                    self.sim.links[link].stalled[usize::from(back)] ^= true;
                }
            }
            Operation::Deliver { link, back, count } => {
                if let Some(link) = self.link(link) {
                    for _ in 0..=count % 8 {
                        self.sim.deliver(link, usize::from(back));
                    }
                }
            }
            Operation::Garbage { link, back, length, word } => {
                if let Some(link) = self.link(link) {
                    let (node, pipe) = self.sim.links[link].ends[usize::from(back)];
                    let end = &self.sim.nodes[node].side.ends[&pipe];
                    if !end.paused && end.closing.is_none() {
                        let word = if length & 16 == 0 { word } else { word % 16 };
                        let bytes = [word.to_be_bytes(), word.rotate_left(9).to_be_bytes()].concat();
                        self.sim.inject(link, node, &bytes[..usize::from(length) % 9]);
                    }
                }
            }
            Operation::Wake { node } => {
                let node = self.node(node);
                self.sim.nodes[node].run_wakes();
            }
            Operation::Reap => self.sim.reap(),
        }
        self.settle_calls()?;
        (0..self.sim.nodes.len()).try_for_each(|node| self.check_bounds(node))?;
        self.sim.check()
    }

    fn attach(&mut self, a: u8, b: u8, depth: u8, wire: bool) {
        let (a, b) = (self.node(a), self.node(b));
        let talk = self.sim.machine(a).info().peer == self.sim.machine(b).info().number;
        let linked = |link: &super::Link| link.alive && link.ends.iter().all(|(end, _)| *end == a || *end == b);
        if a != b && talk && !self.sim.links.iter().any(linked) {
            let refill = if depth & 16 == 0 { 0 } else { usize::MAX };
            let mut spec = LinkSpec { depth: usize::from(depth % 4) + 1, refill, wire, ..LinkSpec::default() };
            spec.attrs.send_priority = 8 + depth / 128;
            spec.attrs.recv_priority = 8 + depth / 128;
            // A refusal is part of the story.
            self.report.links += usize::from(self.sim.connect_with(a, b, spec).is_ok());
        }
    }

    fn send(&mut self, node: u8, ctx: u8, wait: bool, topic: u8, large: bool) -> Result<(), String> {
        let (node, ctx) = self.context(node, ctx);
        let info = self.sim.machine(node).info();
        if !info.sends {
            return Ok(());
        }
        self.last.remove(&node);
        let mut payload = self.ledger.next(node, ctx);
        let mut msg = Message::new();
        match (info.name, info.raw) {
            ("req" | "surveyor", true) => {
                msg.append_header_u32(0x8000_0000 | (payload.serial as u32));
                self.ledger.asked(node, ctx, payload.serial);
            }
            ("rep" | "respondent", true) => {
                let Some(request) = self.requests.get_mut(&node).and_then(Vec::pop) else { return Ok(()) };
                msg.append_header(request.header());
                payload.echo = Payload::parse(request.body()).map(|request| request.origin());
            }
            ("pair1", true) => {
                if topic.is_multiple_of(8) {
                    msg.append_header(&[0, 0]);
                } else {
                    msg.append_header_u32((topic % 4).into());
                }
            }
            ("bus", true) => {
                if let Some(heard) = self.requests.get_mut(&node).and_then(Vec::pop) {
                    msg.append_header(heard.header());
                }
            }
            ("pair1", false) => {
                let pipes: Vec<PipeId> = self.sim.nodes[node].side.ends.keys().copied().collect();
                msg.set_pipe(pipes.get(usize::from(topic) % (pipes.len() + 1)).copied());
            }
            _ => {}
        }
        let replies = matches!(info.name, "rep" | "respondent") && !info.raw;
        let owed = if replies { self.ledger.owed(node, ctx) } else { None };
        if let Some(owed) = owed {
            payload.echo = owed;
        }
        msg.append(&payload.encode(topic_of(topic), large));
        let waits_already = |caller: &Caller| caller.ctx == ctx && matches!(caller.kind, Kind::Send(_));
        let busy = replies && self.sim.nodes[node].callers.iter().any(waits_already);
        let outcome = if wait {
            self.ledger.superseded(node, ctx, info);
            let id = self.sim.start_send(node, ctx, msg);
            self.sending.insert(id, payload);
            self.sim.nodes[node].done.iter().find(|(done, ..)| *done == id).map(|(.., outcome)| outcome.clone())
        } else {
            Some(match self.sim.nodes[node].send_now(ctx, msg) {
                Ok(()) => {
                    self.ledger.superseded(node, ctx, info);
                    self.ledger.sent(node, ctx, &payload, info);
                    self.report.sent += 1;
                    Outcome::Sent
                }
                Err((error, msg)) => Outcome::NotSent(error, msg),
            })
        };
        let refused = matches!(outcome, Some(Outcome::NotSent(Error::State(_), _)));
        if replies && refused != (owed.is_none() || busy) {
            return Err(format!("a reply when {owed:?} was owed and busy was {busy}: {outcome:?}"));
        }
        if replies && !matches!(outcome, Some(Outcome::NotSent(..))) {
            self.ledger.answered(node, ctx);
        }
        Ok(())
    }

    fn receive(&mut self, node: u8, ctx: u8, wait: bool) -> Result<(), String> {
        let (node, ctx) = self.context(node, ctx);
        if !self.sim.machine(node).info().receives {
            return Ok(());
        }
        self.last.remove(&node);
        if wait {
            let id = self.sim.start_recv(node, ctx);
            if !self.sim.nodes[node].done.iter().any(|(done, ..)| *done == id) {
                self.ledger.answered(node, ctx);
            }
            return Ok(());
        }
        if let Ok(msg) = self.sim.nodes[node].receive_now(ctx) {
            self.received(node, ctx, msg)?;
        }
        Ok(())
    }

    /// Looks at the calls that have ended: first at all sends, since what was sent may have arrived already.
    fn settle_calls(&mut self) -> Result<(), String> {
        let mut received = Vec::new();
        for node in 0..self.sim.nodes.len() {
            let info = self.sim.machine(node).info();
            for (id, ctx, outcome) in std::mem::take(&mut self.sim.nodes[node].done) {
                let payload = self.sending.remove(&id);
                match (outcome, payload) {
                    (Outcome::Sent, Some(payload)) => {
                        self.ledger.sent(node, ctx, &payload, info);
                        self.report.sent += 1;
                    }
                    (Outcome::Received(msg), _) => received.push((node, ctx, msg)),
                    (Outcome::Sent, None) => return Err("a receive ended as a send".into()),
                    (Outcome::NotSent(..) | Outcome::Failed(_), _) => {}
                }
            }
        }
        received.into_iter().try_for_each(|(node, ctx, msg)| self.received(node, ctx, msg))
    }

    fn received(&mut self, node: NodeId, ctx: ContextId, msg: Message) -> Result<(), String> {
        let info = self.sim.machine(node).info();
        self.report.received += 1;
        // That of pair1 tells the hops, to whoever wants to know.
        if !info.raw && info.number != Pair1::INFO.number && !msg.header().is_empty() {
            return Err(format!("a header reached the application: {msg:?}"));
        }
        self.ledger.received(node, ctx, &msg, info)?;
        if info.raw {
            self.requests.entry(node).or_default().push(msg.clone());
        }
        self.last.insert(node, (ctx, msg));
        Ok(())
    }

    fn check_bounds(&self, node: NodeId) -> Result<(), String> {
        let Some(node) = self.sim.nodes.get(node) else { return Ok(()) };
        let bound = 200 + 150 * node.contexts.len() + 200 * node.side.ends.len();
        let held = node.machine.held();
        if held > bound { Err(format!("{held} messages held, bound {bound}")) } else { Ok(()) }
    }

    /// Lets everything come to rest, checks that nothing got lost, and closes all sockets.
    fn finish(mut self) -> Result<Report, String> {
        for link in &mut self.sim.links {
            link.stalled = [false; 2];
        }
        loop {
            let before = self.report.received;
            self.sim.run_to_rest();
            self.settle_calls()?;
            for node in 0..self.sim.nodes.len() {
                for ctx in self.sim.nodes[node].contexts.clone() {
                    while let Ok(msg) = self.sim.nodes[node].receive_now(ctx) {
                        self.received(node, ctx, msg)?;
                    }
                }
            }
            self.sim.check()?;
            if self.report.received == before {
                break;
            }
        }
        let held: usize = self.sim.nodes.iter().map(|node| node.machine.held()).sum();
        let drops = self.sim.nodes.iter().flat_map(|node| node.side.drops).sum::<u64>();
        self.ledger.check_complete(&self.sim.lost, held, drops)?;
        for node in 0..self.sim.nodes.len() {
            if self.sim.rng.next() & 1 == 0 {
                for link in 0..self.sim.links.len() {
                    if self.sim.links[link].alive && self.sim.links[link].ends.iter().any(|(end, _)| *end == node) {
                        self.sim.disconnect(link);
                    }
                }
            }
            self.sim.close(node);
            if let Some(caller) = self.sim.nodes[node].callers.first() {
                return Err(format!("{caller:?} still waits after its socket was closed"));
            }
            // What was woken by the close has nobody left to tell.
            self.sim.nodes[node].side.wakes.clear();
            self.sim.check()?;
        }
        self.report.dropped = self.sim.nodes.iter().flat_map(|node| node.side.drops).sum();
        Ok(self.report)
    }

    fn node(&self, node: u8) -> NodeId {
        usize::from(node) % self.sim.nodes.len()
    }

    fn context(&self, node: u8, ctx: u8) -> (NodeId, ContextId) {
        let node = self.node(node);
        let contexts = &self.sim.nodes[node].contexts;
        (node, contexts[usize::from(ctx) % contexts.len()])
    }

    fn link(&self, link: u8) -> Option<usize> {
        let up: Vec<usize> = (0..self.sim.links.len()).filter(|link| self.sim.links[*link].alive).collect();
        up.get(usize::from(link) % up.len().max(1)).copied()
    }
}
