//! The receive buffer of Linux and how it is tuned (`tcp_rcv_space_adjust`, `tcp_rcvbuf_grow`).
//!
//! Sizes are the bytes of data that fit, as the window tells them: the kernel counts memory and takes a
//! share of it for data. Once in a round trip the buffer follows what the program has read, so that the
//! sender may double its rate; what waits beyond a gap is added. As the receiver knows a round trip only by
//! the echoes of its own timestamps, there is no tuning without them.

use std::time::Duration;

use sim_core::time::SimTime;

use super::rtt::ticks;
use super::sequence::SequenceNumber;

/// How long a reader takes to wake up: 50 to 160 us passed on Linux 6.18 from the first segment of a burst to
/// the acknowledgement that waited for the reader. And how many segments a measurement finds waiting at most:
/// two to four, by the windows that were offered (docs/tcp-validation.md).
const WAKE: Duration = Duration::from_micros(80);
const WAKE_SEGMENTS: u32 = 3;

/// In nanoseconds.
const EIGHTH_OF_A_MILLISECOND: u64 = 125_000;

/// What is measured of a reader.
#[derive(Clone, Debug)]
pub(super) struct Tuning {
    /// What fits, in bytes.
    capacity: u32,
    /// The round-trip time as the receiver sees it, in eighths of a millisecond.
    rtt: u32,
    /// The echo of the last sample: one sample for each.
    echo: u32,
    /// The most that was read in a round trip, in bytes.
    space: u32,
    /// What had been read when the current measurement began, and when that was.
    from: SequenceNumber,
    since: SimTime,
    /// The reader was woken for a new measurement: when, by the segment that ended here, and what has
    /// arrived since.
    woken: Option<(SimTime, SequenceNumber, u32)>,
    /// What has arrived since the reader woke up last, in bytes, and when it will next.
    fresh: u32,
    wakes_at: SimTime,
}

impl Tuning {
    /// At the first full segment of `mss` bytes; everything before `read` has been read.
    pub(super) const fn new(now: SimTime, read: SequenceNumber, mss: u32, capacity: u32) -> Self {
        // Linux `tcp_init_buffer_space`: ten segments.
        Tuning {
            capacity,
            rtt: 0,
            echo: 0,
            space: 10 * mss,
            from: read,
            since: now,
            woken: None,
            fresh: 0,
            wakes_at: now,
        }
    }

    /// What fits, in bytes.
    pub(super) const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Makes room for `wanted` bytes, `max` at the most.
    pub(super) fn enlarge(&mut self, wanted: u32, max: u32) {
        self.capacity = self.capacity.max(wanted.min(max));
    }

    /// In-order text of `len` bytes arrived, for which the reader is woken.
    pub(super) fn arrive(&mut self, now: SimTime, len: u32) {
        self.wake_reader(now);
        if self.fresh == 0 {
            self.wakes_at = now + WAKE;
        }
        self.fresh = self.fresh.saturating_add(len);
    }

    /// A reader that was woken by what arrived has read it by now. Returns whether there was one.
    pub(super) fn wake_reader(&mut self, now: SimTime) -> bool {
        let woken = self.fresh > 0 && now >= self.wakes_at;
        if woken {
            self.fresh = 0;
        }
        woken
    }

    /// What has arrived since the reader woke up last, in bytes.
    pub(super) const fn fresh(&self) -> u32 {
        self.fresh
    }

    /// When the reader will have read what arrived.
    pub(super) const fn wakes_at(&self) -> SimTime {
        self.wakes_at
    }

