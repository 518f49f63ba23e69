//! What was measured, as a table and as JSON.

use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::wire::Outcome;
pub(crate) use crate::demo::show::number;

/// What was set for [`LatResult`]s.
pub(crate) struct Lat<'a> {
    /// Where the server listens.
    pub url: &'a str,
    /// Connections, and threads on either side.
    pub threads: u32,
    /// Requests under way, of each thread.
    pub in_flight: u32,
    /// Awaited in tasks.
    pub tasks: bool,
    /// Both sides in one process.
    pub local: bool,
    /// A side was built without optimizations.
    pub debug_build: bool,
}

/// What was set for [`ThrResult`]s.
pub(crate) struct Thr<'a> {
    /// Where the server listens.
    pub url: &'a str,
    /// Which way messages go, as seen from the client.
    pub direction: &'a str,
    /// Connections, and threads on either side.
    pub threads: u32,
    /// Both sides in one process.
    pub local: bool,
    /// A side was built without optimizations.
    pub debug_build: bool,
}

/// Round trips of messages of one size.
pub(crate) struct LatResult {
    /// Bytes of a message.
    pub size: usize,
    /// Nanoseconds of the round trips.
    pub times: Histogram<u64>,
    /// How long it took.
    pub time: Duration,
    /// CPU time of this process meanwhile.
    pub client_cpu: Option<Duration>,
    /// CPU time of the server's process meanwhile.
    pub server_cpu: Option<Duration>,
}

/// One-way throughput of messages of one size.
pub(crate) struct ThrResult {
    size: usize,
    sent: Outcome,
    received: Outcome,
}

impl Lat<'_> {
    /// For people.
    pub(crate) fn text(&self, results: &[LatResult]) -> String {
        let mut table = Table::new([
            "size",
            "requests",
            "requests/s",
            "p50",
            "p90",
            "p99",
            "p99.9",
            "max",
            "mean",
            "client CPU",
            "server CPU",
        ]);
        for result in results {
            let (times, n) = (&result.times, result.times.len());
            let at = |quantile| self::time(times.value_at_quantile(quantile) as f64);
            table.row([
                size(result.size),
                number(n),
                number(rate(n, result.time) as u64),
                at(0.5),
                at(0.9),
                at(0.99),
                at(0.999),
                self::time(times.max() as f64),
                self::time(times.mean()),
                cpu(result.client_cpu, n),
                cpu(result.server_cpu, n),
            ]);
        }
        let (in_flight, how) = (self.in_flight, if self.tasks { ", awaited" } else { "" });
        let under_way = if in_flight == 1 { String::new() } else { format!(", {in_flight} requests under way each") };
        let mut text =
            format!("round trips, {}, {}{under_way}{how}\n\n{}", self.url, streams(self.threads), table.text());
        for result in results {
            let _ = write!(text, "\n{} messages\n{}", size(result.size), bars(&rows(&result.times)));
        }
        text + warning(self.debug_build)
    }

    /// For programs.
    pub(crate) fn json(&self, results: &[LatResult]) -> Value {
        let result = |result: &LatResult| {
            let (times, n) = (&result.times, result.times.len());
            let buckets: Vec<Value> =
                rows(times).iter().map(|row| json!({ "up_to_ns": row.up_to, "requests": row.count })).collect();
            json!({
                "size_bytes": result.size, "requests": n, "seconds": result.time.as_secs_f64(),
                "requests_per_s": rate(n, result.time), "min_ns": times.min(), "mean_ns": times.mean(),
                "stdev_ns": times.stdev(), "p50_ns": times.value_at_quantile(0.5),
                "p90_ns": times.value_at_quantile(0.9), "p99_ns": times.value_at_quantile(0.99),
                "p99_9_ns": times.value_at_quantile(0.999), "max_ns": times.max(),
                "client_cpu_ns_per_request": per(result.client_cpu, n),
                "server_cpu_ns_per_request": per(result.server_cpu, n), "histogram": buckets,
            })
        };
        json!({
            "measurement": "lat", "url": self.url, "threads": self.threads, "in_flight": self.in_flight,
            "async": self.tasks, "local": self.local, "debug_build": self.debug_build,
            "results": results.iter().map(result).collect::<Vec<_>>(),
        })
    }
}

