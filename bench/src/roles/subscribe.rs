//! Many subscriptions.

use std::time::Instant;

use crate::job::{Answer, Job};
use crate::measure::{self, Window, numbers};
use crate::peers::{Pattern, Peer, Res, Setup};

/// Sends messages that all match one of the subscriptions.
pub(crate) fn publish<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Pub, setup(job))?;
    socket.listen(&job.url)?;
    answer.ready();
    let step = job.n.div_ceil(BODIES);
    let mut bodies: Vec<Vec<u8>> = topics(job.n).step_by(step).collect();
    for body in &mut bodies {
        body.resize(job.size, b'.');
    }
    let mut window = Window::new(job.warm(), job.run(), 64);
    loop {
        for body in &bodies {
            socket.send(body)?;
            if let Some(sample) = window.count() {
                answer.done(sample.numbers());
            }
        }
    }
}

pub(crate) fn subscribe<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Sub, setup(job))?;
    let (before, begin) = (measure::rss(), Instant::now());
    for topic in topics(job.n) {
        socket.subscribe(&topic)?;
    }
    let (set_up, used) = (begin.elapsed().as_secs_f64(), measure::rss() - before);
    socket.dial(&job.url)?;
    let mut window = Window::new(job.warm(), job.run(), 64);
    loop {
        socket.recv()?;
        if let Some(sample) = window.count() {
            let mut found = sample.numbers();
            found.extend(numbers([("set_up_s", set_up), ("bytes_each", used / job.n as f64)]));
            answer.done(found);
        }
    }
}

fn setup(job: &Job) -> Setup {
    Setup { size: job.size, many_topics: true, ..Setup::default() }
}

/// The same on both sides, and never all in memory.
fn topics(n: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut rng = fastrand::Rng::with_seed(1);
    (0..n).map(move |_| (0..rng.usize(16..=24)).map(|_| rng.alphanumeric() as u8).collect())
}

const BODIES: usize = 1024;
