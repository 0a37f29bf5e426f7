//! Our codec against another's: the crate mqtt-protocol-core 0.7.

use mqtt_protocol_core::mqtt::packet as theirs;
use mqtt_protocol_core::mqtt::packet::v3_1_1::{Connect, Publish};
use mqtt_protocol_core::mqtt::packet::{v3_1_1, v5_0};
use proptest::prelude::*;

use super::packets::packet_of;
use super::{decode_all, decode_pieces, decoder_of};
use crate::mqtt::codec::encode::encode;
use crate::mqtt::codec::{Malformed, remaining_length_bytes};
use crate::mqtt::packet::{Packet, PacketType, Version};
use crate::stream::MessageId;

macro_rules! reread {
    ($packet:path, $body:expr) => {{
        let (packet, used) = <$packet>::parse($body).ok()?;
        (used == $body.len()).then(|| packet.to_continuous_buffer())
    }};
}

macro_rules! reread_in {
    ($version:ident, $packet_type:expr, $flags:expr, $body:expr, $auth:expr) => {
        match $packet_type {
            PacketType::Connect => reread!($version::Connect, $body),
            PacketType::Connack => reread!($version::Connack, $body),
            PacketType::Publish => {
                let (publish, used) = $version::Publish::parse($flags, $body.into()).ok()?;
                (used == $body.len()).then(|| publish.to_continuous_buffer())
            }
            PacketType::Puback => reread!($version::Puback, $body),
            PacketType::Pubrec => reread!($version::Pubrec, $body),
            PacketType::Pubrel => reread!($version::Pubrel, $body),
            PacketType::Pubcomp => reread!($version::Pubcomp, $body),
            PacketType::Subscribe => reread!($version::Subscribe, $body),
            PacketType::Suback => reread!($version::Suback, $body),
            PacketType::Unsubscribe => reread!($version::Unsubscribe, $body),
            PacketType::Unsuback => reread!($version::Unsuback, $body),
            PacketType::Pingreq => reread!($version::Pingreq, $body),
            PacketType::Pingresp => reread!($version::Pingresp, $body),
            PacketType::Disconnect => reread!($version::Disconnect, $body),
            PacketType::Auth => $auth,
        }
    };
}

// Their reading of the body of a packet, written again by them; `None` when they refuse it. They have
// no MQTT 3.1.
fn reread(version: Version, packet_type: PacketType, flags: u8, body: &[u8]) -> Option<Vec<u8>> {
    match version {
        Version::V3_1 | Version::V3_1_1 => reread_in!(v3_1_1, packet_type, flags, body, None),
        Version::V5_0 => reread_in!(v5_0, packet_type, flags, body, reread!(v5_0::Auth, body)),
    }
}

fn ours(version: Version, bytes: &[u8]) -> Result<Vec<Packet>, Malformed> {
    decode_pieces(decoder_of(version), bytes, &[bytes.len()])
}

fn split(bytes: &[u8]) -> (u8, &[u8]) {
    let body_start = 1 + bytes[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    (bytes[0] & 0x0F, &bytes[body_start..])
}

fn any_packet() -> impl Strategy<Value = (Version, Packet)> {
    let types = PacketType::ALL.into_iter();
    let all: Vec<_> = types
        .flat_map(|packet_type| [(Version::V3_1_1, packet_type), (Version::V5_0, packet_type)])
        .filter(|(version, packet_type)| packet_type.exists_in(*version))
        .collect();
    prop::sample::select(all)
        .prop_flat_map(|(version, packet_type)| (Just(version), packet_of(version, packet_type)))
        .prop_filter("they refuse it", |(_, packet)| !has_password_alone(packet))
}

// MQTT 5.0 §3.1.2.9 allows a password without a user name; they do not.
fn has_password_alone(packet: &Packet) -> bool {
    matches!(packet, Packet::Connect(connect) if connect.user_name.is_none() && connect.password.is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    // They read what we write, and write the same bytes again; so we also read what they write.
    #[test]
    fn they_read_what_we_write((version, packet) in any_packet()) {
        let bytes = encode(&packet, version, MessageId(5)).to_vec();
        let (flags, body) = split(&bytes);
        prop_assert_eq!(bytes.len(), 1 + remaining_length_bytes(body.len() as u32) + body.len());
        let again = reread(version, packet.packet_type(), flags, body);
        prop_assert_eq!(again.as_ref(), Some(&bytes));
        prop_assert_eq!(ours(version, &again.unwrap()), Ok(vec![packet]));
    }

    // What they refuse we refuse too: one byte of a good body is changed. (The converse does not hold:
    // they do not look at reserved bits, wildcards or U+0000.)
    #[test]
    fn what_they_refuse_we_refuse(
        (version, packet) in any_packet(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut bytes = encode(&packet, version, MessageId(5)).to_vec();
        let body_len = split(&bytes).1.len();
        prop_assume!(body_len > 0);
        let start = bytes.len() - body_len;
        bytes[start + at.index(body_len)] ^= flip;
        let (flags, body) = split(&bytes);
        if reread(version, packet.packet_type(), flags, body).is_none() {
            let ours = ours(version, &bytes);
            prop_assert!(ours.map_or(true, |packets| has_password_alone(&packets[0])));
        }
    }
}

// Built by them from the same values, field by field.
#[test]
fn we_read_what_they_build() {
    let publish = Publish::builder()
        .topic_name("gt/t")
        .unwrap()
        .qos(theirs::Qos::ExactlyOnce)
        .packet_id(7_u16)
        .dup(true)
        .retain(true)
        .payload(vec![1, 2, 3])
        .build()
        .unwrap();
    let [Packet::Publish(ours)] = &decode_all(&publish.to_continuous_buffer()).unwrap()[..] else { panic!() };
    assert_eq!((ours.topic.as_str(), ours.payload.as_slice()), ("gt/t", &[1, 2, 3][..]));
    assert_eq!((ours.qos.level(), ours.dup, ours.retain), (2, true, true));
    assert_eq!(ours.packet_identifier.unwrap().get(), 7);

    let connect = Connect::builder()
        .client_id("c")
        .unwrap()
        .clean_session(true)
        .keep_alive(30)
        .will_message("w", b"bye", theirs::Qos::AtLeastOnce, true)
        .unwrap()
        .user_name("ada")
        .unwrap()
        .password(b"secret")
        .unwrap()
        .build()
        .unwrap();
    let [Packet::Connect(ours)] = &decode_all(&connect.to_continuous_buffer()).unwrap()[..] else { panic!() };
    let will = ours.will.as_ref().unwrap();
    assert_eq!((&*ours.client_identifier, ours.clean_session, ours.keep_alive_s), ("c", true, 30));
    assert_eq!((will.topic.as_str(), will.payload.as_slice()), ("w", &b"bye"[..]));
    assert_eq!((will.qos.level(), will.retain), (1, true));
    assert_eq!((ours.user_name.as_deref(), ours.password.as_deref()), (Some("ada"), Some(&b"secret"[..])));
}
