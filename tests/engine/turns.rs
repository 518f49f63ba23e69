//! A receiver whose peers take turns with it looks around for a while before it sleeps. What it waits for is seen then as well.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use spanwire_core::driver::{Limit, Operation, Socket};
use spanwire_core::{Error, Message};

use crate::alone;
use crate::common::{S, connected};

#[test]
fn a_message_is_seen() {
    each(|socket, peer, pause| {
        let (late, ()) = meanwhile(pause, || send(peer), || socket.recv(S).wait(Limit::After(LONG)));
        assert_eq!(late.unwrap().body(), b"turn");
    });
}

#[test]
fn a_close_is_seen() {
    each(|socket, _peer, pause| {
        let (late, closed) =
            meanwhile(pause, || socket.close().wait(Limit::Never), || socket.recv(S).wait(Limit::After(LONG)));
        assert!(matches!(late, Err(Error::Closed)) && closed.is_ok(), "{late:?}");
    });
}

#[test]
fn another_receiver_gets_its_message() {
    each(|socket, peer, pause| {
        let recv = || socket.recv(S).wait(Limit::After(LONG));
        let other = || (send(peer), send(peer), recv()).2;
        let both = meanwhile(pause, other, recv);
        assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");
    });
}

#[test]
fn time_runs_out() {
    each(|socket, _peer, _pause| {
        for limit in [Duration::from_micros(50), Duration::from_millis(2)] {
            let begin = Instant::now();
            let late = socket.recv(S).wait(Limit::After(limit));
            assert!(matches!(late, Err(Error::TimedOut)) && begin.elapsed() >= limit, "{late:?}");
        }
    });
}

/// Runs this after a turn, with pauses before and after the end of the time for which the receiver looks around.
fn each(run: impl Fn(&Socket, &Socket, Duration)) {
    let _alone = alone();
    for scheme in ["tcp", "ipc"] {
        for micros in (0..200).step_by(5) {
            let (socket, peer) = connected("pair", "pair", scheme);
            // It sleeps, if at all, before the first of them: the next time that it waits, a turn has ended.
            (0..TURN).for_each(|_| send(&peer));
            for _ in 0..TURN {
                socket.recv(S).wait(Limit::After(LONG)).unwrap();
                send(&socket);
            }
            let begin = Instant::now();
            run(&socket, &peer, Duration::from_micros(micros));
            // Who waits for so long finds it in any case.
            assert!(begin.elapsed() < LONG, "not seen in time");
        }
    }
}

/// Does one thing here, and so much after its begin another one elsewhere, by a thread that is awake by then.
fn meanwhile<A, B: Send>(pause: Duration, there: impl FnOnce() -> B + Send, here: impl FnOnce() -> A) -> (A, B) {
    let (ready, begun) = (AtomicBool::new(false), AtomicBool::new(false));
    let until = |flag: &AtomicBool| {
        while !flag.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            ready.store(true, Ordering::Release);
            until(&begun);
            let begin = Instant::now();
            while begin.elapsed() < pause {
                std::hint::spin_loop();
            }
            there()
        });
        until(&ready);
        begun.store(true, Ordering::Release);
        (here(), other.join().unwrap())
    })
}

fn send(from: &Socket) {
    from.send(S, Message::from(b"turn")).wait(Limit::After(LONG)).unwrap();
}

const LONG: Duration = Duration::from_secs(10);
/// More than the engine asks for.
const TURN: usize = 32;
