//! What is written is read; what was damaged is found, and nothing else happens.

use super::*;
use crate::live::machine::Machine;
use crate::live::replay::{Repeated, Replay, replay_from};
use crate::live::served::Served;

const CONNECT: &[u8] = b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x01\x00\x03abc";
const SUBSCRIBE: &[u8] = b"\x82\x08\x00\x01\x00\x03t/#\x01";
const PUBLISH: &[u8] = b"\x32\x0a\x00\x03t/a\x00\x07hey";

/// A session of two clients: one subscribes and falls silent, the other one publishes and breaks the
/// protocol. Gives the journal without its end, and the fingerprint.
fn session() -> (Vec<u8>, u128) {
    let settings = BrokerSettings::default();
    let mut machine = Machine::new(&settings);
    let mut journal = Writer::new(Vec::new(), &Header::of(&settings)).unwrap();
    let mut asked = Vec::new();
    let at = SimTime::from_millis;
    for (millis, bytes) in [(1, CONNECT), (2, SUBSCRIBE), (3, PUBLISH), (4, &[0xFF; 3])] {
        let connection = match millis {
            1 | 3 => {
                let connection = machine.accept(at(millis), &mut asked).unwrap();
                journal.write(at(millis), &Input::Accepted(connection)).unwrap();
                connection
            }
            _ => ConnectionId(u32::from(millis > 2)),
        };
        journal.write(at(millis), &Input::Bytes(connection, bytes)).unwrap();
        machine.bytes(at(millis), connection, bytes, &mut asked);
        while let Some(connection) = asked.pop() {
            journal.write(at(millis), &Input::Closed(connection, Ending::Closed)).unwrap();
            machine.closed(at(millis), connection, Ending::Closed, &mut asked);
            if millis == 3 {
                let again = machine.accept(at(millis), &mut asked).unwrap();
                journal.write(at(millis), &Input::Accepted(again)).unwrap();
            }
        }
    }
    journal.write(at(60_000), &Input::Timeout).unwrap();
    machine.timeout(at(60_000), &mut asked);
    assert_eq!(asked, [ConnectionId(0)], "silent for more than 1.5 s");
    journal.write(at(60_000), &Input::Closed(ConnectionId(0), Ending::Closed)).unwrap();
    machine.closed(at(60_000), ConnectionId(0), Ending::Closed, &mut asked);
    journal.flush().unwrap();
    (journal.to.into_inner().unwrap(), machine.fingerprint())
}

fn machine(replay: &Replay) -> &Machine {
    let Repeated::Broker(machine) = &replay.repeated else { panic!("a broker alone") };
    machine
}

/// The same with its end.
fn whole() -> (Vec<u8>, usize) {
    let (bytes, fingerprint) = session();
    let cut = bytes.len();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    while reader.next().unwrap().is_some() {}
    let header = reader.header.clone();
    let mut journal = Writer::new(Vec::new(), &header).unwrap();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    while let Some((at, input)) = reader.next().unwrap() {
        journal.write(at, &input).unwrap();
    }
    journal.write(SimTime::from_secs(61), &Input::End(fingerprint)).unwrap();
    journal.flush().unwrap();
    (journal.to.into_inner().unwrap(), cut)
}

#[test]
fn a_session_is_replayed_to_its_fingerprint() {
    let (bytes, _) = whole();
    let replayed = replay_from(&bytes[..]).unwrap();
    assert_eq!(replayed.agrees(), Some(true));
    assert!(replayed.differences().is_empty() && !replayed.cut_off);
    assert_eq!(replayed.end, SimTime::from_secs(61));
    let account = machine(&replayed).account();
    assert_eq!((account.accepted, account.connected), (3, 1));
    assert_eq!(account.closed.len(), 3, "{:?}", account.closed);
}

