//! Ranges of numbers and of quantities: `0` to `0.09` by `0.01`, `"1 s"` to `"1 h"` in 5 points.
//!
//! Steps are counted in decimal digits, so that 0.1 + 0.2 is 0.3.

use crate::scenario::error::Refusal;
use crate::scenario::schema::sweep::Written;

/// A decimal number and its unit, which may be empty.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Decimal {
    /// The digits as a whole number.
    digits: i128,
    /// How many of them stand behind the point.
    decimals: u32,
    unit: String,
}

impl Decimal {
    fn parse(written: &Written) -> Result<Self, Refusal> {
        let text = ron::from_str::<String>(&written.0).unwrap_or_else(|_| written.0.clone());
        let text = text.trim();
        let refusal =
            || Refusal::new(format!("`{text}` is no number"), "write a number, or a quantity: `\"20 ms\"`");
        let end = text.find(|c: char| !(c.is_ascii_digit() || "+-._".contains(c))).unwrap_or(text.len());
        let (number, unit) = (text[..end].replace('_', ""), text[end..].trim().to_owned());
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        if fraction.len() > 15 || whole.len() > 20 || fraction.contains(['+', '-', '.']) {
            return Err(refusal());
        }
        let digits = format!("{whole}{fraction}").parse().map_err(|_| refusal())?;
        Ok(Decimal { digits, decimals: fraction.len() as u32, unit })
    }

    /// Its digits with so many behind the point.
    fn scaled(&self, decimals: u32) -> i128 {
        self.digits * 10_i128.pow(decimals - self.decimals)
    }

    fn text(&self) -> String {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.digits.unsigned_abs(), width = self.decimals as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.decimals as usize);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        if self.unit.is_empty() {
            format!("{sign}{whole}{point}{fraction}")
        } else {
            format!("\"{sign}{whole}{point}{fraction} {}\"", self.unit)
        }
    }
}

