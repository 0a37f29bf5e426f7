//! Subscription options and identifiers, shared subscriptions.

use super::*;
use crate::mqtt::packet::Unsubscribe;

const V5: Version = Version::V5_0;

fn identifiers(publish: &Publish) -> Vec<u32> {
    publish.properties.as_ref().map_or(vec![], |properties| properties.subscription_identifiers.to_vec())
}

#[test]
fn no_local_leaves_out_ones_own_messages() {
    for qos in [Q1, Q2] {
        let mut bench = Bench::standard();
        let (c, other) = (bench.join(V5, "c"), bench.join(V5, "other"));
        bench.subscribe(c, "t", SubscriptionOptions { no_local: true, ..qos.into() });
        for from in [c, other] {
            bench.send(from, publish("t", qos, 1));
            bench.send(from, Packet::Pubrel(id(1).into()));
        }
        let all = bench.take(c);
        let arrived = all.iter().filter(|packet| matches!(packet, Packet::Publish(_))).count();
        assert_eq!(arrived, 1);
    }
}

#[test]
fn all_identifiers_that_match_come_with_the_copy() {
    let mut bench = Bench::standard();
    let c = bench.join(V5, "c");
    bench.subscribe_as(c, "a/b", Q0, 1);
    bench.subscribe_as(c, "a/+", Q1, 2);
    bench.subscribe_as(c, "a/#", Q0, 0);
    bench.subscribe_as(c, "#", Q0, 268_435_455);
    bench.send(c, publish("a/b", Q0, 0));
    bench.send(c, publish("a/c", Q0, 0));
    bench.send(c, publish("x", Q0, 0));
    let arrived: Vec<_> = bench.publishes(c).iter().map(identifiers).collect();
    assert_eq!(arrived, [vec![1, 2, 268_435_455], vec![2, 268_435_455], vec![268_435_455]]);
}

#[test]
fn or_each_comes_with_a_copy_of_its_own() {
    let overlapping_subscriptions = OverlappingSubscriptions::CopyEach;
    let mut bench = Bench::new(BrokerConfig { overlapping_subscriptions, ..BrokerConfig::default() });
    let c = bench.join(V5, "c");
    bench.subscribe_as(c, "a", Q0, 1);
    bench.subscribe_as(c, "#", Q0, 2);
    bench.send(c, publish("a", Q0, 0));
    assert_eq!(bench.publishes(c).iter().map(identifiers).collect::<Vec<_>>(), [[1], [2]]);
}

#[test]
fn a_retained_message_comes_with_the_identifier_of_its_subscription() {
    let mut bench = Bench::standard();
    let c = bench.join(V5, "c");
    bench.send(c, retained("t", none()));
    bench.subscribe_as(c, "t", Q0, 5);
    assert_eq!(identifiers(&bench.publishes(c)[0]), [5]);
    // Subscribing again replaces the identifier.
    bench.subscribe_as(c, "t", Q0, 6);
    bench.take(c);
    bench.send(c, publish("t", Q0, 0));
    assert_eq!(identifiers(&bench.publishes(c)[0]), [6]);
}

#[test]
fn unsuback_says_what_there_was() {
    let mut bench = Bench::standard();
    let c = bench.join(V5, "c");
    bench.subscribe(c, "a", Q0);
    bench.subscribe(c, "$share/g/a", Q0);
    let filters = ["a", "b", "$share/g/a"].map(|filter| TopicFilter::new(filter).unwrap()).to_vec();
    let unsubscribe = Unsubscribe { packet_identifier: id(2), filters, properties: None };
    bench.send(c, Packet::Unsubscribe(unsubscribe));
    let packets = bench.take(c);
    let [Packet::Unsuback(unsuback)] = &packets[..] else { panic!() };
    let (success, none) = (ReasonCode::Success, ReasonCode::NoSubscriptionExisted);
    assert_eq!(unsuback.reason_codes, [success, none, success]);
    assert_eq!(bench.broker.subscription_count(), 0);
}

