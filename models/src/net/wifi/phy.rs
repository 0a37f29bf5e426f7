//! Time on the air of a frame, by modulation.

/// Bytes around an IP packet on the air: MAC header 24 and QoS control 2, LLC and SNAP 8, CCMP
/// header and MIC 16, frame check sequence 4. IEEE 802.11-2016 §9.2.4, §12.5.3.2
pub const MPDU_OVERHEAD: u32 = 54;
/// Bytes of an acknowledgement and of a CTS. IEEE 802.11-2016 §9.3.1.3, §9.3.1.4
const ACK_BYTES: u32 = 14;
/// Bytes of an RTS. IEEE 802.11-2016 §9.3.1.2
const RTS_BYTES: u32 = 20;

/// Length of what precedes a DSSS frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Preamble {
    /// 144 us of preamble and 48 us of header.
    #[default]
    Long,
    /// 72 us of preamble and 24 us of header.
    Short,
}

/// Guard interval between two OFDM symbols of 802.11n.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GuardInterval {
    /// 800 ns: a symbol takes 4 us.
    #[default]
    Long,
    /// 400 ns: a symbol takes 3.6 us.
    Short,
}

/// How the bits of a station's data frames are put on the air.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Modulation {
    /// Frequency hopping at 1 or 2 Mbit/s (IEEE 802.11-1999 §14): the physical layer of Bianchi's
    /// paper.
    Fhss {
        /// Data rate in kbit/s.
        kbit_s: u32,
    },
    /// 802.11b: 1, 2, 5.5 or 11 Mbit/s (IEEE 802.11-2016 §15, §16).
    Dsss {
        /// Data rate in kbit/s.
        kbit_s: u32,
        /// What precedes a frame.
        preamble: Preamble,
    },
    /// 802.11g: 6, 9, 12, 18, 24, 36, 48 or 54 Mbit/s (IEEE 802.11-2016 §17, §18).
    Ofdm {
        /// Data rate in kbit/s.
        kbit_s: u32,
    },
    /// 802.11n with one spatial stream of 20 MHz, HT-mixed format (IEEE 802.11-2016 §19).
    Ht {
        /// Modulation and coding scheme, 0 to 7.
        mcs: u8,
        /// Between two symbols.
        guard: GuardInterval,
    },
}

/// Data bits of a symbol by MCS, 20 MHz, one stream. IEEE 802.11-2016 Table 19-27
const HT_BITS: [u32; 8] = [26, 52, 78, 104, 156, 208, 234, 260];

impl Modulation {
    /// The modulation of an 802.11b rate, if there is such a rate.
    #[must_use]
    pub const fn dsss(kbit_s: u32, preamble: Preamble) -> Option<Self> {
        match kbit_s {
            // IEEE 802.11-2016 §15.4.4.5: 1 Mbit/s exists with the long preamble only.
            1_000 => Some(Modulation::Dsss { kbit_s, preamble: Preamble::Long }),
            2_000 | 5_500 | 11_000 => Some(Modulation::Dsss { kbit_s, preamble }),
            _ => None,
        }
    }

    /// The modulation of an 802.11g rate, if there is such a rate.
    #[must_use]
    pub const fn ofdm(kbit_s: u32) -> Option<Self> {
        match kbit_s {
            6_000 | 9_000 | 12_000 | 18_000 | 24_000 | 36_000 | 48_000 | 54_000 => {
                Some(Modulation::Ofdm { kbit_s })
            }
            _ => None,
        }
    }

    /// The modulation of an 802.11n rate (6.5 to 65 Mbit/s with the long guard interval, 7.2 to
    /// 72.2 with the short one), if there is such a rate.
    #[must_use]
    pub fn ht(kbit_s: u32) -> Option<Self> {
        // Bits of a symbol in 4 us: 250 kbit/s a bit. In 3.6 us: 277.8. Rounded to
        // 100 kbit/s, as in the standard's tables.
        let place = |guard| {
            let rate = move |bits: &u32| match guard {
                GuardInterval::Long => bits * 250,
                GuardInterval::Short => bits * 2_500 / 9,
            };
            HT_BITS
                .iter()
                .position(|bits| (rate(bits) + 50) / 100 == (kbit_s + 50) / 100)
                .map(|mcs| Modulation::Ht { mcs: mcs as u8, guard })
        };
        place(GuardInterval::Long).or_else(|| place(GuardInterval::Short))
    }

