//! Whole connections against captures of Linux: the same writes and closes at the same times must bring
//! the same frames in the same order.

use std::time::Duration;

use sim_core::time::SimTime;

use super::harness::{CLIENT, Path, SERVER, packet};
use crate::cause::Cause;
use crate::tcp::Config;

/// What a program does, and when, in microseconds.
enum Act {
    Write(u64, usize, usize),
    Close(u64, usize),
}

use Act::{Close, Write};

/// A frame: from, flags, payload, length on Ethernet, window.
type Row = (usize, &'static str, usize, usize, u32);

fn replay(acts: &[Act], captured: &[Row]) {
    let mut path = Path::new(Config::linux(), Config::linux(), Duration::from_micros(4));
    for act in acts {
        match *act {
            Write(micros, end, len) => {
                path.run_until(SimTime::from_micros(micros));
                path.write(end, packet(Cause::Publish, len));
            }
            Close(micros, end) => {
                path.run_until(SimTime::from_micros(micros));
                path.close(end);
            }
        }
    }
    path.run();
    let frames: Vec<(usize, &str, usize, usize, u32)> =
        path.frames.iter().map(|f| (f.from, f.flags.as_str(), f.payload, f.len, f.window)).collect();
    assert_eq!(frames, captured);
}

const HANDSHAKE: [Row; 3] =
    [(CLIENT, "S", 0, 74, 64_240), (SERVER, "SA", 0, 74, 65_160), (CLIENT, "A", 0, 66, 64_256)];

fn after_handshake(rows: &[Row]) -> Vec<Row> {
    HANDSHAKE.iter().chain(rows).copied().collect()
}

/// c01_mosquitto_q0_16, connection 0: the subscriber.
#[test]
fn mosquitto_subscriber() {
    let acts = [
        Write(140, CLIENT, 18),
        Write(195, SERVER, 4),
        Write(295, CLIENT, 11),
        Write(326, SERVER, 5),
        Write(400_728, SERVER, 24),
        Write(400_834, CLIENT, 2),
        // The program's close comes 8 us after its write.
        Close(400_838, CLIENT),
        Close(401_151, SERVER),
    ];
    let rows = after_handshake(&[
        (CLIENT, "AP", 18, 84, 64_256),
        (SERVER, "A", 0, 66, 65_152),
        (SERVER, "AP", 4, 70, 65_152),
        (CLIENT, "A", 0, 66, 64_256),
        (CLIENT, "AP", 11, 77, 64_256),
        (SERVER, "AP", 5, 71, 65_152),
        (CLIENT, "A", 0, 66, 64_256),
        (SERVER, "AP", 24, 90, 65_152),
        (CLIENT, "A", 0, 66, 64_256),
        (CLIENT, "AP", 2, 68, 64_256),
        (CLIENT, "AF", 0, 66, 64_256),
        (SERVER, "AF", 0, 66, 65_152),
        (CLIENT, "A", 0, 66, 64_256),
    ]);
    replay(&acts, &rows);
}

/// c01_mosquitto_q0_16, connection 1: the publisher sends DISCONNECT and FIN in one segment.
#[test]
fn mosquitto_publisher() {
    let acts = [
        Write(61, CLIENT, 18),
        Write(188, SERVER, 4),
        Write(215, CLIENT, 24),
        Write(224, CLIENT, 2),
        Close(224, CLIENT),
        Close(508, SERVER),
    ];
    let rows = after_handshake(&[
        (CLIENT, "AP", 18, 84, 64_256),
        (SERVER, "A", 0, 66, 65_152),
        (SERVER, "AP", 4, 70, 65_152),
        (CLIENT, "A", 0, 66, 64_256),
        (CLIENT, "AP", 24, 90, 64_256),
        (CLIENT, "APF", 2, 68, 64_256),
        (SERVER, "A", 0, 66, 65_152),
        (SERVER, "AF", 0, 66, 65_152),
        (CLIENT, "A", 0, 66, 64_256),
    ]);
    replay(&acts, &rows);
}

/// c01_paho_q0_16, connection 1: the broker closes first.
#[test]
fn paho_publisher() {
    let acts = [
        Write(126, CLIENT, 17),
        Write(250, SERVER, 4),
        Write(251_556, CLIENT, 24),
        Write(602_805, CLIENT, 2),
        Close(602_952, SERVER),
        Close(603_186, CLIENT),
    ];
    let rows = after_handshake(&[
        (CLIENT, "AP", 17, 83, 64_256),
        (SERVER, "A", 0, 66, 65_152),
        (SERVER, "AP", 4, 70, 65_152),
        (CLIENT, "A", 0, 66, 64_256),
        (CLIENT, "AP", 24, 90, 64_256),
        (SERVER, "A", 0, 66, 65_152),
        (CLIENT, "AP", 2, 68, 64_256),
        (SERVER, "A", 0, 66, 65_152),
        (SERVER, "AF", 0, 66, 65_152),
        (CLIENT, "AF", 0, 66, 64_256),
        (SERVER, "A", 0, 66, 65_152),
    ]);
    replay(&acts, &rows);
}

/// c01_paho_q0_16, connection 0: the subscriber; the broker answers DISCONNECT with its FIN.
#[test]
fn paho_subscriber() {
    let acts = [
        Write(125, CLIENT, 17),
        Write(254, SERVER, 4),
        Write(993, CLIENT, 11),
        Write(1_059, SERVER, 5),
        Write(331_870, SERVER, 24),
        Write(734_055, CLIENT, 2),
        Close(734_194, SERVER),
        Close(734_231, CLIENT),
    ];
    let rows = after_handshake(&[
        (CLIENT, "AP", 17, 83, 64_256),
        (SERVER, "A", 0, 66, 65_152),
        (SERVER, "AP", 4, 70, 65_152),
        (CLIENT, "A", 0, 66, 64_256),
        (CLIENT, "AP", 11, 77, 64_256),
        (SERVER, "AP", 5, 71, 65_152),
        (CLIENT, "A", 0, 66, 64_256),
        (SERVER, "AP", 24, 90, 65_152),
        (CLIENT, "A", 0, 66, 64_256),
        (CLIENT, "AP", 2, 68, 64_256),
        (SERVER, "AF", 0, 66, 65_152),
        (CLIENT, "AF", 0, 66, 64_256),
        (SERVER, "A", 0, 66, 65_152),
    ]);
    replay(&acts, &rows);
}