type Wrong = (&'static str, Refusal);

fn parts(from: &Written, to: &Written, step: &Written) -> Result<[Decimal; 3], Wrong> {
    let [from, to, step] =
        [("from", from), ("to", to), ("step", step)].map(|(key, written)| (key, Decimal::parse(written)));
    let read =
        |(key, decimal): (&'static str, Result<Decimal, Refusal>)| decimal.map_err(|refusal| (key, refusal));
    let (from, to, step) = (read(from)?, read(to)?, read(step)?);
    for (key, other) in [("to", &to), ("step", &step)] {
        if other.unit != from.unit {
            let message = format!("the unit `{}` is not that of `from`, `{}`", other.unit, from.unit);
            return Err((key, Refusal::new(message, "write all of them in one unit")));
        }
    }
    Ok([from, to, step])
}

/// Number of values of a range.
pub(super) fn count(from: &Written, to: &Written, step: &Written) -> Result<u128, Wrong> {
    let [from, to, step] = parts(from, to, step)?;
    let decimals = from.decimals.max(to.decimals).max(step.decimals);
    let (first, last, each) = (from.scaled(decimals), to.scaled(decimals), step.scaled(decimals));
    if each == 0 || (each > 0) != (last >= first) {
        let help = "a step leads from `from` to `to`: it is above zero, or below where `to` is less";
        return Err(("step", Refusal::new(format!("the step `{}` leads nowhere", step.text()), help)));
    }
    Ok(((last - first) / each) as u128 + 1)
}

/// The values of a range that [`count`] has found right.
pub(super) fn range(from: &Written, to: &Written, step: &Written) -> Vec<String> {
    let Ok([from, to, step]) = parts(from, to, step) else { return Vec::new() };
    let decimals = from.decimals.max(to.decimals).max(step.decimals);
    let (first, last, each) = (from.scaled(decimals), to.scaled(decimals), step.scaled(decimals));
    let values = (last - first) / each + 1;
    (0..values)
        .map(|number| Decimal { digits: first + number * each, decimals, unit: from.unit.clone() }.text())
        .collect()
}

/// The ends of a range of equal ratios, and its unit.
pub(super) fn ratio(from: &Written, to: &Written, points: u64) -> Result<(f64, f64, String), Wrong> {
    let first = Decimal::parse(from).map_err(|refusal| ("from", refusal))?;
    let last = Decimal::parse(to).map_err(|refusal| ("to", refusal))?;
    if first.unit != last.unit {
        let message = format!("the unit `{}` is not that of `from`, `{}`", last.unit, first.unit);
        return Err(("to", Refusal::new(message, "write both in one unit")));
    }
    let value = |decimal: &Decimal| decimal.digits as f64 / 10_u64.pow(decimal.decimals) as f64;
    for (key, end) in [("from", &first), ("to", &last)] {
        if end.digits <= 0 {
            let help = "equal ratios need ends above zero; use `range` for equal distances";
            return Err((key, Refusal::new(format!("`{}` is not above zero", end.text()), help)));
        }
    }
    if points < 2 {
        return Err(("points", Refusal::new("fewer than two points", "both ends are points")));
    }
    Ok((value(&first), value(&last), first.unit))
}

/// The values of a range that [`ratio`] has found right.
pub(super) fn log(from: &Written, to: &Written, points: u64) -> Vec<String> {
    let Ok((first, last, unit)) = ratio(from, to, points) else { return Vec::new() };
    let each = libm::log(last / first) / (points - 1) as f64;
    (0..points)
        .map(|number| {
            let number = match number {
                0 => first,
                n if n == points - 1 => last,
                n => three_digits(first * libm::exp(each * n as f64)),
            };
            if unit.is_empty() { format!("{number}") } else { format!("\"{number} {unit}\"") }
        })
        .collect()
}

/// The nearest number with three digits.
fn three_digits(number: f64) -> f64 {
    format!("{number:.2e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Written {
        Written(text.to_owned())
    }

    fn ranged(from: &str, to: &str, step: &str) -> Vec<String> {
        let (from, to, step) = (written(from), written(to), written(step));
        let values = range(&from, &to, &step);
        assert_eq!(count(&from, &to, &step).unwrap(), values.len() as u128);
        values
    }

    #[test]
    fn steps_are_decimal() {
        assert_eq!(ranged("0", "0.4", "0.1"), ["0", "0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(ranged("\"10 ms\"", "\"25 ms\"", "\"7.5 ms\""), ["\"10 ms\"", "\"17.5 ms\"", "\"25 ms\""]);
        assert_eq!(ranged("3", "1", "-1"), ["3", "2", "1"]);
        assert_eq!(ranged("1", "1", "5"), ["1"]);
        assert_eq!(ranged("0", "1", "0.4"), ["0", "0.4", "0.8"], "nothing beyond `to`");
    }

    #[test]
    fn a_billion_steps_are_counted_without_being_made() {
        assert_eq!(count(&written("1"), &written("1000000000"), &written("1")).unwrap(), 1_000_000_000);
    }

    #[test]
    fn ratios_are_equal_and_rounded_to_three_digits() {
        let values = log(&written("\"1 s\""), &written("\"1000 s\""), 4);
        assert_eq!(values, ["\"1 s\"", "\"10 s\"", "\"100 s\"", "\"1000 s\""]);
        let values = log(&written("0.001"), &written("0.1"), 4);
        assert_eq!(values, ["0.001", "0.00464", "0.0215", "0.1"]);
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        let refused = |from: &str, to: &str, step: &str| {
            count(&written(from), &written(to), &written(step)).unwrap_err().0
        };
        assert_eq!(refused("1", "2", "0"), "step");
        assert_eq!(refused("1", "2", "-1"), "step");
        assert_eq!(refused("1", "\"2 s\"", "1"), "to");
        assert_eq!(refused("many", "2", "1"), "from");
        assert_eq!(ratio(&written("0"), &written("2"), 3).unwrap_err().0, "from");
        assert_eq!(ratio(&written("1"), &written("2"), 1).unwrap_err().0, "points");
    }
}
