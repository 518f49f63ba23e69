//! The transport keeps what every transport promises.

use std::sync::atomic::{AtomicU32, Ordering};

use exec_transport::register;
use spanwire_conformance::{Kit, conformance};

conformance!(exec, Kit::plugin("exec", register, address) => every, dialed);

/// A relay as the program, so that the listener is a socket of this process.
fn address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (pid, n) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!("exec://{}?at={}/exec-{pid}-{n}.sock", env!("CARGO_BIN_EXE_exec-relay"), std::env::temp_dir().display())
}
