//! A link as a queue: held against the M/D/1 formula.

use std::time::Duration;

use models::net::{Direction, Framing, LinkParameters, Transmission};
use sim_core::random::Streams;
use sim_core::stats::confidence_interval;
use sim_core::time::SimTime;

/// Mean queueing delay of `frames` equal frames that arrive as a Poisson process.
fn mean_wait_s(load: f64, frames: u32, run: u64) -> f64 {
    let parameters = LinkParameters {
        rate_bps: Some(10_000_000),
        propagation: Duration::from_millis(2),
        mtu: 1500,
        queue_bytes: None,
        framing: Framing::Ethernet,
        impairment: None,
    };
    let service_ns = parameters.transmission_ns(1514);
    let mut arrivals = Streams::new(11, run).stream("arrivals");
    let mut direction = Direction::new(0, u32::MAX);
    let (mut now_s, mut waited_s) = (0.0, 0.0);
    for _ in 0..frames {
        now_s += arrivals.exponential(service_ns as f64 * 1e-9 / load);
        let now = SimTime::from_nanos((now_s * 1e9) as u64);
        let Transmission::Arrives(at) = direction.transmit(now, 1514, &parameters) else {
            panic!("an unbounded queue has room")
        };
        let unqueued = service_ns + parameters.propagation_ns();
        waited_s += (at.as_nanos() - now.as_nanos() - unqueued) as f64 * 1e-9;
    }
    waited_s / f64::from(frames)
}

/// Pollaczek-Khinchine for constant service: W = rho S / (2 (1 - rho)).
#[test]
fn poisson_frames_wait_as_long_as_in_an_m_d_1_queue() {
    let service_s = 1514.0 * 8.0 / 10e6;
    for load in [0.3, 0.6, 0.8] {
        let runs: Vec<f64> = (0..20).map(|run| mean_wait_s(load, 40_000, run)).collect();
        let theory = load * service_s / (2.0 * (1.0 - load));
        // 99.9 %: with three loads tested, chance alone should not fail this.
        let interval = confidence_interval(&runs, 0.999);
        assert!(interval.contains(theory), "load {load}: {interval:?} against {theory}");
        assert!(interval.half_width < 0.05 * theory, "load {load}: {interval:?} tells too little");
    }
}
