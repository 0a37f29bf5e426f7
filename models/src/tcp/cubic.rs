//! CUBIC (RFC 9438) with HyStart, as Linux has it: windows in whole segments, times in milliseconds.

use sim_core::time::SimTime;

use super::sequence::SequenceNumber;

/// RFC 9438 §4.6: beta_cubic is 0.7; Linux keeps it in 1024ths.
const BETA_1024: u32 = 717;
/// From which window on HyStart looks, in segments (Linux `hystart_low_window`).
const HYSTART_LOW_WINDOW: u32 = 16;
/// How many samples of a round HyStart takes before it judges the delay (`HYSTART_MIN_SAMPLES`).
const HYSTART_SAMPLES: u8 = 8;
/// The increase of the delay that ends slow start is an eighth of it within these, in microseconds.
const HYSTART_DELAY_US: (u32, u32) = (4_000, 16_000);
/// Acknowledgements closer than this belong to one train, in microseconds (`hystart_ack_delta_us`).
const HYSTART_TRAIN_GAP_US: u32 = 2_000;
/// RFC 9438 §4.9: no delay samples for a while after an epoch begins; Linux: 1 s.
const DISCARD_MS: u32 = 1_000;
/// 1 / C in milliseconds cubed a segment, C = 0.4 segments a second cubed (RFC 9438 §5.1).
const CUBED_MS_PER_SEGMENT: u64 = 2_500_000_000;
/// A span that the cube of fits in 64 bits twice over, in milliseconds: 17 minutes.
const MAX_OFFSET_MS: u32 = 1 << 20;

/// The state of CUBIC for one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Cubic {
    /// W_max of RFC 9438 §4.1.2, in segments; zero before the first loss.
    w_max: u32,
    /// When the current epoch of congestion avoidance began, in milliseconds.
    epoch_start: Option<u32>,
    /// The window at the plateau of the cubic function, in segments.
    origin: u32,
    /// K of RFC 9438 §4.2, in milliseconds.
    k_ms: u32,
    /// W_est of RFC 9438 §4.3, in segments.
    w_est: u32,
    /// Segments acknowledged towards the growth of `w_est`.
    acknowledged: u32,
    /// Acknowledged segments for each segment of growth.
    pace: u32,
    /// Acknowledged segments towards the growth of the window.
    counted: u32,
    /// The smallest round-trip time, in microseconds; zero before there is one.
    min_rtt_us: u32,
    updated_ms: u32,
    updated_window: u32,
    /// The end of the current round trip.
    round_end: SequenceNumber,
    hystart: Hystart,
}

/// HyStart (Ha and Rhee 2008): leave slow start before the queue overflows.
#[derive(Clone, Debug, Default)]
struct Hystart {
    found: bool,
    samples: u8,
    round_start_us: u32,
    last_ack_us: u32,
    round_rtt_us: u32,
}

const fn millis(now: SimTime) -> u32 {
    (now.as_nanos() / 1_000_000) as u32
}

const fn micros(now: SimTime) -> u32 {
    (now.as_nanos() / 1_000) as u32
}

impl Cubic {
    /// A loss at `window` segments: the threshold that follows (RFC 9438 §4.6).
    pub(super) fn reduce(&mut self, window: u32) -> u32 {
        self.epoch_start = None;
        // RFC 9438 §4.7, fast convergence.
        self.w_max = if window < self.w_max { window * (1_024 + BETA_1024) / 2_048 } else { window };
        (window * BETA_1024 / 1_024).max(2)
    }

    /// A timeout forgets the epoch and the delays (RFC 9438 §4.8; Linux `bictcp_state`).
    pub(super) fn timeout(&mut self, now: SimTime, max: SequenceNumber) {
        *self = Cubic::default();
        self.begin_round(now, max);
    }

    /// The connection was idle for `span` milliseconds, which do not count (RFC 9438 §5.8).
    pub(super) fn idle(&mut self, now: SimTime, span_ms: u32) {
        let now = millis(now);
        // An epoch that began during the pause begins now.
        self.epoch_start =
            self.epoch_start.map(|start| now.wrapping_sub(now.wrapping_sub(start).saturating_sub(span_ms)));
    }

