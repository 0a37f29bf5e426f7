//! From measurements to a severity mode.
//!
//! **Models** the rules of the client node's code: the least-squares slope of the last five
//! temperatures, and thresholds on slope, temperature and flame. The rules have no memory but this
//! window: any mode may follow any other, and there is no hysteresis.
//!
//! **Parameters**: [`Rules`]; the authors' are the default.
//!
//! **Left out**: the coarser floating point of MicroPython on the ESP8266, which may fall on the other
//! side of an exact tie.

use std::time::Duration;

use sim_core::time::SimTime;

/// How alarmed a node is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, serde::Deserialize)]
pub enum SeverityMode {
    /// Sampling every 60 s.
    #[default]
    Normal,
    /// Sampling every 40 s.
    Warning,
    /// Sampling every 20 s.
    Danger,
}

impl SeverityMode {
    /// All modes, from calm to alarmed.
    pub const ALL: [SeverityMode; 3] = [SeverityMode::Normal, SeverityMode::Warning, SeverityMode::Danger];

    /// Time from sample to sample (the paper, section III).
    #[must_use]
    pub const fn period(self) -> Duration {
        match self {
            SeverityMode::Normal => Duration::from_secs(60),
            SeverityMode::Warning => Duration::from_secs(40),
            SeverityMode::Danger => Duration::from_secs(20),
        }
    }

    /// Its name in messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            SeverityMode::Normal => "normalMode",
            SeverityMode::Warning => "warningMode",
            SeverityMode::Danger => "dangerMode",
        }
    }

    /// The mode that a text names; a text that names none means Normal, as in the authors' code.
    #[must_use]
    pub fn within(text: &str) -> SeverityMode {
        let named = |mode: &SeverityMode| text.contains(mode.word());
        SeverityMode::ALL.into_iter().find(named).unwrap_or_default()
    }

    /// Whether the flame sensor is read with each sample; in Normal its digital output interrupts instead.
    #[must_use]
    pub const fn reads_flame(self) -> bool {
        match self {
            SeverityMode::Normal => false,
            SeverityMode::Warning | SeverityMode::Danger => true,
        }
    }
}

/// How the rate of temperature is computed from the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum RateRule {
    /// As if the samples were 40 s apart, whatever the mode: as built.
    FixedGrid,
    /// With the true instants.
    TrueTime,
}

/// The thresholds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rules {
    /// Rate from which a temperature below `danger_c` is a Warning, in °C/s. Default 0.06.
    pub warning_c_per_s: f64,
    /// Rate from which there is Danger, in °C/s. Default 0.1.
    pub danger_c_per_s: f64,
    /// Temperature from which there is a Warning, in °C. Default 28.
    pub warning_c: f64,
    /// Temperature from which there is Danger, in °C. Default 35.
    pub danger_c: f64,
    /// Flame reading below which there is fire; the sensor gives 0 for fire and 1,024 for none. Default 150.
    pub flame_below: u16,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            warning_c_per_s: 0.06,
            danger_c_per_s: 0.1,
            warning_c: 28.0,
            danger_c: 35.0,
            flame_below: 150,
        }
    }
}

impl Rules {
    /// The mode that follows from a sample taken in `mode`. `rate_c_per_s` is the absolute rate of
    /// [`Window::rate`]; `flame` is `None` where the flame sensor was not read.
    #[must_use]
    pub fn decide(
        &self,
        mode: SeverityMode,
        flame: Option<u16>,
        rate_c_per_s: f64,
        temperature_c: f64,
    ) -> SeverityMode {
        let fire = mode.reads_flame() && flame.is_some_and(|reading| reading < self.flame_below);
        if fire || rate_c_per_s >= self.danger_c_per_s || temperature_c >= self.danger_c {
            SeverityMode::Danger
        } else if rate_c_per_s >= self.warning_c_per_s || temperature_c >= self.warning_c {
            SeverityMode::Warning
        } else {
            SeverityMode::Normal
        }
    }
}

/// Number of temperatures that the window holds.
pub const WINDOW: usize = 5;

/// Distance of the samples of [`RateRule::FixedGrid`], in seconds.
const GRID_S: f64 = 40.0;

/// The last temperatures with their instants, oldest first.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Window {
    samples: [(SimTime, f64); WINDOW],
    length: usize,
}

impl Window {
    /// Adds a temperature in °C; of more than [`WINDOW`] the oldest goes.
    pub fn push(&mut self, at: SimTime, temperature_c: f64) {
        if self.length == WINDOW {
            self.samples.rotate_left(1);
            self.length -= 1;
        }
        self.samples[self.length] = (at, temperature_c);
        self.length += 1;
    }

