//! Cases for all transports.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use spanwire_core::driver::{Limit, Operation, Pipe, PipeChange, Socket};
use spanwire_core::option::{Address, names};
use spanwire_core::{Error, Message, OptionValue, PipeId};

use crate::common::{S, open, recv, send, wait_for, within};
use crate::kit::{End, Kit, counted};

const LONG: Duration = Duration::from_secs(10);

const SIZES: [usize; 18] = [
    0,
    1,
    3,
    4,
    7,
    8,
    9,
    63,
    64,
    65,
    4096,
    16 * 1024,
    16 * 1024 + 1,
    64 * 1024 - 9,
    64 * 1024,
    300_000,
    1 << 20,
    8 << 20,
];

/// A body in which every byte tells its place.
fn body(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(31) >> 3) as u8 ^ i as u8 ^ seed).collect()
}

fn check(msg: &Message, len: usize, seed: u8) {
    assert_eq!(msg.len(), len);
    assert!(msg.body() == body(len, seed), "the body of {len} bytes arrived changed");
    assert!(msg.header().is_empty());
}

pub fn messages_of_all_sizes(kit: &Kit) {
    let (a, b) = kit.pair("pair", "pair");
    for len in SIZES {
        for (from, to, seed) in [(a.clone(), b.clone(), 1), (b.clone(), a.clone(), 2)] {
            let sender = thread::spawn(move || send(&from, body(len, seed), LONG).unwrap());
            check(&recv(&to, LONG).unwrap(), len, seed);
            sender.join().unwrap();
        }
    }
}

pub fn requests_of_all_sizes(kit: &Kit) {
    let (rep, req) = kit.pair("rep", "req");
    let server = thread::spawn(move || {
        for len in SIZES {
            let request = recv(&rep, LONG).unwrap();
            check(&request, len, 3);
            send(&rep, body(len, 4), LONG).unwrap();
        }
        rep
    });
    for len in SIZES {
        send(&req, body(len, 3), LONG).unwrap();
        check(&recv(&req, LONG).unwrap(), len, 4);
    }
    server.join().unwrap();
}

/// The two directions do not wait for each other.
pub fn large_messages_both_ways_at_once(kit: &Kit) {
    let (a, b) = kit.pair("pair", "pair");
    let len = 4 << 20;
    let threads = [(a, 5, 6), (b, 6, 5)].map(|(socket, mine, theirs)| {
        let sender = socket.clone();
        let sender = thread::spawn(move || {
            for _ in 0..3 {
                send(&sender, body(len, mine), LONG).unwrap();
            }
        });
        thread::spawn(move || {
            for _ in 0..3 {
                check(&recv(&socket, LONG).unwrap(), len, theirs);
            }
            sender.join().unwrap();
            socket
        })
    });
    let sockets = threads.map(|thread| within(LONG * 3, "the exchange", move || thread.join().unwrap()));
    drop(sockets);
}

pub fn many_messages_in_order(kit: &Kit) {
    let (pull, push) = kit.pair("pull", "push");
    let n = 20_000_u32;
    let sender = thread::spawn(move || {
        for i in 0..n {
            let mut msg = i.to_be_bytes().to_vec();
            // Some are large, so that they take another way.
            msg.resize(if i % 997 == 0 { 40_000 } else { 4 + (i % 60) as usize }, 0);
            send(&push, msg, LONG).unwrap();
        }
        push
    });
    for i in 0..n {
        let msg = recv(&pull, LONG).unwrap();
        assert_eq!(msg.body().first_chunk(), Some(&i.to_be_bytes()));
    }
    sender.join().unwrap();
    assert!(recv(&pull, Duration::ZERO).is_err());
    assert_eq!(counted(&pull, &["rx_msgs"]), u64::from(n));
}

