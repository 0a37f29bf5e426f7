//! Good files load into what they say; every kind of bad file has its error, kept as a snapshot.

use std::path::Path;
use std::time::Duration;

use models::mqtt::timers::silence::SilenceLooks;
use models::net::Loss;
use models::profile::{Framing, Stack};

use super::load::{End, Forwarding, load_text};
use super::profiles::Library;
use super::quantity::{Probability, Span};
use super::schema::{Payload, Role, Stop, Then};
use super::*;

mod links;
mod profiles;
mod set;

fn one_percent() -> Loss {
    Loss::Bernoulli { probability: 0.01 }
}

const ONE_PUBLISH: &str = include_str!("testdata/one-publish.ron");
const SMART_HOME: &str = include_str!("testdata/smart-home.ron");

fn library() -> Library {
    Library::new("hw-profiles")
}

fn loaded(text: &str, sets: &[&str]) -> Result<Loaded, Diagnostic> {
    let overrides =
        Overrides { sets: sets.iter().map(|set| (*set).to_owned()).collect(), ..Overrides::default() };
    load_text(Path::new("sample.ron"), text, &overrides, library())
}

#[test]
fn a_small_scenario_gets_its_defaults() {
    let loaded = loaded(ONE_PUBLISH, &[]).unwrap();
    assert_eq!(loaded.name, "sample");
    assert_eq!((loaded.scenario.seed, loaded.scenario.stop), (1, Stop::WhenQuiet));
    assert_eq!((loaded.host_count(), loaded.link_count()), (3, 3));
    let names: Vec<&str> = loaded.groups.iter().map(|group| &*group.name).collect();
    assert_eq!(names, ["publisher", "broker", "subscriber"], "the order of the file");
    let publisher = &loaded.groups[0];
    let client = publisher.client.as_ref().unwrap();
    assert_eq!((client.broker, client.port, client.keep_alive_s, client.clean_session), (1, 1883, 60, true));
    assert_eq!(client.client_id.expand(0), "pub");
    assert_eq!((publisher.stack, publisher.tcp.nagle), (Stack::Rfc, Some(false)), "those of ideal software");
    let Role::Publisher(role) = &publisher.role else { panic!("a publisher") };
    assert_eq!((role.qos.0, role.count, role.start.get()), (1, Some(1), Duration::from_secs(1)));
    assert_eq!(role.payload, Payload::Text("hello".to_owned()));
    let broker = loaded.groups[1].broker.as_ref().unwrap();
    assert_eq!((broker.config.max_inflight, broker.config.max_queued), (20, 1000), "mosquitto's");
    assert_eq!(broker.config.silence_looks, SilenceLooks::EverySeconds(6));
    assert_eq!(loaded.groups[1].software.mqtt, None, "it is no client");
    assert!(loaded.groups[1].client.is_none());
    let slow = &loaded.links[2];
    assert_eq!((slow.from, slow.to), (End::Group(2), End::Forwarding(0)));
    assert_eq!((slow.up.rate_bit_s, slow.up.delay), (Some(100_000_000), Duration::from_millis(2)));
    assert_eq!(loaded.links[0].up.delay, Duration::from_micros(50));
    assert_eq!(loaded.expectations.len(), 2);
}

