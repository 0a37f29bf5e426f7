//! The alert sensor network: what its authors' code does on the wire, and the faults that it has.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mqtt_twin::capture::chart::{self, ChartOptions};
use mqtt_twin::capture::recorder::RecorderOptions;
use mqtt_twin::results::summary::Summary;
use mqtt_twin::scenario::{Loaded, Overrides};

use crate::{record, root, run, stem, summary};

fn folder() -> PathBuf {
    root().join("scenarios").join("alert-network")
}

fn loaded_from(file: &Path, sets: &[&str]) -> Loaded {
    let sets = sets.iter().map(|set| (*set).to_owned()).collect();
    let profiles = Some(root().join("hw-profiles"));
    let overrides = Overrides { sets, profiles, ..Overrides::default() };
    mqtt_twin::scenario::load(file, &overrides)
        .unwrap_or_else(|diagnostic| panic!("{}", diagnostic.render(false)))
}

/// A scenario of `scenarios/alert-network`.
fn small(name: &str, sets: &[&str]) -> Summary {
    let loaded = loaded_from(&folder().join(format!("{name}.ron")), sets);
    summary(&loaded, &run(&loaded))
}

/// A scenario of `scenarios`.
fn large(name: &str, sets: &[&str]) -> Summary {
    let loaded = crate::load(name, sets);
    summary(&loaded, &run(&loaded))
}

fn figure(summary: &Summary, path: &str) -> f64 {
    summary.figure(path).unwrap_or_else(|| panic!("{path} has no value"))
}

#[test]
fn every_fault_and_every_order_has_its_question_its_promises_and_its_chart() {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "ron"))
        .collect();
    files.push(root().join("scenarios/alert-network-as-built.ron"));
    files.sort();
    assert_eq!(files.len(), 8);
    for file in files {
        let (name, loaded) = (stem(&file), loaded_from(&file, &[]));
        assert!(loaded.scenario.question.contains('?'), "{name} asks no question");
        assert!(!loaded.expectations.is_empty(), "{name} promises nothing");
        let (outcome, recorder) = record(&loaded, RecorderOptions { frames: false, packets: true });
        let summary = summary(&loaded, &outcome);
        for expectation in &loaded.expectations {
            let verdict = expectation.evaluate(|path| summary.figure(path));
            assert!(verdict.held, "{name}: {} is {:?}", verdict.check, verdict.value);
        }
        let options = ChartOptions { width: 120, ..ChartOptions::default() };
        let chart = chart::draw(&recorder, &outcome.nodes, &options);
        insta::assert_snapshot!(name.as_str(), format!("{}\n\n{chart}", loaded.scenario.question));
    }
}

#[test]
fn an_answer_is_lost_to_a_fast_server_or_a_slow_link_and_the_published_order_mends_it() {
    let active = |sets: &[&str]| figure(&small("lost-reply", sets), "alert.active");
    assert_eq!(active(&[]), 0.0, "50 ms of link");
    assert_eq!(active(&["links.0.delay=20 ms"]), 1.0, "Nagle and the delayed acknowledgement save it");
    assert_eq!(active(&["links.0.delay=20 ms", "hosts.server.tcp.nagle=false"]), 0.0, "a fast server");
    assert_eq!(active(&["database_call=100 ms"]), 1.0, "a slow one");
    assert_eq!(active(&["handshake=SubscribeThenPublish"]), 1.0);
}

#[test]
fn one_topic_for_all_makes_n_times_n_samples_and_one_flame_alarms_everybody() {
    for nodes in [1.0, 2.0, 4.0] {
        let count = format!("hosts.node.count={nodes}");
        let summary = small("shared-wake", &[&count, "fires=[]", "duration=90 s"]);
        assert_eq!(figure(&summary, "alert.samples"), nodes * nodes, "{nodes} nodes, one period");
    }
    assert_eq!(figure(&small("shared-wake", &[]), "alert.warned"), 2.0);
    for wake in ["wake=OwnTopic", "wake=LocalTimer"] {
        assert_eq!(figure(&small("shared-wake", &[wake]), "alert.warned"), 1.0, "{wake}");
        let calm = small("shared-wake", &[wake, "fires=[]", "duration=90 s"]);
        assert_eq!(figure(&calm, "alert.samples"), 2.0, "{wake}");
    }
}

