//! What a scenario expects of its results: `delivered == 12`, `latency.p99 < 2 s`.
//!
//! An expectation is a path into the results, a comparison and a number. Latencies are in
//! milliseconds in the results, so spans of time are turned into milliseconds; `%` divides by 100.
//! What a path means is the results' matter.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::error::Refusal;
use super::quantity::Span;

/// A comparison of a result with a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// All of them; the longer signs first, so that `<=` is not taken for `<`.
    const ALL: [(&'static str, Comparison); 6] = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];

    /// Whether it holds between `left` and `right`.
    #[must_use]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left < right,
            Comparison::AtMost => left <= right,
            Comparison::Greater => left > right,
            Comparison::AtLeast => left >= right,
        }
    }
}

/// One expectation.
#[derive(Clone, PartialEq, Debug)]
pub struct Expectation {
    /// As it is written.
    pub check: String,
    /// The result it is about: `latency.p99`.
    pub path: String,
    /// How the result is compared.
    pub comparison: Comparison,
    /// With what; in milliseconds where a span of time is written.
    pub bound: f64,
}

/// An expectation held against the results.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// The expectation as it is written.
    pub check: String,
    /// Whether it held; a result that is not there holds nothing.
    pub held: bool,
    /// The result, if it is there.
    pub value: Option<f64>,
}

/// Why a text is no expectation, and which bytes of it are wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nonsense {
    /// What is wrong and what would be right.
    pub refusal: Refusal,
    /// The wrong bytes.
    pub span: Range<usize>,
}

impl Expectation {
    /// Reads `path comparison number [unit]`.
    ///
    /// # Errors
    /// When there is no path, no comparison, or no number behind it.
    pub fn parse(check: &str) -> Result<Self, Nonsense> {
        let nonsense = |message: String, help: &str, span: Range<usize>| Nonsense {
            refusal: Refusal::new(message, help),
            span,
        };
        let form = "write `path comparison number`: `delivered == 12`, `latency.p99 < 2 s`";
        let Some(at) = check.find(['=', '!', '<', '>']) else {
            return Err(nonsense("no comparison in this expectation".to_owned(), form, 0..check.len()));
        };
        let behind = &check[at..];
        let Some((sign, comparison)) = Comparison::ALL.into_iter().find(|(sign, _)| behind.starts_with(sign))
        else {
            let wrong = &behind[..behind.find(|c| !"=!<>".contains(c)).unwrap_or(behind.len())];
            let help = "allowed: `==`, `!=`, `<`, `<=`, `>`, `>=`";
            return Err(nonsense(format!("`{wrong}` is no comparison"), help, at..at + wrong.len()));
        };
        let path = check[..at].trim();
        let named = |c: char| c.is_alphanumeric() || "._-[]".contains(c);
        if path.is_empty() || !path.chars().all(named) {
            let span = if path.is_empty() { at..at + sign.len() } else { 0..at };
            return Err(nonsense(format!("`{path}` names no result"), form, span));
        }
        let from = at + sign.len();
        let number = check[from..].trim();
        let from = check.len() - check[from..].trim_start().len();
        match bound(number) {
            Ok(bound) => {
                Ok(Expectation { check: check.to_owned(), path: path.to_owned(), comparison, bound })
            }
            Err(refusal) if number.is_empty() => Err(Nonsense { refusal, span: at..at + sign.len() }),
            Err(refusal) => Err(Nonsense { refusal, span: from..from + number.len() }),
        }
    }

    /// Holds the expectation against the results, which `lookup` finds by path.
    #[must_use]
    pub fn evaluate(&self, lookup: impl Fn(&str) -> Option<f64>) -> Verdict {
        let value = lookup(&self.path);
        let held = value.is_some_and(|value| self.comparison.holds(value, self.bound));
        Verdict { check: self.check.clone(), held, value }
    }
}

/// A number; a span of time in milliseconds; a percentage as a fraction.
fn bound(text: &str) -> Result<f64, Refusal> {
    if let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        return Ok(number);
    }
    if let Some(number) = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok()) {
        return Ok(number / 100.0);
    }
    let begins_as_number = text.starts_with(|c: char| c.is_ascii_digit());
    match Span::parse(text) {
        Ok(Span(span)) => Ok(milliseconds(span)),
        Err(refusal) if begins_as_number => Err(refusal),
        Err(_) => Err(Refusal::new(
            format!("`{text}` is no number"),
            "write a number, a span of time (`2 s`) or a percentage (`1 %`)",
        )),
    }
}

fn milliseconds(span: Duration) -> f64 {
    span.as_nanos() as f64 / 1e6
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(check: &str) -> (String, Comparison, f64) {
        let expectation = Expectation::parse(check).unwrap();
        (expectation.path, expectation.comparison, expectation.bound)
    }

    #[test]
    fn expectations_are_read() {
        assert_eq!(parsed("delivered == 12"), ("delivered".to_owned(), Comparison::Equal, 12.0));
        assert_eq!(parsed("latency.p99<2 s"), ("latency.p99".to_owned(), Comparison::Less, 2000.0));
        assert_eq!(parsed("packets.PINGREQ >= 5"), ("packets.PINGREQ".to_owned(), Comparison::AtLeast, 5.0));
        assert_eq!(parsed("lost <= 1 %").2, 0.01);
        assert_eq!(parsed("latency.mean > 20 us").2, 0.02);
        assert_eq!(parsed("drift != -1.5"), ("drift".to_owned(), Comparison::NotEqual, -1.5));
    }

    #[test]
    fn nonsense_is_told_with_its_place() {
        let wrong = |check: &str| {
            let nonsense = Expectation::parse(check).unwrap_err();
            (nonsense.refusal.message, check[nonsense.span].to_owned())
        };
        assert_eq!(
            wrong("delivered"),
            ("no comparison in this expectation".to_owned(), "delivered".to_owned())
        );
        assert_eq!(wrong("delivered = 12"), ("`=` is no comparison".to_owned(), "=".to_owned()));
        assert_eq!(wrong("a < many"), ("`many` is no number".to_owned(), "many".to_owned()));
        assert_eq!(wrong("a < 2 sec"), ("unknown unit `sec`".to_owned(), "2 sec".to_owned()));
        assert_eq!(wrong("two words > 3").1, "two words ");
        assert_eq!(wrong("== 3"), ("`` names no result".to_owned(), "==".to_owned()));
        assert_eq!(wrong("a ==").1, "==");
    }

    #[test]
    fn a_result_that_is_not_there_holds_nothing() {
        let expectation = Expectation::parse("lost == 0").unwrap();
        assert!(expectation.evaluate(|path| (path == "lost").then_some(0.0)).held);
        let verdict = expectation.evaluate(|_| None);
        assert_eq!((verdict.held, verdict.value), (false, None));
    }
}