/// TCP is the board's where a chip does it, else the software's; a scenario says otherwise.
#[test]
fn tcp_is_that_of_the_board_or_the_software() {
    let stack = |board: &str, software: &str, more: &str| {
        let host = format!("{more} board: \"{board}\", software: \"{software}\", role: Publisher");
        let text = ONE_PUBLISH.replacen("role: Publisher", &host, 1).replacen("qos: 1", "qos: 0", 1);
        loaded(&text, &[]).unwrap_or_else(|error| panic!("{}", error.render(false))).groups[0].stack
    };
    let given = "tcp: (stack: \"linux-5\"),";
    for (board, software, more, expected) in [
        ("esp8266-nodemcu", "umqtt", "", Stack::Lwip14),
        ("esp8266-nodemcu", "micropython-1.9-frozen", "", Stack::Lwip14),
        ("esp8266-nodemcu", "esp8266-sdk", "", Stack::Lwip14),
        ("esp8266-nodemcu", "arduino-pubsubclient", "", Stack::Lwip),
        ("ideal", "pubsubclient", "", Stack::Lwip),
        ("arduino-uno-w5500", "arduino-pubsubclient", "", Stack::Arduino),
        ("arduino-uno-w5500", "pubsubclient", "", Stack::Arduino),
        ("arduino-uno-wifi", "arduino-pubsubclient", "", Stack::Lwip14),
        ("mkr-wifi-1010", "arduino-pubsubclient", "", Stack::Lwip1460),
        ("raspberry-pi-3b", "paho-python", "", Stack::Linux),
        ("raspberry-pi-4b", "libmosquitto", "", Stack::Linux),
        ("arduino-uno-w5500", "arduino-pubsubclient", given, Stack::Linux5),
    ] {
        assert_eq!(stack(board, software, more), expected, "{board}, {software}");
    }
}

#[test]
fn a_large_scenario_means_what_it_says() {
    let loaded = loaded(SMART_HOME, &[]).unwrap();
    assert_eq!((loaded.host_count(), loaded.link_count()), (6, 7));
    let camera = &loaded.groups[0];
    assert_eq!((camera.count, camera.member_name(2)), (3, "camera[2]".to_owned()));
    assert_eq!((camera.board.idle_w, camera.board.supply_v), (1.855, 5.3), "its own, and its base's");
    assert_eq!(
        (camera.stack, camera.tcp.timestamps),
        (Stack::Linux, Some(false)),
        "the host's own comes first"
    );
    assert_eq!(
        (camera.tcp.initial_window, camera.tcp.min_rto),
        (Some(4), Some(Span(Duration::from_millis(200))))
    );
    let client = camera.client.as_ref().unwrap();
    assert_eq!((client.client_id.expand(7), client.port), ("cam-007".to_owned(), 1884));
    assert_eq!(client.reconnect_every, Some(Duration::from_secs(60)));
    assert_eq!(client.will.as_ref().unwrap().payload, Payload::Text("camera {off}".to_owned()));
    let Role::Camera(role) = &camera.role else { panic!("a camera") };
    assert_eq!((role.image.0, role.topic.0.expand(2)), (209_469, "home/camera/2".to_owned()));
    assert_eq!(
        loaded.groups[1].broker.as_ref().unwrap().config.max_queued,
        100,
        "the role's before mosquitto's"
    );
    let Role::Subscriber(role) = &loaded.groups[2].role else { panic!("a subscriber") };
    assert_eq!((role.filters[1].filter.0.as_str(), role.filters[1].qos.0), ("alarm/+", 0));
    let Role::Burst(role) = &loaded.groups[3].role else { panic!("a burst") };
    assert_eq!((role.payload.len(), role.then, role.one_at_a_time), (16, Then::Stay, false));
    assert_eq!(loaded.forwarding[1].kind, Forwarding::Router);
    let wifi = &loaded.links[0];
    assert_eq!((&wifi.up.impairment.loss, &wifi.down.impairment.loss), (&one_percent(), &Loss::Never));
    assert_eq!(wifi.up.queue_bytes, None);
    let button = &loaded.links[2];
    assert_eq!((button.up.rate_bit_s, button.down.rate_bit_s), (Some(10_000_000), Some(5_000_000)));
    assert_eq!((button.mtu_bytes, button.framing), (1400, Framing::PointToPoint));
    assert_eq!(loaded.links[3].up.queue_bytes, Some(65_536));
    assert_eq!(loaded.scenario.links[0].loss, Some(schema::Loss::Probability(Probability(0.01))));
    let used: Vec<&str> = loaded.profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert!(used.contains(&"boards/raspberry-pi-2b-ethernet"), "the base counts as used: {used:?}");
    assert!(used.is_sorted());
}

