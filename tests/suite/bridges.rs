//! Bridges between brokers: what crosses them, under which name, how, and what does not come back.

use std::path::Path;

use models::mqtt::Version;
use models::record::Outcome;
use mqtt_twin::capture::chart::{self, ChartOptions};
use mqtt_twin::capture::label::Label;
use mqtt_twin::capture::recorder::{Recorder, RecorderOptions};
use mqtt_twin::scenario::load::load_text;
use mqtt_twin::scenario::profiles::Library;
use mqtt_twin::scenario::{Diagnostic, Loaded, Overrides};

use crate::{load, record, root};

const PACKETS: RecorderOptions = RecorderOptions { frames: false, packets: true };

#[test]
fn the_lectures_figure_as_a_chart() {
    let loaded = load("bridge", &[]);
    let (outcome, recorder) = record(&loaded, PACKETS);
    let options = ChartOptions { width: 150, ..ChartOptions::default() };
    let chart = chart::draw(&recorder, &outcome.nodes, &options);
    insta::assert_snapshot!("bridge", format!("{}\n\n{chart}", loaded.scenario.question));
}

/// Two brokers, `west` with a bridge to `east`, and at each a client that publishes and hears all.
fn pair(bridge: &str, east: &str, west_steps: &str, east_steps: &str, faults: &str) -> Loaded {
    pair_with(&[], bridge, east, west_steps, east_steps, faults)
        .unwrap_or_else(|error| panic!("{}", error.render(false)))
}

/// The same, changed by `sets`.
fn pair_with(
    sets: &[&str],
    bridge: &str,
    east: &str,
    west_steps: &str,
    east_steps: &str,
    faults: &str,
) -> Result<Loaded, Diagnostic> {
    let client = |broker: &str, steps: &str| {
        format!(
            "(mqtt: (broker: \"{broker}\", clean_session: false), role: Steps(steps: [(at: \"0 s\", act: Connect), (at: \"200 ms\", act: \
             Subscribe(filters: [(filter: \"#\", qos: 2), (filter: \"$SYS/#\", qos: 2)])), {steps}]))"
        )
    };
    let text = format!(
        "(title: \"t\", question: \"q?\", duration: \"60 s\", hosts: {{ \"w\": {}, \"west\": (software: \
         \"mosquitto-2.0\", role: Broker(bridges: [(to: \"east\", {bridge})])), \"east\": (software: \
         \"{east}\", role: Broker()), \"e\": {} }}, links: [(from: \"w\", to: \"west\"), (from: \"west\", to: \"east\", delay: \"5 ms\"), (from: \"e\", to: \"east\")], faults: \
         [{faults}])",
        client("west", west_steps),
        client("east", east_steps),
    );
    let file = root().join("scenarios/pair.ron");
    let library = Library::find(Path::new(&file), None).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let sets = sets.iter().map(|set| (*set).to_owned()).collect();
    load_text(&file, &text, &Overrides { sets, ..Overrides::default() }, library)
}

/// The control packets from one host to another, as labels without lengths.
fn sent(recorder: &Recorder, outcome: &Outcome, from: &str, to: &str) -> Vec<String> {
    let name = |host: models::record::HostIndex| outcome.nodes[host.0 as usize].name.as_str();
    let packets = recorder.packets().iter().map(|captured| &captured.packet);
    let mut version = Version::V3_1_1;
    packets
        .filter(|packet| name(packet.from) == from && name(packet.to) == to)
        .map(|packet| {
            let body = packet.body.as_ref().map_or(0, |body| body.len());
            version = Label::version_of(packet.head.as_slice()).unwrap_or(version);
            let label = Label::in_version(version, packet.head.as_slice(), body).to_string();
            label.split(" len=").next().unwrap().to_owned()
        })
        .collect()
}

fn publishes(recorder: &Recorder, outcome: &Outcome, from: &str, to: &str) -> Vec<String> {
    let all = sent(recorder, outcome, from, to);
    all.into_iter().filter(|label| label.starts_with("PUBLISH") && !label.contains("$SYS")).collect()
}

fn publish(at: &str, topic: &str, qos: u8, retain: bool) -> String {
    format!(
        "(at: \"{at}\", act: Publish(topic: \"{topic}\", payload: \"4 B\", qos: {qos}, retain: {retain})),"
    )
}

