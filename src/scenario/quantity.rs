//! Numbers with units, as a scenario file writes them: `"20 ms"`, `"10 Mbit/s"`, `"209469 B"`.
//!
//! A quantity is read exactly: decimal digits and a power of ten, never through a binary fraction,
//! and rounded half up to its smallest unit (1 ns, 1 bit/s, 1 B, 1 µW). A number without a unit is
//! refused, because `20` says nothing about milliseconds.

use std::fmt;
use std::time::Duration;

use ron::value::RawValue;
use serde::de::{Deserialize, Deserializer, Error as _};

use super::error::{Refusal, nearest};

/// A value as it is written, before anything is made of it.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Literal {
    /// A string.
    Text(String),
    /// A number.
    Number(String),
    /// A name, a struct, a list.
    Other(String),
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let written = raw.trim().get_ron();
        if let Ok(text) = ron::from_str::<String>(written) {
            return Ok(Literal::Text(text));
        }
        if ron::from_str::<f64>(written).is_ok() {
            return Ok(Literal::Number(written.to_owned()));
        }
        Ok(Literal::Other(written.to_owned()))
    }
}

/// Units of one kind of quantity: each with its size in the smallest one, smallest first.
struct Units {
    /// What is measured, with its article.
    noun: &'static str,
    /// A unit to show in advice.
    usual: &'static str,
    /// All units.
    all: &'static [(&'static str, u128)],
}

const SPAN: Units = Units {
    noun: "a span of time",
    usual: "ms",
    all: &[
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("min", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("day", 86_400_000_000_000),
        ("days", 86_400_000_000_000),
    ],
};

const RATE: Units = Units {
    noun: "a data rate",
    usual: "Mbit/s",
    all: &[("bit/s", 1), ("kbit/s", 1_000), ("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000)],
};

const SIZE: Units = Units {
    noun: "a size",
    usual: "B",
    all: &[
        ("B", 1),
        ("kB", 1_000),
        ("KiB", 1 << 10),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
    ],
};

const POWER: Units = Units {
    noun: "a power",
    usual: "W",
    all: &[("uW", 1), ("µW", 1), ("mW", 1_000), ("W", 1_000_000), ("kW", 1_000_000_000)],
};

impl Units {
    /// `"20 ms"` in the smallest unit.
    fn parse(&self, text: &str) -> Result<u64, Refusal> {
        let text = text.trim();
        let split = text.find(|c: char| !(c.is_ascii_digit() || "+-._".contains(c))).unwrap_or(text.len());
        let (number, unit) = (text[..split].trim(), text[split..].trim());
        if number.starts_with('-') {
            let noun = self.noun;
            return Err(Refusal::new(format!("`{text}` is negative"), format!("{noun} is 0 or more")));
        }
        let Some((digits, decimals)) = decimal(number) else {
            let help = format!("write a number and a unit: `20 {}`", self.usual);
            let is_number = number.chars().all(|c| c.is_ascii_digit() || c == '.');
            if is_number && number.parse::<f64>().is_ok() {
                return Err(Refusal::new(format!("`{text}` has too many digits"), help));
            }
            return Err(Refusal::new(format!("`{text}` is not {}", self.noun), help));
        };
        if unit.is_empty() {
            return Err(self.unit_missing(number));
        }
        let Some((_, size)) = self.all.iter().find(|(name, _)| *name == unit) else {
            if unit.trim_start_matches(['e', 'E']).starts_with(|c: char| c.is_ascii_digit()) {
                let help = format!("write it without an exponent: `20 {}`", self.usual);
                return Err(Refusal::new(format!("`{text}` is not {}", self.noun), help));
            }
            return Err(self.unknown_unit(unit));
        };
        let scale = 10_u128.pow(decimals);
        let smallest = (digits * size + scale / 2) / scale;
        u64::try_from(smallest).map_err(|_| {
            Refusal::new(
                format!("`{text}` is too large"),
                format!("{} fits into 64 bits of the smallest unit, `{}`", self.noun, self.all[0].0),
            )
        })
    }

    fn unit_missing(&self, number: &str) -> Refusal {
        let message = format!("a unit is missing: write `{number} {}`", self.usual);
        Refusal::new(message, format!("allowed: {}", self.names().join(", ")))
    }

    /// The units to show: `µs` is understood, but not everybody can type it.
    fn names(&self) -> Vec<&'static str> {
        self.all.iter().map(|(name, _)| *name).filter(|name| name.is_ascii()).collect()
    }

    fn unknown_unit(&self, unit: &str) -> Refusal {
        let names = || self.all.iter().map(|(name, _)| *name);
        let like = names().find(|name| name.eq_ignore_ascii_case(unit)).or_else(|| nearest(unit, names()));
        let guess = like.map_or(String::new(), |name| format!("did you mean `{name}`? "));
        let allowed = self.names().join(", ");
        Refusal::new(format!("unknown unit `{unit}`"), format!("{guess}allowed: {allowed}"))
    }

    /// A quantity in a file: a string, anything else is refused with what would be right.
    fn read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<u64, D::Error> {
        let refusal = match Literal::deserialize(deserializer)? {
            Literal::Text(text) => match self.parse(&text) {
                Ok(value) => return Ok(value),
                Err(refusal) => refusal,
            },
            Literal::Number(number) if number.starts_with('-') => Refusal::new(
                format!("`{number}` is negative and has no unit"),
                format!("{} is 0 or more", self.noun),
            ),
            Literal::Number(number) => self.unit_missing(&number),
            Literal::Other(other) => Refusal::new(
                format!("`{other}` is not {}", self.noun),
                format!("write a number and a unit in quotes: `\"20 {}\"`", self.usual),
            ),
        };
        Err(D::Error::custom(refusal))
    }
}

/// A decimal number without a sign as digits and the number of them behind the point.
fn decimal(number: &str) -> Option<(u128, u32)> {
    let number = number.strip_prefix('+').unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = whole.chars().chain(fraction.chars()).filter(|c| *c != '_').collect();
    // More digits than any quantity here can have; keeps the product within 128 bits.
    if digits.is_empty() || digits.len() > 24 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let decimals = fraction.chars().filter(|c| *c != '_').count();
    Some((digits.parse().ok()?, u32::try_from(decimals).ok()?))
}

/// A span of time, 0 or more: `"20 ms"`. Units: ns, us, ms, s, min, h, days.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Span(pub Duration);

impl Span {
    /// No time.
    pub const ZERO: Span = Span(Duration::ZERO);

    /// The span that `text` writes.
    ///
    /// # Errors
    /// When it has no unit, an unknown one, or is negative.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        SPAN.parse(text).map(|nanos| Span(Duration::from_nanos(nanos)))
    }

    /// The span itself.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Span::parse(text).map_err(|refusal| format!("{}; {}", refusal.message, refusal.help))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SPAN.read(deserializer).map(|nanos| Span(Duration::from_nanos(nanos)))
    }
}

