//! The XML configuration of a node: its text, its schema, and how a node reads it.
//!
//! **Models** three readers of the same text. The server *validates* it against the schema
//! ([`validate`]) and keeps it as JSON ([`json`]). A node merely *looks for* tags ([`seek`]): the value is
//! what stands between the first opening tag and the next `<`, and nothing tells it when that is nonsense.
//!
//! The schema is a sequence of elements in a fixed order, without attributes; all leaves are free text
//! (empty allowed) but three: `dataName` and `area` are one of a list, the GPS numbers are decimal.
//!
//! **Parameters**: none; the schema is [`schema`].

mod schema;

use std::fmt;

use roxmltree::{Document, Node};

use super::topics::Place;

/// Namespace that every configuration must have.
pub const NAMESPACE: &str = "https://www.w3schools.com";

/// Opening that the server looks for before it looks at anything else.
const OPENING: &str = "<?xml version=\"1.0\"?>";

/// End that the server looks for.
const ENDING: &str = "</nodeConfiguration>";

/// Why a configuration is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Breach {
    /// The text has no XML declaration or no end of `nodeConfiguration`.
    NotXml,
    /// The XML cannot be parsed.
    Malformed {
        /// Line, from 1.
        line: u32,
        /// What the parser says.
        why: String,
    },
    /// An element is not what the schema has there.
    Element {
        /// Line, from 1.
        line: u32,
        /// Where: the elements from the root on.
        path: String,
        /// What is there.
        found: String,
        /// What the schema has there.
        expected: String,
    },
    /// A value that its type does not allow.
    Value {
        /// Line, from 1.
        line: u32,
        /// Where.
        path: String,
        /// The value.
        found: String,
        /// What is allowed.
        expected: String,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Breach::NotXml => {
                write!(f, "no `{OPENING}` or no `{ENDING}` in the text")
            }
            Breach::Malformed { line, why } => write!(f, "line {line}: {why}"),
            Breach::Element { line, path, found, expected } => {
                write!(f, "line {line}: {path}: found {found}, where the schema has {expected}")
            }
            Breach::Value { line, path, found, expected } => {
                write!(f, "line {line}: {path}: `{found}` is not {expected}")
            }
        }
    }
}

/// Cuts the XML out of a message and holds it against the schema; returns the cut text.
///
/// # Errors
///
/// The first breach, in the order of the text.
pub fn validate(message: &str) -> Result<&str, Breach> {
    let xml = cut(message).ok_or(Breach::NotXml)?;
    let document = Document::parse(xml)
        .map_err(|error| Breach::Malformed { line: error.pos().row, why: error.to_string() })?;
    schema::check(&document)?;
    Ok(xml)
}

fn cut(message: &str) -> Option<&str> {
    let start = message.find(OPENING)?;
    let end = start + message[start..].find(ENDING)? + ENDING.len();
    Some(&message[start..end])
}

/// The value of the first element named `tag`, as a node's own code finds it: no escapes, no
/// validation. Where the tag is missing it takes what stands at the beginning of the text.
#[must_use]
pub fn seek<'a>(xml: &'a str, tag: &str) -> &'a str {
    let opening = format!("<{tag}>");
    // A search that fails gives -1 in the authors' code, and the value is then cut from there.
    let start = xml.find(&opening).map_or(opening.len() - 1, |at| at + opening.len()).min(xml.len());
    let rest = xml.get(start..).unwrap_or_default();
    rest.split('<').next().unwrap_or_default()
}

/// Where a node stands, as its own code reads it.
#[must_use]
pub fn place(xml: &str) -> Place {
    let levels = ["country", "districtState", "city", "areaDescription", "area", "building", "room"];
    Place {
        network: seek(xml, "networkName").to_owned(),
        node: seek(xml, "ID").to_owned(),
        levels: levels.map(|tag| seek(xml, tag).to_owned()),
    }
}

/// Name of the server that a node belongs to.
#[must_use]
pub fn server(xml: &str) -> &str {
    seek(xml, "serverID")
}

/// The first topic that a node subscribes to besides, if the configuration names one.
#[must_use]
pub fn extra_topic(xml: &str) -> Option<&str> {
    Some(seek(xml, "topicName")).filter(|topic| !topic.is_empty() && xml.contains("<topicName>"))
}

/// A valid configuration as JSON, as the database keeps it: elements are objects, repeated ones lists,
/// empty ones `null`.
///
/// # Panics
///
/// If `xml` was not validated.
#[must_use]
pub fn json(xml: &str) -> String {
    let document = Document::parse(xml).expect("validated before");
    let root = document.root_element();
    let mut out = String::new();
    out.push('{');
    write_member(&mut out, &[root]);
    out.push('}');
    out
}

fn write_member(out: &mut String, alike: &[Node<'_, '_>]) {
    write_text(out, alike[0].tag_name().name());
    out.push_str(": ");
    if let [node] = alike {
        write_value(out, *node);
        return;
    }
    for (place, node) in alike.iter().enumerate() {
        out.push_str(if place == 0 { "[" } else { ", " });
        write_value(out, *node);
    }
    out.push(']');
}

fn write_value(out: &mut String, node: Node<'_, '_>) {
    let children: Vec<_> = node.children().filter(Node::is_element).collect();
    if children.is_empty() {
        match node.text() {
            Some(text) => write_text(out, text),
            None => out.push_str("null"),
        }
        return;
    }
    out.push('{');
    // Equal names stand side by side: the schema fixes the order.
    for (place, alike) in children.chunk_by(|a, b| a.tag_name().name() == b.tag_name().name()).enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        write_member(out, alike);
    }
    out.push('}');
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", control as u32)),
            plain => out.push(plain),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