#[test]
fn with_mosquitto_2_the_echo_comes_first_and_the_node_never_samples() {
    let samples = |sets: &[&str]| figure(&small("echo-first", sets), "alert.samples");
    assert_eq!(samples(&[]), 0.0);
    assert_eq!(samples(&["hosts.broker.software=mosquitto-1.4"]), 2.0);
    assert_eq!(samples(&["wake=LocalTimer"]), 2.0);
}

#[test]
fn an_unknown_node_stops_the_server_as_built_only() {
    let registered = small("unknown-node", &["unknown_node=Register"]);
    assert_eq!(registered.figure("alert.server_died_s"), None);
    assert_eq!(figure(&registered, "alert.active"), 3.0);
    let blocked = small("unknown-node", &["unknown_node=Block"]);
    assert_eq!((figure(&blocked, "alert.active"), figure(&blocked, "alert.blocked")), (2.0, 1.0));
}

/// 500 nodes take 25 minutes as built, 3.0 s each; side by side they take less than one.
#[test]
fn a_storm_of_joins_takes_three_seconds_a_node_as_built() {
    let last = |variant: &str| {
        let summary = large("join-storm", &["hosts.node.count=100", variant]);
        assert_eq!(figure(&summary, "alert.active"), 100.0);
        figure(&summary, "alert.last_active_s")
    };
    let built = last("hosts.server.role.variant=AsBuilt");
    assert!((297.0..301.0).contains(&built), "{built}");
    assert!(last("hosts.server.role.variant=AsPublished") < 30.0);
}

#[test]
fn danger_comes_one_sample_after_the_edge() {
    for variant in ["AsPublished", "AsBuilt"] {
        let nodes = format!("hosts.node.role.variant={variant}");
        let server = format!("hosts.server.role.variant={variant}");
        let summary = large("fire", &["hosts.node.count=1", &nodes, &server]);
        let after = figure(&summary, "alert.flame_to_danger_ms.p50");
        assert!((40_000.0..41_000.0).contains(&after), "{variant}: {after}");
    }
}

/// What the facts say of the length of each packet, taken from the wire.
#[test]
fn packets_are_as_long_as_the_authors() {
    let sets = ["hosts.server.role.known=Nodes([(id: \"CN2\")])"];
    let loaded = crate::load("alert-network-as-built", &sets);
    let (outcome, recorder) = record(&loaded, RecorderOptions { frames: false, packets: true });
    let server = outcome.nodes.iter().position(|node| node.name == "server").unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for captured in recorder.packets() {
        let packet = &captured.packet;
        if packet.from.0 as usize == server || packet.to.0 as usize == server {
            continue; // The broker's copies for the server are those of the node again.
        }
        let body = packet.body.as_ref().map(|body| body.as_slice()).unwrap_or_default();
        let bytes = [packet.head.as_slice(), body].concat();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let known = [
            ("PUB_CONFIG_FILE", "PUB_CONFIG_FILE"),
            ("SET_CN_FUNCTIONAL_MODE, active", "SET active"),
            ("PUB_CN_SEVERITY_MODE, normalMode", "severity normal"),
            ("PUB_CN_SEVERITY_MODE, warningMode", "severity warning"),
            ("PUB_CN_SEVERITY_MODE, dangerMode", "severity danger"),
            ("indoorTemperatureSensor", "temperature"),
            ("indoorHumiditySensor", "humidity"),
            ("indoorFlameSensor", "flame"),
            ("localDateTime", "time"),
            ("SN/status", "status"),
            ("node/exit", "node/exit"),
            ("/control", "control"),
        ];
        let what = known.iter().find(|(mark, _)| text.contains(mark)).map_or("", |(_, name)| name);
        let kind = match bytes[0] >> 4 {
            1 => "CONNECT",
            2 => "CONNACK",
            3 => "PUBLISH",
            4 => "PUBACK",
            8 => "SUBSCRIBE",
            9 => "SUBACK",
            other => panic!("packet type {other}"),
        };
        seen.insert(format!("{kind} {what}: {}", bytes.len()).replace(" :", ":"));
    }
    let seen: Vec<String> = seen.into_iter().collect();
    assert_eq!(
        seen,
        [
            "CONNACK: 4",
            "CONNECT: 40",
            "PUBACK: 4",
            "PUBLISH PUB_CONFIG_FILE: 2367",
            "PUBLISH SET active: 164",
            "PUBLISH flame: 121",
            "PUBLISH humidity: 125",
            "PUBLISH node/exit: 16",
            "PUBLISH severity danger: 155",
            "PUBLISH severity normal: 155",
            "PUBLISH severity warning: 156",
            "PUBLISH status: 110",
            "PUBLISH temperature: 127",
            "PUBLISH time: 127",
            "SUBACK: 5",
            "SUBSCRIBE control: 99",
            "SUBSCRIBE node/exit: 16",
            "SUBSCRIBE status: 105",
            "SUBSCRIBE time: 109",
        ]
    );
}

