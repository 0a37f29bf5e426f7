//! A 128-bit hash of a trajectory: did two runs do the same?
//!
//! Every executed event is mixed in, in order. Two runs with the same fingerprint did the same things
//! at the same nanoseconds; INET's fingerprint tests taught how much a test suite can rest on that.
//!
//! # The mixing
//!
//! The state is two words, `a` and `b`. Two words of data `x` and `y` are absorbed by
//!
//! ```text
//! a = (a ^ x) * K1        a = a ^ (a >> 32)
//! b = (b ^ y) * K2        b = b + rotl(a, 27)        a = a + rotl(b, 41)
//! ```
//!
//! with odd constants, all arithmetic modulo 2^64. Each line can be undone, so for given data the
//! state goes to the new state one to one, and for a given state so does the data. Hence two
//! trajectories that differ in a single event never have the same fingerprint; others do with a
//! probability of about 2^-128. [`Fingerprint::finish`] adds the number of words absorbed and lets
//! every bit of the state sway every bit of the result.
//!
//! It tells runs apart that differ by accident. It is no cryptographic hash: who wants to forge a
//! collision can.
//!
//! # Validation
//!
//! A golden value; property tests on changed and on swapped events; an avalanche test.

use std::fmt;

use crate::time::SimTime;

/// The first 64 bits of the fractional parts of the golden ratio and of the square root of 3, made odd.
const K1: u64 = 0x9e37_79b9_7f4a_7c15;
const K2: u64 = 0xbb67_ae85_84ca_a73b;
/// The second word when only one is absorbed: the first 64 bits of the fractional part of pi.
const LONE: u64 = 0x243f_6a88_85a3_08d3;

/// The running hash of a trajectory; `Copy`, 24 bytes.
///
/// ```
/// use sim_core::{fingerprint::Fingerprint, time::SimTime};
///
/// let mut fingerprint = Fingerprint::new();
/// fingerprint.mix_event(SimTime::from_millis(3), 1, 7, 1500);
/// assert_eq!(fingerprint.hex().len(), 32);
/// assert_ne!(fingerprint, Fingerprint::new());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    a: u64,
    b: u64,
    absorbed: u64,
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

impl Fingerprint {
    /// The fingerprint of a run in which nothing has happened yet.
    #[must_use]
    pub const fn new() -> Self {
        Fingerprint { a: K2, b: K1, absorbed: 0 }
    }

