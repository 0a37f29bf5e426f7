//! The options of a TCP header, as values and as bytes.

/// The Timestamps option (RFC 7323 §3.2), in ticks of one millisecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timestamps {
    /// TSval: the sender's clock when it sent this segment.
    pub value: u32,
    /// TSecr: the TSval that this segment echoes; zero without the ACK flag.
    pub echo_reply: u32,
}

/// The options that a segment carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Maximum Segment Size, in bytes (RFC 9293 §3.7.1); only on a SYN.
    pub mss: Option<u16>,
    /// Window Scale, a shift count (RFC 7323 §2.2); only on a SYN.
    pub window_scale: Option<u8>,
    /// SACK-permitted (RFC 2018 §2); only on a SYN.
    pub sack_permitted: bool,
    /// Timestamps (RFC 7323 §3.2).
    pub timestamps: Option<Timestamps>,
}

const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const TIMESTAMPS: u8 = 8;

impl Options {
    /// The length of the options on the wire, padded to whole 32-bit words, in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        let mss = if self.mss.is_some() { 4 } else { 0 };
        // Two bytes of SACK-permitted take the place of the padding before Timestamps.
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        let sack = if self.sack_permitted && self.timestamps.is_none() { 4 } else { 0 };
        let scale = if self.window_scale.is_some() { 4 } else { 0 };
        mss + sack + timestamps + scale
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
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
        let options = Options { mss: Some(1460), window_scale: Some(7), sack_permitted: true, timestamps };
        let mut bytes = [0; 40];
        let len = options.write(&mut bytes);
        let captured = [
            0x02, 0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a, 0x1c, 0x99, 0x02, 0x61, 0, 0, 0, 0, 0x01, 0x03,
            0x03, 0x07,
        ];
        assert_eq!(bytes[..len], captured);
    }

    #[test]
    fn every_combination_is_whole_words_and_as_long_as_it_says() {
        for bits in 0..16_u8 {
            let options = Options {
                mss: (bits & 1 != 0).then_some(1460),
                window_scale: (bits & 2 != 0).then_some(7),
                sack_permitted: bits & 4 != 0,
                timestamps: (bits & 8 != 0).then_some(Timestamps { value: 1, echo_reply: 2 }),
            };
            let len = options.write(&mut [0; 40]);
            assert_eq!(len, options.len());
            assert_eq!(len % 4, 0);
        }
    }
}
