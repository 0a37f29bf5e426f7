//! The keep-alive of clients against captures of real ones: paho-mqtt 2.2.0 and libmosquitto 2.0.11.
//!
//! The numbers are instants of PINGREQ, in milliseconds from the first frame of the capture (figures 4
//! and 5 of the smart-home paper repeated, and nine clients side by side with K = 5 s). A server that
//! answers at once stands for the broker.

use std::time::Duration;

use models::mqtt::packet::{Connack, Publish, Suback};
use models::mqtt::timers::keep_alive::LOOKS_EVERY_SECOND;
use models::mqtt::{Client, ClientConfig, ClientEvent, CloseReason, KeepAliveRule, ReasonCode};
use models::mqtt::{Packet, PacketType, QoS, TopicFilter, TopicName, Version, encode};
use models::stream::{MessageId, Payload};
use sim_core::time::SimTime;

/// What happens to the client from outside.
#[derive(Clone, Copy)]
enum Traffic {
    Publishes(QoS),
    Receives,
    Subscribes,
    /// The path breaks: the server answers no more.
    Cut,
}

struct Bench {
    client: Client,
    server_answers: bool,
    pings_ms: Vec<u64>,
    close: Option<(u64, CloseReason)>,
}

impl Bench {
    fn act(&mut self, now: SimTime, traffic: Traffic) {
        let topic = TopicName::new("gt/t").unwrap();
        let payload = Payload::from(vec![0; 16]);
        match traffic {
            Traffic::Publishes(qos) => {
                self.client.publish(now, topic, payload, qos, false, MessageId(1)).unwrap();
            }
            Traffic::Receives => {
                let qos = QoS::AtMostOnce;
                let publish = Publish {
                    topic,
                    payload,
                    packet_identifier: None,
                    qos,
                    dup: false,
                    retain: false,
                    properties: None,
                };
                self.hand_in(now, Packet::Publish(publish));
            }
            Traffic::Subscribes => {
                let filter = TopicFilter::new("gt/t").unwrap();
                self.client.subscribe(now, vec![(filter, QoS::AtMostOnce)]).unwrap();
            }
            Traffic::Cut => self.server_answers = false,
        }
    }

    fn hand_in(&mut self, now: SimTime, packet: Packet) {
        let outgoing = encode(&packet, Version::V3_1_1, MessageId::NONE);
        self.client.handle_input(now, outgoing.head);
        if let Some(body) = outgoing.body {
            self.client.handle_input(now, body);
        }
    }

    fn drain(&mut self, now: SimTime) {
        while let Some(outgoing) = self.client.poll_transmit() {
            if outgoing.packet_type == PacketType::Pingreq {
                self.pings_ms.push(now.as_nanos() / 1_000_000);
            }
            let id = outgoing.packet_identifier;
            let answer = match outgoing.packet_type {
                PacketType::Connect => {
                    let reason_code = ReasonCode::Success;
                    Some(Packet::Connack(Connack { session_present: false, reason_code, properties: None }))
                }
                PacketType::Subscribe => id.map(|packet_identifier| {
                    Packet::Suback(Suback {
                        packet_identifier,
                        reason_codes: vec![ReasonCode::Success],
                        properties: None,
                    })
                }),
                PacketType::Publish if outgoing.qos == QoS::ExactlyOnce => {
                    id.map(|id| Packet::Pubrec(id.into()))
                }
                PacketType::Publish => id.map(|id| Packet::Puback(id.into())),
                PacketType::Pubrel => id.map(|id| Packet::Pubcomp(id.into())),
                PacketType::Pingreq => Some(Packet::Pingresp),
                _ => None,
            };
            if let Some(answer) = answer.filter(|_| self.server_answers) {
                self.hand_in(now, answer);
            }
        }
        while let Some(event) = self.client.poll_event() {
            if let ClientEvent::Close(reason) = event {
                self.close = Some((now.as_nanos() / 1_000_000, reason));
            }
        }
    }
}

