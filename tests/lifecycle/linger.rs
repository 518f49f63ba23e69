//! What was accepted before the close reaches a peer that reads later, within the time of `linger`.

use std::net::TcpListener;
use std::pin::pin;
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::{block_on, poll_once};

use spanwire_core::driver::{Limit, Operation, Socket};
use spanwire_core::option::names;
use spanwire_core::{Error, Message, OptionValue, Url};

use crate::common::{S, address, dial, listen, open, recv, send, wait_for, within};
use spanwire_conformance::peer::Peer;

const LONG: Duration = Duration::from_secs(10);
const LEN: usize = 10_000;

/// A push socket whose peer does not read, with as many messages as it accepts, numbered.
fn stuffed(scheme: &str, linger: Option<Duration>) -> (Socket, Peer, u32) {
    let push = open("push");
    push.set_option(S, names::LINGER, linger.into()).unwrap();
    push.set_option(S, names::SEND_BUFFER, OptionValue::Int(10)).unwrap();
    let listener = listen(&push, &address(scheme));
    let peer = Peer::join(&listener.url(), 0x51);
    wait_for(|| push.pipes().len() == 1);
    let mut n = 0_u32;
    loop {
        let mut body = n.to_be_bytes().to_vec();
        body.resize(LEN, 0);
        // Not only full because the I/O thread, which writes just now, has to wait for a processor.
        let result = push.send(S, Message::from(body)).wait(Limit::After(Duration::from_millis(50)));
        match result {
            Ok(()) => n += 1,
            Err(e) => {
                assert_eq!(e.error, Error::TimedOut);
                return (push, peer, n);
            }
        }
    }
}

/// Reads messages until the connection ends and answers how many came, in order and whole.
fn count(peer: &mut Peer, upto: u32) -> u32 {
    for n in 0..upto {
        let body = peer.recv();
        assert_eq!((body.len(), body.first_chunk()), (LEN, Some(&n.to_be_bytes())));
    }
    peer.ended();
    upto
}

#[test]
fn everything_arrives() {
    for scheme in ["tcp", "ipc"] {
        for by_drop in [false, true] {
            let (push, mut peer, n) = stuffed(scheme, Some(LONG));
            let closing = thread::spawn(move || match by_drop {
                true => drop(push),
                false => push.close().wait(Limit::Options).unwrap(),
            });
            assert_eq!(count(&mut peer, n), n);
            closing.join().unwrap();
        }
    }
}

/// Without a wait the rest is dropped, and counted.
#[test]
fn no_linger_drops_and_counts() {
    for scheme in ["tcp", "ipc"] {
        let (push, mut peer, n) = stuffed(scheme, Some(Duration::ZERO));
        push.close().wait(Limit::Options).unwrap();
        let dropped = push.stats().number(&["drop_closed"]).unwrap();
        assert!(dropped >= 10, "{dropped} of {n}");
        // One message may have been cut in the middle.
        let whole = n - dropped as u32;
        let mut arrived = 0;
        while arrived + 1 < whole {
            assert_eq!(peer.recv().first_chunk(), Some(&u32::to_be_bytes(arrived)));
            arrived += 1;
        }
        peer.ended();
        assert_eq!(push.stats().number(&["tx_msgs"]), Some(u64::from(whole)));
    }
}

/// A peer that never reads costs the time of `linger` and no more.
#[test]
fn the_time_is_kept() {
    for scheme in ["tcp", "ipc"] {
        let linger = Duration::from_millis(150);
        let (push, _peer, _) = stuffed(scheme, Some(linger));
        let begin = Instant::now();
        push.close().wait(Limit::Options).unwrap();
        let took = begin.elapsed();
        println!("{scheme}: linger {linger:?}, close took {took:?}");
        assert!(took >= linger && took < linger + Duration::from_secs(1), "{took:?}");
        assert!(push.stats().number(&["drop_closed"]).unwrap() >= 10);
    }
}

