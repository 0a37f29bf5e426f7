//! Packets of all types and versions at random.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use proptest::prelude::*;

use crate::mqtt::packet::{
    Acknowledgement, Auth, Connack, Connect, Disconnect, Packet, PacketIdentifier, PacketType, Properties,
    Publish, QoS, ReasonCode, RetainHandling, Suback, Subscribe, SubscriptionOptions, Unsuback, Unsubscribe,
    Version, Will,
};
use crate::mqtt::properties::Place;
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::Payload;

pub fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(Version::ALL.to_vec())
}

/// A version, and what `of` makes of it.
pub fn versioned<S: Strategy>(of: impl Fn(Version) -> S) -> impl Strategy<Value = (Version, S::Value)> {
    version().prop_flat_map(move |version| (Just(version), of(version)))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9/]{1,12}", "[^\\p{Cc}]{1,40}", Just("x".repeat(300))]
}

fn shared_text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![Just(String::new()), text()].prop_map(Arc::from)
}

fn data() -> impl Strategy<Value = Arc<[u8]>> {
    prop::collection::vec(any::<u8>(), 0..30).prop_map(Arc::from)
}

fn topic() -> impl Strategy<Value = TopicName> {
    text().prop_map(|text| TopicName::new(&text.replace(['+', '#'], "_")).unwrap())
}

fn filter() -> impl Strategy<Value = TopicFilter> {
    let level = prop_oneof![Just("+".to_string()), "[a-zé$]{0,5}"];
    (prop::collection::vec(level, 1..5), any::<bool>()).prop_filter_map("not empty", |(levels, open)| {
        let text = levels.join("/");
        TopicFilter::new(&if open { text + "/#" } else { text }).ok()
    })
}

fn qos() -> impl Strategy<Value = QoS> {
    prop::sample::select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
}

fn id() -> impl Strategy<Value = PacketIdentifier> {
    (1..=u16::MAX).prop_map(|number| PacketIdentifier::new(number).unwrap())
}

fn payload() -> impl Strategy<Value = Payload> {
    prop::collection::vec(any::<u8>(), 0..300).prop_map(Payload::from)
}

fn maybe<S: Strategy>(place: Place, identifier: u8, value: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    let allowed = place.allows(identifier);
    prop::option::weighted(0.3, value).prop_map(move |value| value.filter(|_| allowed))
}

fn of_message(place: Place) -> impl Strategy<Value = Properties> {
    let identifiers = if place.allows(0x0B) { 0..3_usize } else { 0..1 };
    let several = place == Place::Packet(PacketType::Publish);
    let user = prop::collection::vec((shared_text(), shared_text()), 0..3);
    (
        maybe(place, 0x01, any::<bool>()),
        maybe(place, 0x02, any::<u32>()),
        maybe(place, 0x03, shared_text()),
        maybe(place, 0x08, topic()),
        maybe(place, 0x09, data()),
        prop::collection::vec(1..=268_435_455_u32, identifiers),
        maybe(place, 0x23, any::<NonZeroU16>()),
        user,
    )
        .prop_map(move |(utf8, expiry, content_type, response_topic, data, mut ids, alias, user)| {
            ids.truncate(if several { ids.len() } else { 1 });
            Properties {
                payload_is_utf8: utf8,
                message_expiry_interval_s: expiry,
                content_type,
                response_topic,
                correlation_data: data,
                subscription_identifiers: ids.into(),
                topic_alias: alias,
                user_properties: user,
                ..Properties::default()
            }
        })
}

fn numbers(place: Place) -> impl Strategy<Value = Properties> {
    (
        maybe(place, 0x11, any::<u32>()),
        maybe(place, 0x13, any::<u16>()),
        maybe(place, 0x18, any::<u32>()),
        maybe(place, 0x21, any::<NonZeroU16>()),
        maybe(place, 0x22, any::<u16>()),
        maybe(place, 0x24, prop::sample::select(vec![QoS::AtMostOnce, QoS::AtLeastOnce])),
        maybe(place, 0x27, any::<NonZeroU32>()),
        maybe(place, 0x17, any::<bool>()),
        maybe(place, 0x19, any::<bool>()),
    )
        .prop_map(|(expiry, keep_alive, delay, receive, aliases, qos, size, problem, response)| {
            Properties {
                session_expiry_interval_s: expiry,
                server_keep_alive_s: keep_alive,
                will_delay_interval_s: delay,
                receive_maximum: receive,
                topic_alias_maximum: aliases,
                maximum_qos: qos,
                maximum_packet_size: size,
                request_problem_information: problem,
                request_response_information: response,
                ..Properties::default()
            }
        })
}

