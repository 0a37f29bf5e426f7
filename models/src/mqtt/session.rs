//! The delivery state of a session: what both ends keep for QoS 1 and 2. MQTT 3.1.1 §3.1.2.4, §4.3, §4.4
//!
//! A client and a server do the same here, so both use these two halves: [`Outbound`] is the sender
//! of figures 4.2 and 4.3, [`Inbound`] the receiver. They hold state only; the machines around them
//! write the packets.
//!
//! Parameters are given by the machines: the in-flight window (packets sent and not yet acknowledged).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sim_core::time::SimTime;

use crate::mqtt::late::Nothing;
pub use crate::mqtt::message::ApplicationMessage;
use crate::mqtt::packet::{PacketIdentifier, QoS};
use crate::stream::MessageId;

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
    /// When its last packet was sent, for the retry timer of MQTT 3.1.
    pub sent_at: SimTime,
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
    queued_bytes: usize,
    // So many of `in_flight`, from its front, were sent on the present connection.
    current: u32,
    identifiers: Identifiers,
}

impl Nothing for Outbound {
    const NOTHING: &'static Self = &Outbound {
        in_flight: VecDeque::new(),
        queue: VecDeque::new(),
        queued_bytes: 0,
        current: 0,
        identifiers: Identifiers { last: 0, started_over: false },
    };
}

impl Outbound {
    /// Puts a message of QoS 1 or 2 at the end of the queue.
    pub fn enqueue(&mut self, application: ApplicationMessage) {
        debug_assert_ne!(application.qos, QoS::AtMostOnce, "QoS 0 has no delivery state");
        self.queued_bytes += application.weight();
        self.queue.push_back(application);
    }

    /// Messages that wait for room in the window.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Bytes of the messages that wait for room in the window.
    #[must_use]
    pub const fn queued_bytes(&self) -> usize {
        self.queued_bytes
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
        let dropped = self.queue.pop_front()?;
        self.queued_bytes -= dropped.weight();
        Some(dropped)
    }

    /// Takes the oldest queued message away if its lifetime is over. MQTT 5.0 §3.3.2.3.3
    pub fn drop_expired(&mut self, now: SimTime) -> Option<ApplicationMessage> {
        self.queue.front().filter(|oldest| oldest.has_expired(now))?;
        self.drop_oldest_queued()
    }

    /// A free identifier for SUBSCRIBE or UNSUBSCRIBE; `reserved` names those of open requests.
    pub fn identifier(&mut self, reserved: impl Fn(PacketIdentifier) -> bool) -> Option<PacketIdentifier> {
        let in_flight = &self.in_flight;
        self.identifiers
            .next(|id| reserved(id) || in_flight.iter().any(|entry| entry.packet_identifier == id))
    }

    /// A new connection begins: what is in flight is to be sent again. MQTT 3.1.1 §4.4
    pub const fn begin_connection(&mut self) {
        self.current = 0;
    }

    /// The next message of a former connection, in the order of the first sending (MQTT 3.1.1 §4.6), if
    /// the window (0: no limit) has room for it. The caller sends it.
    pub fn resend(&mut self, window: u16, now: SimTime) -> Option<&InFlight> {
        let has_room = window == 0 || self.current < u32::from(window);
        let entry = self.in_flight.get_mut(self.current as usize).filter(|_| has_room)?;
        entry.sent_at = now;
        self.current += 1;
        Some(entry)
    }

    /// Moves the next queued message into the window, if there is one and the window (0: no limit)
    /// has room. The caller sends it, after all that [`Outbound::resend`] has.
    pub fn admit(
        &mut self,
        window: u16,
        now: SimTime,
        reserved: impl Fn(PacketIdentifier) -> bool,
    ) -> Option<&InFlight> {
        if self.queue.is_empty() || !self.has_room(window) {
            return None;
        }
        let packet_identifier = self.identifier(reserved)?;
        let application = self.drop_oldest_queued()?;
        self.enter(application, packet_identifier, now);
        self.in_flight.back()
    }

    /// As [`Outbound::enqueue`] and [`Outbound::admit`] of a message that need not wait, which then never
    /// lies in the queue: the identifier under which the caller sends it.
    ///
    /// # Errors
    /// The message, if it is to be enqueued.
    pub fn admit_at_once(
        &mut self,
        application: ApplicationMessage,
        window: u16,
        now: SimTime,
        reserved: impl Fn(PacketIdentifier) -> bool,
    ) -> Result<PacketIdentifier, ApplicationMessage> {
        if !self.queue.is_empty() || !self.has_room(window) || application.has_expired(now) {
            return Err(application);
        }
        let Some(packet_identifier) = self.identifier(reserved) else { return Err(application) };
        self.enter(application, packet_identifier, now);
        Ok(packet_identifier)
    }

