//! The bytes on the wire: what our sockets put there, and what they make of what a scripted peer puts there.

#![cfg(unix)]

mod common;

use std::time::Duration;

use common::{S, listen, open_form, recv, send, wait_for};
use spanwire_conformance::peer::Peer;
use spanwire_core::driver::{Limit, Listener, Operation, Socket};
use spanwire_core::option::names;
use spanwire_core::{Error, Message, OptionValue};

const LONG: Duration = Duration::from_secs(10);
const SCHEMES: [&str; 2] = ["tcp", "ipc"];

/// A socket of ours and a scripted peer.
struct Wire {
    socket: Socket,
    listener: Listener,
    peer: Peer,
}

impl Wire {
    fn new(scheme: &str, name: &str, raw: bool, peer: u16) -> Self {
        let socket = open_form(name, raw);
        let listener = listen(&socket, &common::address(scheme));
        let peer = Peer::join(&listener.url(), peer);
        wait_for(|| socket.pipes().len() == 1);
        Self { socket, listener, peer }
    }

    fn send(&self, msg: impl Into<Message>) {
        send(&self.socket, msg, LONG).unwrap();
    }

    /// Sends a message with a header of the application's.
    fn send_raw(&self, header: &[u8], body: &[u8]) {
        let mut msg = Message::copy_from(body);
        msg.append_header(header);
        self.send(msg);
    }

    fn recv(&self) -> Message {
        recv(&self.socket, LONG).unwrap()
    }

    fn pipe(&self) -> [u8; 4] {
        self.socket.pipes()[0].id().get().to_be_bytes()
    }

    /// The peer has broken the protocol: its connection ends and is counted, and the socket takes another.
    fn ends_as_malformed(mut self) {
        self.peer.ended();
        wait_for(|| self.socket.pipes().is_empty());
        let proto = || self.socket.stats().number(&["listener", "proto"]);
        assert_eq!(proto(), Some(1));
        assert!(recv(&self.socket, Duration::ZERO).is_err(), "nothing is received");
        Peer::join(&self.listener.url(), self.socket.info().peer);
        wait_for(|| self.socket.stats().number(&["listener", "accept"]) == Some(2));
        assert_eq!(proto(), Some(1));
    }

    fn drops(&self, cause: &str) -> u64 {
        self.socket.stats().number(&[cause]).unwrap()
    }
}

fn each(test: impl Fn(&str)) {
    SCHEMES.into_iter().for_each(test);
}

fn word(n: u32) -> [u8; 4] {
    n.to_be_bytes()
}

/// The frame of these pieces, byte for byte.
fn frame(scheme: &str, pieces: &[&[u8]]) -> Vec<u8> {
    let message = pieces.concat();
    let mut frame = if scheme == "ipc" { vec![1] } else { vec![] };
    frame.extend([0, 0, 0, 0, 0, 0, (message.len() >> 8) as u8, message.len() as u8]);
    frame.extend(message);
    frame
}

#[test]
fn handshakes() {
    let numbers = [
        ("pair", 0x10, 0x10),
        ("pair1", 0x11, 0x11),
        ("pair1-poly", 0x11, 0x11),
        ("pub", 0x20, 0x21),
        ("sub", 0x21, 0x20),
        ("req", 0x30, 0x31),
        ("rep", 0x31, 0x30),
        ("push", 0x50, 0x51),
        ("pull", 0x51, 0x50),
        ("surveyor", 0x62, 0x63),
        ("respondent", 0x63, 0x62),
        ("bus", 0x70, 0x70),
    ];
    each(|scheme| {
        for (name, number, peer) in numbers {
            for raw in [false, true] {
                if raw && name == "pair1-poly" {
                    continue;
                }
                let socket = open_form(name, raw);
                let listener = listen(&socket, &common::address(scheme));
                let mut peer_ = Peer::dial(&listener.url());
                assert_eq!(peer_.shake_hands(peer), [0, 0x53, 0x50, 0, 0, number, 0, 0], "{name}");
            }
        }
    });
}