fn texts(place: Place) -> impl Strategy<Value = Properties> {
    (
        maybe(place, 0x12, shared_text()),
        maybe(place, 0x15, shared_text()),
        maybe(place, 0x16, data()),
        maybe(place, 0x1A, shared_text()),
        maybe(place, 0x1C, shared_text()),
        maybe(place, 0x1F, shared_text()),
        maybe(place, 0x25, any::<bool>()),
        maybe(place, 0x28, any::<bool>()),
        maybe(place, 0x29, any::<bool>()),
        maybe(place, 0x2A, any::<bool>()),
    )
        .prop_map(|(assigned, method, data, response, server, reason, retain, wildcard, ids, shared)| {
            Properties {
                authentication_data: data.filter(|_| method.is_some()),
                assigned_client_identifier: assigned,
                authentication_method: method,
                response_information: response,
                server_reference: server,
                reason_string: reason,
                retain_available: retain,
                wildcard_subscription_available: wildcard,
                subscription_identifiers_available: ids,
                shared_subscription_available: shared,
                ..Properties::default()
            }
        })
}

fn properties(version: Version, place: Place) -> BoxedStrategy<Option<Box<Properties>>> {
    if !version.has_properties() {
        return Just(None).boxed();
    }
    (of_message(place), numbers(place), texts(place))
        .prop_map(|(message, numbers, texts)| {
            Properties {
                session_expiry_interval_s: numbers.session_expiry_interval_s,
                server_keep_alive_s: numbers.server_keep_alive_s,
                will_delay_interval_s: numbers.will_delay_interval_s,
                receive_maximum: numbers.receive_maximum,
                topic_alias_maximum: numbers.topic_alias_maximum,
                maximum_qos: numbers.maximum_qos,
                maximum_packet_size: numbers.maximum_packet_size,
                request_problem_information: numbers.request_problem_information,
                request_response_information: numbers.request_response_information,
                payload_is_utf8: message.payload_is_utf8,
                message_expiry_interval_s: message.message_expiry_interval_s,
                content_type: message.content_type,
                response_topic: message.response_topic,
                correlation_data: message.correlation_data,
                subscription_identifiers: message.subscription_identifiers,
                topic_alias: message.topic_alias,
                user_properties: message.user_properties,
                ..texts
            }
            .boxed()
        })
        .boxed()
}

fn of(version: Version, packet_type: PacketType) -> BoxedStrategy<Option<Box<Properties>>> {
    properties(version, Place::Packet(packet_type))
}

fn connect(version: Version) -> impl Strategy<Value = Packet> {
    let will = (topic(), payload(), qos(), any::<bool>(), properties(version, Place::Will)).prop_map(
        |(topic, payload, qos, retain, properties)| Will { topic, payload, qos, retain, properties },
    );
    let password = prop::option::of(prop::collection::vec(any::<u8>(), 0..30));
    let user_name = prop::option::of(text());
    let properties = of(version, PacketType::Connect);
    (any::<bool>(), any::<u16>(), shared_text(), prop::option::of(will), user_name, password, properties)
        .prop_map(move |(clean_session, keep_alive_s, identifier, will, user_name, password, properties)| {
            let alone_allowed = version.has_properties();
            let password = password.filter(|_| user_name.is_some() || alone_allowed).map(Into::into);
            Packet::Connect(Box::new(Connect {
                bridge: false,
                version,
                clean_session,
                keep_alive_s,
                client_identifier: identifier,
                will,
                user_name: user_name.map(Into::into),
                password,
                properties,
            }))
        })
}

fn code(version: Version, packet_type: PacketType) -> impl Strategy<Value = ReasonCode> {
    let codes = ReasonCode::ALL.into_iter().filter(move |code| match (version, packet_type) {
        (Version::V5_0, _) => code.allowed_in(packet_type),
        (_, PacketType::Connack) => ReasonCode::from_return_code(code.return_code()) == Some(*code),
        (_, PacketType::Suback) => *code as u8 <= 2 || *code == ReasonCode::UnspecifiedError,
        (_, _) => *code == ReasonCode::Success,
    });
    prop::sample::select(codes.collect::<Vec<_>>())
}

fn connack(version: Version) -> impl Strategy<Value = Packet> {
    (any::<bool>(), code(version, PacketType::Connack), of(version, PacketType::Connack)).prop_map(
        move |(present, reason_code, properties)| {
            let session_present = present && reason_code == ReasonCode::Success && version != Version::V3_1;
            Packet::Connack(Connack { session_present, reason_code, properties })
        },
    )
}

fn publish(version: Version) -> impl Strategy<Value = Packet> {
    let properties = of(version, PacketType::Publish);
    (topic(), payload(), id(), qos(), any::<bool>(), any::<bool>(), properties, any::<bool>()).prop_map(
        |(topic, payload, id, qos, dup, retain, properties, by_alias)| {
            let acknowledged = qos != QoS::AtMostOnce;
            let alias = properties.as_ref().and_then(|properties| properties.topic_alias);
            Packet::Publish(Publish {
                topic: if by_alias && alias.is_some() { TopicName::aliased() } else { topic },
                payload,
                packet_identifier: acknowledged.then_some(id),
                qos,
                dup: dup && acknowledged,
                retain,
                properties,
            })
        },
    )
}

