//! WiFi: the stations of one cell share one half-duplex medium.
//!
//! **Models** the distributed coordination function of IEEE 802.11-2016 §10.3: time on the air by
//! modulation ([`Modulation`]: FHSS, 802.11b, g and n), DIFS, slotted backoff with counters that
//! freeze while the medium is busy, contention windows that double with each failure, backoff after
//! each frame, access at once on an idle medium, acknowledgements, EIFS, retry limits, and RTS/CTS
//! above a threshold. Transmissions that begin in the same slot collide and nobody can read them; a
//! transmission that meets no other one is unreadable by the link's loss model. The access point
//! contends like any station, with one queue for all. A station may sleep between beacons
//! ([`PowerSave`]), and needs time to join before its first frame and after an outage.
//!
//! **Leaves out** capture of the stronger frame, hidden stations, loss of acknowledgements alone,
//! rate adaptation (a station keeps its rate), aggregation and block acknowledgements, EDCA's
//! classes, the airtime of beacons, polls and association frames, protection of 802.11g and n from
//! 802.11b stations. After an unreadable frame all stations wait EIFS, its sender too, whose
//! acknowledgement time-out is within a slot of that.
//!
//! **Parameters** are those of the standard; a station has a modulation, an RTS threshold (none), a
//! time to join (0), power save (off); a cell has retry limits (7 and 4).
//!
//! **Events**: one per transmission or collision, whatever the number of stations, slots or
//! contenders; an idle cell has none. Slots are numbered by idle time, so a frozen counter needs no
//! work, and the next transmission is the least slot number in a heap.
//!
//! **Validated** against the published airtime table (`tests/wifi_airtime.rs`), exact throughput of
//! one station and Bianchi's saturation throughput for 2 to 50 stations (`tests/wifi_bianchi.rs`,
//! `docs/wifi.md`).
//!
//! References: IEEE 802.11-2016; G. Bianchi, "Performance analysis of the IEEE 802.11 distributed
//! coordination function", IEEE JSAC 18(3), 2000.

mod medium;
mod phy;
mod power;
mod station;

pub use medium::{CellParameters, Medium, MediumEvent, MediumTotals, Offered};
pub use phy::{Exchange, GuardInterval, MPDU_OVERHEAD, Modulation, Preamble, Timing};
pub use power::{PowerSave, RadioChange, RadioState, RadioUse};
pub use station::{StationParameters, Way, WayParameters};

#[cfg(test)]
mod tests;
