//! Readiness as Linux has it, for the model checker: epoll instances with edge-triggered pipes, an eventfd that is an edge and one that is a
//! level, and the I/O thread's one-shot watch of those instances. Streams are queues of bytes.
//!
//! Each system call is one step under one lock. Time stands still until [`run_time`], which ends all timeouts; from then on whoever
//! sleeps with one and finds nothing has slept for so long.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Condvar, Mutex, MutexGuard};

use super::{IoEvent, PipeEvent};
use crate::driver::model::Thread;
use crate::transport::ByteStream;

/// Blocked receivers can sleep on the pipes of their socket themselves.
pub(crate) const LEADS: bool = true;

/// An epoll instance on a socket's pipes; `again` and `closed`.
pub(crate) struct SocketPoll {
    /// Its place in the kernel, and the socket's number with the I/O thread.
    socket: u32,
}

impl SocketPoll {
    pub(crate) fn new(socket: u32) -> io::Result<Self> {
        kernel().polls.insert(socket, Poll::default());
        Ok(Self { socket })
    }

    pub(crate) fn add(&self, _io: &IoPoll, fd: BorrowedFd<'_>, pipe: u32) -> io::Result<()> {
        let (mut kernel, end) = (kernel(), end_of(fd));
        kernel.ends[end].watch = Some(Watch { socket: self.socket, pipe, want_write: false });
        kernel.edge(end, true, true);
        Ok(())
    }

    pub(crate) fn want_write(&self, _io: &IoPoll, fd: BorrowedFd<'_>, _pipe: u32, want: bool) -> io::Result<()> {
        let (mut kernel, end) = (kernel(), end_of(fd));
        if let Some(watch) = &mut kernel.ends[end].watch {
            watch.want_write = want;
        }
        kernel.edge(end, true, true);
        Ok(())
    }

    pub(crate) fn drained(&self, _io: &IoPoll, _fd: BorrowedFd<'_>, _pipe: u32, _want_write: bool) {}

    pub(crate) fn watch_write(&self, _io: &IoPoll, _fd: BorrowedFd<'_>, _pipe: u32) {}

    pub(crate) fn remove(&self, _io: &IoPoll, fd: BorrowedFd<'_>, _pipe: u32) {
        let (mut kernel, end) = (kernel(), end_of(fd));
        kernel.ends[end].watch = None;
        kernel.poll(self.socket).edges.retain(|edge| *edge != end);
    }

    /// Only the leader sleeps here, and whoever looks does not sleep.
    pub(crate) fn wait(&self, timeout: Option<Duration>, mut each: impl FnMut(PipeEvent)) -> bool {
        let mut kernel = kernel();
        loop {
            let seen = kernel.collect(self.socket, &mut each);
            if seen || timeout == Some(Duration::ZERO) || kernel.pass(timeout) {
                return seen;
            }
            kernel = Sleep::enter(kernel, timeout, |kernel| &mut kernel.poll(self.socket).sleep);
        }
    }

    pub(crate) fn wake(&self) {
        let mut kernel = kernel();
        kernel.poll(self.socket).again = true;
        kernel.rouse(self.socket);
    }

    pub(crate) fn close(&self, _io: &IoPoll) {
        let mut kernel = kernel();
        kernel.poll(self.socket).closed = true;
        kernel.rouse(self.socket);
        kernel.poll(self.socket).armed = false;
    }

    pub(crate) fn arm(&self, _io: &IoPoll) -> io::Result<()> {
        let mut kernel = kernel();
        kernel.poll(self.socket).armed = true;
        if kernel.is_ready(self.socket) {
            kernel.fire(self.socket);
        }
        Ok(())
    }

    pub(crate) fn unwatch(&self, _io: &IoPoll) {
        kernel().poll(self.socket).armed = false;
    }
}

/// The epoll instance of the I/O thread.
pub(crate) struct IoPoll;

impl IoPoll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn wait(&self, timeout: Option<Duration>, events: &mut Vec<IoEvent>) {
        let mut kernel = kernel();
        loop {
            let mut seen = std::mem::take(&mut kernel.io.again) || kernel.io.stopped;
            for socket in std::mem::take(&mut kernel.io.fired) {
                // What was there may have been taken by a leader meanwhile: then the watch stays as it is.
                if kernel.poll(socket).armed && kernel.is_ready(socket) {
                    kernel.poll(socket).armed = false;
                    events.push(IoEvent::Socket(socket));
                    seen = true;
                }
            }
            if seen || timeout == Some(Duration::ZERO) || kernel.pass(timeout) {
                return;
            }
            kernel = Sleep::enter(kernel, timeout, |kernel| &mut kernel.io.sleep);
        }
    }

    pub(crate) fn wake(&self) {
        let mut kernel = kernel();
        kernel.io.again = true;
        kernel.io.sleep.end();
    }
}

/// One end of a byte stream.
pub(crate) struct Stream {
    end: usize,
}

impl Stream {
    /// A pair of connected ends, each of which holds this many bytes that have not been read.
    pub(crate) fn pair(capacity: usize) -> (Self, Self) {
        let mut kernel = kernel();
        let a = kernel.ends.len();
        for peer in [a + 1, a] {
            kernel.ends.push(End {
                inbox: VecDeque::new(),
                capacity,
                shut: false,
                peer,
                watch: None,
                sleep: Sleep::default(),
            });
        }
        (Self { end: a }, Self { end: a + 1 })
    }

