//! The rules of rep, and of its raw forms.

mod common;

use common::*;
use spanwire_core::{Error, Message};
use spanwire_protocols::sim::{LinkSpec, Outcome, Sim};

/// A request as it stands on the wire: hop ids, the request id, the body.
fn request(hops: &[u32], body: &str) -> Vec<u8> {
    let words = hops.iter().copied().chain([0x8000_0007]);
    words.flat_map(u32::to_be_bytes).chain(body.bytes()).collect()
}

#[test]
fn a_reply_without_a_request_is_an_error_of_state() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    assert!(is_state(sim.send(rep, "pong")));
    sim.send(req, "ping").unwrap();
    assert!(is_state(sim.send(rep, "not received yet")));
    sim.recv(rep).unwrap();
    sim.send(rep, "pong").unwrap();
    assert!(is_state(sim.send(rep, "twice")));
}

#[test]
fn another_receive_drops_the_return_path() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    sim.send(req, "ping").unwrap();
    sim.recv(rep).unwrap();
    assert_eq!(sim.recv(rep), Err(Error::TryAgain));
    sim.send(rep, "still owed").unwrap();
    sim.recv(req).unwrap();

    sim.send(req, "ping").unwrap();
    sim.recv(rep).unwrap();
    let receive = sim.start_recv(rep, SOCKET);
    assert!(is_state(sim.send(rep, "pong")));
    sim.cancel(rep, receive, Error::TimedOut);
    assert!(is_state(sim.send(rep, "pong")));
}

#[test]
fn a_second_concurrent_receive_is_an_error_of_state() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    let first = sim.start_recv(rep, SOCKET);
    let second = sim.start_recv(rep, SOCKET);
    assert!(matches!(error_of(&mut sim, rep, second), Some(Error::State(_))));
    sim.send(req, "ping").unwrap();
    assert_eq!(text_of(&mut sim, rep, first).unwrap(), "ping");
}

#[test]
fn contexts_take_one_request_each_in_the_order_in_which_they_wait() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    let contexts = [sim.context(rep).unwrap(), sim.context(rep).unwrap()];
    let calls = contexts.map(|ctx| sim.start_recv(rep, ctx));
    let askers = [sim.context(req).unwrap(), sim.context(req).unwrap()];
    sim.send_on(req, askers[0], "one").unwrap();
    sim.send_on(req, askers[1], "two").unwrap();
    assert_eq!(text_of(&mut sim, rep, calls[0]).unwrap(), "one");
    assert_eq!(text_of(&mut sim, rep, calls[1]).unwrap(), "two");
}

#[test]
fn a_pipe_is_not_read_further_until_its_request_is_taken() {
    let (mut sim, req, rep, link) = pair_of("req", "rep");
    for _ in 0..3 {
        sim.send(req, "ping").unwrap();
    }
    assert_eq!(sim.machine(rep).can_recv(SOCKET), 1);
    assert_eq!(sim.on_wire(link, req).len(), 2);
    sim.recv(rep).unwrap();
    assert_eq!(sim.on_wire(link, req).len(), 1);
}

#[test]
fn a_reply_to_a_pipe_that_has_gone_succeeds_and_vanishes() {
    let (mut sim, req, rep, link) = pair_of("req", "rep");
    sim.send(req, "ping").unwrap();
    sim.recv(rep).unwrap();
    sim.disconnect(link);
    sim.send(rep, "pong").unwrap();
    assert_eq!(sim.drops(rep, DropCause::NoPipe), 1);
}

#[test]
fn a_reply_waits_for_its_own_pipe_only() {
    let mut sim = Sim::new(1);
    let (rep, slow, fast) = (sim.socket("rep"), sim.socket("req"), sim.socket("req"));
    let link = sim.connect_with(rep, slow, deep(1)).unwrap();
    sim.connect(rep, fast).unwrap();
    sim.stall(link, rep);
    let answer_to = |sim: &mut Sim, req, waits: bool| {
        let (asker, ctx) = (sim.context(req).unwrap(), sim.context(rep).unwrap());
        sim.send_on(req, asker, "ping").unwrap();
        sim.recv_on(rep, ctx).unwrap();
        let call = sim.start_send(rep, ctx, "pong");
        assert_eq!(sim.outcome(rep, call), (!waits).then_some(Outcome::Sent));
        (call, ctx)
    };
    answer_to(&mut sim, slow, false);
    let (second, ctx) = answer_to(&mut sim, slow, true);
    let (third, _) = answer_to(&mut sim, slow, true);
    answer_to(&mut sim, fast, false);
    // A reply that is given up frees the way, and its context.
    sim.cancel(rep, second, Error::TimedOut);
    assert_eq!(sim.outcome(rep, second), Some(Outcome::NotSent(Error::TimedOut, Message::from("pong"))));
    assert!(is_state(sim.send_on(rep, ctx, "pong")));
    sim.unstall(link, rep);
    assert_eq!(sim.outcome(rep, third), Some(Outcome::Sent));
}

