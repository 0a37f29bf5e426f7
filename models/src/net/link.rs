//! One direction of a plain link: queueing, transmission and propagation delay as one arrival time.

use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;

use super::channel::Impairment;

/// What a link puts in front of an IP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Framing {
    /// Ethernet II: 14 bytes, so that an MTU of 1500 gives frames of 1514 (IEEE 802.3 §3.2).
    #[default]
    Ethernet,
    /// Point-to-point protocol: 2 bytes (RFC 1661 §2), as ns-3's point-to-point links count.
    PointToPoint,
}

impl Framing {
    /// Header length in bytes.
    #[must_use]
    pub const fn header_len(self) -> u32 {
        match self {
            Framing::Ethernet => 14,
            Framing::PointToPoint => 2,
        }
    }
}

/// What both hosts and the assembler need to know of one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkParameters {
    /// Transmission rate in bit/s; `None` transmits in no time.
    pub rate_bps: Option<u64>,
    /// Propagation delay.
    pub propagation: Duration,
    /// Largest IP packet in bytes.
    pub mtu: u32,
    /// Bytes that the queue holds, the rest of the frame in transmission included; `None` is
    /// unbounded. A frame always fits into an idle link.
    pub queue_bytes: Option<u64>,
    /// Link header.
    pub framing: Framing,
    /// What else happens to frames; `None` on a plain link.
    pub impairment: Option<Arc<Impairment>>,
}

impl LinkParameters {
    /// Propagation delay in nanoseconds.
    #[must_use]
    pub const fn propagation_ns(&self) -> u64 {
        self.propagation.as_secs() * 1_000_000_000 + self.propagation.subsec_nanos() as u64
    }

    /// Time on the wire of a frame of `frame_bytes`, rounded up to a nanosecond.
    #[inline]
    #[must_use]
    pub fn transmission_ns(&self, frame_bytes: u32) -> u64 {
        match self.rate_bps {
            Some(rate) => (u64::from(frame_bytes) * 8_000_000_000).div_ceil(rate),
            None => 0,
        }
    }

    /// Whether the queue has no room for a frame that waits `wait_ns` for those before it.
    #[inline]
    pub(super) fn queue_overflows(&self, wait_ns: u64, frame_bytes: u32) -> bool {
        let (Some(limit), Some(rate)) = (self.queue_bytes, self.rate_bps) else { return false };
        let waiting = (u128::from(wait_ns) * u128::from(rate) / 8_000_000_000) as u64;
        wait_ns > 0 && waiting + u64::from(frame_bytes) > limit
    }
}

/// What became of a frame that was handed to a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transmission {
    /// Its last bit arrives at the other end at this instant.
    Arrives(SimTime),
    /// The queue had no room for it.
    QueueFull,
}

/// When a frame is on a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OnWire {
    /// Its first bit leaves.
    pub first_bit: SimTime,
    /// Its last bit leaves.
    pub last_bit: SimTime,
    /// Its last bit arrives.
    pub arrival: SimTime,
}

/// One direction of a full-duplex link.
///
/// The queue is kept as the instant at which the transmitter falls idle: in a first-in first-out
/// queue that instant alone tells when a new frame starts, and how many bytes wait before it.
#[derive(Clone, Debug)]
pub struct Direction {
    busy_until: SimTime,
    /// Place of the parameters in the network's table; many links share one entry.
    pub parameters: u32,
    /// Place of the channel in the network's table; `u32::MAX` on a plain link.
    pub channel: u32,
}

impl Direction {
    /// An idle direction.
    #[must_use]
    pub const fn new(parameters: u32, channel: u32) -> Self {
        Direction { busy_until: SimTime::ZERO, parameters, channel }
    }

    /// When the transmitter falls idle.
    pub(super) const fn busy_until(&self) -> SimTime {
        self.busy_until
    }

    /// The transmitter is busy until `end`.
    pub(super) fn occupy(&mut self, end: SimTime) {
        self.busy_until = end;
    }

    /// Queues a frame of `frame_bytes` that is ready at `ready`, an instant that never goes back
    /// from frame to frame.
    pub fn transmit(
        &mut self,
        ready: SimTime,
        frame_bytes: u32,
        parameters: &LinkParameters,
    ) -> Transmission {
        match self.put(ready, frame_bytes, parameters) {
            Some(on_wire) => Transmission::Arrives(on_wire.arrival),
            None => Transmission::QueueFull,
        }
    }

    /// As [`Direction::transmit`], with all that can be told of it; `None` when the queue has no room.
    #[inline]
    pub fn put(&mut self, ready: SimTime, frame_bytes: u32, parameters: &LinkParameters) -> Option<OnWire> {
        let first_bit = self.busy_until.max(ready);
        if parameters.queue_overflows(first_bit.as_nanos() - ready.as_nanos(), frame_bytes) {
            return None;
        }
        let last_bit = SimTime::from_nanos(first_bit.as_nanos() + parameters.transmission_ns(frame_bytes));
        self.busy_until = last_bit;
        let arrival = SimTime::from_nanos(last_bit.as_nanos() + parameters.propagation_ns());
        Some(OnWire { first_bit, last_bit, arrival })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ten_megabit() -> LinkParameters {
        LinkParameters {
            rate_bps: Some(10_000_000),
            propagation: Duration::from_millis(2),
            mtu: 1500,
            queue_bytes: Some(3_000),
            framing: Framing::Ethernet,
            impairment: None,
        }
    }

    #[test]
    fn a_frame_takes_transmission_and_propagation() {
        let parameters = ten_megabit();
        let mut direction = Direction::new(0, u32::MAX);
        // 1514 B x 8 / 10 Mbit/s = 1.2112 ms, then 2 ms on the way.
        let arrival = direction.transmit(SimTime::from_secs(1), 1514, &parameters);
        assert_eq!(arrival, Transmission::Arrives(SimTime::from_nanos(1_003_211_200)));
    }

    #[test]
    fn frames_queue_behind_each_other_and_the_queue_is_bounded() {
        let parameters = ten_megabit();
        let mut direction = Direction::new(0, u32::MAX);
        let now = SimTime::ZERO;
        let arrivals: Vec<_> = (0..5).map(|_| direction.transmit(now, 1514, &parameters)).collect();
        // One in transmission; what is left of it counts as waiting, so 1486 B are free.
        assert_eq!(arrivals[0], Transmission::Arrives(SimTime::from_nanos(3_211_200)));
        assert!(arrivals[1..].iter().all(|a| *a == Transmission::QueueFull));
        assert!(matches!(direction.transmit(now, 1400, &parameters), Transmission::Arrives(_)));
        // Once the transmitter is idle again there is room.
        let later = SimTime::from_millis(10);
        assert!(matches!(direction.transmit(later, 1514, &parameters), Transmission::Arrives(_)));
    }

    #[test]
    fn without_a_rate_only_the_propagation_counts() {
        let parameters = LinkParameters { rate_bps: None, ..ten_megabit() };
        let mut direction = Direction::new(0, u32::MAX);
        for _ in 0..3 {
            let arrival = direction.transmit(SimTime::from_secs(1), 9000, &parameters);
            assert_eq!(arrival, Transmission::Arrives(SimTime::from_millis(1_002)));
        }
    }
}
