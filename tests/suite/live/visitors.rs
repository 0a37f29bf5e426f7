//! Real clients in a scenario: over its links to its broker, beside its hosts.
//! In `scenarios/visitors.ron` a visitor's link takes 25 ms, the simulated listener's 2 ms.

#![expect(clippy::disallowed_types, reason = "how long a real client waits in wall-clock time")]

use std::io::{Read, Write};
use std::time::Duration;

use models::record::Outcome;

use super::mosquitto::{Subscriber, client, installed, lines, send};
use super::serving::{Live, Raw, connect, publish, subscribe};

/// From the publish call to subscribers whose names begin so, for every message with this topic.
fn latencies(outcome: &Outcome, topic: &str, subscriber: &str) -> Vec<Duration> {
    let deliveries = outcome.deliveries.iter().filter_map(|delivery| {
        let message = &outcome.messages[delivery.message.0 as usize];
        let name = &outcome.nodes[delivery.subscriber.0 as usize].name;
        (message.topic.as_ref() == topic && name.starts_with(subscriber))
            .then(|| delivery.at.saturating_since(message.published))
    });
    deliveries.collect()
}

#[test]
fn a_real_subscriber_hears_a_simulated_publisher() {
    if !installed() {
        return;
    }
    let live = Live::serve_visitors(&[]);
    let heard = client("mosquitto_sub", live.address, "-t lab/# -q 1 -C 3 -W 10 -v").output().unwrap();
    assert_eq!(lines(heard), ["lab/temperature 21.5"; 3]);
    let (summary, live, outcome) = live.stop_scenario("-INT");
    assert!(summary["messages"]["published"].as_u64() >= Some(3), "{summary}");
    // Over the sensor's link, then over the visitor's.
    let latencies = latencies(&outcome, "lab/temperature", "visitor");
    assert_eq!(latencies.len(), 3);
    assert!(latencies.iter().all(|latency| (27..40).contains(&latency.as_millis())), "{latencies:?}");
    assert_eq!(live["visits"]["accepted"], 1);
    assert!(live["wall_clock"]["worst_lag_us"].as_u64().is_some());
}

#[test]
fn a_real_publisher_is_heard_by_a_simulated_and_a_real_subscriber() {
    if !installed() {
        return;
    }
    let live = Live::serve_visitors(&["--set", "sensor.role.start=\"1 h\"", "--seed", "7"]);
    let subscriber = Subscriber::start(live.address, "-t lab/door/# -q 2", 3);
    for qos in 0..3 {
        send(live.address, &format!("-t lab/door/{qos} -m open -q {qos}"));
    }
    assert_eq!(subscriber.lines(), [0, 1, 2].map(|qos| format!("lab/door/{qos} open")));
    let (summary, _, outcome) = live.stop_scenario("-TERM");
    assert_eq!(summary["seed"], 7);
    for qos in 0..3 {
        let topic = format!("lab/door/{qos}");
        // At QoS 2 the broker hands on at PUBREL: a round trip, and the real client's own time, more.
        let (more, patience) = if qos == 2 { (50, 5_000) } else { (0, 20) };
        for (subscriber, least) in [("listener", 27 + more), ("visitor", 50 + more)] {
            let latencies = latencies(&outcome, &topic, subscriber);
            assert_eq!(latencies.len(), 1, "{subscriber} at QoS {qos}");
            let allowed = least..least + patience;
            assert!(allowed.contains(&latencies[0].as_millis()), "{subscriber} at QoS {qos}: {latencies:?}");
        }
    }
}

#[test]
fn the_delay_and_the_losses_of_a_link_are_felt() {
    let live =
        Live::serve_visitors(&["--set", "links[2].loss=\"20 %\"", "--set", "links[2].delay=\"40 ms\""]);
    let start = std::time::Instant::now();
    let mut visitor = Raw::open(live.address);
    // Where the handshake's last ACK is lost, the echoed timestamp makes for a sample of seconds (RFC 7323
    // §4.1), and a FIN that is lost then waits three times as long: slow, not wrong.
    visitor.0.set_read_timeout(Some(Duration::from_secs(45))).unwrap();
    visitor.send(&connect("far away", true, 60));
    visitor.expect(&[0x20, 2, 0, 0]);
    // There and back for the handshake, and once more for CONNECT and CONNACK.
    assert!(start.elapsed() >= Duration::from_millis(160), "{:?}", start.elapsed());
    for number in 1..=40 {
        visitor.send(&publish(2, Some(number), "lab/number", &number.to_be_bytes()));
    }
    for number in 1..=40_u16 {
        let [high, low] = number.to_be_bytes();
        visitor.expect(&[0x40, 2, high, low]);
    }
    visitor.send(&[0xE0, 0]);
    visitor.expect_end();
    let (summary, _, outcome) = live.stop_scenario("-INT");
    assert!(summary["tcp"]["lost"].as_u64() > Some(0), "{summary}");
    assert!(summary["tcp"]["retransmitted"].as_u64() > Some(0), "{summary}");
    assert_eq!(latencies(&outcome, "lab/number", "listener").len(), 40);
}

