//! The rule by which a socket's messages are written at once or collected, and by which its receivers look around before they sleep.
//!
//! A message that is followed by nothing must be written at once, by its sender: that is a round trip. Messages that come back to back
//! must be collected: a system call costs as much as fifty of them. So the first ones are written at once, and a streak of sends
//! without a receive in between turns into a *stream*, until the sends become few. While the application has messages that it
//! has not taken yet, and goes on receiving, it will be back soon, and what it sends meanwhile is collected too.
//!
//! ```text
//!            three sends in a row, the last two within 5 us of the end of the write before
//!   At once ─────────────────────────────────────────────────────────────────────► Stream
//!           ◄─────────────────────────────────────────────────────────────────────
//!                         fewer than 4 sends between two ticks
//! ```
//!
//! Collected messages are written when enough have come together, before their sender blocks in this library, or on the I/O thread's tick.
//!
//! Peers that take turns with this socket, many messages at a time, answer soon. A receiver then looks at its pipes for a while before it
//! sleeps: a wake-up takes both sides longer.

use std::time::{Duration, Instant};

use super::sync;

/// What a socket knows of the pace of its sends and receives.
#[derive(Debug, Default)]
pub(super) struct Pace {
    stream: bool,
    /// Sends that followed each other closely.
    streak: u8,
    /// The receives before the send that was judged last, and whether there were as many before the one before.
    recvs_before: Option<u64>,
    in_a_row: bool,
    /// The end of the last write. A clock is read only for those who send several times in a row.
    last: Option<Instant>,
    /// Attempts to send so far.
    sends: u64,
    /// These attempts when the I/O thread last looked.
    sends_then: u64,
    /// The send under way may be collected.
    collect: bool,
    /// Receives so far: one between two sends ends a streak.
    recvs: u64,
    /// Receives when the I/O thread last looked.
    recvs_then: u64,
    /// Sends and receives when a leader last went to sleep.
    asleep: (u64, u64),
    /// Busy polls in a row that were for nothing, at most [`MISSES`].
    misses: u8,
    /// So many of the next turns end without one.
    skips: u32,
    /// Nothing was received between the last two looks: the application leaves its messages where they are.
    idle: bool,
}

impl Pace {
    /// A send begins. `backlog`: there are messages that the application has not taken.
    #[inline]
    pub(super) fn begin(&mut self, backlog: impl FnOnce() -> bool) {
        self.sends += 1;
        self.collect = self.stream || (!self.idle && backlog()) || self.judge();
    }

    /// Whether the sends have become a stream.
    fn judge(&mut self) -> bool {
        self.in_a_row = self.recvs_before.replace(self.recvs) == Some(self.recvs);
        let close =
            self.in_a_row && self.last.is_some_and(|end| sync::now().saturating_duration_since(end) < STREAK_GAP);
        self.streak = if close { self.streak + 1 } else { 0 };
        self.stream = self.streak >= STREAK;
        self.stream
    }

    /// The send is over; what is sent outside of sends is not judged.
    #[inline]
    pub(super) fn end(&mut self) {
        self.collect = self.stream;
    }

    /// Whether messages are collected now.
    #[inline]
    pub(super) fn collects(&self) -> bool {
        self.collect
    }

    /// A message was received.
    #[inline]
    pub(super) fn received(&mut self) {
        self.recvs += 1;
        self.idle = false;
    }

    /// Whether the application is about to take what is there for it.
    pub(super) fn is_receiving(&self) -> bool {
        !self.idle
    }

    /// A write has ended.
    #[inline]
    pub(super) fn written(&mut self) {
        if !self.stream {
            self.last = self.in_a_row.then(sync::now);
        }
    }

    /// The I/O thread's tick. `slow`: the senders are held up by the kernel, so that their pace says little.
    pub(super) fn tick(&mut self, slow: bool) {
        self.idle = std::mem::replace(&mut self.recvs_then, self.recvs) == self.recvs;
        let sends = self.sends - std::mem::replace(&mut self.sends_then, self.sends);
        if sends == 0 || (sends < STREAM_MIN && !slow) {
            self.stream = false;
            self.collect = false;
            self.streak = 0;
        }
    }

    /// A leader is about to sleep. Whether it should look at its pipes for a while before.
    pub(super) fn may_busy_poll(&mut self) -> bool {
        let (sends, recvs) = std::mem::replace(&mut self.asleep, (self.sends, self.recvs));
        if self.sends - sends < TURN || self.recvs - recvs < TURN {
            return false;
        }
        let may = self.skips == 0;
        self.skips = self.skips.saturating_sub(1);
        may
    }