/// Runs a client from its CONNECT; all instants in milliseconds.
fn run(config: ClientConfig, connect_ms: u64, traffic: &[(u64, Traffic)], until_ms: u64) -> Bench {
    let mut bench =
        Bench { client: Client::new(config), server_answers: true, pings_ms: vec![], close: None };
    let mut now = SimTime::from_millis(connect_ms);
    bench.client.transport_connected(now);
    bench.drain(now);
    let mut traffic = traffic.iter().peekable();
    loop {
        let timeout = bench.client.poll_timeout().unwrap_or(SimTime::MAX);
        let outside = traffic.peek().map_or(SimTime::MAX, |(at, _)| SimTime::from_millis(*at));
        now = timeout.min(outside);
        if now > SimTime::from_millis(until_ms) {
            return bench;
        }
        if outside <= timeout {
            bench.act(now, traffic.next().unwrap().1);
        } else {
            bench.client.handle_timeout(now);
        }
        bench.drain(now);
    }
}

fn every(period_ms: u64, from_ms: u64, count: u64, traffic: Traffic) -> Vec<(u64, Traffic)> {
    (0..count).map(|i| (from_ms + i * period_ms, traffic)).collect()
}

#[track_caller]
fn assert_close_to(found: &[u64], captured: &[u64], tolerance_ms: u64) {
    let near = |(found, captured): (&u64, &u64)| found.abs_diff(*captured) <= tolerance_ms;
    assert!(
        found.len() == captured.len() && found.iter().zip(captured).all(near),
        "found {found:?}, captured {captured:?}"
    );
}

// Idle subscribers, K = 60 s, ended after 600.02 s. Capture fig4_subscriber_10min.
#[test]
fn mqtt_figure_4_paho_sends_nine_pings() {
    let bench = run(ClientConfig::paho("paho-sub"), 13, &[(18, Traffic::Subscribes)], 600_022);
    let captured = [60_078, 120_148, 180_209, 240_273, 300_340, 360_405, 420_473, 480_554, 540_635];
    assert_close_to(&bench.pings_ms, &captured, 60);
}

// libmosquitto counts whole seconds, so the phase of its clock matters: the first ping 59.06 s after
// CONNECT says that the clock stood between .942 and 1.0 of a second; .97 here.
#[test]
fn mqtt_figure_4_libmosquitto_sends_ten_pings() {
    let phase = 942;
    let config = ClientConfig::libmosquitto("mosq-sub");
    let bench = run(config, phase + 28, &[(phase + 28, Traffic::Subscribes)], phase + 600_023);
    let captured = [59_086, 119_147, 179_207, 239_271, 299_333, 359_394, 419_461, 479_533, 539_602, 599_665]
        .map(|t| t + phase);
    assert_close_to(&bench.pings_ms, &captured, 60);
}

// The instants of the 36 publications of client paho-q0-loop. Capture fig5_publisher_6min.
const PUBLISHED_MS: [u64; 36] = [
    422, 10_422, 20_426, 30_424, 40_424, 50_424, 60_424, 70_424, 80_424, 90_424, 100_424, 110_424, 120_423,
    130_423, 140_423, 150_423, 160_423, 170_423, 180_423, 190_424, 200_423, 210_423, 220_423, 230_424,
    240_423, 250_423, 260_423, 270_423, 280_424, 290_424, 300_423, 310_424, 320_423, 330_423, 340_426,
    350_423,
];

// K = 60 s is six times the period of publication, so every ping is a matter of microseconds between a
// look and the next, 1 s later: the count must agree, and the instants to one look.
#[test]
fn mqtt_figure_5_paho_pings_though_it_publishes() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let traffic = PUBLISHED_MS.map(|at| (at, Traffic::Publishes(qos)));
        let bench = run(ClientConfig::paho("paho"), 0, &traffic, 360_400);
        assert_close_to(&bench.pings_ms, &[60_424, 121_425, 181_425, 242_425, 302_426], 1_010);
    }
}

// With mosquitto_loop_start the library looks when it publishes, or after K.
#[test]
fn mqtt_figure_5_libmosquitto_pings_as_it_publishes() {
    let looks_every = Some(Duration::from_secs(60));
    let config = ClientConfig { looks_every, ..ClientConfig::libmosquitto("mosq-q0-l") };
    let traffic = PUBLISHED_MS.map(|at| (at, Traffic::Publishes(QoS::AtMostOnce)));
    let bench = run(config, 429 - 10, &traffic, 360_400);
    assert_close_to(&bench.pings_ms, &[60_422, 120_423, 180_423, 240_422, 300_422], 5);
}

