//! TLS held against captures of Mosquitto 2.0.11, paho-mqtt 2.2.0 and OpenSSL 3 with certificates of
//! 800 bytes (c11_rsa_tls12, and the table of four handshakes).
//!
//! Exact: the bytes of every flight, the frames before CONNECT, the bytes of every record. Not compared:
//! microseconds, and how the records of an image fall into segments.

use models::record::FrameRecord;
use models::stream::Chunk;
use mqtt_twin::capture::chart::{self, ChartOptions};
use mqtt_twin::capture::recorder::{Recorder, RecorderOptions};

use crate::{load, record, run};

const BOTH: RecorderOptions = RecorderOptions { frames: true, packets: true };

fn version(version: &str) -> String {
    format!("hosts.broker.role.tls.version=\"{version}\"")
}

const MUTUAL: &str = "hosts.broker.role.tls.client_certificate=true";

fn listen(sets: &[&str]) -> Recorder {
    record(&load("tls-handshake", sets), BOTH).1
}

/// Sizes of the flights, of both ends, without alerts.
fn flights(recorder: &Recorder) -> Vec<u32> {
    let flights = recorder.flights().iter().map(|record| &record.flight);
    flights.filter(|flight| flight.messages[0].name() != "Alert").map(|flight| flight.bytes).collect()
}

fn payload(frame: &FrameRecord) -> usize {
    frame.payload.iter().map(Chunk::len).sum()
}

/// Bytes of a frame without check sequence.
fn frame_len(frame: &FrameRecord) -> usize {
    14 + 20 + 20 + frame.options.len() + payload(frame)
}

/// Frames before the one that carries CONNECT: their number, and their bytes up and down.
fn before_connect(recorder: &Recorder) -> (usize, usize, usize) {
    let client = recorder.frames()[0].frame.from;
    let frames = recorder.frames().iter().map(|captured| &captured.frame);
    let carries = |frame: &FrameRecord| {
        frame.payload.iter().any(|chunk| chunk.tag.cause == models::cause::Cause::Connect)
    };
    let before: Vec<&FrameRecord> = frames.take_while(|frame| !carries(frame)).collect();
    let sum = |up: bool| {
        before.iter().filter(|frame| (frame.from == client) == up).map(|frame| frame_len(frame)).sum()
    };
    (before.len(), sum(true), sum(false))
}

#[test]
fn handshakes_of_tls_1_2_are_those_captured() {
    let recorder = listen(&[&version("1.2")]);
    assert_eq!(flights(&recorder), [162, 1199, 93, 242]);
    assert_eq!(before_connect(&recorder), (9, 593, 1713));
    let recorder = listen(&[&version("1.2"), MUTUAL]);
    assert_eq!(flights(&recorder), [162, 1256, 1177, 1058]);
    assert_eq!(before_connect(&recorder), (9, 1677, 2586));
}

/// One bit of a random number makes a ticket of TLS 1.3 255 or 271 bytes long; the capture has one of
/// each. With a client certificate both have 1071.
#[test]
fn handshakes_of_tls_1_3_are_those_captured() {
    let recorder = listen(&[&version("1.3")]);
    let sizes = flights(&recorder);
    assert_eq!(sizes[..3], [225, 1356, 80]);
    assert_eq!(sizes.len(), 5);
    assert!(sizes[3..].iter().all(|bytes| [255, 271].contains(bytes)), "{sizes:?}");
    let (frames, up, down) = before_connect(&recorder);
    assert_eq!((frames, up, down - sizes[3] as usize), (9, 643, 1899 - 271));
    let recorder = listen(&[&version("1.3"), MUTUAL]);
    assert_eq!(flights(&recorder), [225, 1423, 1201, 1071, 1071]);
    assert_eq!(before_connect(&recorder), (9, 1764, 2766));
}

