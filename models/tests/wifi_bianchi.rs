//! Saturation throughput of a cell against Bianchi's model.
//!
//! G. Bianchi, "Performance analysis of the IEEE 802.11 distributed coordination function", IEEE
//! JSAC 18(3), 2000: every station always has a frame to send; his equations (7), (9) and (13) are
//! solved numerically. One station meets no other one: there the throughput is exact.

mod wifi;

use models::net::wifi::{Exchange, Modulation, Preamble, Timing};
use wifi::{Setting, bianchi, simulate};

const STATIONS: [u32; 6] = [1, 2, 5, 10, 20, 50];

/// His Table II: frequency hopping at 1 Mbit/s, payloads of 8,184 bits, propagation of 1 us, and no
/// EIFS after a collision.
fn hopping(windows: (u32, u32)) -> Setting {
    let modulation = Modulation::Fhss { kbit_s: 1_000 };
    let timing = Timing { recovery_ns: 0, propagation_ns: 1_000, ..Timing::of([modulation]) };
    // 34 bytes of MAC header and frame check sequence there, 54 bytes here.
    Setting { name: "FHSS", modulation, timing, windows, packet_bytes: 1_003, payload_bits: 8_184.0 }
}

fn standard(name: &'static str, modulation: Modulation) -> Setting {
    let timing = Timing::of([modulation]);
    let (packet_bytes, payload_bits) = (1_500, 12_000.0);
    Setting { name, modulation, timing, windows: modulation.windows(), packet_bytes, payload_bits }
}

fn settings() -> [Setting; 6] {
    [
        hopping((31, 1_023)),
        hopping((31, 255)),
        hopping((127, 1_023)),
        standard("802.11b", Modulation::dsss(11_000, Preamble::Long).unwrap()),
        standard("802.11g", Modulation::ofdm(54_000).unwrap()),
        standard("802.11n", Modulation::ht(65_000).unwrap()),
    ]
}

/// Within 2 %, where 5 % is asked for. What is left is his own simplification: in his chain a counter
/// also counts down over a transmission, in the standard it freezes.
#[test]
fn saturation_throughput_is_bianchis() {
    for setting in settings() {
        for stations in STATIONS {
            let measured = simulate(&setting, stations, 60_000, 1);
            let theory = bianchi(&setting, stations);
            let difference = measured.throughput_bit_s / theory.throughput_bit_s - 1.0;
            assert!(
                difference.abs() < 0.02,
                "{} {:?}, {stations} stations: {measured:?} against {theory:?}",
                setting.name,
                setting.windows
            );
            let more_collisions = measured.collision - theory.collision;
            assert!(more_collisions.abs() < 0.04, "{} {stations}: {measured:?} {theory:?}", setting.name);
        }
    }
}

/// One station: DIFS, the mean of CWmin slots, and the exchange. The backoff is uniform, so the mean
/// over n frames has a standard error of about CWmin / sqrt(12 n) slots.
#[test]
fn one_station_has_the_exact_throughput() {
    for setting in settings() {
        let frames = 60_000;
        let measured = simulate(&setting, 1, frames, 7);
        let timing = &setting.timing;
        let exchange = Exchange::of(setting.modulation, setting.packet_bytes, false, timing);
        let (window, slot_ns) = (f64::from(setting.windows.0), timing.slot_ns as f64);
        let cycle_ns = (timing.difs_ns + exchange.success_ns(timing)) as f64 + slot_ns * window / 2.0;
        let error_ns = slot_ns * (window + 1.0) / (12.0 * 0.95 * frames as f64).sqrt();
        let measured_ns = setting.payload_bits / measured.throughput_bit_s * 1e9;
        assert!(
            (measured_ns - cycle_ns).abs() < 4.0 * error_ns,
            "{}: {measured_ns} against {cycle_ns} +- {error_ns} ns",
            setting.name
        );
        assert!(measured.collision.abs() < 1e-12);
    }
}

/// The table in `docs/wifi.md`: Mbit/s simulated, by the model, and the difference in per cent.
/// `UPDATE_DOCS=1 cargo test -p models --test wifi_bianchi` writes it anew.
#[test]
fn the_documentation_has_what_is_simulated() {
    let [hopping, _, _, b, g, n] = settings();
    let columns = [("FHSS 1 Mbit/s", hopping), ("802.11b 11", b), ("802.11g 54", g), ("802.11n 65", n)];
    let mut table = String::from("| stations |");
    for (name, _) in columns {
        table += &format!(" {name} | Bianchi | % |");
    }
    table += &format!("\n| --- |{}\n", " --- | --- | --- |".repeat(columns.len()));
    for stations in STATIONS {
        table += &format!("| {stations} |");
        for (_, setting) in columns {
            let measured = simulate(&setting, stations, 60_000, 1).throughput_bit_s / 1e6;
            let theory = bianchi(&setting, stations).throughput_bit_s / 1e6;
            table += &format!(" {measured:.4} | {theory:.4} | {:+.2} |", 100.0 * (measured / theory - 1.0));
        }
        table += "\n";
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wifi.md");
    let page = std::fs::read_to_string(file).unwrap();
    let start = page.find("| stations |").expect("a table of stations");
    let length = page[start..].find("\n\n").expect("an end of the table") + 1;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let page = format!("{}{table}{}", &page[..start], &page[start + length..]);
        std::fs::write(file, page).unwrap();
    } else {
        assert_eq!(&page[start..start + length], table, "write it anew with UPDATE_DOCS=1");
    }
}
