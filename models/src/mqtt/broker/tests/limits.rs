//! Windows, queues, and who may connect.

use super::*;

fn offline_subscriber(pipe: &mut Pipe) -> usize {
    let s = pipe.add(persistent("s"));
    pipe.connect(s);
    pipe.settle();
    pipe.subscribe(s, "t", Q2);
    pipe.settle();
    pipe.cut(s);
    s
}

// Measured of Mosquitto 2.0.11: of 1500 offline QoS 1 messages 20 come at once, 1000 in all.
#[test]
fn an_offline_queue_drops_the_newest_beyond_its_limit() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let publisher = pipe.add_connected("p");
    let s = offline_subscriber(&mut pipe);
    for message in 0..1_500 {
        pipe.publish(publisher, "t", Q1, false, message, 1);
    }
    pipe.settle();
    let dropped = pipe.broker_events.iter().filter(|e| matches!(e, BrokerEvent::Dropped { .. })).count();
    assert_eq!(dropped, 500);
    pipe.transcript.clear();
    pipe.connect(s);
    assert!(pipe.step(s, true), "CONNECT");
    let at_once = pipe.transcript.iter().filter(|line| line.starts_with("1< PUBLISH q1 d0")).count();
    assert_eq!(at_once, 20);
    pipe.settle();
    let messages: Vec<_> = pipe.messages(s).iter().map(|message| message.0).collect();
    assert_eq!(messages, (0..1_000).collect::<Vec<_>>());
    pipe.assert_nothing_held();
}

#[test]
fn or_the_oldest() {
    let when_queue_full = WhenQueueFull::DropOldest;
    let mut pipe = Pipe::new(BrokerConfig { max_queued: 3, when_queue_full, ..BrokerConfig::default() });
    let publisher = pipe.add_connected("p");
    let s = offline_subscriber(&mut pipe);
    for message in 0..5 {
        pipe.publish(publisher, "t", Q1, false, message, 1);
    }
    pipe.settle();
    pipe.connect(s);
    pipe.settle();
    assert_eq!(pipe.messages(s).iter().map(|m| m.0).collect::<Vec<_>>(), [2, 3, 4]);
    pipe.assert_nothing_held();
}

// Measured of Mosquitto 2.0.11: a publisher with more than 20 QoS 2 messages in flight loses the rest.
#[test]
fn qos_2_beyond_the_inbound_window_is_acknowledged_and_lost() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let p = pipe.add(ClientConfig { max_inflight: 0, ..ClientConfig::new("p") });
    pipe.connect(p);
    let s = pipe.add_connected("s");
    pipe.settle();
    pipe.subscribe(s, "t", Q2);
    pipe.settle();
    for message in 0..50 {
        pipe.publish(p, "t", Q2, false, message, 1);
    }
    while pipe.step(p, true) {}
    pipe.settle();
    assert_eq!(pipe.messages(s).len(), 20);
    let completed = pipe.links[p].events.iter().filter(|e| matches!(e, ClientEvent::Completed { .. }));
    assert_eq!(completed.count(), 50);
    pipe.assert_nothing_held();
}

fn holding_back(window: u16, messages: u32, deliver_qos_2_on: Qos2Delivery) -> (Pipe, usize) {
    let config = BrokerConfig {
        max_inflight_inbound: window,
        max_queued: 100,
        beyond_inbound_window: BeyondInboundWindow::HeldBack,
        deliver_qos_2_on,
        forward_before_acknowledging: false,
        ..BrokerConfig::default()
    };
    let mut pipe = Pipe::new(config);
    let p = pipe.add(ClientConfig { max_inflight: 0, clean_session: false, ..ClientConfig::new("p") });
    pipe.connect(p);
    let s = pipe.add_connected("s");
    pipe.settle();
    pipe.subscribe(s, "t", Q2);
    pipe.settle();
    for message in 0..messages {
        pipe.publish(p, "t", Q2, false, message, 1);
    }
    while pipe.step(p, true) {}
    (pipe, s)
}

// Source of Mosquitto 1.4.8: mqtt3_db_message_insert, mqtt3_db_message_release.
#[test]
fn qos_2_beyond_the_inbound_window_can_wait_for_its_pubrec() {
    for window in 1..=20 {
        let (mut pipe, s) = holding_back(window, 50, Qos2Delivery::Pubrel);
        let waiting =
            |pipe: &Pipe| pipe.broker.sessions.iter().map(|(_, s)| s.inbound.held_back()).sum::<usize>();
        assert_eq!(waiting(&pipe), 50 - usize::from(window));
        pipe.settle();
        assert_eq!(waiting(&pipe), 0);
        let received: Vec<u32> = pipe.messages(s).iter().map(|message| message.0).collect();
        assert_eq!(received, (0..50).collect::<Vec<_>>(), "window {window}: all, each once and in order");
        pipe.broker.assert_bytes_add_up();
        pipe.assert_nothing_held();
    }
}

// MQTT 3.1.1 §4.6; a run of the swarm in which later ones overtook those that waited led to this test.
#[test]
fn what_is_forwarded_on_publish_does_not_wait_for_its_pubrec() {
    let (mut pipe, s) = holding_back(2, 5, Qos2Delivery::Publish);
    while pipe.step(s, true) || pipe.step(s, false) {}
    let received: Vec<u32> = pipe.messages(s).iter().map(|message| message.0).collect();
    assert_eq!(received, [0, 1, 2, 3, 4], "before any PUBREL");
    pipe.settle();
    assert_eq!(pipe.messages(s).len(), 5);
    pipe.broker.assert_bytes_add_up();
    pipe.assert_nothing_held();
}

