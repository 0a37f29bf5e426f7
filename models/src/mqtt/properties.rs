//! Properties: what MQTT 5.0 lets packets carry beside their fields. MQTT 5.0 §2.2.2
//!
//! One type holds them all; which may stand where is table 2-4, and the codec sees to it. A packet
//! without properties has `None` where its box would be, and so has every packet before MQTT 5.0.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::mqtt::packet::{PacketType, QoS};
use crate::mqtt::topic::TopicName;

/// The properties of a packet or of a will. `None` and empty: not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Properties {
    /// 0x01: whether the payload is UTF-8 text. MQTT 5.0 §3.3.2.3.2
    pub payload_is_utf8: Option<bool>,
    /// 0x02: lifetime of the message in seconds. MQTT 5.0 §3.3.2.3.3
    pub message_expiry_interval_s: Option<u32>,
    /// 0x03: the content, described. MQTT 5.0 §3.3.2.3.9
    pub content_type: Option<Arc<str>>,
    /// 0x08: where the answer is to be published. MQTT 5.0 §3.3.2.3.5
    pub response_topic: Option<TopicName>,
    /// 0x09: which request an answer is for. MQTT 5.0 §3.3.2.3.6
    pub correlation_data: Option<Arc<[u8]>>,
    /// 0x0B: in SUBSCRIBE the one to be given to the subscriptions, in PUBLISH those of all
    /// subscriptions that matched; 1 to 268,435,455. MQTT 5.0 §3.3.2.3.8
    pub subscription_identifiers: SmallVec<[u32; 2]>,
    /// 0x11: seconds that the session outlives its connection; `u32::MAX`: for ever.
    /// MQTT 5.0 §3.1.2.11.2
    pub session_expiry_interval_s: Option<u32>,
    /// 0x12: the name that the server gave. MQTT 5.0 §3.2.2.3.7
    pub assigned_client_identifier: Option<Arc<str>>,
    /// 0x13: the Keep Alive to use instead, in seconds. MQTT 5.0 §3.2.2.3.14
    pub server_keep_alive_s: Option<u16>,
    /// 0x15: how to authenticate. MQTT 5.0 §3.1.2.11.9
    pub authentication_method: Option<Arc<str>>,
    /// 0x16: what the method says; only with a method. MQTT 5.0 §3.1.2.11.10
    pub authentication_data: Option<Arc<[u8]>>,
    /// 0x17: whether reasons may be explained in packets other than CONNACK, DISCONNECT and PUBLISH;
    /// absent: yes. MQTT 5.0 §3.1.2.11.7
    pub request_problem_information: Option<bool>,
    /// 0x18: seconds between the end of a connection and its will. MQTT 5.0 §3.1.3.2.2
    pub will_delay_interval_s: Option<u32>,
    /// 0x19: whether CONNACK may carry Response Information; absent: no. MQTT 5.0 §3.1.2.11.6
    pub request_response_information: Option<bool>,
    /// 0x1A: a basis for Response Topics. MQTT 5.0 §3.2.2.3.15
    pub response_information: Option<Arc<str>>,
    /// 0x1C: another server to use. MQTT 5.0 §4.11
    pub server_reference: Option<Arc<str>>,
    /// 0x1F: the reason, for people. MQTT 5.0 §2.2.2
    pub reason_string: Option<Arc<str>>,
    /// 0x21: publications of QoS 1 and 2 under way at most; absent: 65,535. MQTT 5.0 §3.1.2.11.3
    pub receive_maximum: Option<NonZeroU16>,
    /// 0x22: the highest Topic Alias accepted; absent: 0, none. MQTT 5.0 §3.1.2.11.5
    pub topic_alias_maximum: Option<u16>,
    /// 0x23: a number in place of the Topic Name. MQTT 5.0 §3.3.2.3.4
    pub topic_alias: Option<NonZeroU16>,
    /// 0x24: the highest QoS that the server takes, 0 or 1; absent: 2. MQTT 5.0 §3.2.2.3.4
    pub maximum_qos: Option<QoS>,
    /// 0x25: whether the server keeps retained messages; absent: yes. MQTT 5.0 §3.2.2.3.5
    pub retain_available: Option<bool>,
    /// 0x26: pairs of names and values, kept in order. MQTT 5.0 §3.3.2.3.7
    pub user_properties: Vec<(Arc<str>, Arc<str>)>,
    /// 0x27: bytes of the largest packet accepted; absent: no limit. MQTT 5.0 §3.1.2.11.4
    pub maximum_packet_size: Option<NonZeroU32>,
    /// 0x28: whether Topic Filters may have wildcards; absent: yes. MQTT 5.0 §3.2.2.3.11
    pub wildcard_subscription_available: Option<bool>,
    /// 0x29: whether the server has Subscription Identifiers; absent: yes. MQTT 5.0 §3.2.2.3.12
    pub subscription_identifiers_available: Option<bool>,
    /// 0x2A: whether the server has shared subscriptions; absent: yes. MQTT 5.0 §3.2.2.3.13
    pub shared_subscription_available: Option<bool>,
}

/// Where properties stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the variable header of a packet.
    Packet(PacketType),
    /// In the payload of CONNECT, before the will. MQTT 5.0 §3.1.3.2
    Will,
}

impl Place {
    /// Whether the property of this identifier may stand here. MQTT 5.0 table 2-4
    #[must_use]
    pub fn allows(self, identifier: u8) -> bool {
        let allowed: &[u8] = match self {
            Place::Will => &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26],
            Place::Packet(packet_type) => match packet_type {
                PacketType::Connect => &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27],
                PacketType::Connack => &[
                    0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28,
                    0x29, 0x2A,
                ],
                PacketType::Publish => &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26],
                PacketType::Puback
                | PacketType::Pubrec
                | PacketType::Pubrel
                | PacketType::Pubcomp
                | PacketType::Suback
                | PacketType::Unsuback => &[0x1F, 0x26],
                PacketType::Subscribe => &[0x0B, 0x26],
                PacketType::Unsubscribe => &[0x26],
                PacketType::Disconnect => &[0x11, 0x1C, 0x1F, 0x26],
                PacketType::Auth => &[0x15, 0x16, 0x1F, 0x26],
                PacketType::Pingreq | PacketType::Pingresp => &[],
            },
        };
        allowed.contains(&identifier)
    }
}

impl Properties {
    /// These properties in their box, or `None` when there are none.
    #[must_use]
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Properties::default()).then(|| Box::new(self))
    }

    /// Bytes of the texts and data that a stored message keeps of these, for the accounts of memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = self.user_properties.iter().map(|(name, value)| name.len() + value.len());
        texts.sum::<usize>()
            + self.content_type.as_ref().map_or(0, |text| text.len())
            + self.response_topic.as_ref().map_or(0, |topic| topic.as_str().len())
            + self.correlation_data.as_ref().map_or(0, |data| data.len())
    }
}
