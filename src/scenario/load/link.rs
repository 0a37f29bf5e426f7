//! Links with everything they name looked up: profile, trace files, outages.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use models::net::{
    GilbertElliott, Impairment, Jitter, Loss, LossList, NatAnswer, NatRules, Outage, Queued, RadioTimes,
    Reordering,
};
use models::network::{FrameFault, Mishap};
use models::profile::{Framing, LinkFile, LinkProfile};
use sim_core::time::SimTime;

use super::super::check;
use super::super::error::Diagnostic;
use super::super::profiles::Library;
use super::super::quantity::{Probability, Span};
use super::super::schema::{self, Answer, Fault, Link, Queue, Scenario, TraceText, Way};
use super::wifi::{PlannedWifi, wifi};
use super::{End, View};

/// A link, or one for every member where `from` is a fleet; `to` never is one.
#[derive(Clone, PartialEq, Debug)]
pub struct PlannedLink {
    /// Where it begins.
    pub from: End,
    /// Where it ends.
    pub to: End,
    /// The profile it rests on; the values below are what counts.
    pub profile: Arc<LinkProfile>,
    /// From `from` to `to`.
    pub up: Direction,
    /// From `to` to `from`.
    pub down: Direction,
    /// Largest IP packet in bytes.
    pub mtu_bytes: u32,
    /// Whether packets that are longer are dropped in silence.
    pub mtu_black_hole: bool,
    /// What is around an IP packet.
    pub framing: Framing,
    /// Its radio, if that has to be promoted.
    pub radio: Option<RadioTimes>,
    /// The middlebox on it.
    pub nat: Option<NatRules>,
    /// Its part in a WiFi cell.
    pub wifi: Option<PlannedWifi>,
    /// When it is down.
    pub outages: Vec<PlannedOutage>,
}

/// One direction of a link.
#[derive(Clone, PartialEq, Debug)]
pub struct Direction {
    /// Data rate in bit/s; `None` is no limit.
    pub rate_bit_s: Option<u64>,
    /// Propagation delay.
    pub delay: Duration,
    /// Room for waiting frames in bytes; `None` is no end.
    pub queue_bytes: Option<u64>,
    /// What else happens to frames.
    pub impairment: Impairment,
}

/// An outage of a link, or of the links of a fleet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlannedOutage {
    /// The member of the fleet whose link it is; `None` is every member.
    pub member: Option<u32>,
    /// Which way.
    pub way: Way,
    /// When, and what becomes of waiting frames.
    pub outage: Outage,
}

/// All links.
pub(super) fn links(
    view: &View<'_>,
    library: &mut Library,
    scenario: &Scenario,
    ends: &[(End, End)],
    file: &Path,
) -> Result<Vec<PlannedLink>, Diagnostic> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut planner = Planner { view, library, folder };
    let mut links = Vec::with_capacity(ends.len());
    for (index, (link, ends)) in scenario.links.iter().zip(ends).enumerate() {
        links.push(planner.link(index, link, *ends)?);
    }
    for (link, member, down) in check::faults(view, scenario, ends)? {
        let instant = |span: Span| SimTime::ZERO + span.get();
        let queued = match down.queued {
            schema::Queued::Survive => Queued::Survive,
            schema::Queued::Lost => Queued::Lost,
        };
        let outage = Outage { from: instant(down.from), to: instant(down.to), queued };
        links[link].outages.push(PlannedOutage { member, way: down.way, outage });
    }
    Ok(links)
}

/// What happens to single frames.
pub(super) fn frame_faults(scenario: &Scenario) -> Vec<FrameFault> {
    let frame = |fault: &Fault| match fault {
        Fault::DropFrame(frame) => Some(FrameFault { serial: frame.serial, what: Mishap::Drop }),
        Fault::DelayFrame(frame) => {
            Some(FrameFault { serial: frame.serial, what: Mishap::Delay(frame.by.get()) })
        }
        Fault::DuplicateFrame(frame) => Some(FrameFault { serial: frame.serial, what: Mishap::Duplicate }),
        Fault::LinkDown(_) | Fault::BrokerRestart(_) | Fault::ClientCrash(_) => None,
    };
    scenario.faults.iter().filter_map(frame).collect()
}

struct Planner<'a, 'v> {
    view: &'a View<'v>,
    library: &'a mut Library,
    folder: &'a Path,
}

