//! `--set`: where values go, and that the rest of the text stays as it is.

use std::path::Path;

use super::{ONE_PUBLISH, SMART_HOME, loaded};
use crate::scenario::load::Direction;
use crate::scenario::outline::scan;
use crate::scenario::schema::{Payload, Queue, Role, Stop};
use crate::scenario::set::set;
use crate::scenario::source::{Insert, Source};

fn changed(text: &str, arguments: &[&str]) -> String {
    let mut source = Source::new("sample.ron", text);
    for argument in arguments {
        set(&mut source, argument).unwrap();
    }
    source.text().to_owned()
}

#[test]
fn the_end_of_a_path_sets_every_key_it_fits() {
    let loaded = loaded(ONE_PUBLISH, &["qos=2"]).unwrap();
    let Role::Publisher(publisher) = &loaded.groups[0].role else { panic!("a publisher") };
    let Role::Subscriber(subscriber) = &loaded.groups[2].role else { panic!("a subscriber") };
    assert_eq!((publisher.qos.0, subscriber.filters[0].qos.0), (2, 2));
    assert_eq!(changed(ONE_PUBLISH, &["qos=2"]), ONE_PUBLISH.replace("qos: 1", "qos: 2"));
}

#[test]
fn a_whole_path_sets_one_key() {
    let text = changed(ONE_PUBLISH, &["hosts.publisher.role.qos=0"]);
    assert_eq!(text, ONE_PUBLISH.replacen("qos: 1", "qos: 0", 1));
    let text = changed(ONE_PUBLISH, &["links[2].delay=\"7 ms\""]);
    assert_eq!(text, ONE_PUBLISH.replace("2 ms", "7 ms"));
    assert_eq!(
        text,
        changed(ONE_PUBLISH, &["links.2.delay=7 ms"]),
        "dots and brackets, with and without quotes"
    );
}

#[test]
fn what_is_not_there_is_put_in() {
    let loaded = loaded(
        ONE_PUBLISH,
        &[
            "seed=5",
            "hosts.broker.tcp.initial_window=3",
            "hosts.subscriber.count=4",
            "links[0].queue=Unlimited",
        ],
    );
    // A fleet needs numbered Client Identifiers.
    assert!(loaded.unwrap_err().message.contains("Client Identifier"));
    let loaded = super::loaded(
        ONE_PUBLISH,
        &[
            "seed=5",
            "tcp.timestamps=false",
            "hosts.broker.tcp.initial_window=3",
            "hosts.subscriber.count=4",
            "hosts.subscriber.mqtt.client_id=sub-{index}",
            "links[0].queue=Unlimited",
        ],
    )
    .unwrap();
    assert_eq!((loaded.scenario.seed, loaded.groups[2].count), (5, 4));
    assert_eq!(loaded.groups[1].tcp.initial_window, Some(3));
    assert_eq!(loaded.groups[1].tcp.timestamps, Some(false));
    assert_eq!(loaded.scenario.links[0].queue, Some(Queue::Unlimited));
    assert_eq!(loaded.links[0].up.queue_bytes, None);
}

#[test]
fn the_end_of_a_path_is_put_in_wherever_it_fits() {
    let loaded = loaded(ONE_PUBLISH, &["loss=1 %"]).unwrap();
    let lossy = |way: &Direction| way.impairment.loss == super::one_percent();
    assert!(loaded.links.iter().all(|link| lossy(&link.up) && lossy(&link.down)));
    let text = changed(ONE_PUBLISH, &["user=me"]);
    assert_eq!(text.matches("user: \"me\"").count(), 2, "every `mqtt` that is there");
    assert!(!text.contains("Broker(user"));
    let text = changed(ONE_PUBLISH, &["max_queued=5"]);
    assert!(text.contains("Broker(max_queued: 5, )"), "only a broker queues");
}

#[test]
fn a_host_has_the_links_that_begin_there() {
    let text = changed(ONE_PUBLISH, &["hosts.publisher.link.rate=10 Mbit/s", "subscriber.link.delay=3 ms"]);
    assert!(text.contains("(rate: \"10 Mbit/s\", from: \"publisher\""), "{text}");
    assert!(text.contains("delay: \"3 ms\""), "{text}");
    assert_eq!(
        changed(ONE_PUBLISH, &["home.link.loss=0"]).matches("loss: 0").count(),
        3,
        "or else end there"
    );
}

