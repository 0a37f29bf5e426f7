//! The alert sensor network beyond its nodes and their server: gateway, cloud, cameras, orders over the air.

use std::fmt::Write as _;
use std::fs;

use models::cause::Cause;
use models::record::Outcome;
use mqtt_twin::capture::chart::{self, ChartOptions};
use mqtt_twin::capture::recorder::RecorderOptions;
use mqtt_twin::results::summary::Summary;
use mqtt_twin::scenario::{Loaded, Overrides};
use sim_core::time::SimTime;

use crate::{load, record, root, run, summary};

fn page() -> String {
    fs::read_to_string(root().join("docs/alert-network.md")).unwrap()
}

fn small(name: &str, sets: &[&str]) -> Loaded {
    load(&format!("alert-network/{name}"), sets)
}

fn of(loaded: &Loaded) -> Summary {
    summary(loaded, &run(loaded))
}

fn figure(summary: &Summary, path: &str) -> f64 {
    summary.figure(path).unwrap_or_else(|| panic!("{path} has no value"))
}

/// The rows of the table under this head stand in docs/alert-network.md as they are here; `UPDATE_DOCS=1` writes
/// them anew. Below the head is the line of rules without which Markdown draws no table.
pub fn on_the_page(head: &str, rows: &[String]) {
    let page = page();
    let start = page.find(head).unwrap_or_else(|| panic!("no `{head}` on the page"));
    let mut lines = page[start..].split_inclusive('\n');
    let (heads, rule) = (lines.next().unwrap(), lines.next().unwrap_or_default());
    assert!(rule.starts_with("| -"), "below `{head}` stands no rule: {rule}");
    let from = start + heads.len() + rule.len();
    let to = from + page[from..].find("\n\n").expect("a blank line behind the table");
    let columns = |line: &str| line.matches('|').count();
    for row in rows.iter().map(String::as_str).chain([rule]) {
        assert_eq!(columns(row), columns(heads), "as many cells as heads: {row}");
    }
    let table = rows.join("\n");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let new = format!("{}{table}{}", &page[..from], &page[to..]);
        fs::write(root().join("docs/alert-network.md"), new).unwrap();
    } else {
        assert_eq!(&page[from..to], table, "write it anew with UPDATE_DOCS=1");
    }
}

/// Bytes of the frames that the server's broker got from below: all but its own program's.
fn bytes_from_below(outcome: &Outcome) -> u64 {
    let node = |name: &str| outcome.nodes.iter().find(|node| node.name == name).expect("a node");
    node("broker").bytes_received - node("server").bytes_sent
}

#[test]
fn what_a_gateway_saves_is_on_the_page() {
    let unfiltered = "hosts.gateway.role.dead_band=()";
    let lines = "hosts.gateway.role.form=Lines";
    let set_ups: [(&str, &[&str]); 5] = [
        ("no gateway", &["hosts.node.mqtt.broker=broker"]),
        ("batches as text", &[unfiltered, lines]),
        ("batches of differences", &[unfiltered]),
        ("dead bands, text", &[lines]),
        ("dead bands, differences", &[]),
    ];
    let mut rows = Vec::new();
    let mut wire = Vec::new();
    for (name, sets) in set_ups {
        let loaded = load("alert-network-gateway", sets);
        let outcome = run(&loaded);
        let summary = summary(&loaded, &outcome);
        let bytes = bytes_from_below(&outcome);
        wire.push(bytes);
        rows.push(format!(
            "| {name} | {} | {} | {:.1} | {:.2} | {:.1} | {:.1} |",
            figure(&summary, "server.received"),
            figure(&summary, "alert.readings_stored"),
            bytes as f64 / 1e3,
            figure(&summary, "nodes.server.cpu_busy_s"),
            figure(&summary, "alert.flame_to_server_ms.p50"),
            figure(&summary, "alert.flame_to_server_ms.p99"),
        ));
    }
    let [direct, text, differences, band_text, band_differences] = wire[..] else { panic!("five set-ups") };
    assert!(direct > text && text > differences && band_text > band_differences, "{wire:?}");
    assert!(text > band_text && differences > band_differences, "{wire:?}");
    on_the_page("| To the server | messages | readings stored |", &rows);
}

