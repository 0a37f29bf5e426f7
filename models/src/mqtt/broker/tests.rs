use std::time::Duration;

use super::*;
use crate::mqtt::client::{ClientConfig, ClientEvent};
use crate::mqtt::codec::encode::{Outgoing, encode};
use crate::mqtt::packet::{Connect, PacketIdentifier, Publish, Subscribe, Version, Will};
use crate::mqtt::packet::{Disconnect, QoS};
use crate::mqtt::pipe::Pipe;
use crate::mqtt::session::Qos2Delivery;
use crate::mqtt::timers::silence::SilenceLooks;
use crate::stream::{Payload, Tag};

const NOW: SimTime = SimTime::from_secs(1);
const Q0: QoS = QoS::AtMostOnce;
const Q1: QoS = QoS::AtLeastOnce;
const Q2: QoS = QoS::ExactlyOnce;

mod five;
mod fuzz;
mod limits;
mod wire;

impl Broker {
    /// The running total of bytes against a count of everything.
    pub(in crate::mqtt) fn assert_bytes_add_up(&self) {
        let sessions =
            self.sessions.iter().map(|(_, session)| session.outbound.weight() + session.inbound.weight());
        let connections = self.connections.iter().map(|(_, connection)| {
            connection.decoder.buffered() + connection.will.as_ref().map_or(0, |will| will.weight())
        });
        let absences = self.sessions.iter().filter_map(|(_, session)| session.absence.as_ref());
        let delayed = absences.map(|absence| absence.will.as_ref().map_or(0, |(_, will)| will.weight()));
        let retained = self.retained.values().map(ApplicationMessage::weight);
        assert_eq!(
            self.buffered(),
            sessions.chain(connections).chain(retained).chain(delayed).sum::<usize>()
        );
    }
}

fn persistent(client_identifier: &str) -> ClientConfig {
    ClientConfig { clean_session: false, ..ClientConfig::new(client_identifier) }
}

fn with_will(client_identifier: &str) -> ClientConfig {
    let topic = TopicName::new("will").unwrap();
    let will = Will { topic, payload: Payload::from(&b"gone"[..]), qos: Q1, retain: false, properties: None };
    ClientConfig {
        will: Some(Box::new(will)),
        will_message: MessageId(99),
        ..ClientConfig::new(client_identifier)
    }
}

#[test]
fn a_connection_and_its_session_are_small() {
    let both = size_of::<Connection>() + size_of::<Session>();
    assert!(both <= 136, "{} + {}", size_of::<Connection>(), size_of::<Session>());
}

// Captures c01_*: QoS 1 is forwarded before PUBACK goes back.
#[test]
fn qos_1_is_forwarded_before_its_acknowledgement() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let (publisher, subscriber) = (pipe.add_connected("p"), pipe.add_connected("s"));
    pipe.subscribe(subscriber, "gt/t", Q1);
    pipe.said();
    pipe.publish(publisher, "gt/t", Q1, false, 7, 16);
    let expected = ["0> PUBLISH q1 d0 r0 id1", "1< PUBLISH q1 d0 r0 id1", "0< PUBACK id1", "1> PUBACK id1"];
    assert_eq!(pipe.said(), expected);
    assert_eq!(pipe.messages(subscriber), [(7, 1, false, false)]);
    pipe.assert_nothing_held();
}

// Captures c01_*: QoS 2 is forwarded on PUBREL, before PUBCOMP goes back.
#[test]
fn qos_2_is_forwarded_on_pubrel() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let (publisher, subscriber) = (pipe.add_connected("p"), pipe.add_connected("s"));
    pipe.subscribe(subscriber, "gt/t", Q2);
    pipe.said();
    pipe.publish(publisher, "gt/t", Q2, false, 7, 16);
    let expected = [
        "0> PUBLISH q2 d0 r0 id1",
        "0< PUBREC id1",
        "0> PUBREL id1",
        "1< PUBLISH q2 d0 r0 id1",
        "0< PUBCOMP id1",
        "1> PUBREC id1",
        "1< PUBREL id1",
        "1> PUBCOMP id1",
    ];
    assert_eq!(pipe.said(), expected);
    let accepted: Vec<_> =
        pipe.broker_events.iter().filter(|event| matches!(event, BrokerEvent::Accepted { .. })).collect();
    assert_eq!(accepted, [&BrokerEvent::Accepted { message: MessageId(7), subscribers: 1 }]);
    pipe.assert_nothing_held();
}

