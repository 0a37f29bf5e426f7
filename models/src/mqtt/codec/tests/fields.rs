//! What versions 3.1 and 5.0 have that 3.1.1 has not.

use super::*;
use crate::mqtt::packet::{Properties, RetainHandling};

fn decode_as(version: Version, bytes: &[u8]) -> Result<Vec<Packet>, Malformed> {
    decode_pieces(decoder_of(version), bytes, &[3])
}

fn decode_v5(bytes: &[u8]) -> Result<Vec<Packet>, Malformed> {
    decode_as(Version::V5_0, bytes)
}

// Written by hand from MQTT 5.0 §3.1: every field of a CONNECT where the standard puts it.
#[test]
fn a_connect_of_version_5_is_read_as_the_standard_writes_it() {
    let bytes = b"\x10\x2b\x00\x04MQTT\x05\xc6\x00\x0a\x0b\x22\x00\x05\x11\x00\x00\x00\x0a\x21\x00\x14\x00\x01c\x05\x18\x00\x00\x00\x07\x00\x01w\x00\x01!\x00\x01u\x00\x01p";
    let mut decoder = Decoder::new(u32::MAX);
    decoder.feed(Chunk::copied(TAG, bytes));
    let packet = decoder.next().unwrap().unwrap().packet;
    let Packet::Connect(connect) = &packet else { panic!() };
    let properties = connect.properties.as_ref().unwrap();
    let will = connect.will.as_ref().unwrap();
    assert_eq!((connect.version, connect.clean_session, connect.keep_alive_s), (Version::V5_0, true, 10));
    assert_eq!(properties.session_expiry_interval_s, Some(10));
    assert_eq!(properties.receive_maximum.map(|maximum| maximum.get()), Some(20));
    assert_eq!(properties.topic_alias_maximum, Some(5));
    assert_eq!(will.properties.as_ref().unwrap().will_delay_interval_s, Some(7));
    assert_eq!((connect.user_name.as_deref(), connect.password.as_deref()), (Some("u"), Some(&b"p"[..])));
    assert_eq!(encode(&packet, Version::V5_0, MessageId(5)).to_vec(), bytes);
    assert_eq!(decoder.version(), Version::V5_0, "what follows is read in the version of CONNECT");
}

// MQTT 5.0 §3.4.2.1, §3.14.2.1: what says nothing is left out
#[test]
fn reason_codes_and_properties_may_be_omitted() {
    for (bytes, reason_code) in [
        (&b"\x40\x02\x00\x01"[..], ReasonCode::Success),
        (b"\x40\x03\x00\x01\x10", ReasonCode::NoMatchingSubscribers),
        (b"\x40\x04\x00\x01\x10\x00", ReasonCode::NoMatchingSubscribers),
        (b"\x40\x0b\x00\x01\x87\x07\x1f\x00\x04nope", ReasonCode::NotAuthorized),
    ] {
        let packets = decode_v5(bytes).unwrap();
        let [Packet::Puback(puback)] = &packets[..] else { panic!() };
        assert_eq!(puback.reason_code, reason_code);
    }
    for (bytes, reason_code) in [
        (&b"\xe0\x00"[..], ReasonCode::Success),
        (b"\xe0\x01\x04", ReasonCode::DisconnectWithWill),
        (b"\xe0\x02\x8e\x00", ReasonCode::SessionTakenOver),
    ] {
        let expected = Packet::Disconnect(Disconnect { reason_code, properties: None });
        assert_eq!(decode_v5(bytes), Ok(vec![expected]));
    }
    assert_eq!(decode_v5(b"\xf0\x00"), Ok(vec![Packet::Auth(crate::mqtt::packet::Auth::default())]));
}

#[test]
fn every_fault_of_properties_is_found() {
    for (what, bytes, error) in [
        ("all is well", &b"\x30\x0b\x00\x01t\x07\x02\0\0\0\x01\x01\x00"[..], None),
        ("twice", b"\x30\x08\x00\x01t\x04\x01\x00\x01\x00", Some(Malformed::DuplicateProperty)),
        ("of CONNECT", b"\x30\x07\x00\x01t\x03\x21\x00\x01", Some(Malformed::PropertyPlace)),
        ("unknown", b"\x30\x06\x00\x01t\x02\x7f\x00", Some(Malformed::PropertyIdentifier)),
        ("no flag", b"\x30\x06\x00\x01t\x02\x01\x02", Some(Malformed::PropertyValue)),
        ("alias 0", b"\x30\x07\x00\x01t\x03\x23\x00\x00", Some(Malformed::TopicAlias)),
        ("identifier 0", b"\x30\x06\x00\x01t\x02\x0b\x00", Some(Malformed::SubscriptionIdentifier)),
        ("no topic, no alias", b"\x30\x03\x00\x00\x00", Some(Malformed::NoTopic)),
        ("beyond the packet", b"\x30\x05\x00\x01t\x02\x01", Some(Malformed::Truncated)),
        ("beyond the block", b"\x30\x06\x00\x01t\x01\x01\x00", Some(Malformed::Truncated)),
        (
            "length of five bytes",
            b"\x30\x08\x00\x01t\xff\xff\xff\xff\x01",
            Some(Malformed::VariableByteInteger),
        ),
        ("more bytes than needed", b"\x30\x05\x00\x01t\x80\x00", Some(Malformed::VariableByteInteger)),
        (
            "wildcard to answer to",
            b"\x30\x08\x00\x01t\x04\x08\x00\x01#",
            Some(Malformed::ResponseTopic(InvalidTopic::Wildcard)),
        ),
        (
            "two identifiers",
            b"\x82\x0b\x00\x01\x04\x0b\x01\x0b\x02\x00\x01t\x00",
            Some(Malformed::DuplicateProperty),
        ),
        ("reserved options", b"\x82\x07\x00\x01\x00\x00\x01t\x40", Some(Malformed::SubscriptionOptions)),
        ("retain handling 3", b"\x82\x07\x00\x01\x00\x00\x01t\x30", Some(Malformed::RequestedQoS)),
        ("QoS 3", b"\x82\x07\x00\x01\x00\x00\x01t\x03", Some(Malformed::RequestedQoS)),
        ("no local, shared", b"\x82\x10\x00\x01\x00\x00\x0a$share/g/t\x04", Some(Malformed::PropertyValue)),
        ("code of another packet", b"\x40\x03\x00\x01\x92", Some(Malformed::ReasonCode)),
        ("unknown code", b"\xe0\x01\x7f", Some(Malformed::ReasonCode)),
        ("AUTH without a method", b"\xf0\x02\x18\x00", Some(Malformed::PropertyValue)),
        ("data without a method", b"\xf0\x06\x00\x04\x16\x00\x01x", Some(Malformed::PropertyValue)),
        ("empty UNSUBACK", b"\xb0\x03\x00\x01\x00", Some(Malformed::NoTopicFilter)),
    ] {
        assert_eq!(decode_v5(bytes).err(), error, "{what} {bytes:02x?}");
    }
}

