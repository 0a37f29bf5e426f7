//! What the user is told when a file, a name or an option is wrong.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// Nothing was run and nothing was written; exit code 2.
    Error,
    /// The work goes on.
    Warning,
}

/// A place in a text: what is underlined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file as the user named it, or the option the text came from (`--set seed=x`).
    pub file: String,
    /// All of its text.
    pub text: Arc<str>,
    /// The offending bytes of `text`.
    pub span: Range<usize>,
    /// What is wrong with them, in a few words.
    pub label: String,
}

/// One problem, told so that it can be put right: what, where, what would be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where, if it lies in a text.
    pub place: Option<Box<Place>>,
    /// What to do about it: the nearest right name, what is allowed.
    pub help: Vec<String>,
    /// Other places that matter, such as the first of two equal keys.
    pub related: Vec<Place>,
}

impl Diagnostic {
    /// An error that lies in no text.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            place: None,
            help: Vec::new(),
            related: Vec::new(),
        }
    }

    /// The same, at `place`.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(Box::new(place));
        self
    }

    /// The same, with one more line of help; nothing is added for an empty one.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        let help = help.into();
        if !help.is_empty() {
            self.help.push(help);
        }
        self
    }

    /// The same, with one more place to look at.
    #[must_use]
    pub fn related(mut self, place: Place) -> Self {
        self.related.push(place);
        self
    }

    /// The text for the user, with the offending line and what is under it; with ANSI colours if
    /// `colour`.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let message = shortened(&self.message);
        let mut group = Group::with_title(level.primary_title(&*message));
        if let Some(place) = &self.place {
            let mut snippet = snippet(place, AnnotationKind::Primary);
            let mut elsewhere = Vec::new();
            for other in &self.related {
                if other.file == place.file && other.text == place.text {
                    snippet = snippet.annotation(annotation(other, AnnotationKind::Context));
                } else {
                    elsewhere.push(self::snippet(other, AnnotationKind::Context));
                }
            }
            group = group.element(snippet).elements(elsewhere);
        }
        group = group.elements(self.help.iter().map(|help| Level::HELP.message(help.as_str())));
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = renderer.render(&[group]);
        text.push('\n');
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostic {}

/// A message may quote what is in the file, and that may be anything.
fn shortened(message: &str) -> Cow<'_, str> {
    const LONGEST: usize = 500;
    match message.char_indices().nth(LONGEST) {
        Some((at, _)) => Cow::Owned(format!("{}..", &message[..at])),
        None => Cow::Borrowed(message),
    }
}

fn snippet(place: &Place, kind: AnnotationKind) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    Snippet::source(&*place.text).path(place.file.as_str()).annotation(annotation(place, kind))
}

fn annotation(place: &Place, kind: AnnotationKind) -> annotate_snippets::Annotation<'_> {
    kind.span(place.span.clone()).label(place.label.as_str())
}

/// Separates what is wrong from what would be right in the text of an error that passes through
/// serde, which knows only one string.
const THEN_HELP: char = '\u{1f}';

/// Why a value is refused, on its way through serde.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What is wrong.
    pub message: String,
    /// What would be right; may be empty.
    pub help: String,
}

impl Refusal {
    /// A refusal with what would be right.
    #[must_use]
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Refusal { message: message.into(), help: help.into() }
    }

    /// Takes apart what [`Refusal`]'s `Display` put together; any other text is all message.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        // The models know no refusals; what they would have stands behind a semicolon.
        let parts = text.split_once(THEN_HELP).or_else(|| {
            let at = text.find("; allowed: ").or_else(|| text.find("; write "))?;
            Some((&text[..at], &text[at + 2..]))
        });
        let (message, help) = parts.unwrap_or((text, ""));
        Refusal::new(message, help)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            f.write_char(THEN_HELP)?;
            f.write_str(&self.help)?;
        }
        Ok(())
    }
}

/// The name among `known` that `wrong` was probably meant to be.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    // A third of the letters may be wrong; short words have room for one slip.
    let most = (wrong.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, name)| (*distance, Reverse(common_start(&wrong, name))))
        .map(|(_, name)| name)
}

/// Number of characters at which both begin alike: slips come late in a word.
fn common_start(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// Help for a wrong name: the nearest right one if there is one, and all that are allowed.
#[must_use]
pub fn name_help<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Vec<String> {
    let mut help = Vec::new();
    if let Some(name) = nearest(wrong, known.clone()) {
        help.push(format!("did you mean `{name}`?"));
    }
    let allowed = listed(known);
    if !allowed.is_empty() {
        help.push(format!("allowed: {allowed}"));
    }
    help
}

/// The names in backquotes, with commas between them.
#[must_use]
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_slip_away_or_none() {
        assert_eq!(nearest("durration", ["duration", "title"]), Some("duration"));
        assert_eq!(nearest("Camara", ["Camera", "Burst"]), Some("Camera"));
        assert_eq!(nearest("qso", ["qos", "count"]), Some("qos"));
        assert_eq!(nearest("qoss", ["loss", "qos"]), Some("qos"), "the one that begins alike");
        assert_eq!(nearest("elephant", ["qos", "count"]), None);
    }

    #[test]
    fn a_refusal_survives_its_way_as_text() {
        let refusal = Refusal::new("a unit is missing", "write `20 ms`");
        assert_eq!(Refusal::from_text(&refusal.to_string()), refusal);
        assert_eq!(Refusal::from_text("plain"), Refusal::new("plain", ""));
        assert_eq!(Refusal::from_text("no; allowed: `a`"), Refusal::new("no", "allowed: `a`"));
    }
}
