//! Requests and responses, right and wrong.

use std::net::TcpListener;

use futures_lite::future::block_on;
use spanwire_core::driver::{Listener, Socket};
use spanwire_core::{Error, Url};

use crate::common::{listen, open, recv, wait_for};
use crate::scripted::{ACCEPT, KEY, MASK, Peer, request};

type Expected = fn(&Error) -> bool;

fn counted(socket: &Socket, name: &str) -> u64 {
    socket.stats().number(&["listener", name]).unwrap()
}

fn stage() -> (Socket, Listener) {
    let pull = open("pull");
    let listener = listen(&pull, "ws://127.0.0.1:0/the/path");
    (pull, listener)
}

#[test]
fn a_client_is_answered_byte_for_byte() {
    let (pull, listener) = stage();
    let mut peer = Peer::connect(&listener.url());
    peer.write(request("/the/path", "pull.sp.nanomsg.org").as_bytes());
    assert_eq!(
        peer.head(),
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {ACCEPT}\r\nSec-WebSocket-Protocol: pull.sp.nanomsg.org\r\n\r\n"
        )
    );
    wait_for(|| pull.pipes().len() == 1);
    pull.pipes()[0].close();
    // The close frame, 1000.
    assert_eq!(peer.rest(), [0x88, 2, 0x03, 0xe8]);
}

/// A message that comes with the request is not lost.
#[test]
fn impatient_clients() {
    let (pull, listener) = stage();
    let mut peer = Peer::connect(&listener.url());
    let hello = [0x82, 0x85, MASK[0], MASK[1], MASK[2], MASK[3], 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    peer.write(&[request("/the/path", "pull.sp.nanomsg.org").as_bytes(), &hello].concat());
    assert_eq!(recv(&pull, std::time::Duration::from_secs(10)).unwrap().body(), b"Hello");
}

#[test]
fn requests_that_open_nothing() {
    let (pull, listener) = stage();
    let good = request("/the/path", "pull.sp.nanomsg.org");
    let large = good.replace("\r\n\r\n", &format!("\r\nCookie: {}\r\n\r\n", "x".repeat(8192)));
    let cases = [
        (request("/the/path", "push.sp.nanomsg.org"), "400 Bad Request"),
        (request("/the/path", "pull"), "400 Bad Request"),
        (good.replace("Sec-WebSocket-Protocol: pull.sp.nanomsg.org\r\n", ""), "400 Bad Request"),
        (good.replace(KEY, "c2hvcnQ="), "400 Bad Request"),
        ("\0SP\0\0\x50\0\0\r\n\r\n".to_owned(), "400 Bad Request"),
        (request("/another/path", "pull.sp.nanomsg.org"), "404 Not Found"),
        (good.replace("GET", "POST"), "405 Method Not Allowed"),
        (good.replace("Upgrade: websocket\r\n", ""), "426 Upgrade Required"),
        (good.replace("Version: 13", "Version: 7"), "426 Upgrade Required"),
        (large.clone(), "431 Request Header Fields Too Large"),
        (large[..8300].to_owned().replace("\r\n\r\n", ""), "431 Request Header Fields Too Large"),
    ];
    for (n, (request, status)) in cases.iter().enumerate() {
        let mut peer = Peer::connect(&listener.url());
        peer.write(request.as_bytes());
        let answer = String::from_utf8(peer.rest()).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}\n{answer}");
        assert!(answer.contains("close\r\n"), "{answer}");
        assert_eq!(answer.contains("Sec-WebSocket-Version: 13\r\n"), status.starts_with("426"));
        wait_for(|| counted(&pull, "proto") == n as u64 + 1);
    }
    assert!(pull.pipes().is_empty());
    Peer::open(&listener.url(), "pull.sp.nanomsg.org");
    wait_for(|| counted(&pull, "accept") == 1);
}

/// A client that goes in the middle of its request, or never says anything, holds up nobody.
#[test]
fn silent_clients() {
    let (pull, listener) = stage();
    let good = request("/the/path", "pull.sp.nanomsg.org");
    let mut silent = Vec::new();
    for cut in [0, 1, 20, good.len() - 1] {
        let mut peer = Peer::connect(&listener.url());
        peer.write(&good.as_bytes()[..cut]);
        drop(peer);
        let mut peer = Peer::connect(&listener.url());
        peer.write(&good.as_bytes()[..cut]);
        silent.push(peer);
    }
    wait_for(|| counted(&pull, "other") == 4);
    let friend = Peer::open(&listener.url(), "pull.sp.nanomsg.org");
    wait_for(|| pull.pipes().len() == 1);
    drop(friend);
    listener.close().unwrap();
    silent.iter_mut().for_each(|peer| assert!(peer.rest().is_empty()));
}

/// What a dialer asks for, and what it makes of the answers.
#[test]
fn a_server_is_asked_byte_for_byte() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let req = open("req");
    let url = Url::parse(&format!("ws://127.0.0.1:{port}/a/../the%20path?x=y")).unwrap();
    let answers: [(&str, Expected); 7] = [
        ("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", |e| matches!(e, Error::Protocol(_))),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", |e| matches!(e, Error::PermissionDenied(_))),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", |e| matches!(e, Error::ConnectionRefused(_))),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", |e| matches!(e, Error::Protocol(_))),
        ("220 smtp ready\r\n\r\n", |e| matches!(e, Error::Protocol(_))),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nSec-WebSocket-Protocol: rep.sp.nanomsg.org\r\n\r\n",
            |e| matches!(e, Error::Protocol(_)),
        ),
        ("", |e| matches!(e, Error::ConnectionShutdown | Error::ConnectionReset)),
    ];
    for (answer, expected) in answers {
        let dialer = req.dialer(&url).unwrap();
        let dialing = std::thread::spawn(move || block_on(dialer.start()));
        let mut peer = Peer::accept(&server);
        let head = peer.head();
        let (before, rest) = head.split_once("Sec-WebSocket-Key: ").unwrap();
        assert_eq!(
            before,
            format!(
                "GET /the%20path?x=y HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            )
        );
        assert_eq!(
            &rest[22..],
            "==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: rep.sp.nanomsg.org\r\n\r\n"
        );
        peer.write(answer.as_bytes());
        drop(peer);
        let error = dialing.join().unwrap().unwrap_err();
        assert!(expected(&error), "{answer:?}: {error}");
    }
}

/// Every protocol is named by the side that listens.
#[test]
fn subprotocols() {
    let names = [
        ("pair", "pair"),
        ("pair1", "pair1"),
        ("pair1-poly", "pair1"),
        ("req", "req"),
        ("rep", "rep"),
        ("pub", "pub"),
        ("sub", "sub"),
        ("push", "push"),
        ("pull", "pull"),
        ("surveyor", "surveyor"),
        ("respondent", "respondent"),
        ("bus", "bus"),
    ];
    for (protocol, name) in names {
        let socket = open(protocol);
        let listener = listen(&socket, "ws://127.0.0.1:0/");
        let _peer = Peer::open(&listener.url(), &format!("{name}.sp.nanomsg.org"));
        wait_for(|| socket.pipes().len() == 1);
    }
}
