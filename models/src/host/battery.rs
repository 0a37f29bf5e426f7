//! A battery: how long it feeds a board whose mean power a run has found.
//!
//! **Models** a charge, a voltage that falls along two straight lines from full over half to empty,
//! an internal resistance, whose drop at the board's largest current decides when the board stops
//! (brown-out), Peukert's law for currents above the rated one, self-discharge, and the share of
//! the energy that the regulator passes on.
//!
//! **Leaves out** temperature, ageing, and recovery in pauses.
//!
//! **Parameters**: [`Battery`], from `hw-profiles/batteries`.
//!
//! **References**: W. Peukert, "Über die Abhängigkeit der Kapazität von der Entladestromstärke bei
//! Bleiakkumulatoren", Elektrotechnische Zeitschrift 20, 1897; the shape of the voltage curve is a
//! coarse form of O. Tremblay, L.-A. Dessaint, "Experimental validation of a battery dynamic model
//! for EV applications", World Electric Vehicle Journal 3, 2009.

/// A battery's figures in fixed units.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Battery {
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
    /// Share of the energy that reaches the board's supply.
    pub efficiency: f64,
    /// Voltage below which the board stops.
    pub cutoff_v: f64,
}

/// What a board draws at its supply, in watt.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Load {
    /// Mean over time.
    pub mean_w: f64,
    /// Mean over the energy: the power at which the average joule is drawn.
    pub drawing_w: f64,
    /// The most that is drawn at once.
    pub peak_w: f64,
}

/// Hours of a mean month.
const MONTH_H: f64 = 730.5;

impl Battery {
    /// Days from full to the first brown-out.
    #[must_use]
    pub fn days(&self, load: &Load) -> f64 {
        let mean_a = self.current(load.mean_w);
        let self_a = self.self_discharge * self.capacity_ah / MONTH_H;
        let charge_ah = self.capacity_ah * self.peukert_share(load) * self.usable_share(load);
        charge_ah / (mean_a + self_a) / 24.0
    }

    /// The battery's current for a power at the supply.
    fn current(&self, supply_w: f64) -> f64 {
        supply_w / (self.efficiency * self.curve_v[1])
    }

    /// Share of the capacity that is there at the current at which it is drawn. Below the rated
    /// current Peukert's law promises more than the capacity, which no cell keeps.
    fn peukert_share(&self, load: &Load) -> f64 {
        let drawn_a = self.current(load.drawing_w);
        if drawn_a <= self.rated_a {
            return 1.0;
        }
        libm::pow(self.rated_a / drawn_a, self.peukert - 1.0)
    }

    /// Share of the charge that can be used before the largest current pulls the voltage below the
    /// cut-off.
    #[must_use]
    pub fn usable_share(&self, load: &Load) -> f64 {
        let [full, half, empty] = self.curve_v;
        let least_v = self.cutoff_v + self.resistance_ohm * self.current(load.peak_w);
        if least_v <= empty {
            1.0
        } else if least_v <= half {
            1.0 - 0.5 * (least_v - empty) / (half - empty)
        } else if least_v < full {
            0.5 * (full - least_v) / (full - half)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: Battery = Battery {
        capacity_ah: 2.4,
        rated_a: 1.0,
        peukert: 1.2,
        curve_v: [4.2, 3.6, 3.0],
        resistance_ohm: 0.0,
        self_discharge: 0.0,
        efficiency: 1.0,
        cutoff_v: 3.0,
    };

    fn steady(watts: f64) -> Load {
        Load { mean_w: watts, drawing_w: watts, peak_w: watts }
    }

    #[test]
    fn an_ideal_cell_lasts_its_charge_over_its_current() {
        // 0.36 W at 3.6 V are 0.1 A: 24 hours.
        assert!((CELL.days(&steady(0.36)) - 1.0).abs() < 1e-12);
        let leaky = Battery { self_discharge: 1.0, ..CELL };
        let days = leaky.days(&steady(0.36));
        assert!((days - 2.4 / (0.1 + 2.4 / 730.5) / 24.0).abs() < 1e-12, "{days}");
    }

    #[test]
    fn a_current_above_the_rated_one_finds_less() {
        // 7.2 W are 2 A: (1/2)^0.2 of the capacity.
        let due = 2.4 * libm::pow(0.5, 0.2) / 2.0 / 24.0;
        assert!((CELL.days(&steady(7.2)) - due).abs() < 1e-12);
    }

    #[test]
    fn resistance_ends_it_early() {
        // 0.35 A through 1 ohm: 0.35 V above the cut-off of 3.0 V the board stops.
        let weak = Battery { resistance_ohm: 1.0, ..CELL };
        let load = Load { peak_w: 0.35 * 3.6, ..steady(0.036) };
        assert!((weak.usable_share(&load) - (1.0 - 0.5 * 0.35 / 0.6)).abs() < 1e-12);
        assert_eq!(Battery { resistance_ohm: 9.0, ..CELL }.usable_share(&load), 0.0);
    }
}