#[test]
fn the_command_line_changes_seed_and_duration() {
    let overrides =
        Overrides { seed: Some(9), until: Some(Span::parse("3 s").unwrap()), ..Overrides::default() };
    let loaded = load_text(Path::new("sample.ron"), ONE_PUBLISH, &overrides, library()).unwrap();
    assert_eq!((loaded.scenario.seed, loaded.scenario.duration.get()), (9, Duration::from_secs(3)));
}

/// The error of the small sample with some of its text replaced, as the user sees it.
fn refusal(changes: &[(&str, &str)], sets: &[&str]) -> String {
    let mut text = ONE_PUBLISH.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "the sample has no `{from}`");
        text = text.replacen(from, to, 1);
    }
    match loaded(&text, sets) {
        Ok(_) => panic!("accepted: {changes:?} {sets:?}"),
        Err(diagnostic) => diagnostic.render(false),
    }
}

macro_rules! bad_files {
    ($($name:ident: [$($from:expr => $to:expr),* $(,)?];)*) => {
        mod bad_files {
            use super::*;

            $(
                #[test]
                fn $name() {
                    insta::assert_snapshot!(stringify!($name), refusal(&[$(($from, $to)),*], &[]));
                }
            )*
        }
    };
}

macro_rules! bad_sets {
    ($($name:ident: $($set:expr),*;)*) => {
        mod bad_sets {
            use super::*;

            $(
                #[test]
                fn $name() {
                    insta::assert_snapshot!(stringify!($name), refusal(&[], &[$($set),*]));
                }
            )*
        }
    };
}

