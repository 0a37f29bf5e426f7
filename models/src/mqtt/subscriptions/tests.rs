use super::*;
use crate::mqtt::topic::matches;

fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(text).unwrap()
}

fn sessions_for(subscriptions: &Subscriptions<u32>, topic: &str) -> Vec<u32> {
    let mut found = Vec::new();
    subscriptions.for_each_match(&TopicName::new(topic).unwrap(), |s| found.push(s.session));
    found
}

#[test]
fn matches_come_exact_first_and_in_order_of_sessions() {
    let mut tree = Subscriptions::new();
    for (session, text) in [(1, "a/#"), (2, "a/b"), (3, "+/b"), (4, "a/+"), (5, "a/b"), (6, "#")] {
        assert!(tree.insert(&filter(text), session, QoS::AtMostOnce));
    }
    assert_eq!(sessions_for(&tree, "a/b"), [2, 5, 4, 1, 3, 6]);
    assert_eq!(sessions_for(&tree, "a"), [1, 6], "the parent level of a/#");
    assert_eq!(sessions_for(&tree, "$a/b"), [0; 0]);
}

#[test]
fn the_same_filter_again_replaces_the_qos() {
    let mut tree = Subscriptions::new();
    for text in ["a/b", "a/+"] {
        assert!(tree.insert(&filter(text), 1, QoS::AtMostOnce));
        assert!(!tree.insert(&filter(text), 1, QoS::ExactlyOnce));
    }
    assert_eq!(tree.len(), 2);
    tree.for_each_match(&TopicName::new("a/b").unwrap(), |s| assert_eq!(s.granted.qos(), QoS::ExactlyOnce));
}

#[test]
fn removal_leaves_nothing_behind() {
    let mut tree = Subscriptions::new();
    let filters = ["a/b/c", "a/+/c", "a/b/#", "#", "+/+", "$SYS/#", "a"];
    for session in [1, 2] {
        for text in filters {
            tree.insert(&filter(text), session, QoS::AtMostOnce);
        }
    }
    assert!(!tree.remove(&filter("a/x/#"), 1));
    for text in filters {
        assert!(tree.remove(&filter(text), 1));
        assert!(!tree.remove(&filter(text), 1));
    }
    assert_eq!(sessions_for(&tree, "a/b/c"), [2, 2, 2, 2]);
    for text in filters {
        assert!(tree.remove(&filter(text), 2));
    }
    assert!(tree.is_empty());
    assert_eq!(tree.nodes.len(), 1, "only the root");
    assert!(tree.exact.is_empty());
    assert_eq!(tree.with_wildcard, 0);
}

#[test]
fn a_fleet_may_share_one_filter() {
    for text in ["alerts", "alerts/+"] {
        let mut tree = Subscriptions::new();
        let topic = text.replace('+', "x");
        for session in (0..1_000).rev() {
            assert!(tree.insert(&filter(text), session, QoS::AtMostOnce));
            assert!(!tree.insert(&filter(text), session, QoS::AtLeastOnce));
        }
        assert_eq!(sessions_for(&tree, &topic), (0..1_000).collect::<Vec<_>>());
        for session in 0..1_000 {
            assert!(tree.remove(&filter(text), session));
            assert!(!tree.remove(&filter(text), session));
        }
        assert!(tree.is_empty() && tree.exact.is_empty() && tree.nodes.len() == 1);
    }
}

#[test]
fn the_deepest_topic_does_no_harm() {
    let mut tree = Subscriptions::new();
    let deep = "+/".repeat(32_767);
    tree.insert(&filter(&deep), 1, QoS::AtMostOnce);
    tree.insert(&filter(&(deep.clone() + "#")), 2, QoS::AtMostOnce);
    assert_eq!(sessions_for(&tree, &"/".repeat(32_767)), [1, 2]);
    assert!(tree.remove(&filter(&deep), 1) && tree.remove(&filter(&(deep + "#")), 2));
    assert_eq!(tree.nodes.len(), 1);
}

mod mqtt_property {
    use super::*;
    use proptest::prelude::*;

    fn level() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["", "a", "b", "$a", "+", "a"])
    }

    fn filter_text() -> impl Strategy<Value = String> {
        (prop::collection::vec(level(), 1..4), any::<bool>()).prop_map(|(levels, open)| {
            let text = levels.join("/");
            if open { text + "/#" } else { text }
        })
    }

    proptest! {
        // The tree against the definition, one filter at a time.
        #[test]
        fn the_tree_finds_what_matches(
            filters in prop::collection::vec(filter_text(), 1..12),
            removed in prop::collection::vec(any::<bool>(), 12),
            topic in prop::collection::vec(prop::sample::select(vec!["", "a", "b", "$a"]), 1..5),
        ) {
            let Ok(topic) = TopicName::new(&topic.join("/")) else { return Ok(()) };
            let filters: Vec<_> = filters.iter().filter_map(|text| TopicFilter::new(text).ok()).collect();
            let mut tree = Subscriptions::new();
            for (session, filter) in filters.iter().enumerate() {
                tree.insert(filter, session, QoS::AtMostOnce);
            }
            for (session, filter) in filters.iter().enumerate().filter(|(i, _)| removed[*i]) {
                prop_assert!(tree.remove(filter, session));
            }
            let expected: Vec<_> =
                (0..filters.len()).filter(|&i| !removed[i] && matches(&filters[i], &topic)).collect();
            let mut found = Vec::new();
            tree.for_each_match(&topic, |s| found.push(s.session));
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
