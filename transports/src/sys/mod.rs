//! The system calls: one implementation over descriptors for Unix, one over `std` for everything else.
//!
//! Both have `FdStream`, `Acceptor`, `tcp_connect` and `tcp_listen`. The second is built on Unix too, for tests, with
//! `--cfg spanwire_portable`.

#[cfg(all(unix, not(spanwire_portable)))]
mod unix;
#[cfg(all(unix, not(spanwire_portable)))]
pub use unix::FdStream;
#[cfg(all(unix, not(spanwire_portable)))]
pub(crate) use unix::*;

#[cfg(not(all(unix, not(spanwire_portable))))]
mod portable;
#[cfg(not(all(unix, not(spanwire_portable))))]
pub use portable::FdStream;
#[cfg(not(all(unix, not(spanwire_portable))))]
pub(crate) use portable::*;
