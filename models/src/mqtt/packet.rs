//! The control packets of MQTT 3.1, 3.1.1 and 5.0 as types. OASIS Standards of 29 October 2014 and
//! 7 March 2019, chapters 2 and 3; MQTT 3.1 of IBM and Eurotech, 2010.
//!
//! A value of [`Packet`] is well formed by construction as far as types can say it; what is left (a
//! will that is larger than 65,535 bytes, say) is refused by the constructors or asserted by the
//! encoder. One type serves all versions: what only MQTT 5.0 has is `None` or the default before it.

mod packet_type;
mod subscription;
mod version;

use std::num::NonZeroU16;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use crate::mqtt::packet::packet_type::PacketType;
pub use crate::mqtt::packet::subscription::{RetainHandling, SubscriptionOptions};
pub use crate::mqtt::packet::version::Version;
pub use crate::mqtt::properties::Properties;
pub use crate::mqtt::reason_code::ReasonCode;
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::Payload;

/// Quality of Service: how surely an application message is delivered. MQTT 3.1.1 §4.3
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum QoS {
    /// QoS 0.
    #[default]
    AtMostOnce = 0,
    /// QoS 1.
    AtLeastOnce = 1,
    /// QoS 2.
    ExactlyOnce = 2,
}

impl QoS {
    /// The level of two bits; `None` for 3, which "MUST NOT" be used. MQTT 3.1.1 §3.3.1.2
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(QoS::AtMostOnce),
            1 => Some(QoS::AtLeastOnce),
            2 => Some(QoS::ExactlyOnce),
            _ => None,
        }
    }

    /// 0, 1 or 2.
    #[must_use]
    pub const fn level(self) -> u8 {
        self as u8
    }
}

/// A Packet Identifier, never zero. MQTT 3.1.1 §2.3.1
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PacketIdentifier(pub NonZeroU16);

