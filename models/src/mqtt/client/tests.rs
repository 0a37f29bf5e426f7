use super::*;
use crate::mqtt::close::ProtocolError;
use crate::mqtt::codec::Malformed;
use crate::mqtt::codec::encode::encode;
use crate::mqtt::codec::encode::encode_connack;
use crate::mqtt::packet::{Connack, Publish, ReasonCode};
use crate::mqtt::packet::{Disconnect, QoS, Unsuback, Version};
use crate::mqtt::session::Qos2Delivery;
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::{Payload, Tag};

const NOW: SimTime = SimTime::from_secs(1);
const Q0: QoS = QoS::AtMostOnce;
const Q1: QoS = QoS::AtLeastOnce;
const Q2: QoS = QoS::ExactlyOnce;

fn id(number: u16) -> PacketIdentifier {
    PacketIdentifier::new(number).unwrap()
}

fn send(client: &mut Client, packet: Packet) {
    let outgoing = encode(&packet, Version::V3_1_1, MessageId(77));
    client.handle_input(NOW, outgoing.head);
    if let Some(body) = outgoing.body {
        client.handle_input(NOW, body);
    }
}

fn accept(client: &mut Client, session_present: bool) {
    client.transport_connected(NOW);
    assert_eq!(sent(client), ["CONNECT"]);
    let reason_code = ReasonCode::Success;
    client.handle_input(
        NOW,
        encode_connack(&Connack { session_present, reason_code, properties: None }, Version::V3_1_1).head,
    );
}

fn sent(client: &mut Client) -> Vec<String> {
    let packets = std::iter::from_fn(|| client.poll_transmit());
    packets
        .map(|outgoing| {
            let id = outgoing.packet_identifier.map_or(String::new(), |id| format!(" {}", id.get()));
            format!("{}{id}{}", outgoing.packet_type.name(), if outgoing.dup { " dup" } else { "" })
        })
        .collect()
}

fn events(client: &mut Client) -> Vec<ClientEvent> {
    let all = std::iter::from_fn(|| client.poll_event());
    all.filter(|event| !matches!(event, ClientEvent::Received { .. })).collect()
}

fn publish(client: &mut Client, qos: QoS, message: u32) -> Result<(), PublishError> {
    let topic = TopicName::new("t").unwrap();
    client.publish(NOW, topic, Payload::from(&b"abc"[..]), qos, false, MessageId(message))
}

fn incoming(qos: QoS, number: u16, dup: bool) -> Packet {
    Packet::Publish(Publish {
        topic: TopicName::new("t").unwrap(),
        payload: Payload::from(&b"xyz"[..]),
        packet_identifier: PacketIdentifier::new(number),
        qos,
        dup,
        retain: false,
        properties: None,
    })
}

#[test]
fn an_idle_client_is_small() {
    assert!(size_of::<Client>() <= 312, "{}", size_of::<Client>());
    assert!(size_of::<Pending>() <= 16, "{}", size_of::<Pending>());
    assert!(size_of::<Happened>() <= 16, "{}", size_of::<Happened>());
}

#[test]
fn nothing_leaves_before_connack() {
    let mut client = Client::new(ClientConfig::new("c"));
    client.transport_connected(NOW);
    publish(&mut client, Q1, 1).unwrap();
    publish(&mut client, Q0, 2).unwrap();
    client.subscribe(NOW, vec![(TopicFilter::new("#").unwrap(), Q1)]).unwrap();
    assert_eq!(sent(&mut client), ["CONNECT"]);
    let connack = Connack { session_present: false, reason_code: ReasonCode::Success, properties: None };
    client.handle_input(NOW, encode_connack(&connack, Version::V3_1_1).head);
    assert_eq!(sent(&mut client), ["SUBSCRIBE 1", "PUBLISH", "PUBLISH 2"]);
    let completed = ClientEvent::Completed {
        message: MessageId(2),
        packet_identifier: None,
        reason_code: ReasonCode::Success,
    };
    assert_eq!(events(&mut client), [ClientEvent::Connected { session_present: false }, completed]);
}

