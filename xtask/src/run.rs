//! Running other programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What went wrong, in words.
pub(crate) type Done<T = ()> = Result<T, String>;

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Where builds go. Absolute: programs run in other folders than this one.
pub(crate) fn target_dir() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// A command that runs in the workspace's folder.
pub(crate) fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// The cargo of the toolchain that runs this.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut cargo = command("cargo", args);
    // What cargo tells this program of its package would make it build `ring` anew, which asks for these.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs it, and says what and how long.
pub(crate) fn run(command: &mut Command) -> Done {
    let shown = show(command);
    println!("\n$ {shown}");
    let begin = Instant::now();
    let status = command.status().map_err(|e| format!("{shown}: {e}"))?;
    println!("  {:.0?}", begin.elapsed());
    match status.success() {
        true => Ok(()),
        false => Err(format!("failed: {shown}: {status}")),
    }
}

/// Runs it quietly; its standard output.
pub(crate) fn output(command: &mut Command) -> Done<String> {
    let shown = show(command);
    let out = command.output().map_err(|e| format!("{shown}: {e}"))?;
    match out.status.success() {
        true => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        false => Err(format!("failed: {shown}: {}\n{}", out.status, String::from_utf8_lossy(&out.stderr))),
    }
}

/// Says what is done without, and why. In CI it is an error: all that is needed is installed there.
pub(crate) fn skipped(what: &str) -> Done {
    if std::env::var_os("CI").is_some() {
        return Err(format!("in CI nothing is skipped: {what}"));
    }
    println!("SKIPPED: {what}");
    Ok(())
}

fn show(command: &Command) -> String {
    // Those that are only taken away tell nothing.
    let set = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut words: Vec<_> = set.map(|(name, value)| format!("{}={value:?}", name.display())).collect();
    words.push(command.get_program().display().to_string());
    words.extend(command.get_args().map(|arg| arg.display().to_string()));
    words.join(" ")
}
