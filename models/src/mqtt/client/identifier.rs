//! Client Identifiers of a fleet: a pattern that all members share, and the number of each.

use std::fmt::Write;
use std::sync::Arc;

/// A piece of a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IdentifierPart {
    /// The same for every member.
    Text(Arc<str>),
    /// The member's number, with zeros in front to so many digits.
    Number(usize),
}

/// The Client Identifiers of one client or of a fleet, each written out when it is needed: an idle member keeps
/// its number only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientIdentifier(Arc<[IdentifierPart]>);

impl From<&str> for ClientIdentifier {
    fn from(text: &str) -> Self {
        ClientIdentifier(Arc::new([IdentifierPart::Text(text.into())]))
    }
}

impl FromIterator<IdentifierPart> for ClientIdentifier {
    fn from_iter<I: IntoIterator<Item = IdentifierPart>>(parts: I) -> Self {
        ClientIdentifier(parts.into_iter().collect())
    }
}

impl ClientIdentifier {
    /// The Client Identifier of a member.
    #[must_use]
    pub fn of(&self, member: u32) -> Arc<str> {
        if let [IdentifierPart::Text(text)] = &*self.0 {
            return text.clone();
        }
        let mut identifier = String::new();
        for part in &*self.0 {
            match part {
                IdentifierPart::Text(text) => identifier.push_str(text),
                IdentifierPart::Number(digits) => {
                    let digits = *digits;
                    write!(identifier, "{member:0digits$}").expect("a String takes all");
                }
            }
        }
        identifier.into()
    }
}
