//! What there is to measure: temperature, humidity and flame over time at a place, and what a camera sees.
//!
//! **Models** a site by a course of temperature and of humidity (steps, straight lines, or a recorded
//! trace) and by fires. A fire begins at a point and spreads outwards at a constant speed; where its
//! front has passed, the flame sensor sees it and the temperature rises at a constant rate up to a
//! limit. Measurements carry normal noise and are rounded to the sensor's step.
//!
//! **Leaves out** the physics of combustion and of air: a fire neither goes out nor heats what it has not
//! reached.
//!
//! **Parameters** with units are the fields of [`Site`], [`Fire`] and [`Course`].

use std::sync::Arc;

use sim_core::random::Stream;
use sim_core::time::SimTime;

use super::message::Reading;

/// A quantity over time.
#[derive(Clone, PartialEq, Debug)]
pub enum Course {
    /// Always the same.
    Constant(f64),
    /// Each value holds from its instant on; before the first one, the first.
    Steps(Arc<[(SimTime, f64)]>),
    /// Straight lines from point to point, constant before the first and after the last: ramps, and
    /// recorded traces.
    Lines(Arc<[(SimTime, f64)]>),
}

impl Course {
    /// The value at an instant; 0 for a course without points.
    #[must_use]
    pub fn at(&self, now: SimTime) -> f64 {
        match self {
            Course::Constant(value) => *value,
            Course::Steps(points) => {
                let next = points.partition_point(|&(at, _)| at <= now);
                points.get(next.saturating_sub(1)).map_or(0.0, |&(_, value)| value)
            }
            Course::Lines(points) => {
                let next = points.partition_point(|&(at, _)| at <= now);
                match (next.checked_sub(1).map(|last| points[last]), points.get(next)) {
                    (Some((from, low)), Some(&(to, high))) => {
                        let part = seconds(from, now) / seconds(from, to);
                        low + (high - low) * part
                    }
                    (Some((_, value)), None) | (None, Some(&(_, value))) => value,
                    (None, None) => 0.0,
                }
            }
        }
    }
}

fn seconds(from: SimTime, to: SimTime) -> f64 {
    to.saturating_since(from).as_secs_f64()
}

/// A fire.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fire {
    /// When it begins.
    pub start: SimTime,
    /// Where it begins, in metres.
    pub origin_m: (f64, f64),
    /// How fast its front moves, in m/s; 0 for a fire that stays at its origin.
    pub spread_m_per_s: f64,
    /// How fast it heats what it has reached, in °C/s.
    pub heating_c_per_s: f64,
    /// What it adds to the temperature at most, in °C.
    pub limit_c: f64,
    /// What a flame sensor reads that it has reached: 0 to 1,024.
    pub flame: u16,
}

/// Objects before a camera.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sight {
    /// What they are, in the word of whoever recognises them.
    pub kind: String,
    /// How many.
    pub count: u32,
    /// From when.
    pub from: SimTime,
    /// Until when; not at this instant any more.
    pub to: SimTime,
}

/// Where a node stands and what is around it.
#[derive(Clone, PartialEq, Debug)]
pub struct Site {
    /// Its place, in metres.
    pub position_m: (f64, f64),
    /// Temperature without fires, in °C.
    pub temperature_c: Course,
    /// Relative humidity in percent.
    pub humidity_percent: Course,
    /// Standard deviation of a measured temperature, in °C.
    pub noise_c: f64,
    /// The fires of the scenario.
    pub fires: Arc<[Fire]>,
    /// What a camera sees, if there is one.
    pub sights: Arc<[Sight]>,
}

/// What a flame sensor reads without a flame.
pub const NO_FLAME: u16 = 1_024;

impl Site {
    /// When a fire reaches this place, if it does.
    fn reached(&self, fire: &Fire) -> Option<SimTime> {
        let (x, y) = (self.position_m.0 - fire.origin_m.0, self.position_m.1 - fire.origin_m.1);
        // IEEE 754 fixes the square root to the last bit, unlike the transcendental functions.
        let distance_m = (x * x + y * y).sqrt();
        if distance_m == 0.0 {
            return Some(fire.start);
        }
        (fire.spread_m_per_s > 0.0).then(|| {
            SimTime::from_nanos(fire.start.as_nanos() + (distance_m / fire.spread_m_per_s * 1e9) as u64)
        })
    }

    /// The true temperature in °C.
    #[must_use]
    pub fn temperature_c(&self, now: SimTime) -> f64 {
        let heat = |fire: &Fire| match self.reached(fire) {
            Some(at) => (seconds(at, now) * fire.heating_c_per_s).min(fire.limit_c),
            None => 0.0,
        };
        self.temperature_c.at(now) + self.fires.iter().map(heat).sum::<f64>()
    }

