//! What a client does with each packet from the server.

use sim_core::time::SimTime;

use crate::mqtt::client::event::Happened;
use crate::mqtt::client::{Client, Pending, State, Traffic};
use crate::mqtt::close::{CloseReason, ProtocolError};
use crate::mqtt::packet::{Connack, ConnectReturnCode, Packet, PacketIdentifier, PacketType, Publish, QoS};
use crate::mqtt::session::{Acknowledged, ApplicationMessage, Awaiting, Qos2Delivery};
use crate::stream::MessageId;

impl Client {
    pub(super) fn handle_packet(&mut self, now: SimTime, packet: Packet, message: MessageId) {
        match self.state {
            State::Connecting => match packet {
                Packet::Connack(connack) => self.handle_connack(now, connack),
                other => self.unexpected(other.packet_type()),
            },
            State::Connected => self.handle_packet_connected(now, packet, message),
            State::Offline | State::Closing => {}
        }
    }

    fn handle_packet_connected(&mut self, now: SimTime, packet: Packet, message: MessageId) {
        let packet_type = packet.packet_type();
        match packet {
            Packet::Publish(publish) => self.handle_publish(now, publish, message),
            Packet::Puback(id) => {
                let acknowledged = self.traffic.get_or_insert_default().outbound.puback(id);
                self.handle_acknowledged(now, id, acknowledged);
            }
            Packet::Pubrec(id) => match self.traffic.get_or_insert_default().outbound.pubrec(id) {
                // Unknown ones are answered too, so that the server can finish.
                Acknowledged::Unknown => self.acknowledge(now, PacketType::Pubrel, id, message),
                acknowledged => self.handle_acknowledged(now, id, acknowledged),
            },
            Packet::Pubcomp(id) => {
                let acknowledged = self.traffic.get_or_insert_default().outbound.pubcomp(id);
                self.handle_acknowledged(now, id, acknowledged);
            }
            Packet::Pubrel(id) => self.handle_pubrel(now, id, message),
            Packet::Suback(suback) => {
                self.finish_request(suback.packet_identifier);
                self.happened.push_back(Happened::Subscribed(Box::new(suback)));
            }
            Packet::Unsuback(id) => {
                self.finish_request(id);
                self.happened.push_back(Happened::Unsubscribed(id));
            }
            Packet::Pingresp => self.keep_alive.pingresp_received(),
            Packet::Connect(_)
            | Packet::Connack(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::Pingreq
            | Packet::Disconnect => self.unexpected(packet_type),
        }
    }

    // MQTT 3.1.1 §3.2
    fn handle_connack(&mut self, now: SimTime, connack: Connack) {
        if connack.return_code != ConnectReturnCode::Accepted {
            self.happened.push_back(Happened::Refused(connack.return_code));
            self.close(CloseReason::Refused(connack.return_code));
            return;
        }
        self.state = State::Connected;
        self.happened.push_back(Happened::Connected { session_present: connack.session_present });
        self.resume(now, connack.session_present);
    }

    // MQTT 3.1.1 §4.4: "the Client [...] MUST re-send any unacknowledged PUBLISH Packets (where QoS > 0)
    // and PUBREL Packets using their original Packet Identifiers"
    fn resume(&mut self, now: SimTime, session_present: bool) {
        let Client { config, traffic: Some(traffic), pending, happened, .. } = self else { return };
        let Traffic { outbound, inbound, at_most_once, bytes, .. } = &mut **traffic;
        if config.clean_session || !session_present {
            // The server has no identifiers of the past either: the next PUBLISH is a new one.
            inbound.discard_all().for_each(|application| *bytes -= application.weight());
        }
        // MQTT 3.1.1 §3.1.2.4
        if config.clean_session && config.resend_after_clean_session {
            outbound.restart();
        } else if config.clean_session {
            for application in outbound.discard_in_flight() {
                *bytes -= application.weight();
                happened.push_back(Happened::Discarded(application.message));
            }
        }
        // MQTT 3.1.1 §4.6: in the order of the first sending
        for entry in outbound.in_flight() {
            let packet_identifier = entry.packet_identifier;
            pending.push_back(match entry.awaiting {
                Awaiting::Puback | Awaiting::Pubrec => Pending::Publish { packet_identifier, dup: true },
                Awaiting::Pubcomp => Pending::Acknowledgement {
                    packet_type: PacketType::Pubrel,
                    packet_identifier,
                    message: entry.application.message,
                },
            });
        }
        pending.extend(at_most_once.iter().map(|_| Pending::PublishAtMostOnce));
        self.fill_window();
        if !self.pending.is_empty() {
            self.sent(now);
        }
    }

    // Sends as many queued messages as the in-flight window allows.
    pub(super) fn fill_window(&mut self) {
        let Client { config, traffic: Some(traffic), pending, .. } = self else { return };
        let Traffic { outbound, requests, .. } = &mut **traffic;
        while let Some(entry) = outbound.admit(config.max_inflight, |id| requests.contains(&id)) {
            pending.push_back(Pending::Publish { packet_identifier: entry.packet_identifier, dup: false });
        }
    }

    // MQTT 3.1.1 §3.3, §4.3
    fn handle_publish(&mut self, now: SimTime, publish: Publish, message: MessageId) {
        let Publish { topic, payload, packet_identifier, qos, dup, retain } = publish;
        let application = ApplicationMessage { topic, payload, message, qos, retain };
        match (qos, packet_identifier) {
            (QoS::AtMostOnce, _) | (_, None) => self.deliver(application, dup),
            (QoS::AtLeastOnce, Some(id)) => {
                self.deliver(application, dup);
                self.acknowledge(now, PacketType::Puback, id, message);
            }
            (QoS::ExactlyOnce, Some(id)) => {
                self.receive_exactly_once(id, application, dup);
                self.acknowledge(now, PacketType::Pubrec, id, message);
            }
        }
    }

    // MQTT 3.1.1 figure 4.3
    fn receive_exactly_once(&mut self, id: PacketIdentifier, application: ApplicationMessage, dup: bool) {
        let on_publish = self.config.deliver_qos_2_on == Qos2Delivery::Publish;
        let traffic = self.traffic.get_or_insert_default();
        if on_publish {
            if traffic.inbound.hold(id, None) {
                self.deliver(application, dup);
            }
            return;
        }
        let weight = application.weight();
        if traffic.inbound.hold(id, Some(application)) {
            traffic.bytes += weight;
        }
    }

    // MQTT 3.1.1 §4.3.3: PUBCOMP answers every PUBREL, known or not
    fn handle_pubrel(&mut self, now: SimTime, id: PacketIdentifier, message: MessageId) {
        let traffic = self.traffic.get_or_insert_default();
        if let Some(application) = traffic.inbound.release(id) {
            traffic.bytes -= application.weight();
            self.deliver(application, false);
        }
        self.acknowledge(now, PacketType::Pubcomp, id, message);
    }

    fn deliver(&mut self, application: ApplicationMessage, dup: bool) {
        let traffic = self.traffic.get_or_insert_default();
        traffic.bytes += application.weight();
        traffic.arrived.push_back(application);
        self.happened.push_back(Happened::Message { dup });
    }

    fn handle_acknowledged(&mut self, now: SimTime, id: PacketIdentifier, acknowledged: Acknowledged) {
        match acknowledged {
            Acknowledged::Completed(application) => {
                self.traffic.get_or_insert_default().bytes -= application.weight();
                let message = application.message;
                self.happened.push_back(Happened::Completed { message, packet_identifier: Some(id) });
                let before = self.pending.len();
                self.fill_window();
                if self.pending.len() > before {
                    self.sent(now);
                }
            }
            Acknowledged::Release(message) => self.acknowledge(now, PacketType::Pubrel, id, message),
            Acknowledged::Unknown => {}
            Acknowledged::Mismatch => self.protocol_error(ProtocolError::AcknowledgementMismatch),
        }
    }

    fn acknowledge(
        &mut self,
        now: SimTime,
        packet_type: PacketType,
        id: PacketIdentifier,
        message: MessageId,
    ) {
        self.pending.push_back(Pending::Acknowledgement { packet_type, packet_identifier: id, message });
        self.sent(now);
    }

    fn finish_request(&mut self, id: PacketIdentifier) {
        if let Some(traffic) = &mut self.traffic {
            traffic.requests.retain(|open| *open != id);
        }
    }

    fn unexpected(&mut self, packet_type: PacketType) {
        self.protocol_error(ProtocolError::UnexpectedPacket(packet_type));
    }

    fn protocol_error(&mut self, error: ProtocolError) {
        self.close(CloseReason::ProtocolError(error));
    }
}
