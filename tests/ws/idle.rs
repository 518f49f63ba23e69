//! What connections cost that do nothing. Runs in a process of its own.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::common::{dial, listen, open, recv, send, wait_for};

const LONG: Duration = Duration::from_secs(30);
const CONNECTIONS: u64 = 400;

/// Resident memory in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// After traffic in both directions, an idle connection has less than 16 KiB, both its ends together.
#[test]
fn idle_connections_are_small() {
    let name = "idle::idle_connections_are_small";
    if std::env::var_os("SPANWIRE_ALONE").is_none() {
        let me = std::env::current_exe().unwrap();
        let output =
            Command::new(me).args(["--exact", name, "--nocapture"]).env("SPANWIRE_ALONE", name).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        println!("{text}");
        assert!(output.status.success() && text.contains("1 passed"), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    // Two sockets only: each has memory for its own use.
    let (bus, other) = (open("bus"), open("bus"));
    let listener = listen(&bus, "ws://127.0.0.1:0/");
    let join = |n: u64| {
        dial(&other, &listener.url());
        wait_for(|| bus.pipes().len() as u64 == n);
    };
    // All connections carry this, in both directions.
    let talk = |n: u64| {
        for (from, to) in [(&bus, &other), (&other, &bus)] {
            send(from, vec![1; 2_000], LONG).unwrap();
            for _ in 0..n {
                assert_eq!(recv(to, LONG).unwrap().len(), 2_000);
            }
        }
    };
    // What is there once for all.
    join(1);
    talk(1);
    let before = resident();
    (2..=CONNECTIONS + 1).for_each(join);
    talk(CONNECTIONS + 1);
    // The I/O thread gives buffers back a moment after the last message.
    let each = || (resident() - before) * 1024 / (2 * CONNECTIONS);
    wait_for(|| 2 * each() < 16 * 1024);
    println!("an idle end of a WebSocket has {} bytes", each());
}
