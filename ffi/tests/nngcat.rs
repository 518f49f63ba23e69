//! Debian's own `nngcat`, run on our library and untouched: all protocols, over tcp and ipc, listening and dialing.
#![cfg(target_os = "linux")]

mod common;

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::{env, thread};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Library {
    Ours,
    Theirs,
}

use Library::{Ours, Theirs};

/// Two protocols that talk to each other: what each side says, if it says anything, and what it hears.
struct Pairing {
    protocols: [&'static str; 2],
    says: [Option<&'static str>; 2],
    hears: [Option<&'static str>; 2],
}

const PAIRINGS: [Pairing; 8] = [
    Pairing { protocols: ["req", "rep"], says: [Some("ask"), Some("answer")], hears: [Some("answer"), Some("ask")] },
    Pairing {
        protocols: ["surveyor", "respondent"],
        says: [Some("ask"), Some("answer")],
        hears: [Some("answer"), Some("ask")],
    },
    Pairing { protocols: ["push", "pull"], says: [Some("work"), None], hears: [None, Some("work")] },
    Pairing { protocols: ["pub", "sub"], says: [Some("news"), None], hears: [None, Some("news")] },
    Pairing { protocols: ["pair0", "pair0"], says: [Some("one"), None], hears: [None, Some("one")] },
    Pairing { protocols: ["pair1", "pair1"], says: [Some("one"), None], hears: [None, Some("one")] },
    Pairing { protocols: ["pair1", "pair1"], says: [Some("one"), Some("other")], hears: [Some("other"), Some("one")] },
    Pairing { protocols: ["bus", "bus"], says: [Some("all"), None], hears: [None, Some("all")] },
];

#[test]
fn nngcat_runs_on_our_library() {
    if !Path::new("/usr/bin/nngcat").exists() {
        assert!(env::var_os("CI").is_none(), "nngcat is missing");
        eprintln!("SKIPPED: there is no nngcat");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Nothing is heard before the second attempt to dial, or the second message: a second of mostly waiting.
    let mut cases = Vec::new();
    for libraries in [[Ours, Theirs], [Theirs, Ours], [Ours, Ours]] {
        for pairing in &PAIRINGS {
            for listener in [0, 1] {
                for transport in ["tcp", "ipc"] {
                    cases.push((libraries, pairing, listener, transport));
                }
            }
        }
    }
    library();
    for (n, some) in cases.chunks(8).enumerate() {
        // All of them are held until each has a port, so that no two have the same.
        let held = [(); 8].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = held.each_ref().map(|listener| listener.local_addr().unwrap().port());
        drop(held);
        thread::scope(|scope| {
            for (port, (libraries, pairing, listener, transport)) in ports.into_iter().zip(some) {
                let url = match *transport {
                    "tcp" => format!("tcp://127.0.0.1:{port}"),
                    // A port is used again by another chunk, perhaps.
                    _ => format!("ipc://{}/{n}-{port}", dir.path().display()),
                };
                scope.spawn(move || play(*libraries, pairing, *listener, &url));
            }
        });
    }
    eprintln!("{} pairs of nngcat", cases.len());
}

/// Both sides run until both have heard what they should.
fn play(libraries: [Library; 2], pairing: &Pairing, listener: usize, url: &str) {
    let mut sides: Vec<_> = [listener, 1 - listener]
        .into_iter()
        .map(|side| {
            let how = if side == listener { "--listen" } else { "--dial" };
            (side, Side(start(libraries[side], pairing.protocols[side], how, url, pairing.says[side])))
        })
        .collect();
    for (side, child) in &mut sides {
        let Some(expected) = pairing.hears[*side] else { continue };
        let mut heard = vec![0; expected.len()];
        let result = child.0.stdout.as_mut().unwrap().read_exact(&mut heard);
        assert!(
            result.is_ok() && heard == expected.as_bytes(),
            "{} on {:?} to {} on {:?} at {url}: {result:?}, heard {:?}",
            pairing.protocols[*side],
            libraries[*side],
            pairing.protocols[1 - *side],
            libraries[1 - *side],
            String::from_utf8_lossy(&heard)
        );
    }
}

fn start(with: Library, protocol: &str, how: &str, url: &str, says: Option<&str>) -> Child {
    // One that hangs is ended, and then its output as well, which is not to wait in a buffer.
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", "60", "stdbuf", "-o0", "nngcat", &format!("--{protocol}"), how, url]);
    // It tries again until the other side listens.
    command.arg("--async");
    if !matches!(protocol, "push" | "pub") {
        command.arg("--raw");
    }
    if protocol == "sub" {
        command.arg("--subscribe=");
    }
    if let Some(says) = says {
        command.args(["--data", says]);
    }
    // What comes too early for the other side to hear is said again; a survey not at the very end of the one before, a
    // second after its start: NNG 1.5 may deadlock on that one's timer.
    match (protocol, says) {
        ("rep" | "respondent", _) | (_, None) => {}
        ("surveyor", _) => drop(command.args(["--interval", "2"])),
        _ => drop(command.args(["--interval", "1"])),
    }
    command.env_remove("LD_LIBRARY_PATH");
    if with == Ours {
        command.env("LD_LIBRARY_PATH", library());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Ended when it is dropped.
struct Side(Child);

impl Drop for Side {
    fn drop(&mut self) {
        // `timeout` passes on what it is asked to end by.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// The folder with our library under NNG's name.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| common::library_as("nngcat", &["libnng.so.1"]))
}