#[test]
fn both_orders_are_switches() {
    let config = BrokerConfig {
        deliver_qos_2_on: Qos2Delivery::Publish,
        forward_before_acknowledging: false,
        ..BrokerConfig::default()
    };
    let mut pipe = Pipe::new(config);
    let (publisher, subscriber) = (pipe.add_connected("p"), pipe.add_connected("s"));
    pipe.subscribe(subscriber, "t", Q0);
    pipe.said();
    pipe.publish(publisher, "t", Q2, false, 1, 1);
    assert_eq!(pipe.said()[..3], ["0> PUBLISH q2 d0 r0 id1", "0< PUBREC id1", "1< PUBLISH q0 d0 r0"]);
    pipe.publish(publisher, "t", Q1, false, 2, 1);
    assert_eq!(pipe.said()[..3], ["0> PUBLISH q1 d0 r0 id2", "0< PUBACK id2", "1< PUBLISH q0 d0 r0"]);
}

#[test]
fn the_message_travels_in_every_tag_about_it() {
    let mut broker = Broker::new(BrokerConfig::default());
    let mut raw = Raw::connect(&mut broker, "c", true);
    raw.send(&mut broker, Packet::Subscribe(subscribe(1, "t", Q2)));
    raw.received(&mut broker);
    raw.send_as(&mut broker, publish("t", Q2, 3), MessageId(42));
    raw.send(&mut broker, Packet::Pubrel(id(3).into()));
    raw.send(&mut broker, Packet::Pubrec(id(1).into()));
    let tags: Vec<_> =
        raw.received(&mut broker).iter().map(|out| (out.packet_type.name(), out.message().0)).collect();
    assert_eq!(tags, [("PUBREC", 42), ("PUBLISH", 42), ("PUBCOMP", 42), ("PUBREL", 42)]);
}

// Capture c03_retained.
#[test]
fn retained_messages_wait_for_new_subscriptions() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let (publisher, live) = (pipe.add_connected("p"), pipe.add_connected("live"));
    pipe.subscribe(live, "gt/r", Q2);
    pipe.settle();
    pipe.publish(publisher, "gt/r", Q1, true, 1, 16);
    pipe.settle();
    assert_eq!(pipe.messages(live), [(1, 1, false, false)]);
    let new = pipe.add_connected("new");
    pipe.said();
    pipe.subscribe(new, "gt/#", Q2);
    assert_eq!(pipe.said()[..3], ["2> SUBSCRIBE id1", "2< SUBACK id1", "2< PUBLISH q1 d0 r1 id1"]);
    pipe.subscribe(new, "gt/#", Q0);
    assert_eq!(pipe.said()[2], "2< PUBLISH q0 d0 r1", "again, at the lower QoS");
    // An empty one clears it, and is itself forwarded.
    pipe.publish(publisher, "gt/r", Q1, true, 2, 0);
    pipe.settle();
    assert_eq!(pipe.messages(live)[1], (2, 1, false, false));
    assert_eq!(pipe.broker.retained_count(), 0);
    pipe.subscribe(new, "gt/r", Q1);
    pipe.settle();
    assert_eq!(pipe.messages(new).len(), 3, "two retained, one live");
    pipe.assert_nothing_held();
}

#[test]
fn retained_messages_are_found_by_wildcards() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let publisher = pipe.add_connected("p");
    let topics = ["a", "a/b", "a/b/c", "ab", "b", "/a", "$x/a"];
    for (message, topic) in topics.iter().enumerate() {
        pipe.publish(publisher, topic, Q0, true, message as u32, 1);
    }
    for (filter, expected) in [
        ("a/#", vec!["a", "a/b", "a/b/c"]),
        ("a/+", vec!["a/b"]),
        ("+", vec!["a", "ab", "b"]),
        ("#", vec!["/a", "a", "a/b", "a/b/c", "ab", "b"]),
        ("$x/#", vec!["$x/a"]),
        ("/+", vec!["/a"]),
        ("ab", vec!["ab"]),
        ("c/#", vec![]),
    ] {
        let subscriber = pipe.add_connected(filter);
        pipe.subscribe(subscriber, filter, Q0);
        pipe.settle();
        let found: Vec<_> = pipe.messages(subscriber).iter().map(|m| topics[m.0 as usize]).collect();
        assert_eq!(found, expected, "{filter}");
    }
}