/// The refusal is a packet of 154 bytes as built.
#[test]
fn a_refusal_is_as_long_as_the_authors() {
    let sets =
        ["hosts.node.role.variant=AsBuilt", "hosts.server.role.variant=AsBuilt", "own_room_only=false"];
    let loaded = loaded_from(&folder().join("invalid-configuration.ron"), &sets);
    let (_, recorder) = record(&loaded, RecorderOptions { frames: false, packets: true });
    let lens = recorder.packets().iter().map(|captured| {
        let packet = &captured.packet;
        let body = packet.body.as_ref().map_or(&[][..], |body| body.as_slice());
        (String::from_utf8_lossy(body).contains("blocked"), packet.head.as_slice().len() + body.len())
    });
    // `roof` is two letters shorter than the `indoor` of the facts.
    let refusals: Vec<usize> = lens.filter(|(refuses, _)| *refuses).map(|(_, len)| len).collect();
    assert!(!refusals.is_empty() && refusals.iter().all(|len| len + 2 == 154), "{refusals:?}");
}

/// Each rule of the schema broken once: the node is blocked, nothing of it is stored.
#[test]
fn every_broken_rule_blocks_the_node() {
    let text = fs::read_to_string(folder().join("cn2.xml")).unwrap();
    let scenario = fs::read_to_string(folder().join("invalid-configuration.ron")).unwrap();
    let broken = [
        ("<nodeLocation>", "<nodeLocation><floor>2</floor>"),
        ("xmlns=\"https://www.w3schools.com\"", ""),
        (">indoorTemperatureSensor<", ">thermometer<"),
        ("<gpsLongtitude>26.7<", "<gpsLongtitude>2.67e1<"),
        (
            "<country>Greece</country>\n      <districtState>Samos</districtState>",
            "<districtState>Samos</districtState>\n      <country>Greece</country>",
        ),
        ("<serverID>SN</serverID>", ""),
        ("<building>A</building>", "<building>A</building><building>B</building>"),
        ("<CPU>", "<CPU cores=\"1\">"),
        ("</nodeLocation>", ""),
    ];
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("invalid.ron");
    fs::write(&file, scenario).unwrap();
    fs::write(place.path().join("cn2.xml"), &text).unwrap();
    for (right, wrong) in broken {
        assert!(text.contains(right), "{right}");
        fs::write(place.path().join("cn2-on-the-roof.xml"), text.replacen(right, wrong, 1)).unwrap();
        let loaded = loaded_from(&file, &[]);
        let summary = summary(&loaded, &run(&loaded));
        let is = ["alert.blocked", "alert.active", "server.stored"].map(|path| figure(&summary, path));
        assert_eq!(is, [1.0, 0.0, 0.0], "{right} -> {wrong}");
    }
}

/// What is wrong in a scenario of the alert network is told where it is.
#[test]
fn wrong_keys_and_files_are_told() {
    let refused = |sets: &[&str]| {
        let sets = sets.iter().map(|set| (*set).to_owned()).collect();
        let overrides = Overrides { sets, ..Overrides::default() };
        let file = root().join("scenarios/fire.ron");
        mqtt_twin::scenario::load(&file, &overrides).unwrap_err().render(false)
    };
    let mut all = String::new();
    for set in [
        "hosts.node.role.configuration=\"alert-network/cn3.xml\"",
        "hosts.node.role.configuration=\"alert-network/cn2-on-the-roof.xml\"",
        "hosts.node.role.id=\"CN\"",
        "hosts.node.role.temperature=Steps([(\"10 s\", \"20 C\"), (\"5 s\", \"21 C\")])",
        "hosts.node.role.noise=\"1 F\"",
        "hosts.node.role.variant=AsBuild",
        "hosts.server.count=2",
        "fires.0.flame=2000",
    ] {
        writeln!(all, "{}", refused(&[set]).replace(&root().display().to_string(), "")).unwrap();
    }
    insta::assert_snapshot!(all);
}
