//! The options of a TCP header, as values and as bytes.

use super::sequence::SequenceNumber;

/// The Timestamps option (RFC 7323 §3.2), in ticks of one millisecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timestamps {
    /// TSval: the sender's clock when it sent this segment.
    pub value: u32,
    /// TSecr: the TSval that this segment echoes; zero without the ACK flag.
    pub echo_reply: u32,
}

/// A run of bytes that arrived beyond a gap: the first sequence number of it and the one behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SackBlock {
    /// The left edge.
    pub start: SequenceNumber,
    /// The right edge, one past the last byte.
    pub end: SequenceNumber,
}

/// The blocks of a SACK option (RFC 2018 §3), at most four; the first may be a duplicate (RFC 2883).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SackBlocks {
    blocks: [SackBlock; 4],
    len: u8,
}

impl SackBlocks {
    /// Appends a block; a fifth is dropped.
    pub fn push(&mut self, block: SackBlock) {
        if let Some(free) = self.blocks.get_mut(usize::from(self.len)) {
            *free = block;
            self.len += 1;
        }
    }

    /// The blocks in the order of the option.
    #[must_use]
    pub fn as_slice(&self) -> &[SackBlock] {
        &self.blocks[..usize::from(self.len)]
    }
}

/// The options that a segment carries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Maximum Segment Size, in bytes (RFC 9293 §3.7.1); only on a SYN.
    pub mss: Option<u16>,
    /// Window Scale, a shift count (RFC 7323 §2.2); only on a SYN.
    pub window_scale: Option<u8>,
    /// SACK-permitted (RFC 2018 §2); only on a SYN.
    pub sack_permitted: bool,
    /// Timestamps (RFC 7323 §3.2).
    pub timestamps: Option<Timestamps>,
    /// SACK (RFC 2018 §3); `None` without a gap, which is nearly always, so the blocks live elsewhere.
    /// Four blocks fit, three beside timestamps: who fills them in sees to it.
    pub sack: Option<Box<SackBlocks>>,
}

const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

impl Options {
    /// The length of the options on the wire, padded to whole 32-bit words, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        let mss = if self.mss.is_some() { 4 } else { 0 };
        // Two bytes of SACK-permitted take the place of the padding before Timestamps.
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        let sack = if self.sack_permitted && self.timestamps.is_none() { 4 } else { 0 };
        let scale = if self.window_scale.is_some() { 4 } else { 0 };
        let blocks = self.sack.as_ref().map_or(0, |sack| 4 + 8 * sack.as_slice().len());
        mss + sack + timestamps + scale + blocks
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the options to the front of `bytes` and returns how many bytes they took.
    ///
    /// The order is that of Linux: MSS, SACK-permitted (or two NOPs), Timestamps, a NOP, Window
    /// Scale; all of them together take 20 bytes.
    pub fn write(&self, bytes: &mut [u8; 40]) -> usize {
        let mut at = 0;
        let mut put = |run: &[u8]| {
            bytes[at..at + run.len()].copy_from_slice(run);
            at += run.len();
        };
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            put(&[MAXIMUM_SEGMENT_SIZE, 4, high, low]);
        }
        match (self.sack_permitted, self.timestamps.is_some()) {
            (true, true) => put(&[SACK_PERMITTED, 2]),
            (true, false) => put(&[NO_OPERATION, NO_OPERATION, SACK_PERMITTED, 2]),
            (false, true) => put(&[NO_OPERATION, NO_OPERATION]),
            (false, false) => {}
        }
        if let Some(timestamps) = self.timestamps {
            put(&[TIMESTAMPS, 10]);
            put(&timestamps.value.to_be_bytes());
            put(&timestamps.echo_reply.to_be_bytes());
        }
        if let Some(shift) = self.window_scale {
            put(&[NO_OPERATION, WINDOW_SCALE, 3, shift]);
        }
        if let Some(sack) = &self.sack {
            let blocks = sack.as_slice();
            put(&[NO_OPERATION, NO_OPERATION, SACK, 2 + 8 * blocks.len() as u8]);
            for block in blocks {
                put(&block.start.0.to_be_bytes());
                put(&block.end.0.to_be_bytes());
            }
        }
        debug_assert_eq!(at, self.len());
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SYN of ground-truth c01_mosquitto_q0_16, byte for byte.
    #[test]
    fn a_syn_has_the_options_of_linux() {
        let timestamps = Some(Timestamps { value: 0x1c99_0261, echo_reply: 0 });
        let options =
            Options { mss: Some(1460), window_scale: Some(7), sack_permitted: true, timestamps, sack: None };
        let mut bytes = [0; 40];
        let len = options.write(&mut bytes);
        let captured = [
            0x02, 0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a, 0x1c, 0x99, 0x02, 0x61, 0, 0, 0, 0, 0x01, 0x03,
            0x03, 0x07,
        ];
        assert_eq!(bytes[..len], captured);
    }

    /// real-software-facts: acknowledgements with 1, 2 and 3 blocks are frames of 78, 86 and 94 bytes.
    #[test]
    fn sack_blocks_take_12_20_and_28_bytes_beside_timestamps() {
        let timestamps = Some(Timestamps { value: 1, echo_reply: 2 });
        let mut sack = SackBlocks::default();
        for (blocks, frame) in [(1, 78), (2, 86), (3, 94)] {
            sack.push(SackBlock { start: SequenceNumber(blocks), end: SequenceNumber(blocks + 1) });
            let options = Options { timestamps, sack: Some(Box::new(sack)), ..Options::default() };
            let mut bytes = [0; 40];
            let len = options.write(&mut bytes);
            assert_eq!(14 + 20 + 20 + len, frame);
            assert_eq!(bytes[12..16], [1, 1, 5, 2 + 8 * blocks as u8]);
            assert_eq!(bytes[len - 4..len], (blocks + 1).to_be_bytes());
        }
    }

    #[test]
    fn every_combination_is_whole_words_and_as_long_as_it_says() {
        for bits in 0..64_u8 {
            let mut sack = SackBlocks::default();
            (0..bits >> 4).for_each(|_| sack.push(SackBlock::default()));
            let options = Options {
                mss: (bits & 1 != 0).then_some(1460),
                window_scale: (bits & 2 != 0).then_some(7),
                sack_permitted: bits & 4 != 0,
                timestamps: (bits & 8 != 0).then_some(Timestamps { value: 1, echo_reply: 2 }),
                sack: (bits >> 4 > 0 && bits & 7 == 0).then(|| Box::new(sack)),
            };
            let len = options.write(&mut [0; 40]);
            assert_eq!(len, options.len());
            assert_eq!(len % 4, 0);
        }
    }
}
