//! Many connections.

use std::thread;
use std::time::Duration;

use crate::job::{Answer, Job};
use crate::measure::{self, numbers};
use crate::peers::{Pattern, Peer, Res, Setup};

pub(crate) fn accept<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Rep, setup(job))?;
    socket.listen(&job.url)?;
    let before = measure::rss();
    answer.ready();
    while socket.connections()? < job.n {
        thread::sleep(LOOK);
    }
    report(job, answer, before, &[]);
    std::mem::forget(socket);
    Ok(())
}

pub(crate) fn connect<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Req, setup(job))?;
    let (before, begin) = (measure::rss(), measure::clock());
    dial_all(&mut socket, job)?;
    report(job, answer, before, &[("begin", begin)]);
    std::mem::forget(socket);
    Ok(())
}

/// Connections that stand and do nothing.
pub(crate) fn idle<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Req, setup(job))?;
    dial_all(&mut socket, job)?;
    answer.ready();
    std::mem::forget(socket);
    Ok(())
}

fn dial_all<P: Peer>(socket: &mut P, job: &Job) -> Res {
    for _ in 0..job.n {
        socket.dial(&job.url)?;
    }
    while socket.connections()? < job.n {
        thread::sleep(LOOK);
    }
    Ok(())
}

fn report(job: &Job, answer: &Answer, before: f64, more: &[(&str, f64)]) {
    let end = measure::clock();
    // What was needed only on the way is given back soon, or never.
    thread::sleep(Duration::from_millis(300));
    let each = (measure::rss() - before) / job.n as f64;
    let mut found = numbers([("end", end), ("bytes_each", each), ("threads", measure::threads())]);
    found.extend(more.iter().map(|&(name, value)| (name.to_owned(), value)));
    answer.done(found);
}

fn setup(job: &Job) -> Setup {
    Setup { size: job.size, peers: job.n, watch: true, ..Setup::default() }
}

const LOOK: Duration = Duration::from_millis(5);
