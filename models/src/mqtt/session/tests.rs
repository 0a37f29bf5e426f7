use super::*;
use crate::mqtt::topic::TopicName;
use crate::stream::Payload;

fn application(message: u32, qos: QoS) -> ApplicationMessage {
    let topic = TopicName::new("a").unwrap();
    ApplicationMessage {
        topic,
        payload: Payload::empty(),
        message: MessageId(message),
        qos,
        retain: false,
        attached: None,
    }
}

fn id(number: u16) -> PacketIdentifier {
    PacketIdentifier::new(number).unwrap()
}

#[test]
fn identifiers_count_up_from_one_and_skip_those_in_use() {
    let mut identifiers = Identifiers::default();
    let first: Vec<_> = (0..3).map(|_| identifiers.next(|_| false).unwrap().get()).collect();
    assert_eq!(first, [1, 2, 3]);
    identifiers.last = u16::MAX - 1;
    assert_eq!(identifiers.next(|_| false), Some(id(65_535)));
    assert_eq!(identifiers.next(|taken| taken.get() <= 2), Some(id(3)), "0 is never used, 1 and 2 are taken");
    assert_eq!(identifiers.next(|_| true), None);
}

// MQTT 3.1.1 §2.3.1: "it MUST use a currently unused Packet Identifier", also when the numbers start over.
#[test]
fn an_identifier_in_flight_is_not_given_again_after_the_numbers_start_over() {
    let mut outbound = Outbound::default();
    let mut send = |message| {
        outbound.enqueue(application(message, QoS::AtLeastOnce));
        let sent = outbound.admit(0, SimTime::ZERO, |_| false).unwrap().packet_identifier;
        if sent != id(1) {
            outbound.puback(sent);
        }
        sent
    };
    assert_eq!(send(0), id(1), "which stays unacknowledged");
    for message in 1..u32::from(u16::MAX) {
        send(message);
    }
    assert_eq!(send(70_000), id(2));
}

#[test]
fn the_window_limits_what_is_in_flight_and_keeps_order() {
    let mut outbound = Outbound::default();
    for message in 0..5 {
        outbound.enqueue(application(message, QoS::AtLeastOnce));
    }
    assert_eq!(outbound.admit(2, SimTime::ZERO, |_| false).unwrap().packet_identifier, id(1));
    assert_eq!(outbound.admit(2, SimTime::ZERO, |_| false).unwrap().packet_identifier, id(2));
    assert!(outbound.admit(2, SimTime::ZERO, |_| false).is_none());
    assert_eq!(outbound.puback(id(2)), Acknowledged::Completed(application(1, QoS::AtLeastOnce)));
    assert_eq!(outbound.admit(2, SimTime::ZERO, |_| false).unwrap().application.message, MessageId(2));
    assert_eq!((outbound.in_flight().len(), outbound.queued()), (2, 2));
}

#[test]
fn qos_2_takes_pubrec_then_pubcomp() {
    let mut outbound = Outbound::default();
    outbound.enqueue(application(7, QoS::ExactlyOnce));
    outbound.admit(0, SimTime::ZERO, |_| false);
    assert_eq!(outbound.puback(id(1)), Acknowledged::Mismatch);
    assert_eq!(outbound.pubcomp(id(1)), Acknowledged::Mismatch);
    assert_eq!(outbound.pubrec(id(1)), Acknowledged::Release(MessageId(7)));
    assert_eq!(outbound.pubrec(id(1)), Acknowledged::Release(MessageId(7)), "PUBREC again");
    assert_eq!(outbound.pubcomp(id(1)), Acknowledged::Completed(application(7, QoS::ExactlyOnce)));
    assert_eq!(outbound.pubcomp(id(1)), Acknowledged::Unknown);
    assert_eq!(outbound.pubrec(id(1)), Acknowledged::Unknown);
}

#[test]
fn a_repeated_qos_2_message_is_recognised_until_released() {
    let mut inbound = Inbound::default();
    assert!(inbound.hold(id(9), Some(application(1, QoS::ExactlyOnce))));
    assert!(inbound.hold(id(3), None));
    assert!(!inbound.hold(id(9), Some(application(2, QoS::ExactlyOnce))));
    assert_eq!(inbound.release(id(9)).unwrap().message, MessageId(1));
    assert_eq!(inbound.release(id(9)), None);
    assert!(inbound.hold(id(9), None), "the identifier is free for a new message");
    assert!(inbound.holds(id(3)));
}
