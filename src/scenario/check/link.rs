//! Links and faults: numbers that make sense together, and links that are there.

use super::super::schema::{Fault, Jitter, Link, LinkDown, Loss, Queue, Way};
use super::{Diagnostic, End, Scenario, View, above_zero, in_range, name_help};

/// What can be said of a link by itself.
pub(super) fn link(view: &View<'_>, index: usize, link: &Link) -> Result<(), Diagnostic> {
    let index = index.to_string();
    let path = |key: &'static str| ["links", &index, key];
    // RFC 791 §3.1: every module must forward 68 octets; total length is 16 bits.
    if link.mtu.is_some_and(|mtu| !(68..=65_535).contains(&mtu.0)) {
        return Err(view
            .error("an MTU that IP cannot have", &path("mtu"), "out of range")
            .help("allowed: 68 B to 65535 B (RFC 791)"));
    }
    for (key, own) in [("loss", &link.loss), ("loss_up", &link.loss_up), ("loss_down", &link.loss_down)] {
        loss(view, &path(key), own.as_ref())?;
    }
    for (key, queue) in [("queue", link.queue), ("queue_down", link.queue_down)] {
        if queue == Some(Queue::Packets(0)) {
            return Err(view
                .error("a queue without places", &path(key), "at least 1")
                .help("the packet in transmission takes one: `Packets(1)` lets none wait"));
        }
    }
    if let Some(reorder) = link.reorder {
        let path = ["links", &index, "reorder", "gap"];
        in_range(view, &path, Some(u64::from(reorder.gap)), 1..=u64::MAX, "")?;
    }
    if let Some(Jitter::LogNormal { sigma, .. }) = link.jitter
        && !(0.0..=5.0).contains(&sigma)
    {
        let path = ["links", &index, "jitter", "sigma"];
        return Err(view
            .error(format!("`sigma` is {sigma}"), &path, "out of range")
            .help("allowed: 0 to 5; at 1 one frame in twenty has more than five times the median"));
    }
    above_zero(view, &["links", &index, "radio", "tail"], link.radio.map(|radio| radio.tail))?;
    above_zero(view, &["links", &index, "nat", "idle"], link.nat.map(|nat| nat.idle))?;
    let beacons = link.power_save.and_then(|power_save| power_save.beacon_interval);
    above_zero(view, &["links", &index, "power_save", "beacon_interval"], beacons)
}

fn loss(view: &View<'_>, path: &[&str], loss: Option<&Loss>) -> Result<(), Diagnostic> {
    match loss {
        Some(Loss::GilbertElliott { p, r, .. }) if p.0 > 0.0 && r.0 <= 0.0 => {
            let path: Vec<&str> = path.iter().copied().chain(["r"]).collect();
            Err(view
                .error("a channel that turns bad and never good again", &path, "zero")
                .help("a bad spell has 1 / r frames: write for example `r: 0.3`"))
        }
        Some(Loss::Packets(numbers)) if numbers.contains(&0) => Err(view
            .error("there is no packet 0", path, "0 is in here")
            .help("the first packet of a direction has the number 1")),
        Some(Loss::Probability(_) | Loss::GilbertElliott { .. } | Loss::Packets(_) | Loss::Trace(_))
        | None => Ok(()),
    }
}

/// A fault with its link and the member of the fleet it is about.
type Placed<'a> = (usize, Option<u32>, &'a LinkDown);

/// Checks the faults and finds their links.
pub(in crate::scenario) fn faults<'a>(
    view: &View<'_>,
    scenario: &'a Scenario,
    ends: &[(End, End)],
) -> Result<Vec<Placed<'a>>, Diagnostic> {
    let mut placed: Vec<Placed<'a>> = Vec::new();
    for (index, fault) in scenario.faults.iter().enumerate() {
        let down = match fault {
            Fault::LinkDown(down) => down,
            Fault::BrokerRestart(_)
            | Fault::ClientCrash(_)
            | Fault::DropFrame(_)
            | Fault::DelayFrame(_)
            | Fault::DuplicateFrame(_) => continue,
        };
        let number = index.to_string();
        let Some((link, member)) = named(scenario, ends, &down.link) else {
            let mut diagnostic = view.error(
                format!("there is no link `{}`", down.link),
                &["faults", &number, "link"],
                "unknown name",
            );
            let names: Vec<String> =
                scenario.links.iter().map(|link| format!("{}-{}", link.from, link.to)).collect();
            diagnostic.help = name_help(&down.link, names.iter().map(String::as_str));
            return Err(diagnostic);
        };
        if down.from >= down.to {
            return Err(view
                .error(
                    "a link that is up again before it is down",
                    &["faults", &number, "to"],
                    "not after `from`",
                )
                .help(format!("`from` is {}", down.from)));
        }
        let twice = placed.iter().position(|(other, of, earlier)| {
            let same = *other == link && (*of == member || of.is_none() || member.is_none());
            same && overlap(earlier, down)
        });
        if let Some(first) = twice {
            let shown = |index: usize| view.outline.shown(&["faults", &index.to_string()]);
            return Err(Diagnostic::error(format!("two outages of `{}` overlap", down.link))
                .at(view.source.place(shown(index), "again here"))
                .related(view.source.place(shown(first), "first here"))
                .help("write them as one, or let one end where the other begins"));
        }
        placed.push((link, member, down));
    }
    Ok(placed)
}

fn overlap(a: &LinkDown, b: &LinkDown) -> bool {
    let ways = a.way == b.way || a.way == Way::Both || b.way == Way::Both;
    ways && a.from < b.to && b.from < a.to
}

/// The link of this name, and the member of the fleet if it names one.
fn named(scenario: &Scenario, ends: &[(End, End)], name: &str) -> Option<(usize, Option<u32>)> {
    scenario.links.iter().zip(ends).enumerate().find_map(|(place, (link, (from, _)))| {
        let rest = name.strip_prefix(&link.from)?;
        let Some(numbered) = rest.strip_prefix('[') else {
            return (rest.strip_prefix('-')? == link.to).then_some((place, None));
        };
        let (member, to) = numbered.split_once("]-")?;
        let member: u32 = member.parse().ok()?;
        let count = match from {
            End::Group(group) => scenario.hosts[*group].1.count,
            End::Forwarding(_) => 1,
        };
        (to == link.to && count > 1 && member < count).then_some((place, Some(member)))
    })
}
