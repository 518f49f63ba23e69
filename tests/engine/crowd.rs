//! Many pipes on one socket.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use spanwire_core::Url;
use spanwire_core::driver::{Limit, Operation, Socket};

use crate::common::{address, dial, listen, open, recv, send, wait_for};
use crate::{alone, quantile};

const LONG: Duration = Duration::from_secs(30);

/// As many descriptors as the system allows.
fn raise_file_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// A connection that has shaken hands as this protocol.
fn join(url: &Url, number: u16) -> UnixStream {
    let mut stream = loop {
        match UnixStream::connect(url.file()) {
            // More come at once than the listener's backlog has room for.
            Err(e) if e.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
            result => break result.unwrap(),
        }
    };
    let [high, low] = number.to_be_bytes();
    stream.write_all(&[0, b'S', b'P', 0, high, low, 0, 0]).unwrap();
    stream.read_exact(&mut [0; 8]).unwrap();
    stream
}

/// A process that holds idle connections; they take as many descriptors there as here.
struct Crowd(Child);

impl Crowd {
    fn start(test: &str, url: &Url) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test]).env(CROWD, url.as_str()).stdin(Stdio::piped()).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// In the child: connects, and holds the connections until the parent ends.
    fn be(url: &str, n: usize) {
        raise_file_limit();
        let url = Url::parse(url).unwrap();
        let _held: Vec<_> = (0..n).map(|_| join(&url, REQ)).collect();
        let _ = std::io::stdin().read(&mut [0]);
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Keeps this thread, and those that it starts from now on, on one core. Two that share a core hand over in a few microseconds; waking
/// an idle one takes many, and which of the two happens is the scheduler's choice and not the number of pipes.
fn one_core() {
    let mut core = rustix::thread::CpuSet::new();
    core.set(0);
    rustix::thread::sched_setaffinity(None, &core).unwrap();
}

#[test]
fn ten_thousand_idle_pipes_cost_a_round_trip_nothing() {
    if let Ok(url) = std::env::var(CROWD) {
        return Crowd::be(&url, IDLE);
    }
    let _alone = alone();
    let limit = raise_file_limit();
    assert!(limit >= IDLE as u64 + 1000, "the system allows only {limit} descriptors");
    let server = || {
        let rep = open("rep");
        let url = listen(&rep, &address("ipc")).url();
        (rep, url)
    };
    let (crowded, quiet) = (server(), server());
    let _crowd = Crowd::start("crowd::ten_thousand_idle_pipes_cost_a_round_trip_nothing", &crowded.1);
    wait_for(|| crowded.0.pipes().len() == IDLE);
    one_core();
    let client = |(rep, url): &(Socket, Url)| {
        let (req, rep) = (open("req"), rep.clone());
        dial(&req, url);
        thread::spawn(move || {
            while let Ok(msg) = recv(&rep, LONG) {
                if send(&rep, msg, LONG).is_err() {
                    return;
                }
            }
        });
        req
    };
    let (beside, without) = (client(&crowded), client(&quiet));
    let round_trips = |req: &Socket, times: &mut Vec<Duration>| {
        for _ in 0..BATCH {
            let begin = Instant::now();
            send(req, "ping", LONG).unwrap();
            recv(req, LONG).unwrap();
            times.push(begin.elapsed());
        }
    };
    let (mut crowd, mut none) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        round_trips(&beside, &mut crowd);
        round_trips(&without, &mut none);
    }
    let (crowd, none) = (quantile(&crowd, 0.5), quantile(&none, 0.5));
    println!("round trip beside {IDLE} idle pipes {crowd:?}, without {none:?}");
    assert!(crowd.as_secs_f64() <= 1.2 * none.as_secs_f64(), "{crowd:?} beside {IDLE} idle pipes, {none:?} without");
}

#[test]
fn each_of_a_thousand_senders_is_heard() {
    let _alone = alone();
    raise_file_limit();
    let pull = open("pull");
    let url = listen(&pull, &address("ipc")).url();
    let mut senders: Vec<_> = (0..SENDERS).map(|_| join(&url, PUSH)).collect();
    wait_for(|| pull.pipes().len() == SENDERS);
    senders.iter().for_each(|sender| sender.set_nonblocking(true).unwrap());
    let over = AtomicBool::new(false);
    let mut each = vec![0; SENDERS];
    thread::scope(|scope| {
        scope.spawn(|| {
            // Whole frames, as many as fit: all pipes are full, and the receiver chooses.
            let mut left: Vec<(Vec<u8>, usize)> = (0..SENDERS).map(|n| (frames(n as u32), 0)).collect();
            while !over.load(Ordering::Relaxed) {
                for (sender, (bytes, written)) in senders.iter_mut().zip(&mut left) {
                    match sender.write(&bytes[*written..]) {
                        Ok(n) => *written = (*written + n) % bytes.len(),
                        Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
                    }
                }
            }
        });
        for _ in 0..SENDERS * 4000 {
            let msg = recv(&pull, LONG).unwrap();
            each[u32::from_le_bytes(*msg.body().first_chunk().unwrap()) as usize] += 1;
        }
        over.store(true, Ordering::Relaxed);
    });
    each.sort();
    let (least, median, most) = (each[0], each[SENDERS / 2], each[SENDERS - 1]);
    println!("messages of each pipe: {least} at least, {median} the median, {most} at most");
    assert!(least * 2 >= median, "{least} of one pipe, {median} of the median one");
}

/// Each read of a pipe finds one message, and as much as it asked for, so that there may be more: it must have its next turn behind the others.
#[test]
fn pipes_that_always_have_more_take_turns() {
    let _alone = alone();
    let pull = open("pull");
    let url = listen(&pull, &address("ipc")).url();
    let mut senders: Vec<_> = (0..FEW).map(|_| join(&url, PUSH)).collect();
    wait_for(|| pull.pipes().len() == FEW);
    let mut each = [0; FEW];
    thread::scope(|scope| {
        for (n, sender) in senders.iter_mut().enumerate() {
            let mut frame = vec![b'x'; CROWDED_READ];
            frame[..9].copy_from_slice(&[&[1], &(CROWDED_READ as u64 - 9).to_be_bytes()[..]].concat());
            frame[9] = n as u8;
            // Until the other end is closed.
            scope.spawn(move || while sender.write_all(&frame).is_ok() {});
        }
        // Closed whatever comes, so that the senders end.
        let senders: Vec<_> = (0..FEW * EACH).map_while(|_| recv(&pull, LONG).ok()).map(|msg| msg[0]).collect();
        pull.close().wait(Limit::Options).unwrap();
        senders.into_iter().for_each(|n| each[usize::from(n)] += 1);
    });
    each.sort();
    println!("messages of each pipe: {each:?}");
    assert!(each[0] * 4 >= EACH, "{each:?}");
}

/// 100 messages of 64 bytes that begin with this number.
fn frames(number: u32) -> Vec<u8> {
    let mut body = [b'x'; 64];
    body[..4].copy_from_slice(&number.to_le_bytes());
    let frame = [&[1], &64_u64.to_be_bytes()[..], &body].concat();
    frame.repeat(100)
}

const CROWD: &str = "SPANWIRE_CROWD";
const IDLE: usize = 10_000;
const SENDERS: usize = 1000;
const FEW: usize = 6;
const EACH: usize = 10_000;
/// What is read at once while more than 4 pipes are ready.
const CROWDED_READ: usize = 16 * 1024;
const BATCH: usize = 20;
const REQ: u16 = 0x30;
const PUSH: u16 = 0x50;
