//! Whole networks over links that do all that links can do to frames.

use super::*;
use crate::net::{
    GilbertElliott, Jitter, LossList, NatAnswer, NatRules, Outage, Queued, RadioTimes, Reordering,
};
use crate::network::LinkTrouble;

/// Publishers behind links with this impairment, each way.
fn impaired(trouble: Impairment, names: &[&str], messages: u32, qos: QoS, seed: u64) -> Blueprint {
    let mut blueprint = blueprint(names, messages, qos, 0.0, seed);
    blueprint.parameters[1].impairment = impairment(trouble);
    blueprint
}

fn connects(outcome: &Outcome) -> u64 {
    outcome.mqtt_packets[0]
}

#[test]
fn listed_frames_are_lost_and_no_others() {
    let up = Impairment { loss: Loss::Listed(LossList::of_numbers(vec![1, 5, 6])), ..Impairment::default() };
    let mut blueprint = blueprint(&["a"], 8, QoS::AtLeastOnce, 0.0, 3);
    blueprint.parameters.push(LinkParameters { impairment: impairment(up), ..link(0.0) });
    blueprint.links[2].parameters = (2, 1);
    let (outcome, network) = run(blueprint);
    assert_eq!(outcome.tcp.lost, 3);
    assert_eq!(outcome.deliveries.len(), 8);
    // The first frame is the SYN, which is sent again after a second.
    assert!(outcome.messages[0].accepted.unwrap() > SimTime::from_secs(2));
    assert_eq!(network.fabric.packets.len(), 0);
}

#[test]
fn an_outage_is_a_gap_and_then_all_arrives() {
    let accepted = |from, to| {
        let mut blueprint = blueprint(&["a"], 400, QoS::AtLeastOnce, 0.0, 3);
        let outage = Outage {
            from: SimTime::from_millis(from),
            to: SimTime::from_millis(to),
            queued: Queued::Survive,
        };
        blueprint.links[2].trouble =
            Some(Box::new(LinkTrouble { outages: (vec![outage], vec![outage]), ..LinkTrouble::default() }));
        let (outcome, _) = run(blueprint);
        assert_eq!(outcome.deliveries.len(), 400);
        let times: Vec<u64> =
            outcome.messages.iter().map(|message| message.accepted.unwrap().as_nanos()).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
    };
    assert!(accepted(500_000, 500_001) < 100_000_000, "long after the burst");
    assert!(accepted(1_100, 4_100) >= 3_000_000_000);
}

#[test]
fn a_forgotten_connection_is_reset_or_left_alone() {
    let with = |answer: Option<NatAnswer>| {
        let mut blueprint = blueprint(&[], 0, QoS::AtMostOnce, 0.0, 3);
        let nat = answer.map(|answer| NatRules { idle: Duration::from_secs(30), answer });
        blueprint.links[1].trouble = Some(Box::new(LinkTrouble { nat, ..LinkTrouble::default() }));
        let (outcome, network) = run(blueprint);
        assert_eq!(network.fabric.packets.len(), 0);
        outcome
    };
    // Keep Alive is 60 s: each PINGREQ comes too late.
    assert_eq!(connects(&with(None)), 1);
    let reset = with(Some(NatAnswer::Reset));
    assert!(connects(&reset) > 5, "{}", connects(&reset));
    let silence = with(Some(NatAnswer::Silence));
    assert!(connects(&silence) < connects(&reset), "{}", connects(&silence));
    assert!(silence.tcp.retransmitted > reset.tcp.retransmitted, "nobody tells it");
}

#[test]
fn a_radio_is_promoted_once_for_a_burst() {
    let last = |promotion| {
        let mut blueprint = blueprint(&["a"], 5, QoS::AtLeastOnce, 0.0, 3);
        let times = RadioTimes { promotion: Duration::from_millis(promotion), tail: Duration::from_secs(5) };
        blueprint.links[2].trouble =
            Some(Box::new(LinkTrouble { radio: Some(times), ..LinkTrouble::default() }));
        let (outcome, _) = run(blueprint);
        outcome.messages.last().unwrap().accepted.unwrap()
    };
    assert_eq!(last(260), last(0) + Duration::from_millis(260));
}

