//! The small stacks: what their buffers and timers make of a transfer.

use super::harness::{CLIENT, Fate, Path, SERVER, ms, packet, publish};
use crate::cause::Cause;
use crate::tcp::Config;

#[test]
fn small_stacks_never_have_more_under_way_than_their_buffer() {
    let table = [
        (Config::lwip(), 536, 1_072),
        (Config::lwip().with_segments_of(1_460), 1_460, 2_920),
        (Config::lwip_1_4(), 1_460, 2_920),
        (Config::w5500(), 1_460, 2_048),
        (Config::arduino(), 1_460, 1_460),
    ];
    for (config, mss, buffer) in table {
        let mut path = Path::established(config, Config::linux(), ms(20));
        assert_eq!(path.ends[CLIENT].mss(), mss);
        for chunk in publish(1, 20_000) {
            path.write(CLIENT, chunk);
        }
        for _ in 0..20_000 {
            path.run_for(ms(1));
            assert!(path.ends[CLIENT].unacknowledged() <= buffer);
        }
        assert_eq!(path.received_bytes(SERVER).len(), 20_000);
        assert!(path.frames.iter().all(|frame| frame.options == 0), "no options after the SYN");
    }
}

#[test]
fn a_peer_of_a_small_stack_respects_its_window() {
    let mut path = Path::established(Config::w5500(), Config::linux(), ms(20));
    path.readers[CLIENT] = false;
    for chunk in publish(1, 20_000) {
        path.write(SERVER, chunk);
    }
    path.run_for(ms(5_000));
    assert!(path.ends[CLIENT].buffered() <= 2_048 + 512);
    path.readers[CLIENT] = true;
    path.run_for(ms(60_000));
    assert_eq!(path.received_bytes(CLIENT).len(), 20_000);
}

/// WIZnet data sheet: 200 ms, doubling up to 6.4 s, eight retries; 31.8 s in all.
#[test]
fn the_w5500_gives_up_after_31_8_seconds() {
    let mut path = Path::established(Config::w5500(), Config::linux(), ms(1));
    path.fate(|frame| if frame.from == CLIENT { Fate::Lose } else { Fate::Deliver });
    let start = path.now;
    path.write(CLIENT, packet(Cause::Publish, 26));
    path.run();
    assert_eq!(path.data(CLIENT).len(), 1 + 8);
    let (end, _) = *path.events[CLIENT].last().unwrap();
    assert_eq!((end - start).as_millis(), 31_800);
}

/// One SEND at a time: 20,000 bytes in segments of at most 1,460 take fourteen round trips.
#[test]
fn the_arduino_library_waits_for_each_segment() {
    let mut path = Path::established(Config::arduino(), Config::linux(), ms(20));
    let start = path.now;
    for chunk in publish(1, 20_000) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(5_000));
    let data = path.data(CLIENT);
    assert_eq!(data.len(), 14);
    let last = data.last().unwrap().at - start;
    // A full segment alone is acknowledged at once while the receiver is quick, later after up to 40 ms.
    assert!((13 * 40..=13 * 80).contains(&last.as_millis()), "{last:?}");
}

/// Espressif's lwIP 1.4 sends a lost SYN each second; Linux before 6.5 doubled, from 6.5 on it is linear for four.
#[test]
fn a_lost_syn_goes_again_as_each_stack_has_it() {
    let times = |config: Config| {
        let mut path = Path::new(config, Config::linux(), ms(1));
        path.fate(|_| Fate::Lose);
        path.run();
        let syns = path.frames.iter().filter(|frame| frame.from == CLIENT);
        syns.map(|frame| frame.at.as_nanos() / 1_000_000).collect::<Vec<_>>()
    };
    assert_eq!(times(Config::lwip_1_4()), [0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000]);
    assert_eq!(times(Config::linux())[..6], [0, 1_032, 2_064, 3_096, 4_128, 5_160]);
    assert_eq!(times(Config::linux_5())[..4], [0, 1_032, 3_096, 7_224]);
}
