//! Keeps the cores from halting. On a virtual machine to wake one costs more than most of what is measured.

use std::process::{Child, Command, Stdio};
use std::thread::available_parallelism;

use crate::peers::Res;

/// A loop on each core, of the scheduler's idle class: it runs only while nobody else wants the core. Ends when this is dropped.
pub(crate) struct Awake(Vec<Child>);

impl Awake {
    pub(crate) fn begin() -> Res<Self> {
        let mut awake = Self(Vec::new());
        for core in 0..available_parallelism()?.get() {
            let core = core.to_string();
            // With this program the loop ends too, however it ends.
            let watch =
                format!("while kill -0 {}; do for i in 1 2 3 4 5 6 7 8 9; do :; done; done", std::process::id());
            let mut command = Command::new("chrt");
            command.args(["--idle", "0", "taskset", "--cpu-list", &core, "sh", "-c", &watch]);
            let child = command.stderr(Stdio::null()).spawn();
            awake.0.push(child.map_err(|e| format!("chrt, of util-linux: {e}"))?);
        }
        Ok(awake)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
