//! The rules of req, as the semantics page numbers them.

mod common;

use common::*;
use spanwire_core::{Error, Message};
use spanwire_protocols::sim::{LinkSpec, Outcome, Sim};

fn id_of(wire: &[u8]) -> u32 {
    u32::from_be_bytes(wire[..4].try_into().unwrap())
}

#[test]
fn rule_1_a_new_send_cancels_the_pending_receive() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    sim.send(req, "first").unwrap();
    let receive = sim.start_recv(req, SOCKET);
    sim.send(req, "second").unwrap();
    assert_eq!(error_of(&mut sim, req, receive), Some(Error::Canceled));
    assert_eq!(text(&sim.recv(rep).unwrap()), "first");
    sim.send(rep, "late").unwrap();
    assert_eq!(sim.recv(req), Err(Error::TryAgain));
    assert_eq!(sim.drops(req, DropCause::Stale), 1);
    assert_eq!(text(&sim.recv(rep).unwrap()), "second");
    sim.send(rep, "answer").unwrap();
    assert_eq!(text(&sim.recv(req).unwrap()), "answer");
}

#[test]
fn rule_1_a_new_send_cancels_the_pending_send_which_gives_its_message_back() {
    let mut sim = Sim::new(1);
    let req = sim.socket("req");
    let first = sim.start_send(req, SOCKET, "first");
    let receive = sim.start_recv(req, SOCKET);
    let second = sim.start_send(req, SOCKET, "second");
    assert_eq!(sim.outcome(req, first), Some(Outcome::NotSent(Error::Canceled, Message::from("first"))));
    assert_eq!(error_of(&mut sim, req, receive), Some(Error::Canceled));
    assert_eq!(sim.outcome(req, second), None);
    sim.cancel(req, second, Error::TimedOut);
    assert_eq!(sim.outcome(req, second), Some(Outcome::NotSent(Error::TimedOut, Message::from("second"))));
}

#[test]
fn rule_2_receive_without_a_request_is_an_error_of_state() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    assert!(is_state(sim.recv(req)));
    sim.send(req, "ping").unwrap();
    sim.recv(rep).unwrap();
    sim.send(rep, "pong").unwrap();
    sim.recv(req).unwrap();
    assert!(is_state(sim.recv(req)));
}

#[test]
fn rule_2_a_second_concurrent_receive_is_an_error_of_state() {
    let (mut sim, req, _, _) = pair_of("req", "rep");
    sim.send(req, "ping").unwrap();
    let first = sim.start_recv(req, SOCKET);
    let second = sim.start_recv(req, SOCKET);
    assert!(matches!(error_of(&mut sim, req, second), Some(Error::State(_))));
    assert!(is_state(sim.recv(req)));
    assert_eq!(sim.outcome(req, first), None);
}

#[test]
fn rule_2_a_receive_may_be_posted_before_the_send_completes() {
    let mut sim = Sim::new(1);
    let (req, rep) = (sim.socket("req"), sim.socket("rep"));
    let send = sim.start_send(req, SOCKET, "ping");
    let receive = sim.start_recv(req, SOCKET);
    sim.connect(req, rep).unwrap();
    assert_eq!(sim.outcome(req, send), Some(Outcome::Sent));
    sim.recv(rep).unwrap();
    sim.send(rep, "pong").unwrap();
    assert_eq!(text_of(&mut sim, req, receive).unwrap(), "pong");
}

#[test]
fn rule_3_cancelling_the_receive_resets_the_context() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    sim.send(req, "ping").unwrap();
    let receive = sim.start_recv(req, SOCKET);
    sim.cancel(req, receive, Error::TimedOut);
    sim.recv(rep).unwrap();
    sim.send(rep, "pong").unwrap();
    assert_eq!(sim.drops(req, DropCause::Stale), 1);
    assert!(is_state(sim.recv(req)));
}

#[test]
fn rule_3_cancelling_a_receive_that_was_posted_early_ends_the_send_too() {
    let mut sim = Sim::new(1);
    let req = sim.socket("req");
    let send = sim.start_send(req, SOCKET, "ping");
    let receive = sim.start_recv(req, SOCKET);
    sim.cancel(req, receive, Error::TimedOut);
    assert_eq!(sim.outcome(req, send), Some(Outcome::NotSent(Error::Canceled, Message::from("ping"))));

    let send = sim.start_send(req, SOCKET, "ping");
    let receive = sim.start_recv(req, SOCKET);
    sim.cancel(req, send, Error::TimedOut);
    assert_eq!(error_of(&mut sim, req, receive), Some(Error::Canceled));
    assert!(is_state(sim.recv(req)));
}