    /// A round trip of HyStart begins, which ends when `end` is acknowledged.
    pub(super) fn begin_round(&mut self, now: SimTime, end: SequenceNumber) {
        self.round_end = end;
        let hystart = &mut self.hystart;
        hystart.round_start_us = micros(now);
        hystart.last_ack_us = hystart.round_start_us;
        hystart.round_rtt_us = u32::MAX;
        hystart.samples = 0;
    }

    /// A sample of the round-trip time, of which the smallest ever was `least_us`, while the window is
    /// `window` segments; `ends` are SND.UNA and SND.NXT. Returns whether slow start should end here.
    pub(super) fn sample(
        &mut self,
        now: SimTime,
        (rtt_us, least_us): (u32, u32),
        window: u32,
        slow_start: bool,
        ends: (SequenceNumber, SequenceNumber),
    ) -> bool {
        if self.epoch_start.is_some_and(|start| millis(now).wrapping_sub(start) < DISCARD_MS) {
            return false;
        }
        let rtt_us = rtt_us.max(1);
        if self.min_rtt_us == 0 {
            self.min_rtt_us = least_us.max(1);
        }
        self.min_rtt_us = self.min_rtt_us.min(rtt_us);
        if self.hystart.found || !slow_start {
            return false;
        }
        // The first sample begins the first round trip.
        if self.hystart.round_rtt_us == 0 || ends.0.after(self.round_end) {
            self.begin_round(now, ends.1);
        }
        if window < HYSTART_LOW_WINDOW {
            return false;
        }
        self.hystart.found = self.hystart.detects(micros(now), rtt_us, self.min_rtt_us);
        self.hystart.found
    }

    /// Congestion avoidance: `acked` segments are acknowledged at a window of `window` segments.
    /// Returns by how many segments the window grows.
    pub(super) fn avoid(&mut self, now: SimTime, window: u32, acked: u32) -> u32 {
        self.update(millis(now), window, acked);
        // As RFC 9438 §4.4 (target - cwnd) / cwnd for each segment, in whole segments.
        let mut growth = 0;
        if self.counted >= self.pace {
            self.counted = 0;
            growth = 1;
        }
        self.counted += acked;
        if self.counted >= self.pace {
            growth += self.counted / self.pace;
            self.counted %= self.pace;
        }
        growth
    }

    fn update(&mut self, now_ms: u32, window: u32, acked: u32) {
        self.acknowledged = self.acknowledged.saturating_add(acked);
        // The function is evaluated when the window has changed, or a 32nd of a second has passed.
        if self.updated_window == window && now_ms.wrapping_sub(self.updated_ms) <= 31 {
            return;
        }
        self.updated_window = window;
        self.updated_ms = now_ms;
        let start = *self.epoch_start.get_or_insert_with(|| {
            self.acknowledged = acked;
            self.w_est = window;
            let below = self.w_max.saturating_sub(window);
            // RFC 9438 (2): K is the cube root of (W_max - cwnd_epoch) / C.
            self.k_ms = cube_root(u64::from(below) * CUBED_MS_PER_SEGMENT);
            self.origin = window + below;
            now_ms
        });
        // RFC 9438 §4.2: the target is where the function will be a round trip later.
        let t_ms = now_ms.wrapping_sub(start).saturating_add(self.min_rtt_us / 1_000);
        let offset = u64::from(t_ms.abs_diff(self.k_ms).min(MAX_OFFSET_MS));
        let delta = u32::try_from(offset * offset * offset / CUBED_MS_PER_SEGMENT).unwrap_or(u32::MAX);
        let target = if t_ms < self.k_ms {
            self.origin.saturating_sub(delta)
        } else {
            self.origin.saturating_add(delta)
        };
        self.pace = if target > window { window / (target - window) } else { window.saturating_mul(100) };
        if self.w_max == 0 {
            // Linux: at least 5 % a round trip while no loss has told the capacity.
            self.pace = self.pace.min(20);
        }
        self.be_friendly(window);
        // RFC 9438 §4.4: the target is at most 1.5 times the window.
        self.pace = self.pace.max(2);
    }