bad_files! {
    // Syntax and types.
    syntax_missing_comma: ["duration: \"10 s\"," => "duration: \"10 s\""];
    syntax_unclosed_bracket: ["home\"],\n    links" => "home\",\n    links"];
    syntax_unclosed_string: ["title: \"One message\"" => "title: \"One message"];
    syntax_unclosed_file: ["< 20 ms\"],\n)" => "< 20 ms\"],\n"];
    syntax_after_the_end: ["< 20 ms\"],\n)" => "< 20 ms\"],\n) more"];
    unknown_field: ["duration:" => "durration:"];
    unknown_field_in_role: ["topic: \"gt/t\"" => "tpoic: \"gt/t\""];
    unknown_field_in_list: ["(filter: \"gt/#\"" => "(filtre: \"gt/#\""];
    missing_field: ["    duration: \"10 s\",\n" => ""];
    missing_field_in_role: ["topic: \"gt/t\", " => ""];
    duplicate_key: ["stop: WhenQuiet," => "stop: WhenQuiet, duration: \"5 s\","];
    duplicate_host: ["\"subscriber\": (" => "\"publisher\": ("];
    duplicate_key_inside: ["qos: 1, count: 1" => "qos: 1, count: 1, qos: 2"];
    unknown_role: ["Publisher(" => "Publsher("];
    unknown_variant: ["WhenQuiet" => "WhenSilent"];
    bridge_to_nobody: ["Broker()" => "Broker(bridges: [(to: \"cloud\", topics: [(pattern: \"a\")])])"];
    bridge_to_a_client: ["Broker()" => "Broker(bridges: [(to: \"publisher\", topics: [(pattern: \"a\")])])"];
    bridge_to_itself: ["Broker()" => "Broker(bridges: [(to: \"broker\", topics: [(pattern: \"a\")])])"];
    bridge_without_topics: ["Broker()" => "Broker(bridges: [(to: \"broker\", topics: [])])"];
    bridge_with_a_bad_prefix: ["Broker()" => "Broker(bridges: [(to: \"broker\", topics: [(pattern: \"a\", remote_prefix: \"#/\")])])"];
    role_in_quotes: ["Broker()" => "\"Broker\""];
    number_for_string: ["title: \"One message\"" => "title: 5"];
    string_for_number: ["count: 1" => "count: \"1\""];
    negative_count: ["count: 1" => "count: -1"];
    list_for_map: ["switches: [\"home\"]" => "switches: \"home\""];
    // Quantities.
    unit_missing: ["delay: \"2 ms\"" => "delay: 20"];
    unit_missing_in_string: ["delay: \"2 ms\"" => "delay: \"20\""];
    unit_unknown: ["delay: \"2 ms\"" => "delay: \"2 msec\""];
    unit_of_other_kind: ["delay: \"2 ms\"" => "delay: \"2 kB\""];
    negative_duration: ["duration: \"10 s\"" => "duration: \"-10 s\""];
    zero_duration: ["duration: \"10 s\"" => "duration: \"0 s\""];
    zero_rate: ["delay: \"2 ms\"" => "rate: \"0 Mbit/s\""];
    probability_above_one: ["delay: \"2 ms\"" => "loss: 1.5"];
    percentage_above_hundred: ["delay: \"2 ms\"" => "loss_up: \"150 %\""];
    queue_by_name: ["delay: \"2 ms\"" => "queue: Infinite"];
    mtu_too_small: ["delay: \"2 ms\"" => "mtu: \"67 B\""];
    keep_alive_too_long: ["keep_alive: \"60 s\"" => "keep_alive: \"65536 s\""];
    keep_alive_of_half_seconds: ["keep_alive: \"60 s\"" => "keep_alive: \"1500 ms\""];
    window_scale_too_large: ["expect: [" => "tcp: (window_scale: 15), expect: ["];
    unknown_stack: ["expect: [" => "tcp: (stack: \"linus\"), expect: ["];
    warm_up_too_long: ["stop: WhenQuiet" => "warm_up: \"10 s\""];
    empty_question: ["What is on the wire when one message goes from a publisher to a subscriber?" => " "];
    // Versions of MQTT, and what libraries cannot do.
    unknown_version: ["keep_alive: \"60 s\"" => "version: \"4\""];
    key_of_version_5: ["keep_alive: \"60 s\"" => "session_expiry: \"60 s\""];
    will_delay_of_version_5: ["keep_alive: \"60 s\"" => "will: (topic: \"a\", payload: \"1 B\", delay: \"1 s\")"];
    option_of_version_5: ["(filter: \"gt/#\"" => "(no_local: true, filter: \"gt/#\""];
    retry_in_version_5: ["keep_alive: \"60 s\"" => "version: \"5.0\", retry_after: \"20 s\""];
    half_a_second_of_session: ["keep_alive: \"60 s\"" => "version: \"5.0\", session_expiry: \"1500 ms\""];
    version_of_no_umqtt: ["role: Publisher" => "software: \"umqtt\", role: Publisher", "keep_alive: \"60 s\"" => "version: \"5.0\""];
    qos_2_of_umqtt: ["role: Publisher" => "software: \"umqtt\", role: Publisher", "qos: 1, count" => "qos: 2, count"];
    qos_1_of_pubsubclient: ["role: Publisher" => "software: \"pubsubclient\", role: Publisher"];
    steps_out_of_order: ["role: Subscriber(filters: [(filter: \"gt/#\", qos: 1)])" => "role: Steps(steps: [(at: \"2 s\", act: Connect), (at: \"1 s\", act: Ping)])"];
    // MQTT.
    qos_three: ["qos: 1, count" => "qos: 3, count"];
    payload_without_unit: ["Text(\"hello\")" => "16"];
    payload_of_other_kind: ["Text(\"hello\")" => "Txet(\"hello\")"];
    payload_above_limit: ["Text(\"hello\")" => "\"268435456 B\""];
    payload_just_above_limit: ["Text(\"hello\")" => "\"268435448 B\""];
    wildcard_in_topic: ["\"gt/t\"" => "\"gt/#\""];
    empty_topic: ["\"gt/t\"" => "\"\""];
    bad_filter: ["\"gt/#\"" => "\"gt/#/t\""];
    no_filters: ["[(filter: \"gt/#\", qos: 1)]" => "[]"];
    bad_placeholder: ["\"pub\"" => "\"pub-{number}\""];
    password_without_user: ["keep_alive: \"60 s\"" => "password: \"secret\""];
    zero_hosts_in_fleet: ["mqtt: (client_id: \"sub\")" => "count: 0"];
    zero_messages: ["count: 1" => "count: 0"];
    every_is_missing: ["count: 1" => "count: 2"];
    every_is_zero: ["count: 1" => "every: \"0 s\""];
    same_client_id_in_fleet: ["mqtt: (client_id: \"sub\")" => "count: 2, mqtt: (client_id: \"sub\")"];
    fleet_of_brokers: ["role: Broker()" => "count: 2, role: Broker()"];
    mqtt_at_broker: ["role: Broker()" => "role: Broker(), mqtt: ()"];
    client_software_at_broker: ["mosquitto-2.0" => "paho-python"];
    broker_software_at_client: ["role: Publisher" => "software: \"mosquitto-2.0\", role: Publisher"];
    // Names and links.
    unknown_host_in_link: ["from: \"publisher\"" => "from: \"publsher\""];
    unknown_switch_in_link: ["to: \"home\"" => "to: \"hoome\""];
    unknown_board: ["role: Broker()" => "board: \"raspberry-pi-3\", role: Broker()"];
    unknown_software: ["mosquitto-2.0" => "mosquito-2.0"];
    unknown_link_profile: ["profile: \"ethernet-100\"" => "profile: \"ethernet\""];
    link_to_itself: ["to: \"home\"" => "to: \"publisher\""];
    link_to_nowhere: ["[\"home\"]" => "[\"home\", \"attic\"]", "links: [" => "links: [(from: \"home\", to: \"attic\"),"];
    link_twice: ["links: [" => "links: [(from: \"home\", to: \"publisher\"),"];
    link_to_fleet: ["(from: \"subscriber\", to: \"home\"" => "(from: \"home\", to: \"subscriber\"", "mqtt: (client_id: \"sub\")" => "count: 2"];
    switch_without_link: ["[\"home\"]" => "[\"home\", \"attic\"]"];
    host_without_link: ["(from: \"subscriber\", to: \"home\", profile: \"ethernet-100\", delay: \"2 ms\")," => ""];
    same_name_twice: ["[\"home\"]" => "[\"home\", \"broker\"]"];
    name_with_a_dot: ["[\"home\"]" => "[\"home.lan\"]"];
    role_without_parentheses: ["Broker()" => "Broker"];
    no_broker: ["Broker()" => "Subscriber(filters: [(filter: \"a\")])", "software: \"mosquitto-2.0\", " => ""];
    unknown_broker: ["client_id: \"pub\"" => "broker: \"brocker\""];
    broker_is_no_broker: ["client_id: \"pub\"" => "broker: \"subscriber\""];
    which_broker: ["\"broker\": (" => "\"second\": (role: Broker()), \"broker\": (", "links: [" => "links: [(from: \"second\", to: \"home\"),"];
    unreachable_broker: [
        "links: [" => "links: [(from: \"subscriber\", to: \"broker\"),",
        "(from: \"broker\", to: \"home\", profile: \"ethernet-100\")," => "",
        "(from: \"subscriber\", to: \"home\", profile: \"ethernet-100\"," => "(from: \"home\", to: \"subscriber\",",
    ];
    // Expectations.
    expectation_without_comparison: ["delivered == 1" => "delivered 1"];
    expectation_with_one_equals_sign: ["delivered == 1" => "delivered = 1"];
    expectation_with_unknown_unit: ["< 20 ms" => "< 20 msec"];
    expectation_without_number: ["< 20 ms" => "< fast"];
}

