//! Who waits is woken, in time; and nobody works for others for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use spanwire_core::driver::{Limit, Operation};
use spanwire_core::{Error, Message, OptionValue};

use crate::common::{S, address, connected, dial, listen, open, recv, send, wait_for, within};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(10);

#[test]
fn a_survey_ends_in_time_for_the_leader_while_another_thread_waits() {
    let surveyor = open("surveyor");
    let survey = |time| {
        let ctx = surveyor.open_context().unwrap();
        surveyor.set_option(ctx, "surveyor:survey-time", OptionValue::Duration(Some(time))).unwrap();
        surveyor.send(ctx, Message::new()).wait(Limit::Never).unwrap();
        ctx
    };
    let (short, long) = (survey(Duration::from_millis(300)), survey(LONG));
    let start = Instant::now();
    thread::scope(|scope| {
        let first = scope.spawn(|| {
            let result = surveyor.recv(short).wait(Limit::Never);
            (result, start.elapsed())
        });
        thread::sleep(Duration::from_millis(50));
        scope.spawn(|| surveyor.recv(long).wait(Limit::Never));
        let (result, took) = first.join().unwrap();
        surveyor.close_context(long).unwrap();
        assert_eq!(result.unwrap_err(), Error::TimedOut);
        assert!(took < Duration::from_secs(3), "it took {took:?}");
    });
}

/// Receivers that always come back have their pipe to themselves. It is looked after when they stay away: for a task, and for its end.
#[test]
fn a_pipe_is_looked_after_when_its_leader_stays_away() {
    let (near, far) = connected("pair", "pair", "tcp");
    thread::scope(|scope| {
        scope.spawn(|| {
            while let Ok(msg) = recv(&far, LONG) {
                let _ = send(&far, msg, LONG);
            }
        });
        let send_one = || send(&near, "x", LONG).unwrap();
        for _ in 0..100 {
            send_one();
            recv(&near, LONG).unwrap();
        }
        let later = near.recv(S);
        send_one();
        assert_eq!(block_on(later).unwrap().body(), b"x");
        for _ in 0..100 {
            send_one();
            recv(&near, LONG).unwrap();
        }
        far.close().wait(Limit::Never).unwrap();
        wait_for(|| near.pipes().is_empty());
    });
}

#[test]
fn a_message_put_back_reaches_the_leader_before_a_thread_that_came_later() {
    let pull = Arc::new(open("pull"));
    let receive = |pull: &Arc<spanwire_core::driver::Socket>| {
        let pull = pull.clone();
        thread::spawn(move || recv(&pull, LONG))
    };
    let first = receive(&pull);
    thread::sleep(Duration::from_millis(100));
    let second = receive(&pull);
    thread::sleep(Duration::from_millis(100));
    let start = Instant::now();
    pull.unrecv(S, Message::new()).unwrap();
    first.join().unwrap().unwrap();
    assert!(start.elapsed() < 3 * SECOND);
    pull.close().wait(Limit::Never).unwrap();
    assert_eq!(second.join().unwrap().unwrap_err(), Error::Closed);
}

#[test]
fn a_flood_for_nobody_does_not_hold_up_a_timeout() {
    let sub = open("sub");
    let url = listen(&sub, &address("ipc")).url();
    let stop = Arc::new(AtomicBool::new(false));
    let flood: Vec<_> = (0..4)
        .map(|_| {
            let (url, stop) = (url.clone(), stop.clone());
            thread::spawn(move || {
                let push = open("pub");
                dial(&push, &url);
                while !stop.load(Ordering::Relaxed) {
                    send(&push, vec![0; 100], LONG).unwrap();
                }
            })
        })
        .collect();
    wait_for(|| sub.pipes().len() == 4);
    // No subscription.
    let (waited, tried) = within(30 * SECOND, "a receive", move || {
        let start = Instant::now();
        assert_eq!(sub.recv(S).wait(Limit::After(SECOND / 5)).unwrap_err(), Error::TimedOut);
        let waited = start.elapsed();
        assert_eq!(sub.recv(S).try_now().unwrap_err(), Error::TryAgain);
        (waited, start.elapsed() - waited)
    });
    stop.store(true, Ordering::Relaxed);
    flood.into_iter().for_each(|thread| thread.join().unwrap());
    println!("waited {waited:?}, tried {tried:?}");
    assert!(waited < 3 * SECOND && tried < 3 * SECOND);
}

#[test]
#[cfg(unix)]
fn a_long_queue_moves_between_local_sockets_without_a_deep_stack() {
    let (a, b) = (open("pair"), open("pair"));
    a.set_option(S, "send-buffer", OptionValue::Int(8192)).unwrap();
    b.set_option(S, "recv-buffer", OptionValue::Int(8192)).unwrap();
    b.option(S, "recv-fd").unwrap();
    for n in 0..8192_u32 {
        send(&a, n.to_be_bytes().to_vec(), LONG).unwrap();
    }
    dial(&a, &listen(&b, &address("inproc")).url());
    for n in 0..8192_u32 {
        assert_eq!(recv(&b, LONG).unwrap().body(), n.to_be_bytes());
    }
}

/// Whoever has dialed is heard from the first message on, even by protocols that drop what nobody takes.
#[test]
fn what_is_sent_after_a_dial_inside_the_process_arrives() {
    for _ in 0..200 {
        let (listening, dialing) = (open("bus"), open("bus"));
        let listener = listen(&listening, &address("inproc"));
        dial(&dialing, &listener.url());
        send(&listening, "from the listener", LONG).unwrap();
        assert_eq!(recv(&dialing, LONG).unwrap().body(), b"from the listener");
        send(&dialing, "from the dialer", LONG).unwrap();
        assert_eq!(recv(&listening, LONG).unwrap().body(), b"from the dialer");
    }
}
