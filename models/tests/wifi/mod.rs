//! A saturated cell, and Bianchi's model of it.

use std::time::Duration;

use models::net::Loss;
use models::net::wifi::{
    CellParameters, Exchange, Medium, MediumEvent, MediumTotals, Modulation, StationParameters, Timing, Way,
    WayParameters,
};
use sim_core::random::Streams;
use sim_core::time::SimTime;

/// A cell of stations alike.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// For messages.
    pub name: &'static str,
    /// Of all stations.
    pub modulation: Modulation,
    /// Of the cell.
    pub timing: Timing,
    /// First and largest contention window.
    pub windows: (u32, u32),
    /// IP packets.
    pub packet_bytes: u32,
    /// What of a packet counts as throughput.
    pub payload_bits: f64,
}

/// What is measured or computed.
#[derive(Clone, Copy, Debug)]
pub struct Saturation {
    /// Payload.
    pub throughput_bit_s: f64,
    /// Probability that a transmission collides.
    pub collision: f64,
}

/// A way without losses.
pub fn clear_way(streams: &Streams, name: &str) -> WayParameters {
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

/// Runs a cell whose stations never run dry until `frames` frames have been received.
pub fn simulate(setting: &Setting, stations: u32, frames: u64, run: u64) -> Saturation {
    let streams = Streams::new(2000, run);
    let mut parameters = CellParameters::standard(setting.timing);
    // Bianchi's stations never give up.
    parameters.short_retry_limit = u32::MAX;
    let mut medium = Medium::new(parameters, streams.stream("access-point"));
    for number in 0..stations {
        let name = format!("station-{number}");
        let station = StationParameters {
            modulation: setting.modulation,
            rts_threshold: None,
            join: Duration::ZERO,
            power_save: None,
            ways: [clear_way(&streams, &name), clear_way(&streams, &name)],
            backoff: streams.stream(&name),
        };
        let number = medium.add_station_with(station, setting.windows);
        for _ in 0..2 {
            medium.offer(SimTime::ZERO, SimTime::ZERO, number, Way::Up, setting.packet_bytes, number);
        }
    }
    let mut now = SimTime::ZERO;
    let mut first = (SimTime::ZERO, MediumTotals::default());
    while medium.totals().received < frames {
        now = medium.poll_timeout().expect("a saturated cell never rests");
        medium.handle_timeout(now);
        while let Some(event) = medium.poll_event() {
            if let MediumEvent::Received { token, .. } = event {
                medium.offer(now, now, token, Way::Up, setting.packet_bytes, token);
            }
        }
        // All begin in the same slot: leave that out.
        if medium.totals().received == frames / 20 && first.0 == SimTime::ZERO {
            first = (now, medium.totals());
        }
    }
    let totals = medium.totals();
    let received = (totals.received - first.1.received) as f64;
    Saturation {
        throughput_bit_s: received * setting.payload_bits / (now - first.0).as_secs_f64(),
        collision: (totals.collisions - first.1.collisions) as f64
            / (totals.attempts - first.1.attempts) as f64,
    }
}

/// Bianchi's saturation throughput for basic access.
pub fn bianchi(setting: &Setting, stations: u32) -> Saturation {
    let timing = &setting.timing;
    let exchange = Exchange::of(setting.modulation, setting.packet_bytes, false, timing);
    let success_s = (exchange.success_ns(timing) + timing.difs_ns) as f64 * 1e-9;
    let collision_s = (exchange.collision_ns(timing) + timing.recovery_ns + timing.difs_ns) as f64 * 1e-9;
    let window = f64::from(setting.windows.0 + 1);
    let stages = ((setting.windows.1 + 1) / (setting.windows.0 + 1)).ilog2() as i32;
    let others = stations as i32 - 1;
    // (7): probability to send in a slot, if a transmission collides with probability p.
    let tau = |p: f64| {
        let q = 1.0 - 2.0 * p;
        if q.abs() < 1e-12 {
            return 2.0 / (window + 1.0 + 0.5 * window * f64::from(stages));
        }
        2.0 * q / (q * (window + 1.0) + p * window * (1.0 - power(2.0 * p, stages)))
    };
    // (9): p = 1 - (1 - tau)^(n - 1) rises where (7) falls, so they meet once.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..100 {
        let p = 0.5 * (low + high);
        if 1.0 - power(1.0 - tau(p), others) > p { low = p } else { high = p }
    }
    let p = low;
    let send = tau(p);
    let somebody = 1.0 - power(1.0 - send, others + 1);
    let alone = f64::from(stations) * send * power(1.0 - send, others) / somebody;
    // (13)
    let slot_s = timing.slot_ns as f64 * 1e-9;
    let mean_s =
        (1.0 - somebody) * slot_s + somebody * alone * success_s + somebody * (1.0 - alone) * collision_s;
    Saturation { throughput_bit_s: somebody * alone * setting.payload_bits / mean_s, collision: p }
}

fn power(base: f64, exponent: i32) -> f64 {
    (0..exponent).map(|_| base).product()
}
