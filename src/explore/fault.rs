//! Faults: into a loaded scenario, and as a scenario file writes them.

use std::fmt::{self, Write};
use std::time::Duration;

use models::mqtt::broker::Memory;
use models::net::{Outage, Queued};
use models::network::{FrameFault, Mishap};
use sim_core::time::SimTime;

use crate::scenario::Loaded;
use crate::scenario::load::{Crash, End, PlannedOutage};
use crate::scenario::quantity::Span;
use crate::scenario::schema::{self, Way};

/// How long faults last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spans {
    /// How much later a delayed frame comes; beyond the retransmission timeout it meets its own copy.
    pub delay: Duration,
    /// How long a link is cut.
    pub cut: Duration,
    /// How long a program that was killed is down.
    pub down: Duration,
}

impl Default for Spans {
    /// 300 ms is beyond the smallest retransmission timeout of Linux, 200 ms; 3 s is beyond several of them.
    fn default() -> Self {
        Spans { delay: Duration::from_millis(300), cut: Duration::from_secs(3), down: Duration::from_secs(1) }
    }
}

/// One fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// Of one frame.
    Frame(FrameFault),
    /// A link that carries nothing for a while, in both directions.
    Cut {
        /// Place in [`Loaded::links`].
        link: usize,
        /// The member whose link it is.
        member: u32,
        /// When it goes down.
        at: SimTime,
        /// For how long.
        span: Duration,
    },
    /// A program that is killed. A broker keeps its memory: one that loses it has promised nothing.
    Crash {
        /// Place in [`Loaded::groups`].
        group: usize,
        /// The member.
        member: u32,
        /// When.
        at: SimTime,
        /// How long it is down.
        span: Duration,
    },
}

impl Fault {
    /// Whether the fault may come after `earlier` in the same run, and can.
    #[must_use]
    pub fn follows(&self, earlier: &Fault) -> bool {
        match (*earlier, *self) {
            (Fault::Frame(first), Fault::Frame(second)) => first.serial < second.serial,
            (
                Fault::Cut { link, member, at, span },
                Fault::Cut { link: other, member: of, at: later, .. },
            ) => at < later && (link != other || member != of || at + span < later),
            (
                Fault::Crash { group, member, at, span },
                Fault::Crash { group: other, member: of, at: later, .. },
            ) => at < later && (group != other || member != of || at + span < later),
            // Faults of different kinds meet in one order only, so that no pair is made twice.
            (Fault::Frame(_), Fault::Cut { .. } | Fault::Crash { .. }) => true,
            (Fault::Cut { .. }, Fault::Crash { .. }) => true,
            (Fault::Cut { .. } | Fault::Crash { .. }, Fault::Frame(_)) => false,
            (Fault::Crash { .. }, Fault::Cut { .. }) => false,
        }
    }

    /// Whether it leaves the faults of `loaded` alone: a link is cut only while it is up, a program is killed only
    /// while it runs.
    #[must_use]
    pub fn fits(&self, loaded: &Loaded) -> bool {
        match *self {
            Fault::Frame(_) => true,
            Fault::Cut { link, member, at, span } => loaded.links[link].outages.iter().all(|planned| {
                let other = planned.member.is_some_and(|of| of != member);
                other || planned.outage.to < at || at + span < planned.outage.from
            }),
            Fault::Crash { group, member, at, span } => loaded.groups[group].crashes.iter().all(|crash| {
                let other = crash.member.is_some_and(|of| of != member);
                let at = at.saturating_since(SimTime::ZERO);
                other || crash.at + crash.down_for < at || at + span < crash.at
            }),
        }
    }

    /// Puts the fault into `loaded`, where it fits.
    pub fn put(&self, loaded: &mut Loaded) {
        match *self {
            Fault::Frame(fault) => loaded.frame_faults.push(fault),
            Fault::Cut { link, member, at, span } => {
                let outage = Outage { from: at, to: at + span, queued: Queued::Survive };
                let planned = PlannedOutage { member: Some(member), way: Way::Both, outage };
                loaded.links[link].outages.push(planned);
            }
            Fault::Crash { group, member, at, span } => {
                let crashes = &mut loaded.groups[group].crashes;
                let at = at.saturating_since(SimTime::ZERO);
                let place = crashes.partition_point(|earlier| earlier.at <= at);
                let memory = Memory::Persistent;
                crashes.insert(place, Crash { member: Some(member), at, down_for: span, memory });
            }
        }
    }

