//! From a sample to a severity.

use std::time::Duration;

use sim_core::random::Stream;
use sim_core::time::SimTime;

use super::{Action, SensorNode, Step};
use crate::alert::message::Reading;

/// Pauses of one sample of the DHT sensor as the code has them: 0.15, 0.01 and 0.05 s.
const READ_PAUSE: Duration = Duration::from_millis(210);

/// The further pause where the flame sensor is read.
const FLAME_PAUSE: Duration = Duration::from_millis(50);

impl SensorNode {
    pub(super) fn sample(&mut self) {
        if self.plan.camera.is_some() {
            let steps = [Step::Do(Action::TakePicture), Step::Do(Action::Recognise), Step::Look];
            self.script.extend(steps.into_iter().chain([Step::PublishReadings]));
            return;
        }
        let flame = self.severity().reads_flame();
        self.script.extend([
            Step::Pause(if flame { READ_PAUSE + FLAME_PAUSE } else { READ_PAUSE }),
            Step::PublishReadings,
        ]);
    }

    pub(super) fn read_sensors(&mut self, now: SimTime, draws: &mut Stream) {
        self.tally.samples += 1;
        self.readings.clear();
        if self.severity().reads_flame() {
            self.readings.push(Reading::Flame(self.site.flame(now)));
        }
        self.readings.push(self.site.measure_temperature(now, draws));
        self.readings.push(self.site.measure_humidity(now));
    }

    /// Each reading is published before the mode is decided on.
    pub(super) fn publish_readings(&mut self) {
        for &reading in &self.readings {
            let topic = self.place.sensor(reading.data_name());
            let text = reading.text(self.plan.switches.form);
            self.script.push_back(Step::Do(Action::Publish { topic, text, for_server: true }));
        }
        self.script.push_back(Step::Decide);
    }

    pub(super) fn decide(&mut self, now: SimTime) {
        let (mut temperature_c, mut flame, mut objects) = (0.0, None, 0);
        for reading in self.readings.drain(..) {
            match reading {
                Reading::TemperatureC(c) => temperature_c = f64::from(c),
                Reading::Flame(value) => flame = Some(value),
                Reading::Objects(count) => objects = count,
                Reading::HumidityPercent(_) => {}
            }
        }
        let before = self.severity();
        let after = match &self.plan.camera {
            Some(camera) => camera.decide(objects),
            None => {
                self.window.push(now, temperature_c);
                let rate = self.window.rate(self.plan.switches.rate);
                self.plan.rules.decide(before, flame, rate, temperature_c)
            }
        };
        if after != before {
            self.enter(after, now);
        }
    }
}
