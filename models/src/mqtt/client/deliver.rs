//! What a client does with each packet from the server.

use sim_core::time::SimTime;

use crate::mqtt::client::agreement::Agreement;
use crate::mqtt::client::event::Happened;
use crate::mqtt::client::{Answer, Client, Pending, State, Traffic};
use crate::mqtt::close::{CloseReason, ProtocolError};
use crate::mqtt::message::Attached;
use crate::mqtt::packet::{Acknowledgement, Auth, Connack, Disconnect, Packet, PacketIdentifier, PacketType};
use crate::mqtt::packet::{Publish, QoS, ReasonCode, Version};
use crate::mqtt::session::{Acknowledged, ApplicationMessage, Awaiting, Qos2Delivery};
use crate::stream::MessageId;

impl Client {
    pub(super) fn handle_packet(&mut self, now: SimTime, packet: Packet, message: MessageId) {
        match self.state {
            State::Connecting => match packet {
                Packet::Connack(connack) => self.handle_connack(now, connack),
                Packet::Auth(auth) => self.handle_auth(auth),
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
            Packet::Puback(puback) => {
                let id = puback.packet_identifier;
                let acknowledged = self.traffic.get_or_insert_default().outbound.puback(id);
                self.handle_acknowledged(now, &puback, acknowledged);
            }
            Packet::Pubrec(pubrec) => self.handle_pubrec(now, &pubrec, message),
            Packet::Pubcomp(pubcomp) => {
                let id = pubcomp.packet_identifier;
                let acknowledged = self.traffic.get_or_insert_default().outbound.pubcomp(id);
                self.handle_acknowledged(now, &pubcomp, acknowledged);
            }
            Packet::Pubrel(pubrel) => self.handle_pubrel(now, pubrel.packet_identifier, message),
            Packet::Suback(suback) => {
                self.finish_request(suback.packet_identifier);
                self.happened.push_back(Happened::Subscribed(Box::new(suback)));
            }
            Packet::Unsuback(unsuback) => {
                self.finish_request(unsuback.packet_identifier);
                self.happened.push_back(Happened::Unsubscribed(Box::new(unsuback)));
            }
            Packet::Pingresp => self.keep_alive.pingresp_received(),
            // MQTT 5.0 §3.14: the server too may disconnect
            Packet::Disconnect(disconnect) if self.config.version.has_properties() => {
                self.handle_disconnect(&disconnect);
            }
            Packet::Auth(auth) => self.handle_auth(auth),
            Packet::Connect(_)
            | Packet::Connack(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::Pingreq
            | Packet::Disconnect(_) => self.unexpected(packet_type),
        }
    }

    fn handle_disconnect(&mut self, disconnect: &Disconnect) {
        self.pending.clear();
        self.state = State::Closing;
        self.happened.push_back(Happened::Close(match disconnect.reason_code {
            ReasonCode::Success => CloseReason::Disconnected,
            other => CloseReason::DisconnectedFor(other),
        }));
    }

    // MQTT 5.0 §4.12
    fn handle_auth(&mut self, auth: Auth) {
        let method =
            auth.properties.as_ref().and_then(|properties| properties.authentication_method.as_ref());
        let own = self.config.authentication_method();
        // A bare success needs no method; to begin anew is the client's.
        let fits = method == own.as_ref() || method.is_none() && auth.reason_code == ReasonCode::Success;
        let too_early = self.state == State::Connecting && auth.reason_code == ReasonCode::Success;
        if own.is_none() || !fits || too_early || auth.reason_code == ReasonCode::ReAuthenticate {
            self.protocol_error(ProtocolError::Authentication);
            return;
        }
        self.happened.push_back(Happened::Authenticate(Box::new(auth)));
    }

    // MQTT 3.1.1 §3.2, MQTT 5.0 §3.2
    fn handle_connack(&mut self, now: SimTime, connack: Connack) {
        let Connack { session_present, reason_code, properties } = connack;
        let announced = properties.unwrap_or_default();
        if self.config.version.has_properties() {
            let agreement = Box::new(Agreement::of(&announced, &self.config));
            self.traffic.get_or_insert_default().agreement = Some(agreement);
            // MQTT 5.0 §3.2.2.3.7
            if let Some(assigned) = &announced.assigned_client_identifier {
                self.traffic.get_or_insert_default().assigned = Some(assigned.clone());
            }
        }
        if let Some(announced) = announced.boxed() {
            self.happened.push_back(Happened::Announced(announced));
        }
        if reason_code != ReasonCode::Success {
            self.happened.push_back(Happened::Refused(reason_code));
            self.close(CloseReason::Refused(reason_code));
            return;
        }
        // MQTT 5.0 §3.2.2.1.1: "If the Client does not have Session State and receives Session Present set to
        // 1 it MUST close the Network Connection"
        if session_present && self.config.clean_session && self.config.version.has_properties() {
            self.close(CloseReason::ProtocolError(ProtocolError::SessionPresent));
            return;
        }
        self.state = State::Connected;
        self.happened.push_back(Happened::Connected { session_present });
        // MQTT 3.1 §3.2 has no Session Present: the client takes its word for the server's.
        let resumed = session_present || self.config.version == Version::V3_1 && !self.config.clean_session;
        self.resume(now, resumed);
    }

    // MQTT 3.1.1 §4.4: "the Client [...] MUST re-send any unacknowledged PUBLISH Packets (where QoS > 0)
    // and PUBREL Packets using their original Packet Identifiers"
    fn resume(&mut self, now: SimTime, session_present: bool) {
        let Client { config, traffic: Some(traffic), happened, .. } = self else { return };
        let Traffic { outbound, inbound, at_most_once, bytes, .. } = &mut **traffic;
        // MQTT 5.0 §3.2.2.1.1: without Session Present "it MUST discard its Session State"
        let lost = config.clean_session || config.version.has_properties() && !session_present;
        if config.clean_session || !session_present {
            // The server has no identifiers of the past either: the next PUBLISH is a new one.
            inbound.discard_all().for_each(|application| *bytes -= application.weight());
        }
        // MQTT 3.1.1 §3.1.2.4
        if lost && config.resend_after_clean_session {
            outbound.restart();
        } else if lost || config.forget_unacknowledged {
            for application in outbound.discard_in_flight() {
                *bytes -= application.weight();
                happened.push_back(Happened::Discarded(application.message));
            }
        }
        outbound.begin_connection();
        let queued = at_most_once.len();
        self.resend(now);
        self.pending.extend(std::iter::repeat_with(|| Pending::PublishAtMostOnce).take(queued));
        self.fill_window(now);
        if !self.pending.is_empty() {
            self.sent(now);
        }
    }

    // MQTT 3.1.1 §4.6: in the order of the first sending
    fn resend(&mut self, now: SimTime) {
        let Client { config, traffic: Some(traffic), pending, .. } = self else { return };
        // Only MQTT 5.0 limits repetitions too.
        let window = traffic.agreement.as_ref().map_or(0, |agreement| agreement.receive_maximum);
        let dup_of_pubrel = config.version == Version::V3_1;
        while let Some(entry) = traffic.outbound.resend(window, now) {
            let packet_identifier = entry.packet_identifier;
            pending.push_back(match entry.awaiting {
                Awaiting::Puback | Awaiting::Pubrec => Pending::Publish { packet_identifier, dup: true },
                Awaiting::Pubcomp => Pending::Acknowledgement(Answer {
                    message: entry.application.message,
                    packet_identifier,
                    packet_type: PacketType::Pubrel,
                    reason_code: ReasonCode::Success,
                    dup: dup_of_pubrel,
                }),
            });
        }
    }

    // Sends as many queued messages as the in-flight window allows, after what is left of a former
    // connection. MQTT 5.0 §4.9
    pub(super) fn fill_window(&mut self, now: SimTime) {
        self.resend(now);
        let Client { config, traffic: Some(traffic), pending, happened, .. } = self else {
            return;
        };
        let window = traffic.window(config.max_inflight);
        let Traffic { outbound, requests, bytes, .. } = &mut **traffic;
        loop {
            while let Some(expired) = outbound.drop_expired(now) {
                *bytes -= expired.weight();
                happened.push_back(Happened::Discarded(expired.message));
            }
            let Some(entry) = outbound.admit(window, now, |id| requests.contains(&id)) else { break };
            pending.push_back(Pending::Publish { packet_identifier: entry.packet_identifier, dup: false });
        }
        self.watch_for_retry();
    }

    // MQTT 3.1.1 §3.3, §4.3
    fn handle_publish(&mut self, now: SimTime, mut publish: Publish, message: MessageId) {
        if let Some(agreement) = self.traffic.as_mut().and_then(|traffic| traffic.agreement.as_mut()) {
            let asked = self.config.connect_properties.as_ref();
            let maximum = asked.and_then(|asked| asked.topic_alias_maximum).unwrap_or(0);
            if let Err(error) = agreement.aliases_in.resolve(&mut publish, maximum) {
                self.protocol_error(error);
                return;
            }
        }
        let Publish { topic, payload, packet_identifier, qos, dup, retain, properties } = publish;
        let attached = Attached::of(properties, now);
        let application = ApplicationMessage { topic, payload, message, qos, retain, attached };
        match (qos, packet_identifier) {
            (QoS::AtMostOnce, _) | (_, None) => self.deliver(application, dup),
            (QoS::AtLeastOnce, Some(id)) => {
                self.deliver(application, dup);
                self.acknowledge(now, PacketType::Puback, id, message);
            }
            (QoS::ExactlyOnce, Some(id)) => {
                if self.receive_exactly_once(id, application, dup) {
                    self.acknowledge(now, PacketType::Pubrec, id, message);
                }
            }
        }
    }

    // MQTT 3.1.1 figure 4.3. Returns whether PUBREC is due.
    fn receive_exactly_once(
        &mut self,
        id: PacketIdentifier,
        application: ApplicationMessage,
        dup: bool,
    ) -> bool {
        let on_publish = self.config.deliver_qos_2_on == Qos2Delivery::Publish;
        let asked = self.config.connect_properties.as_ref().filter(|_| self.config.version.has_properties());
        let limit =
            asked.and_then(|asked| asked.receive_maximum).map_or(usize::MAX, |limit| limit.get().into());
        let traffic = self.traffic.get_or_insert_default();
        // MQTT 5.0 §3.3.4
        if traffic.inbound.len() >= limit && !traffic.inbound.holds(id) {
            self.protocol_error(ProtocolError::ReceiveMaximum);
            return false;
        }
        if on_publish {
            if traffic.inbound.hold(id, None) {
                self.deliver(application, dup);
            }
            return true;
        }
        let weight = application.weight();
        if traffic.inbound.hold(id, Some(application)) {
            traffic.bytes += weight;
        }
        true
    }

    // MQTT 3.1.1 §4.3.3: PUBCOMP answers every PUBREL, known or not
    fn handle_pubrel(&mut self, now: SimTime, id: PacketIdentifier, message: MessageId) {
        let traffic = self.traffic.get_or_insert_default();
        let reason_code = match traffic.inbound.holds(id) {
            true => ReasonCode::Success,
            false => ReasonCode::PacketIdentifierNotFound,
        };
        if let Some(application) = traffic.inbound.release(id) {
            traffic.bytes -= application.weight();
            self.deliver(application, false);
        }
        self.answer(now, PacketType::Pubcomp, id, reason_code, message);
    }

    fn handle_pubrec(&mut self, now: SimTime, pubrec: &Acknowledgement, message: MessageId) {
        let id = pubrec.packet_identifier;
        let outbound = &mut self.traffic.get_or_insert_default().outbound;
        // MQTT 5.0 §4.3.3: after a failure there is no PUBREL, and the identifier is free
        if pubrec.reason_code.is_failure() {
            if let Some(application) = outbound.give_up(id) {
                self.handle_acknowledged(now, pubrec, Acknowledged::Completed(application));
            }
            return;
        }
        match outbound.pubrec(id) {
            // Unknown ones are answered too, so that the server can finish.
            Acknowledged::Unknown => {
                self.answer(now, PacketType::Pubrel, id, ReasonCode::PacketIdentifierNotFound, message);
            }
            acknowledged => self.handle_acknowledged(now, pubrec, acknowledged),
        }
    }

    fn deliver(&mut self, application: ApplicationMessage, dup: bool) {
        let traffic = self.traffic.get_or_insert_default();
        traffic.bytes += application.weight();
        traffic.arrived.push_back(application);
        self.happened.push_back(Happened::Message { dup });
    }

    fn handle_acknowledged(&mut self, now: SimTime, packet: &Acknowledgement, acknowledged: Acknowledged) {
        let Acknowledgement { packet_identifier: id, reason_code, properties: _ } = *packet;
        match acknowledged {
            Acknowledged::Completed(application) => {
                self.traffic.get_or_insert_default().bytes -= application.weight();
                let (message, packet_identifier) = (application.message, Some(id));
                self.happened.push_back(Happened::Completed { message, packet_identifier, reason_code });
                let before = self.pending.len();
                self.fill_window(now);
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
        self.answer(now, packet_type, id, ReasonCode::Success, message);
    }

    fn answer(
        &mut self,
        now: SimTime,
        packet_type: PacketType,
        id: PacketIdentifier,
        reason_code: ReasonCode,
        message: MessageId,
    ) {
        let answer = Answer { message, packet_identifier: id, packet_type, reason_code, dup: false };
        self.pending.push_back(Pending::Acknowledgement(answer));
        self.sent(now);
    }

    fn finish_request(&mut self, id: PacketIdentifier) {
        if let Some(traffic) = &mut self.traffic {
            traffic.requests.retain(|open| *open != id);
            traffic.unanswered.retain(|open| open.packet_identifier != id);
        }
        self.watch_for_retry();
    }

    fn unexpected(&mut self, packet_type: PacketType) {
        self.protocol_error(ProtocolError::UnexpectedPacket(packet_type));
    }

    fn protocol_error(&mut self, error: ProtocolError) {
        self.close(CloseReason::ProtocolError(error));
    }
}
