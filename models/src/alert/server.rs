//! The server node's program: lets nodes in, keeps their severity, stores what they measure.
//!
//! **Models** the program beside the broker as a machine without I/O. The network thread appends every
//! message to the main buffer ([`ServerNode::received`]). One buffer thread takes them in order
//! ([`ServerNode::handle_timeout`]):
//!
//! - a *configuration* is validated, the node's last severity is read from the database, the answer is
//!   published, the configuration stored, and seven system messages follow. As built the thread sleeps
//!   between these, 3.0 s in all, and everything else waits;
//! - a *severity* is written to the database by the buffer thread itself;
//! - a *sensor message* gets a thread of its own, which opens a database connection, inserts and commits.
//!   These threads share the interpreter's lock with the network thread: each of the three calls needs
//!   one turn ([`ServerNode::background`]), and a turn takes longer the more threads are alive.
//!
//! Beside the authors' code it takes a gateway's *batch*: one thread, one connection, an insert for each
//! reading, one commit. And it gives *orders* to nodes at given instants: another configuration, other
//! triggers. An order for a node that has not joined waits until it does; triggers are given again to a node
//! that joins anew, as its severity is.
//!
//! **Simplification**: a thread that has begun is served to its end before the next one.
//!
//! **Parameters**: [`ServerPlan`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;

use super::batch;
use super::configuration;
use super::message::{Command, Kind};
use super::severity::SeverityMode;
use super::topics::Place;
use super::{ServerSwitches, UnknownNode};
use crate::stream::MessageId;

/// Calls of a storing thread that give the interpreter's lock away and need it back: connect, insert, commit.
pub const TURNS_PER_STORE: u32 = 3;

/// Sleeps before each of the seven system messages, as built.
const SYSTEM_PAUSES: [Duration; 7] = [
    Duration::from_millis(1_000),
    Duration::from_millis(200),
    Duration::from_millis(1_000),
    Duration::from_millis(200),
    Duration::from_millis(200),
    Duration::from_millis(200),
    Duration::from_millis(200),
];

/// What a server tells a node, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// When.
    pub at: SimTime,
    /// Name of the node.
    pub node: String,
    /// What.
    pub command: Command,
}

/// What a server node is.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerPlan {
    /// Where it stands and what it is called; it hears and builds topics from here.
    pub place: Place,
    /// How it differs from the published or the built one.
    pub switches: ServerSwitches,
    /// Nodes that the database knows, with their last severity.
    pub known: BTreeMap<String, SeverityMode>,
    /// Time of a database connection, statement or commit that the buffer thread waits for.
    pub database_call: Duration,
    /// Number of live threads at which a turn at the interpreter's lock takes twice as long; 0: it never
    /// takes longer.
    pub threads_for_double: u32,
    /// Orders for nodes, in the order of their instants.
    pub instructions: Vec<Instruction>,
}

#[derive(Clone, PartialEq, Debug)]
struct Record {
    severity: SeverityMode,
    configuration: Option<String>,
}

/// What the server has to say to a node.
#[derive(Clone, PartialEq, Debug, Default)]
struct Orders {
    /// Topic on which the node was last let in.
    control: Option<String>,
    /// Orders that wait until it joins.
    waiting: Vec<Command>,
    /// The triggers that it was last given.
    triggers: Option<Command>,
}

/// A storing thread.
#[derive(Clone, Copy, Debug)]
struct Thread {
    message: MessageId,
    readings: u32,
}

#[derive(Clone, Debug)]
enum Item {
    Configuration { control: String, node: String, text: String, message: MessageId },
    Severity { node: String, mode: SeverityMode, message: MessageId },
    Data { readings: u32, message: MessageId },
    Report { refused: bool, message: MessageId },
}

/// A text to publish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Say {
    /// Where.
    pub topic: String,
    /// What.
    pub text: String,
    /// Whether one node is meant to hear it; system messages are for whoever listens.
    pub for_node: bool,
}

