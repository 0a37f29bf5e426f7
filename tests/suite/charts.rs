//! Sequence charts of the smart home, as committed: a change on the wire shows here.

use mqtt_twin::capture::chart::{self, ChartOptions};
use mqtt_twin::capture::recorder::RecorderOptions;

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
