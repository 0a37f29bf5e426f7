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
use models::mqtt::packet::{Packet, Publish, QoS, Version};
use models::mqtt::topic::TopicName;
use models::stream::{Chunk, MessageId, Payload, Tag};

const PACKETS: usize = 1_000;
const BATCHES: usize = 2_001;

fn publish() -> Packet {
    Packet::Publish(Publish {
        topic: TopicName::new("house/kitchen/temperature").expect("a name"),
        payload: Payload::from(vec![b'x'; 64]),
        packet_identifier: None,
        qos: QoS::AtMostOnce,
        dup: false,
        retain: false,
        properties: None,
    })
}

fn report(what: &str, mut batch: impl FnMut()) {
    let mut nanoseconds: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let begin = Instant::now();
            batch();
            begin.elapsed().as_nanos() as f64 / PACKETS as f64
        })
        .collect();
    nanoseconds.sort_by(f64::total_cmp);
    println!("{what:<44} median {:>6.1} ns, best {:>6.1} ns", nanoseconds[BATCHES / 2], nanoseconds[0]);
}

fn drain(decoder: &mut Decoder) -> usize {
    let mut count = 0;
    while let Ok(Some(received)) = decoder.next() {
        black_box(&received);
        count += 1;
    }
    count
}

fn main() {
    let packet = publish();
    let outgoing = encode(&packet, Version::V3_1_1, MessageId::NONE);
    let stream = Payload::from(outgoing.to_vec().repeat(PACKETS));
    let mut decoder = Decoder::new(u32::MAX);
    report("decode, many packets in one read", || {
        decoder.feed(Chunk::shared(Tag::default(), stream.clone()));
        assert_eq!(drain(&mut decoder), PACKETS);
    });
    report("decode, head and payload of a host", || {
        for _ in 0..PACKETS {
            decoder.feed(outgoing.head.clone());
            if let Some(body) = &outgoing.body {
                decoder.feed(body.clone());
            }
            assert_eq!(drain(&mut decoder), 1);
        }
    });
    report("encode", || {
        for _ in 0..PACKETS {
            black_box(encode(black_box(&packet), Version::V3_1_1, MessageId::NONE));
        }
    });
}
