//! MQTT 5.0 and 3.1 in the client machine, against packets and against the broker machine.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use sim_core::time::SimTime;

use super::*;
use crate::mqtt::broker::{BrokerConfig, BrokerEvent, Verdict};
use crate::mqtt::close::ProtocolError;
use crate::mqtt::codec::encode::{Outgoing, encode};
use crate::mqtt::message::Attached;
use crate::mqtt::packet::{
    Acknowledgement, Auth, Connack, Disconnect, Properties, Publish, QoS, SubscriptionOptions, Version,
};
use crate::mqtt::pipe::Pipe;
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::Payload;

const NOW: SimTime = SimTime::from_secs(1);
const Q0: QoS = QoS::AtMostOnce;
const Q1: QoS = QoS::AtLeastOnce;
const Q2: QoS = QoS::ExactlyOnce;

fn five(client_identifier: &str) -> ClientConfig {
    ClientConfig { version: Version::V5_0, ..ClientConfig::new(client_identifier) }
}

fn asking(client_identifier: &str, properties: Properties) -> ClientConfig {
    ClientConfig { connect_properties: properties.boxed(), ..five(client_identifier) }
}

fn send(client: &mut Client, packet: &Packet) {
    let outgoing = encode(packet, client.config().version, MessageId(77));
    client.handle_input(NOW, outgoing.head);
    if let Some(body) = outgoing.body {
        client.handle_input(NOW, body);
    }
}

// Connected to a server that says so much of itself.
fn connected(config: ClientConfig, announced: Properties) -> Client {
    let mut client = Client::new(config);
    connect(&mut client, announced, false);
    client
}

fn connect(client: &mut Client, announced: Properties, session_present: bool) {
    client.transport_connected(NOW);
    assert_eq!(client.poll_transmit().unwrap().packet_type, PacketType::Connect);
    let reason_code = ReasonCode::Success;
    send(client, &Packet::Connack(Connack { session_present, reason_code, properties: announced.boxed() }));
}

fn sent(client: &mut Client) -> Vec<Outgoing> {
    std::iter::from_fn(|| client.poll_transmit()).collect()
}

fn names(client: &mut Client) -> Vec<(PacketType, bool)> {
    sent(client).iter().map(|outgoing| (outgoing.packet_type, outgoing.dup)).collect()
}

fn events(client: &mut Client) -> Vec<ClientEvent> {
    let all = std::iter::from_fn(|| client.poll_event());
    all.filter(|event| !matches!(event, ClientEvent::Received { .. })).collect()
}

fn publish(client: &mut Client, topic: &str, qos: QoS, message: u32) -> Result<(), PublishError> {
    let topic = TopicName::new(topic).unwrap();
    client.publish(NOW, topic, Payload::from(&b"abc"[..]), qos, false, MessageId(message))
}

fn id(number: u16) -> PacketIdentifier {
    PacketIdentifier::new(number).unwrap()
}

fn incoming(topic: TopicName, qos: QoS, number: u16, properties: Properties) -> Packet {
    Packet::Publish(Publish {
        topic,
        payload: Payload::from(&b"xyz"[..]),
        packet_identifier: PacketIdentifier::new(number),
        qos,
        dup: false,
        retain: false,
        properties: properties.boxed(),
    })
}

#[test]
fn what_the_server_announces_is_obeyed() {
    let announced = Properties {
        assigned_client_identifier: Some("given".into()),
        server_keep_alive_s: Some(5),
        maximum_qos: Some(Q1),
        retain_available: Some(false),
        maximum_packet_size: NonZeroU32::new(20),
        ..Properties::default()
    };
    let mut client = connected(five(""), announced.clone());
    assert_eq!(&*client.client_identifier(), "given");
    assert_eq!(client.poll_timeout(), Some(SimTime::from_secs(6)));
    let expected =
        [ClientEvent::Announced(Box::new(announced)), ClientEvent::Connected { session_present: false }];
    assert_eq!(events(&mut client), expected);
    assert_eq!(publish(&mut client, "t", Q2, 1), Err(PublishError::QoSNotSupported));
    assert_eq!(publish(&mut client, "a/very/long/topic", Q0, 1), Err(PublishError::TooLarge));
    let topic = TopicName::new("t").unwrap();
    let retained = client.publish(NOW, topic, Payload::empty(), Q0, true, MessageId(1));
    assert_eq!(retained, Err(PublishError::RetainNotSupported));
    assert_eq!(publish(&mut client, "t", Q1, 1), Ok(()));
}

