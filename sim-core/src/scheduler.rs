//! The future event list: which event is next?
//!
//! # The contract
//!
//! Events come out in the order of (time, insertion number): the earlier first, and among events of
//! one instant the one first inserted. The order is exact and part of every result. Time never goes
//! back: an event may be inserted at the present instant, never before it. Looking at the list does
//! not change it: after [`Scheduler::peek_time`], or a [`Scheduler::pop_until`] that found nothing,
//! an event may still be inserted ahead of the one that was next.
//!
//! # How it is done
//!
//! Two places hold the events:
//!
//! - *due*: a queue in order, the next event first, of the events up to some instant: the *window*;
//! - a hierarchical timing wheel (`wheel.rs`) with everything after the window.
//!
//! An event inserted into the window is put into its place in the queue, which moves the shorter part of
//! it. When the window is used up, the first slot of the wheel is emptied into `due`, sorted, and its span
//! is the new window: all of the slot when it holds few events, else a part of it, the rest going to finer
//! slots. An event in a thinly filled hour is thus moved once, not once per level. When many are inserted
//! into the window and the queue grows long, the window was chosen too wide for what came after, and is
//! narrowed. So every sort is over a few dozen events and every insertion into a queue that is not much
//! longer, whether 100 or 10 million wait, unless more than that share a quarter of a microsecond. When
//! only a few events are left the window is all of time: a short list never leaves the queue.
//!
//! Timing wheels: G. Varghese and T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987. The
//! sorted bottom that adapts its span: W. T. Tang, R. S. M. Goh and I. L. Thng, "Ladder queue", ACM
//! TOMACS 15(3), 2005.
//!
//! # Validation
//!
//! Property tests hold it against a `BinaryHeap` over random interleavings of all operations. Cost
//! per pop and push: `cargo bench -p sim-core`.

mod wheel;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::SimTime;
use wheel::{Entry, First, LEVELS, SLOTS_PER_LEVEL, Wheel, slot_mask};

/// A slot with no more events than this becomes the window as a whole.
const DUE_AT_MOST: u32 = 128;
/// So many of the next events are looked at, one after the other, for the place of a new one.
const LOOK_AHEAD: usize = 8;
/// After more insertions into a long queue than this, the window is narrowed.
const INSERTED_AT_MOST: u32 = 64;

/// The future event list and the clock. Events are small plain values.
///
/// In steady state, when no more events wait than did before, it allocates nothing.
///
/// ```
/// use sim_core::{scheduler::Scheduler, time::SimTime};
/// use std::time::Duration;
///
/// let mut scheduler = Scheduler::new();
/// scheduler.at(SimTime::from_millis(5), "second");
/// scheduler.at(SimTime::from_millis(5), "third");
/// scheduler.after(Duration::from_micros(1), "first");
/// assert_eq!(scheduler.pop(), Some((SimTime::from_micros(1), "first")));
/// assert_eq!(scheduler.pop(), Some((SimTime::from_millis(5), "second")));
/// assert_eq!(scheduler.pop_until(SimTime::from_secs(1)), Some((SimTime::from_millis(5), "third")));
/// assert_eq!(scheduler.now(), SimTime::from_millis(5));
/// ```
#[derive(Clone, Debug)]
pub struct Scheduler<E> {
    now: SimTime,
    inserted: u64,
    executed: u64,
    /// The last nanosecond of the window: what is inserted up to it is due, what after it waits.
    window_end: u64,
    /// The window ends with a slot of this level; no event waits on a level below it, except
    /// after the window.
    window_level: u32,
    /// The events of the window in their order.
    due: VecDeque<Entry<E>>,
    /// Insertions into the window since it was chosen.
    inserted_due: u32,
    wheel: Wheel<E>,
}

impl<E> Default for Scheduler<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Scheduler<E> {
    /// An empty list, with the clock at [`SimTime::ZERO`].
    #[must_use]
    pub fn new() -> Self {
        // The first window is all of time: a short list never leaves the queue.
        Scheduler {
            now: SimTime::ZERO,
            inserted: 0,
            executed: 0,
            window_end: u64::MAX,
            window_level: LEVELS,
            due: VecDeque::new(),
            inserted_due: 0,
            wheel: Wheel::new(),
        }
    }

    /// The clock: the time of the last event popped, or the instant last advanced to.
    #[must_use]
    #[inline]
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// Inserts `event` at the instant `time`, behind all events already inserted at that instant.
    ///
    /// # Panics
    /// When `time` lies before [`Scheduler::now`]: time never goes back.
    #[inline]
    pub fn at(&mut self, time: SimTime, event: E) {
        assert!(time >= self.now, "time never goes back: it is {}, the event is for {time}", self.now);
        let entry = Entry { time: time.as_nanos(), insertion: self.inserted, event };
        self.inserted += 1;
        if entry.time > self.window_end {
            self.wheel.insert(entry);
        } else {
            self.insert_due(entry);
        }
    }

