//! `spanwire demo`: real work with many processes, measured.
//!
//! This process starts the others (the same program with a hidden subcommand), reads what they report, and cleans up. Each pattern
//! has a file: `pipeline`, `requests`, `feed`. `crew` looks after the processes, `part` is their side of it, `show` is what the user sees.

mod crew;
mod feed;
mod part;
mod pipeline;
mod requests;
pub(crate) mod show;

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use sha2::{Digest, Sha256};

use crate::exit::{Doing, Exit};
use crew::Crew;
pub(crate) use part::PartArgs;
use show::{Stage, Table};

/// Moves a file, serves requests and fans out a feed with many processes, and measures it
///
/// A source process sends FILE in numbered chunks to worker processes over ipc, the workers send them on over tcp, and a sink process puts
/// them in order again; the SHA-256 digest of what arrived is compared. Then clients in processes of their own ask a server over tcp
/// and ipc, and a publisher fans out a feed to subscribers. A table tells how fast it went.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct DemoArgs {
    /// The file to move [default: one is made]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The size of the file that is made, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64, conflicts_with = "file", value_parser = clap::value_parser!(u64).range(..=65_536))]
    size: u64,
    /// How many workers
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
    /// How many clients, each over tcp and ipc
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=32))]
    clients: u32,
    /// How many subscribers, each over tcp and ipc
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=32))]
    subscribers: u32,
    /// How long requests and feed are measured
    #[arg(long, value_name = "SEC", default_value = "2", value_parser = crate::cat::seconds)]
    time: Duration,
    /// A worker damages the file, to see that it is noticed.
    #[arg(long, hide = true)]
    corrupt: bool,
}

impl DemoArgs {
    /// Runs the demonstration.
    pub(crate) fn run(self) -> Result<(), Exit> {
        let begun = Instant::now();
        let dir = tempfile::Builder::new().prefix("spanwire-").tempdir().doing(|| "can't make a directory".into())?;
        let crew = Crew::new(dir.path())?;
        let result = self.measure(crew);
        // The processes are gone now, and nothing is written to the directory any more.
        dir.close().doing(|| "can't remove the directory of the demonstration".into())?;
        let (table, processes) = result?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let seconds = begun.elapsed().as_secs_f64();
        let summary =
            format!("{processes} processes, {cores} CPU{}, {seconds:.1} s", if cores == 1 { "" } else { "s" });
        writeln!(io::stdout(), "{table}{summary}").map_err(Exit::writing)
    }

    fn measure(&self, mut crew: Crew) -> Result<(Table, usize), Exit> {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => make_file(&crew, self.size << 20)?,
        };
        let mut source = Source { digest: String::new(), size: 0, path: file };
        source.read(&crew)?;
        // A minute, and what a very slow disk needs to copy the file.
        crew.set_deadline(Duration::from_secs(60) + 4 * self.time + Duration::from_secs(source.size / SLOW_DISK));
        let mut table = Table::new(["", "how", "measured"]);
        pipeline::run(&mut crew, &source, self.workers, self.corrupt, &mut table)?;
        requests::run(&mut crew, self.clients, self.time, &mut table)?;
        feed::run(&mut crew, self.subscribers, self.time, &mut table)?;
        Ok((table, crew.started()))
    }
}

/// The file that is moved.
pub(crate) struct Source {
    path: PathBuf,
    size: u64,
    digest: String,
}

impl Source {
    fn read(&mut self, crew: &Crew) -> Result<(), Exit> {
        (self.size, self.digest) = digest(&self.path, || crew.check())?;
        Ok(())
    }
}

/// Length and SHA-256 digest of a file.
fn digest(path: &Path, mut check: impl FnMut() -> Result<(), Exit>) -> Result<(u64, String), Exit> {
    let cant = || format!("can't read {}", path.display());
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).doing(cant)?);
    let (mut hash, mut size, mut block) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        check()?;
        let n = file.read(&mut block).doing(cant)?;
        if n == 0 {
            return Ok((size, hash.finalize().iter().map(|b| format!("{b:02x}")).collect()));
        }
        hash.update(&block[..n]);
        size += n as u64;
    }
}

/// A file of noise, the same for everybody.
fn make_file(crew: &Crew, size: u64) -> Result<PathBuf, Exit> {
    let path = crew.dir().join("noise");
    let cant = || format!("can't write {}", path.display());
    let stage = Stage::new("file", size);
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut file = File::create(&path).doing(cant)?;
    let (mut block, mut written) = (vec![0; 1 << 20], 0);
    while written < size {
        crew.check()?;
        rng.fill(&mut block);
        let n = (size - written).min(1 << 20) as usize;
        file.write_all(&block[..n]).doing(cant)?;
        written += n as u64;
        stage.at(written, "");
    }
    stage.done("");
    Ok(path)
}

const SEED: u64 = 0x5350_5749_5245;
/// Bytes a second.
const SLOW_DISK: u64 = 10 << 20;

const HELP: &str = "\
Progress goes to standard error, the table to standard output. The exit status is 1 if the file did
not arrive as it was sent. Ctrl-C stops everything; no process, file or directory stays behind.

Examples:
  spanwire demo
  spanwire demo /usr/share/dict/words --workers 4
  spanwire demo --size 1024 --time 5";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        // FIPS 180-4, the example of one block.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(&path, || Ok(())).unwrap(), (3, abc.to_owned()));
    }
}
