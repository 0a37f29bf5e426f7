//! The way of a message into the server, and acknowledgements in both directions. MQTT 3.1.1 §3.3, §4.3

use crate::mqtt::broker::access::Wants;
use crate::mqtt::broker::bridge::is_state_of_bridge;
use crate::mqtt::broker::{BeyondInboundWindow, Broker, BrokerEvent, ConnectionId, DropReason, SessionIndex};
use crate::mqtt::close::ProtocolError;
use crate::mqtt::codec::encode::{Outgoing, encode_acknowledgement_with};
use crate::mqtt::message::Attached;
use crate::mqtt::packet::{Acknowledgement, PacketIdentifier, PacketType, Publish, QoS, ReasonCode};
use crate::mqtt::session::{Acknowledged, ApplicationMessage, Qos2Delivery};
use crate::stream::MessageId;

impl Broker {
    pub(super) fn handle_publish(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        mut publish: Publish,
        message: MessageId,
    ) {
        if self.is_too_deep(publish.topic.as_str()) {
            self.protocol_error(connection, ProtocolError::TopicLevels);
            return;
        }
        if let Err(error) = self.check_publish(connection, &mut publish) {
            self.protocol_error(connection, error);
            return;
        }
        let Publish { topic, payload, packet_identifier, qos, dup: _, retain, properties } = publish;
        let ignored = self.config.ignore_publish_to_sys
            && topic.as_str().starts_with("$SYS/")
            && !is_state_of_bridge(topic.as_str());
        let attached = Attached::of(properties, self.now);
        let application = ApplicationMessage { topic, payload, message, qos, retain, attached };
        match (qos, packet_identifier) {
            (_, _) if !self.may(session, Wants::Write, &application.topic) => {
                self.ignore(connection, packet_identifier, &application, DropReason::NotAuthorized);
            }
            (_, _) if ignored => {
                self.ignore(connection, packet_identifier, &application, DropReason::ReservedTopic);
            }
            (QoS::AtMostOnce, _) | (_, None) => self.accept_and_route(application, Some(session)),
            (QoS::AtLeastOnce, Some(id)) => {
                let reason_code = self.accept_message(&application, Some(session), true);
                let puback = self.acknowledgement(connection, PacketType::Puback, id, reason_code, message);
                self.in_order(connection, puback, |broker| broker.forward(application));
            }
            (QoS::ExactlyOnce, Some(id)) => {
                self.receive_exactly_once(connection, session, id, application);
            }
        }
    }

    /// Whether a name or filter has more `/` than are allowed.
    pub(super) fn is_too_deep(&self, topic: &str) -> bool {
        let most = usize::from(self.config.max_topic_levels);
        // Short names cannot be.
        most > 0 && topic.len() > most && topic.bytes().filter(|byte| *byte == b'/').count() > most
    }

    // What only MQTT 5.0 forbids; Topic Aliases are resolved.
    fn check_publish(
        &mut self,
        connection: ConnectionId,
        publish: &mut Publish,
    ) -> Result<(), ProtocolError> {
        let Some(agreement) = &mut self.connections[connection.0 as usize].agreement else { return Ok(()) };
        // MQTT 5.0 §3.3.4: "A PUBLISH packet sent from a Client to a Server MUST NOT contain a
        // Subscription Identifier"
        if let Some(properties) = &mut publish.properties {
            let allowed = usize::from(self.config.ignore_subscription_identifiers);
            if properties.subscription_identifiers.len() > allowed {
                return Err(ProtocolError::SubscriptionIdentifier);
            }
            properties.subscription_identifiers.clear();
            let said_to_be_utf8 = properties.payload_is_utf8 == Some(true);
            let looks = self.config.check_payload_format && said_to_be_utf8;
            if looks && std::str::from_utf8(publish.payload.as_slice()).is_err() {
                return Err(ProtocolError::PayloadFormat);
            }
        }
        if publish.qos > self.config.maximum_qos {
            return Err(ProtocolError::MaximumQoS);
        }
        if publish.retain && !self.config.retain_available {
            return Err(ProtocolError::Retain);
        }
        agreement.aliases_in.resolve(publish, self.config.topic_alias_maximum)
    }

    // An acknowledgement; Reason Codes are for MQTT 5.0 only.
    pub(super) fn acknowledgement(
        &self,
        connection: ConnectionId,
        packet_type: PacketType,
        id: PacketIdentifier,
        reason_code: ReasonCode,
        message: MessageId,
    ) -> Outgoing {
        let reason_code = match self.version(connection).has_properties() {
            true => reason_code,
            false => ReasonCode::Success,
        };
        encode_acknowledgement_with(packet_type, id, reason_code, message)
    }

    fn ignore(
        &mut self,
        connection: ConnectionId,
        id: Option<PacketIdentifier>,
        application: &ApplicationMessage,
        reason: DropReason,
    ) {
        let message = application.message;
        self.dropped(message, reason);
        let packet_type = match application.qos {
            QoS::AtMostOnce | QoS::AtLeastOnce => PacketType::Puback,
            QoS::ExactlyOnce => PacketType::Pubrec,
        };
        if let Some(id) = id {
            let refusal =
                self.acknowledgement(connection, packet_type, id, ReasonCode::NotAuthorized, message);
            self.transmit(connection, refusal);
        }
    }

    // Forwards and acknowledges in the order that is configured.
    fn in_order(
        &mut self,
        connection: ConnectionId,
        acknowledgement: Outgoing,
        forward: impl FnOnce(&mut Self),
    ) {
        if self.config.forward_before_acknowledging {
            forward(self);
            self.transmit(connection, acknowledgement);
        } else {
            self.transmit(connection, acknowledgement);
            forward(self);
        }
    }

