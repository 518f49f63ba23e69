//! The C library: NNG's C API, version 1.11, on Spanwire's sockets.
//!
//! | file | what |
//! |---|---|
//! | `guard.rs` | what every exported function goes through: panics stop here, pointers are checked |
//! | `error.rs` | NNG's error numbers and texts |
//! | `handle.rs` | from the numbers that C holds to objects |
//! | `types.rs` | structures that C sees |
//! | `socket.rs`, `context.rs`, `endpoint.rs`, `pipe.rs`, `message.rs`, `stats.rs`, `device.rs` | the objects |
//! | `option.rs` | all functions that read or set an option, from one table |
//! | `aio.rs` | asynchronous operations, for their users and for those who provide them |
//! | `pool.rs`, `timer.rs` | the threads that callbacks run on; the one that timeouts come from |
//! | `plugin.rs` | transports of C |
//! | `mem.rs` | memory that C allocates and frees |
//! | the others | parts of NNG's API that need no socket |
//!
//! Threads, besides those of the facade: `spanwire-task` from the first callback on, more of them while callbacks block, and
//! `spanwire-timer` from the first timeout on.

// C's names.
#![allow(non_camel_case_types)]

mod absent;
mod aio;
mod context;
mod device;
mod endpoint;
mod error;
mod gate;
mod guard;
mod handle;
mod http;
mod idmap;
mod log;
mod mem;
mod message;
mod nanomsg;
mod option;
mod optparse;
mod pipe;
mod platform;
mod plugin;
mod pool;
mod sockaddr;
mod socket;
mod stats;
mod stream;
mod timer;
mod tls;
mod types;
mod udp;
mod url;