/// What a server has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Books {
    /// Messages that came.
    pub received: u64,
    /// Sensor messages and batches stored.
    pub stored: u64,
    /// Readings in these.
    pub readings: u64,
    /// Batches that could not be read.
    pub malformed: u64,
    /// Orders that nodes have carried out.
    pub accepted: u64,
    /// Orders that nodes have refused.
    pub refused: u64,
    /// When the first message came.
    pub first_received: Option<SimTime>,
    /// When the last one was.
    pub last_stored: Option<SimTime>,
    /// Nodes let in.
    pub activated: u64,
    /// Nodes refused.
    pub blocked: u64,
    /// Most storing threads alive at once.
    pub most_threads: u32,
    /// When the buffer thread ended by an exception.
    pub died_at: Option<SimTime>,
}

/// A server node at work.
#[derive(Clone, Debug)]
pub struct ServerNode {
    plan: Arc<ServerPlan>,
    nodes: BTreeMap<String, Record>,
    orders: BTreeMap<String, Orders>,
    buffer: VecDeque<Item>,
    /// When the buffer thread is free; [`SimTime::MAX`] after its end.
    free_at: SimTime,
    /// What is to be said, and when; in the order of time, then of entry.
    agenda: BTreeMap<(SimTime, u64), Say>,
    said: u64,
    /// Handled messages that the ledger can close.
    handled: Vec<MessageId>,
    /// Storing threads, oldest first, and the turns that the oldest has had.
    threads: VecDeque<Thread>,
    turns: u32,
    /// Instructions given so far.
    instructed: usize,
    books: Books,
}

impl ServerNode {
    /// A server that has just started.
    #[must_use]
    pub fn new(plan: Arc<ServerPlan>) -> Self {
        let record = |severity: &SeverityMode| Record { severity: *severity, configuration: None };
        ServerNode {
            nodes: plan.known.iter().map(|(name, severity)| (name.clone(), record(severity))).collect(),
            orders: BTreeMap::new(),
            plan,
            buffer: VecDeque::new(),
            free_at: SimTime::ZERO,
            agenda: BTreeMap::new(),
            said: 0,
            handled: Vec::new(),
            threads: VecDeque::new(),
            turns: 0,
            instructed: 0,
            books: Books::default(),
        }
    }

    /// The filters it subscribes to.
    #[must_use]
    pub fn filters(&self) -> [String; 2] {
        self.plan.place.server_filters(self.plan.switches.own_room_only)
    }

    /// What it has done.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// A node's configuration as JSON, if it was let in.
    #[must_use]
    pub fn stored_configuration(&self, node: &str) -> Option<&str> {
        self.nodes.get(node)?.configuration.as_deref()
    }

    /// A message came: the network thread puts it into the main buffer. A payload that is no text is no
    /// message of a node, but may be a batch.
    pub fn received(&mut self, now: SimTime, topic: &str, payload: &[u8], message: MessageId) {
        self.books.received += 1;
        self.books.first_received.get_or_insert(now);
        let text = std::str::from_utf8(payload).unwrap_or_default();
        let node = topic.split('/').nth(1).unwrap_or_default().to_owned();
        let item = match Kind::of(topic) {
            Kind::Data => Some(Item::Data { readings: 1, message }),
            Kind::Batch => {
                let samples = batch::decode(payload);
                self.books.malformed += u64::from(samples.is_err());
                samples.ok().map(|samples| Item::Data { readings: samples.len() as u32, message })
            }
            Kind::Control => match Command::within(text) {
                Some(Command::PublishConfiguration(text)) => {
                    Some(Item::Configuration { control: topic.to_owned(), node, text, message })
                }
                Some(Command::PublishSeverity(mode)) => Some(Item::Severity { node, mode, message }),
                Some(Command::Report { refused, .. }) => {
                    Some(Item::Report { refused: refused.is_some(), message })
                }
                // Its own words come back to it.
                Some(
                    Command::Activate(_)
                    | Command::Block
                    | Command::UpdateConfiguration { .. }
                    | Command::SetTriggers(_),
                )
                | None => None,
            },
            Kind::Other => None,
        };
        match item {
            Some(item) => self.buffer.push_back(item),
            None => self.handled.push(message),
        }
        self.handle_timeout(now);
    }

