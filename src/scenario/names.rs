//! MQTT's own names and numbers as a scenario writes them: Topic Names, Topic Filters, Client
//! Identifiers, QoS, Keep Alive.

use std::fmt;

use models::mqtt::client::{ClientIdentifier, IdentifierPart};
use serde::Deserialize;

use super::error::Refusal;
use super::quantity::Span;

/// Longest UTF-8 string of MQTT, in bytes. MQTT 3.1.1 §1.5.3
const LONGEST: usize = 65_535;

/// A text with places for the number of a fleet's member: `cam-{index:03}` gives `cam-007`.
///
/// `{index}` is the number from 0, `{index:03}` the same with zeros in front to three digits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    written: String,
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    /// The member's number, with at least so many digits.
    Index(usize),
}

impl Template {
    /// Reads `text`.
    ///
    /// # Errors
    /// When a brace holds anything but `index` or `index:0` and a number of digits up to 20.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').map_or(rest.len(), |close| open + close);
            let inside = &rest[open + 1..close];
            let width = match inside.strip_prefix("index") {
                Some("") => Some(1),
                Some(format) => format
                    .strip_prefix(":0")
                    .and_then(|digits| digits.parse().ok())
                    .filter(|width| (1..=20).contains(width)),
                None => None,
            };
            let Some(width) = width.filter(|_| close < rest.len()) else {
                let help = "allowed: `{index}`, or `{index:03}` for three digits with zeros in front";
                return Err(Refusal::new(format!("`{{{inside}}}` stands for nothing"), help));
            };
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            parts.push(Part::Index(width));
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Template { written: text.to_owned(), parts })
    }

    /// The text for member `index`.
    #[must_use]
    pub fn expand(&self, index: u32) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Index(width) => format!("{index:0width$}"),
            })
            .collect()
    }

    /// The same as a Client Identifier.
    #[must_use]
    pub fn identifier(&self) -> ClientIdentifier {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => IdentifierPart::Text(text.as_str().into()),
            Part::Index(digits) => IdentifierPart::Number(*digits),
        });
        parts.collect()
    }

    /// Whether members get different texts.
    #[must_use]
    pub fn has_index(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Index(_)))
    }

    /// The text as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Length in bytes for the member with the longest number.
    fn longest(&self) -> usize {
        self.expand(u32::MAX).len()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// What every UTF-8 string of MQTT must be.
fn check_string(noun: &str, text: &str, bytes: usize) -> Result<(), Refusal> {
    // MQTT 3.1.1 §1.5.3 [MQTT-1.5.3-2]
    if text.contains('\0') {
        return Err(Refusal::new(
            format!("a {noun} holds no NUL character"),
            "remove it (MQTT 3.1.1 §1.5.3)",
        ));
    }
    // MQTT 3.1.1 §1.5.3
    if bytes > LONGEST {
        let help = format!("at most {LONGEST} bytes (MQTT 3.1.1 §1.5.3)");
        return Err(Refusal::new(format!("this {noun} has {bytes} bytes"), help));
    }
    Ok(())
}

/// The Topic Name of a PUBLISH; may hold `{index}`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct TopicName(pub Template);

impl TryFrom<String> for TopicName {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        // MQTT 3.1.1 §4.7.3 [MQTT-4.7.3-1]
        if text.is_empty() {
            return Err(Refusal::new(
                "a Topic Name has at least one character",
                "write one such as `home/camera` (MQTT 3.1.1 §4.7.3)",
            ));
        }
        // MQTT 3.1.1 §3.3.2.1 [MQTT-3.3.2-2]
        if let Some(wildcard) = text.chars().find(|c| matches!(c, '#' | '+')) {
            let message = format!("the wildcard `{wildcard}` has no place in the Topic Name of a PUBLISH");
            return Err(Refusal::new(message, "wildcards belong to Topic Filters (MQTT 3.1.1 §4.7.1)"));
        }
        let template = Template::parse(&text)?;
        check_string("Topic Name", &text, template.longest())?;
        Ok(TopicName(template))
    }
}

/// The Topic Filter of a subscription; may hold `{index}`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct TopicFilter(pub Template);

impl TryFrom<String> for TopicFilter {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Err(Refusal::new(
                "a Topic Filter has at least one character",
                "write one such as `home/#` (MQTT 3.1.1 §4.7.3)",
            ));
        }
        let levels: Vec<&str> = text.split('/').collect();
        for (at, level) in levels.iter().enumerate() {
            // MQTT 3.1.1 §4.7.1.2 [MQTT-4.7.1-2]
            if level.contains('#') && (*level != "#" || at + 1 < levels.len()) {
                let message = format!("`#` in `{text}` is not the whole of the last level");
                return Err(Refusal::new(message, "write `home/#` (MQTT 3.1.1 §4.7.1.2)"));
            }
            // MQTT 3.1.1 §4.7.1.3 [MQTT-4.7.1-3]
            if level.contains('+') && *level != "+" {
                let message = format!("`+` in `{text}` is not the whole of its level");
                return Err(Refusal::new(message, "write `home/+/camera` (MQTT 3.1.1 §4.7.1.3)"));
            }
        }
        let template = Template::parse(&text)?;
        check_string("Topic Filter", &text, template.longest())?;
        Ok(TopicFilter(template))
    }
}