/// A data rate in bit/s, above 0: `"10 Mbit/s"`. Units: bit/s, kbit/s, Mbit/s, Gbit/s.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rate(pub u64);

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match RATE.read(deserializer)? {
            0 => Err(D::Error::custom(Refusal::new(
                "a rate of zero carries nothing",
                "give a rate above 0 bit/s",
            ))),
            rate => Ok(Rate(rate)),
        }
    }
}

/// A number of bytes: `"209469 B"`. Units: B, kB, KiB, MB, MiB, GB, GiB.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Size(pub u64);

impl Size {
    /// The size that `text` writes.
    ///
    /// # Errors
    /// When it has no unit, an unknown one, or is negative.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        SIZE.parse(text).map(Size)
    }

    /// Why a bare number is no size.
    pub(super) fn unit_missing(number: &str) -> Refusal {
        SIZE.unit_missing(number)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SIZE.read(deserializer).map(Size)
    }
}

/// A power in microwatts: `"1.2 W"`. Units: uW, mW, W, kW.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Power(pub u64);

impl<'de> Deserialize<'de> for Power {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        POWER.read(deserializer).map(Power)
    }
}

/// A probability from 0 to 1: `0.01` or `"1 %"`.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Probability(pub f64);

impl Probability {
    pub(super) fn parse(literal: &Literal) -> Result<Self, Refusal> {
        let (written, percent) = match literal {
            Literal::Number(number) => (number.as_str(), false),
            Literal::Text(text) => match text.trim().strip_suffix('%') {
                Some(number) => (number.trim(), true),
                None => (text.trim(), false),
            },
            Literal::Other(other) => (other.as_str(), false),
        };
        let allowed = "a probability lies between 0 and 1, or between \"0 %\" and \"100 %\"";
        let Ok(value) = written.parse::<f64>() else {
            return Err(Refusal::new(format!("`{written}` is not a probability"), allowed));
        };
        let value = if percent { value / 100.0 } else { value };
        if (0.0..=1.0).contains(&value) {
            return Ok(Probability(value));
        }
        let sign = if percent { " %" } else { "" };
        if value.is_nan() {
            return Err(Refusal::new(format!("`{written}{sign}` is not a probability"), allowed));
        }
        let side = if value < 0.0 { "below 0" } else { "above 1" };
        Err(Refusal::new(format!("the probability `{written}{sign}` is {side}"), allowed))
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Probability::parse(&Literal::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Span {
    /// In the largest unit that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let written = |name: &str| name.is_ascii() && name != "day";
        let whole = SPAN.all.iter().rev().find(|(name, size)| written(name) && nanos.is_multiple_of(*size));
        match whole {
            Some((unit, size)) if nanos > 0 => write!(f, "{} {unit}", nanos / size),
            Some(_) | None => f.write_str("0 s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_exactly() {
        assert_eq!(Span::parse("20 ms").unwrap().get(), Duration::from_millis(20));
        assert_eq!(Span::parse("0.1s").unwrap().get(), Duration::from_millis(100));
        assert_eq!(Span::parse("2 min").unwrap().get(), Duration::from_secs(120));
        assert_eq!(Span::parse("1.5 days").unwrap().get(), Duration::from_secs(129_600));
        assert_eq!(Span::parse("0.5 ns").unwrap().get(), Duration::from_nanos(1), "half up");
        assert_eq!(RATE.parse("10 Mbit/s").unwrap(), 10_000_000);
        assert_eq!(RATE.parse("2.1 Mbit/s").unwrap(), 2_100_000);
        assert_eq!(Size::parse("209469 B").unwrap(), Size(209_469));
        assert_eq!(Size::parse("256 KiB").unwrap(), Size(262_144));
        assert_eq!(Size::parse("1_000 kB").unwrap(), Size(1_000_000));
        assert_eq!(POWER.parse("1.28 W").unwrap(), 1_280_000);
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_advice() {
        let refused = |text: &str| {
            let refusal = Span::parse(text).unwrap_err();
            format!("{} | {}", refusal.message, refusal.help)
        };
        assert_eq!(
            refused("20"),
            "a unit is missing: write `20 ms` | allowed: ns, us, ms, s, min, h, day, days"
        );
        assert_eq!(refused("-5 s"), "`-5 s` is negative | a span of time is 0 or more");
        assert!(refused("5 sec").starts_with("unknown unit `sec` | allowed: ns, us, ms"));
        assert!(refused("5 MS").starts_with("unknown unit `MS` | did you mean `ms`?"));
        assert!(refused("soon").starts_with("`soon` is not a span of time"));
        assert!(refused("1.2.3 s").starts_with("`1.2.3 s` is not a span of time"));
        assert!(refused("").starts_with("`` is not a span of time"));
        assert!(refused("99999999999 days").contains("too large"));
    }

    #[test]
    fn a_span_shows_itself_in_the_largest_whole_unit() {
        for (text, shown) in [("120 s", "2 min"), ("90 s", "90 s"), ("1500 us", "1500 us"), ("0 s", "0 s")] {
            assert_eq!(Span::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn probabilities_are_numbers_or_percentages() {
        let text = |text: &str| Probability::parse(&Literal::Text(text.to_owned()));
        assert_eq!(text("1 %").unwrap(), Probability(0.01));
        assert_eq!(Probability::parse(&Literal::Number("0.01".to_owned())).unwrap(), Probability(0.01));
        assert!(text("101 %").unwrap_err().message.contains("above 1"));
        assert!(text("-1 %").unwrap_err().message.contains("below 0"));
        assert!(text("often").unwrap_err().message.contains("not a probability"));
    }
}