#[test]
fn the_window_holds_back_what_exceeds_it() {
    let mut client = Client::new(ClientConfig { max_inflight: 2, max_queued: 2, ..ClientConfig::new("c") });
    accept(&mut client, false);
    for message in 1..=4 {
        publish(&mut client, Q1, message).unwrap();
    }
    assert_eq!(publish(&mut client, Q1, 5), Err(PublishError::QueueFull));
    assert_eq!(sent(&mut client), ["PUBLISH 1", "PUBLISH 2"]);
    assert_eq!((client.unacknowledged(), client.buffered()), ((2, 2), 4 * 4));
    send(&mut client, Packet::Puback(id(2).into()));
    assert_eq!(sent(&mut client), ["PUBLISH 3"]);
    send(&mut client, Packet::Puback(id(9).into()));
    assert_eq!(sent(&mut client), [""; 0], "an unknown PUBACK is ignored");
}

#[test]
fn in_flight_is_resent_in_order_and_only_after_a_reconnection() {
    let config = ClientConfig { clean_session: false, max_inflight: 3, ..ClientConfig::new("c") };
    let mut client = Client::new(config);
    accept(&mut client, false);
    for (message, qos) in [(1, Q1), (2, Q2), (3, Q1), (4, Q1)] {
        publish(&mut client, qos, message).unwrap();
    }
    assert_eq!(sent(&mut client), ["PUBLISH 1", "PUBLISH 2", "PUBLISH 3"]);
    send(&mut client, Packet::Pubrec(id(2).into()));
    assert_eq!(sent(&mut client), ["PUBREL 2"]);
    client.transport_closed(NOW);
    accept(&mut client, true);
    assert_eq!(sent(&mut client), ["PUBLISH 1 dup", "PUBREL 2", "PUBLISH 3 dup"]);
    send(&mut client, Packet::Puback(id(1).into()));
    send(&mut client, Packet::Pubcomp(id(2).into()));
    assert_eq!(sent(&mut client), ["PUBLISH 4"], "sent for the first time, so without DUP");
    let completed = events(&mut client).into_iter().filter(|e| matches!(e, ClientEvent::Completed { .. }));
    assert_eq!(completed.count(), 2);
}

#[test]
fn a_clean_session_discards_what_was_in_flight_but_not_what_was_never_sent() {
    let mut client = Client::new(ClientConfig { max_inflight: 1, ..ClientConfig::new("c") });
    accept(&mut client, false);
    publish(&mut client, Q1, 1).unwrap();
    publish(&mut client, Q1, 2).unwrap();
    sent(&mut client);
    client.transport_closed(NOW);
    events(&mut client);
    accept(&mut client, false);
    assert_eq!(sent(&mut client), ["PUBLISH 2"]);
    assert!(events(&mut client).contains(&ClientEvent::Discarded { message: MessageId(1) }));
    assert_eq!(client.buffered(), 4);
}

#[test]
fn paho_resends_after_a_clean_session_too() {
    let mut client = Client::new(ClientConfig::paho("c"));
    accept(&mut client, false);
    publish(&mut client, Q2, 1).unwrap();
    sent(&mut client);
    send(&mut client, Packet::Pubrec(id(1).into()));
    client.transport_closed(NOW);
    accept(&mut client, false);
    assert_eq!(sent(&mut client), ["PUBLISH 1 dup"]);
}

#[test]
fn qos_0_without_a_connection_is_refused_or_queued() {
    let mut client = Client::new(ClientConfig::new("c"));
    assert_eq!(publish(&mut client, Q0, 1), Err(PublishError::NotConnected));
    let mut client = Client::new(ClientConfig { queue_qos_0_offline: true, ..ClientConfig::new("c") });
    publish(&mut client, Q0, 1).unwrap();
    accept(&mut client, false);
    assert_eq!(sent(&mut client), ["PUBLISH"]);
    assert_eq!(client.buffered(), 0);
}

