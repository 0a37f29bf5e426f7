//! A text made of a file and of what `--set` put into it; every byte knows where it came from.

use std::ops::Range;
use std::sync::Arc;

use super::error::Place;

/// Where a piece of the text came from.
#[derive(Clone, Debug)]
enum Origin {
    /// The file, from this byte on.
    File(usize),
    /// The argument of the `--set` of this number, from this byte on.
    Set(usize, usize),
    /// Punctuation that stands for these bytes of the argument of the `--set` of this number.
    Glue(usize, Range<usize>),
}

#[derive(Clone, Debug)]
struct Piece {
    origin: Origin,
    len: usize,
}

/// What is put into the text by [`Source::splice`].
#[derive(Clone, Debug)]
pub enum Insert {
    /// These bytes of the `--set` argument.
    Argument(Range<usize>),
    /// This text, which the argument does not have; an error in it is shown at these bytes of it.
    Text(String, Range<usize>),
}

/// The text of a scenario: the file with the `--set` values in it.
#[derive(Clone, Debug)]
pub struct Source {
    file: String,
    original: Arc<str>,
    arguments: Vec<Arc<str>>,
    pieces: Vec<Piece>,
    text: String,
}

impl Source {
    /// The text of `file`, as it is.
    #[must_use]
    pub fn new(file: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        let original: Arc<str> = text.into();
        Source {
            file: file.into(),
            pieces: vec![Piece { origin: Origin::File(0), len: original.len() }],
            text: original.to_string(),
            arguments: Vec::new(),
            original,
        }
    }

    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The text with all that was put into it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Makes the argument of a `--set` known (`qos=2`) and returns its number.
    pub fn add_argument(&mut self, argument: &str) -> usize {
        self.arguments.push(argument.into());
        self.arguments.len() - 1
    }

    /// Replaces the bytes `span` by parts of argument `set`; the rest of the text stays as it is.
    ///
    /// # Panics
    /// When `span` does not lie on character boundaries of the text.
    pub fn splice(&mut self, span: Range<usize>, set: usize, parts: &[Insert]) {
        let argument = &self.arguments[set];
        let mut inserted = String::new();
        let mut pieces = self.cut(0..span.start);
        for part in parts {
            let (origin, part) = match part {
                Insert::Argument(range) => (Origin::Set(set, range.start), &argument[range.clone()]),
                Insert::Text(text, shown) => (Origin::Glue(set, shown.clone()), text.as_str()),
            };
            pieces.push(Piece { origin, len: part.len() });
            inserted.push_str(part);
        }
        pieces.extend(self.cut(span.end..self.text.len()));
        self.pieces = pieces;
        self.text.replace_range(span, &inserted);
    }

    /// The pieces that make up `range` of the text.
    fn cut(&self, range: Range<usize>) -> Vec<Piece> {
        let mut cut = Vec::new();
        let mut start = 0;
        for piece in &self.pieces {
            let end = start + piece.len;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                let origin = match &piece.origin {
                    Origin::File(at) => Origin::File(at + (from - start)),
                    Origin::Set(set, at) => Origin::Set(*set, at + (from - start)),
                    Origin::Glue(set, shown) => Origin::Glue(*set, shown.clone()),
                };
                cut.push(Piece { origin, len: to - from });
            }
            start = end;
        }
        cut
    }

    /// The piece at byte `at`, and how far inside; at the end of the text, the last one.
    fn piece(&self, at: usize) -> (&Origin, usize, usize) {
        let mut start = 0;
        let last = self.pieces.len() - 1;
        for (index, piece) in self.pieces.iter().enumerate() {
            if at < start + piece.len || index == last {
                return (&piece.origin, (at - start).min(piece.len), piece.len);
            }
            start += piece.len;
        }
        unreachable!("a text has at least one piece")
    }

    /// The number of the `--set` whose argument stands at byte `at` of the text.
    #[must_use]
    pub fn set_at(&self, at: usize) -> Option<usize> {
        match self.piece(at).0 {
            Origin::File(_) => None,
            Origin::Set(set, _) | Origin::Glue(set, _) => Some(*set),
        }
    }

    /// Where the bytes `span` of the text came from: a place in the file, or in a `--set` argument.
    #[must_use]
    pub fn place(&self, span: Range<usize>, label: impl Into<String>) -> Place {
        let label = label.into();
        let (origin, inside, len) = self.piece(span.start);
        let length = span.end.saturating_sub(span.start);
        match origin {
            Origin::File(at) => {
                let start = at + inside;
                let end = start + length.min(len - inside);
                Place { file: self.file.clone(), text: self.original.clone(), span: start..end, label }
            }
            Origin::Set(set, at) => {
                let start = at + inside;
                self.argument_place(*set, start..start + length.min(len - inside), label)
            }
            Origin::Glue(set, shown) => self.argument_place(*set, shown.clone(), label),
        }
    }

    /// A place in the argument of the `--set` of number `set`.
    #[must_use]
    pub fn argument_place(&self, set: usize, span: Range<usize>, label: impl Into<String>) -> Place {
        let text = self.arguments[set].clone();
        Place { file: format!("--set {text}"), text, span, label: label.into() }
    }
}