/// Protocols without a header: the body alone.
#[test]
fn bodies_alone() {
    each(|scheme| {
        for (name, raw) in ["pair", "push", "pub", "bus"].into_iter().flat_map(|name| [(name, false), (name, true)]) {
            let number = common::open(name).info().peer;
            let mut wire = Wire::new(scheme, name, raw, number);
            wire.send("hello");
            wire.send("");
            wire.send(vec![7; 0x0203]);
            let all = [frame(scheme, &[b"hello"]), frame(scheme, &[]), frame(scheme, &[&[7; 0x0203]])].concat();
            assert_eq!(wire.peer.read(all.len()), all, "{name} {raw}");
        }
        for name in ["pair", "pull", "bus"] {
            let number = common::open(name).info().peer;
            let mut wire = Wire::new(scheme, name, false, number);
            wire.peer.write(&[frame(scheme, &[b"x"]), frame(scheme, &[]), frame(scheme, &[b"yz"])].concat());
            let got: Vec<_> = (0..3).map(|_| wire.recv().body().to_vec()).collect();
            assert_eq!(got, [&b"x"[..], b"", b"yz"], "{name}");
        }
    });
}

#[test]
fn subscriptions_match_bytes_of_the_body() {
    each(|scheme| {
        let mut wire = Wire::new(scheme, "sub", false, 0x20);
        wire.socket.set_option(S, names::SUB_SUBSCRIBE, OptionValue::Bytes(vec![0, 0xff])).unwrap();
        wire.peer.write(&[frame(scheme, &[&[0, 0xfe]]), frame(scheme, &[&[0, 0xff, 9]])].concat());
        assert_eq!(wire.recv().body(), [0, 0xff, 9]);
        assert_eq!(wire.drops("drop_not_matched"), 1);
    });
}

/// Sockets that only send take nothing.
#[test]
fn data_for_those_who_only_send() {
    each(|scheme| {
        for (name, peer) in [("pub", 0x21), ("push", 0x51)] {
            for raw in [false, true] {
                let mut wire = Wire::new(scheme, name, raw, peer);
                wire.peer.try_write(&frame(scheme, &[b"unasked"]));
                wire.ends_as_malformed();
            }
        }
    });
}

/// Ids have the top bit set and count up; the reply carries the same id; others are not for us.
#[test]
fn requests() {
    each(|scheme| {
        let mut wire = Wire::new(scheme, "req", false, 0x31);
        let mut last = None;
        for n in 0..3_u32 {
            wire.send("ask");
            let sent = wire.peer.recv();
            let id = u32::from_be_bytes(*sent.first_chunk().unwrap());
            assert_eq!(sent, [&id.to_be_bytes()[..], b"ask"].concat());
            assert_ne!(id & 0x8000_0000, 0);
            if let Some(last) = last {
                assert_eq!(id, u32::wrapping_add(last, 1) | 0x8000_0000);
                wire.peer.send(&[&word(last)[..], b"late"].concat());
            }
            wire.peer.send(&[&word(id ^ 0x4000)[..], b"unknown"].concat());
            wire.peer.send(&[&word(id)[..], &word(n)].concat());
            wire.peer.send(&[&word(id)[..], b"twice"].concat());
            assert_eq!(wire.recv().body(), word(n));
            last = Some(id);
        }
        assert!(matches!(recv(&wire.socket, Duration::ZERO), Err(Error::State(_))));
        wait_for(|| wire.drops("drop_stale") == 2 + 3 + 3);
    });
}

#[test]
fn replies_without_an_id() {
    each(|scheme| {
        for (name, peer) in [("req", 0x31), ("surveyor", 0x63)] {
            for bad in [&b""[..], b"\x80\0\0", &[0, 0, 0, 1], &[0x7f, 0xff, 0xff, 0xff, b'x']] {
                let mut wire = Wire::new(scheme, name, false, peer);
                wire.send("ask");
                wire.peer.recv();
                wire.peer.send(bad);
                wire.peer.ended();
                wait_for(|| wire.socket.stats().number(&["listener", "proto"]) == Some(1));
            }
        }
    });
}

