//! Sequence numbers: 32 bits that wrap around.

use std::ops::{Add, AddAssign, Sub};

/// A place in the sequence space of one direction of a connection (RFC 9293 §3.4).
///
/// The space is a circle, so there is no total order: compare with [`before`](Self::before) and its
/// fellows, which are right for places less than 2^31 apart (the comparison of RFC 1982 §3.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct SequenceNumber(pub u32);

impl SequenceNumber {
    /// Whether `self` lies before `other` on the circle.
    #[must_use]
    pub const fn before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// Whether `self` lies after `other` on the circle.
    #[must_use]
    pub const fn after(self, other: Self) -> bool {
        other.before(self)
    }

    /// Whether `self` is `other` or lies before it.
    #[must_use]
    pub const fn at_or_before(self, other: Self) -> bool {
        !other.before(self)
    }

    /// Whether `self` is `other` or lies after it.
    #[must_use]
    pub const fn at_or_after(self, other: Self) -> bool {
        !self.before(other)
    }

    /// The number of steps forward from `earlier` to `self`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// The later of the two.
    #[must_use]
    pub const fn latest(self, other: Self) -> Self {
        if self.before(other) { other } else { self }
    }
}

impl Add<u32> for SequenceNumber {
    type Output = Self;

    fn add(self, steps: u32) -> Self {
        SequenceNumber(self.0.wrapping_add(steps))
    }
}

impl Sub<u32> for SequenceNumber {
    type Output = Self;

    fn sub(self, steps: u32) -> Self {
        SequenceNumber(self.0.wrapping_sub(steps))
    }
}

impl AddAssign<u32> for SequenceNumber {
    fn add_assign(&mut self, steps: u32) {
        *self = *self + steps;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        let last = SequenceNumber(u32::MAX);
        let next = last + 10;
        assert_eq!(next, SequenceNumber(9));
        assert!(last.before(next) && next.after(last));
        assert!(last.at_or_before(last) && last.at_or_after(last) && !last.before(last));
        assert_eq!(next.since(last), 10);
        assert_eq!(next - 10, last);
        assert_eq!(last.latest(next), next);
        assert_eq!(next.latest(last), next);
    }
}
