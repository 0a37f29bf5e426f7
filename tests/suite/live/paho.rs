//! Eclipse Paho's Python client against the served broker. The checks stand in
//! `tests/python/paho_clients.py`.

use std::process::{Command, Stdio};

use super::serving::Live;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/paho_clients.py");

/// A Python that has the client: the first one found, or else the system's own, for which
/// distributions package it.
fn python() -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let mut import = Command::new(python);
        import.args(["-c", "import paho.mqtt.client"]).stderr(Stdio::null());
        import.status().is_ok_and(|status| status.success())
    })
}

/// Runs a check with MQTT 3.1.1 and 5.0, each with a broker of its own.
fn check(name: &str) {
    let Some(python) = python() else {
        eprintln!("SKIPPED: paho-mqtt is not installed (Debian: apt-get install python3-paho-mqtt)");
        return;
    };
    for version in ["4", "5"] {
        let live = Live::serve(&[]);
        let port = live.address.port().to_string();
        let output = Command::new(python).args([SCRIPT, &port, version, name]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}, protocol level {version}: {said}");
        live.stop("-INT");
    }
}

#[test]
fn paho_python_at_every_quality_of_service() {
    check("qos");
}

#[test]
fn paho_python_leaves_wills() {
    check("will");
}

#[test]
fn paho_python_and_retained_messages() {
    check("retained");
}

#[test]
fn paho_python_comes_back_to_its_session() {
    check("session");
}

#[test]
fn paho_python_and_wildcards() {
    check("wildcards");
}
