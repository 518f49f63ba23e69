//! The cases of the Autobahn test suite, in both roles; `tests/autobahn/cases.py` has them.
//!
//! `cargo xtask test` installs the peer into `target/wsproto`. Without it this test says so and does nothing, except under CI. The table in
//! `docs/websocket.md` is what this test prints; `SPANWIRE_RECORD=1` writes it there.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use spanwire_core::driver::{Limit, Operation, Socket};
use spanwire_core::option::names;
use spanwire_core::{OptionValue, Url};

use crate::common::{S, listen, open};

#[test]
fn autobahn() {
    let Some(python) = python() else { return };
    let (server, client) = (run(&python, true), run(&python, false));
    assert_eq!(server.len(), client.len());
    let mut table = String::from("| family | as server | as client |\n|---|---|---|\n");
    let mut sum = [0, 0];
    for ((family, passed, count), (other, theirs, _)) in server.iter().zip(&client) {
        assert_eq!(family, other);
        writeln!(table, "| {family} | {passed} of {count} | {theirs} of {count} |").unwrap();
        sum = [sum[0] + count, sum[1] + 2 * count - passed - theirs];
    }
    writeln!(table, "| all | {0} cases | {0} cases |", sum[0]).unwrap();
    println!("{table}");
    assert_eq!(sum[1], 0, "cases have failed");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/websocket.md");
    let docs = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = docs.split_once(BEGIN).unwrap();
    let (recorded, after) = rest.split_once(END).unwrap();
    if std::env::var_os("SPANWIRE_RECORD").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(recorded, table, "SPANWIRE_RECORD=1 writes the table anew");
    }
}

const BEGIN: &str = "<!-- autobahn -->\n";
const END: &str = "<!-- end -->";

/// Runs all cases against an echo; family, passed, and cases.
fn run(python: &Path, server: bool) -> Vec<(String, usize, usize)> {
    let pair = open("pair");
    pair.set_option(S, names::RECV_SIZE_MAX, OptionValue::Size(32 << 20)).unwrap();
    pair.set_option(S, names::RECONNECT_TIME_MIN, Duration::from_millis(1).into()).unwrap();
    pair.set_option(S, names::RECONNECT_TIME_MAX, Duration::ZERO.into()).unwrap();
    let echo = pair.clone();
    let echo = thread::spawn(move || echo_all(&echo));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/autobahn/cases.py");
    let mut command = Command::new(python);
    command.arg(script).stdout(Stdio::piped());
    if server {
        command.args(["server", listen(&pair, "ws://127.0.0.1:0/").url().as_str()]);
    } else {
        command.arg("client");
    }
    let mut child = command.spawn().unwrap();
    let mut families = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(port) = line.strip_prefix("listening ") {
            let url = Url::parse(&format!("ws://127.0.0.1:{port}/")).unwrap();
            pair.dialer(&url).unwrap().start_in_background().unwrap();
            continue;
        }
        let words: Vec<_> = line.split('\t').collect();
        match words[..] {
            [family, passed, count] => {
                families.push((family.to_owned(), passed.parse().unwrap(), count.parse().unwrap()));
            }
            _ => println!("as {}: {line}", if server { "server" } else { "client" }),
        }
    }
    assert!(child.wait().unwrap().success());
    drop(futures_lite::future::block_on(pair.close()));
    echo.join().unwrap();
    families
}

/// Until the socket closes. What can't be sent back, because the peer has gone, is dropped with it.
fn echo_all(pair: &Socket) {
    while let Ok(msg) = pair.recv(S).wait(Limit::Never) {
        let _ = pair.send(S, msg).wait(Limit::after(Duration::from_secs(10)));
    }
}

fn python() -> Option<PathBuf> {
    // target/debug/deps/this
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let places = [target.join("wsproto/bin/python"), PathBuf::from("python3")];
    let has_it = |python: &PathBuf| {
        let output = Command::new(python).args(["-c", "import wsproto"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = places.into_iter().find(has_it);
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no Python with wsproto");
        println!("SKIPPED: no Python with wsproto (cargo xtask test installs it)");
    }
    found
}
