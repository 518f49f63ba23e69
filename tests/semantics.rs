//! What the protocols promise, as far as only whole sockets can show it; over inproc and tcp.

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{S, address, connected, dial, listen, open, open_form, recv, send, wait_for, within};
use futures_lite::future::block_on;
use spanwire_core::driver::{Limit, Operation, Socket, device};
use spanwire_core::option::names;
use spanwire_core::{ContextId, Error, Message, OptionValue, Result};

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(30);
const SCHEMES: [&str; 2] = ["inproc", "tcp"];

fn set(socket: &Socket, name: &str, value: impl Into<OptionValue>) {
    socket.set_option(S, name, value.into()).unwrap();
}

fn counted(socket: &Socket, name: &str) -> u64 {
    socket.stats().number(&[name]).unwrap()
}

fn text(result: Result<Message>) -> String {
    result.unwrap().to_str().unwrap().to_owned()
}

fn recv_in(socket: &Socket, ctx: ContextId) -> Result<Message> {
    socket.recv(ctx).wait(Limit::after(LONG))
}

/// A receive in a thread, that surely waits: the protocol refuses a second one, or time has passed.
fn waiting_recv(socket: &Socket, ctx: ContextId) -> thread::JoinHandle<Result<Message>> {
    let (waiting, socket) = (socket.clone(), socket.clone());
    let (tell, told) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        tell.send(()).unwrap();
        waiting.recv(ctx).wait(Limit::after(LONG))
    });
    told.recv().unwrap();
    if ["req", "rep"].contains(&socket.info().name) {
        wait_for(|| matches!(socket.recv(ctx).try_now(), Err(Error::State(_))));
    } else {
        thread::sleep(SHORT);
    }
    thread
}

#[test]
fn timeouts() {
    for scheme in SCHEMES {
        let (a, b) = connected("pair", "pair", scheme);
        for socket in [&a, &open("pair")] {
            set(socket, names::RECV_TIMEOUT, SHORT);
            let begin = Instant::now();
            assert_eq!(socket.recv(S).wait(Limit::Options), Err(Error::TimedOut));
            assert!(begin.elapsed() >= SHORT && begin.elapsed() < LONG);
            assert_eq!(socket.recv(S).try_now(), Err(Error::TryAgain));
        }
        let alone = open("push");
        set(&alone, names::SEND_TIMEOUT, SHORT);
        let refused = alone.send(S, "keep".into()).wait(Limit::Options).unwrap_err();
        assert_eq!((refused.error, refused.message.body()), (Error::TimedOut, &b"keep"[..]));
        let refused = alone.send(S, "keep".into()).try_now().unwrap_err();
        assert_eq!((refused.error, refused.message.body()), (Error::TryAgain, &b"keep"[..]));
        // What timed out was not sent, and what was not received is still there.
        send(&b, "later", LONG).unwrap();
        assert_eq!(text(recv(&a, LONG)), "later");
    }
}

#[test]
fn the_wrong_state() {
    for scheme in SCHEMES {
        let (rep, req) = connected("rep", "req", scheme);
        assert!(matches!(recv(&req, LONG), Err(Error::State(_))));
        assert!(matches!(send(&rep, "unasked", LONG), Err(Error::State(_))));
        let surveyor = open("surveyor");
        assert!(matches!(recv(&surveyor, LONG), Err(Error::State(_))));
        assert!(matches!(send(&open("pull"), "x", LONG), Err(Error::NotSupported(_))));
        assert!(matches!(recv(&open("push"), LONG), Err(Error::NotSupported(_))));
        assert!(matches!(open("pair").open_context(), Err(Error::NotSupported(_))));
        send(&req, "ask", LONG).unwrap();
        let waiting = waiting_recv(&req, S);
        assert!(matches!(recv(&req, LONG), Err(Error::State(_))));
        assert_eq!(text(recv(&rep, LONG)), "ask");
        send(&rep, "answer", LONG).unwrap();
        assert_eq!(text(waiting.join().unwrap()), "answer");
    }
}

