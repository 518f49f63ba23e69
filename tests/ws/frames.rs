//! Frames, right and wrong.

use std::net::TcpListener;
use std::time::Duration;

use spanwire_core::driver::{Listener, Socket};
use spanwire_core::option::names;
use spanwire_core::{OptionValue, Url};

use crate::common::{S, listen, open, recv, send, wait_for};
use crate::scripted::{Peer, masked};

const LONG: Duration = Duration::from_secs(10);

fn stage(limit: usize) -> (Socket, Listener) {
    let pull = open("pull");
    pull.set_option(S, names::RECV_SIZE_MAX, OptionValue::Size(limit)).unwrap();
    let listener = listen(&pull, "ws://127.0.0.1:0/");
    (pull, listener)
}

fn counted(socket: &Socket, name: &str) -> u64 {
    socket.stats().number(&["listener", name]).unwrap()
}

fn close(code: u16) -> Vec<u8> {
    [&[0x88, 2][..], &code.to_be_bytes()].concat()
}

/// What a peer must not send: the close code, the statistic; and the others are served.
#[test]
fn what_is_wrong_is_answered_with_its_code() {
    let (pull, listener) = stage(1000);
    let mut friend = Peer::open(&listener.url(), "pull.sp.nanomsg.org");
    let cases: [(&str, Vec<u8>, u16, &str); 19] = [
        ("not masked", vec![0x82, 1, b'x'], 1002, "proto"),
        ("text", masked(0x81, b"text"), 1003, "proto"),
        ("bad text", masked(0x81, b"\xff\xff"), 1003, "proto"),
        ("a text's fragment", masked(0x01, b"text"), 1003, "proto"),
        ("RSV1", masked(0xc2, b"x"), 1002, "proto"),
        ("RSV2", masked(0xa2, b"x"), 1002, "proto"),
        ("RSV3", masked(0x92, b"x"), 1002, "proto"),
        ("opcode 3", masked(0x83, b"x"), 1002, "proto"),
        ("opcode 15", masked(0x8f, b"x"), 1002, "proto"),
        ("a continuation of nothing", masked(0x80, b"x"), 1002, "proto"),
        ("a message in a message", [masked(0x02, b"x"), masked(0x82, b"y")].concat(), 1002, "proto"),
        ("a ping in fragments", masked(0x09, b"x"), 1002, "proto"),
        ("a long ping", masked(0x89, &[0; 126]), 1002, "proto"),
        ("a large message", masked(0x82, &[0; 1001]), 1009, "too_large"),
        (
            "a large message in fragments",
            [masked(0x02, &[0; 600]), masked(0x80, &[0; 401])].concat(),
            1009,
            "too_large",
        ),
        ("an absurd length", [&[0x82, 0xff][..], &[0xff; 8], &[0; 4]].concat(), 1009, "too_large"),
        ("half a close code", masked(0x88, &[3]), 1002, "proto"),
        ("a close code that is none", masked(0x88, &1006_u16.to_be_bytes()), 1002, "proto"),
        ("a reason that is no text", masked(0x88, b"\x03\xe8\xff"), 1007, "proto"),
    ];
    let (mut proto, mut too_large) = (0, 0);
    for (what, bytes, code, statistic) in cases {
        let mut peer = Peer::open(&listener.url(), "pull.sp.nanomsg.org");
        peer.write(&[masked(0x82, b"before"), bytes].concat());
        assert_eq!(peer.rest(), close(code), "{what}");
        assert_eq!(recv(&pull, LONG).unwrap().body(), b"before", "{what}");
        if statistic == "proto" {
            proto += 1
        } else {
            too_large += 1
        }
        wait_for(|| (counted(&pull, "proto"), counted(&pull, "too_large")) == (proto, too_large));
        friend.write(&masked(0x82, what.as_bytes()));
        assert_eq!(recv(&pull, LONG).unwrap().body(), what.as_bytes());
    }
    wait_for(|| pull.pipes().len() == 1);
}

#[test]
fn closes_are_answered_in_kind() {
    let (pull, listener) = stage(1000);
    for (sent, answer) in [
        (masked(0x88, b""), vec![0x88, 0]),
        (masked(0x88, &1000_u16.to_be_bytes()), close(1000)),
        (masked(0x88, b"\x0b\xb8going"), close(3000)),
        (masked(0x88, &1001_u16.to_be_bytes()), close(1001)),
    ] {
        let mut peer = Peer::open(&listener.url(), "pull.sp.nanomsg.org");
        // What follows a close frame is nothing.
        peer.write(&[masked(0x82, b"last"), sent, masked(0x82, b"behind")].concat());
        assert_eq!(peer.rest(), answer);
        assert_eq!(recv(&pull, LONG).unwrap().body(), b"last");
        wait_for(|| pull.pipes().is_empty());
    }
    assert_eq!(counted(&pull, "proto"), 0);
    assert!(recv(&pull, Duration::ZERO).is_err());
}

