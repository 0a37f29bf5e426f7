//! The short way of the decoder finds what the long way finds.

use crate::mqtt::codec::Malformed;
use crate::mqtt::codec::decode::Decoder;
use crate::mqtt::packet::{Packet, Version};
use crate::stream::{Chunk, Payload, Tag};

// Bytes one by one go the long way always; the first packet makes the topic known.
fn decode(version: Version, stream: &[u8], cuts: &[usize]) -> (Vec<(Packet, u32)>, Option<Malformed>, usize) {
    let mut decoder = Decoder::new(400);
    decoder.set_version(version);
    let mut packets = Vec::new();
    let mut begin = 0;
    for end in cuts.iter().copied().chain([stream.len()]) {
        decoder.feed(Chunk::shared(Tag::default(), Payload::from(&stream[begin..end])));
        begin = end;
        loop {
            match decoder.next() {
                Ok(Some(received)) => packets.push((received.packet, received.wire_len)),
                Ok(None) => break,
                Err(malformed) => return (packets, Some(malformed), 0),
            }
        }
    }
    (packets, None, decoder.buffered())
}

#[test]
fn one_chunk_two_chunks_and_single_bytes_are_read_alike() {
    let known = |version: Version| match version.has_properties() {
        true => b"\x30\x07\x00\x03a/b\x00x".to_vec(),
        false => b"\x30\x06\x00\x03a/bx".to_vec(),
    };
    for version in [Version::V3_1, Version::V3_1_1, Version::V5_0] {
        let first = known(version);
        // Every first byte of a PUBLISH, every short length, fields that are right and wrong.
        for flags in 0..16_u8 {
            for remaining_length in 0..16_u8 {
                for after in [&b"\x00\x01\x00yz"[..], b"\x00\x00\x00yz", b"\x01\x00\x02\x01\x01"] {
                    let mut stream = first.clone();
                    stream.extend([0x30 | flags, remaining_length, 0, 3]);
                    stream.extend_from_slice(b"a/b");
                    stream.extend_from_slice(after);
                    let single: Vec<usize> = (1..stream.len()).collect();
                    let expected = decode(version, &stream, &single);
                    for cut in 1..stream.len() {
                        assert_eq!(
                            decode(version, &stream, &[cut]),
                            expected,
                            "{version:?} {stream:x?} {cut}"
                        );
                    }
                }
            }
        }
        // Lengths of two bytes, below and above what the receiver accepts.
        for payload in [100, 200, 389, 390, 391, 392, 393, 500_usize] {
            let mut stream = first.clone();
            let remaining_length = 5 + usize::from(version.has_properties()) + payload;
            stream.extend([
                0x30,
                0x80 | (remaining_length & 0x7F) as u8,
                (remaining_length >> 7) as u8,
                0,
                3,
            ]);
            stream.extend_from_slice(b"a/b");
            stream.extend(std::iter::repeat_n(0, remaining_length - 5));
            let single: Vec<usize> = (1..stream.len()).collect();
            let expected = decode(version, &stream, &single);
            let head = stream.len() - payload;
            assert_eq!(decode(version, &stream, &[]), expected, "{version:?} {payload}");
            assert_eq!(decode(version, &stream, &[head]), expected, "{version:?} {payload}");
            assert_eq!(decode(version, &stream, &[first.len(), head]), expected, "{version:?} {payload}");
        }
    }
}

#[test]
fn an_answer_in_one_chunk_is_read_as_its_bytes() {
    let of_server = || Decoder::of_server(400, crate::mqtt::codec::Tolerance::default());
    for version in [Version::V3_1, Version::V3_1_1, Version::V5_0] {
        for first_byte in 0..=255_u8 {
            for rest in [&b"\x00"[..], b"\x02\x00\x01", b"\x02\x00\x00", b"\x02\x01\x00", b"\x00\x00\x01"] {
                for new in [(|| Decoder::new(400)) as fn() -> Decoder, || Decoder::new(3), of_server] {
                    let read = |pieces: &[&[u8]]| {
                        let mut decoder = new();
                        decoder.set_version(version);
                        let mut found = Vec::new();
                        for piece in pieces {
                            decoder.feed(Chunk::copied(Tag::default(), piece));
                            loop {
                                let next = decoder.next();
                                let over = !matches!(next, Ok(Some(_)));
                                found.extend(next.transpose());
                                if over {
                                    break;
                                }
                            }
                            if matches!(found.last(), Some(Err(_))) {
                                return (found, decoder.reading(), 0);
                            }
                        }
                        (found, decoder.reading(), decoder.buffered())
                    };
                    let bytes = [&[first_byte], rest].concat();
                    let single: Vec<&[u8]> = bytes.chunks(1).collect();
                    assert_eq!(read(&[&bytes]), read(&single), "{version:?} {bytes:x?}");
                }
            }
        }
    }
}
