//! The delivery state of a session: what both ends keep for QoS 1 and 2. MQTT 3.1.1 §3.1.2.4, §4.3, §4.4
//!
//! A client and a server do the same here, so both use these two halves: [`Outbound`] is the sender
//! of figures 4.2 and 4.3, [`Inbound`] the receiver. They hold state only; the machines around them
//! write the packets.
//!
//! Parameters are given by the machines: the in-flight window (packets sent and not yet acknowledged).

use std::collections::VecDeque;

use crate::mqtt::codec::encode::{Outgoing, PublishHeader, encode_publish};
use crate::mqtt::packet::{PacketIdentifier, QoS};
use crate::mqtt::topic::TopicName;
use crate::stream::{MessageId, Payload};

/// An application message on one hop: what PUBLISH carries, without the state of its delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApplicationMessage {
    /// Where it is published.
    pub topic: TopicName,
    /// The message itself, shared.
    pub payload: Payload,
    /// Its name in the ledger.
    pub message: MessageId,
    /// The QoS of this hop.
    pub qos: QoS,
    /// RETAIN of this hop.
    pub retain: bool,
}

impl ApplicationMessage {
    /// Bytes of topic and payload, for the accounts of memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.topic.as_str().len() + self.payload.len()
    }

    /// The bytes of the PUBLISH that carries it.
    #[must_use]
    pub fn encode(&self, packet_identifier: Option<PacketIdentifier>, dup: bool) -> Outgoing {
        let ApplicationMessage { topic, payload, message, qos, retain } = self;
        let header = PublishHeader { packet_identifier, qos: *qos, dup, retain: *retain };
        encode_publish(topic, payload, header, *message)
    }
}

/// Which acknowledgement the sender waits for. MQTT 3.1.1 §4.3.2, §4.3.3
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaiting {
    /// QoS 1: PUBLISH is sent.
    Puback,
    /// QoS 2: PUBLISH is sent.
    Pubrec,
    /// QoS 2: PUBREL is sent.
    Pubcomp,
}

/// A message that was sent and is not yet acknowledged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InFlight {
    /// The message.
    pub application: ApplicationMessage,
    /// The identifier it holds until acknowledged.
    pub packet_identifier: PacketIdentifier,
    /// What is still to come.
    pub awaiting: Awaiting,
}

/// What an acknowledgement meant to the sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Acknowledged {
    /// The delivery is over.
    Completed(ApplicationMessage),
    /// PUBREC: PUBREL is due for this message.
    Release(MessageId),
    /// Nothing is in flight under this identifier.
    Unknown,
    /// An acknowledgement of the other QoS, or PUBCOMP before PUBREC.
    Mismatch,
}

/// Gives out Packet Identifiers: 1, 2, 3 and so on, later skipping those in use. MQTT 3.1.1 §2.3.1
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Identifiers {
    last: u16,
    // Until the numbers start over, each one is fresh and no look at those in use is needed.
    started_over: bool,
}

impl Identifiers {
    /// The next free identifier; `None` when all 65,535 are in use.
    pub fn next(&mut self, in_use: impl Fn(PacketIdentifier) -> bool) -> Option<PacketIdentifier> {
        for _ in 0..=u16::MAX {
            self.last = self.last.wrapping_add(1);
            match PacketIdentifier::new(self.last) {
                None => self.started_over = true,
                Some(identifier) if !self.started_over || !in_use(identifier) => return Some(identifier),
                Some(_) => {}
            }
        }
        None
    }
}

/// The sending half: a queue, and a window of messages in flight.
///
/// Everything is kept in the order of the first sending, which is the order of redelivery
/// (MQTT 3.1.1 §4.6).
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    in_flight: VecDeque<InFlight>,
    queue: VecDeque<ApplicationMessage>,
    identifiers: Identifiers,
}

impl Outbound {
    /// Puts a message of QoS 1 or 2 at the end of the queue.
    pub fn enqueue(&mut self, application: ApplicationMessage) {
        debug_assert_ne!(application.qos, QoS::AtMostOnce, "QoS 0 has no delivery state");
        self.queue.push_back(application);
    }

    /// Messages that wait for room in the window.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Messages sent and not acknowledged, in the order of their first sending.
    #[must_use]
    pub const fn in_flight(&self) -> &VecDeque<InFlight> {
        &self.in_flight
    }

    /// Bytes of all messages held, counted one by one.
    #[must_use]
    pub fn weight(&self) -> usize {
        let in_flight = self.in_flight.iter().map(|entry| entry.application.weight()).sum::<usize>();
        in_flight + self.queue.iter().map(ApplicationMessage::weight).sum::<usize>()
    }

    /// Takes the oldest queued message away, to make room.
    pub fn drop_oldest_queued(&mut self) -> Option<ApplicationMessage> {
        self.queue.pop_front()
    }

    /// A free identifier for SUBSCRIBE or UNSUBSCRIBE; `reserved` names those of open requests.
    pub fn identifier(&mut self, reserved: impl Fn(PacketIdentifier) -> bool) -> Option<PacketIdentifier> {
        let in_flight = &self.in_flight;
        self.identifiers
            .next(|id| reserved(id) || in_flight.iter().any(|entry| entry.packet_identifier == id))
    }

    /// Moves the next queued message into the window, if there is one and the window (0: no limit)
    /// has room. The caller sends it.
    pub fn admit(&mut self, window: u16, reserved: impl Fn(PacketIdentifier) -> bool) -> Option<&InFlight> {
        let has_room = window == 0 || self.in_flight.len() < usize::from(window);
        if !has_room || self.queue.is_empty() {
            return None;
        }
        let packet_identifier = self.identifier(reserved)?;
        let application = self.queue.pop_front()?;
        let awaiting = match application.qos {
            QoS::AtLeastOnce => Awaiting::Puback,
            QoS::ExactlyOnce => Awaiting::Pubrec,
            QoS::AtMostOnce => unreachable!("QoS 0 is never queued here"),
        };
        self.in_flight.push_back(InFlight { application, packet_identifier, awaiting });
        self.in_flight.back()
    }

