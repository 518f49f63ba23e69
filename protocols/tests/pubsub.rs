//! The rules of pub and sub.

mod common;

use common::*;
use spanwire_core::{Error, Message, OptionValue};
use spanwire_protocols::sim::{LinkSpec, NodeId, Sim};

fn topic(text: &str) -> OptionValue {
    OptionValue::Bytes(text.as_bytes().to_vec())
}

fn subscribe(sim: &mut Sim, node: NodeId, text: &str) {
    sim.set(node, SOCKET, names::SUB_SUBSCRIBE, topic(text)).unwrap();
}

fn unsubscribe(sim: &mut Sim, node: NodeId, text: &str) -> spanwire_core::Result<()> {
    sim.set(node, SOCKET, names::SUB_UNSUBSCRIBE, topic(text))
}

#[test]
fn pub_never_blocks_and_drops_the_oldest_of_a_slow_peer() {
    let mut sim = Sim::new(1);
    let (publisher, slow, fast) = (sim.socket("pub"), sim.socket("sub"), sim.socket("sub"));
    let link = sim.connect_with(publisher, slow, deep(1)).unwrap();
    sim.connect(publisher, fast).unwrap();
    subscribe(&mut sim, slow, "");
    subscribe(&mut sim, fast, "");
    sim.stall(link, publisher);
    for n in 0..20 {
        sim.send(publisher, format!("{n}")).unwrap();
    }
    assert_eq!(drain(&mut sim, fast).len(), 20);
    assert_eq!((sim.drops(publisher, DropCause::SendQueueFull), sim.machine(publisher).unsent()), (3, 16));
    sim.unstall(link, publisher);
    let expected: Vec<_> = [0].into_iter().chain(4..20).map(|n: i32| n.to_string()).collect();
    assert_eq!(drain(&mut sim, slow), expected);
}

#[test]
fn the_send_buffer_bounds_the_queue_of_each_pipe() {
    let mut sim = Sim::new(1);
    let (publisher, sub) = (sim.socket("pub"), sim.socket("sub"));
    let link = sim.connect_with(publisher, sub, deep(1)).unwrap();
    subscribe(&mut sim, sub, "");
    sim.set(publisher, SOCKET, names::SEND_BUFFER, 0).unwrap();
    sim.stall(link, publisher);
    send_all(&mut sim, publisher, &["1", "2", "3"]);
    sim.unstall(link, publisher);
    assert_eq!(drain(&mut sim, sub), ["1"]);
    assert_eq!(sim.drops(publisher, DropCause::SendQueueFull), 2);
}

#[test]
fn the_queue_of_a_pipe_goes_with_it() {
    let (mut sim, publisher, _, link) = pair_of("pub", "sub");
    sim.stall(link, publisher);
    for _ in 0..10 {
        sim.send(publisher, "x").unwrap();
    }
    assert_eq!(sim.machine(publisher).unsent(), 6);
    sim.disconnect(link);
    assert_eq!((sim.machine(publisher).unsent(), sim.drops(publisher, DropCause::Closed)), (0, 6));
}

#[test]
fn data_that_arrives_on_a_pub_pipe_closes_it() {
    let (mut sim, publisher, _, link) = pair_of("pub", "sub");
    sim.inject(link, publisher, b"a subscriber has nothing to say");
    assert!(!sim.is_up(link));
}

#[test]
fn nothing_is_subscribed_to_at_first_and_the_empty_topic_is_everything() {
    let (mut sim, publisher, sub, _) = pair_of("pub", "sub");
    sim.send(publisher, "nobody").unwrap();
    assert_eq!(sim.recv(sub), Err(Error::TryAgain));
    assert_eq!(sim.drops(sub, DropCause::NotMatched), 1);
    subscribe(&mut sim, sub, "");
    send_all(&mut sim, publisher, &["", "anything"]);
    assert_eq!(drain(&mut sim, sub), ["", "anything"]);
}

#[test]
fn a_subscription_is_a_byte_prefix() {
    let (mut sim, publisher, sub, _) = pair_of("pub", "sub");
    subscribe(&mut sim, sub, "ab");
    subscribe(&mut sim, sub, "x");
    send_all(&mut sim, publisher, &["a", "ab", "abc", "b", "ax", "x!"]);
    assert_eq!(drain(&mut sim, sub), ["ab", "abc", "x!"]);
}

#[test]
fn a_duplicate_is_ignored_and_one_unsubscribe_removes_it() {
    let (mut sim, publisher, sub, _) = pair_of("pub", "sub");
    subscribe(&mut sim, sub, "a");
    subscribe(&mut sim, sub, "a");
    sim.send(publisher, "a").unwrap();
    assert_eq!(drain(&mut sim, sub), ["a"]);
    unsubscribe(&mut sim, sub, "a").unwrap();
    sim.send(publisher, "a").unwrap();
    assert_eq!(drain(&mut sim, sub), [""; 0]);
    assert!(matches!(unsubscribe(&mut sim, sub, "a"), Err(Error::NotFound(_))));
}

