//! Properties to bytes and back. MQTT 5.0 §2.2.2

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::mqtt::codec::Malformed;
use crate::mqtt::codec::encode::{Bytes, push_string, push_variable};
use crate::mqtt::codec::fields::Fields;
use crate::mqtt::packet::{PacketType, QoS};
use crate::mqtt::properties::{Place, Properties};
use crate::mqtt::topic::TopicName;

/// The largest Subscription Identifier. MQTT 5.0 §3.8.2.1.2
pub const MAX_SUBSCRIPTION_IDENTIFIER: u32 = 268_435_455;

impl Fields<'_> {
    // MQTT 5.0 §2.2.2: a length, then identifiers with their values
    pub(super) fn properties(&mut self, place: Place) -> Result<Option<Box<Properties>>, Malformed> {
        let length = self.variable()?;
        if length == 0 {
            return Ok(None);
        }
        let mut fields = Fields(self.take(length as usize)?);
        let mut properties = Box::<Properties>::default();
        let mut misplaced = false;
        while !fields.0.is_empty() {
            // An identifier is a variable byte integer, of which only one byte is in use.
            let identifier = fields.byte()?;
            misplaced |= !place.allows(identifier);
            fields.property(identifier, place, &mut properties)?;
        }
        // Found last, so that a property that cannot be read at all is told as such.
        if misplaced {
            return Err(Malformed::PropertyPlace);
        }
        // MQTT 5.0 §3.1.2.11.10: "It is a Protocol Error to include Authentication Data if there is no
        // Authentication Method"
        if properties.authentication_data.is_some() && properties.authentication_method.is_none() {
            return Err(Malformed::PropertyValue);
        }
        Ok(Some(properties))
    }

    fn property(&mut self, identifier: u8, place: Place, to: &mut Properties) -> Result<(), Malformed> {
        match identifier {
            0x01 => set(&mut to.payload_is_utf8, self.flag()?),
            0x02 => set(&mut to.message_expiry_interval_s, self.four_bytes()?),
            0x03 => set(&mut to.content_type, self.text()?),
            0x08 => {
                let topic = TopicName::new(self.string()?).map_err(Malformed::ResponseTopic)?;
                set(&mut to.response_topic, topic)
            }
            0x09 => set(&mut to.correlation_data, Arc::from(self.binary()?)),
            0x0B => self.subscription_identifier(place, &mut to.subscription_identifiers),
            0x11 => set(&mut to.session_expiry_interval_s, self.four_bytes()?),
            0x12 => set(&mut to.assigned_client_identifier, self.text()?),
            0x13 => set(&mut to.server_keep_alive_s, self.two_bytes()?),
            0x15 => set(&mut to.authentication_method, self.text()?),
            0x16 => set(&mut to.authentication_data, Arc::from(self.binary()?)),
            0x17 => set(&mut to.request_problem_information, self.flag()?),
            0x18 => set(&mut to.will_delay_interval_s, self.four_bytes()?),
            0x19 => set(&mut to.request_response_information, self.flag()?),
            0x1A => set(&mut to.response_information, self.text()?),
            0x1C => set(&mut to.server_reference, self.text()?),
            0x1F => set(&mut to.reason_string, self.text()?),
            0x21 => set(&mut to.receive_maximum, self.non_zero_u16(Malformed::PropertyValue)?),
            0x22 => set(&mut to.topic_alias_maximum, self.two_bytes()?),
            // MQTT 5.0 §3.3.2.3.4: an alias of 0 is answered with its own Reason Code
            0x23 => set(&mut to.topic_alias, self.non_zero_u16(Malformed::TopicAlias)?),
            0x24 => {
                let qos = if self.flag()? { QoS::AtLeastOnce } else { QoS::AtMostOnce };
                set(&mut to.maximum_qos, qos)
            }
            0x25 => set(&mut to.retain_available, self.flag()?),
            0x26 => {
                to.user_properties.push((self.text()?, self.text()?));
                Ok(())
            }
            0x27 => {
                let size = NonZeroU32::new(self.four_bytes()?).ok_or(Malformed::PropertyValue)?;
                set(&mut to.maximum_packet_size, size)
            }
            0x28 => set(&mut to.wildcard_subscription_available, self.flag()?),
            0x29 => set(&mut to.subscription_identifiers_available, self.flag()?),
            0x2A => set(&mut to.shared_subscription_available, self.flag()?),
            _unknown => Err(Malformed::PropertyIdentifier),
        }
    }

    fn subscription_identifier(
        &mut self,
        place: Place,
        to: &mut SmallVec<[u32; 2]>,
    ) -> Result<(), Malformed> {
        let identifier = self.variable()?;
        if identifier == 0 {
            return Err(Malformed::SubscriptionIdentifier);
        }
        // MQTT 5.0 §3.3.2.3.8: in PUBLISH there may be several
        if !to.is_empty() && place != Place::Packet(PacketType::Publish) {
            return Err(Malformed::DuplicateProperty);
        }
        to.push(identifier);
        Ok(())
    }

    fn text(&mut self) -> Result<Arc<str>, Malformed> {
        Ok(Arc::from(self.string()?))
    }

    fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::PropertyValue),
        }
    }

    fn non_zero_u16(&mut self, otherwise: Malformed) -> Result<NonZeroU16, Malformed> {
        NonZeroU16::new(self.two_bytes()?).ok_or(otherwise)
    }
}