#[test]
fn what_a_gateway_passed_on_is_stored_and_what_it_held_when_killed_is_not() {
    let calm = ["fires=[]", "duration=1 h"];
    let whole = of(&load("alert-network-gateway", &calm));
    let waiting = figure(&whole, "alert.gateway.passed") - figure(&whole, "alert.readings_stored");
    assert!((0.0..50.0).contains(&waiting), "{waiting} wait for the next batch at the end");
    let kill = "faults=[ClientCrash(host: \"gateway\", at: \"32 min\", down_for: \"1 min\")]";
    let killed = of(&load("alert-network-gateway", &[&calm[..], &[kill]].concat()));
    assert!(figure(&killed, "alert.gateway.forgotten") > 0.0);
    // Ten nodes' temperature and humidity once a minute have nobody to go to for that minute.
    let missed = figure(&whole, "alert.gateway.received") - figure(&killed, "alert.gateway.received");
    assert!((10.0..=30.0).contains(&missed), "{missed}");
    assert_eq!(figure(&killed, "alert.active"), 10.0, "and the nodes do not notice");
}

/// A node that changes its mode subscribes twice before it reports: with a gateway, at the site's broker.
#[test]
fn alarms_are_sooner_through_a_gateway() {
    let after =
        |sets: &[&str]| figure(&of(&load("alert-network-gateway", sets)), "alert.flame_to_server_ms.p50");
    let (through, past) = (after(&[]), after(&["hosts.node.mqtt.broker=broker"]));
    // Two round trips of 20 ms less.
    assert!((39.0..42.0).contains(&(past - through)), "{through} ms, {past} ms");
}

/// A node's first sample on its way through all levels, and a flame a few seconds later.
#[test]
fn the_three_levels_as_a_chart() {
    let sets = [
        "hosts.node.count=1",
        "hosts.camera.mqtt.connect_at=\"1 h\"",
        "hosts.gateway.role.wait=\"2 s\"",
        "fires.0.start=\"74 s\"",
        "duration=\"76 s\"",
    ];
    let loaded = load("alert-network-fig1", &sets);
    let (outcome, recorder) = record(&loaded, RecorderOptions { frames: false, packets: true });
    // Behind joins and pings.
    let window = Some((SimTime::from_nanos(68_300_000_000), SimTime::MAX));
    let options = ChartOptions { width: 150, window, ..ChartOptions::default() };
    let chart = chart::draw(&recorder, &outcome.nodes, &options);
    insta::assert_snapshot!("alert-network-fig1", format!("{}\n\n{chart}", loaded.scenario.question));
}

#[test]
fn every_level_has_what_the_one_below_passed_on() {
    let summary = of(&load("alert-network-fig1", &[]));
    let [passed, stored, cloud] = ["alert.gateway.passed", "alert.readings_stored", "alert.cloud.readings"]
        .map(|path| figure(&summary, path));
    assert!(passed > 200.0 && stored == cloud, "{passed} {stored} {cloud}");
    assert!(passed - stored < 20.0, "what waits at the end: {passed} {stored}");
    let [samples, received] = ["alert.samples", "alert.gateway.received"].map(|path| figure(&summary, path));
    assert!(received > samples && received > passed, "{samples} {received} {passed}");
}

/// While the way to the cloud is cut, batches wait at the server's broker; nothing at home notices.
#[test]
fn a_cloud_out_of_reach_gets_everything_later() {
    let cut = "faults=[LinkDown(link: \"modem-data-centre\", from: \"12 min\", to: \"16 min\")]";
    let picture = "hosts.camera.role.camera.recognition=OnDevice";
    let whole = of(&load("alert-network-fig1", &[picture]));
    let cut = of(&load("alert-network-fig1", &[picture, cut]));
    for path in ["alert.cloud.readings", "alert.readings_stored", "alert.in_danger"] {
        assert_eq!(figure(&cut, path), figure(&whole, path), "{path}");
    }
    assert!(figure(&cut, "latency.max") > 3.0 * 60e3, "the first of them after minutes");
}

