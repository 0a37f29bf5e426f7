//! Conditions on the axes of a sweep: `qos == 2 && loss > 0.01`, `!(clients < brokers)`.
//!
//! ```text
//! any    := all ("||" all)*
//! all    := not ("&&" not)*
//! not    := "!" not | "(" any ")" | side comparison side
//! side   := the name of an axis, a number, a quantity with its unit, or a label
//! ```
//!
//! Two sides are compared as numbers where both have one (`2%` is 0.02, `20 ms` is 0.02 s), else as
//! labels, of which only `==` and `!=` make sense.

use std::ops::Range;

use super::error::{Refusal, name_help};
use super::expect::{Comparison, Nonsense};
use super::quantity::{Rate, Size, Span};

/// A condition on the values of axes.
#[derive(Clone, PartialEq, Debug)]
pub enum Condition {
    /// One of them holds.
    Any(Vec<Condition>),
    /// All of them hold.
    All(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// Two sides compared.
    Compare(Side, Comparison, Side),
}

/// One side of a comparison.
#[derive(Clone, PartialEq, Debug)]
pub enum Side {
    /// The value of the axis of this number.
    Axis(usize),
    /// A value.
    Value(Value),
}

/// The value of an axis at a point, as far as conditions and tables see it.
#[derive(Clone, PartialEq, Debug)]
pub struct Value {
    /// As it is shown.
    pub label: String,
    /// As a number, if it is one; a quantity in seconds, bit/s or bytes.
    pub number: Option<f64>,
}

impl Value {
    /// The value of a label: a number, a percentage or a quantity has a number as well.
    #[must_use]
    pub fn of(label: &str) -> Self {
        Value { label: label.to_owned(), number: number(label) }
    }
}

fn number(text: &str) -> Option<f64> {
    let plain = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    if let Some(percent) = text.strip_suffix('%') {
        return plain(percent.trim()).map(|percent| percent / 100.0);
    }
    plain(text)
        .or_else(|| Span::parse(text).ok().map(|span| span.get().as_secs_f64()))
        .or_else(|| ron::from_str::<Rate>(&format!("{text:?}")).ok().map(|rate| rate.0 as f64))
        .or_else(|| Size::parse(text).ok().map(|size| size.0 as f64))
}

impl Condition {
    /// Reads a condition on axes of these names.
    ///
    /// # Errors
    /// When it is not complete, or names no axis.
    pub fn parse(text: &str, axes: &[&str]) -> Result<Self, Nonsense> {
        let mut reader = Reader { text, at: 0, axes };
        let condition = reader.any()?;
        reader.skip();
        if reader.at == text.len() { Ok(condition) } else { Err(reader.nonsense("nothing may follow here")) }
    }

    /// Whether it holds where the axes have these values.
    #[must_use]
    pub fn holds(&self, values: &[&Value]) -> bool {
        match self {
            Condition::Any(parts) => parts.iter().any(|part| part.holds(values)),
            Condition::All(parts) => parts.iter().all(|part| part.holds(values)),
            Condition::Not(part) => !part.holds(values),
            Condition::Compare(left, comparison, right) => {
                let side = |side: &Side| match side {
                    Side::Axis(axis) => values[*axis].clone(),
                    Side::Value(value) => value.clone(),
                };
                let (left, right) = (side(left), side(right));
                match (left.number, right.number) {
                    (Some(left), Some(right)) => comparison.holds(left, right),
                    (_, _) => {
                        let equal = left.label == right.label;
                        match comparison {
                            Comparison::Equal => equal,
                            Comparison::NotEqual => !equal,
                            Comparison::Less
                            | Comparison::AtMost
                            | Comparison::Greater
                            | Comparison::AtLeast => false,
                        }
                    }
                }
            }
        }
    }
}

const FORM: &str = "write `name comparison value`, joined by `&&` and `||`: `qos == 2 && loss > 0.01`";

struct Reader<'a> {
    text: &'a str,
    at: usize,
    axes: &'a [&'a str],
}