#[test]
fn the_members_of_a_group_take_turns() {
    let mut bench = Bench::standard();
    let p = bench.join(V5, "p");
    let members = ["a", "b", "c"].map(|name| bench.join(V5, name));
    for member in members {
        bench.subscribe(member, "$share/g/t/+", Q1);
    }
    bench.subscribe(members[0], "t/#", Q0);
    for number in 0..7 {
        bench.send(p, publish(&format!("t/{number}"), Q0, 0));
    }
    let own: Vec<_> = (0..7).map(|number| format!("t/{number}")).collect();
    let mut first = bench.topics(members[0]);
    assert_eq!(first.len(), 3 + 7, "its own subscription counts beside the group's");
    first.sort();
    first.dedup();
    assert_eq!(first, own);
    assert_eq!(bench.topics(members[1]), ["t/1", "t/4"]);
    assert_eq!(bench.topics(members[2]), ["t/2", "t/5"]);
}

#[test]
fn absent_members_are_passed_over_until_all_are_absent() {
    let mut bench = Bench::standard();
    let p = bench.join(V5, "p");
    let members = ["a", "b"].map(|name| bench.connect(back(name, 100)).0);
    for member in members {
        bench.subscribe(member, "$share/g/t", Q1);
    }
    bench.cut(members[0]);
    for number in 1..=2 {
        bench.send(p, publish("t", Q1, number));
    }
    assert_eq!(bench.publishes(members[1]).len(), 2);
    bench.cut(members[1]);
    for number in 3..=6 {
        bench.send(p, publish("t", Q1, number));
    }
    let counts = ["a", "b"].map(|name| {
        let (member, _) = bench.connect(back(name, 100));
        bench.publishes(member).iter().filter(|publish| !publish.dup).count()
    });
    assert_eq!(counts, [2, 2]);
}

#[test]
fn a_group_is_one_and_ends_with_its_last_member() {
    let mut bench = Bench::standard();
    let (p, c) = (bench.join(V5, "p"), bench.join(V5, "c"));
    bench.subscribe(c, "$share/g/t", Q0);
    bench.subscribe(c, "$share/h/t", Q0);
    bench.send(p, publish("t", Q2, 1));
    bench.send(p, Packet::Pubrel(id(1).into()));
    assert_eq!(bench.publishes(c).len(), 2, "one copy for each group");
    bench.cut(c);
    assert_eq!((bench.broker.subscription_count(), bench.broker.subscriptions.len()), (0, 0));
}

#[test]
fn a_shared_subscription_gets_no_retained_messages() {
    let mut bench = Bench::standard();
    let c = bench.join(V5, "c");
    bench.send(c, retained("t", none()));
    assert_eq!(bench.subscribe(c, "$share/g/t", Q0), [ReasonCode::Success]);
    assert!(bench.publishes(c).is_empty());
}

#[test]
fn shared_subscriptions_can_be_refused() {
    for (shared_subscriptions, filter, code) in [
        (SharedSubscriptions::Off, "$share/g/t", ReasonCode::SharedSubscriptionsNotSupported),
        (SharedSubscriptions::Version5, "$share/g/t", ReasonCode::Success),
    ] {
        let mut bench = Bench::new(BrokerConfig { shared_subscriptions, ..BrokerConfig::default() });
        let c = bench.join(V5, "c");
        assert_eq!(bench.subscribe(c, filter, Q0), [code], "{filter}");
    }
    for filter in ["$share//t", "$share/g", "$share/+/t"] {
        let mut bench = Bench::standard();
        let c = bench.join(V5, "c");
        let filters = vec![(TopicFilter::new(filter).unwrap(), Q0.into())];
        bench.send(c, Packet::Subscribe(Subscribe { packet_identifier: id(1), filters, properties: None }));
        assert_eq!(bench.thrown_out(c).0, Some(ReasonCode::ProtocolError), "{filter}");
    }
}

#[test]
fn before_version_5_the_name_may_mean_nothing() {
    for (shared_subscriptions, expected) in
        [(SharedSubscriptions::Version5, 0), (SharedSubscriptions::AllVersions, 1)]
    {
        let mut bench = Bench::new(BrokerConfig { shared_subscriptions, ..BrokerConfig::default() });
        let c = bench.join(Version::V3_1_1, "c");
        bench.subscribe(c, "$share/g/t", Q0);
        bench.send(c, publish("t", Q0, 0));
        assert_eq!(bench.publishes(c).len(), expected);
    }
}
