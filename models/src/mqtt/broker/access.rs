//! Who may publish and subscribe where. MQTT 3.1.1 §5.4.2 leaves it to the server; the rules are those of
//! Mosquitto's `acl_file`, as mosquitto.conf(5) describes them.
//!
//! A rule is for one user, for clients without a user name, or, as a pattern, for all; in a pattern `%u` stands
//! for the user name and `%c` for the Client Identifier. A rule that denies goes before those that allow, and
//! what no rule allows is denied. Wills are not checked.
//!
//! What a client that is refused hears: SUBACK 0x80, in MQTT 5.0 0x87; PUBACK or PUBREC 0x87 in MQTT 5.0, and
//! before it an acknowledgement that tells nothing. What it may not read it does not get. Mosquitto grants
//! every subscription and looks only at the messages ([`AccessList::checks_subscriptions`]).

use std::sync::Arc;

use crate::mqtt::broker::{Broker, SessionIndex};
use crate::mqtt::topic::{TopicFilter, TopicName, matches};

/// For whom a rule is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// Clients without a user name.
    Anonymous,
    /// Clients with this user name.
    User(Arc<str>),
    /// All; `%u` and `%c` in the filter are theirs.
    Everyone,
}

/// What a rule says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum Right {
    /// May subscribe and receive.
    Read,
    /// May publish.
    Write,
    /// May both.
    ReadWrite,
    /// May neither.
    Deny,
}

/// One rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessRule {
    /// For whom.
    pub who: Who,
    /// What.
    pub right: Right,
    /// Where: a Topic Filter.
    pub filter: Arc<str>,
}

/// The rules of a server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccessList {
    /// In any order.
    pub rules: Vec<AccessRule>,
    /// Whether SUBSCRIBE is refused where nothing could be read; else only the messages are held back.
    pub checks_subscriptions: bool,
}

/// What a client wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wants {
    Read,
    Write,
}

impl AccessList {
    fn allows(
        &self,
        user: Option<&str>,
        client: &str,
        wants: Wants,
        covers: impl Fn(&TopicFilter) -> bool,
    ) -> bool {
        let mut allowed = false;
        for rule in &self.rules {
            let filter = match (&rule.who, user) {
                (Who::Anonymous, None) => rule.filter.to_string(),
                (Who::User(name), Some(user)) if **name == *user => rule.filter.to_string(),
                // A pattern with `%u` says nothing of clients without a user name.
                (Who::Everyone, None) if rule.filter.contains("%u") => continue,
                (Who::Everyone, _) => {
                    rule.filter.replace("%c", client).replace("%u", user.unwrap_or_default())
                }
                (Who::Anonymous | Who::User(_), _) => continue,
            };
            // A Client Identifier with wildcards makes no filter of its own, and matches nothing.
            let Ok(filter) = TopicFilter::new(&filter) else { continue };
            if !covers(&filter) {
                continue;
            }
            match (rule.right, wants) {
                (Right::Deny, _) => return false,
                (Right::ReadWrite, _) | (Right::Read, Wants::Read) | (Right::Write, Wants::Write) => {
                    allowed = true;
                }
                (Right::Read, Wants::Write) | (Right::Write, Wants::Read) => {}
            }
        }
        allowed
    }
}

impl Broker {
    /// Whether the client of a session may do this with a topic; without rules everybody may.
    pub(super) fn may(&self, session: SessionIndex, wants: Wants, topic: &TopicName) -> bool {
        let Some(access) = &self.config.access else { return true };
        let session = &self.sessions[session.0 as usize];
        // As Mosquitto: the server's own bridges may do all.
        if session.bridge.is_some() {
            return true;
        }
        let user = session.user_name.as_deref();
        access.allows(user, &session.client_identifier, wants, |filter| matches(filter, topic))
    }

    /// Whether the client of a session may subscribe to a filter.
    pub(super) fn may_subscribe(&self, session: SessionIndex, wanted: &TopicFilter) -> bool {
        let Some(access) = self.config.access.as_ref().filter(|access| access.checks_subscriptions) else {
            return true;
        };
        let session = &self.sessions[session.0 as usize];
        let user = session.user_name.as_deref();
        access.allows(user, &session.client_identifier, Wants::Read, |filter| covers(filter, wanted))
    }
}

/// Whether every topic that `wanted` matches is matched by `rule`.
fn covers(rule: &TopicFilter, wanted: &TopicFilter) -> bool {
    let mut levels = wanted.as_str().split('/');
    for level in rule.as_str().split('/') {
        match (level, levels.next()) {
            ("#", _) => return true,
            ("+", Some(wanted)) if wanted != "#" => {}
            (level, Some(wanted)) if level == wanted => {}
            (_, _) => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(who: Who, right: Right, filter: &str) -> AccessRule {
        AccessRule { who, right, filter: Arc::from(filter) }
    }

    fn list() -> AccessList {
        let alice = || Who::User(Arc::from("alice"));
        AccessList {
            rules: vec![
                rule(alice(), Right::ReadWrite, "home/#"),
                rule(alice(), Right::Deny, "home/safe"),
                rule(Who::Anonymous, Right::Read, "public/+"),
                rule(Who::Everyone, Right::Write, "node/%c/data"),
                rule(Who::Everyone, Right::Read, "user/%u"),
            ],
            checks_subscriptions: true,
        }
    }

    #[test]
    fn rules_are_for_users_for_the_nameless_and_for_all() {
        let list = list();
        let may = |user: Option<&str>, wants, topic: &str| {
            let topic = TopicName::new(topic).unwrap();
            list.allows(user, "c7", wants, |filter| matches(filter, &topic))
        };
        assert!(may(Some("alice"), Wants::Write, "home/door"));
        assert!(!may(Some("alice"), Wants::Read, "home/safe"), "denied before allowed");
        assert!(!may(Some("bob"), Wants::Read, "home/door"));
        assert!(may(None, Wants::Read, "public/a") && !may(None, Wants::Write, "public/a"));
        assert!(!may(Some("alice"), Wants::Read, "public/a"), "only for clients without a name");
        assert!(may(None, Wants::Write, "node/c7/data") && !may(None, Wants::Write, "node/c8/data"));
        assert!(may(Some("bob"), Wants::Read, "user/bob") && !may(None, Wants::Read, "user/"));
    }

    #[test]
    fn a_filter_is_covered_by_one_that_matches_at_least_as_much() {
        for (rule, wanted, covered) in [
            ("a/#", "a/#", true),
            ("a/#", "a", true),
            ("a/#", "a/+/b", true),
            ("a/+", "a/#", false),
            ("a/+", "a/+", true),
            ("a/+", "a/b", true),
            ("a/b", "a/+", false),
            ("#", "+/b", true),
            ("a", "a/b", false),
        ] {
            let filter = |text| TopicFilter::new(text).unwrap();
            assert_eq!(covers(&filter(rule), &filter(wanted)), covered, "{rule} {wanted}");
        }
    }
}
