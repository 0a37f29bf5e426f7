//! The image transfer of ground truth c08: a QoS 1 PUBLISH of 209,469 bytes from Linux 6.18 to Linux 6.18,
//! with and without delay, bottleneck and loss. The captures are named with the numbers taken from them.

use std::time::Duration;

use super::harness::{CLIENT, Fate, Frame, Path, SERVER, ms, packet, publish};
use crate::cause::Cause;
use crate::tcp::{Config, Event};

/// The whole packet: 209,469 bytes of payload and 12 before it.
pub const IMAGE: usize = 209_481;
/// The first byte of the PUBLISH, behind SYN and an 18-byte CONNECT.
const PUBLISH_SEQ: u32 = 19;

/// What a transfer did.
pub struct Outcome {
    /// From the first byte of the PUBLISH to the PUBACK, in milliseconds.
    pub puback_ms: f64,
    /// (milliseconds since the first byte, offset in the PUBLISH, bytes) of what was sent again.
    pub again: Vec<(f64, u32, usize)>,
    /// First transmissions of data.
    pub segments: usize,
    /// The most that was sent and unacknowledged, in segments.
    pub flight: u32,
    pub path: Path,
}

/// CONNECT and CONNACK, 150 ms of silence, then a PUBLISH of `bytes`, as the captures were made.
pub fn transfer(
    config: &Config,
    delay: Duration,
    rate: Option<(u64, usize)>,
    bytes: usize,
    fate: impl FnMut(&Frame) -> Fate + 'static,
) -> Outcome {
    let mut path = Path::established(config.clone(), config.clone(), delay);
    path.write(CLIENT, packet(Cause::Connect, 18));
    path.run_for(delay + ms(1));
    path.write(SERVER, packet(Cause::Connack, 4));
    path.run_for(delay + ms(150));
    path.frames.clear();
    path.events = Default::default();
    path.received = Default::default();
    path.rate = rate;
    path.answer = Some((bytes, packet(Cause::Puback, 4)));
    path.fate(fate);
    for chunk in publish(1, bytes) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(30_000));
    assert_eq!(path.received_bytes(SERVER).len(), bytes);
    let data = path.data(CLIENT);
    let start = data[0].at;
    let since = |frame: &Frame| (frame.at - start).as_secs_f64() * 1e3;
    let again = data.iter().filter(|frame| frame.retransmission);
    let again = again.map(|frame| (since(frame), frame.seq - PUBLISH_SEQ, frame.payload)).collect();
    let (mut acknowledged, mut sent, mut most) = (PUBLISH_SEQ, PUBLISH_SEQ, 0);
    let mut arrivals: Vec<&Frame> = path.frames.iter().collect();
    arrivals.sort_by_key(|frame| frame.at + if frame.from == SERVER { delay } else { Duration::ZERO });
    for frame in arrivals {
        if frame.from == SERVER {
            acknowledged = acknowledged.max(frame.ack);
        } else {
            sent = sent.max(frame.seq + frame.payload as u32);
            most = most.max(sent - acknowledged);
        }
    }
    let puback = path.when(CLIENT, Event::Readable).unwrap();
    Outcome {
        puback_ms: (puback - start).as_secs_f64() * 1e3,
        again,
        segments: data.iter().filter(|frame| !frame.retransmission).count(),
        flight: most.div_ceil(1_448),
        path,
    }
}

/// Loses the first transmission of the segments at these offsets in the PUBLISH, and frames of the server
/// by number.
fn lose(offsets: &'static [u32], acks: &'static [usize]) -> impl FnMut(&Frame) -> Fate + 'static {
    let mut server = 0;
    move |frame| {
        let lost = if frame.from == SERVER {
            server += 1;
            acks.contains(&server)
        } else {
            let offset = frame.seq.wrapping_sub(PUBLISH_SEQ);
            frame.payload > 0 && !frame.retransmission && offsets.contains(&offset)
        };
        if lost { Fate::Lose } else { Fate::Deliver }
    }
}

fn lossless(config: Config, delay: Duration, rate: Option<(u64, usize)>) -> Outcome {
    transfer(&config, delay, rate, IMAGE, |_| Fate::Deliver)
}

/// What 20 ms are on the captured host: its emulator is late by 0.1 ms and more, and the kernel counted
/// round trips of 40.4 to 40.7 ms.
pub const D20: Duration = Duration::from_micros(20_250);
/// 10 Mbit/s before a queue of 1.5 MB.
const R10: Option<(u64, usize)> = Some((10_000_000, 1_500_000));

#[test]
fn lossless_transfers_take_as_long_as_captured() {
    // Capture, configuration, delay, bottleneck; median of t_puback_ms over 20 runs; data segments, of
    // which the writer's socket buffer cut one more without timestamps; flight; ssthresh after HyStart.
    let table = [
        ("c08_cubic_d20", Config::linux(), D20, None, 162.327, 145, 75, None),
        ("c08_cubic_r10", Config::linux(), Duration::ZERO, R10, 175.485, 145, 39, Some(36)),
        ("c08_cubic_r10_d20", Config::linux(), ms(20), R10, 264.460, 145, 77, Some(96)),
        ("c08_newreno_d20", Config::linux_newreno(), D20, None, 202.096, 144, 69, None),
    ];
    for (capture, config, delay, rate, captured, segments, flight, ssthresh) in table {
        let outcome = lossless(config, delay, rate);
        let millis = outcome.puback_ms;
        assert!((millis - captured).abs() < 0.01 * captured, "{capture}: {millis}");
        assert_eq!((outcome.segments, outcome.again.len()), (segments, 0), "{capture}");
        assert_eq!(outcome.flight, flight, "{capture}");
        let end = &outcome.path.ends[CLIENT];
        let left = Some(end.ssthresh()).filter(|bytes| *bytes < u32::MAX).map(|bytes| bytes / 1_448);
        assert_eq!(left, ssthresh, "{capture}");
    }
}