#[test]
fn rule_4_a_send_waits_for_a_pipe() {
    let mut sim = Sim::new(1);
    let (req, rep) = (sim.socket("req"), sim.socket("rep"));
    assert_eq!(sim.send(req, "now"), Err(Error::TryAgain));
    assert!(is_state(sim.recv(req)), "a send that did not wait leaves no trace");
    let send = sim.start_send(req, SOCKET, "ping");
    assert_eq!(sim.outcome(req, send), None);
    sim.connect(req, rep).unwrap();
    assert_eq!(sim.outcome(req, send), Some(Outcome::Sent));
    assert_eq!(text(&sim.recv(rep).unwrap()), "ping");
}

#[test]
fn rule_4_a_send_that_cannot_be_done_at_once_leaves_the_old_request_alone() {
    let mut sim = Sim::new(1);
    let (req, rep) = (sim.socket("req"), sim.socket("rep"));
    let link = sim.connect_with(req, rep, deep(1)).unwrap();
    sim.stall(link, req);
    sim.send(req, "old").unwrap();
    assert_eq!(sim.send(req, "new"), Err(Error::TryAgain));
    sim.unstall(link, req);
    sim.recv(rep).unwrap();
    sim.send(rep, "answer").unwrap();
    assert_eq!(text(&sim.recv(req).unwrap()), "answer");
}

#[test]
fn rule_5_a_request_is_sent_again_with_the_same_id() {
    let (mut sim, req, _, link) = pair_of("req", "rep");
    sim.set(req, SOCKET, names::REQ_RESEND_TIME, ms(100)).unwrap();
    sim.set(req, SOCKET, names::REQ_RESEND_TICK, ms(10)).unwrap();
    sim.stall(link, req);
    sim.send(req, "ping").unwrap();
    sim.advance(ms(99));
    assert_eq!(sim.on_wire(link, req).len(), 1);
    sim.advance(ms(11));
    let wire = sim.on_wire(link, req);
    assert_eq!(wire.len(), 2);
    assert_eq!(wire[0], wire[1]);
}

#[test]
fn rule_5_by_default_after_a_minute_and_at_most_two_ticks() {
    let (mut sim, req, _, link) = pair_of("req", "rep");
    sim.stall(link, req);
    sim.send(req, "early").unwrap();
    sim.advance(ms(500));
    // The clock is ticking by now, so that this one is not timed by itself.
    sim.send(req, "ping").unwrap();
    sim.advance(ms(59_999));
    assert_eq!(sim.on_wire(link, req).len(), 2);
    sim.advance(ms(2_001));
    assert_eq!(sim.on_wire(link, req).len(), 3);
}

#[test]
fn rule_5_without_a_resend_time_nothing_ticks() {
    for never in [Some(ms(0)), None] {
        let (mut sim, req, _, link) = pair_of("req", "rep");
        sim.set(req, SOCKET, names::REQ_RESEND_TIME, never).unwrap();
        sim.stall(link, req);
        sim.send(req, "ping").unwrap();
        assert_eq!(sim.machine(req).next_timeout(), None);
        sim.advance(ms(600_000));
        assert_eq!(sim.on_wire(link, req).len(), 1);
    }
}

#[test]
fn rule_5_the_clock_stops_when_nothing_is_outstanding() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    sim.send(req, "ping").unwrap();
    assert!(sim.machine(req).next_timeout().is_some());
    sim.recv(rep).unwrap();
    sim.send(rep, "pong").unwrap();
    sim.recv(req).unwrap();
    sim.advance(ms(1000));
    assert_eq!(sim.machine(req).next_timeout(), None);
}

#[test]
fn rule_6_a_lost_pipe_sends_the_request_to_another_at_once() {
    let (mut sim, req, first, link) = pair_of("req", "rep");
    let second = sim.socket("rep");
    sim.send(req, "ping").unwrap();
    assert_eq!(text(&sim.recv(first).unwrap()), "ping");
    sim.disconnect(link);
    sim.connect(req, second).unwrap();
    assert_eq!(text(&sim.recv(second).unwrap()), "ping");
    sim.send(second, "pong").unwrap();
    assert_eq!(text(&sim.recv(req).unwrap()), "pong");
}

