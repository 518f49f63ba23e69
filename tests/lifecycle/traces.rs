//! What sockets leave behind: nothing. Each of these tests runs in a process of its own.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::thread;
use std::time::Duration;

use spanwire_core::Url;
use spanwire_core::driver::{Limit, Operation, Socket};

use crate::common::{S, address, connected, listen, open, recv, send, wait_for};

const LONG: Duration = Duration::from_secs(10);

/// Runs the test of this name in a child process, under this command; true in the child.
fn alone(name: &str, under: &[&str]) -> bool {
    if std::env::var("SPANWIRE_ALONE").is_ok_and(|alone| alone == name) {
        return true;
    }
    let me = std::env::current_exe().unwrap();
    let test = format!("traces::{name}");
    let mut line: Vec<_> = under.iter().map(std::ffi::OsStr::new).collect();
    line.extend([me.as_os_str(), "--exact".as_ref(), test.as_ref(), "--nocapture".as_ref()]);
    let output = Command::new(line[0]).args(&line[1..]).env("SPANWIRE_ALONE", name).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} failed in its own process");
    assert!(text.contains("1 passed"), "{name} did not run");
    false
}

fn entries(directory: &str) -> usize {
    fs::read_dir(directory).unwrap().count()
}

/// Descriptors, the one that reads the directory included.
fn descriptors() -> usize {
    entries("/proc/self/fd")
}

fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().filter_map(|task| Some(task.ok()?.path().join("comm")));
    let mut names: Vec<_> = tasks.filter_map(|comm| Some(fs::read_to_string(comm).ok()?.trim().to_owned())).collect();
    names.sort();
    names
}

/// Resident memory in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn no_thread_before_the_first_socket() {
    if !alone("no_thread_before_the_first_socket", &[]) {
        return;
    }
    let before = threads();
    spanwire_transports::register_all();
    Url::parse("tcp://127.0.0.1:5555").unwrap();
    assert_eq!(threads(), before);
    let socket = open("pair");
    let ours = || threads().into_iter().filter(|name| name.starts_with("spanwire") || name.starts_with("async"));
    wait_for(|| ours().collect::<Vec<_>>() == ["spanwire-io"]);
    // A listener needs the threads that connect; that is all that there are, however many sockets.
    let listener = listen(&socket, &address("tcp"));
    let others: Vec<_> = (0..20).map(|_| open("pair")).collect();
    for other in &others {
        other.dialer(&listener.url()).unwrap().start_in_background().unwrap();
    }
    wait_for(|| socket.pipes().len() == 1);
    wait_for(|| ours().collect::<Vec<_>>() == ["async-io", "spanwire-async", "spanwire-io"]);
}

/// A receiver that sleeps may hold the only pipe's receiving side. It lets go of a pipe that is closed, whoever closes it.
#[test]
fn a_pipe_that_is_closed_under_a_sleeping_receiver_is_gone() {
    if !alone("a_pipe_that_is_closed_under_a_sleeping_receiver_is_gone", &[]) {
        return;
    }
    let pull = open("pull");
    let listener = listen(&pull, &address("tcp"));
    let before = descriptors();
    thread::scope(|scope| {
        let push = std::net::TcpStream::connect(("127.0.0.1", listener.url().port().unwrap())).unwrap();
        (&push).write_all(b"\0SP\0\0\x50\0\0").unwrap();
        wait_for(|| pull.pipes().len() == 1);
        let receiver = scope.spawn(|| recv(&pull, LONG).and_then(|_| recv(&pull, LONG)));
        (&push).write_all(b"\0\0\0\0\0\0\0\x01!").unwrap();
        wait_for(|| pull.stats().number(&["rx_msgs"]) == Some(1));
        // Long enough that it sleeps again, on that pipe.
        thread::sleep(Duration::from_millis(50));
        pull.pipes()[0].close();
        drop(push);
        wait_for(|| descriptors() == before);
        assert!(!receiver.is_finished());
        pull.close().wait(Limit::Never).unwrap();
        receiver.join().unwrap().unwrap_err();
    });
}

fn cycles() -> usize {
    std::env::var("SPANWIRE_CYCLES").ok().and_then(|n| n.parse().ok()).unwrap_or(500)
}

/// Connect, exchange, close.
fn cycle(scheme: &str, server: &Socket, url: &Url, n: usize) {
    let client = open("req");
    crate::common::dial(&client, url);
    send(&client, "ping", LONG).unwrap();
    recv(server, LONG).unwrap();
    send(server, "pong", LONG).unwrap();
    recv(&client, LONG).unwrap();
    // Closed here, dropped there; and sometimes from the other side.
    match n % 3 {
        0 => client.close().wait(Limit::Options).unwrap(),
        1 => server.pipes().iter().for_each(|pipe| pipe.close()),
        _ => {}
    }
    drop(client);
    // A listener of its own, too.
    let short = open("rep");
    listen(&short, &address(scheme));
}

fn leaves_nothing(scheme: &str) {
    let server = open("rep");
    let url = listen(&server, &address(scheme)).url();
    let warm = cycles().clamp(200, 1000);
    let run = |cycles: usize| {
        for n in 0..cycles {
            cycle(scheme, &server, &url, n);
        }
        wait_for(|| server.pipes().is_empty());
    };
    run(warm);
    // The thread that binds socket files ends by itself.
    let working = |name: &String| name == "spanwire-block";
    wait_for(|| !threads().iter().any(working));
    let before = (descriptors(), threads(), resident());
    run(cycles());
    wait_for(|| !threads().iter().any(working));
    wait_for(|| descriptors() <= before.0);
    let after = (descriptors(), threads(), resident());
    println!("{scheme}: {} cycles: {before:?} became {after:?}", cycles());
    assert!(after.0 <= before.0);
    assert_eq!(after.1, before.1);
    assert!(after.2 < before.2 + 3000, "memory grew from {} to {} KiB", before.2, after.2);
}

