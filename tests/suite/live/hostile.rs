//! Clients that mean harm, and the others who must not notice.

#![expect(clippy::disallowed_types, reason = "how long a real client waits in wall-clock time")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::serving::{Live, Raw, connect, publish, subscribe};

/// The longest of some round trips through the broker, from a publisher to a subscriber at QoS 1.
fn worst_round_trip(good: &mut Raw, count: u16) -> Duration {
    let mut worst = Duration::ZERO;
    for number in 1..=count {
        let start = Instant::now();
        good.send(&publish(2, Some(number), "good", b"x"));
        let mut answer = [0; 4 + 11];
        good.0.read_exact(&mut answer).unwrap();
        let packet = answer.windows(2).find(|pair| *pair == [0x32, 9]);
        assert!(packet.is_some(), "{answer:02x?}");
        let identifier = answer.windows(7).find(|bytes| bytes.starts_with(b"\x04good")).unwrap();
        good.send(&[0x40, 2, identifier[5], identifier[6]]);
        worst = worst.max(start.elapsed());
    }
    worst
}

fn good(live: &Live) -> Raw {
    let mut good = Raw::connected(live.address, "good");
    good.send(&subscribe(1, "good", 1));
    good.expect(&[0x90, 3, 0, 1, 1]);
    good
}

#[test]
fn half_packets_garbage_and_a_flood_of_connections() {
    let live = Live::serve(&["--max-connections", "64"]);
    let mut good = good(&live);
    let hello = connect("stalled", true, 60);
    // More than there is room for: of the sockets the broker takes, of the rest nobody hears again.
    let mut crowd = Vec::new();
    for number in 0..400 {
        let Ok(mut stream) = TcpStream::connect(live.address) else { continue };
        let sent = match number % 3 {
            0 => stream.write_all(&hello[..hello.len() / 2]),
            1 => stream.write_all(&[0xA5; 512]),
            _ => Ok(()),
        };
        // Whom the broker has turned away already cannot send any more.
        drop(sent);
        crowd.push(stream);
    }
    let worst = worst_round_trip(&mut good, 100);
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    drop(crowd);
    // With the crowd gone there is room again, as soon as that was noticed.
    let hello = connect("newcomer", true, 60);
    let gets_in = |_| {
        let mut newcomer = Raw::open(live.address);
        let mut answer = [0; 4];
        newcomer.0.write_all(&hello).is_ok() && newcomer.0.read_exact(&mut answer).is_ok()
    };
    assert!((0..1_000).any(gets_in), "the crowd is still there");
    let summary = live.stop("-INT");
    assert!(summary["wall_clock"]["turned_away"].as_u64() > Some(0), "{summary}");
    assert_eq!(summary["connections"]["connected"], 2);
}

#[test]
fn a_flood_of_messages_and_a_slow_reader() {
    let live = Live::serve(&["--max-unread", "2 MiB"]);
    let mut good = good(&live);
    let mut slow = Raw::connected(live.address, "slow");
    slow.send(&subscribe(1, "flood", 0));
    slow.expect(&[0x90, 3, 0, 1, 0]);
    let (mut flooding, stop) = (Raw::connected(live.address, "flooding"), AtomicBool::new(false));
    let flood = publish(0, None, "flood", &[0; 1000]).repeat(100);
    let (worst, sent) = std::thread::scope(|scope| {
        let flooder = scope.spawn(|| {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) || sent < 32 << 20 {
                flooding.0.write_all(&flood).unwrap();
                sent += flood.len();
            }
            sent
        });
        let worst = worst_round_trip(&mut good, 200);
        stop.store(true, Ordering::Relaxed);
        (worst, flooder.join().unwrap())
    });
    assert!(worst < Duration::from_secs(1), "{worst:?} beside {sent} B");
    flooding.send(&[0xC0, 0]);
    flooding.expect(&[0xD0, 0]);
    let summary = live.stop("-INT");
    assert_eq!(summary["wall_clock"]["too_slow"], 1, "{summary}");
    drop(slow);
}

#[test]
fn hostile_visitors_of_a_scenario() {
    let live = Live::serve_visitors(&["--set", "visitor.count=8", "--set", "links[2].delay=\"1 ms\""]);
    let mut good = good(&live);
    let mut stalled = Raw::open(live.address);
    stalled.send(&connect("stalled", true, 60)[..9]);
    let mut crowd: Vec<TcpStream> = Vec::new();
    for number in 0..60 {
        let mut stream = TcpStream::connect(live.address).unwrap();
        if number % 2 == 0 {
            let _ = stream.write_all(&[0xA5; 512]);
        }
        crowd.push(stream);
    }
    let worst = worst_round_trip(&mut good, 50);
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    let (_, live, _) = live.stop_scenario("-INT");
    assert!(live["wall_clock"]["turned_away"].as_u64() > Some(0), "{live}");
}
