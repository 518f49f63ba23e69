//! TLS: who is let in and who is not, with which words, and that nobody else is disturbed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what was measured")]

mod common;
#[cfg(target_os = "linux")]
#[path = "tls/idle.rs"]
mod idle;
#[cfg(target_os = "linux")]
#[path = "tls/interop.rs"]
mod interop;
#[path = "tls/log.rs"]
mod log;
#[path = "tls/refused.rs"]
mod refused;
#[path = "tls/renewed.rs"]
mod renewed;
#[path = "tls/silent.rs"]
mod silent;
#[path = "tls/strangers.rs"]
mod strangers;