bad_sets! {
    set_without_value: "qos";
    set_with_empty_value: "qos=";
    set_with_empty_key: "hosts..qos=1";
    set_unknown_path: "qoos=2";
    set_unknown_path_far_from_all: "elephant=2";
    set_unknown_field: "hosts.publisher.role.tpoic=\"a\"";
    set_unknown_host: "hosts.publsher.count=3";
    set_unknown_link: "links[7].rate=\"1 Mbit/s\"";
    set_below_a_value: "duration.seconds=3";
    set_value_out_of_range: "qos=3";
    set_value_without_unit: "duration=20";
    set_value_with_wrong_unit: "duration=20 sec";
    set_value_of_wrong_type: "seed=first";
    set_value_with_wrong_name: "links[0].to=hoome";
    set_value_with_unknown_profile: "hosts.broker.board=ideel";
    set_inserted_value_refused: "links[1].loss=2";
    set_expectation: "expect[0]=\"delivered = 1\"";
}

#[test]
fn a_missing_file_is_told_with_its_neighbour() {
    let refused = |file: &str| load(Path::new(file), &Overrides::default()).unwrap_err().render(false);
    insta::assert_snapshot!("missing_file", refused("src/scenario/testdata/one-pubish.ron"));
    insta::assert_snapshot!("missing_folder", refused("src/scenario/elsewhere/one-publish.ron"));
}

