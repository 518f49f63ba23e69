//! Where a scenario's messages are counted.

use std::fs;

use serde_json::json;

use crate::allocations;
use crate::scenarios::Res;

/// Repeats a step, and says what it found.
pub(crate) struct Meter {
    /// Messages that count.
    pub(crate) messages: usize,
}

impl Meter {
    /// Warms up, then makes as many steps as it takes for the messages, and writes the allocations a message on standard output. A look
    /// at files that do not exist shows the trace of system calls where the count begins and ends.
    pub(crate) fn measure(&self, messages_a_step: usize, mut step: impl FnMut() -> Res) -> Res {
        for _ in 0..WARM / messages_a_step + 1 {
            step()?;
        }
        let steps = self.messages / messages_a_step;
        mark(BEGIN);
        let before = allocations::count();
        for _ in 0..steps {
            step()?;
        }
        let after = allocations::count();
        mark(END);
        let messages = steps * messages_a_step;
        println!("{}", json!({ "messages": messages, "own": after.0 - before.0, "all": after.1 - before.1 }));
        Ok(())
    }
}

fn mark(file: &str) {
    let _ = fs::metadata(file);
}

pub(crate) const BEGIN: &str = "/spanwire-gate-begin";
pub(crate) const END: &str = "/spanwire-gate-end";
const WARM: usize = 1000;
