//! The benchmark against peers, which is a workspace of its own.

use crate::run::{Done, cargo, command, root, run, target_dir};

/// Installs what the peers are built from, where it may; builds; runs with these arguments.
pub(crate) fn bench(args: &[&str]) -> Done {
    install();
    let run = ["run", "--release", "--manifest-path", MANIFEST, "--"];
    in_bench(&[&run[..], args].concat())
}

/// That it is built with its peers, and its own tests.
pub(crate) fn check() -> Done {
    in_bench(&["fmt", "--check", "--manifest-path", MANIFEST])?;
    install();
    in_bench(&["test", "--manifest-path", MANIFEST])
}

fn in_bench(args: &[&str]) -> Done {
    run(cargo(args).current_dir(root()).env("CARGO_TARGET_DIR", target_dir().join("bench")))
}

/// NNG is built by cmake, libzmq and nanomsg need a C++ compiler and Debian's library. Whatever is missing shows up later by name.
fn install() {
    let missing: Vec<_> = NEEDED.iter().filter(|(file, _)| !there(file)).map(|(_, package)| *package).collect();
    if missing.is_empty() || command("apt-get", &["--version"]).output().is_err() || !is_root() {
        return;
    }
    let mut args = vec!["install", "--yes", "--no-install-recommends"];
    args.extend(missing);
    let _ = run(&mut command("apt-get", &["update"]));
    if let Err(e) = run(command("apt-get", &args).env("DEBIAN_FRONTEND", "noninteractive")) {
        println!("{e}");
    }
}

fn there(file: &str) -> bool {
    let folders = [
        "/usr/bin",
        "/usr/local/bin",
        "/usr/lib",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    // Packages keep folders of the same name, such as cmake.
    folders.iter().any(|folder| std::path::Path::new(folder).join(file).is_file())
}

fn is_root() -> bool {
    command("id", &["-u"]).output().is_ok_and(|out| out.stdout.trim_ascii() == b"0")
}

const MANIFEST: &str = "bench/Cargo.toml";
/// A file and the Debian package that has it.
const NEEDED: [(&str, &str); 3] = [("cmake", "cmake"), ("g++", "g++"), ("libnanomsg.so.5", "libnanomsg5")];
