//! From notes to packets, and packets again when they stay unanswered.

use sim_core::time::SimTime;

use crate::mqtt::client::event::Happened;
use crate::mqtt::client::{Answer, Client, Pending, State, Traffic};
use crate::mqtt::codec::encode::{Outgoing, encode, encode_acknowledgement_with, encode_bare};
use crate::mqtt::message::{Hop, TopicAs};
use crate::mqtt::packet::{Disconnect, Packet, PacketIdentifier, PacketType, ReasonCode, Version};
use crate::mqtt::session::{ApplicationMessage, Awaiting};
use crate::stream::{Chunk, MessageId};

impl Client {
    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        loop {
            // Only CONNECT and AUTH may leave before CONNACK here, though MQTT 3.1.1 §3.1.4 would allow more.
            if self.state == State::Connecting && !self.pending.front().is_some_and(Pending::may_go_first) {
                return None;
            }
            let pending = self.pending.pop_front()?;
            if let Some(outgoing) = self.outgoing(pending) {
                return Some(outgoing);
            }
        }
    }

    // `None` when the message was acknowledged before it was sent, which only a hostile server does, and
    // when it is too large for the server.
    fn outgoing(&mut self, pending: Pending) -> Option<Outgoing> {
        let version = self.config.version;
        match pending {
            Pending::Connect => {
                let connect =
                    Packet::Connect(Box::new(self.config.connect(self.client_identifier(), self.bridge)));
                Some(encode(&connect, version, self.config.will_message))
            }
            Pending::Pingreq => Some(encode_bare(PacketType::Pingreq, MessageId::NONE)),
            Pending::Disconnect(reason_code) => {
                let disconnect = Packet::Disconnect(Disconnect { reason_code, properties: None });
                Some(encode(&disconnect, version, MessageId::NONE))
            }
            Pending::Acknowledgement(answer) => Some(answer.encode(version)),
            Pending::Request { packet, dup } => {
                let mut outgoing = encode(&packet, version, MessageId::NONE);
                if self.config.subscribe_length_in_one_byte && outgoing.packet_type == PacketType::Subscribe {
                    outgoing = with_length_in_one_byte(outgoing);
                }
                Some(if dup { outgoing.repeated_in(version) } else { outgoing })
            }
            Pending::Publish { packet_identifier, dup } => self.outgoing_publish(packet_identifier, dup),
            Pending::PublishAtMostOnce => self.outgoing_at_most_once(),
        }
    }

    fn outgoing_publish(&mut self, id: PacketIdentifier, dup: bool) -> Option<Outgoing> {
        let in_flight = self.traffic.as_ref()?.outbound.get(id)?;
        let application = in_flight.application.clone();
        if let Some(outgoing) = self.encode_publish(&application, Some(id), dup) {
            return Some(outgoing);
        }
        self.discard(&application, |traffic| drop(traffic.outbound.give_up(id)));
        None
    }

    fn outgoing_at_most_once(&mut self) -> Option<Outgoing> {
        let application = self.traffic.as_mut()?.at_most_once.pop_front()?;
        match self.encode_publish(&application, None, false) {
            Some(outgoing) => {
                self.traffic.get_or_insert_default().bytes -= application.weight();
                let message = application.message;
                let reason_code = ReasonCode::Success;
                self.happened.push_back(Happened::Completed {
                    message,
                    packet_identifier: None,
                    reason_code,
                });
                Some(outgoing)
            }
            None => {
                self.discard(&application, |_| {});
                None
            }
        }
    }

    // MQTT 5.0 §3.2.2.3.6: what is too large for the server is not sent
    fn discard(&mut self, application: &ApplicationMessage, forget: impl FnOnce(&mut Traffic)) {
        let traffic = self.traffic.get_or_insert_default();
        forget(traffic);
        traffic.bytes -= application.weight();
        self.happened.push_back(Happened::Discarded(application.message));
    }

    fn encode_publish(
        &mut self,
        application: &ApplicationMessage,
        packet_identifier: Option<PacketIdentifier>,
        dup: bool,
    ) -> Option<Outgoing> {
        let traffic = self.traffic.as_mut()?;
        let now = traffic.written_at;
        let version = self.config.version;
        let hop = |topic_as| Hop { version, now, packet_identifier, dup, topic_as };
        let Some(agreement) = &mut traffic.agreement else {
            return Some(application.encode(hop(TopicAs::Name)));
        };
        let topic_as = match application.fits(version, now) {
            true => agreement.aliases_out.choose(&application.topic),
            false => TopicAs::Name,
        };
        let outgoing = application.encode(hop(topic_as));
        if outgoing.wire_len <= agreement.max_packet_bytes {
            return Some(outgoing);
        }
        agreement.aliases_out.take_back(&application.topic, topic_as);
        None
    }

    /// Sees to it that what was sent is looked at again. MQTT 3.1 §4.2
    pub(super) fn watch_for_retry(&mut self) {
        let (Some(interval), Some(traffic)) = (self.config.retries(), &mut self.traffic) else { return };
        let requests = traffic.unanswered.iter().map(|request| request.sent_at).min();
        let oldest = traffic.outbound.oldest_sent().into_iter().chain(requests).min();
        traffic.retry_at = oldest.map_or(SimTime::MAX, |oldest| oldest.saturating_add(interval));
    }

    /// Sends again what has been unanswered for too long.
    pub(super) fn retry(&mut self, now: SimTime) {
        let (Some(interval), Some(traffic)) = (self.config.retries(), &mut self.traffic) else { return };
        let Some(before) = now.as_nanos().checked_sub(interval.as_nanos() as u64) else { return };
        let before = SimTime::from_nanos(before);
        let count = self.pending.len();
        while let Some(entry) = traffic.outbound.retry(before, now) {
            let packet_identifier = entry.packet_identifier;
            self.pending.push_back(match entry.awaiting {
                Awaiting::Puback | Awaiting::Pubrec => Pending::Publish { packet_identifier, dup: true },
                Awaiting::Pubcomp => Pending::Acknowledgement(Answer {
                    message: entry.application.message,
                    packet_identifier,
                    packet_type: PacketType::Pubrel,
                    reason_code: ReasonCode::Success,
                    dup: true,
                }),
            });
        }
        for request in traffic.unanswered.iter_mut().filter(|request| request.sent_at <= before) {
            request.sent_at = now;
            self.pending.push_back(Pending::Request { packet: request.packet.clone(), dup: true });
        }
        if self.pending.len() > count {
            self.sent(now);
        }
        self.watch_for_retry();
    }
}

