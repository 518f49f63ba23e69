//! The table: every protocol, both roles, tcp, ipc and ws, with every peer.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::ours::{Ours, S};
use crate::peer::{Address, Cat, Fallible, Library, NANOCAT_MAX, PATIENCE, Puppet, Role, Tool, pattern};

/// Our side of a protocol, and the peer's.
const SIDES: [(&str, &str); 11] = [
    ("pair", "pair"),
    ("pair1", "pair1"),
    ("bus", "bus"),
    ("push", "pull"),
    ("pull", "push"),
    ("pub", "sub"),
    ("sub", "pub"),
    ("req", "rep"),
    ("rep", "req"),
    ("surveyor", "respondent"),
    ("respondent", "surveyor"),
];

const TRANSPORTS: &[&str] = if cfg!(feature = "ws") { &["tcp", "ipc", "ws"] } else { &["tcp", "ipc"] };

/// The sizes that the driver, the kernel's buffers or a peer treat differently.
const SIZES: [usize; 9] = [0, 1, 78, 79, 1 << 10, (1 << 16) - 1, 1 << 16, 1 << 20, 8 << 20];

/// Where a process of a tool sends one size only.
const FEW: [usize; 4] = [0, 78, 1 << 16, 8 << 20];

const PEERS: [Peer; 4] =
    [Peer::Tool(Tool::Nngcat), Peer::Tool(Tool::Nanocat), Peer::Library(Library::Nng), Peer::Library(Library::Nanomsg)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Tool(Tool),
    Library(Library),
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Tool(Tool::Nngcat) => "nngcat",
            Self::Tool(Tool::Nanocat) => "nanocat",
            Self::Library(Library::Nng) => "libnng",
            Self::Library(Library::Nanomsg) => "libnanomsg",
        }
    }

    /// Why there is no such cell.
    fn lacks(self, protocol: &str) -> Option<&'static str> {
        match (self, protocol) {
            (Self::Tool(Tool::Nngcat), "bus") => Some("nngcat 1.5.2 has no bus"),
            (Self::Tool(Tool::Nanocat) | Self::Library(Library::Nanomsg), "pair1") => Some("nanomsg has no pair1"),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
enum Outcome {
    Ok,
    Lacks(&'static str),
    Failed(String),
}

#[derive(Clone, Copy)]
struct Cell {
    ours: &'static str,
    theirs: &'static str,
    role: Role,
    transport: &'static str,
    peer: Peer,
}

impl Cell {
    fn run(self) -> Outcome {
        if let Some(why) = self.peer.lacks(self.ours) {
            return Outcome::Lacks(why);
        }
        let done = match self.peer {
            Peer::Library(library) => self.with_library(library),
            Peer::Tool(tool) => self.with_tool(tool),
        };
        done.map_or_else(Outcome::Failed, |()| Outcome::Ok)
    }

    /// All sizes, in each direction that the protocol has.
    fn with_library(self, library: Library) -> Fallible<()> {
        let mut peer = Puppet::open(library, self.theirs)?;
        let ours = Ours::open(self.ours)?;
        let address = Address::new(self.transport);
        let their_start = match self.role {
            Role::Listen => format!("dial 0 {}", address.0),
            Role::Dial => format!("listen 0 {}", address.0),
        };
        if self.role == Role::Dial {
            peer.ok(&their_start)?;
        }
        ours.start(self.role, &address)?;
        if self.role == Role::Listen {
            peer.ok(&their_start)?;
        }
        ours.connected()?;
        if matches!(self.theirs, "pub" | "bus" | "surveyor") {
            wait_until_heard(&mut peer, &ours)?;
        }
        let answers = SIZES.into_iter().rev();
        for (n, m) in SIZES.into_iter().zip(answers) {
            match self.ours {
                "push" | "pub" => forth(&ours, &mut peer, n)?,
                "pull" | "sub" => back(&ours, &mut peer, n)?,
                "rep" | "respondent" => {
                    back(&ours, &mut peer, n)?;
                    forth(&ours, &mut peer, m)?;
                }
                _ => {
                    forth(&ours, &mut peer, n)?;
                    back(&ours, &mut peer, m)?;
                }
            }
        }
        Ok(())
    }

    fn with_tool(self, tool: Tool) -> Fallible<()> {
        let header = if matches!(self.ours, "req" | "rep" | "surveyor" | "respondent") { 4 } else { 0 };
        let received = SIZES.map(|n| if tool == Tool::Nanocat { n.min(NANOCAT_MAX - header) } else { n });
        if matches!(self.ours, "push" | "pub" | "pair" | "pair1" | "bus") {
            let (cat, ours) = self.meet(tool, None)?;
            for n in received {
                ours.send(n)?;
                cat.printed(n)?;
            }
        }
        if matches!(self.ours, "pull" | "sub" | "pair" | "pair1" | "bus") {
            for n in FEW {
                let (cat, ours) = self.meet(tool, Some(n))?;
                ours.recv(n).map_err(|e| format!("{e}; {}", cat.said()))?;
            }
        }
        if matches!(self.ours, "req" | "surveyor") {
            for m in FEW {
                let (cat, ours) = self.meet(tool, Some(m))?;
                for n in received {
                    ours.send(n)?;
                    cat.printed(n)?;
                    ours.recv(m).map_err(|e| format!("{e}; {}", cat.said()))?;
                }
            }
        }
        if matches!(self.ours, "rep" | "respondent") {
            for (n, m) in FEW.into_iter().zip(received.into_iter().rev().step_by(2)) {
                let (cat, ours) = self.meet(tool, Some(n))?;
                ours.recv(n).map_err(|e| format!("{e}; {}", cat.said()))?;
                ours.send(m)?;
                cat.printed(m)?;
            }
        }
        Ok(())
    }

    /// A run of the tool and a socket of ours, connected.
    fn meet(self, tool: Tool, data: Option<usize>) -> Fallible<(Cat, Ours)> {
        let ours = Ours::open(self.ours)?;
        let address = Address::new(self.transport);
        ours.start(self.role, &address)?;
        let cat = Cat::start(tool, self.theirs, self.role.other(), &address.0, data)?;
        ours.connected().map_err(|e| format!("{e}; {}", cat.said()))?;
        Ok((cat, ours))
    }
}

/// Runs all cells, prints the table, and says what failed.
pub fn run() -> Vec<String> {
    let mut cells = Vec::new();
    for (ours, theirs) in SIDES {
        for role in [Role::Listen, Role::Dial] {
            for transport in TRANSPORTS {
                cells.extend(PEERS.map(|peer| Cell { ours, theirs, role, transport, peer }));
            }
        }
    }
    // The cells mostly wait for processes.
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(vec![Outcome::Ok; cells.len()]));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = cell.run();
                    let n = cells.iter().position(|other| std::ptr::eq(other, cell)).unwrap();
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner)[n] = outcome;
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (mut table, mut notes, mut failed) = (String::new(), Vec::new(), Vec::new());
    let _ = write!(table, "\n{:11} {:8} {:9}", "ours", "role", "transport");
    for peer in PEERS {
        let _ = write!(table, " {:10}", peer.name());
    }
    for (row, outcomes) in cells.chunks(PEERS.len()).zip(outcomes.chunks(PEERS.len())) {
        let Cell { ours, role, transport, .. } = row[0];
        let _ = write!(table, "\n{ours:11} {role:8} {transport:9}");
        for (cell, outcome) in row.iter().zip(outcomes) {
            let word = match outcome {
                Outcome::Ok => "ok",
                Outcome::Lacks(why) => {
                    notes.push(*why);
                    "lacks"
                }
                Outcome::Failed(why) => {
                    failed.push(format!("{ours} {role} {transport} with {}: {why}", cell.peer.name()));
                    "FAILED"
                }
            };
            let _ = write!(table, " {word:10}");
        }
    }
    notes.sort_unstable();
    notes.dedup();
    println!("{table}\n");
    println!(
        "sizes: {SIZES:?}; a tool sends {FEW:?}; nanocat receives at most {NANOCAT_MAX} with the header, which no option of it changes"
    );
    notes.iter().for_each(|note| println!("lacks: {note}"));
    failed
}

const WORKERS: usize = 4;

fn forth(ours: &Ours, peer: &mut Puppet, n: usize) -> Fallible<()> {
    ours.send(n)?;
    peer.got("recv 0", n)?;
    Ok(())
}

fn back(ours: &Ours, peer: &mut Puppet, n: usize) -> Fallible<()> {
    peer.ok(&format!("send 0 {n}"))?;
    ours.recv(n)?;
    Ok(())
}

/// What a peer publishes is lost until its side of the connection is up, which only what arrives can tell.
pub fn wait_until_heard(peer: &mut Puppet, ours: &Ours) -> Fallible<()> {
    const PROBE: usize = 5;
    const LAST: usize = 6;
    let begin = std::time::Instant::now();
    loop {
        peer.ok(&format!("send 0 {PROBE}"))?;
        if ours.polled()?.is_some() {
            break;
        }
        if begin.elapsed() > PATIENCE {
            return Err(format!("{:?} hears nothing", ours.socket));
        }
    }
    peer.ok(&format!("send 0 {LAST}"))?;
    while ours.recv_any(S)?.body() != pattern(LAST) {}
    Ok(())
}
