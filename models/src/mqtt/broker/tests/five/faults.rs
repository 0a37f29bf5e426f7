//! What clients that break the rules are told, and limits that keep them from harming others.

use std::num::NonZeroU32;

use super::*;
use crate::mqtt::broker::FaultCodes;

const V5: Version = Version::V5_0;

fn bytes(bench: &mut Bench, connection: ConnectionId, bytes: &[u8]) {
    bench.broker.handle_input(bench.now, connection, Chunk::copied(Tag::default(), bytes));
    bench.drain();
}

#[test]
fn faults_are_told_as_configured() {
    let protocol_error = Some(ReasonCode::ProtocolError);
    let malformed = Some(ReasonCode::MalformedPacket);
    for (packet, standard, mosquitto) in [
        // A property of CONNACK in PUBACK and in SUBSCRIBE.
        (&b"\x40\x07\x00\x01\x00\x03\x13\x00\x01"[..], malformed, protocol_error),
        (b"\x82\x0a\x00\x01\x03\x13\x00\x01\x00\x01t\x00", malformed, malformed),
        // QoS 3, and a filter that is missing.
        (b"\x82\x07\x00\x01\x00\x00\x01t\x03", protocol_error, malformed),
        (b"\x82\x03\x00\x01\x00", protocol_error, malformed),
        // PINGREQ with more to it, DISCONNECT with a code that is none.
        (b"\xc0\x01\x00", malformed, None),
        (b"\xe0\x01\x05", malformed, None),
        // Packets of the server, and AUTH without a method.
        (b"\x20\x03\x00\x00\x00", protocol_error, protocol_error),
        (b"\xf0\x00", protocol_error, protocol_error),
    ] {
        for (fault_codes, expected) in [(FaultCodes::Standard, standard), (FaultCodes::Mosquitto, mosquitto)]
        {
            let mut bench = Bench::new(BrokerConfig { fault_codes, ..BrokerConfig::standard() });
            let c = bench.join(V5, "c");
            bytes(&mut bench, c, packet);
            assert_eq!(bench.thrown_out(c).0, expected, "{packet:02x?} {fault_codes:?}");
        }
    }
}

#[test]
fn a_session_too_rich_is_refused_more() {
    let limits = BrokerConfig { max_subscriptions: 2, max_topic_levels: 3, ..BrokerConfig::standard() };
    let mut bench = Bench::new(limits);
    let c = bench.join(V5, "c");
    assert_eq!(bench.subscribe(c, "a", Q0), [ReasonCode::Success]);
    assert_eq!(bench.subscribe(c, "b/b/b", Q0), [ReasonCode::Success]);
    assert_eq!(bench.subscribe(c, "c", Q0), [ReasonCode::QuotaExceeded]);
    assert_eq!(bench.subscribe(c, "a", Q1), [ReasonCode::GrantedQoS1], "it replaces one");
    bench.send(c, publish("b/b/b/b/b", Q0, 0));
    assert_eq!(bench.thrown_out(c).0, Some(ReasonCode::MalformedPacket));
}

#[test]
fn an_answer_too_large_for_the_client_ends_its_connection() {
    let mut bench = Bench::new(BrokerConfig { max_inflight_inbound: 20, ..BrokerConfig::standard() });
    // CONNACK takes 11 bytes.
    for (size, accepted) in [(10, false), (11, true)] {
        let properties = Properties { maximum_packet_size: NonZeroU32::new(size), ..none() }.boxed();
        let c = bench.open(V5);
        bench.send(c, Packet::Connect(Box::new(Connect { properties, ..hello(V5, "c") })));
        let answer = bench.take(c);
        assert_eq!(!answer.is_empty(), accepted, "{answer:?}");
        if !accepted {
            continue;
        }
        let filters = (0..8).map(|n| (TopicFilter::new(&format!("{n}")).unwrap(), Q0.into())).collect();
        bench.send(c, Packet::Subscribe(Subscribe { packet_identifier: id(1), filters, properties: None }));
        assert_eq!(bench.thrown_out(c).0, Some(ReasonCode::PacketTooLarge), "SUBACK takes 13");
    }
}

#[test]
fn payloads_that_are_not_what_they_say_are_refused() {
    for (check_payload_format, expected) in [(true, Some(ReasonCode::PayloadFormatInvalid)), (false, None)] {
        let mut bench = Bench::new(BrokerConfig { check_payload_format, ..BrokerConfig::standard() });
        let c = bench.join(V5, "c");
        // Payload Format Indicator 1, and a byte that is never in UTF-8.
        bytes(&mut bench, c, b"\x30\x07\x00\x01t\x02\x01\x01\xff");
        let said = bench.take(c).pop();
        let code = said.map(|packet| match packet {
            Packet::Disconnect(disconnect) => disconnect.reason_code,
            other => panic!("{other:?}"),
        });
        assert_eq!(code, expected);
    }
}
