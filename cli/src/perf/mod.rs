//! `spanwire perf`: latency and throughput between two processes.
//!
//! `serve` is one side. `lat` and `thr` are the other, and share `client`. They agree on each measurement (`plan`) in a small control
//! exchange (`wire`) over req and rep at the server's URL; messages then flow over connections of their own (`door`), so that nothing
//! else is on them. A `session` is a measurement at the server, a `stream` one of its connections. `report` is what the user sees.

mod client;
mod cpu;
mod door;
mod lat;
mod plan;
mod progress;
mod report;
mod serve;
mod session;
mod stream;
mod thr;
mod wire;

use std::io::{self, Write};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;
use spanwire::{AnySocket, Url};

use crate::exit::Exit;
use crate::tls::TlsArgs;
use client::Client;
use plan::{Amount, Measure, Plan, Sizes};
use serve::{Log, Server, Until};

/// Measure latency and throughput between two processes, on one machine or on two
///
/// Start "spanwire perf serve URL" on one side, and "spanwire perf lat URL" or "spanwire perf thr URL" on the other.
#[derive(Args, Debug)]
#[command(after_help = HELP, subcommand_required = true, disable_help_subcommand = true)]
pub(crate) struct PerfArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Serve(serve::ServeArgs),
    Lat(lat::LatArgs),
    Thr(thr::ThrArgs),
}

impl PerfArgs {
    /// Serves, or measures.
    pub(crate) fn run(self) -> Result<(), Exit> {
        match self.what {
            What::Serve(serve) => serve.run(),
            What::Lat(lat) => lat.run(),
            What::Thr(thr) => thr.run(),
        }
    }
}

/// What all measurements have in common.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Where the server listens
    #[arg(value_name = "URL", value_parser = Url::parse)]
    url: Url,
    /// Bytes of a message, as 64, 1KiB or 1MiB; several, as 64,1KiB, are measured one after the other
    #[arg(long, short, value_name = "SIZE,...", default_value = "64", value_parser = plan::sizes)]
    size: Sizes,
    /// Measure N messages, by all threads together
    #[arg(long, short = 'C', value_name = "N", conflicts_with = "time", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Measure for SEC seconds
    #[arg(long, value_name = "SEC", default_value = "3", value_parser = plan::some_seconds)]
    time: Duration,
    /// Let messages flow for SEC seconds before that
    #[arg(long, value_name = "SEC", default_value = "0.5", value_parser = crate::cat::seconds)]
    warm_up: Duration,
    /// How many threads, on either side, each with a connection of its own
    #[arg(long, short = 'j', value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MAX_THREADS as i64))]
    threads: u32,
    /// Give up when nothing comes through for SEC seconds
    #[arg(long, value_name = "SEC", default_value = "10", value_parser = plan::some_seconds)]
    timeout: Duration,
    /// Serve URL in this process, too, instead of calling a server
    #[arg(long)]
    local: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// TLS.
    #[command(flatten)]
    tls: TlsArgs,
}

impl Common {
    fn check(&self) -> Result<(), Exit> {
        check_scheme(&self.url)?;
        if self.url.scheme() == "inproc" && !self.local {
            return Err(Exit::Usage("inproc:// joins sockets of one process only: add --local".into()));
        }
        match self.count {
            Some(n) if n < u64::from(self.threads) => {
                Err(Exit::Usage(format!("--count {n} is less than a message for each of {} threads", self.threads)))
            }
            _ => Ok(()),
        }
    }

    /// Measures all sizes, one after the other.
    fn measure<T>(
        &self,
        measure: Measure,
        mut one: impl FnMut(&mut Client, Plan) -> Result<T, Exit>,
    ) -> Result<Measured<T>, Exit> {
        self.check()?;
        let tls = self.tls.read()?;
        let max = self.size.0.iter().copied().max().unwrap_or(0);
        let server = match self.local {
            true => Some(Server::start(&self.url, &tls, None, max, Until::Told, Log::No)?),
            false => None,
        };
        let url = server.as_ref().map_or(&self.url, |server| &server.url).clone();
        let results = (|| {
            let mut client = Client::connect(&url, &tls, self.timeout)?;
            let amount = self.count.map_or(Amount::Time(self.time), Amount::Count);
            let plan = |size| Plan { measure, size, streams: self.threads, amount, warm_up: self.warm_up };
            let results: Result<_, Exit> = self.size.0.iter().map(|&size| one(&mut client, plan(size))).collect();
            Ok(Measured { url, results: results?, debug_build: cfg!(debug_assertions) || client.debug_build })
        })();
        let stopped = server.map_or(Ok(()), Server::stop);
        results.and_then(|results| stopped.map(|()| results))
    }
}

/// The results for all sizes.
struct Measured<T> {
    url: Url,
    results: Vec<T>,
    /// One of the sides was built without optimizations.
    debug_build: bool,
}

/// Closes sockets at once, whatever is still under way.
fn close(sockets: &[AnySocket]) {
    for socket in sockets {
        let _ = socket.set_linger(Duration::ZERO);
        let _ = socket.close().wait();
    }
}

/// The receive limit for messages of this size: what headers and marks need comes on top.
fn recv_max(size: usize) -> usize {
    size.saturating_add(1024)
}

fn check_scheme(url: &Url) -> Result<(), Exit> {
    match url.scheme() {
        "socket" => Err(Exit::Usage("socket:// has no address that another socket could dial".into())),
        _ => Ok(()),
    }
}

fn print(text: &str) -> Result<(), Exit> {
    writeln!(io::stdout(), "{}", text.trim_end()).map_err(Exit::writing)
}

fn print_json(document: &Value) -> Result<(), Exit> {
    print(&format!("{document:#}"))
}

/// Of one client.
const MAX_THREADS: u32 = 64;

const HELP: &str = "\
Only the server's URL has to be known, and with TCP --ports fixes which other ports are used:
\"spanwire perf serve --help\" tells why.

Examples:
  spanwire perf serve tcp://*:5555                       on one machine
  spanwire perf lat tcp://server:5555                    on another: round trips
  spanwire perf thr tcp://server:5555 --size 64,64KiB    and one-way throughput
  spanwire perf lat inproc://here --local                within one process";
