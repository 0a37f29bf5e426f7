//! The way of a message through the server, and its acknowledgements. MQTT 3.1.1 §3.3, §4.3

use crate::mqtt::broker::{Broker, BrokerEvent, ConnectionId, DropReason, OverlappingSubscriptions};
use crate::mqtt::broker::{Session, SessionIndex, Transmit, WhenQueueFull};
use crate::mqtt::close::ProtocolError;
use crate::mqtt::codec::encode::{Outgoing, encode_acknowledgement};
use crate::mqtt::packet::{PacketIdentifier, PacketType, Publish, QoS};
use crate::mqtt::session::{Acknowledged, ApplicationMessage, Qos2Delivery};
use crate::stream::MessageId;

impl Broker {
    pub(super) fn handle_publish(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        publish: Publish,
        message: MessageId,
    ) {
        let Publish { topic, payload, packet_identifier, qos, dup: _, retain } = publish;
        let ignored = self.config.ignore_publish_to_sys && topic.as_str().starts_with("$SYS/");
        let application = ApplicationMessage { topic, payload, message, qos, retain };
        match (qos, packet_identifier) {
            (QoS::AtMostOnce, _) | (_, None) => self.accept_unless(ignored, application),
            (QoS::AtLeastOnce, Some(id)) => {
                let puback = encode_acknowledgement(PacketType::Puback, id, message);
                self.in_order(connection, puback, |broker| broker.accept_unless(ignored, application));
            }
            (QoS::ExactlyOnce, Some(id)) => {
                let pubrec = encode_acknowledgement(PacketType::Pubrec, id, message);
                if ignored {
                    self.dropped(message, DropReason::ReservedTopic);
                    self.transmit(connection, pubrec);
                } else {
                    self.receive_exactly_once(connection, session, id, application, pubrec);
                }
            }
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

    fn accept_unless(&mut self, ignored: bool, application: ApplicationMessage) {
        if ignored {
            self.dropped(application.message, DropReason::ReservedTopic);
        } else {
            self.accept_and_route(application);
        }
    }

    // MQTT 3.1.1 figure 4.3
    fn receive_exactly_once(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        id: PacketIdentifier,
        application: ApplicationMessage,
        pubrec: Outgoing,
    ) {
        let limit = usize::from(self.config.max_inflight_inbound);
        let on_publish = self.config.deliver_qos_2_on == Qos2Delivery::Publish;
        let inbound = &mut self.session(session).inbound;
        if inbound.holds(id) {
            self.transmit(connection, pubrec);
        } else if limit > 0 && inbound.len() >= limit {
            // Mosquitto 2.0.11 acknowledges such a message and loses it.
            self.dropped(application.message, DropReason::InboundWindow);
            self.transmit(connection, pubrec);
        } else if on_publish {
            inbound.hold(id, None);
            self.in_order(connection, pubrec, |broker| broker.accept_and_route(application));
        } else {
            self.accept_message(&application);
            self.buffered += application.weight();
            self.session(session).inbound.hold(id, Some(application));
            self.transmit(connection, pubrec);
        }
    }

    pub(super) fn handle_pubrel(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        id: PacketIdentifier,
        message: MessageId,
    ) {
        let released = self.session(session).inbound.release(id);
        // MQTT 3.1.1 §4.3.3: PUBCOMP answers every PUBREL, known or not
        let message = released.as_ref().map_or(message, |application| application.message);
        let pubcomp = encode_acknowledgement(PacketType::Pubcomp, id, message);
        self.in_order(connection, pubcomp, |broker| {
            if let Some(application) = released {
                broker.buffered -= application.weight();
                broker.find_subscribers(&application);
                broker.forward(application);
            }
        });
    }

    /// Takes a message over and sends it on.
    pub(super) fn accept_and_route(&mut self, application: ApplicationMessage) {
        self.accept_message(&application);
        self.forward(application);
    }

    // Counts the copies as of now; `matched` holds the subscribers afterwards.
    fn accept_message(&mut self, application: &ApplicationMessage) {
        self.find_subscribers(application);
        let (message, subscribers) = (application.message, self.matched.len());
        self.events.push_back(BrokerEvent::Accepted { message, subscribers });
    }

    // Stores a retained message, and gives every session in `matched` its copy.
    fn forward(&mut self, mut application: ApplicationMessage) {
        if application.retain {
            self.retain(&application);
            // MQTT 3.1.1 §3.3.1.3: RETAIN is 0 for an established subscription
            application.retain = false;
        }
        let matched = std::mem::take(&mut self.matched);
        // At QoS 0 all copies are the same bytes.
        let mut at_most_once = None;
        for &(session, granted) in &matched {
            // MQTT 3.1.1 §3.8.4: the lower of the two
            let qos = application.qos.min(granted);
            match qos {
                QoS::AtMostOnce => self.send_at_most_once(session, &application, &mut at_most_once),
                QoS::AtLeastOnce | QoS::ExactlyOnce => {
                    self.send_acknowledged(session, ApplicationMessage { qos, ..application.clone() });
                }
            }
        }
        self.matched = matched;
    }

    // Fills `matched` with the sessions that get a copy, and the QoS granted for it.
    fn find_subscribers(&mut self, application: &ApplicationMessage) {
        self.routings = self.routings.wrapping_add(1);
        let Broker { subscriptions, sessions, matched, routings, config, .. } = self;
        matched.clear();
        subscriptions.for_each_match(&application.topic, |subscription| {
            let session = &mut sessions[subscription.session.0 as usize];
            let first = session.visited != *routings;
            match config.overlapping_subscriptions {
                OverlappingSubscriptions::OneCopyHighest if !first => {
                    let (_, granted) = &mut matched[session.visited_at as usize];
                    *granted = (*granted).max(subscription.qos);
                    return;
                }
                OverlappingSubscriptions::OneCopyFirst if !first => return,
                OverlappingSubscriptions::OneCopyHighest
                | OverlappingSubscriptions::OneCopyFirst
                | OverlappingSubscriptions::CopyEach => {}
            }
            session.visited = *routings;
            session.visited_at = matched.len() as u32;
            matched.push((subscription.session, subscription.qos));
        });
    }

    fn send_at_most_once(
        &mut self,
        session: SessionIndex,
        application: &ApplicationMessage,
        encoded: &mut Option<Outgoing>,
    ) {
        // MQTT 3.1.1 §3.1.2.4: QoS 0 is not kept for an absent client (it may be; Mosquitto does not)
        let Some(connection) = self.session(session).connection else {
            self.dropped(application.message, DropReason::Offline);
            return;
        };
        let outgoing = encoded
            .get_or_insert_with(|| {
                ApplicationMessage { qos: QoS::AtMostOnce, ..application.clone() }.encode(None, false)
            })
            .clone();
        self.transmit(connection, outgoing);
    }

    // Sends a message of QoS 1 or 2, now or when there is room.
    fn send_acknowledged(&mut self, session: SessionIndex, application: ApplicationMessage) {
        let Broker { config, sessions, .. } = self;
        let Session { outbound, connection, .. } = &mut sessions[session.0 as usize];
        let has_room =
            config.max_inflight == 0 || outbound.in_flight().len() < usize::from(config.max_inflight);
        let at_once = connection.is_some() && has_room && outbound.queued() == 0;
        let queue_is_full = config.max_queued > 0 && outbound.queued() >= config.max_queued as usize;
        if !at_once && queue_is_full {
            let lost = match config.when_queue_full {
                WhenQueueFull::DropNewest => {
                    self.dropped(application.message, DropReason::QueueFull);
                    return;
                }
                WhenQueueFull::DropOldest => outbound.drop_oldest_queued(),
            };
            if let Some(lost) = lost {
                self.buffered -= lost.weight();
                self.dropped(lost.message, DropReason::QueueFull);
            }
        }
        self.buffered += application.weight();
        self.session(session).outbound.enqueue(application);
        self.fill_window(session);
    }

    /// Sends as many queued messages to a connected client as its in-flight window allows.
    pub(super) fn fill_window(&mut self, session: SessionIndex) {
        let Broker { config, sessions, connections, transmits, .. } = self;
        let Session { outbound, connection, .. } = &mut sessions[session.0 as usize];
        let Some(connection) = *connection else { return };
        let generation = connections[connection.0 as usize].generation;
        while let Some(entry) = outbound.admit(config.max_inflight, |_| false) {
            let outgoing = entry.application.encode(Some(entry.packet_identifier), false);
            transmits.push_back(Transmit { connection, generation, outgoing });
        }
    }

    pub(super) fn handle_pubrec(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        id: PacketIdentifier,
        message: MessageId,
    ) {
        match self.session(session).outbound.pubrec(id) {
            // As Mosquitto: answered all the same, so that the client can finish.
            Acknowledged::Unknown => {
                self.transmit(connection, encode_acknowledgement(PacketType::Pubrel, id, message));
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
                self.transmit(connection, encode_acknowledgement(PacketType::Pubrel, id, message));
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

    /// A copy for one session outside of routing: a retained message for a new subscription.
    pub(super) fn send_one(&mut self, session: SessionIndex, application: ApplicationMessage) {
        match application.qos {
            QoS::AtMostOnce => self.send_at_most_once(session, &application, &mut None),
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.send_acknowledged(session, application),
        }
    }
}