#[test]
fn a_receive_maximum_or_packet_size_of_zero_is_refused() {
    for property in [&b"\x21\x00\x00"[..], b"\x27\x00\x00\x00\x00"] {
        let mut bytes = b"\x10\x00\x00\x04MQTT\x05\x02\x00\x3c".to_vec();
        bytes.push(property.len() as u8);
        bytes.extend_from_slice(property);
        bytes.extend_from_slice(b"\x00\x01c");
        bytes[1] = bytes.len() as u8 - 2;
        assert_eq!(decode_all(&bytes), Err(Malformed::PropertyValue));
    }
}

#[test]
fn faults_have_the_reason_codes_of_the_standard() {
    for (malformed, reason_code) in [
        (Malformed::Truncated, ReasonCode::MalformedPacket),
        (Malformed::PropertyIdentifier, ReasonCode::MalformedPacket),
        (Malformed::SubscriptionOptions, ReasonCode::MalformedPacket),
        (Malformed::DuplicateProperty, ReasonCode::ProtocolError),
        (Malformed::PropertyValue, ReasonCode::ProtocolError),
        (Malformed::TopicAlias, ReasonCode::TopicAliasInvalid),
        (Malformed::TooLarge, ReasonCode::PacketTooLarge),
    ] {
        assert_eq!(malformed.reason_code(), reason_code);
    }
}

#[test]
fn subscription_options_are_all_read() {
    let packets = decode_v5(b"\x82\x09\x00\x01\x02\x0b\x05\x00\x01t\x1e").unwrap();
    let [Packet::Subscribe(subscribe)] = &packets[..] else { panic!() };
    let options = subscribe.filters[0].1;
    assert_eq!((options.qos, options.no_local, options.retain_as_published), (QoS::ExactlyOnce, true, true));
    assert_eq!(options.retain_handling, RetainHandling::SendIfNew);
    let properties: &Properties = subscribe.properties.as_ref().unwrap();
    assert_eq!(properties.subscription_identifiers[..], [5]);
}

// MQTT 3.1 §2.1, §3.1, §3.2
#[test]
fn version_3_1_is_less_strict() {
    let connect = b"\x10\x0f\x00\x06MQIsdp\x03\xc3\x00\x3c\x00\x01c";
    let packets = decode_as(Version::V3_1_1, connect).unwrap();
    let [Packet::Connect(connect)] = &packets[..] else { panic!() };
    assert_eq!(connect.version, Version::V3_1);
    assert_eq!((&connect.user_name, &connect.password), (&None, &None), "flagged, yet missing");
    let dup_of_pubrel = b"\x6a\x02\x00\x01";
    assert!(decode_as(Version::V3_1, dup_of_pubrel).is_ok());
    assert_eq!(decode_as(Version::V3_1_1, dup_of_pubrel), Err(Malformed::FixedHeaderFlags));
    let connack = decode_as(Version::V3_1, b"\x20\x02\x01\x00").unwrap();
    assert!(matches!(&connack[..], [Packet::Connack(Connack { session_present: false, .. })]));
}

#[test]
fn version_3_1_marks_repetitions_of_all_it_acknowledges() {
    let id = PacketIdentifier::new(1).unwrap();
    let pubrel = |version| encode(&Packet::Pubrel(id.into()), version, MessageId(5)).repeated_in(version);
    assert_eq!(pubrel(Version::V3_1).to_vec()[0], 0x6a);
    assert_eq!(pubrel(Version::V3_1_1).to_vec()[0], 0x62);
    assert_eq!(pubrel(Version::V5_0).to_vec()[0], 0x62);
}

#[test]
fn older_versions_leave_out_what_they_do_not_have() {
    let properties = Properties { reason_string: Some("why".into()), ..Properties::default() }.boxed();
    let reason_code = ReasonCode::QuotaExceeded;
    let connack = Packet::Connack(Connack { session_present: false, reason_code, properties });
    assert_eq!(encode(&connack, Version::V3_1_1, MessageId(5)).to_vec(), b"\x20\x02\x00\x03");
    let disconnect = Packet::Disconnect(Disconnect { reason_code, properties: None });
    assert_eq!(encode(&disconnect, Version::V3_1, MessageId(5)).to_vec(), b"\xe0\x00");
}
