//! Readiness on Linux: an epoll instance for each socket, watched by another one in the I/O thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

use super::{IoEvent, PipeEvent};

/// Blocked receivers can sleep on the pipes of their socket themselves.
pub(crate) const LEADS: bool = true;

/// The readiness of one socket's pipes.
pub(crate) struct SocketPoll {
    /// Pipes, edge-triggered; `again` and `closed`.
    epoll: OwnedFd,
    /// Edge-triggered: written to make the leader look again.
    again: OwnedFd,
    /// Level-triggered: written once, at close.
    closed: OwnedFd,
    socket: u32,
}

impl SocketPoll {
    pub(crate) fn new(socket: u32) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let again = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let closed = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &again, EventData::new_u64(NO_PIPE), EventFlags::IN | EventFlags::ET)?;
        epoll::add(&epoll, &closed, EventData::new_u64(NO_PIPE), EventFlags::IN)?;
        Ok(Self { epoll, again, closed, socket })
    }

    /// Starts watching a pipe. What is there already is an event.
    pub(crate) fn add(&self, _io: &IoPoll, fd: BorrowedFd<'_>, pipe: u32) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(u64::from(pipe)), READ)?)
    }

    /// Watches a pipe for room to write as well, or no longer. What is there already is an event.
    pub(crate) fn want_write(&self, _io: &IoPoll, fd: BorrowedFd<'_>, pipe: u32, want: bool) -> io::Result<()> {
        let flags = if want { READ | EventFlags::OUT } else { READ };
        Ok(epoll::modify(&self.epoll, fd, EventData::new_u64(u64::from(pipe)), flags)?)
    }

    /// Everything that was readable has been read. Nothing to do: edges come by themselves.
    pub(crate) fn drained(&self, _io: &IoPoll, _fd: BorrowedFd<'_>, _pipe: u32, _want_write: bool) {}

    /// An event ends no watch here.
    pub(crate) fn watch_write(&self, _io: &IoPoll, _fd: BorrowedFd<'_>, _pipe: u32) {}

    /// Stops watching a pipe. A duplicate of the descriptor, in a forked child say, would keep it watched otherwise.
    pub(crate) fn remove(&self, _io: &IoPoll, fd: BorrowedFd<'_>, _pipe: u32) {
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Sleeps until something happens on a pipe, [`wake`](Self::wake), [`close`](Self::close) or the timeout. Zero: only looks. Answers whether
    /// something has happened.
    pub(crate) fn wait(&self, timeout: Option<Duration>, mut each: impl FnMut(PipeEvent)) -> bool {
        let mut events = [const { std::mem::MaybeUninit::uninit() }; EVENTS];
        let timeout = timeout.map(timespec);
        let Ok((events, _)) = epoll::wait(&self.epoll, &mut events[..], timeout.as_ref()) else { return false };
        let something = !events.is_empty();
        for event in events {
            let (data, flags) = (event.data.u64(), event.flags);
            if data != NO_PIPE {
                each(PipeEvent {
                    pipe: data as u32,
                    readable: flags.intersects(EventFlags::IN | HANGUP),
                    writable: flags.intersects(EventFlags::OUT | EventFlags::ERR | EventFlags::HUP),
                    hangup: flags.intersects(HANGUP),
                });
            }
        }
        something
    }

    /// Makes the sleeping leader look again.
    pub(crate) fn wake(&self) {
        let _ = rustix::io::write(&self.again, &1_u64.to_ne_bytes());
    }

    /// Makes everybody who sleeps here, now or later, return at once.
    pub(crate) fn close(&self, io: &IoPoll) {
        let _ = rustix::io::write(&self.closed, &1_u64.to_ne_bytes());
        self.unwatch(io);
    }

    /// Makes the I/O thread watch this socket until something happens on it, which may have happened already.
    pub(crate) fn arm(&self, io: &IoPoll) -> io::Result<()> {
        let (data, flags) = (EventData::new_u64(u64::from(self.socket)), EventFlags::IN | EventFlags::ONESHOT);
        match epoll::modify(&io.epoll, &self.epoll, data, flags) {
            Err(rustix::io::Errno::NOENT) => Ok(epoll::add(&io.epoll, &self.epoll, data, flags)?),
            done => Ok(done?),
        }
    }

    /// The I/O thread need not know this socket until it is armed again.
    pub(crate) fn unwatch(&self, io: &IoPoll) {
        let _ = epoll::delete(&io.epoll, &self.epoll);
    }
}

/// What the I/O thread sleeps on.
pub(crate) struct IoPoll {
    epoll: OwnedFd,
    again: OwnedFd,
}

impl IoPoll {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let again = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &again, EventData::new_u64(NO_PIPE), EventFlags::IN | EventFlags::ET)?;
        Ok(Self { epoll, again })
    }

    /// Sleeps until something happens, [`wake`](Self::wake) or the timeout.
    pub(crate) fn wait(&self, timeout: Option<Duration>, events: &mut Vec<IoEvent>) {
        let mut found = [const { std::mem::MaybeUninit::uninit() }; EVENTS];
        let timeout = timeout.map(timespec);
        let Ok((found, _)) = epoll::wait(&self.epoll, &mut found[..], timeout.as_ref()) else { return };
        events.extend(
            found.iter().map(|e| e.data.u64()).filter(|data| *data != NO_PIPE).map(|data| IoEvent::Socket(data as u32)),
        );
    }

    /// Makes [`wait`](Self::wait) return.
    pub(crate) fn wake(&self) {
        let _ = rustix::io::write(&self.again, &1_u64.to_ne_bytes());
    }
}

impl AsFd for IoPoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

fn timespec(d: Duration) -> Timespec {
    Timespec { tv_sec: d.as_secs() as i64, tv_nsec: d.subsec_nanos().into() }
}

const NO_PIPE: u64 = u64::MAX;
const EVENTS: usize = 64;
const READ: EventFlags = EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::ET);
const HANGUP: EventFlags = EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_notices_what_is_not_on_a_pipe() {
        let (poll, io) = (SocketPoll::new(0).unwrap(), IoPoll::new().unwrap());
        let look = || poll.wait(Some(Duration::ZERO), |_| panic!("there are no pipes"));
        assert!(!look());
        poll.wake();
        assert!(look() && !look());
        poll.close(&io);
        assert!(look() && look());
    }
}