fn acknowledgement(version: Version, packet_type: PacketType) -> impl Strategy<Value = Packet> {
    (id(), code(version, packet_type), of(version, packet_type)).prop_map(
        move |(packet_identifier, reason_code, properties)| {
            let acknowledgement = Acknowledgement { packet_identifier, reason_code, properties };
            match packet_type {
                PacketType::Puback => Packet::Puback(acknowledgement),
                PacketType::Pubrec => Packet::Pubrec(acknowledgement),
                PacketType::Pubrel => Packet::Pubrel(acknowledgement),
                _ => Packet::Pubcomp(acknowledgement),
            }
        },
    )
}

fn subscribe(version: Version) -> impl Strategy<Value = Packet> {
    let handling = prop::sample::select(vec![
        RetainHandling::Send,
        RetainHandling::SendIfNew,
        RetainHandling::DoNotSend,
    ]);
    let options = (qos(), any::<bool>(), any::<bool>(), handling).prop_map(
        move |(qos, no_local, retain_as_published, retain_handling)| match version {
            Version::V3_1 | Version::V3_1_1 => qos.into(),
            Version::V5_0 => SubscriptionOptions { qos, no_local, retain_as_published, retain_handling },
        },
    );
    let filters = prop::collection::vec((filter(), options), 1..5);
    (id(), filters, of(version, PacketType::Subscribe)).prop_map(
        |(packet_identifier, filters, properties)| {
            Packet::Subscribe(Subscribe { packet_identifier, filters, properties })
        },
    )
}

fn suback(version: Version) -> impl Strategy<Value = Packet> {
    let codes = prop::collection::vec(code(version, PacketType::Suback), 1..5);
    (id(), codes, of(version, PacketType::Suback)).prop_map(
        |(packet_identifier, reason_codes, properties)| {
            Packet::Suback(Suback { packet_identifier, reason_codes, properties })
        },
    )
}

fn unsubscribe(version: Version) -> impl Strategy<Value = Packet> {
    (id(), prop::collection::vec(filter(), 1..5), of(version, PacketType::Unsubscribe)).prop_map(
        |(packet_identifier, filters, properties)| {
            Packet::Unsubscribe(Unsubscribe { packet_identifier, filters, properties })
        },
    )
}

fn unsuback(version: Version) -> impl Strategy<Value = Packet> {
    let codes = prop::collection::vec(code(version, PacketType::Unsuback), 1..5);
    (id(), codes, of(version, PacketType::Unsuback)).prop_map(
        move |(packet_identifier, mut reason_codes, properties)| {
            if !version.has_properties() {
                reason_codes.clear();
            }
            Packet::Unsuback(Unsuback { packet_identifier, reason_codes, properties })
        },
    )
}

fn disconnect(version: Version) -> impl Strategy<Value = Packet> {
    let codes = code(version, PacketType::Disconnect);
    (codes, of(version, PacketType::Disconnect))
        .prop_map(|(reason_code, properties)| Packet::Disconnect(Disconnect { reason_code, properties }))
}

fn auth(version: Version) -> impl Strategy<Value = Packet> {
    let properties = of(version, PacketType::Auth);
    (code(version, PacketType::Auth), properties, shared_text()).prop_map(
        |(reason_code, properties, method)| {
            let mut properties = properties.unwrap_or_default();
            properties.authentication_method.get_or_insert(method);
            Packet::Auth(Auth { reason_code, properties: Some(properties) })
        },
    )
}

/// A packet of this type, as this version has it.
pub fn packet_of(version: Version, packet_type: PacketType) -> BoxedStrategy<Packet> {
    match packet_type {
        PacketType::Connect => connect(version).boxed(),
        PacketType::Connack => connack(version).boxed(),
        PacketType::Publish => publish(version).boxed(),
        PacketType::Puback | PacketType::Pubrec | PacketType::Pubrel | PacketType::Pubcomp => {
            acknowledgement(version, packet_type).boxed()
        }
        PacketType::Subscribe => subscribe(version).boxed(),
        PacketType::Suback => suback(version).boxed(),
        PacketType::Unsubscribe => unsubscribe(version).boxed(),
        PacketType::Unsuback => unsuback(version).boxed(),
        PacketType::Pingreq => Just(Packet::Pingreq).boxed(),
        PacketType::Pingresp => Just(Packet::Pingresp).boxed(),
        PacketType::Disconnect => disconnect(version).boxed(),
        PacketType::Auth => auth(version).boxed(),
    }
}

/// A packet of any type that this version has.
pub fn packet(version: Version) -> BoxedStrategy<Packet> {
    let types: Vec<_> =
        PacketType::ALL.into_iter().filter(|packet_type| packet_type.exists_in(version)).collect();
    prop::sample::select(types).prop_flat_map(move |packet_type| packet_of(version, packet_type)).boxed()
}
