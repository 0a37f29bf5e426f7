//! The client node's program: joins, measures, decides, reports.
//!
//! **Models** the program of a client node as a machine without I/O. It has one thread: each publication
//! and each subscription waits for its acknowledgement before the next step ([`Action`], one at a time),
//! and between steps it listens. Three functional modes: *Initial* until the server has answered, *Active*
//! in one of the severity modes, *Blocked* for ever.
//!
//! | Input | Meaning |
//! | --- | --- |
//! | [`SensorNode::connected`] | the broker accepted the connection: the join begins |
//! | [`SensorNode::acknowledged`] | the last action is done with |
//! | [`SensorNode::received`] | a message came |
//! | [`SensorNode::handle_timeout`] | time passed: a tick, an edge of the flame sensor, a pause over |
//! | [`SensorNode::lost`] | the connection is over |
//!
//! **Switches** ([`NodeSwitches`]) make it the published or the built one. As built, timer and flame input
//! wake the thread by a message to itself, and a message that comes while it waits is lost to it.
//!
//! A node may have a camera instead of the other sensors ([`camera`]), and obeys orders of the server that come
//! on its control topic ([`orders`]), if it hears them at all.
//!
//! **Leaves out** the half second between attempts to connect (the client program has it), and time that
//! the program's own computing takes (the host charges it for each packet).

pub mod camera;
pub mod orders;
mod sampling;
mod tally;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sim_core::random::Stream;
use sim_core::time::SimTime;

use super::configuration;
use super::environment::Site;
use super::message::{Command, Reading};
use super::severity::{Rules, SeverityMode, Window};
use super::topics::{self, Place};
use super::{Handshake, NodeSwitches, WakePath};
use camera::CameraPlan;
pub use tally::Tally;

/// What a node is, shared by all nodes that differ in nothing but their configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct NodePlan {
    /// How it differs from the published or the built one.
    pub switches: NodeSwitches,
    /// Thresholds.
    pub rules: Rules,
    /// Time from sample to sample in each severity mode.
    pub periods: [Duration; 3],
    /// The camera, which then is its only sensor.
    pub camera: Option<CameraPlan>,
}

/// Whether the network has let the node in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FunctionalMode {
    /// Not yet.
    Initial,
    /// It has, and the node samples in this mode.
    Active(SeverityMode),
    /// It has refused.
    Blocked,
}

/// What the program does next; the one before it is acknowledged by then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Publish a text.
    Publish {
        /// Where.
        topic: String,
        /// What.
        text: String,
        /// Whether a server is meant to hear it; otherwise the node speaks to nodes.
        for_server: bool,
    },
    /// Subscribe to one filter.
    Subscribe(String),
    /// Unsubscribe from one filter.
    Unsubscribe(String),
    /// Take a picture.
    TakePicture,
    /// Have the picture looked at; [`SensorNode::recognition_failed`] where nobody does.
    Recognise,
    /// Leave for ever.
    Disconnect,
}

#[derive(Clone, PartialEq, Debug)]
enum Step {
    Do(Action),
    Pause(Duration),
    Look,
    PublishReadings,
    Decide,
    StartTimer,
    Rejoin,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Waiting {
    Listening,
    Acknowledgement,
    Until(SimTime),
}

/// A client node at work.
#[derive(Clone, Debug)]
pub struct SensorNode {
    plan: Arc<NodePlan>,
    configuration: Arc<str>,
    place: Place,
    site: Site,
    mode: FunctionalMode,
    script: VecDeque<Step>,
    waiting: Waiting,
    actions: VecDeque<Action>,
    /// Messages that wait until the program listens, where it does not lose them.
    unread: VecDeque<(String, String)>,
    window: Window,
    readings: Vec<Reading>,
    /// Time from sample to sample in each severity mode: the plan's, or what the server has sent since.
    periods: [Duration; 3],
    /// Kinds of objects that alarm it: the plan's, or what the server has sent since.
    triggers: Vec<String>,
    /// When the last picture was taken.
    picture_at: SimTime,
    next_tick: SimTime,
    /// The flame sensor's next edge after what was seen of it.
    next_edge: SimTime,
    retry_at: SimTime,
    /// An interrupt that came while the program was busy, where it does not lose it.
    pending: Option<Interrupt>,
    tally: Tally,
}

/// What may interrupt the program, the more urgent last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Interrupt {
    Tick,
    Flame,
}

