//! Requests and replies.

use std::thread;
use std::time::{Duration, Instant};

use crate::job::{Answer, Job, Kind, Numbers};
use crate::measure::{Window, numbers, quantile};
use crate::peers::{Pattern, Peer, Res, Setup};

pub(crate) fn echo<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let (pattern, idle) = match job.kind {
        Kind::RoundTrip | Kind::Mixed => (Pattern::Rep, job.n),
        _ => (Pattern::Server, 0),
    };
    let mut socket = P::open(pattern, Setup { size: job.size, peers: idle + 1, ..Setup::default() })?;
    socket.listen(&job.url)?;
    answer.ready();
    let mut window = Window::new(job.warm(), job.run(), 16);
    loop {
        socket.echo()?;
        if let Some(sample) = window.count() {
            answer.done(sample.numbers());
        }
    }
}

pub(crate) fn round_trips<P: Peer>(job: &Job, answer: &Answer) -> Res {
    ping::<P>(job, |found| answer.done(found))
}

/// Goes on for ever; tells the numbers once.
pub(crate) fn ping<P: Peer>(job: &Job, done: impl Fn(Numbers)) -> Res {
    let mut socket = P::open(Pattern::Req, Setup { size: job.size, ..Setup::default() })?;
    socket.dial(&job.url)?;
    let body = vec![b'x'; job.size];
    let mut window = Window::new(job.warm(), job.run(), 16);
    let mut times = Vec::with_capacity(1 << 20);
    let mut before = Instant::now();
    loop {
        socket.send(&body)?;
        socket.recv()?;
        let now = Instant::now();
        if window.is_open() {
            times.push((now - before).as_nanos() as f64 / 1e3);
        }
        before = now;
        if let Some(sample) = window.count() {
            let mut found = sample.numbers();
            found.extend(numbers([("p50_us", quantile(&mut times, 0.5)), ("p99_us", quantile(&mut times, 0.99))]));
            done(found);
        }
    }
}

pub(crate) fn in_flight<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Client, Setup { size: job.size, slots: job.n, ..Setup::default() })?;
    socket.dial(&job.url)?;
    let body = vec![b'x'; job.size];
    for slot in 0..job.n {
        socket.submit(slot, &body)?;
    }
    let mut window = Window::new(job.warm(), job.run(), 64);
    loop {
        for slot in 0..job.n {
            socket.complete(slot)?;
            if let Some(sample) = window.count() {
                answer.done(sample.numbers());
            }
            socket.submit(slot, &body)?;
        }
    }
}

pub(crate) fn bursts<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Client, Setup { size: job.size, slots: job.n, ..Setup::default() })?;
    socket.dial(&job.url)?;
    let body = vec![b'x'; job.size];
    let mut window = Window::new(job.warm(), job.run(), 1);
    let mut times = Vec::new();
    loop {
        let begin = Instant::now();
        for slot in 0..job.n {
            socket.submit(slot, &body)?;
        }
        for slot in 0..job.n {
            socket.complete(slot)?;
        }
        if window.is_open() {
            times.push(begin.elapsed().as_nanos() as f64 / 1e3);
        }
        if let Some(sample) = window.count() {
            let mut found = sample.numbers();
            found.extend(numbers([("p50_us", quantile(&mut times, 0.5)), ("p99_us", quantile(&mut times, 0.99))]));
            answer.done(found);
        }
        thread::sleep(PAUSE);
    }
}

/// Between bursts: long enough for everybody to go to sleep.
const PAUSE: Duration = Duration::from_millis(2);
