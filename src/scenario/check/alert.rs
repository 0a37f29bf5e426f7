//! The alert network: values that only make sense together.

use super::super::quantity::Span;
use super::super::schema::{Course, Fire, SensorNodeRole, ServerNodeRole};
use super::{Diagnostic, View, above_zero, in_range};

/// Whether the members of a group of nodes can be told apart, and what they sense goes forward in time.
pub(super) fn sensor_node(
    view: &View<'_>,
    name: &str,
    count: u32,
    role: &SensorNodeRole,
) -> Result<(), Diagnostic> {
    let path = |key: &'static str| ["hosts", name, "role", key];
    let differs = role.id.as_ref().is_some_and(|id| id.0.has_index());
    if count > 1 && !differs {
        return Err(view
            .error("all members of the fleet have the same `ID`", &path("id"), "no `{index}` in here")
            .help("write for example `id: \"CN{index}\"`"));
    }
    if let Some((normal, warning, danger)) = role.periods {
        for (place, period) in [("0", normal), ("1", warning), ("2", danger)] {
            above_zero(view, &[&path("periods")[..], &[place]].concat(), Some(period))?;
        }
    }
    let flame = role.rules.flame_below.map(u64::from);
    in_range(view, &["hosts", name, "role", "rules", "flame_below"], flame, 0..=1_024, "")?;
    course(view, &path("temperature"), &role.temperature)?;
    course(view, &path("humidity"), &role.humidity)
}

fn course<T>(view: &View<'_>, path: &[&str], course: &Course<T>) -> Result<(), Diagnostic> {
    let (Course::Steps(points) | Course::Lines(points)) = course else { return Ok(()) };
    if points.is_empty() {
        return Err(view.error("a course without points", path, "at least one"));
    }
    let later = |pair: &[(Span, T)]| pair[0].0 < pair[1].0;
    if points.windows(2).all(later) {
        return Ok(());
    }
    Err(view
        .error("a point that is not later than the one before", path, "not in the order of time")
        .help("write the points in the order of their instants, no two at the same"))
}

/// What a server node is must be one host.
pub(super) fn server_node(
    view: &View<'_>,
    name: &str,
    count: u32,
    role: &ServerNodeRole,
) -> Result<(), Diagnostic> {
    if count > 1 {
        return Err(view
            .error("a fleet of server nodes", &["hosts", name, "count"], "a server node has a count of 1")
            .help("write one host for every server node"));
    }
    match role.further_filters.iter().position(|filter| filter.0.has_index()) {
        Some(index) => {
            let number = index.to_string();
            let path = ["hosts", name, "role", "further_filters", &number];
            Err(view.error("`{index}` in a filter of a server node", &path, "there is one server node"))
        }
        None => Ok(()),
    }
}

/// What a fire may be.
pub(super) fn fire(view: &View<'_>, index: usize, fire: &Fire) -> Result<(), Diagnostic> {
    let number = index.to_string();
    let path = |key: &'static str| ["fires", number.as_str(), key];
    let negative = [("spread", fire.spread.0), ("heating", fire.heating.0), ("limit", fire.limit.0)];
    if let Some((key, value)) = negative.into_iter().find(|(_, value)| *value < 0.0) {
        let path = ["fires", number.as_str(), key];
        return Err(view.error(format!("`{key}` is {value}"), &path, "negative").help("0 or more"));
    }
    in_range(view, &path("flame"), Some(u64::from(fire.flame)), 0..=1_024, "")
}
