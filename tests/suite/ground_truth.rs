//! Held against captures of Mosquitto 2.0.11, paho-mqtt 2.2.0 and Linux 6.18.
//!
//! What must agree is the type, flags, length and order of the control packets of each connection,
//! and the lengths of frames; not the microseconds of the machine that was captured.

use mqtt_twin::capture::label::Label;
use mqtt_twin::capture::recorder::RecorderOptions;

use crate::{load, record};

/// The control packets of the connection between `client` and the broker, in order, with `>` for
/// those of the client.
fn packets(qos: u8, client: &str) -> Vec<String> {
    let loaded = load("one-publish", &[&format!("qos={qos}")]);
    let (outcome, recorder) = record(&loaded, RecorderOptions { frames: false, packets: true });
    let name = |host: models::record::HostIndex| outcome.nodes[host.0 as usize].name.as_str();
    recorder
        .packets()
        .iter()
        .map(|captured| &captured.packet)
        .filter(|packet| name(packet.from) == client || name(packet.to) == client)
        .map(|packet| {
            let body = packet.body.as_ref().map_or(0, |body| body.len());
            let label = Label::of(packet.head.as_slice(), body);
            let length = packet.head.len() + body;
            let direction = if name(packet.from) == client { '>' } else { '<' };
            format!("{direction} {} {length} B", label.to_string().split(" len=").next().unwrap())
        })
        .collect()
}

#[test]
fn the_publishers_packets_are_those_captured_at_each_qos() {
    let begin = ["> CONNECT id=pub ka=60 clean 17 B", "< CONNACK sp=0 rc=0 4 B"];
    let end = ["> DISCONNECT 2 B"];
    let message: [&[&str]; 3] = [
        &["> PUBLISH q0 d0 r0 t=gt/t p=16 24 B"],
        &["> PUBLISH q1 d0 r0 id1 t=gt/t p=16 26 B", "< PUBACK id1 4 B"],
        &[
            "> PUBLISH q2 d0 r0 id1 t=gt/t p=16 26 B",
            "< PUBREC id1 4 B",
            "> PUBREL id1 4 B",
            "< PUBCOMP id1 4 B",
        ],
    ];
    for (qos, message) in (0..).zip(message) {
        assert_eq!(packets(qos, "publisher"), [&begin[..], message, &end[..]].concat(), "QoS {qos}");
    }
}

#[test]
fn the_subscribers_packets_are_those_captured_at_each_qos() {
    let message: [&[&str]; 3] = [
        &["< PUBLISH q0 d0 r0 t=gt/t p=16 24 B"],
        &["< PUBLISH q1 d0 r0 id1 t=gt/t p=16 26 B", "> PUBACK id1 4 B"],
        &[
            "< PUBLISH q2 d0 r0 id1 t=gt/t p=16 26 B",
            "> PUBREC id1 4 B",
            "< PUBREL id1 4 B",
            "> PUBCOMP id1 4 B",
        ],
    ];
    for (qos, message) in (0..).zip(message) {
        let subscribe = format!("> SUBSCRIBE id1 gt/t:{qos} 11 B");
        let suback = format!("< SUBACK id1 rc=[{qos}] 5 B");
        let begin = ["> CONNECT id=sub ka=60 clean 17 B", "< CONNACK sp=0 rc=0 4 B", &subscribe, &suback];
        assert_eq!(packets(qos, "subscriber"), [&begin[..], message, &["> DISCONNECT 2 B"]].concat());
    }
}

/// The order across both connections, where timing leaves no choice: the message goes to the
/// subscriber before the publisher has its last acknowledgement, at QoS 2 only after PUBREL.
#[test]
fn the_broker_forwards_before_it_acknowledges() {
    let order = |qos: u8, first: &str, second: &str| {
        let (_, recorder) = record(
            &load("one-publish", &[&format!("qos={qos}")]),
            RecorderOptions { frames: false, packets: true },
        );
        let labels: Vec<(u32, String)> = recorder
            .packets()
            .iter()
            .map(|captured| &captured.packet)
            .map(|packet| {
                let body = packet.body.as_ref().map_or(0, |body| body.len());
                (packet.from.0, Label::of(packet.head.as_slice(), body).to_string())
            })
            .collect();
        let broker = 1;
        let place = |kind: &str| {
            let found = labels.iter().position(|(from, label)| *from == broker && label.starts_with(kind));
            found.unwrap_or_else(|| panic!("no {kind} of the broker among {labels:?}"))
        };
        assert!(place(first) < place(second), "QoS {qos}: {labels:?}");
    };
    order(1, "PUBLISH", "PUBACK");
    order(2, "PUBREC", "PUBLISH");
    order(2, "PUBLISH", "PUBCOMP");
}

#[test]
fn frames_have_the_captured_lengths() {
    let (_, recorder) =
        record(&load("one-publish", &["qos=1"]), RecorderOptions { frames: true, packets: false });
    for captured in recorder.frames() {
        let frame = &captured.frame;
        let payload: usize = frame.payload.iter().map(|chunk| chunk.len()).sum();
        let length = 14 + 20 + 20 + frame.options.len() + payload;
        let syn = frame.flags & 2 != 0;
        // SYN and SYN-ACK 74 B, all others 66 B and the payload (c01_paho_q1_16).
        assert_eq!(length, if syn { 74 } else { 66 + payload });
    }
    // 33 frames were captured; pure acknowledgements may differ by two.
    let frames = recorder.frames().len();
    assert!((31..=35).contains(&frames), "{frames} frames");
}