/// Nobody but the close itself waits for what is still being written.
#[test]
fn whoever_waits_does_not_linger() {
    for scheme in ["tcp", "ipc"] {
        let (push, mut peer, n) = stuffed(scheme, None);
        // The peer of this one takes the connection and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent_url = Url::parse(&format!("tcp://{}", silent.local_addr().unwrap())).unwrap();
        let (starting, idle) = (push.dialer(&silent_url).unwrap(), push.dialer(&silent_url).unwrap());
        let mut start = pin!(starting.start());
        let mut send = pin!(push.send(S, Message::from("too much")));
        block_on(async {
            assert!(poll_once(start.as_mut()).await.is_none());
            assert!(poll_once(send.as_mut()).await.is_none());
        });
        let other = push.clone();
        let sender = thread::spawn(move || other.send(S, Message::from("too much")).wait(Limit::Never).unwrap_err());
        let other = push.clone();
        let closing = thread::spawn(move || other.close().wait(Limit::Options));
        block_on(async {
            assert_eq!(send.await.unwrap_err().error, Error::Closed);
            assert_eq!(start.await, Err(Error::Closed));
            // Nothing begins meanwhile.
            assert_eq!(idle.start().await, Err(Error::Closed));
        });
        assert_eq!(sender.join().unwrap().error, Error::Closed);
        assert_eq!((push.pipes().len(), closing.is_finished()), (1, false), "it lingers");
        assert_eq!(push.close().wait(Limit::Options), Err(Error::Closed));
        assert_eq!(count(&mut peer, n), n);
        closing.join().unwrap().unwrap();
    }
}

/// A close with a limit of its own ends then.
#[test]
fn a_limit_ends_the_linger() {
    let (push, _peer, _) = stuffed("tcp", None);
    let begin = Instant::now();
    push.close().wait(Limit::after(Duration::from_millis(50))).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert!(push.is_closed());
}

/// Messages that wait for a first peer are lingered for, too: it may come.
#[test]
fn a_late_peer_gets_them() {
    for scheme in ["inproc", "tcp", "ipc"] {
        let url = {
            let before = open("pull");
            listen(&before, &address(scheme)).url()
        };
        let push = open("push");
        push.set_option(S, names::LINGER, LONG.into()).unwrap();
        push.set_option(S, names::SEND_BUFFER, OptionValue::Int(3)).unwrap();
        push.set_option(S, names::RECONNECT_TIME_MIN, Duration::from_millis(5).into()).unwrap();
        push.dialer(&url).unwrap().start_in_background().unwrap();
        for text in ["one", "two", "three"] {
            send(&push, text, LONG).unwrap();
        }
        let closing = thread::spawn(move || push.close().wait(Limit::Options).unwrap());
        let pull = open("pull");
        listen(&pull, Url::as_str(&url));
        for text in ["one", "two", "three"] {
            assert_eq!(recv(&pull, LONG).unwrap().body(), text.as_bytes(), "{scheme}");
        }
        // Nothing is left to wait for.
        within(LONG / 5, "the close", move || closing.join().unwrap());
    }
}

/// The reply to the last request is on its way when the socket is dropped.
#[test]
fn a_server_that_answers_and_ends() {
    for scheme in ["inproc", "tcp", "ipc"] {
        for _ in 0..50 {
            let (rep, req) = crate::common::connected("rep", "req", scheme);
            let server = thread::spawn(move || {
                recv(&rep, LONG).unwrap();
                send(&rep, "last words", LONG).unwrap();
            });
            send(&req, "go", LONG).unwrap();
            assert_eq!(recv(&req, LONG).unwrap().body(), b"last words");
            within(Duration::from_millis(900), "the close", move || server.join().unwrap());
        }
    }
}

/// What was sent is on its way, and a close takes none of it back, lingering or not.
#[test]
fn a_reply_is_not_taken_back_by_a_close() {
    for scheme in ["inproc", "ipc", "tcp"] {
        for _ in 0..20 {
            let (rep, req) = (open("rep"), open("req"));
            rep.set_option(S, names::LINGER, OptionValue::Duration(Some(Duration::ZERO))).unwrap();
            let listener = listen(&rep, &address(scheme));
            dial(&req, &listener.url());
            send(&req, "ask", LONG).unwrap();
            let asked = recv(&rep, LONG).unwrap();
            send(&rep, asked, LONG).unwrap();
            rep.close().wait(Limit::Options).unwrap();
            assert_eq!(recv(&req, LONG).unwrap().body(), b"ask", "{scheme}");
        }
    }
}
