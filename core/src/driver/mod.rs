//! The driver: sockets that join a protocol with its pipes.
//!
//! Whoever calls does the I/O first: a send writes, a blocked receive sleeps on the socket's pipes and reads them. Threads of the library:
//! none before the first socket; then `spanwire-io`, which looks after sockets while nobody is blocked on them;
//! `spanwire-async` and `async-io` from the first dialer or listener on, for connecting and accepting; `spanwire-call` from
//! the first pipe callback on.
//!
//! Locks, in the order in which they may be held together: a socket's state; then the I/O thread's lists, an endpoint's state, or a local
//! channel. Never two sockets' states, and no lock across a waker, a callback, a read, a write or a blocking call.

mod device;
mod dirty;
mod endpoint;
mod events;
pub(crate) mod executor;
mod handle;
mod handover;
mod io;
mod ledger;
pub(crate) mod local;
#[cfg(spanwire_loom)]
pub mod model;
mod notify;
mod ops;
mod outbox;
mod pace;
mod pipe;
mod pollfd;
mod pump;
mod settle;
mod snapshot;
mod socket;
mod state;
mod stream;
mod sync;
mod sys;

pub use device::device;
pub use endpoint::{Dialer, Listener};
pub use events::PipeChange;
pub use handle::{Close, Socket};
pub use ops::{Handle, Limit, Operation, Recv, Send};
pub use pipe::Pipe;
