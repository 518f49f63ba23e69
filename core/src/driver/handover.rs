//! Who reads, who waits, who is woken: the hand-over between blocked threads, async tasks, the I/O thread and close.
//!
//! Everything here is under the socket's lock and does no I/O. A blocked receiver is the *leader*: it sleeps on the socket's own pipes and
//! reads them. Other blocked threads park. While nobody leads, the I/O thread watches the socket, one-shot (*armed*), and
//! reads in the *background*.
//!
//! ```text
//!              blocking receive finds nothing            leader takes a message, times out, or is told to close
//!        ┌───────────────────────────────────► Led ─────────────────────────────────────────────┐
//!        │                                                                                       ▼
//!   Idle ┤ ◄──────────────────────────────────────────────────────────────────────────────── leave
//!        │                                                                                       ▲
//!        └───────────────────────────────► Background ──────────────────────────────────────────┘
//!              armed, and the I/O thread fires            nothing is ready, or the protocol takes no more
//! ```
//!
//! A message is *free* if the protocol holds more than are *reserved* for callers that have been woken. Whoever makes the socket
//! Idle again dispatches: free messages are reserved for waiters and these are woken; if there are none left, the first
//! waiting thread is *promoted* to lead, and if only tasks wait the background is armed. So waiters exist only while
//! somebody leads, runs in the background, is promoted, is armed, or holds a reservation that ends in a leave.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::sync::thread::Thread;
use crate::table::FastHash;
use crate::{ContextId, PipeId};

/// The order in which callers came.
pub(crate) type Ticket = u64;

/// A caller that sleeps.
#[derive(Clone, Debug)]
pub(crate) enum Sleeper {
    /// A thread that parks.
    Thread(Thread),
    /// An async task.
    Task(Waker),
}

impl Sleeper {
    /// Must not be called under a lock: a waker may run an executor inline.
    pub(crate) fn wake(self) {
        match self {
            Self::Thread(thread) => thread.unpark(),
            Self::Task(waker) => waker.wake(),
        }
    }
}

/// A caller in a queue.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) ticket: Ticket,
    pub(crate) ctx: ContextId,
    pub(crate) sleeper: Sleeper,
}

/// Why a caller was woken. It finds this under its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A message is reserved for it.
    Message,
    /// It may lead.
    Lead,
    /// It is its turn to send.
    Turn {
        /// It is a thread: the next one is woken by its leave.
        thread: bool,
    },
}

/// The callers that wait for one queue of messages, or for room to send; in the order of their tickets.
#[derive(Debug, Default)]
pub(crate) struct WaitQueue {
    waiters: VecDeque<Waiter>,
    /// Receivers that were woken for a message and have not taken it.
    pub(crate) reserved: usize,
    /// One of them is a thread; the next is woken by its leave.
    pub(crate) thread_on_its_way: bool,
}

impl WaitQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Nobody in it came before this ticket.
    pub(crate) fn is_first(&self, ticket: Ticket) -> bool {
        self.waiters.front().is_none_or(|first| ticket < first.ticket)
    }

    fn insert(&mut self, waiter: Waiter) {
        let place = self.waiters.partition_point(|w| w.ticket < waiter.ticket);
        self.waiters.insert(place, waiter);
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Waiter> {
        let place = self.waiters.binary_search_by_key(&ticket, |w| w.ticket).ok()?;
        self.waiters.remove(place)
    }
}

/// What the socket is doing about its pipes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Drive {
    /// Nobody reads.
    #[default]
    Idle,
    /// A blocked receiver of this queue, with this ticket, reads.
    Led {
        /// Whose queue it waits for.
        queue: ContextId,
        /// When it came.
        ticket: Ticket,
        /// It sleeps, and has to be woken to see what did not come from a watched pipe.
        asleep: bool,
    },
    /// The I/O thread reads.
    Background,
}

