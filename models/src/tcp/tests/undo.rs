//! Needless repairs: what is taken back, and when a timeout is believed.

use super::bulk::{D20, IMAGE, Outcome, transfer};
use super::harness::{CLIENT, Fate, Frame, SERVER, ms};
use crate::tcp::{Config, Statistics};

/// From 70 to 500 ms after the first byte the path holds what the client sends.
fn standstill(config: &Config) -> Outcome {
    let mut start = None;
    transfer(config, D20, None, IMAGE, move |frame: &Frame| {
        let since = frame.at - *start.get_or_insert(frame.at);
        let held = frame.from == CLIENT && since >= ms(70) && since < ms(500);
        if held { Fate::Late(ms(500) - since) } else { Fate::Deliver }
    })
}

fn statistics(outcome: &Outcome) -> Statistics {
    outcome.path.ends[CLIENT].statistics()
}

/// A path that stands still: the timer expires, and the answer to the first transmission comes.
#[test]
fn a_timeout_before_its_time_is_taken_back_by_timestamps() {
    let outcome = standstill(&Config::linux());
    let believed = standstill(&Config { undo: false, frto: false, ..Config::linux() });
    assert_eq!(statistics(&outcome).timeouts, 1);
    assert_eq!(statistics(&outcome).undone, 1);
    // The head once, perhaps a probe; all the rest was never lost. Without it the flight goes again.
    assert!(outcome.again.len() <= 2, "{:?}", outcome.again);
    assert!(believed.again.len() > 10, "{:?}", believed.again.len());
    assert!(outcome.path.ends[CLIENT].cwnd() > 2 * believed.path.ends[CLIENT].ssthresh() / 3);
    assert!(outcome.puback_ms < believed.puback_ms, "{} {}", outcome.puback_ms, believed.puback_ms);
}

/// The same without timestamps, where F-RTO can tell: step 3b, data sent once is acknowledged.
#[test]
fn a_timeout_before_its_time_is_taken_back_by_new_data() {
    let quiet = Config { timestamps: false, tail_loss_probe: false, rack: false, ..Config::linux() };
    let outcome = standstill(&quiet);
    let believed = standstill(&Config { frto: false, undo: false, ..quiet });
    assert_eq!((statistics(&outcome).timeouts, statistics(&outcome).undone), (1, 1));
    assert_eq!(outcome.again.len(), 1, "{:?}", outcome.again);
    assert!(believed.again.len() > 10, "{:?}", believed.again.len());
}

/// RFC 5682 §3.1: after a real timeout the first answer brings new data, its answer the repair.
#[test]
fn a_true_timeout_is_believed_after_new_data_arrived_alone() {
    let mut start = None;
    let outcome = transfer(&Config::linux(), D20, None, IMAGE, move |frame: &Frame| {
        let since = frame.at - *start.get_or_insert(frame.at);
        if since >= ms(70) && since < ms(370) { Fate::Lose } else { Fate::Deliver }
    });
    assert!(statistics(&outcome).timeouts >= 1);
    assert_eq!(statistics(&outcome).undone, 0);
    let first_again = outcome.again.iter().find(|again| again.0 > 370.0).unwrap().0;
    let frames = outcome.path.data(CLIENT);
    let begin = frames[0].at;
    let after: Vec<bool> = frames
        .iter()
        .filter(|frame| (frame.at - begin).as_secs_f64() * 1e3 > first_again)
        .map(|frame| frame.retransmission)
        .collect();
    assert_eq!(after[..3], [false, false, true], "two new segments, then what was lost");
}

/// A segment that is late by more than the reordering window: sent again for nothing, and the report of
/// the duplicate gives the window back.
#[test]
fn a_reduction_for_a_late_segment_is_taken_back() {
    for timestamps in [true, false] {
        let config = Config { timestamps, ..Config::linux() };
        let mut count = 0;
        let outcome = transfer(&config, D20, None, IMAGE, move |frame: &Frame| {
            count += usize::from(frame.from == CLIENT);
            if count == 40 && frame.from == CLIENT { Fate::Late(ms(30)) } else { Fate::Deliver }
        });
        assert_eq!(outcome.again.len(), 1, "{:?}", outcome.again);
        assert_eq!((statistics(&outcome).fast_retransmits, statistics(&outcome).undone), (1, 1));
        assert_eq!(outcome.path.ends[CLIENT].ssthresh(), u32::MAX, "as before the reduction");
    }
}

/// The receiver's part: what arrives twice is reported once, in the first block (RFC 2883 §4).
#[test]
fn what_arrives_twice_is_reported() {
    let mut count = 0;
    let outcome = transfer(&Config::linux(), D20, None, IMAGE, move |frame: &Frame| {
        count += usize::from(frame.from == CLIENT);
        if count == 40 && frame.from == CLIENT { Fate::Twice } else { Fate::Deliver }
    });
    let reports = outcome.path.frames.iter().filter(|frame| frame.from == SERVER && frame.options > 12);
    assert_eq!(reports.count(), 1);
    assert_eq!(outcome.again.len(), 0);
}
