//! Sessions, wills, ends.

use super::*;
use crate::mqtt::broker::Memory;
use crate::mqtt::close::ProtocolError;

const V5: Version = Version::V5_0;

fn will(delay_s: u32) -> Will {
    Will {
        topic: TopicName::new("will").unwrap(),
        payload: Payload::from(&b"gone"[..]),
        qos: Q0,
        retain: false,
        properties: Properties {
            will_delay_interval_s: Some(delay_s),
            content_type: Some("text".into()),
            ..none()
        }
        .boxed(),
    }
}

#[test]
fn connack_says_what_the_server_can_do() {
    let mut bench = Bench::new(BrokerConfig {
        max_keep_alive_s: 30,
        max_session_expiry_s: 100,
        maximum_qos: Q1,
        retain_available: false,
        max_packet_bytes: 1_000,
        shared_subscriptions: SharedSubscriptions::Off,
        response_information: Some("answers/".into()),
        ..BrokerConfig::default()
    });
    let asked = Properties {
        session_expiry_interval_s: Some(500),
        request_response_information: Some(true),
        ..none()
    };
    let (_, connack) = bench.connect(hello_with("", asked));
    let said = *connack.properties.unwrap();
    assert_eq!(said.assigned_client_identifier.as_deref(), Some("auto-00000000-0000-0000-0000-000000000001"));
    assert_eq!((said.server_keep_alive_s, said.session_expiry_interval_s), (Some(30), Some(100)));
    assert_eq!((said.maximum_qos, said.retain_available), (Some(Q1), Some(false)));
    assert_eq!(said.maximum_packet_size.map(|size| size.get()), Some(1_000));
    assert_eq!(said.receive_maximum.map(|maximum| maximum.get()), Some(20));
    assert_eq!((said.topic_alias_maximum, said.shared_subscription_available), (Some(10), Some(false)));
    assert_eq!(said.response_information.as_deref(), Some("answers/"));
    let (_, connack) = bench.connect(Connect { keep_alive_s: 20, ..hello(V5, "named") });
    let said = *connack.properties.unwrap();
    assert_eq!((said.assigned_client_identifier, said.server_keep_alive_s), (None, None));
    assert_eq!((said.response_information, said.session_expiry_interval_s), (None, None));
}

#[test]
fn an_older_client_gets_an_older_connack() {
    let mut bench = Bench::new(BrokerConfig::default());
    for version in [Version::V3_1, Version::V3_1_1] {
        let (_, connack) = bench.connect(hello(version, "c"));
        assert_eq!((connack.reason_code, connack.properties), (ReasonCode::Success, None));
    }
}

#[test]
fn the_server_keep_alive_holds() {
    let mut bench = Bench::new(BrokerConfig { max_keep_alive_s: 10, ..BrokerConfig::standard() });
    let c = bench.join(V5, "c");
    bench.wait_until(14);
    assert!(bench.closed.is_empty());
    bench.wait_until(15);
    assert_eq!(bench.thrown_out(c), (Some(ReasonCode::KeepAliveTimeout), CloseReason::KeepAliveExpired));
}

#[test]
fn a_session_ends_when_its_interval_is_over() {
    let mut bench = Bench::standard();
    for (away_s, present) in [(9, true), (10, false)] {
        let (c, _) = bench.connect(Connect { clean_session: true, ..back("c", 10) });
        bench.subscribe(c, "t", Q0);
        bench.cut(c);
        let start = bench.now.as_nanos() / 1_000_000_000;
        bench.wait_until(start + away_s);
        assert_eq!(bench.broker.session_count(), usize::from(present));
        let (c, connack) = bench.connect(back("c", 10));
        assert_eq!(
            (connack.session_present, bench.broker.subscription_count()),
            (present, usize::from(present))
        );
        bench.cut(c);
    }
}