#[test]
fn a_journal_that_was_cut_off_is_replayed_up_to_there() {
    let (bytes, end) = whole();
    let whole = machine(&replay_from(&bytes[..]).unwrap()).account().inputs;
    let mut boundaries = 0;
    for length in 0..bytes.len() {
        match replay_from(&bytes[..length]) {
            Ok(replay) => {
                boundaries += u64::from(!replay.cut_off);
                assert_eq!(replay.agrees(), None, "cut at {length}");
                assert_eq!(machine(&replay).account().inputs == whole, length >= end);
            }
            Err(JournalError::NotAJournal) => assert!(length < 14),
            Err(JournalError::Header(_)) => {
                assert!(replay_from(&bytes[..length + 1]).is_ok() || boundaries == 0)
            }
            Err(error) => panic!("cut at {length}: {error}"),
        }
    }
    assert_eq!(boundaries, whole + 1, "before the first record and after each");
}

// Every single bit; a check word finds each.
#[test]
fn a_flipped_bit_is_found_where_it_is() {
    let (bytes, _) = whole();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            match replay_from(&damaged[..]) {
                Err(JournalError::Damaged { at, .. }) => assert!(at <= place as u64, "{at} for {place}"),
                Err(JournalError::Io(error)) => panic!("{error}"),
                Err(_) => {}
                // A longer record than the rest of the file looks like one that is cut off.
                Ok(replay) => assert!(replay.cut_off, "byte {place}, bit {bit}"),
            }
        }
    }
}

// Several bytes at once, with check words made to fit: whatever the records say, no panic.
#[test]
fn records_that_cannot_be_are_refused() {
    let header = Header::of(&BrokerSettings::default());
    let mut draws = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: u64| {
        draws ^= draws << 13;
        draws ^= draws >> 7;
        draws ^= draws << 17;
        draws % below
    };
    let mut refused = 0;
    for _ in 0..2_000 {
        let mut journal = Writer::new(Vec::new(), &header).unwrap();
        let mut now = 0;
        for _ in 0..draw(12) {
            now += draw(3_000_000_000);
            // Now and then an instant before the last one.
            let at = SimTime::from_nanos(if draw(40) == 0 { now / 2 } else { now });
            let connection = ConnectionId(draw(3) as u32);
            let noise: Vec<u8> = (0..draw(20)).map(|_| draw(256) as u8).collect();
            let bytes = [CONNECT, SUBSCRIBE, PUBLISH, &noise][draw(4) as usize];
            let input = match draw(10) {
                0..3 => Input::Accepted(connection),
                3..8 => Input::Bytes(connection, bytes),
                8 => Input::Closed(connection, Ending::Closed),
                _ => Input::Timeout,
            };
            journal.write(at, &input).unwrap();
        }
        let bytes = journal.to.into_inner().unwrap();
        match replay_from(&bytes[..]) {
            Ok(_) => {}
            Err(JournalError::Damaged { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((200..2_000).contains(&refused), "{refused}");
}

// A length field is no promise: nothing is allocated for it before the bytes are there.
#[test]
fn a_length_field_takes_no_memory() {
    let (mut bytes, end) = whole();
    let position = bytes.len() - 37;
    assert_eq!(position, end);
    bytes[position..position + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let Err(JournalError::Damaged { at, what }) = replay_from(&bytes[..]) else { panic!("not found") };
    assert_eq!((at, what), (end as u64, "a length that no record has"));
    let mut header = bytes[..14].to_vec();
    header[10..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(replay_from(&header[..]), Err(JournalError::Header(_))));
}

#[test]
fn other_files_are_no_journals_and_are_not_overwritten() {
    assert!(matches!(Reader::new(&b"GIF89a, or what not"[..]), Err(JournalError::NotAJournal)));
    let (mut bytes, _) = session();
    bytes[8] = 9;
    assert!(matches!(Reader::new(&bytes[..]), Err(JournalError::Version(9))));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a-file");
    let header = Header::of(&BrokerSettings::default());
    std::fs::write(&path, "my diary").unwrap();
    assert!(matches!(Writer::create(&path, &header), Err(JournalError::NotOurs)));
    assert_eq!(std::fs::read(&path).unwrap(), b"my diary");
    std::fs::write(&path, &bytes).unwrap();
    Writer::create(&path, &header).unwrap();
    assert!(std::fs::read(&path).unwrap().len() < bytes.len(), "a new journal in its place");
}
