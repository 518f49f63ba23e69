//! Readiness on any system that `polling` knows: one poller for all sockets, on which only the I/O thread sleeps.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use polling::{Event, Events, Poller};

use super::{IoEvent, PipeEvent};
use crate::table::FastHash;

/// Blocked receivers can't sleep on pipes; the I/O thread reads for them.
pub(crate) const LEADS: bool = false;

/// The readiness of one socket's pipes.
pub(crate) struct SocketPoll {
    socket: u32,
}

impl SocketPoll {
    pub(crate) fn new(socket: u32) -> io::Result<Self> {
        Ok(Self { socket })
    }

    /// Starts watching a pipe. What is there already is an event.
    pub(crate) fn add(&self, io: &IoPoll, fd: BorrowedFd<'_>, pipe: u32) -> io::Result<()> {
        io.pipes().insert(pipe, self.socket);
        // SAFETY: the descriptor must be deleted from the poller before it is closed. The driver calls `remove` when it takes the pipe
        // out of the socket, and drops the stream, which owns the descriptor, after that.
        #[expect(unsafe_code, reason = "the poller can't know how long the descriptor lives")]
        unsafe {
            io.poller.add(fd.as_raw_fd(), Event::readable(pipe as usize))
        }
    }

    /// Watches a pipe for room to write as well, or no longer. What is there already is an event.
    pub(crate) fn want_write(&self, io: &IoPoll, fd: BorrowedFd<'_>, pipe: u32, want: bool) -> io::Result<()> {
        io.poller.modify(fd, Event::new(pipe as usize, true, want))
    }

    /// Everything that was readable has been read: an event is wanted when there is more.
    pub(crate) fn drained(&self, io: &IoPoll, fd: BorrowedFd<'_>, pipe: u32, want_write: bool) {
        let _ = io.poller.modify(fd, Event::new(pipe as usize, true, want_write));
    }

    /// An event has ended the watch. Goes on watching for room to write.
    pub(crate) fn watch_write(&self, io: &IoPoll, fd: BorrowedFd<'_>, pipe: u32) {
        let _ = io.poller.modify(fd, Event::writable(pipe as usize));
    }

    /// Stops watching a pipe.
    pub(crate) fn remove(&self, io: &IoPoll, fd: BorrowedFd<'_>, pipe: u32) {
        let _ = io.poller.delete(fd);
        io.pipes().remove(&pipe);
    }

    /// Nothing can be seen from here.
    pub(crate) fn wait(&self, _timeout: Option<Duration>, _each: impl FnMut(PipeEvent)) -> bool {
        false
    }

    /// Nobody sleeps here.
    pub(crate) fn wake(&self) {}

    /// Nobody sleeps here.
    pub(crate) fn close(&self, _io: &IoPoll) {}

    /// The I/O thread watches always.
    pub(crate) fn arm(&self, _io: &IoPoll) -> io::Result<()> {
        Ok(())
    }

    /// The I/O thread watches always.
    pub(crate) fn unwatch(&self, _io: &IoPoll) {}
}

/// What the I/O thread sleeps on.
pub(crate) struct IoPoll {
    poller: Poller,
    /// The socket of each pipe.
    pipes: Mutex<HashMap<u32, u32, FastHash>>,
}

impl IoPoll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { poller: Poller::new()?, pipes: Mutex::default() })
    }

    fn pipes(&self) -> MutexGuard<'_, HashMap<u32, u32, FastHash>> {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until something happens, [`wake`](Self::wake) or the timeout.
    pub(crate) fn wait(&self, timeout: Option<Duration>, events: &mut Vec<IoEvent>) {
        let mut seen = Events::new();
        if self.poller.wait(&mut seen, timeout).is_err() {
            return;
        }
        let pipes = self.pipes();
        for event in seen.iter() {
            let pipe = event.key as u32;
            if let Some(socket) = pipes.get(&pipe) {
                let (readable, writable) = (event.readable, event.writable);
                events.push(IoEvent::Pipe(*socket, PipeEvent { pipe, readable, writable, hangup: false }));
            }
        }
    }

    /// Makes [`wait`](Self::wait) return.
    pub(crate) fn wake(&self) {
        let _ = self.poller.notify();
    }
}
