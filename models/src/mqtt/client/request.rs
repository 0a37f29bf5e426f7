//! What an application asks of a client.

use std::sync::Arc;

use sim_core::time::SimTime;

use crate::mqtt::client::event::Happened;
use crate::mqtt::client::{Client, Pending, PublishError, RequestError, State, Traffic, Unanswered};
use crate::mqtt::close::CloseReason;
use crate::mqtt::packet::{Auth, Disconnect, Packet, PacketIdentifier, Properties, QoS, ReasonCode};
use crate::mqtt::packet::{Subscribe, SubscriptionOptions, Unsubscribe};
use crate::mqtt::session::ApplicationMessage;
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::{MessageId, Payload};

impl Client {
    /// Publishes a message. It waits for CONNACK and, at QoS 1 and 2, for room in the in-flight window.
    ///
    /// # Errors
    /// When the message cannot be taken; nothing has changed then.
    pub fn publish(
        &mut self,
        now: SimTime,
        topic: TopicName,
        payload: Payload,
        qos: QoS,
        retain: bool,
        message: MessageId,
    ) -> Result<(), PublishError> {
        self.publish_message(now, ApplicationMessage { topic, payload, message, qos, retain, attached: None })
    }

    /// As [`Client::publish`], with properties of MQTT 5.0 (see [`Attached::of`]); other versions leave
    /// them out.
    ///
    /// [`Attached::of`]: crate::mqtt::message::Attached::of
    ///
    /// # Errors
    /// When the message cannot be taken; nothing has changed then.
    pub fn publish_message(
        &mut self,
        now: SimTime,
        application: ApplicationMessage,
    ) -> Result<(), PublishError> {
        self.check(now, &application)?;
        let qos = application.qos;
        let before = self.pending.len();
        match qos {
            QoS::AtMostOnce => self.publish_at_most_once(application)?,
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.publish_acknowledged(now, application)?,
        }
        if self.pending.len() > before {
            self.sent(now);
        }
        if self.state == State::Connected {
            self.look(now);
        }
        Ok(())
    }

    fn check(&self, now: SimTime, application: &ApplicationMessage) -> Result<(), PublishError> {
        let version = self.config.version;
        let Some(bytes) = application.wire_len(version, now) else { return Err(PublishError::TooLarge) };
        if bytes > self.config.buffer_bytes as usize {
            return Err(PublishError::TooLarge);
        }
        let Some(agreement) = self.agreement() else { return Ok(()) };
        if bytes > agreement.max_packet_bytes as usize {
            return Err(PublishError::TooLarge);
        }
        // MQTT 5.0 §3.2.2.3.4, §3.2.2.3.5
        if application.qos > agreement.maximum_qos {
            return Err(PublishError::QoSNotSupported);
        }
        if application.retain && !agreement.retain_available {
            return Err(PublishError::RetainNotSupported);
        }
        Ok(())
    }

    /// The message as the server takes it, which may have said less than QoS 2 or no retained messages:
    /// MQTT 5.0 §3.2.2.3.4, §3.2.2.3.5.
    #[must_use]
    pub fn lowered(&self, mut application: ApplicationMessage) -> ApplicationMessage {
        if let Some(agreement) = self.agreement() {
            application.qos = application.qos.min(agreement.maximum_qos);
            application.retain &= agreement.retain_available;
        }
        application
    }

    fn publish_at_most_once(&mut self, application: ApplicationMessage) -> Result<(), PublishError> {
        match self.state {
            State::Connected => self.pending.push_back(Pending::PublishAtMostOnce),
            State::Connecting => {}
            State::Offline | State::Closing if self.config.queue_qos_0_offline => {}
            State::Offline | State::Closing => return Err(PublishError::NotConnected),
        }
        let traffic = self.traffic.get_or_insert_default();
        traffic.bytes += application.weight();
        traffic.at_most_once.push_back(application);
        Ok(())
    }

    fn publish_acknowledged(
        &mut self,
        now: SimTime,
        application: ApplicationMessage,
    ) -> Result<(), PublishError> {
        let limit = self.config.max_queued as usize;
        let traffic = self.traffic.get_or_insert_default();
        if limit > 0 && traffic.outbound.queued() >= limit {
            return Err(PublishError::QueueFull);
        }
        traffic.bytes += application.weight();
        if self.state != State::Connected {
            traffic.outbound.enqueue(application);
            return Ok(());
        }
        let window = traffic.window(self.config.max_inflight);
        let Traffic { outbound, requests, .. } = &mut **traffic;
        match outbound.admit_at_once(application, window, now, |id| requests.contains(&id)) {
            Ok(packet_identifier) => {
                self.pending.push_back(Pending::Publish { packet_identifier, dup: false });
                self.watch_for_retry();
            }
            Err(application) => {
                outbound.enqueue(application);
                self.fill_window(now);
            }
        }
        Ok(())
    }

    /// Subscribes. The identifier comes back in [`ClientEvent::Subscribed`].
    ///
    /// # Errors
    /// When the request cannot be sent; nothing has changed then.
    pub fn subscribe(
        &mut self,
        now: SimTime,
        filters: Vec<(TopicFilter, QoS)>,
    ) -> Result<PacketIdentifier, RequestError> {
        let filters = filters.into_iter().map(|(filter, qos)| (filter, qos.into())).collect();
        self.subscribe_with(now, filters, None)
    }