    /// Time on the air in nanoseconds of a frame of `bytes`, MAC header and frame check sequence
    /// included.
    #[must_use]
    pub fn airtime_ns(self, bytes: u32) -> u64 {
        let bits = 8 * u64::from(bytes);
        match self {
            // IEEE 802.11-1999 §14.3.2: preamble of 96 and header of 32 bits at 1 Mbit/s.
            Modulation::Fhss { kbit_s } => 128_000 + (bits * 1_000_000).div_ceil(u64::from(kbit_s)),
            Modulation::Dsss { kbit_s, preamble } => {
                let head = match preamble {
                    Preamble::Long => 192_000,
                    Preamble::Short => 96_000,
                };
                head + (bits * 1_000_000).div_ceil(u64::from(kbit_s))
            }
            // IEEE 802.11-2016 §17.4.3: preamble 16 us, SIGNAL 4 us; 16 service and 6 tail bits.
            Modulation::Ofdm { kbit_s } => 20_000 + 4_000 * (bits + 22).div_ceil(u64::from(kbit_s) / 250),
            // IEEE 802.11-2016 §19.4.3: legacy preamble 20 us, HT-SIG 8, HT-STF 4, HT-LTF 4 us.
            Modulation::Ht { mcs, guard } => {
                let symbols = (bits + 22).div_ceil(u64::from(HT_BITS[usize::from(mcs)]));
                let slots = match guard {
                    GuardInterval::Long => symbols,
                    GuardInterval::Short => (9 * symbols).div_ceil(10),
                };
                36_000 + 4_000 * slots
            }
        }
    }

    /// Silence after an OFDM frame at 2.4 GHz, which makes up for a SIFS of 10 us there; at 5 GHz
    /// SIFS is 16 us and the sums are the same. IEEE 802.11-2016 §18.3.2.4
    #[must_use]
    pub const fn extension_ns(self) -> u64 {
        match self {
            Modulation::Fhss { .. } | Modulation::Dsss { .. } => 0,
            Modulation::Ofdm { .. } | Modulation::Ht { .. } => 6_000,
        }
    }

    /// What control frames that answer this modulation use: the highest mandatory rate that is not
    /// above it. Basic rates are 1 and 2 Mbit/s, or 6, 12 and 24. IEEE 802.11-2016 §10.7.6.5.2
    #[must_use]
    pub fn response(self) -> Modulation {
        let ofdm = |limit| {
            let kbit_s = if limit >= 24_000 {
                24_000
            } else if limit >= 12_000 {
                12_000
            } else {
                6_000
            };
            Modulation::Ofdm { kbit_s }
        };
        match self {
            Modulation::Fhss { .. } => Modulation::Fhss { kbit_s: 1_000 },
            Modulation::Dsss { kbit_s, preamble } => Modulation::Dsss { kbit_s: kbit_s.min(2_000), preamble },
            Modulation::Ofdm { kbit_s } => ofdm(kbit_s),
            // IEEE 802.11-2016 Table 10-7: the non-HT reference rates of MCS 0 to 3 are 6, 12, 18, 24.
            Modulation::Ht { mcs, .. } => ofdm([6_000, 12_000, 12_000, 24_000][usize::from(mcs.min(3))]),
        }
    }

    /// Time on the air in nanoseconds of the acknowledgement of a frame, and of a CTS.
    #[must_use]
    pub fn ack_ns(self) -> u64 {
        self.response().airtime_ns(ACK_BYTES)
    }

    /// Time on the air in nanoseconds of an RTS before a frame.
    #[must_use]
    pub fn rts_ns(self) -> u64 {
        self.response().airtime_ns(RTS_BYTES)
    }

    /// Contention windows: the first and the largest.
    #[must_use]
    pub const fn windows(self) -> (u32, u32) {
        match self {
            Modulation::Fhss { .. } | Modulation::Ofdm { .. } | Modulation::Ht { .. } => (15, 1_023),
            Modulation::Dsss { .. } => (31, 1_023),
        }
    }