impl Interrupt {
    /// What the program publishes to wake itself.
    const fn text(self) -> &'static str {
        match self {
            Interrupt::Tick => "0",
            Interrupt::Flame => "1",
        }
    }
}

impl SensorNode {
    /// A node with its configuration text, at its site.
    #[must_use]
    pub fn new(plan: Arc<NodePlan>, configuration: Arc<str>, site: Site) -> Self {
        SensorNode {
            place: configuration::place(&configuration),
            periods: plan.periods,
            triggers: plan.camera.as_ref().map(|camera| camera.triggers.clone()).unwrap_or_default(),
            picture_at: SimTime::MAX,
            plan,
            configuration,
            next_edge: site.flame_edge(SimTime::ZERO),
            site,
            mode: FunctionalMode::Initial,
            script: VecDeque::new(),
            waiting: Waiting::Listening,
            actions: VecDeque::new(),
            unread: VecDeque::new(),
            window: Window::default(),
            readings: Vec::new(),
            next_tick: SimTime::MAX,
            retry_at: SimTime::MAX,
            pending: None,
            tally: Tally::default(),
        }
    }

    /// Its functional mode.
    #[must_use]
    pub fn mode(&self) -> FunctionalMode {
        self.mode
    }

    /// Where it stands.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What it has seen.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether its program has ended, or ends with a lost connection.
    #[must_use]
    pub fn ends_with_connection(&self) -> bool {
        match self.mode {
            FunctionalMode::Blocked => true,
            FunctionalMode::Initial | FunctionalMode::Active(_) => self.plan.switches.ends_with_connection,
        }
    }

    /// The broker accepted the connection: the node joins, for the first time or anew.
    pub fn connected(&mut self, now: SimTime) {
        self.mode = FunctionalMode::Initial;
        self.script.clear();
        self.unread.clear();
        self.next_tick = SimTime::MAX;
        let listen = Step::Do(Action::Subscribe(self.place.control()));
        let send = self.send_configuration();
        match self.plan.switches.handshake {
            Handshake::PublishThenSubscribe => self.script.extend([send, listen]),
            Handshake::SubscribeThenPublish => self.script.extend([listen, send]),
        }
        self.retry_at = self.plan.switches.retry_after.map_or(SimTime::MAX, |span| now + span);
        self.waiting = Waiting::Listening;
        self.go_on(now);
    }

    fn send_configuration(&self) -> Step {
        let text =
            Command::PublishConfiguration(self.configuration.to_string()).text(self.plan.switches.form);
        Step::Do(Action::Publish { topic: self.place.control(), text, for_server: true })
    }

    /// The connection is over.
    pub fn lost(&mut self) {
        self.script.clear();
        self.actions.clear();
        self.pending = None;
        self.waiting = Waiting::Listening;
        self.next_tick = SimTime::MAX;
        self.retry_at = SimTime::MAX;
        if self.mode != FunctionalMode::Blocked {
            self.mode = FunctionalMode::Initial;
        }
    }

    /// The program starts anew: what it had in RAM is lost, files are not. A new configuration and its periods
    /// are in a file, triggers are not.
    pub fn restarted(&mut self) {
        self.lost();
        self.mode = FunctionalMode::Initial;
        self.unread.clear();
        self.window.clear();
        self.readings.clear();
        self.triggers = self.plan.camera.as_ref().map(|camera| camera.triggers.clone()).unwrap_or_default();
    }

    /// The last action was acknowledged.
    pub fn acknowledged(&mut self, now: SimTime) {
        if self.waiting == Waiting::Acknowledgement {
            self.waiting = Waiting::Listening;
            self.go_on(now);
        }
    }