// As captured of Mosquitto 2.0.11: level 132, not clean, a will, the state, then each line of topics.
#[test]
fn a_bridge_introduces_itself_as_captured() {
    let topics = "topics: [(pattern: \"a/#\", qos: 1), (pattern: \"b\", direction: In, qos: 2), (pattern: \"c\", \
                  direction: Both)]";
    let loaded = pair(topics, "mosquitto-2.0", "", "", "");
    let (outcome, recorder) = record(&loaded, PACKETS);
    let first: Vec<String> = sent(&recorder, &outcome, "west", "east").into_iter().take(5).collect();
    assert_eq!(
        first,
        [
            "CONNECT id=west ka=60 will(q1 r1 t=$SYS/broker/connection/west/state) bridge",
            "PUBLISH q1 d0 r1 id1 t=$SYS/broker/connection/west/state p=1",
            "UNSUBSCRIBE id2 a/#",
            "SUBSCRIBE id3 b:2",
            "SUBSCRIBE id4 c:0",
        ]
    );
    let connect = recorder.packets().iter().map(|captured| &captured.packet.head).find(|head| {
        let bytes = head.as_slice();
        bytes[0] == 0x10 && bytes.ends_with(b"\x00\x010")
    });
    assert_eq!(connect.unwrap().as_slice()[8], 132, "4 with the highest bit set");
}

#[test]
fn out_goes_out_in_comes_in_and_both_do_both() {
    for (direction, out, into) in [("Out", 1, 0), ("In", 0, 1), ("Both", 1, 1)] {
        let topics = format!("topics: [(pattern: \"a/#\", direction: {direction}, qos: 2)]");
        let steps = |topic| publish("1 s", topic, 1, false);
        let loaded = pair(&topics, "mosquitto-2.0", &steps("a/west"), &steps("a/east"), "");
        let (outcome, recorder) = record(&loaded, PACKETS);
        let crossing = |from, to| publishes(&recorder, &outcome, from, to).len();
        assert_eq!((crossing("west", "east"), crossing("east", "west")), (out, into), "{direction}");
        // Each subscriber hears its own message, and the other's where it crosses: none twice.
        assert_eq!((crossing("west", "w"), crossing("east", "e")), (1 + into, 1 + out), "{direction}");
        assert_eq!(outcome.deliveries.iter().map(|delivery| delivery.copies).max(), Some(1), "{direction}");
        let expected: u32 = outcome.messages.iter().map(|message| message.expected).sum();
        assert_eq!(expected as usize, outcome.deliveries.len(), "{direction}");
    }
}

#[test]
fn names_change_on_the_way_and_change_back() {
    let topics = "topics: [(pattern: \"t/#\", direction: Both, qos: 1, local_prefix: \"here/\", remote_prefix: \
                  \"site/1/\")]";
    let west = publish("1 s", "here/t/x", 1, false) + &publish("2 s", "t/x", 1, false);
    let east = publish("3 s", "site/1/t/y", 1, false);
    let loaded = pair(topics, "mosquitto-2.0", &west, &east, "");
    let (outcome, recorder) = record(&loaded, PACKETS);
    assert_eq!(publishes(&recorder, &outcome, "west", "east"), ["PUBLISH q1 d0 r0 id3 t=site/1/t/x p=4"]);
    let heard = publishes(&recorder, &outcome, "west", "w");
    assert!(heard.last().unwrap().contains(" t=here/t/y "), "{heard:?}");
}

#[test]
fn a_message_crosses_at_the_lower_qos_with_retain_as_published() {
    for most in 0..=2 {
        let topics = format!("topics: [(pattern: \"a\", qos: {most})]");
        let steps: String =
            (0..=2).map(|qos| publish(&format!("{} s", qos + 1), "a", qos, qos == 2)).collect();
        let loaded = pair(&topics, "mosquitto-2.0", &steps, "", "");
        let (outcome, recorder) = record(&loaded, PACKETS);
        let crossed = publishes(&recorder, &outcome, "west", "east");
        let qos: Vec<u8> = crossed.iter().map(|label| label.as_bytes()[9] - b'0').collect();
        assert_eq!(qos, [0, 1.min(most), 2.min(most)], "{crossed:?}");
        assert!(crossed[2].contains(" r1 ") && !crossed[1].contains(" r1 "), "{crossed:?}");
        // To those who have subscribed before, RETAIN is 0.
        assert!(publishes(&recorder, &outcome, "east", "e").iter().all(|label| !label.contains(" r1 ")));
    }
}

