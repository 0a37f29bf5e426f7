//! What brokers refused.

use models::record::{self, Outcome};
use serde::Serialize;

/// What brokers refused, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Refused {
    /// CONNECT packets.
    pub connections: u64,
    /// Topic Filters in SUBSCRIBE packets.
    pub subscriptions: u64,
    /// PUBLISH packets.
    pub publications: u64,
}

impl Refused {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let count = |what: record::Refused| outcome.refused[what as usize];
        Refused {
            connections: count(record::Refused::Connection),
            subscriptions: count(record::Refused::Subscription),
            publications: count(record::Refused::Publication),
        }
    }
}
