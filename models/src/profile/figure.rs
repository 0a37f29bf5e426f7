//! A number that can be trusted as far as it says: value, unit, kind, source, uncertainty.

use std::fmt;

use serde::Deserialize;

/// How a number was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum Kind {
    /// Measured by the named source.
    Measured,
    /// From a vendor's datasheet or documentation.
    Datasheet,
    /// Calculated from other figures; the source gives the formula. Exact by definition where the
    /// uncertainty is 0.
    Calculated,
    /// A guess with reasons.
    Estimate,
    /// From memory, not checked against a document: worth no more than an estimate.
    Recalled,
    /// Fitted so that a model reproduces one published row, which `fitted_on` names. That row can
    /// no longer validate the model.
    Calibrated,
}

impl Kind {
    /// Relative uncertainty (one standard deviation) of a figure that gives none.
    #[must_use]
    pub const fn default_uncertainty(self) -> f64 {
        match self {
            Kind::Measured => 0.15,
            Kind::Datasheet => 0.10,
            Kind::Calculated | Kind::Calibrated => 0.20,
            Kind::Estimate => 0.50,
            Kind::Recalled => 0.30,
        }
    }
}

/// One number of a profile.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Figure {
    /// The number, 0 or more, in `unit`.
    pub value: f64,
    /// Its unit: `"W"`, `"mA"`, `"ns/B"`; `"1"` for a ratio or a count.
    pub unit: String,
    /// How it was found.
    pub kind: Kind,
    /// Where it comes from, in words that find it again.
    pub source: String,
    /// Relative uncertainty.
    pub uncertainty: f64,
    /// What it was fitted on; there if and only if it is [`Kind::Calibrated`].
    pub fitted_on: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "Figure")]
struct Written {
    value: f64,
    unit: String,
    kind: Kind,
    source: String,
    uncertainty: Option<f64>,
    fitted_on: Option<String>,
}

impl TryFrom<Written> for Figure {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { value, unit, kind, source, uncertainty, fitted_on } = written;
        if !value.is_finite() || value < 0.0 {
            return Err(format!(
                "the figure {value} is not a number of 0 or more; write a finite one without a sign"
            ));
        }
        if source.trim().is_empty() {
            return Err(
                "a figure without a source is worth nothing; write where it comes from: `source: \"..\"`"
                    .to_owned(),
            );
        }
        let uncertainty = uncertainty.unwrap_or(kind.default_uncertainty());
        if !(0.0..=1.0).contains(&uncertainty) {
            return Err(format!(
                "the relative uncertainty {uncertainty} is not a number from 0 to 1; write 0.1 for one of a tenth"
            ));
        }
        match (kind, fitted_on.as_deref().map(str::trim)) {
            (Kind::Calibrated, None | Some("")) => {
                Err("a calibrated figure says what it was fitted on; write `fitted_on: \"rows 1 to 4 of a table\"`".to_owned())
            }
            (
                Kind::Measured | Kind::Datasheet | Kind::Calculated | Kind::Estimate | Kind::Recalled,
                Some(_),
            ) => Err("only a calibrated figure is fitted on something; write `kind: Calibrated`, or remove `fitted_on`".to_owned()),
            (Kind::Calibrated, Some(_)) | (_, None) => {
                Ok(Figure { value, unit, kind, source, uncertainty, fitted_on })
            }
        }
    }
}

/// Units of one kind of quantity, each with its size in the first one.
type Units = &'static [(&'static str, f64)];

const UNITS: [Units; 12] = [
    &[("W", 1.0), ("mW", 1e-3), ("uW", 1e-6)],
    &[("V", 1.0), ("mV", 1e-3)],
    &[("A", 1.0), ("mA", 1e-3), ("uA", 1e-6)],
    &[("J", 1.0), ("mJ", 1e-3), ("uJ", 1e-6)],
    &[("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("min", 6e10), ("h", 3.6e12)],
    &[
        ("B", 1.0),
        ("kB", 1e3),
        ("KiB", 1024.0),
        ("MB", 1e6),
        ("MiB", 1_048_576.0),
        ("GB", 1e9),
        ("GiB", 1_073_741_824.0),
    ],
    &[("bit/s", 1.0), ("kbit/s", 1e3), ("Mbit/s", 1e6), ("Gbit/s", 1e9)],
    &[("ns/B", 1.0), ("us/B", 1e3)],
    &[("1", 1.0), ("%", 0.01)],
    &[("Ah", 1.0), ("mAh", 1e-3)],
    &[("ohm", 1.0), ("mohm", 1e-3)],
    &[("1/month", 1.0), ("%/month", 0.01), ("%/year", 0.01 / 12.0)],
];

/// Why a figure cannot be had in a unit.
#[derive(Clone, PartialEq, Debug)]
pub enum UnitError {
    /// Its own unit is of another kind, or unknown.
    OtherKind {
        /// The figure's unit.
        found: String,
        /// Units that would do.
        allowed: Vec<&'static str>,
    },
    /// A count or a number of bytes with a fraction, or too large.
    NotWhole {
        /// The value in the wanted unit.
        value: f64,
    },
    /// A rate of zero.
    Zero,
    /// Too small or too large to be one.
    OutOfRange {
        /// The value.
        value: u32,
        /// The least that is allowed.
        least: u32,
        /// The most that is allowed.
        most: u32,
    },
    /// A WiFi rate that the standard has not.
    NoSuchRate {
        /// Those it has, in kbit/s.
        rates_kbit_s: Vec<u32>,
    },
    /// A probability above 1.
    NotProbability {
        /// The value.
        value: f64,
    },
}

impl Eq for UnitError {}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnitError::OtherKind { found, allowed } => {
                write!(f, "the unit `{found}` does not fit here; allowed: {}", allowed.join(", "))
            }
            UnitError::NotWhole { value } => write!(
                f,
                "{value} is not a whole number that fits here; write one in a unit that leaves no fraction"
            ),
            UnitError::NoSuchRate { rates_kbit_s } => {
                let rates: Vec<String> =
                    rates_kbit_s.iter().map(|rate| (f64::from(*rate) / 1e3).to_string()).collect();
                write!(f, "the standard has no such rate; allowed: {} Mbit/s", rates.join(", "))
            }
            UnitError::OutOfRange { value, least, most } => {
                write!(f, "{value} is out of range; allowed: {least} to {most}")
            }
            UnitError::Zero => f.write_str("it is zero; write a number above zero"),
            UnitError::NotProbability { value } => {
                write!(f, "{value} is above 1, the largest probability; write 0.01 for one in a hundred")
            }
        }
    }
}

impl std::error::Error for UnitError {}

impl Figure {
    /// The value in `unit`.
    ///
    /// # Errors
    /// When the figure's own unit is not of the same kind.
    ///
    /// # Panics
    /// When `unit` is no unit at all: the callers are ours.
    pub fn in_unit(&self, unit: &str) -> Result<f64, UnitError> {
        let of =
            |units: Units, name: &str| units.iter().find(|(known, _)| *known == name).map(|(_, size)| *size);
        let units = UNITS.into_iter().find(|units| of(units, unit).is_some());
        let units = units.expect("a unit of this table");
        match (of(units, &self.unit), of(units, unit)) {
            (Some(own), Some(wanted)) if own == wanted => Ok(self.value),
            (Some(own), Some(wanted)) => Ok(self.value * own / wanted),
            (None, _) | (_, None) => Err(UnitError::OtherKind {
                found: self.unit.clone(),
                allowed: units.iter().map(|(name, _)| *name).collect(),
            }),
        }
    }
}