    // Whether the window has room, and nothing of a former connection comes first.
    fn has_room(&self, window: u16) -> bool {
        let in_flight = self.in_flight.len();
        (window == 0 || in_flight < usize::from(window)) && self.current as usize >= in_flight
    }

    fn enter(&mut self, application: ApplicationMessage, packet_identifier: PacketIdentifier, now: SimTime) {
        let awaiting = match application.qos {
            QoS::AtLeastOnce => Awaiting::Puback,
            QoS::ExactlyOnce => Awaiting::Pubrec,
            QoS::AtMostOnce => unreachable!("QoS 0 is never queued here"),
        };
        self.in_flight.push_back(InFlight { application, packet_identifier, awaiting, sent_at: now });
        self.current += 1;
    }

    /// The next message whose last packet was sent at `before` or earlier; it counts as sent `now`. The
    /// retry of MQTT 3.1 §4.2.
    pub fn retry(&mut self, before: SimTime, now: SimTime) -> Option<&InFlight> {
        let sent = self.in_flight.iter_mut().take(self.current as usize);
        let entry = sent.into_iter().find(|entry| entry.sent_at <= before)?;
        entry.sent_at = now;
        Some(entry)
    }

    /// When the longest unanswered packet of the present connection was sent.
    #[must_use]
    pub fn oldest_sent(&self) -> Option<SimTime> {
        self.in_flight.iter().take(self.current as usize).map(|entry| entry.sent_at).min()
    }

    /// Gives a message in flight up. MQTT 5.0 §4.3.3: PUBREC with a failure ends the delivery; §3.1.2.11.4:
    /// a packet that is too large for the receiver is dropped "as if it had completed sending".
    pub fn give_up(&mut self, packet_identifier: PacketIdentifier) -> Option<ApplicationMessage> {
        let index = self.position(packet_identifier)?;
        self.take(index).map(|entry| entry.application)
    }

    fn take(&mut self, index: usize) -> Option<InFlight> {
        self.current -= u32::from(index < self.current as usize);
        self.in_flight.remove(index)
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
        match self.take(index) {
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
        self.current = 0;
        self.in_flight.drain(..).map(|entry| entry.application)
    }

    /// Gives up everything.
    pub fn discard_all(&mut self) -> impl Iterator<Item = ApplicationMessage> + '_ {
        (self.current, self.queued_bytes) = (0, 0);
        self.in_flight.drain(..).map(|entry| entry.application).chain(self.queue.drain(..))
    }
}

/// When the receiver of a QoS 2 message hands it onward. MQTT 3.1.1 figure 4.3 allows both.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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
    // Those of `held` that have had no PUBREC, as they came. Few servers hold any back: the others pay for a
    // pointer only.
    #[expect(clippy::box_collection)]
    held_back: Option<Box<VecDeque<PacketIdentifier>>>,
}

impl Nothing for Inbound {
    const NOTHING: &'static Self = &Inbound { held: Vec::new(), held_back: None };
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

    /// As [`Inbound::hold`] of a message whose PUBREC has to wait.
    pub fn hold_back(
        &mut self,
        packet_identifier: PacketIdentifier,
        application: Option<ApplicationMessage>,
    ) {
        if self.hold(packet_identifier, application) {
            self.held_back.get_or_insert_default().push_back(packet_identifier);
        }
    }

    /// Number of messages whose PUBREC waits.
    #[must_use]
    pub fn held_back(&self) -> usize {
        self.held_back.as_ref().map_or(0, |waiting| waiting.len())
    }

    /// Takes the message whose PUBREC has waited longest as acknowledged: its identifier and its name.
    pub fn acknowledge_next(&mut self) -> Option<(PacketIdentifier, MessageId)> {
        let packet_identifier = self.held_back.as_mut()?.pop_front()?;
        let held = &self.held[self.position(packet_identifier).ok()?];
        let message = held.application.as_ref().map_or(MessageId::NONE, |application| application.message);
        Some((packet_identifier, message))
    }

    /// PUBREL arrived: forgets the identifier and returns the message if it was held for delivery.
    pub fn release(&mut self, packet_identifier: PacketIdentifier) -> Option<ApplicationMessage> {
        let index = self.position(packet_identifier).ok()?;
        if let Some(waiting) = &mut self.held_back {
            waiting.retain(|identifier| *identifier != packet_identifier);
        }
        self.held.remove(index).application
    }

    /// Forgets everything, returning the messages that will not be delivered.
    pub fn discard_all(&mut self) -> impl Iterator<Item = ApplicationMessage> + '_ {
        self.held_back = None;
        self.held.drain(..).filter_map(|held| held.application)
    }

    fn position(&self, packet_identifier: PacketIdentifier) -> Result<usize, usize> {
        self.held.binary_search_by_key(&packet_identifier, |held| held.packet_identifier)
    }
}

#[cfg(test)]
mod tests;
