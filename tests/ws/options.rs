//! Options, and what pipes tell.

use std::time::Duration;

use futures_lite::future::block_on;
use spanwire_core::driver::Socket;
use spanwire_core::option::names;
use spanwire_core::{Error, OptionValue, Url};

use crate::common::{S, connected, listen, open, recv, send, wait_for};
use crate::scripted::{Peer, masked, request};

const LONG: Duration = Duration::from_secs(10);

fn text(socket: &Socket, name: &str) -> Result<String, Error> {
    socket.pipes()[0].option(name).map(|value| value.try_into().unwrap())
}

#[test]
fn headers_of_both_sides() {
    let (pull, push) = (open("pull"), open("push"));
    let listener = pull.listener(&Url::parse("ws://127.0.0.1:0/path").unwrap()).unwrap();
    listener.set_option(names::WS_RESPONSE_HEADERS, "X-Server: one\r\nX-Other: two".into()).unwrap();
    listener.set_option("ws:response-header:X-Other", "three".into()).unwrap();
    block_on(listener.start()).unwrap();
    let dialer = push.dialer(&Url::parse(&format!("{}?query", listener.url())).unwrap()).unwrap();
    dialer.set_option(names::WS_REQUEST_HEADERS, "Authorization: Bearer x\n".into()).unwrap();
    dialer.set_option("ws:request-header:Origin", "http://here".into()).unwrap();
    block_on(dialer.start()).unwrap();
    wait_for(|| pull.pipes().len() == 1);
    for socket in [&pull, &push] {
        assert_eq!(text(socket, names::WS_REQUEST_URI).as_deref(), Ok("/path?query"));
        assert_eq!(text(socket, "ws:request-header:authorization").as_deref(), Ok("Bearer x"));
        assert_eq!(text(socket, "ws:request-header:Origin").as_deref(), Ok("http://here"));
        assert_eq!(text(socket, "ws:response-header:x-server").as_deref(), Ok("one"));
        assert_eq!(text(socket, "ws:response-header:x-other").as_deref(), Ok("three"));
        assert!(text(socket, names::WS_REQUEST_HEADERS).unwrap().contains("Authorization: Bearer x\r\n"));
        assert!(text(socket, names::WS_RESPONSE_HEADERS).unwrap().contains("X-Server: one\r\n"));
        assert!(text(socket, "ws:request-header:X-Missing").is_err());
    }
}

#[test]
fn headers_that_cannot_be() {
    let socket = open("pull");
    for header in ["no colon", "Upgrade: x", "Sec-WebSocket-Key: x", "X: \u{7}"] {
        let dialer = socket.dialer(&Url::parse("ws://127.0.0.1:1/").unwrap()).unwrap();
        dialer.set_option(names::WS_REQUEST_HEADERS, header.into()).unwrap();
        assert!(matches!(block_on(dialer.start()), Err(Error::InvalidArgument(_))), "{header}");
    }
    assert!(matches!(
        socket.dialer(&Url::parse("ws://127.0.0.1:1/#part").unwrap()).map(drop),
        Err(Error::AddressInvalid(_))
    ));
}

#[test]
fn frames_have_limits_of_their_own() {
    let push = open("push");
    push.set_option(S, names::WS_TXFRAME_MAX, OptionValue::Size(4)).unwrap();
    let listener = listen(&push, "ws://127.0.0.1:0/");
    let mut peer = Peer::open(&listener.url(), "push.sp.nanomsg.org");
    wait_for(|| push.pipes().len() == 1);
    send(&push, "fragments", LONG).unwrap();
    assert_eq!(peer.read(15), b"\x02\x04frag\x00\x04ment\x80\x01s");

    let pull = open("pull");
    pull.set_option(S, names::WS_RXFRAME_MAX, OptionValue::Size(10)).unwrap();
    let listener = listen(&pull, "ws://127.0.0.1:0/");
    let mut peer = Peer::open(&listener.url(), "pull.sp.nanomsg.org");
    peer.write(&[masked(0x02, &[1; 10]), masked(0x80, &[1; 10]), masked(0x82, &[1; 11])].concat());
    assert_eq!(peer.rest(), [0x88, 2, 0x03, 0xf1]);
    assert_eq!(recv(&pull, LONG).unwrap().body(), [1; 20]);
}

/// A peer that answers stays; one that does not is disconnected.
#[test]
fn pings_find_who_has_vanished() {
    let pull = open("pull");
    pull.set_option(S, names::WS_PING_INTERVAL, Duration::from_millis(50).into()).unwrap();
    let listener = listen(&pull, "ws://127.0.0.1:0/");
    let mut peer = Peer::open(&listener.url(), "pull.sp.nanomsg.org");
    for _ in 0..3 {
        assert_eq!(peer.read(2), [0x89, 0]);
        peer.write(&masked(0x8a, b""));
    }
    assert_eq!(pull.pipes().len(), 1);
    wait_for(|| pull.pipes().is_empty());
    // Our own sides answer by themselves, whether somebody receives or not.
    let (pull, push) = (open("pull"), open("push"));
    for socket in [&pull, &push] {
        socket.set_option(S, names::WS_PING_INTERVAL, Duration::from_millis(20).into()).unwrap();
    }
    let listener = listen(&pull, "ws://127.0.0.1:0/");
    block_on(push.dialer(&listener.url()).unwrap().start()).unwrap();
    wait_for(|| pull.pipes().len() == 1);
    let pipe = pull.pipes()[0].clone();
    let mut asked = Peer::connect(&listener.url());
    asked.write(request("/", "pull.sp.nanomsg.org").as_bytes());
    asked.head();
    for _ in 0..10 {
        assert_eq!(asked.read(2), [0x89, 0]);
        asked.write(&masked(0x8a, b""));
    }
    assert!(!pipe.is_closed());
    send(&push, "still here", LONG).unwrap();
    assert_eq!(recv(&pull, LONG).unwrap().body(), b"still here");
}

#[test]
fn what_was_accepted_is_sent_before_the_close() {
    let (pull, push) = connected("pull", "push", "ws");
    for n in 0..1000_u32 {
        send(&push, n.to_be_bytes().repeat(100), LONG).unwrap();
    }
    drop(push);
    for n in 0..1000_u32 {
        assert_eq!(recv(&pull, LONG).unwrap().body().first_chunk(), Some(&n.to_be_bytes()));
    }
}
