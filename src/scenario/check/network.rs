//! Names and links: everything that is named is there, and every client reaches its broker.

use super::{Diagnostic, End, Place, Role, Scenario, View, listed, name_help};

/// The ends of a link.
type Ends = (End, End);

/// A name and the path of the place that gives it.
struct Named<'a> {
    name: &'a str,
    end: End,
    place: Place,
}

fn named<'a>(view: &View<'_>, scenario: &'a Scenario) -> Vec<Named<'a>> {
    let hosts = scenario.hosts.iter().enumerate().map(|(index, (name, _))| {
        let key = view.outline.key_span(&["hosts", name]).unwrap_or(0..0);
        Named { name, end: End::Group(index), place: view.source.place(key, "first here") }
    });
    let list = |key: &'static str, first: usize, names: &'a [String]| {
        names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let shown = view.outline.shown(&[key, &index.to_string()]);
                let place = view.source.place(shown, "first here");
                Named { name, end: End::Forwarding(first + index), place }
            })
            .collect::<Vec<_>>()
    };
    let switches = list("switches", 0, &scenario.switches);
    let routers = list("routers", scenario.switches.len(), &scenario.routers);
    hosts.chain(switches).chain(routers).collect()
}

/// Checks the names and the links, and gives the ends of every link.
pub(in crate::scenario) fn network(view: &View<'_>, scenario: &Scenario) -> Result<Vec<Ends>, Diagnostic> {
    if scenario.hosts.is_empty() {
        return Err(view
            .error("a scenario without hosts", &["hosts"], "nothing in here")
            .help("add a broker and a client: `\"server\": (role: Broker())`"));
    }
    let named = named(view, scenario);
    names(&named)?;
    let mut ends: Vec<Ends> = Vec::new();
    for index in 0..scenario.links.len() {
        let link = link(view, scenario, &named, index)?;
        let same = |other: &&Ends| **other == link || (other.1, other.0) == link;
        if let Some(first) = ends.iter().position(|other| same(&other)) {
            let place = |index: usize| view.outline.shown(&["links", &index.to_string()]);
            return Err(Diagnostic::error("two links between the same nodes")
                .at(view.source.place(place(index), "again here"))
                .related(view.source.place(place(first), "first here"))
                .help("remove one of them, or let one lead over a switch"));
        }
        ends.push(link);
    }
    connected(view, scenario, &named, &ends)?;
    Ok(ends)
}

fn names(named: &[Named<'_>]) -> Result<(), Diagnostic> {
    for (at, node) in named.iter().enumerate() {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if node.name.is_empty() || !node.name.chars().all(plain) {
            let place = Place { label: "refused".to_owned(), ..node.place.clone() };
            return Err(Diagnostic::error(format!("`{}` is no name for a node", node.name))
                .at(place)
                .help("allowed: letters a to z and A to Z, digits, `-`, `_`"));
        }
        if let Some(first) = named[..at].iter().find(|earlier| earlier.name == node.name) {
            let place = Place { label: "again here".to_owned(), ..node.place.clone() };
            return Err(Diagnostic::error(format!("two nodes have the name `{}`", node.name))
                .at(place)
                .related(first.place.clone()));
        }
    }
    Ok(())
}

fn link(view: &View<'_>, scenario: &Scenario, named: &[Named<'_>], index: usize) -> Result<Ends, Diagnostic> {
    let link = &scenario.links[index];
    let number = index.to_string();
    let find = |key: &str, name: &str| {
        named.iter().find(|node| node.name == name).map(|node| node.end).ok_or_else(|| {
            let path = ["links", &number, key];
            let mut diagnostic =
                view.error(format!("there is no host, switch or router `{name}`"), &path, "unknown name");
            diagnostic.help = name_help(name, named.iter().map(|node| node.name));
            diagnostic
        })
    };
    let (from, to) = (find("from", &link.from)?, find("to", &link.to)?);
    if from == to {
        let path = ["links", &number, "to"];
        return Err(view
            .error(format!("a link from `{}` to itself", link.from), &path, "the same node")
            .help("a link needs two ends"));
    }
    if let End::Group(group) = to
        && scenario.hosts[group].1.count > 1
    {
        return Err(view
            .error(format!("a link to the fleet `{}`", link.to), &["links", &number, "to"], "a fleet")
            .help(format!(
                "write the fleet as `from`: every member then has a link of its own to `{}`",
                link.from
            )));
    }
    Ok((from, to))
}