// MQTT 5.0 §2.2.2.2: "It is a Protocol Error to include [it] more than once"
fn set<T>(to: &mut Option<T>, value: T) -> Result<(), Malformed> {
    match to.replace(value) {
        Some(_) => Err(Malformed::DuplicateProperty),
        None => Ok(()),
    }
}

/// What a PUBLISH carries in MQTT 5.0: what is stored with the message, and what is of this hop.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublishProperties<'a> {
    /// Of the message; its lifetime and alias do not count.
    pub stored: Option<&'a Properties>,
    /// What is left of its lifetime, in seconds.
    pub message_expiry_interval_s: Option<u32>,
    /// The alias on this connection.
    pub topic_alias: Option<NonZeroU16>,
}

impl PublishProperties<'_> {
    /// Bytes of the property length and the properties.
    #[must_use]
    pub fn wire_len(self) -> usize {
        let mut bytes = Bytes::new();
        self.push(&mut bytes);
        bytes.len()
    }

    /// The property length and the properties, at the end of `to`.
    pub(super) fn push(self, to: &mut Bytes) {
        let mut body = Bytes::new();
        push_four(&mut body, 0x02, self.message_expiry_interval_s);
        push_two(&mut body, 0x23, self.topic_alias.map(NonZeroU16::get));
        if let Some(stored) = self.stored {
            push_of_message(&mut body, stored);
        }
        push_block(to, &body);
    }
}

/// The property length and the properties, at the end of `to`.
pub(super) fn push_properties(to: &mut Bytes, properties: Option<&Properties>) {
    let Some(p) = properties else {
        to.push(0);
        return;
    };
    let mut body = Bytes::new();
    push_four(&mut body, 0x02, p.message_expiry_interval_s);
    push_two(&mut body, 0x23, p.topic_alias.map(NonZeroU16::get));
    push_of_message(&mut body, p);
    push_of_connection(&mut body, p);
    push_block(to, &body);
}

// User properties go last, for they may be long.
fn push_of_message(body: &mut Bytes, p: &Properties) {
    push_flag(body, 0x01, p.payload_is_utf8);
    push_text(body, 0x03, p.content_type.as_deref());
    push_text(body, 0x08, p.response_topic.as_ref().map(TopicName::as_str));
    push_data(body, 0x09, p.correlation_data.as_deref());
    for identifier in &p.subscription_identifiers {
        assert!((1..=MAX_SUBSCRIPTION_IDENTIFIER).contains(identifier), "a Subscription Identifier");
        body.push(0x0B);
        push_variable(body, *identifier);
    }
    for (name, value) in &p.user_properties {
        body.push(0x26);
        push_string(body, name.as_bytes());
        push_string(body, value.as_bytes());
    }
}

// Any order will do; this one makes CONNACK as Mosquitto writes it.
fn push_of_connection(body: &mut Bytes, p: &Properties) {
    push_two(body, 0x22, p.topic_alias_maximum);
    push_four(body, 0x11, p.session_expiry_interval_s);
    push_text(body, 0x12, p.assigned_client_identifier.as_deref());
    push_two(body, 0x13, p.server_keep_alive_s);
    push_text(body, 0x15, p.authentication_method.as_deref());
    push_data(body, 0x16, p.authentication_data.as_deref());
    push_flag(body, 0x17, p.request_problem_information);
    push_four(body, 0x18, p.will_delay_interval_s);
    push_flag(body, 0x19, p.request_response_information);
    push_text(body, 0x1A, p.response_information.as_deref());
    push_text(body, 0x1C, p.server_reference.as_deref());
    push_text(body, 0x1F, p.reason_string.as_deref());
    push_flag(body, 0x25, p.retain_available);
    push_four(body, 0x27, p.maximum_packet_size.map(NonZeroU32::get));
    push_flag(body, 0x28, p.wildcard_subscription_available);
    push_flag(body, 0x29, p.subscription_identifiers_available);
    push_flag(body, 0x2A, p.shared_subscription_available);
    push_two(body, 0x21, p.receive_maximum.map(NonZeroU16::get));
    push_flag(body, 0x24, p.maximum_qos.map(|qos| qos != QoS::AtMostOnce));
}

fn push_block(to: &mut Bytes, body: &[u8]) {
    push_variable(to, body.len() as u32);
    to.extend_from_slice(body);
}

fn push_flag(body: &mut Bytes, identifier: u8, value: Option<bool>) {
    if let Some(value) = value {
        body.extend_from_slice(&[identifier, u8::from(value)]);
    }
}

fn push_two(body: &mut Bytes, identifier: u8, value: Option<u16>) {
    if let Some(value) = value {
        body.push(identifier);
        body.extend_from_slice(&value.to_be_bytes());
    }
}

fn push_four(body: &mut Bytes, identifier: u8, value: Option<u32>) {
    if let Some(value) = value {
        body.push(identifier);
        body.extend_from_slice(&value.to_be_bytes());
    }
}

fn push_text(body: &mut Bytes, identifier: u8, value: Option<&str>) {
    push_data(body, identifier, value.map(str::as_bytes));
}

fn push_data(body: &mut Bytes, identifier: u8, value: Option<&[u8]>) {
    if let Some(value) = value {
        body.push(identifier);
        push_string(body, value);
    }
}
