//! The server's side of keep-alive: when a silent client is dropped. MQTT 3.1.1 §3.1.2.10
//!
//! "If the Keep Alive value is non-zero and the Server does not receive a Control Packet from the
//! Client within one and a half times the Keep Alive time period, it MUST disconnect". Mosquitto 2.0
//! does not do so at the instant: every 6 s it drops all who have been silent for *more than* 1.5 K
//! whole seconds, so clients of equal K fall together on a tick. Measured: 0.2 to 7.8 s later.
//!
//! Deadlines are lazy: a connection has one entry, which is not touched when packets arrive. When it
//! comes due the connection is asked for its true deadline, and the entry is made anew if that is later.
//!
//! Parameters: [`SilenceLooks`]; default of the broker as Mosquitto 2.0, a tick of 6 s counted from the
//! start of the run (the true phase is that of the process start).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sim_core::time::SimTime;

/// When a server looks for silent clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SilenceLooks {
    /// At the very instant, as the standard has it.
    Exact,
    /// Every so many seconds, comparing whole seconds, as Mosquitto does.
    EverySeconds(u32),
}

impl SilenceLooks {
    /// As Mosquitto 2.0.11 (`last_check + 5 < now_s`).
    pub const MOSQUITTO: SilenceLooks = SilenceLooks::EverySeconds(6);

    /// The deadline of a client with Keep Alive `keep_alive_s` (not 0), last heard at `heard`.
    #[must_use]
    pub fn deadline(self, heard: SimTime, keep_alive_s: u16) -> SimTime {
        let keep_alive_s = u64::from(keep_alive_s);
        match self {
            SilenceLooks::Exact => heard.saturating_add(Duration::from_millis(keep_alive_s * 1_500)),
            SilenceLooks::EverySeconds(tick) => {
                let heard_s = heard.as_nanos() / 1_000_000_000;
                let silent_s = heard_s + keep_alive_s * 3 / 2 + 1;
                let look_s = silent_s.next_multiple_of(u64::from(tick.max(1)));
                SimTime::ZERO.saturating_add(Duration::from_secs(look_s))
            }
        }
    }
}

/// One pending deadline a connection, named by its index.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(SimTime, u32)>>,
    // By index: the entry that counts; others in the heap are of former connections.
    armed: Vec<SimTime>,
    live: usize,
}

impl Deadlines {
    /// Gives the connection `index` a deadline in place of its former one; the end of time is none.
    pub fn arm(&mut self, index: u32, deadline: SimTime) {
        if deadline == SimTime::MAX {
            return self.disarm(index);
        }
        let at = index as usize;
        if self.armed.len() <= at {
            self.armed.resize(at + 1, SimTime::MAX);
        }
        if self.armed[at] == deadline {
            return;
        }
        self.live += usize::from(self.armed[at] == SimTime::MAX);
        self.armed[at] = deadline;
        self.heap.push(Reverse((deadline, index)));
        self.forget_stale();
    }

    /// Takes the deadline of `index` away.
    pub fn disarm(&mut self, index: u32) {
        if let Some(armed) = self.armed.get_mut(index as usize).filter(|armed| **armed != SimTime::MAX) {
            *armed = SimTime::MAX;
            self.live -= 1;
        }
        self.forget_stale();
    }

    /// Whether `index` has a deadline.
    #[must_use]
    pub fn is_armed(&self, index: u32) -> bool {
        self.armed.get(index as usize).is_some_and(|armed| *armed != SimTime::MAX)
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<SimTime> {
        self.heap.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// Takes off a connection whose deadline is not after `now`, in order of (deadline, index).
    pub fn pop_due(&mut self, now: SimTime) -> Option<u32> {
        self.next().filter(|deadline| *deadline <= now)?;
        let Reverse((_, index)) = self.heap.pop()?;
        self.armed[index as usize] = SimTime::MAX;
        self.live -= 1;
        self.forget_stale();
        Some(index)
    }

    // The earliest entry always counts, so `next` need not search; and stale ones never outnumber
    // the others by much.
    fn forget_stale(&mut self) {
        while let Some(Reverse((deadline, index))) = self.heap.peek() {
            if self.armed[*index as usize] == *deadline {
                break;
            }
            self.heap.pop();
        }
        if self.heap.len() > self.live + self.live / 4 + 64 {
            let armed = &self.armed;
            self.heap.retain(|Reverse((deadline, index))| armed[*index as usize] == *deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_is_one_and_a_half_times() {
        let heard = SimTime::from_millis(1_250);
        assert_eq!(SilenceLooks::Exact.deadline(heard, 5), SimTime::from_millis(8_750));
    }

    // Measured closes of Mosquitto 2.0.11 lie in 1.5 K + (0.2 .. 7.8 s), on ticks of 6 s.
    #[test]
    fn mosquitto_drops_on_a_tick_after_more_than_one_and_a_half_times() {
        for keep_alive_s in [1_u16, 5, 10, 20, 30, 60] {
            for millis in (0..12_000).step_by(37) {
                let heard = SimTime::from_millis(millis);
                let deadline = SilenceLooks::MOSQUITTO.deadline(heard, keep_alive_s);
                let late = (deadline - heard).as_secs_f64() - 1.5 * f64::from(keep_alive_s);
                assert!((-0.5..=7.8).contains(&late), "K = {keep_alive_s}: {late}");
                assert_eq!(deadline.as_nanos() % 6_000_000_000, 0);
            }
        }
    }

    // A journal may hold any instant.
    #[test]
    fn the_end_of_time_is_never_due() {
        for looks in
            [SilenceLooks::Exact, SilenceLooks::EverySeconds(1), SilenceLooks::EverySeconds(u32::MAX)]
        {
            assert_eq!(looks.deadline(SimTime::MAX, u16::MAX), SimTime::MAX, "{looks:?}");
        }
        let mut deadlines = Deadlines::default();
        deadlines.arm(0, SimTime::from_secs(1));
        deadlines.arm(0, SimTime::MAX);
        deadlines.arm(1, SimTime::MAX);
        assert!(!deadlines.is_armed(0) && deadlines.next().is_none());
        assert_eq!(deadlines.pop_due(SimTime::MAX), None);
    }

    #[test]
    fn stale_deadlines_neither_fire_nor_pile_up() {
        let mut deadlines = Deadlines::default();
        deadlines.arm(0, SimTime::from_secs(5));
        deadlines.arm(1, SimTime::from_secs(3));
        deadlines.disarm(1);
        assert_eq!(deadlines.next(), Some(SimTime::from_secs(5)));
        for second in 0..10_000 {
            deadlines.arm(1, SimTime::from_secs(1_000_000 - second));
        }
        assert!(deadlines.heap.len() <= 68, "{}", deadlines.heap.len());
        assert_eq!(deadlines.pop_due(SimTime::from_secs(4)), None);
        assert_eq!(deadlines.pop_due(SimTime::from_secs(5)), Some(0));
        assert_eq!(deadlines.pop_due(SimTime::MAX), Some(1));
        assert_eq!(deadlines.next(), None);
    }
}
