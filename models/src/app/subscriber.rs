//! The subscriber: subscribes once connected, then takes what comes.

use std::sync::Arc;

use super::client::Turn;
use crate::mqtt::{QoS, TopicFilter};

/// What a subscriber asks for.
#[derive(Clone, Debug)]
pub struct SubscriberPlan {
    /// Topic Filters with the largest QoS wanted.
    pub filters: Vec<(TopicFilter, QoS)>,
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
            let filters = self.plan.filters.clone();
            turn.mqtt.subscribe(turn.now, filters).expect("a client that has just connected can subscribe");
        }
    }
}