// As umqtt packs it: the low eight bits of the length, and no second byte.
fn with_length_in_one_byte(mut outgoing: Outgoing) -> Outgoing {
    let bytes = outgoing.head.as_slice();
    let length_bytes = 1 + bytes[1..].iter().take_while(|byte| *byte & 0x80 != 0).count();
    if length_bytes > 1 {
        let rest = &bytes[1 + length_bytes..];
        let packed = [&[bytes[0], rest.len() as u8], rest].concat();
        outgoing.head = Chunk::copied(outgoing.head.tag, &packed);
        outgoing.wire_len = packed.len() as u32;
    }
    outgoing
}

impl Pending {
    fn may_go_first(&self) -> bool {
        match self {
            Pending::Connect => true,
            Pending::Request { packet, .. } => packet.packet_type() == PacketType::Auth,
            Pending::Pingreq
            | Pending::Disconnect(_)
            | Pending::PublishAtMostOnce
            | Pending::Publish { .. }
            | Pending::Acknowledgement(_) => false,
        }
    }
}

impl Answer {
    fn encode(self, version: Version) -> Outgoing {
        let Answer { message, packet_identifier, packet_type, reason_code, dup } = self;
        let reason_code = if version.has_properties() { reason_code } else { ReasonCode::Success };
        let outgoing = encode_acknowledgement_with(packet_type, packet_identifier, reason_code, message);
        if dup { outgoing.repeated_in(version) } else { outgoing }
    }
}