/// A request with 0 to 3 hops comes back with the same stack.
#[test]
fn backtraces() {
    let stack = [word(0x0000_0001), word(0x7fff_ffff), word(0x1234_5678), word(0x8000_0000)].concat();
    each(|scheme| {
        for (name, peer) in [("rep", 0x30), ("respondent", 0x62)] {
            for hops in 0..=3 {
                let mut wire = Wire::new(scheme, name, false, peer);
                let stack = &stack[(3 - hops) * 4..];
                wire.peer.write(&frame(scheme, &[stack, b"ask"]));
                let request = wire.recv();
                assert_eq!((request.body(), request.header()), (&b"ask"[..], &b""[..]));
                wire.send("answer");
                let reply = frame(scheme, &[stack, b"answer"]);
                assert_eq!(wire.peer.read(reply.len()), reply, "{name}, {hops} hops");
                // An empty body, too.
                wire.peer.write(&frame(scheme, &[stack]));
                assert!(wire.recv().is_empty());
                wire.send("");
                let reply = frame(scheme, &[stack]);
                assert_eq!(wire.peer.read(reply.len()), reply);
            }
        }
    });
}

/// More hops than the TTL: the message vanishes, the connection stays.
#[test]
fn too_many_hops() {
    each(|scheme| {
        for (name, raw, peer) in
            [("rep", false, 0x30), ("respondent", false, 0x62), ("rep", true, 0x30), ("respondent", true, 0x62)]
        {
            let mut wire = Wire::new(scheme, name, raw, peer);
            wire.socket.set_option(S, names::TTL_MAX, OptionValue::Int(3)).unwrap();
            let id = word(0x8000_0001);
            let words = |n: usize| [&word(5).repeat(n)[..], &id[..]].concat();
            for (hops, text) in [(3, "four"), (20, "many"), (2, "three")] {
                wire.peer.send(&[&words(hops)[..], text.as_bytes()].concat());
            }
            let msg = wire.recv();
            assert_eq!(msg.body(), b"three", "{name}");
            assert_eq!(wire.drops("drop_ttl"), 2);
            assert_eq!(wire.socket.pipes().len(), 1);
            if raw {
                assert_eq!(msg.header(), [&wire.pipe()[..], &words(2)].concat());
            }
        }
    });
}

/// A header that never ends, or is no header.
#[test]
fn truncated_headers() {
    each(|scheme| {
        for (name, raw, peer) in [
            ("rep", false, 0x30),
            ("rep", true, 0x30),
            ("respondent", false, 0x62),
            ("respondent", true, 0x62),
            ("req", true, 0x31),
            ("surveyor", true, 0x63),
            ("pair1", false, 0x11),
            ("pair1", true, 0x11),
            ("pair1-poly", false, 0x11),
        ] {
            let stack = [word(1), word(2)].concat();
            for bad in [&b""[..], b"\x80", &[0x80, 0, 0], &stack] {
                if name.starts_with("pair1") && bad.len() >= 4 {
                    continue;
                }
                let mut wire = Wire::new(scheme, name, raw, peer);
                wire.peer.try_write(&frame(scheme, &[bad]));
                wire.ends_as_malformed();
            }
        }
    });
}