#[test]
fn replies_that_wait_all_go_when_there_is_room() {
    let mut sim = Sim::new(1);
    let (rep, req) = (sim.socket("rep"), sim.socket("req"));
    let link = sim.connect_with(rep, req, LinkSpec { refill: 0, ..deep(3) }).unwrap();
    sim.stall(link, rep);
    let mut calls = Vec::new();
    for _ in 0..6 {
        let (asker, ctx) = (sim.context(req).unwrap(), sim.context(rep).unwrap());
        sim.send_on(req, asker, "ping").unwrap();
        sim.recv_on(rep, ctx).unwrap();
        calls.push(sim.start_send(rep, ctx, "pong"));
    }
    assert_eq!(calls.iter().filter(|call| sim.outcome(rep, **call).is_none()).count(), 3);
    sim.unstall(link, rep);
    assert!(calls[3..].iter().all(|call| sim.outcome(rep, *call) == Some(Outcome::Sent)));
}

#[test]
fn a_reply_that_waits_succeeds_when_its_pipe_goes() {
    let mut sim = Sim::new(1);
    let (rep, req) = (sim.socket("rep"), sim.socket("req"));
    let link = sim.connect_with(rep, req, deep(1)).unwrap();
    sim.stall(link, rep);
    let mut last = None;
    for _ in 0..2 {
        sim.send(req, "ping").unwrap();
        sim.recv(rep).unwrap();
        last = Some(sim.start_send(rep, SOCKET, "pong"));
    }
    assert_eq!(sim.outcome(rep, last.unwrap()), None);
    // While it waits, the next request can be received.
    sim.send(req, "ping").unwrap();
    sim.recv(rep).unwrap();
    sim.disconnect(link);
    assert_eq!(sim.outcome(rep, last.unwrap()), Some(Outcome::Sent));
}

#[test]
fn a_request_whose_pipe_closes_before_it_is_received_is_dropped() {
    let (mut sim, req, rep, link) = pair_of("req", "rep");
    sim.send(req, "ping").unwrap();
    sim.disconnect(link);
    assert_eq!(sim.recv(rep), Err(Error::TryAgain));
    assert_eq!(sim.drops(rep, DropCause::Closed), 1);
}

#[test]
fn more_hops_than_the_ttl_drop_the_request_and_keep_the_pipe() {
    for name in ["rep", "rep-raw"] {
        let (mut sim, _, rep, link) = pair_of("req", name);
        sim.set(rep, SOCKET, names::TTL_MAX, 3).unwrap();
        sim.inject(link, rep, &request(&[1, 2, 3], "too far"));
        assert_eq!(sim.drops(rep, DropCause::TtlExceeded), 1);
        sim.inject(link, rep, &request(&[1, 2], "near enough"));
        assert_eq!(drain(&mut sim, rep), ["near enough"]);
        assert!(sim.is_up(link));
    }
}

#[test]
fn a_header_longer_than_any_ttl_of_ours_comes_back_whole() {
    let (mut sim, _, rep, link) = pair_of("req", "rep");
    sim.set(rep, SOCKET, names::TTL_MAX, 255).unwrap();
    sim.stall(link, rep);
    let hops: Vec<u32> = (1..=254).collect();
    sim.inject(link, rep, &request(&hops, "ping"));
    assert_eq!(text(&sim.recv(rep).unwrap()), "ping");
    sim.send(rep, "pong").unwrap();
    assert_eq!(sim.on_wire(link, rep), [request(&hops, "pong")]);
}

