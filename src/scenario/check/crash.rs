//! Programs that are killed: hosts that are there, and crashes that do not overlap.

use models::mqtt::broker::Memory;

use super::super::load::Crash;
use super::super::schema::{self, Fault, Role, Scenario};
use super::{Diagnostic, View, name_help};

/// Checks the crashes and finds their hosts: for each the place of its host, and what happens, in the order of
/// the instants.
pub(in crate::scenario) fn crashes(
    view: &View<'_>,
    scenario: &Scenario,
) -> Result<Vec<(usize, Crash)>, Diagnostic> {
    let mut found: Vec<(usize, Crash)> = Vec::new();
    for (index, fault) in scenario.faults.iter().enumerate() {
        let number = index.to_string();
        let (place, crash) = match fault {
            Fault::LinkDown(_) | Fault::DropFrame(_) | Fault::DelayFrame(_) | Fault::DuplicateFrame(_) => {
                continue;
            }
            Fault::BrokerRestart(restart) => {
                let path = ["faults", number.as_str(), "broker"];
                let memory = match restart.memory {
                    schema::Memory::Kept => Memory::Persistent,
                    schema::Memory::Lost => Memory::Volatile,
                };
                let (place, member) = host(view, scenario, &path, restart.broker.as_deref(), true)?;
                (place, Crash { member, at: restart.at.0, down_for: restart.down_for.0, memory })
            }
            Fault::ClientCrash(crash) => {
                let path = ["faults", number.as_str(), "host"];
                let (place, member) = host(view, scenario, &path, Some(&crash.host), false)?;
                let memory = Memory::Volatile;
                (place, Crash { member, at: crash.at.0, down_for: crash.down_for.0, memory })
            }
        };
        let overlaps = found.iter().any(|(other, earlier)| {
            let same = earlier.member == crash.member || earlier.member.is_none() || crash.member.is_none();
            let apart = earlier.at + earlier.down_for < crash.at || crash.at + crash.down_for < earlier.at;
            *other == place && same && !apart
        });
        if overlaps {
            return Err(view
                .error("a program that is killed while it is down", &["faults", &number], "too early")
                .help("let it be up again before it is killed once more"));
        }
        found.push((place, crash));
    }
    found.sort_by_key(|(_, crash)| crash.at);
    Ok(found)
}

/// The host of this name, and the member of the fleet if it names one.
fn host(
    view: &View<'_>,
    scenario: &Scenario,
    path: &[&str],
    name: Option<&str>,
    broker: bool,
) -> Result<(usize, Option<u32>), Diagnostic> {
    let fits = |place: &usize| matches!(scenario.hosts[*place].1.role, Role::Broker(_)) == broker;
    let places: Vec<usize> = (0..scenario.hosts.len()).filter(fits).collect();
    let Some(name) = name else {
        return match places[..] {
            [only] => Ok((only, None)),
            _ => Err(view.error("which broker is killed?", path, "`broker` is missing in here")),
        };
    };
    let found = places.iter().find_map(|place| {
        let (host, entry) = &scenario.hosts[*place];
        let rest = name.strip_prefix(host.as_str())?;
        if rest.is_empty() {
            return Some((*place, None));
        }
        let member: u32 = rest.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?;
        (entry.count > 1 && member < entry.count).then_some((*place, Some(member)))
    });
    found.ok_or_else(|| {
        let noun = if broker { "broker" } else { "client" };
        let mut diagnostic = view.error(format!("there is no {noun} `{name}`"), path, "unknown name");
        diagnostic.help = name_help(name, places.iter().map(|place| scenario.hosts[*place].0.as_str()));
        diagnostic
    })
}
