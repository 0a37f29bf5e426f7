//! The fields inside a control packet, read in order. MQTT 3.1.1 §1.5

use std::sync::Arc;

use crate::mqtt::codec::Malformed;
use crate::mqtt::packet::{Connack, Connect, ConnectReturnCode, PacketIdentifier, QoS, Suback, Subscribe};
use crate::mqtt::packet::{Unsubscribe, Version, Will};
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::Payload;

/// What is left of a packet.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    fn two_bytes(&mut self) -> Result<u16, Malformed> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.two_bytes()?;
        self.take(usize::from(length))
    }

    fn string(&mut self) -> Result<&'a str, Malformed> {
        utf8(self.binary()?)
    }

    pub(super) fn packet_identifier(&mut self) -> Result<PacketIdentifier, Malformed> {
        // MQTT 3.1.1 §2.3.1: non-zero
        PacketIdentifier::new(self.two_bytes()?).ok_or(Malformed::PacketIdentifier)
    }

    // MQTT 3.1.1 §3.1
    pub(super) fn connect(&mut self) -> Result<Connect, Malformed> {
        let protocol_name = self.binary()?;
        if protocol_name != b"MQTT" && protocol_name != b"MQIsdp" {
            return Err(Malformed::ProtocolName);
        }
        let protocol_level = self.byte()?;
        let version = Version::of(protocol_name, protocol_level).ok_or(Malformed::ProtocolLevel)?;
        let flags = self.byte()?;
        // MQTT 3.1.1 §3.1.2.3: "MUST validate that the reserved flag [...] is set to zero"
        if flags & 1 != 0 {
            return Err(Malformed::ReservedConnectFlag);
        }
        let has_will = flags & 1 << 2 != 0;
        let will_qos = QoS::from_bits(flags >> 3 & 3).ok_or(Malformed::WillFlags)?;
        let will_retain = flags & 1 << 5 != 0;
        if !has_will && (will_qos != QoS::AtMostOnce || will_retain) {
            return Err(Malformed::WillFlags);
        }
        let (has_password, has_user_name) = (flags & 1 << 6 != 0, flags & 1 << 7 != 0);
        if has_password && !has_user_name {
            return Err(Malformed::PasswordWithoutUserName);
        }
        let keep_alive_s = self.two_bytes()?;
        let client_identifier = Arc::from(self.string()?);
        let will = match has_will {
            true => Some(self.will(will_qos, will_retain)?),
            false => None,
        };
        let user_name = match has_user_name {
            true => Some(Arc::from(self.string()?)),
            false => None,
        };
        let password = match has_password {
            true => Some(Arc::from(self.binary()?)),
            false => None,
        };
        let clean_session = flags & 1 << 1 != 0;
        Ok(Connect { version, clean_session, keep_alive_s, client_identifier, will, user_name, password })
    }

    fn will(&mut self, qos: QoS, retain: bool) -> Result<Will, Malformed> {
        let topic = TopicName::new(self.string()?).map_err(Malformed::TopicName)?;
        let payload = Payload::from(self.binary()?);
        Ok(Will { topic, payload, qos, retain })
    }

    // MQTT 3.1.1 §3.2.2
    pub(super) fn connack(&mut self) -> Result<Connack, Malformed> {
        let flags = self.byte()?;
        let return_code = ConnectReturnCode::from_byte(self.byte()?).ok_or(Malformed::ConnectReturnCode)?;
        let session_present = flags & 1 != 0;
        // MQTT 3.1.1 §3.2.2.2: Session Present only with return code 0
        if flags & !1 != 0 || session_present && return_code != ConnectReturnCode::Accepted {
            return Err(Malformed::ConnackFlags);
        }
        Ok(Connack { session_present, return_code })
    }

    // MQTT 3.1.1 §3.8
    pub(super) fn subscribe(&mut self) -> Result<Subscribe, Malformed> {
        let packet_identifier = self.packet_identifier()?;
        let mut filters = Vec::new();
        while !self.0.is_empty() {
            let filter = self.topic_filter()?;
            let qos = QoS::from_bits(self.byte()?).ok_or(Malformed::RequestedQoS)?;
            filters.push((filter, qos));
        }
        // MQTT 3.1.1 §3.8.3: "MUST contain at least one"
        if filters.is_empty() {
            return Err(Malformed::NoTopicFilter);
        }
        Ok(Subscribe { packet_identifier, filters })
    }

    // MQTT 3.1.1 §3.9
    pub(super) fn suback(&mut self) -> Result<Suback, Malformed> {
        let packet_identifier = self.packet_identifier()?;
        let mut return_codes = Vec::with_capacity(self.0.len());
        while !self.0.is_empty() {
            return_codes.push(match self.byte()? {
                0x80 => None,
                code => Some(QoS::from_bits(code).ok_or(Malformed::SubackReturnCode)?),
            });
        }
        if return_codes.is_empty() {
            return Err(Malformed::NoTopicFilter);
        }
        Ok(Suback { packet_identifier, return_codes })
    }

    // MQTT 3.1.1 §3.10
    pub(super) fn unsubscribe(&mut self) -> Result<Unsubscribe, Malformed> {
        let packet_identifier = self.packet_identifier()?;
        let mut filters = Vec::new();
        while !self.0.is_empty() {
            filters.push(self.topic_filter()?);
        }
        if filters.is_empty() {
            return Err(Malformed::NoTopicFilter);
        }
        Ok(Unsubscribe { packet_identifier, filters })
    }

    fn topic_filter(&mut self) -> Result<TopicFilter, Malformed> {
        TopicFilter::new(self.string()?).map_err(Malformed::TopicFilter)
    }
}

/// A string as MQTT allows it. MQTT 3.1.1 §1.5.3: well-formed UTF-8 (which excludes surrogates),
/// without U+0000.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    if bytes.contains(&0) {
        return Err(Malformed::NullCharacter);
    }
    std::str::from_utf8(bytes).map_err(|_| Malformed::Utf8)
}