impl Planner<'_, '_> {
    fn link(&mut self, index: usize, link: &Link, (from, to): (End, End)) -> Result<PlannedLink, Diagnostic> {
        let number = index.to_string();
        let shown = self.view.outline.shown(&["links", &number, "profile"]);
        let place = self.view.source.place(shown, "unknown name");
        let profile = self.library.load::<LinkFile>(&link.profile, place)?;
        let (loss_up, loss_down) = self.losses(&number, link, &profile)?;
        let rate = link.rate.map(|rate| rate.0);
        let delay = link.delay.map_or(profile.delay, Span::get);
        let up = Direction {
            rate_bit_s: rate.or(profile.rate_up_bit_s),
            delay,
            ..direction(link, &profile, loss_up, link.queue)
        };
        let down = Direction {
            rate_bit_s: link.rate_down.map(|rate| rate.0).or(rate).or(profile.rate_down_bit_s),
            delay: link.delay_down.map_or(delay, Span::get),
            ..direction(link, &profile, loss_down, link.queue_down.or(link.queue))
        };
        let own = link.radio.map(|radio| (radio.promotion.get(), radio.tail.get()));
        let of_profile = profile.radio.as_ref().map(|radio| (radio.promotion, radio.tail));
        let radio = own.or(of_profile).map(|(promotion, tail)| RadioTimes { promotion, tail });
        let nat = link.nat.map(|nat| NatRules {
            idle: nat.idle.get(),
            answer: match nat.answer {
                Answer::Silence => NatAnswer::Silence,
                Answer::Reset => NatAnswer::Reset,
            },
        });
        Ok(PlannedLink {
            from,
            to,
            up,
            down,
            mtu_bytes: link.mtu.map_or(profile.mtu_bytes, |mtu| mtu.0 as u32),
            mtu_black_hole: link.mtu_black_hole,
            framing: link.framing.unwrap_or(profile.framing),
            radio: radio.filter(|radio| !radio.promotion.is_zero()),
            nat,
            wifi: wifi(self.view, &number, link, (from, to), &profile)?,
            outages: Vec::new(),
            profile,
        })
    }

    /// The losses of both ways: their own, those of the link, or those of its profile.
    fn losses(
        &mut self,
        number: &str,
        link: &Link,
        profile: &LinkProfile,
    ) -> Result<(Loss, Loss), Diagnostic> {
        let mut way = |key: &'static str, own: &Option<schema::Loss>| match (own, &link.loss) {
            (Some(own), _) => self.loss(&["links", number, key], own),
            (None, Some(both)) => self.loss(&["links", number, "loss"], both),
            (None, None) => Ok(match profile.bursts {
                Some(bursts) => Loss::GilbertElliott(GilbertElliott {
                    p: bursts.p,
                    r: bursts.r,
                    h: 1.0 - bursts.loss_bad,
                    k: 1.0 - bursts.loss_good,
                }),
                None => Loss::independent(profile.loss),
            }),
        };
        Ok((way("loss_up", &link.loss_up)?, way("loss_down", &link.loss_down)?))
    }

    fn loss(&mut self, path: &[&str], loss: &schema::Loss) -> Result<Loss, Diagnostic> {
        match loss {
            schema::Loss::Probability(Probability(probability)) => Ok(Loss::independent(*probability)),
            schema::Loss::GilbertElliott { p, r, h, k } => {
                Ok(Loss::GilbertElliott(GilbertElliott { p: p.0, r: r.0, h: h.0, k: k.0 }))
            }
            schema::Loss::Packets(numbers) => Ok(Loss::Listed(LossList::of_numbers(numbers.clone()))),
            schema::Loss::Trace(trace) => {
                let text = match &trace.text {
                    TraceText::Here(text) => text.clone(),
                    TraceText::File(name) => self.trace_file(path, name)?,
                };
                let key = match &trace.text {
                    TraceText::Here(_) => "packets",
                    TraceText::File(_) => "file",
                };
                let list = LossList::of_trace(&text, trace.repeat).map_err(|error| {
                    self.view
                        .error(format!("the trace cannot be read: {error}"), &below(path, key), "refused")
                        .help("write `.` for a packet delivered and `x` for one lost; `#` begins a comment")
                })?;
                Ok(Loss::Listed(list))
            }
        }
    }

    fn trace_file(&mut self, path: &[&str], name: &str) -> Result<String, Diagnostic> {
        self.library.files.text(self.folder, name).map_err(|error| Diagnostic {
            help: error.help,
            ..self.view.error(error.message, &below(path, "file"), "named here")
        })
    }
}

fn below<'a>(path: &[&'a str], key: &'a str) -> Vec<&'a str> {
    path.iter().copied().chain([key]).collect()
}

/// What both ways have in common, and the queue of one of them.
fn direction(link: &Link, profile: &LinkProfile, loss: Loss, queue: Option<Queue>) -> Direction {
    let (queue_bytes, queue_frames) = match queue {
        Some(Queue::Bytes(bytes)) => (Some(bytes), None),
        Some(Queue::Packets(frames)) => (None, Some(frames)),
        Some(Queue::Unlimited) => (None, None),
        None => (profile.queue_bytes, None),
    };
    let own = link.jitter.map(|jitter| match jitter {
        schema::Jitter::Uniform(most) => Jitter::Uniform { most: most.get() },
        schema::Jitter::Normal(sd) => Jitter::Normal { sd: sd.get() },
        schema::Jitter::LogNormal { median, sigma } => Jitter::LogNormal { median: median.get(), sigma },
    });
    let of_profile = profile.jitter.map(|(median, sigma)| Jitter::LogNormal { median, sigma });
    let jitter = own.or(of_profile);
    let impairment = Impairment {
        loss,
        bit_errors: link.bit_errors.map_or(0.0, |probability| probability.0),
        jitter,
        overtaking: link.overtaking && jitter.is_some(),
        reordering: link
            .reorder
            .filter(|reorder| reorder.probability.0 > 0.0)
            .map(|reorder| Reordering { probability: reorder.probability.0, gap: reorder.gap }),
        duplicate: link.duplicate.map_or(0.0, |probability| probability.0),
        queue_frames,
    };
    Direction { rate_bit_s: None, delay: Duration::ZERO, queue_bytes, impairment }
}
