//! Sequence charts of the smart home, as committed: a change on the wire shows here.

use models::record::HostIndex;
use mqtt_twin::capture::chart::{self, ChartOptions};
use mqtt_twin::capture::recorder::RecorderOptions;
use sim_core::time::SimTime;

use crate::{load, record};

fn chart(name: &str, sets: &[&str]) -> String {
    let (outcome, recorder) = record(&load(name, sets), RecorderOptions { frames: false, packets: true });
    chart::draw(&recorder, &outcome.nodes, &ChartOptions::default())
}

#[test]
fn one_publish_at_each_qos() {
    for qos in 0..=2 {
        insta::assert_snapshot!(
            format!("one-publish-qos{qos}"),
            chart("one-publish", &[&format!("qos={qos}")])
        );
    }
}

#[test]
fn one_publish_with_every_segment() {
    let loaded = load("one-publish", &["qos=0"]);
    let (outcome, recorder) = record(&loaded, RecorderOptions { frames: true, packets: true });
    let options = ChartOptions { segments: true, ..ChartOptions::default() };
    insta::assert_snapshot!("one-publish-qos0-segments", chart::draw(&recorder, &outcome.nodes, &options));
}

#[test]
fn a_subscriber_that_only_listens() {
    insta::assert_snapshot!("smart-home-keepalive", chart("smart-home-keepalive", &[]));
}

#[test]
fn a_publisher_as_real_clients_do_it_and_in_the_papers_words() {
    insta::assert_snapshot!("smart-home-publisher", chart("smart-home-publisher", &[]));
    let words = chart("smart-home-publisher", &["hosts.sensor.mqtt.reconnect_every=60 s"]);
    insta::assert_snapshot!("smart-home-publisher-papers-words", words);
}

/// The first camera is told of the smaller MTU and cuts its segments at once; the second one's long segments
/// vanish again and again; the third one probes with shorter segments after three seconds.
#[test]
fn a_path_with_a_smaller_mtu_told_silent_and_probed() {
    let hosts = ["told", "silent", "probing"];
    let mut sets: Vec<String> = hosts.map(|host| format!("hosts.{host}.role.image=\"5 kB\"")).into();
    sets.push("duration=\"10 s\"".to_owned());
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let (outcome, recorder) =
        record(&load("mtu-black-hole", &sets), RecorderOptions { frames: true, packets: true });
    let shown = |name: &str| outcome.nodes.iter().position(|node| node.name == name).unwrap();
    let hosts = [hosts[0], hosts[1], hosts[2], "broker"].map(|name| HostIndex(shown(name) as u32));
    let window = (SimTime::from_millis(1_999), SimTime::from_secs(10));
    let options = ChartOptions {
        width: 140,
        segments: true,
        hosts: Some(hosts.to_vec()),
        window: Some(window),
        ..ChartOptions::default()
    };
    insta::assert_snapshot!("mtu-black-hole", chart::draw(&recorder, &outcome.nodes, &options));
}
