//! Sleep between beacons.

use std::time::Duration;

use sim_core::time::{SimTime, saturating_nanos};

/// A station's legacy power save. IEEE 802.11-2016 §11.2.3
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PowerSave {
    /// Between two beacons; 100 time units, 102.4 ms, in most networks.
    pub beacon_interval: Duration,
    /// It listens to one beacon in so many: its listen interval, or the DTIM period.
    pub wake_every: u32,
    /// Awake after the last frame, either way.
    pub stay_awake: Duration,
    /// Awake for each beacon.
    pub beacon_awake: Duration,
    /// When the first beacon is sent.
    pub phase: Duration,
}

/// What a station's radio does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RadioState {
    /// Off, but for the beacons it listens to.
    Sleep,
    /// On, without a frame of its own.
    Listen,
    /// A frame for it is on the air.
    Receive,
    /// It sends.
    Transmit,
}

/// Time in each [`RadioState`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RadioUse {
    /// Asleep.
    pub sleep: Duration,
    /// Listening, beacons included.
    pub listen: Duration,
    /// Receiving.
    pub receive: Duration,
    /// Sending, acknowledgements included.
    pub transmit: Duration,
}

/// A change of a radio's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RadioChange {
    /// The station.
    pub station: u32,
    /// When.
    pub at: SimTime,
    /// What it does from then on.
    pub state: RadioState,
}

/// When a station was awake.
#[derive(Clone, Debug)]
pub(super) struct Doze {
    rules: PowerSave,
    awake_until: SimTime,
    /// Awake so far, up to `awake_until`.
    awake_ns: u64,
}

impl Doze {
    pub fn new(rules: PowerSave) -> Self {
        Doze { rules, awake_until: SimTime::ZERO, awake_ns: 0 }
    }

    pub fn awake(&self, now: SimTime) -> bool {
        now < self.awake_until
    }

    /// A frame of the station's own is on the air, or about to be, until `end`. If it slept until
    /// now, returns when it had fallen asleep.
    pub fn stir(&mut self, now: SimTime, end: SimTime) -> Option<SimTime> {
        let until = (end + self.rules.stay_awake).max(self.awake_until);
        let slept_from = (now >= self.awake_until).then_some(self.awake_until);
        self.awake_ns += until.as_nanos() - self.awake_until.max(now).as_nanos();
        self.awake_until = until;
        slept_from
    }

    /// The end of the first beacon from `now` on that the station listens to.
    pub fn next_beacon(&self, now: SimTime) -> SimTime {
        let every = saturating_nanos(self.rules.beacon_interval) * u64::from(self.rules.wake_every.max(1));
        let phase = saturating_nanos(self.rules.phase);
        let beacon = now.as_nanos().saturating_sub(phase).div_ceil(every) * every + phase;
        SimTime::from_nanos(beacon) + self.rules.beacon_awake
    }

    /// Nanoseconds awake up to `end`: after frames, and for beacons in between.
    pub fn awake_ns(&self, end: SimTime) -> u64 {
        let ahead = self.awake_until.as_nanos().saturating_sub(end.as_nanos());
        let after_frames = self.awake_ns.saturating_sub(ahead);
        let rest = end.as_nanos().saturating_sub(after_frames);
        let every = saturating_nanos(self.rules.beacon_interval) * u64::from(self.rules.wake_every.max(1));
        after_frames + rest / every * saturating_nanos(self.rules.beacon_awake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doze() -> Doze {
        Doze::new(PowerSave {
            beacon_interval: Duration::from_micros(102_400),
            wake_every: 3,
            stay_awake: Duration::from_millis(50),
            beacon_awake: Duration::from_millis(3),
            phase: Duration::from_millis(10),
        })
    }

    #[test]
    fn beacons_come_on_the_grid() {
        let doze = doze();
        let at = SimTime::from_micros;
        assert_eq!(doze.next_beacon(at(0)), at(13_000));
        assert_eq!(doze.next_beacon(at(10_000)), at(13_000));
        assert_eq!(doze.next_beacon(at(10_001)), at(10_000 + 307_200 + 3_000));
    }

    #[test]
    fn awake_time_is_the_union_of_its_reasons() {
        let mut doze = doze();
        let at = SimTime::from_millis;
        assert_eq!(doze.stir(at(100), at(101)), Some(SimTime::ZERO));
        assert_eq!(doze.stir(at(120), at(121)), None, "awake until 151 ms");
        assert!(doze.awake(at(170)) && !doze.awake(at(171)));
        assert_eq!(doze.awake_ns(at(171)), 71_000_000, "100 to 171 ms; no beacon counted in 100 ms");
        assert_eq!(doze.awake_ns(at(161)), 61_000_000, "the tail beyond the end is not counted");
        // 1000 - 71 ms asleep: three beacons of 3 ms.
        assert_eq!(doze.awake_ns(at(1_000)), 80_000_000);
        assert_eq!(doze.stir(at(1_000), at(1_000)), Some(at(171)));
    }
}
