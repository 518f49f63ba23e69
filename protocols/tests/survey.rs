//! The rules of surveyor and respondent.

mod common;

use common::*;
use spanwire_core::{Error, Message};
use spanwire_protocols::sim::{LinkId, NodeId, Sim};

/// A surveyor with two respondents.
fn three() -> (Sim, NodeId, [NodeId; 2], [LinkId; 2]) {
    let mut sim = Sim::new(1);
    let (surveyor, one, two) = (sim.socket("surveyor"), sim.socket("respondent"), sim.socket("respondent"));
    let links = [sim.connect(surveyor, one).unwrap(), sim.connect(surveyor, two).unwrap()];
    (sim, surveyor, [one, two], links)
}

fn answer(sim: &mut Sim, node: NodeId, text: &str) {
    sim.recv(node).unwrap();
    sim.send(node, text).unwrap();
}

#[test]
fn a_survey_reaches_everybody_and_all_answers_come_back() {
    let (mut sim, surveyor, [one, two], _) = three();
    sim.send(surveyor, "who?").unwrap();
    answer(&mut sim, one, "1");
    answer(&mut sim, two, "2");
    assert_eq!(drain(&mut sim, surveyor), ["1", "2"]);
    assert_eq!(sim.recv(surveyor), Err(Error::TryAgain), "the survey is still open");
}

#[test]
fn a_new_survey_cancels_the_old_one_and_flushes_its_replies() {
    let (mut sim, surveyor, [one, two], _) = three();
    sim.send(surveyor, "first").unwrap();
    answer(&mut sim, one, "to the first");
    sim.send(surveyor, "second").unwrap();
    assert_eq!(sim.drops(surveyor, DropCause::Stale), 1);
    let receives = [sim.start_recv(surveyor, SOCKET), sim.start_recv(surveyor, SOCKET)];
    sim.send(surveyor, "third").unwrap();
    for receive in receives {
        assert_eq!(error_of(&mut sim, surveyor, receive), Some(Error::Canceled));
    }
    answer(&mut sim, two, "too late");
    assert_eq!(sim.recv(surveyor), Err(Error::TryAgain));
}

