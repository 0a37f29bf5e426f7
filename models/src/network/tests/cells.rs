//! Whole networks whose links share the air.

use super::*;
use crate::net::wifi::{Modulation, PowerSave};
use crate::net::{Outage, Queued};
use crate::network::{CellBlueprint, LinkTrouble, Membership};

const MEMBER: Membership = Membership {
    cell: 0,
    modulation: Modulation::Ofdm { kbit_s: 54_000 },
    rts_threshold: None,
    join: Duration::ZERO,
    power_save: None,
};

/// The publishers' links are in one cell.
fn in_a_cell(mut blueprint: Blueprint, member: Membership) -> Blueprint {
    let hub = blueprint.links[0].ends.1;
    blueprint.cells.push(CellBlueprint { name: "hub".to_owned(), access_point: hub });
    for parameters in &mut blueprint.parameters {
        parameters.rate_bps = None;
    }
    for link in &mut blueprint.links[2..] {
        link.trouble = Some(Box::new(LinkTrouble { wifi: Some(member), ..LinkTrouble::default() }));
    }
    blueprint
}

fn names(count: usize) -> Vec<&'static str> {
    ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"][..count].to_vec()
}

#[test]
fn a_burst_over_the_air_arrives_and_leaves_nothing_behind() {
    let (outcome, network) = run(in_a_cell(blueprint(&names(12), 20, QoS::ExactlyOnce, 0.0, 1), MEMBER));
    assert_eq!(outcome.deliveries.len(), 240);
    assert_eq!(network.fabric.packets.len(), 0, "no packet is forgotten on the air");
    let [cell] = &outcome.cells[..] else { panic!("one cell") };
    let totals = cell.totals;
    assert!(totals.collisions > 0, "twelve that begin at once meet: {totals:?}");
    assert_eq!(totals.attempts, totals.received + totals.collisions + totals.errors);
    assert_eq!(cell.stations.len(), 12);
    assert_eq!(cell.stations[3].host, Some(HostIndex(5)));
    assert!(cell.stations.iter().all(|station| !station.radio.transmit.is_zero()));
}

#[test]
fn the_radio_hides_losses_that_tcp_would_see_on_a_plain_link() {
    let plain = run(blueprint(&["a"], 40, QoS::AtLeastOnce, 0.1, 5)).0;
    let air = run(in_a_cell(blueprint(&["a"], 40, QoS::AtLeastOnce, 0.1, 5), MEMBER)).0;
    assert!(plain.tcp.lost > 3 && plain.tcp.retransmitted > 0);
    assert_eq!((air.tcp.lost, air.tcp.retransmitted), (0, 0));
    assert!(air.cells[0].totals.errors > 3);
    assert_eq!(air.deliveries.len(), 40);
}

#[test]
fn an_outage_of_the_air_is_a_gap_and_the_station_joins_again() {
    let outage = Outage {
        from: SimTime::from_millis(1_010),
        to: SimTime::from_millis(3_000),
        queued: Queued::Survive,
    };
    let joining = Membership { join: Duration::from_millis(500), ..MEMBER };
    let mut blueprint = in_a_cell(blueprint(&["a"], 400, QoS::AtLeastOnce, 0.0, 3), joining);
    blueprint.links[2].trouble.as_mut().unwrap().outages = (vec![outage], vec![outage]);
    let (outcome, _) = run(blueprint);
    assert_eq!(outcome.deliveries.len(), 400);
    let first = outcome.messages.iter().map(|message| message.accepted.unwrap()).min().unwrap();
    // The client connects at 1 s, joins until 1.5 s, is cut off until 3 s and joins until 3.5 s.
    assert!(first > SimTime::from_millis(3_500) && first < SimTime::from_secs(6), "{first}");
}

#[test]
fn a_subscriber_that_sleeps_hears_at_its_beacons() {
    let delays = |power_save| {
        let mut blueprint = blueprint(&["a"], 30, QoS::AtMostOnce, 0.0, 3);
        blueprint.links.swap(1, 2);
        let mut blueprint = in_a_cell(blueprint, Membership { power_save, ..MEMBER });
        blueprint.links.swap(1, 2);
        // Link 1 is the subscriber's again, and the only one in the cell.
        blueprint.links[2].trouble = None;
        let (outcome, _) = run(blueprint);
        assert_eq!(outcome.deliveries.len(), 30);
        let delay = |delivery: &crate::record::DeliveryRecord| {
            delivery.at - outcome.messages[delivery.message.0 as usize].published
        };
        (outcome.deliveries.iter().map(delay).min().unwrap(), outcome.cells[0].stations[0].radio)
    };
    let sleep = PowerSave {
        beacon_interval: Duration::from_micros(102_400),
        wake_every: 10,
        stay_awake: Duration::from_millis(10),
        beacon_awake: Duration::from_millis(3),
        phase: Duration::ZERO,
    };
    let (awake, listening) = delays(None);
    let (asleep, sleeping) = delays(Some(sleep));
    assert!(awake < Duration::from_millis(20), "{awake:?}");
    assert!(
        asleep > awake + Duration::from_millis(20) && asleep < Duration::from_millis(1_100),
        "{asleep:?}"
    );
    assert_eq!(listening.sleep, Duration::ZERO);
    // 3 ms of every 1,024 ms, and little more: ten minutes with one burst.
    let share = sleeping.listen.as_secs_f64() / 600.0;
    assert!((0.0029..0.0035).contains(&share), "{share}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the air loses, every message arrives, or a client says that its connection ended.
    #[test]
    fn no_message_is_lost_on_the_air(
        seed in any::<u64>(),
        loss in 0.0_f64..0.6,
        stations in 1_usize..8,
        level in 0_usize..3,
    ) {
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][level];
        let (outcome, network) = run(in_a_cell(blueprint(&names(stations), 3, qos, loss, seed), MEMBER));
        if outcome.remarks.iter().all(|(what, _)| what.contains("QoS 0")) {
            prop_assert_eq!(outcome.deliveries.len(), 3 * stations);
        }
        prop_assert_eq!(network.fabric.packets.len(), 0);
        let totals = outcome.cells[0].totals;
        prop_assert_eq!(totals.attempts, totals.received + totals.collisions + totals.errors);
    }
}