#[test]
fn requests_need_a_transport_and_a_filter() {
    let mut client = Client::new(ClientConfig::new("c"));
    let filter = TopicFilter::new("a").unwrap();
    assert_eq!(client.subscribe(NOW, vec![(filter.clone(), Q0)]), Err(RequestError::NotConnected));
    accept(&mut client, false);
    assert_eq!(client.unsubscribe(NOW, vec![]), Err(RequestError::NoTopicFilter));
    assert_eq!(client.unsubscribe(NOW, vec![filter]), Ok(id(1)));
    send(
        &mut client,
        Packet::Unsuback(Unsuback { packet_identifier: id(1), reason_codes: vec![], properties: None }),
    );
    assert!(
        events(&mut client)
            .contains(&ClientEvent::Unsubscribed { packet_identifier: id(1), reason_codes: vec![] })
    );
}

#[test]
fn a_qos_2_message_is_delivered_once_however_often_it_comes() {
    for deliver_qos_2_on in [Qos2Delivery::Publish, Qos2Delivery::Pubrel] {
        let config = ClientConfig { deliver_qos_2_on, clean_session: false, ..ClientConfig::new("c") };
        let mut client = Client::new(config);
        accept(&mut client, false);
        send(&mut client, incoming(Q2, 5, false));
        client.transport_closed(NOW);
        accept(&mut client, true);
        send(&mut client, incoming(Q2, 5, true));
        send(&mut client, Packet::Pubrel(id(5).into()));
        send(&mut client, Packet::Pubrel(id(5).into()));
        assert_eq!(sent(&mut client), ["PUBREC 5", "PUBCOMP 5", "PUBCOMP 5"]);
        let messages = events(&mut client).into_iter().filter(|e| matches!(e, ClientEvent::Message { .. }));
        assert_eq!(messages.count(), 1);
        assert_eq!(client.buffered(), 0);
    }
}

#[test]
fn qos_1_is_delivered_then_acknowledged_under_its_message() {
    let mut client = Client::new(ClientConfig::new("c"));
    accept(&mut client, false);
    send(&mut client, incoming(Q1, 5, true));
    let puback = client.poll_transmit().unwrap();
    assert_eq!((puback.packet_type, puback.message()), (PacketType::Puback, MessageId(77)));
    let message = ClientEvent::Message {
        topic: TopicName::new("t").unwrap(),
        payload: Payload::from(&b"xyz"[..]),
        qos: Q1,
        retain: false,
        dup: true,
        message: MessageId(77),
        attached: None,
    };
    assert!(events(&mut client).contains(&message));
}

#[test]
fn refusals_and_errors_ask_for_a_close() {
    let close = |packet: Packet, connected: bool| {
        let mut client = Client::new(ClientConfig::new("c"));
        match connected {
            true => accept(&mut client, false),
            false => client.transport_connected(NOW),
        }
        sent(&mut client);
        events(&mut client);
        send(&mut client, packet);
        assert_eq!(client.poll_timeout(), None);
        events(&mut client)
    };
    let error = |error| vec![ClientEvent::Close(CloseReason::ProtocolError(error))];
    let unexpected = |packet_type| error(ProtocolError::UnexpectedPacket(packet_type));
    let reason_code = ReasonCode::NotAuthorized;
    let refused = Packet::Connack(Connack { session_present: false, reason_code, properties: None });
    let both = [ClientEvent::Refused(reason_code), ClientEvent::Close(CloseReason::Refused(reason_code))];
    assert_eq!(close(refused.clone(), false), both);
    assert_eq!(close(refused, true), unexpected(PacketType::Connack));
    assert_eq!(close(Packet::Pingresp, false), unexpected(PacketType::Pingresp));
    assert_eq!(close(Packet::Pingreq, true), unexpected(PacketType::Pingreq));
    assert_eq!(close(Packet::Disconnect(Disconnect::default()), true), unexpected(PacketType::Disconnect));

    let mut client = Client::new(ClientConfig::new("c"));
    accept(&mut client, false);
    publish(&mut client, Q1, 1).unwrap();
    sent(&mut client);
    events(&mut client);
    send(&mut client, Packet::Pubrec(id(1).into()));
    assert_eq!(events(&mut client), error(ProtocolError::AcknowledgementMismatch));

    let mut client = Client::new(ClientConfig::new("c"));
    accept(&mut client, false);
    client.handle_input(NOW, Chunk::copied(Tag::default(), &[0xF0, 0]));
    let malformed = ClientEvent::Close(CloseReason::Malformed(Malformed::ReservedPacketType));
    assert_eq!(events(&mut client).last(), Some(&malformed));
}

