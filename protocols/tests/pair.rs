//! The rules of pair: version 0, version 1, raw and polyamorous.

mod common;

use common::*;
use spanwire_core::{Error, Message, PipeId, Reject};
use spanwire_protocols::sim::{LinkSpec, Outcome, Sim};

const MONO: [&str; 2] = ["pair", "pair1"];

fn counter(sim: &Sim, node: usize, name: &str) -> u64 {
    sim.machine(node).counters().into_iter().find(|(counter, _)| *counter == name).unwrap().1
}

fn hop(n: u32, body: &str) -> Vec<u8> {
    [&n.to_be_bytes()[..], body.as_bytes()].concat()
}

#[test]
fn messages_go_both_ways() {
    for name in MONO {
        for wire in [true, false] {
            let mut sim = Sim::new(1);
            let (a, b) = (sim.socket(name), sim.socket(name));
            sim.connect_with(a, b, LinkSpec { wire, ..LinkSpec::default() }).unwrap();
            sim.send(a, "there").unwrap();
            sim.send(b, "back").unwrap();
            let msg = sim.recv(b).unwrap();
            // The header of pair1 tells the hops.
            let header = if name == "pair1" { &[0, 0, 0, 1][..] } else { &[] };
            assert_eq!((msg.header(), msg.body()), (header, &b"there"[..]), "{name}");
            assert_eq!(drain(&mut sim, a), ["back"]);
        }
    }
}

#[test]
fn a_second_pipe_is_refused_while_the_first_is_there() {
    for name in MONO {
        let (mut sim, a, b, link) = pair_of(name, name);
        let c = sim.socket(name);
        assert_eq!(sim.connect(c, a), Err(Reject::Already));
        sim.send(a, "to the first").unwrap();
        assert_eq!(drain(&mut sim, b), ["to the first"]);
        sim.disconnect(link);
        sim.connect(c, a).unwrap();
        sim.send(a, "to the next").unwrap();
        assert_eq!(drain(&mut sim, c), ["to the next"]);
        if name == "pair1" {
            assert_eq!(counter(&sim, a, "already"), 1);
        }
    }
}

#[test]
fn an_unbuffered_send_waits_for_a_ready_pipe() {
    for name in MONO {
        let mut sim = Sim::new(1);
        let (a, b) = (sim.socket(name), sim.socket(name));
        assert_eq!(sim.send(a, "x"), Err(Error::TryAgain));
        let call = sim.start_send(a, SOCKET, "waits");
        let link = sim.connect_with(a, b, deep(1)).unwrap();
        assert_eq!(sim.outcome(a, call), Some(Outcome::Sent));
        sim.stall(link, a);
        sim.send(a, "fills the pipe").unwrap();
        assert_eq!(sim.send(a, "x"), Err(Error::TryAgain));
        sim.unstall(link, a);
        assert_eq!(drain(&mut sim, b), ["waits", "fills the pipe"]);
    }
}

#[test]
fn the_send_buffer_holds_what_the_pipe_does_not() {
    for name in MONO {
        let mut sim = Sim::new(1);
        let (a, b) = (sim.socket(name), sim.socket(name));
        sim.set(a, SOCKET, names::SEND_BUFFER, 2).unwrap();
        send_all(&mut sim, a, &["1", "2"]);
        assert_eq!(sim.send(a, "x"), Err(Error::TryAgain));
        assert_eq!(sim.machine(a).unsent(), 2);
        let call = sim.start_send(a, SOCKET, "3");
        sim.set(a, SOCKET, names::SEND_BUFFER, 3).unwrap();
        assert_eq!(sim.outcome(a, call), Some(Outcome::Sent));
        sim.connect(a, b).unwrap();
        assert_eq!(drain(&mut sim, b), ["1", "2", "3"]);
        assert_eq!(sim.machine(a).unsent(), 0);
    }
}