#[test]
fn what_comes_while_the_bridge_is_away_crosses_when_it_is_back() {
    let topics = "keep_alive: \"5 s\", topics: [(pattern: \"a\", qos: 1)]";
    let steps: String =
        (0..10).map(|n| publish(&format!("{} s", 4 + n), "a", u8::from(n % 2 == 0), false)).collect();
    // Only the bridge is cut.
    let faults = "LinkDown(link: \"west-east\", from: \"3 s\", to: \"20 s\")";
    let loaded = pair(topics, "mosquitto-2.0", &steps, "", faults);
    let (outcome, recorder) = record(&loaded, PACKETS);
    let connects = sent(&recorder, &outcome, "west", "east");
    let connects = connects.iter().filter(|label| label.starts_with("CONNECT")).count();
    assert!(connects >= 2, "it came back: {connects}");
    // At QoS 1 all; QoS 0 waits for nobody once the bridge knows that it is cut off.
    let heard = publishes(&recorder, &outcome, "east", "e");
    let at = |qos: &str| heard.iter().filter(|label| label.starts_with(&format!("PUBLISH {qos} "))).count();
    assert_eq!(at("q1"), 5, "{heard:?}");
    assert!(at("q0") < 5, "{heard:?}");
}

#[test]
fn a_broker_that_takes_no_bridges_is_asked_again_as_by_a_client() {
    let loaded =
        pair("topics: [(pattern: \"a\", qos: 1)]", "standard", &publish("30 s", "a", 1, false), "", "");
    let (outcome, recorder) = record(&loaded, PACKETS);
    let connects: Vec<bool> = sent(&recorder, &outcome, "west", "east")
        .iter()
        .filter(|label| label.starts_with("CONNECT"))
        .map(|label| label.ends_with(" bridge"))
        .collect();
    assert_eq!(connects, [true, false]);
    assert_eq!(publishes(&recorder, &outcome, "east", "e").len(), 1);
}

/// Messages to `a` at the given seconds.
fn messages(at_s: std::ops::Range<u32>, qos: u8) -> String {
    at_s.map(|second| publish(&format!("{second} s"), "a", qos, false)).collect()
}

/// How often each message that crossed reached the subscriber beyond, and how many reached it at all.
fn heard_beyond(outcome: &Outcome) -> (usize, u32) {
    let beyond = outcome.nodes.iter().position(|node| node.name == "e").unwrap() as u32;
    let copies = outcome.deliveries.iter().filter(|delivery| delivery.subscriber.0 == beyond);
    let copies: Vec<u32> = copies.map(|delivery| delivery.copies).collect();
    (copies.len(), copies.iter().copied().max().unwrap_or(0))
}

#[test]
fn what_comes_while_the_remote_broker_is_dead_crosses_when_it_lives() {
    for qos in 1..=2 {
        let topics = format!("topics: [(pattern: \"a\", qos: {qos})]");
        let faults = "BrokerRestart(broker: \"east\", at: \"5500 ms\", down_for: \"3 s\")";
        let comes_back = "(at: \"10500 ms\", act: Connect),";
        let loaded = pair(&topics, "mosquitto-2.0", &messages(4..14, qos), comes_back, faults);
        let (outcome, recorder) = record(&loaded, PACKETS);
        let connects = sent(&recorder, &outcome, "west", "east");
        let connects = connects.iter().filter(|label| label.starts_with("CONNECT")).count();
        assert!(connects >= 2, "it came back: {connects}");
        let (heard, most) = heard_beyond(&outcome);
        assert_eq!((heard, most), (10, 1), "QoS {qos}");
    }
}

