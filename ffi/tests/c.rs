//! C programs on the C library. Each prints what its calls come to, which is compared with what NNG's own library makes of the same
//! program: recorded beside it, and run here too where Debian's libnng is installed.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What the program prints with our library is what stands in its `.out` file.
fn check(name: &str, theirs: Theirs) {
    let dir = folder().join("c");
    let expected = std::fs::read_to_string(dir.join(name).with_extension("out")).unwrap();
    let program = compile(name);
    compare(name, "our library", &expected, &run(&program, Some(library())));
    // Programs are started by Debian's loader with the system's library.
    if theirs == Theirs::TheSame && installed() {
        compare(name, "Debian's libnng", &expected, &run(&program, None));
    }
}

#[derive(PartialEq)]
enum Theirs {
    /// The oldest NNG that is around prints the same.
    TheSame,
    /// It lacks what the program uses.
    Lacking,
}

#[test]
fn messages() {
    check("message", Theirs::TheSame);
}

#[test]
fn sockets() {
    check("socket", Theirs::TheSame);
}

#[test]
fn aio() {
    check("aio", Theirs::TheSame);
}

#[test]
fn poll_descriptors() {
    check("poll", Theirs::TheSame);
}

#[test]
fn pipes() {
    check("pipe", Theirs::TheSame);
}

#[test]
fn objects() {
    check("object", Theirs::TheSame);
}

#[test]
fn byte_streams() {
    check("stream", Theirs::TheSame);
}

#[test]
fn ends_of_streams_and_datagrams() {
    check("ending", Theirs::Lacking);
}

#[test]
fn tools_and_nanomsg() {
    check("tools", Theirs::TheSame);
}

#[test]
fn stress() {
    check("stress", Theirs::TheSame);
}

#[test]
fn what_came_later() {
    check("late", Theirs::Lacking);
}

#[test]
fn tls() {
    check("tls", Theirs::Lacking);
}

#[test]
fn transports_of_c() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let plugin = scratch().join("ctcp.so");
    let mut cc = cc();
    cc.args(["-Wextra", "-fPIC", "-shared", "-I"]).arg(root.join("ffi/include"));
    succeed(cc.arg("-o").arg(&plugin).arg(root.join("examples/c-transport/ctcp.c")).arg("-lpthread"));
    let expected = std::fs::read_to_string(folder().join("c/plugin.out")).unwrap();
    let mut run = Command::new(compile("plugin"));
    run.env("LD_LIBRARY_PATH", library()).env("PLUGIN", plugin);
    compare("plugin", "our library", &expected, &run.output().unwrap());
}

#[test]
fn headers_agree_with_debians() {
    if !Path::new("/usr/include/nng/nng.h").exists() {
        return;
    }
    for name in ["message", "socket", "poll", "pipe", "object", "stream", "stress", "tools"] {
        let object = scratch().join(name).with_extension("o");
        // Debian's are found by themselves.
        succeed(cc().arg("-c").arg("-o").arg(object).arg(source(name)));
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn source(name: &str) -> PathBuf {
    folder().join("c").join(name).with_extension("c")
}

fn cc() -> Command {
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu99", "-g", "-Wall", "-Werror", "-Wno-deprecated-declarations"]);
    cc
}

fn compile(name: &str) -> PathBuf {
    let program = scratch().join(name);
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let mut cc = cc();
    cc.arg("-I").arg(include).arg("-o").arg(&program).arg(source(name));
    succeed(cc.arg("-L").arg(library()).args(["-lnng", "-lpthread"]));
    program
}

fn run(program: &Path, library: Option<&Path>) -> Output {
    let mut run = Command::new(program);
    // That of `cargo test` has the toolchain's libraries.
    run.env_remove("LD_LIBRARY_PATH");
    if let Some(library) = library {
        run.env("LD_LIBRARY_PATH", library);
    }
    // For socket files.
    let dir = tempfile::tempdir().unwrap();
    if program.ends_with("tls") {
        certificates(dir.path());
    }
    run.current_dir(&dir).output().unwrap()
}

/// A certificate of this machine, and its key, in files.
fn certificates(dir: &Path) {
    let names = ["127.0.0.1", "localhost"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let both = format!("{certificate}{key}");
    for (name, text) in [("cert.pem", certificate), ("key.pem", key), ("both.pem", both)] {
        std::fs::write(dir.join(name), text).unwrap();
    }
}

fn compare(name: &str, with: &str, expected: &str, output: &Output) {
    let printed = String::from_utf8_lossy(&output.stdout);
    for (i, (printed, expected)) in printed.lines().zip(expected.lines()).enumerate() {
        assert_eq!(printed, expected, "line {} of {name} with {with}", i + 1);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} with {with}: {}\n{printed}\n{errors}", output.status);
    assert_eq!(printed.lines().count(), expected.lines().count(), "lines of {name} with {with}");
}

fn installed() -> bool {
    ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"]
        .iter()
        .any(|dir| Path::new(dir).join("libnng.so.1").exists())
}

/// The folder with our library under NNG's names. It is built here: cargo builds no shared library for a test.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let target = scratch().parent().unwrap();
        let (profile, folder) = if cfg!(debug_assertions) { ("dev", "debug") } else { ("release", "release") };
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--package", "spanwire-ffi", "--lib", "--profile", profile, "--target-dir"]).arg(target);
        // What cargo tells this test of its package would make it build `ring` anew, which asks for these.
        for (name, _) in std::env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
                cargo.env_remove(name);
            }
        }
        succeed(cargo.current_dir(env!("CARGO_MANIFEST_DIR")));
        let dir = scratch().join("lib");
        std::fs::create_dir_all(&dir).unwrap();
        for link in ["libnng.so", "libnng.so.1"] {
            let _ = std::fs::remove_file(dir.join(link));
            std::os::unix::fs::symlink(target.join(folder).join("libspanwire.so"), dir.join(link)).unwrap();
        }
        dir
    })
}

/// Where cargo lets tests keep what they make.
fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}
