//! `spanwire perf thr`: one-way throughput.

use clap::{Args, ValueEnum};
use spanwire::{Pull, Push, Socket};

use super::client::Client;
use super::plan::{Measure, Plan};
use super::progress::Progress;
use super::report::{self, ThrResult};
use super::stream::{self, Tally};
use super::{Common, print, print_json};
use crate::exit::Exit;

/// Measure one-way throughput: messages pushed to the server, or by it
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct ThrArgs {
    #[command(flatten)]
    common: Common,
    /// Which way messages go
    #[arg(long, short, value_enum, value_name = "DIRECTION", default_value = "up")]
    direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Direction {
    /// From this client to the server
    Up,
    /// From the server to this client
    Down,
}

impl ThrArgs {
    /// Measures, and prints the result.
    pub(crate) fn run(self) -> Result<(), Exit> {
        let (measure, local) = match self.direction {
            Direction::Up => (Measure::Up, self.common.local),
            Direction::Down => (Measure::Down, self.common.local),
        };
        let measured = self.common.measure(measure, |client, plan| match self.direction {
            Direction::Up => up(client, plan, local),
            Direction::Down => down(client, plan, local),
        })?;
        let settings = report::Thr {
            url: measured.url.as_str(),
            direction: measure.name(),
            threads: self.common.threads,
            local,
            debug_build: measured.debug_build,
        };
        match self.common.json {
            true => print_json(&settings.json(&measured.results)),
            false => print(&settings.text(&measured.results)),
        }?;
        measured.results.iter().find_map(ThrResult::loss).map_or(Ok(()), |text| Err(Exit::Failed(text)))
    }
}

fn up(client: &mut Client, plan: Plan, local: bool) -> Result<ThrResult, Exit> {
    let run = client.open(plan, |_: &Socket<Push>| Ok(()))?;
    let Plan { size, warm_up, streams, amount, .. } = plan;
    let msg = stream::message(size)?;
    let progress = Progress::new("thr up", size, amount, warm_up);
    let tallies =
        run.work(&progress, |i, push, counter| stream::send(push, &msg, warm_up, amount.share(streams, i), counter))?;
    let received = run.outcome()?;
    Ok(ThrResult::new(size, Tally::sum(&tallies).unwrap_or_default(), received, local))
}

fn down(client: &mut Client, plan: Plan, local: bool) -> Result<ThrResult, Exit> {
    let run = client.open(plan, |_: &Socket<Pull>| Ok(()))?;
    let progress = Progress::new("thr down", plan.size, plan.amount, plan.warm_up);
    let tallies = run.work(&progress, |_, pull, counter| stream::receive(pull, plan.size, counter))?;
    let sent = run.outcome()?;
    Ok(ThrResult::new(plan.size, sent, Tally::sum(&tallies).unwrap_or_default(), local))
}

const HELP: &str = "\
Messages go from a push socket to a pull socket, on a connection for each thread. The rates are the
receiver's: from the arrival of a mark before the first message to that of one behind the last.
Every message has to arrive: if some did not, the table and the exit status say so.

CPU time is that of whole processes, for each message; the server's is unknown while it measures
with several clients, and with --local there is one for both sides, which says nothing of either.

--json prints: measurement, url, direction, threads, local, debug_build, and results, for each size:
size_bytes, sent, received, lost, seconds, messages_per_s, megabytes_per_s (10^6 bytes),
sender_seconds, sender_cpu_ns_per_message and receiver_cpu_ns_per_message (null: unknown).

Examples:
  spanwire perf thr tcp://127.0.0.1:5555
  spanwire perf thr ipc:///tmp/perf --size 64,4KiB,1MiB --direction down
  spanwire perf thr tcp://127.0.0.1:5555 --threads 4 --count 10000000 --json";