    /// What the flame sensor reads: the strongest flame that has reached it.
    #[must_use]
    pub fn flame(&self, now: SimTime) -> u16 {
        let here = |fire: &&Fire| self.reached(fire).is_some_and(|at| at <= now);
        self.fires.iter().filter(here).map(|fire| fire.flame).min().unwrap_or(NO_FLAME)
    }

    /// When the flame sensor's digital output falls for the first time after `after`; [`SimTime::MAX`] if
    /// it never does. The output stays low, so a second fire makes no second edge.
    #[must_use]
    pub fn flame_edge(&self, after: SimTime) -> SimTime {
        let first = self.fires.iter().filter_map(|fire| self.reached(fire)).min().unwrap_or(SimTime::MAX);
        if first > after { first } else { SimTime::MAX }
    }

    /// Number of objects of these kinds before the camera, and since when the first of them has been there.
    #[must_use]
    pub fn objects(&self, now: SimTime, kinds: &[String]) -> (u32, Option<SimTime>) {
        let here = |sight: &&Sight| sight.from <= now && now < sight.to && kinds.contains(&sight.kind);
        let seen = || self.sights.iter().filter(here);
        (seen().map(|sight| sight.count).sum(), seen().map(|sight| sight.from).min())
    }

    /// A measured temperature, rounded to the sensor's whole degree (DHT11).
    pub fn measure_temperature(&self, now: SimTime, draws: &mut Stream) -> Reading {
        let noise_c = if self.noise_c > 0.0 { draws.normal(0.0, self.noise_c) } else { 0.0 };
        Reading::TemperatureC((self.temperature_c(now) + noise_c).round() as i32)
    }

    /// A measured humidity, rounded to the sensor's whole percent (DHT11).
    #[must_use]
    pub fn measure_humidity(&self, now: SimTime) -> Reading {
        Reading::HumidityPercent(self.humidity_percent.at(now).round() as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(secs: u64) -> SimTime {
        SimTime::from_secs(secs)
    }

    fn site(x: f64, fires: &[Fire]) -> Site {
        Site {
            position_m: (x, 0.0),
            temperature_c: Course::Constant(20.0),
            humidity_percent: Course::Constant(45.0),
            noise_c: 0.0,
            fires: fires.into(),
            sights: [].into(),
        }
    }

    #[test]
    fn a_camera_sees_what_is_there_at_its_instant() {
        let sight =
            |kind: &str, count, from, to| Sight { kind: kind.into(), count, from: s(from), to: s(to) };
        let sights = [sight("person", 1, 10, 20), sight("person", 2, 15, 30), sight("dog", 1, 0, 99)];
        let site = Site { sights: sights.into(), ..site(0.0, &[]) };
        let people = ["person".to_owned()];
        let seen = |secs| site.objects(s(secs), &people);
        assert_eq!([seen(9), seen(10)], [(0, None), (1, Some(s(10)))]);
        assert_eq!([seen(15), seen(20), seen(30)], [(3, Some(s(10))), (2, Some(s(15))), (0, None)]);
        assert_eq!(site.objects(s(15), &[]), (0, None));
    }

    const FIRE: Fire = Fire {
        start: SimTime::from_secs(100),
        origin_m: (0.0, 0.0),
        spread_m_per_s: 0.5,
        heating_c_per_s: 0.2,
        limit_c: 30.0,
        flame: 60,
    };

    #[test]
    fn courses_step_and_run_straight() {
        let points: Arc<[(SimTime, f64)]> = [(s(10), 20.0), (s(20), 30.0)].into();
        let steps = Course::Steps(points.clone());
        let lines = Course::Lines(points);
        let at = |course: &Course| [0, 10, 15, 20, 99].map(|secs| course.at(s(secs)));
        assert_eq!(at(&steps), [20.0, 20.0, 20.0, 30.0, 30.0]);
        assert_eq!(at(&lines), [20.0, 20.0, 25.0, 30.0, 30.0]);
        assert_eq!(Course::Lines([].into()).at(s(1)), 0.0);
    }

    #[test]
    fn a_fire_arrives_with_its_front_and_heats_up_to_its_limit() {
        let near = site(10.0, &[FIRE]);
        assert_eq!(near.flame_edge(s(0)), s(120), "10 m at 0.5 m/s after 100 s");
        assert_eq!((near.flame(s(119)), near.flame(s(120))), (NO_FLAME, 60));
        assert_eq!(near.temperature_c(s(120)), 20.0);
        assert_eq!(near.temperature_c(s(170)), 30.0);
        assert_eq!(near.temperature_c(s(100_000)), 50.0);
        assert_eq!(near.flame_edge(s(120)), SimTime::MAX, "one edge only");
    }

    #[test]
    fn a_fire_that_stays_reaches_nobody_else() {
        let still = Fire { spread_m_per_s: 0.0, ..FIRE };
        assert_eq!(site(1.0, &[still]).flame_edge(s(0)), SimTime::MAX);
        assert_eq!(site(0.0, &[still]).flame_edge(s(0)), s(100));
    }
}
