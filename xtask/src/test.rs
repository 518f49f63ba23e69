//! The tests, and all that a change must pass.

use std::path::Path;

use crate::abi;
use crate::bench;
use crate::checks;
use crate::gates;
use crate::install;
use crate::loom;
use crate::pynng;
use crate::run::{Done, cargo, command, output, root, run, target_dir};
use crate::tsan;

/// What the tests use if it is there: a file that shows that it is, its Debian package, and the tests that do without.
const TOOLS: [(&str, &str, &str); 10] = [
    ("/usr/bin/nngcat", "nng-utils", "interop"),
    ("/usr/bin/nanocat", "nanomsg-utils", "interop"),
    ("/usr/include/nng/nng.h", "libnng-dev", "interop"),
    ("/usr/include/nanomsg/nn.h", "libnanomsg-dev", "interop"),
    ("/usr/bin/chromium", "chromium", "the page in a browser"),
    ("/usr/bin/strace", "strace", "tests and gates of system calls"),
    ("/usr/bin/valgrind", "valgrind", "gates of instructions, the C examples under valgrind"),
    ("/usr/share/doc/python3-venv", "python3-venv", "what needs a Python package"),
    ("/usr/share/doc/python3-dev", "python3-dev", "pynng"),
    ("/usr/bin/pkg-config", "pkgconf", "the installed C library"),
];

/// The Python packages that the tests use, their versions, and the tests that do without. Debian's NNG has no TLS, and pynng's has.
const PACKAGES: [(&str, &str, &str); 2] =
    [("pynng", "0.9.0", "interop of TLS"), ("wsproto", "1.3.2", "the Autobahn cases")];

/// `cargo test --workspace`, doctests included, with the peers that the interop tests need.
pub(crate) fn test(args: &[&str]) -> Done {
    install_tools();
    for (package, version, tests) in PACKAGES {
        install_python(package, version, tests);
    }
    let args = [&["test", "--workspace"], args].concat();
    run(&mut cargo(&args))
}

/// Cheap checks first.
pub(crate) fn ci() -> Done {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    checks::purity()?;
    checks::no_unsafe()?;
    checks::dependencies()?;
    // `warnings` has `clippy::incompatible_msrv` in it: code that needs a newer compiler than `rust-version` says.
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    install_tools();
    abi::abi(&[])?;
    install::check()?;
    pynng::check(&install::checked())?;
    portable()?;
    if root().join("fuzz/Cargo.toml").exists() {
        // Compiled like any crate: that needs neither cargo-fuzz nor a sanitizer.
        let dir = target_dir().join("fuzz");
        run(cargo(&["check", "--manifest-path", "fuzz/Cargo.toml"]).env("CARGO_TARGET_DIR", dir))?;
    }
    bench::check()?;
    loom::loom(&[])?;
    match tsan::missing() {
        None => tsan::tsan()?,
        Some(why) => println!("\nSKIPPED: ThreadSanitizer: {why}"),
    }
    gates::gates(&[])?;
    // Last, so that its summary is what one sees.
    test(&[])
}

/// The tests of what has a readiness code of its own for platforms that are not Linux, and of what is built on it. A folder of its own keeps the other
/// builds.
fn portable() -> Done {
    let packages = ["-p", "spanwire", "-p", "spanwire-core", "-p", "spanwire-transports"];
    let features = ["--features", "spanwire/tls,spanwire/ws"];
    let tests = ["--lib", "--test", "stress", "--test", "conformance", "--test", "tls", "--test", "ws"];
    let mut test = cargo(&[&["test"][..], &packages, &features, &tests].concat());
    test.env("RUSTFLAGS", "--cfg spanwire_portable").env("CARGO_TARGET_DIR", target_dir().join("portable"));
    // The peers that are packages of Python meet the other form.
    test.args(["--", "--skip", "interop::with_nng", "--skip", "autobahn::autobahn"]);
    run(&mut test)
}

/// A Python package, in a folder of its own.
fn install_python(package: &str, version: &str, tests: &str) {
    let dir = target_dir().join(package);
    let python = dir.join("bin/python").display().to_string();
    if output(&mut command(&python, &["-c", &format!("import {package}")])).is_ok() {
        return;
    }
    let pinned = format!("{package}=={version}");
    let venv = run(command("python3", &["-m", "venv"]).arg(&dir));
    if let Err(e) = venv.and_then(|()| run(&mut command(&python, &["-m", "pip", "install", "--quiet", &pinned]))) {
        println!("SKIPPED: {tests}: {e} (Debian: apt-get install python3-venv; PyPI: {pinned})");
    }
}

/// Installs what the tests would do without, where that is allowed; says what they do without otherwise.
fn install_tools() {
    let missing: Vec<_> = TOOLS.iter().filter(|(file, ..)| !Path::new(file).exists()).collect();
    if missing.is_empty() {
        return;
    }
    let debian = Path::new("/etc/debian_version").exists();
    let is_root = output(&mut command("id", &["-u"])).is_ok_and(|id| id.trim() == "0");
    if debian && is_root {
        let mut args = vec!["install", "--yes", "--no-install-recommends"];
        args.extend(missing.iter().map(|(_, package, _)| *package));
        let _ = run(&mut command("apt-get", &["update"]));
        match run(command("apt-get", &args).env("DEBIAN_FRONTEND", "noninteractive")) {
            Ok(()) => return,
            Err(e) => println!("{e}"),
        }
    }
    for (file, package, tests) in missing {
        println!("SKIPPED: {tests}: there is no {file} (Debian: apt-get install {package})");
    }
}