/// The state of the hand-over.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    pub(crate) drive: Drive,
    pub(crate) promoted: Option<Ticket>,
    pub(crate) armed: bool,
    /// The I/O thread's instance knows the socket's; and the leads when it was armed last.
    watched: bool,
    armed_at: u64,
    /// Pipes with something to read, and how many of them are left in this round.
    pub(crate) ready: VecDeque<PipeId>,
    pub(crate) round: usize,
    /// Messages that the first of them has delivered one at a time.
    delivered: usize,
    /// Leads since the socket opened, for the I/O thread's tick.
    pub(crate) leads: u64,
    /// How often a receiver found nothing, and nothing to read.
    starved: u64,
    /// That number, and since when the I/O thread has found it unchanged.
    behind: Option<(u64, Instant)>,
    /// The I/O thread has left pipes unread, for an application that is only late.
    pub(crate) left: bool,
    /// The pipe that was read last has filled a queue that drops what it can't hold.
    pub(crate) brimful: bool,
    /// On the I/O thread's list of sockets whose leader left.
    pub(crate) ticking: bool,
    /// Pipes that were seen to be writable.
    pub(crate) writable: Vec<PipeId>,
    last_ticket: Ticket,
    /// Threads that wait to receive, and in which queue.
    parked: BTreeMap<Ticket, ContextId>,
    /// How many callers of all kinds wait to receive.
    receivers: usize,
    /// How many callers of all kinds wait to send.
    senders: usize,
    woken: HashMap<Ticket, Outcome, FastHash>,
}

