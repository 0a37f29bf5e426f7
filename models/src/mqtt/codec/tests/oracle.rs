//! Our codec against another's: the crate mqtt-protocol-core 0.7.

use mqtt_protocol_core::mqtt::packet as theirs;
use mqtt_protocol_core::mqtt::packet::v3_1_1::{
    Connack, Connect, Disconnect, Pingreq, Pingresp, Puback, Pubcomp, Publish, Pubrec, Pubrel, Suback,
    Subscribe, Unsuback, Unsubscribe,
};
use proptest::prelude::*;

use super::{decode_all, packet};
use crate::mqtt::codec::encode::encode;
use crate::mqtt::codec::remaining_length_bytes;
use crate::mqtt::packet::{Packet, PacketType};
use crate::stream::MessageId;

// Their reading of the body of a packet, written again by them; `None` when they refuse it.
fn reread(packet_type: PacketType, flags: u8, body: &[u8]) -> Option<Vec<u8>> {
    macro_rules! reread {
        ($packet:ident) => {{
            let (packet, used) = $packet::parse(body).ok()?;
            (used == body.len()).then(|| packet.to_continuous_buffer())
        }};
    }
    match packet_type {
        // They write the whole length of CONNECT's body where it belongs, but count it anew elsewhere.
        PacketType::Connect => reread!(Connect),
        PacketType::Connack => reread!(Connack),
        PacketType::Publish => {
            let (publish, used) = Publish::parse(flags, body.into()).ok()?;
            (used == body.len()).then(|| publish.to_continuous_buffer())
        }
        PacketType::Puback => reread!(Puback),
        PacketType::Pubrec => reread!(Pubrec),
        PacketType::Pubrel => reread!(Pubrel),
        PacketType::Pubcomp => reread!(Pubcomp),
        PacketType::Subscribe => reread!(Subscribe),
        PacketType::Suback => reread!(Suback),
        PacketType::Unsubscribe => reread!(Unsubscribe),
        PacketType::Unsuback => reread!(Unsuback),
        PacketType::Pingreq => reread!(Pingreq),
        PacketType::Pingresp => reread!(Pingresp),
        PacketType::Disconnect => reread!(Disconnect),
    }
}

fn split(bytes: &[u8]) -> (u8, &[u8]) {
    let body_start = 1 + bytes[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    (bytes[0] & 0x0F, &bytes[body_start..])
}

proptest! {
    // They read what we write, and write the same bytes again; so we also read what they write.
    #[test]
    fn they_read_what_we_write(packet in packet()) {
        let bytes = encode(&packet, MessageId(5)).to_vec();
        let (flags, body) = split(&bytes);
        prop_assert_eq!(bytes.len(), 1 + remaining_length_bytes(body.len() as u32) + body.len());
        let again = reread(packet.packet_type(), flags, body);
        prop_assert_eq!(again.as_ref(), Some(&bytes));
        prop_assert_eq!(decode_all(&again.unwrap()), Ok(vec![packet]));
    }

    // What they refuse we refuse too: one byte of a good body is changed. (The converse does not hold:
    // they do not look at reserved bits, wildcards or U+0000.)
    #[test]
    fn what_they_refuse_we_refuse(packet in packet(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut bytes = encode(&packet, MessageId(5)).to_vec();
        let body_len = split(&bytes).1.len();
        prop_assume!(body_len > 0);
        let start = bytes.len() - body_len;
        bytes[start + at.index(body_len)] ^= flip;
        let (flags, body) = split(&bytes);
        if reread(packet.packet_type(), flags, body).is_none() {
            prop_assert!(decode_all(&bytes).is_err());
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
