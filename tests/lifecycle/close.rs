//! Close: from any thread, at any time, and nobody is left waiting.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::{block_on, poll_fn};
use spanwire_core::driver::{Limit, Operation, PipeChange, Socket};
use spanwire_core::option::names;
use spanwire_core::{Error, Message, Url};

use crate::common::{S, address, connected, listen, open, wait_for, within};

/// What a loaded machine may take for what takes less than 100 ms.
const BOUND: Duration = Duration::from_secs(1);

/// Closes and answers how long that took.
fn close(socket: &Socket, what: &str) -> Duration {
    let begin = Instant::now();
    socket.close().wait(Limit::Options).unwrap();
    let took = begin.elapsed();
    println!("{what}: close took {took:?}");
    took
}

/// 32 calls that wait: blocking and async, sending and receiving. Sends that are taken are repeated until one waits.
fn waiters(socket: &Socket) -> Vec<thread::JoinHandle<(Error, Instant)>> {
    let waiting = Arc::new(AtomicUsize::new(0));
    let threads = (0..32)
        .map(|n| {
            let (socket, waiting) = (socket.clone(), waiting.clone());
            thread::spawn(move || {
                // Async ones say when they wait; of a blocking one nothing can be seen.
                let count = || waiting.fetch_add(1, Ordering::SeqCst);
                let error = match n % 4 {
                    0 => {
                        count();
                        socket.recv(S).wait(Limit::Never).unwrap_err()
                    }
                    1 => {
                        let mut recv = pin!(socket.recv(S));
                        let mut seen = false;
                        block_on(poll_fn(|cx| {
                            let poll = recv.as_mut().poll(cx);
                            if poll.is_pending() && !std::mem::replace(&mut seen, true) {
                                count();
                            }
                            poll
                        }))
                        .unwrap_err()
                    }
                    2 => {
                        count();
                        loop {
                            match socket.send(S, Message::from(vec![1; 100_000])).wait(Limit::Never) {
                                Ok(()) => {}
                                Err(e) => break e.error,
                            }
                        }
                    }
                    _ => {
                        let mut seen = false;
                        loop {
                            let mut send = pin!(socket.send(S, Message::from(vec![1; 100_000])));
                            let result = block_on(poll_fn(|cx| {
                                let poll = send.as_mut().poll(cx);
                                if poll.is_pending() && !std::mem::replace(&mut seen, true) {
                                    count();
                                }
                                poll
                            }));
                            match result {
                                Ok(()) => {}
                                Err(e) => break e.error,
                            }
                        }
                    }
                };
                (error, Instant::now())
            })
        })
        .collect();
    wait_for(|| waiting.load(Ordering::SeqCst) == 32);
    threads
}

fn all_end(begin: Instant, threads: Vec<thread::JoinHandle<(Error, Instant)>>, what: &str) {
    let last = within(Duration::from_secs(5), "the waiters", move || {
        threads.into_iter().map(|thread| thread.join().unwrap()).fold(begin, |last, (error, at)| {
            assert_eq!(error, Error::Closed);
            last.max(at)
        })
    });
    let took = last - begin;
    println!("{what}: the last waiter had its answer after {took:?}");
    assert!(took < BOUND, "{took:?}");
}

#[test]
fn everybody_who_waits_without_a_peer() {
    let socket = open("pair");
    let threads = waiters(&socket);
    let begin = Instant::now();
    assert!(close(&socket, "no peer") < BOUND);
    all_end(begin, threads, "no peer");
}

/// The peer reads nothing, so that senders wait for room; what they sent is lingered for.
#[test]
fn everybody_who_waits_for_a_stuck_peer() {
    for scheme in ["inproc", "tcp", "ipc"] {
        for linger in [0, 200] {
            let (socket, peer) = connected("pair", "pair", scheme);
            socket.set_option(S, names::LINGER, Duration::from_millis(linger).into()).unwrap();
            let threads = waiters(&socket);
            let begin = Instant::now();
            let what = format!("{scheme}, linger {linger} ms");
            let took = close(&socket, &what);
            assert!(took < Duration::from_millis(linger) + BOUND, "{took:?}");
            // Waiters do not wait for the linger.
            all_end(begin, threads, &what);
            drop(peer);
        }
    }
}

#[test]
fn contexts_have_waiters_too() {
    for name in ["req", "rep", "sub", "surveyor", "respondent"] {
        let socket = open(name);
        let ready = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (socket, ready) = (socket.clone(), ready.clone());
                thread::spawn(move || {
                    let ctx = socket.open_context().unwrap();
                    ready.fetch_add(1, Ordering::SeqCst);
                    if name == "req" {
                        return socket.send(ctx, Message::from("x")).wait(Limit::Never).unwrap_err().error;
                    }
                    if name == "surveyor" {
                        socket.set_option(ctx, names::SURVEYOR_SURVEY_TIME, None.into()).unwrap();
                        socket.send(ctx, Message::from("x")).wait(Limit::Never).unwrap();
                    }
                    socket.recv(ctx).wait(Limit::Never).unwrap_err()
                })
            })
            .collect();
        wait_for(|| ready.load(Ordering::SeqCst) == 8);
        assert!(close(&socket, name) < BOUND);
        within(BOUND, "the waiters", move || {
            // One that came after the close is told the same.
            threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), Error::Closed));
        });
    }
}

