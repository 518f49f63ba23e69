//! The scenarios by name.

use crate::job::{Cores, Job, Kind, Transport};
use crate::peers::Name;

/// One scenario, for each of its peers.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) transport: Transport,
    pub(crate) size: usize,
    pub(crate) n: usize,
    pub(crate) rate: u64,
    pub(crate) cores: Cores,
    pub(crate) peers: Vec<Name>,
    /// Decides a row of the targets: part of the quick run.
    pub(crate) quick: bool,
    /// What it is first of all about.
    pub(crate) headline: Headline,
}

/// A number of a case's results, and how to show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Headline {
    pub(crate) metric: &'static str,
    pub(crate) unit: &'static str,
    /// What it is divided by to be in that unit.
    pub(crate) scale: f64,
}

impl Case {
    /// The whole list, in the order in which they run.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for transport in [Tcp, Ipc, Inproc] {
            let case = Self::new(Kind::RoundTrip, transport, 64, 0, ROUND_TRIP, &everybody(transport));
            all.extend([case.clone().on(Cores::Two).quick(), case.clone().on(Cores::One).quick(), case]);
        }
        let peers = [SpanwireAsync, Raw, ZeromqRs];
        let case = Self::new(Kind::RoundTrip, Tcp, 64, 0, ROUND_TRIP, &peers).named("rtt-async-tcp-64");
        all.extend([case.clone().on(Cores::Two).quick(), case.clone().on(Cores::One).quick(), case]);
        for transport in [Tcp, Ipc] {
            let case = Self::new(Kind::Mixed, transport, 64, 0, WORST, &[Spanwire, Raw, Libzmq, Nng, Nanomsg]);
            all.push(if transport == Tcp { case.quick() } else { case });
        }
        for transport in [Tcp, Ipc, Inproc] {
            all.push(Self::new(Kind::OneWay, transport, 64, 1, RATE, &streaming(transport)).quick());
        }
        all.push(Self::new(Kind::OneWay, Tcp, 1024, 1, RATE, &streaming(Tcp)).quick());
        for transport in [Tcp, Ipc] {
            for size in [64 << 10, 1 << 20] {
                all.push(Self::new(Kind::OneWay, transport, size, 1, BYTES, &everybody(transport)).quick());
            }
        }
        for transport in [Tcp, Ipc] {
            let peers = [Spanwire, Raw, Rawb, Libzmq, Nng];
            all.push(Self::new(Kind::InFlight, transport, 64, 64, RATE, &peers).quick());
        }
        for threads in [1, 4, 2, 8] {
            let case = Self::new(Kind::OneWay, Tcp, 64, threads, RATE, &[Spanwire, Libzmq, Nng, Nanomsg]);
            let case = case.named(&format!("threads-tcp-{threads}"));
            all.push(if matches!(threads, 1 | 4) { case.quick() } else { case });
        }
        let peers = [Spanwire, Libzmq, Nng, Nanomsg, Rawb];
        all.push(Self::new(Kind::FanOut, Tcp, 64, 8, RATE, &peers).quick());
        let mut paced = Self::new(Kind::FanOut, Tcp, 64, 8, RATE, &[Spanwire, Libzmq, Nng, Nanomsg, Raw]);
        paced.rate = 200_000;
        all.push(paced.named("fanout-tcp-8-200k").quick());
        all.push(Self::new(Kind::FanOut, Tcp, 64, 100, RATE, &[Spanwire, Libzmq, Nng, Nanomsg, Rawb]));
        for n in [1, 1_000_000, 1000, 100_000] {
            let peers = if n > 1000 { vec![Spanwire, Libzmq, Nanomsg] } else { vec![Spanwire, Libzmq, Nanomsg, Nng] };
            let case = Self::new(Kind::Subscribe, Tcp, 64, n, RATE, &peers);
            all.push(if matches!(n, 1 | 1_000_000) { case.quick() } else { case });
        }
        let connect = |n| Self::new(Kind::Connect, Tcp, 64, n, CONNECT, &[Spanwire, Raw, Libzmq, Nng, Nanomsg]);
        all.extend([connect(CONNECTIONS).quick(), connect(1000), connect(100)]);
        for transport in [Tcp, Ipc] {
            let case =
                Self::new(Kind::RoundTrip, transport, 64, CONNECTIONS, ROUND_TRIP, &[Spanwire, Raw, Libzmq, Nng]);
            all.push(case.named(&format!("idle-{}-{CONNECTIONS}", transport.text())));
        }
        for n in [1000, 100] {
            all.push(Self::new(Kind::FanIn, Ipc, 64, n, RATE, &[Spanwire, Libzmq, Nng, Nanomsg]));
        }
        for transport in [Tcp, Ipc] {
            all.push(Self::new(Kind::Burst, transport, 64, 100, ROUND_TRIP, &[Spanwire, Raw, Rawb, Libzmq, Nng]));
        }
        for n in [1, 2, 4, 8, 16, 32] {
            all.push(Self::new(Kind::InFlight, Tcp, 64, n, RATE, &[Spanwire, Raw, Rawb, Libzmq, Nng]));
        }
        for size in [8, 256, 4096, 16 << 10, 256 << 10] {
            all.push(Self::new(Kind::OneWay, Tcp, size, 1, BYTES, &streaming(Tcp)));
        }
        all
    }

    /// The job for a peer; URLs and times are still to be filled in.
    pub(crate) fn job(&self, peer: Name) -> Job {
        Job {
            kind: self.kind,
            peer,
            transport: self.transport,
            url: String::new(),
            second: String::new(),
            size: self.size,
            n: self.n,
            rate: self.rate,
            warm_ms: 0,
            run_ms: 0,
            cores: self.cores,
        }
    }

    fn new(kind: Kind, transport: Transport, size: usize, n: usize, headline: Headline, peers: &[Name]) -> Self {
        let t = transport.text();
        let name = match kind {
            Kind::RoundTrip => format!("rtt-{t}-{size}"),
            Kind::OneWay => format!("oneway-{t}-{size}"),
            Kind::InFlight => format!("inflight-{t}-{n}"),
            Kind::Burst => format!("burst-{t}-{n}"),
            Kind::FanOut => format!("fanout-{t}-{n}"),
            Kind::FanIn => format!("fanin-{t}-{n}"),
            Kind::Subscribe => format!("subscriptions-{n}"),
            Kind::Mixed => format!("mixed-{t}-{size}"),
            Kind::Connect => format!("connections-{n}"),
        };
        let (cores, peers) = (Cores::Any, peers.to_vec());
        Self { name, kind, transport, size, n, rate: 0, cores, peers, quick: false, headline }
    }

    fn on(mut self, cores: Cores) -> Self {
        self.name += cores.text();
        self.cores = cores;
        self
    }

    fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    fn quick(mut self) -> Self {
        self.quick = true;
        self
    }
}