/// A new request ends the wait for the reply to the old one, whose reply then means nothing.
#[test]
fn a_new_request_cancels_the_old_one() {
    for scheme in SCHEMES {
        let (rep, req) = connected("rep", "req", scheme);
        send(&req, "old", LONG).unwrap();
        let waiting = waiting_recv(&req, S);
        assert_eq!(text(recv(&rep, LONG)), "old");
        send(&req, "new", LONG).unwrap();
        let old = within(LONG / 5, "the old receive", move || waiting.join().unwrap());
        assert_eq!(old, Err(Error::Canceled), "{scheme}");
        send(&rep, "old answer", LONG).unwrap();
        assert_eq!(text(recv(&rep, LONG)), "new");
        send(&rep, "new answer", LONG).unwrap();
        assert_eq!(text(recv(&req, LONG)), "new answer");
        assert_eq!(counted(&req, "drop_stale"), 1);
    }
}

/// The same for a survey, whose receives may be many.
#[test]
fn a_new_survey_cancels_the_old_one() {
    let surveyor = open("surveyor");
    set(&surveyor, names::SURVEYOR_SURVEY_TIME, LONG);
    send(&surveyor, "old", LONG).unwrap();
    let waiting = [waiting_recv(&surveyor, S), waiting_recv(&surveyor, S)];
    send(&surveyor, "new", LONG).unwrap();
    for thread in waiting {
        assert_eq!(within(LONG / 5, "the old receive", move || thread.join().unwrap()), Err(Error::Canceled));
    }
}

#[test]
fn a_lost_pipe_resets_or_resends() {
    for scheme in SCHEMES {
        for resend in [false, true] {
            let (first, req) = connected("rep", "req", scheme);
            set(&req, names::REQ_RESEND_TIME, if resend { Some(LONG) } else { None });
            let second = open("rep");
            let url = listen(&second, &address(scheme)).url();
            send(&req, "ask", LONG).unwrap();
            assert_eq!(text(recv(&first, LONG)), "ask");
            let waiting = waiting_recv(&req, S);
            drop(first);
            if resend {
                dial(&req, &url);
                assert_eq!(text(recv(&second, LONG)), "ask");
                send(&second, "from the second", LONG).unwrap();
                assert_eq!(text(waiting.join().unwrap()), "from the second");
            } else {
                assert_eq!(
                    within(LONG / 5, "the receive", move || waiting.join().unwrap()),
                    Err(Error::ConnectionReset)
                );
                assert!(matches!(recv(&req, LONG), Err(Error::State(_))));
            }
        }
    }
}

/// A peer that took the request and says nothing is asked again after the resend time.
#[test]
fn silence_is_asked_again() {
    for scheme in SCHEMES {
        let (rep, req) = connected("rep", "req", scheme);
        set(&req, names::REQ_RESEND_TICK, Duration::from_millis(5));
        set(&req, names::REQ_RESEND_TIME, SHORT);
        send(&req, "ask", LONG).unwrap();
        assert_eq!(text(recv(&rep, LONG)), "ask");
        assert_eq!(text(recv(&rep, LONG)), "ask");
        send(&rep, "answer", LONG).unwrap();
        assert_eq!(text(recv(&req, LONG)), "answer");
    }
}

/// A pipe is not read further until its request is taken: the peer feels it.
#[test]
fn requests_press_back() {
    for scheme in SCHEMES {
        let (rep, req) = (open("rep"), open_form("req", true));
        dial(&req, &listen(&rep, &address(scheme)).url());
        let mut sent = 0;
        let request = |n: u32| {
            let mut msg = Message::from(vec![0; 50_000]);
            msg.append_header_u32(n | 0x8000_0000);
            msg
        };
        while req.send(S, request(sent)).wait(Limit::after(SHORT)).is_ok() {
            sent += 1;
            assert!(sent < 1000, "nothing held the sender up");
        }
        for _ in 0..sent {
            assert_eq!(recv(&rep, LONG).unwrap().len(), 50_000);
            send(&rep, "", LONG).unwrap();
        }
        for n in 0..sent {
            assert_eq!(recv(&req, LONG).unwrap().header(), (n | 0x8000_0000).to_be_bytes());
        }
        assert_eq!(recv(&rep, SHORT), Err(Error::TimedOut));
    }
}