fn with_rule(keep_alive_rule: KeepAliveRule, looks_every: Duration) -> ClientConfig {
    let looks_every = Some(looks_every);
    ClientConfig { keep_alive_s: 5, keep_alive_rule, looks_every, ..ClientConfig::new("c") }
}

const LOOK: Duration = LOOKS_EVERY_SECOND;
const K: Duration = Duration::from_secs(5);

// Capture c02_keepalive5: 32 s, traffic every 2 s from 0.303 s on.
#[test]
fn mqtt_idle_clients_ping_every_k() {
    let paho = run(with_rule(KeepAliveRule::Paho1_6, LOOK), 0, &[(1, Traffic::Subscribes)], 32_300);
    assert_close_to(&paho.pings_ms, &[5_007, 10_013, 15_019, 20_025, 25_031, 30_037], 10);
    let mosquitto =
        run(with_rule(KeepAliveRule::Libmosquitto, LOOK), 303, &[(303, Traffic::Subscribes)], 32_300);
    assert_close_to(&mosquitto.pings_ms, &[5_309, 10_313, 15_319, 20_324, 25_330, 30_336], 10);
    let config = ClientConfig { keep_alive_s: 5, ..ClientConfig::new("standard") };
    assert_eq!(run(config, 0, &[], 32_300).pings_ms, [5_000, 10_000, 15_000, 20_000, 25_000, 30_000]);
}

#[test]
fn mqtt_receiving_clients_ping_by_their_rule() {
    let received = every(2_000, 303, 16, Traffic::Receives);
    let paho = run(with_rule(KeepAliveRule::Paho1_6, LOOK), 146, &received, 32_300);
    assert_close_to(&paho.pings_ms, &[5_304, 11_304, 17_304, 23_304, 29_305], 5);
    let mosquitto = run(with_rule(KeepAliveRule::Libmosquitto, LOOK), 303, &received, 32_300);
    assert_close_to(&mosquitto.pings_ms, &[5_303, 10_303, 15_304, 20_303, 25_304, 30_304], 5);
    let config = ClientConfig { keep_alive_s: 5, ..ClientConfig::new("standard") };
    assert_eq!(run(config, 303, &received, 32_300).pings_ms.len(), 6);
}

#[test]
fn mqtt_publishing_clients_ping_by_their_rule() {
    let publishes = |qos| every(2_000, 303, 16, Traffic::Publishes(qos));
    let (q0, q1) = (publishes(QoS::AtMostOnce), publishes(QoS::AtLeastOnce));
    for traffic in [&q0, &q1] {
        let paho = run(with_rule(KeepAliveRule::Paho1_6, LOOK), 223, traffic, 32_300);
        assert_close_to(&paho.pings_ms, &[5_304, 11_304, 17_304, 23_304, 29_305], 5);
    }
    let mosquitto = run(with_rule(KeepAliveRule::Libmosquitto, K), 303, &q0[1..], 32_300);
    assert_close_to(&mosquitto.pings_ms, &[6_302, 12_302, 18_302, 24_303, 30_302], 5);
    for rule in [KeepAliveRule::Libmosquitto, KeepAliveRule::Paho1_3] {
        assert!(run(with_rule(rule, K), 303, &q1, 32_300).pings_ms.is_empty(), "{rule:?} at QoS 1");
    }
    let old_paho = run(with_rule(KeepAliveRule::Paho1_3, LOOK), 223, &q0, 32_300);
    assert_eq!(old_paho.pings_ms.len(), 5);
    for traffic in [&q0, &q1] {
        let config = ClientConfig { keep_alive_s: 5, ..ClientConfig::new("standard") };
        assert!(run(config, 303, traffic, 32_300).pings_ms.is_empty());
    }
}

// Measured: paho closes 9.5 s after the path is cut, with K = 5 s.
#[test]
fn mqtt_an_unanswered_ping_closes_after_a_further_k() {
    let bench = run(with_rule(KeepAliveRule::Paho1_6, LOOK), 0, &[(500, Traffic::Cut)], 32_300);
    assert_eq!(bench.close, Some((10_011, CloseReason::KeepAliveExpired)));
    assert_eq!(bench.pings_ms, [5_005]);
}