#[test]
fn tcp_leaves_nothing() {
    if alone("tcp_leaves_nothing", &[]) {
        leaves_nothing("tcp");
    }
}

#[test]
fn ipc_leaves_nothing() {
    if alone("ipc_leaves_nothing", &[]) {
        leaves_nothing("ipc");
    }
}

#[test]
fn inproc_leaves_nothing() {
    if alone("inproc_leaves_nothing", &[]) {
        leaves_nothing("inproc");
    }
}

/// Dials that fail or never end leave nothing either.
#[test]
fn failed_dials_leave_nothing() {
    if !alone("failed_dials_leave_nothing", &[]) {
        return;
    }
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = Url::parse(&format!("tcp://{}", silent.local_addr().unwrap())).unwrap();
    let round = || {
        let socket = open("push");
        socket.dialer(&silent_url).unwrap().start_in_background().unwrap();
        drop(silent.accept().unwrap());
        let nowhere = Url::parse(&address("ipc")).unwrap();
        assert!(futures_lite::future::block_on(socket.dialer(&nowhere).unwrap().start()).is_err());
        socket.dialer(&nowhere).unwrap();
    };
    (0..50).for_each(|_| round());
    let before = (descriptors(), threads(), resident());
    (0..cycles()).for_each(|_| round());
    wait_for(|| descriptors() <= before.0);
    wait_for(|| threads() == before.1);
    assert!(resident() < before.2 + 3000, "memory grew from {} to {} KiB", before.2, resident());
}

/// The I/O of an idle process, as strace sees it: none.
#[test]
fn idle_sockets_make_no_system_call() {
    const NAME: &str = "idle_sockets_make_no_system_call";
    let marker = |which: &str| format!("/spanwire-idle-{which}");
    if std::env::var("SPANWIRE_ALONE").is_ok_and(|alone| alone == NAME) {
        let mut sockets = Vec::new();
        for scheme in ["inproc", "tcp", "ipc"] {
            for (a, b) in [("pair", "pair"), ("push", "pull"), ("rep", "req"), ("pub", "sub"), ("bus", "bus")] {
                let (a, b) = connected(a, b, scheme);
                if a.info().sends && b.info().receives && a.info().name != "rep" && b.info().name != "sub" {
                    send(&a, "hello", LONG).unwrap();
                    recv(&b, LONG).unwrap();
                }
                sockets.extend([a, b]);
            }
        }
        // An async receive that waits.
        let waiting = sockets[0].clone();
        let task = thread::spawn(move || futures_lite::future::block_on(waiting.recv(S)));
        // Nothing tells when the last tick is over.
        thread::sleep(Duration::from_millis(200));
        let _ = fs::metadata(marker("begin"));
        thread::sleep(Duration::from_millis(500));
        let _ = fs::metadata(marker("end"));
        drop(sockets);
        drop(task);
        return;
    }
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: strace is not installed");
        return;
    }
    let log = std::env::temp_dir().join(format!("spanwire-strace-{}", std::process::id()));
    alone(NAME, &["strace", "-f", "-o", log.to_str().unwrap()]);
    let calls = fs::read_to_string(&log).unwrap();
    fs::remove_file(&log).unwrap();
    let place = |which| calls.lines().position(|line| line.contains(&marker(which))).unwrap();
    let idle: Vec<_> = calls.lines().skip(place("begin") + 1).take(place("end") - place("begin") - 1).collect();
    // The sleep of the test itself, which may be shown in two parts.
    let busy: Vec<_> = idle.iter().filter(|line| !line.contains("clock_nanosleep")).collect();
    assert!(busy.is_empty(), "system calls while idle:\n{busy:#?}");
    assert!(!idle.is_empty());
}

/// How often the I/O thread has gone to sleep.
fn io_sleeps() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let io = |task: &std::path::PathBuf| fs::read_to_string(task.join("comm")).is_ok_and(|c| c.trim() == "spanwire-io");
    let status = fs::read_to_string(tasks.filter(io).last().unwrap().join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

#[test]
fn the_io_thread_rests_while_a_receiver_waits() {
    if !alone("the_io_thread_rests_while_a_receiver_waits", &[]) {
        return;
    }
    let (pull, push) = connected("pull", "push", "ipc");
    let waiting = thread::spawn(move || (0..21).for_each(|_| drop(recv(&pull, LONG).unwrap())));
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(10));
        send(&push, "early", LONG).unwrap();
    }
    thread::sleep(Duration::from_millis(100));
    let before = io_sleeps();
    thread::sleep(Duration::from_secs(1));
    let sleeps = io_sleeps() - before;
    send(&push, "late", LONG).unwrap();
    waiting.join().unwrap();
    assert!(sleeps < 20, "the I/O thread woke up {sleeps} times in a second");
}

#[test]
fn the_io_thread_rests_while_a_peer_has_stalled() {
    if !alone("the_io_thread_rests_while_a_peer_has_stalled", &[]) {
        return;
    }
    let push = open("push");
    let listener = listen(&push, &address("ipc"));
    let peer = spanwire_conformance::peer::Peer::join(&listener.url(), 0x51);
    wait_for(|| !push.pipes().is_empty());
    while send(&push, vec![0; 100], Duration::from_millis(100)).is_ok() {}
    thread::sleep(Duration::from_millis(100));
    let before = io_sleeps();
    thread::sleep(Duration::from_secs(1));
    let sleeps = io_sleeps() - before;
    drop(peer);
    assert!(sleeps < 20, "the I/O thread woke up {sleeps} times in a second");
}
