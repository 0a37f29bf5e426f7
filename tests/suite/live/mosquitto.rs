//! Eclipse Mosquitto's command line clients against the served broker.

use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::serving::{Live, PATIENCE, Raw, publish};

/// Whether the clients are here; says so loudly where they are not.
pub fn installed() -> bool {
    let found = ["mosquitto_pub", "mosquitto_sub"]
        .iter()
        .all(|program| Command::new(program).arg("--help").stdout(Stdio::null()).status().is_ok());
    if !found {
        eprintln!("SKIPPED: mosquitto_pub and mosquitto_sub are not installed");
    }
    found
}

pub fn client(program: &str, address: SocketAddr, arguments: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["-h", "127.0.0.1", "-p", &address.port().to_string()]);
    command.args(arguments.split_whitespace());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn send(address: SocketAddr, arguments: &str) {
    let Output { status, stderr, .. } = client("mosquitto_pub", address, arguments).output().unwrap();
    assert!(status.success(), "mosquitto_pub {arguments}: {}", String::from_utf8_lossy(&stderr));
}

/// A subscriber that ends after `count` messages, subscribed already.
pub struct Subscriber(Child);

impl Subscriber {
    /// Waits for the SUBACK: a retained message published before comes right after it.
    pub fn start(address: SocketAddr, topics: &str, count: usize) -> Subscriber {
        static STARTED: AtomicU32 = AtomicU32::new(100);
        let ready = format!("ready/{}", STARTED.fetch_add(1, Ordering::Relaxed));
        send(address, &format!("-t {ready} -m x -q 1 -r"));
        let arguments = format!("{topics} -t {ready} -C {} -W 10 -v", count + 1);
        let mut child = client("mosquitto_sub", address, &arguments).spawn().unwrap();
        let mut first = vec![0; ready.len() + 3];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
        assert_eq!(first, format!("{ready} x\n").into_bytes());
        Subscriber(child)
    }

    pub fn lines(self) -> Vec<String> {
        lines(self.0.wait_with_output().unwrap())
    }
}

pub fn lines(output: Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn every_quality_of_service_both_ways() {
    if !installed() {
        return;
    }
    let live = Live::serve(&[]);
    let subscriber = Subscriber::start(live.address, "-t q/# -q 2", 6);
    for payload in ["short", &"long".repeat(5_000)] {
        for qos in 0..3 {
            send(live.address, &format!("-t q/{qos} -m {payload} -q {qos}"));
        }
    }
    let long = "long".repeat(5_000);
    let expected = ["short", &long].map(|payload| [0, 1, 2].map(|qos| format!("q/{qos} {payload}")));
    assert!(subscriber.lines() == expected.as_flattened());
    let summary = live.stop("-INT");
    for packet in ["PUBACK", "PUBREC", "PUBCOMP"] {
        assert!(summary["packets_in"][packet].as_u64() >= Some(2), "{packet} {summary}");
        assert!(summary["packets_out"][packet].as_u64() >= Some(2), "{packet} {summary}");
    }
}

// MQTT 3.1 and 5.0; what they have in common with 3.1.1 is tested with that one.
#[test]
fn other_versions_of_the_protocol_side_by_side() {
    if !installed() {
        return;
    }
    let live = Live::serve(&[]);
    for (number, (subscribing, publishing)) in
        [("mqttv31", "mqttv31"), ("mqttv31", "5"), ("5", "mqttv311"), ("mqttv311", "mqttv31"), ("5", "5")]
            .into_iter()
            .enumerate()
    {
        let subscriber =
            Subscriber::start(live.address, &format!("-V {subscribing} -t v/{number}/# -q 2"), 3);
        for qos in 0..3 {
            send(live.address, &format!("-V {publishing} -t v/{number}/{qos} -m {subscribing} -q {qos}"));
        }
        let expected = [0, 1, 2].map(|qos| format!("v/{number}/{qos} {subscribing}"));
        assert_eq!(subscriber.lines(), expected, "{publishing} to {subscribing}");
    }
    live.stop("-INT");
}

#[test]
fn retained_messages_and_wildcards() {
    if !installed() {
        return;
    }
    let live = Live::serve(&[]);
    for room in ["kitchen", "hall", "attic"] {
        send(live.address, &format!("-t house/{room}/lamp -m {room} -r -q 1"));
    }
    send(live.address, "-t house/attic/lamp -n -r");
    let sub = |topics: &str| lines(client("mosquitto_sub", live.address, topics).output().unwrap());
    assert_eq!(sub("-t house/+/lamp -C 2 -W 10"), ["hall", "kitchen"]);
    assert_eq!(sub("-t # -C 2 -W 10 -v"), ["house/hall/lamp hall", "house/kitchen/lamp kitchen"]);
    let subscriber = Subscriber::start(live.address, "-t +/b -t c/#", 3);
    for topic in ["a/b", "a/b/c", "c", "c/d/e"] {
        send(live.address, &format!("-t {topic} -m x"));
    }
    assert_eq!(subscriber.lines(), ["a/b x", "c x", "c/d/e x"]);
    live.stop("-INT");
}

#[test]
fn a_will_is_published_when_a_client_is_killed_and_not_when_it_leaves() {
    if !installed() {
        return;
    }
    let live = Live::serve(&[]);
    let subscriber = Subscriber::start(live.address, "-t will/# -q 1", 2);
    let with_will = "--will-topic will/lost --will-payload gone --will-qos 1";
    let mut killed = Subscriber::start(live.address, &format!("{with_will} -t nothing"), 1);
    killed.0.kill().unwrap();
    killed.0.wait().unwrap();
    let polite = Subscriber::start(live.address, &format!("{with_will} -t something"), 1);
    send(live.address, "-t something -m x");
    polite.lines();
    send(live.address, "-t will/end -m x");
    assert_eq!(subscriber.lines(), ["will/lost gone", "will/end x"]);
    live.stop("-INT");
}

#[test]
fn a_stored_session_gets_what_it_missed() {
    if !installed() {
        return;
    }
    let live = Live::serve(&[]);
    let stored = "-i keeper -c -q 2 -t missed/#";
    let first = Subscriber::start(live.address, stored, 0);
    assert!(first.lines().is_empty());
    for qos in 0..3 {
        send(live.address, &format!("-t missed/{qos} -m {qos} -q {qos}"));
    }
    let again = client("mosquitto_sub", live.address, &format!("{stored} -C 2 -W 10")).output().unwrap();
    // QoS 0 is not kept for the absent.
    assert_eq!(lines(again), ["1", "2"]);
    let summary = live.stop("-INT");
    assert_eq!(summary["messages"]["dropped"]["Offline"], 1);
}

#[test]
fn a_client_with_the_same_name_takes_over() {
    if !installed() {
        return;
    }
    let live = Live::serve(&[]);
    let mut first = Raw::connected(live.address, "twin");
    send(live.address, "-i twin -t somewhere -m x -q 2");
    first.expect_end();
    let mut other = Raw::connected(live.address, "other");
    other.0.set_read_timeout(Some(PATIENCE + Duration::from_secs(1))).unwrap();
    other.send(&publish(0, None, "t", b""));
    other.send(&[0xE0, 0]);
    other.expect_end();
    let summary = live.stop("-TERM");
    assert_eq!(summary["connections"]["closed_by_broker"]["TakenOver"], 1);
}
