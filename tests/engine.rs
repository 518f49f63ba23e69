//! What the engine promises: nobody is held up by its adaptive rule, idle pipes cost nothing, everybody gets a share.
//!
//! Times are compared only with those of plain sockets, or of another socket, that took turns with ours in the same test: what the machine does to
//! one it does to the other. How long the engine is patient with an application is a time of its own: an attempt that took longer
//! proves nothing, and is made again.
#![cfg(all(target_os = "linux", not(spanwire_portable)))]
#![allow(clippy::print_stdout, reason = "the figures that were found")]

mod common;
#[path = "engine/crowd.rs"]
mod crowd;
#[path = "engine/late.rs"]
mod late;
#[path = "engine/punctual.rs"]
mod punctual;
#[path = "engine/shares.rs"]
mod shares;
#[path = "engine/stalls.rs"]
mod stalls;
#[path = "engine/turns.rs"]
mod turns;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// These tests compare times, so one runs after the other.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time that this part of them does not exceed.
fn quantile(times: &[Duration], part: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}
