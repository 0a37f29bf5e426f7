//! A host's RAM account: what its program and its connections hold, and the most they ever held.

/// Bytes in use now and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryAccount {
    used: u64,
    peak: u64,
}

impl MemoryAccount {
    /// An account that opens with `used` bytes.
    #[must_use]
    pub const fn new(used: u64) -> Self {
        MemoryAccount { used, peak: used }
    }

    /// An account that begins again with `used` bytes after having reached `peak`.
    #[must_use]
    pub const fn restarted(used: u64, peak: u64) -> Self {
        MemoryAccount { used, peak: if peak > used { peak } else { used } }
    }

    /// Replaces an entry of `old` bytes with one of `new`.
    pub fn replace(&mut self, old: u64, new: u64) {
        debug_assert!(self.used >= old, "an entry that was never made");
        self.used = self.used - old + new;
        self.peak = self.peak.max(self.used);
    }

    /// Bytes in use.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// The most bytes that were ever in use.
    #[must_use]
    pub const fn peak(&self) -> u64 {
        self.peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_stays_when_memory_is_given_back() {
        let mut account = MemoryAccount::new(1_000);
        account.replace(0, 500);
        account.replace(500, 100);
        assert_eq!((account.used(), account.peak()), (1_100, 1_500));
    }
}
