//! Bytes that stand for random and secret ones.

/// A sequence of numbers from a seed (SplitMix64; Steele, Lea and Flood 2014).
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill(pub u64);

impl Fill {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Appends `count` bytes.
    pub fn bytes(&mut self, count: usize, out: &mut Vec<u8>) {
        for at in (0..count).step_by(8) {
            let word = self.next().to_be_bytes();
            out.extend_from_slice(&word[..(count - at).min(8)]);
        }
    }
}
