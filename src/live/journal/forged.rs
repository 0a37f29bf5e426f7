//! Forged journals: every check word fits, so that what the records say meets the reader and the machine.
//!
//! `FUZZ_CASES` asks for another number of journals; docs/robustness.md has the numbers.

#![expect(clippy::disallowed_types, reason = "how long a user waits for an answer")]

use std::path::Path;
use std::time::Instant;

use sim_core::random::{Stream, Streams};

use super::*;
use crate::live::replay::{Replay, header, replay_from};
use crate::scenario::{Overrides, load};

fn cases(usual: u64) -> u64 {
    std::env::var("FUZZ_CASES").map_or(usual, |cases| cases.parse().expect("a number of journals"))
}

/// A journal as it grows, whatever is in it.
struct Forger {
    bytes: Vec<u8>,
    chain: Fingerprint,
}

impl Forger {
    fn new(header: &[u8]) -> Self {
        let mut forger = Forger { bytes: Vec::from(MAGIC), chain: Fingerprint::new() };
        forger.bytes.extend(VERSION.to_le_bytes());
        forger.bytes.extend((header.len() as u32).to_le_bytes());
        forger.bytes.extend(header);
        let word = check_word(&mut forger.chain, &forger.bytes);
        forger.bytes.extend(word.to_le_bytes());
        forger
    }

    fn record(&mut self, kind: u8, at: u64, connection: u32, bytes: &[u8]) {
        let mut record = Vec::from(((FIXED_BYTES + bytes.len()) as u32).to_le_bytes());
        record.push(kind);
        record.extend(at.to_le_bytes());
        record.extend(connection.to_le_bytes());
        record.extend(bytes);
        let word = check_word(&mut self.chain, &record);
        self.bytes.extend(record);
        self.bytes.extend(word.to_le_bytes());
    }
}

const PACKETS: [&[u8]; 10] = [
    b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x01\x00\x03abc",
    b"\x10\x10\x00\x04MQTT\x05\x00\x00\x00\x00\x00\x03xyz",
    b"\x10\x18\x00\x04MQTT\x04\x2c\x00\x3c\x00\x03wil\x00\x03t/w\x00\x02by",
    b"\x82\x08\x00\x01\x00\x03t/#\x02",
    b"\x32\x0a\x00\x03t/a\x00\x07hey",
    b"\x34\x0a\x00\x03t/a\x00\x08hey",
    b"\x62\x02\x00\x08",
    b"\xa2\x07\x00\x02\x00\x03t/#",
    b"\xc0\x00",
    b"\xe0\x00",
];

/// One to six packets, now and then with a byte that is another one, or cut off.
fn packets(draws: &mut Stream) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=draws.below(6) {
        bytes.extend(PACKETS[draws.below(PACKETS.len() as u64) as usize]);
    }
    if draws.below(3) == 0 {
        let at = draws.below(bytes.len() as u64) as usize;
        match draws.below(3) {
            0 => bytes.truncate(at),
            1 => bytes[at] = draws.below(256) as u8,
            _ => bytes[at] ^= 1 << draws.below(8),
        }
    }
    bytes
}

/// Up to 40 records; most could be, one in a hundred cannot. The last instants are sometimes as late as
/// there are any.
fn records(forger: &mut Forger, longest_pause: u64, late: bool, draws: &mut Stream) {
    let mut now = 0_u64;
    // Numbers are given anew, the last one first.
    let (mut open, mut free, mut next): (Vec<u32>, Vec<u32>, u32) = (Vec::new(), Vec::new(), 0);
    for _ in 0..draws.below(40) {
        now = match draws.below(200) {
            0 => now / 2,
            1 if late => u64::MAX - draws.below(3),
            _ => now.saturating_add(draws.below(longest_pause)),
        };
        let at = draws.below(open.len().max(1) as u64) as usize;
        let connection = match draws.below(200) {
            0 => draws.below(u64::from(u32::MAX)) as u32,
            _ => open.get(at).copied().unwrap_or(u32::MAX),
        };
        let opens = open.is_empty() || draws.below(6) == 0;
        match draws.below(200) {
            0 => forger.record(draws.below(256) as u8, now, connection, &packets(draws)),
            1 => forger.record(5, now, u32::MAX, &[7; 16]),
            _ if opens => {
                let given = free.pop().unwrap_or(next);
                next = next.max(given + 1);
                forger.record(1, now, given, &[]);
                open.push(given);
            }
            2..10 => forger.record(2, now, connection, &vec![0x30; draws.below(65_537) as usize]),
            10..130 => forger.record(2, now, connection, &packets(draws)),
            130..150 => {
                forger.record(if draws.below(2) == 0 { 3 } else { 6 }, now, connection, &[]);
                open.swap_remove(at);
                free.push(connection);
            }
            150..170 => forger.record(7, now, connection, &[]),
            170..185 => forger.record(8, now, connection, &[]),
            _ => forger.record(4, now, u32::MAX, &[]),
        }
    }
}

