//! What a message carries from its publisher to its subscribers.

use super::*;
use crate::mqtt::broker::DropReason;
use crate::mqtt::packet::RetainHandling;

const V5: Version = Version::V5_0;

fn rich() -> Properties {
    Properties {
        payload_is_utf8: Some(true),
        content_type: Some("text/plain".into()),
        response_topic: Some(TopicName::new("answers").unwrap()),
        correlation_data: Some(vec![1, 2, 3].into()),
        user_properties: vec![("a".into(), "1".into()), ("b".into(), "2".into()), ("a".into(), "3".into())],
        ..none()
    }
}

#[test]
fn properties_are_forwarded_unaltered_and_in_order() {
    for qos in [Q0, Q1, Q2] {
        let mut bench = Bench::standard();
        let (p, s) = (bench.join(V5, "p"), bench.join(V5, "s"));
        bench.subscribe(s, "t", qos);
        bench.send(p, message("t", qos, if qos == Q0 { 0 } else { 1 }, rich()));
        if qos == Q2 {
            bench.send(p, Packet::Pubrel(id(1).into()));
        }
        assert_eq!(bench.publishes(s)[0].properties.as_deref(), Some(&rich()));
    }
}

#[test]
fn versions_understand_each_other() {
    for (from, to) in [(V5, Version::V3_1_1), (Version::V3_1_1, V5), (Version::V3_1, V5), (V5, Version::V3_1)]
    {
        let mut bench = Bench::standard();
        let (p, s) = (bench.join(from, "p"), bench.join(to, "s"));
        bench.subscribe(s, "t", Q2);
        bench.send(p, message("t", Q1, 1, rich()));
        let arrived = bench.publishes(s).remove(0);
        assert_eq!((arrived.topic.as_str(), arrived.payload.as_slice()), ("t", &b"payload"[..]));
        assert!(arrived.properties.is_none(), "no version but 5.0 has them");
        assert!(matches!(&bench.take(p)[..], [Packet::Puback(_)]));
    }
}

#[test]
fn a_publisher_is_told_that_nobody_listens() {
    let mut bench = Bench::standard();
    let (new, old) = (bench.join(V5, "new"), bench.join(Version::V3_1_1, "old"));
    for (c, expected) in [(new, ReasonCode::NoMatchingSubscribers), (old, ReasonCode::Success)] {
        bench.send(c, publish("t", Q1, 1));
        bench.send(c, publish("t", Q2, 2));
        let packets = bench.take(c);
        let [Packet::Puback(puback), Packet::Pubrec(pubrec)] = &packets[..] else { panic!() };
        // Who gets the message of QoS 2 shows when it is released.
        assert_eq!((puback.reason_code, pubrec.reason_code), (expected, ReasonCode::Success));
    }
}

#[test]
fn the_lifetime_of_a_message_runs_in_the_server() {
    let mut bench = Bench::standard();
    let p = bench.join(V5, "p");
    let (s, _) = bench.connect(back("s", 1_000));
    bench.subscribe(s, "t", Q1);
    bench.cut(s);
    for (number, expiry_s) in [(1, 10), (2, 100)] {
        let lifetime = Properties { message_expiry_interval_s: Some(expiry_s), ..none() };
        bench.send(p, message("t", Q1, number, lifetime));
    }
    bench.wait_until(40);
    let (s, _) = bench.connect(back("s", 1_000));
    let arrived = bench.publishes(s);
    assert_eq!(arrived.len(), 1, "the other one has expired");
    assert_eq!(arrived[0].properties.as_ref().unwrap().message_expiry_interval_s, Some(60));
    let dropped = BrokerEvent::Dropped { message: MessageId(7), reason: DropReason::Expired };
    assert!(bench.events.contains(&dropped));
}

#[test]
fn a_retained_message_expires() {
    let mut bench = Bench::standard();
    let c = bench.join(V5, "c");
    bench.send(c, retained("t", Properties { message_expiry_interval_s: Some(10), ..none() }));
    bench.wait_until(4);
    bench.subscribe(c, "t", Q0);
    let publish = bench.publishes(c).remove(0);
    assert_eq!((publish.retain, publish.properties.unwrap().message_expiry_interval_s), (true, Some(6)));
    bench.wait_until(10);
    bench.subscribe(c, "#", Q0);
    assert!(bench.publishes(c).is_empty());
    assert_eq!((bench.broker.retained_count(), bench.broker.buffered()), (0, 0));
}

#[test]
fn retain_as_published_keeps_the_flag() {
    let mut bench = Bench::standard();
    let (p, s) = (bench.join(V5, "p"), bench.join(V5, "s"));
    bench.subscribe(s, "a", SubscriptionOptions { retain_as_published: true, ..Q0.into() });
    bench.subscribe(s, "b", Q0);
    for topic in ["a", "b"] {
        bench.send(p, retained(topic, none()));
        bench.send(p, publish(topic, Q0, 0));
    }
    let flags: Vec<_> = bench.publishes(s).iter().map(|publish| publish.retain).collect();
    assert_eq!(flags, [true, false, false, false]);
}

#[test]
fn retain_handling_says_when_retained_messages_come() {
    for (retain_handling, expected) in [
        (RetainHandling::Send, [1, 1]),
        (RetainHandling::SendIfNew, [1, 0]),
        (RetainHandling::DoNotSend, [0, 0]),
    ] {
        let mut bench = Bench::standard();
        let c = bench.join(V5, "c");
        bench.send(c, retained("t", none()));
        let options = SubscriptionOptions { retain_handling, ..Q0.into() };
        for expected in expected {
            bench.subscribe(c, "t", options);
            assert_eq!(bench.publishes(c).len(), expected, "{retain_handling:?}");
        }
    }
}

