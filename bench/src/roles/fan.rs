//! One to many and many to one.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::job::{Answer, Job, Numbers};
use crate::measure::{Window, numbers, quantile};
use crate::peers::{Pattern, Peer, Res, Setup};

/// Numbers its messages, so that subscribers know what they have missed.
pub(crate) fn publish<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Pub, Setup { size: job.size, peers: job.n, ..Setup::default() })?;
    socket.listen(&job.url)?;
    answer.ready();
    let mut body = vec![0; job.size];
    let mut window = Window::new(job.warm(), job.run(), 16);
    let begin = Instant::now();
    let mut sent = 0u64;
    loop {
        let due = match job.rate {
            0 => sent + 64,
            rate => (begin.elapsed().as_secs_f64() * rate as f64) as u64,
        };
        while sent < due {
            sent += 1;
            body[..4].copy_from_slice(&(sent as u32).to_le_bytes());
            socket.send(&body)?;
            if let Some(sample) = window.count() {
                answer.done(sample.numbers());
            }
        }
        if job.rate > 0 {
            thread::sleep(TICK);
        }
    }
}

/// One thread and one socket each.
pub(crate) fn subscribers<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let (found, results) = mpsc::channel();
    for _ in 0..job.n {
        let (job, found) = (job.clone(), found.clone());
        thread::spawn(move || {
            if let Err(e) = subscriber::<P>(&job, &found) {
                let _ = found.send(Err(e));
            }
        });
    }
    let each: Vec<Numbers> = results.iter().take(job.n).collect::<Res<_>>()?;
    let of = |name: &str| each.iter().filter_map(|one| one.get(name).copied()).collect::<Vec<_>>();
    let (mut rates, missed, seen) = (of("rate"), of("missed"), of("seen"));
    let (missed, seen): (f64, f64) = (missed.iter().sum(), seen.iter().sum());
    let mut all = numbers([
        ("rate", rates.iter().sum()),
        ("lost", missed / (missed + seen).max(1.0)),
        ("missed", missed),
        ("least", quantile(&mut rates, 0.0)),
        ("median", quantile(&mut rates, 0.5)),
        ("most", quantile(&mut rates, 1.0)),
    ]);
    all.insert("cpu_us".into(), of("cpu_us").iter().sum::<f64>() / job.n as f64 / job.n as f64);
    answer.done(all);
    Ok(())
}

/// Counts by pipe: the first four bytes of a message are its sender's number.
pub(crate) fn collect<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let mut socket = P::open(Pattern::Pull, Setup { size: job.size, peers: job.n, ..Setup::default() })?;
    socket.listen(&job.url)?;
    answer.ready();
    let mut each = vec![0.0; job.n];
    let mut window = Window::new(job.warm(), job.run(), 64);
    loop {
        let got = socket.recv()?;
        if window.is_open()
            && let Some(count) = each.get_mut(got.tag as usize)
        {
            *count += 1.0;
        }
        if let Some(sample) = window.count() {
            let mut found = sample.numbers();
            found.extend(numbers([
                ("least", quantile(&mut each, 0.0)),
                ("median", quantile(&mut each, 0.5)),
                ("most", quantile(&mut each, 1.0)),
            ]));
            answer.done(found);
        }
    }
}

/// Keeps all pipes full: the receiver decides whose messages it takes.
pub(crate) fn senders<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let setup = Setup { size: job.size, ..Setup::default() };
    let mut sockets: Vec<P> = (0..job.n).map(|_| P::open(Pattern::Push, setup)).collect::<Res<_>>()?;
    for socket in &mut sockets {
        socket.dial(&job.url)?;
    }
    let mut body = vec![b'x'; job.size];
    let mut window = Window::new(job.warm(), job.run(), 64);
    loop {
        let mut sent = false;
        for (i, socket) in (0u32..).zip(&mut sockets) {
            body[..4].copy_from_slice(&i.to_le_bytes());
            for _ in 0..TURN {
                if !socket.try_send(&body)? {
                    break;
                }
                sent = true;
                if let Some(sample) = window.count() {
                    answer.done(sample.numbers());
                }
            }
        }
        if !sent {
            thread::sleep(TICK);
        }
    }
}

fn subscriber<P: Peer>(job: &Job, found: &mpsc::Sender<Res<Numbers>>) -> Res {
    let mut socket = P::open(Pattern::Sub, Setup { size: job.size, ..Setup::default() })?;
    socket.subscribe(b"")?;
    socket.dial(&job.url)?;
    let mut window = Window::new(job.warm(), job.run(), 16);
    let mut last: Option<u32> = None;
    let (mut missed, mut seen) = (0.0, 0.0);
    loop {
        let got = socket.recv()?;
        if window.is_open() {
            if let Some(last) = last {
                missed += f64::from(got.tag.wrapping_sub(last).saturating_sub(1));
            }
            last = Some(got.tag);
            seen += 1.0;
        }
        if let Some(sample) = window.count() {
            let mut one = sample.numbers();
            one.extend(numbers([("missed", missed), ("seen", seen)]));
            let _ = found.send(Ok(one));
        }
    }
}

/// How long a sender pauses that has nothing to do.
const TICK: Duration = Duration::from_micros(100);
/// Messages to one pipe before the next one's turn.
const TURN: usize = 64;