#[test]
fn a_client_that_finds_no_place_is_turned_away_and_a_place_is_free_again() {
    let live = Live::serve_visitors(&["--set", "visitor.count=2"]);
    let first = Raw::connected(live.address, "first");
    let mut second = Raw::connected(live.address, "second");
    Raw::open(live.address).expect_end();
    drop(first);
    // The end has to be noticed before the place is free.
    second.send(&[0xC0, 0]);
    second.expect(&[0xD0, 0]);
    let mut third = Raw::connected(live.address, "third");
    third.send(&[0xC0, 0]);
    third.expect(&[0xD0, 0]);
    let (_, live, _) = live.stop_scenario("-INT");
    assert_eq!(live["wall_clock"]["turned_away"], 1);
    assert_eq!((live["visits"]["accepted"].as_u64(), live["visits"]["peak"].as_u64()), (Some(3), Some(2)));
}

#[test]
fn ends_go_both_ways() {
    let live = Live::serve_visitors(&["--set", "sensor.role.start=\"1 h\""]);
    let mut witness = Raw::connected(live.address, "witness");
    witness.send(&subscribe(1, "will/#", 0));
    witness.expect(&[0x90, 3, 0, 1, 0]);
    // The broker closes on who breaks the protocol.
    let mut nonsense = Raw::open(live.address);
    nonsense.send(&[0xFF; 64]);
    nonsense.expect_end();
    // A client that goes without DISCONNECT leaves its will; last words before the end are heard.
    let will = b"\x10\x1c\x00\x04MQTT\x04\x06\x00\x3c\x00\x03abc\x00\x06will/x\x00\x03bye";
    let mut words = Raw::open(live.address);
    words.send(&[&will[..], &publish(0, None, "will/last", b"words")].concat());
    drop(words);
    witness.expect(&publish(0, None, "will/last", b"words"));
    witness.expect(&publish(0, None, "will/x", b"bye"));
    live.stop_scenario("-INT");
}

#[test]
fn who_does_not_read_holds_up_nobody_and_who_reads_late_gets_all() {
    let free = ["--set", "links[2].rate=\"10 Gbit/s\"", "--set", "links[2].delay=\"1 ms\""];
    let live = Live::serve_visitors(&[&free[..], &["--max-unread", "24 MiB"]].concat());
    let subscribed = |name: &str| {
        let mut raw = Raw::connected(live.address, name);
        raw.send(&subscribe(1, "flood", 0));
        raw.expect(&[0x90, 3, 0, 1, 0]);
        raw
    };
    let (mut deaf, mut late) = (subscribed("deaf"), subscribed("late"));
    let mut talker = Raw::connected(live.address, "talker");
    let flood = publish(0, None, "flood", &vec![7; 1 << 20]);
    let round = |talker: &mut Raw, count: usize| {
        for _ in 0..count {
            talker.0.write_all(&flood).unwrap();
        }
        talker.send(&[0xC0, 0]);
        talker.expect(&[0xD0, 0]);
    };
    round(&mut talker, 16);
    for _ in 0..16 {
        late.expect(&flood);
    }
    // What does not fit into the buffers of sockets, real and simulated, waits at the broker.
    round(&mut talker, 24);
    for _ in 0..24 {
        late.expect(&flood);
    }
    let mut rest = Vec::new();
    let _ = deaf.0.read_to_end(&mut rest);
    assert!(rest.len() < 40 * flood.len(), "it was given up before the end");
    let (_, live, _) = live.stop_scenario("-INT");
    assert_eq!(live["wall_clock"]["too_slow"], 1);
}