    /// As a scenario file writes it.
    #[must_use]
    pub fn written(&self, loaded: &Loaded) -> String {
        match *self {
            Fault::Frame(FrameFault { serial, what }) => match what {
                Mishap::Drop => format!("DropFrame(serial: {serial})"),
                Mishap::Delay(by) => format!("DelayFrame(serial: {serial}, by: \"{}\")", Span(by)),
                Mishap::Duplicate => format!("DuplicateFrame(serial: {serial})"),
            },
            Fault::Cut { link, member, at, span } => {
                let planned = &loaded.links[link];
                let end = |end: End| match end {
                    End::Group(group) => loaded.groups[group].member_name(member),
                    End::Forwarding(place) => loaded.forwarding[place].name.to_string(),
                };
                format!(
                    "LinkDown(link: \"{}-{}\", from: \"{}\", to: \"{}\")",
                    end(planned.from),
                    end(planned.to),
                    instant(at),
                    instant(at + span)
                )
            }
            Fault::Crash { group, member, at, span } => {
                let host = loaded.groups[group].member_name(member);
                let (kind, key) = match loaded.groups[group].broker {
                    Some(_) => ("BrokerRestart", "broker"),
                    None => ("ClientCrash", "host"),
                };
                let (at, span) = (instant(at), Span(span));
                format!("{kind}({key}: \"{host}\", at: \"{at}\", down_for: \"{span}\")")
            }
        }
    }
}

fn instant(at: SimTime) -> Span {
    Span(at.saturating_since(SimTime::ZERO))
}

/// The value of the key `faults` that has those of the file and `further`.
#[must_use]
pub fn list(loaded: &Loaded, further: &[Fault]) -> String {
    let own = loaded.scenario.faults.iter().map(|fault| Own(fault).to_string());
    let all: Vec<String> = own.chain(further.iter().map(|fault| fault.written(loaded))).collect();
    format!("[{}]", all.join(", "))
}

/// A fault of the file, written again.
struct Own<'a>(&'a schema::Fault);

impl fmt::Display for Own<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            schema::Fault::LinkDown(down) => write!(
                f,
                "LinkDown(link: {:?}, from: \"{}\", to: \"{}\", way: {:?}, queued: {:?})",
                down.link, down.from, down.to, down.way, down.queued
            ),
            schema::Fault::BrokerRestart(restart) => {
                f.write_str("BrokerRestart(")?;
                if let Some(broker) = &restart.broker {
                    write!(f, "broker: {broker:?}, ")?;
                }
                let (at, down_for, memory) = (restart.at, restart.down_for, restart.memory);
                write!(f, "at: \"{at}\", down_for: \"{down_for}\", memory: {memory:?})")
            }
            schema::Fault::ClientCrash(crash) => {
                let (host, at, down_for) = (&crash.host, crash.at, crash.down_for);
                write!(f, "ClientCrash(host: {host:?}, at: \"{at}\", down_for: \"{down_for}\")")
            }
            schema::Fault::DropFrame(frame) => write!(f, "DropFrame(serial: {})", frame.serial),
            schema::Fault::DelayFrame(frame) => {
                write!(f, "DelayFrame(serial: {}, by: \"{}\")", frame.serial, frame.by)
            }
            schema::Fault::DuplicateFrame(frame) => write!(f, "DuplicateFrame(serial: {})", frame.serial),
        }
    }
}

/// Faults in words, for a list.
#[must_use]
pub fn words(loaded: &Loaded, faults: &[Fault]) -> String {
    let mut text = String::new();
    for fault in faults {
        let _ = write!(text, "{}{}", if text.is_empty() { "" } else { ", " }, fault.written(loaded));
    }
    if text.is_empty() { "no fault at all".to_owned() } else { text }
}
