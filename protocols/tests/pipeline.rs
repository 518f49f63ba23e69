//! The rules of push and pull.

mod common;

use common::*;
use spanwire_core::Error;
use spanwire_protocols::sim::{LinkSpec, Outcome, Sim};

#[test]
fn work_goes_round_the_pullers() {
    let mut sim = Sim::new(1);
    let push = sim.socket("push");
    let pulls: Vec<_> = (0..3).map(|_| sim.socket("pull")).collect();
    for pull in &pulls {
        sim.connect(push, *pull).unwrap();
    }
    send_all(&mut sim, push, &["0", "1", "2", "3", "4", "5"]);
    for (n, pull) in pulls.iter().enumerate() {
        assert_eq!(drain(&mut sim, *pull), [format!("{n}"), format!("{}", n + 3)]);
    }
}

#[test]
fn a_slow_puller_is_skipped() {
    let mut sim = Sim::new(1);
    let (push, slow, fast) = (sim.socket("push"), sim.socket("pull"), sim.socket("pull"));
    let link = sim.connect_with(push, slow, deep(1)).unwrap();
    sim.connect(push, fast).unwrap();
    sim.stall(link, push);
    send_all(&mut sim, push, &["slow", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(drain(&mut sim, fast), ["1", "2", "3", "4", "5", "6"]);
    sim.unstall(link, push);
    assert_eq!(drain(&mut sim, slow), ["slow"]);
}

#[test]
fn the_best_ready_priority_gets_everything() {
    let mut sim = Sim::new(1);
    let (push, standby, main) = (sim.socket("push"), sim.socket("pull"), sim.socket("pull"));
    sim.connect_with(push, standby, first(10)).unwrap();
    let link = sim.connect_with(push, main, LinkSpec { depth: 2, ..first(2) }).unwrap();
    send_all(&mut sim, push, &["1", "2", "3"]);
    assert_eq!((drain(&mut sim, main).len(), drain(&mut sim, standby).len()), (3, 0));
    sim.stall(link, push);
    send_all(&mut sim, push, &["4", "5", "6"]);
    assert_eq!(drain(&mut sim, standby), ["6"], "used only when the first is full");
    sim.unstall(link, push);
    assert_eq!(drain(&mut sim, main), ["4", "5"]);
}

#[test]
fn without_a_ready_peer_a_send_waits() {
    let mut sim = Sim::new(1);
    let (push, pull) = (sim.socket("push"), sim.socket("pull"));
    assert_eq!(sim.send(push, "x"), Err(Error::TryAgain));
    let calls = [sim.start_send(push, SOCKET, "1"), sim.start_send(push, SOCKET, "2")];
    let link = sim.connect_with(push, pull, deep(1)).unwrap();
    assert_eq!(calls.map(|call| sim.outcome(push, call)), [Some(Outcome::Sent), Some(Outcome::Sent)]);
    sim.stall(link, push);
    sim.send(push, "3").unwrap();
    assert_eq!(sim.send(push, "x"), Err(Error::TryAgain));
    sim.unstall(link, push);
    assert_eq!(drain(&mut sim, pull), ["1", "2", "3"]);
}

#[test]
fn the_send_buffer_takes_what_no_peer_can() {
    let mut sim = Sim::new(1);
    let (push, pull) = (sim.socket("push"), sim.socket("pull"));
    sim.set(push, SOCKET, names::SEND_BUFFER, 2).unwrap();
    send_all(&mut sim, push, &["1", "2"]);
    assert_eq!(sim.send(push, "3"), Err(Error::TryAgain));
    assert_eq!(sim.machine(push).unsent(), 2);
    sim.connect(push, pull).unwrap();
    sim.send(push, "3").unwrap();
    assert_eq!(drain(&mut sim, pull), ["1", "2", "3"]);
}

#[test]
fn what_never_left_goes_to_another_pipe_in_order() {
    let (mut sim, push, _, link) = pair_of("push", "pull");
    let other = sim.socket("pull");
    sim.stall(link, push);
    send_all(&mut sim, push, &["1", "2", "3"]);
    sim.disconnect(link);
    assert_eq!(sim.machine(push).unsent(), 3);
    sim.connect(push, other).unwrap();
    sim.send(push, "4").unwrap();
    assert_eq!(drain(&mut sim, other), ["1", "2", "3", "4"]);
}

#[test]
fn a_pipe_is_read_128_messages_ahead_and_again_at_64() {
    let (mut sim, push, pull, link) = pair_of("push", "pull");
    let mut sent = 0;
    while sim.send(push, format!("{sent}")).is_ok() {
        sent += 1;
    }
    assert_eq!((sim.machine(pull).can_recv(SOCKET), sim.on_wire(link, push).len()), (128, 4));
    for _ in 0..63 {
        sim.recv(pull).unwrap();
    }
    assert_eq!((sim.machine(pull).can_recv(SOCKET), sim.on_wire(link, push).len()), (65, 4));
    sim.recv(pull).unwrap();
    assert_eq!((sim.machine(pull).can_recv(SOCKET), sim.on_wire(link, push).len()), (68, 0));
    assert_eq!(drain(&mut sim, pull), (64..sent).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn all_pipes_together_are_bounded_too_and_all_go_on() {
    let mut sim = Sim::new(1);
    let pull = sim.socket("pull");
    let pushes: Vec<_> = (0..200).map(|_| sim.socket("push")).collect();
    for push in &pushes {
        sim.connect(*push, pull).unwrap();
    }
    let mut sent = 0;
    for _ in 0..100 {
        for push in &pushes {
            sent += usize::from(sim.send(*push, "x").is_ok());
        }
    }
    let held = sim.machine(pull).held();
    assert!((8192..8192 + 200).contains(&held), "{held}");
    assert_eq!(drain(&mut sim, pull).len(), sent);
}

#[test]
fn pull_prefers_the_better_priority_and_is_fair_within_one() {
    let mut sim = Sim::new(1);
    let (pull, a, b, c) = (sim.socket("pull"), sim.socket("push"), sim.socket("push"), sim.socket("push"));
    for (push, priority) in [(a, 9), (b, 9), (c, 1)] {
        sim.connect_with(push, pull, first(priority)).unwrap();
    }
    for n in 0..2 {
        for (push, name) in [(a, "a"), (b, "b"), (c, "c")] {
            sim.send(push, format!("{name}{n}")).unwrap();
        }
    }
    assert_eq!(drain(&mut sim, pull), ["c0", "c1", "a0", "b0", "a1", "b1"]);
}

#[test]
fn received_work_outlives_its_pipe() {
    let (mut sim, push, pull, link) = pair_of("push", "pull");
    send_all(&mut sim, push, &["1", "2"]);
    sim.disconnect(link);
    assert_eq!(drain(&mut sim, pull), ["1", "2"]);
}

#[test]
fn work_that_is_put_back_comes_first() {
    let (mut sim, push, pull, _) = pair_of("push", "pull");
    send_all(&mut sim, push, &["1", "2", "3"]);
    let (one, two) = (sim.recv(pull).unwrap(), sim.recv(pull).unwrap());
    sim.unrecv(pull, SOCKET, two);
    sim.unrecv(pull, SOCKET, one);
    assert_eq!(drain(&mut sim, pull), ["1", "2", "3"]);
}

#[test]
fn the_wrong_direction_is_not_supported() {
    let (mut sim, push, pull, link) = pair_of("push", "pull");
    assert!(matches!(sim.recv(push), Err(Error::NotSupported(_))));
    assert!(matches!(sim.send(pull, "x"), Err(Error::NotSupported(_))));
    sim.inject(link, push, b"a puller has nothing to say");
    assert!(!sim.is_up(link));
}
