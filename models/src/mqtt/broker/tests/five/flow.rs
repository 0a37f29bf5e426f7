//! Flow control, packet sizes, redelivery, retries, queues.

use std::num::{NonZeroU16, NonZeroU32};

use super::*;
use crate::mqtt::broker::DropReason;
use crate::mqtt::close::ProtocolError;
use crate::mqtt::packet::Acknowledgement;

const V5: Version = Version::V5_0;

fn receive_maximum(maximum: u16) -> Properties {
    Properties { receive_maximum: NonZeroU16::new(maximum), session_expiry_interval_s: Some(1_000), ..none() }
}

fn numbers(publishes: &[Publish]) -> Vec<(u16, bool)> {
    publishes.iter().map(|publish| (publish.packet_identifier.unwrap().get(), publish.dup)).collect()
}

#[test]
fn no_more_is_under_way_than_the_client_receives() {
    let mut bench = Bench::standard();
    let p = bench.join(V5, "p");
    let (s, _) = bench.connect(hello_with("s", receive_maximum(2)));
    bench.subscribe(s, "t", Q1);
    for number in 1..=5 {
        bench.send(p, publish("t", Q1, number));
    }
    assert_eq!(numbers(&bench.publishes(s)), [(1, false), (2, false)]);
    bench.send(s, Packet::Puback(id(1).into()));
    assert_eq!(numbers(&bench.publishes(s)), [(3, false)]);
    bench.send(p, publish("t", Q0, 0));
    assert_eq!(bench.publishes(s).len(), 1, "QoS 0 is not held back");
}

#[test]
fn repetitions_keep_to_the_receive_maximum_too() {
    let mut bench = Bench::standard();
    let p = bench.join(V5, "p");
    let asked = |maximum| Connect { clean_session: false, ..hello_with("s", receive_maximum(maximum)) };
    let (s, _) = bench.connect(asked(3));
    bench.subscribe(s, "t", Q1);
    for number in 1..=4 {
        bench.send(p, publish("t", Q1, number));
    }
    assert_eq!(bench.publishes(s).len(), 3);
    bench.cut(s);
    let (s, _) = bench.connect(asked(2));
    assert_eq!(numbers(&bench.publishes(s)), [(1, true), (2, true)], "DUP, in order");
    bench.send(s, Packet::Puback(id(1).into()));
    assert_eq!(numbers(&bench.publishes(s)), [(3, true)]);
    bench.send(s, Packet::Puback(id(2).into()));
    bench.send(s, Packet::Puback(id(3).into()));
    assert_eq!(numbers(&bench.publishes(s)), [(4, false)]);
}

#[test]
fn who_sends_more_than_the_server_receives_is_thrown_out() {
    let mut bench = Bench::new(BrokerConfig { max_inflight_inbound: 2, ..BrokerConfig::default() });
    let c = bench.join(V5, "c");
    for number in 1..=3 {
        bench.send(c, publish("t", Q2, number));
    }
    let error = CloseReason::ProtocolError(ProtocolError::ReceiveMaximum);
    assert_eq!(bench.thrown_out(c), (Some(ReasonCode::ReceiveMaximumExceeded), error));
}

#[test]
fn what_is_too_large_for_a_client_is_not_sent() {
    let mut bench = Bench::standard();
    let p = bench.join(V5, "p");
    let asked = Properties { maximum_packet_size: NonZeroU32::new(15), ..none() };
    let (s, _) = bench.connect(hello_with("s", asked));
    let other = bench.join(V5, "other");
    bench.subscribe(s, "#", Q1);
    bench.subscribe(other, "#", Q1);
    for (number, topic) in [(1, "long/topic"), (2, "t")] {
        bench.send(p, publish(topic, Q1, number));
        bench.send(p, publish(topic, Q0, 0));
    }
    assert_eq!(bench.topics(s), ["t", "t"], "15 bytes and 13");
    assert_eq!(bench.topics(other).len(), 4);
    let dropped = BrokerEvent::Dropped { message: MessageId(7), reason: DropReason::TooLarge };
    assert_eq!(bench.events.iter().filter(|event| **event == dropped).count(), 2);
}

#[test]
fn a_packet_too_large_for_the_server_is_answered_with_its_own_code() {
    let mut bench = Bench::new(BrokerConfig { max_packet_bytes: 20, ..BrokerConfig::default() });
    let c = bench.join(V5, "c");
    bench.send(c, publish("a/long/topic/name", Q0, 0));
    assert_eq!(bench.thrown_out(c).0, Some(ReasonCode::PacketTooLarge));
}

