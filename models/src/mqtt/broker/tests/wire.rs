//! Bytes that are wrong, or come at the wrong time.

use super::*;

const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c";

// What the server does with bytes after an accepted CONNECT: packets sent, and why it closed.
fn answer(bytes: &[u8]) -> (Vec<&'static str>, Option<CloseReason>) {
    let mut broker = Broker::new(BrokerConfig::default());
    let mut raw = Raw::open(&mut broker);
    broker.handle_input(NOW, raw.connection, Chunk::copied(Tag::default(), CONNECT));
    raw.received(&mut broker);
    answer_of(&mut broker, &mut raw, bytes)
}

fn first_answer(bytes: &[u8]) -> (Vec<&'static str>, Option<CloseReason>) {
    let mut broker = Broker::new(BrokerConfig::default());
    let mut raw = Raw::open(&mut broker);
    answer_of(&mut broker, &mut raw, bytes)
}

fn answer_of(broker: &mut Broker, raw: &mut Raw, bytes: &[u8]) -> (Vec<&'static str>, Option<CloseReason>) {
    broker.handle_input(NOW, raw.connection, Chunk::copied(Tag::default(), bytes));
    let sent = raw.received(broker).iter().map(|outgoing| outgoing.packet_type.name()).collect();
    let close = std::iter::from_fn(|| broker.poll_event()).find_map(|event| match event {
        BrokerEvent::Close { reason, .. } => Some(reason),
        _ => None,
    });
    assert!(close.is_none() || broker.buffered() == 0);
    (sent, close)
}

// Measured of Mosquitto 2.0.11 with the same inputs.
#[test]
fn breaches_close_the_connection() {
    use crate::mqtt::topic::InvalidTopic;
    let malformed = CloseReason::Malformed;
    for (what, bytes, reason) in [
        ("PUBLISH at QoS 3", &b"\x36\x05\x00\x01t\x00\x01"[..], malformed(Malformed::QoS)),
        ("PUBLISH with id 0", b"\x32\x05\x00\x01t\x00\x00", malformed(Malformed::PacketIdentifier)),
        ("SUBSCRIBE flags", b"\x80\x06\x00\x01\x00\x01t\x00", malformed(Malformed::FixedHeaderFlags)),
        ("empty SUBSCRIBE", b"\x82\x02\x00\x01", malformed(Malformed::NoTopicFilter)),
        ("QoS 3 requested", b"\x82\x06\x00\x01\x00\x01t\x03", malformed(Malformed::RequestedQoS)),
        ("length of 5 bytes", b"\x30\xff\xff\xff\xff\x01", malformed(Malformed::RemainingLength)),
        ("unknown type", b"\xf0\x00", malformed(Malformed::ReservedPacketType)),
        ("wildcard", b"\x30\x05\x00\x03a/#", malformed(Malformed::TopicName(InvalidTopic::Wildcard))),
        ("empty topic", b"\x30\x02\x00\x00", malformed(Malformed::TopicName(InvalidTopic::Empty))),
        ("U+0000", b"\x30\x05\x00\x03a\x00b", malformed(Malformed::NullCharacter)),
        (
            "bad filter",
            b"\x82\x07\x00\x01\x00\x02a#\x00",
            malformed(Malformed::TopicFilter(InvalidTopic::Wildcard)),
        ),
        ("second CONNECT", CONNECT, CloseReason::ProtocolError(ProtocolError::SecondConnect)),
        (
            "CONNACK from a client",
            b"\x20\x02\x00\x00",
            CloseReason::ProtocolError(ProtocolError::UnexpectedPacket(PacketType::Connack)),
        ),
    ] {
        assert_eq!(answer(bytes), (vec![], Some(reason)), "{what}");
    }
}

// Measured likewise.
#[test]
fn some_breaches_pass() {
    for (what, bytes, sent) in [
        ("QoS 0 with DUP", &b"\x38\x03\x00\x01t"[..], vec![]),
        ("PINGREQ with a body", b"\xc0\x02ab", vec!["PINGRESP"]),
        ("unknown PUBACK", b"\x40\x02\x00\x09", vec![]),
        ("unknown PUBCOMP", b"\x70\x02\x00\x09", vec![]),
        ("unknown PUBREC", b"\x50\x02\x00\x09", vec!["PUBREL"]),
        ("unknown PUBREL", b"\x62\x02\x00\x09", vec!["PUBCOMP"]),
    ] {
        assert_eq!(answer(bytes), (sent, None), "{what}");
    }
}