    /// The slowest mandatory modulation of the same kind, in which EIFS counts an acknowledgement.
    const fn slowest(self) -> Modulation {
        match self {
            Modulation::Fhss { .. } => Modulation::Fhss { kbit_s: 1_000 },
            Modulation::Dsss { .. } => Modulation::Dsss { kbit_s: 1_000, preamble: Preamble::Long },
            Modulation::Ofdm { .. } | Modulation::Ht { .. } => Modulation::Ofdm { kbit_s: 6_000 },
        }
    }
}

/// The times that all stations of a cell share, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// A slot of the contention.
    pub slot_ns: u64,
    /// Between the frames of one exchange.
    pub sifs_ns: u64,
    /// Silence before the contention.
    pub difs_ns: u64,
    /// Silence after a frame that nobody could read, before DIFS: EIFS less DIFS.
    pub recovery_ns: u64,
    /// Propagation on the air; part of the slot time, and 0 unless an experiment counts it.
    pub propagation_ns: u64,
}

impl Timing {
    /// The times of a cell with these modulations. Where 802.11b is among them, all use its long
    /// slot.
    #[must_use]
    pub fn of(modulations: impl IntoIterator<Item = Modulation>) -> Self {
        let (mut slot_ns, mut sifs_ns, mut recovery_ns) = (9_000, 10_000, 0);
        for modulation in modulations {
            let (slot, sifs) = match modulation {
                Modulation::Fhss { .. } => (50_000, 28_000),
                Modulation::Dsss { .. } => (20_000, 10_000),
                Modulation::Ofdm { .. } | Modulation::Ht { .. } => (9_000, 10_000),
            };
            slot_ns = slot_ns.max(slot);
            sifs_ns = sifs_ns.max(sifs);
            // IEEE 802.11-2016 §10.3.7: EIFS = SIFS + an acknowledgement at the lowest rate + DIFS.
            let slowest = modulation.slowest();
            recovery_ns = recovery_ns.max(slowest.airtime_ns(ACK_BYTES) + slowest.extension_ns());
        }
        // IEEE 802.11-2016 §10.3.7: DIFS = SIFS + 2 slots.
        Timing {
            slot_ns,
            sifs_ns,
            difs_ns: sifs_ns + 2 * slot_ns,
            recovery_ns: sifs_ns + recovery_ns,
            propagation_ns: 0,
        }
    }
}

/// Airtimes of one exchange, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exchange {
    /// The RTS; 0 where the sender uses none.
    pub rts_ns: u64,
    /// From the first bit to that of the data frame: 0 without RTS.
    pub lead_ns: u64,
    /// The data frame.
    pub data_ns: u64,
    /// The acknowledgement, and a CTS.
    pub response_ns: u64,
    /// Silence that belongs to each frame.
    pub extension_ns: u64,
}

impl Exchange {
    /// The exchange for an IP packet of `bytes`.
    #[must_use]
    pub fn of(modulation: Modulation, bytes: u32, rts: bool, timing: &Timing) -> Self {
        let extension_ns = modulation.extension_ns();
        let response_ns = modulation.ack_ns();
        let rts_ns = if rts { modulation.rts_ns() } else { 0 };
        let gap = extension_ns + timing.sifs_ns + timing.propagation_ns;
        let lead_ns = if rts { rts_ns + gap + response_ns + gap } else { 0 };
        let data_ns = modulation.airtime_ns(bytes + MPDU_OVERHEAD);
        Exchange { rts_ns, lead_ns, data_ns, response_ns, extension_ns }
    }

    /// From the first bit to the end of the data frame at its receiver.
    #[must_use]
    pub const fn received_ns(&self, timing: &Timing) -> u64 {
        self.lead_ns + self.data_ns + timing.propagation_ns
    }

    /// From the first bit until the medium is idle after the acknowledgement.
    #[must_use]
    pub const fn success_ns(&self, timing: &Timing) -> u64 {
        self.received_ns(timing)
            + self.extension_ns
            + timing.sifs_ns
            + self.response_ns
            + timing.propagation_ns
            + self.extension_ns
    }

    /// From the first bit until the medium is idle after a collision, without the recovery.
    #[must_use]
    pub const fn collision_ns(&self, timing: &Timing) -> u64 {
        let first = if self.rts_ns > 0 { self.rts_ns } else { self.data_ns };
        first + timing.propagation_ns + self.extension_ns
    }
}
