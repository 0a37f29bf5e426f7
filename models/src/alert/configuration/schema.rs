//! The schema, as data, and the check of a document against it.

use roxmltree::{Document, Node};

use super::{Breach, NAMESPACE};

/// What an element holds.
enum Content {
    /// Free text, which may be empty.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A decimal number without exponent: `xs:decimal`.
    Decimal,
    /// These elements in this order.
    Sequence(&'static [Element]),
}

/// An element of a sequence.
struct Element {
    name: &'static str,
    /// Whether it may be there any number of times; otherwise exactly once.
    repeated: bool,
    content: Content,
}

const fn once(name: &'static str, content: Content) -> Element {
    Element { name, repeated: false, content }
}

const fn any_number(name: &'static str, content: Content) -> Element {
    Element { name, repeated: true, content }
}

const fn text(name: &'static str) -> Element {
    once(name, Content::Text)
}

const SENSORS: &[&str] = &[
    "indoorTemperatureSensor",
    "outdoorTemperatureSensor",
    "indoorHumiditySensor",
    "outdoorHumiditySensor",
    "imageCamera",
    "flameDetectionSensor",
];

const SENSOR: Content = Content::Sequence(&[
    once("dataName", Content::OneOf(SENSORS)),
    text("type"),
    text("dataType"),
    text("dataUnits"),
    once("dataRange", Content::Sequence(&[text("minValue"), text("maxValue")])),
]);

const HARDWARE: Content = Content::Sequence(&[
    text("platform"),
    text("version"),
    text("CPU"),
    once("sensors", Content::Sequence(&[any_number("sensor", SENSOR)])),
]);

const TOPIC_LIST: Content = Content::Sequence(&[any_number("topicName", Content::Text)]);

const MQTT: Content = Content::Sequence(&[
    text("protocolVersion"),
    once("credentials", Content::Sequence(&[text("userName"), text("password")])),
    once("topics", Content::Sequence(&[once("subscribeList", TOPIC_LIST), once("publishList", TOPIC_LIST)])),
]);

const NETWORK: Content = Content::Sequence(&[
    text("networkName"),
    text("MACAddress"),
    text("IPAddress"),
    text("serverID"),
    once("MQTTSetup", MQTT),
]);

const NODE_INFO: Content = Content::Sequence(&[
    text("ID"),
    once("hardwareSetup", HARDWARE),
    once(
        "softwareSetup",
        Content::Sequence(&[once("OS", Content::Sequence(&[text("name"), text("version")]))]),
    ),
    once("networkSetup", NETWORK),
]);

const LOCATION: Content = Content::Sequence(&[
    text("country"),
    text("districtState"),
    text("city"),
    text("areaDescription"),
    once("area", Content::OneOf(&["indoor", "outdoor"])),
    text("building"),
    text("room"),
    // Both names are spelt so in the authors' schema.
    once("gpsLongtitude", Content::Decimal),
    once("gpsLattitude", Content::Decimal),
]);

const ROOT: Element = once(
    "nodeConfiguration",
    Content::Sequence(&[once("nodeInfo", NODE_INFO), once("nodeLocation", LOCATION)]),
);

/// Holds a document against the schema.
pub(super) fn check(document: &Document<'_>) -> Result<(), Breach> {
    let root = document.root_element();
    if !is(root, &ROOT) {
        return Err(misplaced(root, "", &describe(root), ROOT.name));
    }
    check_content(root, ROOT.name, &ROOT.content)
}

fn is(node: Node<'_, '_>, element: &Element) -> bool {
    node.tag_name().name() == element.name && node.tag_name().namespace() == Some(NAMESPACE)
}

fn check_content(node: Node<'_, '_>, path: &str, content: &Content) -> Result<(), Breach> {
    if let Some(attribute) = node.attributes().next() {
        let found = format!("the attribute `{}`", attribute.name());
        return Err(misplaced(node, path, &found, "no attributes"));
    }
    match content {
        Content::Sequence(elements) => check_sequence(node, path, elements),
        Content::Text => check_leaf(node, path, "text", |_| true),
        Content::OneOf(words) => {
            let expected = format!("one of {}", words.join(", "));
            check_leaf(node, path, &expected, |value| words.contains(&value))
        }
        Content::Decimal => check_leaf(node, path, "a decimal number", is_decimal),
    }
}

fn check_sequence(node: Node<'_, '_>, path: &str, elements: &[Element]) -> Result<(), Breach> {
    let stray =
        |child: &Node<'_, '_>| child.is_text() && child.text().is_some_and(|text| !text.trim().is_empty());
    if let Some(child) = node.children().find(stray) {
        return Err(misplaced(child, path, "text", "elements only"));
    }
    let mut children = node.children().filter(Node::is_element).peekable();
    for element in elements {
        let inner = format!("{path}/{}", element.name);
        loop {
            match children.peek().copied() {
                Some(child) if is(child, element) => {
                    check_content(child, &inner, &element.content)?;
                    children.next();
                    if !element.repeated {
                        break;
                    }
                }
                _ if element.repeated => break,
                Some(child) => return Err(misplaced(child, path, &describe(child), element.name)),
                None => return Err(misplaced(node, path, "its end", element.name)),
            }
        }
    }
    match children.next() {
        Some(child) => Err(misplaced(child, path, &describe(child), "no further element")),
        None => Ok(()),
    }
}

fn check_leaf(
    node: Node<'_, '_>,
    path: &str,
    expected: &str,
    allowed: impl Fn(&str) -> bool,
) -> Result<(), Breach> {
    if let Some(child) = node.children().find(Node::is_element) {
        return Err(misplaced(child, path, &describe(child), expected));
    }
    // Words and numbers are taken without the white space around them; text allows anything.
    let value = node.text().unwrap_or_default().trim();
    if allowed(value) {
        return Ok(());
    }
    let found = value.to_owned();
    Err(Breach::Value { line: line(node), path: path.to_owned(), found, expected: expected.to_owned() })
}

/// XML Schema 1.0 part 2, §3.2.3: an optional sign, digits with at most one point, at least one digit.
fn is_decimal(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|byte| *byte == b'.').count() <= 1
}

fn describe(node: Node<'_, '_>) -> String {
    match node.tag_name().namespace() {
        Some(NAMESPACE) => format!("`{}`", node.tag_name().name()),
        Some(other) => format!("`{}` of the namespace {other}", node.tag_name().name()),
        None => format!("`{}` without a namespace", node.tag_name().name()),
    }
}

fn misplaced(node: Node<'_, '_>, path: &str, found: &str, expected: &str) -> Breach {
    Breach::Element {
        line: line(node),
        path: if path.is_empty() { "the root".to_owned() } else { path.to_owned() },
        found: found.to_owned(),
        expected: expected.to_owned(),
    }
}

fn line(node: Node<'_, '_>) -> u32 {
    node.document().text_pos_at(node.range().start).row
}