#[test]
fn unsubscribing_purges_what_no_longer_matches() {
    let (mut sim, publisher, sub, _) = pair_of("pub", "sub");
    subscribe(&mut sim, sub, "a");
    subscribe(&mut sim, sub, "ab");
    subscribe(&mut sim, sub, "b");
    send_all(&mut sim, publisher, &["a", "ab", "b"]);
    unsubscribe(&mut sim, sub, "a").unwrap();
    assert_eq!(drain(&mut sim, sub), ["ab", "b"]);
    assert_eq!(sim.drops(sub, DropCause::NotMatched), 1);
}

#[test]
fn each_context_has_its_own_subscriptions_queue_and_preference() {
    let (mut sim, publisher, sub, _) = pair_of("pub", "sub");
    sim.set(sub, SOCKET, names::SUB_PREFNEW, false).unwrap();
    sim.set(sub, SOCKET, names::RECV_BUFFER, 2).unwrap();
    subscribe(&mut sim, sub, "a");
    let ctx = sim.context(sub).unwrap();
    assert_eq!(sim.machine(sub).option(ctx, names::SUB_PREFNEW).unwrap(), false.into());
    assert_eq!(sim.machine(sub).option(ctx, names::RECV_BUFFER).unwrap(), 2.into());
    sim.set(sub, ctx, names::SUB_PREFNEW, true).unwrap();
    sim.set(sub, ctx, names::SUB_SUBSCRIBE, topic("")).unwrap();
    send_all(&mut sim, publisher, &["a1", "a2", "a3", "b1"]);
    assert_eq!(drain(&mut sim, sub), ["a1", "a2"], "the new one is dropped");
    assert_eq!(drain_on(&mut sim, sub, ctx), ["a3", "b1"], "the oldest is dropped");
    assert_eq!(sim.drops(sub, DropCause::RecvQueueFull), 1 + 2);
}

#[test]
fn contexts_share_a_large_body() {
    let (mut sim, publisher, sub, _) = pair_of("pub", "sub");
    let ctx = sim.context(sub).unwrap();
    subscribe(&mut sim, sub, "");
    sim.set(sub, ctx, names::SUB_SUBSCRIBE, topic("")).unwrap();
    sim.send(publisher, vec![7; 100_000]).unwrap();
    let (a, b) = (sim.recv(sub).unwrap(), sim.recv_on(sub, ctx).unwrap());
    assert_eq!(a.body().as_ptr(), b.body().as_ptr());
}

#[test]
fn subscribers_share_a_large_body() {
    let mut sim = Sim::new(1);
    let publisher = sim.socket("pub");
    let subs = [sim.socket("sub"), sim.socket("sub"), sim.socket("sub")];
    for sub in subs {
        sim.connect_with(publisher, sub, LinkSpec { wire: false, ..LinkSpec::default() }).unwrap();
        subscribe(&mut sim, sub, "");
    }
    let mut large = Message::new();
    large.append(&[7; 100_000]);
    sim.send(publisher, large).unwrap();
    let got = subs.map(|sub| sim.recv(sub).unwrap());
    assert!(got.iter().all(|msg| msg.body().as_ptr() == got[0].body().as_ptr()));
}

#[test]
fn a_message_that_is_put_back_must_still_match() {
    let (mut sim, publisher, sub, _) = pair_of("pub", "sub");
    subscribe(&mut sim, sub, "a");
    send_all(&mut sim, publisher, &["a1", "a2"]);
    let msg = sim.recv(sub).unwrap();
    sim.unrecv(sub, SOCKET, msg);
    let msg = sim.recv(sub).unwrap();
    assert_eq!(text(&msg), "a1");
    unsubscribe(&mut sim, sub, "a").unwrap();
    sim.unrecv(sub, SOCKET, msg);
    assert_eq!(sim.recv(sub), Err(Error::TryAgain));
}

#[test]
fn raw_sub_receives_everything_and_has_no_topics() {
    let (mut sim, publisher, sub, _) = pair_of("pub", "sub-raw");
    send_all(&mut sim, publisher, &["a", "b"]);
    assert_eq!(drain(&mut sim, sub), ["a", "b"]);
    assert!(matches!(sim.set(sub, SOCKET, names::SUB_SUBSCRIBE, topic("a")), Err(Error::NotSupported(_))));
    assert!(matches!(sim.context(sub), Err(Error::NotSupported(_))));
}

#[test]
fn the_wrong_direction_is_not_supported() {
    let (mut sim, publisher, sub, _) = pair_of("pub", "sub");
    assert!(matches!(sim.recv(publisher), Err(Error::NotSupported(_))));
    assert!(matches!(sim.send(sub, "x"), Err(Error::NotSupported(_))));
}
