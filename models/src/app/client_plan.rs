//! The plan of a client: when and where to it connects, and what it does when it fails.

use std::time::Duration;

use sim_core::time::SimTime;

use crate::record::HostIndex;

/// When and where to a client connects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClientPlan {
    /// The broker's host.
    pub broker: HostIndex,
    /// The broker's port.
    pub port: u16,
    /// Disconnect in good order at this instant.
    pub disconnect_at: Option<SimTime>,
    /// Disconnect and connect anew after each such span.
    pub reconnect_every: Option<Duration>,
    /// Wait before the first new attempt after a failure.
    pub back_off: Duration,
    /// From one wait to the next, up to `back_off_limit`.
    pub back_off_factor: f64,
    /// Longest wait between attempts.
    pub back_off_limit: Duration,
    /// How far a wait may be off by chance, up or down, relative to it; 0 to 1.
    pub back_off_jitter: f64,
    /// Whether the client comes back by itself after a failure.
    pub comes_back: bool,
    /// Whether the program waits for the acknowledgement of every message of QoS 1 and 2 that it publishes,
    /// and does nothing else of its own meanwhile.
    pub publish_waits: bool,
}

impl ClientPlan {
    /// A client of a broker at port 1883 that stays and comes back by itself: after 1 s, then after twice as long each
    /// time, up to 120 s.
    #[must_use]
    pub const fn new(broker: HostIndex) -> Self {
        ClientPlan {
            broker,
            port: 1883,
            disconnect_at: None,
            reconnect_every: None,
            back_off: Duration::from_secs(1),
            back_off_factor: 2.0,
            back_off_limit: Duration::from_secs(120),
            back_off_jitter: 0.0,
            comes_back: true,
            publish_waits: false,
        }
    }
}
