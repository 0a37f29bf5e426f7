//! Bulk transfers beside the formulas of Mathis et al. (1997) and Padhye et al. (1998, "PFTK"). The whole
//! table is in `docs/tcp-validation.md`; print it with
//! `cargo test -p models --lib formulas -- --ignored --nocapture`.

use std::time::Duration;

use super::harness::{CLIENT, Fate, Path, SERVER, ms, publish};
use crate::tcp::{Config, CongestionControl};

const SEGMENT: f64 = 1_448.0;

/// Bytes a second of the last three quarters of a bulk transfer that loses data segments at random.
fn throughput(congestion: CongestionControl, loss: f64, round_trip: Duration, bytes: usize) -> f64 {
    let config = Config { congestion, ..Config::linux() };
    let mut path = Path::established(config.clone(), config, round_trip / 2);
    let (mut random, limit) = (0x9e37_79b9_7f4a_7c15_u64, (loss * 1e6) as u64);
    path.fate(move |frame| {
        // A linear congruential generator (Knuth, MMIX).
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let unlucky = frame.from == CLIENT && frame.payload > 0 && (random >> 33) % 1_000_000 < limit;
        if unlucky { Fate::Lose } else { Fate::Deliver }
    });
    for chunk in publish(1, bytes) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(6_000_000));
    assert_eq!(path.received_bytes(SERVER).len(), bytes);
    let told = |share: usize| {
        let reached = |ack: u32| ack as usize > bytes * share / 4;
        path.frames.iter().find(|frame| frame.from == SERVER && reached(frame.ack)).unwrap().at
    };
    let last = path.frames.iter().rfind(|frame| frame.from == SERVER).unwrap().at;
    bytes as f64 * 0.75 / (last - told(1)).as_secs_f64()
}

/// Mathis, Semke, Mahdavi, Ott: MSS / RTT sqrt(3 / 2bp), with b = 2 segments an acknowledgement.
fn mathis(loss: f64, round_trip: f64) -> f64 {
    SEGMENT / round_trip * (0.75 / loss).sqrt()
}

/// Padhye, Firoiu, Towsley, Kurose, equation (30), with b = 2 and the timeout of Linux.
fn pftk(loss: f64, round_trip: f64) -> f64 {
    let timeout = round_trip + 0.2;
    let by_timeouts = (3.0 * (0.75 * loss).sqrt()).min(1.0) * loss * (1.0 + 32.0 * loss * loss);
    SEGMENT / (round_trip * (4.0 * loss / 3.0).sqrt() + timeout * by_timeouts)
}

/// Losses repaired by selective acknowledgements cost no timeout, so we lie above PFTK where it counts
/// timeouts and near Mathis elsewhere.
#[test]
fn newreno_is_near_the_formulas() {
    for (loss, round_trip) in [(0.01, 0.05), (0.02, 0.1)] {
        let ours =
            throughput(CongestionControl::NewReno, loss, Duration::from_secs_f64(round_trip), 6_000_000);
        let (mathis, pftk) = (mathis(loss, round_trip), pftk(loss, round_trip));
        assert!((0.6..1.5).contains(&(ours / mathis)), "{loss}: {ours} and {mathis}");
        assert!((0.7..2.0).contains(&(ours / pftk)), "{loss}: {ours} and {pftk}");
    }
}

#[test]
#[ignore = "prints the table of docs/tcp-validation.md"]
fn table() {
    for loss in [0.001, 0.005, 0.01, 0.02, 0.05] {
        for round_trip in [0.01, 0.05, 0.1, 0.2] {
            let span = Duration::from_secs_f64(round_trip);
            let [reno, cubic] = [CongestionControl::NewReno, CongestionControl::Cubic]
                .map(|congestion| throughput(congestion, loss, span, 20_000_000));
            let (mathis, pftk) = (mathis(loss, round_trip), pftk(loss, round_trip));
            println!(
                "| {} % | {} ms | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} |",
                loss * 100.0,
                round_trip * 1e3,
                mathis / 1e3,
                pftk / 1e3,
                reno / 1e3,
                cubic / 1e3,
                reno / mathis,
                reno / pftk
            );
        }
    }
}