#[test]
fn a_value_is_taken_as_it_fits() {
    let role = |set: &str| match loaded(ONE_PUBLISH, &[set]).unwrap().groups[0].role.clone() {
        Role::Publisher(role) => role,
        other => panic!("{other:?}"),
    };
    assert_eq!(role("payload=16 B").payload, Payload::Size(crate::scenario::quantity::Size(16)));
    assert_eq!(role("payload=Text(\"a, b\")").payload, Payload::Text("a, b".to_owned()));
    assert_eq!(role("topic=home//x").topic.0.as_str(), "home//x", "no comment");
    assert_eq!(role("topic=home").topic.0.as_str(), "home", "a word where a string belongs");
    assert_eq!(role(r#"topic=a"b\c"#).topic.0.as_str(), r#"a"b\c"#);
    assert_eq!(loaded(ONE_PUBLISH, &["stop=AtDuration"]).unwrap().scenario.stop, Stop::AtDuration);
    let loaded = loaded(ONE_PUBLISH, &["expect=[]"]).unwrap();
    assert!(loaded.expectations.is_empty());
}

#[test]
fn a_value_cannot_reach_beyond_its_place() {
    for value in ["\"1 s\", seed: 9", "\"1 s\") //", "\"1 s\" /*", "1 s\", title: \"x"] {
        let argument = format!("duration={value}");
        let error = loaded(ONE_PUBLISH, &[&argument]).unwrap_err();
        assert_eq!(error.place.unwrap().file, format!("--set {argument}"), "{value}");
    }
}

#[test]
fn later_changes_see_earlier_ones() {
    let sets = ["hosts.phone.mqtt=(keep_alive: \"5 s\")", "hosts.phone.mqtt.keep_alive=7 s"];
    let loaded = loaded(SMART_HOME, &sets).unwrap();
    assert_eq!(loaded.groups[2].client.as_ref().unwrap().keep_alive_s, 7);
}

#[test]
fn errors_behind_a_change_keep_their_place_in_the_file() {
    let text = ONE_PUBLISH.replace("\"gt/#\"", "\"gt/#/\"");
    let plain = loaded(&text, &[]).unwrap_err();
    let changed = loaded(&text, &["seed=12345", "title=a much longer title than before"]).unwrap_err();
    assert_eq!(plain, changed);
}

#[test]
fn splicing_leaves_every_other_byte() {
    let node = scan(SMART_HOME).unwrap();
    let mut places = vec![node.span.clone()];
    node.visit(&mut Vec::new(), &mut |_, node| places.push(node.span.clone()));
    assert!(places.len() > 100);
    for span in places {
        let mut source = Source::new("sample.ron", SMART_HOME);
        let number = source.add_argument("a=<new>");
        source.splice(span.clone(), number, &[Insert::Text("\"".to_owned(), 0..1), Insert::Argument(2..7)]);
        let (before, behind) = (&SMART_HOME[..span.start], &SMART_HOME[span.end..]);
        assert_eq!(source.text(), format!("{before}\"<new>{behind}"));
        // Every byte still knows where it came from.
        for at in [0, span.start.saturating_sub(1)] {
            if at < span.start {
                assert_eq!(source.place(at..at + 1, "").span.start, at);
            }
        }
        assert_eq!(source.place(span.start..span.start + 1, "").text[..].as_bytes()[0], b'a');
        assert_eq!(source.place(span.start + 1..span.start + 6, "").span, 2..7);
        if span.end < SMART_HOME.len() {
            let place = source.place(span.start + 6..span.start + 7, "");
            assert_eq!((place.file.as_str(), place.span.start), ("sample.ron", span.end));
        }
    }
}

#[test]
fn every_value_of_a_file_can_be_set_to_itself() {
    let node = scan(SMART_HOME).unwrap();
    let mut all = Vec::new();
    node.visit(&mut Vec::new(), &mut |path, node| {
        all.push((path.join("."), SMART_HOME[node.span.clone()].to_owned()))
    });
    for (path, value) in all {
        let argument = format!("{path}={value}");
        let loaded = loaded(SMART_HOME, &[&argument]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.text, SMART_HOME, "{}: {path}", Path::new("smart-home.ron").display());
    }
}
