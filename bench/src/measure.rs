//! Clocks and counters of a process.

use std::fs;
use std::time::{Duration, Instant};

use crate::job::Numbers;

/// Counts messages during some time after a warm-up. Both begin with the first message.
pub(crate) struct Window {
    warm: Duration,
    run: Duration,
    /// The clock is looked at once in so many messages.
    every: u64,
    total: u64,
    phase: Phase,
}

enum Phase {
    Idle,
    Warm { until: Instant },
    Open { since: Instant, total: u64, usage: Usage },
    Over,
}

/// What happened in the window.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) secs: f64,
    pub(crate) count: f64,
    usage: Usage,
}

/// What the process has used so far, or between two moments.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    cpu_us: f64,
    switches: f64,
}

impl Window {
    pub(crate) fn new(warm: Duration, run: Duration, every: u64) -> Self {
        Self { warm, run, every: every.max(1), total: 0, phase: Phase::Idle }
    }

    /// For messages of this size in one direction.
    pub(crate) fn stream(warm: Duration, run: Duration, size: usize) -> Self {
        Self::new(warm, run, (64 * 1024 / size.max(1) as u64).clamp(1, 64))
    }

    /// One more message. Answers once, when the window has closed.
    #[inline]
    pub(crate) fn count(&mut self) -> Option<Sample> {
        self.total += 1;
        if self.total.is_multiple_of(self.every) || self.total == 1 { self.look() } else { None }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    #[cold]
    fn look(&mut self) -> Option<Sample> {
        let now = Instant::now();
        match self.phase {
            Phase::Idle => self.phase = Phase::Warm { until: now + self.warm },
            Phase::Warm { until } if now >= until => {
                self.phase = Phase::Open { since: now, total: self.total, usage: Usage::now() };
            }
            Phase::Open { since, total, usage } if now >= since + self.run => {
                self.phase = Phase::Over;
                let count = (self.total - total) as f64;
                return Some(Sample { secs: (now - since).as_secs_f64(), count, usage: usage.until_now() });
            }
            Phase::Warm { .. } | Phase::Open { .. } | Phase::Over => {}
        }
        None
    }
}

impl Sample {
    /// Rate, and what a message costs this process.
    pub(crate) fn numbers(self) -> Numbers {
        let count = self.count.max(1.0);
        numbers([
            ("rate", self.count / self.secs),
            ("cpu_us", self.usage.cpu_us / count),
            ("switches", self.usage.switches / count),
        ])
    }
}

impl Usage {
    pub(crate) fn now() -> Self {
        // SAFETY: the structure is plain numbers, and the call fills it in.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_SELF, &mut usage);
            usage
        };
        let us = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
        Self { cpu_us: us(usage.ru_utime) + us(usage.ru_stime), switches: (usage.ru_nvcsw + usage.ru_nivcsw) as f64 }
    }

    fn until_now(self) -> Self {
        let now = Self::now();
        Self { cpu_us: now.cpu_us - self.cpu_us, switches: now.switches - self.switches }
    }
}

pub(crate) fn numbers<const N: usize>(pairs: [(&str, f64); N]) -> Numbers {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The value below which this part of them is, between two neighbours if need be; sorts them.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = values.len().saturating_sub(1) as f64 * part;
    let value = |index: f64| values.get(index as usize).copied().unwrap_or(f64::NAN);
    let (below, above) = (value(at.floor()), value(at.ceil()));
    below + (above - below) * at.fract()
}

/// Seconds on a clock that all processes share.
pub(crate) fn clock() -> f64 {
    // SAFETY: the structure is plain numbers, and the call fills it in.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time);
        time
    };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Resident memory of this process in bytes.
pub(crate) fn rss() -> f64 {
    status("VmRSS:") * 1024.0
}

pub(crate) fn threads() -> f64 {
    status("Threads:")
}

/// As many descriptors as the system allows.
pub(crate) fn raise_file_limit() {
    // SAFETY: the structure is plain numbers; the calls read and write only it.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// Keeps this thread, and those that it starts, on one core.
pub(crate) fn pin(core: usize) -> std::io::Result<()> {
    // SAFETY: the set is plain bits, and lives during the call.
    let failed = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) != 0
    };
    if failed { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

fn status(key: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn the_median_of_two_lies_between_them() {
        assert_eq!(quantile(&mut [3.0, 1.0], 0.5), 2.0);
        assert_eq!(quantile(&mut [9.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&mut [9.0, 1.0, 2.0], 1.0), 9.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
