use std::process::Command;

use models::record::FrameRecord;
use pcap_file::pcapng::{Block, PcapNgReader};

use super::*;
use crate::capture::sample::{self, BROKER, PUBLISHER, frame_from};

fn bytes_of(frames: &[CapturedFrame], nodes: &[NodeRecord]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Capture { frames, too_long: &[], nodes, scenario: "one-publish" }.write(&mut bytes).unwrap();
    bytes
}

fn one_publish() -> Vec<u8> {
    bytes_of(sample::one_publish().frames(), &sample::three_nodes())
}

#[test]
fn addresses_follow_the_rule() {
    for (host, ip, ethernet) in [
        (0, [10, 0, 0, 1], [2, 0, 0, 0, 0, 0]),
        (254, [10, 0, 0, 255], [2, 0, 0, 0, 0, 254]),
        (255, [10, 0, 1, 0], [2, 0, 0, 0, 0, 255]),
        (MOST_HOSTS - 1, [10, 255, 255, 254], [2, 0, 0, 255, 255, 253]),
    ] {
        assert_eq!(address(HostIndex(host)).unwrap(), ip);
        assert_eq!(mac(HostIndex(host)), ethernet);
    }
    assert!(address(HostIndex(MOST_HOSTS)).is_err());
}

#[test]
fn the_file_reads_back_with_names_comments_and_nanoseconds() {
    let bytes = one_publish();
    let mut reader = PcapNgReader::new(&bytes[..]).unwrap();
    let application =
        SectionHeaderOption::UserApplication(concat!("mqtt-twin ", env!("CARGO_PKG_VERSION")).into());
    assert_eq!(reader.section().options, [application]);
    let (mut names, mut stamps, mut comments) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(block) = reader.next_block() {
        match block.unwrap() {
            Block::InterfaceDescription(interface) => {
                let description = InterfaceDescriptionOption::IfDescription("one-publish".into());
                assert!(interface.options.contains(&description));
                assert!(interface.options.contains(&InterfaceDescriptionOption::IfTsResol(9)));
            }
            Block::NameResolution(block) => {
                for record in &block.records {
                    let Record::Ipv4(record) = record else { panic!("an IPv4 name") };
                    names.push(format!("{:?} {}", record.ip_addr, record.names[0]));
                }
            }
            Block::EnhancedPacket(packet) => {
                stamps.push(packet.timestamp.as_nanos());
                comments.extend(packet.options.iter().map(|option| format!("{}: {option:?}", stamps.len())));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(names, ["[10, 0, 0, 1] publisher", "[10, 0, 0, 2] broker", "[10, 0, 0, 3] subscriber"]);
    assert_eq!(stamps[1], 16_000);
    assert!(stamps.is_sorted());
    assert_eq!(comments, ["13: Comment(\"lost on the link\")", "14: Comment(\"retransmission\")"]);
}

#[test]
fn frames_are_put_in_order_of_time_and_written_alike_twice() {
    let recorder = sample::one_publish();
    let mut shuffled = recorder.frames().to_vec();
    shuffled.reverse();
    let nodes = sample::three_nodes();
    assert_eq!(bytes_of(&shuffled, &nodes), bytes_of(recorder.frames(), &nodes));
}

#[test]
fn a_lost_frame_says_why() {
    let at = sim_core::time::SimTime::ZERO;
    for (lost, retransmission, expected) in [
        (None, false, None),
        (None, true, Some("retransmission")),
        (Some((at, FrameLoss::Lost)), false, Some("lost on the link")),
        (Some((at, FrameLoss::Lost)), true, Some("retransmission; lost on the link")),
        (Some((at, FrameLoss::QueueFull)), false, Some("dropped by a full queue")),
        (Some((at, FrameLoss::QueueFull)), true, Some("retransmission; dropped by a full queue")),
    ] {
        let frame = FrameRecord { retransmission, ..frame_from(PUBLISHER).frame };
        assert_eq!(comment(&CapturedFrame { frame, lost }), expected);
    }
}

#[test]
fn what_fits_no_header_is_an_error() {
    let write = |frame: FrameRecord| {
        let frames = [CapturedFrame { frame, lost: None }];
        Capture { frames: &frames, too_long: &[], nodes: &[], scenario: "" }.write(Vec::new())
    };
    let sound = || frame_from(PUBLISHER).frame;
    let chunk = models::stream::Chunk::shared(
        models::stream::Tag::default(),
        models::stream::Payload::from(vec![0; 65_535 - 40 + 1]),
    );
    write(sound()).unwrap();
    assert!(write(FrameRecord { from: HostIndex(u32::MAX), ..sound() }).is_err());
    assert!(write(FrameRecord { options: vec![1; 44].into(), ..sound() }).is_err());
    let largest = chunk.slice(1..chunk.len());
    write(FrameRecord { payload: std::iter::once(largest).collect(), ..sound() }).unwrap();
    assert!(write(FrameRecord { payload: std::iter::once(chunk).collect(), ..sound() }).is_err());
}

#[test]
fn each_host_counts_its_own_frames() {
    let bytes = one_publish();
    let mut reader = PcapNgReader::new(&bytes[..]).unwrap();
    let mut next: BTreeMap<Vec<u8>, u16> = BTreeMap::new();
    let mut frames = 0;
    while let Some(block) = reader.next_block() {
        let Block::EnhancedPacket(packet) = block.unwrap() else { continue };
        let (ip, _) = Ipv4Header::from_slice(&packet.data[14..]).unwrap();
        let expected = next.entry(ip.source.to_vec()).or_default();
        assert_eq!(ip.identification, *expected);
        assert!(ip.dont_fragment && ip.time_to_live == 64);
        *expected += 1;
        frames += 1;
    }
    assert_eq!((next.len(), frames), (3, sample::one_publish().frames().len()));
    assert_eq!(next[&address(BROKER).unwrap().to_vec()], 7);
}

/// Runs tshark on a capture and returns a row for each frame; `None` where it is not installed.
fn tshark(bytes: &[u8], arguments: &[&str]) -> Option<Vec<Vec<String>>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcapng");
    std::fs::write(&file, bytes).unwrap();
    let checksums = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
    let run = Command::new("tshark").arg("-r").arg(&file).args(checksums).args(arguments).output();
    let output = match run {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("SKIPPED: the capture was not held against Wireshark, tshark is not installed");
            return None;
        }
        Err(error) => panic!("tshark: {error}"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

#[test]
fn wireshark_decodes_every_layer_and_finds_nothing_malformed() {
    let fields = [
        "frame.time_epoch",
        "ip.checksum.status",
        "tcp.checksum.status",
        "_ws.malformed",
        "mqtt.msgtype",
        "frame.comment",
        "tcp.options.timestamp.tsval",
        "tcp.options.mss_val",
    ];
    let mut arguments = vec!["-T", "fields"];
    arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
    let Some(rows) = tshark(&one_publish(), &arguments) else { return };
    assert_eq!(rows.len(), sample::one_publish().frames().len());
    for row in &rows {
        assert_eq!(&row[1..4], ["1", "1", ""], "checksums good, nothing malformed: {row:?}");
        let (timestamp, mss) = (row[6].as_str(), row[7].as_str());
        assert!((timestamp, mss) == ("7", "") || (timestamp, mss) == ("", "1460"), "{row:?}");
    }
    // CONNECT CONNACK SUBSCRIBE SUBACK, CONNECT CONNACK, PUBLISH (lost, then sent again), PUBACK,
    // DISCONNECT; the second copy is a retransmission, which Wireshark does not decode again.
    let types: Vec<&str> = rows.iter().map(|row| row[4].as_str()).filter(|kind| !kind.is_empty()).collect();
    assert_eq!(types, ["1", "2", "8", "9", "1", "2", "3", "4", "14"]);
    assert_eq!(rows[1][0], "0.000016000");
    assert_eq!((rows[12][5].as_str(), rows[13][5].as_str()), ("lost on the link", "retransmission"));
}

#[test]
fn wireshark_knows_the_hosts_by_name() {
    let Some(rows) = tshark(&one_publish(), &["-N", "n", "-T", "fields", "-e", "ip.src_host"]) else {
        return;
    };
    assert_eq!([&rows[0][0], &rows[1][0]], ["subscriber", "broker"]);
}

#[test]
fn a_message_of_a_router_quotes_the_packet_that_it_dropped() {
    let chunk = models::stream::Chunk::copied(models::stream::Tag::default(), &[7; 1_400]);
    let mut dropped = frame_from(PUBLISHER);
    dropped.frame.payload = std::iter::once(chunk).collect();
    dropped.lost = Some((SimTime::from_millis(1), FrameLoss::TooLong));
    let quoted = dropped.frame.clone();
    let router = HostIndex(7);
    let message = TooLongRecord {
        serial: 1,
        at: SimTime::from_millis(1),
        router,
        to: PUBLISHER,
        quoted: 0,
        mtu: 1_300,
    };
    let mut bytes = Vec::new();
    encode_icmp(&message, &quoted, (3, 0), &mut bytes).unwrap();
    assert_eq!(bytes.len(), 14 + 576);
    let packet = etherparse::SlicedPacket::from_ethernet(&bytes).unwrap();
    let Some(etherparse::TransportSlice::Icmpv4(icmp)) = packet.transport else { panic!("{packet:?}") };
    let expected = icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: 1_300 };
    assert_eq!(icmp.icmp_type(), Icmpv4Type::DestinationUnreachable(expected));
    let (ip, rest) = Ipv4Header::from_slice(icmp.payload()).unwrap();
    assert_eq!((ip.source, ip.destination), (address(quoted.from).unwrap(), address(quoted.to).unwrap()));
    assert_eq!((ip.total_len, ip.dont_fragment), (1_440, true));
    assert_eq!(rest[..2], quoted.source_port.to_be_bytes());
    let capture = Capture { frames: &[dropped], too_long: &[message], nodes: &[], scenario: "" };
    assert_eq!(capture.in_order_of_time().len(), 2);
    capture.write(Vec::new()).unwrap();
}