#[test]
fn overlapping_subscriptions_follow_the_switch() {
    use OverlappingSubscriptions::{CopyEach, OneCopyFirst, OneCopyHighest};
    // Measured of Mosquitto 2.0.11: one copy at QoS 1.
    for (switch, expected) in [(OneCopyFirst, vec![1]), (OneCopyHighest, vec![2]), (CopyEach, vec![0, 1, 2])]
    {
        let config = BrokerConfig { overlapping_subscriptions: switch, ..BrokerConfig::default() };
        let mut pipe = Pipe::new(config);
        let (publisher, subscriber) = (pipe.add_connected("p"), pipe.add_connected("s"));
        for (filter, qos) in [("a/#", Q0), ("a/b", Q1), ("+/b", Q2)] {
            pipe.subscribe(subscriber, filter, qos);
        }
        pipe.settle();
        pipe.publish(publisher, "a/b", Q2, false, 1, 1);
        pipe.settle();
        let mut found: Vec<_> = pipe.messages(subscriber).iter().map(|message| message.1).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{switch:?}");
    }
}

#[test]
fn unsubscribing_ends_delivery() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let c = pipe.add_connected("c");
    pipe.subscribe(c, "a/+", Q1);
    pipe.settle();
    let filter = TopicFilter::new("a/+").unwrap();
    pipe.links[c].client.unsubscribe(NOW, vec![filter]).unwrap();
    pipe.publish(c, "a/b", Q1, false, 1, 1);
    assert_eq!(pipe.said().last().unwrap(), "0< PUBACK id3");
    assert_eq!((pipe.messages(c).len(), pipe.broker.subscription_count()), (0, 0));
}

#[test]
fn a_stored_session_keeps_qos_1_and_2_in_order() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let publisher = pipe.add_connected("p");
    let s = pipe.add(persistent("s"));
    pipe.connect(s);
    pipe.settle();
    pipe.subscribe(s, "t", Q2);
    pipe.settle();
    pipe.cut(s);
    for (message, qos) in [(1, Q1), (2, Q0), (3, Q2), (4, Q1)] {
        pipe.publish(publisher, "t", qos, false, message, 1);
        pipe.settle();
    }
    pipe.transcript.clear();
    pipe.connect(s);
    let said = pipe.said();
    assert_eq!(
        said[1..5],
        ["1< CONNACK", "1< PUBLISH q1 d0 r0 id1", "1< PUBLISH q2 d0 r0 id2", "1< PUBLISH q1 d0 r0 id3"]
    );
    assert!(pipe.links[s].events.contains(&ClientEvent::Connected { session_present: true }));
    assert!(
        pipe.broker_events
            .contains(&BrokerEvent::Dropped { message: MessageId(2), reason: DropReason::Offline })
    );
    // At QoS 2 the message reaches the application with PUBREL.
    assert_eq!(pipe.messages(s).iter().map(|m| m.0).collect::<Vec<_>>(), [1, 4, 3]);
    pipe.assert_nothing_held();
}

#[test]
fn unacknowledged_messages_come_again_with_dup_after_a_reconnection() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let publisher = pipe.add_connected("p");
    let s = pipe.add(persistent("s"));
    pipe.connect(s);
    pipe.settle();
    pipe.subscribe(s, "t", Q2);
    pipe.settle();
    pipe.publish(publisher, "t", Q1, false, 1, 1);
    pipe.publish(publisher, "t", Q2, false, 2, 1);
    while pipe.step(publisher, true) || pipe.step(publisher, false) {}
    // The subscriber reads both, only its PUBREC arrives.
    while pipe.step(s, false) {}
    pipe.links[s].up.pop_front();
    assert!(pipe.step(s, true));
    pipe.cut(s);
    pipe.transcript.clear();
    pipe.connect(s);
    let said = pipe.said();
    assert_eq!(said[1..4], ["1< CONNACK", "1< PUBLISH q1 d1 r0 id1", "1< PUBREL id2"]);
    assert_eq!(pipe.messages(s), [(1, 1, false, false), (1, 1, false, true), (2, 2, false, false)]);
    pipe.assert_nothing_held();
}

