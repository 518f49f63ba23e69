//! The transports of Spanwire: how bytes get from one socket to another.
//!
//! | schemes | module | feature | platforms |
//! |---|---|---|---|
//! | `inproc` | [`inproc`] | `inproc` | all |
//! | `ipc`, `unix`, `abstract` | [`ipc`] | `ipc` | Unix; `abstract` on Linux |
//! | `tcp`, `tcp4`, `tcp6` | [`tcp`] | `tcp` | all |
//! | `socket` | [`socket`] | `socket` | Unix |
//! | `tls+tcp`, `tls+tcp4`, `tls+tcp6` | `tls` | `tls`, off by default | all |
//! | `ws`, `ws4`, `ws6`; with `tls` also `wss`, `wss4`, `wss6` | `ws` | `ws`, off by default | Unix |
//!
//! A transport here knows addresses and options, and makes connections. Reading, writing, batching and limits are the
//! driver's. Whoever writes another transport over a byte stream builds on [`stream`] and [`codec`].
//!
//! Threads: names are resolved and socket files handled on threads that end with their work; readiness is a matter of the
//! thread of `async-io`, which starts when it is first needed.
//!
//! ```
//! use spanwire_core::transport::lookup;
//! spanwire_transports::register_all();
//! assert!(lookup("tcp").is_ok() && lookup("carrier-pigeon").is_err());
//! ```

#![forbid(unsafe_code)]
// What all transports share is not all needed by some of them.
#![cfg_attr(
    not(all(feature = "inproc", feature = "ipc", feature = "socket", feature = "tcp")),
    allow(dead_code, unused_imports)
)]

use std::sync::{Arc, Once};

use spanwire_core::transport::register;

pub mod bytes;
pub mod codec;
#[cfg(feature = "inproc")]
pub mod inproc;
#[cfg(all(unix, not(spanwire_portable), feature = "ipc"))]
pub mod ipc;
#[cfg(all(unix, not(spanwire_portable), feature = "socket"))]
pub mod socket;
pub mod stream;
#[cfg(feature = "tcp")]
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(all(unix, feature = "ws"))]
pub mod ws;

mod offload;
mod pending;
mod sys;

/// Registers all transports of this crate for their URL schemes. Only the first call does something, so a transport that
/// the application registered afterwards stays in place.
pub fn register_all() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(feature = "inproc")]
        register(Arc::new(inproc::Inproc));
        #[cfg(all(unix, not(spanwire_portable), feature = "ipc"))]
        register(Arc::new(ipc::Ipc));
        #[cfg(all(unix, not(spanwire_portable), feature = "socket"))]
        register(Arc::new(socket::SocketFd));
        #[cfg(feature = "tcp")]
        register(Arc::new(tcp::Tcp));
        #[cfg(feature = "tls")]
        register(Arc::new(tls::TlsTcp));
        #[cfg(all(unix, feature = "ws"))]
        register(Arc::new(ws::Ws));
    });
}