    /// Waits until there is something to read.
    pub(crate) fn wait(&self) {
        let mut kernel = kernel();
        while kernel.ends[self.end].inbox.is_empty() {
            kernel = Sleep::enter(kernel, None, |kernel| &mut kernel.ends[self.end].sleep);
        }
    }
}

impl ByteStream for Stream {
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let mut kernel = kernel();
        let end = &mut kernel.ends[self.end];
        let n = end.inbox.len().min(max);
        if n == 0 {
            return if end.shut { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        into.extend(end.inbox.drain(..n));
        let peer = end.peer;
        kernel.edge(peer, false, true);
        Ok(n)
    }

    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut kernel = kernel();
        let peer = kernel.ends[self.end].peer;
        let to = &mut kernel.ends[peer];
        if to.shut {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut n = 0;
        for buf in bufs {
            let part = &buf[..buf.len().min(to.capacity - to.inbox.len())];
            to.inbox.extend(part);
            n += part.len();
        }
        if n == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        kernel.edge(peer, true, false);
        Ok(n)
    }

    fn shutdown(&self) {
        let mut kernel = kernel();
        for end in [self.end, kernel.ends[self.end].peer] {
            kernel.ends[end].shut = true;
            kernel.edge(end, true, true);
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        names()[self.end].as_fd()
    }
}

/// From now on time passes.
pub(crate) fn run_time() {
    let mut kernel = kernel();
    kernel.time_runs = true;
    WORLD.clock.fetch_add(LEAP.as_nanos() as u64, Ordering::Relaxed);
    let Kernel { polls, io, parked, .. } = &mut *kernel;
    polls.values_mut().map(|poll| &mut poll.sleep).chain([&mut io.sleep]).for_each(Sleep::end_timed);
    let parked = std::mem::take(parked);
    drop(kernel);
    parked.into_iter().for_each(|(_, thread)| thread.unpark());
}

/// Ends the I/O thread's sleep for good.
pub(crate) fn stop_io() {
    let mut kernel = kernel();
    kernel.io.stopped = true;
    kernel.io.sleep.end();
}

/// The I/O thread's sleep has been ended for good.
pub(crate) fn io_is_stopped() -> bool {
    kernel().io.stopped
}

/// The time.
pub(crate) fn now() -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    *BEGIN.get_or_init(Instant::now) + Duration::from_nanos(WORLD.clock.load(Ordering::Relaxed))
}

/// Parks this thread with a timeout.
pub(crate) fn park_timeout(thread: &Thread, timeout: Duration) {
    let mut before = kernel();
    if !thread.has_token() && before.pass(Some(timeout)) {
        return;
    }
    before.naps += 1;
    let nap = before.naps;
    before.parked.push((nap, thread.clone()));
    drop(before);
    thread.park();
    let mut kernel = kernel();
    match kernel.parked.iter().position(|(id, _)| *id == nap) {
        Some(place) => drop(kernel.parked.swap_remove(place)),
        // Whoever lets the time pass has taken it out.
        None => _ = kernel.pass(Some(timeout)),
    }
}

/// One for each run of the model.
struct World {
    kernel: Mutex<Kernel>,
    /// Nanoseconds since the beginning.
    clock: AtomicU64,
}

loom::lazy_static! {
    static ref WORLD: World = World { kernel: Mutex::default(), clock: AtomicU64::new(0) };
}

fn kernel() -> MutexGuard<'static, Kernel> {
    WORLD.kernel.lock().expect("loom's locks are not poisoned")
}

#[derive(Default)]
struct Kernel {
    polls: BTreeMap<u32, Poll>,
    io: IoState,
    ends: Vec<End>,
    time_runs: bool,
    /// Threads that are parked with a timeout.
    parked: Vec<(u64, Thread)>,
    naps: u64,
}

/// A socket's epoll instance.
#[derive(Default)]
struct Poll {
    /// The ready list: ends on which something happened.
    edges: Vec<usize>,
    again: bool,
    closed: bool,
    /// The I/O thread's one-shot watch is on.
    armed: bool,
    sleep: Sleep,
}

/// The I/O thread's epoll instance.
#[derive(Default)]
struct IoState {
    /// The ready list: sockets on whose instance something happened while they were armed.
    fired: Vec<u32>,
    again: bool,
    stopped: bool,
    sleep: Sleep,
}

struct End {
    inbox: VecDeque<u8>,
    capacity: usize,
    shut: bool,
    peer: usize,
    watch: Option<Watch>,
    sleep: Sleep,
}

#[derive(Clone, Copy)]
struct Watch {
    socket: u32,
    pipe: u32,
    want_write: bool,
}

impl Kernel {
    fn poll(&mut self, socket: u32) -> &mut Poll {
        self.polls.get_mut(&socket).expect("a socket has an instance")
    }