/// A slow subscriber loses the oldest messages, the publisher counts them, and never waits.
#[test]
fn a_publisher_counts_what_it_drops() {
    for scheme in SCHEMES {
        let (publisher, sub) = connected("pub", "sub", scheme);
        set(&sub, names::SUB_SUBSCRIBE, vec![]);
        // More than the subscriber holds, it drops, too.
        set(&sub, names::RECV_BUFFER, 8192);
        let n = 3000_u32;
        let begin = Instant::now();
        for i in 0..n {
            let mut body = i.to_be_bytes().to_vec();
            body.resize(if scheme == "tcp" { 10_000 } else { 10 }, 0);
            send(&publisher, body, LONG).unwrap();
        }
        assert!(begin.elapsed() < LONG);
        let mut last = None;
        let mut got = 0_u32;
        while let Ok(msg) = recv(&sub, SHORT * 10) {
            let i = u32::from_be_bytes(*msg.body().first_chunk().unwrap());
            assert!(last.is_none_or(|last| last < i), "in order");
            (last, got) = (Some(i), got + 1);
        }
        let drops = counted(&publisher, "drop_tx_full") + counted(&sub, "drop_rx_full");
        assert_eq!(u64::from(got) + drops, u64::from(n), "{scheme}");
        assert_eq!(last, Some(n - 1), "the newest survives");
    }
}

/// Each context has subscriptions, a queue and timeouts of its own.
#[test]
fn contexts_of_a_subscriber() {
    for scheme in SCHEMES {
        let (publisher, sub) = connected("pub", "sub", scheme);
        set(&sub, names::RECV_TIMEOUT, SHORT);
        let (all, some) = (sub.open_context().unwrap(), sub.open_context().unwrap());
        sub.set_option(all, names::SUB_SUBSCRIBE, vec![].into()).unwrap();
        sub.set_option(some, names::SUB_SUBSCRIBE, b"b".as_slice().into()).unwrap();
        for body in ["a1", "b1", "b2"] {
            send(&publisher, body, LONG).unwrap();
        }
        assert_eq!([text(recv_in(&sub, all)), text(recv_in(&sub, all))], ["a1", "b1"]);
        assert_eq!([text(recv_in(&sub, some)), text(recv_in(&sub, some))], ["b1", "b2"]);
        assert_eq!(text(recv_in(&sub, all)), "b2");
        assert_eq!(sub.option(some, names::RECV_TIMEOUT), Ok(SHORT.into()));
        assert_eq!(sub.recv(some).wait(Limit::Options), Err(Error::TimedOut));
        assert_eq!(sub.recv(S).try_now(), Err(Error::TryAgain));
        let unknown = sub.set_option(S, names::SUB_UNSUBSCRIBE, b"b".as_slice().into());
        assert!(matches!(unknown, Err(Error::NotFound(_))), "{unknown:?}");
    }
}

#[test]
fn surveys_expire() {
    for scheme in SCHEMES {
        let (respondent, surveyor) = connected("respondent", "surveyor", scheme);
        set(&surveyor, names::SURVEYOR_SURVEY_TIME, SHORT * 3);
        send(&surveyor, "who?", LONG).unwrap();
        assert_eq!(text(recv(&respondent, LONG)), "who?");
        send(&respondent, "me", LONG).unwrap();
        let begin = Instant::now();
        assert_eq!(text(recv(&surveyor, LONG)), "me");
        assert_eq!(recv(&surveyor, LONG), Err(Error::TimedOut));
        assert!(begin.elapsed() < LONG / 2, "the survey ends the receive");
        assert!(matches!(recv(&surveyor, LONG), Err(Error::State(_))));
    }
}

