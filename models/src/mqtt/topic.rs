//! Topic Names and Topic Filters. MQTT 3.1.1 §4.7
//!
//! Both are UTF-8 strings of 1 to 65,535 bytes, levels separated by `/`, compared byte for byte
//! (no normalisation, §4.7.3). They are validated once, when made, and shared afterwards.

use std::borrow::Borrow;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest UTF-8 string of MQTT, in bytes. MQTT 3.1.1 §1.5.3
pub const MAX_STRING_BYTES: usize = 65_535;

/// Why a string is no Topic Name or Topic Filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvalidTopic {
    /// "All Topic Names and Topic Filters MUST be at least one character long".
    Empty,
    /// Longer than 65,535 bytes.
    TooLong,
    /// Contains U+0000.
    NullCharacter,
    /// A Topic Name with `+` or `#`, or a Topic Filter in which they do not stand as they must.
    Wildcard,
}

impl fmt::Display for InvalidTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidTopic::Empty => "it is empty",
            InvalidTopic::TooLong => "it is longer than 65535 bytes",
            InvalidTopic::NullCharacter => "it contains U+0000",
            InvalidTopic::Wildcard => "a wildcard stands where it must not",
        })
    }
}

impl std::error::Error for InvalidTopic {}

// MQTT 3.1.1 §4.7.3
fn check_common(text: &str) -> Result<(), InvalidTopic> {
    if text.is_empty() {
        return Err(InvalidTopic::Empty);
    }
    if text.len() > MAX_STRING_BYTES {
        return Err(InvalidTopic::TooLong);
    }
    if text.as_bytes().contains(&0) {
        return Err(InvalidTopic::NullCharacter);
    }
    Ok(())
}

/// Where a message is published; free of wildcards. Like a [`Payload`](crate::stream::Payload) it stays on one
/// thread: every PUBLISH counts a reference of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicName(Rc<str>);

impl TopicName {
    /// Shares `text` as a Topic Name.
    ///
    /// # Errors
    /// When it is empty, too long, or contains U+0000, `+` or `#`.
    pub fn new(text: &str) -> Result<Self, InvalidTopic> {
        check_common(text)?;
        // MQTT 3.1.1 §3.3.2.1: "MUST NOT contain wildcard characters"
        if text.bytes().any(|byte| byte == b'+' || byte == b'#') {
            return Err(InvalidTopic::Wildcard);
        }
        Ok(TopicName(Rc::from(text)))
    }

    /// The empty name of a PUBLISH whose Topic Alias says the topic. MQTT 5.0 §3.3.2.1
    #[must_use]
    pub fn aliased() -> Self {
        TopicName(Rc::default())
    }

    /// Whether this is [`TopicName::aliased`].
    #[must_use]
    pub fn is_aliased(&self) -> bool {
        self.0.is_empty()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a client subscribes to; may contain wildcards.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicFilter(Arc<str>);

impl TryFrom<String> for TopicFilter {
    type Error = InvalidTopic;

    fn try_from(text: String) -> Result<Self, InvalidTopic> {
        TopicFilter::new(&text)
    }
}

impl From<TopicFilter> for String {
    fn from(filter: TopicFilter) -> String {
        filter.0.as_ref().to_owned()
    }
}

impl TopicFilter {
    /// Shares `text` as a Topic Filter.
    ///
    /// # Errors
    /// When it is empty, too long, contains U+0000, or a wildcard stands where it must not.
    pub fn new(text: &str) -> Result<Self, InvalidTopic> {
        check_common(text)?;
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            let last = levels.peek().is_none();
            // MQTT 3.1.1 §4.7.1.2: `#` alone in its level, and that the last
            let multi_level = level.contains('#') && !(level == "#" && last);
            // MQTT 3.1.1 §4.7.1.3: `+` "MUST occupy an entire level"
            let single_level = level.contains('+') && level != "+";
            if multi_level || single_level {
                return Err(InvalidTopic::Wildcard);
            }
        }
        Ok(TopicFilter(Arc::from(text)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches more than the one Topic Name with its own text.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.0.bytes().any(|byte| byte == b'+' || byte == b'#')
    }

    /// Whether a message published to `topic` is wanted by this filter.
    #[must_use]
    pub fn matches(&self, topic: &TopicName) -> bool {
        matches(self, topic)
    }
}

/// Whether `filter` matches `topic`. MQTT 3.1.1 §4.7
#[must_use]
pub fn matches(filter: &TopicFilter, topic: &TopicName) -> bool {
    let (filter, topic) = (filter.as_str(), topic.as_str());
    // MQTT 3.1.1 §4.7.2: a leading wildcard does not match a leading `$`
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut names = topic.split('/');
    for level in filter.split('/') {
        // MQTT 3.1.1 §4.7.1.2: `#` stands for the parent and any number of child levels
        if level == "#" {
            return true;
        }
        match names.next() {
            Some(name) if level == "+" || level == name => {}
            Some(_) | None => return false,
        }
    }
    names.next().is_none()
}

// Lets an ordered map of filters be searched by a name, without making a filter of it.
impl Borrow<str> for TopicFilter {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_wildcards() {
        for good in ["a", "/", "//", "a/b", "/finance", "$SYS/x", "Accounts payable", "ä/😀"] {
            assert_eq!(TopicName::new(good).unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("", InvalidTopic::Empty),
            ("a+", InvalidTopic::Wildcard),
            ("a/#", InvalidTopic::Wildcard),
            ("a\0b", InvalidTopic::NullCharacter),
        ] {
            assert_eq!(TopicName::new(bad).unwrap_err(), why);
        }
        assert!(TopicName::new(&"a".repeat(MAX_STRING_BYTES)).is_ok());
        assert_eq!(TopicName::new(&"a".repeat(MAX_STRING_BYTES + 1)).unwrap_err(), InvalidTopic::TooLong);
    }

    // The examples of MQTT 3.1.1 §4.7.1.2 and §4.7.1.3
    #[test]
    fn filters_hold_wildcards_only_in_their_places() {
        for good in
            ["#", "+", "+/+", "/+", "+/tennis/#", "sport/+/player1", "sport/tennis/#", "a//+/#", "$SYS/#"]
        {
            assert_eq!(TopicFilter::new(good).unwrap().as_str(), good);
        }
        for bad in ["sport/tennis#", "sport/tennis/#/ranking", "sport+", "+a", "#/a", "##", "a/+b/c", "++"] {
            assert_eq!(TopicFilter::new(bad).unwrap_err(), InvalidTopic::Wildcard, "{bad}");
        }
        assert_eq!(TopicFilter::new("").unwrap_err(), InvalidTopic::Empty);
        assert_eq!(TopicFilter::new("\0").unwrap_err(), InvalidTopic::NullCharacter);
    }
}