/// A Client Identifier; may hold `{index}`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct ClientId(pub Template);

impl TryFrom<String> for ClientId {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        let template = Template::parse(&text)?;
        check_string("Client Identifier", &text, template.longest())?;
        Ok(ClientId(template))
    }
}

/// The name of a node of the alert network, one level of its topics; may hold `{index}`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct NodeName(pub Template);

impl TryFrom<String> for NodeName {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        if let Some(c) = text.chars().find(|c| matches!(c, '/' | '+' | '#' | '<' | '>' | '&' | '\0')) {
            let message = format!("`{c}` has no place in the name of a node");
            return Err(Refusal::new(message, "it is one level of its topics, and stands in its XML text"));
        }
        let template = Template::parse(&text)?;
        check_string("name of a node", &text, template.longest())?;
        Ok(NodeName(template))
    }
}

/// A Quality of Service level: 0, 1 or 2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Deserialize)]
#[serde(try_from = "i64")]
pub struct QualityOfService(pub u8);

impl TryFrom<i64> for QualityOfService {
    type Error = Refusal;

    fn try_from(level: i64) -> Result<Self, Refusal> {
        match level {
            0..=2 => Ok(QualityOfService(level as u8)),
            // MQTT 3.1.1 §4.3, and §3.3.1.2 [MQTT-3.3.1-4] for 3
            3 => Err(Refusal::new(
                "QoS 3 is reserved and must not be used",
                "allowed: 0, 1, 2 (MQTT 3.1.1 §3.3.1.2)",
            )),
            _ => Err(Refusal::new(format!("there is no QoS {level}"), "allowed: 0, 1, 2 (MQTT 3.1.1 §4.3)")),
        }
    }
}

/// The Keep Alive interval in whole seconds; 0 turns it off. MQTT 3.1.1 §3.1.2.10
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(try_from = "Span")]
pub struct KeepAlive(pub u16);

impl TryFrom<Span> for KeepAlive {
    type Error = Refusal;

    fn try_from(span: Span) -> Result<Self, Refusal> {
        let allowed = "a Keep Alive is a whole number of seconds from 0 to 65535 (MQTT 3.1.1 §3.1.2.10)";
        if span.get().subsec_nanos() != 0 {
            return Err(Refusal::new(format!("`{span}` is not a whole number of seconds"), allowed));
        }
        match u16::try_from(span.get().as_secs()) {
            Ok(seconds) => Ok(KeepAlive(seconds)),
            Err(_) => {
                Err(Refusal::new(format!("a Keep Alive of {span} does not fit into its two bytes"), allowed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_numbers_the_members_of_a_fleet() {
        let template = Template::parse("cam-{index:03}/{index}").unwrap();
        assert_eq!(template.expand(7), "cam-007/7");
        assert_eq!(template.expand(1234), "cam-1234/1234");
        assert!(template.has_index());
        assert!(!Template::parse("camera").unwrap().has_index());
        for wrong in ["{", "{}", "{name}", "{index:3}", "{index:0}", "{index:099}", "a{index"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn filters_are_those_of_the_standard() {
        for right in ["#", "+", "a/#", "+/+", "/", "a/+/b", "$SYS/#", "sensor/{index}"] {
            assert!(TopicFilter::try_from(right.to_owned()).is_ok(), "{right}");
        }
        for wrong in ["", "a#", "a/#/b", "#/", "a+", "+a/b", "a\0"] {
            assert!(TopicFilter::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_have_no_wildcards_and_fit_into_their_length_field() {
        assert!(TopicName::try_from("home/camera".to_owned()).is_ok());
        for wrong in ["", "a/#", "+", "a\0b"] {
            assert!(TopicName::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        assert!(ClientId::try_from("x".repeat(LONGEST)).is_ok());
        assert!(ClientId::try_from("x".repeat(LONGEST + 1)).is_err());
        assert!(
            ClientId::try_from(format!("{}{{index}}", "x".repeat(LONGEST - 9))).is_err(),
            "with ten digits"
        );
    }

    #[test]
    fn keep_alive_counts_whole_seconds() {
        let keep_alive = |text: &str| KeepAlive::try_from(Span::parse(text).unwrap());
        assert_eq!(keep_alive("1 min").unwrap(), KeepAlive(60));
        assert_eq!(keep_alive("65535 s").unwrap(), KeepAlive(65_535));
        assert!(keep_alive("65536 s").is_err());
        assert!(keep_alive("1500 ms").is_err());
    }
}
