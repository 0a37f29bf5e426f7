//! Batteries: what they hold, how their voltage falls, and what they lose by themselves.

use std::sync::Arc;

use serde::Deserialize;

use super::{Figure, Incomplete, Inherit, number};

/// A file in `hw-profiles/batteries`. Everything but the title may come from `base`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Battery")]
pub struct BatteryFile {
    /// One line that says which battery.
    pub title: String,
    /// Name of the profile this one rests on.
    pub base: Option<String>,
    /// Charge of the full battery at its rated current.
    pub capacity: Option<Figure>,
    /// The current at which the capacity is rated.
    pub rated_current: Option<Figure>,
    /// Exponent of Peukert's law; 1 for none.
    pub peukert: Option<Figure>,
    /// Voltage without load, full.
    pub full: Option<Figure>,
    /// Voltage without load at half charge.
    pub nominal: Option<Figure>,
    /// Voltage without load, empty.
    pub empty: Option<Figure>,
    /// Internal resistance.
    pub resistance: Option<Figure>,
    /// Share of the charge lost in a month on the shelf.
    pub self_discharge: Option<Figure>,
    /// Share of the battery's energy that reaches the board's supply.
    pub efficiency: Option<Figure>,
    /// Voltage below which the board or its regulator stops.
    pub cutoff: Option<Figure>,
}

/// A battery with all its figures.
#[derive(Clone, PartialEq, Debug)]
pub struct Battery {
    /// Name of the profile.
    pub name: Arc<str>,
    /// One line that says which battery.
    pub title: String,
    /// Charge at the rated current, in ampere hours.
    pub capacity_ah: f64,
    /// The rated current in ampere.
    pub rated_a: f64,
    /// Exponent of Peukert's law.
    pub peukert: f64,
    /// Voltage without load, full, at half charge and empty.
    pub curve_v: [f64; 3],
    /// Internal resistance in ohm.
    pub resistance_ohm: f64,
    /// Share of the charge lost in a month.
    pub self_discharge: f64,
    /// Share of the energy that reaches the supply.
    pub efficiency: f64,
    /// Voltage below which the board stops.
    pub cutoff_v: f64,
}

impl BatteryFile {
    fn keys(&self) -> [(&'static str, Option<&Figure>); 10] {
        [
            ("capacity", self.capacity.as_ref()),
            ("rated_current", self.rated_current.as_ref()),
            ("peukert", self.peukert.as_ref()),
            ("full", self.full.as_ref()),
            ("nominal", self.nominal.as_ref()),
            ("empty", self.empty.as_ref()),
            ("resistance", self.resistance.as_ref()),
            ("self_discharge", self.self_discharge.as_ref()),
            ("efficiency", self.efficiency.as_ref()),
            ("cutoff", self.cutoff.as_ref()),
        ]
    }
}

impl Inherit for BatteryFile {
    type Complete = Battery;

    fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    fn figures(&self) -> Vec<(Vec<&'static str>, &Figure)> {
        self.keys().into_iter().filter_map(|(key, figure)| Some((vec![key], figure?))).collect()
    }

    fn over(self, base: Self) -> Self {
        BatteryFile {
            title: self.title,
            base: base.base,
            capacity: self.capacity.or(base.capacity),
            rated_current: self.rated_current.or(base.rated_current),
            peukert: self.peukert.or(base.peukert),
            full: self.full.or(base.full),
            nominal: self.nominal.or(base.nominal),
            empty: self.empty.or(base.empty),
            resistance: self.resistance.or(base.resistance),
            self_discharge: self.self_discharge.or(base.self_discharge),
            efficiency: self.efficiency.or(base.efficiency),
            cutoff: self.cutoff.or(base.cutoff),
        }
    }

    fn complete(&self, name: &str) -> Result<Battery, Incomplete> {
        let volts = |key, figure: &Option<Figure>| number(&[key], figure.as_ref(), "V");
        Ok(Battery {
            name: name.into(),
            title: self.title.clone(),
            capacity_ah: number(&["capacity"], self.capacity.as_ref(), "Ah")?,
            rated_a: number(&["rated_current"], self.rated_current.as_ref(), "A")?,
            peukert: number(&["peukert"], self.peukert.as_ref(), "1")?,
            curve_v: [
                volts("full", &self.full)?,
                volts("nominal", &self.nominal)?,
                volts("empty", &self.empty)?,
            ],
            resistance_ohm: number(&["resistance"], self.resistance.as_ref(), "ohm")?,
            self_discharge: number(&["self_discharge"], self.self_discharge.as_ref(), "1/month")?,
            efficiency: number(&["efficiency"], self.efficiency.as_ref(), "1")?,
            cutoff_v: volts("cutoff", &self.cutoff)?,
        })
    }
}
