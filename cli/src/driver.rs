//! What the facade does not offer yet, from the driver below it.

use futures_lite::future::block_on;
use spanwire::op::Handle;
use spanwire::{AnySocket, Pipe, PipeChange, Result};
use spanwire_core::driver;

/// Calls back for each pipe event.
pub(crate) fn on_pipe(socket: &AnySocket, callback: impl Fn(PipeChange, &Pipe) + Send + Sync + 'static) {
    socket.socket().on_pipe(callback);
}

/// Forwards between two raw sockets, or back where it came from, until one fails.
pub(crate) fn forward(front: &AnySocket, back: Option<&AnySocket>) -> Result<()> {
    block_on(driver::device(front.socket(), back.map(Handle::socket)))
}
