//! The alert network: values that only make sense together.

use models::alert::message::PARAMETERS;

use super::super::quantity::Span;
use super::super::schema::{
    Course, Fire, GatewayRole, Host, NodeCamera, Order, SensorNodeRole, ServerNodeRole, ServiceRole,
};
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
    course(view, &path("humidity"), &role.humidity)?;
    match &role.camera {
        Some(camera) => node_camera(view, name, camera),
        None if role.sights.is_empty() => Ok(()),
        None => Err(view
            .error("sights, but no camera that sees them", &path("sights"), "needs `camera`")
            .help("write `camera: (image: \"100 kB\", recognition: Accelerator, triggers: [\"person\"])`")),
    }
}

fn node_camera(view: &View<'_>, name: &str, camera: &NodeCamera) -> Result<(), Diagnostic> {
    let path = |key: &'static str| ["hosts", name, "role", "camera", key];
    // In base64 inside JSON it is still far below the 4 GiB of a payload.
    in_range(view, &path("image"), Some(camera.image.0), 1..=1_000_000_000, "bytes")?;
    in_range(view, &path("warning_from"), Some(u64::from(camera.warning_from)), 1..=u64::MAX, "")?;
    let least = u64::from(camera.warning_from);
    in_range(view, &path("danger_from"), Some(u64::from(camera.danger_from)), least..=u64::MAX, "")?;
    triggers(view, &path("triggers"), &camera.triggers)
}

/// Kinds of objects as a command can have them.
fn triggers(view: &View<'_>, path: &[&str], kinds: &[String]) -> Result<(), Diagnostic> {
    if !(1..=PARAMETERS).contains(&kinds.len()) {
        return Err(view
            .error(format!("{} kinds of objects", kinds.len()), path, "1 to 3")
            .help("a command has up to three parameters (the paper, section II)"));
    }
    let plain = |kind: &String| {
        !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
    };
    match kinds.iter().position(|kind| !plain(kind)) {
        Some(place) => {
            let number = place.to_string();
            Err(view
                .error(
                    format!("`{}` is no kind of objects", kinds[place]),
                    &[path, &[&number]].concat(),
                    "refused",
                )
                .help("letters, digits, spaces, `-` and `_`: parameters of a command are parted by commas"))
        }
        None => Ok(()),
    }
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
    orders(view, name, role)?;
    match role.further_filters.iter().position(|filter| filter.0.has_index()) {
        Some(index) => {
            let number = index.to_string();
            let path = ["hosts", name, "role", "further_filters", &number];
            Err(view.error("`{index}` in a filter of a server node", &path, "there is one server node"))
        }
        None => Ok(()),
    }
}

fn orders(view: &View<'_>, name: &str, role: &ServerNodeRole) -> Result<(), Diagnostic> {
    if let Some(place) = role.orders.windows(2).position(|pair| pair[0].at > pair[1].at) {
        let number = (place + 1).to_string();
        return Err(view
            .error("an order before the one above", &["hosts", name, "role", "orders", &number], "too early")
            .help("write the orders in the order of their instants"));
    }
    for (place, order) in role.orders.iter().enumerate() {
        let number = place.to_string();
        let path = ["hosts", name, "role", "orders", number.as_str(), "order"];
        match &order.order {
            Order::SetTriggers(kinds) => triggers(view, &path, kinds)?,
            Order::UpdateConfiguration(update) => {
                let whole =
                    |span: &Span| span.0.subsec_nanos() == 0 && (1..=86_400).contains(&span.0.as_secs());
                if let Some((normal, warning, danger)) = &update.periods
                    && ![normal, warning, danger].into_iter().all(whole)
                {
                    return Err(view
                        .error(
                            "periods that a command cannot carry",
                            &[&path[..], &["periods"]].concat(),
                            "refused",
                        )
                        .help("whole seconds, from 1 s to 1 day"));
                }
            }
        }
    }
    Ok(())
}

/// What a gateway may be.
pub(super) fn gateway(view: &View<'_>, name: &str, count: u32, role: &GatewayRole) -> Result<(), Diagnostic> {
    let path = |key: &'static str| ["hosts", name, "role", key];
    if count > 1 {
        return Err(view
            .error("a fleet of gateways", &["hosts", name, "count"], "a gateway has a count of 1")
            .help("write one host for every gateway"));
    }
    in_range(view, &path("readings"), Some(u64::from(role.readings)), 1..=100_000, "")?;
    above_zero(view, &path("wait"), Some(role.wait))?;
    above_zero(view, &path("heartbeat"), role.heartbeat)?;
    let band = &role.dead_band;
    let negative = [("temperature", band.temperature.map(|c| c.0)), ("humidity", band.humidity.map(|h| h.0))];
    match negative.into_iter().find(|(_, value)| value.is_some_and(|value| value < 0.0)) {
        Some((key, _)) => {
            let path = ["hosts", name, "role", "dead_band", key];
            Err(view.error("a dead band below 0", &path, "negative").help("0 or more"))
        }
        None => Ok(()),
    }
}

/// A service is no client, and answers in reasonable lengths.
pub(super) fn service(
    view: &View<'_>,
    name: &str,
    host: &Host,
    role: &ServiceRole,
) -> Result<(), Diagnostic> {
    let path = |key: &'static str| ["hosts", name, "role", key];
    if host.count > 1 {
        return Err(view
            .error("a fleet of services", &["hosts", name, "count"], "a service has a count of 1")
            .help("it answers any number of calls side by side"));
    }
    if host.mqtt.is_some() {
        let path = ["hosts", name, "mqtt"];
        return Err(view.error("a service is no MQTT client", &path, "not for a service").help("remove it"));
    }
    in_range(view, &path("port"), Some(u64::from(role.port)), 1..=65_535, "")?;
    in_range(view, &path("answer"), Some(role.answer.0), 0..=100_000_000, "bytes")
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