#[test]
fn a_clean_session_ends_with_its_connection() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let s = pipe.add_connected("s");
    pipe.subscribe(s, "t", Q1);
    pipe.settle();
    pipe.publish(s, "t", Q1, false, 5, 1);
    while pipe.step(s, true) {}
    pipe.cut(s);
    assert_eq!((pipe.broker.session_count(), pipe.broker.subscription_count()), (0, 0));
    let reason = DropReason::SessionEnded;
    assert!(pipe.broker_events.contains(&BrokerEvent::Dropped { message: MessageId(5), reason }));
    assert_eq!(pipe.broker.buffered(), 0);
    pipe.connect(s);
    pipe.settle();
    assert_eq!(pipe.links[s].events.last(), Some(&ClientEvent::Discarded { message: MessageId(5) }));
}

#[test]
fn a_clean_connect_discards_the_stored_session() {
    let mut broker = Broker::new(BrokerConfig::default());
    let mut first = Raw::connect(&mut broker, "c", false);
    first.send(&mut broker, Packet::Subscribe(subscribe(1, "t", Q1)));
    broker.transport_closed(NOW, first.connection);
    assert_eq!(broker.subscription_count(), 1);
    let second = Raw::connect(&mut broker, "c", true);
    assert_eq!((broker.session_count(), broker.subscription_count()), (1, 0));
    broker.transport_closed(NOW, second.connection);
    assert_eq!((broker.session_count(), broker.connection_count()), (0, 0));
}

#[test]
fn the_will_is_published_unless_disconnect_came() {
    for (end, published) in [("cut", true), ("disconnect", false), ("malformed", true), ("take-over", true)] {
        let mut pipe = Pipe::new(BrokerConfig::default());
        let watcher = pipe.add_connected("watcher");
        pipe.subscribe(watcher, "will", Q2);
        let c = pipe.add(with_will("c"));
        pipe.connect(c);
        pipe.settle();
        match end {
            "cut" => pipe.cut(c),
            "disconnect" => pipe.links[c].client.disconnect(NOW),
            "malformed" => pipe.links[c].up.push_back(Chunk::copied(Tag::default(), &[0xFF, 0])),
            _ => drop(pipe.add_connected("c")),
        }
        pipe.run_until(SimTime::from_secs(2));
        let expected: &[_] = if published { &[(99, 1, false, false)] } else { &[] };
        assert_eq!(pipe.messages(watcher), expected, "{end}");
    }
}

#[test]
fn a_second_client_of_the_same_name_takes_over() {
    let mut broker = Broker::new(BrokerConfig::default());
    let first = Raw::connect(&mut broker, "c", false);
    let second = Raw::connect(&mut broker, "c", false);
    assert_ne!(first.connection, second.connection);
    let events: Vec<_> = std::iter::from_fn(|| broker.poll_event()).collect();
    let reason = CloseReason::TakenOver;
    assert!(events.contains(&BrokerEvent::Close { connection: first.connection, reason }));
    let connected = BrokerEvent::Connected { connection: second.connection, session_present: true };
    assert!(events.contains(&connected));
    assert_eq!(broker.connected_count(), 1);
    broker.transport_closed(NOW, first.connection);
    assert_eq!((broker.connected_count(), broker.session_count()), (1, 1));
}

