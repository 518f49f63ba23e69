//! What the user sees meanwhile.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::plan::Amount;
use super::report;

/// A line on standard error, if that is a terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    began: Instant,
    amount: Amount,
    last: Cell<(Instant, u64)>,
}

impl Progress {
    /// A line for this amount, after a warm-up.
    pub(crate) fn new(name: &str, size: usize, amount: Amount, warm_up: Duration) -> Self {
        let (length, amount) = match amount {
            Amount::Count(n) => (n, amount),
            Amount::Time(time) => ((time + warm_up).as_millis() as u64, Amount::Time(time + warm_up)),
        };
        let template = "{prefix}  {bar:30} {percent:>3} %  {msg}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        // Standard error, and nothing unless that is a terminal.
        let bar = ProgressBar::new(length).with_prefix(format!("{name} {}", report::size(size)));
        let now = Instant::now();
        Self {
            bar: bar.with_style(style.progress_chars("█▉▊▋▌▍▎▏ ")), began: now, amount, last: Cell::new((now, 0))
        }
    }

    /// No line.
    pub(crate) fn none() -> Self {
        let now = Instant::now();
        Self { bar: ProgressBar::hidden(), began: now, amount: Amount::Count(0), last: Cell::new((now, 0)) }
    }

    /// So many messages have moved.
    pub(crate) fn at(&self, moved: u64) {
        let now = Instant::now();
        let (before, then) = self.last.replace((now, moved));
        let rate = report::rate(moved.saturating_sub(then), now - before);
        self.bar.set_position(match self.amount {
            Amount::Count(n) => moved.min(n),
            Amount::Time(time) => (now - self.began).min(time).as_millis() as u64,
        });
        self.bar.set_message(format!("{} messages, {}/s", report::number(moved), report::number(rate as u64)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
