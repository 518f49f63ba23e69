//! What the facade adds to the driver: typed sockets, operations, contexts of its own, streams.

use std::future::Future;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use smol::stream::StreamExt;
use spanwire::{
    AnyContext, AnySocket, Error, Events, Pair0, Pattern, Pipe, PipeChange, Pub, Pull, Push, Rep, Req, Request,
    Respondent, Socket, Sub, Surveyor,
};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(10);

type Result<T = (), E = Error> = spanwire::Result<T, E>;

/// Two sockets that are connected; the first one dialed.
fn connected<A: Pattern, B: Pattern>() -> (Socket<A>, Socket<B>) {
    let (a, b) = (Socket::<A>::new(), Socket::<B>::new());
    let (mut ups, listener) = (b.events(), b.listen("tcp://127.0.0.1:0").wait().unwrap());
    a.dial(&listener).wait().unwrap();
    wait_for(&mut ups, PipeChange::AfterAdd);
    (a, b)
}

fn wait_for(events: &mut Events, change: PipeChange) -> Pipe {
    loop {
        let event = events.wait_next().expect("the socket was closed");
        if event.change == change {
            return event.pipe;
        }
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn handles_and_operations_move_between_threads() {
    fn moves<T: Send + Sync + 'static>(_: &T) {}
    fn spawns<T: Send + 'static>(_: &T) {}
    let req = Socket::<Req>::new();
    let any = AnySocket::from(&req);
    moves(&req);
    moves(&any);
    moves(&req.context().unwrap());
    moves(&req.events());
    spawns(&any.send_owned("x"));
    spawns(&any.context().unwrap().recv_owned());
    spawns(&spanwire::reflector(&req));
    fn request_moves(request: Request) -> impl Send + 'static {
        request.reply("x")
    }
    let _ = request_moves;
    let shared: &(dyn Fn() + Send + Sync) = &|| {
        let _ = req.request("x").try_now();
    };
    shared();
}

#[test]
fn both_kinds_of_handle_are_one_socket() -> Result {
    let pair = Socket::<Pair0>::new();
    let any = pair.to_any();
    assert_eq!((any.id(), any.protocol().name), (pair.id(), "pair"));
    any.set_option("socket-name", "both")?;
    assert_eq!(pair.name()?, "both");
    drop(pair);
    assert!(!any.is_closed());
    any.close().wait()?;
    assert!(any.is_closed());
    assert!(matches!(AnySocket::open("carrier"), Err(Error::NotSupported(e)) if e.as_str().contains("carrier")));
    assert!(matches!(AnySocket::open_raw("pair1-poly"), Err(Error::NotSupported(_))));
    assert_eq!(AnySocket::open("pair0")?.protocol().number, 0x10);
    Ok(())
}

#[test]
fn the_same_operation_blocks_awaits_and_tries() -> Result {
    let (push, pull) = connected::<Push, Pull>();
    push.send("blocking").wait()?;
    assert_eq!(pull.recv().wait()?.body(), b"blocking");
    smol::block_on(async {
        push.send("async").await?;
        assert_eq!(pull.recv().await?.body(), b"async");
        let later = async {
            smol::future::yield_now().await;
            push.send("later").await
        };
        let (sent, received) = smol::future::zip(later, pull.recv().timeout(LONG)).await;
        sent?;
        assert_eq!(received?.body(), b"later");
        Ok::<_, Error>(())
    })?;
    assert_eq!(pull.recv().try_now(), Err(Error::TryAgain));
    Ok(())
}

#[test]
fn a_receive_that_was_polled_can_still_be_waited_for() -> Result {
    let (push, pull) = connected::<Push, Pull>();
    let mut op = pull.recv().timeout(LONG);
    assert!(poll_once(&mut op).is_pending());
    push.send("x").wait()?;
    assert_eq!(op.wait()?.body(), b"x");
    Ok(())
}

#[test]
fn time_runs_out_the_same_way_for_threads_and_tasks() -> Result {
    let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
    for set in [false, true] {
        let (send, recv) = if set {
            pull.set_recv_timeout(SHORT)?;
            push.set_send_timeout(SHORT)?;
            (None, None)
        } else {
            (Some(SHORT), Some(SHORT))
        };
        let send = || send.map_or(push.send("x"), |time| push.send("x").timeout(time));
        let recv = || recv.map_or(pull.recv(), |time| pull.recv().timeout(time));
        let before = Instant::now();
        assert_eq!(recv().wait(), Err(Error::TimedOut));
        assert_eq!(smol::block_on(recv()), Err(Error::TimedOut));
        let failed = [send().wait(), smol::block_on(send())];
        assert!(before.elapsed() >= SHORT * 4);
        for e in failed {
            let e = e.unwrap_err();
            assert_eq!((e.error, e.message.body()), (Error::TimedOut, &b"x"[..]));
        }
    }
    Ok(())
}

#[test]
fn no_time_at_all_is_a_try() -> Result {
    let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
    assert_eq!(pull.recv().timeout(Duration::ZERO).wait(), Err(Error::TryAgain));
    assert_eq!(smol::block_on(pull.recv().timeout(Duration::ZERO)), Err(Error::TryAgain));
    pull.set_recv_timeout(Duration::ZERO)?;
    push.set_send_timeout(Duration::ZERO)?;
    assert_eq!(pull.recv().wait(), Err(Error::TryAgain));
    assert_eq!(smol::block_on(pull.recv()), Err(Error::TryAgain));
    assert_eq!(pull.recv().timeout(SHORT).wait(), Err(Error::TimedOut), "more than the option");
    for failed in [push.send("x").wait(), smol::block_on(push.send("x")), push.try_send("x")] {
        let e = failed.unwrap_err();
        assert_eq!((e.error, e.message.body()), (Error::TryAgain, &b"x"[..]));
    }
    Ok(())
}

#[test]
fn a_try_leaves_the_request_alone() -> Result {
    let (req, rep) = connected::<Req, Rep>();
    req.set_recv_timeout(Duration::ZERO)?;
    req.send("ask").wait()?;
    assert_eq!(req.recv().wait(), Err(Error::TryAgain));
    assert_eq!(smol::block_on(req.recv()), Err(Error::TryAgain));
    rep.recv_request().wait()?.reply("answer").wait()?;
    assert_eq!(req.recv().timeout(LONG).wait()?.body(), b"answer");
    Ok(())
}

#[test]
fn a_dropped_receive_loses_nothing() -> Result {
    let (push, pull) = connected::<Push, Pull>();
    let mut first = pull.recv();
    assert!(poll_once(&mut first).is_pending());
    push.send("x").wait()?;
    // Woken or not by now: the message stays for the next one.
    drop(first);
    assert_eq!(pull.recv().timeout(LONG).wait()?.body(), b"x");
    Ok(())
}

#[test]
fn a_dropped_send_sends_nothing() -> Result {
    let push = Socket::<Push>::new();
    let mut first = push.send("first");
    assert!(poll_once(&mut first).is_pending());
    let mut second = push.send("second");
    assert!(poll_once(&mut second).is_pending());
    drop(first);
    let pull = Socket::<Pull>::new();
    push.dial(&pull.listen("tcp://127.0.0.1:0").wait()?).wait()?;
    second.wait()?;
    assert_eq!(pull.recv().wait()?.body(), b"second");
    assert_eq!(pull.try_recv(), Err(Error::TryAgain));
    Ok(())
}

#[test]
fn requests_of_one_socket_do_not_disturb_each_other() -> Result {
    const N: usize = 20;
    let (req, rep) = (Socket::<Req>::new(), Socket::<Rep>::new());
    let listener = rep.listen("tcp://127.0.0.1:0").wait()?;
    // One request a pipe is read ahead: many at once need many pipes.
    for _ in 0..N {
        req.dial(&listener).wait()?;
    }
    thread::scope(|scope| {
        let askers: Vec<_> = (0..N)
            .map(|n| {
                let req = &req;
                scope.spawn(move || req.request(n.to_string()).timeout(LONG).wait())
            })
            .collect();
        let requests: Vec<Request> = (0..N).map(|_| rep.recv_request().timeout(LONG).wait()).collect::<Result<_>>()?;
        for request in requests.into_iter().rev() {
            let answer = format!("re: {}", request.message.to_str().unwrap());
            request.reply(answer).wait()?;
        }
        for (n, asker) in askers.into_iter().enumerate() {
            assert_eq!(asker.join().unwrap()?.to_str(), Ok(&*format!("re: {n}")));
        }
        Ok(())
    })
}

#[test]
fn requests_run_in_tasks_of_any_runtime() -> Result {
    let (req, rep) = connected::<Req, Rep>();
    let server = smol::spawn(async move {
        let mut requests = rep.requests();
        while let Some(request) = requests.next().await {
            let request = request?;
            let answer = request.message.clone();
            smol::spawn(request.reply(answer)).await?;
        }
        Ok::<_, Error>(())
    });
    let asked = async {
        let (a, b) = smol::future::zip(req.request("a"), req.request("b").timeout(LONG)).await;
        assert_eq!((a?.body(), b?.body()), (&b"a"[..], &b"b"[..]));
        Ok(())
    };
    let result = smol::block_on(asked);
    drop(server);
    result
}

#[test]
fn a_request_that_is_given_up_does_not_answer_the_next() -> Result {
    let (req, rep) = connected::<Req, Rep>();
    assert_eq!(req.request("early").timeout(SHORT).wait(), Err(Error::TimedOut));
    assert_eq!(req.request("never").try_now(), Err(Error::TryAgain));
    let mut dropped = req.request("dropped");
    assert!(poll_once(&mut dropped).is_pending());
    drop(dropped);
    thread::scope(|scope| {
        let asker = scope.spawn(|| req.request("last").timeout(LONG).wait());
        loop {
            let request = rep.recv_request().timeout(LONG).wait()?;
            let asked = request.message.clone();
            let last = asked.body() == b"last";
            assert_ne!(asked.body(), b"never");
            request.reply(asked).wait()?;
            if last {
                break;
            }
        }
        assert_eq!(asker.join().unwrap()?.body(), b"last");
        Ok(())
    })
}

#[test]
fn the_options_bound_each_part_of_a_request() -> Result {
    let req = Socket::<Req>::new();
    req.set_send_timeout(SHORT)?;
    assert_eq!(req.request("nobody").wait(), Err(Error::TimedOut));
    assert_eq!(smol::block_on(req.request("nobody")), Err(Error::TimedOut));
    let (req, _rep) = connected::<Req, Rep>();
    // Contexts that are kept from before know nothing of this.
    assert_eq!(req.request("silence").timeout(SHORT).wait(), Err(Error::TimedOut));
    req.set_recv_timeout(SHORT)?;
    assert_eq!(req.request("silence").wait(), Err(Error::TimedOut));
    assert_eq!(smol::block_on(req.request("silence")), Err(Error::TimedOut));
    Ok(())
}

#[test]
fn a_changed_timeout_counts_for_the_next_request() -> Result {
    let rep = Socket::<Rep>::new();
    assert_eq!(rep.recv_request().timeout(SHORT).wait().unwrap_err(), Error::TimedOut);
    rep.set_recv_timeout(SHORT)?;
    assert_eq!(rep.recv_request().wait().unwrap_err(), Error::TimedOut);
    assert_eq!(smol::block_on(rep.recv_request()).unwrap_err(), Error::TimedOut);
    rep.set_recv_timeout(Duration::ZERO)?;
    assert_eq!(rep.recv_request().wait().unwrap_err(), Error::TryAgain);
    rep.close().wait()?;
    assert_eq!(rep.recv_request().wait().unwrap_err(), Error::Closed);
    Ok(())
}

#[test]
fn a_context_answers_one_request_after_the_other() -> Result {
    let (req, rep) = connected::<Req, Rep>();
    let (asking, answering) = (req.context()?, rep.context()?);
    thread::scope(|scope| {
        for text in ["1", "2"] {
            let asking = &asking;
            let asker = scope.spawn(move || asking.request(text).timeout(LONG).wait());
            let request = answering.recv_request().timeout(LONG).wait()?;
            let answer = request.message.clone();
            request.reply(answer).wait()?;
            assert_eq!(asker.join().unwrap()?.to_str(), Ok(text));
        }
        Ok::<_, Error>(())
    })?;
    answering.close()?;
    assert_eq!(answering.recv_request().wait().unwrap_err(), Error::Closed);
    assert_eq!(answering.close(), Err(Error::Closed));
    Ok(())
}

#[test]
fn the_last_handle_of_a_context_closes_it() -> Result {
    let sub = Socket::<Sub>::new();
    let context = sub.context()?;
    let other: AnyContext = context.to_any();
    drop(context);
    assert_eq!(other.try_recv(), Err(Error::TryAgain));
    let mut op = other.recv_owned();
    assert!(poll_once(&mut op).is_pending());
    drop(other);
    assert!(poll_once(&mut op).is_pending(), "the operation holds the context");
    sub.close().wait()?;
    assert_eq!(op.wait(), Err(Error::Closed));
    Ok(())
}

#[test]
fn a_survey_ends_at_its_deadline() -> Result {
    let (surveyor, respondent) = connected::<Surveyor, Respondent>();
    thread::spawn(move || {
        for survey in respondent.requests() {
            survey?.reply("me").wait()?;
        }
        Ok::<_, Error>(())
    });
    surveyor.set_survey_time(LONG)?;
    assert_eq!(surveyor.survey("who?")?.wait_next(), Some("me".into()));
    assert_eq!(smol::block_on(surveyor.survey("who?")?.next()), Some("me".into()));
    let time = Duration::from_millis(50);
    surveyor.set_survey_time(time)?;
    let before = Instant::now();
    // A loaded machine may be too slow for the response, but not for the end.
    assert!(surveyor.survey("who?")?.into_iter().count() <= 1);
    assert!(before.elapsed() >= time);
    assert!(smol::block_on(surveyor.survey("who?")?.count()) <= 1);
    assert!(before.elapsed() >= time * 2 && before.elapsed() < LONG);
    surveyor.close().wait()?;
    assert_eq!(surveyor.survey("who?").unwrap_err().error, Error::Closed);
    Ok(())
}

#[test]
fn surveys_of_one_socket_do_not_disturb_each_other() -> Result {
    let (surveyor, respondent) = connected::<Surveyor, Respondent>();
    surveyor.set_survey_time(LONG)?;
    let mut first = surveyor.survey("1")?;
    let mut second = surveyor.survey("2")?;
    for _ in 0..2 {
        let survey = respondent.recv_request().timeout(LONG).wait()?;
        let answer = survey.message.clone();
        survey.reply(answer).wait()?;
    }
    assert_eq!(second.wait_next().unwrap().body(), b"2");
    assert_eq!(first.wait_next().unwrap().body(), b"1");
    drop(first);
    surveyor.close().wait()?;
    assert_eq!(second.wait_next(), None);
    assert_eq!(second.wait_next(), None);
    Ok(())
}

#[test]
fn messages_come_until_the_socket_is_closed() -> Result {
    let (push, pull) = connected::<Push, Pull>();
    pull.set_recv_timeout(SHORT)?;
    let mut messages = pull.messages();
    assert_eq!(messages.wait_next(), Some(Err(Error::TimedOut)), "and goes on");
    pull.set_recv_timeout(None)?;
    push.send("1").wait()?;
    push.send("2").wait()?;
    assert_eq!(messages.wait_next(), Some(Ok("1".into())));
    smol::block_on(async {
        assert_eq!(messages.next().await, Some(Ok("2".into())));
        let mut next = pin!(messages.next());
        assert!(poll_once(&mut next).is_pending());
        pull.close().await?;
        assert_eq!(next.await, None);
        Ok(())
    })
}

#[test]
fn a_failed_or_dropped_dial_leaves_nothing() -> Result {
    let req = Socket::<Req>::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", silent.local_addr().unwrap());
    assert_eq!(req.dial(&url).timeout(SHORT).wait().unwrap_err(), Error::TimedOut);
    assert_eq!(smol::block_on(req.dial(&url).timeout(SHORT)).unwrap_err(), Error::TimedOut);
    assert_eq!(req.dial(&url).try_now().unwrap_err(), Error::TryAgain);
    assert!(matches!(req.dial("inproc://nobody").wait(), Err(Error::ConnectionRefused(_))));
    assert!(matches!(req.dial("tcp://").wait(), Err(Error::AddressInvalid(_))));
    assert!(matches!(req.listen("pigeon://roof").wait(), Err(Error::NotSupported(_))));
    assert!(matches!(req.dial_in_background("pigeon://roof"), Err(Error::NotSupported(_))));
    assert_eq!((req.dialers().len(), req.listeners().len()), (0, 0));
    let dialer = req.dial_in_background("inproc://nobody yet")?;
    assert_eq!(req.dialers(), std::slice::from_ref(&dialer));
    dialer.close()?;
    assert_eq!(req.dialers(), []);
    Ok(())
}

#[test]
fn a_dial_waits_for_a_close_from_elsewhere() -> Result {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", silent.local_addr().unwrap());
    let req = Socket::<Req>::new();
    thread::scope(|scope| {
        let dial = scope.spawn(|| req.dial(&url).wait());
        let (_peer, _) = silent.accept().unwrap();
        req.close().wait()?;
        assert_eq!(dial.join().unwrap().unwrap_err(), Error::Closed);
        Ok(())
    })
}

#[test]
fn a_listener_is_started_once() -> Result {
    let pull = Socket::<Pull>::new();
    let listener = pull.listener("tcp://127.0.0.1:0")?;
    listener.set_recv_priority(1)?;
    listener.start().wait()?;
    assert!(matches!(listener.start().wait(), Err(Error::State(_))));
    assert!(matches!(listener.set_recv_priority(2), Err(Error::Busy(_))));
    assert!(matches!(pull.listen(&listener).wait(), Err(Error::AddressInUse(_))));
    assert_eq!(pull.listeners(), [listener]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn descriptors_can_be_handed_over_before_and_after_the_start() -> Result {
    use std::os::unix::net::UnixStream;
    let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
    let listener = pull.listener("socket://")?;
    let mut events = pull.events();
    for started in [false, true] {
        let (mine, theirs) = UnixStream::pair().unwrap();
        listener.accept_fd(mine)?;
        if !started {
            listener.start().wait()?;
            assert!(matches!(listener.start().wait(), Err(Error::State(_))), "and is not disturbed by that");
        }
        push.listen("socket://").wait()?.accept_fd(theirs)?;
        wait_for(&mut events, PipeChange::AfterAdd);
    }
    let tcp = pull.listener("tcp://127.0.0.1:0")?;
    assert!(matches!(tcp.accept_fd(UnixStream::pair().unwrap().0), Err(Error::NotSupported(_))));
    listener.close()?;
    assert_eq!(listener.accept_fd(UnixStream::pair().unwrap().0), Err(Error::Closed));
    Ok(())
}

#[test]
fn events_tell_the_life_of_a_pipe_and_end_with_the_socket() -> Result {
    let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    let events = a.events();
    let listener = a.listen("tcp://127.0.0.1:0").wait()?;
    let mut added = a.events();
    b.dial(&listener).wait()?;
    let pipe = wait_for(&mut added, PipeChange::AfterAdd);
    assert_eq!(a.pipes(), std::slice::from_ref(&pipe));
    assert_eq!(pipe.listener_id(), Some(listener.id()));
    drop(added);
    a.close().wait()?;
    let seen: Vec<_> = events.into_iter().map(|e| (e.change, e.pipe.id())).collect();
    let all = [PipeChange::BeforeAdd, PipeChange::AfterAdd, PipeChange::Removed];
    assert_eq!(seen, all.map(|change| (change, pipe.id())));
    assert_eq!(a.events().wait_next(), None);
    Ok(())
}

/// A close that has come to its end need not be dropped for it; one that comes too late ends nothing.
#[test]
fn events_end_with_the_close() -> Result {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", silent.local_addr().unwrap());
    let peer = thread::spawn(move || {
        let mut peer = silent.accept().unwrap().0;
        peer.write_all(b"\0SP\0\0\x10\0\0").unwrap();
        peer.read_exact(&mut [0; 8]).unwrap();
        peer
    });
    let pair = Socket::<Pair0>::new();
    pair.set_linger(None)?;
    let mut events = pair.events();
    pair.dial(&url).wait()?;
    let mut peer = peer.join().unwrap();
    // More than the system takes while the peer reads nothing.
    pair.send(vec![0; 1 << 25]).wait()?;
    let mut closing = pair.close();
    assert!(poll_once(&mut closing).is_pending());
    assert_eq!(pair.close().wait(), Err(Error::Closed));
    assert_eq!(pair.pipes().len(), 1);
    let reading = thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()));
    smol::block_on(&mut closing)?;
    wait_for(&mut events, PipeChange::Removed);
    assert_eq!(events.wait_next(), None);
    drop(closing);
    assert_eq!(reading.join().unwrap().unwrap(), 8 + (1 << 25));
    Ok(())
}

#[test]
fn events_end_when_the_last_handle_is_dropped() -> Result {
    let (a, b) = connected::<Pair0, Pair0>();
    let (mut events, mut theirs) = (a.events(), b.events());
    drop(a);
    wait_for(&mut events, PipeChange::Removed);
    assert_eq!(events.wait_next(), None);
    wait_for(&mut theirs, PipeChange::Removed);
    Ok(())
}

#[test]
fn a_callback_that_was_stopped_is_not_called() -> Result {
    let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    let listener = a.listen("tcp://127.0.0.1:0").wait()?;
    let refuse = b.on_pipe(|change, pipe| {
        if change == PipeChange::BeforeAdd {
            pipe.close();
        }
    });
    assert_eq!(b.dial(&listener).wait().unwrap_err(), Error::ConnectionAborted);
    refuse.stop();
    refuse.stop();
    b.dial(&listener).wait()?;
    Ok(())
}

#[test]
fn a_callback_may_close_its_socket() -> Result {
    let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    let events = a.events();
    let closing = a.clone();
    a.on_pipe(move |change, _| {
        if change == PipeChange::AfterAdd {
            let _ = closing.close().wait();
        }
    });
    let listener = a.listen("tcp://127.0.0.1:0").wait()?;
    b.dial_in_background(&listener)?;
    let last = events.into_iter().last().expect("events");
    assert_eq!(last.change, PipeChange::Removed);
    assert!(a.is_closed());
    Ok(())
}

#[test]
fn close_ends_whoever_waits() -> Result {
    let pull = Socket::<Pull>::new();
    let rep = Socket::<Rep>::new();
    thread::scope(|scope| {
        let waiting =
            [scope.spawn(|| pull.recv().wait().map(drop)), scope.spawn(|| rep.recv_request().wait().map(drop))];
        smol::block_on(async {
            let mut op = pull.recv();
            assert!(poll_once(&mut op).is_pending());
            pull.close().await?;
            assert_eq!(op.await, Err(Error::Closed));
            rep.close().timeout(Duration::ZERO).await
        })?;
        for thread in waiting {
            assert_eq!(thread.join().unwrap(), Err(Error::Closed));
        }
        Ok(())
    })
}

#[test]
fn what_was_sent_before_close_arrives() -> Result {
    let (publisher, sub) = (Socket::<Pub>::new(), Socket::<Sub>::new());
    sub.subscribe("")?;
    publisher.dial(&sub.listen("tcp://127.0.0.1:0").wait()?).wait()?;
    for n in 0..10_u8 {
        publisher.send([n]).wait()?;
    }
    drop(publisher);
    for n in 0..10_u8 {
        assert_eq!(sub.recv().timeout(LONG).wait()?.body(), [n]);
    }
    Ok(())
}

#[test]
fn a_device_forwards_until_a_socket_closes() -> Result {
    let (front, back) = (AnySocket::open_raw("rep")?, AnySocket::open_raw("req")?);
    let (inlet, outlet) = (front.listen("tcp://127.0.0.1:0").wait()?, back.listen("tcp://127.0.0.1:0").wait()?);
    let running = smol::spawn(spanwire::device(&front, &back));
    let (req, rep) = (Socket::<Req>::new(), Socket::<Rep>::new());
    req.dial(&inlet).wait()?;
    rep.dial(&outlet).wait()?;
    thread::scope(|scope| {
        let asker = scope.spawn(|| req.request("far away").timeout(LONG).wait());
        rep.recv_request().timeout(LONG).wait()?.reply("here").wait()?;
        assert_eq!(asker.join().unwrap()?.body(), b"here");
        Ok::<_, Error>(())
    })?;
    front.close().wait()?;
    assert_eq!(smol::block_on(running), Err(Error::Closed));
    assert!(matches!(spanwire::device(&back, &back).wait(), Err(Error::InvalidArgument(_))));
    assert!(matches!(spanwire::reflector(&req).wait(), Err(Error::InvalidArgument(_))));
    Ok(())
}