    /// A message came.
    pub fn received(&mut self, now: SimTime, topic: &str, text: &str) {
        let listening = self.waiting == Waiting::Listening && self.script.is_empty();
        if listening {
            self.handle(now, topic, text);
            self.go_on(now);
        } else if self.plan.switches.deaf_while_waiting {
            self.tally.unheard += 1;
        } else {
            self.unread.push_back((topic.to_owned(), text.to_owned()));
        }
    }

    fn handle(&mut self, now: SimTime, topic: &str, text: &str) {
        if Some(topic) == self.wake_topic().as_deref() {
            if matches!(self.mode, FunctionalMode::Active(_)) {
                let flame = text.contains('1') && self.plan.camera.is_none();
                if flame { self.enter(SeverityMode::Warning, now) } else { self.sample() }
            }
            return;
        }
        let obeys = match self.mode {
            FunctionalMode::Initial => true,
            // As built, an active node only prints what comes.
            FunctionalMode::Active(_) => !self.plan.switches.deaf_while_waiting,
            FunctionalMode::Blocked => false,
        };
        if !obeys || topic != self.place.control() {
            return;
        }
        match Command::within(text) {
            Some(Command::Activate(mode)) if self.mode != FunctionalMode::Active(mode) => {
                self.enter(mode, now)
            }
            Some(Command::Block) => {
                self.mode = FunctionalMode::Blocked;
                self.next_tick = SimTime::MAX;
                self.retry_at = SimTime::MAX;
                self.script.push_back(Step::Do(Action::Disconnect));
            }
            Some(Command::UpdateConfiguration { message, sampling }) => {
                self.reconfigure(&message, sampling.as_deref());
            }
            Some(Command::SetTriggers(kinds)) => self.set_triggers(kinds),
            Some(
                Command::Activate(_)
                | Command::PublishConfiguration(_)
                | Command::PublishSeverity(_)
                | Command::Report { .. },
            )
            | None => {}
        }
    }

    fn wake_topic(&self) -> Option<String> {
        match self.plan.switches.wake {
            WakePath::SharedTopic => Some(topics::SHARED_WAKE.to_owned()),
            WakePath::OwnTopic => Some(self.place.own_wake()),
            WakePath::LocalTimer => None,
        }
    }

    fn enter(&mut self, mode: SeverityMode, now: SimTime) {
        match self.mode {
            FunctionalMode::Active(_) => self.tally.changes += 1,
            FunctionalMode::Initial | FunctionalMode::Blocked => {}
        }
        self.mode = FunctionalMode::Active(mode);
        self.retry_at = SimTime::MAX;
        // The timer of the mode before runs no more.
        self.next_tick = SimTime::MAX;
        self.tally.active_at.get_or_insert(now);
        if mode >= SeverityMode::Warning {
            self.tally.warning_at.get_or_insert(now);
        }
        if mode == SeverityMode::Danger {
            self.tally.danger_at.get_or_insert(now);
        }
        if self.plan.switches.clear_window {
            self.window.clear();
        }
        self.script.clear();
        self.script.extend(self.hears().into_iter().map(|filter| Step::Do(Action::Subscribe(filter))));
        let text = Command::PublishSeverity(mode).text(self.plan.switches.form);
        let topic = self.place.control();
        self.script.push_back(Step::Do(Action::Publish { topic, text, for_server: true }));
        self.script.push_back(Step::StartTimer);
    }

    /// What it subscribes to besides its control topic.
    fn hears(&self) -> Vec<String> {
        let server = configuration::server(&self.configuration);
        let mut filters = vec![
            self.place.system(server, "localDateTime"),
            self.place.system(server, &format!("{server}/status")),
        ];
        filters.extend(self.wake_topic());
        filters.extend(configuration::extra_topic(&self.configuration).map(str::to_owned));
        filters
    }

    fn severity(&self) -> SeverityMode {
        match self.mode {
            FunctionalMode::Active(mode) => mode,
            FunctionalMode::Initial | FunctionalMode::Blocked => SeverityMode::Normal,
        }
    }