/// The publisher has its acknowledgements, the link beyond is cut, and the local broker is killed: what waits for the
/// bridge is as safe as the broker's storage.
#[test]
fn what_waits_for_the_bridge_survives_the_local_broker_if_it_is_stored() {
    for (memory, expected) in [("Kept", 3), ("Lost", 0)] {
        let topics = "keep_alive: \"5 s\", topics: [(pattern: \"a\", qos: 2)]";
        let faults = format!(
            "LinkDown(link: \"west-east\", from: \"3 s\", to: \"20 s\"), BrokerRestart(broker: \"west\", at: \"10 s\", \
             down_for: \"1 s\", memory: {memory})"
        );
        let loaded = pair(topics, "mosquitto-2.0", &messages(4..7, 2), "", &faults);
        let (outcome, recorder) = record(&loaded, PACKETS);
        let completed = sent(&recorder, &outcome, "west", "w");
        let completed = completed.iter().filter(|label| label.starts_with("PUBCOMP")).count();
        assert_eq!(completed, 3, "the publisher was promised");
        let (heard, most) = heard_beyond(&outcome);
        assert_eq!((heard, most), (expected, expected.min(1) as u32), "{memory}");
    }
}

/// As the source of Mosquitto 2.0.20 writes it: level 5, a Receive Maximum, No Local and Retain As Published.
#[test]
fn in_version_5_the_subscriptions_say_what_the_level_said() {
    let topics =
        "version: \"5.0\", topics: [(pattern: \"a/#\", qos: 1), (pattern: \"b\", direction: Both, qos: 2)]";
    let loaded = pair(topics, "mosquitto-2.0", "", "", "");
    let (outcome, recorder) = record(&loaded, PACKETS);
    let first: Vec<String> = sent(&recorder, &outcome, "west", "east").into_iter().take(4).collect();
    assert_eq!(
        first,
        [
            "CONNECT v5.0 id=west ka=60 will(q1 r1 t=$SYS/broker/connection/west/state) receive-max=20",
            "PUBLISH q1 d0 r1 id1 t=$SYS/broker/connection/west/state p=1",
            "UNSUBSCRIBE id2 a/#",
            "SUBSCRIBE id3 b:2np",
        ]
    );
    let from_west = |packet: &&models::record::PacketRecord| {
        outcome.nodes[packet.from.0 as usize].name == "west" && packet.head.as_slice()[0] == 0x82
    };
    let mut packets = recorder.packets().iter().map(|captured| &captured.packet);
    let subscribe = packets.find(from_west).unwrap().head.as_slice().to_vec();
    // QoS 2, No Local, Retain As Published, retained messages at every subscription
    assert_eq!(subscribe.last(), Some(&0b0000_1110));
}

/// A broker that knows no bridges sends back what the bridge brought, unless the subscription itself says No Local.
#[test]
fn in_version_5_nothing_comes_back_from_any_broker() {
    for (version, copies) in [("3.1.1", 2), ("5.0", 1)] {
        let topics = format!("version: \"{version}\", topics: [(pattern: \"a\", direction: Both, qos: 1)]");
        let loaded = pair(&topics, "standard", &publish("30 s", "a", 1, false), "", "");
        let (outcome, recorder) = record(&loaded, PACKETS);
        assert_eq!(publishes(&recorder, &outcome, "east", "e").len(), 1, "{version}");
        assert_eq!(publishes(&recorder, &outcome, "west", "w").len(), copies, "{version}");
    }
}

#[test]
fn properties_cross_a_bridge_of_version_5() {
    for (version, crosses) in [("3.1.1", false), ("5.0", true)] {
        let topics = format!("version: \"{version}\", topics: [(pattern: \"a\", qos: 1)]");
        let step = "(at: \"1 s\", act: Publish(topic: \"a\", payload: \"4 B\", qos: 1, properties: (content_type: \"text/x\"))),";
        let five = ["hosts.w.mqtt.version=\"5.0\"", "hosts.e.mqtt.version=\"5.0\""];
        let loaded = pair_with(&five, &topics, "mosquitto-2.0", step, "", "");
        let loaded = loaded.unwrap_or_else(|error| panic!("{}", error.render(false)));
        let (outcome, recorder) = record(&loaded, PACKETS);
        let to_e = |packet: &&models::record::PacketRecord| outcome.nodes[packet.to.0 as usize].name == "e";
        let heads = recorder.packets().iter().map(|captured| &captured.packet).filter(to_e);
        let has =
            heads.filter(|packet| packet.head.as_slice().windows(6).any(|bytes| bytes == b"text/x")).count();
        assert_eq!(has, usize::from(crosses), "{version}");
    }
}

