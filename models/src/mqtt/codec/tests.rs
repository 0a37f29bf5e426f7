mod fields;
mod oracle;
pub(in crate::mqtt) mod packets;
mod quick;

use proptest::prelude::*;

use super::decode::{Decoder, Received};
use super::encode::{encode, publish_wire_len};
use super::*;
use crate::cause::Cause;
use packets::{packet, versioned};

use crate::mqtt::packet::{
    Connack, Connect, Disconnect, Packet, PacketIdentifier, Publish, QoS, ReasonCode, Suback, Subscribe,
    Version,
};
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::{Chunk, MessageId, Payload, Tag};

const TAG: Tag = Tag { message: MessageId(5), cause: Cause::Publish };

fn decode_all(bytes: &[u8]) -> Result<Vec<Packet>, Malformed> {
    decode_pieces(Decoder::new(u32::MAX), bytes, &[bytes.len()])
}

// Feeds `bytes` in pieces of the given lengths, over and over.
fn decode_pieces(mut decoder: Decoder, bytes: &[u8], lengths: &[usize]) -> Result<Vec<Packet>, Malformed> {
    let mut packets = vec![];
    let mut rest = bytes;
    let mut lengths = lengths.iter().cycle();
    while !rest.is_empty() {
        let length = lengths.next().map_or(1, |length| (*length).clamp(1, rest.len()));
        let (piece, after) = rest.split_at(length);
        decoder.feed(Chunk::copied(TAG, piece));
        while let Some(received) = decoder.next()? {
            packets.push(received.packet);
        }
        rest = after;
    }
    Ok(packets)
}

fn publish(payload: Payload) -> Packet {
    Packet::Publish(Publish {
        topic: TopicName::new("gt/t").unwrap(),
        payload,
        packet_identifier: PacketIdentifier::new(1),
        qos: QoS::AtLeastOnce,
        dup: false,
        retain: false,
        properties: None,
    })
}

// Lengths measured in captures c01_*: topic of 4 bytes, Client Identifier of 3.
#[test]
fn lengths_are_those_of_the_captures() {
    let wire_len = |packet: &Packet| {
        let outgoing = encode(packet, Version::V3_1_1, MessageId::NONE);
        assert_eq!(outgoing.wire_len as usize, outgoing.to_vec().len());
        outgoing.wire_len
    };
    let connect = Connect {
        bridge: false,
        version: Version::V3_1_1,
        clean_session: true,
        keep_alive_s: 60,
        client_identifier: "pub".into(),
        will: None,
        user_name: None,
        password: None,
        properties: None,
    };
    let id = PacketIdentifier::new(1).unwrap();
    let filters = vec![(TopicFilter::new("gt/t").unwrap(), QoS::AtLeastOnce.into())];
    let reason_code = ReasonCode::Success;
    assert_eq!(wire_len(&Packet::Connect(Box::new(connect))), 17);
    assert_eq!(
        wire_len(&Packet::Connack(Connack { session_present: false, reason_code, properties: None })),
        4
    );
    assert_eq!(
        wire_len(&Packet::Subscribe(Subscribe { packet_identifier: id, filters, properties: None })),
        11
    );
    let reason_codes = vec![ReasonCode::GrantedQoS1];
    assert_eq!(
        wire_len(&Packet::Suback(Suback { packet_identifier: id, reason_codes, properties: None })),
        5
    );
    assert_eq!(wire_len(&publish(Payload::from(vec![0; 16]))), 26);
    assert_eq!(wire_len(&publish(Payload::from(vec![0; 209_469]))), 209_481);
    assert_eq!(publish_wire_len(4, 209_469, QoS::AtMostOnce), Some(209_479));
    assert_eq!(publish_wire_len(4, MAX_REMAINING_LENGTH as usize, QoS::AtMostOnce), None);
    for packet in [
        Packet::Puback(id.into()),
        Packet::Pubrec(id.into()),
        Packet::Pubrel(id.into()),
        Packet::Pubcomp(id.into()),
    ] {
        assert_eq!(wire_len(&packet), 4);
    }
    for packet in [Packet::Pingreq, Packet::Pingresp, Packet::Disconnect(Disconnect::default())] {
        assert_eq!(wire_len(&packet), 2);
    }
}

// MQTT 3.1.1 table 2.4
#[test]
fn remaining_length_has_one_to_four_bytes() {
    for (length, bytes) in [
        (0, 1),
        (127, 1),
        (128, 2),
        (16_383, 2),
        (16_384, 3),
        (2_097_151, 3),
        (2_097_152, 4),
        (MAX_REMAINING_LENGTH, 4),
    ] {
        assert_eq!(remaining_length_bytes(length), bytes);
    }
    for payload_len in [120, 121, 16_375, 16_376, 2_097_143, 2_097_144] {
        let packet = publish(Payload::from(vec![7; payload_len]));
        let outgoing = encode(&packet, Version::V3_1_1, MessageId(5));
        assert_eq!(publish_wire_len(4, payload_len, QoS::AtLeastOnce), Some(outgoing.wire_len as usize));
        assert_eq!(decode_all(&outgoing.to_vec()), Ok(vec![packet]));
    }
}

