//! Cases for transports with a byte stream, on which a scripted peer can be dialed.

use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use spanwire_core::Error;
use spanwire_core::driver::{Limit, Operation};
use spanwire_core::option::names;

use crate::common::{S, open, within};
use crate::kit::{Kit, counted};
use crate::peer::{Host, hello};

/// Whatever is wrong with the handshake, the dial says so, and can be tried again.
pub fn refused_handshakes(kit: &Kit) {
    let (host, url) = Host::listen(&kit.address());
    let socket = open("req");
    let dialer = socket.dialer(&url).unwrap();
    let answers: [(&[u8], bool); 5] = [
        (b"", false),
        (b"HTTP/1.1", true),
        (&hello(0x30), true),
        (&[0, b'S', b'P', 1, 0, 0x31, 0, 0], true),
        (&[0, b'S', b'P', 0, 0, 0x31, 0, 1], true),
    ];
    for (answer, is_protocol) in answers {
        let dialing = std::thread::spawn({
            let dialer = dialer.clone();
            move || block_on(dialer.start())
        });
        let mut peer = host.accept();
        assert_eq!(peer.read(8), hello(0x30));
        peer.write(answer);
        if answer.is_empty() {
            peer.finish();
        }
        peer.ended();
        let result = dialing.join().unwrap();
        assert_eq!(matches!(result, Err(Error::Protocol(_))), is_protocol, "{answer:?}: {result:?}");
        assert!(result.is_err());
    }
    assert_eq!(counted(&socket, &["dialer", "proto"]), 4);
    let dialing = std::thread::spawn(move || block_on(dialer.start()));
    let mut peer = host.accept();
    assert_eq!(peer.shake_hands(0x31), hello(0x30));
    dialing.join().unwrap().unwrap();
}

/// A host that closes each connection at once is dialed at the pace of `reconnect-time-min`.
pub fn no_tight_loop(kit: &Kit) {
    let (host, url) = Host::listen(&kit.address());
    let socket = open("pair");
    socket.set_option(S, names::RECONNECT_TIME_MIN, Duration::from_millis(20).into()).unwrap();
    socket.set_option(S, names::RECONNECT_TIME_MAX, Duration::ZERO.into()).unwrap();
    let begin = Instant::now();
    let dialer = socket.dialer(&url).unwrap();
    dialer.start_in_background().unwrap();
    for n in 0..11 {
        let mut peer = host.accept();
        // Some are refused by their handshake, some are lost right after it.
        if n % 2 == 0 {
            peer.try_write(&hello(0x10));
        }
    }
    // Ten random waits below 20 ms each: less than 10 ms in all happens once in a billion.
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(10), "ten attempts within {took:?}");
}

/// A dial that waits for the handshake ends when the socket, or the dialer, is closed.
pub fn closing_while_a_peer_is_silent(kit: &Kit) {
    let (host, url) = Host::listen(&kit.address());
    for whole_socket in [false, true] {
        let socket = open("pair");
        let dialer = socket.dialer(&url).unwrap();
        let dialing = std::thread::spawn({
            let dialer = dialer.clone();
            move || block_on(dialer.start())
        });
        let mut peer = host.accept();
        assert_eq!(peer.read(8), hello(0x10));
        match whole_socket {
            true => socket.close().wait(Limit::Options).unwrap(),
            false => dialer.close().unwrap(),
        }
        let result = within(Duration::from_secs(1), "the dial", move || dialing.join().unwrap());
        assert_eq!(result, Err(Error::Closed));
        peer.ended();
    }
}
