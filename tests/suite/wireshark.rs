//! What Wireshark makes of our captures, where tshark is installed.

use std::process::Command;

use mqtt_twin::capture::pcapng::Capture;
use mqtt_twin::capture::recorder::RecorderOptions;

use crate::{load, record};

/// One line of `fields` per frame, or nothing where tshark is not installed.
fn tshark(name: &str, sets: &[&str], fields: &[&str]) -> Option<Vec<Vec<String>>> {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("SKIPPED: tshark is not installed, so no capture of {name} was decoded");
        return None;
    }
    let (outcome, recorder) = record(&load(name, sets), RecorderOptions { frames: true, packets: false });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.pcapng");
    let capture = Capture {
        frames: recorder.frames(),
        too_long: recorder.too_long(),
        nodes: &outcome.nodes,
        scenario: name,
    };
    capture.write(std::fs::File::create(&path).unwrap()).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(&path).args(["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]);
    command.args(["-T", "fields", "-E", "separator=|"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<String>> =
        text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect();
    assert_eq!(rows.len(), recorder.frames().len(), "every frame is decoded");
    Some(rows)
}

const HEALTH: [&str; 5] = [
    "tcp.checksum.status",
    "ip.checksum.status",
    "_ws.malformed",
    "tcp.analysis.lost_segment",
    "mqtt.msgtype",
];

#[test]
fn every_frame_of_a_message_is_sound_at_each_qos() {
    for (qos, count) in [("qos=0", 10), ("qos=1", 12), ("qos=2", 16)] {
        let Some(rows) = tshark("one-publish", &[qos], &HEALTH) else { return };
        for row in &rows {
            assert_eq!(row[0], "1", "TCP checksum: {row:?}");
            assert_eq!(row[1], "1", "IP checksum: {row:?}");
            assert_eq!(row[2], "", "malformed: {row:?}");
            assert_eq!(row[3], "", "a gap: {row:?}");
        }
        let packets: usize = rows.iter().map(|row| row[4].split(',').filter(|t| !t.is_empty()).count()).sum();
        assert_eq!(packets, count, "control packets at {qos}");
    }
}

#[test]
fn images_and_bursts_are_sound() {
    for (name, sets) in [("smart-home-images", "hosts.camera.role.count=2"), ("alert-burst-500", "qos=2")] {
        let Some(rows) = tshark(name, &[sets], &HEALTH) else { return };
        assert!(rows.iter().all(|row| row[0] == "1" && row[1] == "1"), "{name}: a bad checksum");
        assert!(rows.iter().all(|row| row[2].is_empty()), "{name}: a malformed packet");
    }
}

#[test]
fn an_idle_listener_looks_as_in_the_papers_figure() {
    let Some(rows) = tshark("smart-home-keepalive", &[], &["mqtt.msgtype", "tcp.flags.syn", "tcp.flags.fin"])
    else {
        return;
    };
    let types: Vec<&str> = rows.iter().map(|row| row[0].as_str()).filter(|kind| !kind.is_empty()).collect();
    // CONNECT, CONNACK, SUBSCRIBE, SUBACK, nine pairs of PINGREQ and PINGRESP, DISCONNECT.
    let expected: Vec<&str> =
        ["1", "2", "8", "9"].into_iter().chain(["12", "13"].repeat(9)).chain(["14"]).collect();
    assert_eq!(types, expected);
    let last_syn = rows.iter().rposition(|row| row[1] == "1" || row[1] == "True").unwrap();
    let first_fin = rows.iter().position(|row| row[2] == "1" || row[2] == "True").unwrap();
    assert!(last_syn < 2 && first_fin > rows.len() - 7, "set-up first, tear-down last");
}

#[test]
fn tls_is_decoded_record_by_record() {
    let fields = ["_ws.malformed", "tls.record.content_type", "tls.handshake.type", "tls.record.opaque_type"];
    for (version, shown) in [("1.2", "1,2,11,12,14,16,4"), ("1.3", "1,2")] {
        let set = format!("hosts.broker.role.tls.version=\"{version}\"");
        let Some(rows) = tshark("tls-handshake", &[&set], &fields) else { return };
        assert!(rows.iter().all(|row| row[0].is_empty()), "malformed: {rows:?}");
        let types: Vec<&str> =
            rows.iter().map(|row| row[2].as_str()).filter(|kinds| !kinds.is_empty()).collect();
        assert_eq!(types.join(","), shown);
        let application = rows
            .iter()
            .flat_map(|row| row[1].split(',').chain(row[3].split(',')))
            .filter(|kind| *kind == "23")
            .count();
        assert!(application >= 5, "CONNECT, CONNACK, PUBLISH, PUBACK, DISCONNECT: {application}");
    }
}