#[test]
fn without_an_interval_a_session_ends_with_its_connection() {
    let mut bench = Bench::standard();
    let (c, _) = bench.connect(Connect { clean_session: false, ..hello(V5, "c") });
    bench.cut(c);
    assert_eq!(bench.broker.session_count(), 0);
    let (c, _) = bench.connect(back("c", u32::MAX));
    bench.cut(c);
    bench.wait_until(10_000_000_000);
    assert_eq!(bench.broker.session_count(), 1, "for ever");
}

#[test]
fn disconnect_may_change_the_interval_but_not_from_zero() {
    let mut bench = Bench::standard();
    let leave = |expiry_s| {
        let properties = Properties { session_expiry_interval_s: Some(expiry_s), ..none() }.boxed();
        Packet::Disconnect(Disconnect { reason_code: ReasonCode::Success, properties })
    };
    let (c, _) = bench.connect(back("c", 100));
    bench.send(c, leave(0));
    assert_eq!((bench.closed[&c], bench.broker.session_count()), (CloseReason::Disconnected, 0));
    let c = bench.join(V5, "d");
    bench.send(c, leave(5));
    let error = CloseReason::ProtocolError(ProtocolError::SessionExpiryRaised);
    assert_eq!(bench.thrown_out(c), (Some(ReasonCode::ProtocolError), error));
}

#[test]
fn clean_start_discards_the_session_and_nothing_more() {
    let mut bench = Bench::standard();
    let (c, _) = bench.connect(back("c", 100));
    bench.subscribe(c, "t", Q0);
    bench.cut(c);
    let (c, connack) = bench.connect(Connect { clean_session: true, ..back("c", 100) });
    assert_eq!((connack.session_present, bench.broker.subscription_count()), (false, 0));
    bench.cut(c);
    assert_eq!(bench.broker.session_count(), 1, "the new session outlives its connection");
}

#[test]
fn who_is_taken_over_is_told() {
    let mut bench = Bench::standard();
    let first = bench.join(V5, "c");
    bench.join(Version::V3_1_1, "c");
    assert_eq!(bench.thrown_out(first), (Some(ReasonCode::SessionTakenOver), CloseReason::TakenOver));
    let old = bench.join(Version::V3_1_1, "d");
    bench.join(V5, "d");
    assert_eq!(bench.thrown_out(old), (None, CloseReason::TakenOver), "MQTT 3.1.1 has no such packet");
}

#[test]
fn a_will_waits_for_its_delay() {
    let mut bench = Bench::standard();
    let watcher = bench.join(V5, "watcher");
    bench.subscribe(watcher, "will", Q0);
    let (c, _) = bench.connect(Connect { will: Some(will(10)), ..back("c", 100) });
    bench.cut(c);
    bench.wait_until(9);
    assert!(bench.publishes(watcher).is_empty());
    bench.wait_until(10);
    let publish = bench.publishes(watcher).remove(0);
    let properties = publish.properties.unwrap();
    assert_eq!(properties.content_type.as_deref(), Some("text"));
    assert_eq!(properties.will_delay_interval_s, None);
    bench.wait_until(200);
    assert!(bench.publishes(watcher).is_empty(), "once");
}

#[test]
fn a_client_that_comes_back_in_time_takes_its_will_back() {
    let mut bench = Bench::standard();
    let watcher = bench.join(V5, "watcher");
    bench.subscribe(watcher, "will", Q0);
    let (c, _) = bench.connect(Connect { will: Some(will(10)), ..back("c", 100) });
    bench.cut(c);
    bench.wait_until(5);
    bench.connect(back("c", 100));
    bench.wait_until(50);
    assert!(bench.publishes(watcher).is_empty());
}

#[test]
fn a_delayed_will_comes_at_the_end_of_the_session_at_the_latest() {
    let mut bench = Bench::standard();
    let watcher = bench.join(V5, "watcher");
    bench.subscribe(watcher, "will", Q0);
    let (c, _) = bench.connect(Connect { will: Some(will(10)), ..back("c", 3) });
    bench.cut(c);
    bench.wait_until(3);
    assert_eq!(bench.topics(watcher), ["will"]);
    // A new session under the same name ends the old one too.
    let (c, _) = bench.connect(Connect { will: Some(will(10)), ..back("c", 100) });
    bench.cut(c);
    bench.connect(Connect { clean_session: true, ..back("c", 100) });
    assert_eq!(bench.topics(watcher), ["will"]);
}