/// "Nagle holds CONNACK 42 ms": the second ticket is unacknowledged when it is written, and the client
/// holds the acknowledgement back for 40 ms.
#[test]
fn the_second_ticket_holds_connack_back() {
    let wait = |sets: &[&str]| {
        let recorder = listen(sets);
        let written = recorder.packets()[1].packet.at;
        let sent = recorder
            .frames()
            .iter()
            .find(|captured| {
                captured.frame.payload.iter().any(|c| c.tag.cause == models::cause::Cause::Connack)
            })
            .unwrap();
        sent.frame.at.saturating_since(written).as_secs_f64() * 1e3
    };
    let held = wait(&[&version("1.3")]);
    assert!((38.0..=44.0).contains(&held), "{held} ms");
    assert!(wait(&[&version("1.2")]) < 0.01, "TLS 1.2 sends its ticket with its Finished");
}

/// Sizes of the records that the client sends once MQTT begins, read from the bytes of the stream.
fn records_up(recorder: &Recorder) -> Vec<usize> {
    let client = recorder.frames()[0].frame.from;
    let mut stream = Vec::new();
    for captured in recorder.frames().iter().filter(|captured| captured.frame.from == client) {
        assert!(!captured.frame.retransmission, "a lossless link");
        for chunk in &captured.frame.payload {
            stream.extend_from_slice(chunk.as_slice());
        }
    }
    let (mut sizes, mut at) = (Vec::new(), 0);
    while at < stream.len() {
        let len = usize::from(u16::from_be_bytes([stream[at + 3], stream[at + 4]]));
        assert_eq!(stream[at + 1..at + 3], [3, 3], "a record begins here");
        if stream[at] == 23 {
            sizes.push(len);
        }
        at += 5 + len;
    }
    sizes
}

/// c11_rsa_tls12: `tls ct=23 len=...` of each message, and of CONNECT and DISCONNECT.
#[test]
fn records_are_those_captured() {
    let with = |payload: &str, qos: &str| {
        let payload = format!("hosts.publisher.role.payload=\"{payload}\"");
        let qos = format!("hosts.publisher.role.qos={qos}");
        records_up(&listen(&[&version("1.2"), &payload, &qos]))
    };
    assert_eq!(with("16 B", "0"), [41, 48, 26]);
    assert_eq!(with("16 B", "1"), [41, 50, 26]);
    assert_eq!(with("1000 B", "0"), [41, 1033, 26]);
    assert_eq!(with("16000 B", "0"), [41, 16_033, 26]);
    let image = with("209469 B", "0");
    assert_eq!(image[1..13], [16_408; 12]);
    assert_eq!(image[13..], [12_895, 26]);
}

/// Six frames from DISCONNECT on, as in c11_rsa_tls12, and the same data: DISCONNECT and Mosquitto's close_notify, a
/// record of 31 bytes each. There the client's kernel ends with RST, because paho closed while the alert was
/// unread; here it closes at once and ends with FIN.
#[test]
fn the_last_frames_are_those_captured_but_for_the_reset() {
    let recorder = listen(&[&version("1.2")]);
    let frames: Vec<&FrameRecord> = recorder.frames().iter().map(|captured| &captured.frame).collect();
    let client = frames[0].from;
    let disconnect = frames.iter().rposition(|frame| frame.from == client && payload(frame) > 0).unwrap();
    let last = &frames[disconnect..];
    let data: Vec<(bool, usize)> = last
        .iter()
        .filter(|frame| payload(frame) > 0)
        .map(|frame| (frame.from == client, frame_len(frame)))
        .collect();
    assert_eq!(data, [(true, 97), (false, 97)]);
    assert_eq!(last.len(), 6);
    let ends =
        |up: bool| last.iter().filter(move |frame| (frame.from == client) == up && frame.flags & 1 != 0);
    assert_eq!((ends(true).count(), ends(false).count()), (1, 1));
}