#[test]
fn a_scenario_has_hosts() {
    let text = "(title: \"Nothing\", question: \"What is there?\", duration: \"1 s\", hosts: {})";
    insta::assert_snapshot!("no_hosts", loaded(text, &[]).unwrap_err().render(false));
}

#[test]
fn a_missing_profile_folder_is_told() {
    let overrides = Overrides { profiles: Some("no-such-folder".into()), ..Overrides::default() };
    let error = load(Path::new("src/scenario/testdata/one-publish.ron"), &overrides).unwrap_err();
    insta::assert_snapshot!("missing_profile_folder", error.render(false));
}

#[test]
fn colours_are_for_terminals() {
    let error = loaded(ONE_PUBLISH, &["qos=3"]).unwrap_err();
    assert!(error.render(true).contains('\u{1b}'));
    assert!(!error.render(false).contains('\u{1b}'));
}

#[test]
fn a_slip_anywhere_is_an_error_or_fine_but_never_a_panic() {
    // One byte lost, or one character too many, at every place of the sample.
    let mut refused = 0;
    for at in 0..ONE_PUBLISH.len() {
        let (before, behind) = ONE_PUBLISH.split_at(at);
        let slips = [String::new(), format!("({}", &behind[..1]), format!("é\"{}", &behind[..1])];
        for slip in slips {
            let text = format!("{before}{slip}{}", &behind[1..]);
            if let Err(error) = loaded(&text, &["loss=0.5", "hosts.broker.count=1"]) {
                assert!(error.render(false).starts_with("error: "));
                refused += 1;
            }
        }
    }
    assert!(refused > ONE_PUBLISH.len(), "{refused} refused");
}

#[test]
fn any_argument_of_set_is_an_error_or_fine_but_never_a_panic() {
    const PARTS: [&str; 18] = [
        "qos",
        "links",
        "[0]",
        ".",
        "=",
        "hosts",
        "publisher",
        "link",
        "mqtt",
        "role",
        "rate",
        "\"",
        "(",
        ")",
        "2",
        "é",
        " ",
        "//",
    ];
    // Every argument of four parts.
    for number in 0..PARTS.len().pow(4) {
        let argument: String =
            (0..4).map(|place| PARTS[number / PARTS.len().pow(place) % PARTS.len()]).collect();
        let mut source = source::Source::new("sample.ron", ONE_PUBLISH);
        if let Err(error) = crate::scenario::set::set(&mut source, &argument) {
            assert!(error.render(false).starts_with("error: "));
        }
    }
}