/// Every host has a link, and every switch and router leads on.
fn connected(
    view: &View<'_>,
    scenario: &Scenario,
    named: &[Named<'_>],
    ends: &[Ends],
) -> Result<(), Diagnostic> {
    let members = |end: End| match end {
        End::Group(group) => scenario.hosts[group].1.count,
        End::Forwarding(_) => 1,
    };
    for node in named {
        let at = |(from, to): &Ends| *from == node.end || *to == node.end;
        let links: u64 = ends.iter().filter(|ends| at(ends)).map(|(from, _)| u64::from(members(*from))).sum();
        let place = |label: &str| Place { label: label.to_owned(), ..node.place.clone() };
        match node.end {
            End::Group(_) if links == 0 => {
                return Err(Diagnostic::error(format!("the host `{}` has no link", node.name))
                    .at(place("cannot be reached"))
                    .help(format!("write `links: [(from: \"{}\", to: ..)]`", node.name)));
            }
            End::Forwarding(_) if links == 0 => {
                return Err(Diagnostic::error(format!("`{}` has no link", node.name))
                    .at(place("connected to nothing"))
                    .help("remove it, or link at least two nodes to it"));
            }
            End::Forwarding(_) if links == 1 => {
                let index = ends.iter().position(at).unwrap_or(0).to_string();
                return Err(view
                    .error(
                        format!("a link to nowhere: nothing else is linked to `{}`", node.name),
                        &["links", &index],
                        "this link",
                    )
                    .related(place("leads no further"))
                    .help(format!("link another node to `{}`, or remove both", node.name)));
            }
            End::Group(_) | End::Forwarding(_) => {}
        }
    }
    Ok(())
}

/// Finds the broker of every host; a broker itself has none.
pub(in crate::scenario) fn brokers(
    view: &View<'_>,
    scenario: &Scenario,
    ends: &[Ends],
) -> Result<Vec<Option<usize>>, Diagnostic> {
    let is_broker = |index: usize| matches!(scenario.hosts[index].1.role, Role::Broker(_));
    let all: Vec<usize> = (0..scenario.hosts.len()).filter(|index| is_broker(*index)).collect();
    let names = || all.iter().map(|index| scenario.hosts[*index].0.as_str());
    let mut found = Vec::new();
    for (index, (name, host)) in scenario.hosts.iter().enumerate() {
        if is_broker(index) || matches!(host.role, Role::Service(_)) {
            found.push(None);
            continue;
        }
        let path = ["hosts", name.as_str(), "mqtt", "broker"];
        let broker = match (host.mqtt.as_ref().and_then(|mqtt| mqtt.broker.as_deref()), &all[..]) {
            (_, []) => {
                return Err(view
                    .error(
                        format!("there is no broker for `{name}`"),
                        &["hosts"],
                        "none of these has the role `Broker`",
                    )
                    .help("write a host with `role: Broker()`"));
            }
            (None, [only]) => *only,
            (None, _) => {
                return Err(view
                    .error(
                        format!("which broker does `{name}` connect to?"),
                        &path,
                        "`mqtt.broker` is missing in here",
                    )
                    .help(format!("allowed: {}", listed(names()))));
            }
            (Some(wanted), _) => match all.iter().find(|index| scenario.hosts[**index].0 == wanted) {
                Some(broker) => *broker,
                None => {
                    let other = scenario.hosts.iter().any(|(name, _)| name == wanted);
                    let what = if other { "is not a broker" } else { "is not a host" };
                    let mut diagnostic = view.error(format!("`{wanted}` {what}"), &path, "no broker");
                    diagnostic.help = name_help(wanted, names());
                    return Err(diagnostic);
                }
            },
        };
        if !reaches(ends, End::Group(index), End::Group(broker)) {
            let broker = &scenario.hosts[broker].0;
            return Err(view
                .error(
                    format!("no way from `{name}` to its broker `{broker}`"),
                    &["hosts", name],
                    "cannot reach it",
                )
                .help("the links fall into parts that are not connected"));
        }
        found.push(Some(broker));
    }
    Ok(found)
}

pub(in crate::scenario) fn reaches(ends: &[Ends], from: End, to: End) -> bool {
    let mut reached = vec![from];
    let mut next = 0;
    while let Some(here) = reached.get(next).copied() {
        // Hosts do not forward: a way through another host is none.
        if here == from || matches!(here, End::Forwarding(_)) {
            for (a, b) in ends {
                let there = if *a == here { *b } else { *a };
                if (*a == here || *b == here) && !reached.contains(&there) {
                    reached.push(there);
                }
            }
        }
        next += 1;
    }
    reached.contains(&to)
}
