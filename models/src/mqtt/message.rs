//! An application message as a machine holds it, and as it goes out on a hop.

use std::num::NonZeroU16;
use std::rc::Rc;

use sim_core::time::SimTime;

use crate::mqtt::codec::MAX_REMAINING_LENGTH;
use crate::mqtt::codec::encode::{Outgoing, PublishHeader, encode_publish, publish_wire_len};
use crate::mqtt::codec::properties::PublishProperties;
use crate::mqtt::packet::{PacketIdentifier, QoS, Version};
use crate::mqtt::properties::Properties;
use crate::mqtt::topic::TopicName;
use crate::stream::{MessageId, Payload};

const SECOND_NS: u64 = 1_000_000_000;

/// What a message of MQTT 5.0 carries beside topic and payload, shared by all its copies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attached {
    /// The properties that are forwarded unaltered, and the Subscription Identifiers of this copy; its
    /// lifetime and Topic Alias are taken out.
    pub properties: Properties,
    /// When the message expires; `SimTime::MAX`: never.
    pub expires_at: SimTime,
}

impl Attached {
    /// What the properties of a PUBLISH or a will that comes `now` leave with the message.
    #[must_use]
    pub fn of(properties: Option<Box<Properties>>, now: SimTime) -> Option<Rc<Self>> {
        let mut properties = *properties?;
        properties.topic_alias = None;
        properties.will_delay_interval_s = None;
        let expires_at = match properties.message_expiry_interval_s.take() {
            Some(seconds) => now.saturating_add(std::time::Duration::from_secs(u64::from(seconds))),
            None => SimTime::MAX,
        };
        let attached = Attached { properties, expires_at };
        let empty = attached.expires_at == SimTime::MAX && attached.properties == Properties::default();
        (!empty).then(|| Rc::new(attached))
    }
}

/// An application message on one hop: what PUBLISH carries, without the state of its delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApplicationMessage {
    /// Where it is published.
    pub topic: TopicName,
    /// The message itself, shared.
    pub payload: Payload,
    /// What MQTT 5.0 attaches to it, shared.
    pub attached: Option<Rc<Attached>>,
    /// Its name in the ledger.
    pub message: MessageId,
    /// The QoS of this hop.
    pub qos: QoS,
    /// RETAIN of this hop.
    pub retain: bool,
}

/// How a PUBLISH says its topic. MQTT 5.0 §3.3.2.3.4
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TopicAs {
    /// By its name.
    Name,
    /// By its name, which this alias stands for from now on.
    NameAndAlias(NonZeroU16),
    /// By an alias.
    Alias(NonZeroU16),
}

/// What a PUBLISH depends on beside its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hop {
    /// The version of the connection.
    pub version: Version,
    /// When it is sent.
    pub now: SimTime,
    /// Present exactly at QoS 1 and 2.
    pub packet_identifier: Option<PacketIdentifier>,
    /// Whether this may be a repetition.
    pub dup: bool,
    /// How the topic is said.
    pub topic_as: TopicAs,
}