#[test]
fn duplicates_are_dropped_by_tcp() {
    let twice = Impairment { duplicate: 1.0, ..Impairment::default() };
    let (outcome, network) = run(impaired(twice, &["a", "b"], 5, QoS::ExactlyOnce, 3));
    assert_eq!(outcome.deliveries.len(), 10);
    assert!(outcome.deliveries.iter().all(|delivery| delivery.copies == 1));
    assert_eq!(outcome.mqtt_packets[2], 20, "each PUBLISH is one for MQTT");
    assert_eq!(network.fabric.packets.len(), 0);
    assert!(outcome.remarks.is_empty(), "{:?}", outcome.remarks);
}

fn losses() -> impl Strategy<Value = Loss> {
    prop_oneof![
        Just(Loss::Never),
        (0.0_f64..0.2).prop_map(Loss::independent),
        (0.001_f64..0.05, 0.2_f64..1.0, 0.0_f64..0.5, 0.95_f64..1.0)
            .prop_map(|(p, r, h, k)| Loss::GilbertElliott(GilbertElliott { p, r, h, k })),
        prop::collection::vec(1_u64..60, 0..12)
            .prop_map(|numbers| Loss::Listed(LossList::of_numbers(numbers))),
        "[.]{6}[.x]{6}".prop_map(|trace| Loss::Listed(LossList::of_trace(&trace, true).unwrap())),
    ]
}

fn jitters() -> impl Strategy<Value = Option<Jitter>> {
    let ms = |least: u64, most: u64| (least..most).prop_map(Duration::from_millis);
    prop_oneof![
        Just(None),
        ms(0, 20).prop_map(|most| Some(Jitter::Uniform { most })),
        ms(0, 20).prop_map(|sd| Some(Jitter::Normal { sd })),
        (ms(0, 20), 0.0_f64..1.5).prop_map(|(median, sigma)| Some(Jitter::LogNormal { median, sigma })),
    ]
}

fn impairments() -> impl Strategy<Value = Impairment> {
    let reordering = prop::option::of(
        (0.0_f64..1.0, 1_u32..6).prop_map(|(probability, gap)| Reordering { probability, gap }),
    );
    let queues = prop::option::of(4_u32..40);
    (losses(), 0.0_f64..1e-5, jitters(), any::<bool>(), reordering, 0.0_f64..0.5, queues).prop_map(
        |(loss, bit_errors, jitter, overtaking, reordering, duplicate, queue_frames)| Impairment {
            loss,
            bit_errors,
            jitter,
            overtaking,
            reordering,
            duplicate,
            queue_frames,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever links do to frames, TCP hands on exact bytes: every message arrives, once, unless a
    /// client says that it had to give up a connection.
    #[test]
    fn tcp_delivers_over_any_combination(
        seed in any::<u64>(),
        up in impairments(),
        down in impairments(),
        outage in prop::option::of((900_u64..1_500, 1_u64..6_000, any::<bool>())),
        promotion in prop::option::of(0_u64..600),
        messages in 1_u32..6,
        level in 0_usize..3,
    ) {
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][level];
        let mut blueprint = impaired(up, &["a", "b"], messages, qos, seed);
        blueprint.parameters.push(LinkParameters { impairment: impairment(down), ..link(0.0) });
        let mut trouble = LinkTrouble::default();
        if let Some((from, lasts, survive)) = outage {
            let queued = if survive { Queued::Survive } else { Queued::Lost };
            let at = SimTime::from_millis;
            trouble.outages.0.push(Outage { from: at(from), to: at(from + lasts), queued });
        }
        trouble.radio = promotion.map(|promotion| RadioTimes {
            promotion: Duration::from_millis(promotion),
            tail: Duration::from_millis(300),
        });
        for link in &mut blueprint.links[2..] {
            link.parameters = (1, 2);
            link.trouble = Some(Box::new(trouble.clone()));
        }
        let (outcome, _) = run(blueprint);
        if outcome.remarks.is_empty() {
            prop_assert_eq!(outcome.messages.len() as u32, 2 * messages);
            prop_assert_eq!(outcome.deliveries.len() as u32, 2 * messages);
            prop_assert!(outcome.deliveries.iter().all(|delivery| delivery.copies == 1));
        }
    }
}