    /// Puts an event into its place in the window, behind those of the same instant.
    #[inline(never)]
    fn insert_due(&mut self, entry: Entry<E>) {
        let place = self.place_due(entry.time);
        self.due.insert(place, entry);
        self.inserted_due += 1;
        let long = self.due.len() > DUE_AT_MOST as usize && self.inserted_due > INSERTED_AT_MOST;
        if long && self.window_level > 0 {
            self.narrow_window();
        }
    }

    /// How many events of the window come before one for `time` that is inserted now.
    #[inline]
    fn place_due(&self, time: u64) -> usize {
        if self.due.back().is_none_or(|last| last.time <= time) {
            return self.due.len();
        }
        // Most of what is not the last is among the next: a look at them costs less than halving the queue.
        let soon = self.due.iter().take(LOOK_AHEAD).position(|other| other.time > time);
        soon.unwrap_or_else(|| self.due.partition_point(|other| other.time <= time))
    }

    /// Inserts `event` a `span` from now; a span of zero puts it behind the other events of this
    /// instant.
    ///
    /// # Panics
    /// When the instant lies beyond the end of simulated time.
    #[inline]
    pub fn after(&mut self, span: Duration, event: E) {
        self.at(self.now + span, event);
    }

    /// The time of the next event, or `None` when there is none. O(1); changes nothing.
    #[must_use]
    #[inline]
    pub fn peek_time(&self) -> Option<SimTime> {
        match self.due.front() {
            Some(entry) => Some(SimTime::from_nanos(entry.time)),
            None => self.wheel.first().map(|first| SimTime::from_nanos(first.earliest)),
        }
    }

    /// Removes the next event and sets the clock to its time.
    #[inline]
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        self.pop_until(SimTime::MAX)
    }

    /// Removes the next event and sets the clock to its time, if it is for `limit` or earlier.
    ///
    /// Otherwise nothing changes, not even the clock; see [`Scheduler::advance_to`].
    #[inline]
    pub fn pop_until(&mut self, limit: SimTime) -> Option<(SimTime, E)> {
        if self.due.is_empty() {
            let first = self.wheel.first()?;
            if first.earliest > limit.as_nanos() {
                return None;
            }
            self.open_window(first);
        }
        if self.due.front()?.time > limit.as_nanos() {
            return None;
        }
        let entry = self.due.pop_front()?;
        self.now = SimTime::from_nanos(entry.time);
        self.executed += 1;
        Some((self.now, entry.event))
    }

    /// Sets the clock forward to `time` without executing anything.
    ///
    /// # Panics
    /// When `time` lies before the clock, or after the next event.
    pub fn advance_to(&mut self, time: SimTime) {
        assert!(time >= self.now, "time never goes back: it is {}, not {time}", self.now);
        assert!(self.peek_time().is_none_or(|next| next >= time), "an event would be passed over");
        self.now = time;
    }

    /// The number of events that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.inserted - self.executed) as usize
    }

    /// Whether no event waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inserted == self.executed
    }

    /// The number of events popped since the start.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.executed
    }

    /// Makes the first slot of the wheel, or the beginning of it, the window.
    fn open_window(&mut self, first: First) {
        // So many levels down, a slot holds few events if they are evenly spread.
        let mut level = first.level;
        let mut expected = first.len;
        while expected > DUE_AT_MOST && level > 0 {
            expected /= SLOTS_PER_LEVEL as u32;
            level -= 1;
        }
        // The queue is empty, so this only changes the name of its memory, there and back.
        let mut due = Vec::from(std::mem::take(&mut self.due));
        self.wheel.empty(first, level, &mut due);
        due.sort_unstable_by_key(Entry::key);
        self.due = due.into();
        self.inserted_due = 0;
        // When these few are all there are, the window is all of time, as at the start.
        let few = self.due.len() <= DUE_AT_MOST as usize && self.wheel.is_empty();
        self.window_level = if few { LEVELS } else { level };
        self.window_end = first.earliest | slot_mask(self.window_level);
    }

    /// Ends the window with a slot one level finer around the present instant, and lets the events
    /// after it wait in the wheel.
    #[cold]
    fn narrow_window(&mut self) {
        let now = self.now.as_nanos();
        self.wheel.move_within(self.window_level, now);
        self.window_level -= 1;
        self.window_end = now | slot_mask(self.window_level);

        let stay = self.due.partition_point(|entry| entry.time <= self.window_end);
        for entry in self.due.drain(stay..) {
            self.wheel.insert(entry);
        }
        self.inserted_due = 0;
    }
}
