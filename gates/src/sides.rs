//! What is measured between two processes: each scenario has a side that listens and a side that dials.

use std::hint::black_box;
use std::thread;

use futures_lite::future::block_on;
use spanwire::{Bus, Pair0, Pub, Pull, Push, Rep, Req, Respondent, Socket, Sub, Surveyor};

use crate::gate::Bound;
use crate::meter::Meter;
use crate::scenarios::{BODY, Res, connect};

/// A scenario by its name: where it listens, and how many messages make it tell.
pub(crate) struct Pairing {
    pub(crate) name: &'static str,
    pub(crate) url: &'static str,
    pub(crate) messages: usize,
    /// How many system calls a message may cost a side.
    pub(crate) calls: Bound,
    listen: fn(&Meter, &str) -> Res,
    dial: fn(&Meter, &str) -> Res,
}

pub(crate) static PAIRINGS: &[Pairing] = &[
    Pairing {
        name: "tcp-ping-pong",
        url: TCP,
        messages: ROUND_TRIPS,
        calls: Bound::AtMost(4.0),
        listen: pong,
        dial: ping,
    },
    Pairing {
        name: "ipc-ping-pong",
        url: IPC,
        messages: ROUND_TRIPS,
        calls: Bound::AtMost(4.0),
        listen: pong,
        dial: ping,
    },
    Pairing {
        name: "tcp-async-ping-pong",
        url: TCP,
        messages: ROUND_TRIPS,
        calls: Bound::Recorded(0.25),
        listen: async_pong,
        dial: async_ping,
    },
    Pairing {
        name: "ipc-async-ping-pong",
        url: IPC,
        messages: ROUND_TRIPS,
        calls: Bound::Recorded(0.25),
        listen: async_pong,
        dial: async_ping,
    },
    Pairing {
        name: "tcp-stream",
        url: TCP,
        messages: STREAM,
        calls: Bound::AtMost(1.0 / 500.0),
        listen: receive,
        dial: send,
    },
    Pairing {
        name: "ipc-stream",
        url: IPC,
        messages: STREAM,
        calls: Bound::AtMost(1.0 / 500.0),
        listen: receive,
        dial: send,
    },
];

impl Pairing {
    /// Carries out one side. The listening one first writes its address on standard output; the other one is told.
    pub(crate) fn play(&self, address: Option<&str>) -> Res {
        let meter = Meter { messages: self.messages };
        match address {
            None => (self.listen)(&meter, self.url),
            Some(address) => (self.dial)(&meter, address),
        }
    }
}

fn ping(meter: &Meter, url: &str) -> Res {
    let req = Socket::<Req>::new();
    req.dial(url).wait()?;
    meter.measure(1, || {
        req.send(BODY).wait()?;
        black_box(req.recv().wait()?);
        Ok(())
    })
}

fn pong(meter: &Meter, url: &str) -> Res {
    let rep = Socket::<Rep>::new();
    println!("{}", rep.listen(url).wait()?.url());
    meter.measure(1, || Ok(rep.send(rep.recv().wait()?).wait()?))
}

fn async_ping(meter: &Meter, url: &str) -> Res {
    let req = Socket::<Req>::new();
    req.dial(url).wait()?;
    meter.measure(1, || {
        block_on(async {
            req.send(BODY).await?;
            black_box(req.recv().await?);
            Ok(())
        })
    })
}

fn async_pong(meter: &Meter, url: &str) -> Res {
    let rep = Socket::<Rep>::new();
    println!("{}", rep.listen(url).wait()?.url());
    meter.measure(1, || block_on(async { Ok(rep.send(rep.recv().await?).await?) }))
}

fn send(meter: &Meter, url: &str) -> Res {
    let push = Socket::<Push>::new();
    push.dial(url).wait()?;
    meter.measure(1, || Ok(push.send(BODY).wait()?))
}

fn receive(meter: &Meter, url: &str) -> Res {
    let pull = Socket::<Pull>::new();
    println!("{}", pull.listen(url).wait()?.url());
    meter.measure(1, || {
        black_box(pull.recv().wait()?);
        Ok(())
    })
}

/// Holds sockets of all kinds, connected and used, until standard input ends.
pub(crate) fn idle() -> Res {
    let mut pairs: Vec<Box<dyn std::any::Any>> = Vec::new();
    for transport in [TCP, IPC, "inproc"] {
        let url = |name: &str| if transport == "inproc" { format!("inproc://{name}") } else { transport.to_owned() };
        let (req, rep) = (Socket::<Req>::new(), Socket::<Rep>::new());
        connect(&req, &rep, &url("round-trip"))?;
        req.send(BODY).wait()?;
        rep.send(rep.recv().wait()?).wait()?;
        req.recv().wait()?;
        let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
        connect(&push, &pull, &url("stream"))?;
        for _ in 0..100 {
            push.send(BODY).wait()?;
        }
        for _ in 0..100 {
            pull.recv().wait()?;
        }
        let (publisher, sub) = (Socket::<Pub>::new(), Socket::<Sub>::new());
        sub.subscribe("")?;
        connect(&sub, &publisher, &url("publish"))?;
        publisher.send(BODY).wait()?;
        sub.recv().wait()?;
        let (a, b) = (Socket::<Pair0>::new(), Socket::<Pair0>::new());
        connect(&a, &b, &url("pair"))?;
        a.send(BODY).wait()?;
        let buses = (Socket::<Bus>::new(), Socket::<Bus>::new());
        connect(&buses.0, &buses.1, &url("bus"))?;
        let survey = (Socket::<Surveyor>::new(), Socket::<Respondent>::new());
        connect(&survey.0, &survey.1, &url("survey"))?;
        // One that waits, in a thread of its own.
        thread::spawn(move || drop(pull.recv().wait()));
        pairs.push(Box::new((req, rep, push, publisher, sub, a, b, buses, survey)));
    }
    println!("idle");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

const TCP: &str = "tcp://127.0.0.1:0";
/// The system chooses the name.
const IPC: &str = "abstract://";
const ROUND_TRIPS: usize = 2000;
const STREAM: usize = 1_000_000;
