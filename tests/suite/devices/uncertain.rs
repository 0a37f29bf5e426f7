//! Intervals from the uncertainties of the profiles, and the screening of what matters.

use crate::devices::twin;

fn json(arguments: &[&str]) -> serde_json::Value {
    let done = twin(&[arguments, &["--format", "json"]].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

const SCENARIO: &str = "scenarios/esp8266-deep-sleep.ron";

#[test]
fn draws_give_an_interval_around_the_nominal_value_and_repeat() {
    let arguments = ["run", SCENARIO, "--uncertainty", "40"];
    let page = json(&arguments);
    assert_eq!(page, json(&arguments), "the same draws every time");
    let of = |path: &str| {
        let rows = page["results"].as_array().unwrap();
        let row = rows.iter().find(|row| row["result"] == path).unwrap_or_else(|| panic!("{path}"));
        ["p2_5", "nominal", "p97_5"].map(|key| row[key].as_f64().unwrap())
    };
    for path in ["nodes.sensor.energy_j", "nodes.sensor.battery_days"] {
        let [low, nominal, high] = of(path);
        assert!(low < nominal && nominal < high, "{path}: {low} {nominal} {high}");
        assert!(high / low > 1.2 && high / low < 4.0, "{path}: {low} to {high}");
    }
}

/// Of a report from deep sleep, the radio's current and the longest phases matter most; the
/// broker's board does not matter to the sensor at all.
#[test]
fn screening_finds_what_matters() {
    let page = json(&["sensitivity", SCENARIO, "--result", "nodes.sensor.energy_j", "--trajectories", "2"]);
    let rows = page["figures"].as_array().unwrap();
    let first: Vec<&str> = rows[..3].iter().map(|row| row["figure"].as_str().unwrap()).collect();
    assert!(first.contains(&"boards/esp8266-nodemcu:wake.radio_current"), "{first:?}");
    assert!(first.contains(&"boards/esp8266-nodemcu:wake.dhcp"), "{first:?}");
    let broker = rows.iter().find(|row| row["figure"] == "boards/raspberry-pi-3b-ethernet:idle").unwrap();
    assert_eq!(broker["mu_star"], 0.0);
}