    /// RFC 9438 §4.3: not slower than Reno with the same decrease would be.
    fn be_friendly(&mut self, window: u32) {
        // W_est grows by alpha = 3 (1 - beta) / (1 + beta) = 8/15 segments a round trip.
        let round = (window * 15 / 8).max(1);
        self.w_est = self.w_est.saturating_add(self.acknowledged.saturating_sub(1) / round);
        self.acknowledged -= self.acknowledged.saturating_sub(1) / round * round;
        if self.w_est > window {
            self.pace = self.pace.min(window / (self.w_est - window));
        }
    }
}

impl Hystart {
    fn detects(&mut self, now_us: u32, rtt_us: u32, min_rtt_us: u32) -> bool {
        if now_us.wrapping_sub(self.last_ack_us) <= HYSTART_TRAIN_GAP_US {
            self.last_ack_us = now_us;
            // A train of acknowledgements half as long as the path.
            if now_us.wrapping_sub(self.round_start_us) > min_rtt_us / 2 {
                return true;
            }
        }
        self.round_rtt_us = self.round_rtt_us.min(rtt_us);
        if self.samples < HYSTART_SAMPLES {
            self.samples += 1;
            return false;
        }
        let (least, most) = HYSTART_DELAY_US;
        self.round_rtt_us > min_rtt_us.saturating_add((min_rtt_us / 8).clamp(least, most))
    }
}

/// The largest whole number whose cube is at most `value`.
fn cube_root(value: u64) -> u32 {
    let mut root = 0_u64;
    for bit in (0..21).rev() {
        let next = root | 1 << bit;
        if next * next * next <= value {
            root = next;
        }
    }
    root as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_roots_are_exact() {
        for root in [0_u32, 1, 2, 9, 1_000, 2_097_151] {
            let cube = u64::from(root).pow(3);
            assert_eq!(cube_root(cube), root);
            assert_eq!(cube_root(cube.saturating_sub(1)), root.saturating_sub(u32::from(cube > 0)));
        }
    }

    /// RFC 9438 §4.6, and §4.7: a second loss below the first maximum lowers the plateau.
    #[test]
    fn a_loss_leaves_seven_tenths() {
        let mut cubic = Cubic::default();
        assert_eq!(cubic.reduce(100), 70);
        assert_eq!(cubic.w_max, 100);
        assert_eq!(cubic.reduce(80), 56);
        assert_eq!(cubic.w_max, 68);
    }

    /// RFC 9438 §4.2: after K seconds the window is back at the maximum, then it probes beyond.
    #[test]
    fn the_window_returns_to_the_maximum_after_k() {
        let mut cubic = Cubic::default();
        let mut window = cubic.reduce(500);
        assert_eq!(window, 350);
        // K = cbrt(150 / 0.4) = 7.2 s; one acknowledgement of the whole window every 100 ms.
        let mut at_k = 0;
        for round in 0..120_u64 {
            cubic.min_rtt_us = 100_000;
            window += cubic.avoid(SimTime::from_millis(100 * round), window, window);
            if round == 72 {
                at_k = window;
            }
        }
        assert!((490..=505).contains(&at_k), "{at_k}");
        assert!(window > 520, "{window}");
    }

    #[test]
    fn hystart_hears_a_queue_and_a_long_train() {
        let ends = (SequenceNumber(1), SequenceNumber(9));
        let sample = |cubic: &mut Cubic, micros: u64, rtt: u32, window: u32| {
            cubic.sample(SimTime::from_micros(micros), (rtt, rtt), window, true, ends)
        };
        let mut cubic = Cubic::default();
        cubic.begin_round(SimTime::ZERO, SequenceNumber(9));
        assert!(!sample(&mut cubic, 0, 40_000, 20));
        cubic.begin_round(SimTime::from_millis(40), SequenceNumber(9));
        let queue = |mut cubic: Cubic, rtt: u32, window: u32| {
            (0..9).any(|i| sample(&mut cubic, 50_000 + 3_000 * i, rtt, window))
        };
        assert!(!queue(cubic.clone(), 44_000, 20));
        assert!(queue(cubic.clone(), 46_000, 20));
        assert!(!queue(cubic.clone(), 90_000, 15), "the window is small");
        let train = (0..15).any(|i| sample(&mut cubic, 40_000 + 1_500 * i, 40_000, 20));
        assert!(train, "21 ms of acknowledgements on a path of 40 ms");
    }
}