impl ApplicationMessage {
    /// Bytes of topic, payload and attached texts, for the accounts of memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        let attached = self.attached.as_ref().map_or(0, |attached| attached.properties.weight());
        self.topic.as_str().len() + self.payload.len() + attached
    }

    /// Bytes of the PUBLISH with its Topic Name, or `None` beyond what MQTT can carry.
    #[must_use]
    pub fn wire_len(&self, version: Version, now: SimTime) -> Option<usize> {
        let properties = match version.has_properties() {
            true => self.properties(now, None).wire_len(),
            false => 0,
        };
        publish_wire_len(self.topic.as_str().len() + properties, self.payload.len(), self.qos)
    }

    /// Whether a PUBLISH of this version can carry it, with any alias: what came in one version may be a
    /// few bytes too long for another.
    #[must_use]
    pub fn fits(&self, version: Version, now: SimTime) -> bool {
        const SURELY_SMALL: usize = 64 << 20;
        const ALIAS_BYTES: usize = 3;
        let pairs = self.attached.as_ref().map_or(0, |attached| attached.properties.user_properties.len());
        if self.weight() + 5 * pairs < SURELY_SMALL {
            return true;
        }
        let longest = MAX_REMAINING_LENGTH as usize + 1 - ALIAS_BYTES;
        self.wire_len(version, now).is_some_and(|bytes| bytes <= longest)
    }

    fn properties(&self, now: SimTime, topic_alias: Option<NonZeroU16>) -> PublishProperties<'_> {
        let attached = self.attached.as_deref();
        PublishProperties {
            stored: attached.map(|attached| &attached.properties),
            message_expiry_interval_s: attached.and_then(|attached| remaining_s(attached.expires_at, now)),
            topic_alias,
        }
    }

    /// Whether its lifetime is over. MQTT 5.0 §3.3.2.3.3
    #[must_use]
    pub fn has_expired(&self, now: SimTime) -> bool {
        self.attached.as_ref().is_some_and(|attached| attached.expires_at <= now)
    }

    /// The Subscription Identifiers of this copy become these.
    pub fn set_subscription_identifiers(&mut self, identifiers: impl Iterator<Item = u32>) {
        let mut identifiers = identifiers.peekable();
        if identifiers.peek().is_none() {
            return;
        }
        let attached = self.attached.get_or_insert_with(|| {
            Rc::new(Attached { properties: Properties::default(), expires_at: SimTime::MAX })
        });
        Rc::make_mut(attached).properties.subscription_identifiers = identifiers.collect();
    }

    /// The bytes of the PUBLISH that carries it.
    #[must_use]
    pub fn encode(&self, hop: Hop) -> Outgoing {
        let ApplicationMessage { topic, payload, message, qos, retain, attached: _ } = self;
        let Hop { version, now, packet_identifier, dup, topic_as } = hop;
        let header = PublishHeader { packet_identifier, qos: *qos, dup, retain: *retain };
        if !version.has_properties() {
            return encode_publish(topic, payload, header, None, *message);
        }
        let topic_alias = match topic_as {
            TopicAs::Name => None,
            TopicAs::NameAndAlias(alias) | TopicAs::Alias(alias) => Some(alias),
        };
        let properties = self.properties(now, topic_alias);
        match topic_as {
            TopicAs::Name | TopicAs::NameAndAlias(_) => {
                encode_publish(topic, payload, header, Some(properties), *message)
            }
            TopicAs::Alias(_) => {
                encode_publish(&TopicName::aliased(), payload, header, Some(properties), *message)
            }
        }
    }
}

// MQTT 5.0 §3.3.2.3.3: "the received value minus the time that the Application Message has been waiting",
// in whole seconds begun
fn remaining_s(expires_at: SimTime, now: SimTime) -> Option<u32> {
    if expires_at == SimTime::MAX {
        return None;
    }
    let left_ns = expires_at.as_nanos().saturating_sub(now.as_nanos());
    Some(u32::try_from(left_ns.div_ceil(SECOND_NS)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_properties_pays_one_pointer() {
        assert_eq!(size_of::<ApplicationMessage>(), 56);
    }

    #[test]
    fn what_fits_one_version_may_not_fit_another() {
        // Topic of one byte, QoS 0: three bytes beside the payload.
        let payload = Payload::from(vec![0; MAX_REMAINING_LENGTH as usize - 3]);
        let topic = TopicName::new("t").unwrap();
        let (message, qos, retain, attached) = (MessageId(1), QoS::AtMostOnce, false, None);
        let application = ApplicationMessage { topic, payload, attached, message, qos, retain };
        assert!(application.wire_len(Version::V3_1_1, SimTime::ZERO).is_some());
        assert_eq!(application.wire_len(Version::V5_0, SimTime::ZERO), None);
        assert!(!application.fits(Version::V5_0, SimTime::ZERO));
        let shorter = ApplicationMessage { payload: application.payload.slice(0..1_000), ..application };
        assert!(shorter.fits(Version::V5_0, SimTime::ZERO));
    }

    #[test]
    fn the_lifetime_forwarded_is_what_is_left() {
        let at = |millis| remaining_s(SimTime::from_secs(10), SimTime::from_millis(millis));
        assert_eq!([at(0), at(999), at(1_000), at(9_500), at(12_000)], [10, 10, 9, 1, 0].map(Some));
        assert_eq!(remaining_s(SimTime::MAX, SimTime::ZERO), None);
    }
}
