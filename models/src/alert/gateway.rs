//! The level 1 gateway's program: what is new goes on, many readings at a time; what alarms goes at once.
//!
//! **Models** the node between the sensors of a site and the server, which the paper's Fig. 1 has and its code
//! has not. It listens to the control and sensor topics of its site at the site's broker. A *reading* that is
//! no further than the dead band from the last one passed on is held to say nothing new, and goes no further,
//! unless that last one is older than the heartbeat. What passes is collected into a batch ([`super::batch`]);
//! it leaves when it is full or its oldest reading has waited long enough. A *node in alarm* (it has published
//! Warning or Danger, and not Normal since) is another matter: all its readings pass, the batch waits for
//! hardly any time, and the alarm itself is a control message, which the bridge of the site's broker passes on
//! as it comes.
//!
//! **Leaves out** any change of units or of clocks: a reading counts from its arrival.
//!
//! **Parameters**: [`GatewayPlan`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;

use super::batch::{self, Sample};
use super::message::{BATCH, Command, Kind, Reading, Sensor};
use super::severity::SeverityMode;
use super::topics::Place;

/// What a gateway is.
#[derive(Clone, PartialEq, Debug)]
pub struct GatewayPlan {
    /// Where it stands and what it is called; it hears nodes of this network and publishes below this place.
    pub place: Place,
    /// Change of each sensor's value, by [`Sensor`], that is still none: 0 passes every change. `None` passes
    /// every reading.
    pub dead_band: [Option<f64>; Sensor::ALL.len()],
    /// Age of the last reading passed on from which the next one passes whatever it is.
    pub heartbeat: Option<Duration>,
    /// Readings at which a batch is full; at least 1.
    pub readings: u32,
    /// Longest wait of a reading.
    pub wait: Duration,
    /// The same while a node of the batch is in alarm.
    pub alarm_wait: Duration,
    /// How a batch is written.
    pub form: batch::Form,
}

/// What a gateway has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Books {
    /// Readings that came.
    pub received: u64,
    /// Bytes of their topics and texts.
    pub bytes_received: u64,
    /// Readings that went on.
    pub passed: u64,
    /// Batches that left.
    pub batches: u64,
    /// Bytes of the batches and their topic.
    pub bytes_sent: u64,
    /// Readings that were in a batch when the program was killed.
    pub forgotten: u64,
}

/// A batch that is to leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// The payload.
    pub bytes: Vec<u8>,
    /// When its oldest reading came.
    pub since: SimTime,
}

/// What was last passed on of one sensor.
#[derive(Clone, Copy, Debug)]
struct Passed {
    value: i32,
    at: SimTime,
}

/// What the gateway remembers of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    alarmed: bool,
    passed: [Option<Passed>; Sensor::ALL.len()],
}

/// A gateway at work.
#[derive(Clone, Debug)]
pub struct Gateway {
    plan: Arc<GatewayPlan>,
    nodes: BTreeMap<String, Known>,
    /// Readings of the next batch.
    pending: Vec<Sample>,
    /// When the first of them came.
    since: SimTime,
    /// When the batch leaves at the latest.
    leaves_at: SimTime,
    topic_length: u64,
    books: Books,
}

impl Gateway {
    /// A gateway that has heard nothing yet.
    #[must_use]
    pub fn new(plan: Arc<GatewayPlan>) -> Self {
        let topic_length = plan.place.sensor(BATCH).len() as u64;
        Gateway {
            plan,
            nodes: BTreeMap::new(),
            pending: Vec::new(),
            since: SimTime::MAX,
            leaves_at: SimTime::MAX,
            topic_length,
            books: Books::default(),
        }
    }

    /// The filters it subscribes to at its site's broker.
    #[must_use]
    pub fn filters(&self) -> [String; 2] {
        self.plan.place.server_filters(false)
    }

    /// Where it publishes.
    #[must_use]
    pub fn topic(&self) -> String {
        self.plan.place.sensor(BATCH)
    }

    /// What it has done.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Bytes of the readings that wait, as the program holds them.
    #[must_use]
    pub fn held(&self) -> u64 {
        (self.pending.len() * size_of::<Sample>()) as u64
    }

