//! What Wireshark makes of our captures, where tshark is installed.

use std::process::Command;

use mqtt_twin::capture::pcapng::Capture;
use mqtt_twin::capture::recorder::RecorderOptions;
use mqtt_twin::scenario::{self, Loaded, Overrides};

use crate::{load, record, root, scenario_files, stem};

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

/// What tshark remarks on a capture above the severity "Chat": frame, severity, message.
/// `None` if the run lost a frame, or a host dropped a SYN for which its listen backlog had no room.
fn remarks(loaded: &Loaded) -> Option<Vec<String>> {
    let (outcome, recorder) = record(loaded, RecorderOptions { frames: true, packets: false });
    let backlog_full = outcome.remarks.iter().any(|(what, _)| what.contains("listen backlog"));
    if backlog_full || recorder.frames().iter().any(|captured| captured.lost.is_some()) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.pcapng");
    let capture = Capture {
        frames: recorder.frames(),
        too_long: recorder.too_long(),
        nodes: &outcome.nodes,
        scenario: &loaded.name,
    };
    capture.write(std::fs::File::create(&path).unwrap()).unwrap();
    // _ws.expert.severity of Wireshark: Chat is 0x200000, Note, Warning and Error are above.
    let output = Command::new("tshark")
        .arg("-r")
        .arg(&path)
        .args(["-Y", "_ws.expert.severity > 0x200000", "-T", "fields", "-E", "separator=|"])
        .args(["-e", "frame.number", "-e", "_ws.expert.severity", "-e", "_ws.expert.message"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Wireshark 4 writes a note beside every FIN, of whatever connection.
    Some(text.lines().filter(|line| !line.contains("(FIN),This frame")).map(str::to_owned).collect())
}

/// Every scenario whose run loses no frame; the benchmarks are the same at a size that takes minutes.
#[test]
fn lossless_captures_are_clean_in_the_expert_information() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("SKIPPED: tshark is not installed, so no expert information was read");
        return;
    }
    let mut files = scenario_files();
    let behaviours = std::fs::read_dir(root().join("scenarios").join("behaviours")).unwrap();
    files.extend(behaviours.map(|entry| entry.unwrap().path()));
    let (mut seen, mut bad) = (0, Vec::new());
    for file in files.iter().filter(|file| !stem(file).starts_with("bench-")) {
        let loaded = scenario::load(file, &Overrides::default())
            .unwrap_or_else(|diagnostic| panic!("{}", diagnostic.render(false)));
        let Some(mut remarks) = remarks(&loaded) else { continue };
        if stem(file) == "long-subscribe" {
            // umqtt's SUBSCRIBE of 128 bytes is what the scenario is about.
            let malformed = remarks.remove(0);
            assert!(malformed.contains("Malformed Packet"), "{malformed}");
        }
        seen += 1;
        bad.extend(remarks.into_iter().map(|remark| format!("{}: {remark}", stem(file))));
    }
    assert!(seen >= 20, "{seen} captures");
    assert!(bad.is_empty(), "{bad:#?}");
}