#[test]
fn rule_6_without_resend_the_receive_ends_once_with_connection_reset() {
    let (mut sim, req, rep, link) = pair_of("req", "rep");
    sim.set(req, SOCKET, names::REQ_RESEND_TIME, None).unwrap();
    sim.send(req, "ping").unwrap();
    let receive = sim.start_recv(req, SOCKET);
    sim.disconnect(link);
    assert_eq!(error_of(&mut sim, req, receive), Some(Error::ConnectionReset));
    assert!(is_state(sim.recv(req)));

    let link = sim.connect(req, rep).unwrap();
    sim.send(req, "ping").unwrap();
    sim.disconnect(link);
    assert_eq!(sim.recv(req), Err(Error::ConnectionReset));
    assert!(is_state(sim.recv(req)));
}

#[test]
fn rule_7_pipes_take_turns() {
    let mut sim = Sim::new(1);
    let req = sim.socket("req");
    let reps: Vec<_> = (0..3).map(|_| sim.socket("rep")).collect();
    for rep in &reps {
        sim.connect(req, *rep).unwrap();
    }
    for round in 0..6 {
        sim.send(req, "ping").unwrap();
        let rep = reps[round % 3];
        assert_eq!(text(&sim.recv(rep).unwrap()), "ping", "round {round}");
        sim.send(rep, "pong").unwrap();
        sim.recv(req).unwrap();
    }
}

#[test]
fn rule_7_the_best_priority_that_is_ready_serves() {
    let mut sim = Sim::new(1);
    let (req, local, standby) = (sim.socket("req"), sim.socket("rep"), sim.socket("rep"));
    sim.connect_with(req, standby, first(9)).unwrap();
    let link = sim.connect_with(req, local, first(1)).unwrap();
    for _ in 0..3 {
        sim.send(req, "ping").unwrap();
        sim.recv(local).unwrap();
    }
    sim.disconnect(link);
    assert_eq!(text(&sim.recv(standby).unwrap()), "ping", "what the lost one had is sent again");
    sim.send(req, "next").unwrap();
    assert_eq!(text(&sim.recv(standby).unwrap()), "next");
}

#[test]
fn rule_7_waiting_contexts_are_served_in_order() {
    let mut sim = Sim::new(1);
    let (req, rep) = (sim.socket("req"), sim.socket("rep"));
    let contexts: Vec<_> = (0..3).map(|_| sim.context(req).unwrap()).collect();
    for (n, ctx) in contexts.iter().enumerate().rev() {
        sim.start_send(req, *ctx, format!("{n}"));
    }
    sim.connect_with(req, rep, deep(1)).unwrap();
    assert_eq!(drain(&mut sim, rep), ["2", "1", "0"]);
}

#[test]
fn rule_8_unknown_and_duplicate_replies_vanish() {
    let (mut sim, req, _, link) = pair_of("req", "rep");
    sim.stall(link, req);
    sim.send(req, "ping").unwrap();
    let id = id_of(&sim.on_wire(link, req)[0]);
    let reply = |id: u32| [&id.to_be_bytes()[..], b"pong"].concat();
    sim.inject(link, req, &reply(id ^ 1));
    assert_eq!(sim.recv(req), Err(Error::TryAgain));
    sim.inject(link, req, &reply(id));
    sim.inject(link, req, &reply(id));
    assert_eq!(text(&sim.recv(req).unwrap()), "pong");
    assert!(is_state(sim.recv(req)));
    assert_eq!(sim.drops(req, DropCause::Stale), 2);
    assert!(sim.is_up(link));
}

#[test]
fn rule_8_a_reply_without_an_id_closes_the_pipe() {
    for bad in [&b""[..], b"\x80\0\0", b"\x7f\xff\xff\xffpong"] {
        let (mut sim, req, _, link) = pair_of("req", "rep");
        sim.inject(link, req, bad);
        assert!(!sim.is_up(link), "{bad:?}");
    }
}