#[test]
fn a_closed_context_ends_its_waiters() {
    let socket = open("sub");
    let ctx = socket.open_context().unwrap();
    let other = socket.clone();
    let waiter = thread::spawn(move || other.recv(ctx).wait(Limit::Never));
    let other = socket.clone();
    let task = thread::spawn(move || block_on(other.recv(ctx)));
    socket.close_context(ctx).unwrap();
    within(BOUND, "the waiters", move || {
        assert_eq!(waiter.join().unwrap(), Err(Error::Closed));
        assert_eq!(task.join().unwrap(), Err(Error::Closed));
    });
    assert_eq!(socket.close_context(ctx), Err(Error::Closed));
    assert!(!socket.is_closed());
}

/// From before the connection to after it.
#[test]
fn from_a_callback() {
    for change in [PipeChange::BeforeAdd, PipeChange::AfterAdd, PipeChange::Removed] {
        for scheme in ["inproc", "tcp", "ipc"] {
            let (a, b) = (open("pair"), open("pair"));
            let closing = a.clone();
            let (tell, told) = std::sync::mpsc::channel();
            a.on_pipe(move |now, _| {
                if now == change {
                    let begin = Instant::now();
                    let result = closing.close().wait(Limit::Options);
                    let _ = tell.send((result, begin.elapsed()));
                }
            });
            let listener = listen(&a, &address(scheme));
            let dialer = b.dialer(&listener.url()).unwrap();
            dialer.start_in_background().unwrap();
            if change == PipeChange::Removed {
                wait_for(|| a.pipes().len() == 1);
                dialer.close().unwrap();
            }
            let (result, took) = told.recv_timeout(Duration::from_secs(5)).unwrap();
            println!("{change:?} over {scheme}: close took {took:?}");
            assert_eq!(result, Ok(()));
            assert!(took < BOUND && a.is_closed());
            wait_for(|| b.pipes().is_empty());
        }
    }
}

/// The dialer is refused and waits to try again; or it waits for a listener of the process; or for a name that is resolved.
#[test]
fn while_dialing() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(port.local_addr().unwrap()).unwrap();
    let refused = format!("tcp://{}", client.local_addr().unwrap());
    for url in [&*refused, &*address("inproc"), "tcp://no-such-host.invalid:5555"] {
        let socket = open("push");
        let dialer = socket.dialer(&Url::parse(url).unwrap()).unwrap();
        dialer.start_in_background().unwrap();
        let begin = Instant::now();
        let sending = socket.clone();
        let waiter = thread::spawn(move || {
            (sending.send(S, Message::from("x")).wait(Limit::Never).unwrap_err().error, Instant::now())
        });
        assert!(close(&socket, url) < BOUND);
        all_end(begin, vec![waiter], url);
        assert_eq!(dialer.close(), Err(Error::Closed));
    }
}

#[test]
fn a_closed_socket_is_closed_for_everything() {
    let (a, _b) = connected("pair", "pair", "tcp");
    let (pipe, listener) = (a.pipes()[0].clone(), a.listeners()[0].clone());
    close(&a, "pair");
    assert_eq!(a.close().wait(Limit::Options), Err(Error::Closed));
    assert_eq!(block_on(a.close()), Err(Error::Closed));
    assert_eq!(a.recv(S).wait(Limit::Never), Err(Error::Closed));
    assert_eq!(a.recv(S).try_now(), Err(Error::Closed));
    let refused = a.send(S, Message::from("mine")).wait(Limit::Never).unwrap_err();
    assert_eq!((refused.error, refused.message.body()), (Error::Closed, &b"mine"[..]));
    assert_eq!(a.option(S, names::LINGER), Err(Error::Closed));
    assert_eq!(a.set_option(S, names::LINGER, None.into()), Err(Error::Closed));
    let url = Url::parse(&address("inproc")).unwrap();
    assert_eq!(a.dialer(&url).map(|_| ()), Err(Error::Closed));
    assert_eq!(a.listener(&url).map(|_| ()), Err(Error::Closed));
    assert_eq!(listener.close(), Err(Error::Closed));
    assert!(pipe.is_closed() && a.is_closed() && a.pipes().is_empty());
    pipe.close();
    assert_eq!(a.stats().number(&["pipes"]), Some(0));
}

/// Several threads close at once: one of them does, all of them return.
#[test]
fn by_many_at_once() {
    for scheme in ["inproc", "tcp"] {
        let (a, _b) = connected("pair", "pair", scheme);
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let a = a.clone();
                thread::spawn(move || a.close().wait(Limit::Options))
            })
            .collect();
        let results = within(BOUND, "all closes", move || {
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(Error::Closed))));
    }
}
