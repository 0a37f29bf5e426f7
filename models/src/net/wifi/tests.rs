//! One cell by itself, to the nanosecond.

use std::time::Duration;

use sim_core::random::Streams;
use sim_core::time::SimTime;

use super::*;
use crate::net::{Loss, LossList, Outage, Queued};

const TOKEN: u32 = 7;

fn way(streams: &Streams, name: &str) -> WayParameters {
    WayParameters {
        loss: Loss::Never,
        bit_errors: 0.0,
        queue_bytes: None,
        queue_frames: None,
        outages: Vec::new(),
        loss_stream: streams.stream(&format!("loss/{name}")),
        bit_stream: streams.stream(&format!("bits/{name}")),
    }
}

fn station(name: &str) -> StationParameters {
    let streams = Streams::new(5, 0);
    StationParameters {
        modulation: Modulation::ofdm(54_000).unwrap(),
        rts_threshold: None,
        join: Duration::ZERO,
        power_save: None,
        ways: [way(&streams, name), way(&streams, name)],
        backoff: streams.stream(name),
    }
}

fn medium(stations: impl IntoIterator<Item = StationParameters>) -> Medium {
    let timing = Timing::of([Modulation::ofdm(54_000).unwrap()]);
    let mut medium = Medium::new(CellParameters::standard(timing), Streams::new(5, 0).stream("ap"));
    for station in stations {
        medium.add_station(station);
    }
    medium
}

fn us(micros: u64) -> SimTime {
    SimTime::from_micros(micros)
}

fn offer(medium: &mut Medium, at: SimTime, station: u32, way: Way, token: u32) -> bool {
    medium.offer(at, at, station, way, 1_500, token) == Offered::Taken
}

/// Everything that happens until `end`, with the instant of the call that told it.
fn run(medium: &mut Medium, end: SimTime) -> Vec<(SimTime, MediumEvent)> {
    let mut events = Vec::new();
    while let Some(at) = medium.poll_timeout().filter(|at| *at <= end) {
        medium.handle_timeout(at);
        medium.handle_timeout(at);
        while let Some(event) = medium.poll_event() {
            events.push((at, event));
        }
    }
    events
}

/// Tokens and last bits of what was received.
fn received(events: &[(SimTime, MediumEvent)]) -> Vec<(u32, SimTime)> {
    let of = |(_, event): &(SimTime, MediumEvent)| match event {
        MediumEvent::Received { token, last_bit, .. } => Some((*token, *last_bit)),
        MediumEvent::Sent { .. } | MediumEvent::Dropped { .. } => None,
    };
    events.iter().filter_map(of).collect()
}

#[test]
fn a_frame_on_an_idle_medium_goes_at_once() {
    let mut medium = medium([station("a")]);
    // Slots of 9 us since the start: 1,008 us is the first boundary after 1,000.
    assert!(offer(&mut medium, us(1_000), 0, Way::Up, TOKEN));
    let events = run(&mut medium, us(10_000));
    // 12,454 bits in 58 symbols and 20 us before them.
    assert_eq!(received(&events), [(TOKEN, us(1_008 + 252))]);
    assert_eq!(medium.poll_timeout(), None, "an idle cell waits for nothing");
    // Data and its extension of 6 us, SIFS of 10, an acknowledgement of 28 and 6.
    assert_eq!(medium.totals().busy_ns, 302_000);
}

#[test]
fn two_frames_for_one_slot_collide_and_go_later() {
    let mut medium = medium([station("a"), station("b")]);
    offer(&mut medium, us(1_001), 0, Way::Up, 1);
    offer(&mut medium, us(1_007), 1, Way::Up, 2);
    let events = run(&mut medium, us(100_000));
    assert_eq!(received(&events).len(), 2);
    let totals = medium.totals();
    assert!(totals.collisions >= 2 && totals.collisions.is_multiple_of(2), "{totals:?}");
    assert_eq!(totals.attempts, 2 + totals.collisions);
    assert_eq!(totals.retries, totals.collisions, "all but the first two");
}

