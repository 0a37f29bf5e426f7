//! c08s: the captured transfers with scripted losses, frame by frame, through the whole simulator.
//!
//! `captures/c08s_*.txt` hold what each end sent that carries data, SYN or FIN, in its order, with relative sequence
//! numbers, and the control packets of both ends in theirs. Pure acknowledgements and PSH depend on when a receiver
//! reads and a sender writes, and are left to other tests.

use mqtt_twin::capture::label::Label;
use mqtt_twin::capture::recorder::{Recorder, RecorderOptions};
use mqtt_twin::scenario::Loaded;

use crate::{load, record, root};

const CAMERA: u32 = 0;

fn captured(name: &str) -> (Vec<String>, Vec<String>) {
    let file = root().join("tests/suite/captures").join(format!("{name}.txt"));
    let text = std::fs::read_to_string(file).unwrap();
    let (frames, packets) = text.strip_prefix("frames\n").unwrap().split_once("packets\n").unwrap();
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect();
    (lines(frames), lines(packets))
}

fn recorded(loaded: &Loaded) -> Recorder {
    record(loaded, RecorderOptions { frames: true, packets: true }).1
}

/// The frames of one end that carry data, SYN or FIN; neighbours of one length as one line.
fn lane(recorder: &Recorder, from_camera: bool) -> Vec<String> {
    let (mark, mut initial) = (if from_camera { '>' } else { '<' }, None);
    let (mut lines, mut open): (Vec<String>, Option<(u32, usize, u32)>) = (Vec::new(), None);
    let close = |lines: &mut Vec<String>, open: &mut Option<(u32, usize, u32)>| {
        if let Some((sequence, bytes, count)) = open.take() {
            let times = if count > 1 { format!(" x{count}") } else { String::new() };
            lines.push(format!("{mark} data {sequence} {bytes} B{times}"));
        }
    };
    let frames = recorder.frames().iter().map(|captured| &captured.frame);
    for frame in frames.filter(|frame| (frame.from.0 == CAMERA) == from_camera) {
        let bytes: usize = frame.payload.iter().map(|chunk| chunk.len()).sum();
        let sequence = frame.sequence.wrapping_sub(*initial.get_or_insert(frame.sequence));
        match (frame.flags & 2 != 0, frame.flags & 1 != 0, bytes) {
            (true, _, _) => lines.push(format!("{mark} SYN {sequence}")),
            (_, true, 0) => {
                close(&mut lines, &mut open);
                lines.push(format!("{mark} FIN {sequence}"));
            }
            (_, _, 0) => {}
            (_, _, bytes) => match &mut open {
                Some((first, one, count)) if *one == bytes && *first + *count * bytes as u32 == sequence => {
                    *count += 1;
                }
                _ => {
                    close(&mut lines, &mut open);
                    open = Some((sequence, bytes, 1));
                }
            },
        }
    }
    close(&mut lines, &mut open);
    lines
}

fn packets(recorder: &Recorder) -> Vec<String> {
    let packets = recorder.packets().iter().map(|captured| &captured.packet);
    let told = packets.map(|packet| {
        let body = packet.body.as_ref().map_or(0, |body| body.len());
        let label = Label::of(packet.head.as_slice(), body).to_string();
        let label = label.split(" len=").next().unwrap();
        let mark = if packet.from.0 == CAMERA { '>' } else { '<' };
        format!("{mark} {label} len={}", packet.head.len() + body)
    });
    told.collect()
}

fn assert_as_captured(name: &str, recorder: &Recorder) {
    let (frames, told) = captured(name);
    assert_eq!(packets(recorder), told, "{name}");
    let own = [lane(recorder, true), lane(recorder, false)].concat();
    assert_eq!(own, frames, "{name}");
}

/// The number, in the whole run, of the camera's `nth` frame from the first byte of the PUBLISH on.
fn serial(recorder: &Recorder, nth: usize) -> u64 {
    let frames = recorder.frames().iter().map(|captured| &captured.frame);
    let image = frames.filter(|frame| {
        let bytes: usize = frame.payload.iter().map(|chunk| chunk.len()).sum();
        frame.from.0 == CAMERA && bytes > 20
    });
    image.clone().nth(nth).unwrap_or_else(|| panic!("{} frames", image.count())).serial
}

#[test]
fn transfers_with_scripted_losses_have_the_captured_frames() {
    let leave = "hosts.camera.role.disconnect_after=\"500 ms\"";
    let small = "hosts.camera.role.payload=\"16 B\"";
    for (name, sets, lost) in [
        ("c08s_cubic_none", vec![leave], None),
        ("c08s_cubic_drop_seg10", vec![leave], Some(9)),
        ("c08s_cubic_drop_last", vec![leave], Some(144)),
        ("c08s_cubic_16B_drop_publish", vec![leave, small], Some(0)),
    ] {
        let whole = recorded(&load("image-transfer", &sets));
        let recorder = match lost {
            None => whole,
            Some(nth) => {
                let fault = format!("faults=[DropFrame(serial: {})]", serial(&whole, nth));
                recorded(&load("image-transfer", &[&sets[..], &[&fault]].concat()))
            }
        };
        assert_as_captured(name, &recorder);
    }
}

/// c08s_drop_syn: a client that connects and leaves; its SYN is lost, and comes again after a second.
#[test]
fn a_lost_syn_comes_again_as_captured() {
    let sets = [
        "hosts.camera.mqtt.client_id=\"hs\"",
        "hosts.camera.role=Steps(steps: [(at: \"100 ms\", act: Connect), (at: \"1500 ms\", act: Disconnect)])",
        "faults=[DropFrame(serial: 0)]",
    ];
    let recorder = recorded(&load("image-transfer", &sets));
    assert_as_captured("c08s_drop_syn", &recorder);
    let syn: Vec<f64> = recorder
        .frames()
        .iter()
        .map(|captured| &captured.frame)
        .filter(|frame| frame.from.0 == CAMERA && frame.flags & 2 != 0)
        .map(|frame| frame.at.as_secs_f64())
        .collect();
    let waited = syn[1] - syn[0];
    assert!((waited - 1.032).abs() < 0.05, "{waited} s, captured 1.032");
}