// An image crosses TCP in segments of 1448 bytes and is still the same buffer at the far end.
#[test]
fn a_payload_in_segments_is_never_copied() {
    let image = Payload::from(vec![1; 209_469]);
    let outgoing = encode(&publish(image.clone()), Version::V3_1_1, MessageId(5));
    let body = outgoing.body.unwrap();
    for first in [1, 500, 1_448] {
        let mut decoder = Decoder::new(u32::MAX);
        decoder.feed(outgoing.head.slice(0..5));
        decoder.feed(outgoing.head.slice(5..outgoing.head.len()));
        let mut at = 0;
        let mut next = first;
        while at < body.len() {
            assert_eq!(decoder.next(), Ok(None));
            decoder.feed(body.slice(at..next.min(body.len())));
            (at, next) = (next, next + 1_448);
        }
        let Ok(Some(Received { packet: Packet::Publish(arrived), tag, .. })) = decoder.next() else {
            panic!()
        };
        assert_eq!((tag.message, tag.cause), (MessageId(5), Cause::Publish));
        assert_eq!(arrived.payload.as_slice().as_ptr(), image.as_slice().as_ptr());
        assert_eq!((arrived.payload.len(), decoder.buffered()), (image.len(), 0));
    }
}

#[test]
fn payloads_that_do_not_join_are_copied_together() {
    let packet = publish(Payload::from((0..200).collect::<Vec<u8>>()));
    let bytes = encode(&packet, Version::V3_1_1, MessageId(5)).to_vec();
    let one_buffer = Payload::from(bytes.clone());
    let mut decoder = Decoder::new(u32::MAX);
    decoder.feed(Chunk::shared(TAG, one_buffer.slice(0..50)));
    decoder.feed(Chunk::shared(TAG, one_buffer.slice(50..90)));
    decoder.feed(Chunk::copied(TAG, &bytes[90..100]));
    decoder.feed(Chunk::copied(TAG, &bytes[100..]));
    assert_eq!(decoder.next().unwrap().unwrap().packet, packet);
}

#[test]
fn short_packets_need_no_allocation_for_their_topic_twice() {
    let bytes = encode(&publish(Payload::empty()), Version::V3_1_1, MessageId(5)).to_vec();
    let packets = decode_all(&bytes.repeat(2)).unwrap();
    let [Packet::Publish(first), Packet::Publish(second)] = &packets[..] else { panic!() };
    assert_eq!(first.topic.as_str().as_ptr(), second.topic.as_str().as_ptr());
}

#[test]
fn a_receiver_limits_the_size_of_packets() {
    let bytes = encode(&publish(Payload::from(vec![0; 200])), Version::V3_1_1, MessageId(5)).to_vec();
    let refused = |limit| decode_pieces(Decoder::new(limit), &bytes, &[3]);
    assert_eq!(refused(bytes.len() as u32).map(|packets| packets.len()), Ok(1));
    assert_eq!(refused(bytes.len() as u32 - 1), Err(Malformed::TooLarge));
}

