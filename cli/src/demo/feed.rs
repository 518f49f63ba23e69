//! A publisher fans out to subscribers over tcp and ipc.

use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use spanwire::stats::Stat;
use spanwire::{Message, Pub, Sub, Url};

use super::crew::{Crew, Line};
use super::part::{self, Reporter};
use super::show::{self, Stage, Table};
use crate::exit::Exit;

/// Runs the stage. Every other subscriber wants one topic only.
pub(crate) fn run(crew: &mut Crew, subscribers: u32, time: Duration, table: &mut Table) -> Result<(), Exit> {
    let (millis, peers) = (time.as_millis().to_string(), (subscribers * 2).to_string());
    let ipc = crew.ipc("feed");
    let args: [&dyn AsRef<std::ffi::OsStr>; 8] =
        [&"--listen", &"tcp://127.0.0.1:0", &"--listen", &ipc, &"--millis", &millis, &"--peers", &peers];
    let publisher = crew.start("publisher", &args)?;
    let urls: [String; 2] = crew.urls(publisher)?;
    for id in 0..subscribers * 2 {
        let topic = if id / 2 % 2 == 0 { "" } else { TOPICS[0] };
        crew.start("subscriber", &[&"--dial", &urls[(id % 2) as usize], &"--topic", &topic])?;
    }
    let stage = Stage::new("feed", time.as_millis() as u64);
    let mut published = None;
    let mut received: Vec<Value> = Vec::new();
    while published.is_none() || received.len() < subscribers as usize * 2 {
        match crew.next()? {
            (from, Line::At(millis, n)) if from == publisher => {
                stage.at(millis, &format!("{} published", show::number(n)));
            }
            (from, Line::Done(measured)) if from == publisher => published = Some(measured),
            (_, Line::Done(measured)) => received.push(measured),
            (_, Line::At(..) | Line::Url(_)) => {}
        }
    }
    crew.dismiss();
    let published = published.unwrap_or_default();
    let sum = |key: &str| received.iter().filter_map(|measured| measured[key].as_u64()).sum::<u64>();
    let seconds = received.iter().filter_map(|measured| measured["seconds"].as_f64()).fold(0.0, f64::max);
    let deliveries = show::number(show::rate(sum("got"), seconds));
    stage.done(&format!("{deliveries} deliveries/s"));
    let wanted = sum("got") + sum("missed");
    table.row("feed", format!("publisher → {} subscribers", subscribers * 2), format!("{deliveries} deliveries/s"));
    let messages = published["published"].as_u64().unwrap_or(0);
    let per_second = show::number(show::rate(messages, published["seconds"].as_f64().unwrap_or(0.0)));
    table.row("", format!("{} messages of {SIZE} bytes", show::number(messages)), format!("{per_second} published/s"));
    let counted = sum("dropped") + published["dropped"].as_u64().unwrap_or(0);
    let share = 100.0 * sum("missed") as f64 / wanted.max(1) as f64;
    let missed = show::number(sum("missed"));
    table.row(
        "",
        "dropped for slow subscribers".into(),
        format!("{missed} ({share:.2} %), {} counted", show::number(counted)),
    );
    Ok(())
}

/// Publishes for a time, at a rate that is far from the limit.
#[derive(Args, Debug)]
pub(crate) struct PublisherArgs {
    #[arg(long, value_parser = Url::parse)]
    listen: Vec<Url>,
    #[arg(long)]
    peers: u32,
    #[arg(long)]
    millis: u64,
}

