//! A behaviour that a profile names, with where that is known from: what a [`Figure`] is for numbers.
//!
//! [`Figure`]: super::Figure

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::mqtt::Version;

/// One choice that the standard leaves, or that an implementation makes against it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Choice")]
pub struct Choice<T> {
    /// What is chosen.
    pub value: T,
    /// How it was found.
    pub kind: Kind,
    /// Where it comes from, in words that find it again.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let source = String::deserialize(deserializer)?;
    if source.trim().is_empty() {
        return Err(D::Error::custom("a choice without a source is worth nothing: say where it comes from"));
    }
    Ok(source)
}

/// A version of the protocol as files write it: `"3.1"`, `"3.1.1"`, `"5.0"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Spoken(pub Version);

impl TryFrom<String> for Spoken {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Version::ALL.into_iter().find(|version| version.number() == text);
        found
            .map(Spoken)
            .ok_or_else(|| format!("there is no MQTT version `{text}`; allowed: `3.1`, `3.1.1`, `5.0`"))
    }
}

impl From<Spoken> for String {
    fn from(spoken: Spoken) -> String {
        spoken.0.number().to_owned()
    }
}
