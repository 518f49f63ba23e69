//! C programs on the C library. Each prints what its calls come to, which is compared with what NNG's own library makes of the same
//! program: recorded beside it, and run here too where Debian's libnng is installed.
#![cfg(target_os = "linux")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use common::scratch;

/// What the program prints with our library is what stands in its `.out` file.
fn check(name: &str, theirs: Theirs) {
    let dir = folder().join("c");
    let expected = std::fs::read_to_string(dir.join(name).with_extension("out")).unwrap();
    compare(name, "our library", &expected, &run(&compile(name), Some(library())));
    if theirs == Theirs::TheSame && installed() {
        let program = compile_as(name, &format!("{name}-debian"), Headers::Debians);
        compare(name, "Debian's headers and our library", &expected, &run(&program, Some(library())));
        // Debian's loader finds the system's library.
        compare(name, "Debian's headers and library", &expected, &run(&program, None));
    }
}

#[derive(PartialEq)]
enum Theirs {
    /// The oldest NNG that is around prints the same.
    TheSame,
    /// It lacks what the program uses, or does not always end.
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
fn devices() {
    check("device", Theirs::Lacking);
}

#[test]
fn byte_streams() {
    check("stream", Theirs::TheSame);
}

#[test]
fn byte_streams_over_websocket() {
    check("websocket", Theirs::TheSame);
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
fn options() {
    check("options", Theirs::Lacking);
}

#[test]
fn addresses() {
    check("urls", Theirs::Lacking);
}

#[test]
fn closing_with_a_linger() {
    check("close", Theirs::Lacking);
}

#[test]
fn nothing_for_every_argument() {
    check("nulls", Theirs::Lacking);
}

#[test]
fn forked_children() {
    check("fork", Theirs::Lacking);
}

#[test]
fn stress() {
    check("stress", Theirs::TheSame);
}

/// With `SPANWIRE_AIO_OPERATIONS=1000000` for each transport, and `--nocapture` shows the figures.
#[test]
fn a_million_operations() {
    check("million", Theirs::Lacking);
}

#[test]
fn what_came_later() {
    check("late", Theirs::Lacking);
}

/// Memcheck has no error to report, and no memory that is lost. The children of `fork` leave behind what is their parent's.
#[test]
fn valgrind_finds_nothing() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "valgrind is missing");
        eprintln!("SKIPPED: there is no valgrind");
        return;
    }
    for name in PROGRAMS {
        let program = compile_as(name, &format!("{name}-valgrind"), Headers::Ours);
        let mut run = Command::new("valgrind");
        // One thread runs at a time, and one that goes round without waiting would keep the others from it for minutes.
        run.args(["--fair-sched=try"]);
        run.args(["--quiet", "--error-exitcode=99", "--child-silent-after-fork=yes", "--leak-check=full"]);
        run.args(["--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"]);
        run.arg(format!("--suppressions={}", folder().join("valgrind.supp").display())).arg(program);
        run.env("LD_LIBRARY_PATH", library()).env("SPANWIRE_AIO_OPERATIONS", "300");
        let dir = tempfile::tempdir().unwrap();
        match name {
            "tls" => certificates(dir.path()),
            "plugin" => _ = run.env("PLUGIN", plugin("ctcp-valgrind.so")),
            _ => {}
        }
        let output = run.current_dir(&dir).output().unwrap();
        assert!(output.status.success(), "{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn tls() {
    check("tls", Theirs::Lacking);
}

#[test]
fn transports_of_c() {
    let expected = std::fs::read_to_string(folder().join("c/plugin.out")).unwrap();
    let mut run = Command::new(compile("plugin"));
    run.env("LD_LIBRARY_PATH", library()).env("PLUGIN", plugin("ctcp.so"));
    compare("plugin", "our library", &expected, &run.output().unwrap());
}

/// The example of a transport in C, as a shared object of this name.
fn plugin(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let plugin = scratch().join(name);
    let mut cc = cc();
    cc.args(["-Wextra", "-fPIC", "-shared", "-I"]).arg(root.join("ffi/include"));
    succeed(cc.arg("-o").arg(&plugin).arg(root.join("examples/c-transport/ctcp.c")).arg("-lpthread"));
    plugin
}

#[test]
fn headers_agree_with_debians() {
    if !installed() {
        return;
    }
    let names =
        ["message", "socket", "poll", "pipe", "object", "options", "stream", "websocket", "stress", "tools", "urls"];
    for name in names {
        let object = scratch().join(name).with_extension("o");
        // Debian's are found by themselves.
        succeed(cc().arg("-c").arg("-o").arg(object).arg(source(name)));
    }
}

/// Not `tls`: memcheck takes what `ring`'s assembly has encrypted for uninitialised.
const PROGRAMS: [&str; 19] = [
    "message",
    "socket",
    "aio",
    "poll",
    "pipe",
    "object",
    "device",
    "options",
    "stream",
    "websocket",
    "ending",
    "tools",
    "urls",
    "fork",
    "stress",
    "million",
    "late",
    "close",
    "nulls",
];

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
    compile_as(name, name, Headers::Ours)
}

#[derive(PartialEq)]
enum Headers {
    Ours,
    /// They are found by themselves.
    Debians,
}

/// Two tests do not write to the same file.
fn compile_as(name: &str, program: &str, headers: Headers) -> PathBuf {
    let program = scratch().join(program);
    let mut cc = cc();
    if headers == Headers::Ours {
        cc.arg("-I").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    }
    cc.arg("-o").arg(&program).arg(source(name));
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
    eprint!("{errors}");
    assert!(output.status.success(), "{name} with {with}: {}\n{printed}\n{errors}", output.status);
    assert_eq!(printed.lines().count(), expected.lines().count(), "lines of {name} with {with}");
}

/// Whether Debian's headers and library are there.
fn installed() -> bool {
    let library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"]
        .iter()
        .any(|dir| Path::new(dir).join("libnng.so.1").exists());
    let installed = library && Path::new("/usr/include/nng/nng.h").exists();
    if !installed {
        assert!(std::env::var_os("CI").is_none(), "libnng-dev is missing");
        eprintln!("SKIPPED: the same with Debian's libnng-dev, which is missing");
    }
    installed
}

/// The folder with our library under NNG's names.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| common::library_as("lib", &["libnng.so", "libnng.so.1"]))
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}