#[test]
fn aliases_stand_for_topics() {
    let mut bench = Bench::standard();
    let (p, s) = (bench.join(V5, "p"), bench.join(V5, "s"));
    bench.subscribe(s, "#", Q0);
    let alias = |number| Properties { topic_alias: std::num::NonZeroU16::new(number), ..none() };
    let by_alias = |number| {
        let Packet::Publish(publish) = message("x", Q0, 0, alias(number)) else { unreachable!() };
        Packet::Publish(Publish { topic: TopicName::aliased(), ..publish })
    };
    bench.send(p, message("first", Q0, 0, alias(1)));
    bench.send(p, by_alias(1));
    bench.send(p, message("second", Q0, 0, alias(1)));
    bench.send(p, by_alias(1));
    let arrived = bench.publishes(s);
    assert!(arrived.iter().all(|publish| publish.properties.is_none()), "an alias is of one hop");
    let topics: Vec<_> = arrived.iter().map(|publish| publish.topic.as_str()).collect();
    assert_eq!(topics, ["first", "first", "second", "second"]);
    bench.send(p, by_alias(2));
    assert_eq!(bench.thrown_out(p).0, Some(ReasonCode::ProtocolError), "it stands for nothing");
}

#[test]
fn an_alias_above_the_maximum_is_answered_with_its_own_code() {
    let mut bench = Bench::new(BrokerConfig { topic_alias_maximum: 3, ..BrokerConfig::default() });
    let c = bench.join(V5, "c");
    let alias = Properties { topic_alias: std::num::NonZeroU16::new(4), ..none() };
    bench.send(c, message("t", Q0, 0, alias));
    assert_eq!(bench.thrown_out(c).0, Some(ReasonCode::TopicAliasInvalid));
}

#[test]
fn the_server_gives_aliases_as_far_as_the_client_allows() {
    let mut bench = Bench::new(BrokerConfig::standard());
    let p = bench.join(V5, "p");
    let asked = Properties { topic_alias_maximum: Some(1), ..none() };
    let (s, _) = bench.connect(hello_with("s", asked));
    bench.subscribe(s, "#", Q1);
    for topic in ["a", "a", "b", "b"] {
        bench.send(p, publish(topic, Q0, 0));
    }
    let arrived = bench.publishes(s);
    let said = |publish: &Publish| {
        let alias = publish.properties.as_ref().and_then(|properties| properties.topic_alias);
        (publish.topic.as_str().to_owned(), alias.map_or(0, |alias| alias.get()))
    };
    let said: Vec<_> = arrived.iter().map(said).collect();
    assert_eq!(said, [("a".into(), 1), (String::new(), 1), ("b".into(), 0), ("b".into(), 0)]);
}

#[test]
fn what_a_client_may_not_publish_ends_its_connection() {
    let config = BrokerConfig { maximum_qos: Q1, retain_available: false, ..BrokerConfig::standard() };
    let identified = Properties { subscription_identifiers: [1].into_iter().collect(), ..none() };
    for (packet, code) in [
        (publish("t", Q2, 1), ReasonCode::QoSNotSupported),
        (retained("t", none()), ReasonCode::RetainNotSupported),
        (message("t", Q0, 0, identified), ReasonCode::ProtocolError),
    ] {
        let mut bench = Bench::new(config.clone());
        let c = bench.join(V5, "c");
        bench.send(c, packet);
        assert_eq!(bench.thrown_out(c).0, Some(code));
    }
}

#[test]
fn malformed_packets_are_answered_with_a_code() {
    for (bytes, code) in [
        (&b"\x36\x06\x00\x01t\x00\x01\x00"[..], ReasonCode::MalformedPacket),
        (b"\x82\x03\x00\x01\x00", ReasonCode::ProtocolError),
        (b"\x10\x00", ReasonCode::MalformedPacket),
    ] {
        let mut bench = Bench::standard();
        let c = bench.join(V5, "c");
        bench.broker.handle_input(bench.now, c, Chunk::copied(Tag::default(), bytes));
        bench.drain();
        assert_eq!(bench.thrown_out(c).0, Some(code));
    }
}

#[test]
fn wills_keep_to_the_limits_too() {
    let config = BrokerConfig { maximum_qos: Q1, retain_available: false, ..BrokerConfig::default() };
    for (qos, retain, code) in [
        (Q2, false, ReasonCode::QoSNotSupported),
        (Q0, true, ReasonCode::RetainNotSupported),
        (Q1, false, ReasonCode::Success),
    ] {
        let mut bench = Bench::new(config.clone());
        let topic = TopicName::new("will").unwrap();
        let will = Will { topic, payload: Payload::empty(), qos, retain, properties: None };
        let (_, connack) = bench.connect(Connect { will: Some(will), ..hello(V5, "c") });
        assert_eq!(connack.reason_code, code);
    }
}

#[test]
fn aliases_end_with_their_connection() {
    let mut bench = Bench::standard();
    let first = bench.join(V5, "c");
    let alias = Properties { topic_alias: std::num::NonZeroU16::new(1), ..none() };
    bench.send(first, message("t", Q0, 0, alias.clone()));
    assert!(bench.closed.is_empty());
    bench.cut(first);
    let second = bench.join(V5, "c");
    let Packet::Publish(publish) = message("x", Q0, 0, alias) else { unreachable!() };
    bench.send(second, Packet::Publish(Publish { topic: TopicName::aliased(), ..publish }));
    assert_eq!(bench.thrown_out(second).0, Some(ReasonCode::ProtocolError));
}