    /// Does steps until one has to be waited for.
    fn go_on(&mut self, now: SimTime) {
        loop {
            if self.waiting != Waiting::Listening {
                return;
            }
            let Some(step) = self.script.pop_front() else {
                if let Some((topic, text)) = self.unread.pop_front() {
                    self.handle(now, &topic, &text);
                } else if let Some(interrupt) = self.pending.take() {
                    self.serve(interrupt, now);
                } else {
                    return;
                }
                continue;
            };
            match step {
                Step::Do(action) => {
                    if action == Action::TakePicture {
                        self.picture_at = now;
                    }
                    self.waiting = Waiting::Acknowledgement;
                    self.actions.push_back(action);
                }
                Step::Pause(span) => self.waiting = Waiting::Until(now + span),
                Step::StartTimer => self.next_tick = now + self.period(),
                Step::Rejoin => return self.connected(now),
                Step::Look => self.look(),
                Step::PublishReadings => self.publish_readings(),
                Step::Decide => self.decide(now),
            }
        }
    }

    fn period(&self) -> Duration {
        self.periods[self.severity() as usize]
    }

    /// When something is due.
    #[must_use]
    pub fn poll_timeout(&self) -> SimTime {
        let pause = match self.waiting {
            Waiting::Until(at) => at,
            Waiting::Listening | Waiting::Acknowledgement => SimTime::MAX,
        };
        let edge = match self.mode {
            FunctionalMode::Active(SeverityMode::Normal) => self.next_edge,
            FunctionalMode::Active(SeverityMode::Warning | SeverityMode::Danger)
            | FunctionalMode::Initial
            | FunctionalMode::Blocked => SimTime::MAX,
        };
        pause.min(self.next_tick).min(self.retry_at).min(edge)
    }

    /// Time has passed. `draws` is the noise of the sensors.
    pub fn handle_timeout(&mut self, now: SimTime, draws: &mut Stream) {
        if let Waiting::Until(at) = self.waiting
            && at <= now
        {
            self.waiting = Waiting::Listening;
            self.read_sensors(now, draws);
            self.go_on(now);
        }
        if self.next_tick <= now {
            self.next_tick = now + self.period();
            self.interrupt(now, Interrupt::Tick);
        }
        if matches!(self.mode, FunctionalMode::Active(SeverityMode::Normal)) && self.next_edge <= now {
            self.next_edge = self.site.flame_edge(now);
            self.interrupt(now, Interrupt::Flame);
        }
        if self.retry_at <= now {
            self.retry_at = self.plan.switches.retry_after.map_or(SimTime::MAX, |span| now + span);
            if self.waiting == Waiting::Listening && self.script.is_empty() {
                let step = self.send_configuration();
                self.script.push_back(step);
                self.go_on(now);
            }
        }
    }

    fn interrupt(&mut self, now: SimTime, interrupt: Interrupt) {
        if self.waiting == Waiting::Listening && self.script.is_empty() {
            self.serve(interrupt, now);
            self.go_on(now);
        } else if self.plan.switches.deaf_while_waiting {
            self.tally.missed_ticks += 1;
        } else {
            self.pending = self.pending.max(Some(interrupt));
        }
    }

    fn serve(&mut self, interrupt: Interrupt, now: SimTime) {
        let FunctionalMode::Active(mode) = self.mode else { return };
        match (self.wake_topic(), interrupt) {
            (Some(topic), _) => {
                let text = interrupt.text().to_owned();
                self.script.push_back(Step::Do(Action::Publish { topic, text, for_server: false }));
            }
            (None, Interrupt::Flame) if self.plan.camera.is_some() => self.sample(),
            (None, Interrupt::Flame) if mode == SeverityMode::Normal => {
                self.enter(SeverityMode::Warning, now)
            }
            (None, Interrupt::Flame) => {}
            (None, Interrupt::Tick) => self.sample(),
        }
    }

    /// What to do next; the caller says with [`SensorNode::acknowledged`] when it is done.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}

#[cfg(test)]
mod tests;
