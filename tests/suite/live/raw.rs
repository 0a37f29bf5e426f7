//! Clients that speak bytes, well and badly.

use std::io::{Read, Write};
use std::net::Shutdown;

use super::serving::{Live, Raw, connect, mqtt_twin, publish, subscribe};

#[test]
fn two_hundred_clients_at_once() {
    let live = Live::serve(&[]);
    let mut clients: Vec<Raw> = (0..200).map(|_| Raw::open(live.address)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&connect(&format!("client-{number}"), true, 60));
        client.send(&subscribe(1, "all", 1));
    }
    for client in &mut clients {
        client.expect(&[0x20, 2, 0, 0, 0x90, 3, 0, 1, 1]);
    }
    for client in &mut clients {
        client.send(&publish(2, Some(9), "all", b"x"));
    }
    for client in &mut clients {
        // Of every client one, and one acknowledgement somewhere among them.
        let (mut copies, mut acknowledged) = (0, 0);
        while copies < 200 || acknowledged < 1 {
            let mut head = [0; 2];
            client.0.read_exact(&mut head).unwrap();
            let mut rest = vec![0; usize::from(head[1])];
            client.0.read_exact(&mut rest).unwrap();
            match head[0] {
                0x32 => copies += 1,
                0x40 => acknowledged += 1,
                other => panic!("{other:02x}"),
            }
        }
    }
    drop(clients);
    let summary = live.stop("-INT");
    assert_eq!(summary["connections"]["peak"], 200);
    assert_eq!(summary["messages"]["copies"], 40_000);
    assert_eq!(summary["packets_out"]["PUBLISH"], 40_000);
}

#[test]
fn a_packet_may_come_in_pieces_and_many_in_one() {
    let live = Live::serve(&[]);
    let mut client = Raw::open(live.address);
    for byte in connect("slow", true, 60) {
        client.send(&[byte]);
    }
    client.expect(&[0x20, 2, 0, 0]);
    let large = vec![0x5a; 300_000];
    let whole = publish(0, None, "large", &large);
    client.send(&[&subscribe(1, "#", 0)[..], &whole, &[0xC0, 0], &[0xC0, 0]].concat());
    client.expect(&[0x90, 3, 0, 1, 0]);
    client.expect(&whole);
    client.expect(&[0xD0, 0, 0xD0, 0]);
    client.send(&[0xE0, 0]);
    client.expect_end();
    live.stop("-TERM");
}

#[test]
fn who_breaks_the_protocol_is_closed_and_nobody_else_suffers() {
    let live = Live::serve(&["--max-packet", "1 KiB", "--max-connections", "3"]);
    let mut good = Raw::connected(live.address, "good");
    good.send(&subscribe(1, "will", 0));
    good.expect(&[0x90, 3, 0, 1, 0]);
    // Nonsense, a second CONNECT, and a packet that is larger than allowed, told by its header.
    Raw::open(live.address).send(&[0xFF; 64]);
    let mut twice = Raw::connected(live.address, "twice");
    twice.send(&connect("twice", true, 60));
    twice.expect_end();
    let mut large = Raw::connected(live.address, "large");
    large.send(&[0x30, 0xFF, 0xFF, 0x7F, 0, 4]);
    large.expect_end();
    // MQTT 3.1.1 §3.1.2.2: another protocol level is answered before the end.
    let mut level = Raw::open(live.address);
    level.send(b"\x10\x0d\x00\x04MQTT\x09\x02\x00\x3c\x00\x01x");
    level.expect(&[0x20, 2, 0, 1]);
    level.expect_end();
    let others = [Raw::connected(live.address, "second"), Raw::connected(live.address, "third")];
    let mut fourth = Raw::open(live.address);
    fourth.send(&connect("fourth", true, 60));
    fourth.expect(&[0x20, 2, 0, 3]);
    fourth.expect_end();
    drop(others);
    // A client that sends its last words and closes its side is heard.
    let mut last = Raw::open(live.address);
    last.send(&[connect("last", true, 60), publish(0, None, "will", b"bye")].concat());
    last.0.shutdown(Shutdown::Write).unwrap();
    good.expect(&publish(0, None, "will", b"bye"));
    good.send(&[0xC0, 0]);
    good.expect(&[0xD0, 0]);
    live.stop("-INT");
}