#[test]
fn only_a_normal_disconnect_discards_the_will() {
    for (reason_code, expected) in [(ReasonCode::Success, 0), (ReasonCode::DisconnectWithWill, 1)] {
        let mut bench = Bench::standard();
        let watcher = bench.join(V5, "watcher");
        bench.subscribe(watcher, "will", Q0);
        let (c, _) = bench.connect(Connect { will: Some(will(0)), ..hello(V5, "c") });
        bench.send(c, Packet::Disconnect(Disconnect { reason_code, properties: None }));
        assert_eq!(bench.publishes(watcher).len(), expected);
    }
}

#[test]
fn the_host_may_disconnect_a_client_for_a_reason() {
    let mut bench = Bench::standard();
    let c = bench.join(V5, "c");
    bench.broker.disconnect(bench.now, c, ReasonCode::ServerShuttingDown);
    bench.drain();
    let reason = ReasonCode::ServerShuttingDown;
    assert_eq!(bench.thrown_out(c), (Some(reason), CloseReason::DisconnectedFor(reason)));
}

#[test]
fn identifiers_of_version_3_1_have_1_to_23_characters() {
    let mut bench = Bench::standard();
    for (length, expected) in [(0, 2), (1, 0), (23, 0), (24, 2)] {
        let (_, connack) = bench.connect(hello(Version::V3_1, &"x".repeat(length)));
        assert_eq!(connack.reason_code.return_code(), expected, "{length}");
    }
    let (_, connack) = bench.connect(hello(Version::V3_1_1, &"x".repeat(24)));
    assert_eq!(connack.reason_code, ReasonCode::Success);
}

#[test]
fn what_is_stored_survives_a_restart() {
    let mut bench = Bench::standard();
    let (c, _) = bench.connect(Connect { will: Some(will(0)), ..back("stored", 100) });
    bench.subscribe(c, "t", Q1);
    let other = bench.join(Version::V3_1_1, "clean");
    bench.subscribe(other, "t", Q1);
    bench.subscribe(other, "will", Q1);
    bench.cut(c);
    bench.take(other);
    bench.send(other, retained("kept", none()));
    bench.send(other, publish("t", Q1, 3));
    let (_, _) = bench.connect(back("stored", 100));
    bench.broker.restart(bench.now, Memory::Persistent);
    bench.drain();
    assert_eq!((bench.broker.connection_count(), bench.broker.connected_count()), (0, 0));
    assert_eq!((bench.broker.session_count(), bench.broker.retained_count()), (1, 1));
    let (c, connack) = bench.connect(back("stored", 100));
    assert!(connack.session_present);
    let again = bench.publishes(c);
    assert_eq!((again.len(), again[0].dup, again[0].topic.as_str()), (1, true, "t"));
}

#[test]
fn after_a_restart_absent_sessions_still_end() {
    let mut bench = Bench::standard();
    bench.connect(back("c", 10));
    bench.wait_until(5);
    bench.broker.restart(bench.now, Memory::Persistent);
    bench.wait_until(14);
    assert_eq!(bench.broker.session_count(), 1);
    bench.wait_until(15);
    assert_eq!(bench.broker.session_count(), 0);
}

#[test]
fn a_crash_without_storage_loses_everything() {
    let mut bench = Bench::standard();
    let (c, _) = bench.connect(back("stored", 100));
    bench.subscribe(c, "t", Q1);
    bench.send(c, retained("t", none()));
    bench.cut(c);
    let publisher = bench.join(V5, "p");
    bench.send(publisher, publish("t", Q1, 1));
    bench.broker.restart(bench.now, Memory::Volatile);
    bench.drain();
    let broker = &bench.broker;
    assert_eq!((broker.session_count(), broker.retained_count(), broker.buffered()), (0, 0, 0));
    let (_, connack) = bench.connect(back("stored", 100));
    assert!(!connack.session_present);
}