    /// As [`Client::subscribe`], with options and properties of MQTT 5.0; other versions leave them out.
    ///
    /// # Errors
    /// When the request cannot be sent; nothing has changed then.
    pub fn subscribe_with(
        &mut self,
        now: SimTime,
        filters: Vec<(TopicFilter, SubscriptionOptions)>,
        properties: Option<Box<Properties>>,
    ) -> Result<PacketIdentifier, RequestError> {
        if filters.is_empty() {
            return Err(RequestError::NoTopicFilter);
        }
        self.request(now, |packet_identifier| {
            Packet::Subscribe(Subscribe { packet_identifier, filters, properties })
        })
    }

    /// Unsubscribes. The identifier comes back in [`ClientEvent::Unsubscribed`].
    ///
    /// # Errors
    /// When the request cannot be sent; nothing has changed then.
    pub fn unsubscribe(
        &mut self,
        now: SimTime,
        filters: Vec<TopicFilter>,
    ) -> Result<PacketIdentifier, RequestError> {
        if filters.is_empty() {
            return Err(RequestError::NoTopicFilter);
        }
        self.request(now, |packet_identifier| {
            Packet::Unsubscribe(Unsubscribe { packet_identifier, filters, properties: None })
        })
    }

    fn request(
        &mut self,
        now: SimTime,
        packet: impl FnOnce(PacketIdentifier) -> Packet,
    ) -> Result<PacketIdentifier, RequestError> {
        match self.state {
            State::Connecting | State::Connected => {}
            State::Offline | State::Closing => return Err(RequestError::NotConnected),
        }
        let retries = self.config.retries();
        let Traffic { outbound, requests, unanswered, .. } = &mut **self.traffic.get_or_insert_default();
        let packet_identifier =
            outbound.identifier(|id| requests.contains(&id)).ok_or(RequestError::NoPacketIdentifier)?;
        requests.push(packet_identifier);
        let packet = Box::new(packet(packet_identifier));
        if retries.is_some() {
            unanswered.push(Unanswered { packet_identifier, packet: packet.clone(), sent_at: now });
        }
        self.pending.push_back(Pending::Request { packet, dup: false });
        self.sent(now);
        self.watch_for_retry();
        if self.state == State::Connected {
            self.look(now);
        }
        Ok(packet_identifier)
    }

    /// Sends a PINGREQ of the application's own, whatever the Keep Alive says; without a connection
    /// nothing happens. MQTT 3.1.1 §3.1.2.10 allows it at any time.
    pub fn ping(&mut self, now: SimTime) {
        match self.state {
            State::Connected => {
                self.pending.push_back(Pending::Pingreq);
                self.sent(now);
            }
            State::Connecting | State::Offline | State::Closing => {}
        }
    }

    /// Sends DISCONNECT and asks the host to close. MQTT 3.1.1 §3.14
    pub fn disconnect(&mut self, now: SimTime) {
        match self.state {
            State::Connecting | State::Connected => {}
            State::Offline | State::Closing => return,
        }
        self.pending.push_back(Pending::Disconnect(ReasonCode::Success));
        self.sent(now);
        self.state = State::Closing;
        self.happened.push_back(Happened::Close(CloseReason::Disconnected));
    }

    /// As [`Client::disconnect`], with a Reason Code (0x04: the will is to be published) and properties (a
    /// new Session Expiry Interval) of MQTT 5.0; other versions leave them out.
    pub fn disconnect_with(&mut self, now: SimTime, disconnect: Disconnect) {
        match self.state {
            State::Connecting | State::Connected => {}
            State::Offline | State::Closing => return,
        }
        let reason = match disconnect.reason_code {
            ReasonCode::Success => CloseReason::Disconnected,
            other => CloseReason::DisconnectedFor(other),
        };
        self.pending
            .push_back(Pending::Request { packet: Box::new(Packet::Disconnect(disconnect)), dup: false });
        self.sent(now);
        self.state = State::Closing;
        self.happened.push_back(Happened::Close(reason));
    }

    /// Goes on with the enhanced authentication that CONNECT began, after
    /// [`ClientEvent::Authenticate`]; or, once connected, begins it anew. MQTT 5.0 §4.12
    ///
    /// Without a method in [`ClientConfig::connect_properties`], or without a connection, nothing happens.
    ///
    /// [`ClientEvent::Authenticate`]: crate::mqtt::ClientEvent::Authenticate
    /// [`ClientConfig::connect_properties`]: crate::mqtt::ClientConfig::connect_properties
    pub fn authenticate(&mut self, now: SimTime, anew: bool, data: Option<Arc<[u8]>>) {
        let Some(method) = self.config.authentication_method() else { return };
        let reason_code = match (self.state, anew) {
            (State::Connecting, _) | (State::Connected, false) => ReasonCode::ContinueAuthentication,
            (State::Connected, true) => ReasonCode::ReAuthenticate,
            (State::Offline | State::Closing, _) => return,
        };
        let properties = Properties {
            authentication_method: Some(method),
            authentication_data: data,
            ..Properties::default()
        };
        let auth = Packet::Auth(Auth { reason_code, properties: properties.boxed() });
        // Before CONNACK, AUTH goes ahead of what waits.
        match self.state {
            State::Connecting => {
                self.pending.push_front(Pending::Request { packet: Box::new(auth), dup: false });
            }
            State::Connected | State::Offline | State::Closing => {
                self.pending.push_back(Pending::Request { packet: Box::new(auth), dup: false });
            }
        }
        self.sent(now);
    }
}
