//! The types of the files in `hw-profiles/`: boards, software, brokers, clients, batteries, links.
//!
//! What it models: nothing by itself; it carries the numbers the models take. Every number is a
//! [`Figure`] with unit, kind, source and uncertainty. A profile may rest on another one (`base`)
//! and then gives only what differs. The types with `Option`s ([`BoardFile`], [`SoftwareFile`],
//! [`LinkFile`]) are what stands in a file; [`Board`], [`Software`] and [`LinkProfile`] are the
//! same, complete and in fixed units, as the models want them.
//!
//! Left out: temperature.

use serde::Deserialize;

mod battery;
mod board;
mod broker;
mod choice;
mod client;
mod figure;
mod group;
mod heap;
mod link;
mod sleep;
mod software;
mod tls;
mod wifi;

pub use battery::{Battery, BatteryFile};
pub use board::{Board, BoardFile, Network, NetworkFile};
pub use broker::{Acknowledges, BrokerFile, BrokerProfile, PublishToSys};
pub use choice::{Choice, Spoken};
pub use client::{BackOff, ClientFile, ClientProfile, PublishCall, SubscribeLength};
pub use figure::{Figure, Kind, UnitError};
pub use heap::{Heap, HeapFile};
pub use link::{Bursts, Framing, GilbertElliottFile, JitterFile, LinkFile, LinkProfile, Radio, RadioFile};
pub use sleep::{Sleep, SleepFile, Wake, WakeFile};
pub use software::{Congestion, OutOfMemory, Software, SoftwareFile, Stack};
pub use tls::{Tls, TlsCipher, TlsFile, TlsGroup, TlsKey, TlsResumption, TlsVersion};
pub use wifi::{JoinFile, PowerSaveFile, Wifi, WifiFile, WifiPowerSave, WifiPreamble, WifiStandard};

/// Why the figures of a profile do not make a complete one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incomplete {
    /// Neither the profile nor what it rests on has this key.
    Missing {
        /// Path of the key, as in the file: `["network", "transmit"]`.
        path: Vec<&'static str>,
    },
    /// A figure has a unit of another kind, or a value that is impossible.
    Unit {
        /// Path of the figure.
        path: Vec<&'static str>,
        /// What is wrong with it.
        error: UnitError,
    },
}

/// A profile that can rest on another one.
pub trait Inherit: Sized {
    /// The complete profile.
    type Complete;

    /// Name of the profile it rests on.
    fn base(&self) -> Option<&str>;

    /// Every figure of this file with the path of its key, to be checked for its source.
    fn figures(&self) -> Vec<(Vec<&'static str>, &Figure)>;

    /// Every choice of this file that is no number: its key, how it was found, and its source.
    fn choices(&self) -> Vec<(&'static str, Kind, &str)> {
        Vec::new()
    }

    /// This profile, with what it lacks taken from `base`.
    #[must_use]
    fn over(self, base: Self) -> Self;

    /// All figures in fixed units; `name` is the profile's name.
    ///
    /// # Errors
    /// The first figure that is missing or has a wrong unit.
    fn complete(&self, name: &str) -> Result<Self::Complete, Incomplete>;
}

/// Reads figures out of a file and remembers where they stand.
fn number(path: &[&'static str], figure: Option<&Figure>, unit: &str) -> Result<f64, Incomplete> {
    let figure = figure.ok_or_else(|| Incomplete::Missing { path: path.to_vec() })?;
    figure.in_unit(unit).map_err(|error| Incomplete::Unit { path: path.to_vec(), error })
}

/// The same for a figure that may be absent.
fn perhaps(path: &[&'static str], figure: Option<&Figure>, unit: &str) -> Result<Option<f64>, Incomplete> {
    match figure {
        Some(figure) => number(path, Some(figure), unit).map(Some),
        None => Ok(None),
    }
}

/// The same for a figure that must be a whole number that fits into `T`.
fn whole<T: TryFrom<u64>>(
    path: &[&'static str],
    figure: Option<&Figure>,
    unit: &str,
) -> Result<T, Incomplete> {
    let value = number(path, figure, unit)?;
    let rounded = value.round();
    // 2^53: above it a float counts in steps.
    let exact = (value - rounded).abs() < 1e-6 && rounded < 9_007_199_254_740_992.0;
    exact
        .then(|| T::try_from(rounded as u64).ok())
        .flatten()
        .ok_or_else(|| Incomplete::Unit { path: path.to_vec(), error: UnitError::NotWhole { value } })
}

/// The same for a whole number that may be absent.
fn perhaps_whole<T: TryFrom<u64>>(
    path: &[&'static str],
    figure: Option<&Figure>,
    unit: &str,
) -> Result<Option<T>, Incomplete> {
    match figure {
        Some(_) => whole(path, figure, unit).map(Some),
        None => Ok(None),
    }
}

/// A span of time, rounded to a nanosecond.
fn span(path: &[&'static str], figure: Option<&Figure>) -> Result<std::time::Duration, Incomplete> {
    Ok(std::time::Duration::from_nanos(number(path, figure, "ns")?.round() as u64))
}

fn text<'a>(path: &[&'static str], text: Option<&'a String>) -> Result<&'a String, Incomplete> {
    text.ok_or_else(|| Incomplete::Missing { path: path.to_vec() })
}

/// A word in quotes that stands for one of a few values.
trait Word: Sized + Copy + 'static {
    /// What is named.
    const NOUN: &'static str;
    /// All words.
    const ALL: &'static [(&'static str, Self)];

    fn from_word(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == word);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<String> = Self::ALL.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!("`{word}` is no {}; allowed: {}", Self::NOUN, names.join(", "))
        })
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Quoted(String);

#[cfg(test)]
mod tests;
