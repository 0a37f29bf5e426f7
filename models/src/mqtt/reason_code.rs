//! Reason Codes: how an operation ended. MQTT 5.0 §2.4
//!
//! The machines speak in Reason Codes whatever the version; the codec writes them as 5.0 does, or as
//! the return codes of CONNACK and SUBACK of MQTT 3.1 and 3.1.1, which are fewer.

use crate::mqtt::packet::{PacketType, QoS};

/// How an operation ended: below 0x80 well. MQTT 5.0 table 2-6
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum ReasonCode {
    /// 0x00: success; in DISCONNECT a normal disconnection, in SUBACK a grant at QoS 0.
    #[default]
    Success = 0x00,
    /// 0x01: SUBACK: granted at QoS 1.
    GrantedQoS1 = 0x01,
    /// 0x02: SUBACK: granted at QoS 2.
    GrantedQoS2 = 0x02,
    /// 0x04: DISCONNECT: the server is to publish the will all the same.
    DisconnectWithWill = 0x04,
    /// 0x10: accepted, yet nobody has subscribed.
    NoMatchingSubscribers = 0x10,
    /// 0x11: UNSUBACK: there was no such subscription.
    NoSubscriptionExisted = 0x11,
    /// 0x18: AUTH: the exchange goes on.
    ContinueAuthentication = 0x18,
    /// 0x19: AUTH: a new exchange begins.
    ReAuthenticate = 0x19,
    /// 0x80: refused, without saying why; the one failure code of SUBACK before 5.0.
    UnspecifiedError = 0x80,
    /// 0x81: the bytes are no control packet.
    MalformedPacket = 0x81,
    /// 0x82: a packet that may not come here and now, or a value that is not allowed.
    ProtocolError = 0x82,
    /// 0x83: valid, but not accepted by this receiver.
    ImplementationSpecificError = 0x83,
    /// 0x84: the server does not speak this version.
    UnsupportedProtocolVersion = 0x84,
    /// 0x85: the Client Identifier is not allowed.
    ClientIdentifierNotValid = 0x85,
    /// 0x86: the user name or password is wrong.
    BadUserNameOrPassword = 0x86,
    /// 0x87: this client may not do so.
    NotAuthorized = 0x87,
    /// 0x88: the server is not available.
    ServerUnavailable = 0x88,
    /// 0x89: the server is busy.
    ServerBusy = 0x89,
    /// 0x8A: this client has been banned.
    Banned = 0x8A,
    /// 0x8B: the server is shutting down.
    ServerShuttingDown = 0x8B,
    /// 0x8C: the authentication method is not supported, or not the one in use.
    BadAuthenticationMethod = 0x8C,
    /// 0x8D: nothing was heard for one and a half times the Keep Alive.
    KeepAliveTimeout = 0x8D,
    /// 0x8E: another connection uses the same Client Identifier.
    SessionTakenOver = 0x8E,
    /// 0x8F: well formed, but not accepted here.
    TopicFilterInvalid = 0x8F,
    /// 0x90: well formed, but not accepted here.
    TopicNameInvalid = 0x90,
    /// 0x91: the Packet Identifier is in use.
    PacketIdentifierInUse = 0x91,
    /// 0x92: the Packet Identifier is not known.
    PacketIdentifierNotFound = 0x92,
    /// 0x93: more publications under way than the Receive Maximum.
    ReceiveMaximumExceeded = 0x93,
    /// 0x94: a Topic Alias of 0, or above the maximum, or not yet set.
    TopicAliasInvalid = 0x94,
    /// 0x95: larger than the Maximum Packet Size.
    PacketTooLarge = 0x95,
    /// 0x96: data come too fast.
    MessageRateTooHigh = 0x96,
    /// 0x97: a limit of the receiver is reached.
    QuotaExceeded = 0x97,
    /// 0x98: closed by an operator.
    AdministrativeAction = 0x98,
    /// 0x99: the payload is not what its Payload Format Indicator says.
    PayloadFormatInvalid = 0x99,
    /// 0x9A: the server keeps no retained messages.
    RetainNotSupported = 0x9A,
    /// 0x9B: the QoS is above the server's Maximum QoS.
    QoSNotSupported = 0x9B,
    /// 0x9C: use another server, for now.
    UseAnotherServer = 0x9C,
    /// 0x9D: use another server, for good.
    ServerMoved = 0x9D,
    /// 0x9E: the server has no shared subscriptions.
    SharedSubscriptionsNotSupported = 0x9E,
    /// 0x9F: connections come too fast.
    ConnectionRateExceeded = 0x9F,
    /// 0xA0: the longest time allowed for a connection is over.
    MaximumConnectTime = 0xA0,
    /// 0xA1: the server has no Subscription Identifiers.
    SubscriptionIdentifiersNotSupported = 0xA1,
    /// 0xA2: the server has no wildcards in Topic Filters.
    WildcardSubscriptionsNotSupported = 0xA2,
}

