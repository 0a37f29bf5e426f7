//! The server node of the alert network: the machine of [`crate::alert::server`] over MQTT.
//!
//! One interpreter: handling a control packet and its answer takes two turns at its lock
//! ([`crate::host::ProgramCost::packet_ns`]), each call of a storing thread one. Storing threads run when no
//! packet waits.

use sim_core::time::SimTime;

use super::sensor_node::Topics;
use super::turn::Turn;
use crate::alert::server::{Books, ServerNode};
use crate::cause::Cause;
use crate::mqtt::{QoS, TopicFilter, TopicName};
use crate::stream::{MessageId, Payload};

/// Turns at the interpreter's lock that one control packet and its answer take.
const TURNS_PER_PACKET: u64 = 2;

/// A server node at work.
#[derive(Clone, Debug)]
pub struct ServerNodeRole {
    server: ServerNode,
    qos: QoS,
    /// Further filters, for benchmarks.
    further: Vec<TopicFilter>,
    topics: Topics,
    /// Whether it subscribes again after a reconnection.
    resubscribes: bool,
    connections: u32,
}

impl ServerNodeRole {
    /// A server that publishes and subscribes at `qos`.
    #[must_use]
    pub fn new(server: ServerNode, qos: QoS, further: Vec<TopicFilter>, resubscribes: bool) -> Self {
        ServerNodeRole { server, qos, further, topics: Topics::default(), resubscribes, connections: 0 }
    }

    /// What it has done.
    #[must_use]
    pub fn books(&self) -> &Books {
        self.server.books()
    }

    pub(super) fn deadline(&self) -> SimTime {
        self.server.poll_timeout()
    }

    pub(super) fn connected(&mut self, turn: &mut Turn<'_>) {
        self.connections += 1;
        if self.connections > 1 && !self.resubscribes {
            return; // As built it is connected but deaf: subscriptions are made once, the session is clean.
        }
        let own = self.server.filters().into_iter().filter_map(|filter| TopicFilter::new(&filter).ok());
        let filters = own.chain(self.further.iter().cloned()).map(|filter| (filter, self.qos)).collect();
        let asked = turn.mqtt.subscribe(turn.now, filters);
        turn.failed += u32::from(asked.is_err());
    }

    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        self.server.handle_timeout(turn.now);
        self.act(turn);
    }

    pub(super) fn received(
        &mut self,
        turn: &mut Turn<'_>,
        topic: &TopicName,
        payload: &Payload,
        message: MessageId,
    ) {
        self.server.received(turn.now, topic.as_str(), payload.as_slice(), message);
        self.act(turn);
    }

    fn act(&mut self, turn: &mut Turn<'_>) {
        while let Some(message) = self.server.poll_handled() {
            turn.work.delivered.push(message);
        }
        while let Some(say) = self.server.poll_say(turn.now) {
            let expected = u32::from(say.for_node);
            if let Some(message) = self.topics.message(turn, &say.topic, say.text, self.qos, expected) {
                turn.publish(&message);
            }
        }
    }

    pub(super) fn has_background(&self) -> bool {
        self.server.has_background()
    }

    /// One turn of a storing thread.
    pub(super) fn background(&mut self, turn: &mut Turn<'_>) {
        let (ns, stored) = self.server.background(turn.now, turn.cost.packet_ns / TURNS_PER_PACKET);
        turn.work.charge(Cause::Storage, ns);
        turn.work.delivered.extend(stored);
    }
}
