//! Whole captures of Mosquitto 2.0.11, libmosquitto 2.0.11 and paho-mqtt 2.2.0, packet for packet: `captures/`
//! holds the control packets of each connection as they were captured, and a scenario that does the same.

use std::collections::BTreeMap;

use mqtt_twin::capture::label::Label;
use mqtt_twin::capture::recorder::RecorderOptions;
use mqtt_twin::scenario::{self, Loaded, Overrides};

use crate::{load, record, root};

/// A packet's label, with `>` for those of the client.
type Packet = String;

fn captured(name: &str) -> BTreeMap<String, Vec<Packet>> {
    let file = root().join("tests/suite/captures").join(format!("{name}.txt"));
    let mut connections: BTreeMap<String, Vec<Packet>> = BTreeMap::new();
    let mut client = String::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        match line.strip_prefix("  ") {
            None => client = line.to_owned(),
            Some(packet) => {
                connections.entry(client.clone()).or_default().push(packet.to_owned());
            }
        }
    }
    connections
}

/// The control packets of every connection in a run, by the name that `client_of` gives to the host.
fn simulated(loaded: &Loaded, client_of: impl Fn(&str) -> String) -> BTreeMap<String, Vec<Packet>> {
    let (outcome, recorder) = record(loaded, RecorderOptions { frames: false, packets: true });
    let mut connections: BTreeMap<String, Vec<Packet>> = BTreeMap::new();
    for packet in recorder.packets().iter().map(|captured| &captured.packet) {
        let name = |host: models::record::HostIndex| outcome.nodes[host.0 as usize].name.as_str();
        let (client, direction) = match name(packet.from) {
            "broker" => (name(packet.to), '<'),
            client => (client, '>'),
        };
        let body = packet.body.as_ref().map_or(0, |body| body.len());
        let label = Label::of(packet.head.as_slice(), body).to_string();
        let label = label.split(" len=").next().unwrap();
        let length = packet.head.len() + body;
        let packet = format!("{direction} {label} len={length}");
        connections.entry(client_of(client)).or_default().push(packet);
    }
    connections
}

fn assert_alike(simulated: &BTreeMap<String, Vec<Packet>>, captured: &BTreeMap<String, Vec<Packet>>) {
    for (client, packets) in captured {
        let own = simulated.get(client).unwrap_or_else(|| panic!("no client {client}"));
        pretty(client, own, packets);
    }
}

fn pretty(client: &str, own: &[String], captured: &[String]) {
    let differs = own.iter().zip(captured).position(|(a, b)| a != b);
    let place = differs.unwrap_or(own.len().min(captured.len()));
    let around = |packets: &[String]| packets[place.saturating_sub(2)..packets.len().min(place + 3)].to_vec();
    assert!(
        own == captured,
        "{client}, packet {place}: {:#?} captured: {:#?}",
        around(own),
        around(captured)
    );
}

fn scenario_of(name: &str) -> Loaded {
    let file = root().join("tests/suite/captures").join(format!("{name}.ron"));
    scenario::load(&file, &Overrides::default()).unwrap_or_else(|error| panic!("{}", error.render(false)))
}

#[test]
fn one_message_by_libmosquitto_at_each_qos() {
    for qos in 0..=2 {
        let loaded = load(
            "one-publish",
            &[
                &format!("qos={qos}"),
                "hosts.publisher.software=libmosquitto",
                "hosts.subscriber.software=libmosquitto",
                "hosts.publisher.mqtt.client_id=mpub",
                "hosts.subscriber.mqtt.client_id=msub",
            ],
        );
        let client = |host: &str| if host == "publisher" { "mpub" } else { "msub" }.to_owned();
        assert_alike(&simulated(&loaded, client), &captured(&format!("c01_mosquitto_q{qos}_16")));
    }
}

#[test]
fn retained_messages() {
    let own = simulated(&scenario_of("c03_retained"), str::to_owned);
    assert_alike(&own, &captured("c03_retained"));
}