    /// The buffer thread works for as long as it may.
    pub fn handle_timeout(&mut self, now: SimTime) {
        self.instruct(now);
        while self.free_at <= now {
            let Some(item) = self.buffer.pop_front() else { return };
            match item {
                Item::Data { readings, message } => {
                    self.threads.push_back(Thread { message, readings });
                    self.books.most_threads = self.books.most_threads.max(self.threads.len() as u32);
                }
                Item::Severity { node, mode, message } => {
                    if let Some(record) = self.nodes.get_mut(&node) {
                        record.severity = mode;
                    }
                    self.occupy(now, self.plan.database_call * TURNS_PER_STORE);
                    self.handled.push(message);
                }
                Item::Report { refused, message } => {
                    self.books.refused += u64::from(refused);
                    self.books.accepted += u64::from(!refused);
                    self.occupy(now, self.plan.database_call * TURNS_PER_STORE);
                    self.handled.push(message);
                }
                Item::Configuration { control, node, text, message } => {
                    self.join(now, control, &node, &text);
                    self.handled.push(message);
                }
            }
        }
    }

    /// Gives the orders that are due.
    fn instruct(&mut self, now: SimTime) {
        let plan = self.plan.clone();
        while let Some(next) = plan.instructions.get(self.instructed).filter(|next| next.at <= now) {
            self.instructed += 1;
            let orders = self.orders.entry(next.node.clone()).or_default();
            let kept = matches!(next.command, Command::SetTriggers(_));
            if kept {
                orders.triggers = Some(next.command.clone());
            }
            match orders.control.clone() {
                Some(control) => self.say(now, control, next.command.text(self.plan.switches.form), true),
                // What is kept is given with the next join anyway.
                None => orders.waiting.extend((!kept).then(|| next.command.clone())),
            }
        }
    }

    /// Keeps the buffer thread busy; where joins have threads of their own, nothing does.
    fn occupy(&mut self, now: SimTime, span: Duration) {
        if self.plan.switches.serial_joins {
            self.free_at = now + span;
        }
    }

    /// Answers on `control`, the topic that the configuration came by.
    fn join(&mut self, now: SimTime, control: String, node: &str, text: &str) {
        let Ok(xml) = configuration::validate(text) else {
            self.refuse(now, control);
            return;
        };
        let looked_up = now + self.plan.database_call * 2;
        let severity = match (self.nodes.get(node), self.plan.switches.unknown_node) {
            (Some(record), _) => record.severity,
            (None, UnknownNode::Register) => SeverityMode::Normal,
            (None, UnknownNode::Block) => return self.refuse(looked_up, control),
            (None, UnknownNode::ThreadEnds) => {
                self.free_at = SimTime::MAX;
                self.books.died_at = Some(looked_up);
                return;
            }
        };
        self.books.activated += 1;
        let form = self.plan.switches.form;
        self.say(looked_up, control.clone(), Command::Activate(severity).text(form), true);
        // The configuration is filed under the name that the text gives, whatever the topic says.
        let named = configuration::place(xml).node;
        self.say_orders(looked_up, &named, control);
        let record = Record { severity, configuration: Some(configuration::json(xml)) };
        self.nodes.insert(named, record);
        let stored = looked_up + self.plan.database_call;
        let said = self.say_system(stored, xml);
        self.occupy(now, said - now);
    }

    /// Tells a node that was let in what it was to be told.
    fn say_orders(&mut self, at: SimTime, node: &str, control: String) {
        let orders = self.orders.entry(node.to_owned()).or_default();
        orders.control = Some(control.clone());
        let due: Vec<Command> = orders.triggers.iter().cloned().chain(orders.waiting.drain(..)).collect();
        for order in due {
            self.say(at, control.clone(), order.text(self.plan.switches.form), true);
        }
    }