    /// The program was killed: what it held is lost.
    pub fn restarted(&mut self) {
        self.books.forgotten += self.pending.len() as u64;
        self.pending.clear();
        self.nodes.clear();
        (self.since, self.leaves_at) = (SimTime::MAX, SimTime::MAX);
    }

    /// A message came. Returns whether it was a reading, which is then the gateway's business and nobody
    /// else's.
    pub fn received(&mut self, now: SimTime, topic: &str, text: &str) -> bool {
        let node = topic.split('/').nth(1).unwrap_or_default();
        match Kind::of(topic) {
            Kind::Control => {
                if let Some(Command::PublishSeverity(mode)) = Command::within(text) {
                    let alarmed = mode >= SeverityMode::Warning;
                    self.known(node).alarmed = alarmed;
                    // What led to the alarm goes with it.
                    if alarmed && !self.pending.is_empty() {
                        self.leaves_at = self.leaves_at.min(now + self.plan.alarm_wait);
                    }
                }
                false
            }
            Kind::Data => {
                self.books.received += 1;
                self.books.bytes_received += (topic.len() + text.len()) as u64;
                let name = topic.rsplit('/').next().unwrap_or_default();
                if let Some(reading) = Reading::within(name, text) {
                    self.read(now, node, reading);
                }
                true
            }
            // Its own batches come back to it.
            Kind::Batch | Kind::Other => false,
        }
    }

    fn known(&mut self, node: &str) -> &mut Known {
        if !self.nodes.contains_key(node) {
            self.nodes.insert(node.to_owned(), Known::default());
        }
        self.nodes.get_mut(node).expect("entered above")
    }

    fn read(&mut self, now: SimTime, node: &str, reading: Reading) {
        let place = reading.sensor() as usize - 1;
        let (band, heartbeat) = (self.plan.dead_band[place], self.plan.heartbeat);
        let known = self.known(node);
        let alarmed = known.alarmed;
        let says_nothing_new = |last: Passed| {
            let near = band.is_some_and(|band| f64::from(reading.value().abs_diff(last.value)) <= band);
            let fresh = heartbeat.is_none_or(|longest| now.saturating_since(last.at) < longest);
            near && fresh
        };
        if !alarmed && known.passed[place].is_some_and(says_nothing_new) {
            return;
        }
        known.passed[place] = Some(Passed { value: reading.value(), at: now });
        self.books.passed += 1;
        if self.pending.is_empty() {
            self.since = now;
            self.leaves_at = now + self.plan.wait;
        }
        if alarmed {
            self.leaves_at = self.leaves_at.min(now + self.plan.alarm_wait);
        }
        self.pending.push(Sample {
            node: node.to_owned(),
            sensor: reading.sensor(),
            at_s: now.as_nanos() / 1_000_000_000,
            value: reading.value(),
        });
        if self.pending.len() as u64 >= u64::from(self.plan.readings) {
            self.leaves_at = now;
        }
    }

    /// When a batch leaves.
    #[must_use]
    pub fn poll_timeout(&self) -> SimTime {
        self.leaves_at
    }

