//! Sockets come and go: close from everywhere, linger, and nothing left behind.
//!
//! `SPANWIRE_CYCLES` sets how often a dial and a close are repeated; 500 by default, 10000 for the full test.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the times that were measured")]

#[path = "lifecycle/callbacks.rs"]
mod callbacks;
#[path = "lifecycle/close.rs"]
mod close;
mod common;
#[cfg(unix)]
#[path = "lifecycle/linger.rs"]
mod linger;
#[cfg(target_os = "linux")]
#[path = "lifecycle/traces.rs"]
mod traces;
#[path = "lifecycle/waiters.rs"]
mod waiters;