#[test]
fn surveys() {
    each(|scheme| {
        let mut wire = Wire::new(scheme, "surveyor", false, 0x63);
        let mut last = None;
        for _ in 0..2 {
            wire.send("who?");
            let sent = wire.peer.recv();
            let id = u32::from_be_bytes(*sent.first_chunk().unwrap());
            assert_eq!(sent, [&word(id)[..], b"who?"].concat());
            assert_ne!(id & 0x8000_0000, 0);
            assert!(last.is_none_or(|last| id == u32::wrapping_add(last, 1) | 0x8000_0000));
            wire.peer.send(&[&word(id.wrapping_add(9) | 0x8000_0000)[..], b"wrong"].concat());
            wire.peer.send(&[&word(id)[..], b"me"].concat());
            wire.peer.send(&[&word(id)[..], b"me too"].concat());
            assert_eq!(wire.recv().body(), b"me");
            assert_eq!(wire.recv().body(), b"me too");
            last = Some(id);
        }
    });
}

/// Cooked pair1 sends the hop count 1.
#[test]
fn hop_counts_sent() {
    each(|scheme| {
        for name in ["pair1", "pair1-poly"] {
            let mut wire = Wire::new(scheme, name, false, 0x11);
            wire.send("hi");
            let sent = frame(scheme, &[&[0, 0, 0, 1], b"hi"]);
            assert_eq!(wire.peer.read(sent.len()), sent);
        }
        // A raw one passes its header on, one hop further.
        let mut wire = Wire::new(scheme, "pair1", true, 0x11);
        wire.send_raw(&word(1), b"hi");
        let sent = frame(scheme, &[&[0, 0, 0, 2], b"hi"]);
        assert_eq!(wire.peer.read(sent.len()), sent);
        for bad in [&b""[..], &[0, 0, 1], &[0, 0, 0, 1, 0], &word(0x100)] {
            let mut msg = Message::from("hi");
            msg.append_header(bad);
            let refused = wire.socket.send(S, msg).wait(Limit::after(LONG)).unwrap_err();
            assert!(matches!(refused.error, Error::Protocol(_)), "{bad:?}: {:?}", refused.error);
            assert_eq!(refused.message.body(), b"hi");
        }
    });
}

/// 0 to the TTL is received; above it the message vanishes; above 0xff the peer is broken.
#[test]
fn hop_counts_received() {
    each(|scheme| {
        for (name, raw) in [("pair1", false), ("pair1-poly", false), ("pair1", true)] {
            let mut wire = Wire::new(scheme, name, raw, 0x11);
            for hops in [0, 1, 8, 9, 0xff] {
                wire.peer.write(&frame(scheme, &[&word(hops), b"hops ", &[hops as u8]]));
                if hops <= 8 {
                    let msg = wire.recv();
                    assert_eq!(msg.body(), [b"hops ", &[hops as u8][..]].concat(), "{name}");
                    assert_eq!(msg.header(), word(hops).get(..if raw { 4 } else { 0 }).unwrap());
                }
            }
            wait_for(|| wire.drops("drop_ttl") == 2);
            assert_eq!(wire.socket.stats().number(&["ttl_drop"]), Some(2));
            assert_eq!(wire.socket.pipes().len(), 1);
            wire.socket.set_option(S, names::TTL_MAX, OptionValue::Int(255)).unwrap();
            wire.peer.send(&[&word(0xff)[..], b"far"].concat());
            assert_eq!(wire.recv().body(), b"far");
            wire.peer.send(&[&word(0x100)[..], b"too far"].concat());
            wire.ends_as_malformed();
        }
        for malformed in [word(0x100), word(0x8000_0001), word(u32::MAX)] {
            let mut wire = Wire::new(scheme, "pair1", false, 0x11);
            wire.peer.send(&malformed);
            wire.ends_as_malformed();
        }
    });
}

/// Raw req and surveyor send what they are given, and receive the stack up to the id as the header.
#[test]
fn raw_askers() {
    each(|scheme| {
        for (name, peer) in [("req", 0x31), ("surveyor", 0x63)] {
            let mut wire = Wire::new(scheme, name, true, peer);
            let stack = [word(3), word(0x8000_0007)].concat();
            wire.send_raw(&stack, b"ask");
            let sent = frame(scheme, &[&stack, b"ask"]);
            assert_eq!(wire.peer.read(sent.len()), sent, "{name}");
            wire.peer.write(&frame(scheme, &[&stack, &word(1), b"answer"]));
            let msg = wire.recv();
            assert_eq!(msg.header(), stack);
            assert_eq!(msg.body(), [&word(1)[..], b"answer"].concat());
        }
    });
}