    /// The batch that is to leave now.
    pub fn poll_batch(&mut self, now: SimTime) -> Option<Batch> {
        if self.leaves_at > now {
            return None;
        }
        self.leaves_at = SimTime::MAX;
        let bytes = batch::encode(self.plan.form, &mut self.pending);
        self.pending.clear();
        self.books.batches += 1;
        self.books.bytes_sent += self.topic_length + bytes.len() as u64;
        Some(Batch { bytes, since: self.since })
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Form;
    use super::super::topics::tests::cn2;
    use super::*;

    fn s(secs: u64) -> SimTime {
        SimTime::from_secs(secs)
    }

    fn gateway(readings: u32) -> Gateway {
        Gateway::new(Arc::new(GatewayPlan {
            place: Place { node: "GW1".into(), ..cn2() },
            dead_band: [Some(1.0), Some(0.0), None, None],
            heartbeat: Some(Duration::from_secs(600)),
            readings,
            wait: Duration::from_secs(300),
            alarm_wait: Duration::from_secs(1),
            form: batch::Form::Deltas,
        }))
    }

    fn hear(gateway: &mut Gateway, at: u64, reading: Reading) {
        let topic = cn2().sensor(reading.data_name());
        assert!(gateway.received(s(at), &topic, &reading.text(Form::Bracketed)));
    }

    fn severity(gateway: &mut Gateway, at: u64, mode: SeverityMode) {
        let text = Command::PublishSeverity(mode).text(Form::Bracketed);
        assert!(!gateway.received(s(at), &cn2().control(), &text), "control is the server's business");
    }

    fn values(gateway: &mut Gateway, at: u64) -> Vec<(u64, i32)> {
        let batch = gateway.poll_batch(s(at)).expect("a batch");
        batch::decode(&batch.bytes).unwrap().iter().map(|sample| (sample.at_s, sample.value)).collect()
    }

    #[test]
    fn what_says_nothing_new_goes_no_further() {
        let mut gateway = gateway(100);
        for (minute, c) in [20, 21, 20, 22, 23, 24].into_iter().enumerate() {
            hear(&mut gateway, 30 * minute as u64, Reading::TemperatureC(c));
        }
        // 20 passes as the first, 22 is the first further than 1 away from it, 24 from 22.
        assert_eq!(gateway.poll_timeout(), s(300));
        assert_eq!(gateway.poll_batch(s(299)), None);
        assert_eq!(values(&mut gateway, 300), [(0, 20), (90, 22), (150, 24)]);
        assert_eq!(gateway.poll_timeout(), SimTime::MAX);
        // The heartbeat counts from the last reading passed.
        hear(&mut gateway, 749, Reading::TemperatureC(24));
        assert_eq!(gateway.poll_timeout(), SimTime::MAX);
        hear(&mut gateway, 750, Reading::TemperatureC(24));
        assert_eq!(gateway.poll_timeout(), s(1_050));
        assert_eq!((gateway.books().received, gateway.books().passed), (8, 4));
    }

    #[test]
    fn a_dead_band_of_nothing_passes_changes_and_none_passes_all() {
        let mut gateway = gateway(100);
        for (at, percent) in [(0, 45), (60, 45), (120, 46)] {
            hear(&mut gateway, at, Reading::HumidityPercent(percent));
        }
        hear(&mut gateway, 121, Reading::Flame(1_024));
        hear(&mut gateway, 161, Reading::Flame(1_024));
        assert_eq!(gateway.books().passed, 2 + 2);
    }

    #[test]
    fn a_full_batch_leaves_at_once() {
        let mut gateway = gateway(2);
        hear(&mut gateway, 10, Reading::Flame(1_024));
        assert_eq!(gateway.poll_timeout(), s(310));
        hear(&mut gateway, 20, Reading::Flame(1_000));
        assert_eq!(gateway.poll_timeout(), s(20));
        assert_eq!(gateway.poll_batch(s(20)).expect("full").since, s(10));
        assert_eq!(gateway.poll_batch(s(20)), None);
    }

    #[test]
    fn an_alarm_lets_everything_pass_and_soon() {
        let mut gateway = gateway(100);
        hear(&mut gateway, 0, Reading::TemperatureC(20));
        severity(&mut gateway, 10, SeverityMode::Warning);
        assert_eq!(gateway.poll_timeout(), s(11), "what led to the alarm goes with it");
        assert_eq!(values(&mut gateway, 11), [(0, 20)]);
        hear(&mut gateway, 50, Reading::TemperatureC(20));
        assert_eq!(gateway.poll_timeout(), s(51));
        assert_eq!(values(&mut gateway, 51), [(50, 20)]);
        severity(&mut gateway, 90, SeverityMode::Normal);
        hear(&mut gateway, 150, Reading::TemperatureC(20));
        assert_eq!(gateway.poll_timeout(), SimTime::MAX, "calm again");
    }

    #[test]
    fn a_killed_program_forgets_its_batch() {
        let mut gateway = gateway(100);
        hear(&mut gateway, 0, Reading::TemperatureC(20));
        gateway.restarted();
        assert_eq!((gateway.poll_timeout(), gateway.books().forgotten), (SimTime::MAX, 1));
        hear(&mut gateway, 60, Reading::TemperatureC(20));
        assert_eq!(gateway.poll_timeout(), s(360), "and what it had passed on");
    }
}
