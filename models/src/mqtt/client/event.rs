//! What a client tells its host.

use crate::mqtt::client::Client;
use crate::mqtt::close::CloseReason;
use crate::mqtt::packet::{ConnectReturnCode, PacketIdentifier, PacketType, QoS, Suback};
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
    /// CONNACK 0: messages flow.
    Connected {
        /// Whether the server goes on with a stored session.
        session_present: bool,
    },
    /// CONNACK with a refusal; [`ClientEvent::Close`] follows.
    Refused(ConnectReturnCode),
    /// SUBACK.
    Subscribed {
        /// That of the request.
        packet_identifier: PacketIdentifier,
        /// The QoS granted for each filter, `None` for failure.
        return_codes: Vec<Option<QoS>>,
    },
    /// UNSUBACK.
    Unsubscribed {
        /// That of the request.
        packet_identifier: PacketIdentifier,
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
    },
    /// A published message is done with: handed over (QoS 0), PUBACK or PUBCOMP received.
    Completed {
        /// Its name in the ledger.
        message: MessageId,
        /// The identifier it held, at QoS 1 and 2.
        packet_identifier: Option<PacketIdentifier>,
    },
    /// A published message is given up: QoS 0 with the connection lost, or in flight when a clean
    /// session began.
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
    Refused(ConnectReturnCode),
    Subscribed(Box<Suback>),
    Unsubscribed(PacketIdentifier),
    // The message lies in `Traffic::arrived`.
    Message { dup: bool },
    Completed { message: MessageId, packet_identifier: Option<PacketIdentifier> },
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
                let Suback { packet_identifier, return_codes } = *suback;
                ClientEvent::Subscribed { packet_identifier, return_codes }
            }
            Happened::Unsubscribed(packet_identifier) => ClientEvent::Unsubscribed { packet_identifier },
            Happened::Message { dup } => self.message_event(dup),
            Happened::Completed { message, packet_identifier } => {
                ClientEvent::Completed { message, packet_identifier }
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
        }
    }
}
