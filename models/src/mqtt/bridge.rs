//! What a bridge between two servers passes on, and the names that it gives there.
//!
//! **Models** the `topic` lines of a bridge in Mosquitto, as mosquitto.conf(5) describes them: a pattern, a
//! direction, the highest QoS, and a prefix at each end. The filter at the local server is the local prefix
//! with the pattern behind it, at the remote server the remote prefix with the pattern; on its way a message
//! loses the prefix of the end it comes from and gets that of the other. The first line that matches names the
//! message.

use std::sync::Arc;

use crate::mqtt::packet::QoS;
use crate::mqtt::topic::{InvalidTopic, TopicFilter, TopicName, matches};

/// Which way messages go, seen from the server that has the bridge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum Direction {
    /// From the local server to the remote one.
    Out,
    /// From the remote server to the local one.
    In,
    /// Both ways.
    Both,
}

/// One line of topics of a bridge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BridgeTopic {
    direction: Direction,
    qos: QoS,
    local: TopicFilter,
    remote: TopicFilter,
    local_prefix: Arc<str>,
    remote_prefix: Arc<str>,
}

impl BridgeTopic {
    /// The messages that match `pattern` behind the prefixes.
    ///
    /// # Errors
    /// When a prefix with the pattern behind it makes no Topic Filter.
    pub fn new(
        pattern: &str,
        direction: Direction,
        qos: QoS,
        local_prefix: &str,
        remote_prefix: &str,
    ) -> Result<Self, InvalidTopic> {
        Ok(BridgeTopic {
            direction,
            qos,
            local: TopicFilter::new(&format!("{local_prefix}{pattern}"))?,
            remote: TopicFilter::new(&format!("{remote_prefix}{pattern}"))?,
            local_prefix: local_prefix.into(),
            remote_prefix: remote_prefix.into(),
        })
    }

    /// Whether messages go from the local server to the remote one.
    #[must_use]
    pub const fn goes_out(&self) -> bool {
        match self.direction {
            Direction::Out | Direction::Both => true,
            Direction::In => false,
        }
    }

    /// Whether messages come from the remote server to the local one.
    #[must_use]
    pub const fn comes_in(&self) -> bool {
        match self.direction {
            Direction::In | Direction::Both => true,
            Direction::Out => false,
        }
    }

    /// The highest QoS.
    #[must_use]
    pub const fn qos(&self) -> QoS {
        self.qos
    }

    /// The filter at the local server.
    #[must_use]
    pub const fn local(&self) -> &TopicFilter {
        &self.local
    }

    /// The filter at the remote server.
    #[must_use]
    pub const fn remote(&self) -> &TopicFilter {
        &self.remote
    }
}

/// The name at the remote server of a message of the local one; `None` when no line passes it on, or the name
/// would be none.
#[must_use]
pub fn name_out(topics: &[BridgeTopic], topic: &TopicName) -> Option<TopicName> {
    let line = topics.iter().find(|line| line.goes_out() && matches(&line.local, topic))?;
    renamed(topic, &line.local_prefix, &line.remote_prefix)
}

/// The name at the local server of a message of the remote one.
#[must_use]
pub fn name_in(topics: &[BridgeTopic], topic: &TopicName) -> Option<TopicName> {
    let line = topics.iter().find(|line| line.comes_in() && matches(&line.remote, topic))?;
    renamed(topic, &line.remote_prefix, &line.local_prefix)
}

fn renamed(topic: &TopicName, from: &str, to: &str) -> Option<TopicName> {
    if from == to {
        return Some(topic.clone());
    }
    // `a/#` matches `a`, which has no prefix `a/`: Mosquitto leaves such a name as it is, and adds the other.
    let inner = topic.as_str().strip_prefix(from).unwrap_or(topic.as_str());
    TopicName::new(&format!("{to}{inner}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pattern: &str, direction: Direction, local: &str, remote: &str) -> BridgeTopic {
        BridgeTopic::new(pattern, direction, QoS::AtLeastOnce, local, remote).unwrap()
    }

    fn name(text: &str) -> TopicName {
        TopicName::new(text).unwrap()
    }

    #[test]
    fn a_message_loses_one_prefix_and_gets_the_other() {
        let topics = [line("sensors/#", Direction::Both, "plant/", "site1/")];
        assert_eq!(name_out(&topics, &name("plant/sensors/a")), Some(name("site1/sensors/a")));
        assert_eq!(name_in(&topics, &name("site1/sensors/a")), Some(name("plant/sensors/a")));
        assert_eq!(name_out(&topics, &name("sensors/a")), None, "not behind the local prefix");
        assert_eq!(topics[0].local().as_str(), "plant/sensors/#");
        assert_eq!(topics[0].remote().as_str(), "site1/sensors/#");
    }

    #[test]
    fn the_first_line_of_the_right_direction_names_it() {
        let topics = [
            line("a/b", Direction::In, "", "in/"),
            line("a/b", Direction::Out, "", "first/"),
            line("a/#", Direction::Out, "", "second/"),
        ];
        assert_eq!(name_out(&topics, &name("a/b")), Some(name("first/a/b")));
        assert_eq!(name_out(&topics, &name("a/c")), Some(name("second/a/c")));
        assert_eq!(name_in(&topics, &name("in/a/b")), Some(name("a/b")));
        assert_eq!(name_in(&topics, &name("first/a/b")), None, "goes out only");
    }

    #[test]
    fn names_that_are_none_are_not_given() {
        let topics = [line("#", Direction::Out, "", "far/")];
        let longest = name(&"x".repeat(65_535));
        assert_eq!(name_out(&topics, &longest), None);
        assert!(BridgeTopic::new("a", Direction::Out, QoS::AtMostOnce, "x#", "").is_err());
    }
}