#[test]
fn the_medium_is_half_duplex_and_each_frame_waits_its_turn() {
    let mut medium = medium([station("a"), station("b")]);
    for token in 0..20 {
        let way = if token % 2 == 0 { Way::Up } else { Way::Down };
        offer(&mut medium, us(1_000), token % 3 % 2, way, token);
    }
    let events = run(&mut medium, us(1_000_000));
    let arrivals = received(&events);
    assert_eq!(arrivals.len(), 20);
    // From the end of one frame to that of the next at least an acknowledgement, DIFS and the frame.
    let gap = |pair: &[(u32, SimTime)]| pair[1].1.as_nanos() - pair[0].1.as_nanos();
    assert!(arrivals.windows(2).all(|pair| gap(pair) >= 50_000 + 28_000 + 252_000), "{arrivals:?}");
    let from_ap: Vec<u32> = arrivals.iter().map(|(token, _)| *token).filter(|token| token % 2 == 1).collect();
    assert!(from_ap.is_sorted(), "one queue, in order: {from_ap:?}");
}

#[test]
fn an_unreadable_frame_is_repeated_seven_times_in_all_and_then_given_up() {
    let mut deaf = station("a");
    deaf.ways[0].loss = Loss::independent(1.0);
    let mut medium = medium([deaf]);
    offer(&mut medium, us(0), 0, Way::Up, 1);
    let events = run(&mut medium, us(1_000_000));
    assert_eq!(events.last().map(|(_, event)| *event), Some(MediumEvent::Dropped { token: 1 }));
    let totals = medium.totals();
    assert_eq!((totals.attempts, totals.retries, totals.errors, totals.dropped), (7, 6, 7, 1));
}

#[test]
fn a_listed_loss_is_hidden_by_a_repetition() {
    let mut weak = station("a");
    weak.ways[1].loss = Loss::Listed(LossList::of_numbers(vec![1, 2]));
    let mut medium = medium([weak]);
    offer(&mut medium, us(0), 0, Way::Down, 1);
    let events = run(&mut medium, us(1_000_000));
    assert_eq!(received(&events).len(), 1);
    assert_eq!(medium.totals().attempts, 3);
}

#[test]
fn with_rts_a_collision_costs_an_rts_and_the_long_limit_counts() {
    let with_rts = |name| StationParameters { rts_threshold: Some(500), ..station(name) };
    let mut medium = medium([with_rts("a"), with_rts("b")]);
    offer(&mut medium, us(1_001), 0, Way::Up, 1);
    medium.handle_timeout(us(1_001));
    let before = medium.totals().busy_ns;
    offer(&mut medium, us(1_002), 1, Way::Up, 2);
    medium.handle_timeout(us(1_008));
    // 20 bytes at 24 Mbit/s: two symbols and 20 us; the extension.
    assert_eq!(medium.totals().busy_ns - before, 28_000 + 6_000);
    assert_eq!(received(&run(&mut medium, us(1_000_000))).len(), 2);

    let mut deaf = with_rts("c");
    deaf.ways[0].loss = Loss::independent(1.0);
    let mut medium = super::tests::medium([deaf]);
    offer(&mut medium, us(0), 0, Way::Up, 1);
    run(&mut medium, us(1_000_000));
    assert_eq!(medium.totals().attempts, 4, "dot11LongRetryLimit");
}

fn sleepy(name: &str) -> StationParameters {
    let power_save = PowerSave {
        beacon_interval: Duration::from_micros(102_400),
        wake_every: 3,
        stay_awake: Duration::from_millis(20),
        beacon_awake: Duration::from_millis(3),
        phase: Duration::ZERO,
    };
    StationParameters { power_save: Some(power_save), ..station(name) }
}

#[test]
fn a_frame_for_a_sleeping_station_waits_for_its_beacon() {
    let mut medium = medium([sleepy("a")]);
    medium.watch_radios();
    offer(&mut medium, us(400_000), 0, Way::Down, 1);
    offer(&mut medium, us(410_000), 0, Way::Down, 2);
    let arrivals = received(&run(&mut medium, us(800_000)));
    // Beacons at multiples of 307.2 ms; the station has read it 3 ms later.
    assert_eq!(arrivals.len(), 2);
    assert!(arrivals[0].1 >= us(617_400 + 252) && arrivals[0].1 <= us(617_400 + 252 + 9), "{arrivals:?}");
    assert!(arrivals[1].1 < us(619_000), "both in one go: {arrivals:?}");
    let changes: Vec<_> = std::iter::from_fn(|| medium.poll_radio()).collect();
    assert_eq!(changes[0], RadioChange { station: 0, at: us(0), state: RadioState::Sleep });
    assert_eq!(changes[1], RadioChange { station: 0, at: us(617_400), state: RadioState::Listen });
    assert!(changes.iter().any(|change| change.state == RadioState::Receive));
    assert!(changes.is_sorted_by_key(|change| change.at), "{changes:?}");
    let times = medium.radio_use(0, us(800_000));
    assert_eq!(times.sleep + times.listen + times.receive + times.transmit, Duration::from_millis(800));
    assert_eq!(times.receive, Duration::from_micros(2 * 252));
    assert_eq!(times.transmit, Duration::from_micros(2 * 28));
    assert!(times.sleep > Duration::from_millis(760), "{times:?}");
}