#[test]
fn the_first_packet_is_a_connect_of_a_known_level() {
    let error = CloseReason::ProtocolError(ProtocolError::FirstPacketNotConnect);
    assert_eq!(first_answer(b"\xc0\x00"), (vec![], Some(error)));
    let refused = CloseReason::Refused(ReasonCode::UnsupportedProtocolVersion);
    let level_6 = b"\x10\x0d\x00\x04MQTT\x06\x02\x00\x3c\x00\x01c";
    assert_eq!(first_answer(level_6), (vec!["CONNACK"], Some(refused)));
    let old_name = b"\x10\x0f\x00\x06MQIsdp\x04\x02\x00\x3c\x00\x01c";
    assert_eq!(first_answer(old_name), (vec!["CONNACK"], Some(refused)));
    let other_name = b"\x10\x0d\x00\x04HTTP\x04\x02\x00\x3c\x00\x01c";
    let malformed = CloseReason::Malformed(Malformed::ProtocolName);
    assert_eq!(first_answer(other_name), (vec![], Some(malformed)));
    assert_eq!(first_answer(CONNECT), (vec!["CONNACK"], None));
}

#[test]
fn nothing_is_read_after_the_close() {
    let (sent, close) = answer(b"\xf0\x00\xc0\x00");
    assert_eq!((sent.len(), close.is_some()), (0, true));
    let mut broker = Broker::new(BrokerConfig::default());
    let mut raw = Raw::connect(&mut broker, "c", true);
    raw.send(&mut broker, Packet::Disconnect(Disconnect::default()));
    raw.send(&mut broker, Packet::Pingreq);
    assert!(raw.received(&mut broker).is_empty());
}

#[test]
fn what_was_meant_for_a_former_connection_never_reaches_the_next() {
    let mut broker = Broker::new(BrokerConfig::default());
    let mut first = Raw::connect(&mut broker, "a", true);
    first.send(&mut broker, Packet::Pingreq);
    broker.transport_closed(NOW, first.connection);
    let mut second = Raw::open(&mut broker);
    assert_eq!(first.connection, second.connection, "the index is used again");
    assert!(second.received(&mut broker).is_empty());
}

mod mqtt_property {
    use super::*;
    use proptest::prelude::*;

    // Random bytes, weighted towards beginnings of packets.
    fn noise() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            (any::<u8>(), 0..40_u8).prop_map(|(first, length)| vec![first, length]),
            Just(CONNECT.to_vec()),
            Just(b"\x32\x06\x00\x01t\x00\x01x".to_vec()),
            Just(b"\x34\x06\x00\x01t\x00\x02x".to_vec()),
            Just(b"\x62\x02\x00\x02".to_vec()),
            Just(b"\x82\x06\x00\x01\x00\x01#\x02".to_vec()),
        ];
        prop::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_machine_panic(connected in any::<bool>(), bytes in noise(), cut in 1..50_usize) {
            let mut broker = Broker::new(BrokerConfig::default());
            let mut client = crate::mqtt::Client::new(ClientConfig::new("c"));
            let connection = broker.accept(NOW);
            client.transport_connected(NOW);
            if connected {
                broker.handle_input(NOW, connection, Chunk::copied(Tag::default(), CONNECT));
                client.handle_input(NOW, Chunk::copied(Tag::default(), &[0x20, 2, 0, 0]));
            }
            for piece in bytes.chunks(cut) {
                broker.handle_input(NOW, connection, Chunk::copied(Tag::default(), piece));
                broker.assert_bytes_add_up();
                client.handle_input(NOW, Chunk::copied(Tag::default(), piece));
            }
            while client.poll_transmit().is_some() {}
            while client.poll_event().is_some() {}
            broker.transport_closed(NOW, connection);
            while broker.poll_transmit().is_some() {}
            broker.assert_bytes_add_up();
        }
    }
}
