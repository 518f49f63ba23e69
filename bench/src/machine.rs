//! Where it was measured.

use std::fmt;
use std::fs;
use std::process::Command;
use std::thread;

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    governor: String,
    memory: String,
    date: String,
    revision: String,
    /// Load averages before the first measurement: on a busy machine nothing here means much.
    load: String,
    /// The cores were kept from halting.
    awake: bool,
}

impl Machine {
    pub(crate) fn here(awake: bool) -> Self {
        let field = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split_once(':').map_or_else(String::new, |(_, value)| value.trim().to_owned())
        };
        let read = |file: &str| fs::read_to_string(file).map_or_else(|_| "-".to_owned(), |text| text.trim().to_owned());
        Self {
            cpu: field("/proc/cpuinfo", "model name"),
            cores: thread::available_parallelism().map_or(0, usize::from),
            kernel: read("/proc/sys/kernel/osrelease"),
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            memory: field("/proc/meminfo", "MemTotal"),
            date: output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            revision: output("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
            load: read("/proc/loadavg"),
            awake,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {} cores, {}, Linux {}, governor {}.",
            self.cpu, self.cores, self.memory, self.kernel, self.governor
        )?;
        let awake = if self.awake { "kept awake by idle-class loops" } else { "left to halt while idle" };
        writeln!(f, "{}, revision {}, load before the start {}; cores {awake}.", self.date, self.revision, self.load)
    }
}

fn output(program: &str, args: &[&str]) -> String {
    let out = Command::new(program).args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    out.map_or_else(|_| "-".to_owned(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}