// One that is not even kept stays with its publisher, until it sends again.
#[test]
fn beyond_the_queue_of_those_held_back_nobody_answers() {
    let (mut pipe, s) = holding_back(20, 130, Qos2Delivery::Pubrel);
    pipe.settle();
    assert_eq!(pipe.messages(s).len(), 120);
    pipe.broker.assert_bytes_add_up();
    pipe.cut(0);
    pipe.connect(0);
    pipe.settle();
    let mut received: Vec<u32> = pipe.messages(s).iter().map(|message| message.0).collect();
    received.sort_unstable();
    assert_eq!(received, (0..130).collect::<Vec<_>>(), "the others, after the reconnection");
    pipe.assert_nothing_held();
}

#[test]
fn names_below_sys_are_the_servers() {
    let mut pipe = Pipe::new(BrokerConfig::default());
    let c = pipe.add_connected("c");
    pipe.subscribe(c, "$SYS/#", Q0);
    pipe.settle();
    for qos in [Q0, Q1, Q2] {
        pipe.publish(c, "$SYS/x", qos, true, 1, 1);
    }
    pipe.settle();
    assert!(pipe.messages(c).is_empty());
    assert_eq!((pipe.broker.retained_count(), pipe.links[c].client.unacknowledged()), (0, (0, 0)));
}

fn connack(config: BrokerConfig, packet: Packet) -> u8 {
    let mut broker = Broker::new(config);
    let mut raw = Raw::open(&mut broker);
    raw.send(&mut broker, packet);
    let answers = raw.received(&mut broker);
    assert_eq!(answers.len(), 1);
    let code = answers[0].to_vec()[3];
    let closed = std::iter::from_fn(|| broker.poll_event()).any(|e| matches!(e, BrokerEvent::Close { .. }));
    assert_eq!(closed, code != 0);
    code
}

#[test]
fn empty_client_identifiers_need_a_clean_session() {
    assert_eq!(connack(BrokerConfig::default(), connect("", true)), 0);
    assert_eq!(connack(BrokerConfig::default(), connect("", false)), 2);
    let config = BrokerConfig { accept_empty_client_identifier: false, ..BrokerConfig::default() };
    assert_eq!(connack(config, connect("", true)), 2);
    let mut broker = Broker::new(BrokerConfig::default());
    Raw::connect(&mut broker, "auto-00000000-0000-0000-0000-000000000001", true);
    Raw::connect(&mut broker, "", true);
    Raw::connect(&mut broker, "", true);
    assert_eq!(broker.connected_count(), 3, "every nameless client gets a name of its own");
}

#[test]
fn passwords_are_checked() {
    let passwords = [("ada".into(), b"lovelace"[..].into())].into();
    let config =
        BrokerConfig { authentication: Authentication::Passwords(passwords), ..BrokerConfig::default() };
    let with = |user_name: Option<&str>, password: Option<&[u8]>| {
        let Packet::Connect(mut connect) = connect("c", true) else { unreachable!() };
        connect.user_name = user_name.map(Into::into);
        connect.password = password.map(Into::into);
        connack(config.clone(), Packet::Connect(connect))
    };
    assert_eq!(with(Some("ada"), Some(b"lovelace")), 0);
    assert_eq!(with(Some("ada"), Some(b"byron")), 4);
    assert_eq!(with(Some("ada"), None), 4);
    assert_eq!(with(Some("eve"), None), 4);
    assert_eq!(with(None, None), 5);
}

#[test]
fn a_full_server_is_unavailable() {
    let mut broker = Broker::new(BrokerConfig { max_connections: 1, ..BrokerConfig::default() });
    let first = Raw::connect(&mut broker, "a", true);
    let mut second = Raw::open(&mut broker);
    second.send(&mut broker, connect("b", true));
    assert_eq!(second.received(&mut broker)[0].to_vec()[3], 3);
    broker.transport_closed(NOW, first.connection);
    Raw::connect(&mut broker, "c", true);
}

// MQTT 3.1.1 §3.3.5: "It MUST either make a positive acknowledgement, according to the normal QoS rules, or close the
// Network Connection"
#[test]
fn who_may_not_publish_is_acknowledged_all_the_same() {
    let rules = vec![AccessRule { who: Who::Everyone, right: Right::ReadWrite, filter: Arc::from("open") }];
    let access = Some(Arc::new(AccessList { rules, checks_subscriptions: false }));
    let mut pipe = Pipe::new(BrokerConfig { access, ..BrokerConfig::default() });
    let (p, s) = (pipe.add_connected("p"), pipe.add_connected("s"));
    pipe.subscribe(s, "#", Q2);
    pipe.settle();
    for (message, topic, qos) in [(1, "open", Q1), (2, "shut", Q0), (3, "shut", Q1), (4, "shut", Q2)] {
        pipe.publish(p, topic, qos, false, message, 1);
    }
    pipe.settle();
    assert_eq!(pipe.messages(s), [(1, 1, false, false)]);
    let completed = pipe.links[p].events.iter().filter(|e| matches!(e, ClientEvent::Completed { .. }));
    assert_eq!(completed.count(), 4);
    assert!(pipe.links[p].client.is_connected());
    pipe.assert_nothing_held();
}
