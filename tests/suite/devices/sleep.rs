//! A node that sleeps: the charge of a report and its split, and how long batteries last.

use crate::{load, run, summary};

const OPTIMISED: [&str; 3] = ["sleep.save_credentials=false", "sleep.scan=false", "sleep.dhcp=false"];
const REPORTS: f64 = 12.0;
/// mAh per joule at the 5 V at which bakke.online measured.
const MAH_PER_J: f64 = 1.0 / 5.0 / 3.6;

fn figures(sets: &[&str], paths: &[&str]) -> Vec<f64> {
    let loaded = load("esp8266-deep-sleep", sets);
    let summary = summary(&loaded, &run(&loaded));
    paths.iter().map(|path| summary.figure(&format!("nodes.sensor.{path}")).unwrap()).collect()
}

/// bakke.online: 0.164 mAh naive, 0.054 mAh optimised per report, every five minutes; within 15 %.
#[test]
fn a_report_from_deep_sleep_costs_what_was_measured() {
    for (sets, measured) in [(&[][..], 0.164), (&OPTIMISED[..], 0.054)] {
        let charge = figures(sets, &["energy_j"])[0] / REPORTS * MAH_PER_J;
        let off = charge / measured - 1.0;
        println!("{charge:.4} mAh against {measured} ({:+.1} %)", 100.0 * off);
        assert!(off.abs() < 0.15, "{charge} mAh against {measured}");
    }
}

/// While TLS is being agreed on, the board is awake for that and no longer for TCP.
#[test]
fn a_sleeper_waits_for_the_tls_handshake_and_not_for_tcp() {
    const TLS: [&str; 4] = [
        "hosts.broker.role.tls=(version: \"1.2\")",
        "hosts.sensor.mqtt.tls=()",
        "hosts.sensor.software=micropython-1.9-frozen",
        "expect=[]",
    ];
    let paths = ["energy_by_cause_j.tcp_connect", "energy_by_cause_j.tls_handshake"];
    let [plain, none] = figures(&TLS[2..], &paths)[..] else { panic!("two figures") };
    let [tcp, handshake] = figures(&TLS, &paths)[..] else { panic!("two figures") };
    println!(
        "TCP {:.2} mJ, with TLS {:.2} mJ and {:.1} mJ a report",
        1e3 * plain / REPORTS,
        1e3 * tcp / REPORTS,
        1e3 * handshake / REPORTS
    );
    assert_eq!(none, 0.0);
    assert!((tcp / plain - 1.0).abs() < 0.05, "TCP is what it was: {tcp} J, {plain} J");
    assert!(handshake > 10.0 * tcp, "{handshake} J");
}

/// The split by phase sums to the whole, and optimising removes the phases it claims to remove.
#[test]
fn the_split_by_phase_sums_to_the_whole() {
    let phases = [
        "boot",
        "radio_calibration",
        "saving_credentials",
        "scan",
        "association",
        "WPA2_handshake",
        "DHCP",
        "tcp_connect",
        "CONNECT",
        "CONNACK",
        "PUBLISH",
        "PUBACK",
        "DISCONNECT",
        "tcp_close",
        "tcp_acknowledgement",
        "sample",
        "listening",
        "radio_shut-down",
        "sleep",
    ];
    let paths: Vec<String> = phases.iter().map(|phase| format!("energy_by_cause_j.{phase}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).chain(["energy_j"]).collect();
    for sets in [&[][..], &OPTIMISED[..]] {
        let found = figures(sets, &paths);
        let (whole, parts) = found.split_last().unwrap();
        assert!((parts.iter().sum::<f64>() / whole - 1.0).abs() < 1e-9, "{parts:?} of {whole}");
        for (phase, joule) in phases.iter().zip(parts) {
            println!("| {phase} | {:.1} mJ |", 1e3 * joule / REPORTS);
            let removed = ["saving_credentials", "scan", "DHCP"].contains(phase);
            assert_eq!(*joule > 0.0, !removed || sets.is_empty(), "{phase}: {joule}");
        }
    }
}

/// Four AAA cells lasted three weeks on the naive program (bakke.online): the same order.
#[test]
fn batteries_last_as_long_as_told() {
    let naive = figures(&["battery=alkaline-4aaa"], &["battery_days"])[0];
    println!("four AAA, naive: {naive:.1} days");
    assert!((10.0..32.0).contains(&naive), "{naive} days against 21");
    let better = figures(&[&OPTIMISED[..], &["battery=alkaline-4aaa"]].concat(), &["battery_days"])[0];
    assert!(better > 2.5 * naive, "{better} days");
}

/// An access point that has gone costs the wait until the node gives up, not the battery.
#[test]
fn a_node_that_cannot_connect_goes_back_to_sleep() {
    let loaded = load("esp8266-deep-sleep", &["links.0.loss=100 %", "expect=[]"]);
    let outcome = run(&loaded);
    let summary = summary(&loaded, &outcome);
    assert_eq!(summary.figure("packets.CONNECT"), Some(0.0));
    // 30 s at 0.35 W, and a little more to shut down, each time.
    let report = summary.figure("nodes.sensor.energy_j").unwrap() / REPORTS;
    assert!((10.0..11.5).contains(&report), "{report} J");
}

/// Modem sleep between frames: 15.4 mA and not 70 mA, but for 1.5 s after each frame.
#[test]
fn power_save_follows_the_traffic() {
    let mean = |sets: &[&str]| {
        let awake =
            ["role.sleep=None", "hosts.sensor.mqtt.keep_alive=0 s", "expect=[]", "battery=li-ion-2500"];
        figures(&[sets, &awake[..]].concat(), &["mean_power_w"])[0]
    };
    let on = mean(&[]);
    let modem = mean(&["hosts.sensor.power_save=ModemSleep"]);
    let light = mean(&["hosts.sensor.power_save=LightSleep"]);
    assert!((on - 0.35).abs() < 0.002, "{on}");
    // Twelve reports of which each keeps the radio on for some 1.6 s of 300 s.
    assert!((modem - 5.0 * 0.0154).abs() < 0.005, "{modem}");
    assert!((light - 5.0 * 0.0009).abs() < 0.005, "{light}");
}
