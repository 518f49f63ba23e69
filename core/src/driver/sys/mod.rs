//! What the operating system gives: readiness of pipes, and the sleep of the threads that wait for it.
//!
//! Two forms with the same interface. `linux`: each socket owns an epoll instance on which a blocked receiver can sleep (it
//! *leads*), and which the I/O thread watches one-shot while nobody does. `portable`: one `polling` instance for all sockets, on which
//! only the I/O thread sleeps. Linux takes the portable form with `--cfg spanwire_portable`, so that it is tested. With `--cfg spanwire_loom` a `model` of the
//! first form takes the place of both.

#[cfg(all(target_os = "linux", not(spanwire_portable), not(spanwire_loom)))]
mod linux;
#[cfg(all(target_os = "linux", not(spanwire_portable), not(spanwire_loom)))]
pub(crate) use linux::{IoPoll, LEADS, SocketPoll};

#[cfg(not(any(all(target_os = "linux", not(spanwire_portable)), spanwire_loom)))]
mod portable;
#[cfg(not(any(all(target_os = "linux", not(spanwire_portable)), spanwire_loom)))]
pub(crate) use portable::{IoPoll, LEADS, SocketPoll};

#[cfg(spanwire_loom)]
pub(crate) mod model;
#[cfg(spanwire_loom)]
pub(crate) use model::{IoPoll, LEADS, SocketPoll};

/// What was seen on a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PipeEvent {
    /// The pipe's id.
    pub(crate) pipe: u32,
    /// Something can be read, or the stream has ended.
    pub(crate) readable: bool,
    /// Something can be written.
    pub(crate) writable: bool,
    /// The peer has closed its side, or the connection has failed.
    pub(crate) hangup: bool,
}

/// What the I/O thread was woken by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum IoEvent {
    /// Something happened on this socket; ask its [`SocketPoll`] what.
    #[cfg_attr(any(not(target_os = "linux"), spanwire_portable), allow(dead_code))]
    Socket(u32),
    /// Something happened on this pipe of this socket.
    #[cfg_attr(all(target_os = "linux", not(spanwire_portable)), allow(dead_code))]
    Pipe(u32, PipeEvent),
}
