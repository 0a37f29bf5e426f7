//! The client node of the alert network: the machine of [`crate::alert::node`] over MQTT.

use std::collections::BTreeMap;

use sim_core::random::Stream;
use sim_core::time::SimTime;

use super::turn::{Message, Turn};
use crate::alert::message::Command;
use crate::alert::node::{Action, FunctionalMode, SensorNode, Tally};
use crate::alert::severity::SeverityMode;
use crate::cause::Cause;
use crate::mqtt::{QoS, TopicFilter, TopicName};
use crate::stream::{MessageId, Payload};

/// A client node at work.
#[derive(Clone, Debug)]
pub struct SensorNodeRole {
    node: SensorNode,
    qos: QoS,
    draws: Stream,
    /// CPU time of one sample, in nanoseconds.
    sample_ns: u64,
    topics: Topics,
    leaves_at: SimTime,
    /// The first message by which it reported Warning or Danger.
    alert: Option<MessageId>,
}

impl SensorNodeRole {
    /// A node that publishes and subscribes at `qos`, with its own stream for the noise of its sensors.
    #[must_use]
    pub fn new(node: SensorNode, qos: QoS, draws: Stream, sample_ns: u64) -> Self {
        SensorNodeRole {
            node,
            qos,
            draws,
            sample_ns,
            topics: Topics::default(),
            leaves_at: SimTime::MAX,
            alert: None,
        }
    }

    /// Its functional mode.
    #[must_use]
    pub fn mode(&self) -> FunctionalMode {
        self.node.mode()
    }

    /// What it has seen.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        self.node.tally()
    }

    /// When the first fire reaches it; [`SimTime::MAX`] if none does.
    #[must_use]
    pub fn flame_at(&self) -> SimTime {
        self.node.site().flame_edge(SimTime::ZERO)
    }

    /// The first message by which it reported Warning or Danger.
    #[must_use]
    pub fn alert(&self) -> Option<MessageId> {
        self.alert
    }

    pub(super) fn deadline(&self) -> SimTime {
        self.node.poll_timeout()
    }

    pub(super) fn leaves_at(&self) -> SimTime {
        self.leaves_at
    }

    pub(super) fn ends_with_connection(&self) -> bool {
        self.node.ends_with_connection()
    }

    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        let before = self.node.tally().samples;
        self.node.handle_timeout(turn.now, &mut self.draws);
        let samples = self.node.tally().samples - before;
        if samples > 0 {
            turn.work.charge(Cause::Sample, self.sample_ns * samples);
        }
        self.act(turn);
    }

    pub(super) fn connected(&mut self, turn: &mut Turn<'_>) {
        self.node.connected(turn.now);
        self.act(turn);
    }

    pub(super) fn lost(&mut self) {
        self.node.lost();
    }

    /// The last publication or subscription is acknowledged.
    pub(super) fn acknowledged(&mut self, turn: &mut Turn<'_>) {
        self.node.acknowledged(turn.now);
        self.act(turn);
    }

    pub(super) fn received(&mut self, turn: &mut Turn<'_>, topic: &TopicName, payload: &Payload) {
        if let Ok(text) = std::str::from_utf8(payload.as_slice()) {
            self.node.received(turn.now, topic.as_str(), text);
        }
        self.act(turn);
    }

    fn act(&mut self, turn: &mut Turn<'_>) {
        while let Some(action) = self.node.poll_action() {
            match action {
                Action::Publish { topic, text, for_server } => {
                    let alarms = match Command::within(&text) {
                        Some(Command::PublishSeverity(mode)) => mode >= SeverityMode::Warning,
                        Some(_) | None => false,
                    };
                    let expected = u32::from(for_server);
                    if let Some(message) = self.topics.message(turn, &topic, text, self.qos, expected) {
                        let id = turn.publish(&message);
                        self.alert = self.alert.or(alarms.then_some(id));
                    }
                }
                Action::Subscribe(filter) => {
                    if let Ok(filter) = TopicFilter::new(&filter) {
                        let asked = turn.mqtt.subscribe(turn.now, vec![(filter, self.qos)]);
                        turn.failed += u32::from(asked.is_err());
                    }
                }
                Action::Disconnect => self.leaves_at = turn.now,
            }
        }
    }
}

/// Topics by name, with their numbers in the ledger: a node speaks on a handful.
#[derive(Clone, Debug, Default)]
pub(super) struct Topics {
    known: BTreeMap<String, (TopicName, u32)>,
}

impl Topics {
    /// The message with this text; `None` if MQTT has no such Topic Name, which a configuration may bring
    /// about.
    pub(super) fn message(
        &mut self,
        turn: &mut Turn<'_>,
        topic: &str,
        text: String,
        qos: QoS,
        expected: u32,
    ) -> Option<Message> {
        if !self.known.contains_key(topic) {
            let name = TopicName::new(topic).ok()?;
            self.known.insert(topic.to_owned(), (name, turn.ledger.topic(topic)));
        }
        let (name, ledger_topic) = &self.known[topic];
        Some(Message {
            topic: name.clone(),
            ledger_topic: *ledger_topic,
            payload: Payload::from(text.into_bytes()),
            qos,
            retain: false,
            expected,
            properties: None,
        })
    }
}