    /// A leader has looked at its pipes for a while, and found something or not. Each time in a row but the first that this was for nothing, it is done
    /// half as often. It is for nothing as well when others have sent meanwhile: two streams that pass each other are no turns.
    pub(super) fn busy_polled(&mut self, found: bool) {
        let paid = found && self.sends == self.asleep.0;
        self.misses = if paid { 0 } else { (self.misses + 1).min(MISSES) };
        self.skips = ((1_u32 << self.misses) / 2).saturating_sub(1);
    }

    /// Whether sends come back to back.
    pub(super) fn streams(&self) -> bool {
        self.stream
    }
}

/// A send that starts within this time of the end of the last write continues a streak.
const STREAK_GAP: Duration = Duration::from_micros(5);
/// After this many, messages are collected.
const STREAK: u8 = 2;
/// Fewer sends than this between two ticks end a stream.
const STREAM_MIN: u64 = 4;
/// So many messages each way are a turn. For the model checker every sleep ends one.
const TURN: u64 = if cfg!(spanwire_loom) { 0 } else { 8 };
/// However often it was for nothing, leaders look once in 64 turns.
const MISSES: u8 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn send(pace: &mut Pace, backlog: bool) -> bool {
        pace.begin(|| backlog);
        let collected = pace.collects();
        if !collected {
            pace.written();
            // Far from the gap, however slow the machine is.
            pace.last = pace.last.map(|_| Instant::now() + Duration::from_secs(60));
        }
        pace.end();
        collected
    }

    #[test]
    fn a_streak_becomes_a_stream_until_the_sends_are_few() {
        let mut pace = Pace::default();
        let collected: Vec<_> = (0..5).map(|_| send(&mut pace, false)).collect();
        assert_eq!(collected, [false, false, false, true, true]);
        pace.tick(false);
        assert!(pace.streams() && send(&mut pace, false));
        pace.tick(true);
        assert!(pace.streams() && send(&mut pace, false));
        pace.tick(false);
        assert!(!pace.streams() && !send(&mut pace, false));
    }

    #[test]
    fn a_receive_ends_a_streak() {
        let mut pace = Pace::default();
        for _ in 0..20 {
            assert!(!send(&mut pace, false));
            pace.received();
        }
    }

    #[test]
    fn a_pause_ends_a_streak() {
        let mut pace = Pace::default();
        for _ in 0..20 {
            assert!(!send(&mut pace, false));
            pace.last = Instant::now().checked_sub(2 * STREAK_GAP);
        }
    }

    #[test]
    fn while_messages_wait_for_the_application_its_own_are_collected() {
        let mut pace = Pace::default();
        assert!(send(&mut pace, true) && !pace.collects());
        assert!(!send(&mut pace, false));
    }

    #[test]
    fn turns_are_batches_both_ways() {
        let mut pace = Pace::default();
        let mut turn = |sends, recvs| {
            for _ in 0..sends {
                send(&mut pace, true);
            }
            (0..recvs).for_each(|_| pace.received());
            pace.may_busy_poll()
        };
        assert!(!turn(1, 1) && !turn(TURN, 1) && !turn(1, TURN) && turn(TURN, TURN) && !turn(0, 0));
    }

    #[test]
    fn busy_polls_that_find_nothing_become_rare() {
        let mut pace = Pace::default();
        let turns = |pace: &mut Pace, paid| {
            let polls = (0..1000).filter(|_| {
                pace.sends += TURN;
                pace.recvs += TURN;
                let polls = pace.may_busy_poll();
                if polls {
                    pace.busy_polled(paid);
                }
                polls
            });
            polls.count()
        };
        assert_eq!(turns(&mut pace, true), 1000);
        pace.sends += TURN;
        pace.recvs += TURN;
        assert!(pace.may_busy_poll());
        pace.sends += 1;
        pace.busy_polled(true);
        assert_eq!(pace.misses, 1);
        assert!((15..30).contains(&turns(&mut pace, false)));
        assert!((936..=1000).contains(&turns(&mut pace, true)));
    }

    #[test]
    fn messages_that_the_application_ignores_do_not_count() {
        let mut pace = Pace::default();
        assert!(send(&mut pace, true));
        pace.tick(false);
        assert!(!send(&mut pace, true));
        pace.received();
        assert!(send(&mut pace, true));
    }
}