#[test]
fn rule_8_a_reply_counts_while_the_request_waits_to_be_sent_again() {
    let (mut sim, req, _, link) = pair_of("req", "rep");
    let other = sim.socket("rep");
    let slow = sim.connect_with(req, other, deep(1)).unwrap();
    sim.stall(slow, req);
    sim.stall(link, req);
    let ctx = sim.context(req).unwrap();
    sim.send(req, "ping").unwrap();
    let id = id_of(&sim.on_wire(link, req)[0]);
    sim.send_on(req, ctx, "fills the other pipe").unwrap();
    sim.disconnect(link);
    // It has no pipe now; the answer comes by another way.
    sim.inject(slow, req, &[&id.to_be_bytes()[..], b"pong"].concat());
    assert_eq!(text(&sim.recv(req).unwrap()), "pong");
    sim.unstall(slow, req);
    assert_eq!(drain(&mut sim, other), ["fills the other pipe"], "an answered request is not sent again");
}

#[test]
fn rule_9_a_context_copies_the_sockets_resend_time() {
    let mut sim = Sim::new(1);
    let req = sim.socket("req");
    sim.set(req, SOCKET, names::REQ_RESEND_TIME, ms(5)).unwrap();
    let ctx = sim.context(req).unwrap();
    sim.set(req, SOCKET, names::REQ_RESEND_TIME, ms(6)).unwrap();
    assert_eq!(sim.machine(req).option(ctx, names::REQ_RESEND_TIME).unwrap(), ms(5).into());
}

#[test]
fn contexts_have_requests_of_their_own() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    let (a, b) = (sim.context(req).unwrap(), sim.context(req).unwrap());
    let (x, y) = (sim.context(rep).unwrap(), sim.context(rep).unwrap());
    sim.send_on(req, a, "a").unwrap();
    sim.send_on(req, b, "b").unwrap();
    assert_eq!(text(&sim.recv_on(rep, x).unwrap()), "a");
    assert_eq!(text(&sim.recv_on(rep, y).unwrap()), "b");
    sim.send_on(rep, y, "to b").unwrap();
    sim.send_on(rep, x, "to a").unwrap();
    assert_eq!(text(&sim.recv_on(req, a).unwrap()), "to a");
    assert_eq!(text(&sim.recv_on(req, b).unwrap()), "to b");
}

#[test]
fn a_reply_can_be_put_back_until_the_next_request() {
    let (mut sim, req, rep, _) = pair_of("req", "rep");
    sim.send(req, "ping").unwrap();
    sim.recv(rep).unwrap();
    sim.send(rep, "pong").unwrap();
    let reply = sim.recv(req).unwrap();
    sim.unrecv(req, SOCKET, reply);
    let reply = sim.recv(req).unwrap();
    assert_eq!(text(&reply), "pong");
    sim.send(req, "next").unwrap();
    sim.unrecv(req, SOCKET, reply);
    assert_eq!(sim.recv(req), Err(Error::TryAgain));
}

#[test]
fn a_caller_that_was_superseded_unawares_does_not_steal_the_next_reply() {
    use spanwire_core::protocol::{Attempt, RecvError};
    use spanwire_core::{PipeAttrs, PipeId};
    // The machine by itself: the simulator's callers always learn of a cancellation in time.
    let mut out = common::Nowhere(std::time::Instant::now());
    let mut req = (spanwire_protocols::find("req", false).unwrap().new)(1);
    req.pipe_attached(PipeId::new(1).unwrap(), PipeAttrs::default(), &mut out).unwrap();
    req.try_send(SOCKET, &mut Message::from("ping"), Attempt::First, &mut out).unwrap();
    assert_eq!(req.try_recv(SOCKET, Attempt::First, &mut Message::new(), &mut out), Err(RecvError::Empty));
    req.try_send(SOCKET, &mut Message::from("next"), Attempt::First, &mut out).unwrap();
    assert_eq!(
        req.try_recv(SOCKET, Attempt::Again, &mut Message::new(), &mut out),
        Err(RecvError::Failed(Error::Canceled))
    );
}

#[test]
fn ids_have_the_top_bit_and_count_up() {
    for wire in [true, false] {
        let mut sim = Sim::new(3);
        let (req, rep) = (sim.socket("req"), sim.socket("rep"));
        let link = sim.connect_with(req, rep, LinkSpec { wire, ..deep(4) }).unwrap();
        sim.stall(link, req);
        send_all(&mut sim, req, &["one", "two"]);
        let wire = sim.on_wire(link, req);
        assert!(id_of(&wire[0]) >= 0x8000_0000);
        assert_eq!(id_of(&wire[1]), id_of(&wire[0]).wrapping_add(1) | 0x8000_0000);
        assert_eq!(&wire[1][4..], b"two");
        sim.unstall(link, req);
        assert_eq!(drain(&mut sim, rep), ["one", "two"]);
    }
}