/// A second peer is refused and counted; the next is welcome when the first has gone.
#[test]
fn a_pair_is_exclusive() {
    for scheme in SCHEMES {
        for name in ["pair", "pair1"] {
            let (a, b) = connected(name, name, scheme);
            let first = a.pipes()[0].id();
            let third = open(name);
            set(&third, names::RECONNECT_TIME_MIN, Duration::from_millis(2));
            set(&third, names::RECONNECT_TIME_MAX, Duration::from_millis(20));
            third.dialer(&a.listeners()[0].url()).unwrap().start_in_background().unwrap();
            wait_for(|| counted(&a, "reject") >= 2);
            assert_eq!(a.pipes().len(), 1);
            assert!(a.stats().number(&["listener", "reject"]).unwrap() >= 2);
            send(&b, "still", LONG).unwrap();
            assert_eq!(text(recv(&a, LONG)), "still");
            drop(b);
            wait_for(|| a.pipes().iter().any(|pipe| pipe.id() != first));
            send(&a, "welcome", LONG).unwrap();
            assert_eq!(text(recv(&third, LONG)), "welcome");
        }
    }
}

/// What never left this process goes to another peer.
#[test]
fn unsent_messages_go_to_another_peer() {
    for scheme in SCHEMES {
        let (stuck, push) = connected("pull", "push", scheme);
        let mut sent = 0_u32;
        loop {
            let mut body = sent.to_be_bytes().to_vec();
            body.resize(5000, 0);
            if push.send(S, body.into()).wait(Limit::after(SHORT)).is_err() {
                break;
            }
            sent += 1;
        }
        let heir = open("pull");
        let url = listen(&heir, &address(scheme)).url();
        // What the first one has taken in is lost with it.
        let taken = counted(&stuck, "rx_msgs");
        drop(stuck);
        dial(&push, &url);
        let mut inherited = Vec::new();
        while let Ok(msg) = recv(&heir, SHORT * 5) {
            inherited.push(u32::from_be_bytes(*msg.body().first_chunk().unwrap()));
        }
        assert!(inherited.len() > 20, "{scheme}: {} of {sent}, {taken} taken", inherited.len());
        assert!(inherited.windows(2).all(|pair| pair[0] + 1 == pair[1]), "in order and without a gap");
        assert_eq!(inherited.last(), Some(&(sent - 1)));
    }
}

/// A short message is collected, a large one written at once: what is collected during the write of a large one must not stay behind.
#[cfg(unix)]
#[test]
fn a_short_message_behind_large_ones_arrives() {
    for _ in 0..40 {
        let (pull, push) = connected("pull", "push", "ipc");
        let sender = thread::spawn(move || {
            let mut large = Message::from(vec![7; 70 << 10]);
            large.freeze();
            for _ in 0..500 {
                send(&push, large.clone(), LONG).unwrap();
            }
            send(&push, "the end", LONG).unwrap();
            push
        });
        for _ in 0..500 {
            assert_eq!(recv(&pull, LONG).unwrap().len(), 70 << 10);
        }
        assert_eq!(text(recv(&pull, LONG)), "the end");
        drop(sender.join().unwrap());
    }
}

#[test]
fn priorities_and_a_standby() {
    for scheme in SCHEMES {
        let push = open("push");
        let (local, standby) = (open("pull"), open("pull"));
        for (pull, priority) in [(&standby, 9), (&local, 1)] {
            let dialer = push.dialer(&listen(pull, &address(scheme)).url()).unwrap();
            dialer.set_option(names::SEND_PRIORITY, priority.into()).unwrap();
            block_on(dialer.start()).unwrap();
        }
        for _ in 0..50 {
            send(&push, "work", LONG).unwrap();
            assert_eq!(text(recv(&local, LONG)), "work");
        }
        assert_eq!(counted(&standby, "rx_msgs"), 0);
        drop(local);
        wait_for(|| push.pipes().len() == 1);
        send(&push, "more", LONG).unwrap();
        assert_eq!(text(recv(&standby, LONG)), "more");
    }
}

