//! Random stories, and what must hold in all of them.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use spanwire_core::option::names;
use spanwire_core::{ContextId, Error, Message, OptionValue, PipeId};

use super::ledger::{Ledger, Payload};
use super::node::{CallId, Caller, Kind, Outcome};
use super::{LinkSpec, NodeId, Sim};

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
        if !info.raw && !msg.header().is_empty() {
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
fn topic_of(topic: u8) -> [u8; 3] {
    let letter = |n: u8| b'a' + n % 2;
    [letter(topic), letter(topic >> 1), letter(topic >> 2)]
}

/// What is subscribed to.
fn topic_prefix(topic: u8) -> &'static [u8] {
    const PREFIXES: [&[u8]; 8] = [b"a", b"b", b"ab", b"aba", b"abb", b"ba", b"bb", b""];
    PREFIXES[usize::from(topic) % PREFIXES.len()]
}

fn option_value(option: u8, value: u8) -> (&'static str, OptionValue) {
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
