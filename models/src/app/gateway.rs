//! The level 1 gateway of the alert network: the machine of [`crate::alert::gateway`] over MQTT.
//!
//! It is a client of its site's broker; what it publishes there the broker's bridge takes to the server.

use sim_core::time::SimTime;

use super::turn::{Message, Turn};
use crate::alert::gateway::{Books, Gateway};
use crate::mqtt::{QoS, TopicFilter, TopicName};
use crate::stream::{MessageId, Payload};

/// A gateway at work.
#[derive(Clone, Debug)]
pub struct GatewayRole {
    gateway: Gateway,
    /// A batch without its payload.
    message: Message,
    /// Whether it is connected: batches wait for that.
    connected: bool,
}

impl GatewayRole {
    /// A gateway whose batches are like `message`, which says topic, QoS and for how many they are.
    #[must_use]
    pub fn new(gateway: Gateway, message: Message) -> Self {
        GatewayRole { gateway, message, connected: false }
    }

    /// What it has done.
    #[must_use]
    pub fn books(&self) -> &Books {
        self.gateway.books()
    }

    pub(super) fn deadline(&self) -> SimTime {
        if self.connected { self.gateway.poll_timeout() } else { SimTime::MAX }
    }

    pub(super) fn held(&self) -> u64 {
        self.gateway.held()
    }

    pub(super) fn connected(&mut self, turn: &mut Turn<'_>, session_present: bool) {
        self.connected = true;
        if !session_present {
            let own = self.gateway.filters().into_iter().filter_map(|filter| TopicFilter::new(&filter).ok());
            let filters: Vec<(TopicFilter, QoS)> = own.map(|filter| (filter, self.message.qos)).collect();
            turn.failed += u32::from(turn.mqtt.subscribe(turn.now, filters).is_err());
        }
        self.pass_on(turn);
    }

    pub(super) fn lost(&mut self) {
        self.connected = false;
    }

    pub(super) fn restarted(&mut self) {
        self.connected = false;
        self.gateway.restarted();
    }

    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        self.pass_on(turn);
    }

    pub(super) fn received(
        &mut self,
        turn: &mut Turn<'_>,
        topic: &TopicName,
        payload: &Payload,
        message: MessageId,
    ) {
        // A payload that is no text is no message of a node.
        let text = std::str::from_utf8(payload.as_slice()).unwrap_or_default();
        if self.gateway.received(turn.now, topic.as_str(), text) {
            turn.work.delivered.push(message);
        }
        self.pass_on(turn);
    }

    fn pass_on(&mut self, turn: &mut Turn<'_>) {
        while let Some(batch) = self.gateway.poll_batch(turn.now) {
            let message = Message { payload: Payload::from(batch.bytes), ..self.message.clone() };
            turn.publish_since(batch.since, &message);
        }
    }
}
