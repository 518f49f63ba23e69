//! A receiver whose peers take turns with it looks around for a while before it sleeps. What it waits for is seen then as well.

use std::thread;
use std::time::{Duration, Instant};

use spanwire_core::driver::{Limit, Operation, Socket};
use spanwire_core::{Error, Message};

use crate::alone;
use crate::common::{S, connected};

#[test]
fn a_message_is_seen() {
    each(|socket, peer, pause| {
        let late = thread::scope(|scope| {
            scope.spawn(move || {
                pause();
                send(peer);
            });
            socket.recv(S).wait(Limit::After(LONG))
        });
        assert_eq!(late.unwrap().body(), b"turn");
    });
}

#[test]
fn a_close_is_seen() {
    each(|socket, _peer, pause| {
        let late = thread::scope(|scope| {
            scope.spawn(move || {
                pause();
                socket.close().wait(Limit::Never)
            });
            socket.recv(S).wait(Limit::After(LONG))
        });
        assert!(matches!(late, Err(Error::Closed)), "{late:?}");
    });
}

#[test]
fn another_receiver_gets_its_message() {
    each(|socket, peer, pause| {
        let both = thread::scope(|scope| {
            let other = scope.spawn(move || {
                pause();
                socket.recv(S).wait(Limit::After(LONG))
            });
            send(peer);
            pause();
            send(peer);
            [socket.recv(S).wait(Limit::After(LONG)), other.join().unwrap()]
        });
        assert!(both.iter().all(Result::is_ok), "{both:?}");
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

/// Runs this after a turn each way, with pauses before and after the end of the time for which the receiver looks around.
fn each(run: impl Fn(&Socket, &Socket, &(dyn Fn() + Sync))) {
    let _alone = alone();
    for scheme in ["tcp", "ipc"] {
        for micros in (0..200).step_by(5) {
            let (socket, peer) = connected("pair", "pair", scheme);
            for (from, to) in [(&socket, &peer), (&peer, &socket)] {
                (0..TURN).for_each(|_| send(from));
                for _ in 0..TURN {
                    to.recv(S).wait(Limit::After(LONG)).unwrap();
                }
            }
            run(&socket, &peer, &move || {
                let end = Instant::now() + Duration::from_micros(micros);
                while Instant::now() < end {
                    std::hint::spin_loop();
                }
            });
        }
    }
}

fn send(from: &Socket) {
    from.send(S, Message::from(b"turn")).wait(Limit::After(LONG)).unwrap();
}

const LONG: Duration = Duration::from_secs(10);
/// More than the engine asks for.
const TURN: usize = 32;