#[test]
fn one_message_is_read_ahead_and_more_only_if_asked_for() {
    for name in MONO {
        let (mut sim, a, b, link) = pair_of(name, name);
        send_all(&mut sim, a, &["1", "2", "3", "4"]);
        assert_eq!((sim.machine(b).can_recv(SOCKET), sim.on_wire(link, a).len()), (1, 3));
        sim.set(b, SOCKET, names::RECV_BUFFER, 2).unwrap();
        assert_eq!((sim.machine(b).can_recv(SOCKET), sim.on_wire(link, a).len()), (3, 1));
        assert_eq!(drain(&mut sim, b), ["1", "2", "3", "4"]);
    }
}

#[test]
fn received_messages_outlive_their_pipe_and_unsent_ones_wait_for_the_next() {
    for name in MONO {
        let (mut sim, a, b, link) = pair_of(name, name);
        let c = sim.socket(name);
        sim.set(a, SOCKET, names::SEND_BUFFER, 1).unwrap();
        sim.send(a, "received").unwrap();
        sim.stall(link, a);
        send_all(&mut sim, a, &["1", "2", "3", "4", "queued"]);
        sim.disconnect(link);
        assert_eq!(drain(&mut sim, b), ["received"]);
        assert_eq!(sim.machine(a).unsent(), 5);
        sim.connect(a, c).unwrap();
        assert_eq!(drain(&mut sim, c), ["1", "2", "3", "4", "queued"]);
    }
}

#[test]
fn a_message_that_is_put_back_is_received_first() {
    for name in MONO {
        let (mut sim, a, b, _) = pair_of(name, name);
        send_all(&mut sim, a, &["1", "2"]);
        let msg = sim.recv(b).unwrap();
        sim.unrecv(b, SOCKET, msg);
        assert_eq!(drain(&mut sim, b), ["1", "2"]);
    }
}

#[test]
fn version_1_starts_at_one_hop_and_accepts_none() {
    let (mut sim, a, b, link) = pair_of("pair1", "pair1");
    sim.stall(link, a);
    sim.send(a, "x").unwrap();
    assert_eq!(sim.on_wire(link, a), [hop(1, "x")]);
    sim.inject(link, b, &hop(0, "from mangos"));
    assert_eq!(drain(&mut sim, b), ["from mangos"]);
}

#[test]
fn version_1_drops_above_the_ttl_and_keeps_the_pipe() {
    for name in ["pair1", "pair1-raw", "pair1-poly"] {
        let (mut sim, _, b, link) = pair_of("pair1", name);
        sim.set(b, SOCKET, names::TTL_MAX, 3).unwrap();
        sim.inject(link, b, &hop(4, "too far"));
        sim.inject(link, b, &hop(3, "near enough"));
        assert_eq!(drain(&mut sim, b), ["near enough"], "{name}");
        assert!(sim.is_up(link));
        assert_eq!((counter(&sim, b, "ttl_drop"), sim.drops(b, DropCause::TtlExceeded)), (1, 1));
    }
}

#[test]
fn version_1_closes_the_pipe_on_a_bad_hop_count() {
    for name in ["pair1", "pair1-raw", "pair1-poly"] {
        for bad in [&b""[..], b"\0\0\x01", b"\0\0\x01\0x"] {
            let (mut sim, a, b, link) = pair_of("pair1", name);
            sim.inject(link, b, bad);
            assert!(!sim.is_up(link), "{name} {bad:?}");
            assert_eq!(counter(&sim, b, "rx_malformed"), 1);
            sim.connect(a, b).unwrap();
        }
    }
}

#[test]
fn raw_version_1_counts_a_hop_and_wants_a_header_of_four_bytes() {
    let (mut sim, a, b, link) = pair_of("pair1-raw", "pair1");
    sim.stall(link, a);
    let with = |header: &[u8]| {
        let mut msg = Message::from("x");
        msg.append_header(header);
        msg
    };
    for bad in [&b""[..], b"\0\0\x01", b"\0\0\0\xff", b"\0\0\0\x01\0"] {
        assert!(matches!(sim.send(a, with(bad)), Err(Error::Protocol(_))), "{bad:?}");
    }
    assert_eq!(counter(&sim, a, "tx_malformed"), 4);
    sim.send(a, with(b"\0\0\0\x02")).unwrap();
    assert_eq!(sim.on_wire(link, a), [hop(3, "x")]);
    sim.send(b, "back").unwrap();
    let msg = sim.recv(a).unwrap();
    assert_eq!((msg.header(), msg.body()), (&[0, 0, 0, 1][..], &b"back"[..]));
    assert_eq!((counter(&sim, a, "raw"), counter(&sim, a, "poly")), (1, 0));
}

