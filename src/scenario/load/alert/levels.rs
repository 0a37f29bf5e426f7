//! The alert network beyond its nodes and their server.

use std::sync::Arc;

use models::alert::configuration;
use models::alert::environment::Sight;
use models::alert::gateway::GatewayPlan;
use models::alert::message::Command;
use models::alert::node::camera::CameraPlan;
use models::alert::server::Instruction;
use models::alert::topics::Place;
use models::app::CallPlan;
use models::record::HostIndex;
use sim_core::time::SimTime;

use super::super::super::check;
use super::super::super::error::{Diagnostic, name_help};
use super::super::super::schema::{
    self, GatewayRole, Order, Recognition, Role, Scenario, SensorNodeRole, ServerNodeRole,
};
use super::super::{End, View};
use super::{Reader, renamed};

pub(super) fn camera(camera: &schema::NodeCamera) -> CameraPlan {
    CameraPlan {
        capture: camera.capture.0,
        image_bytes: camera.image.0,
        triggers: camera.triggers.clone(),
        warning_from: camera.warning_from,
        danger_from: camera.danger_from,
    }
}

pub(super) fn sight(sight: &schema::Sight) -> Sight {
    Sight {
        kind: sight.kind.clone(),
        count: sight.count,
        from: SimTime::ZERO + sight.from.0,
        to: sight.to.map_or(SimTime::MAX, |to| SimTime::ZERO + to.0),
    }
}

pub(super) fn gateway(role: &GatewayRole, text: &str) -> GatewayPlan {
    let band = &role.dead_band;
    GatewayPlan {
        place: Place { node: role.name.0.expand(0), ..configuration::place(text) },
        dead_band: [
            band.temperature.map(|c| c.0),
            band.humidity.map(|percent| percent.0),
            band.flame.map(f64::from),
            band.objects.map(f64::from),
        ],
        heartbeat: role.heartbeat.map(|span| span.0),
        readings: role.readings,
        wait: role.wait.0,
        alarm_wait: role.alarm_wait.0,
        form: role.form,
    }
}

/// The service that looks at a node's pictures, found and checked; `None` where none does.
pub(super) fn call(
    view: &View<'_>,
    scenario: &Scenario,
    ends: &[(End, End)],
    name: &str,
    role: &SensorNodeRole,
) -> Result<Option<Arc<CallPlan>>, Diagnostic> {
    let Some(camera) = &role.camera else { return Ok(None) };
    let Recognition::Cloud(called) = &camera.recognition else { return Ok(None) };
    let path = ["hosts", name, "role", "camera", "recognition", "service"];
    let services = || {
        scenario.hosts.iter().enumerate().filter_map(|(place, (name, host))| match host.role {
            Role::Service(service) => Some((place, name, service)),
            _ => None,
        })
    };
    let Some((place, _, service)) = services().find(|(_, name, _)| **name == called.service) else {
        let mut diagnostic =
            view.error(format!("there is no service `{}`", called.service), &path, "unknown name");
        diagnostic.help = name_help(&called.service, services().map(|(_, name, _)| name.as_str()));
        return Err(diagnostic);
    };
    let own = scenario.hosts.iter().position(|(other, _)| other == name).unwrap_or(0);
    if !check::reaches(ends, End::Group(own), End::Group(place)) {
        return Err(view
            .error(format!("no way from `{name}` to `{}`", called.service), &path, "cannot be reached")
            .help("the links fall into parts that are not connected"));
    }
    if scenario.hosts[own].1.mqtt.as_ref().is_some_and(|mqtt| mqtt.tls.is_some()) {
        return Err(view
            .error("a call from a host with TLS is not modelled", &path, "the node has `mqtt.tls`")
            .help("remove `tls`, or look at the pictures on the board"));
    }
    let host = HostIndex(scenario.hosts[..place].iter().map(|(_, host)| host.count).sum());
    let (image, give_up) = (camera.image.0, called.give_up.0);
    Ok(Some(Arc::new(CallPlan::with_picture(host, service.port, &called.service, image, give_up))))
}

impl Reader<'_, '_> {
    pub(super) fn instructions(&mut self, role: &ServerNodeRole) -> Result<Vec<Instruction>, Diagnostic> {
        let mut instructions = Vec::new();
        for (place, instruction) in role.orders.iter().enumerate() {
            let command = match &instruction.order {
                Order::SetTriggers(kinds) => Command::SetTriggers(kinds.clone()),
                Order::UpdateConfiguration(update) => {
                    let place = place.to_string();
                    let keys = ["orders", &place, "order", "configuration"];
                    let text = self.configuration(&keys, &update.configuration, update.valid)?;
                    let message = match &update.id {
                        Some(id) => renamed(&text, &id.0.expand(0)),
                        None => text,
                    };
                    let sampling = update.periods.map(|(normal, warning, danger)| {
                        let seconds = [normal, warning, danger].map(|span| span.0.as_secs().to_string());
                        seconds.join(" ")
                    });
                    Command::UpdateConfiguration { message, sampling }
                }
            };
            instructions.push(Instruction {
                at: SimTime::ZERO + instruction.at.0,
                node: instruction.node.0.expand(0),
                command,
            });
        }
        Ok(instructions)
    }
}
