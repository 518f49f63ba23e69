//! CPU time.

use std::time::Duration;

/// What all threads of this process have used so far; `None` where the system does not say it cheaply.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "macos"))]
pub(crate) fn time() -> Option<Duration> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(now.tv_sec.try_into().ok()?, now.tv_nsec.try_into().ok()?))
}

/// What all threads of this process have used so far; `None` where the system does not say it cheaply.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
pub(crate) fn time() -> Option<Duration> {
    None
}