#[test]
fn scripted_losses_are_repaired_as_captured() {
    // Capture, packet, offset lost and when it was sent again, PUBACK. In drop_seg10 the eighth segment is
    // not acknowledged before the reader wakes up, together with the ninth.
    const FIRST: &[u32] = &[0];
    const TENTH: &[u32] = &[13_032];
    const LAST: &[u32] = &[208_512];
    let table = [
        ("c08s_cubic_drop_seg10", IMAGE, TENTH, 80.4, 442.21),
        ("c08s_cubic_drop_last", IMAGE, LAST, 406.3, 446.71),
        ("c08s_cubic_16B_drop_publish", 26, FIRST, 246.4, 286.67),
    ];
    for (capture, bytes, offsets, again_ms, puback_ms) in table {
        let outcome = transfer(&Config::linux(), D20, None, bytes, lose(offsets, &[]));
        let [(at_ms, offset, _)] = outcome.again[..] else { panic!("{capture}: {:?}", outcome.again) };
        assert_eq!(offset, offsets[0], "{capture}");
        assert!((at_ms - again_ms).abs() < 5.0, "{capture}: {at_ms}");
        assert!((outcome.puback_ms - puback_ms).abs() < 5.0, "{capture}: {}", outcome.puback_ms);
    }
}

struct Run {
    pub puback_ms: f64,
    lost: &'static [u32],
    lost_acks: &'static [usize],
    pub flight: u32,
}

/// c08_cubic_d20_l1: 20 ms each way, 1 % loss; what was lost in each of the 20 runs.
const D20_L1: [Run; 20] = [
    Run { puback_ms: 243.313, lost: &[57920], lost_acks: &[], flight: 64 },
    Run { puback_ms: 163.453, lost: &[], lost_acks: &[], flight: 77 },
    Run { puback_ms: 202.454, lost: &[163624], lost_acks: &[22], flight: 77 },
    Run { puback_ms: 163.473, lost: &[], lost_acks: &[], flight: 77 },
    Run { puback_ms: 565.451, lost: &[2896, 186792], lost_acks: &[], flight: 16 },
    Run { puback_ms: 242.714, lost: &[52128, 167968], lost_acks: &[], flight: 65 },
    Run { puback_ms: 203.187, lost: &[143352, 189688], lost_acks: &[], flight: 77 },
    Run { puback_ms: 162.886, lost: &[], lost_acks: &[], flight: 77 },
    Run { puback_ms: 283.743, lost: &[36200, 78192], lost_acks: &[], flight: 33 },
    Run { puback_ms: 284.665, lost: &[39096, 97016], lost_acks: &[], flight: 65 },
    Run { puback_ms: 162.98, lost: &[], lost_acks: &[], flight: 77 },
    Run { puback_ms: 162.315, lost: &[], lost_acks: &[21], flight: 77 },
    Run { puback_ms: 324.553, lost: &[26064], lost_acks: &[], flight: 31 },
    Run { puback_ms: 201.904, lost: &[123080, 157832], lost_acks: &[], flight: 77 },
    Run { puback_ms: 161.506, lost: &[], lost_acks: &[], flight: 77 },
    Run { puback_ms: 161.705, lost: &[], lost_acks: &[], flight: 77 },
    Run { puback_ms: 161.587, lost: &[], lost_acks: &[], flight: 77 },
    Run { puback_ms: 524.108, lost: &[8688, 152040], lost_acks: &[], flight: 18 },
    Run { puback_ms: 162.035, lost: &[], lost_acks: &[], flight: 77 },
    Run { puback_ms: 287.826, lost: &[60816, 154936, 207064], lost_acks: &[], flight: 63 },
];

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn recorded_losses_take_as_long_as_captured() {
    let mut millis = Vec::new();
    for run in &D20_L1 {
        let outcome = transfer(&Config::linux(), D20, None, IMAGE, lose(run.lost, run.lost_acks));
        let offsets: Vec<u32> = outcome.again.iter().map(|again| again.1).collect();
        assert_eq!(offsets, run.lost, "each loss is repaired once, and nothing else is sent again");
        let off = (outcome.puback_ms - run.puback_ms).abs() / run.puback_ms;
        assert!(off < 0.08, "{:?}: {} instead of {}", run.lost, outcome.puback_ms, run.puback_ms);
        // Ten less in one run, where the peer's window ends the flight; so it did on our own Linux.
        assert!(outcome.flight.abs_diff(run.flight) <= 10, "{:?}: flight {}", run.lost, outcome.flight);
        assert_eq!(outcome.path.ends[CLIENT].statistics().timeouts, 0);
        millis.push(outcome.puback_ms);
    }
    let (ours, theirs) = (sorted(millis), sorted(D20_L1.iter().map(|run| run.puback_ms).collect()));
    let median = |sorted: &[f64]| (sorted[9] + sorted[10]) / 2.0;
    assert!((median(&ours) - median(&theirs)).abs() < 0.02 * median(&theirs), "{ours:?}");
    assert!((ours[18] - theirs[18]).abs() < 0.05 * theirs[18], "the 90th percentile of {ours:?}");
}
