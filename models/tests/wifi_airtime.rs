//! Time on the air against a published table.
//!
//! DIFS, mean first backoff, data, SIFS and acknowledgement in microseconds, for IP packets with 54
//! bytes around them, without RTS and loss (calculated there from the constants of IEEE 802.11-2020).

use models::net::wifi::{Exchange, GuardInterval, Modulation, Preamble, Timing};

const ROWS: [(u32, [u64; 5]); 5] = [
    (40, [1_618, 878, 314, 182, 194]),
    (100, [2_098, 922, 394, 190, 202]),
    (160, [2_578, 966, 474, 202, 210]),
    (500, [5_298, 1_213, 926, 250, 254]),
    (1_500, [13_298, 1_940, 2_258, 398, 374]),
];

fn columns() -> [Modulation; 5] {
    [
        Modulation::dsss(1_000, Preamble::Long).unwrap(),
        Modulation::dsss(11_000, Preamble::Long).unwrap(),
        Modulation::ofdm(6_000).unwrap(),
        Modulation::ofdm(54_000).unwrap(),
        Modulation::ht(65_000).unwrap(),
    ]
}

#[test]
fn an_exchange_takes_as_long_as_in_the_table() {
    for (bytes, row) in ROWS {
        for (modulation, table_us) in columns().into_iter().zip(row) {
            let timing = Timing::of([modulation]);
            let exchange = Exchange::of(modulation, bytes, false, &timing);
            // The mean of 0 to CWmin slots.
            let backoff_ns = u64::from(modulation.windows().0) * timing.slot_ns / 2;
            let ns = timing.difs_ns + backoff_ns + exchange.success_ns(&timing);
            let difference_ns = ns.abs_diff(1_000 * table_us);
            assert!(difference_ns <= 500, "{modulation:?}, {bytes} B: {ns} ns against {table_us} us");
        }
    }
}

/// The same table is in `docs/wifi.md`.
#[test]
fn the_documentation_has_the_table() {
    let page = include_str!("../../docs/wifi.md").replace(',', "");
    for (bytes, row) in ROWS {
        let row: Vec<String> = row.iter().map(u64::to_string).collect();
        assert!(page.contains(&format!("| {bytes} | {} |", row.join(" | "))), "{bytes}");
    }
}

#[test]
fn every_rate_of_the_standard_has_its_modulation() {
    let ht = |mcs, guard| Some(Modulation::Ht { mcs, guard });
    for (mcs, kbit_s) in (0..8).zip([6_500, 13_000, 19_500, 26_000, 39_000, 52_000, 58_500, 65_000]) {
        assert_eq!(Modulation::ht(kbit_s), ht(mcs, GuardInterval::Long));
    }
    for (mcs, kbit_s) in (0..8).zip([7_200, 14_400, 21_700, 28_900, 43_300, 57_800, 65_000, 72_200]) {
        let expected = if mcs == 6 { ht(7, GuardInterval::Long) } else { ht(mcs, GuardInterval::Short) };
        assert_eq!(Modulation::ht(kbit_s), expected, "{kbit_s}");
    }
    assert_eq!(Modulation::ht(54_000), None);
    assert_eq!(Modulation::ofdm(11_000), None);
    assert_eq!(Modulation::dsss(54_000, Preamble::Long), None);
    let short = Modulation::dsss(1_000, Preamble::Short);
    assert_eq!(short, Modulation::dsss(1_000, Preamble::Long), "1 Mbit/s has the long preamble only");
}

#[test]
fn the_short_guard_interval_and_preamble_save_what_the_standard_says() {
    // IEEE 802.11-2016 (19-91): 48 symbols of 3.6 us take 172.8 us, sent as 44 times 4 us.
    let long = Modulation::ht(65_000).unwrap().airtime_ns(1_554);
    let short = Modulation::ht(72_200).unwrap().airtime_ns(1_554);
    assert_eq!((long, short), (228_000, 212_000));
    let of = |preamble| Modulation::dsss(11_000, preamble).unwrap().airtime_ns(1_100);
    assert_eq!((of(Preamble::Long), of(Preamble::Short)), (992_000, 896_000));
}