#[test]
fn resumption_saves_the_certificates() {
    let resumed = "hosts.publisher.mqtt.tls.resumption=\"known\"";
    let full = listen(&[&version("1.3")]);
    let short = listen(&[&version("1.3"), resumed]);
    assert_eq!(flights(&short).len(), 4, "one ticket after a resumption");
    let bytes = |recorder: &Recorder| flights(recorder).iter().sum::<u32>();
    assert!(bytes(&short) < bytes(&full) - 800);
    // A client that keeps its tickets resumes from its second connection on.
    let kept = listen(&[
        &version("1.2"),
        "hosts.publisher.mqtt.tls.resumption=\"tickets\"",
        "hosts.publisher.mqtt.reconnect_every=300 ms",
    ]);
    let sizes = flights(&kept);
    assert_eq!(sizes[..4], [162, 1199, 93, 242]);
    assert_eq!(sizes[4..7], [162 + 32 + 176, 98 + 51, 51]);
}

#[test]
fn a_handshake_survives_losses() {
    for loss in ["Packets([2])", "Packets([3])", "Packets([5])", "0.2"] {
        for version in [version("1.2"), version("1.3")] {
            let loaded =
                load("tls-handshake", &[&version, &format!("links[0].loss={loss}"), "duration=60 s"]);
            let outcome = run(&loaded);
            let accepted = outcome.messages.iter().filter(|message| message.accepted.is_some()).count();
            assert_eq!(accepted, 1, "{loss}: {:?}", outcome.remarks);
        }
    }
}

#[test]
fn time_and_energy_of_tls_have_causes_of_their_own() {
    let loaded = load("tls-handshake", &[]);
    let outcome = run(&loaded);
    let energy = |cause| outcome.nodes[0].energy_fj.iter().any(|(of, fj)| *of == cause && *fj > 0);
    assert!(energy(models::cause::Cause::TlsHandshake));
    assert!(energy(models::cause::Cause::TlsRecord));
    let shown = |loaded| run(loaded).nodes[0].cpu_busy.as_secs_f64() * 1e3;
    // A Pi 3B signs in 13 ms when it has to prove who it is.
    let mutual = shown(&load("tls-handshake", &[MUTUAL])) - shown(&loaded);
    assert!((13.0..14.5).contains(&mutual), "{mutual} ms");
}

#[test]
fn charts_show_flights_and_what_is_inside_the_records() {
    for name in ["1.2", "1.3"] {
        let loaded = load("tls-handshake", &[&version(name)]);
        let (outcome, recorder) = record(&loaded, RecorderOptions { frames: false, packets: true });
        let drawn = chart::draw(&recorder, &outcome.nodes, &ChartOptions::default());
        insta::assert_snapshot!(format!("tls-{name}"), drawn);
    }
}

#[test]
fn ends_that_cannot_meet_are_refused() {
    let refusal = |sets: &[&str]| {
        let file = crate::root().join("scenarios/tls-handshake.ron");
        let sets = sets.iter().map(|set| (*set).to_owned()).collect();
        let overrides = mqtt_twin::scenario::Overrides { sets, ..Default::default() };
        let refused = mqtt_twin::scenario::load(&file, &overrides).unwrap_err().render(false);
        refused.lines().next().unwrap().to_owned()
    };
    assert_eq!(
        refusal(&["hosts.publisher.mqtt.tls=(version: \"1.2\")"]),
        "error: `publisher` speaks TLS 1.2, its broker `broker` TLS 1.3"
    );
    assert_eq!(
        refusal(&["hosts.broker.role=Broker()"]),
        "error: `publisher` wants TLS, its broker `broker` has none"
    );
    assert_eq!(
        refusal(&["hosts.publisher.mqtt=()"]),
        "error: the broker `broker` takes only TLS, `publisher` has none"
    );
    assert_eq!(
        refusal(&["hosts.broker.board=\"raspberry-pi-2b-ethernet\""]),
        "error: the board `raspberry-pi-2b-ethernet` does not say what TLS costs"
    );
    assert_eq!(
        refusal(&["hosts.broker.role.tls=(version: \"1.3\", cipher: \"AES-128-CBC\")"]),
        "error: TLS 1.3 has no CBC"
    );
    assert_eq!(
        refusal(&["hosts.publisher.mqtt.tls=(max_fragment: \"600 B\")"]),
        "error: no maximum fragment length of 600 B can be asked for"
    );
}