    fn refuse(&mut self, now: SimTime, control: String) {
        self.books.blocked += 1;
        self.say(now, control, Command::Block.text(self.plan.switches.form), true);
    }

    /// The seven system messages of a join; returns when the last one is out.
    fn say_system(&mut self, start: SimTime, xml: &str) -> SimTime {
        let server = self.plan.place.node.clone();
        // As built it knows only its own room; a server of the whole network speaks where the node listens.
        let place = match self.plan.switches.own_room_only {
            true => self.plan.place.clone(),
            false => configuration::place(xml),
        };
        let node = configuration::seek(xml, "ID").to_owned();
        let address = configuration::seek(xml, "IPAddress").to_owned();
        let messages = [
            ("networkStatus".to_owned(), "active".to_owned()),
            ("localDateTime".to_owned(), date_time(start)),
            ("ipAddress".to_owned(), "192.168.1.2".to_owned()),
            (format!("{server}/status"), "active".to_owned()),
            (format!("{node}/ipAddress"), address),
            (format!("{node}/status"), "active".to_owned()),
            ("numOfConnectedNodes".to_owned(), self.nodes.len().to_string()),
        ];
        let mut at = start;
        for ((name, text), pause) in messages.into_iter().zip(SYSTEM_PAUSES) {
            if self.plan.switches.serial_joins {
                at += pause;
            }
            let topic = place.system(&server, &name);
            self.say(at, topic, text, false);
        }
        at
    }

    fn say(&mut self, at: SimTime, topic: String, text: String, for_node: bool) {
        self.agenda.insert((at, self.said), Say { topic, text, for_node });
        self.said += 1;
    }

    /// When something is due.
    #[must_use]
    pub fn poll_timeout(&self) -> SimTime {
        let buffer = if self.buffer.is_empty() { SimTime::MAX } else { self.free_at };
        let agenda = self.agenda.first_key_value().map_or(SimTime::MAX, |((at, _), _)| *at);
        let order = self.plan.instructions.get(self.instructed).map_or(SimTime::MAX, |next| next.at);
        if self.handled.is_empty() { buffer.min(agenda).min(order) } else { SimTime::ZERO }
    }

    /// What to publish now.
    pub fn poll_say(&mut self, now: SimTime) -> Option<Say> {
        let entry = self.agenda.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// A message that is done with.
    pub fn poll_handled(&mut self) -> Option<MessageId> {
        self.handled.pop()
    }

    /// Whether storing threads wait for the interpreter's lock.
    #[must_use]
    pub fn has_background(&self) -> bool {
        !self.threads.is_empty()
    }

    /// Gives the oldest storing thread one turn of `turn_ns` when nothing disturbs. Returns what the turn
    /// takes with as many threads alive as there are, and the message that is stored at its end, if it was
    /// the thread's last one.
    pub fn background(&mut self, now: SimTime, turn_ns: u64) -> (u64, Option<MessageId>) {
        let Some(&Thread { message, readings }) = self.threads.front() else { return (0, None) };
        let alive = self.threads.len() as u64;
        let slowed_ns = match self.plan.threads_for_double {
            0 => 0,
            double => turn_ns * alive / u64::from(double),
        };
        let ns = turn_ns + slowed_ns;
        self.turns += 1;
        // Connect, an insert for each reading, commit.
        if self.turns < TURNS_PER_STORE - 1 + readings {
            return (ns, None);
        }
        self.turns = 0;
        self.threads.pop_front();
        let stored = now + Duration::from_nanos(ns);
        self.books.stored += 1;
        self.books.readings += u64::from(readings);
        self.books.last_stored = Some(stored);
        (ns, Some(message))
    }
}

/// The time of day as the server writes it; a run begins at midnight of 19 April 2018, the day of the code.
fn date_time(now: SimTime) -> String {
    let seconds = now.as_nanos() / 1_000_000_000;
    let (day, rest) = (19 + seconds / 86_400, seconds % 86_400);
    format!("2018-04-{day:02} {:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests;
