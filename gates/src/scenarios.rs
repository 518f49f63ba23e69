//! What is measured: each scenario in one process and one thread, as far as the application is concerned.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use spanwire::message::Message;
use spanwire::transport::{Codec, codec};
use spanwire::{AnySocket, Pair0, Pub, Pull, Push, Rep, Req, Socket, SocketBase, Sub};

use crate::meter::Meter;

pub(crate) type Res<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A scenario by its name.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What a message may allocate.
    pub(crate) allocations: f64,
    pub(crate) run: fn(&Meter) -> Res,
}

pub(crate) static SCENARIOS: &[Scenario] = &[
    scenario("message-small", 0.0, |meter| messages(meter, 64)),
    scenario("message-1k", 2.0, |meter| messages(meter, 1024)),
    scenario("codec-length", 0.0, |meter| framing(meter, &codec::Length)),
    scenario("codec-typed", 0.0, |meter| framing(meter, &codec::Typed)),
    scenario("inproc-push-pull", 0.0, |meter| stream(meter, "inproc://gate", 1)),
    scenario("inproc-push-pull-100", 0.0, |meter| stream(meter, "inproc://gate", 100)),
    scenario("inproc-round-trip", 0.0, |meter| round_trip(meter, "inproc://gate")),
    // What the C library's own program of the same name does.
    scenario("inproc-any-pair", 0.0, any_pair),
    scenario("inproc-pub-sub-1", 0.0, |meter| publish(meter, 1)),
    scenario("inproc-pub-sub-1000", 0.0, |meter| publish(meter, 1000)),
    scenario("tcp-push-pull", 0.0, |meter| stream(meter, "tcp://127.0.0.1:0", 1)),
    scenario("tcp-push-pull-100", 0.0, |meter| stream(meter, "tcp://127.0.0.1:0", 100)),
    scenario("tcp-round-trip", 0.0, |meter| round_trip(meter, "tcp://127.0.0.1:0")),
    // Once a batch and side: what was read of it and not delivered moves to memory of its own size.
    scenario("tcp-echo-100", 2.0 / 100.0, |meter| echo(meter, "tcp://127.0.0.1:0")),
    scenario("ipc-round-trip", 0.0, |meter| round_trip(meter, "abstract://")),
];

const fn scenario(name: &'static str, allocations: f64, run: fn(&Meter) -> Res) -> Scenario {
    Scenario { name, allocations, run }
}

/// A message is made, cloned, read and dropped.
fn messages(meter: &Meter, size: usize) -> Res {
    let body = vec![b'x'; size];
    meter.measure(1, || {
        let message = Message::from(black_box(&body[..]));
        let other = message.clone();
        black_box(other.body());
        Ok(())
    })
}

/// What stands before a message is written and read.
fn framing(meter: &Meter, codec: &dyn Codec) -> Res {
    let mut out = Vec::with_capacity(16);
    meter.measure(1, || {
        out.clear();
        codec.encode_prefix(black_box(64), &mut out);
        black_box(codec.decode_prefix(black_box(&out))?);
        Ok(())
    })
}

/// So many messages are sent, then received.
fn stream(meter: &Meter, url: &str, batch: usize) -> Res {
    let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
    connect(&push, &pull, url)?;
    meter.measure(batch, || {
        for _ in 0..batch {
            push.send(BODY).wait()?;
        }
        for _ in 0..batch {
            black_box(pull.recv().wait()?);
        }
        Ok(())
    })
}

/// A message that goes round between sockets of a protocol that is chosen at run time.
fn any_pair(meter: &Meter) -> Res {
    let (a, b) = (AnySocket::open("pair")?, AnySocket::open("pair")?);
    a.listen("inproc://gate").wait()?;
    b.dial("inproc://gate").wait()?;
    let mut message = Message::copy_from(BODY);
    meter.measure(1, || {
        b.send(std::mem::take(&mut message)).wait()?;
        message = a.recv().wait()?;
        Ok(())
    })
}

/// A request and its reply.
fn round_trip(meter: &Meter, url: &str) -> Res {
    let (req, rep) = (Socket::<Req>::new(), Socket::<Rep>::new());
    connect(&req, &rep, url)?;
    meter.measure(1, || {
        req.send(BODY).wait()?;
        rep.send(rep.recv().wait()?).wait()?;
        black_box(req.recv().wait()?);
        Ok(())
    })
}

/// Messages come in a burst, and are sent back one by one: the answers are collected.
fn echo(meter: &Meter, url: &str) -> Res {
    let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
    connect(&a, &b, url)?;
    meter.measure(100, || {
        for _ in 0..100 {
            a.send(BODY).wait()?;
        }
        for _ in 0..100 {
            b.send(b.recv().wait()?).wait()?;
        }
        for _ in 0..100 {
            black_box(a.recv().wait()?);
        }
        Ok(())
    })
}

/// One of so many subscriptions matches.
fn publish(meter: &Meter, subscriptions: usize) -> Res {
    let (publisher, sub) = (Socket::<Pub>::new(), Socket::<Sub>::new());
    for n in 0..subscriptions {
        sub.subscribe(format!("topic {n:04}"))?;
    }
    connect(&sub, &publisher, "inproc://gate")?;
    let body = |n: usize| format!("topic {:04} and what there is to say about it", n * 7 % subscriptions);
    let bodies: Vec<_> = (0..subscriptions).map(body).collect();
    let mut bodies = bodies.iter().cycle();
    meter.measure(1, || {
        publisher.send(bodies.next().ok_or("no topic")?).wait()?;
        black_box(sub.recv().wait()?);
        Ok(())
    })
}

/// Returns when both have a pipe.
pub(crate) fn connect(dials: &SocketBase, listens: &SocketBase, url: &str) -> Res {
    dials.dial(&listens.listen(url).wait()?).wait()?;
    while listens.pipes().is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// 64 bytes.
pub(crate) const BODY: &[u8; 64] = &[b'x'; 64];