#[test]
fn where_to_look_at_pictures_is_on_the_page() {
    let coral = "hosts.camera.board=coral-dev-board";
    let is = |place: &str| format!("hosts.camera.role.camera.recognition={place}");
    let (chip, cpu) = (is("Accelerator"), is("OnDevice"));
    let set_ups: [(&str, &[&str]); 4] = [
        ("Raspberry Pi 3B, cloud, 1 Mbit/s up", &[]),
        ("Raspberry Pi 3B, cloud, 100 Mbit/s up", &["links.3.profile=ethernet-100"]),
        ("Raspberry Pi 3B, its CPU", &[&cpu]),
        ("Coral, its accelerator", &[coral, &chip, "links.0.profile=ethernet-100"]),
    ];
    let mut rows = Vec::new();
    for (name, sets) in set_ups {
        let loaded = load("alert-network-camera", sets);
        let outcome = run(&loaded);
        let summary = summary(&loaded, &outcome);
        assert_eq!(figure(&summary, "alert.pictures"), 16.0, "{name}");
        let camera = outcome.nodes.iter().find(|node| node.name == "camera").expect("the camera");
        let above_idle = camera.energy_fj.iter().filter(|(cause, _)| *cause != Cause::Idle);
        let above_idle_j = above_idle.map(|(_, fj)| fj).sum::<u128>() as f64 * 1e-15;
        rows.push(format!(
            "| {name} | {:.0} | {:.2} | {:.1} |",
            figure(&summary, "alert.flame_to_danger_ms.p50"),
            above_idle_j / 16.0,
            camera.bytes_sent as f64 / 16e3,
        ));
    }
    on_the_page("| Where | flame to Danger, ms |", &rows);
}

/// Request and answer are real bytes on a connection of their own.
#[test]
fn a_picture_goes_to_the_cloud_in_base64() {
    let loaded = load("alert-network-camera", &["duration=90 s"]);
    let (outcome, recorder) = record(&loaded, RecorderOptions { frames: true, packets: false });
    let host = |name: &str| outcome.nodes.iter().position(|node| node.name == name).expect("a host") as u32;
    let (camera, vision) = (host("camera"), host("vision"));
    let bytes = |from: u32, to: u32| {
        let mut stream = Vec::new();
        for frame in recorder.frames().iter().map(|captured| &captured.frame) {
            if (frame.from.0, frame.to.0) == (from, to) && !frame.retransmission {
                frame.payload.iter().for_each(|chunk| stream.extend_from_slice(chunk.as_slice()));
            }
        }
        stream
    };
    let (request, answer) = (bytes(camera, vision), bytes(vision, camera));
    let head = b"POST /v1/images:annotate HTTP/1.1\r\nHost: vision\r\n";
    assert!(request.starts_with(head), "{}", String::from_utf8_lossy(&request[..80]));
    let letters = request.iter().filter(|byte| **byte == b'A').count();
    assert!((279_292..279_300).contains(&letters), "4/3 of 209,469 bytes: {letters}");
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.len() > 2_000);
}

/// A service that cannot be reached costs pictures, not the node.
#[test]
fn a_node_goes_on_without_the_service() {
    let cut = "faults=[LinkDown(link: \"modem-vision\", from: \"2 min\", to: \"5 min\")]";
    let give_up = "hosts.camera.role.camera.recognition=Cloud(service: \"vision\", give_up: \"20 s\")";
    let summary = of(&load("alert-network-camera", &[cut, give_up]));
    let lost = figure(&summary, "alert.unrecognised");
    assert!((2.0..=4.0).contains(&lost), "{lost}");
    assert_eq!(figure(&summary, "alert.in_danger"), 1.0, "the fire after it is seen");
    assert_eq!(figure(&summary, "alert.readings_stored"), figure(&summary, "alert.pictures") - lost);
}

