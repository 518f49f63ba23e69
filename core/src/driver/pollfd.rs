//! Descriptors that tell an application's own poll loop when a socket can receive or send.

use crate::ContextId;
use crate::protocol::Protocol;

/// The descriptors of a socket, made when they are asked for.
#[derive(Default)]
pub(crate) struct PollFds {
    recv: Option<Level>,
    send: Option<Level>,
}

/// A descriptor that is readable while something holds.
struct Level {
    fd: fd::Fd,
    up: bool,
}

impl PollFds {
    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        self.recv.is_some() || self.send.is_some()
    }

    /// Brings them up to date.
    pub(crate) fn update(&mut self, proto: &dyn Protocol) {
        if let Some(level) = &mut self.recv {
            // A receive that would fail at once is no message, and NNG does not call it readable.
            level.set(matches!(proto.can_recv(ContextId::SOCKET), 1..usize::MAX));
        }
        if let Some(level) = &mut self.send {
            level.set(proto.can_send(ContextId::SOCKET));
        }
    }

    /// Everything is ready from now on: to fail.
    pub(crate) fn close(&mut self) {
        for level in [&mut self.recv, &mut self.send].into_iter().flatten() {
            level.set(true);
        }
    }
}

impl Level {
    fn set(&mut self, up: bool) {
        if self.up != up {
            self.up = up;
            fd::set(&self.fd, up);
        }
    }
}

#[cfg(unix)]
pub(crate) use unix::{recv_fd, send_fd};

#[cfg(unix)]
mod unix {
    use std::os::fd::{AsRawFd, RawFd};

    use super::{Level, PollFds, fd};
    use crate::Result;
    use crate::protocol::Protocol;

    /// The descriptor that is readable while a receive would not wait.
    pub(crate) fn recv_fd(fds: &mut PollFds, proto: &dyn Protocol) -> Result<RawFd> {
        let fd = made(&mut fds.recv)?;
        fds.update(proto);
        Ok(fd)
    }

    /// The descriptor that is readable while a send would not wait.
    pub(crate) fn send_fd(fds: &mut PollFds, proto: &dyn Protocol) -> Result<RawFd> {
        let fd = made(&mut fds.send)?;
        fds.update(proto);
        Ok(fd)
    }

    fn made(level: &mut Option<Level>) -> Result<RawFd> {
        if level.is_none() {
            *level = Some(Level { fd: fd::new()?, up: false });
        }
        Ok(level.as_ref().map_or(-1, |level| fd::raw(&level.fd).as_raw_fd()))
    }
}

#[cfg(unix)]
mod fd {
    use std::io::{self, PipeReader, PipeWriter, Read, Write};
    use std::os::fd::{AsFd, BorrowedFd};

    // A pipe and no eventfd, as with NNG: its reading end is never writable, and a poll for `POLLRDNORM` tells of it, too.
    pub(super) type Fd = (PipeReader, PipeWriter);

    pub(super) fn new() -> io::Result<Fd> {
        let (read, write) = io::pipe()?;
        // Whatever the application has read from it: nobody waits here, under a lock.
        rustix::io::ioctl_fionbio(&read, true)?;
        rustix::io::ioctl_fionbio(&write, true)?;
        Ok((read, write))
    }

    pub(super) fn raw(fd: &Fd) -> BorrowedFd<'_> {
        fd.0.as_fd()
    }

    pub(super) fn set((read, write): &Fd, up: bool) {
        let _ = if up { (&*write).write(&[1]) } else { (&*read).read(&mut [0; 8]) };
    }
}

#[cfg(not(unix))]
mod fd {
    pub(super) enum Fd {}

    pub(super) fn set(fd: &Fd, _up: bool) {
        match *fd {}
    }
}
