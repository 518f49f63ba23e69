//! WebSocket, byte by byte, against scripted peers.
#![cfg(all(unix, feature = "ws"))]
#![allow(missing_docs, unreachable_pub, reason = "a test")]

mod common;
#[path = "ws/autobahn.rs"]
mod autobahn;
#[path = "ws/frames.rs"]
mod frames;
#[path = "ws/options.rs"]
mod options;
#[path = "ws/scripted.rs"]
mod scripted;
#[path = "ws/upgrade.rs"]
mod upgrade;
