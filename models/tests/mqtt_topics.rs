//! Which Topic Filters match which Topic Names: the examples of MQTT 3.1.1 §4.7, a table of 20 names
//! and 30 filters (the one that Mosquitto 2.0.11 was measured with answers alike), and a naive oracle.

use models::mqtt::subscriptions::Subscriptions;
use models::mqtt::{QoS, TopicFilter, TopicName, matches};
use proptest::prelude::*;

const NAMES: [&str; 20] = [
    "sport",
    "sport/",
    "sport/tennis",
    "sport/tennis/player1",
    "sport/tennis/player1/ranking",
    "sport/tennis/player1/score/wimbledon",
    "sport/tennis/player2",
    "finance",
    "/finance",
    "//finance",
    "/",
    "//",
    "a",
    "a/",
    "/a",
    "Sport",
    "ACCOUNTS payable",
    "$SYS",
    "$SYS/monitor/Clients",
    "$SYS/uptime",
];

// Every filter with the names it matches.
const FILTERS: [(&str, &[&str]); 30] = [
    (
        "#",
        &[
            "sport",
            "sport/",
            "sport/tennis",
            "sport/tennis/player1",
            "sport/tennis/player1/ranking",
            "sport/tennis/player1/score/wimbledon",
            "sport/tennis/player2",
            "finance",
            "/finance",
            "//finance",
            "/",
            "//",
            "a",
            "a/",
            "/a",
            "Sport",
            "ACCOUNTS payable",
        ],
    ),
    ("+", &["sport", "finance", "a", "Sport", "ACCOUNTS payable"]),
    ("+/+", &["sport/", "sport/tennis", "/finance", "/", "a/", "/a"]),
    ("/+", &["/finance", "/", "/a"]),
    ("+/", &["sport/", "/", "a/"]),
    ("/#", &["/finance", "//finance", "/", "//", "/a"]),
    ("//#", &["//finance", "/", "//"]),
    (
        "+/#",
        &[
            "sport",
            "sport/",
            "sport/tennis",
            "sport/tennis/player1",
            "sport/tennis/player1/ranking",
            "sport/tennis/player1/score/wimbledon",
            "sport/tennis/player2",
            "finance",
            "/finance",
            "//finance",
            "/",
            "//",
            "a",
            "a/",
            "/a",
            "Sport",
            "ACCOUNTS payable",
        ],
    ),
    ("+/+/+", &["sport/tennis/player1", "sport/tennis/player2", "//finance", "//"]),
    ("sport", &["sport"]),
    ("sport/", &["sport/"]),
    (
        "sport/#",
        &[
            "sport",
            "sport/",
            "sport/tennis",
            "sport/tennis/player1",
            "sport/tennis/player1/ranking",
            "sport/tennis/player1/score/wimbledon",
            "sport/tennis/player2",
        ],
    ),
    ("sport/+", &["sport/", "sport/tennis"]),
    ("sport/+/player1", &["sport/tennis/player1"]),
    (
        "sport/+/#",
        &[
            "sport/",
            "sport/tennis",
            "sport/tennis/player1",
            "sport/tennis/player1/ranking",
            "sport/tennis/player1/score/wimbledon",
            "sport/tennis/player2",
        ],
    ),
    ("sport/tennis/+", &["sport/tennis/player1", "sport/tennis/player2"]),
    (
        "sport/tennis/player1/#",
        &["sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon"],
    ),
    (
        "+/tennis/#",
        &[
            "sport/tennis",
            "sport/tennis/player1",
            "sport/tennis/player1/ranking",
            "sport/tennis/player1/score/wimbledon",
            "sport/tennis/player2",
        ],
    ),
    ("+/+/+/+/+", &["sport/tennis/player1/score/wimbledon"]),
    ("finance", &["finance"]),
    ("/finance", &["/finance"]),
    ("+/finance", &["/finance"]),
    ("a/+", &["a/"]),
    ("a/#", &["a", "a/"]),
    ("ACCOUNTS payable", &["ACCOUNTS payable"]),
    ("Accounts payable", &[]),
    ("$SYS/#", &["$SYS", "$SYS/monitor/Clients", "$SYS/uptime"]),
    ("$SYS/monitor/+", &["$SYS/monitor/Clients"]),
    ("+/monitor/Clients", &[]),
    ("+/uptime", &[]),
];

#[test]
fn mqtt_the_table_of_names_and_filters() {
    let mut tree = Subscriptions::new();
    for (index, (filter, _)) in FILTERS.iter().enumerate() {
        tree.insert(&TopicFilter::new(filter).unwrap(), index, QoS::AtMostOnce);
    }
    for text in NAMES {
        let name = TopicName::new(text).unwrap();
        let mut found = vec![];
        tree.for_each_match(&name, |subscription| found.push(subscription.session));
        for (index, (filter, names)) in FILTERS.iter().enumerate() {
            let expected = names.contains(&text);
            assert_eq!(matches(&TopicFilter::new(filter).unwrap(), &name), expected, "{filter} and {text}");
            assert_eq!(found.contains(&index), expected, "{filter} and {text} in the tree");
        }
    }
}

// The definition, level by level from the left, without regard to cost.
fn naive(filter: &[&str], name: &[&str]) -> bool {
    match (filter, name) {
        (["#"], _) => true,
        ([], []) => true,
        (["+", filter @ ..], [_, name @ ..]) => naive(filter, name),
        ([level, filter @ ..], [same, name @ ..]) if level == same => naive(filter, name),
        _ => false,
    }
}

proptest! {
    #[test]
    fn mqtt_matching_agrees_with_the_definition(
        filter in prop::collection::vec(prop::sample::select(vec!["", "a", "b", "$s", "+", "+", "#"]), 1..6),
        name in prop::collection::vec(prop::sample::select(vec!["", "a", "b", "$s"]), 1..6),
    ) {
        let valid = !filter[..filter.len() - 1].contains(&"#") && filter != [""];
        let parsed = TopicFilter::new(&filter.join("/"));
        prop_assert_eq!(parsed.is_ok(), valid);
        if let (Ok(parsed), Ok(topic)) = (parsed, TopicName::new(&name.join("/"))) {
            let hidden = name[0].starts_with('$') && ["+", "#"].contains(&filter[0]);
            prop_assert_eq!(matches(&parsed, &topic), naive(&filter, &name) && !hidden);
        }
    }
}
