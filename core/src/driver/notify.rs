//! Telling others: whom a local channel tells that there is something to read or room to write, and what happens once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use event_listener::{Event, listener};

use super::socket::Inner;
use crate::PipeId;

/// Something that happens once, and that tasks can wait for.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    set: AtomicBool,
    event: Event,
}

impl Signal {
    /// It has happened. Wakes tasks, so not under a lock. `false`: it had happened before.
    pub(crate) fn set(&self) -> bool {
        let first = self.mark();
        self.tell();
        first
    }

    /// It has happened, and [`tell`](Self::tell) follows when the lock has been released under which this is called. `false`: it had happened before.
    pub(crate) fn mark(&self) -> bool {
        !self.set.swap(true, Ordering::AcqRel)
    }

    /// Wakes the tasks that wait for what has been marked.
    pub(crate) fn tell(&self) {
        self.event.notify(usize::MAX);
    }

    /// Whether it has happened.
    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Waits until it has happened.
    pub(crate) async fn wait(&self) {
        while !self.is_set() {
            listener!(self.event => listener);
            if self.is_set() {
                return;
            }
            listener.await;
        }
    }
}

/// One end of a channel.
#[derive(Clone, Default)]
pub(crate) enum Notified {
    /// Nobody yet, or nobody any more.
    #[default]
    Nobody,
    /// A pipe of a socket.
    Pipe(Weak<Inner>, PipeId),
    /// A task that carries messages to or from a transport that has no byte stream.
    Pump(Arc<Event>),
}

/// None of these may be called under a socket's lock.
impl Notified {
    /// There is something to read.
    pub(crate) fn tell_readable(&self) {
        match self {
            Self::Nobody => {}
            Self::Pipe(socket, pipe) => {
                if let Some(socket) = socket.upgrade() {
                    socket.local_readable(*pipe, false);
                }
            }
            Self::Pump(event) => {
                event.notify(usize::MAX);
            }
        }
    }

    /// There is room to write.
    pub(crate) fn tell_writable(&self) {
        match self {
            Self::Nobody => {}
            Self::Pipe(socket, pipe) => {
                if let Some(socket) = socket.upgrade() {
                    socket.local_writable(*pipe);
                }
            }
            Self::Pump(event) => {
                event.notify(usize::MAX);
            }
        }
    }

    /// The other end is gone.
    pub(crate) fn tell_hangup(&self) {
        match self {
            Self::Nobody => {}
            Self::Pipe(socket, pipe) => {
                if let Some(socket) = socket.upgrade() {
                    socket.local_readable(*pipe, true);
                }
            }
            Self::Pump(event) => {
                event.notify(usize::MAX);
            }
        }
    }
}
