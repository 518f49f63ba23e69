//! A receiver that is late loses nothing; one that stays away gets what is new.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use spanwire_core::driver::Socket;
use spanwire_core::option::names;

use crate::alone;
use crate::common::{S, address, connected, listen, open, recv, send, wait_for};

const LONG: Duration = Duration::from_secs(30);

/// A pub and a sub of everything, after the first message.
fn subscribed() -> (Socket, Socket) {
    let (publisher, subscriber) = connected("pub", "sub", "tcp");
    subscriber.set_option(S, names::SUB_SUBSCRIBE, b"".as_slice().into()).unwrap();
    send(&publisher, [0; 4], LONG).unwrap();
    recv(&subscriber, LONG).unwrap();
    (publisher, subscriber)
}

fn publish(publisher: &Socket, count: u32) {
    for n in 1..=count {
        send(publisher, n.to_le_bytes(), LONG).unwrap();
    }
}

fn next(subscriber: &Socket) -> u32 {
    u32::from_le_bytes(*recv(subscriber, LONG).unwrap().body().first_chunk().unwrap())
}

fn dropped(subscriber: &Socket) -> u64 {
    subscriber.stats().number(&["drop_rx_full"]).unwrap()
}

#[test]
fn a_late_subscriber_loses_nothing() {
    late(false);
}

#[test]
fn a_late_subscriber_loses_nothing_of_a_publisher_that_has_gone() {
    late(true);
}

/// It takes the first of them and is away for a few turns of the scheduler. Nothing can be asked of an attempt in which
/// this test itself did not run for longer than the engine is patient.
fn late(goes: bool) {
    let _alone = alone();
    let timely = (0..100).any(|_| {
        let (publisher, subscriber) = subscribed();
        let begin = Instant::now();
        publish(&publisher, MANY);
        let publisher = (!goes).then_some(publisher);
        let first = next(&subscriber);
        thread::sleep(Duration::from_millis(8));
        let rest: Vec<_> = (1..MANY).map_while(|_| (begin.elapsed() < PATIENCE).then(|| next(&subscriber))).collect();
        let timely = begin.elapsed() < PATIENCE;
        if timely {
            assert!([first].into_iter().chain(rest).eq(1..=MANY));
            assert_eq!(dropped(&subscriber), 0);
        }
        drop(publisher);
        timely
    });
    assert!(timely, "the machine is too busy");
}

/// The end of a large message comes, and the end of its pipe behind it, while the application is late. It can be read, and not yet delivered.
#[test]
fn a_large_message_of_a_peer_that_has_gone_is_kept_for_a_late_receiver() {
    let _alone = alone();
    let pull = open("pull");
    let url = listen(&pull, &address("tcp")).url();
    let join = || {
        let mut peer = TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
        peer.write_all(b"\0SP\0\0\x50\0\0").unwrap();
        peer
    };
    let small = [&1_u64.to_be_bytes()[..], b"s"].concat();
    let large = [&(LARGE as u64).to_be_bytes()[..], &[b'l'; LARGE]].concat();
    let (begin, end) = large.split_at(LARGE / 2);
    let mut goes = join();
    wait_for(|| pull.pipes().len() == 1);
    goes.write_all(begin).unwrap();
    // It has been begun: the message of the other pipe came later.
    let mut stays = join();
    stays.write_all(&small).unwrap();
    assert_eq!(recv(&pull, LONG).unwrap().len(), 1);
    stays.write_all(&small.repeat(3)).unwrap();
    assert_eq!(recv(&pull, LONG).unwrap().len(), 1);
    goes.write_all(end).unwrap();
    drop(goes);
    wait_for(|| pull.pipes().len() == 1);
    let mut left: Vec<_> = (0..3).map(|_| recv(&pull, LONG).unwrap().len()).collect();
    left.sort();
    assert_eq!(left, [1, 1, LARGE]);
}

/// What is old makes room, as `sub:prefnew` promises.
#[test]
fn a_subscriber_that_stays_away_gets_what_is_new() {
    let _alone = alone();
    let (publisher, subscriber) = subscribed();
    publish(&publisher, MANY);
    wait_for(|| dropped(&subscriber) == u64::from(MANY) - QUEUE);
    assert_eq!(next(&subscriber), MANY - QUEUE as u32 + 1);
}

/// Received into a buffer of its own.
const LARGE: usize = 40_000;
/// More than the queue of a subscriber takes.
const MANY: u32 = 1000;
const QUEUE: u64 = 128;
/// Well below the time that the engine waits for an application that is behind.
const PATIENCE: Duration = Duration::from_millis(30);
