use super::*;
use crate::mqtt::broker::{BrokerConfig, Memory};
use crate::mqtt::client::{ClientConfig, ClientEvent};
use crate::mqtt::pipe::Pipe;
use crate::mqtt::topic::TopicName;
use crate::stream::{MessageId, Payload};

const NOW: SimTime = SimTime::ZERO;
const Q0: QoS = QoS::AtMostOnce;
const Q1: QoS = QoS::AtLeastOnce;
const Q2: QoS = QoS::ExactlyOnce;

fn attach(pipe: &mut Pipe, number: u16, filter: &str, qos: QoS) -> Attachment {
    pipe.broker.attach_bridge(number, &Arc::from("edge"), &[(TopicFilter::new(filter).unwrap(), qos)])
}

fn message(topic: &str, qos: QoS, retain: bool, message: u32) -> ApplicationMessage {
    let topic = TopicName::new(topic).unwrap();
    let payload = Payload::from(&b"x"[..]);
    ApplicationMessage { topic, payload, attached: None, message: MessageId(message), qos, retain }
}

// (bridge, message, qos, retain)
fn bridged(pipe: &mut Pipe) -> Vec<(u16, u32, u8, bool)> {
    let next = || pipe.broker.poll_bridged();
    std::iter::from_fn(next).map(|(bridge, m)| (bridge, m.message.0, m.qos.level(), m.retain)).collect()
}

#[test]
fn a_copy_for_a_bridge_has_the_lower_qos_and_retain_as_published() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let publisher = pipe.add_connected("p");
    attach(&mut pipe, 3, "a/#", Q1);
    for (id, topic, qos, retain) in
        [(0, "a/b", Q0, false), (1, "a/b", Q1, true), (2, "a/b", Q2, false), (3, "b", Q1, false)]
    {
        pipe.publish(publisher, topic, qos, retain, id, 1);
    }
    pipe.settle();
    assert_eq!(bridged(&mut pipe), [(3, 0, 0, false), (3, 1, 1, true), (3, 2, 1, false)]);
}

#[test]
fn a_bridge_gets_nothing_back_but_all_others_get_it() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let subscriber = pipe.add_connected("s");
    pipe.subscribe(subscriber, "#", Q1);
    pipe.settle();
    let first = attach(&mut pipe, 0, "#", Q1);
    attach(&mut pipe, 1, "#", Q1);
    pipe.broker.publish_from_bridge(NOW, first, message("a", Q1, false, 7));
    pipe.drain();
    pipe.settle();
    assert_eq!(bridged(&mut pipe), [(1, 7, 1, false)]);
    assert_eq!(pipe.messages(subscriber), [(7, 1, false, false)]);
}

#[test]
fn a_connected_bridge_gets_what_is_retained() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let publisher = pipe.add_connected("p");
    pipe.publish(publisher, "a/b", Q2, true, 5, 1);
    pipe.settle();
    let bridge = attach(&mut pipe, 0, "a/#", Q1);
    assert_eq!(bridged(&mut pipe), [], "not before it is connected");
    let filters = [(TopicFilter::new("a/#").unwrap(), Q1)];
    pipe.broker.send_retained_to_bridge(NOW, bridge, &filters);
    assert_eq!(bridged(&mut pipe), [(0, 5, 1, true)]);
}

#[test]
fn rules_of_access_are_not_for_bridges() {
    let access = Some(Arc::new(crate::mqtt::broker::AccessList::default()));
    let mut pipe = Pipe::new(BrokerConfig { access, ..BrokerConfig::default() });
    let first = attach(&mut pipe, 0, "#", Q1);
    attach(&mut pipe, 1, "#", Q1);
    pipe.broker.publish_from_bridge(NOW, first, message("a", Q1, false, 7));
    assert_eq!(bridged(&mut pipe), [(1, 7, 1, false)]);
}

#[test]
fn a_restart_forgets_bridges_whatever_it_keeps() {
    for memory in [Memory::Persistent, Memory::Volatile] {
        let mut pipe = Pipe::new(BrokerConfig::default());
        attach(&mut pipe, 0, "#", Q1);
        pipe.broker.restart(NOW, memory);
        assert_eq!((pipe.broker.session_count(), pipe.broker.subscription_count()), (0, 0));
        let bridge = attach(&mut pipe, 0, "#", Q1);
        attach(&mut pipe, 1, "#", Q1);
        pipe.broker.publish_from_bridge(NOW, bridge, message("a", Q0, false, 1));
        assert_eq!(bridged(&mut pipe), [(1, 1, 0, false)], "{memory:?}");
    }
}

/// The other end: a client whose protocol level has the highest bit set.
#[test]
fn a_client_that_is_a_bridge_does_not_hear_itself_and_gets_retain_as_published() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let bridge = pipe.add(ClientConfig { bridge: true, ..ClientConfig::new("edge") });
    pipe.connect(bridge);
    pipe.settle();
    let client = pipe.add_connected("c");
    for i in [bridge, client] {
        pipe.subscribe(i, "#", Q1);
    }
    pipe.settle();
    pipe.publish(bridge, "a", Q1, false, 1, 1);
    pipe.publish(client, "a", Q1, true, 2, 1);
    pipe.settle();
    assert_eq!(pipe.messages(bridge), [(2, 1, true, false)]);
    assert_eq!(pipe.messages(client), [(1, 1, false, false), (2, 1, false, false)]);
}

#[test]
fn a_broker_that_knows_no_bridges_refuses_their_protocol_level() {
    let mut pipe = Pipe::new(BrokerConfig::standard());
    let bridge = pipe.add(ClientConfig { bridge: true, ..ClientConfig::new("edge") });
    pipe.connect(bridge);
    pipe.settle();
    let refused = crate::mqtt::ReasonCode::UnsupportedProtocolVersion;
    assert!(pipe.links[bridge].events.contains(&ClientEvent::Refused(refused)));
    pipe.links[bridge].client.set_bridge(false);
    pipe.connect(bridge);
    pipe.settle();
    assert!(pipe.links[bridge].client.is_connected());
}

#[test]
fn the_state_of_a_bridge_may_be_told_below_sys() {
    assert!(is_state_of_bridge("$SYS/broker/connection/edge-1/state"));
    for topic in ["$SYS/broker/connection/a/b/state", "$SYS/broker/connection/state", "$SYS/broker/state"] {
        assert!(!is_state_of_bridge(topic), "{topic}");
    }
}