    /// What is in flight under an identifier. The newest are found first: they are asked for when
    /// they are sent.
    #[must_use]
    pub fn get(&self, packet_identifier: PacketIdentifier) -> Option<&InFlight> {
        self.in_flight.iter().rev().find(|entry| entry.packet_identifier == packet_identifier)
    }

    /// PUBACK arrived. MQTT 3.1.1 §4.3.2
    pub fn puback(&mut self, packet_identifier: PacketIdentifier) -> Acknowledged {
        self.complete(packet_identifier, Awaiting::Puback)
    }

    /// PUBCOMP arrived. MQTT 3.1.1 §4.3.3
    pub fn pubcomp(&mut self, packet_identifier: PacketIdentifier) -> Acknowledged {
        self.complete(packet_identifier, Awaiting::Pubcomp)
    }

    /// PUBREC arrived, perhaps again. MQTT 3.1.1 §4.3.3
    pub fn pubrec(&mut self, packet_identifier: PacketIdentifier) -> Acknowledged {
        let Some(index) = self.position(packet_identifier) else { return Acknowledged::Unknown };
        let entry = &mut self.in_flight[index];
        match entry.awaiting {
            Awaiting::Puback => Acknowledged::Mismatch,
            Awaiting::Pubrec | Awaiting::Pubcomp => {
                entry.awaiting = Awaiting::Pubcomp;
                Acknowledged::Release(entry.application.message)
            }
        }
    }

    fn complete(&mut self, packet_identifier: PacketIdentifier, expected: Awaiting) -> Acknowledged {
        let Some(index) = self.position(packet_identifier) else { return Acknowledged::Unknown };
        if self.in_flight[index].awaiting != expected {
            return Acknowledged::Mismatch;
        }
        match self.in_flight.remove(index) {
            Some(entry) => Acknowledged::Completed(entry.application),
            None => Acknowledged::Unknown,
        }
    }

    // Acknowledgements mostly come in order: the oldest are found first.
    fn position(&self, packet_identifier: PacketIdentifier) -> Option<usize> {
        self.in_flight.iter().position(|entry| entry.packet_identifier == packet_identifier)
    }

    /// Starts every delivery in flight anew, for a sender that resends after its peer lost the session.
    pub fn restart(&mut self) {
        for entry in &mut self.in_flight {
            if entry.awaiting == Awaiting::Pubcomp {
                entry.awaiting = Awaiting::Pubrec;
            }
        }
    }

    /// Gives up what is in flight: the session state of the standard.
    pub fn discard_in_flight(&mut self) -> impl Iterator<Item = ApplicationMessage> + '_ {
        self.in_flight.drain(..).map(|entry| entry.application)
    }

    /// Gives up everything.
    pub fn discard_all(&mut self) -> impl Iterator<Item = ApplicationMessage> + '_ {
        self.in_flight.drain(..).map(|entry| entry.application).chain(self.queue.drain(..))
    }
}

/// When the receiver of a QoS 2 message hands it onward. MQTT 3.1.1 figure 4.3 allows both.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Qos2Delivery {
    /// On PUBLISH, keeping only the identifier ("method B").
    Publish,
    /// On PUBREL, keeping the message till then ("method A"). Mosquitto, libmosquitto and paho do so.
    #[default]
    Pubrel,
}

#[derive(Clone, Debug)]
struct Held {
    packet_identifier: PacketIdentifier,
    application: Option<ApplicationMessage>,
}

/// The receiving half: QoS 2 messages that have arrived and are not yet released.
#[derive(Clone, Debug, Default)]
pub struct Inbound {
    // Sorted by identifier.
    held: Vec<Held>,
}

impl Inbound {
    /// Number of identifiers held.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is held.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Bytes of all messages held, counted one by one.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.held.iter().filter_map(|held| held.application.as_ref()).map(ApplicationMessage::weight).sum()
    }

    /// Whether a message has arrived under this identifier and is not yet released.
    #[must_use]
    pub fn holds(&self, packet_identifier: PacketIdentifier) -> bool {
        self.position(packet_identifier).is_ok()
    }

    /// Notes the arrival of a message, with the message itself if it is delivered on PUBREL.
    /// Returns `false`, and changes nothing, when it is a repetition.
    pub fn hold(
        &mut self,
        packet_identifier: PacketIdentifier,
        application: Option<ApplicationMessage>,
    ) -> bool {
        match self.position(packet_identifier) {
            Ok(_) => false,
            Err(index) => {
                self.held.insert(index, Held { packet_identifier, application });
                true
            }
        }
    }

    /// PUBREL arrived: forgets the identifier and returns the message if it was held for delivery.
    pub fn release(&mut self, packet_identifier: PacketIdentifier) -> Option<ApplicationMessage> {
        let index = self.position(packet_identifier).ok()?;
        self.held.remove(index).application
    }

    /// Forgets everything, returning the messages that will not be delivered.
    pub fn discard_all(&mut self) -> impl Iterator<Item = ApplicationMessage> + '_ {
        self.held.drain(..).filter_map(|held| held.application)
    }

    fn position(&self, packet_identifier: PacketIdentifier) -> Result<usize, usize> {
        self.held.binary_search_by_key(&packet_identifier, |held| held.packet_identifier)
    }
}

#[cfg(test)]
mod tests;
