//! The adaptive rule stalls nobody: what is sent arrives as it does on plain sockets, which write each message at once.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use spanwire_core::driver::{Limit, Operation, Socket};
use spanwire_core::{ContextId, Message};

use crate::common::{S, connected};
use crate::{alone, quantile};

/// A connection on which 64-byte messages go both ways; this end of it.
trait Wire: Send {
    fn send(&mut self);
    fn recv(&mut self);
}

/// Plain sockets: a call a message.
struct Plain(UnixStream);

impl Wire for Plain {
    fn send(&mut self) {
        self.0.write_all(&BODY).unwrap();
    }

    fn recv(&mut self) {
        self.0.read_exact(&mut [0; BODY.len()]).unwrap();
    }
}

impl Wire for Socket {
    fn send(&mut self) {
        Socket::send(self, S, Message::from(BODY)).wait(Limit::Never).unwrap();
    }

    fn recv(&mut self) {
        Socket::recv(self, S).wait(Limit::Never).unwrap();
    }
}

/// Both ends of a connection.
type Ends = (Box<dyn Wire>, Box<dyn Wire>);

fn plain() -> Ends {
    let (a, b) = UnixStream::pair().unwrap();
    (Box::new(Plain(a)), Box::new(Plain(b)))
}

fn ours() -> Ends {
    let (a, b) = connected("pair", "pair", "ipc");
    (Box::new(a), Box::new(b))
}

/// What one thread does with another: a step here, and what answers it there.
struct Exercise {
    name: &'static str,
    /// Connections it takes.
    wires: usize,
    here: fn(&mut [Box<dyn Wire>]),
    there: fn(&mut [Box<dyn Wire>]),
}

const EXERCISES: [Exercise; 3] = [
    Exercise {
        name: "a round trip",
        wires: 1,
        here: |wires| {
            wires[0].send();
            wires[0].recv();
        },
        there: |wires| {
            wires[0].recv();
            wires[0].send();
        },
    },
    Exercise {
        name: "a burst of 100",
        wires: 1,
        here: |wires| {
            (0..100).for_each(|_| wires[0].send());
            (0..100).for_each(|_| wires[0].recv());
        },
        there: |wires| {
            (0..100).for_each(|_| {
                wires[0].recv();
                wires[0].send();
            })
        },
    },
    // The other side needs what was sent before the request: who waits for the reply must not keep it.
    Exercise {
        name: "a request through another socket of the thread",
        wires: 2,
        here: |wires| {
            (0..20).for_each(|_| wires[0].send());
            wires[1].send();
            wires[1].recv();
        },
        there: |wires| {
            (0..20).for_each(|_| wires[0].recv());
            wires[1].recv();
            wires[1].send();
        },
    },
];

/// This end of an exercise; the other one runs in a thread.
struct Running {
    wires: Vec<Box<dyn Wire>>,
    here: fn(&mut [Box<dyn Wire>]),
    times: Vec<Duration>,
    other: JoinHandle<()>,
}

impl Running {
    fn start(exercise: &Exercise, wire: fn() -> Ends) -> Self {
        let (wires, mut others): (Vec<_>, Vec<_>) = (0..exercise.wires).map(|_| wire()).unzip();
        let there = exercise.there;
        let other = thread::spawn(move || (0..ROUNDS).for_each(|_| there(&mut others)));
        Self { wires, here: exercise.here, times: Vec::new(), other }
    }

    fn step(&mut self) {
        let begin = Instant::now();
        (self.here)(&mut self.wires);
        self.times.push(begin.elapsed());
    }

    fn end(self) -> Vec<Duration> {
        self.other.join().unwrap();
        self.times
    }
}

/// All exercises, with ours and with plain sockets in turns.
fn compare(load: &str) {
    for exercise in &EXERCISES {
        let (mut ours, mut plain) = (Running::start(exercise, ours), Running::start(exercise, plain));
        for round in 0..ROUNDS {
            // Who comes second may find the cores awake.
            let order = if round % 2 == 0 { [&mut ours, &mut plain] } else { [&mut plain, &mut ours] };
            order.into_iter().for_each(Running::step);
        }
        let (ours, plain) = (ours.end(), plain.end());
        let stalls =
            |times: &[Duration]| times.iter().filter(|time| **time > STALL).count() as f64 / times.len() as f64;
        let figures = |times: &[Duration]| {
            let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|part| quantile(times, part));
            format!("{p50:.0?} {p90:.0?} {p99:.0?}, {:.1} % stalls", stalls(times) * 100.0)
        };
        println!("{load}, {}: {}; plain {}", exercise.name, figures(&ours), figures(&plain));
        assert!(
            stalls(&ours) <= stalls(&plain) + CHANCE,
            "{load}, {}: {}; plain sockets: {}",
            exercise.name,
            figures(&ours),
            figures(&plain)
        );
    }
}

#[test]
fn nobody_stalls_on_a_quiet_machine() {
    let _alone = alone();
    compare("quiet");
}

#[test]
fn nobody_stalls_beside_a_stream_of_the_same_process() {
    let _alone = alone();
    let (pull, push) = connected("pull", "push", "ipc");
    thread::scope(|scope| {
        scope.spawn(|| while pull.recv(S).wait(Limit::Never).is_ok() {});
        scope.spawn(|| while push.send(ContextId::SOCKET, Message::from(BODY)).wait(Limit::Never).is_ok() {});
        let _end = OnDrop(|| {
            push.close().wait(Limit::Options).unwrap();
            pull.close().wait(Limit::Options).unwrap();
        });
        compare("beside a stream");
    });
}

#[test]
fn nobody_stalls_while_others_hog_the_cores() {
    let _alone = alone();
    let over = Arc::new(AtomicBool::new(false));
    let _end = OnDrop(|| over.store(true, Ordering::Relaxed));
    for _ in 0..2 {
        let over = over.clone();
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
    }
    compare("hogged");
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

const BODY: [u8; 64] = [b'x'; 64];
const ROUNDS: usize = 200;
const STALL: Duration = Duration::from_millis(1);
/// How many more of our steps may be stalls than of the plain sockets'. When each second step is one, two counts of [`ROUNDS`] lie 5 % apart as a
/// rule (one standard deviation).
const CHANCE: f64 = 0.15;