#[test]
fn silent_clients_are_dropped_and_their_wills_published() {
    for (silence_looks, at) in [(SilenceLooks::Exact, 7_500), (SilenceLooks::MOSQUITTO, 12_000)] {
        let mut pipe = Pipe::new(BrokerConfig { silence_looks, ..BrokerConfig::default() });
        let watcher = pipe.add(ClientConfig { keep_alive_s: 0, ..ClientConfig::new("watcher") });
        pipe.connect(watcher);
        pipe.settle();
        pipe.subscribe(watcher, "will", Q2);
        let mut config = with_will("c");
        config.keep_alive_s = 5;
        // A client that never looks at its own clock.
        config.looks_every = Some(Duration::from_secs(1_000_000));
        let c = pipe.add(config);
        pipe.connect(c);
        pipe.run_until(SimTime::from_millis(at - 1));
        assert!(pipe.messages(watcher).is_empty());
        pipe.run_until(SimTime::from_millis(at));
        assert_eq!(pipe.messages(watcher).len(), 1, "{silence_looks:?}");
    }
}

#[test]
fn a_client_that_pings_is_kept() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let c = pipe.add(ClientConfig { keep_alive_s: 5, ..ClientConfig::new("c") });
    pipe.connect(c);
    pipe.run_until(SimTime::from_secs(3_600));
    assert!(pipe.links[c].client.is_connected());
    assert_eq!(pipe.transcript.iter().filter(|line| *line == "0> PINGREQ").count(), 720);
}

#[test]
fn a_transport_without_connect_is_closed() {
    let mut broker = Broker::new(BrokerConfig::default());
    let connection = broker.accept(SimTime::from_millis(200));
    // Measured: 95.5 to 95.9 s after the transport opened.
    assert_eq!(broker.poll_timeout(), Some(SimTime::from_secs(96)));
    broker.handle_timeout(SimTime::from_millis(95_999));
    assert_eq!(broker.poll_event(), None);
    broker.handle_timeout(SimTime::from_secs(96));
    broker.handle_timeout(SimTime::from_secs(96));
    assert_eq!(broker.poll_event(), Some(BrokerEvent::Close { connection, reason: CloseReason::NoConnect }));
    assert_eq!((broker.poll_event(), broker.poll_timeout()), (None, None));
}

/// A client of nothing but packets.
struct Raw {
    connection: ConnectionId,
}

impl Raw {
    fn open(broker: &mut Broker) -> Self {
        Raw { connection: broker.accept(NOW) }
    }

    fn connect(broker: &mut Broker, client_identifier: &str, clean_session: bool) -> Self {
        let mut raw = Raw::open(broker);
        raw.send(broker, connect(client_identifier, clean_session));
        let connack = raw.received(broker);
        assert_eq!(connack[0].to_vec()[3], 0, "accepted");
        raw
    }

    fn send(&mut self, broker: &mut Broker, packet: Packet) {
        self.send_as(broker, packet, MessageId::NONE);
    }

    fn send_as(&mut self, broker: &mut Broker, packet: Packet, message: MessageId) {
        let outgoing = encode(&packet, Version::V3_1_1, message);
        broker.handle_input(NOW, self.connection, outgoing.head);
        if let Some(body) = outgoing.body {
            broker.handle_input(NOW, self.connection, body);
        }
    }

    fn received(&mut self, broker: &mut Broker) -> Vec<Outgoing> {
        let all = std::iter::from_fn(|| broker.poll_transmit());
        all.filter(|(connection, _)| *connection == self.connection).map(|(_, outgoing)| outgoing).collect()
    }
}

fn id(number: u16) -> PacketIdentifier {
    PacketIdentifier::new(number).unwrap()
}

fn connect(client_identifier: &str, clean_session: bool) -> Packet {
    Packet::Connect(Box::new(Connect {
        bridge: false,
        version: Version::V3_1_1,
        clean_session,
        keep_alive_s: 60,
        client_identifier: client_identifier.into(),
        will: None,
        user_name: None,
        password: None,
        properties: None,
    }))
}

fn subscribe(number: u16, filter: &str, qos: QoS) -> Subscribe {
    Subscribe {
        packet_identifier: id(number),
        filters: vec![(TopicFilter::new(filter).unwrap(), qos.into())],
        properties: None,
    }
}

fn publish(topic: &str, qos: QoS, number: u16) -> Packet {
    Packet::Publish(Publish {
        topic: TopicName::new(topic).unwrap(),
        payload: Payload::from(&b"payload"[..]),
        packet_identifier: PacketIdentifier::new(number),
        qos,
        dup: false,
        retain: false,
        properties: None,
    })
}