    /// A full segment echoed our timestamp; `keeps_up` says that everything before it has been read.
    pub(super) fn sample(&mut self, now: SimTime, echo: u32, keeps_up: bool) {
        if self.rtt != 0 && echo == self.echo {
            return;
        }
        let millis = ticks(now).wrapping_sub(echo) as i32;
        if millis <= 0 {
            return;
        }
        self.echo = echo;
        let sample = (millis as u32).min(u32::MAX / 16);
        // A pause of the sender makes a sample long, so the least one counts.
        if self.rtt == 0 || 8 * sample < self.rtt {
            self.rtt = 8 * sample;
        } else if keeps_up {
            self.rtt = self.rtt - self.rtt / 8 + sample;
        }
    }

    /// In-order text of `len` bytes arrived, up to `next`; `behind` bytes before it wait to be read, and `gap`
    /// bytes lie between `next` and the end of what arrived. Returns what the buffer should hold, when a round
    /// trip is over and the reader has woken up.
    pub(super) fn measure(
        &mut self,
        now: SimTime,
        (next, len, mss): (SequenceNumber, u32, u32),
        behind: u32,
        gap: u32,
    ) -> Option<u32> {
        if let Some((at, read, arrived)) = &mut self.woken {
            let soon = now.saturating_since(*at) <= WAKE;
            *arrived += if soon { len } else { 0 };
            if soon && *arrived < WAKE_SEGMENTS * mss {
                return None;
            }
            let (at, read, arrived) = (*at, *read, *arrived);
            self.woken = None;
            return self.conclude(at, read, arrived, gap);
        }
        let elapsed = now.as_nanos().saturating_sub(self.since.as_nanos());
        if self.rtt == 0 || elapsed < u64::from(self.rtt) * EIGHTH_OF_A_MILLISECOND {
            return None;
        }
        if behind > 0 {
            return self.conclude(now, next - len - behind, behind + len, gap);
        }
        self.woken = Some((now, next, 0));
        None
    }

    /// At `at` the program has read up to `read`, and `waiting` bytes more could be read.
    fn conclude(&mut self, at: SimTime, read: SequenceNumber, waiting: u32, gap: u32) -> Option<u32> {
        // A reader that was thought to keep up may have stopped.
        let copied = if read.after(self.from) { read.since(self.from).saturating_sub(waiting) } else { 0 };
        self.from = read;
        self.since = at;
        if copied <= self.space {
            return None;
        }
        let before = u64::from(self.space);
        self.space = copied;
        let (copied, gap) = (u64::from(copied), u64::from(gap));
        // What was read is a round trip old by now, and the sender may have doubled its rate since.
        let window = 2 * copied + 4 * copied * (copied - before) / before + gap;
        Some(u32::try_from(window).unwrap_or(u32::MAX))
    }

    /// What the buffer should hold when `gap` bytes lie between RCV.NXT and the end of what arrived.
    pub(super) const fn beyond_gap(&self, gap: u32) -> u32 {
        self.space.saturating_mul(2).saturating_add(gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bursts of 10, 20 and 40 segments, one round trip of 40 ms: of the second one 17 are counted, as three
    /// more arrive while the reader wakes up, and 34 (1 + 2 x 7 / 10) segments is what Linux 6.18 offers.
    #[test]
    fn the_buffer_follows_the_reader_once_in_a_round_trip() {
        let at = |millis: u64| SimTime::from_millis(1_000 + millis);
        let seq = |segments: u32| SequenceNumber(segments * 1_000);
        let mut tuning = Tuning::new(at(0), seq(0), 1_000, 60_000);
        let mut burst = |millis: u64, first: u32, echo: u32| {
            (first..first + 5).find_map(|number| {
                tuning.sample(at(millis), echo, true);
                tuning.measure(at(millis), (seq(number), 1_000, 1_000), 0, 0)
            })
        };
        assert_eq!(burst(0, 1, 1_000 - 190), None);
        assert_eq!(burst(40, 11, 1_000), None, "less than ten");
        assert_eq!(burst(60, 21, 1_000), None, "once in a round trip");
        assert_eq!(burst(80, 31, 1_040), Some(81_600));
        assert_eq!(tuning.beyond_gap(7), 34_007);
    }
}
