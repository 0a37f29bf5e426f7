//! Real quantities with units: lengths, speeds, temperatures, humidity. Unlike those of
//! [`super::quantity`] they may be negative, and they are read as binary fractions: what a sensor measures is
//! rounded far more coarsely.

use serde::de::{Deserialize, Deserializer, Error as _};

use super::error::Refusal;
use super::quantity::Literal;

/// Units of one kind of quantity: each with its size in the first one.
struct Units {
    /// What is measured, with its article.
    noun: &'static str,
    /// All units; the first is the usual one.
    all: &'static [(&'static str, f64)],
}

const LENGTH: Units = Units { noun: "a length", all: &[("m", 1.0), ("cm", 0.01), ("km", 1_000.0)] };

const SPEED: Units = Units { noun: "a speed", all: &[("m/s", 1.0), ("m/min", 1.0 / 60.0)] };

const TEMPERATURE: Units = Units { noun: "a temperature", all: &[("C", 1.0), ("°C", 1.0)] };

const HEATING: Units =
    Units { noun: "a rate of temperature", all: &[("C/s", 1.0), ("°C/s", 1.0), ("C/min", 1.0 / 60.0)] };

const HUMIDITY: Units = Units { noun: "a relative humidity", all: &[("%", 1.0)] };

impl Units {
    fn parse(&self, literal: &Literal) -> Result<f64, Refusal> {
        let (Literal::Text(text) | Literal::Number(text) | Literal::Other(text)) = literal;
        let text = text.trim();
        let split = text.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c))).unwrap_or(text.len());
        let (number, unit) = (text[..split].trim(), text[split..].trim());
        let (usual, noun) = (self.all[0].0, self.noun);
        let Ok(value) = number.parse::<f64>() else {
            return Err(Refusal::new(
                format!("`{text}` is not {noun}"),
                format!("write a number and a unit: `20 {usual}`"),
            ));
        };
        let names: Vec<String> = self
            .all
            .iter()
            .filter(|(name, _)| name.is_ascii())
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let allowed = format!("allowed: {}", names.join(", "));
        if unit.is_empty() {
            return Err(Refusal::new(format!("a unit is missing: write `\"{number} {usual}\"`"), allowed));
        }
        match self.all.iter().find(|(name, _)| *name == unit) {
            Some((_, size)) => Ok(value * size),
            None => Err(Refusal::new(format!("unknown unit `{unit}`"), allowed)),
        }
    }
}

macro_rules! measures {
    ($($(#[$doc:meta])* $name:ident: $units:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
        pub struct $name(pub f64);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $units.parse(&Literal::deserialize(deserializer)?).map($name).map_err(D::Error::custom)
            }
        }
    )*};
}

measures! {
    /// A length in metres: `"12 m"`. Units: m, cm, km.
    Length: LENGTH;
    /// A speed in m/s: `"0.5 m/s"`. Units: m/s, m/min.
    Speed: SPEED;
    /// A temperature, or a difference of two, in °C: `"20 C"`.
    Celsius: TEMPERATURE;
    /// A rate of temperature in °C/s: `"0.2 C/s"`. Units: C/s, C/min.
    Heating: HEATING;
    /// A relative humidity in percent: `"45 %"`.
    Percent: HUMIDITY;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(units: &Units, text: &str) -> Result<f64, String> {
        units.parse(&Literal::Text(text.to_owned())).map_err(|refusal| refusal.message)
    }

    #[test]
    fn real_quantities_have_signs_and_units() {
        assert_eq!(of(&TEMPERATURE, "-3.5 C"), Ok(-3.5));
        assert_eq!(of(&TEMPERATURE, "20 °C"), Ok(20.0));
        assert_eq!(of(&LENGTH, "2 km"), Ok(2_000.0));
        assert_eq!(of(&HEATING, "12 C/min"), Ok(0.2));
        assert_eq!(of(&TEMPERATURE, "20"), Err("a unit is missing: write `\"20 C\"`".to_owned()));
        assert_eq!(of(&LENGTH, "2 ft"), Err("unknown unit `ft`".to_owned()));
        assert_eq!(of(&SPEED, "fast"), Err("`fast` is not a speed".to_owned()));
    }
}
