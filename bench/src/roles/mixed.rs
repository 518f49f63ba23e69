//! Request and reply on one socket of a process whose other socket streams as fast as it can.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use super::exchange;
use crate::job::{Answer, Job};
use crate::peers::{Pattern, Peer, Res, Setup};

pub(crate) fn listen<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut sink = P::open(Pattern::Pull, Setup { size: job.size, ..Setup::default() })?;
    sink.listen(&job.second)?;
    thread::spawn(move || while sink.recv().is_ok() {});
    exchange::echo::<P>(job, answer)
}

pub(crate) fn dial<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut source = P::open(Pattern::Push, Setup { size: job.size, ..Setup::default() })?;
    source.dial(&job.second)?;
    let sent = Arc::new(AtomicU64::new(0));
    let (count, body) = (sent.clone(), vec![b'x'; job.size]);
    thread::spawn(move || {
        while source.send(&body).is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let begin = Instant::now();
    exchange::ping::<P>(job, |mut found| {
        // A stream that stands still would make round trips look good.
        found.insert("stream_rate".into(), sent.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64());
        answer.done(found);
    })
}
