//! What a client tells its host.

use std::rc::Rc;
use std::sync::Arc;

use crate::mqtt::client::Client;
use crate::mqtt::close::CloseReason;
use crate::mqtt::message::Attached;
use crate::mqtt::packet::{
    Auth, PacketIdentifier, PacketType, Properties, QoS, ReasonCode, Suback, Unsuback,
};
use crate::mqtt::topic::TopicName;
use crate::stream::{MessageId, Payload};

/// Something the host or the application wants to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// A packet was decoded: the host charges CPU time for it.
    Received {
        /// Its type.
        packet_type: PacketType,
        /// Its length in bytes.
        wire_len: u32,
        /// The message of its tag.
        message: MessageId,
    },
    /// CONNACK carries these properties (MQTT 5.0); [`ClientEvent::Connected`] or
    /// [`ClientEvent::Refused`] follows. An assigned Client Identifier is in use from now on.
    Announced(Box<Properties>),
    /// AUTH: the exchange goes on with [`Client::authenticate`], or has ended well. MQTT 5.0 §4.12
    Authenticate {
        /// `ContinueAuthentication` or `Success`.
        reason_code: ReasonCode,
        /// What the server says.
        data: Option<Arc<[u8]>>,
    },
    /// CONNACK 0: messages flow.
    Connected {
        /// Whether the server goes on with a stored session.
        session_present: bool,
    },
    /// CONNACK with a refusal; [`ClientEvent::Close`] follows.
    Refused(ReasonCode),
    /// SUBACK.
    Subscribed {
        /// That of the request.
        packet_identifier: PacketIdentifier,
        /// For each filter the QoS granted, or a failure.
        reason_codes: Vec<ReasonCode>,
    },
    /// UNSUBACK.
    Unsubscribed {
        /// That of the request.
        packet_identifier: PacketIdentifier,
        /// For each filter whether there was a subscription; empty before MQTT 5.0.
        reason_codes: Vec<ReasonCode>,
    },
    /// An application message arrived.
    Message {
        /// Where it was published.
        topic: TopicName,
        /// The message.
        payload: Payload,
        /// The QoS of the last hop.
        qos: QoS,
        /// Whether the server had it in store.
        retain: bool,
        /// Whether it may be a repetition; at QoS 2 it is none, whatever DUP says.
        dup: bool,
        /// Its name in the ledger.
        message: MessageId,
        /// What MQTT 5.0 attaches to it.
        attached: Option<Rc<Attached>>,
    },
    /// A published message is done with: handed over (QoS 0), PUBACK or PUBCOMP received, or PUBREC with a
    /// failure.
    Completed {
        /// Its name in the ledger.
        message: MessageId,
        /// The identifier it held, at QoS 1 and 2.
        packet_identifier: Option<PacketIdentifier>,
        /// What the server said; `Success` at QoS 0 and before MQTT 5.0.
        reason_code: ReasonCode,
    },
    /// A published message is given up: QoS 0 with the connection lost, in flight when a clean
    /// session began, its lifetime over, or too large for the server.
    Discarded {
        /// Its name in the ledger.
        message: MessageId,
    },
    /// The host must close the transport, after sending what [`Client::poll_transmit`] has, and then
    /// report [`Client::transport_closed`].
    Close(CloseReason),
}

/// The same, small: most clients never have a message event, and none pays for its size.
#[derive(Clone, Debug)]
pub(super) enum Happened {
    Received { packet_type: PacketType, wire_len: u32, message: MessageId },
    Connected { session_present: bool },
    Refused(ReasonCode),
    Subscribed(Box<Suback>),
    Unsubscribed(Box<Unsuback>),
    Announced(Box<Properties>),
    Authenticate(Box<Auth>),
    // The message lies in `Traffic::arrived`.
    Message { dup: bool },
    Completed { message: MessageId, packet_identifier: Option<PacketIdentifier>, reason_code: ReasonCode },
    Discarded(MessageId),
    Close(CloseReason),
}

impl Client {
    pub(super) fn event(&mut self, happened: Happened) -> ClientEvent {
        match happened {
            Happened::Received { packet_type, wire_len, message } => {
                ClientEvent::Received { packet_type, wire_len, message }
            }
            Happened::Connected { session_present } => ClientEvent::Connected { session_present },
            Happened::Refused(code) => ClientEvent::Refused(code),
            Happened::Subscribed(suback) => {
                let Suback { packet_identifier, reason_codes, properties: _ } = *suback;
                ClientEvent::Subscribed { packet_identifier, reason_codes }
            }
            Happened::Unsubscribed(unsuback) => {
                let Unsuback { packet_identifier, reason_codes, properties: _ } = *unsuback;
                ClientEvent::Unsubscribed { packet_identifier, reason_codes }
            }
            Happened::Announced(properties) => ClientEvent::Announced(properties),
            Happened::Authenticate(auth) => ClientEvent::Authenticate {
                reason_code: auth.reason_code,
                data: auth.properties.and_then(|properties| properties.authentication_data),
            },
            Happened::Message { dup } => self.message_event(dup),
            Happened::Completed { message, packet_identifier, reason_code } => {
                ClientEvent::Completed { message, packet_identifier, reason_code }
            }
            Happened::Discarded(message) => ClientEvent::Discarded { message },
            Happened::Close(reason) => ClientEvent::Close(reason),
        }
    }

    fn message_event(&mut self, dup: bool) -> ClientEvent {
        let traffic = self.traffic.as_mut().expect("a message has arrived");
        let application = traffic.arrived.pop_front().expect("one message an event");
        traffic.bytes -= application.weight();
        ClientEvent::Message {
            topic: application.topic,
            payload: application.payload,
            qos: application.qos,
            retain: application.retain,
            dup,
            message: application.message,
            attached: application.attached,
        }
    }
}
