//! Nodes of the alert network.

use std::sync::Arc;

use models::alert::environment::Site;
use models::alert::node::SensorNode;
use models::alert::server::ServerNode;
use models::app::{Role, SensorNodeRole, ServerNodeRole};
use sim_core::random::Streams;

use super::super::load::{AlertGroup, Group, configuration_of};
use super::super::schema;
use super::client::qos;

/// The role of member `index`; `None` where the group is none of the alert network's.
pub(super) fn role(group: &Group, index: u32, streams: &Streams) -> Option<Role> {
    Some(match (group.alert.as_ref()?, &group.role) {
        (AlertGroup::Nodes(nodes), schema::Role::SensorNode(role)) => {
            let place = |start: f64, step: f64| start + step * f64::from(index);
            let site = Site {
                position_m: (
                    place(role.position.0.0, role.step.0.0),
                    place(role.position.1.0, role.step.1.0),
                ),
                temperature_c: nodes.temperature_c.clone(),
                humidity_percent: nodes.humidity_percent.clone(),
                noise_c: role.noise.0,
                fires: nodes.fires.clone(),
            };
            let text = configuration_of(role, &nodes.text, index);
            let node = SensorNode::new(nodes.plan.clone(), Arc::from(text), site);
            let draws = streams.stream_indexed(&format!("sensor/{}", group.name), u64::from(index));
            let sample = group.software.sample.as_nanos() as f64 * group.board.cpu_factor;
            let role = SensorNodeRole::new(node, qos(role.qos), draws, sample.round() as u64);
            Role::SensorNode(Box::new(role))
        }
        (AlertGroup::Server(server), schema::Role::ServerNode(role)) => {
            let node = ServerNode::new(server.plan.clone());
            let (further, resubscribes) = (server.further.clone(), server.resubscribes);
            Role::ServerNode(Box::new(ServerNodeRole::new(node, qos(role.qos), further, resubscribes)))
        }
        (AlertGroup::Nodes(_) | AlertGroup::Server(_), _) => {
            unreachable!("what was looked up belongs to the role")
        }
    })
}
