//! Devices that cannot: no memory for TLS, no buffer for a message, no QoS 2.

use super::twin;
use crate::{load, run, summary};

const TLS: [&str; 3] = ["hosts.broker.role.tls=(version: \"1.2\")", "hosts.sensor.mqtt.tls=()", "expect=[]"];

/// The crash of the authors' memory tests inside a network: compiled on the device, the program has
/// no room for TLS and ends with an exception at every waking; frozen into flash, it reports.
#[test]
fn tls_does_not_fit_beside_a_program_compiled_on_the_device() {
    for (software, delivered, ends) in [("micropython-1.9", 0.0, 12), ("micropython-1.9-frozen", 12.0, 0)] {
        let software = format!("hosts.sensor.software={software}");
        let loaded = load("esp8266-deep-sleep", &[&TLS[..], &[software.as_str()]].concat());
        let outcome = run(&loaded);
        let remarks = outcome.remarks.iter().find(|(words, _)| words.starts_with("out of memory"));
        assert_eq!(remarks.map_or(0, |(_, times)| *times), ends, "{software}");
        assert_eq!(summary(&loaded, &outcome).figure("delivered"), Some(delivered), "{software}");
    }
}

const UNO: [&str; 4] = [
    "hosts.sensor.board=arduino-uno-w5500",
    "hosts.sensor.software=arduino-pubsubclient",
    "hosts.sensor.power_save=Off",
    "expect=[]",
];

/// MQTT_MAX_PACKET_SIZE 256, header included: two bytes of fixed header at 200 B, three at 300 B.
#[test]
fn pubsubclient_does_not_send_what_its_buffer_cannot_hold() {
    for (payload, delivered) in [("200 B", 119.0), ("300 B", 0.0)] {
        let payload = format!("hosts.sensor.role.payload={payload}");
        let loaded =
            load("esp8266-qos", &[&UNO[..], &["hosts.sensor.role.qos=0", payload.as_str()]].concat());
        let outcome = run(&loaded);
        let dropped = outcome.remarks.iter().filter(|(words, _)| words.starts_with("out of memory"));
        assert_eq!(dropped.map(|(_, times)| *times as f64).sum::<f64>(), 119.0 - delivered, "{payload}");
        assert_eq!(summary(&loaded, &outcome).figure("delivered"), Some(delivered), "{payload}");
    }
}

#[test]
fn qos_2_is_refused_at_check_with_the_reason() {
    let mut arguments = vec!["check", "scenarios/esp8266-qos.ron", "--set", "hosts.sensor.role.qos=2"];
    arguments.extend(UNO.iter().flat_map(|set| ["--set", set]));
    let checked = twin(&arguments);
    assert_eq!(checked.status.code(), Some(2));
    let told = String::from_utf8(checked.stderr).unwrap();
    assert!(told.contains("PubSubClient 2.8 for Arduino cannot publish at QoS 2"), "{told}");
}