#[test]
fn nothing_is_sent_again_on_a_live_connection() {
    let retry_after = Some(Duration::from_secs(20));
    let mut bench = Bench::new(BrokerConfig { retry_after, ..BrokerConfig::standard() });
    let (p, s) = (bench.join(V5, "p"), bench.join(V5, "s"));
    bench.subscribe(s, "t", Q1);
    bench.send(p, publish("t", Q1, 1));
    assert_eq!(numbers(&bench.publishes(s)), [(1, false)]);
    bench.wait_until(1_000);
    assert!(bench.publishes(s).is_empty());
}

#[test]
fn the_retry_timer_of_version_3_1_is_a_switch() {
    let retry_after = Some(Duration::from_secs(20));
    for (retry_after, expected) in [(None, 0), (retry_after, 2)] {
        let mut bench = Bench::new(BrokerConfig { retry_after, ..BrokerConfig::standard() });
        let (p, s) = (bench.join(V5, "p"), bench.join(Version::V3_1, "s"));
        bench.subscribe(s, "t", Q1);
        bench.send(p, publish("t", Q1, 1));
        assert_eq!(numbers(&bench.publishes(s)), [(1, false)]);
        bench.wait_until(19);
        assert!(bench.publishes(s).is_empty());
        bench.wait_until(50);
        assert_eq!(numbers(&bench.publishes(s)), vec![(1, true); expected]);
        bench.send(s, Packet::Puback(id(1).into()));
        bench.wait_until(100);
        assert!(bench.publishes(s).is_empty());
    }
}

#[test]
fn a_pubrel_is_retried_too() {
    let retry_after = Some(Duration::from_secs(20));
    let mut bench = Bench::new(BrokerConfig { retry_after, ..BrokerConfig::standard() });
    let (p, s) = (bench.join(V5, "p"), bench.join(Version::V3_1, "s"));
    bench.subscribe(s, "t", Q2);
    bench.send(p, publish("t", Q2, 2));
    bench.send(p, Packet::Pubrel(id(2).into()));
    bench.send(s, Packet::Pubrec(id(1).into()));
    bench.take(s);
    bench.wait_until(20);
    assert_eq!(bench.take(s), [Packet::Pubrel(id(1).into())]);
}

#[test]
fn a_failure_in_pubrec_ends_the_delivery() {
    let mut bench = Bench::standard();
    let p = bench.join(V5, "p");
    let (s, _) = bench.connect(hello_with("s", receive_maximum(1)));
    bench.subscribe(s, "t", Q2);
    for number in [1, 2] {
        bench.send(p, publish("t", Q2, number));
        bench.send(p, Packet::Pubrel(id(number).into()));
    }
    assert_eq!(numbers(&bench.publishes(s)), [(1, false)]);
    let reason_code = ReasonCode::QuotaExceeded;
    let refusal = Acknowledgement { reason_code, ..id(1).into() };
    bench.send(s, Packet::Pubrec(refusal));
    assert_eq!(numbers(&bench.publishes(s)), [(2, false)], "no PUBREL, and the window is free again");
}

#[test]
fn unknown_identifiers_have_their_own_code() {
    let mut bench = Bench::standard();
    let c = bench.join(V5, "c");
    bench.send(c, Packet::Pubrel(id(9).into()));
    bench.send(c, Packet::Pubrec(id(8).into()));
    let not_found = ReasonCode::PacketIdentifierNotFound;
    let with = |number| Acknowledgement { reason_code: not_found, ..id(number).into() };
    assert_eq!(bench.take(c), [Packet::Pubcomp(with(9)), Packet::Pubrel(with(8))]);
}

#[test]
fn a_queue_is_limited_in_bytes_too() {
    // A message weighs 8 bytes: `t` and `payload`.
    for (when_queue_full, expected) in
        [(WhenQueueFull::DropNewest, [1, 2]), (WhenQueueFull::DropOldest, [3, 4])]
    {
        let config = BrokerConfig { max_queued_bytes: 23, when_queue_full, ..BrokerConfig::standard() };
        let mut bench = Bench::new(config);
        let p = bench.join(Version::V3_1_1, "p");
        let (s, _) = bench.connect(back("s", 1_000));
        bench.subscribe(s, "#", Q1);
        bench.cut(s);
        for number in 1..=4 {
            bench.send(p, publish(&number.to_string(), Q1, number));
        }
        let (s, _) = bench.connect(back("s", 1_000));
        assert_eq!(bench.topics(s), expected.map(|number| number.to_string()));
    }
}
