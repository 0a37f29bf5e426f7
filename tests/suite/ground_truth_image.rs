//! The captured image transfer of c08 through the whole simulator: hosts, broker, client and link.

use std::time::Duration;

use mqtt_twin::capture::recorder::RecorderOptions;

use crate::{load, record};

/// From the first byte of the image until the PUBACK is back at the camera, in milliseconds, and the data
/// segments of the image; `delay_us` is the delay of the link.
fn transfer(delay_us: u64, sets: &[&str]) -> (f64, usize) {
    let delay = format!("links.0.delay=\"{delay_us} us\"");
    let sets: Vec<&str> = sets.iter().copied().chain([delay.as_str()]).collect();
    let (_, recorder) =
        record(&load("image-transfer", &sets), RecorderOptions { frames: true, packets: false });
    let (camera, mut start, mut end, mut segments) = (0, None, None, 0);
    for frame in recorder.frames().iter().map(|captured| &captured.frame) {
        let payload: usize = frame.payload.iter().map(|chunk| chunk.len()).sum();
        if frame.from.0 == camera && payload > 500 {
            start.get_or_insert(frame.at);
            segments += 1;
        } else if frame.to.0 == camera && payload > 0 && start.is_some() {
            end.get_or_insert(frame.at + Duration::from_micros(delay_us));
        }
    }
    ((end.unwrap() - start.unwrap()).as_secs_f64() * 1e3, segments)
}

/// Medians of `t_puback_ms` over 20 runs each. The delays are 20 ms and what the captures record as
/// the mean delay of their emulator.
#[test]
fn an_image_takes_as_long_as_captured() {
    let newreno = ["tcp.congestion=\"newreno\"", "tcp.sack=false", "tcp.timestamps=false"];
    let r10 = ["links.0.rate=\"10 Mbit/s\""];
    let table: [(&str, u64, &[&str], f64, usize); 4] = [
        ("c08_cubic_d20", 20_084, &[], 162.327, 145),
        ("c08_cubic_r10", 15, &r10, 175.485, 145),
        ("c08_cubic_r10_d20", 20_017, &r10, 264.460, 145),
        ("c08_newreno_d20", 20_070, &newreno, 202.096, 144),
    ];
    for (capture, delay_us, sets, captured, segments) in table {
        let (millis, sent) = transfer(delay_us, sets);
        println!("{capture}: {millis:.2} ms, captured {captured}");
        assert!((millis - captured).abs() < 0.01 * captured, "{capture}: {millis}");
        assert_eq!(sent, segments, "{capture}");
    }
}