#[test]
fn triggers_change_on_the_fly() {
    let warned = |sets: &[&str]| figure(&of(&small("camera-triggers", sets)), "alert.warned");
    assert_eq!(warned(&[]), 1.0);
    assert_eq!(warned(&["hosts.server.role.orders=[]"]), 0.0, "a person is no fire");
    assert_eq!(warned(&["hosts.camera.role.variant=AsBuilt"]), 0.0, "as built it hears no orders");
    // Triggers are lost with the program, and come again with the join.
    let kill = "faults=[ClientCrash(host: \"camera\", at: \"100 s\", down_for: \"2 s\")]";
    let again = of(&small("camera-triggers", &[kill, "duration=170 s"]));
    assert_eq!(figure(&again, "alert.warned"), 1.0);
    assert_eq!(figure(&again, "alert.orders_obeyed"), 2.0, "told twice, obeyed twice");
}

#[test]
fn a_configuration_over_the_air_moves_a_node_and_outlasts_its_program() {
    let loaded = small("over-the-air", &[]);
    let (outcome, recorder) = record(&loaded, RecorderOptions { frames: false, packets: true });
    assert_eq!(figure(&summary(&loaded, &outcome), "alert.samples"), 2.0, "every 30 s from then on");
    let mut said = Vec::new();
    for packet in recorder.packets().iter().map(|captured| &captured.packet) {
        let text = String::from_utf8_lossy(packet.head.as_slice()).into_owned();
        let sends = outcome.nodes[packet.from.0 as usize].name == "node";
        if sends && text.contains("Sensor") {
            let room = if text.contains("/B/B11/") { "B11" } else { "A52" };
            said.push((packet.at.as_secs_f64() as u64 / 10 * 10, room));
        }
    }
    assert_eq!(said, [(40, "B11"), (40, "B11"), (80, "B11"), (80, "B11")]);
    let built = ["hosts.node.role.variant=AsBuilt", "hosts.server.role.variant=AsBuilt"];
    let built = of(&small("over-the-air", &[&built[..], &["own_room_only=false", "faults=[]"]].concat()));
    assert_eq!((figure(&built, "alert.orders_obeyed"), figure(&built, "alert.orders_refused")), (0.0, 0.0));
}

/// What is wrong in these keys is told where it is.
#[test]
fn wrong_keys_of_the_levels_are_told() {
    let mut all = String::new();
    for (name, set) in [
        ("alert-network-gateway", "hosts.gateway.count=2"),
        ("alert-network-gateway", "hosts.gateway.role.readings=0"),
        ("alert-network-gateway", "hosts.gateway.role.dead_band=(temperature: \"-1 C\")"),
        ("alert-network-gateway", "hosts.gateway.role.form=Gzip"),
        ("alert-network-camera", "hosts.camera.role.camera.recognition=Cloud(service: \"visoin\")"),
        ("alert-network-camera", "hosts.camera.role.camera.recognition=Accelerator"),
        ("alert-network-camera", "hosts.camera.role.camera.triggers=[]"),
        ("alert-network-camera", "hosts.camera.role.camera.triggers=[\"a, b\"]"),
        ("alert-network-camera", "hosts.vision.count=2"),
        ("alert-network/over-the-air", "hosts.server.role.orders.1.at=\"1 s\""),
        ("alert-network/over-the-air", "hosts.server.role.orders.0.order=SetTriggers([])"),
        (
            "alert-network/over-the-air",
            "hosts.server.role.orders.0.order=UpdateConfiguration(configuration: \"cn2-on-the-roof.xml\")",
        ),
    ] {
        let overrides = Overrides { sets: vec![set.to_owned()], ..Overrides::default() };
        let file = root().join(format!("scenarios/{name}.ron"));
        let refused = mqtt_twin::scenario::load(&file, &overrides).unwrap_err().render(false);
        writeln!(all, "{}", refused.replace(&root().display().to_string(), "")).unwrap();
    }
    insta::assert_snapshot!(all);
}