/// Of messages that wait, those from pipes of a better `recv-priority` come first.
#[test]
fn receive_priorities() {
    for scheme in SCHEMES {
        let pull = open("pull");
        let pushes = [9, 1].map(|priority| {
            let push = open("push");
            let url = listen(&push, &address(scheme)).url();
            let dialer = pull.dialer(&url).unwrap();
            dialer.set_option(names::RECV_PRIORITY, priority.into()).unwrap();
            block_on(dialer.start()).unwrap();
            wait_for(|| push.pipes().len() == 1);
            for _ in 0..10 {
                send(&push, priority.to_string(), LONG).unwrap();
            }
            push
        });
        // Until all have been read by the background.
        set_recv_fd(&pull);
        wait_for(|| counted(&pull, "rx_msgs") == 20);
        let order: Vec<_> = (0..20).map(|_| text(recv(&pull, LONG))).collect();
        assert_eq!(order, [vec!["1"; 10], vec!["9"; 10]].concat(), "{scheme}");
        drop(pushes);
    }
}

/// Somebody who polls makes the library read ahead, over inproc too.
fn set_recv_fd(socket: &Socket) {
    if cfg!(unix) {
        socket.option(S, names::RECV_FD).unwrap();
    }
}

/// A device in a thread, over two raw sockets that listen; answers where.
fn forward(a: &str, b: &str, scheme: &str) -> (Socket, Socket) {
    let sockets = (open_form(a, true), open_form(b, true));
    let running = sockets.clone();
    thread::spawn(move || block_on(device(&running.0, Some(&running.1))));
    listen(&sockets.0, &address(scheme));
    listen(&sockets.1, &address(scheme));
    sockets
}

/// A chain of devices passes requests and replies; the TTL is where it ends.
#[test]
fn devices_in_a_row() {
    for scheme in SCHEMES {
        for length in [1, 3] {
            let (rep, req) = (open("rep"), open("req"));
            let mut next = listen(&rep, &address(scheme)).url();
            let devices: Vec<_> = (0..length)
                .map(|_| {
                    let (front, back) = forward("rep", "req", scheme);
                    dial(&back, &next);
                    next = front.listeners()[0].url();
                    (front, back)
                })
                .collect();
            dial(&req, &next);
            for n in 0..20 {
                send(&req, format!("ask {n}"), LONG).unwrap();
                assert_eq!(text(recv(&rep, LONG)), format!("ask {n}"));
                send(&rep, format!("answer {n}"), LONG).unwrap();
                assert_eq!(text(recv(&req, LONG)), format!("answer {n}"));
            }
            // One hop more than the server accepts.
            set(&rep, names::TTL_MAX, length);
            send(&req, "too far", LONG).unwrap();
            set_recv_fd(&rep);
            wait_for(|| counted(&rep, "drop_ttl") == 1);
            set(&rep, names::TTL_MAX, length + 1);
            send(&req, "far enough", LONG).unwrap();
            assert_eq!(text(recv(&rep, LONG)), "far enough");
            devices.iter().for_each(|(front, back)| {
                [front, back].map(|s| s.close().wait(Limit::Options).unwrap()).into_iter().collect()
            });
        }
    }
}

