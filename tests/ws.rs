//! WebSocket, byte by byte, against scripted peers.
#![cfg(all(unix, feature = "ws"))]

mod common;
#[path = "ws/frames.rs"]
mod frames;
#[path = "ws/options.rs"]
mod options;
#[path = "ws/scripted.rs"]
mod scripted;
#[path = "ws/upgrade.rs"]
mod upgrade;