impl Reader<'_> {
    fn skip(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip();
        let found = self.text[self.at..].starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    fn nonsense(&self, message: &str) -> Nonsense {
        Nonsense { refusal: Refusal::new(message, FORM), span: self.here() }
    }

    fn here(&self) -> Range<usize> {
        let start = self.at.min(self.text.len());
        if start == self.text.len() { start.saturating_sub(1)..start } else { start..self.text.len() }
    }

    fn any(&mut self) -> Result<Condition, Nonsense> {
        let mut parts = vec![self.all()?];
        while self.take("||") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition, Nonsense> {
        let mut parts = vec![self.not()?];
        while self.take("&&") {
            parts.push(self.not()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn not(&mut self) -> Result<Condition, Nonsense> {
        self.skip();
        if self.take("!") {
            return Ok(Condition::Not(Box::new(self.not()?)));
        }
        if self.take("(") {
            let inside = self.any()?;
            return if self.take(")") { Ok(inside) } else { Err(self.nonsense("a `)` is missing")) };
        }
        let (left, left_span) = self.side()?;
        self.skip();
        let sign = ["==", "!=", "<=", ">=", "<", ">"].into_iter().find(|sign| self.take(sign));
        let Some(sign) = sign else {
            return Err(self.nonsense("a comparison is missing"));
        };
        let comparison = match sign {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<=" => Comparison::AtMost,
            ">=" => Comparison::AtLeast,
            "<" => Comparison::Less,
            _ => Comparison::Greater,
        };
        let (right, right_span) = self.side()?;
        // One side must be an axis: the other may be anything.
        if let (Side::Value(left), Side::Value(right)) = (&left, &right) {
            let wrong = if left.number.is_none() { (left, left_span) } else { (right, right_span) };
            let help = name_help(&wrong.0.label, self.axes.iter().copied()).join("; ");
            let message = format!("there is no axis `{}`", wrong.0.label);
            return Err(Nonsense { refusal: Refusal::new(message, help), span: wrong.1 });
        }
        Ok(Condition::Compare(left, comparison, right))
    }

    fn side(&mut self) -> Result<(Side, Range<usize>), Nonsense> {
        self.skip();
        let start = self.at;
        let rest = &self.text[start..];
        if let Some(quote) = rest.chars().next().filter(|c| "'\"".contains(*c)) {
            let Some(close) = rest[1..].find(quote) else {
                return Err(self.nonsense("a quotation mark is missing"));
            };
            self.at += close + 2;
            return Ok((Side::Value(Value::of(&rest[1..=close])), start..self.at));
        }
        let end = rest.find(['=', '!', '<', '>', '&', '|', '(', ')']).unwrap_or(rest.len());
        let word = rest[..end].trim();
        if word.is_empty() {
            return Err(self.nonsense("a name or a value is missing"));
        }
        self.at += rest[..end].trim_end().len();
        let side = match self.axes.iter().position(|axis| *axis == word) {
            Some(axis) => Side::Axis(axis),
            None => Side::Value(Value::of(word)),
        };
        Ok((side, start..start + word.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> bool {
        let values = ["2", "0.05", "10 Mbit/s", "WARNING", "20 ms"].map(Value::of);
        let names = ["qos", "loss", "rate", "severity", "delay"];
        Condition::parse(text, &names).unwrap().holds(&values.each_ref())
    }

    #[test]
    fn conditions_are_read_as_they_are_written() {
        for text in [
            "qos == 2",
            "loss > 1% && loss<=0.05",
            "rate >= 9000 kbit/s",
            "rate == '10 Mbit/s' && severity != DANGER",
            "qos == 0 || loss == 5 %",
            "!(qos < 2) && !(loss == 1)",
            "delay < 1 s",
            "loss < qos",
            "0.01 < loss",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in
            ["qos != 2", "severity == NORMAL", "severity < WARNING", "(qos == 2 || loss > 0) && qos == 1"]
        {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_at_its_place() {
        let refused = |text: &str| Condition::parse(text, &["qos", "loss"]).unwrap_err();
        let unknown = refused("qos == 2 && lss > 0.01");
        assert_eq!(unknown.span, 12..15);
        assert_eq!(unknown.refusal.message, "there is no axis `lss`");
        assert!(unknown.refusal.help.contains("did you mean `loss`?"), "{}", unknown.refusal.help);
        for text in
            ["", "qos", "qos ==", "== 2", "(qos == 2", "qos == 2)", "qos == 2 &&", "qos = 2", "qos == 'a"]
        {
            let _ = refused(text);
        }
    }
}
