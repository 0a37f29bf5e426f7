//! `sweep`: the axes along which a scenario is varied, and how often each point is run.

use std::fmt;
use std::marker::PhantomData;

use ron::value::RawValue;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::super::error::Refusal;

/// The axes of a sweep and its replications.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// The axes; the first one varies slowest.
    pub axes: Vec<Axis>,
    /// Groups of names of axes that advance together instead of being nested.
    #[serde(default)]
    pub zip: Vec<Vec<String>>,
    /// Conditions that a point must meet: `loss < 0.05 || qos > 0`.
    #[serde(default, rename = "where")]
    pub only: Vec<String>,
    /// Replications of each point; 10 unless said otherwise.
    #[serde(default = "ten")]
    pub runs: u64,
    /// Whether run *r* of every point draws the same random numbers, so that points are compared
    /// in pairs; yes unless said otherwise.
    #[serde(default = "super::yes")]
    pub common_random_numbers: bool,
    /// The figures that comparisons and reports begin with.
    #[serde(default)]
    pub figures: Vec<String>,
    /// Adds replications until the mean of a figure is known well enough.
    pub precision: Option<Precision>,
}

const fn ten() -> u64 {
    10
}

/// When a point has been run often enough.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precision {
    /// The figure; the first of `figures` unless said otherwise.
    pub of: Option<String>,
    /// Largest half-width of its 95 % interval, as a share of its mean: `"2%"`.
    pub half_width: Share,
    /// Most replications of a point; 1,000 unless said otherwise.
    #[serde(default = "thousand")]
    pub most: u64,
}

const fn thousand() -> u64 {
    1_000
}

/// A share above 0 and below 1: `0.02` or `"2%"`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Share(pub f64);

impl Share {
    /// Reads `2%` or `0.02`.
    ///
    /// # Errors
    /// When it is no number above 0 and below 1.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
            None => text.parse::<f64>(),
        };
        match share {
            Ok(share) if share > 0.0 && share < 1.0 => Ok(Share(share)),
            Ok(_) | Err(_) => Err(Refusal::new(format!("`{text}` is no share"), "write `2%` or `0.02`")),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let text = ron::from_str::<String>(&written.0).unwrap_or(written.0);
        Share::parse(&text).map_err(D::Error::custom)
    }
}

/// One axis: a name for labels, the keys it sets, and the values they take.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Its name in labels, tables and conditions.
    pub name: String,
    /// The key, or the keys, that get the value; the key of the axis' own name unless said otherwise.
    pub set: Option<Keys>,
    /// The values, as they would stand in the scenario.
    pub values: Option<Vec<Written>>,
    /// Values at equal distances.
    pub range: Option<Range>,
    /// Values at equal ratios.
    pub log: Option<LogRange>,
    /// Named levels, each of which sets keys of its own.
    pub levels: Option<FileOrder<FileOrder<Written>>>,
}

/// `from`, `from + step`, ... up to `to`; numbers, or quantities with one unit.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// First value.
    pub from: Written,
    /// No value lies beyond.
    pub to: Written,
    /// Distance.
    pub step: Written,
}

/// `points` values from `from` to `to`, each the same multiple of the one before, rounded to three
/// digits.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRange {
    /// First value.
    pub from: Written,
    /// Last value.
    pub to: Written,
    /// Number of values, both ends included.
    pub points: u64,
}

/// A value as it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written(pub String);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Written(raw.trim().get_ron().to_owned()))
    }
}

/// One key, or several.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys(pub Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written(written) = Written::deserialize(deserializer)?;
        if let Ok(one) = ron::from_str::<String>(&written) {
            return Ok(Keys(vec![one]));
        }
        ron::from_str::<Vec<String>>(&written).map(Keys).map_err(|_| {
            let help = "write the path of a key, `\"links[0].loss\"`, or a list of such paths";
            D::Error::custom(Refusal::new(format!("`{written}` is no path of a key"), help))
        })
    }
}

/// A map whose entries keep the order of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileOrder<T>(pub Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for FileOrder<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = FileOrder<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(FileOrder(entries))
            }
        }
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}
