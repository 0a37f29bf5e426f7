//! What MQTT 5.0 adds, from the keys of a scenario to the properties of packets.

use std::num::NonZeroU16;
use std::sync::Arc;

use models::mqtt::{Properties, SubscriptionOptions, TopicName};

use super::super::quantity::Span;
use super::super::schema::{MessageProperties, Mqtt, Subscription, Will};
use super::client::qos;

/// Whole seconds of a checked span.
pub(super) fn seconds(span: Span) -> u32 {
    u32::try_from(span.0.as_secs()).unwrap_or(u32::MAX)
}

fn pairs(written: &[(String, String)]) -> Vec<(Arc<str>, Arc<str>)> {
    written.iter().map(|(name, value)| (Arc::from(name.as_str()), Arc::from(value.as_str()))).collect()
}

/// The properties of CONNECT; the Maximum Packet Size comes from the client's limit.
pub(super) fn of_connect(mqtt: &Mqtt) -> Option<Box<Properties>> {
    let properties = Properties {
        session_expiry_interval_s: mqtt.session_expiry.map(seconds),
        receive_maximum: mqtt.receive_maximum.and_then(NonZeroU16::new),
        topic_alias_maximum: mqtt.topic_alias_maximum,
        request_response_information: mqtt.request_response_information,
        request_problem_information: mqtt.request_problem_information,
        user_properties: pairs(mqtt.user_properties.as_deref().unwrap_or_default()),
        ..Properties::default()
    };
    properties.boxed()
}

/// The properties of a message; `index` is that of the fleet's member.
pub(super) fn of_message(written: Option<&MessageProperties>, index: u32) -> Option<Box<Properties>> {
    let written = written?;
    let properties = Properties {
        message_expiry_interval_s: written.message_expiry.map(seconds),
        payload_is_utf8: written.payload_is_utf8,
        content_type: written.content_type.as_deref().map(Arc::from),
        response_topic: written.response_topic.as_ref().and_then(|topic| {
            let name = topic.0.expand(index);
            TopicName::new(&name).ok()
        }),
        correlation_data: written.correlation_data.as_deref().map(|text| Arc::from(text.as_bytes())),
        user_properties: pairs(&written.user_properties),
        ..Properties::default()
    };
    properties.boxed()
}

/// The properties of a will.
pub(super) fn of_will(will: &Will, index: u32) -> Option<Box<Properties>> {
    let message = of_message(will.properties.as_ref(), index).unwrap_or_default();
    Properties { will_delay_interval_s: will.delay.map(seconds), ..*message }.boxed()
}

/// The options of a subscription.
pub(super) fn options(wanted: &Subscription) -> SubscriptionOptions {
    SubscriptionOptions {
        qos: qos(wanted.qos),
        no_local: wanted.no_local.unwrap_or_default(),
        retain_as_published: wanted.retain_as_published.unwrap_or_default(),
        retain_handling: wanted.retain_handling.unwrap_or_default(),
    }
}