/// A peer of the wrong protocol is refused and counted on both sides; the socket serves others.
pub fn wrong_protocol_is_refused(kit: &Kit) {
    let (rep, push) = (open("rep"), open("push"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    rep.on_pipe(move |change, _| log.lock().unwrap().push(change));
    let (_, end) = kit.join(&rep, &push);
    wait_for(|| counted(&rep, &["listener", "proto"]) > 0);
    if !kit.is_ws() {
        wait_for(|| seen.lock().unwrap().starts_with(&[PipeChange::BeforeAdd, PipeChange::Removed]));
    }
    assert!(!seen.lock().unwrap().contains(&PipeChange::AfterAdd));
    let side = if let End::Dialer(_) = end { "dialer" } else { "listener" };
    wait_for(|| counted(&push, &[side, "proto"]) > 0);
    assert!(rep.pipes().is_empty() && push.pipes().is_empty());
    end.close().unwrap();
    let req = open("req");
    kit.connect(&rep, &req);
    send(&req, "still there?", LONG).unwrap();
    assert_eq!(recv(&rep, LONG).unwrap().body(), b"still there?");
}

/// A message of exactly the limit passes; a larger one ends the connection and nothing else. In-process connections have no limit.
pub fn oversize(kit: &Kit) {
    let (pull, push, other) = (open("pull"), open("push"), open("push"));
    pull.set_option(S, names::RECV_SIZE_MAX, OptionValue::Size(100_000)).unwrap();
    kit.connect(&pull, &push);
    send(&push, body(100_000, 7), LONG).unwrap();
    check(&recv(&pull, LONG).unwrap(), 100_000, 7);
    send(&push, body(100_001, 8), LONG).unwrap();
    if kit.is_inproc() {
        check(&recv(&pull, LONG).unwrap(), 100_001, 8);
        return;
    }
    wait_for(|| counted(&pull, &["listener", "too_large"]) == 1);
    kit.connect(&pull, &other);
    send(&other, "small", LONG).unwrap();
    assert_eq!(recv(&pull, LONG).unwrap().body(), b"small");
}

/// Everything that a socket tells of its pipes, in order.
fn events(socket: &Socket) -> mpsc::Receiver<(PipeChange, PipeId)> {
    let (tell, told) = mpsc::channel();
    socket.on_pipe(move |change, pipe| {
        let _ = tell.send((change, pipe.id()));
    });
    told
}

pub fn events_of_a_pipe(kit: &Kit) {
    use PipeChange::{AfterAdd, BeforeAdd, Removed};
    let (a, b) = (open("pair"), open("pair"));
    let (of_a, of_b) = (events(&a), events(&b));
    let (listener, _) = kit.connect(&a, &b);
    let pipe = a.pipes()[0].clone();
    assert_eq!(pipe.listener_id(), Some(listener.id()));
    assert_eq!((pipe.dialer_id(), pipe.socket_id()), (None, a.id()));
    let next = |told: &mpsc::Receiver<_>| told.recv_timeout(LONG).unwrap();
    assert_eq!(next(&of_a), (BeforeAdd, pipe.id()));
    assert_eq!(next(&of_a), (AfterAdd, pipe.id()));
    let (change, theirs) = next(&of_b);
    assert_eq!((change, next(&of_b)), (BeforeAdd, (AfterAdd, theirs)));
    listener.close().unwrap();
    assert_eq!(next(&of_a), (Removed, pipe.id()));
    assert_eq!(next(&of_b), (Removed, theirs));
    assert!(pipe.is_closed());
}

/// A pipe that is closed before it is added never belongs to the socket, and its removal is told all the same.
pub fn refused_pipes(kit: &Kit) {
    let (a, b) = (open("pair"), open("pair"));
    let refuse = Arc::new(AtomicBool::new(true));
    let refusing = refuse.clone();
    a.on_pipe(move |change, pipe| {
        if change == PipeChange::BeforeAdd && refusing.swap(false, Ordering::SeqCst) {
            pipe.close();
        }
    });
    let of_a = events(&a);
    let (listener, _) = kit.join(&a, &b);
    let next = || of_a.recv_timeout(LONG).unwrap();
    let (change, refused) = next();
    assert_eq!((change, next()), (PipeChange::BeforeAdd, (PipeChange::Removed, refused)));
    assert!(!refuse.load(Ordering::SeqCst));
    // The next one is taken. A dialer comes back by itself.
    if kit.scheme == "socket" {
        wait_for(|| b.pipes().is_empty());
        kit.connect(&a, &b);
    }
    let (change, second) = next();
    assert_eq!((change, next()), (PipeChange::BeforeAdd, (PipeChange::AfterAdd, second)));
    assert_ne!(refused, second);
    send(&b, "hello", LONG).unwrap();
    assert_eq!(recv(&a, LONG).unwrap().pipe(), Some(second));
    drop(listener);
}

pub fn a_closed_pipe_ends_on_both_sides(kit: &Kit) {
    let (a, b) = kit.pair("pull", "push");
    let (mine, theirs) = (a.pipes()[0].clone(), b.pipes()[0].clone());
    mine.close();
    wait_for(|| mine.is_closed() && theirs.is_closed());
    wait_for(|| !b.pipes().contains(&theirs));
    assert!(!a.pipes().contains(&mine));
}

/// When the close of a listener returns, its pipes are gone; those of other listeners are not.
pub fn a_closed_listener_takes_its_pipes_along(kit: &Kit) {
    let (pull, first, second) = (open("pull"), open("push"), open("push"));
    let (one, _) = kit.connect(&pull, &first);
    let (other, _) = kit.connect(&pull, &second);
    one.close().unwrap();
    assert_eq!(one.close(), Err(Error::Closed));
    let left: Vec<_> = pull.pipes().iter().map(Pipe::listener_id).collect();
    assert_eq!(left, [Some(other.id())]);
    assert_eq!(pull.listeners().len(), 1);
    wait_for(|| first.pipes().is_empty());
    send(&second, "on", LONG).unwrap();
    assert_eq!(recv(&pull, LONG).unwrap().body(), b"on");
}

/// Both ends name the same two addresses, crosswise where clients have addresses of their own.
pub fn addresses_of_pipes(kit: &Kit) {
    let (a, b) = kit.pair("pair", "pair");
    let address = |socket: &Socket, name| match socket.pipes()[0].option(name).unwrap() {
        OptionValue::Address(address) => address,
        other => panic!("{name} is {other:?}"),
    };
    let (local, remote) = (address(&a, names::LOCAL_ADDRESS), address(&a, names::REMOTE_ADDRESS));
    match (kit.scheme, &local, &remote) {
        ("inproc", Address::Inproc(_), Address::Inproc(_))
        | ("ipc" | "unix", Address::Ipc(_), Address::Ipc(_))
        | ("abstract", Address::Abstract(_), Address::Abstract(_))
        | ("socket", Address::Unspecified, Address::Unspecified) => {}
        (_, Address::Inet(here), Address::Inet(there)) if kit.is_tcp() => {
            assert!(here.ip().is_loopback() && there.ip().is_loopback());
            assert_eq!(here.is_ipv6(), kit.scheme.ends_with('6'));
            assert_eq!(Some(here.port()), a.listeners()[0].url().port());
        }
        _ if kit.is_plugin() => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(address(&b, names::LOCAL_ADDRESS), remote);
    assert_eq!(address(&b, names::REMOTE_ADDRESS), local);
}

/// What a pipe does not know it asks its dialer or listener.
pub fn options_of_pipes(kit: &Kit) {
    let (a, b) = (open("pair"), open("pair"));
    a.set_option(S, names::RECV_SIZE_MAX, OptionValue::Size(12_345)).unwrap();
    let (listener, _) = kit.connect(&a, &b);
    let pipe = a.pipes()[0].clone();
    assert_eq!(pipe.option(names::RECV_SIZE_MAX), Ok(OptionValue::Size(12_345)));
    assert_eq!(pipe.option(names::URL), Ok(OptionValue::Str(listener.url().to_string())));
    assert_eq!(pipe.option(names::SEND_PRIORITY), Ok(OptionValue::Int(8)));
    assert!(matches!(pipe.option(names::TTL_MAX), Err(Error::NotSupported(_))));
    assert!(matches!(pipe.option("nonsense"), Err(Error::NotSupported(text)) if text.as_str().contains("nonsense")));
    assert!(matches!(pipe.option(names::IPC_PERMISSIONS), Err(Error::WriteOnly(_))));
    match kit.is_tcp() {
        true => assert_eq!(pipe.option(names::TCP_NODELAY), Ok(OptionValue::Bool(true))),
        false => assert!(pipe.option(names::IPC_PEER_UID).is_err() || kit.scheme != "inproc"),
    }
}

/// The endpoint closes while a callback still looks at its new pipe: the pipe is refused on both sides, and its removal is told.
pub fn close_while_a_callback_decides(kit: &Kit) {
    let (a, b) = (open("pair"), open("pair"));
    let closer = a.clone();
    let of_a = {
        let told = events(&a);
        a.on_pipe(move |change, _| {
            if change == PipeChange::BeforeAdd {
                closer.listeners()[0].close().unwrap();
            }
        });
        told
    };
    let of_b = events(&b);
    kit.join(&a, &b);
    let next = || of_a.recv_timeout(LONG).expect("an event");
    let (change, refused) = next();
    assert_eq!(change, PipeChange::BeforeAdd);
    assert_eq!(next(), (PipeChange::Removed, refused));
    assert!(a.pipes().is_empty());
    // The other side had its pipe, and loses it.
    let (change, theirs) = of_b.recv_timeout(LONG).unwrap();
    assert_eq!(change, PipeChange::BeforeAdd);
    let rest = [of_b.recv_timeout(LONG).unwrap(), of_b.recv_timeout(LONG).expect("its removal")];
    assert_eq!(rest, [(PipeChange::AfterAdd, theirs), (PipeChange::Removed, theirs)]);
    assert!(b.recv(S).wait(Limit::after(Duration::ZERO)).is_err());
}
