//! What Spanwire must reach, as ratios within one run.

use serde::Serialize;

use crate::peers::Name;
use crate::results::{Results, Spread};

/// A row of the table.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) target: String,
    pub(crate) reached: Option<Spread>,
    pub(crate) verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Pass,
    Short,
    /// It was measured and has no number: something failed or took too long.
    Failed,
    NotRun,
}

struct Target {
    what: &'static str,
    bound: Bound,
    case: &'static str,
    metric: &'static str,
    over: Over,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Clone, Copy)]
enum Over {
    /// The same number of another peer.
    Peer(Name),
    /// Our own, of another case.
    Case(&'static str),
    /// Nothing: the number itself, in this unit, and how many of it make one of them.
    Unit(&'static str, f64),
}

/// All rows.
pub(crate) fn judge(results: &Results) -> Vec<Row> {
    TARGETS.iter().map(|target| target.judge(results)).collect()
}

impl Target {
    fn judge(&self, results: &Results) -> Row {
        let own = if self.case.contains("async") { Name::SpanwireAsync } else { Name::Spanwire };
        let this = (self.case, own, self.metric);
        let reached = match self.over {
            Over::Peer(peer) => results.ratio(this, (self.case, peer, self.metric)),
            Over::Case(case) => results.ratio(this, (case, own, self.metric)),
            Over::Unit(_, scale) => results.spread(self.case, own, self.metric).map(|found| found.scaled(1.0 / scale)),
        };
        let verdict = match (reached, self.bound) {
            (None, _) if results.has(self.case) => Verdict::Failed,
            (None, _) => Verdict::NotRun,
            (Some(found), Bound::AtMost(bound)) if found.median <= bound => Verdict::Pass,
            (Some(found), Bound::AtLeast(bound)) if found.median >= bound => Verdict::Pass,
            (Some(_), _) => Verdict::Short,
        };
        let (word, bound) = match self.bound {
            Bound::AtMost(bound) => ("<=", bound),
            Bound::AtLeast(bound) => (">=", bound),
        };
        let unit = match self.over {
            Over::Peer(peer) => format!(" x {}", peer.text()),
            Over::Case(case) => format!(" x {case}"),
            Over::Unit(unit, _) => format!(" {unit}"),
        };
        Row { what: self.what, target: format!("{word} {bound}{unit}"), reached, verdict }
    }
}

impl Spread {
    pub(crate) fn scaled(self, by: f64) -> Self {
        Self { median: self.median * by, least: self.least * by, most: self.most * by, runs: self.runs }
    }
}

const fn target(what: &'static str, bound: Bound, case: &'static str, metric: &'static str, over: Over) -> Target {
    Target { what, bound, case, metric, over }
}

use Bound::{AtLeast, AtMost};
use Over::{Case, Peer, Unit};

const P50: &str = "dial.p50_us";
const P99: &str = "dial.p99_us";
const MB: &str = "listen.mb_s";

static TARGETS: &[Target] = &[
    target("round trip 64 B, tcp, two cores", AtMost(1.25), "rtt-tcp-64-two-cores", P50, Peer(Name::Raw)),
    target("round trip 64 B, tcp, one core", AtMost(1.25), "rtt-tcp-64-one-core", P50, Peer(Name::Raw)),
    target("round trip 64 B, ipc, two cores", AtMost(1.25), "rtt-ipc-64-two-cores", P50, Peer(Name::Raw)),
    target("round trip 64 B, ipc, one core", AtMost(1.25), "rtt-ipc-64-one-core", P50, Peer(Name::Raw)),
    target("round trip 64 B, inproc, two cores", AtMost(1.5), "rtt-inproc-64-two-cores", P50, Peer(Name::Raw)),
    target("round trip 64 B, inproc, one core", AtMost(1.5), "rtt-inproc-64-one-core", P50, Peer(Name::Raw)),
    target("async round trip 64 B, tcp, two cores", AtMost(3.0), "rtt-async-tcp-64-two-cores", P50, Peer(Name::Raw)),
    target("async round trip 64 B, tcp, one core", AtMost(3.0), "rtt-async-tcp-64-one-core", P50, Peer(Name::Raw)),
    target("round trip beside a stream, tcp: p99", AtMost(3.0), "mixed-tcp-64", P99, Peer(Name::Libzmq)),
    target("one way 64 B, tcp", AtLeast(4.0), "oneway-tcp-64", "rate", Peer(Name::Libzmq)),
    target("one way 64 B, ipc", AtLeast(3.0), "oneway-ipc-64", "rate", Peer(Name::Libzmq)),
    target("one way 64 B, inproc", AtLeast(1.5), "oneway-inproc-64", "rate", Peer(Name::Libzmq)),
    target("CPU a 64 B message, both sides, tcp", AtMost(0.25), "oneway-tcp-64", "cpu_us", Peer(Name::Libzmq)),
    target("one way 1 KiB, tcp", AtLeast(3.0), "oneway-tcp-1024", "rate", Peer(Name::Libzmq)),
    target("64 KiB, tcp", AtLeast(0.95), "oneway-tcp-65536", MB, Peer(Name::Raw)),
    target("1 MiB, tcp", AtLeast(0.95), "oneway-tcp-1048576", MB, Peer(Name::Raw)),
    target("64 KiB, ipc", AtLeast(0.95), "oneway-ipc-65536", MB, Peer(Name::Raw)),
    target("1 MiB, ipc", AtLeast(0.95), "oneway-ipc-1048576", MB, Peer(Name::Raw)),
    target("64 requests in flight, tcp", AtLeast(8.0), "inflight-tcp-64", "rate", Peer(Name::Raw)),
    target("64 requests in flight, tcp", AtLeast(1.0), "inflight-tcp-64", "rate", Unit("M/s", 1e6)),
    target("64 requests in flight, ipc", AtLeast(1.0), "inflight-ipc-64", "rate", Unit("M/s", 1e6)),
    target("4 threads on one socket, tcp", AtLeast(0.9), "threads-tcp-4", "rate", Case("threads-tcp-1")),
    target("pub to 8 subs, tcp, flat out", AtLeast(3.0), "fanout-tcp-8", "rate", Peer(Name::Libzmq)),
    target("pub to 8 subs, tcp, 200 k/s: delivered", AtLeast(1.56), "fanout-tcp-8-200k", "rate", Unit("M/s", 1e6)),
    target(
        "pub to 8 subs, tcp, 200 k/s: drops",
        AtMost(0.0),
        "fanout-tcp-8-200k",
        "dial.missed",
        Unit("messages", 1.0),
    ),
    target("1,000,000 subscriptions: set up", AtMost(3.0), "subscriptions-1000000", "dial.set_up_s", Unit("s", 1.0)),
    target("1,000,000 subscriptions: match", AtLeast(0.5), "subscriptions-1000000", "rate", Case("subscriptions-1")),
    target("1,000,000 subscriptions: each", AtMost(200.0), "subscriptions-1000000", "dial.bytes_each", Unit("B", 1.0)),
    target("10,000 connections: connect all", AtMost(2.0), "connections-10000", "connect_s", Unit("s", 1.0)),
    target("10,000 connections: RSS each", AtMost(4.0), "connections-10000", "listen.bytes_each", Unit("KiB", 1024.0)),
    target("10,000 connections: threads", AtMost(4.0), "connections-10000", "listen.threads", Unit("", 1.0)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Case as Scenario;
    use crate::job::Numbers;
    use crate::results::Outcome;

    /// A typing error in a name would make a row vanish.
    #[test]
    fn every_target_is_decided_by_the_quick_run() {
        let cases = Scenario::all();
        for target in TARGETS {
            let find = |name: &str| cases.iter().find(|case| case.name == name && case.quick);
            let case = find(target.case).unwrap_or_else(|| panic!("no quick case {}", target.case));
            match target.over {
                Over::Peer(peer) => assert!(case.peers.contains(&peer), "{}: no {peer:?}", target.case),
                Over::Case(other) => assert!(find(other).is_some(), "no quick case {other}"),
                Over::Unit(..) => {}
            }
        }
    }

    #[test]
    fn names_of_cases_are_unique() {
        let mut names: Vec<_> = Scenario::all().into_iter().map(|case| case.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn ratios_are_taken_within_a_repetition() {
        let mut results = Results::default();
        for (own, raw) in [(10.0, 10.0), (100.0, 50.0), (1.0, 1.0)] {
            for (peer, value) in [(Name::Spanwire, own), (Name::Raw, raw)] {
                results.add(TARGETS[0].case, peer, Outcome::Found(Numbers::from([(P50.to_owned(), value)])));
            }
        }
        let row = &judge(&results)[0];
        assert_eq!(row.reached.map(|found| (found.median, found.most)), Some((1.0, 2.0)));
        assert_eq!(row.verdict, Verdict::Pass);
    }

    #[test]
    fn a_measurement_that_failed_is_no_pass() {
        let mut results = Results::default();
        results.add(TARGETS[0].case, Name::Spanwire, Outcome::Failed("took too long".into()));
        let rows = judge(&results);
        assert_eq!((rows[0].verdict, rows[1].verdict), (Verdict::Failed, Verdict::NotRun));
    }
}
