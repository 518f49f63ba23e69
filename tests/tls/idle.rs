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

/// After traffic in both directions, an end of an idle connection has less than 64 KiB.
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
    let bus = open("bus");
    let listener = listen(&bus, "tls+tcp://127.0.0.1:0");
    let others: Vec<_> = (0..=CONNECTIONS).map(|_| open("bus")).collect();
    let join = |n: usize| {
        dial(&others[n], &listener.url());
        wait_for(|| bus.pipes().len() == n + 1);
        send(&others[n], vec![1; 100_000], LONG).unwrap();
        assert_eq!(recv(&bus, LONG).unwrap().len(), 100_000);
    };
    // What is there once for all.
    join(0);
    let before = resident();
    (1..others.len()).for_each(join);
    send(&bus, vec![2; 100_000], LONG).unwrap();
    for other in &others {
        assert_eq!(recv(other, LONG).unwrap().len(), 100_000);
    }
    // The I/O thread gives buffers back a moment after the last message.
    let each = || (resident() - before) * 1024 / (2 * CONNECTIONS);
    wait_for(|| each() < 64 * 1024);
    println!("an idle end of a TLS connection has {} bytes", each());
}