#[test]
fn a_reflector_and_wrong_pairs() {
    for scheme in SCHEMES {
        let mirror = open_form("pair", true);
        let pair = open("pair");
        dial(&pair, &listen(&mirror, &address(scheme)).url());
        let reflecting = {
            let mirror = mirror.clone();
            thread::spawn(move || block_on(device(&mirror, None)))
        };
        send(&pair, "echo", LONG).unwrap();
        assert_eq!(text(recv(&pair, LONG)), "echo");
        mirror.close().wait(Limit::Options).unwrap();
        let result = within(LONG, "the device", move || reflecting.join().unwrap());
        assert_eq!(result, Err(Error::Closed));
    }
    let wrong = |a: &Socket, b: &Socket| matches!(block_on(device(a, Some(b))), Err(Error::InvalidArgument(_)));
    assert!(wrong(&open("rep"), &open("req")), "not raw");
    assert!(wrong(&open_form("rep", true), &open("req")), "one is not raw");
    assert!(wrong(&open_form("rep", true), &open_form("rep", true)), "not peers");
    assert!(wrong(&open_form("pair", true), &open_form("pair1", true)), "not peers");
    assert!(
        matches!(block_on(device(&open_form("rep", true), None)), Err(Error::InvalidArgument(_))),
        "not its own peer"
    );
}

#[test]
fn a_message_put_back_is_the_next() {
    for scheme in SCHEMES {
        for (a, b) in [("pull", "push"), ("pair", "pair"), ("bus", "bus")] {
            let (a, b) = connected(a, b, scheme);
            for body in ["one", "two", "three"] {
                let sending = b.clone();
                thread::spawn(move || send(&sending, body, LONG)).join().unwrap().unwrap();
                if body == "one" {
                    let first = recv(&a, LONG).unwrap();
                    a.unrecv(S, first).unwrap();
                }
                if a.info().name == "pair" && body == "two" {
                    break;
                }
            }
            assert_eq!(text(recv(&a, LONG)), "one");
            let second = recv(&a, LONG).unwrap();
            a.unrecv(S, second).unwrap();
            assert_eq!(text(recv(&a, LONG)), "two");
        }
    }
}

#[test]
fn totals() {
    for scheme in SCHEMES {
        let (rep, req) = connected("rep", "req", scheme);
        for _ in 0..10 {
            send(&req, "12345678", LONG).unwrap();
            recv(&rep, LONG).unwrap();
            send(&rep, "1234", LONG).unwrap();
            recv(&req, LONG).unwrap();
        }
        // Four bytes of each message are the request id.
        for (socket, path) in [(&rep, ["rx", "tx"]), (&req, ["tx", "rx"])] {
            for (direction, bytes) in path.into_iter().zip([12, 8]) {
                assert_eq!(counted(socket, &format!("{direction}_msgs")), 10);
                assert_eq!(counted(socket, &format!("{direction}_bytes")), 10 * bytes, "{scheme} {direction}");
                assert_eq!(socket.stats().number(&["pipe", &format!("{direction}_msgs")]), Some(10));
            }
        }
        // They outlive the pipe.
        drop(req);
        wait_for(|| rep.pipes().is_empty());
        assert_eq!((counted(&rep, "rx_msgs"), counted(&rep, "pipes")), (10, 0));
    }
}