#[test]
fn send_succeeds_with_no_peer_and_with_slow_ones() {
    let mut sim = Sim::new(1);
    let (surveyor, respondent) = (sim.socket("surveyor"), sim.socket("respondent"));
    sim.send(surveyor, "nobody").unwrap();
    let link = sim.connect_with(surveyor, respondent, deep(1)).unwrap();
    sim.stall(link, surveyor);
    for n in 0..10 {
        sim.send(surveyor, format!("{n}")).unwrap();
    }
    assert_eq!(sim.drops(surveyor, DropCause::SendQueueFull), 1);
    sim.unstall(link, surveyor);
    assert_eq!(drain(&mut sim, respondent), (0..9).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn receive_without_a_survey_or_after_it_is_an_error_of_state() {
    let (mut sim, surveyor, [one, _], _) = three();
    assert!(is_state(sim.recv(surveyor)));
    sim.send(surveyor, "who?").unwrap();
    answer(&mut sim, one, "here");
    sim.advance(ms(1000));
    assert!(is_state(sim.recv(surveyor)), "unread answers go with the survey");
    assert_eq!(sim.machine(surveyor).held(), 0);
    assert_eq!(sim.machine(surveyor).next_timeout(), None);
}

#[test]
fn receives_that_wait_when_the_survey_ends_time_out() {
    let (mut sim, surveyor, _, _) = three();
    sim.send(surveyor, "who?").unwrap();
    let receives = [sim.start_recv(surveyor, SOCKET), sim.start_recv(surveyor, SOCKET)];
    sim.advance(ms(999));
    assert_eq!(sim.outcome(surveyor, receives[0]), None);
    sim.advance(ms(1));
    for receive in receives {
        assert_eq!(error_of(&mut sim, surveyor, receive), Some(Error::TimedOut));
    }
}

#[test]
fn several_receives_are_served_in_order() {
    let (mut sim, surveyor, [one, two], _) = three();
    sim.send(surveyor, "who?").unwrap();
    let receives = [sim.start_recv(surveyor, SOCKET), sim.start_recv(surveyor, SOCKET)];
    answer(&mut sim, two, "2");
    answer(&mut sim, one, "1");
    assert_eq!(receives.map(|call| text_of(&mut sim, surveyor, call).unwrap()), ["2", "1"]);
}

#[test]
fn cancelling_a_receive_ends_the_survey() {
    let (mut sim, surveyor, [one, _], _) = three();
    sim.send(surveyor, "who?").unwrap();
    let receives = [sim.start_recv(surveyor, SOCKET), sim.start_recv(surveyor, SOCKET)];
    sim.cancel(surveyor, receives[0], Error::TimedOut);
    assert_eq!(error_of(&mut sim, surveyor, receives[1]), Some(Error::Canceled));
    answer(&mut sim, one, "late");
    assert!(is_state(sim.recv(surveyor)));
    assert_eq!(sim.drops(surveyor, DropCause::Stale), 1);
}

#[test]
fn a_context_queues_128_replies() {
    let (mut sim, surveyor, _, [link, _]) = three();
    sim.stall(link, surveyor);
    sim.send(surveyor, "who?").unwrap();
    let survey = sim.on_wire(link, surveyor).remove(0);
    for n in 0..130 {
        sim.inject(link, surveyor, &[&survey[..4], format!("{n}").as_bytes()].concat());
    }
    assert_eq!(sim.drops(surveyor, DropCause::RecvQueueFull), 2);
    assert_eq!(drain(&mut sim, surveyor), (0..128).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_survey_time_is_at_least_a_millisecond_and_changes_the_next_survey() {
    let (mut sim, surveyor, _, _) = three();
    sim.send(surveyor, "a second").unwrap();
    sim.set(surveyor, SOCKET, names::SURVEYOR_SURVEY_TIME, ms(0)).unwrap();
    assert_eq!(sim.machine(surveyor).option(SOCKET, names::SURVEYOR_SURVEY_TIME).unwrap(), ms(1).into());
    sim.advance(ms(500));
    assert_eq!(sim.recv(surveyor), Err(Error::TryAgain));
    sim.send(surveyor, "a millisecond").unwrap();
    sim.advance(ms(1));
    assert!(is_state(sim.recv(surveyor)));
}

#[test]
fn a_new_survey_lasts_its_full_time() {
    let (mut sim, surveyor, [one, _], _) = three();
    sim.send(surveyor, "first").unwrap();
    sim.advance(ms(500));
    sim.send(surveyor, "second").unwrap();
    let receive = sim.start_recv(surveyor, SOCKET);
    sim.advance(ms(999));
    answer(&mut sim, one, "to the first");
    answer(&mut sim, one, "to the second");
    assert_eq!(text_of(&mut sim, surveyor, receive).unwrap(), "to the second");
}

#[test]
fn contexts_have_surveys_and_times_of_their_own() {
    let (mut sim, surveyor, [one, _], _) = three();
    sim.set(surveyor, SOCKET, names::SURVEYOR_SURVEY_TIME, ms(50)).unwrap();
    let ctx = sim.context(surveyor).unwrap();
    sim.set(surveyor, SOCKET, names::SURVEYOR_SURVEY_TIME, ms(20)).unwrap();
    sim.send(surveyor, "short").unwrap();
    sim.send_on(surveyor, ctx, "long").unwrap();
    answer(&mut sim, one, "to the short one");
    assert_eq!(sim.recv_on(surveyor, ctx), Err(Error::TryAgain));
    sim.advance(ms(20));
    assert!(is_state(sim.recv(surveyor)));
    answer(&mut sim, one, "to the long one");
    assert_eq!(drain_on(&mut sim, surveyor, ctx), ["to the long one"]);
}

#[test]
fn a_reply_without_an_id_closes_the_pipe() {
    for bad in [&b""[..], b"\x80\0\0", b"\0\0\0\x01x"] {
        let (mut sim, surveyor, _, [link, _]) = three();
        sim.inject(link, surveyor, bad);
        assert!(!sim.is_up(link), "{bad:?}");
    }
}

#[test]
fn a_respondent_follows_the_rules_of_rep() {
    let (mut sim, surveyor, [one, _], [link, _]) = three();
    assert!(is_state(sim.send(one, "nothing was asked")));
    sim.send(surveyor, "who?").unwrap();
    sim.recv(one).unwrap();
    sim.disconnect(link);
    sim.send(one, "to nobody").unwrap();
    assert_eq!(sim.drops(one, DropCause::NoPipe), 1);
    let first = sim.start_recv(one, SOCKET);
    assert!(is_state(sim.recv(one)));
    assert_eq!(sim.outcome(one, first), None);
}

#[test]
fn raw_surveyor_and_respondent_make_a_device() {
    let mut sim = Sim::new(1);
    let (surveyor, front) = (sim.socket("surveyor"), sim.socket("respondent-raw"));
    let (back, one, two) = (sim.socket("surveyor-raw"), sim.socket("respondent"), sim.socket("respondent"));
    sim.connect(surveyor, front).unwrap();
    sim.connect(back, one).unwrap();
    sim.connect(back, two).unwrap();
    sim.send(surveyor, "who?").unwrap();
    let msg: Message = sim.recv(front).unwrap();
    sim.send(back, msg).unwrap();
    answer(&mut sim, one, "1");
    answer(&mut sim, two, "2");
    while let Ok(msg) = sim.recv(back) {
        sim.send(front, msg).unwrap();
    }
    assert_eq!(drain(&mut sim, surveyor), ["1", "2"]);
}