    // MQTT 3.1.1 figure 4.3
    fn receive_exactly_once(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        id: PacketIdentifier,
        application: ApplicationMessage,
    ) {
        let message = application.message;
        let version = self.version(connection);
        let on_publish = self.config.deliver_qos_2_on == Qos2Delivery::Publish;
        let inbound = &self.sessions[session.0 as usize].inbound;
        let pubrec = |broker: &Self, reason_code| {
            broker.acknowledgement(connection, PacketType::Pubrec, id, reason_code, message)
        };
        if inbound.holds(id) {
            self.transmit(connection, pubrec(self, ReasonCode::Success));
        } else if self.is_beyond_inbound_window(session, version) {
            // MQTT 5.0 §3.3.4: "it uses a DISCONNECT packet with Reason Code 0x93"
            if version.has_properties() {
                self.protocol_error(connection, ProtocolError::ReceiveMaximum);
            } else if self.config.beyond_inbound_window == BeyondInboundWindow::HeldBack {
                self.hold_back(session, id, application);
            } else {
                // Mosquitto 2.0.11 acknowledges such a message and loses it.
                self.dropped(message, DropReason::InboundWindow);
                self.transmit(connection, pubrec(self, ReasonCode::Success));
            }
        } else if on_publish {
            self.session(session).inbound.hold(id, None);
            let reason_code = self.accept_message(&application, Some(session), true);
            let pubrec = pubrec(self, reason_code);
            self.in_order(connection, pubrec, |broker| broker.forward(application));
        } else {
            // Who subscribes when it is released is not known yet.
            self.accept_message(&application, Some(session), false);
            self.buffered += application.weight();
            self.session(session).inbound.hold(id, Some(application));
            self.transmit(connection, pubrec(self, ReasonCode::Success));
        }
    }

    pub(super) fn handle_pubrel(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        id: PacketIdentifier,
        message: MessageId,
    ) {
        let known = self.session(session).inbound.holds(id);
        let released = self.session(session).inbound.release(id);
        // MQTT 3.1.1 §4.3.3: PUBCOMP answers every PUBREL, known or not
        let message = released.as_ref().map_or(message, |application| application.message);
        let unknown = self.config.fault_codes.of_unknown_identifier();
        let reason_code = if known { ReasonCode::Success } else { unknown };
        let pubcomp = self.acknowledgement(connection, PacketType::Pubcomp, id, reason_code, message);
        let holds_back = self.session(session).inbound.held_back() > 0;
        if holds_back {
            self.acknowledge_held_back(connection, session);
        }
        self.in_order(connection, pubcomp, |broker| {
            if let Some(application) = released {
                broker.buffered -= application.weight();
                broker.find_subscribers(&application, Some(session), true);
                broker.forward(application);
            }
        });
        if holds_back {
            self.acknowledge_all_if_none_is_left(connection, session);
        }
    }

    /// Takes a message over and sends it on. `from`: the session of its publisher, if it lives.
    pub(super) fn accept_and_route(&mut self, application: ApplicationMessage, from: Option<SessionIndex>) {
        self.accept_message(&application, from, true);
        self.forward(application);
    }

    // Counts the copies as of now; `matched` holds the subscribers afterwards. `last` tells whether they
    // are not looked for again.
    pub(super) fn accept_message(
        &mut self,
        application: &ApplicationMessage,
        from: Option<SessionIndex>,
        last: bool,
    ) -> ReasonCode {
        self.find_subscribers(application, from, last);
        let (message, subscribers) = (application.message, self.matched.len());
        self.events.push_back(BrokerEvent::Accepted { message, subscribers });
        if self.matched.nobody_listens() { ReasonCode::NoMatchingSubscribers } else { ReasonCode::Success }
    }

    pub(super) fn handle_pubrec(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        pubrec: &Acknowledgement,
        message: MessageId,
    ) {
        let id = pubrec.packet_identifier;
        let outbound = &mut self.session(session).outbound;
        // MQTT 5.0 §4.3.3: after a failure there is no PUBREL, and the identifier is free
        if pubrec.reason_code.is_failure() {
            if let Some(application) = outbound.give_up(id) {
                self.handle_acknowledged(connection, session, id, Acknowledged::Completed(application));
            }
            return;
        }
        match outbound.pubrec(id) {
            // As Mosquitto: answered all the same, so that the client can finish.
            Acknowledged::Unknown => {
                let reason_code = self.config.fault_codes.of_unknown_identifier();
                let pubrel = self.acknowledgement(connection, PacketType::Pubrel, id, reason_code, message);
                self.transmit(connection, pubrel);
            }
            acknowledged => self.handle_acknowledged(connection, session, id, acknowledged),
        }
    }

    pub(super) fn handle_acknowledged(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        id: PacketIdentifier,
        acknowledged: Acknowledged,
    ) {
        match acknowledged {
            Acknowledged::Completed(application) => {
                self.buffered -= application.weight();
                self.fill_window(session);
            }
            Acknowledged::Release(message) => {
                let success = ReasonCode::Success;
                let pubrel = encode_acknowledgement_with(PacketType::Pubrel, id, success, message);
                self.transmit(connection, pubrel);
            }
            Acknowledged::Unknown => {}
            Acknowledged::Mismatch => {
                self.protocol_error(connection, ProtocolError::AcknowledgementMismatch);
            }
        }
    }

    pub(super) fn dropped(&mut self, message: MessageId, reason: DropReason) {
        self.events.push_back(BrokerEvent::Dropped { message, reason });
    }
}
