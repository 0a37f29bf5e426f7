//! Flow control: lazy readers, closed windows, probes.

use super::harness::{CLIENT, Fate, Path, SERVER, ms, publish};
use crate::tcp::{Config, State};
use sim_core::time::SimTime;

const BYTES: usize = 1_000_000;

/// A sender with a megabyte and a receiver that reads nothing.
fn lazy() -> Path {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    path.readers[SERVER] = false;
    for chunk in publish(1, BYTES) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(2_000));
    path
}

#[test]
fn unread_bytes_close_the_window() {
    let path = lazy();
    let unread = path.ends[SERVER].buffered();
    assert!((60_000..300_000).contains(&unread), "{unread}");
    assert!(path.acknowledgements(SERVER).last().unwrap().window < 1_448);
    assert_eq!(path.ends[CLIENT].unacknowledged(), 0);
    assert_eq!(path.ends[CLIENT].unsent(), BYTES - unread);
}

#[test]
fn a_closed_window_is_probed_ever_more_rarely() {
    let mut path = lazy();
    path.frames.clear();
    path.run_for(ms(100_000));
    let probes: Vec<_> = path.script(CLIENT).iter().map(|frame| frame.0).collect();
    let gaps: Vec<_> = probes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((4..9).contains(&gaps.len()), "{gaps:?}");
    assert!(gaps.windows(2).all(|pair| pair[1].abs_diff(2 * pair[0]) <= pair[0] / 8), "{gaps:?}");
    assert_eq!(path.acknowledgements(SERVER).len(), probes.len(), "each probe is answered");
    assert_eq!(path.states(), [State::Established; 2]);
}

#[test]
fn reading_opens_the_window_and_says_so() {
    let mut path = lazy();
    path.readers[SERVER] = true;
    path.run_for(ms(5_000));
    assert_eq!(path.received_bytes(SERVER).len(), BYTES);
    assert_eq!(path.ends[CLIENT].buffered(), 0);
}

#[test]
fn a_lost_window_update_is_made_good_by_a_probe() {
    let mut path = lazy();
    let opened = path.now;
    path.fate(
        move |frame| if frame.from == SERVER && frame.at == opened { Fate::Lose } else { Fate::Deliver },
    );
    path.readers[SERVER] = true;
    path.run_for(ms(20_000));
    assert_eq!(path.received_bytes(SERVER).len(), BYTES);
}

#[test]
fn a_peer_that_never_opens_its_window_is_kept_as_long_as_it_answers() {
    let mut path = lazy();
    path.run_for(ms(3_600_000));
    assert_eq!(path.states(), [State::Established; 2]);
    path.fate(|frame| if frame.from == SERVER { Fate::Lose } else { Fate::Deliver });
    path.run();
    assert_eq!(path.states()[CLIENT], State::Closed, "silence ends it");
    assert!(path.now > SimTime::from_secs(3_600));
}

#[test]
fn a_fin_waits_behind_a_closed_window() {
    let mut path = lazy();
    path.close(CLIENT);
    path.run_for(ms(10_000));
    assert_eq!(path.states(), [State::FinWait1, State::Established]);
    path.readers[SERVER] = true;
    path.run_for(ms(20_000));
    assert_eq!(path.received_bytes(SERVER).len(), BYTES);
    assert_eq!(path.states(), [State::FinWait2, State::CloseWait]);
}