impl Thr<'_> {
    /// For people.
    pub(crate) fn text(&self, results: &[ThrResult]) -> String {
        let mut table = Table::new(["size", "received", "messages/s", "MB/s", "sender CPU", "receiver CPU", "lost"]);
        for result in results {
            let (sent, received) = (&result.sent, &result.received);
            table.row([
                size(result.size),
                number(received.messages),
                number(rate(received.messages, received.time) as u64),
                format!("{:.1}", result.megabytes_per_s()),
                cpu(sent.cpu, sent.messages),
                cpu(received.cpu, received.messages),
                result.lost().to_string(),
            ]);
        }
        let way = if self.direction == "up" { "to" } else { "from" };
        let warning = warning(self.debug_build);
        format!("one way, {way} {}, {}\n\n{}{warning}", self.url, streams(self.threads), table.text())
    }

    /// For programs.
    pub(crate) fn json(&self, results: &[ThrResult]) -> Value {
        let result = |result: &ThrResult| {
            let (sent, received) = (&result.sent, &result.received);
            json!({
                "size_bytes": result.size, "sent": sent.messages, "received": received.messages, "lost": result.lost(),
                "seconds": received.time.as_secs_f64(), "messages_per_s": rate(received.messages, received.time),
                "megabytes_per_s": result.megabytes_per_s(), "sender_seconds": sent.time.as_secs_f64(),
                "sender_cpu_ns_per_message": per(sent.cpu, sent.messages),
                "receiver_cpu_ns_per_message": per(received.cpu, received.messages),
            })
        };
        json!({
            "measurement": "thr", "url": self.url, "direction": self.direction, "threads": self.threads,
            "local": self.local, "debug_build": self.debug_build,
            "results": results.iter().map(result).collect::<Vec<_>>(),
        })
    }
}

impl ThrResult {
    /// What both sides saw. `local`: they are one process, whose CPU time says nothing of either.
    pub(crate) fn new(size: usize, mut sent: Outcome, mut received: Outcome, local: bool) -> Self {
        if local {
            (sent.cpu, received.cpu) = (None, None);
        }
        Self { size, sent, received }
    }

    /// What to say if something was lost.
    pub(crate) fn loss(&self) -> Option<String> {
        let (sent, received) = (number(self.sent.messages), number(self.received.messages));
        let size = size(self.size);
        (self.lost() != 0).then(|| format!("{sent} messages of {size} were sent, but {received} received"))
    }

    /// Negative: more came than were sent.
    fn lost(&self) -> i128 {
        i128::from(self.sent.messages) - i128::from(self.received.messages)
    }

    fn megabytes_per_s(&self) -> f64 {
        rate(self.received.messages, self.received.time) * self.size as f64 / 1e6
    }
}

/// So many a second.
pub(crate) fn rate(n: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { n as f64 / time.as_secs_f64() }
}

/// A number of bytes, in the largest unit that needs no fraction.
pub(crate) fn size(bytes: usize) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{} B", number(bytes as u64)),
    }
}

/// How many threads there are.
pub(crate) fn streams(n: u32) -> String {
    if n == 1 { "1 thread".into() } else { format!("{n} threads") }
}

/// Nanoseconds, in the unit that fits.
fn time(nanos: f64) -> String {
    match nanos {
        _ if nanos < 1e3 => format!("{nanos:.0} ns"),
        _ if nanos < 1e6 => format!("{:.1} µs", nanos / 1e3),
        _ if nanos < 1e9 => format!("{:.2} ms", nanos / 1e6),
        _ => format!("{:.2} s", nanos / 1e9),
    }
}

fn per(time: Option<Duration>, n: u64) -> Option<f64> {
    time.filter(|_| n > 0).map(|time| time.as_nanos() as f64 / n as f64)
}

fn cpu(time: Option<Duration>, n: u64) -> String {
    per(time, n).map_or_else(|| "–".into(), self::time)
}

