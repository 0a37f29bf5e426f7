//! The subscriber: subscribes once connected, then takes what comes.

use std::sync::Arc;

use super::turn::Turn;
use crate::mqtt::{SubscriptionOptions, TopicFilter};

/// What a subscriber asks for.
#[derive(Clone, Debug)]
pub struct SubscriberPlan {
    /// Topic Filters with the largest QoS wanted and the options of MQTT 5.0.
    pub filters: Vec<(TopicFilter, SubscriptionOptions)>,
    /// The Subscription Identifier, 0 for none. MQTT 5.0 §3.8.2.1.2
    pub identifier: u32,
}

/// A subscriber at work.
#[derive(Clone, Debug)]
pub struct Subscriber {
    plan: Arc<SubscriberPlan>,
}

impl Subscriber {
    /// A subscriber that has not subscribed yet.
    #[must_use]
    pub fn new(plan: Arc<SubscriberPlan>) -> Self {
        Subscriber { plan }
    }

    pub(super) fn connected(&mut self, turn: &mut Turn<'_>, session_present: bool) {
        // MQTT 3.1.1 §3.1.2.4: a session that the broker kept holds the subscriptions as well.
        if !session_present {
            turn.subscribe(self.plan.filters.clone(), self.plan.identifier);
        }
    }
}
