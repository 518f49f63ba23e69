//! A file moves: source → ipc → workers → tcp → sink.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::{Value, json};
use spanwire::{Message, Pull, Push, Url};

use super::crew::{Crew, Line};
use super::part::{self, Reporter};
use super::show::{self, Stage, Table};
use super::{Source, digest};
use crate::exit::{Doing, Exit};

/// Runs the stage and compares the digests.
pub(crate) fn run(crew: &mut Crew, file: &Source, workers: u32, corrupt: bool, table: &mut Table) -> Result<(), Exit> {
    let stage = Stage::new("pipeline", file.size);
    let copy = crew.dir().join("copy");
    let sink = crew.start("sink", &[&"--listen", &"tcp://127.0.0.1:0", &"--file", &copy])?;
    let [to] = crew.urls(sink)?;
    let from = crew.ipc("jobs");
    let peers = workers.to_string();
    let source = crew.start("source", &[&"--listen", &from, &"--file", &file.path, &"--peers", &peers])?;
    let [from] = crew.urls(source)?;
    for id in 0..workers {
        let id = id.to_string();
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"--from", &from, &"--to", &to, &"--id", &id];
        if corrupt {
            args.push(&"--corrupt");
        }
        crew.start("worker", &args)?;
    }
    let measured = loop {
        match crew.next()? {
            (_, Line::At(written, _)) => stage.at(written, ""),
            (from, Line::Done(measured)) if from == sink => break measured,
            (_, Line::Done(_) | Line::Url(_)) => {}
        }
    };
    crew.dismiss();
    let (size, digest) = digest(&copy, || crew.check())?;
    if (size, &digest) != (file.size, &file.digest) {
        let (before, after) = (&file.digest, show::bytes(size));
        let text = format!("the file did not arrive as it was sent: SHA-256 {digest} ({after}) instead of {before}");
        return Err(Exit::Failed(text));
    }
    let seconds = measured["seconds"].as_f64().unwrap_or(0.0);
    let speed = show::rate(size, seconds) as f64 / 1e6;
    stage.done(&format!("{speed:.0} MB/s"));
    let n = |key: &str| measured[key].as_u64().unwrap_or(0);
    table.row("pipeline", format!("source → ipc → {workers} workers → tcp → sink"), format!("{speed:.0} MB/s"));
    let chunks = format!("{} in {} chunks", show::bytes(size), show::number(n("chunks")));
    table.row("", chunks, format!("{} came before their turn", show::number(n("early"))));
    let shares: Vec<String> = measured["shares"].as_array().into_iter().flatten().map(Value::to_string).collect();
    table.row("", "chunks by worker".into(), shares.join(" + "));
    table.row("", format!("SHA-256 {}…", digest.get(..16).unwrap_or(&digest)), "arrived as it was sent".into());
    Ok(())
}

/// Reads the file and pushes it in chunks.
#[derive(Args, Debug)]
pub(crate) struct SourceArgs {
    #[arg(long, value_parser = Url::parse)]
    listen: Url,
    #[arg(long)]
    file: PathBuf,
    #[arg(long)]
    peers: u32,
}

impl SourceArgs {
    pub(crate) fn run(self) -> Result<(), Exit> {
        let cant = || format!("can't read {}", self.file.display());
        let mut file = File::open(&self.file).doing(cant)?;
        let size = file.metadata().doing(cant)?.len();
        let socket = part::listen_for_peers::<Push>(&[self.listen], self.peers)?;
        // The end of this process is no reason to lose a chunk.
        socket.set_linger(None).map_err(part::cant_set)?;
        let total = size.div_ceil(CHUNK).max(1);
        let started = now();
        for number in 0..total {
            let mut bytes = Vec::with_capacity(CHUNK as usize + Chunk::OVERHEAD);
            Chunk { number, total, started }.write(&mut bytes);
            (&mut file).take(CHUNK).read_to_end(&mut bytes).doing(cant)?;
            socket.send(bytes).wait().map_err(part::cant_send)?;
        }
        part::done(json!({}))
    }
}

