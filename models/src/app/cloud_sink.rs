//! The level 3 sink of the alert network: the machine of [`crate::alert::sink`] over MQTT.

use sim_core::time::SimTime;

use super::turn::Turn;
use crate::alert::sink::{Books, Sink};
use crate::cause::Cause;
use crate::mqtt::{QoS, TopicFilter, TopicName};
use crate::stream::{MessageId, Payload};

/// A sink at work.
#[derive(Clone, Debug)]
pub struct CloudSinkRole {
    sink: Sink,
    filters: Vec<(TopicFilter, QoS)>,
}

impl CloudSinkRole {
    /// A sink that subscribes to `filters`.
    #[must_use]
    pub fn new(sink: Sink, filters: Vec<(TopicFilter, QoS)>) -> Self {
        CloudSinkRole { sink, filters }
    }

    /// What it has done.
    #[must_use]
    pub fn books(&self) -> &Books {
        self.sink.books()
    }

    pub(super) fn deadline(&self) -> SimTime {
        self.sink.poll_timeout()
    }

    pub(super) fn connected(&mut self, turn: &mut Turn<'_>, session_present: bool) {
        if !session_present {
            let asked = turn.mqtt.subscribe(turn.now, self.filters.clone());
            turn.failed += u32::from(asked.is_err());
        }
    }

    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        while let Some(message) = self.sink.poll_stored(turn.now) {
            // What the program does for the store costs as much as a publish call.
            turn.work.charge(Cause::Storage, turn.cost.publish_ns);
            turn.work.delivered.push(message);
        }
    }

    pub(super) fn received(
        &mut self,
        turn: &mut Turn<'_>,
        topic: &TopicName,
        payload: &Payload,
        message: MessageId,
    ) {
        self.sink.received(turn.now, topic.as_str(), payload.as_slice(), message);
    }
}
