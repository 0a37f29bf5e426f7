//! Brackets, quotes and comments that do not close: where, and what they belong to.
//!
//! `ron` notices a bracket that is missing only where the text no longer fits, which may be many lines
//! further on. This scanner knows the bracket it belongs to, and, where a text is indented as usual, the
//! line before which it should have been closed. It is asked only about texts that were refused.

use std::ops::Range;

use super::error::Diagnostic;
use super::source::Source;

/// Deepest nesting, that of `ron`.
const DEEPEST: usize = 128;

/// The first thing that does not close.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    /// The byte from which on the text cannot be right.
    pub at: usize,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Kind {
    /// A string or a comment from here to the end of the text.
    Endless { opening: Range<usize>, what: &'static str, close: String },
    /// A bracket; the text goes on at `left`, further out, as if it were closed.
    Open { bracket: Open, left: Option<Range<usize>> },
    /// A bracket closed by another kind.
    Wrong { bracket: Open, close: Range<usize> },
    /// A closing bracket where none is open.
    Closed(Range<usize>),
    /// More brackets in each other than can be read.
    Deep(Range<usize>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Open {
    at: usize,
    close: char,
    /// White space before the first character of its line.
    indent: usize,
    /// The first line behind it that does not stand further in.
    left: Option<usize>,
}

impl Fault {
    /// What the user is told.
    pub(super) fn told(&self, source: &Source) -> Diagnostic {
        let text = source.text();
        let place = |span: &Range<usize>, label: &str| source.place(span.clone(), label);
        match &self.kind {
            Kind::Endless { opening, what, close } => Diagnostic::error(format!("{what} that does not end"))
                .at(place(opening, "begins here"))
                .help(format!("write `{close}` where it ends")),
            Kind::Open { bracket, left } => {
                let (opening, close) = (&text[bracket.at..=bracket.at], bracket.close);
                let error = Diagnostic::error(format!("this `{opening}` is not closed"))
                    .at(place(&(bracket.at..bracket.at + 1), "opened here"));
                match left {
                    Some(left) => error
                        .related(place(left, "not inside it any more"))
                        .help(format!("write `{close}` before this line")),
                    None => error.help(format!("write `{close}` where it ends")),
                }
            }
            Kind::Wrong { bracket, close } => {
                let (opening, due, found) =
                    (&text[bracket.at..=bracket.at], bracket.close, &text[close.clone()]);
                Diagnostic::error(format!("`{opening}` is closed by `{found}`"))
                    .at(place(close, &format!("`{due}` is due")))
                    .related(place(&(bracket.at..bracket.at + 1), "opened here"))
                    .help(format!("write `{due}` here, or before it if `{found}` closes something else"))
            }
            Kind::Closed(close) => Diagnostic::error(format!("`{}` closes nothing", &text[close.clone()]))
                .at(place(close, "no bracket is open here"))
                .help("remove it, or look for a bracket before it that closes too early"),
            Kind::Deep(bracket) => Diagnostic::error(format!("more than {DEEPEST} brackets in each other"))
                .at(place(bracket, "one too many"))
                .help("no scenario or profile needs so many: remove those that hold nothing else"),
        }
    }
}

/// The first thing in `text` that does not close.
pub(super) fn fault(text: &str) -> Option<Fault> {
    let mut scanner = Scanner { text, at: 0, open: Vec::new(), line: 0 };
    loop {
        match scanner.step() {
            Ok(true) => {}
            Ok(false) => return scanner.end(),
            Err(fault) => return Some(fault),
        }
    }
}

/// The string that ends before byte `at`, quotes included.
pub(super) fn string_before(text: &str, at: usize) -> Option<Range<usize>> {
    let mut scanner = Scanner { text, at: 0, open: Vec::new(), line: 0 };
    while scanner.at < at {
        let from = scanner.at;
        if !scanner.step().ok()? {
            return None;
        }
        if scanner.at == at && text[from..].starts_with('"') {
            return Some(from..at);
        }
    }
    None
}

struct Scanner<'a> {
    text: &'a str,
    /// Always on a character boundary.
    at: usize,
    open: Vec<Open>,
    /// The byte at which the line begins.
    line: usize,
}

impl Scanner<'_> {
    /// Over the next character, string or comment; false at the end.
    fn step(&mut self) -> Result<bool, Fault> {
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else { return Ok(false) };
        let (start, second) = (self.at, rest[first.len_utf8()..].chars().next());
        self.looked_at_line(first, second);
        match (first, second) {
            ('/', Some('/')) => self.at += rest.find('\n').unwrap_or(rest.len()),
            ('/', Some('*')) => self.comment(start)?,
            ('"', _) => self.string(start, "\"")?,
            ('r', Some('"' | '#')) if !self.in_word() && raw_close(&rest[1..]).is_some() => {
                let close = raw_close(&rest[1..]).unwrap_or_default();
                self.at += 1 + close.len();
                self.string(start, &close)?;
            }
            ('\'', _) => self.at += quoted_character(rest),
            ('(' | '[' | '{', _) => self.opened(first)?,
            (')' | ']' | '}', _) => self.closed(first)?,
            ('\n', _) => {
                self.at += 1;
                self.line = self.at;
            }
            _ => self.at += first.len_utf8(),
        }
        Ok(true)
    }

    /// Whether the character before belongs to the same word.
    fn in_word(&self) -> bool {
        let before = self.text[..self.at].chars().next_back();
        before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    }

    /// The first thing in a line that is no comment and closes nothing shows which brackets it is in.
    fn looked_at_line(&mut self, first: char, second: Option<char>) {
        let indent = self.at - self.line;
        let is_first = self.text[self.line..self.at].chars().all(|c| c == ' ' || c == '\t');
        let is_comment = first == '/' && matches!(second, Some('/' | '*'));
        if !is_first || first.is_whitespace() || is_comment || ")]}".contains(first) {
            return;
        }
        let (at, line) = (self.at, self.line);
        for open in self.open.iter_mut().filter(|open| open.at < line && open.indent >= indent) {
            open.left.get_or_insert(at);
        }
    }

    fn comment(&mut self, start: usize) -> Result<(), Fault> {
        let mut depth = 0;
        loop {
            let rest = &self.text[self.at..];
            let Some(next) = rest.chars().next() else {
                let kind =
                    Kind::Endless { opening: start..start + 2, what: "a comment", close: "*/".to_owned() };
                return Err(Fault { at: start, kind });
            };
            if rest.starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
            } else {
                self.at += next.len_utf8();
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// From behind the opening quote to behind `close`.
    fn string(&mut self, start: usize, close: &str) -> Result<(), Fault> {
        self.at = self.at.max(start + 1);
        let is_raw = self.text[start..].starts_with('r');
        let mut from = self.at;
        loop {
            let rest = &self.text[from..];
            let end = rest.find(close);
            let escape = if is_raw { None } else { rest.find('\\') };
            match (end, escape) {
                (Some(end), escape) if escape.is_none_or(|escape| end < escape) => {
                    self.at = from + end + close.len();
                    return Ok(());
                }
                (_, Some(escape)) => {
                    let behind = from + escape + 1;
                    from = behind + self.text[behind..].chars().next().map_or(0, char::len_utf8);
                }
                (_, None) => {
                    let (opening, close) = (start..start + 1, close.to_owned());
                    let kind = Kind::Endless { opening, what: "a string", close };
                    return Err(Fault { at: start, kind });
                }
            }
        }
    }

    fn opened(&mut self, bracket: char) -> Result<(), Fault> {
        let here = self.at..self.at + 1;
        if self.open.len() == DEEPEST {
            return Err(Fault { at: here.start, kind: Kind::Deep(here) });
        }
        let close = match bracket {
            '(' => ')',
            '[' => ']',
            _ => '}',
        };
        let line = &self.text[self.line..self.at];
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        self.open.push(Open { at: self.at, close, indent, left: None });
        self.at += 1;
        Ok(())
    }

    fn closed(&mut self, close: char) -> Result<(), Fault> {
        let here = self.at..self.at + 1;
        match self.open.last() {
            None => Err(Fault { at: here.start, kind: Kind::Closed(here) }),
            Some(open) if open.close == close => {
                self.open.pop();
                self.at += 1;
                Ok(())
            }
            Some(bracket) => Err(match self.left() {
                Some(fault) => fault,
                None => Fault { at: here.start, kind: Kind::Wrong { bracket: *bracket, close: here } },
            }),
        }
    }

    /// The innermost bracket that a line shows to have been left.
    fn left(&self) -> Option<Fault> {
        let bracket = *self.open.iter().rev().find(|open| open.left.is_some())?;
        let left = bracket.left?;
        let line = &self.text[left..];
        let end = line.find(|c: char| c.is_whitespace() || "()[]{},:".contains(c)).unwrap_or(line.len());
        let left = Some(left..left + end.max(1));
        Some(Fault { at: bracket.left?, kind: Kind::Open { bracket, left } })
    }

    fn end(&self) -> Option<Fault> {
        let bracket = *self.open.last()?;
        let at = self.text.trim_end().len();
        self.left().or(Some(Fault { at, kind: Kind::Open { bracket, left: None } }))
    }
}

/// What closes a raw string whose hashes and quote `rest` begins with.
fn raw_close(rest: &str) -> Option<String> {
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    rest[hashes..].starts_with('"').then(|| format!("\"{}", "#".repeat(hashes)))
}

/// Bytes of `'x'`, or of the quote alone where none follows in the line.
fn quoted_character(rest: &str) -> usize {
    let line = rest.split('\n').next().unwrap_or(rest);
    let mut behind = line.char_indices().skip(1);
    while let Some((at, c)) = behind.next() {
        match c {
            '\'' => return at + 1,
            '\\' => drop(behind.next()),
            _ => {}
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let fault = fault(text).expect("a fault");
        fault.told(&Source::new("f.ron", text)).render(false)
    }

    #[test]
    fn what_closes_is_no_fault() {
        for text in [
            "(a: [1, {\"b\": (c: 2)}])",
            "(a: \"(\", b: '[', c: r#\"\"{\"#, /* ( /* [ */ */ d: 1) // }",
            "(a: \"\\\"(\", b: '\\'')",
            "(for: bar, r: 1)",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn the_line_that_stands_further_out_tells_which_bracket_is_open() {
        let told = told("(\n    a: {\n        x: 1,\n\n    b: [2],\n)\n");
        assert!(told.contains("this `{` is not closed") && told.contains("f.ron:2:8"), "{told}");
        assert!(told.contains("not inside it any more") && told.contains("write `}` before"), "{told}");
    }

    #[test]
    fn without_lines_the_place_of_the_wrong_one_is_told() {
        assert!(told("(a: [1)").contains("`[` is closed by `)`"));
        assert!(told("(a: 1))").contains("`)` closes nothing"));
        assert!(told("(a: (b: 1)").contains("this `(` is not closed"));
        assert!(told("(a: \"b)").contains("a string that does not end"));
        assert!(told("(a: r#\"b\")").contains("a string that does not end"));
        assert!(told("(a: /* b)").contains("a comment that does not end"));
        assert!(told(&"[".repeat(200)).contains("more than 128 brackets"));
    }

    #[test]
    fn the_string_before_a_byte_is_found() {
        let text = "(a: \"one, b: \"two\")";
        let at = text.find("two").unwrap();
        assert_eq!(string_before(text, at), Some(4..at));
        assert_eq!(string_before(text, at - 1), None);
        assert_eq!(string_before("(a: 1)", 3), None);
    }
}
