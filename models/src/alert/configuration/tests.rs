use super::*;
use crate::alert::message::{Command, Form};
use crate::alert::topics;

const CN2: &str = include_str!("../../../../scenarios/alert-network/cn2.xml");

#[test]
fn the_sample_is_as_long_as_the_original_and_valid() {
    assert_eq!(CN2.len(), 2_228);
    let message = Command::PublishConfiguration(CN2.to_owned()).text(Form::Plain);
    assert_eq!(message.len(), 2_268);
    assert_eq!(validate(&message), Ok(CN2));
    assert_eq!(place(CN2), topics::tests::cn2());
    assert_eq!((server(CN2), extra_topic(CN2)), ("SN", None));
}

fn with(change: (&str, &str)) -> String {
    let changed = CN2.replacen(change.0, change.1, 1);
    assert_ne!(changed, CN2, "`{}` is not in the sample", change.0);
    changed
}

/// What the authors' schema lets pass, as tried on it.
#[test]
fn the_schema_is_lenient_where_theirs_is() {
    for change in [
        ("<ID>CN2</ID>", "<ID></ID>"),
        ("<minValue>0</minValue>", "<minValue>cold</minValue>"),
        ("<gpsLattitude>37.8</gpsLattitude>", "<gpsLattitude>999999</gpsLattitude>"),
        ("<topicName></topicName>", ""),
    ] {
        assert!(validate(&with(change)).is_ok(), "{change:?}");
    }
    let start = CN2.find("<sensor>").unwrap();
    let end = CN2.find("</sensor>").unwrap() + "</sensor>".len();
    assert!(validate(&format!("{}{}", &CN2[..start], &CN2[end..])).is_ok(), "no sensors");
}

/// Every rule of the schema broken once.
#[test]
fn each_breach_is_found_and_named() {
    let cases = [
        ((r#"<?xml version="1.0"?>"#, ""), "no `<?xml"),
        (("</nodeConfiguration>", ""), "no `<?xml"),
        (("</sensors>", ""), "expected 'sensors' tag"),
        ((r#" xmlns="https://www.w3schools.com""#, ""), "without a namespace"),
        (("w3schools.com", "example.org"), "of the namespace https://www.example.org"),
        (("<ID>CN2</ID>", ""), "found `hardwareSetup`, where the schema has ID"),
        (("<ID>CN2</ID>", "<ID>CN2</ID><ID>CN3</ID>"), "found `ID`, where the schema has hardwareSetup"),
        (("<room>A52</room>", "<room>A52</room><floor>5</floor>"), "found `floor`"),
        (("<country>Greece</country>", "<country code='GR'>Greece</country>"), "the attribute `code`"),
        (("<dataName>indoorTemperatureSensor<", "<dataName>indoorFlameSensor<"), "is not one of indoorTemp"),
        (("<area>indoor</area>", "<area>garden</area>"), "is not one of indoor, outdoor"),
        (("37.8", "2.67e1"), "is not a decimal number"),
        (("37.8", ""), "is not a decimal number"),
        (("<CPU>80", "<CPU><b/>80"), "found `b`"),
        (("<OS>", "<OS>Linux"), "found text, where the schema has elements only"),
        (
            ("</nodeLocation>", "</nodeLocation><extra/>"),
            "found `extra`, where the schema has no further element",
        ),
        (("<serverID>SN</serverID>", ""), "found `MQTTSetup`, where the schema has serverID"),
    ];
    for (change, expected) in cases {
        let refusal = validate(&with(change)).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{change:?}: {refusal}");
    }
    let reordered = with(("<country>Greece</country>", "<city>Karlovasi</city>"));
    assert!(validate(&reordered).is_err());
}

#[test]
fn a_breach_says_where() {
    let refusal = validate(&with(("37.8", "2.67e1"))).unwrap_err();
    let line = CN2.lines().position(|line| line.contains("gpsLattitude")).unwrap() + 1;
    let path = "nodeConfiguration/nodeLocation/gpsLattitude";
    assert_eq!(refusal.to_string(), format!("line {line}: {path}: `2.67e1` is not a decimal number"));
}

#[test]
fn a_node_reads_nonsense_without_noticing() {
    assert_eq!(seek("<a>1</a><a>2</a>", "a"), "1");
    assert_eq!(seek("<a>1 &amp; 2</a>", "a"), "1 &amp; 2", "no escapes");
    assert_eq!(seek("nothing here", "a"), "thing here");
    assert_eq!(seek("", "a"), "");
    assert_eq!(extra_topic("<x>no list</x>"), None);
    assert_eq!(extra_topic("<topicName>a/b</topicName>"), Some("a/b"));
}

#[test]
fn json_keeps_lists_and_empty_leaves() {
    let json = json(CN2);
    assert!(json.starts_with(r#"{"nodeConfiguration": {"nodeInfo": {"ID": "CN2", "hardwareSetup": {"#));
    assert!(json.contains(r#""subscribeList": {"topicName": [null, null, null]}"#));
    assert!(json.contains(r#""gpsLattitude": "37.8""#));
    assert_eq!(json.matches('{').count(), json.matches('}').count());
}
