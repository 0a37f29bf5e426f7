//! How long the codec takes for a PUBLISH with a payload of 64 bytes.
//!
//! `cargo bench -p models --bench codec` prints the median of many batches, in nanoseconds a packet: decoded
//! from a chunk that a socket filled (payload not copied), as a simulated host hands it over (head and shared
//! payload), and encoded. The goal for decoding is 30 ns.

#![expect(clippy::disallowed_types, reason = "a bench is what the wall clock is for")]

use std::hint::black_box;
use std::time::Instant;

use models::mqtt::codec::decode::Decoder;
use models::mqtt::codec::encode::encode;
use models::mqtt::packet::{Packet, PacketIdentifier, Publish, QoS, Version};
use models::mqtt::topic::TopicName;
use models::stream::{Chunk, MessageId, Payload, Tag};

const PACKETS: usize = 1_000;
const BATCHES: usize = 2_001;

fn publish(qos: QoS) -> Packet {
    Packet::Publish(Publish {
        topic: TopicName::new("house/kitchen/temperature").expect("a name"),
        payload: Payload::from(vec![b'x'; 64]),
        packet_identifier: PacketIdentifier::new(1).filter(|_| qos != QoS::AtMostOnce),
        qos,
        dup: false,
        retain: false,
        properties: None,
    })
}

fn report(batches: usize, what: &str, mut batch: impl FnMut()) {
    let mut nanoseconds: Vec<f64> = (0..batches)
        .map(|_| {
            let begin = Instant::now();
            batch();
            begin.elapsed().as_nanos() as f64 / PACKETS as f64
        })
        .collect();
    nanoseconds.sort_by(f64::total_cmp);
    println!("{what:<48} median {:>6.1} ns, best {:>6.1} ns", nanoseconds[batches / 2], nanoseconds[0]);
}

fn drain(decoder: &mut Decoder) -> usize {
    let mut count = 0;
    while let Ok(Some(received)) = decoder.next() {
        black_box(&received);
        count += 1;
    }
    count
}

fn decoder(version: Version) -> Decoder {
    let mut decoder = Decoder::new(u32::MAX);
    decoder.set_version(version);
    decoder
}

fn many_in_one_chunk(batches: usize, version: Version, qos: QoS) {
    let stream = encode(&publish(qos), version, MessageId::NONE).to_vec().repeat(PACKETS);
    let stream = Payload::from(stream);
    let mut decoder = decoder(version);
    report(batches, &format!("decode {version:?} QoS {}, many in one chunk", qos.level()), || {
        decoder.feed(Chunk::shared(Tag::default(), stream.clone()));
        assert_eq!(drain(&mut decoder), PACKETS);
    });
}

fn one_in_a_chunk(batches: usize, version: Version, qos: QoS) {
    let chunk = Payload::from(encode(&publish(qos), version, MessageId::NONE).to_vec());
    let mut decoder = decoder(version);
    report(batches, &format!("decode {version:?} QoS {}, one in a chunk", qos.level()), || {
        for _ in 0..PACKETS {
            decoder.feed(Chunk::shared(Tag::default(), chunk.clone()));
            assert_eq!(drain(&mut decoder), 1);
        }
    });
}

fn head_and_payload(batches: usize, version: Version, qos: QoS) {
    let outgoing = encode(&publish(qos), version, MessageId::NONE);
    let mut decoder = decoder(version);
    report(batches, &format!("decode {version:?} QoS {}, head and payload", qos.level()), || {
        for _ in 0..PACKETS {
            decoder.feed(outgoing.head.clone());
            if let Some(body) = &outgoing.body {
                decoder.feed(body.clone());
            }
            assert_eq!(drain(&mut decoder), 1);
        }
    });
}

fn main() {
    // Cargo adds `--bench` of its own.
    let batches = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(BATCHES);
    for version in [Version::V3_1_1, Version::V5_0] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
            many_in_one_chunk(batches, version, qos);
            one_in_a_chunk(batches, version, qos);
            head_and_payload(batches, version, qos);
        }
    }
    let packet = publish(QoS::AtMostOnce);
    report(batches, "encode", || {
        for _ in 0..PACKETS {
            black_box(encode(black_box(&packet), Version::V3_1_1, MessageId::NONE));
        }
    });
    // What two shared things cost, a topic and a payload, counted up and down again: nothing that hands
    // them out can be faster.
    let Packet::Publish(Publish { topic, payload, .. }) = packet else { unreachable!("it is a PUBLISH") };
    report(batches, "two reference counts", || {
        for _ in 0..PACKETS {
            black_box(&(black_box(&topic).clone(), black_box(&payload).clone()));
        }
    });
}
