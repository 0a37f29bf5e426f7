//! What Wireshark makes of our captures, where tshark is installed.

use std::process::Command;

use models::record::NodeRecord;
use mqtt_twin::capture::pcapng::Capture;
use mqtt_twin::capture::recorder::{Recorder, RecorderOptions};
use mqtt_twin::scenario::{self, Loaded, Overrides};

use crate::{load, record, root, scenario_files, stem};

/// What tshark prints of the frames with the arguments `more`, in lines.
fn lines(recorder: &Recorder, nodes: &[NodeRecord], name: &str, more: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.pcapng");
    let (frames, too_long) = (recorder.frames(), recorder.too_long());
    let capture = Capture { frames, too_long, nodes, scenario: name };
    capture.write(std::fs::File::create(&path).unwrap()).unwrap();
    let output = Command::new("tshark").arg("-r").arg(&path).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn is_installed(what: &str) -> bool {
    let installed = Command::new("tshark").arg("--version").output().is_ok();
    if !installed {
        eprintln!("SKIPPED: tshark is not installed, so {what}");
    }
    installed
}

const FRAMES: RecorderOptions = RecorderOptions { frames: true, packets: false };

/// One line of `fields` per frame, or nothing where tshark is not installed.
fn tshark(name: &str, sets: &[&str], fields: &[&str]) -> Option<Vec<Vec<String>>> {
    if !is_installed(&format!("no capture of {name} was decoded")) {
        return None;
    }
    let (outcome, recorder) = record(&load(name, sets), FRAMES);
    let mut more = vec!["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
    more.extend(["-T", "fields", "-E", "separator=|"]);
    more.extend(fields.iter().flat_map(|field| ["-e", field]));
    let lines = lines(&recorder, &outcome.nodes, name, &more);
    let rows: Vec<Vec<String>> =
        lines.iter().map(|line| line.split('|').map(str::to_owned).collect()).collect();
    assert_eq!(rows.len(), recorder.frames().len() + recorder.too_long().len(), "every frame is decoded");
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
    let (outcome, recorder) = record(loaded, FRAMES);
    let backlog_full = outcome.remarks.iter().any(|(what, _)| what.contains("listen backlog"));
    if backlog_full || recorder.frames().iter().any(|captured| captured.lost.is_some()) {
        return None;
    }
    // _ws.expert.severity of Wireshark: Chat is 0x200000, Note, Warning and Error are above.
    let mut more = vec!["-Y", "_ws.expert.severity > 0x200000", "-T", "fields", "-E", "separator=|"];
    more.extend(["-e", "frame.number", "-e", "_ws.expert.severity", "-e", "_ws.expert.message"]);
    let lines = lines(&recorder, &outcome.nodes, &loaded.name, &more);
    // Wireshark 4 writes a note beside every FIN, of whatever connection.
    Some(lines.into_iter().filter(|line| !line.contains("(FIN),This frame")).collect())
}

/// Every scenario whose run loses no frame; a benchmark with fewer hosts or messages.
#[test]
fn lossless_captures_are_clean_in_the_expert_information() {
    if !is_installed("no expert information was read") {
        return;
    }
    let mut files = scenario_files();
    for folder in ["alert-network", "behaviours", "explore"] {
        let entries = std::fs::read_dir(root().join("scenarios").join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        files.extend(paths.filter(|path| path.extension().is_some_and(|ending| ending == "ron")));
    }
    let (mut clean, mut lossy, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    for file in &files {
        let small: &[&str] = match stem(file).as_str() {
            // At 1 % loss.
            "bench-a" | "bench-c5k" => continue,
            "bench-b1000" => &["hosts.client.role.count=2", "duration=\"30 s\""],
            "bench-d1h" => &["hosts.client.count=20", "hosts.client.role.count=2", "duration=\"250 s\""],
            _ => &[],
        };
        let sets = small.iter().map(|set| (*set).to_owned()).collect();
        let loaded = scenario::load(file, &Overrides { sets, ..Overrides::default() })
            .unwrap_or_else(|diagnostic| panic!("{}", diagnostic.render(false)));
        let Some(mut remarks) = remarks(&loaded) else {
            lossy.push(stem(file));
            continue;
        };
        if stem(file) == "long-subscribe" {
            // umqtt's SUBSCRIBE of 128 bytes is what the scenario is about.
            let malformed = remarks.remove(0);
            assert!(malformed.contains("Malformed Packet"), "{malformed}");
        }
        clean.push(stem(file));
        bad.extend(remarks.into_iter().map(|remark| format!("{}: {remark}", stem(file))));
    }
    assert!(clean.len() >= 40, "{} captures are lossless: {clean:?}, not: {lossy:?}", clean.len());
    assert!(bad.is_empty(), "{bad:#?}");
}

/// RFC 1191 §4: type 3, code 4, the MTU of the next hop, and the head of what was dropped.
#[test]
fn a_router_that_drops_what_is_too_long_is_seen_to_say_so() {
    let fields = ["icmp.type", "icmp.code", "icmp.mtu", "icmp.checksum.status", "ip.len", "_ws.malformed"];
    let sets = ["hosts.told.role.image=5 kB", "duration=10 s"];
    let Some(rows) = tshark("mtu-black-hole", &sets, &fields) else { return };
    let told: Vec<&Vec<String>> = rows.iter().filter(|row| !row[0].is_empty()).collect();
    // Three full segments of the camera that is told; the two behind the other router hear nothing.
    assert_eq!(told.len(), 3, "{told:?}");
    for row in told {
        assert_eq!(row[..4], ["3", "4", "1400", "1"], "{row:?}");
        assert!(row[4].ends_with(",1500"), "it quotes a packet of 1,500 bytes: {row:?}");
        assert_eq!(row[5], "", "malformed: {row:?}");
    }
}