fn everybody(transport: Transport) -> Vec<Name> {
    match transport {
        Inproc => vec![Spanwire, Raw, Libzmq, Nng, Nanomsg],
        Tcp | Ipc => vec![Spanwire, Raw, Libzmq, Nng, Nanomsg, ZeromqRs],
    }
}

fn streaming(transport: Transport) -> Vec<Name> {
    let mut peers = everybody(transport);
    if transport != Inproc {
        peers.insert(2, Rawb);
    }
    peers
}

use Name::{Libzmq, Nanomsg, Nng, Raw, Rawb, Spanwire, SpanwireAsync, ZeromqRs};
use Transport::{Inproc, Ipc, Tcp};

const ROUND_TRIP: Headline = Headline { metric: "dial.p50_us", unit: "us", scale: 1.0 };
const WORST: Headline = Headline { metric: "dial.p99_us", unit: "us", scale: 1.0 };
const RATE: Headline = Headline { metric: "rate", unit: "M/s", scale: 1e6 };
const BYTES: Headline = Headline { metric: "listen.mb_s", unit: "MB/s", scale: 1.0 };
const CONNECT: Headline = Headline { metric: "connect_s", unit: "s", scale: 1.0 };
/// As many as fit below the usual limit of descriptors.
pub(crate) const CONNECTIONS: usize = 10_000;