impl PublisherArgs {
    pub(crate) fn run(self) -> Result<(), Exit> {
        let socket = part::listen_for_peers::<Pub>(&self.listen, self.peers)?;
        socket.set_linger(None).map_err(part::cant_set)?;
        // Bursts are queued rather than dropped.
        socket.set_send_buffer(QUEUE).map_err(part::cant_set)?;
        let time = Duration::from_millis(self.millis);
        let mut reporter = Reporter::new();
        let begun = Instant::now();
        let mut n = 0_u64;
        while begun.elapsed() < time {
            let due = (begun.elapsed().as_secs_f64() * RATE) as u64;
            while n < due {
                // Half of the messages are of each topic, and numbered by topic.
                let topic = TOPICS[(n % 2) as usize];
                socket.send(item(topic, Kind::Data, n / 2)).wait().map_err(part::cant_send)?;
                n += 1;
            }
            reporter.at(begun.elapsed().as_millis() as u64, n)?;
            thread::sleep(TICK);
        }
        let seconds = begun.elapsed().as_secs_f64();
        for (i, topic) in TOPICS.into_iter().enumerate() {
            let number = (n + 1 - i as u64) / 2;
            socket.send(item(topic, Kind::End, number)).wait().map_err(part::cant_send)?;
        }
        part::done(json!({ "published": n, "seconds": seconds, "dropped": counter(&socket.stats(), "drop_tx_full") }))
    }
}

/// Counts what it receives, and what it does not.
#[derive(Args, Debug)]
pub(crate) struct SubscriberArgs {
    #[arg(long, value_parser = Url::parse)]
    dial: Url,
    #[arg(long)]
    topic: String,
}

impl SubscriberArgs {
    pub(crate) fn run(self) -> Result<(), Exit> {
        let socket = part::open::<Sub>()?;
        socket.subscribe(&self.topic).map_err(part::cant_set)?;
        socket.set_recv_buffer(QUEUE).map_err(part::cant_set)?;
        part::dial_with(&socket, &self.dial)?;
        let mut topics = TOPICS.into_iter().filter(|topic| topic.starts_with(&self.topic)).count();
        let (mut got, mut wanted) = (0, 0);
        let mut begun = None;
        while topics > 0 {
            let msg = socket.recv().wait().map_err(part::cant_receive)?;
            begun.get_or_insert_with(Instant::now);
            match read(msg.body()) {
                Some((Kind::Data, _)) => got += 1,
                Some((Kind::End, number)) => {
                    wanted += number;
                    topics -= 1;
                }
                None => return Err(Exit::Failed(format!("a message of {} bytes came from the feed", msg.len()))),
            }
        }
        let seconds = begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64());
        let dropped = counter(&socket.stats(), "drop_rx_full");
        part::done(json!({ "got": got, "missed": wanted - got, "seconds": seconds, "dropped": dropped }))
    }
}

/// What a message of the feed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One of many; its number within the topic.
    Data = b'd' as isize,
    /// The last one of a topic; how many there were before it.
    End = b'e' as isize,
}

/// A topic, the kind, a number, and noughts up to the size.
fn item(topic: &str, kind: Kind, number: u64) -> Message {
    let mut bytes = Vec::with_capacity(SIZE);
    bytes.extend(topic.as_bytes());
    bytes.push(kind as u8);
    bytes.extend(number.to_be_bytes());
    bytes.resize(SIZE, 0);
    bytes.into()
}

fn read(body: &[u8]) -> Option<(Kind, u64)> {
    let number = u64::from_be_bytes(*body.get(3..)?.first_chunk()?);
    [Kind::Data, Kind::End].into_iter().find(|&kind| body[2] == kind as u8).map(|kind| (kind, number))
}

fn counter(stats: &Stat, name: &str) -> u64 {
    stats.number(&[name]).unwrap_or(0)
}

const TOPICS: [&str; 2] = ["a/", "b/"];
/// Bytes of a message.
const SIZE: usize = 128;
/// Messages a second.
const RATE: f64 = 150_000.0;
/// Messages that may wait for a peer, or for this process.
const QUEUE: usize = 8192;
const TICK: Duration = Duration::from_micros(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_read_as_it_was_written() {
        let msg = item("b/", Kind::End, 77);
        assert_eq!((msg.len(), read(msg.body())), (SIZE, Some((Kind::End, 77))));
        assert_eq!(read(b"b/x12345678"), None);
        assert_eq!(read(b"b/d1234567"), None);
    }
}