impl PacketIdentifier {
    /// The identifier of a number; `None` for 0.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(PacketIdentifier(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

/// The message that the server publishes when a client leaves without DISCONNECT. MQTT 3.1.1 §3.1.2.5
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Will {
    /// Where it is published.
    pub topic: TopicName,
    /// What is published, at most 65,535 bytes.
    pub payload: Payload,
    /// At which Quality of Service.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

/// CONNECT. MQTT 3.1.1 §3.1
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connect {
    /// The protocol spoken on this connection.
    pub version: Version,
    /// Whether the client says that it is a bridge from another server: the highest bit of the protocol
    /// level, a convention of Mosquitto. Not in MQTT 5.0, where subscription options say it.
    pub bridge: bool,
    /// Whether to start without session state and, before MQTT 5.0, to leave none.
    /// MQTT 3.1.1 §3.1.2.4; Clean Start, MQTT 5.0 §3.1.2.4
    pub clean_session: bool,
    /// The longest silence of the client, in seconds; 0 turns the mechanism off. MQTT 3.1.1 §3.1.2.10
    pub keep_alive_s: u16,
    /// Names the session; may be empty with `clean_session`.
    pub client_identifier: Arc<str>,
    /// The will, if any.
    pub will: Option<Will>,
    /// The user name, if any.
    pub user_name: Option<Arc<str>>,
    /// The password, if any; before MQTT 5.0 only with a user name. MQTT 3.1.1 §3.1.2.9
    pub password: Option<Arc<[u8]>>,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

/// CONNACK. MQTT 3.1.1 §3.2
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connack {
    /// Whether the server goes on with a stored session; only with `Accepted`. MQTT 3.1.1 §3.2.2.2
    pub session_present: bool,
    /// Whether the connection is accepted.
    pub reason_code: ReasonCode,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

/// PUBLISH. MQTT 3.1.1 §3.3
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publish {
    /// Where it is published; [`TopicName::aliased`] where a Topic Alias stands for it.
    pub topic: TopicName,
    /// The application message.
    pub payload: Payload,
    /// Present exactly at QoS 1 and 2. MQTT 3.1.1 §3.3.2.2
    pub packet_identifier: Option<PacketIdentifier>,
    /// The Quality of Service of this hop.
    pub qos: QoS,
    /// Whether this may be a repetition. MQTT 3.1.1 §3.3.1.1
    pub dup: bool,
    /// From a client: keep it. From a server: it was kept. MQTT 3.1.1 §3.3.1.3
    pub retain: bool,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

/// SUBSCRIBE. MQTT 3.1.1 §3.8
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscribe {
    /// Matches the SUBACK to this request.
    pub packet_identifier: PacketIdentifier,
    /// At least one Topic Filter with what is asked for it.
    pub filters: Vec<(TopicFilter, SubscriptionOptions)>,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

/// SUBACK. MQTT 3.1.1 §3.9
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suback {
    /// That of the SUBSCRIBE.
    pub packet_identifier: PacketIdentifier,
    /// For each Topic Filter, in order, the QoS granted or a failure.
    pub reason_codes: Vec<ReasonCode>,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

/// UNSUBSCRIBE. MQTT 3.1.1 §3.10
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsubscribe {
    /// Matches the UNSUBACK to this request.
    pub packet_identifier: PacketIdentifier,
    /// At least one Topic Filter.
    pub filters: Vec<TopicFilter>,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

/// UNSUBACK. MQTT 3.1.1 §3.11
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsuback {
    /// That of the UNSUBSCRIBE.
    pub packet_identifier: PacketIdentifier,
    /// For each Topic Filter, in order, whether there was a subscription; empty before MQTT 5.0.
    pub reason_codes: Vec<ReasonCode>,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP. MQTT 3.1.1 §3.4 to §3.7
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledgement {
    /// That of the PUBLISH.
    pub packet_identifier: PacketIdentifier,
    /// How it went; `Success` before MQTT 5.0.
    pub reason_code: ReasonCode,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

impl From<PacketIdentifier> for Acknowledgement {
    fn from(packet_identifier: PacketIdentifier) -> Self {
        Acknowledgement { packet_identifier, reason_code: ReasonCode::Success, properties: None }
    }
}

/// DISCONNECT. MQTT 5.0 §3.14
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Disconnect {
    /// Why; `Success` before MQTT 5.0.
    pub reason_code: ReasonCode,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

/// AUTH. MQTT 5.0 §3.15
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Auth {
    /// Where the exchange stands.
    pub reason_code: ReasonCode,
    /// What MQTT 5.0 has beside.
    pub properties: Option<Box<Properties>>,
}

/// A control packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Packet {
    /// Client requests a connection. Boxed: it is large and comes once a connection.
    Connect(Box<Connect>),
    /// Acknowledges a connection request.
    Connack(Connack),
    /// Publishes a message.
    Publish(Publish),
    /// Acknowledges a PUBLISH at QoS 1.
    Puback(Acknowledgement),
    /// QoS 2, part 1.
    Pubrec(Acknowledgement),
    /// QoS 2, part 2.
    Pubrel(Acknowledgement),
    /// QoS 2, part 3.
    Pubcomp(Acknowledgement),
    /// Subscribes.
    Subscribe(Subscribe),
    /// Acknowledges a subscription.
    Suback(Suback),
    /// Unsubscribes.
    Unsubscribe(Unsubscribe),
    /// Acknowledges an unsubscription.
    Unsuback(Unsuback),
    /// Asks for a sign of life.
    Pingreq,
    /// Answers PINGREQ.
    Pingresp,
    /// Client or server is disconnecting.
    Disconnect(Disconnect),
    /// Authentication goes on.
    Auth(Auth),
}

impl Packet {
    /// Its type.
    #[must_use]
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Packet::Connect(_) => PacketType::Connect,
            Packet::Connack(_) => PacketType::Connack,
            Packet::Publish(_) => PacketType::Publish,
            Packet::Puback(_) => PacketType::Puback,
            Packet::Pubrec(_) => PacketType::Pubrec,
            Packet::Pubrel(_) => PacketType::Pubrel,
            Packet::Pubcomp(_) => PacketType::Pubcomp,
            Packet::Subscribe(_) => PacketType::Subscribe,
            Packet::Suback(_) => PacketType::Suback,
            Packet::Unsubscribe(_) => PacketType::Unsubscribe,
            Packet::Unsuback(_) => PacketType::Unsuback,
            Packet::Pingreq => PacketType::Pingreq,
            Packet::Pingresp => PacketType::Pingresp,
            Packet::Disconnect(_) => PacketType::Disconnect,
            Packet::Auth(_) => PacketType::Auth,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_stays_small() {
        assert!(size_of::<Packet>() <= 56, "{}", size_of::<Packet>());
        assert_eq!(size_of::<Option<PacketIdentifier>>(), 2);
    }
}
