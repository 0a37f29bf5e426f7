//! The fields inside a control packet, read in order. MQTT 3.1.1 §1.5, MQTT 5.0 §1.5

use std::sync::Arc;

use crate::mqtt::codec::Malformed;
use crate::mqtt::packet::{
    Acknowledgement, Auth, Connack, Connect, Disconnect, PacketIdentifier, PacketType,
};
use crate::mqtt::packet::{Properties, QoS, ReasonCode, Suback, Subscribe, SubscriptionOptions};
use crate::mqtt::packet::{Unsuback, Unsubscribe, Version, Will};
use crate::mqtt::properties::Place;
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::Payload;

struct ConnectFlags {
    clean_session: bool,
    will: Option<(QoS, bool)>,
    user_name: bool,
    password: bool,
}

/// What is left of a packet.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn two_bytes(&mut self) -> Result<u16, Malformed> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.two_bytes()?;
        self.take(usize::from(length))
    }

    pub(super) fn string(&mut self) -> Result<&'a str, Malformed> {
        utf8(self.binary()?)
    }

    pub(super) fn four_bytes(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    // MQTT 5.0 §1.5.5: seven bits a byte, least significant first, four bytes at most
    pub(super) fn variable(&mut self) -> Result<u32, Malformed> {
        let mut value = 0;
        for i in 0..4 {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7F) << (7 * i);
            if byte & 0x80 == 0 {
                // MQTT 5.0 §1.5.5: "the minimum number of bytes necessary"
                return if byte == 0 && i > 0 { Err(Malformed::VariableByteInteger) } else { Ok(value) };
            }
        }
        Err(Malformed::VariableByteInteger)
    }

    pub(super) fn packet_identifier(&mut self) -> Result<PacketIdentifier, Malformed> {
        // MQTT 3.1.1 §2.3.1: non-zero
        PacketIdentifier::new(self.two_bytes()?).ok_or(Malformed::PacketIdentifier)
    }

    /// The version that a CONNECT begins with, whatever else is wrong with it.
    pub(super) fn connect_version(&mut self) -> Option<Version> {
        let protocol_name = self.binary().ok()?;
        Version::of_bridge(protocol_name, self.byte().ok()?).map(|(version, _)| version)
    }

    // MQTT 3.1.1 §3.1, MQTT 5.0 §3.1
    pub(super) fn connect(&mut self) -> Result<Connect, Malformed> {
        let protocol_name = self.binary()?;
        if protocol_name != b"MQTT" && protocol_name != b"MQIsdp" {
            return Err(Malformed::ProtocolName);
        }
        let protocol_level = self.byte()?;
        let (version, bridge) =
            Version::of_bridge(protocol_name, protocol_level).ok_or(Malformed::ProtocolLevel)?;
        let flags = self.connect_flags(version)?;
        let keep_alive_s = self.two_bytes()?;
        let properties = self.properties_in(version, Place::Packet(PacketType::Connect))?;
        let client_identifier = Arc::from(self.string()?);
        let will = match flags.will {
            Some((qos, retain)) => Some(self.will(version, qos, retain)?),
            None => None,
        };
        // MQTT 3.1 §3.1: "the Remaining Length field from the fixed header takes precedence over the
        // User Name flag", and over the Password flag
        let left = |fields: &Self| version != Version::V3_1 || !fields.0.is_empty();
        let user_name = match flags.user_name && left(self) {
            true => Some(Arc::from(self.string()?)),
            false => None,
        };
        let password = match flags.password && left(self) {
            true => Some(Arc::from(self.binary()?)),
            false => None,
        };
        Ok(Connect {
            version,
            bridge,
            clean_session: flags.clean_session,
            keep_alive_s,
            client_identifier,
            will,
            user_name,
            password,
            properties,
        })
    }

    fn connect_flags(&mut self, version: Version) -> Result<ConnectFlags, Malformed> {
        let flags = self.byte()?;
        let strict = version != Version::V3_1;
        // MQTT 3.1.1 §3.1.2.3: "MUST validate that the reserved flag [...] is set to zero"
        if flags & 1 != 0 && strict {
            return Err(Malformed::ReservedConnectFlag);
        }
        let has_will = flags & 1 << 2 != 0;
        let will_qos = QoS::from_bits(flags >> 3 & 3);
        let will_retain = flags & 1 << 5 != 0;
        let will = match (has_will, will_qos) {
            (true, Some(qos)) => Some((qos, will_retain)),
            (false, _) if !strict => None,
            (false, Some(QoS::AtMostOnce)) if !will_retain => None,
            (true, None) | (false, _) => return Err(Malformed::WillFlags),
        };
        let (password, user_name) = (flags & 1 << 6 != 0, flags & 1 << 7 != 0);
        // MQTT 5.0 §3.1.2.9 allows a password alone.
        if password && !user_name && !version.has_properties() {
            return Err(Malformed::PasswordWithoutUserName);
        }
        Ok(ConnectFlags { clean_session: flags & 1 << 1 != 0, will, user_name, password })
    }

    fn will(&mut self, version: Version, qos: QoS, retain: bool) -> Result<Will, Malformed> {
        let properties = self.properties_in(version, Place::Will)?;
        let topic = TopicName::new(self.string()?).map_err(Malformed::TopicName)?;
        let payload = Payload::from(self.binary()?);
        Ok(Will { topic, payload, qos, retain, properties })
    }

    fn properties_in(
        &mut self,
        version: Version,
        place: Place,
    ) -> Result<Option<Box<Properties>>, Malformed> {
        match version.has_properties() {
            true => self.properties(place),
            false => Ok(None),
        }
    }

    // MQTT 3.1.1 §3.2.2, MQTT 5.0 §3.2.2
    pub(super) fn connack(&mut self, version: Version) -> Result<Connack, Malformed> {
        let flags = self.byte()?;
        let reason_code = match version {
            Version::V3_1 | Version::V3_1_1 => {
                ReasonCode::from_return_code(self.byte()?).ok_or(Malformed::ConnectReturnCode)?
            }
            Version::V5_0 => self.reason_code(PacketType::Connack)?,
        };
        let properties = self.properties_in(version, Place::Packet(PacketType::Connack))?;
        let session_present = flags & 1 != 0;
        match version {
            // MQTT 3.1 §3.2: the byte is "Reserved values. Not used."
            Version::V3_1 => return Ok(Connack { session_present: false, reason_code, properties }),
            Version::V3_1_1 | Version::V5_0 => {}
        }
        // MQTT 3.1.1 §3.2.2.2: Session Present only with return code 0
        if flags & !1 != 0 || session_present && reason_code != ReasonCode::Success {
            return Err(Malformed::ConnackFlags);
        }
        Ok(Connack { session_present, reason_code, properties })
    }

    fn reason_code(&mut self, packet_type: PacketType) -> Result<ReasonCode, Malformed> {
        ReasonCode::from_byte(self.byte()?)
            .filter(|code| code.allowed_in(packet_type))
            .ok_or(Malformed::ReasonCode)
    }

    // MQTT 5.0 §3.4.2.1: "The Reason Code and Property Length can be omitted"
    fn reason_and_properties(
        &mut self,
        version: Version,
        packet_type: PacketType,
    ) -> Result<(ReasonCode, Option<Box<Properties>>), Malformed> {
        if !version.has_properties() || self.0.is_empty() {
            return Ok((ReasonCode::Success, None));
        }
        let reason_code = self.reason_code(packet_type)?;
        let properties = match self.0.is_empty() {
            true => None,
            false => self.properties(Place::Packet(packet_type))?,
        };
        Ok((reason_code, properties))
    }

    // PUBACK, PUBREC, PUBREL and PUBCOMP. MQTT 3.1.1 §3.4, MQTT 5.0 §3.4
    pub(super) fn acknowledgement(
        &mut self,
        version: Version,
        packet_type: PacketType,
    ) -> Result<Acknowledgement, Malformed> {
        let packet_identifier = self.packet_identifier()?;
        let (reason_code, properties) = self.reason_and_properties(version, packet_type)?;
        Ok(Acknowledgement { packet_identifier, reason_code, properties })
    }

    // MQTT 5.0 §3.14
    pub(super) fn disconnect(&mut self, version: Version) -> Result<Disconnect, Malformed> {
        let (reason_code, properties) = self.reason_and_properties(version, PacketType::Disconnect)?;
        Ok(Disconnect { reason_code, properties })
    }

    // MQTT 5.0 §3.15
    pub(super) fn auth(&mut self, version: Version) -> Result<Auth, Malformed> {
        let (reason_code, properties) = self.reason_and_properties(version, PacketType::Auth)?;
        // MQTT 5.0 §3.15.2.2.2: "It is a Protocol Error to omit the Authentication Method"; only a bare
        // success needs none.
        let method = properties.as_ref().and_then(|properties| properties.authentication_method.as_ref());
        if reason_code != ReasonCode::Success && method.is_none() {
            return Err(Malformed::PropertyValue);
        }
        Ok(Auth { reason_code, properties })
    }

    // MQTT 3.1.1 §3.8, MQTT 5.0 §3.8
    pub(super) fn subscribe(&mut self, version: Version) -> Result<Subscribe, Malformed> {
        let packet_identifier = self.packet_identifier()?;
        let properties = self.properties_in(version, Place::Packet(PacketType::Subscribe))?;
        let mut filters = Vec::new();
        while !self.0.is_empty() {
            let filter = self.topic_filter()?;
            let options = self.subscription_options(version)?;
            // MQTT 5.0 §3.8.3.1: "a Protocol Error to set the No Local bit to 1 on a Shared Subscription"
            if options.no_local && filter.as_str().starts_with("$share/") {
                return Err(Malformed::PropertyValue);
            }
            filters.push((filter, options));
        }
        // MQTT 3.1.1 §3.8.3: "MUST contain at least one"
        if filters.is_empty() {
            return Err(Malformed::NoTopicFilter);
        }
        Ok(Subscribe { packet_identifier, filters, properties })
    }

    fn subscription_options(&mut self, version: Version) -> Result<SubscriptionOptions, Malformed> {
        let byte = self.byte()?;
        match version {
            Version::V3_1_1 => QoS::from_bits(byte).map(SubscriptionOptions::from),
            // MQTT 3.1 §3.8: the upper six bits "are not used"
            Version::V3_1 => QoS::from_bits(byte & 3).map(SubscriptionOptions::from),
            Version::V5_0 if byte & 0xC0 != 0 => return Err(Malformed::SubscriptionOptions),
            Version::V5_0 => SubscriptionOptions::from_byte(byte),
        }
        .ok_or(Malformed::RequestedQoS)
    }

    // MQTT 3.1.1 §3.9, MQTT 5.0 §3.9
    pub(super) fn suback(&mut self, version: Version) -> Result<Suback, Malformed> {
        let packet_identifier = self.packet_identifier()?;
        let properties = self.properties_in(version, Place::Packet(PacketType::Suback))?;
        let mut reason_codes = Vec::with_capacity(self.0.len());
        while !self.0.is_empty() {
            let reason_code = self.reason_code(PacketType::Suback);
            reason_codes.push(match version {
                Version::V3_1 | Version::V3_1_1 => reason_code
                    .ok()
                    .filter(|code| *code <= ReasonCode::UnspecifiedError)
                    .ok_or(Malformed::SubackReturnCode)?,
                Version::V5_0 => reason_code?,
            });
        }
        if reason_codes.is_empty() {
            return Err(Malformed::NoTopicFilter);
        }
        Ok(Suback { packet_identifier, reason_codes, properties })
    }

    // MQTT 3.1.1 §3.10, MQTT 5.0 §3.10
    pub(super) fn unsubscribe(&mut self, version: Version) -> Result<Unsubscribe, Malformed> {
        let packet_identifier = self.packet_identifier()?;
        let properties = self.properties_in(version, Place::Packet(PacketType::Unsubscribe))?;
        let mut filters = Vec::new();
        while !self.0.is_empty() {
            filters.push(self.topic_filter()?);
        }
        if filters.is_empty() {
            return Err(Malformed::NoTopicFilter);
        }
        Ok(Unsubscribe { packet_identifier, filters, properties })
    }

    // MQTT 3.1.1 §3.11, MQTT 5.0 §3.11
    pub(super) fn unsuback(&mut self, version: Version) -> Result<Unsuback, Malformed> {
        let packet_identifier = self.packet_identifier()?;
        let mut unsuback = Unsuback { packet_identifier, reason_codes: Vec::new(), properties: None };
        if version.has_properties() {
            unsuback.properties = self.properties(Place::Packet(PacketType::Unsuback))?;
            while !self.0.is_empty() {
                unsuback.reason_codes.push(self.reason_code(PacketType::Unsuback)?);
            }
            if unsuback.reason_codes.is_empty() {
                return Err(Malformed::NoTopicFilter);
            }
        }
        Ok(unsuback)
    }

    fn topic_filter(&mut self) -> Result<TopicFilter, Malformed> {
        TopicFilter::new(self.string()?).map_err(Malformed::TopicFilter)
    }
}

/// A string as MQTT allows it. MQTT 3.1.1 §1.5.3: well-formed UTF-8 (which excludes surrogates),
/// without U+0000.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    // Nearly every string is free of all that is looked at more closely.
    let plain = |byte: &u8| (0x20..0x7F).contains(byte);
    if !bytes.iter().all(plain) {
        if bytes.contains(&0) {
            return Err(Malformed::NullCharacter);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
        // "If a receiver receives a Control Packet containing any of them it MAY close": U+0001 to U+001F
        // and U+007F to U+009F. Mosquitto closes, so does this.
        if text.chars().any(char::is_control) {
            return Err(Malformed::ControlCharacter);
        }
        return Ok(text);
    }
    std::str::from_utf8(bytes).map_err(|_| Malformed::Utf8)
}
