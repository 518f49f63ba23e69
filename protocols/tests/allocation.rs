//! Messages pass through in the steady state without an allocation.
//!
//! One test only: the counter counts for the whole process.

// The only way to count allocations. Both methods pass everything on to the system's allocator.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use spanwire_core::option::names;
use spanwire_core::protocol::{DropCause, Flow, Room};
use spanwire_core::{Attempt, ContextId, Message, OptionValue, Outbox, PipeAttrs, PipeId, Protocol, Reject};
use spanwire_protocols::find;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the block came from `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

/// Collects what a machine sends.
struct Sink {
    now: Instant,
    sent: VecDeque<(PipeId, Message)>,
}

impl Outbox for Sink {
    fn now(&mut self) -> Instant {
        self.now
    }
    fn send(&mut self, pipe: PipeId, msg: &mut Message) -> Room {
        self.sent.push_back((pipe, std::mem::take(msg)));
        Room::More
    }
    fn close(&mut self, _pipe: PipeId, _reason: Reject) {}
    fn resume(&mut self, _pipe: PipeId) {}
    fn wake_send(&mut self, _ctx: ContextId) {}
    fn wake_recv(&mut self, _ctx: ContextId) {}
    fn deliver(&mut self, _ctx: ContextId) -> bool {
        false
    }
    fn cancel(&mut self, _ctx: ContextId) {}
    fn count_drop(&mut self, _cause: DropCause, _n: usize) {}
}

/// Sends from one machine to the other.
fn pass(from: &mut dyn Protocol, to: &mut dyn Protocol, sink: &mut Sink, pipes: u32) {
    let mut msg = Message::from("a message short enough to be stored in itself");
    from.try_send(ContextId::SOCKET, &mut msg, Attempt::First, sink).expect("it can send");
    while let Some((pipe, mut msg)) = sink.sent.pop_front() {
        assert!(pipe.get() <= pipes);
        msg.join_header();
        msg.set_pipe(Some(pipe));
        assert_ne!(to.pipe_received(pipe, &mut msg, sink), Flow::Yield);
        to.try_recv(ContextId::SOCKET, Attempt::First, &mut Message::new(), sink).expect("it has a message");
    }
}

#[test]
fn nothing_is_allocated_in_the_steady_state() {
    for (a, b, both_ways) in [
        ("push", "pull", false),
        ("pub", "sub", false),
        ("pair", "pair", true),
        ("pair1", "pair1", true),
        ("req", "rep", true),
    ] {
        for pipes in [1, 100] {
            let pipes = if a.starts_with("pair") { 1 } else { pipes };
            let mut sink = Sink { now: Instant::now(), sent: VecDeque::new() };
            let (a, b) = (find(a, false).unwrap(), find(b, false).unwrap());
            let name = a.info.name;
            let (mut one, mut two) = ((a.new)(1), (b.new)(2));
            for id in 1..=pipes {
                let pipe = PipeId::new(id).unwrap();
                one.pipe_attached(pipe, PipeAttrs::default(), &mut sink).unwrap();
                two.pipe_attached(pipe, PipeAttrs::default(), &mut sink).unwrap();
            }
            if b.info.name == "sub" {
                let all = OptionValue::Bytes(Vec::new());
                two.set_option(ContextId::SOCKET, names::SUB_SUBSCRIBE, &all, &mut sink).unwrap();
            }
            let mut round = |count| {
                for _ in 0..count {
                    pass(&mut *one, &mut *two, &mut sink, pipes);
                    if both_ways {
                        pass(&mut *two, &mut *one, &mut sink, pipes);
                    }
                }
            };
            round(1000);
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            round(1000);
            let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
            assert_eq!(allocations, 0, "{name} with {pipes} pipes");
        }
    }
}