#[test]
fn disconnect_is_sent_before_the_close() {
    let mut client = Client::new(ClientConfig::new("c"));
    accept(&mut client, false);
    publish(&mut client, Q0, 1).unwrap();
    client.disconnect(NOW);
    client.disconnect(NOW);
    assert_eq!(sent(&mut client), ["PUBLISH", "DISCONNECT"]);
    let closes = events(&mut client).into_iter().filter(|event| matches!(event, ClientEvent::Close(_)));
    assert_eq!(closes.collect::<Vec<_>>(), [ClientEvent::Close(CloseReason::Disconnected)]);
    client.transport_closed(NOW);
    accept(&mut client, false);
    assert!(client.is_connected());
}

#[test]
fn silence_of_the_server_ends_the_connection() {
    let mut client = Client::new(ClientConfig { keep_alive_s: 5, ..ClientConfig::new("c") });
    client.transport_connected(NOW);
    client.handle_timeout(SimTime::from_millis(5_999));
    assert_eq!(sent(&mut client), ["CONNECT"]);
    client.handle_timeout(SimTime::from_secs(6));
    assert_eq!(events(&mut client), [ClientEvent::Close(CloseReason::NoConnack)]);

    client.transport_closed(SimTime::from_secs(6));
    accept(&mut client, false);
    assert_eq!(client.poll_timeout(), Some(SimTime::from_secs(6)));
    client.handle_timeout(SimTime::from_secs(6));
    client.handle_timeout(SimTime::from_secs(6));
    assert_eq!(sent(&mut client), ["PINGREQ"]);
    assert_eq!(client.poll_timeout(), Some(SimTime::from_secs(11)));
    client.handle_timeout(SimTime::from_secs(11));
    assert_eq!(events(&mut client).last(), Some(&ClientEvent::Close(CloseReason::KeepAliveExpired)));
}

// MQTT 3.1.1 §3.1.2.4: without Session Present the server knows no identifier of the past, so a PUBLISH with one of them
// is a new message.
#[test]
fn identifiers_of_a_session_that_the_server_lost_are_forgotten() {
    for (session_present, delivered) in [(true, 1), (false, 2)] {
        let config = ClientConfig {
            clean_session: false,
            deliver_qos_2_on: Qos2Delivery::Publish,
            ..ClientConfig::new("c")
        };
        let mut client = Client::new(config);
        accept(&mut client, false);
        send(&mut client, incoming(Q2, 5, false));
        client.transport_closed(NOW);
        sent(&mut client);
        accept(&mut client, session_present);
        send(&mut client, incoming(Q2, 5, false));
        let messages = events(&mut client);
        let messages = messages.iter().filter(|event| matches!(event, ClientEvent::Message { .. }));
        assert_eq!(messages.count(), delivered, "session present: {session_present}");
    }
}

// MQTT 3.1.1 §4.4 asks for more.
#[test]
fn who_keeps_nothing_sends_nothing_again() {
    for (forget_unacknowledged, again) in [(false, vec!["PUBLISH 1 dup"]), (true, vec![])] {
        let config = ClientConfig { clean_session: false, forget_unacknowledged, ..ClientConfig::new("c") };
        let mut client = Client::new(config);
        accept(&mut client, false);
        publish(&mut client, Q1, 1).unwrap();
        assert_eq!(sent(&mut client), ["PUBLISH 1"]);
        client.transport_closed(NOW);
        accept(&mut client, true);
        assert_eq!(sent(&mut client), again);
        let discarded = events(&mut client).contains(&ClientEvent::Discarded { message: MessageId(1) });
        assert_eq!(discarded, forget_unacknowledged);
    }
}
