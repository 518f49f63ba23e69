//! The examples in C and C++: they compile without a warning, run, print what they should, and valgrind has nothing to say.

mod common;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::built;

/// The examples and what they print.
const EXAMPLES: [(&str, &str); 9] = [
    (
        "async_server.c",
        "twice 0 is 0\ntwice 1 is 2\ntwice 2 is 4\ntwice 3 is 6\ntwice 4 is 8\ntwice 5 is 10\ntwice 6 is 12\ntwice 7 is 14\n",
    ),
    ("device.c", "through\nthe device: Object closed\n"),
    ("nanomsg.c", "hello!\nIncorrect state\n"),
    ("poll_loop.c", ""),
    (
        "pubsub.c",
        "all: sports: 3 to 2\nall: weather: rain\nall: sports: overtime\nsports: sports: 3 to 2\nsports: sports: overtime\n",
    ),
    ("push.cpp", concat!("task 0\ntask 1\ntask 2\nSpanwire ", env!("CARGO_PKG_VERSION"), ", NNG 1.11.0\n")),
    ("reqrep.c", "hello 0!\nhello 1!\nhello 2!\n"),
    (
        "stream.c",
        "tcp: connected to a port\ntcp: hello\ntcp: Connection shutdown\nabstract: connected to abstract[spanwire-example-stream]\n\
         abstract: hello\nabstract: Connection shutdown\nudp: datagram\n",
    ),
    ("survey.c", "3 answers, then: Timed out\n"),
];

#[test]
fn all_examples_are_tested() {
    let files = std::fs::read_dir(source().join("examples")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut files: Vec<_> =
        files.map(|name| name.into_string().unwrap()).filter(|name| !name.ends_with(".h")).collect();
    files.sort();
    assert_eq!(files, EXAMPLES.map(|(name, _)| name));
}

#[test]
fn examples_run() {
    let dir = tempfile::tempdir().unwrap();
    for (name, prints) in EXAMPLES {
        let program = compile(name, dir.path());
        check(name, prints, run(&program, &[]));
    }
}

#[test]
fn valgrind_finds_nothing_in_the_examples() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(env::var_os("CI").is_none(), "valgrind is missing");
        eprintln!("SKIPPED: there is no valgrind");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, prints) in EXAMPLES {
        let program = compile(name, dir.path());
        // What the library's threads own when the program ends is reachable, though not always by its first byte.
        let valgrind = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full"];
        let kinds = ["--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"];
        check(name, prints, run(&program, &[&valgrind[..], &kinds].concat()));
    }
}

fn compile(name: &str, dir: &Path) -> PathBuf {
    let program = dir.join(name).with_extension("");
    let (compiler, standard) = if name.ends_with(".cpp") { ("c++", "-std=c++17") } else { ("cc", "-std=c99") };
    let library = built();
    let mut compile = Command::new(compiler);
    compile.args([standard, "-g", "-Wall", "-Wextra", "-Werror", "-pedantic"]);
    compile.arg("-I").arg(source().join("include")).arg("-o").arg(&program).arg(source().join("examples").join(name));
    compile.arg("-L").arg(library).arg("-lspanwire").arg(format!("-Wl,-rpath,{}", library.display())).arg("-lpthread");
    let done = compile.output().unwrap();
    assert!(done.status.success(), "{name}:\n{}", String::from_utf8_lossy(&done.stderr));
    program
}

/// Runs a program, under another one if there are words for that. One that hangs is ended.
fn run(program: &Path, under: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.arg("--kill-after=5").arg("120").args(under).arg(program).env("CI", "true");
    command.output().unwrap()
}

fn check(name: &str, prints: &str, output: Output) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {}\n{stdout}{stderr}", output.status);
    // Two sockets take turns there as they like.
    match name {
        "poll_loop.c" => assert_eq!(
            sorted(&stdout),
            sorted("inproc://even: 0\ninproc://odd: 1\ninproc://even: 2\ninproc://odd: 3\ninproc://even: 4\n")
        ),
        _ => assert_eq!(stdout, prints, "{name}"),
    }
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort();
    lines
}

fn source() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