/// A text with a byte or a number that is another one.
fn changed(text: &str, draws: &mut Stream) -> String {
    let numbers: Vec<(usize, &str)> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| (digits.as_ptr() as usize - text.as_ptr() as usize, digits))
        .collect();
    if draws.below(2) == 0 && !numbers.is_empty() {
        let (at, digits) = numbers[draws.below(numbers.len() as u64) as usize];
        let other = ["0", "1", "65535", "4294967295", "18446744073709551615", "-1", "1e9"];
        let other = other[draws.below(other.len() as u64) as usize];
        return format!("{}{other}{}", &text[..at], &text[at + digits.len()..]);
    }
    let mut bytes = text.as_bytes().to_vec();
    let at = draws.below(bytes.len() as u64) as usize;
    match draws.below(3) {
        0 => bytes[at] ^= 1 << draws.below(8),
        1 => drop(bytes.drain(at..(at + draws.below(20) as usize).min(text.len()))),
        _ => bytes.truncate(at),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How many journals were read to the end, refused for their header or scenario, and for a record.
#[derive(Default, Debug)]
struct Told {
    read: u64,
    beginning: u64,
    record: u64,
}

impl Told {
    fn of(&mut self, forger: &Forger) -> Option<Replay> {
        let start = Instant::now();
        let replayed = replay_from(&forger.bytes[..]);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
        match replayed {
            Ok(replay) => {
                self.read += 1;
                let _ = (replay.fingerprint(), replay.agrees(), replay.differences());
                return Some(replay);
            }
            Err(JournalError::Damaged { at, .. }) => {
                assert!(at < forger.bytes.len() as u64);
                self.record += 1;
            }
            Err(JournalError::Header(_) | JournalError::Scenario(_)) => self.beginning += 1,
            Err(error) => panic!("{error}"),
        }
        None
    }
}

#[test]
fn whatever_the_records_say_the_machine_takes_or_refuses_it() {
    let header = serde_json::to_vec(&Header::of(&BrokerSettings::default())).unwrap();
    let (mut told, mut draws) = (Told::default(), Streams::new(2026, 0).stream("records"));
    for _ in 0..cases(1_000) {
        let mut forger = Forger::new(&header);
        records(&mut forger, 3_000_000_000, true, &mut draws);
        if let Some(replay) = told.of(&forger) {
            let again = replay_from(&forger.bytes[..]).unwrap();
            assert_eq!(again.fingerprint(), replay.fingerprint());
        }
    }
    println!("{told:?}");
    assert!(told.read > 0 && told.record > 0 && told.beginning == 0, "{told:?}");
}

#[test]
fn whatever_the_header_says_there_is_a_broker_or_a_reason() {
    let header = serde_json::to_string(&Header::of(&BrokerSettings::default())).unwrap();
    let (mut told, mut draws) = (Told::default(), Streams::new(2026, 1).stream("headers"));
    for _ in 0..cases(1_000) {
        let mut forger = Forger::new(changed(&header, &mut draws).as_bytes());
        records(&mut forger, 3_000_000_000, true, &mut draws);
        told.of(&forger);
    }
    println!("{told:?}");
    assert!(told.read > 0 && told.beginning > 0, "{told:?}");
}

#[test]
fn whatever_the_scenario_says_it_is_served_or_refused() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/visitors.ron");
    let loaded = load(&file, &Overrides::default()).unwrap();
    let good = header(&loaded, 0, &Overrides::default());
    let (mut told, mut draws) = (Told::default(), Streams::new(2026, 2).stream("scenarios"));
    for _ in 0..cases(40) {
        let mut header = good.clone();
        if draws.below(4) > 0
            && let Some(scenario) = &mut header.scenario
        {
            scenario.text = changed(&scenario.text, &mut draws);
        }
        let mut forger = Forger::new(&serde_json::to_vec(&header).unwrap());
        records(&mut forger, 100_000_000, false, &mut draws);
        told.of(&forger);
    }
    println!("{told:?}");
    assert!(told.read > 0 && told.beginning > 0 && told.record > 0, "{told:?}");
}