#[test]
fn what_turns_out_to_be_too_large_is_discarded() {
    let mut client = Client::new(five("c"));
    for (message, qos) in [(1, Q1), (2, Q0)] {
        client.transport_connected(NOW);
        publish(&mut client, "a/very/long/topic", qos, message).unwrap();
        client.poll_transmit();
        let properties =
            Properties { maximum_packet_size: NonZeroU32::new(20), ..Properties::default() }.boxed();
        let reason_code = ReasonCode::Success;
        send(&mut client, &Packet::Connack(Connack { session_present: false, reason_code, properties }));
        assert!(sent(&mut client).is_empty());
        assert!(events(&mut client).contains(&ClientEvent::Discarded { message: MessageId(message) }));
        assert_eq!((client.buffered(), client.unacknowledged()), (0, (0, 0)));
        client.transport_closed(NOW);
    }
}

#[test]
fn no_more_is_under_way_than_the_server_receives() {
    let announced = Properties { receive_maximum: NonZeroU16::new(2), ..Properties::default() };
    let mut client = connected(five("c"), announced);
    for message in 1..=3 {
        publish(&mut client, "t", Q1, message).unwrap();
    }
    assert_eq!((sent(&mut client).len(), client.unacknowledged()), (2, (2, 1)));
    send(&mut client, &Packet::Puback(id(1).into()));
    assert_eq!(sent(&mut client).len(), 1);
}

#[test]
fn a_server_that_exceeds_the_receive_maximum_is_left() {
    let asked = Properties { receive_maximum: NonZeroU16::new(1), ..Properties::default() };
    let mut client = connected(asking("c", asked), Properties::default());
    for number in [1, 1, 2] {
        let topic = TopicName::new("t").unwrap();
        send(&mut client, &incoming(topic, Q2, number, Properties::default()));
    }
    let last = sent(&mut client).pop().unwrap();
    assert_eq!(last.to_vec(), [0xe0, 1, ReasonCode::ReceiveMaximumExceeded as u8]);
    let error = CloseReason::ProtocolError(ProtocolError::ReceiveMaximum);
    assert_eq!(events(&mut client).pop(), Some(ClientEvent::Close(error)));
}

