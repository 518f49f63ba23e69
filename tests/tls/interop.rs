//! NNG's own TLS as a peer, as the Python package pynng has it.
//!
//! `cargo xtask test` installs it into `target/pynng`. Without it this test says so and does nothing, except under CI.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use futures_lite::future::block_on;
use spanwire_core::driver::Socket;
use spanwire_core::option::names;
use spanwire_core::{OptionValue, Url};
use spanwire_transports::tls::{AuthMode, TlsConfig, TlsVersion};

use crate::common::tls::home;
use crate::common::{S, open, recv, send, wait_for};

const LONG: Duration = Duration::from_secs(30);
const SIZES: [usize; 14] = [0, 1, 3, 8, 63, 64, 4096, 16384, 16385, 65535, 65536, 300_000, 1 << 20, 8 << 20];

/// What the peer does, as which protocol, and ours.
const TABLE: [(&str, &str, &str); 11] = [
    ("echo", "Pair0", "pair"),
    ("ask", "Pair0", "pair"),
    ("echo", "Pair1", "pair1"),
    ("ask", "Pair1", "pair1"),
    ("echo", "Rep0", "req"),
    ("ask", "Req0", "rep"),
    ("send", "Push0", "pull"),
    ("receive", "Pull0", "push"),
    ("send", "Pub0", "sub"),
    ("receive", "Sub0", "pub"),
    ("echo", "Bus0", "bus"),
];

#[test]
fn with_nng_over_tls() {
    with_nng("tls+tcp", "");
}

#[test]
#[cfg(feature = "ws")]
fn with_nng_over_wss() {
    with_nng("wss", "/interop");
}

fn with_nng(scheme: &str, path: &str) {
    let Some(python) = python() else { return };
    let dir = std::env::temp_dir().join(format!("spanwire-{}-interop-{scheme}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("ca.pem"), home().0.pem()).unwrap();
    fs::write(dir.join("both.pem"), format!("{}{}", home().1.certificate, home().1.key)).unwrap();
    for (does, theirs, ours) in TABLE {
        for listens in [true, false] {
            for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
                println!("{scheme}: ours is {ours}, NNG's {theirs} does {does}, it listens: {listens}, {version:?}");
                let peer = Peer { python: &python, dir: &dir, does, theirs, scheme, path };
                cell(&peer, ours, listens, version);
            }
        }
    }
    fs::remove_dir_all(dir).unwrap();
}

/// What the other side is and does.
struct Peer<'a> {
    python: &'a Path,
    dir: &'a Path,
    does: &'a str,
    theirs: &'a str,
    scheme: &'a str,
    path: &'a str,
}

fn cell(peer: &Peer<'_>, ours: &str, they_listen: bool, version: TlsVersion) {
    let Peer { does, scheme, path, .. } = *peer;
    let socket = open(ours);
    let config = home().1.show(TlsConfig::builder()).ca_pem(&home().0.pem()).max_version(version);
    let config = if they_listen { config } else { config.auth_mode(AuthMode::Required) };
    socket.set_option(S, names::TLS_CONFIG, config.build().unwrap().into()).unwrap();
    if ours == "sub" {
        socket.set_option(S, names::SUB_SUBSCRIBE, OptionValue::Bytes(Vec::new())).unwrap();
    }
    let (mut child, mut out);
    if they_listen {
        (child, out) = peer.start("listen", &format!("{scheme}://127.0.0.1:0{path}"));
        let line = line(&mut child, &mut out);
        let port = line.strip_prefix("listening ").unwrap_or_else(|| panic!("{line}")).to_owned();
        // NNG's HTTP server answers only to the name that it listens at.
        let host = if path.is_empty() { "localhost" } else { "127.0.0.1" };
        let url = Url::parse(&format!("{scheme}://{host}:{port}{path}")).unwrap();
        block_on(socket.dialer(&url).unwrap().start()).unwrap();
    } else {
        let listener = socket.listener(&Url::parse(&format!("{scheme}://127.0.0.1:0{path}")).unwrap()).unwrap();
        block_on(listener.start()).unwrap();
        let url = format!("{scheme}://127.0.0.1:{}{path}", listener.url().port().unwrap());
        (child, out) = peer.start("dial", &url);
        assert_eq!(line(&mut child, &mut out), "dialed");
    }
    wait_for(|| socket.pipes().len() == 1);
    let pipe = socket.pipes()[0].clone();
    assert_eq!(pipe.option(names::TLS_VERIFIED), Ok(true.into()));
    assert_eq!(pipe.option(names::TLS_PEER_CN), Ok("localhost".into()));
    exchange(&socket, does);
    assert_eq!(line(&mut child, &mut out), "ok");
    drop(child.stdin.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}: {}", ended.status, String::from_utf8_lossy(&ended.stderr));
}

fn exchange(socket: &Socket, does: &str) {
    for size in SIZES {
        let data: Vec<u8> = (0..256_usize).map(|i| ((i * 31) >> 3) as u8 ^ i as u8).cycle().take(size).collect();
        match does {
            "echo" => {
                send(socket, data.clone(), LONG).unwrap();
                assert!(recv(socket, LONG).unwrap().body() == data, "{size} bytes came back changed");
            }
            "receive" => send(socket, data, LONG).unwrap(),
            _ => {
                let got = recv(socket, LONG).unwrap();
                assert!(got.body() == data, "{size} bytes arrived changed");
                if does == "ask" {
                    send(socket, data, LONG).unwrap();
                }
            }
        }
    }
}

impl Peer<'_> {
    fn start(&self, role: &str, url: &str) -> (Child, BufReader<ChildStdout>) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls/peer.py");
        let mut command = Command::new(self.python);
        command.arg(script).args([self.does, self.theirs, role, url]).arg(self.dir);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        (child, out)
    }
}

/// What it says next. It gives up by itself when nothing happens.
fn line(child: &mut Child, out: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    if line.is_empty() {
        let mut error = String::new();
        child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        panic!("the peer has failed:\n{error}");
    }
    line.trim().to_owned()
}

/// A Python that has pynng. Under CI there must be one.
fn python() -> Option<PathBuf> {
    // target/debug/deps/this
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let places = [target.join("pynng/bin/python"), PathBuf::from("python3")];
    let has_it = |python: &PathBuf| {
        let output = Command::new(python).args(["-c", "import pynng"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = places.into_iter().find(has_it);
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no Python with pynng");
        println!("SKIPPED: no Python with pynng (cargo xtask test installs it)");
    }
    found
}
