//! Interoperation with the real peers: `nngcat`, `nanocat`, and programs on libnng and libnanomsg.
//!
//! `cargo test --test interop -- --nocapture` shows the table. Without the peers the tests say so and do nothing, except under CI.

#![allow(missing_docs, unreachable_pub, clippy::print_stdout, reason = "a test")]
#![cfg(all(target_os = "linux", not(spanwire_portable)))]

mod beyond;
mod devices;
mod ours;
mod peer;
mod table;

/// Every protocol, both roles, tcp, ipc and ws, with every peer.
#[test]
fn table() {
    if peer::available() {
        let failed = table::run();
        assert!(failed.is_empty(), "{} cells failed:\n{}", failed.len(), failed.join("\n"));
    }
}
