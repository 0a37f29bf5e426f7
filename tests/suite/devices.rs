//! Boards, software and batteries: their profiles, and what the models make of them.

mod heap;
mod inference;
mod limits;
mod qos;
mod sleep;
mod uncertain;

use std::process::Command;

fn twin(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_mqtt-twin")).args(arguments).output().expect("the program runs")
}

/// Issue 5 names these; each must be there and complete.
#[test]
fn every_named_device_has_a_profile_whose_numbers_have_sources() {
    for name in [
        "esp8266-nodemcu",
        "esp8266-nodemcu-160mhz",
        "raspberry-pi-2b-ethernet",
        "raspberry-pi-2b-wifi-dongle",
        "raspberry-pi-3b-ethernet",
        "raspberry-pi-3b-wifi-dongle",
        "raspberry-pi-4b-ethernet",
        "raspberry-pi-4b-wifi-dongle",
        "arduino-uno-w5500",
        "arduino-uno-wifi",
        "mkr-wifi-1010",
        "server-i3",
        "boards/galaxy-s8",
        "coral-dev-board",
        "micropython-1.9",
        "micropython-1.9-frozen",
        "arduino-pubsubclient",
        "paho-python-2",
        "paho-python",
        "mosquitto-2.0",
        "linux-desktop",
        "li-ion-2500",
    ] {
        let shown = twin(&["profiles", "show", name, "--format", "json"]);
        assert!(shown.status.success(), "{name}: {}", String::from_utf8_lossy(&shown.stderr));
        let pages: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        let figures = pages[0]["figures"].as_array().unwrap();
        assert!(figures.len() >= 5, "{name} has {} figures", figures.len());
        for figure in figures {
            assert!(figure["source"].as_str().unwrap().len() >= 12, "{name}: {figure}");
            assert!(figure["uncertainty"].as_f64().is_some(), "{name}: {figure}");
        }
    }
}

#[test]
fn the_list_has_every_kind_and_a_wrong_name_is_refused() {
    let list = String::from_utf8(twin(&["profiles"]).stdout).unwrap();
    for kind in ["boards\n", "software\n", "batteries\n", "links\n"] {
        assert!(list.contains(kind), "{kind}");
    }
    let wrong = twin(&["profiles", "show", "esp8266-nodemuc"]);
    assert_eq!(wrong.status.code(), Some(2));
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert!(told.contains("did you mean `esp8266-nodemcu`?"), "{told}");
}
