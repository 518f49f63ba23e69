//! How connected descriptors reach a listener that takes them over.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::{Error, Result};

/// Connected descriptors on their way to a listener that takes them over.
///
/// An option holds a value that can be read again; a descriptor has one owner. So `socket:fd` is set by putting the descriptor
/// in here, and is gone from here as soon as the listener has it.
#[derive(Debug, Default)]
pub struct FdInbox(Mutex<State>);

impl FdInbox {
    /// Says that a listener will take descriptors. A transport calls it when it makes such a listener.
    pub fn open(&self) {
        let mut state = self.lock();
        if let State::Unused = *state {
            *state = State::Open { fds: VecDeque::new(), waker: None };
        }
    }

    /// Hands over a connected descriptor. It is closed if that fails.
    ///
    /// # Errors
    /// [`Error::NotSupported`] unless this is a listener that takes descriptors over, [`Error::Closed`] after it was closed,
    /// [`Error::OutOfSpace`] if 128 descriptors are waiting for it.
    pub fn put(&self, fd: OwnedFd) -> Result<()> {
        let waker = match &mut *self.lock() {
            State::Unused => return Err(Error::NotSupported("socket:fd: not a socket:// listener".into())),
            State::Closed => return Err(Error::Closed),
            State::Open { fds, .. } if fds.len() >= FDS_MAX => return Err(Error::OutOfSpace),
            State::Open { fds, waker } => {
                fds.push_back(fd);
                waker.take()
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// The next descriptor; [`Error::Closed`] after [`close`](Self::close). One task waits at a time.
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Result<OwnedFd>> {
        match &mut *self.lock() {
            State::Unused | State::Closed => Poll::Ready(Err(Error::Closed)),
            State::Open { fds, waker } => match fds.pop_front() {
                Some(fd) => Poll::Ready(Ok(fd)),
                None => {
                    *waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            },
        }
    }

    /// Closes the descriptors that nobody took and refuses further ones.
    pub fn close(&self) {
        let before = std::mem::replace(&mut *self.lock(), State::Closed);
        if let State::Open { waker: Some(waker), .. } = before {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `Unused ─open→ Open ─close→ Closed`, and `Unused ─close→ Closed`.
#[derive(Debug, Default)]
enum State {
    #[default]
    Unused,
    Open {
        fds: VecDeque<OwnedFd>,
        waker: Option<Waker>,
    },
    Closed,
}

const FDS_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn fd() -> OwnedFd {
        UnixStream::pair().unwrap().0.into()
    }

    #[test]
    fn descriptors_pass_through_while_it_is_open() {
        let inbox = FdInbox::default();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(inbox.put(fd()), Err(Error::NotSupported(_))));
        inbox.open();
        assert!(inbox.poll_take(&mut cx).is_pending());
        for _ in 0..FDS_MAX {
            inbox.put(fd()).unwrap();
        }
        assert_eq!(inbox.put(fd()), Err(Error::OutOfSpace));
        assert!(matches!(inbox.poll_take(&mut cx), Poll::Ready(Ok(_))));
        inbox.close();
        assert_eq!(inbox.put(fd()), Err(Error::Closed));
        assert!(matches!(inbox.poll_take(&mut cx), Poll::Ready(Err(Error::Closed))));
    }

    #[test]
    fn closing_closes_what_nobody_took() {
        let inbox = FdInbox::default();
        inbox.open();
        let (mine, theirs) = UnixStream::pair().unwrap();
        inbox.put(theirs.into()).unwrap();
        inbox.close();
        assert_eq!(std::io::Read::read(&mut &mine, &mut [0]).unwrap(), 0);
    }
}