    /// Something happened at this end that may make it readable, or writable.
    fn edge(&mut self, end: usize, read: bool, write: bool) {
        if read {
            self.ends[end].sleep.end();
        }
        let Some(watch) = self.ends[end].watch else { return };
        let event = self.look_at(end);
        if (read && event.is_some_and(|e| e.readable)) || (write && event.is_some_and(|e| e.writable)) {
            let edges = &mut self.poll(watch.socket).edges;
            if !edges.contains(&end) {
                edges.push(end);
            }
            self.rouse(watch.socket);
        }
    }

    /// What epoll says of this end now.
    fn look_at(&self, end: usize) -> Option<PipeEvent> {
        let this = &self.ends[end];
        let (watch, peer) = (this.watch?, &self.ends[this.peer]);
        let readable = this.shut || !this.inbox.is_empty();
        let writable = this.shut || (watch.want_write && peer.inbox.len() < peer.capacity);
        (readable || writable).then_some(PipeEvent { pipe: watch.pipe, readable, writable, hangup: this.shut })
    }

    /// Takes the events of a socket's instance, as `epoll_wait` does. Answers whether there were any.
    fn collect(&mut self, socket: u32, each: &mut impl FnMut(PipeEvent)) -> bool {
        let edges = std::mem::take(&mut self.poll(socket).edges);
        let events: Vec<_> = edges.into_iter().filter_map(|end| self.look_at(end)).collect();
        let poll = self.poll(socket);
        let seen = !events.is_empty() | std::mem::take(&mut poll.again) | poll.closed;
        events.into_iter().for_each(each);
        seen
    }

    /// Whether a socket's instance is readable.
    fn is_ready(&mut self, socket: u32) -> bool {
        let mut edges = std::mem::take(&mut self.poll(socket).edges);
        edges.retain(|end| self.look_at(*end).is_some());
        let poll = self.poll(socket);
        poll.edges = edges;
        !poll.edges.is_empty() || poll.again || poll.closed
    }

    /// Something happened on a socket's instance.
    fn rouse(&mut self, socket: u32) {
        let poll = self.poll(socket);
        poll.sleep.end();
        if poll.armed {
            self.fire(socket);
        }
    }

    fn fire(&mut self, socket: u32) {
        if !self.io.fired.contains(&socket) {
            self.io.fired.push(socket);
        }
        self.io.sleep.end();
    }

    /// Lets so much time pass, if time passes. Answers whether it did.
    fn pass(&self, timeout: Option<Duration>) -> bool {
        let Some(timeout) = timeout.filter(|_| self.time_runs) else { return false };
        WORLD.clock.fetch_add(timeout.as_nanos() as u64, Ordering::Relaxed);
        true
    }
}

/// The sleep of the one thread that may wait here.
#[derive(Default)]
struct Sleep {
    woken: Arc<Condvar>,
    /// Somebody sleeps; whether with a timeout.
    sleeper: Option<bool>,
}

impl Sleep {
    fn enter(
        mut kernel: MutexGuard<'static, Kernel>,
        timeout: Option<Duration>,
        place: impl FnOnce(&mut Kernel) -> &mut Self,
    ) -> MutexGuard<'static, Kernel> {
        let this = place(&mut kernel);
        assert!(this.sleeper.replace(timeout.is_some()).is_none(), "two threads wait on one instance");
        let woken = this.woken.clone();
        woken.wait(kernel).expect("loom's locks are not poisoned")
    }

    fn end(&mut self) {
        if self.sleeper.take().is_some() {
            self.woken.notify_one();
        }
    }

    fn end_timed(&mut self) {
        if self.sleeper == Some(true) {
            self.end();
        }
    }
}

/// Descriptors that do nothing but tell the ends of streams apart.
fn names() -> &'static [OwnedFd] {
    static NAMES: OnceLock<Vec<OwnedFd>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let open = |_| std::fs::File::open("/dev/null").expect("every system has it").into();
        (0..ENDS).map(open).collect()
    })
}

fn end_of(fd: BorrowedFd<'_>) -> usize {
    let fd: RawFd = fd.as_raw_fd();
    names().iter().position(|name| name.as_raw_fd() == fd).expect("the descriptor of a model's stream")
}

/// So much time passes when it begins to: whoever is awake is late as well.
const LEAP: Duration = Duration::from_secs(3600);
/// The most ends of streams in a model.
const ENDS: usize = 8;
