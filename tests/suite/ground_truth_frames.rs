//! The frames of whole small exchanges beside captures of Linux 6.18, Mosquitto 2.0.11 and its clients.

use mqtt_twin::capture::recorder::RecorderOptions;

use crate::{load, record};

/// The bytes of data of each frame of the connection between `client` and the broker, or of every
/// connection; those without data are 0.
fn frames(sets: &[&str], client: Option<&str>) -> Vec<usize> {
    let (outcome, recorder) =
        record(&load("one-publish", sets), RecorderOptions { frames: true, packets: false });
    let name = |host: models::record::HostIndex| outcome.nodes[host.0 as usize].name.as_str();
    let mut payloads = Vec::new();
    for frame in recorder.frames().iter().map(|captured| &captured.frame) {
        if client.is_some_and(|client| name(frame.from) != client && name(frame.to) != client) {
            continue;
        }
        let payload: usize = frame.payload.iter().map(|chunk| chunk.len()).sum();
        let length = 14 + 20 + 20 + frame.options.len() + payload;
        // SYN and SYN-ACK 74 B, all others 66 B and the payload.
        assert_eq!(length, if frame.flags & 2 != 0 { 74 } else { 66 + payload });
        payloads.push(payload);
    }
    payloads
}

/// Total and sizes against a capture: the data the same, all in all at most two frames more or less.
fn compare(capture: &str, payloads: &[usize], captured_data: &[usize], captured_frames: usize) {
    let mut data: Vec<usize> = payloads.iter().copied().filter(|bytes| *bytes > 0).collect();
    data.sort_unstable();
    assert_eq!(data, captured_data, "{capture}");
    let frames = payloads.len();
    assert!(frames.abs_diff(captured_frames) <= 2, "{capture}: {frames} frames, captured {captured_frames}");
}

/// What a message of so many bytes is made of at each QoS beside connecting, subscribing and leaving.
fn data_frames(qos: usize, message: usize, connect: usize) -> Vec<usize> {
    let answers = [0, 1, 3][qos];
    let mut data = vec![2, 2, 4, 4];
    data.extend(vec![4; 2 * answers]);
    data.extend([5, 11, connect, connect, message, message]);
    data
}

#[test]
fn one_message_of_paho_takes_as_many_frames_as_captured() {
    for (qos, size, message, frames_captured) in [
        (0, 16, 24, 30),
        (1, 16, 26, 33),
        (2, 16, 26, 38),
        (0, 1_000, 1_009, 30),
        (1, 1_000, 1_011, 33),
        (2, 1_000, 1_011, 38),
    ] {
        let (qos_set, size_set) =
            (format!("qos={qos}"), format!("hosts.publisher.role.payload=\"{size} B\""));
        let payloads = frames(&[&qos_set, &size_set], None);
        let capture = format!("c01_paho_q{qos}_{size}");
        compare(&capture, &payloads, &data_frames(qos, message, 17), frames_captured);
    }
}

/// mosquitto_pub leaves with its last acknowledgement, mosquitto_sub -C 1 with the message.
#[test]
fn one_message_of_mosquittos_clients_takes_as_many_frames_as_captured() {
    for (qos, message, frames_captured) in [(0, 24, 28), (1, 26, 30), (2, 26, 34)] {
        let qos_set = format!("qos={qos}");
        let sets = [
            qos_set.as_str(),
            "hosts.publisher.software=\"libmosquitto\"",
            "hosts.subscriber.software=\"libmosquitto\"",
            "hosts.publisher.mqtt.client_id=\"mpub\"",
            "hosts.subscriber.mqtt.client_id=\"msub\"",
            "hosts.publisher.mqtt.connect_at=\"400 ms\"",
            "hosts.publisher.role.start=\"400 ms\"",
            "hosts.publisher.role.disconnect_after=\"0 ms\"",
            "hosts.subscriber.mqtt.disconnect_at=\"402.5 ms\"",
        ];
        let payloads = frames(&sets, None);
        let capture = format!("c01_mosquitto_q{qos}_16");
        compare(&capture, &payloads, &data_frames(qos, message, 18), frames_captured);
    }
}

/// c13_mqtt-q1_16: ten messages of 16 bytes, 0.1 s apart, the first with CONNACK, DISCONNECT 0.1 s after
/// the last; 41 frames of 3,045 bytes.
#[test]
fn ten_uploads_take_as_many_frames_and_bytes_as_captured() {
    let sets = [
        "qos=1",
        "hosts.publisher.mqtt.client_id=\"c13\"",
        "hosts.publisher.role.count=10",
        "hosts.publisher.role.every=\"100 ms\"",
        "hosts.publisher.role.start=\"100 ms\"",
        "hosts.publisher.role.disconnect_after=\"100 ms\"",
    ];
    let payloads = frames(&sets, Some("publisher"));
    let data = [vec![2], vec![4; 11], vec![17], vec![26; 10]].concat();
    compare("c13_mqtt-q1_16", &payloads, &data, 41);
    let bytes: usize = 2 * 8 + payloads.iter().map(|payload| 66 + payload).sum::<usize>();
    assert!(bytes.abs_diff(3_045) <= 2 * 66, "{bytes} bytes");
}
