//! WebSocket, byte by byte, against scripted peers.
#![cfg(all(unix, feature = "ws"))]
#![allow(missing_docs, unreachable_pub, clippy::print_stdout, reason = "a test")]

#[path = "ws/autobahn.rs"]
mod autobahn;
#[cfg(all(target_os = "linux", not(spanwire_portable)))]
#[path = "ws/browser.rs"]
mod browser;
mod common;
#[path = "ws/frames.rs"]
mod frames;
#[cfg(all(target_os = "linux", not(spanwire_portable)))]
#[path = "ws/idle.rs"]
mod idle;
#[path = "ws/options.rs"]
mod options;
#[path = "ws/scripted.rs"]
mod scripted;
#[path = "ws/shared.rs"]
mod shared;
#[path = "ws/upgrade.rs"]
mod upgrade;
