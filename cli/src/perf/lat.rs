//! `spanwire perf lat`: round trips.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_executor::LocalExecutor;
use clap::Args;
use futures_lite::future;
use hdrhistogram::Histogram;
use spanwire::{Context, Error, Message, Req, Socket};

use super::client::Client;
use super::plan::{Amount, Measure, Plan};
use super::progress::Progress;
use super::report::{self, LatResult};
use super::stream::{At, Counter, message};
use super::{Common, print, print_json};
use crate::exit::Exit;

/// Measure round trips: requests to the server and their replies
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct LatArgs {
    #[command(flatten)]
    common: Common,
    /// How many requests each thread has under way
    #[arg(long, short = 'f', value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4096))]
    in_flight: u32,
    /// Await replies in tasks of an async executor, one for each request under way
    #[arg(long = "async")]
    tasks: bool,
}

impl LatArgs {
    /// Measures, and prints the result.
    pub(crate) fn run(self) -> Result<(), Exit> {
        let local = self.common.local;
        let measured = self.common.measure(Measure::Lat, |client, plan| self.measure(client, plan, local))?;
        let settings = report::Lat {
            url: measured.url.as_str(),
            threads: self.common.threads,
            in_flight: self.in_flight,
            tasks: self.tasks,
            local,
            debug_build: measured.debug_build,
        };
        match self.common.json {
            true => print_json(&settings.json(&measured.results)),
            false => print(&settings.text(&measured.results)),
        }
    }

    fn measure(&self, client: &mut Client, plan: Plan, local: bool) -> Result<LatResult, Exit> {
        let run = client.open(plan, |socket: &Socket<Req>| socket.set_resend_time(None))?;
        let msg = message(plan.size)?;
        let work = |amount: Amount, progress: &Progress| {
            run.work(progress, |i, socket, counter| {
                let trips = Trips { socket, msg: &msg, amount: amount.share(plan.streams, i), counter };
                let times = if self.tasks { trips.tasks(self.in_flight) } else { trips.blocking(self.in_flight) };
                times.map_err(|e| match e {
                    Error::ConnectionReset => "the connection to the server was lost".into(),
                    e => format!("no reply: {e}"),
                })
            })
        };
        if !plan.warm_up.is_zero() {
            work(Amount::Time(plan.warm_up), &Progress::none())?;
        }
        let (before, began) = (run.status()?, At::now());
        let times = work(plan.amount, &Progress::new("lat", plan.size, plan.amount, Duration::ZERO))?;
        let (time, client_cpu) = At::now().since(began);
        let after = run.status()?;
        let mut sum = histogram();
        for times in times {
            sum.add(&times).map_err(|e| Exit::Failed(format!("can't add the times up: {e}")))?;
        }
        // In one process there is one CPU time for both sides.
        let server_cpu =
            after.cpu.zip(before.cpu).filter(|_| !local).map(|(after, before)| after.saturating_sub(before));
        Ok(LatResult { size: plan.size, times: sum, time, client_cpu, server_cpu })
    }
}

/// What a thread does.
struct Trips<'a> {
    socket: &'a Socket<Req>,
    msg: &'a Message,
    amount: Amount,
    counter: &'a Counter,
}

impl Trips<'_> {
    /// Blocks for each reply, oldest request first.
    fn blocking(&self, in_flight: u32) -> Result<Histogram<u64>, Error> {
        let (mut times, quota) = (histogram(), Quota::new(self.amount));
        let mut under_way: VecDeque<(Context<Req>, Instant)> = VecDeque::new();
        for _ in 0..in_flight {
            if !quota.next() {
                break;
            }
            let context = self.socket.context()?;
            let asked = Instant::now();
            context.send(self.msg.clone()).wait()?;
            under_way.push_back((context, asked));
        }
        while let Some((context, asked)) = under_way.pop_front() {
            let reply = context.recv().wait()?;
            self.record(&mut times, asked, &reply)?;
            if quota.next() {
                let asked = Instant::now();
                context.send(self.msg.clone()).wait()?;
                under_way.push_back((context, asked));
            }
        }
        Ok(times)
    }

    /// Awaits each reply in a task.
    fn tasks(&self, in_flight: u32) -> Result<Histogram<u64>, Error> {
        let (times, quota) = (RefCell::new(histogram()), Quota::new(self.amount));
        let executor = LocalExecutor::new();
        let ask = async || {
            let context = self.socket.context()?;
            while quota.next() {
                let asked = Instant::now();
                let reply = context.request(self.msg.clone()).await?;
                self.record(&mut times.borrow_mut(), asked, &reply)?;
            }
            Ok::<(), Error>(())
        };
        let tasks: Vec<_> = (0..in_flight).map(|_| executor.spawn(ask())).collect();
        future::block_on(executor.run(async {
            for task in tasks {
                task.await?;
            }
            Ok::<(), Error>(())
        }))?;
        drop(executor);
        Ok(times.into_inner())
    }

    fn record(&self, times: &mut Histogram<u64>, asked: Instant, reply: &Message) -> Result<(), Error> {
        let nanos = u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX);
        times.saturating_record(nanos);
        self.counter.add();
        match reply.len() == self.msg.len() {
            true => Ok(()),
            false => Err(Error::Protocol(format!("a reply of {} bytes", reply.len()).into())),
        }
    }
}

/// How many requests may still be made.
struct Quota {
    left: Cell<u64>,
    /// None: there is no end but that of `left`.
    end: Option<Instant>,
}

impl Quota {
    fn new(amount: Amount) -> Self {
        match amount {
            Amount::Count(n) => Self { left: Cell::new(n), end: None },
            Amount::Time(time) => Self { left: Cell::new(u64::MAX), end: Some(Instant::now() + time) },
        }
    }

    /// Whether one more may be made, which then counts.
    fn next(&self) -> bool {
        let more = self.left.get() > 0 && self.end.is_none_or(|end| Instant::now() < end);
        self.left.set(self.left.get() - u64::from(more));
        more
    }
}

/// From a nanosecond to an hour, to three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3).expect("bounds that are in order, and at most five digits")
}

const HELP: &str = "\
A round trip is the time from before a request is sent until its reply has been taken. Each thread
has a req socket of its own; at the server, a rep socket with a thread sends everything back. With
--in-flight, replies are taken in the order of the requests.

CPU time is that of whole processes, for each request; the server's is unknown while it measures
with several clients.

--json prints: measurement, url, threads, in_flight, async, local, debug_build, and results, for
each size: size_bytes, requests, seconds, requests_per_s, min_ns, mean_ns, stdev_ns, p50_ns,
p90_ns, p99_ns, p99_9_ns, max_ns, client_cpu_ns_per_request and server_cpu_ns_per_request (null:
unknown; with --local the client's is that of both), and histogram: of requests that took at most
up_to_ns and longer than the one before, how many requests.

Examples:
  spanwire perf lat tcp://127.0.0.1:5555
  spanwire perf lat ipc:///tmp/perf --size 64,4KiB,1MiB --count 100000 --json
  spanwire perf lat tcp://127.0.0.1:5555 --threads 4 --in-flight 16 --async";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_number_or_a_time() {
        let quota = Quota::new(Amount::Count(2));
        assert_eq!([quota.next(), quota.next(), quota.next()], [true, true, false]);
        assert!(!Quota::new(Amount::Time(Duration::ZERO)).next());
        assert!(Quota::new(Amount::Time(Duration::from_secs(3600))).next());
    }
}
