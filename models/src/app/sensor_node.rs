//! The client node of the alert network: the machine of [`crate::alert::node`] over MQTT.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sim_core::random::Stream;
use sim_core::time::SimTime;

use super::camera::Inference;
use super::service::CallPlan;
use super::steps::Wish;
use super::turn::{Message, Turn};
use crate::alert::message::Command;
use crate::alert::node::{Action, FunctionalMode, SensorNode, Tally};
use crate::alert::severity::SeverityMode;
use crate::cause::Cause;
use crate::host::energy::Component;
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
    /// Who looks at its pictures, if it takes any.
    recognition: Option<Recognition>,
    /// When the picture, or what is on it, is there.
    ready_at: SimTime,
    /// Whether an answer is waited for.
    calling: bool,
    pictures: u64,
}

/// Who looks at the pictures of a node with a camera.
#[derive(Clone, Debug)]
pub enum Recognition {
    /// Its own board.
    OnBoard(Inference),
    /// A service in the cloud, which gets the picture.
    Called(Arc<CallPlan>),
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
            recognition: None,
            ready_at: SimTime::MAX,
            calling: false,
            pictures: 0,
        }
    }

    /// The same with somebody who looks at its pictures.
    #[must_use]
    pub fn with_recognition(mut self, recognition: Recognition) -> Self {
        self.recognition = Some(recognition);
        self
    }

    /// Pictures taken.
    #[must_use]
    pub fn pictures(&self) -> u64 {
        self.pictures
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
        self.node.poll_timeout().min(self.ready_at)
    }

    pub(super) fn leaves_at(&self) -> SimTime {
        self.leaves_at
    }

    pub(super) fn ends_with_connection(&self) -> bool {
        self.node.ends_with_connection()
    }

    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        let before = self.node.tally().samples;
        if self.ready_at <= turn.now {
            self.ready_at = SimTime::MAX;
            self.node.acknowledged(turn.now);
        }
        self.node.handle_timeout(turn.now, &mut self.draws);
        let samples = self.node.tally().samples - before;
        if samples > 0 && self.node.camera().is_none() {
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
        self.ready_at = SimTime::MAX;
        self.calling = false;
    }

    /// The program was killed or the board reset, and starts again.
    pub(super) fn restarted(&mut self) {
        self.lost();
        self.node.restarted();
        self.leaves_at = SimTime::MAX;
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

    fn take_picture(&mut self, turn: &mut Turn<'_>) {
        let capture = self.node.camera().map_or(Duration::ZERO, |camera| camera.capture);
        self.pictures += 1;
        turn.work.beside.push((Component::Camera, capture, Cause::Capture));
        self.ready_at = turn.now + capture;
    }

    fn recognise(&mut self, turn: &mut Turn<'_>) {
        match &self.recognition {
            Some(Recognition::OnBoard(Inference::InThread(ns))) => {
                turn.work.charge(Cause::Inference, *ns);
                self.node.acknowledged(turn.now);
            }
            Some(Recognition::OnBoard(Inference::Beside(component, span))) => {
                turn.work.beside.push((*component, *span, Cause::Inference));
                self.ready_at = turn.now + *span;
            }
            // A span of time for a service that is not simulated.
            Some(Recognition::OnBoard(Inference::Service(span))) => self.ready_at = turn.now + *span,
            Some(Recognition::Called(_)) => {
                self.calling = true;
                turn.wish = Some(Wish::Call);
            }
            None => self.node.recognition_failed(turn.now),
        }
    }

    /// What it asks whom, where somebody else looks at its pictures.
    pub(super) fn call(&self) -> Option<&Arc<CallPlan>> {
        match &self.recognition {
            Some(Recognition::Called(plan)) => Some(plan),
            Some(Recognition::OnBoard(_)) | None => None,
        }
    }

    /// The call is over.
    pub(super) fn called(&mut self, turn: &mut Turn<'_>, answered: bool) {
        if !std::mem::take(&mut self.calling) {
            return; // The connection to the broker was lost meanwhile, and with it what the answer was for.
        }
        if answered {
            self.node.acknowledged(turn.now);
        } else {
            self.node.recognition_failed(turn.now);
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
                Action::Unsubscribe(filter) => {
                    if let Ok(filter) = TopicFilter::new(&filter) {
                        let asked = turn.mqtt.unsubscribe(turn.now, vec![filter]);
                        turn.failed += u32::from(asked.is_err());
                    }
                }
                Action::TakePicture => self.take_picture(turn),
                Action::Recognise => self.recognise(turn),
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