/// Pings are answered, between the fragments of a message too; pongs are not.
#[test]
fn pings() {
    let (pull, listener) = stage(1000);
    let mut peer = Peer::open(&listener.url(), "pull.sp.nanomsg.org");
    let longest = [7; 125];
    for payload in [&b""[..], b"ping", &longest] {
        peer.write(&masked(0x8a, b"nobody asked"));
        peer.write(&masked(0x89, payload));
        assert_eq!(peer.read(2 + payload.len()), [&[0x8a, payload.len() as u8][..], payload].concat());
    }
    peer.write(&[masked(0x02, b"one "), masked(0x89, b"?"), masked(0x00, b"mess"), masked(0x80, b"age")].concat());
    assert_eq!(peer.read(3), [0x8a, 1, b'?']);
    assert_eq!(recv(&pull, LONG).unwrap().body(), b"one message");
}

/// Byte by byte, and all at once.
#[test]
fn however_the_bytes_come() {
    let (pull, listener) = stage(100_000);
    let mut script = masked(0x82, b"");
    script.extend(masked(0x82, b"short"));
    script.extend(masked(0x82, &[1; 200]));
    script.extend([masked(0x02, b""), masked(0x00, b"in"), masked(0x00, b""), masked(0x80, b" pieces")].concat());
    let expected = [b"".to_vec(), b"short".to_vec(), vec![1; 200], b"in pieces".to_vec()];
    for pieces in [1, 3, script.len()] {
        let mut peer = Peer::open(&listener.url(), "pull.sp.nanomsg.org");
        script.chunks(pieces).for_each(|piece| peer.write(piece));
        for body in &expected {
            assert_eq!(recv(&pull, LONG).unwrap().body(), body);
        }
    }
}

/// A server's frames: not masked, in fragments of 64 KiB.
#[test]
fn what_a_server_sends() {
    let push = open("push");
    let listener = listen(&push, "ws://127.0.0.1:0/");
    let mut peer = Peer::open(&listener.url(), "push.sp.nanomsg.org");
    wait_for(|| push.pipes().len() == 1);
    send(&push, "Hello", LONG).unwrap();
    assert_eq!(peer.read(7), b"\x82\x05Hello");
    send(&push, "", LONG).unwrap();
    assert_eq!(peer.read(2), [0x82, 0]);
    send(&push, vec![1; 200], LONG).unwrap();
    assert_eq!(peer.read(4), [0x82, 126, 0, 200]);
    assert_eq!(peer.read(200), [1; 200]);
    send(&push, vec![2; 65536], LONG).unwrap();
    assert_eq!(peer.read(10), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(peer.read(65536), [2; 65536]);
    send(&push, vec![3; 131_075], LONG).unwrap();
    for (first, header) in [(0x02, &[127, 0, 0, 0, 0, 0, 1, 0, 0][..]), (0x00, &[127, 0, 0, 0, 0, 0, 1, 0, 0])] {
        assert_eq!(peer.read(10), [&[first], header].concat());
        assert_eq!(peer.read(65536), vec![3; 65536]);
    }
    assert_eq!(peer.read(5), [0x80, 3, 3, 3, 3]);
}

/// A client's frames: masked, each with a key of its own.
#[test]
fn what_a_client_sends() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let push = open("push");
    let url = Url::parse(&format!("ws://{}/", server.local_addr().unwrap())).unwrap();
    push.dialer(&url).unwrap().start_in_background().unwrap();
    let mut peer = Peer::accept(&server);
    let head = peer.head();
    let key = head.split("Sec-WebSocket-Key: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: pull.sp.nanomsg.org\r\n\r\n"
    );
    peer.write(answer.as_bytes());
    let unmask = |bytes: &[u8]| -> Vec<u8> {
        let (key, payload) = bytes.split_at(4);
        payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    };
    let mut keys = Vec::new();
    for text in ["Hello", "again"] {
        send(&push, text, LONG).unwrap();
        let frame = peer.read(11);
        assert_eq!(frame[..2], [0x82, 0x85]);
        assert_eq!(unmask(&frame[2..]), text.as_bytes());
        keys.push(frame[2..6].to_vec());
    }
    assert_ne!(keys[0], keys[1]);
    // A server that masks.
    peer.write(&masked(0x89, b""));
    let bytes = peer.rest();
    assert_eq!((bytes.len(), &bytes[..2]), (8, &[0x88, 0x82][..]));
    assert_eq!(unmask(&bytes[2..]), 1002_u16.to_be_bytes());
}
