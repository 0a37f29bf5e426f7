//! Progress of a long run, on a terminal only.

use std::io::{self, IsTerminal};
use std::time::Duration;
#[expect(clippy::disallowed_types, reason = "how long a run takes is measured by the wall clock")]
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sim_core::time::SimTime;

use crate::execute;

/// Milliseconds of simulated time are what the bar counts.
const UNIT_NS: u64 = 1_000_000;

/// A bar that appears when a run takes longer than a moment, and the clock that times the run.
#[expect(clippy::disallowed_types, reason = "how long a run takes is measured by the wall clock")]
pub(super) struct Progress {
    bar: ProgressBar,
    begun: Instant,
}

#[expect(clippy::disallowed_types, reason = "how long a run takes is measured by the wall clock")]
impl Progress {
    pub(super) fn start(duration: Duration, quiet: bool) -> Self {
        let visible = !quiet && io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(duration.as_nanos() as u64 / UNIT_NS), target);
        let template = "{bar:32} {percent:>3} %  {msg}  {eta} left";
        bar.set_style(ProgressStyle::with_template(template).expect("a template that indicatif knows"));
        Progress { bar, begun: Instant::now() }
    }

    /// Shows how far the run is.
    pub(super) fn show(&mut self, at: execute::Standing) {
        let wall = self.begun.elapsed().as_secs_f64().max(1e-9);
        // Runs of a moment leave no trace.
        if wall < 0.5 {
            return;
        }
        self.bar.set_position(at.now.saturating_since(SimTime::ZERO).as_nanos() as u64 / UNIT_NS);
        let speed = at.now.as_secs_f64() / wall;
        let events = at.events as f64 / wall / 1e6;
        self.bar.set_message(format!("{events:.1} million events/s, {speed:.1} simulated s per s"));
    }

    /// Takes the bar away; returns how long the run took.
    pub(super) fn finish(self) -> Duration {
        self.bar.finish_and_clear();
        self.begun.elapsed()
    }
}

/// The bar of a sweep: runs done, runs and events a second, time left.
#[expect(clippy::disallowed_types, reason = "how long a sweep takes is measured by the wall clock")]
pub(super) struct SweepProgress {
    bar: ProgressBar,
    begun: Instant,
}

#[expect(clippy::disallowed_types, reason = "how long a sweep takes is measured by the wall clock")]
impl SweepProgress {
    pub(super) fn start(quiet: bool) -> Self {
        let visible = !quiet && io::stderr().is_terminal();
        let target =
            if visible { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let template = "{bar:32} {pos} of {len} runs  {msg}  {eta} left";
        bar.set_style(ProgressStyle::with_template(template).expect("a template that indicatif knows"));
        SweepProgress { bar, begun: Instant::now() }
    }

    /// Shows how far the sweep is.
    pub(super) fn show(&mut self, at: crate::study::runner::Progress) {
        if self.bar.is_hidden() {
            return;
        }
        let wall = self.begun.elapsed().as_secs_f64().max(1e-9);
        self.bar.set_length(at.total);
        self.bar.set_position(at.done);
        let (runs, events) = (at.done as f64 / wall, at.events as f64 / wall / 1e6);
        self.bar.set_message(format!("{runs:.1} runs/s, {events:.1} million events/s"));
    }

    /// Takes the bar away; returns how long the sweep took.
    pub(super) fn finish(self) -> Duration {
        self.bar.finish_and_clear();
        self.begun.elapsed()
    }
}

/// The clock of a command.
#[expect(clippy::disallowed_types, reason = "how long a command takes is measured by the wall clock")]
pub(super) struct Stopwatch(Instant);

#[expect(clippy::disallowed_types, reason = "how long a command takes is measured by the wall clock")]
impl Stopwatch {
    pub(super) fn start() -> Self {
        Stopwatch(Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