#[test]
fn polyamorous_messages_choose_their_peer() {
    for peer in ["pair1", "pair1-poly"] {
        let mut sim = Sim::new(1);
        let (hub, a, b) = (sim.socket("pair1-poly"), sim.socket(peer), sim.socket(peer));
        let (to_a, to_b) = (sim.connect(hub, a).unwrap(), sim.connect(hub, b).unwrap());
        for (link, text) in [(Some(to_b), "b"), (Some(to_a), "a"), (None, "the first")] {
            let mut msg = Message::from(text);
            msg.set_pipe(link.map(|link| sim.pipe(link, hub)));
            sim.send(hub, msg).unwrap();
        }
        assert_eq!(drain(&mut sim, a), ["a", "the first"]);
        assert_eq!(drain(&mut sim, b), ["b"]);
        sim.send(b, "hello").unwrap();
        assert_eq!(sim.recv(hub).unwrap().pipe(), Some(sim.pipe(to_b, hub)));
        sim.disconnect(to_a);
        sim.send(hub, "the first").unwrap();
        assert_eq!(drain(&mut sim, b), ["the first"]);
    }
}

#[test]
fn polyamorous_sends_to_unknown_or_full_pipes_are_dropped_and_succeed() {
    let mut sim = Sim::new(1);
    let (hub, a) = (sim.socket("pair1-poly"), sim.socket("pair1"));
    let link = sim.connect_with(hub, a, deep(1)).unwrap();
    sim.stall(link, hub);
    send_all(&mut sim, hub, &["in the pipe", "queued 1", "queued 2", "too much"]);
    assert_eq!((counter(&sim, hub, "tx_drop"), sim.drops(hub, DropCause::SendQueueFull)), (1, 1));
    let mut msg = Message::from("nobody");
    msg.set_pipe(PipeId::new(1));
    sim.send(hub, msg).unwrap();
    assert_eq!((counter(&sim, hub, "tx_drop"), sim.drops(hub, DropCause::NoPipe)), (2, 1));
    sim.unstall(link, hub);
    assert_eq!(drain(&mut sim, a), ["in the pipe", "queued 1", "queued 2"]);
    sim.disconnect(link);
    sim.send(hub, "nobody is left").unwrap();
    assert_eq!(counter(&sim, hub, "tx_drop"), 3);
}

#[test]
fn a_polyamorous_send_waits_for_the_first_peer_ever() {
    let mut sim = Sim::new(1);
    let (hub, a) = (sim.socket("pair1-poly"), sim.socket("pair1"));
    assert_eq!(sim.send(hub, "x"), Err(Error::TryAgain));
    let call = sim.start_send(hub, SOCKET, "waits");
    sim.connect(hub, a).unwrap();
    assert_eq!(sim.outcome(hub, call), Some(Outcome::Sent));
    assert_eq!(drain(&mut sim, a), ["waits"]);
}

#[test]
fn a_polyamorous_receiver_pauses_each_peer() {
    let mut sim = Sim::new(1);
    let (hub, a, b) = (sim.socket("pair1-poly"), sim.socket("pair1"), sim.socket("pair1"));
    let links = [sim.connect(a, hub).unwrap(), sim.connect(b, hub).unwrap()];
    send_all(&mut sim, a, &["a1", "a2"]);
    send_all(&mut sim, b, &["b1", "b2"]);
    assert_eq!((sim.on_wire(links[0], a).len(), sim.on_wire(links[1], b).len()), (1, 1));
    assert_eq!(drain(&mut sim, hub), ["a1", "b1", "a2", "b2"]);
    let poly = sim.machine(hub).option(SOCKET, names::PAIR1_POLYAMOROUS).unwrap();
    assert_eq!(poly, true.into());
}