/// Descriptors for the application's own poll loop.
#[cfg(unix)]
mod poll {
    use std::os::fd::BorrowedFd;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    #[expect(unsafe_code, reason = "the option is a number, as in C")]
    fn readable(socket: &Socket, name: &str, within: Duration) -> bool {
        let Ok(OptionValue::Int(fd)) = socket.option(S, name) else { panic!("no {name}") };
        // SAFETY: the socket keeps the descriptor open, and outlives this call.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let timeout = Timespec { tv_sec: within.as_secs() as i64, tv_nsec: within.subsec_nanos().into() };
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)).unwrap() == 1
    }

    #[test]
    fn receive_descriptors_show_what_is_there() {
        for scheme in SCHEMES {
            let (a, b) = connected("pull", "push", scheme);
            assert!(!readable(&a, names::RECV_FD, Duration::ZERO));
            for _ in 0..300 {
                send(&b, "x", LONG).unwrap();
                assert!(readable(&a, names::RECV_FD, LONG), "{scheme}");
                assert!(readable(&a, names::RECV_FD, Duration::ZERO), "as long as it is there");
                recv(&a, Duration::ZERO).or_else(|_| a.recv(S).try_now()).unwrap();
                assert!(!readable(&a, names::RECV_FD, Duration::ZERO));
            }
            a.close().wait(Limit::Options).unwrap();
        }
    }

    /// All that was sent can be received by one who only receives when the descriptor says so.
    #[test]
    fn nothing_is_overlooked() {
        for scheme in SCHEMES {
            for (a, b) in [("pull", "push"), ("pair", "pair"), ("sub", "pub"), ("bus", "bus")] {
                let (a, b) = connected(a, b, scheme);
                if a.info().name == "sub" {
                    set(&a, names::SUB_SUBSCRIBE, vec![]);
                }
                assert!(!readable(&a, names::RECV_FD, Duration::ZERO));
                let n = if ["sub", "bus"].contains(&a.info().name) { 10 } else { 1000 };
                let sender = thread::spawn(move || {
                    for _ in 0..n {
                        send(&b, vec![0; 300], LONG).unwrap();
                    }
                    b
                });
                for i in 0..n {
                    assert!(readable(&a, names::RECV_FD, LONG), "{scheme} {a:?}: {i} of {n}");
                    a.recv(S).try_now().unwrap();
                }
                assert!(!readable(&a, names::RECV_FD, Duration::ZERO));
                sender.join().unwrap();
            }
        }
    }

    /// A server that polls, takes one request at a time from clients that have several under way.
    #[test]
    fn a_polling_server() {
        for scheme in SCHEMES {
            let (rep, req) = (open("rep"), open_form("req", true));
            dial(&req, &listen(&rep, &address(scheme)).url());
            assert!(!readable(&rep, names::RECV_FD, Duration::ZERO));
            for n in 0..100_u32 {
                for k in 0..2 {
                    let mut msg = Message::from("ask");
                    msg.append_header_u32((2 * n + k) | 0x8000_0000);
                    req.send(S, msg).wait(Limit::after(LONG)).unwrap();
                }
                for _ in 0..2 {
                    assert!(readable(&rep, names::RECV_FD, LONG), "{scheme}: {n}");
                    rep.recv(S).try_now().unwrap();
                    send(&rep, "answer", LONG).unwrap();
                }
                for _ in 0..2 {
                    recv(&req, LONG).unwrap();
                }
            }
        }
    }

    #[test]
    fn send_descriptors_show_room() {
        for scheme in SCHEMES {
            let push = open("push");
            assert!(!readable(&push, names::SEND_FD, Duration::ZERO));
            let pull = open("pull");
            dial(&push, &listen(&pull, &address(scheme)).url());
            assert!(readable(&push, names::SEND_FD, LONG));
            let mut sent = 0;
            while push.send(S, Message::from(vec![0; 20_000])).wait(Limit::after(SHORT)).is_ok() {
                sent += 1;
            }
            assert!(!readable(&push, names::SEND_FD, Duration::ZERO), "{scheme}");
            for _ in 0..sent {
                recv(&pull, LONG).unwrap();
            }
            assert!(readable(&push, names::SEND_FD, LONG));
            assert!(matches!(push.option(S, names::RECV_FD), Err(Error::NotSupported(_))));
            assert!(matches!(pull.option(S, names::SEND_FD), Err(Error::NotSupported(_))));
        }
    }

    /// From the close on everything ends at once, which is what the descriptor says until it is gone.
    #[test]
    fn a_close_wakes_those_who_poll() {
        let socket = open("pull");
        assert!(!readable(&socket, names::RECV_FD, Duration::ZERO));
        let Ok(OptionValue::Int(fd)) = socket.option(S, names::RECV_FD) else { panic!() };
        let closing = socket.clone();
        let poller = thread::spawn(move || {
            #[expect(unsafe_code, reason = "the option is a number, as in C")]
            // SAFETY: `socket` keeps the descriptor open until this thread has been joined.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            let timeout = Timespec { tv_sec: 10, tv_nsec: 0 };
            poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)).unwrap()
        });
        closing.close().wait(Limit::Options).unwrap();
        assert_eq!(poller.join().unwrap(), 1);
        drop(socket);
    }
}
