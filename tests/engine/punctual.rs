//! Who always comes for the next message loses none, however small the queue is and however many arrive at once.

use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::future::{block_on, or};
use spanwire_conformance::peer::Peer;
use spanwire_core::driver::{Limit, Operation, Socket};
use spanwire_core::option::names;
use spanwire_core::{Error, Message, Result};

use crate::alone;
use crate::common::{S, address, listen, open, wait_for};

#[test]
fn a_thread_that_waits() {
    punctual(|socket| socket.recv(S).wait(Limit::After(LONG)));
}

#[test]
fn a_task_that_waits() {
    let late = || async {
        Timer::after(LONG).await;
        Err(Error::TimedOut)
    };
    punctual(|socket| block_on(or(socket.recv(S), late())));
}

#[test]
fn a_caller_that_tries() {
    punctual(|socket| {
        let begin = Instant::now();
        loop {
            match socket.recv(S).try_now() {
                Err(Error::TryAgain) if begin.elapsed() < LONG => std::thread::yield_now(),
                done => return done,
            }
        }
    });
}

fn punctual(next: impl Fn(&Socket) -> Result<Message>) {
    let _alone = alone();
    for (name, peer) in [("sub", 0x20), ("bus", 0x70)] {
        for queue in [1, 8, 100] {
            let punctual = (0..100).any(|_| all_of_one_burst(name, peer, queue, &next));
            assert!(punctual, "no burst was taken in time");
        }
    }
}

/// Whether this application was punctual: if so, it has got everything. The engine's patience counts from when it first finds the application behind,
/// and a thread may be kept from its core anywhere: what counts is the time for the whole burst.
fn all_of_one_burst(name: &str, peer: u16, queue: i32, next: &impl Fn(&Socket) -> Result<Message>) -> bool {
    let socket = open(name);
    socket.set_option(S, names::RECV_BUFFER, queue.into()).unwrap();
    if name == "sub" {
        socket.set_option(S, names::SUB_SUBSCRIBE, b"".as_slice().into()).unwrap();
    }
    let mut peer = Peer::join(&listen(&socket, &address("tcp")).url(), peer);
    wait_for(|| socket.pipes().len() == 1);
    // In one write, and so in one read.
    let burst: Vec<u8> = (1..=MANY).flat_map(|n| [&4_u64.to_be_bytes()[..], &n.to_le_bytes()].concat()).collect();
    let begin = Instant::now();
    peer.write(&burst);
    for n in 1..=MANY {
        let received = next(&socket);
        if begin.elapsed() >= PATIENCE {
            return false;
        }
        let received = u32::from_le_bytes(*received.unwrap().body().first_chunk().unwrap());
        assert_eq!(received, n, "{name} with a queue of {queue}");
    }
    let dropped = socket.stats().number(&["drop_rx_full"]);
    if begin.elapsed() >= PATIENCE {
        return false;
    }
    assert_eq!(dropped, Some(0), "{name} with a queue of {queue}");
    true
}

const LONG: Duration = Duration::from_secs(10);
const MANY: u32 = 1000;
/// Well below the time that the engine waits for an application that is behind.
const PATIENCE: Duration = Duration::from_millis(30);