#[test]
fn a_bad_header_closes_the_pipe() {
    for name in ["rep", "rep-raw", "respondent", "respondent-raw"] {
        let peer = if name.starts_with("rep") && !name.starts_with("resp") { "req" } else { "surveyor" };
        for bad in [&b""[..], b"\0\0\0\x01", b"\0\0\0\x01\x80\0\0"] {
            let (mut sim, _, rep, link) = pair_of(peer, name);
            sim.inject(link, rep, bad);
            assert!(!sim.is_up(link), "{name} {bad:?}");
        }
    }
}

#[test]
fn requests_of_better_priority_come_first() {
    let mut sim = Sim::new(1);
    let (rep, a, b) = (sim.socket("rep"), sim.socket("req"), sim.socket("req"));
    sim.connect_with(rep, a, first(9)).unwrap();
    sim.connect_with(rep, b, first(2)).unwrap();
    sim.send(a, "later").unwrap();
    sim.send(b, "sooner").unwrap();
    assert_eq!(drain(&mut sim, rep), ["sooner", "later"]);
}

#[test]
fn a_request_that_is_put_back_can_be_received_and_answered_again() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    sim.send(req, "ping").unwrap();
    let msg = sim.recv(rep).unwrap();
    sim.unrecv(rep, SOCKET, msg);
    assert!(is_state(sim.send(rep, "pong")));
    assert_eq!(text(&sim.recv(rep).unwrap()), "ping");
    sim.send(rep, "pong").unwrap();
    assert_eq!(text(&sim.recv(req).unwrap()), "pong");
}

#[test]
fn raw_rep_puts_its_pipe_in_front_of_the_words() {
    let (mut sim, _, rep, link) = pair_of("req", "rep-raw");
    sim.stall(link, rep);
    sim.inject(link, rep, &request(&[5], "ping"));
    let msg = sim.recv(rep).unwrap();
    let pipe = sim.pipe(link, rep).get();
    assert_eq!(msg.header(), [pipe, 5, 0x8000_0007].map(u32::to_be_bytes).concat());
    assert_eq!(msg.body(), b"ping");
    let mut reply = Message::from("pong");
    reply.append_header(msg.header());
    sim.send(rep, reply).unwrap();
    assert_eq!(sim.on_wire(link, rep), [request(&[5], "pong")]);
}

#[test]
fn raw_rep_drops_what_has_no_pipe_to_go_to_and_succeeds() {
    let (mut sim, _, rep, _) = pair_of("req", "rep-raw");
    sim.send(rep, "no header").unwrap();
    let mut msg = Message::from("unknown pipe");
    msg.append_header(&[0, 0, 0, 1]);
    sim.send(rep, msg).unwrap();
    assert_eq!(sim.drops(rep, DropCause::NoPipe), 2);
}

#[test]
fn raw_req_keeps_the_words_in_the_header() {
    let (mut sim, req, _, link) = pair_of("req-raw", "rep");
    sim.stall(link, req);
    let mut msg = Message::from("ping");
    msg.append_header(&[0, 0, 0, 9, 0x80, 0, 0, 7]);
    sim.send(req, msg).unwrap();
    assert_eq!(sim.on_wire(link, req), [request(&[9], "ping")]);
    sim.inject(link, req, &request(&[9], "pong"));
    let reply = sim.recv(req).unwrap();
    assert_eq!(reply.header(), [0, 0, 0, 9, 0x80, 0, 0, 7]);
    assert_eq!(reply.body(), b"pong");
    sim.inject(link, req, b"\0\0\0\x01");
    assert!(!sim.is_up(link));
}

#[test]
fn a_device_of_raw_sockets_carries_requests_and_replies() {
    let mut sim = Sim::new(1);
    let (req, front, back, rep) = (sim.socket("req"), sim.socket("rep-raw"), sim.socket("req-raw"), sim.socket("rep"));
    sim.connect(req, front).unwrap();
    sim.connect(back, rep).unwrap();
    sim.send(req, "ping").unwrap();
    let msg = sim.recv(front).unwrap();
    sim.send(back, msg).unwrap();
    assert_eq!(text(&sim.recv(rep).unwrap()), "ping");
    sim.send(rep, "pong").unwrap();
    let msg = sim.recv(back).unwrap();
    sim.send(front, msg).unwrap();
    assert_eq!(text(&sim.recv(req).unwrap()), "pong");
}