fn warning(debug_build: bool) -> &'static str {
    if debug_build { "\nA side was built without optimizations: these figures mean little.\n" } else { "" }
}

/// Round trips that took about the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    /// Nanoseconds; more than in the row before.
    up_to: u64,
    count: u64,
}

/// Every time is in one row. Each row's times are longer than the last one's by the same factor.
fn rows(times: &Histogram<u64>) -> Vec<Row> {
    if times.is_empty() {
        return Vec::new();
    }
    let (min, max) = (times.min().max(1) as f64, times.max());
    let edge = |i: u32| (min * (max as f64 / min).powf(f64::from(i) / f64::from(ROWS))) as u64;
    let mut rows: Vec<Row> = (1..ROWS).map(edge).chain([max]).map(|up_to| Row { up_to, count: 0 }).collect();
    rows.dedup();
    for step in times.iter_recorded() {
        let last = rows.len() - 1;
        let row = rows.iter().position(|row| step.value_iterated_to() <= row.up_to).unwrap_or(last);
        rows[row].count += step.count_since_last_iteration();
    }
    rows
}

fn bars(rows: &[Row]) -> String {
    let (most, all) =
        (rows.iter().map(|row| row.count).max().unwrap_or(0), rows.iter().map(|row| row.count).sum::<u64>());
    let (most, all) = (most.max(1) as f64, all.max(1) as f64);
    let mut text = String::new();
    for Row { up_to, count } in rows {
        let share = *count as f64;
        // Whoever was there at all is seen.
        let width = if *count == 0 { 0 } else { ((share / most * WIDTH).round() as usize).max(1) };
        let bar = "█".repeat(width);
        let _ = writeln!(text, "  ≤ {:>9}  {:>6.2} %  {bar}", time(*up_to as f64), share / all * 100.0);
    }
    text
}

/// Right-aligned columns.
struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    fn new(titles: [&str; N]) -> Self {
        Self { rows: vec![titles.map(str::to_owned)] }
    }

    fn row(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    fn text(&self) -> String {
        let widths: [usize; N] =
            std::array::from_fn(|i| self.rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0));
        let mut text = String::new();
        for (i, row) in self.rows.iter().enumerate() {
            let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
            let _ = writeln!(text, "{}", cells.join("  "));
            if i == 0 {
                let _ = writeln!(text, "{}", "─".repeat(widths.iter().sum::<usize>() + 2 * (N - 1)));
            }
        }
        text
    }
}

const ROWS: u32 = 14;
/// Characters of the longest bar.
const WIDTH: f64 = 50.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(times: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 1_000_000_000, 3).unwrap();
        times.iter().for_each(|&time| histogram.record(time).unwrap());
        histogram
    }

    #[test]
    fn every_time_is_in_one_row() {
        let far: Vec<u64> = (0..1000).map(|i| 1000 + i * i).collect();
        for times in [&[][..], &[7], &[1, 2], &[0, 0, 5], &[1, 1_000_000_000], &far] {
            let rows = rows(&histogram(times));
            assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), times.len() as u64);
            assert!(rows.windows(2).all(|pair| pair[0].up_to < pair[1].up_to), "{rows:?}");
            assert_eq!(bars(&rows).lines().count(), rows.len());
        }
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!([0, 1000, 1024, 1536, 3 << 20].map(size), ["0 B", "1 000 B", "1 KiB", "1 536 B", "3 MiB"]);
        assert_eq!([12.0, 1500.0, 2.5e6, 1e9].map(time), ["12 ns", "1.5 µs", "2.50 ms", "1.00 s"]);
    }

    #[test]
    fn a_loss_is_said() {
        let outcome = |messages| Outcome { messages, ..Outcome::default() };
        let result = |sent, received| ThrResult::new(64, outcome(sent), outcome(received), false);
        assert_eq!(result(5, 5).loss(), None);
        assert!(result(5000, 4).loss().unwrap().contains("5 000"));
        assert_eq!(result(3, 4).lost(), -1);
        let thr = Thr { url: "u", direction: "up", threads: 1, local: false, debug_build: false };
        assert_eq!(thr.json(&[result(5, 3)])["results"][0]["lost"], 2);
    }
}