/// Passes chunks on, signed with its number.
#[derive(Args, Debug)]
pub(crate) struct WorkerArgs {
    #[arg(long, value_parser = Url::parse)]
    from: Url,
    #[arg(long, value_parser = Url::parse)]
    to: Url,
    #[arg(long)]
    id: u32,
    #[arg(long)]
    corrupt: bool,
}

impl WorkerArgs {
    pub(crate) fn run(self) -> Result<(), Exit> {
        let to = part::dial::<Push>(&self.to)?;
        let from = part::dial::<Pull>(&self.from)?;
        loop {
            let mut msg = from.recv().wait().map_err(part::cant_receive)?;
            if self.corrupt
                && let Some(last) = msg.body_mut().last_mut()
            {
                *last ^= 1;
            }
            msg.append(&self.id.to_be_bytes());
            to.send(msg).wait().map_err(part::cant_send)?;
        }
    }
}

/// Puts chunks in order and writes them to a file.
#[derive(Args, Debug)]
pub(crate) struct SinkArgs {
    #[arg(long, value_parser = Url::parse)]
    listen: Url,
    #[arg(long)]
    file: PathBuf,
}

impl SinkArgs {
    pub(crate) fn run(self) -> Result<(), Exit> {
        let cant = || format!("can't write {}", self.file.display());
        let mut file = File::create(&self.file).doing(cant)?;
        let socket = part::listen::<Pull>(&[self.listen])?;
        let mut early = BTreeMap::new();
        let mut shares = BTreeMap::<u32, u64>::new();
        let (mut next, mut written, mut before_turn) = (0, 0, 0_u64);
        let mut reporter = Reporter::new();
        loop {
            let mut msg = socket.recv().wait().map_err(part::cant_receive)?;
            let (chunk, worker) = Chunk::take(&mut msg).ok_or_else(|| Exit::Failed("a chunk is too short".into()))?;
            *shares.entry(worker).or_default() += 1;
            before_turn += u64::from(chunk.number != next);
            early.insert(chunk.number, msg);
            while let Some(msg) = early.remove(&next) {
                file.write_all(msg.body()).doing(cant)?;
                written += msg.len() as u64;
                next += 1;
            }
            reporter.at(written, next)?;
            if next == chunk.total {
                let seconds = Duration::from_nanos(now().saturating_sub(chunk.started)).as_secs_f64();
                let shares: Vec<u64> = shares.into_values().collect();
                return part::done(
                    json!({ "seconds": seconds, "chunks": next, "early": before_turn, "shares": shares }),
                );
            }
        }
    }
}

/// What stands before the bytes of a chunk. The worker's number stands behind them.
struct Chunk {
    number: u64,
    /// How many chunks there are.
    total: u64,
    /// When the source began; nanoseconds of Unix time.
    started: u64,
}

impl Chunk {
    const HEAD: usize = 24;
    const OVERHEAD: usize = Self::HEAD + 4;

    fn write(&self, bytes: &mut Vec<u8>) {
        for word in [self.number, self.total, self.started] {
            bytes.extend(word.to_be_bytes());
        }
    }

    /// Takes it off the message, and the worker's number.
    fn take(msg: &mut Message) -> Option<(Self, u32)> {
        let worker = u32::from_be_bytes(*msg.body().last_chunk()?);
        let mut words = msg.body().get(..Self::HEAD)?.chunks_exact(8).map_while(|word| word.try_into().ok());
        let mut word = || words.next().map(u64::from_be_bytes);
        let chunk = Self { number: word()?, total: word()?, started: word()? };
        (msg.trim(Self::HEAD) && msg.chop(4)).then_some((chunk, worker))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

/// Large enough that a message costs little, small enough that workers take turns.
const CHUNK: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        Chunk { number: 3, total: 5, started: 7 }.write(&mut bytes);
        bytes.extend(b"body");
        bytes.extend(9_u32.to_be_bytes());
        let mut msg = Message::from(bytes);
        let (chunk, worker) = Chunk::take(&mut msg).unwrap();
        assert_eq!((chunk.number, chunk.total, chunk.started, worker, msg.body()), (3, 5, 7, 9, &b"body"[..]));
        assert!(Chunk::take(&mut Message::from(vec![0; Chunk::OVERHEAD - 1])).is_none());
    }
}
