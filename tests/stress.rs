//! Many threads on one socket: nothing deadlocks, nobody who waits is forgotten, nothing that was accepted is lost.
//!
//! `SPANWIRE_STRESS_SECS` sets how long each protocol is run; 2 s by default.

#![allow(clippy::print_stdout, reason = "figures and seeds for whoever reads the log")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use futures_lite::future;
use spanwire_core::driver::{Limit, Operation, Socket};
use spanwire_core::option::names;
use spanwire_core::{Error, Message};

const THREADS: usize = 64;

fn seconds() -> Duration {
    let secs = std::env::var("SPANWIRE_STRESS_SECS").ok().and_then(|s| s.parse().ok()).unwrap_or(2.0);
    Duration::from_secs_f64(secs)
}

#[derive(Default)]
struct Count {
    accepted: AtomicU64,
    received: AtomicU64,
}

/// What one side has sent and the other has received, and back.
#[derive(Default)]
struct Tally {
    forth: Count,
    back: Count,
}

/// One random operation on one of the two sockets.
fn operate(rng: &mut fastrand::Rng, socket: &Socket, sent: &AtomicU64, received: &AtomicU64) {
    let limit = match rng.u8(..4) {
        0 => Limit::after(Duration::ZERO),
        1 => Limit::after(Duration::from_micros(rng.u64(..200))),
        _ => Limit::after(Duration::from_millis(rng.u64(1..20))),
    };
    let info = socket.info();
    let done = |result: Result<Message, Error>| match result {
        Ok(_) => {
            received.fetch_add(1, Ordering::Relaxed);
        }
        Err(Error::TimedOut | Error::TryAgain | Error::State(_) | Error::Canceled | Error::ConnectionReset) => {}
        Err(e) => panic!("{socket:?}: receive: {e}"),
    };
    let was_sent = |result: Result<(), spanwire_core::SendError>| match result.map_err(|e| e.error) {
        Ok(()) => {
            sent.fetch_add(1, Ordering::Relaxed);
        }
        Err(Error::TimedOut | Error::TryAgain | Error::State(_) | Error::Canceled) => {}
        Err(e) => panic!("{socket:?}: send: {e}"),
    };
    let len = if rng.u8(..50) == 0 { 20_000 } else { 40 };
    let msg = || Message::from(vec![7; len]);
    match rng.u8(..16) {
        0..=4 if info.sends => was_sent(socket.send(S, msg()).wait(limit)),
        5 if info.sends => was_sent(socket.send(S, msg()).try_now()),
        6 if info.sends => {
            // Polled once and dropped, or awaited.
            let mut send = socket.send(S, msg());
            match future::block_on(future::poll_once(&mut send)) {
                Some(result) => was_sent(result),
                None if rng.bool() => drop(send),
                None => was_sent(send.wait(limit)),
            }
        }
        7..=10 if info.receives => done(socket.recv(S).wait(limit)),
        11 if info.receives => done(socket.recv(S).try_now()),
        12 if info.receives => {
            let mut recv = socket.recv(S);
            match future::block_on(future::poll_once(&mut recv)) {
                Some(result) => done(result),
                None if rng.bool() => drop(recv),
                None => done(recv.wait(limit)),
            }
        }
        13 => {
            let time = Some(Duration::from_millis(rng.u64(1..50)));
            socket.set_option(S, names::RECV_TIMEOUT, time.into()).unwrap();
            socket.option(S, names::SEND_TIMEOUT).unwrap();
            socket.stats();
        }
        14 if info.contexts => {
            let ctx = socket.open_context().unwrap();
            if info.sends {
                was_sent(socket.send(ctx, msg()).wait(limit));
            }
            done(socket.recv(ctx).wait(limit));
            socket.close_context(ctx).unwrap();
        }
        15 if info.receives && info.name == "pull" => {
            if let Ok(msg) = socket.recv(S).try_now() {
                socket.unrecv(S, msg).unwrap();
            }
        }
        _ => thread::yield_now(),
    }
}

fn hammer(a: &Socket, b: &Socket) -> Arc<Tally> {
    let stop = Arc::new(AtomicBool::new(false));
    let tally = Arc::new(Tally::default());
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let threads: Vec<_> = (0..THREADS)
        .map(|n| {
            let (socket, stop, tally) = (if n % 2 == 0 { a.clone() } else { b.clone() }, stop.clone(), tally.clone());
            thread::spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.wrapping_add(n as u64));
                let (sent, received) = match n % 2 {
                    0 => (&tally.forth.accepted, &tally.back.received),
                    _ => (&tally.back.accepted, &tally.forth.received),
                };
                while !stop.load(Ordering::Relaxed) {
                    operate(&mut rng, &socket, sent, received);
                }
            })
        })
        .collect();
    thread::sleep(seconds());
    stop.store(true, Ordering::Relaxed);
    within(Duration::from_secs(20), "the threads", move || threads.into_iter().for_each(|t| t.join().unwrap()));
    tally
}

