//! Nodes of the alert network.

use std::sync::Arc;

use models::alert::environment::Site;
use models::alert::gateway::Gateway;
use models::alert::node::SensorNode;
use models::alert::server::ServerNode;
use models::alert::sink::Sink;
use models::app::{CloudSinkRole, GatewayRole, Message, Recognition, Role, SensorNodeRole, ServerNodeRole};
use models::ledger::Ledger;
use models::mqtt::TopicName;
use models::stream::Payload;
use sim_core::random::Streams;

use super::super::load::{AlertGroup, Group, Nodes, configuration_of};
use super::super::schema;
use super::audience::{Audience, Member};
use super::client::{filter, qos};
use super::power::inference;

/// The role of a member; `None` where the group is none of the alert network's.
pub(super) fn role(
    group: &Group,
    member: Member,
    streams: &Streams,
    audience: &Audience,
    ledger: &mut Ledger,
) -> Option<Role> {
    let index = member.1;
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
                sights: nodes.sights.clone(),
            };
            let text = configuration_of(role, &nodes.text, index);
            let node = SensorNode::new(nodes.plan.clone(), Arc::from(text), site);
            let draws = streams.stream_indexed(&format!("sensor/{}", group.name), u64::from(index));
            let sample = group.software.sample.as_nanos() as f64 * group.board.cpu_factor;
            let made = SensorNodeRole::new(node, qos(role.qos), draws, sample.round() as u64);
            Role::SensorNode(Box::new(match &role.camera {
                Some(camera) => made.with_recognition(recognition(camera, nodes, group)),
                None => made,
            }))
        }
        (AlertGroup::Server(server), schema::Role::ServerNode(role)) => {
            let node = ServerNode::new(server.plan.clone());
            let (further, resubscribes) = (server.further.clone(), server.resubscribes);
            Role::ServerNode(Box::new(ServerNodeRole::new(node, qos(role.qos), further, resubscribes)))
        }
        (AlertGroup::Gateway(plan), schema::Role::Gateway(role)) => {
            let gateway = Gateway::new(plan.clone());
            let name = gateway.topic();
            let topic = TopicName::new(&name).expect("a topic from a valid configuration");
            let broker = group.client.as_ref().expect("a gateway is a client").broker;
            let message = Message {
                expected: audience.expected(broker, member, &topic),
                ledger_topic: ledger.topic(&name),
                topic,
                payload: Payload::empty(),
                qos: qos(role.qos),
                retain: false,
                properties: None,
            };
            Role::Gateway(Box::new(GatewayRole::new(gateway, message)))
        }
        (AlertGroup::Sink, schema::Role::CloudSink(role)) => {
            let one = |one: &schema::Subscription| (filter(&one.filter.0.expand(index)), qos(one.qos));
            let filters = role.filters.iter().map(one).collect();
            Role::CloudSink(Box::new(CloudSinkRole::new(Sink::new(role.commit.0), filters)))
        }
        (AlertGroup::Nodes(_) | AlertGroup::Server(_) | AlertGroup::Gateway(_) | AlertGroup::Sink, _) => {
            unreachable!("what was looked up belongs to the role")
        }
    })
}

/// Who looks at the pictures of a group of nodes.
fn recognition(camera: &schema::NodeCamera, nodes: &Nodes, group: &Group) -> Recognition {
    let on_board = |place| Recognition::OnBoard(inference(place, &group.board, &group.software));
    match &camera.recognition {
        schema::Recognition::OnDevice => on_board(schema::Inference::OnDevice),
        schema::Recognition::Accelerator => on_board(schema::Inference::Accelerator),
        schema::Recognition::Cloud(_) => {
            Recognition::Called(nodes.call.clone().expect("looked up with the service"))
        }
    }
}