    /// Forgets all temperatures.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// The absolute least-squares slope in °C/s; 0 with fewer than two samples. A fall alarms like a rise.
    #[must_use]
    pub fn rate(&self, rule: RateRule) -> f64 {
        let samples = &self.samples[..self.length];
        if samples.len() < 2 {
            return 0.0;
        }
        let instant = |place: usize, at: SimTime| match rule {
            RateRule::FixedGrid => GRID_S * (place + 1) as f64,
            RateRule::TrueTime => at.as_nanos() as f64 / 1e9,
        };
        let count = samples.len() as f64;
        let points = samples.iter().enumerate().map(|(place, &(at, c))| (instant(place, at), c));
        let (sum_x, sum_y) = points.clone().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        let (mean_x, mean_y) = (sum_x / count, sum_y / count);
        let (mut of_x, mut of_both) = (0.0, 0.0);
        for (x, y) in points {
            of_x += (x - mean_x) * (x - mean_x);
            of_both += (x - mean_x) * (y - mean_y);
        }
        if of_x > 0.0 { (of_both / of_x).abs() } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SeverityMode::{Danger, Normal, Warning};

    fn window(temperatures: &[f64], spacing_s: u64) -> Window {
        let mut window = Window::default();
        for (place, &c) in temperatures.iter().enumerate() {
            window.push(SimTime::from_nanos(place as u64 * spacing_s * 1_000_000_000), c);
        }
        window
    }

    /// Every example of the facts read from the authors' code, section 3.5: window, rate, mode.
    #[test]
    fn the_authors_examples() {
        let examples: [(&[f64], f64, SeverityMode); 16] = [
            (&[20.0, 21.0], 0.025, Normal),
            (&[20.0, 22.0], 0.05, Normal),
            (&[20.0, 23.0], 0.075, Warning),
            (&[20.0, 24.0], 0.1, Danger),
            (&[24.0, 20.0], 0.1, Danger),
            (&[20.0, 20.0, 23.0], 0.0375, Normal),
            (&[20.0, 20.0, 20.0, 20.0, 23.0], 0.015, Normal),
            (&[20.0, 20.0, 20.0, 20.0, 28.0], 0.04, Warning),
            (&[20.0, 22.0, 24.0, 26.0, 28.0], 0.05, Warning),
            (&[20.0, 23.0, 26.0, 29.0, 32.0], 0.075, Warning),
            (&[20.0, 24.0, 28.0, 32.0, 36.0], 0.1, Danger),
            (&[20.0, 20.0, 40.0, 20.0, 20.0], 0.0, Normal),
            (&[20.0, 20.0, 20.0, 25.0, 25.0], 0.0375, Normal),
            (&[27.0, 28.0], 0.025, Warning),
            (&[34.0, 35.0], 0.025, Danger),
            (&[21.1, 22.7, 24.4, 26.2, 28.5], 0.04575, Warning),
        ];
        for (temperatures, expected, mode) in examples {
            let rate = window(temperatures, 60).rate(RateRule::FixedGrid);
            assert!((rate - expected).abs() < 1e-12, "{temperatures:?}: {rate}, not {expected}");
            let newest = temperatures[temperatures.len() - 1];
            assert_eq!(Rules::default().decide(Normal, None, rate, newest), mode, "{temperatures:?}");
        }
    }

    #[test]
    fn one_sample_has_no_rate_and_a_sixth_drives_out_the_first() {
        assert_eq!(window(&[90.0], 60).rate(RateRule::FixedGrid), 0.0);
        let six = window(&[500.0, 20.0, 20.0, 20.0, 20.0, 20.0], 60);
        assert_eq!(six.rate(RateRule::FixedGrid), 0.0);
    }

    #[test]
    fn what_one_jump_at_the_newest_sample_takes() {
        // Degrees for Warning and Danger with n samples, from the same facts; just under does not do.
        for (n, warning_c, danger_c) in [(2, 2.4, 4.0), (3, 4.8, 8.0), (4, 8.0, 40.0 / 3.0), (5, 12.0, 20.0)]
        {
            let rate = |jump: f64| {
                let mut temperatures = vec![0.0; n];
                temperatures[n - 1] = jump;
                window(&temperatures, 60).rate(RateRule::FixedGrid)
            };
            let mode = |jump: f64| {
                Rules { warning_c: 1e9, danger_c: 1e9, ..Rules::default() }.decide(
                    Normal,
                    None,
                    rate(jump),
                    jump,
                )
            };
            assert_eq!(mode(warning_c - 1e-6), Normal, "{n} samples");
            assert_eq!(mode(warning_c + 1e-6), Warning, "{n} samples");
            assert_eq!(mode(danger_c - 1e-6), Warning, "{n} samples");
            assert_eq!(mode(danger_c + 1e-6), Danger, "{n} samples");
        }
    }

    #[test]
    fn a_step_that_lasts_peaks_at_three_quarters_of_a_percent_a_degree() {
        let peak = (1..WINDOW)
            .map(|cold| {
                let mut temperatures = [1.0; WINDOW];
                temperatures[..cold].fill(0.0);
                window(&temperatures, 60).rate(RateRule::FixedGrid)
            })
            .fold(0.0, f64::max);
        assert!((peak - 0.0075).abs() < 1e-15, "{peak}");
    }

    #[test]
    fn true_time_tells_fast_sampling_from_slow() {
        let ramp = [20.0, 22.0, 24.0, 26.0, 28.0];
        let slow = window(&ramp, 60).rate(RateRule::TrueTime);
        let fast = window(&ramp, 20).rate(RateRule::TrueTime);
        assert!((slow - 2.0 / 60.0).abs() < 1e-12 && (fast - 0.1).abs() < 1e-12, "{slow} {fast}");
        assert_eq!(window(&ramp, 20).rate(RateRule::FixedGrid), window(&ramp, 60).rate(RateRule::FixedGrid));
    }

    #[test]
    fn flame_counts_only_where_it_is_read() {
        let rules = Rules::default();
        assert_eq!(rules.decide(Normal, Some(0), 0.0, 20.0), Normal);
        assert_eq!(rules.decide(Warning, Some(149), 0.0, 20.0), Danger);
        assert_eq!(
            rules.decide(Danger, Some(150), 0.0, 20.0),
            Normal,
            "150 is no fire, and Danger has no memory"
        );
        assert_eq!(rules.decide(Warning, None, 0.0, 20.0), Normal);
    }

    #[test]
    fn periods_and_words_are_those_of_the_paper() {
        let periods: Vec<u64> = SeverityMode::ALL.iter().map(|mode| mode.period().as_secs()).collect();
        assert_eq!(periods, [60, 40, 20]);
        for mode in SeverityMode::ALL {
            assert_eq!(SeverityMode::within(mode.word()), mode);
        }
        assert_eq!(SeverityMode::within("anything else"), Normal);
    }
}