/// 32 calls wait; the socket is closed; all of them end with `Closed`, and so does the close, within 100 ms beyond linger.
fn close_under_load(socket: Socket) {
    socket.set_option(S, names::LINGER, Duration::ZERO.into()).unwrap();
    let info = socket.info();
    let context = info.contexts && !info.shared_recv;
    let waiting = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..32)
        .map(|_| {
            let (socket, waiting) = (socket.clone(), waiting.clone());
            thread::spawn(move || {
                waiting.fetch_add(1, Ordering::Relaxed);
                loop {
                    let error = if info.receives {
                        let ctx = if context { socket.open_context() } else { Ok(S) };
                        match ctx.map(|ctx| socket.recv(ctx).wait(Limit::Never)) {
                            Ok(Ok(_)) => continue,
                            Ok(Err(e)) | Err(e) => e,
                        }
                    } else {
                        match socket.send(S, Message::from("x")).wait(Limit::Never) {
                            Ok(()) => continue,
                            Err(e) => e.error,
                        }
                    };
                    match error {
                        Error::Closed => return Instant::now(),
                        // Nobody may receive now: no request, no survey; or somebody else's receive ended this one.
                        Error::State(_) | Error::Canceled | Error::TimedOut | Error::ConnectionReset => {
                            thread::yield_now()
                        }
                        e => panic!("{socket:?}: {e}"),
                    }
                }
            })
        })
        .collect();
    wait_for(|| waiting.load(Ordering::Relaxed) == 32);
    let begin = Instant::now();
    within(Duration::from_secs(10), "close and its waiters", move || {
        socket.close().wait(Limit::Options).unwrap();
        let closed = begin.elapsed();
        let last = threads.into_iter().map(|t| t.join().unwrap()).max().unwrap();
        println!("close {closed:?}, last waiter {:?}", last - begin);
    });
}

fn stress(a: &str, b: &str, scheme: &str) -> Arc<Tally> {
    let (a, b) = connected(a, b, scheme);
    for socket in [&a, &b] {
        if socket.info().name == "sub" {
            socket.set_option(S, names::SUB_SUBSCRIBE, vec![].into()).unwrap();
        }
    }
    let tally = hammer(&a, &b);
    for (socket, count) in [(&b, &tally.forth), (&a, &tally.back)] {
        if socket.info().receives {
            while recv(socket, Duration::from_millis(200)).is_ok() {
                count.received.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    println!(
        "{a:?} {scheme}: {:?}/{:?} accepted and received, back {:?}/{:?}",
        tally.forth.accepted, tally.forth.received, tally.back.accepted, tally.back.received
    );
    if a.info().name == "push" {
        // Nobody who waits is forgotten.
        for _ in 0..100 {
            let waiter = b.clone();
            let waiter = thread::spawn(move || waiter.recv(S).wait(Limit::Never).unwrap());
            send(&a, "wake", Duration::from_secs(5)).unwrap();
            within(Duration::from_secs(5), "a waiter", move || waiter.join().unwrap());
        }
    }
    close_under_load(a);
    close_under_load(b);
    tally
}

fn lossless(a: &str, b: &str, scheme: &str) {
    let tally = stress(a, b, scheme);
    for count in [&tally.forth, &tally.back] {
        assert_eq!(count.accepted.load(Ordering::Relaxed), count.received.load(Ordering::Relaxed));
    }
    assert!(tally.forth.accepted.load(Ordering::Relaxed) > 100);
}

#[test]
fn push_pull_inproc() {
    lossless("push", "pull", "inproc");
}

#[test]
fn push_pull_tcp() {
    lossless("push", "pull", "tcp");
}

#[test]
#[cfg_attr(spanwire_portable, ignore = "the portable transports have no ipc")]
fn push_pull_ipc() {
    lossless("push", "pull", "ipc");
}

#[test]
fn pair_inproc() {
    lossless("pair", "pair", "inproc");
}

#[test]
fn pair_tcp() {
    lossless("pair", "pair", "tcp");
}

#[test]
fn pair1_inproc() {
    lossless("pair1", "pair1", "inproc");
}

#[test]
fn poly_inproc() {
    stress("pair1-poly", "pair1-poly", "inproc");
}

#[test]
fn pub_sub_inproc() {
    stress("pub", "sub", "inproc");
}

#[test]
fn pub_sub_tcp() {
    stress("pub", "sub", "tcp");
}

#[test]
fn bus_inproc() {
    stress("bus", "bus", "inproc");
}

#[test]
fn bus_tcp() {
    stress("bus", "bus", "tcp");
}

#[test]
fn req_rep_inproc() {
    stress("req", "rep", "inproc");
}

#[test]
fn req_rep_tcp() {
    stress("req", "rep", "tcp");
}

#[test]
fn survey_inproc() {
    stress("surveyor", "respondent", "inproc");
}

#[test]
fn survey_tcp() {
    stress("surveyor", "respondent", "tcp");
}