// Faults beyond those in the broker's tests.
#[test]
fn every_field_is_checked() {
    for (bytes, error) in [
        (&b"\x00\x00"[..], Malformed::ReservedPacketType),
        (b"\x11\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", Malformed::FixedHeaderFlags),
        (b"\x30\x05\x00\x03a\x1fb", Malformed::ControlCharacter),
        (b"\x30\x05\x00\x03a\xc2\x9f", Malformed::ControlCharacter),
        (b"\x21\x02\x00\x00", Malformed::FixedHeaderFlags),
        (b"\x41\x02\x00\x01", Malformed::FixedHeaderFlags),
        (b"\x60\x02\x00\x01", Malformed::FixedHeaderFlags),
        (b"\xa0\x02\x00\x01", Malformed::FixedHeaderFlags),
        (b"\xc1\x00", Malformed::FixedHeaderFlags),
        (b"\x30\x01\x00", Malformed::Truncated),
        (b"\x30\x02\x00\x01", Malformed::Truncated),
        (b"\x32\x04\x00\x01t\x00", Malformed::Truncated),
        (b"\x30\x04\x00\x02\xff\xff", Malformed::Utf8),
        (b"\x30\x05\x00\x03\xed\xa0\x80", Malformed::Utf8),
        (b"\x38\x03\x00\x01t", Malformed::DupAtQoS0),
        (b"\x40\x01\x00", Malformed::Truncated),
        (b"\x40\x02\x00\x00", Malformed::PacketIdentifier),
        (b"\x40\x03\x00\x01x", Malformed::SurplusBytes),
        (b"\xc0\x01x", Malformed::SurplusBytes),
        (b"\x20\x02\x02\x00", Malformed::ConnackFlags),
        (b"\x20\x02\x01\x05", Malformed::ConnackFlags),
        (b"\x20\x02\x00\x06", Malformed::ConnectReturnCode),
        (b"\x20\x01\x00", Malformed::Truncated),
        (b"\x82\x06\x00\x01\x00\x01t\x04", Malformed::RequestedQoS),
        (b"\x82\x05\x00\x01\x00\x01t", Malformed::Truncated),
        (b"\x90\x02\x00\x01", Malformed::NoTopicFilter),
        (b"\x90\x03\x00\x01\x03", Malformed::SubackReturnCode),
        (b"\xa2\x02\x00\x01", Malformed::NoTopicFilter),
        (b"\x10\x0c\x00\x04MQTT\x04\x03\x00\x3c\x00\x00", Malformed::ReservedConnectFlag),
        (b"\x10\x0c\x00\x04MQTT\x04\x0a\x00\x3c\x00\x00", Malformed::WillFlags),
        (b"\x10\x0c\x00\x04MQTT\x04\x22\x00\x3c\x00\x00", Malformed::WillFlags),
        (b"\x10\x0c\x00\x04MQTT\x04\x1e\x00\x3c\x00\x00", Malformed::WillFlags),
        (b"\x10\x0c\x00\x04MQTT\x04\x42\x00\x3c\x00\x00", Malformed::PasswordWithoutUserName),
        (b"\x10\x0c\x00\x04MQTT\x04\x82\x00\x3c\x00\x00", Malformed::Truncated),
        (b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x00x", Malformed::SurplusBytes),
        (b"\x10\x0c\x00\x04MQTT\x06\x02\x00\x3c\x00\x00", Malformed::ProtocolLevel),
        (b"\xf0\x00", Malformed::ReservedPacketType),
        (b"\x10\x0c\x00\x04mqtt\x04\x02\x00\x3c\x00\x00", Malformed::ProtocolName),
    ] {
        assert_eq!(decode_all(bytes), Err(error), "{bytes:02x?}");
    }
}

#[test]
fn tolerance_lets_named_breaches_pass() {
    for (bytes, expected) in
        [(&b"\xc0\x01x"[..], Packet::Pingreq), (b"\xe0\x02xy", Packet::Disconnect(Disconnect::default()))]
    {
        let tolerant = Decoder::tolerating(u32::MAX, Tolerance::MOSQUITTO);
        assert_eq!(decode_pieces(tolerant, bytes, &[1]), Ok(vec![expected]));
    }
}

proptest! {
    #[test]
    fn decoding_undoes_encoding_however_the_bytes_are_cut(
        (version, packets) in versioned(|version| prop::collection::vec(packet(version), 1..8)),
        lengths in prop::collection::vec(1..400_usize, 1..10),
    ) {
        let bytes: Vec<u8> =
            packets.iter().flat_map(|packet| encode(packet, version, MessageId(5)).to_vec()).collect();
        let decoder = || decoder_of(version);
        prop_assert_eq!(decode_pieces(decoder(), &bytes, &lengths), Ok(packets.clone()));
        let shared = Payload::from(bytes);
        let mut decoder = decoder();
        decoder.feed(Chunk::shared(TAG, shared));
        for packet in packets {
            prop_assert_eq!(decoder.next().unwrap().unwrap().packet, packet);
        }
        prop_assert_eq!(decoder.next(), Ok(None));
    }

    #[test]
    fn a_verdict_does_not_depend_on_how_the_bytes_are_cut(
        (version, mut bytes) in versioned(|version| {
            packet(version).prop_map(move |packet| encode(&packet, version, MessageId(5)).to_vec())
        }),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
        lengths in prop::collection::vec(1..20_usize, 1..6),
    ) {
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let whole = decode_pieces(decoder_of(version), &bytes, &[bytes.len()]);
        prop_assert_eq!(decode_pieces(decoder_of(version), &bytes, &lengths), whole);
    }

    #[test]
    fn what_is_read_is_written_the_same_up_to_the_order_of_properties(
        (version, packet) in versioned(packet),
    ) {
        let bytes = encode(&packet, version, MessageId(5)).to_vec();
        let again = decode_pieces(decoder_of(version), &bytes, &[7]).unwrap();
        prop_assert_eq!(encode(&again[0], version, MessageId(5)).to_vec(), bytes);
    }
}

fn decoder_of(version: Version) -> Decoder {
    let mut decoder = Decoder::new(u32::MAX);
    decoder.set_version(version);
    decoder
}