/// Raw rep and respondent put the pipe in front on receive, and take it off to choose the pipe on send.
#[test]
fn raw_repliers() {
    each(|scheme| {
        for (name, peer) in [("rep", 0x30), ("respondent", 0x62)] {
            let mut wire = Wire::new(scheme, name, true, peer);
            let stack = [word(3), word(0x8000_0007)].concat();
            wire.peer.write(&frame(scheme, &[&stack, b"ask"]));
            let msg = wire.recv();
            let header = [&wire.pipe()[..], &stack].concat();
            assert_eq!((msg.header(), msg.body()), (&header[..], &b"ask"[..]));
            assert_eq!(msg.pipe(), Some(wire.socket.pipes()[0].id()));
            // A missing and an unknown pipe: the send succeeds, the message vanishes and is counted.
            wire.send_raw(b"", b"nowhere");
            wire.send_raw(&[&word(0x7fff_0000)[..], &stack].concat(), b"nobody");
            assert_eq!(wire.drops("drop_no_pipe"), 2);
            wire.send_raw(&header, b"answer");
            let reply = frame(scheme, &[&stack, b"answer"]);
            assert_eq!(wire.peer.read(reply.len()), reply, "{name}");
        }
    });
}

/// The header of a raw bus stays at home: it only says whom not to send to.
#[test]
fn raw_bus() {
    each(|scheme| {
        let mut wire = Wire::new(scheme, "bus", true, 0x70);
        let mut other = Peer::join(&wire.listener.url(), 0x70);
        wait_for(|| wire.socket.pipes().len() == 2);
        wire.peer.write(&frame(scheme, &[b"round"]));
        let msg = wire.recv();
        let pipe = msg.pipe().unwrap();
        assert_eq!((msg.header(), msg.body()), (&word(pipe.get())[..], &b"round"[..]));
        wire.send(msg);
        wire.send("all");
        for (peer, expected) in [(&mut other, &[&b"round"[..], b"all"][..]), (&mut wire.peer, &[b"all"])] {
            for body in expected {
                let sent = frame(scheme, &[body]);
                assert_eq!(peer.read(sent.len()), sent);
            }
        }
    });
}

/// A header that the application left on a message of a protocol that has none does not reach the wire.
#[test]
fn stray_headers() {
    each(|scheme| {
        for (name, peer) in [("pair", 0x10), ("push", 0x51), ("pub", 0x21), ("bus", 0x70)] {
            let mut wire = Wire::new(scheme, name, false, peer);
            wire.send_raw(b"stray", b"body");
            let sent = frame(scheme, &[b"body"]);
            assert_eq!(wire.peer.read(sent.len()), sent, "{name}");
        }
        let mut wire = Wire::new(scheme, "req", false, 0x31);
        wire.send_raw(b"stray", b"body");
        let sent = wire.peer.recv();
        assert_eq!((sent.len(), &sent[4..]), (8, &b"body"[..]));
    });
}

/// Requests of many hops parse in whatever pieces they arrive.
#[test]
fn stacks_in_pieces() {
    each(|scheme| {
        let mut wire = Wire::new(scheme, "rep", false, 0x30);
        let stack = [&word(9).repeat(7)[..], &word(0x8000_0001)].concat();
        let request = frame(scheme, &[&stack, b"in pieces"]);
        for piece in request.chunks(5) {
            wire.peer.write(piece);
        }
        assert_eq!(wire.recv().body(), b"in pieces");
        wire.send("whole");
        let reply = frame(scheme, &[&stack, b"whole"]);
        assert_eq!(wire.peer.read(reply.len()), reply);
    });
}