/// Mosquitto's bridge of MQTT 5.0 asks for no session: what the other broker gets while the bridge is away is lost to
/// it.
#[test]
fn in_version_5_the_session_beyond_ends_unless_it_is_asked_for() {
    for (expiry, heard) in [("", 0), ("session_expiry: \"1 h\",", 3)] {
        let bridge = format!(
            "version: \"5.0\", {expiry} keep_alive: \"5 s\", topics: [(pattern: \"a\", direction: In, qos: 1)]"
        );
        let loaded = pair(
            &bridge,
            "mosquitto-2.0",
            "",
            &messages(20..23, 1),
            "LinkDown(link: \"west-east\", from: \"3 s\", to: \"30 s\")",
        );
        let (outcome, recorder) = record(&loaded, PACKETS);
        assert_eq!(publishes(&recorder, &outcome, "west", "w").len(), heard, "{expiry}");
    }
}

const SECURE_EAST: [&str; 2] = ["hosts.east.role.tls=(version: \"1.3\")", "hosts.e.mqtt.tls=()"];

/// TLS on the bridge alone: the clients of the broker that has it speak without, those of the other broker with it.
#[test]
fn a_bridge_can_be_secured() {
    let bridge = |tls: &str| format!("{tls} topics: [(pattern: \"a\", direction: Both, qos: 1)]");
    let steps = (publish("2 s", "a", 1, false), publish("3 s", "a", 1, false));
    let run = |sets: &[&str], tls: &str| {
        let loaded = pair_with(sets, &bridge(tls), "mosquitto-2.0", &steps.0, &steps.1, "");
        let loaded = loaded.unwrap_or_else(|error| panic!("{}", error.render(false)));
        record(&loaded, RecorderOptions { frames: true, packets: true })
    };
    let (outcome, recorder) = run(&SECURE_EAST, "tls: (),");
    let (_, plain) = run(&[], "");
    let publishes_of = |recorder| {
        ["w", "e"].map(|client| {
            let broker = if client == "w" { "west" } else { "east" };
            publishes(recorder, &outcome, broker, client).len()
        })
    };
    assert_eq!(publishes_of(&recorder), [2, 2]);
    let bytes = |recorder: &Recorder, a: &str, b: &str| -> usize {
        let name = |host: models::record::HostIndex| outcome.nodes[host.0 as usize].name.as_str();
        let frames = recorder.frames().iter().map(|captured| &captured.frame);
        let between = frames.filter(|frame| [(a, b), (b, a)].contains(&(name(frame.from), name(frame.to))));
        between.flat_map(|frame| frame.payload.iter().map(|chunk| chunk.len())).sum()
    };
    assert_eq!(bytes(&recorder, "w", "west"), bytes(&plain, "w", "west"));
    // Without a client certificate 305 B up, 1,627 B and a second ticket of 255 B down, and 22 B a record: in all more
    // than these.
    let (with, without) = (bytes(&recorder, "west", "east"), bytes(&plain, "west", "east"));
    assert!(with > without + 305 + 1_627, "{with} bytes, without TLS {without}");
}

#[test]
fn a_bridge_and_its_broker_must_agree_on_tls() {
    let refused = |sets: &[&str], tls: &str| {
        let bridge = format!("{tls} topics: [(pattern: \"a\", qos: 1)]");
        pair_with(sets, &bridge, "mosquitto-2.0", "", "", "").unwrap_err().render(false)
    };
    assert!(refused(&[], "tls: (),").contains("the bridge wants TLS, the broker `east` has none"));
    assert!(refused(&SECURE_EAST, "").contains("the broker `east` takes only TLS"));
    let older = refused(&SECURE_EAST, "tls: (version: \"1.2\"),");
    assert!(older.contains("`west` speaks TLS 1.2, its broker `east` TLS 1.3"), "{older}");
    assert!(refused(&SECURE_EAST, "tls: (resumption: \"tickets\"),").contains("do not resume"));
    assert!(refused(&[], "session_expiry: \"1 h\",").contains("`session_expiry` needs MQTT 5.0"));
}
