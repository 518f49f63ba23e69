//! Messages in one direction.

use std::thread;

use crate::job::{Answer, Job};
use crate::measure::Window;
use crate::peers::{Pattern, Peer, Res, Setup};

pub(crate) fn receive<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Pull, Setup { size: job.size, ..Setup::default() })?;
    socket.listen(&job.url)?;
    answer.ready();
    let mut window = Window::stream(job.warm(), job.run(), job.size);
    loop {
        socket.recv()?;
        if let Some(sample) = window.count() {
            let mut found = sample.numbers();
            found.insert("mb_s".into(), sample.count * job.size as f64 / sample.secs / 1e6);
            answer.done(found);
        }
    }
}

pub(crate) fn send<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Push, Setup { size: job.size, ..Setup::default() })?;
    socket.dial(&job.url)?;
    let others: Vec<P> = (1..job.n).map(|_| socket.share()).collect::<Res<_>>()?;
    let body = vec![b'x'; job.size];
    thread::scope(|scope| {
        for mut other in others {
            let body = &body;
            scope.spawn(move || while other.send_again(body).is_ok() {});
        }
        let mut window = Window::stream(job.warm(), job.run(), job.size);
        loop {
            socket.send_again(&body)?;
            if let Some(sample) = window.count() {
                // What a message costs is only known with one thread: the others are not in the count.
                answer.done(if job.n <= 1 { sample.numbers() } else { Default::default() });
            }
        }
    })
}
