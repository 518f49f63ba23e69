//! Spanwire side by side with libzmq, NNG, nanomsg, the crate zeromq and plain sockets: `cargo xtask bench`.
//!
//! Each measurement is two fresh processes (for inproc: two threads of one), peers take turns within each repetition, and ratios are taken
//! between neighbours of the same repetition.

mod awake;
mod cases;
mod job;
mod machine;
mod measure;
mod peers;
mod plot;
mod report;
mod results;
mod roles;
mod run;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};

use crate::awake::Awake;
use crate::cases::Case;
use crate::job::{Cores, Job, Side};
use crate::machine::Machine;
use crate::peers::{Name, Res};
use crate::results::{Outcome, Results};

/// Spanwire side by side with its peers.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// Only scenarios whose name contains one of these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these peers.
    #[arg(long, value_delimiter = ',')]
    peer: Vec<Name>,
    /// Repetitions.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Milliseconds that each measurement lasts, after a third as much of warm-up.
    #[arg(long, default_value_t = 900)]
    ms: u64,
    /// Only the scenarios and peers that decide the targets; ends within three minutes.
    #[arg(long)]
    quick: bool,
    /// Only the scenarios and peers that decide the targets, for as long as they take.
    #[arg(long)]
    targets: bool,
    /// Keep the cores from halting while nobody needs them: compare so on virtual machines.
    #[arg(long)]
    awake: bool,
    /// Write everything that was measured into this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write plots and a page with all tables into this folder. A run without --only, --peer, --quick and
    /// --targets does so in docs/benchmarks.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Where the two sides run, if the scenario does not say: on `one` core, or the listener on the first and the dialer on the second of `two`.
    #[arg(long)]
    cores: Option<Cores>,
    /// Name the scenarios and their peers, and do nothing.
    #[arg(long)]
    list: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// One side of a measurement.
    #[command(hide = true)]
    Role { side: Side, job: String },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.role {
        Some(Role::Role { side, job }) => {
            serde_json::from_str::<Job>(job).map_err(Into::into).map(|job| roles::play(job, *side))
        }
        None => bench(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn bench(args: &Args) -> Res {
    let cases = selected(args);
    if args.list {
        for case in &cases {
            println!("{:24} {}", case.name, case.peers.iter().map(|peer| peer.text()).collect::<Vec<_>>().join(" "));
        }
        return Ok(());
    }
    let machine = Machine::here(args.awake);
    print!("{machine}");
    let _awake = args.awake.then(Awake::begin).transpose()?;
    let results = measure_all(args, &cases)?;
    let rows = targets::judge(&results);
    println!("\n{}\n{}", report::peers(&cases, &results), report::targets(&rows));
    if let Some(file) = &args.json {
        write(file, &json(&machine, &rows, &results)?)?;
    }
    let whole = args.only.is_empty() && args.peer.is_empty() && !args.quick && !args.targets;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks");
    if let Some(folder) = args.plot.clone().or(whole.then_some(docs)) {
        fs::create_dir_all(&folder)?;
        let plots = plot::draw(&folder, &cases, &results)?;
        write(&folder.join("README.md"), &report::page(&machine, &rows, &cases, &results, &plots))?;
        write(&folder.join("results.json"), &json(&machine, &rows, &results)?)?;
    }
    Ok(())
}

fn measure_all(args: &Args, cases: &[Case]) -> Res<Results> {
    let folder = tempfile::tempdir()?;
    let begin = Instant::now();
    let (run_ms, warm_ms) = if args.quick { (args.ms.min(350), 150) } else { (args.ms, args.ms / 3) };
    let mut results = Results::default();
    let mut serial = 0;
    for repetition in 1..=args.runs {
        for case in cases {
            let again =
                |peer: &&Name| repetition <= OTHERS || !args.only.is_empty() || (case.quick && DECISIVE.contains(peer));
            let peers: Vec<_> = case.peers.iter().filter(again).copied().collect();
            if !peers.is_empty() {
                let seconds = begin.elapsed().as_secs_f64();
                eprintln!("{seconds:4.0} s  run {repetition} of {}: {}", args.runs, case.name);
            }
            for peer in peers {
                if args.quick && begin.elapsed() > QUICK {
                    eprintln!("the time of a quick run is over");
                    return Ok(results);
                }
                serial += 1;
                let cores = args.cores.unwrap_or(case.cores);
                let job = Job { run_ms, warm_ms, cores, ..case.job(peer) };
                let outcome = match run::run(job, folder.path(), serial) {
                    Ok(numbers) => Outcome::Found(numbers),
                    Err(e) => {
                        eprintln!("        {}: {e}", peer.text());
                        Outcome::Failed(e.to_string())
                    }
                };
                results.add(&case.name, peer, outcome);
            }
        }
    }
    Ok(results)
}

fn selected(args: &Args) -> Vec<Case> {
    let decide = args.quick || args.targets;
    let mut cases = Case::all();
    cases.retain(|case| args.cores.is_none_or(|cores| [Cores::Any, cores].contains(&case.cores)));
    cases.retain(|case| {
        let named = args.only.is_empty() || args.only.iter().any(|part| case.name.contains(part.as_str()));
        named && (case.quick || !decide)
    });
    for case in &mut cases {
        case.peers.retain(|peer| args.peer.is_empty() || args.peer.contains(peer));
        case.peers.retain(|peer| !decide || !args.peer.is_empty() || DECISIVE.contains(peer));
    }
    cases.retain(|case| !case.peers.is_empty());
    cases
}

fn json(machine: &Machine, rows: &[targets::Row], results: &Results) -> Res<String> {
    Ok(serde_json::to_string_pretty(&serde_json::json!({ "machine": machine, "targets": rows, "results": results }))?)
}

fn write(file: &Path, text: &str) -> Res {
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    println!("wrote {}", file.display());
    Ok(())
}

/// Whose numbers the targets are about.
const DECISIVE: [Name; 4] = [Name::Spanwire, Name::SpanwireAsync, Name::Raw, Name::Libzmq];
/// What decides no target is measured so often at most, unless it was asked for by name.
const OTHERS: usize = 3;
/// After this no further measurement begins, so that a quick run ends within three minutes.
const QUICK: Duration = Duration::from_secs(160);
