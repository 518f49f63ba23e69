//! Pipe events: what happens to a socket's connections.

use super::pipe::Pipe;

/// What has happened to a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PipeChange {
    /// It has shaken hands and waits for this callback: closing it now refuses it.
    BeforeAdd,
    /// It belongs to the socket; messages flow.
    AfterAdd,
    /// It is gone. Comes for refused pipes, too.
    Removed,
}

/// A callback for pipe events. Runs on the library's callback thread with no lock held; it may use and close sockets.
pub(crate) type PipeCallback = dyn Fn(PipeChange, &Pipe) + Send + Sync;