impl ReasonCode {
    /// All codes, in the order of their numbers.
    pub const ALL: [ReasonCode; 43] = [
        ReasonCode::Success,
        ReasonCode::GrantedQoS1,
        ReasonCode::GrantedQoS2,
        ReasonCode::DisconnectWithWill,
        ReasonCode::NoMatchingSubscribers,
        ReasonCode::NoSubscriptionExisted,
        ReasonCode::ContinueAuthentication,
        ReasonCode::ReAuthenticate,
        ReasonCode::UnspecifiedError,
        ReasonCode::MalformedPacket,
        ReasonCode::ProtocolError,
        ReasonCode::ImplementationSpecificError,
        ReasonCode::UnsupportedProtocolVersion,
        ReasonCode::ClientIdentifierNotValid,
        ReasonCode::BadUserNameOrPassword,
        ReasonCode::NotAuthorized,
        ReasonCode::ServerUnavailable,
        ReasonCode::ServerBusy,
        ReasonCode::Banned,
        ReasonCode::ServerShuttingDown,
        ReasonCode::BadAuthenticationMethod,
        ReasonCode::KeepAliveTimeout,
        ReasonCode::SessionTakenOver,
        ReasonCode::TopicFilterInvalid,
        ReasonCode::TopicNameInvalid,
        ReasonCode::PacketIdentifierInUse,
        ReasonCode::PacketIdentifierNotFound,
        ReasonCode::ReceiveMaximumExceeded,
        ReasonCode::TopicAliasInvalid,
        ReasonCode::PacketTooLarge,
        ReasonCode::MessageRateTooHigh,
        ReasonCode::QuotaExceeded,
        ReasonCode::AdministrativeAction,
        ReasonCode::PayloadFormatInvalid,
        ReasonCode::RetainNotSupported,
        ReasonCode::QoSNotSupported,
        ReasonCode::UseAnotherServer,
        ReasonCode::ServerMoved,
        ReasonCode::SharedSubscriptionsNotSupported,
        ReasonCode::ConnectionRateExceeded,
        ReasonCode::MaximumConnectTime,
        ReasonCode::SubscriptionIdentifiersNotSupported,
        ReasonCode::WildcardSubscriptionsNotSupported,
    ];

    /// The code of a byte; `None` where table 2-6 has none.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.binary_search_by_key(&byte, |code| *code as u8).ok().map(|at| Self::ALL[at])
    }

    /// Whether the operation failed. MQTT 5.0 §2.4: "0x80 or greater indicate failure"
    #[must_use]
    pub const fn is_failure(self) -> bool {
        self as u8 >= 0x80
    }

    /// Whether this code may stand in a packet of this type. MQTT 5.0 table 2-6
    #[must_use]
    pub fn allowed_in(self, packet_type: PacketType) -> bool {
        let codes: &[u8] = match packet_type {
            PacketType::Connack => &[
                0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95,
                0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
            ],
            PacketType::Puback | PacketType::Pubrec => {
                &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
            }
            PacketType::Pubrel | PacketType::Pubcomp => &[0x00, 0x92],
            PacketType::Suback => &[0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2],
            PacketType::Unsuback => &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91],
            PacketType::Disconnect => &[
                0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94,
                0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
            ],
            PacketType::Auth => &[0x00, 0x18, 0x19],
            PacketType::Connect
            | PacketType::Publish
            | PacketType::Subscribe
            | PacketType::Unsubscribe
            | PacketType::Pingreq
            | PacketType::Pingresp => &[],
        };
        codes.contains(&(self as u8))
    }

    /// The code of SUBACK that grants a QoS.
    #[must_use]
    pub const fn granted(qos: QoS) -> Self {
        match qos {
            QoS::AtMostOnce => ReasonCode::Success,
            QoS::AtLeastOnce => ReasonCode::GrantedQoS1,
            QoS::ExactlyOnce => ReasonCode::GrantedQoS2,
        }
    }

    /// The QoS that a code of SUBACK grants; `None` for a refusal.
    #[must_use]
    pub const fn granted_qos(self) -> Option<QoS> {
        QoS::from_bits(self as u8)
    }

    /// What CONNACK of MQTT 3.1 and 3.1.1 says in its place. MQTT 3.1.1 §3.2.2.3
    #[must_use]
    pub const fn return_code(self) -> u8 {
        match self {
            ReasonCode::Success => 0,
            ReasonCode::UnsupportedProtocolVersion => 1,
            ReasonCode::ClientIdentifierNotValid => 2,
            ReasonCode::BadUserNameOrPassword => 4,
            ReasonCode::NotAuthorized | ReasonCode::Banned | ReasonCode::BadAuthenticationMethod => 5,
            _unavailable => 3,
        }
    }

    /// The code of a return code of MQTT 3.1.1; `None` for the reserved 6 to 255.
    #[must_use]
    pub const fn from_return_code(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(ReasonCode::Success),
            1 => Some(ReasonCode::UnsupportedProtocolVersion),
            2 => Some(ReasonCode::ClientIdentifierNotValid),
            3 => Some(ReasonCode::ServerUnavailable),
            4 => Some(ReasonCode::BadUserNameOrPassword),
            5 => Some(ReasonCode::NotAuthorized),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_are_one_to_one() {
        for byte in 0..=255 {
            assert_eq!(ReasonCode::from_byte(byte).map_or(byte, |code| code as u8), byte);
        }
        assert_eq!((0..=255).filter_map(ReasonCode::from_byte).count(), ReasonCode::ALL.len());
    }

    #[test]
    fn return_codes_survive_the_way_there_and_back() {
        for byte in 0..=5 {
            assert_eq!(ReasonCode::from_return_code(byte).unwrap().return_code(), byte);
        }
        assert_eq!(ReasonCode::from_return_code(6), None);
    }

    #[test]
    fn every_code_belongs_to_some_packet() {
        for code in ReasonCode::ALL {
            assert!(PacketType::ALL.into_iter().any(|packet_type| code.allowed_in(packet_type)), "{code:?}");
        }
    }
}
