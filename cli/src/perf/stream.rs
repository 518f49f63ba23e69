//! One stream of a one-way measurement: a push socket at one end, a pull socket at the other, a thread each.
//!
//! Messages of the warm-up, a start mark, the messages that are measured, an end mark: all on one connection, so that their order is the
//! order in which they are received. A mark is a message of another length, so that messages may have any length and content.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use spanwire::{Message, Pull, Push, Socket};

use super::cpu;
use super::plan::Amount;
use super::wire::Outcome;
use crate::exit::{Doing, Exit};

/// A count that one thread writes and others read now and then. It has its cache line for itself, or they would slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counter(AtomicU64);

/// What a stream's thread saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    messages: u64,
    began: At,
    ended: At,
}

/// A moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    time: Instant,
    cpu: Option<Duration>,
}

impl Counter {
    /// One more.
    pub(crate) fn add(&self) {
        self.0.store(self.get().wrapping_add(1), Ordering::Relaxed);
    }

    /// How many.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl At {
    /// This one.
    pub(crate) fn now() -> Self {
        Self { time: Instant::now(), cpu: cpu::time() }
    }

    /// Wall-clock and CPU time from an earlier one until this.
    pub(crate) fn since(self, began: Self) -> (Duration, Option<Duration>) {
        let cpu = self.cpu.zip(began.cpu).map(|(now, then)| now.saturating_sub(then));
        (self.time.saturating_duration_since(began.time), cpu)
    }
}

impl Tally {
    /// What all streams together did, from the first start to the last end.
    pub(crate) fn sum(tallies: &[Self]) -> Option<Outcome> {
        let began = tallies.iter().map(|tally| tally.began).min_by_key(|at| at.time)?;
        let ended = tallies.iter().map(|tally| tally.ended).max_by_key(|at| at.time)?;
        let (time, cpu) = ended.since(began);
        Some(Outcome { messages: tallies.iter().map(|tally| tally.messages).sum(), time, cpu })
    }
}

/// A message of this many bytes, which its clones share.
pub(crate) fn message(size: usize) -> Result<Message, Exit> {
    let mut body = Vec::new();
    body.try_reserve_exact(size).doing(|| "no memory for the message".into())?;
    body.resize(size, 0x55);
    let mut msg = Message::from(body);
    msg.freeze();
    Ok(msg)
}

/// Sends a stream of this message. The counter counts all messages.
pub(crate) fn send(
    socket: &Socket<Push>,
    msg: &Message,
    warm_up: Duration,
    amount: Amount,
    counter: &Counter,
) -> Result<Tally, String> {
    let size = msg.len();
    let send = |msg: Message| socket.send(msg).wait().map_err(|e| format!("can't send: {}", e.error));
    let send_for = |time: Duration| {
        let (end, mut n) = (Instant::now() + time, 0);
        while Instant::now() < end {
            for _ in 0..burst(size) {
                send(msg.clone())?;
                counter.add();
                n += 1;
            }
        }
        Ok::<u64, String>(n)
    };
    send_for(warm_up)?;
    send(Mark::Start.message(size))?;
    let began = At::now();
    let messages = match amount {
        Amount::Time(time) => send_for(time)?,
        Amount::Count(n) => {
            for _ in 0..n {
                send(msg.clone())?;
                counter.add();
            }
            n
        }
    };
    send(Mark::End.message(size))?;
    Ok(Tally { messages, began, ended: At::now() })
}

/// Receives a stream. The counter counts all messages.
pub(crate) fn receive(socket: &Socket<Pull>, size: usize, counter: &Counter) -> Result<Tally, String> {
    let (mut began, mut messages) = (None, 0);
    loop {
        let msg = socket.recv().wait().map_err(|e| format!("can't receive: {e}"))?;
        if msg.len() == size {
            counter.add();
            messages += 1;
            continue;
        }
        match (Mark::of(&msg), began) {
            (Some(Mark::Start), None) => (began, messages) = (Some(At::now()), 0),
            (Some(Mark::End), Some(began)) => return Ok(Tally { messages, began, ended: At::now() }),
            (Some(Mark::End), None) => return Err("the connection broke, and the start was lost".into()),
            (Some(Mark::Start), Some(_)) | (None, _) => {
                return Err(format!("a message of {} bytes does not belong here", msg.len()));
            }
        }
    }
}

/// How many messages are sent between two looks at the clock, which is not what is to be measured.
fn burst(size: usize) -> usize {
    ((64 << 10) / size.max(1)).clamp(1, 64)
}

/// The first and last message of what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Start,
    End,
}

impl Mark {
    fn message(self, size: usize) -> Message {
        let text = match self {
            Self::Start => START,
            Self::End => END,
        };
        // One byte longer if messages happen to be as long as a mark.
        let mut msg = Message::from(text);
        if msg.len() == size {
            msg.append(b".");
        }
        msg
    }

    fn of(msg: &Message) -> Option<Self> {
        match msg.body().strip_suffix(b".").unwrap_or(msg.body()) {
            START => Some(Self::Start),
            END => Some(Self::End),
            _ => None,
        }
    }
}

const START: &[u8] = b"start";
const END: &[u8] = b"the end";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_never_as_long_as_a_message() {
        for size in 0..20 {
            for mark in [Mark::Start, Mark::End] {
                let msg = mark.message(size);
                assert_ne!(msg.len(), size);
                assert_eq!(Mark::of(&msg), Some(mark));
            }
        }
        assert_eq!(Mark::of(&Message::from("beginning")), None);
    }

    #[test]
    fn a_stream_is_counted_from_mark_to_mark() {
        let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
        pull.listen("inproc://perf-stream").wait().unwrap();
        push.dial("inproc://perf-stream").wait().unwrap();
        for size in [0, START.len(), END.len(), 1000] {
            let (tx, rx) = (Counter::default(), Counter::default());
            std::thread::scope(|scope| {
                let received = scope.spawn(|| receive(&pull, size, &rx).unwrap());
                let sent =
                    send(&push, &message(size).unwrap(), Duration::from_millis(1), Amount::Count(500), &tx).unwrap();
                assert_eq!([sent.messages, received.join().unwrap().messages], [500, 500]);
            });
            assert_eq!(tx.get(), rx.get());
            assert!(tx.get() >= 500);
        }
    }
}