    /// Mixes bytes in, eight at a time; their number is for the caller to mix in.
    pub fn mix_bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(last));
        }
    }

    /// Mixes one word in.
    #[inline]
    pub fn mix(&mut self, word: u64) {
        self.absorb(word, LONE);
        self.absorbed = self.absorbed.wrapping_add(1);
    }

    /// Mixes an event in: when, of which kind, and two words that tell it from others of its kind.
    #[inline]
    pub fn mix_event(&mut self, time: SimTime, kind: u32, a: u64, b: u64) {
        self.absorb(time.as_nanos(), u64::from(kind));
        self.absorb(a, b);
        self.absorbed = self.absorbed.wrapping_add(4);
    }

    #[inline]
    fn absorb(&mut self, x: u64, y: u64) {
        let a = (self.a ^ x).wrapping_mul(K1);
        let a = a ^ (a >> 32);
        self.b = (self.b ^ y).wrapping_mul(K2).wrapping_add(a.rotate_left(27));
        self.a = a.wrapping_add(self.b.rotate_left(41));
    }

    /// The fingerprint of all that was mixed in so far; mixing may go on afterwards.
    #[must_use]
    pub fn finish(&self) -> u128 {
        let mut last = *self;
        last.absorb(self.absorbed, self.absorbed.rotate_left(32));
        for _ in 0..3 {
            last.absorb(last.b >> 29, last.a >> 31);
        }
        (u128::from(last.a) << 64) | u128::from(last.b)
    }

    /// [`Fingerprint::finish`] as 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Event = (u64, u32, u64, u64);

    fn of(events: &[Event]) -> u128 {
        let mut fingerprint = Fingerprint::new();
        for &(time, kind, a, b) in events {
            fingerprint.mix_event(SimTime::from_nanos(time), kind, a, b);
        }
        fingerprint.finish()
    }

    fn events(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Event>> {
        // Small values, for real events are alike.
        let event = (0..1_000u64, 0..4u32, 0..4u64, prop_oneof![0..4u64, any::<u64>()]);
        prop::collection::vec(event, count)
    }

    /// Computed by an independent implementation, in another language.
    #[test]
    fn golden_values() {
        assert_eq!(Fingerprint::new().hex(), "8519649b18a82e79914426a26c8dc7e0");
        let mut fingerprint = Fingerprint::new();
        fingerprint.mix(1);
        assert_eq!(fingerprint.hex(), "9b383873f156f462d7228c92fb358139");
        for number in 0..1_000 {
            fingerprint.mix_event(SimTime::from_micros(number), number as u32 % 7, number, u64::MAX - number);
        }
        assert_eq!(fingerprint.hex(), "f5c01a0c9d9efc62dfd846164c7b38bb");
    }

    #[test]
    fn a_word_a_zero_and_an_event_of_zeros_differ() {
        let mut word = Fingerprint::new();
        word.mix(0);
        let mut words = word;
        words.mix(0);
        let all = [Fingerprint::new().finish(), word.finish(), words.finish(), of(&[(0, 0, 0, 0)])];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one));
        }
    }

    proptest! {
        #[test]
        fn any_changed_event_shows(
            mut events in events(1..50), at in any::<prop::sample::Index>(),
            field in 0..4u32, change in 1..=u32::MAX,
        ) {
            let before = of(&events);
            let event = at.get_mut(&mut events);
            match field {
                0 => event.0 ^= u64::from(change),
                1 => event.1 ^= change,
                2 => event.2 ^= u64::from(change) << 20,
                _ => event.3 ^= u64::from(change) << 32,
            }
            prop_assert_ne!(of(&events), before);
        }

        #[test]
        fn any_swapped_events_show(
            mut events in events(2..50), i in any::<prop::sample::Index>(), j in any::<prop::sample::Index>(),
        ) {
            let (i, j) = (i.index(events.len()), j.index(events.len()));
            prop_assume!(events[i] != events[j]);
            let before = of(&events);
            events.swap(i, j);
            prop_assert_ne!(of(&events), before);
        }

        #[test]
        fn a_missing_event_shows(mut events in events(1..50), at in any::<prop::sample::Index>()) {
            let before = of(&events);
            events.remove(at.index(events.len()));
            prop_assert_ne!(of(&events), before);
        }
    }

    /// One flipped bit of the last event flips each bit of the result about every other time.
    #[test]
    fn avalanche() {
        let mut flips = [0u32; 128];
        let rounds = 256;
        for round in 0..rounds {
            let event = (round * 977, round as u32 % 5, round, round * round);
            let before = of(&[event]);
            for bit in 0..64 {
                let mask = 1u64 << bit;
                let (time, kind, a, b) = event;
                for after in [(time ^ mask, kind, a, b), (time, kind, a ^ mask, b), (time, kind, a, b ^ mask)]
                {
                    let changed = before ^ of(&[after]);
                    assert!((30..=98).contains(&changed.count_ones()), "{} bits", changed.count_ones());
                    for (position, count) in flips.iter_mut().enumerate() {
                        *count += (changed >> position) as u32 & 1;
                    }
                }
            }
        }
        let trials = f64::from(rounds as u32 * 64 * 3);
        for (position, count) in flips.iter().enumerate() {
            let share = f64::from(*count) / trials;
            assert!((0.48..0.52).contains(&share), "bit {position} flips with probability {share}");
        }
    }
}
