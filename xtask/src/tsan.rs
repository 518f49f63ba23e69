//! The stress test under ThreadSanitizer.
//!
//! std is not instrumented, and its source to build it anew is not at hand everywhere. Its locks are half inlined into our code and
//! half functions in libstd, so that the sanitizer would miss each contended lock. `tsan/shim.c` tells it.

use std::path::PathBuf;

use crate::run::{Done, cargo, command, output, root, run, target_dir};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The functions in libstd that synchronise, by how their mangled names end, and what the shim calls them.
const SYMBOLS: [(&str, &str); 6] = [
    ("MUTEX_LOCK", "5mutex5futexNtB2_5Mutex14lock_contended"),
    ("RWLOCK_READ", "6rwlock5futexNtB2_6RwLock14read_contended"),
    ("RWLOCK_WRITE", "6rwlock5futexNtB2_6RwLock15write_contended"),
    ("CONDVAR_WAIT", "7condvar5futexNtB2_7Condvar4wait"),
    ("CONDVAR_WAIT_TIMEOUT", "7condvar5futexNtB2_7Condvar12wait_timeout"),
    ("ONCE_CALL", "4once5futexNtB5_4Once4call"),
];

/// Why it can't be run here, if it can't.
pub(crate) fn missing() -> Option<String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Some(format!("only for {TARGET}"));
    }
    libstd().and_then(|_| symbols()).err()
}

/// Builds and runs it. A report of a race is a failure.
pub(crate) fn tsan() -> Done {
    let dir = target_dir().join("tsan");
    std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let shim = dir.join("shim.o");
    let mut cc = command("cc", &["-c", "-O1", "-Wall", "-Werror", "xtask/tsan/shim.c", "-o"]);
    cc.arg(&shim);
    let mut link = vec![format!("-Clink-arg={}", shim.display())];
    for (name, symbol) in symbols()? {
        cc.arg(format!("-D{name}=\"{symbol}\""));
        link.push(format!("-Clink-arg=-Wl,--wrap={symbol}"));
    }
    run(&mut cc)?;
    let mut build = nightly(&["rustc", "--profile", "test", "--test", "stress", "--target", TARGET]);
    build.args(["--message-format", "json-render-diagnostics", "--"]).args(&link);
    // The suppressions name functions that are inlined: only debug info knows them.
    build.env("CARGO_PROFILE_DEV_DEBUG", "2");
    build.env("RUSTFLAGS", "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer").env("CARGO_TARGET_DIR", &dir);
    println!("building the stress test with -Zsanitizer=thread");
    let messages = output(&mut build)?;
    let program = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .next_back()
        .ok_or("cargo names no program")?;
    let suppressions = root().join("xtask/tsan/suppressions.txt");
    let mut stress = command(&program.display().to_string(), &["--test-threads", "1"]);
    stress.env("TSAN_OPTIONS", format!("suppressions={} exitcode=66", suppressions.display()));
    let secs = std::env::var("SPANWIRE_STRESS_SECS").unwrap_or_else(|_| "1".to_owned());
    run(stress.env("SPANWIRE_STRESS_SECS", secs))
}

fn nightly(args: &[&str]) -> std::process::Command {
    let mut command = cargo(&[&["+nightly"], args].concat());
    // What the cargo that runs this told its children is of another toolchain.
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}

fn libstd() -> Done<PathBuf> {
    let mut rustc = command("rustc", &["+nightly", "--print", "target-libdir", "--target", TARGET]);
    let dir = output(rustc.env_remove("RUSTUP_TOOLCHAIN"))?;
    let files = std::fs::read_dir(dir.trim()).map_err(|e| format!("{}: {e}", dir.trim()))?;
    let names = files.flatten().map(|file| file.path());
    let is_std = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".so")
    };
    names.into_iter().find(is_std).ok_or_else(|| format!("no libstd in {}", dir.trim()))
}

/// The full names of [`SYMBOLS`], which each toolchain mangles in its own way.
fn symbols() -> Done<Vec<(&'static str, String)>> {
    let lib = libstd()?;
    let defined = output(&mut command("nm", &["-D", "--defined-only", &lib.display().to_string()]))?;
    SYMBOLS
        .iter()
        .map(|&(name, end)| {
            let found = defined.split_whitespace().find(|symbol| symbol.ends_with(end));
            let found = found.ok_or_else(|| format!("{} has no symbol ..{end}", lib.display()))?;
            Ok((name, found.to_owned()))
        })
        .collect()
}