#[test]
fn aliases_are_given_and_taken() {
    let asked = Properties { topic_alias_maximum: Some(1), ..Properties::default() };
    let config = ClientConfig { topic_aliases_outbound: 1, ..asking("c", asked) };
    let announced = Properties { topic_alias_maximum: Some(9), ..Properties::default() };
    let mut client = connected(config, announced);
    for topic in ["t", "t", "u"] {
        publish(&mut client, topic, Q0, 1).unwrap();
    }
    let lengths: Vec<_> = sent(&mut client).iter().map(|outgoing| outgoing.wire_len).collect();
    assert_eq!(lengths, [12, 11, 9], "name and alias, alias, name");
    let alias = |number| Properties { topic_alias: NonZeroU16::new(number), ..Properties::default() };
    send(&mut client, &incoming(TopicName::new("x").unwrap(), Q0, 0, alias(1)));
    send(&mut client, &incoming(TopicName::aliased(), Q0, 0, alias(1)));
    let topics: Vec<_> = events(&mut client)
        .into_iter()
        .filter_map(|event| match event {
            ClientEvent::Message { topic, .. } => Some(topic.as_str().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(topics, ["x", "x"]);
    send(&mut client, &incoming(TopicName::new("x").unwrap(), Q0, 0, alias(2)));
    let error = CloseReason::ProtocolError(ProtocolError::TopicAlias);
    assert_eq!(events(&mut client).pop(), Some(ClientEvent::Close(error)));
}

#[test]
fn reason_codes_reach_the_application() {
    let mut client = connected(five("c"), Properties::default());
    events(&mut client);
    publish(&mut client, "t", Q1, 1).unwrap();
    publish(&mut client, "t", Q2, 2).unwrap();
    sent(&mut client);
    let with = |number, reason_code| Acknowledgement { reason_code, ..id(number).into() };
    send(&mut client, &Packet::Puback(with(1, ReasonCode::NoMatchingSubscribers)));
    send(&mut client, &Packet::Pubrec(with(2, ReasonCode::QuotaExceeded)));
    assert!(sent(&mut client).is_empty(), "no PUBREL after a failure");
    let completed = |message, reason_code| ClientEvent::Completed {
        message: MessageId(message),
        packet_identifier: Some(id(message as u16)),
        reason_code,
    };
    let expected = [completed(1, ReasonCode::NoMatchingSubscribers), completed(2, ReasonCode::QuotaExceeded)];
    assert_eq!(events(&mut client), expected);
    let reason_code = ReasonCode::ServerShuttingDown;
    send(&mut client, &Packet::Disconnect(Disconnect { reason_code, properties: None }));
    let close = ClientEvent::Close(CloseReason::DisconnectedFor(reason_code));
    assert_eq!((events(&mut client), sent(&mut client).len()), (vec![close], 0));
}

#[test]
fn without_session_present_the_state_is_discarded() {
    let config = ClientConfig { clean_session: false, ..five("c") };
    for (session_present, expected) in [(true, 1), (false, 0)] {
        let mut client = connected(config.clone(), Properties::default());
        publish(&mut client, "t", Q1, 1).unwrap();
        sent(&mut client);
        client.transport_closed(NOW);
        connect(&mut client, Properties::default(), session_present);
        assert_eq!(names(&mut client), vec![(PacketType::Publish, true); expected]);
        let discarded = ClientEvent::Discarded { message: MessageId(1) };
        assert_eq!(events(&mut client).contains(&discarded), !session_present);
    }
}

#[test]
fn session_present_without_a_session_ends_the_connection() {
    for (clean_session, ends) in [(true, true), (false, false)] {
        let mut client = Client::new(ClientConfig { clean_session, ..five("c") });
        connect(&mut client, Properties::default(), true);
        let close = ClientEvent::Close(CloseReason::ProtocolError(ProtocolError::SessionPresent));
        assert_eq!(events(&mut client).contains(&close), ends);
        assert_eq!(client.is_connected(), !ends);
    }
}

#[test]
fn the_retry_timer_repeats_what_is_unanswered() {
    let config =
        ClientConfig { version: Version::V3_1, keep_alive_s: 0, retry_after_s: 20, ..ClientConfig::new("c") };
    let mut client = connected(config, Properties::default());
    publish(&mut client, "t", Q1, 1).unwrap();
    client.subscribe(NOW, vec![(TopicFilter::new("t").unwrap(), Q1)]).unwrap();
    sent(&mut client);
    assert_eq!(client.poll_timeout(), Some(SimTime::from_secs(21)));
    client.handle_timeout(SimTime::from_secs(20));
    assert!(names(&mut client).is_empty());
    client.handle_timeout(SimTime::from_secs(21));
    assert_eq!(names(&mut client), [(PacketType::Publish, true), (PacketType::Subscribe, true)]);
    send(&mut client, &Packet::Puback(id(1).into()));
    client.handle_timeout(SimTime::from_secs(41));
    assert_eq!(names(&mut client), [(PacketType::Subscribe, true)]);
}

#[test]
fn no_retry_in_version_5() {
    let config = ClientConfig { keep_alive_s: 0, retry_after_s: 20, ..five("c") };
    let mut client = connected(config, Properties::default());
    publish(&mut client, "t", Q1, 1).unwrap();
    sent(&mut client);
    assert_eq!(client.poll_timeout(), None);
}

// MQTT 3.1 has no Session Present.
#[test]
fn a_client_of_version_3_1_resumes_on_its_own_word() {
    let config = ClientConfig { version: Version::V3_1, clean_session: false, ..ClientConfig::new("c") };
    let mut client = connected(config, Properties::default());
    publish(&mut client, "t", Q2, 1).unwrap();
    sent(&mut client);
    send(&mut client, &Packet::Pubrec(id(1).into()));
    sent(&mut client);
    client.transport_closed(NOW);
    connect(&mut client, Properties::default(), false);
    assert_eq!(names(&mut client), [(PacketType::Pubrel, true)]);
}

#[test]
fn an_exchange_with_the_broker_ends_in_a_connection() {
    let methods = ["DIGEST".into()].into();
    let mut pipe = Pipe::new(BrokerConfig { authentication_methods: methods, ..BrokerConfig::default() });
    let asked = Properties {
        authentication_method: Some("DIGEST".into()),
        authentication_data: Some(b"hello"[..].into()),
        ..Properties::default()
    };
    let c = pipe.add(asking("c", asked));
    pipe.connect(c);
    pipe.settle();
    let connection = pipe.links[c].connection.unwrap();
    assert!(pipe.broker_events.contains(&BrokerEvent::Authenticate { connection }));
    let challenge: Arc<[u8]> = b"challenge"[..].into();
    let now = pipe.now;
    pipe.broker.answer_authentication(now, connection, Verdict::Continue(Some(challenge.clone())));
    pipe.drain();
    pipe.settle();
    let reason_code = ReasonCode::ContinueAuthentication;
    let asked = ClientEvent::Authenticate { reason_code, data: Some(challenge) };
    assert_eq!(pipe.links[c].events.last(), Some(&asked));
    pipe.links[c].client.authenticate(now, false, Some(b"response"[..].into()));
    pipe.drain();
    pipe.settle();
    assert_eq!(pipe.broker.authentication(connection), Some(("DIGEST", Some(&b"response"[..]))));
    pipe.broker.answer_authentication(now, connection, Verdict::Success(None));
    pipe.drain();
    pipe.settle();
    assert!(pipe.links[c].client.is_connected());
}

#[test]
fn auth_that_was_not_asked_for_is_a_protocol_error() {
    let mut client = connected(five("c"), Properties::default());
    let properties = Properties { authentication_method: Some("X".into()), ..Properties::default() }.boxed();
    let reason_code = ReasonCode::ContinueAuthentication;
    send(&mut client, &Packet::Auth(Auth { reason_code, properties }));
    let error = CloseReason::ProtocolError(ProtocolError::Authentication);
    assert_eq!(events(&mut client).pop(), Some(ClientEvent::Close(error)));
}

// A whole system: what one client attaches, another one finds, with its own subscription's identifier.
#[test]
fn properties_travel_from_client_to_client() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let (p, s) = (pipe.add(five("p")), pipe.add(five("s")));
    pipe.connect(p);
    pipe.connect(s);
    pipe.settle();
    let options = SubscriptionOptions { retain_as_published: true, ..Q2.into() };
    let identified =
        Properties { subscription_identifiers: [9].into_iter().collect(), ..Properties::default() };
    let filters = vec![(TopicFilter::new("$share/g/t").unwrap(), options)];
    pipe.links[s].client.subscribe_with(pipe.now, filters, identified.boxed()).unwrap();
    pipe.drain();
    pipe.settle();
    let properties = Properties {
        message_expiry_interval_s: Some(60),
        response_topic: Some(TopicName::new("answer").unwrap()),
        user_properties: vec![("k".into(), "v".into())],
        ..Properties::default()
    };
    let application = ApplicationMessage {
        topic: TopicName::new("t").unwrap(),
        payload: Payload::from(&b"abc"[..]),
        attached: Attached::of(properties.clone().boxed(), pipe.now),
        message: MessageId(3),
        qos: Q2,
        retain: true,
    };
    pipe.links[p].client.publish_message(pipe.now, application).unwrap();
    pipe.drain();
    pipe.settle();
    let message = pipe.links[s].events.iter().find_map(|event| match event {
        ClientEvent::Message { attached, retain, qos, .. } => {
            Some((attached.clone().unwrap(), *retain, *qos))
        }
        _ => None,
    });
    let (attached, retain, qos) = message.unwrap();
    assert_eq!((retain, qos, attached.expires_at), (true, Q2, SimTime::from_secs(60)));
    let expected = Properties {
        message_expiry_interval_s: None,
        subscription_identifiers: [9].into_iter().collect(),
        ..properties
    };
    assert_eq!(attached.properties, expected);
}