impl Handover {
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        self.last_ticket
    }

    /// The ticket of whoever came last.
    pub(crate) fn last_ticket(&self) -> Ticket {
        self.last_ticket
    }

    /// The leader is not asleep, or does not stay so.
    pub(crate) fn rouse(&mut self) {
        if let Drive::Led { asleep, .. } = &mut self.drive {
            *asleep = false;
        }
    }

    /// Somebody has to look after the pipes when nobody leads. `true`: the I/O thread is to be told so.
    pub(crate) fn arm(&mut self) -> bool {
        (self.watched, self.armed_at) = (true, self.leads);
        !std::mem::replace(&mut self.armed, true)
    }

    /// Arming did not work.
    pub(crate) fn disarm(&mut self) {
        (self.watched, self.armed) = (false, false);
    }

    /// A leader of this many pipes is about to sleep. `true`: nobody else has looked after them for long, and the I/O thread's instance is to
    /// forget them: the kernel tells it of each event, even if it wants none. With many pipes it takes too long to make it watch them again.
    #[inline]
    pub(crate) fn unwatch(&mut self, pipes: usize) -> bool {
        let alone = self.leads - self.armed_at >= LEADS_ALONE;
        let unwatch = self.watched && !self.armed && alone && pipes <= UNWATCHED_PIPES;
        self.watched &= !unwatch;
        unwatch
    }

    /// Nobody waits who could be overlooked. A leader is told of what it can't see for itself by who brings it.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        match self.drive {
            Drive::Idle => self.receivers == 0,
            Drive::Led { .. } | Drive::Background => true,
        }
    }

    /// Somebody is looking after the pipes, and looks at the list of ready ones again.
    #[inline]
    pub(crate) fn is_attended(&self) -> bool {
        match self.drive {
            Drive::Idle => false,
            Drive::Led { asleep, .. } => !asleep,
            Drive::Background => true,
        }
    }

    /// Nobody reads, waits to receive, or has been woken for something.
    #[inline]
    pub(crate) fn is_calm(&self) -> bool {
        self.is_alone() && self.drive == Drive::Idle
    }

    /// Nobody waits to receive, or has been woken for something: what comes is for whoever reads.
    #[inline]
    pub(crate) fn is_alone(&self) -> bool {
        self.receivers == 0 && self.woken.is_empty()
    }

    /// The first ready pipe leaves the list.
    #[inline]
    pub(crate) fn next_turn(&mut self) {
        self.round = self.round.saturating_sub(1);
        self.delivered = 0;
    }

    /// The last pipe of the list goes first, and has delivered one message.
    pub(crate) fn begin_turn(&mut self, pipe: PipeId) {
        if self.ready.back() == Some(&pipe) {
            self.ready.rotate_right(1);
            self.round += 1;
            self.delivered = 1;
        }
    }

    /// The first ready pipe has delivered a message. After `many` the next one has its turn.
    #[inline]
    pub(crate) fn delivered(&mut self, many: usize) {
        self.delivered += 1;
        if self.delivered >= many {
            self.ready.rotate_left(1);
            self.next_turn();
        }
    }

    /// Nobody waits to receive, asleep or parked: a message may lie until somebody comes.
    #[inline]
    pub(crate) fn nobody_listens(&self) -> bool {
        self.receivers == 0 && !matches!(self.drive, Drive::Led { asleep: true, .. })
    }

    /// Nobody waits to send.
    #[inline]
    pub(crate) fn no_sender_waits(&self) -> bool {
        self.senders == 0
    }

    /// A caller whose queue is gone.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        if self.woken.remove(&ticket) == Some(Outcome::Lead) {
            self.promoted = None;
        }
    }

    /// Nobody waits to receive.
    pub(crate) fn nobody_waits(&self) -> bool {
        self.receivers == 0
    }

    /// A receiver has taken all there was.
    pub(crate) fn starve(&mut self) {
        self.starved += 1;
        self.left = false;
    }

    /// The I/O thread looks at the socket, and finds the application `late` or not. Answers whether an application that is behind may still catch up.
    pub(crate) fn look_behind(&mut self, late: bool, now: Instant) -> bool {
        self.behind.take_if(|_| !late);
        match self.behind {
            Some((starved, since)) if starved == self.starved => now.saturating_duration_since(since) < PATIENCE,
            _ => {
                self.behind = late.then_some((self.starved, now));
                true
            }
        }
    }

    /// A receiver goes to sleep in its queue.
    pub(crate) fn wait_recv(&mut self, key: ContextId, queue: &mut WaitQueue, waiter: Waiter) {
        if let Sleeper::Thread(_) = waiter.sleeper {
            self.parked.insert(waiter.ticket, key);
        }
        self.receivers += 1;
        queue.insert(waiter);
    }

    /// A sender goes to sleep in its queue.
    pub(crate) fn wait_send(&mut self, queue: &mut WaitQueue, waiter: Waiter) {
        self.senders += 1;
        queue.insert(waiter);
    }

    /// A receiver is back, or gives up: takes it out of its queue if it is still there, and what it was woken for into account.
    pub(crate) fn back_recv(&mut self, queue: &mut WaitQueue, ticket: Ticket) {
        if self.is_alone() {
            // A leader, of whom no queue knows.
            return;
        }
        match self.woken.remove(&ticket) {
            Some(Outcome::Message) => {
                queue.reserved -= 1;
                queue.thread_on_its_way = false;
            }
            Some(Outcome::Lead) => self.promoted = None,
            Some(Outcome::Turn { .. }) => {}
            None => {
                self.take_receiver(queue, ticket);
            }
        }
    }

    /// A sender is back, or gives up.
    pub(crate) fn back_send(&mut self, queue: &mut WaitQueue, ticket: Ticket) {
        match self.woken.remove(&ticket) {
            Some(Outcome::Turn { thread }) => queue.thread_on_its_way &= !thread,
            Some(Outcome::Message | Outcome::Lead) => {}
            None => {
                self.senders -= usize::from(queue.remove(ticket).is_some());
            }
        }
    }

    /// Reserves `free` messages for those who wait in this queue, in order, and answers whom to wake. The leader, if it waits for the same
    /// queue, has its place in the order too.
    pub(crate) fn dispatch(
        &mut self,
        key: ContextId,
        queue: &mut WaitQueue,
        mut free: usize,
        mut wake: impl FnMut(Sleeper),
    ) {
        let mut leader = match self.drive {
            Drive::Led { queue, ticket, .. } if queue == key => Some(ticket),
            Drive::Led { .. } | Drive::Idle | Drive::Background => None,
        };
        while free > 0 {
            let Some(first) = queue.waiters.front() else { break };
            if leader.take_if(|ticket| *ticket < first.ticket).is_some() {
                free -= 1;
                continue;
            }
            let is_thread = matches!(first.sleeper, Sleeper::Thread(_));
            if is_thread && queue.thread_on_its_way {
                break;
            }
            let ticket = first.ticket;
            let Some(waiter) = self.take_receiver(queue, ticket) else { break };
            queue.reserved += 1;
            queue.thread_on_its_way |= is_thread;
            self.woken.insert(ticket, Outcome::Message);
            wake(waiter.sleeper);
            free -= 1;
        }
    }

    /// Gives senders of this queue their turn: the first, if it is a task, and the first thread, unless one is on its way already. A
    /// task may not be polled for long, and must not hold up threads.
    pub(crate) fn wake_senders(&mut self, queue: &mut WaitQueue, mut wake: impl FnMut(Sleeper)) {
        if queue.waiters.front().is_some_and(|w| matches!(w.sleeper, Sleeper::Task(_)))
            && let Some(task) = queue.waiters.pop_front()
        {
            self.senders -= 1;
            self.woken.insert(task.ticket, Outcome::Turn { thread: false });
            wake(task.sleeper);
        }
        if queue.thread_on_its_way {
            return;
        }
        let thread = queue.waiters.iter().position(|w| matches!(w.sleeper, Sleeper::Thread(_)));
        if let Some(thread) = thread.and_then(|place| queue.waiters.remove(place)) {
            self.senders -= 1;
            queue.thread_on_its_way = true;
            self.woken.insert(thread.ticket, Outcome::Turn { thread: true });
            wake(thread.sleeper);
        }
    }

    /// The queue of the thread that has waited longest, to be promoted with [`promote`](Self::promote).
    pub(crate) fn longest_parked(&self) -> Option<(Ticket, ContextId)> {
        self.parked.first_key_value().map(|(ticket, key)| (*ticket, *key))
    }

    /// Lets this waiting thread lead.
    pub(crate) fn promote(&mut self, queue: &mut WaitQueue, ticket: Ticket) -> Option<Sleeper> {
        let waiter = self.take_receiver(queue, ticket)?;
        self.promoted = Some(ticket);
        self.woken.insert(ticket, Outcome::Lead);
        Some(waiter.sleeper)
    }

    /// Wakes those who wait to receive in this queue and are meant, without an outcome: they see for themselves that it is over.
    pub(crate) fn end_receivers(
        &mut self,
        queue: &mut WaitQueue,
        meant: impl Fn(&Waiter) -> bool,
        mut wake: impl FnMut(Sleeper),
    ) {
        let tickets = queue.waiters.iter().filter(|w| meant(w)).map(|w| w.ticket);
        for ticket in tickets.collect::<Vec<_>>() {
            if let Some(waiter) = self.take_receiver(queue, ticket) {
                wake(waiter.sleeper);
            }
        }
    }

    /// Wakes those who wait to send in this queue and are meant, without an outcome.
    pub(crate) fn end_senders(
        &mut self,
        queue: &mut WaitQueue,
        meant: impl Fn(&Waiter) -> bool,
        mut wake: impl FnMut(Sleeper),
    ) {
        let (ended, kept) = queue.waiters.drain(..).partition(meant);
        queue.waiters = kept;
        let ended: VecDeque<Waiter> = ended;
        self.senders -= ended.len();
        ended.into_iter().for_each(|waiter| wake(waiter.sleeper));
    }

    fn take_receiver(&mut self, queue: &mut WaitQueue, ticket: Ticket) -> Option<Waiter> {
        let waiter = queue.remove(ticket)?;
        self.receivers -= 1;
        if let Sleeper::Thread(_) = waiter.sleeper {
            self.parked.remove(&ticket);
        }
        Some(waiter)
    }
}

/// After so many leads in a row with nobody else to look after the pipes, the I/O thread forgets them. A model has no time for so many.
const LEADS_ALONE: u64 = if cfg!(spanwire_loom) { 1 } else { 16 };
/// Unless there are more of them than this.
const UNWATCHED_PIPES: usize = 64;
/// How long the I/O thread waits for an application that has messages left and was there lately.
const PATIENCE: Duration = Duration::from_millis(50);
