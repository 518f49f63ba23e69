//! The driver in the hands of the model checker [loom](https://docs.rs/loom), with `--cfg spanwire_loom`.
//!
//! What runs is the driver's own code: operations, hand-over, ledger, state, settling, the I/O thread's loop, local channels. Its locks, threads and
//! statics are loom's, and `sys/model.rs` stands for the kernel, the streams and the clock. `Arc` and `Weak` stay std's, since loom has no
//! `Weak`: nothing is published by their counts alone. So do the locks of endpoints and of the list of callbacks, which no model contends.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::{Condvar, Mutex};
pub use loom::thread::{JoinHandle, spawn};

use super::endpoint::{self, Endpoint};
use super::handle::Socket;
use super::io;
use super::local::local_pair;
use super::sys::model as kernel;
use crate::option::EndpointOptions;
use crate::transport::{ByteStream, Codec, Connection, Link};
use crate::{OptionMap, Url};

/// Runs a scenario in every order of its threads' steps that has at most so many preemptions. `LOOM_MAX_PREEMPTIONS` overrides it.
pub fn check(preemptions: usize, scenario: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = BRANCHES;
    let runs = Arc::new(AtomicUsize::new(0));
    let count = runs.clone();
    let begin = std::time::Instant::now();
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        scenario();
    });
    eprintln!("{} orders in {:.1?}", runs.load(Ordering::Relaxed), begin.elapsed());
}

/// The I/O thread.
pub struct IoThread(JoinHandle<()>);

impl IoThread {
    /// Starts it. The driver's own start is empty in a model, because a model's threads must end.
    pub fn start() -> Self {
        let io = io::get().expect("nothing can fail");
        Self(spawn(|| {
            let mut events = Vec::new();
            while !kernel::io_is_stopped() {
                io.run_once(&mut events);
            }
        }))
    }

    /// Ends it.
    pub fn stop(self) {
        kernel::stop_io();
        self.0.join().expect("the I/O thread does not panic");
    }
}

/// The far end of a stream that leads to a socket, without a socket of its own.
pub struct Peer {
    stream: kernel::Stream,
    codec: Box<dyn Codec>,
}

impl Peer {
    /// Connects it. The stream holds so many bytes each way that have not been read.
    pub fn connect<C: Codec + Copy + 'static>(socket: &Socket, codec: C, capacity: usize) -> Self {
        let (near, stream) = kernel::Stream::pair(capacity);
        attach(socket, Link::Stream(Box::new(near), Box::new(codec)));
        Self { stream, codec: Box::new(codec) }
    }

    /// Sends a message, for which there must be room.
    pub fn send(&self, body: &str) {
        assert!(self.try_send(body), "there is room, and the other end is open");
    }

    /// Sends a message, if the other end is open and there is room.
    pub fn try_send(&self, body: &str) -> bool {
        let mut frame = Vec::new();
        self.codec.encode_prefix(body.len(), &mut frame);
        frame.extend_from_slice(body.as_bytes());
        self.write(&frame) == frame.len()
    }

    /// Writes bytes that need not be a message. Answers how many.
    pub fn write(&self, bytes: &[u8]) -> usize {
        self.stream.try_write(&[std::io::IoSlice::new(bytes)]).unwrap_or(0)
    }

    /// Waits for bytes.
    pub fn wait(&self) {
        self.stream.wait();
    }

    /// Reads all that is there, which must be whole messages.
    pub fn messages(&self) -> Vec<String> {
        let bytes = self.read();
        let mut rest = &bytes[..];
        std::iter::from_fn(|| {
            let frame = self.codec.decode_prefix(rest).expect("a frame").filter(|_| !rest.is_empty())?;
            let (message, after) = rest[frame.prefix..].split_at(frame.len as usize);
            rest = after;
            Some(String::from_utf8_lossy(message).into_owned())
        })
        .collect()
    }

    /// Reads what is there, as it is.
    pub fn read(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Ok(1..) = self.stream.try_read(&mut bytes, usize::MAX) {}
        bytes
    }

    /// Hangs up.
    pub fn shutdown(&self) {
        self.stream.shutdown();
    }
}

/// Connects two sockets of one process.
pub fn connect(a: &Socket, b: &Socket) {
    let depth = a.info().pipe_depth.min(b.info().pipe_depth);
    let (to_b, to_a) = local_pair(depth);
    attach(a, Link::Local(to_b));
    attach(b, Link::Local(to_a));
}

/// Time stands still until this is called. It ends all timeouts, and from then on whoever sleeps with one and finds nothing to do has slept for so
/// long.
pub fn run_time() {
    kernel::run_time();
}

fn attach(socket: &Socket, link: Link) {
    let inner = socket.inner().lock().core.me.upgrade().expect("it is open");
    let url: Url = "inproc://model".parse().expect("a URL");
    let endpoint = Endpoint::new_listener(&inner, url, EndpointOptions::new(OptionMap::new()));
    let connection = Connection { peer: inner.info.peer, link, options: OptionMap::new() };
    let attached = block_on(endpoint::attach(&endpoint, connection));
    attached.expect("the protocol accepts the pipe");
}

/// Polls a future on this thread, which parks while it is pending.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        park();
    }
}

/// Polls a future once on behalf of a task that is never run again.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A thread that can be unparked. loom's own forgets an unpark when its thread waits for a lock before it parks.
#[derive(Clone)]
pub(crate) struct Thread(Arc<Parker>);

#[derive(Default)]
struct Parker {
    token: Mutex<Token>,
    woken: Condvar,
}

#[derive(Default)]
struct Token {
    is_there: bool,
    sleeps: bool,
}

impl Thread {
    pub(crate) fn unpark(&self) {
        let mut token = self.0.token.lock().expect("loom's locks are not poisoned");
        token.is_there = true;
        if std::mem::take(&mut token.sleeps) {
            self.0.woken.notify_one();
        }
    }

    pub(crate) fn park(&self) {
        let mut token = self.0.token.lock().expect("loom's locks are not poisoned");
        while !std::mem::take(&mut token.is_there) {
            token.sleeps = true;
            token = self.0.woken.wait(token).expect("loom's locks are not poisoned");
        }
    }

    pub(crate) fn has_token(&self) -> bool {
        self.0.token.lock().expect("loom's locks are not poisoned").is_there
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thread")
    }
}

loom::thread_local! {
    static CURRENT: Thread = Thread(Arc::default());
}

pub(crate) fn current() -> Thread {
    CURRENT.with(Clone::clone)
}

pub(crate) fn park() {
    current().park();
}

pub(crate) fn park_timeout(timeout: std::time::Duration) {
    kernel::park_timeout(&current(), timeout);
}

/// The most steps of one order.
const BRANCHES: usize = 10_000;