// It takes as long as the socket buffers take bytes; what waits beyond a limit ends the client.
#[test]
fn a_client_that_does_not_read_is_given_up_and_the_others_go_on() {
    let live = Live::serve(&[]);
    let mut deaf = Raw::connected(live.address, "deaf");
    deaf.send(&subscribe(1, "flood", 0));
    deaf.expect(&[0x90, 3, 0, 1, 0]);
    let mut talker = Raw::connected(live.address, "talker");
    let flood = publish(0, None, "flood", &vec![0; 1 << 20]);
    for _ in 0..48 {
        talker.0.write_all(&flood).unwrap();
    }
    talker.send(&[0xC0, 0]);
    talker.expect(&[0xD0, 0]);
    let summary = live.stop("-INT");
    assert_eq!(summary["wall_clock"]["too_slow"], 1);
    drop(deaf);
}

#[test]
fn a_silent_client_is_dropped_in_time_and_its_session_waits() {
    let live = Live::serve(&[]);
    let mut client = Raw::open(live.address);
    client.send(&connect("stored", false, 1));
    client.expect(&[0x20, 2, 0, 0]);
    client.send(&subscribe(7, "news/+", 1));
    client.expect(&[0x90, 3, 0, 7, 1]);
    // Keep Alive 1 s: MQTT 3.1.1 §3.1.2.10
    client.expect_end();
    let mut publisher = Raw::connected(live.address, "publisher");
    publisher.send(&publish(2, Some(3), "news/today", b"rain"));
    publisher.expect(&[0x40, 2, 0, 3]);
    let mut again = Raw::open(live.address);
    again.send(&connect("stored", false, 60));
    again.expect(&[0x20, 2, 1, 0]);
    again.expect(&publish(2, Some(1), "news/today", b"rain"));
    let summary = live.stop("-INT");
    assert_eq!(summary["connections"]["closed_by_broker"]["KeepAliveExpired"], 1);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "waits for another process in wall-clock time")]
fn a_killed_session_is_replayed_up_to_there_and_damage_is_told() {
    let live = Live::serve(&["--broker", "mosquitto-2.0"]);
    let mut client = Raw::connected(live.address, "client");
    client.send(&[0xC0, 0]);
    client.expect(&[0xD0, 0]);
    // The journal reaches the disk within 50 ms or so.
    let deadline = 400;
    for wait in 0..=deadline {
        let bytes = std::fs::read(live.journal()).unwrap();
        if bytes.windows(2).any(|pair| pair == [0xC0, 0]) {
            break;
        }
        assert!(wait < deadline, "the journal stays empty");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let bytes = std::fs::read(live.journal()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy");
    let replayed = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let output = mqtt_twin(&["replay"]).arg(&path).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, shown, _) = replayed(&bytes);
    assert_eq!(code, Some(0));
    assert!(shown.contains("1 PINGREQ") && shown.contains("does not reach the end"), "{shown}");
    let (code, shown, _) = replayed(&bytes[..bytes.len() - 1]);
    assert_eq!(code, Some(0));
    assert!(shown.contains("the last record is cut off"), "{shown}");
    let mut damaged = bytes.clone();
    damaged[bytes.len() - 8] ^= 1;
    let (code, shown, problem) = replayed(&damaged);
    assert_eq!((code, shown.as_str()), (Some(2), ""));
    assert!(problem.starts_with("error: journal `") && problem.contains("damaged at byte"), "{problem}");
    assert_eq!(mqtt_twin(&["replay", "no-such-file"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn an_address_that_is_taken_is_bad_input() {
    let live = Live::serve(&[]);
    let output = mqtt_twin(&["live", "--listen", &live.address.to_string()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let problem = String::from_utf8(output.stderr).unwrap();
    assert!(problem.contains(&format!("cannot listen on {}", live.address)), "{problem}");
    let output = mqtt_twin(&["live", "--broker", "umqtt"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