#[test]
fn uplink_wakes_a_station_and_brings_what_waits_for_it() {
    let mut medium = medium([sleepy("a")]);
    offer(&mut medium, us(400_000), 0, Way::Down, 1);
    offer(&mut medium, us(450_000), 0, Way::Up, 2);
    // Awake for 20 ms after the last frame: the next one goes at once.
    let first = received(&run(&mut medium, us(460_000)));
    assert_eq!(first.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [2, 1]);
    assert!(first[1].1 < us(452_000), "{first:?}");
    offer(&mut medium, us(465_000), 0, Way::Down, 3);
    assert_eq!(received(&run(&mut medium, us(470_000))).len(), 1);
}

#[test]
fn a_station_joins_at_its_first_frame_and_again_after_an_outage() {
    let mut parameters = station("a");
    parameters.join = Duration::from_millis(300);
    let outage = Outage { from: us(1_000_000), to: us(2_000_000), queued: Queued::Survive };
    for way in &mut parameters.ways {
        way.outages = vec![outage];
    }
    let mut medium = medium([parameters, station("b")]);
    let mut arrival = |at: u64, way| {
        let taken = offer(&mut medium, us(at), 0, way, 1);
        // Another station's frame is not held up.
        offer(&mut medium, us(at), 1, way, 2);
        let arrivals = received(&run(&mut medium, us(at + 900_000)));
        assert!(arrivals.iter().any(|(token, last)| *token == 2 && *last < us(at + 2_000)));
        let own: Vec<u64> = arrivals
            .iter()
            .filter(|(token, _)| *token == 1)
            .map(|(_, last)| last.as_nanos() / 1_000)
            .collect();
        (taken, own)
    };
    let (taken, first) = arrival(10_000, Way::Up);
    assert!(taken && (310_252..310_300).contains(&first[0]), "{first:?}");
    assert_eq!(arrival(1_000_500, Way::Down), (false, vec![]), "nothing is taken while it is down");
    let (_, back) = arrival(2_100_000, Way::Down);
    assert!((2_300_252..2_300_300).contains(&back[0]), "{back:?}");
    let (_, later) = arrival(3_500_000, Way::Up);
    assert!(later[0] < 3_503_000, "{later:?}");
}

#[test]
fn a_queue_is_bounded_and_a_frame_always_fits_into_an_empty_one() {
    let mut parameters = station("a");
    parameters.ways[0].queue_bytes = Some(1_000);
    parameters.ways[1].queue_frames = Some(2);
    let mut medium = medium([parameters]);
    assert!(offer(&mut medium, us(0), 0, Way::Up, 1));
    assert!(!offer(&mut medium, us(0), 0, Way::Up, 2));
    let taken: Vec<bool> = (3..6).map(|token| offer(&mut medium, us(0), 0, Way::Down, token)).collect();
    assert_eq!(taken, [true, true, false]);
    assert_eq!(received(&run(&mut medium, us(100_000))).len(), 3);
    assert!(offer(&mut medium, us(100_000), 0, Way::Up, 2));
}

#[test]
fn a_frame_that_is_ready_later_goes_later() {
    let mut medium = medium([station("a")]);
    assert_eq!(medium.offer(us(0), us(500), 0, Way::Up, 1_500, 1), Offered::Taken);
    assert_eq!(received(&run(&mut medium, us(10_000))), [(1, us(504 + 252))]);
}

#[test]
fn another_station_leaves_the_draws_of_the_others_alone() {
    let times = |stations: &[&str]| {
        let mut medium = medium(stations.iter().map(|name| station(name)));
        for token in 0..10 {
            offer(&mut medium, us(0), 0, Way::Up, token);
        }
        received(&run(&mut medium, us(1_000_000)))
    };
    assert_eq!(times(&["a"]), times(&["a", "b"]));
}
