//! RON text to typed values, with errors that name the place.
//!
//! `ron` reads the text and says what is wrong; the path to the value comes from
//! `serde_path_to_error`, and its bytes from the [`outline`], because `ron`'s own
//! positions are those of its cursor, which may have moved on.

use std::ops::Range;

use ron::error::{Error, Position, SpannedError};
use ron::extensions::Extensions;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::brackets;
use super::error::{Diagnostic, Refusal, name_help, nearest};
use super::outline::{self, Node};
use super::source::Source;

/// Reads a whole text as a `T`, and gives its outline for later checks.
///
/// # Errors
/// The first thing that is wrong: syntax, a key that is there twice, a name or a value that `T`
/// does not have.
pub fn parse<T: DeserializeOwned>(source: &Source) -> Result<(T, Node), Diagnostic> {
    if is_blank(source.text()) {
        return Err(Diagnostic::error(format!("there is nothing in `{}`", source.file()))
            .help("a scenario is `(title: \"..\", question: \"..\", duration: \"10 s\", hosts: { .. })`: see `mqtt-twin list`"));
    }
    let outline = outline::scan(source.text());
    if let Some(twice) = outline.as_ref().ok().and_then(Node::duplicate) {
        return Err(Diagnostic::error(format!("the key `{}` is there twice", twice.key))
            .at(source.place(twice.second, "again here"))
            .related(source.place(twice.first, "first here"))
            .help("one of them would be lost: remove it"));
    }
    let value = match read::<T>(source.text()) {
        Ok(value) => value,
        Err(failure) => return Err(explain(source, outline.as_ref().ok(), &failure)),
    };
    match outline {
        Ok(outline) => Ok((value, outline)),
        Err(_) => Err(unmatched(source)),
    }
}

/// For what `ron` takes and the outline does not.
fn unmatched(source: &Source) -> Diagnostic {
    brackets::fault(source.text()).map_or_else(
        || {
            Diagnostic::error(format!("`{}` cannot be read", source.file()))
                .help("write its values as in the files that `mqtt-twin list` names")
        },
        |fault| fault.told(source),
    )
}

/// Whether a text holds nothing but white space and whole comments.
fn is_blank(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with("//"))
}

/// What `ron` found wrong, and the path to the value it was at.
struct Failure {
    error: SpannedError,
    path: Vec<String>,
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Box<Failure>> {
    let failure = |error, path| Box::new(Failure { error, path });
    let options = ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .with_default_extension(Extensions::UNWRAP_NEWTYPES)
        .with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
    let mut deserializer = ron::Deserializer::from_str_with_options(text, &options)
        .map_err(|error| failure(error, Vec::new()))?;
    match serde_path_to_error::deserialize(&mut deserializer) {
        Ok(value) => match deserializer.end() {
            Ok(()) => Ok(value),
            Err(code) => Err(failure(deserializer.span_error(code), Vec::new())),
        },
        Err(error) => {
            let path = keys(error.path());
            Err(failure(deserializer.span_error(error.into_inner()), path))
        }
    }
}

/// The path as the outline has it: without the names of variants.
fn keys(path: &Path) -> Vec<String> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// Turns what `ron` says into what the user needs.
fn explain(source: &Source, outline: Option<&Node>, failure: &Failure) -> Diagnostic {
    let Failure { error, path } = failure;
    let text = source.text();
    let cursor = cursor_span(text, error);
    if outline.is_none()
        && let Some(fault) = brackets::fault(text).filter(|fault| fault.at <= cursor.end)
    {
        return fault.told(source);
    }
    let at = |path: &[String]| outline.map_or_else(|| cursor.clone(), |node| node.shown(path));
    match &error.code {
        Error::NoSuchStructField { expected, found, .. } => {
            let (parent, span) =
                field_place(outline, path, found).unwrap_or((path.as_slice(), cursor.clone()));
            let mut diagnostic = Diagnostic::error(format!("unknown field `{found}`{}", within(parent)))
                .at(source.place(span, "no such field"));
            diagnostic.help = name_help(found, expected.iter().copied());
            diagnostic
        }
        Error::NoSuchEnumVariant { expected, found, .. } => {
            let mut diagnostic = Diagnostic::error(format!("`{found}` is none of the values allowed here"))
                .at(source.place(at(path), "unknown name"));
            diagnostic.help = name_help(found, expected.iter().copied());
            diagnostic
        }
        Error::MissingStructField { field, .. } => {
            Diagnostic::error(format!("`{field}` is missing{}", within(path)))
                .at(source.place(at(path), format!("`{field}` is missing in here")))
                .help(format!("add `{field}: ..`"))
        }
        Error::Message(message) => {
            let refusal = Refusal::from_text(message);
            let span = at(path);
            let guess = guess(&text[span.clone()], &refusal.help);
            Diagnostic::error(refusal.message)
                .at(source.place(span, "refused"))
                .help(guess)
                .help(refusal.help)
        }
        code => match wanted(code) {
            Some(wanted) if outline.is_some() || is_before(code) => {
                let label = format!("not {}", wanted.what);
                Diagnostic::error(format!("expected {}{}", wanted.what, behind(path)))
                    .at(source.place(at(path), label))
                    .help(wanted.example)
            }
            Some(_) | None if is_fraction(text, &cursor) => Diagnostic::error("expected a whole number")
                .at(source.place(number_around(text, cursor.start), "not a whole number"))
                .help(WHOLE),
            Some(_) | None => syntax(source, code, cursor),
        },
    }
}

/// Whether `ron`'s cursor still stands before what it did not expect.
fn is_before(code: &Error) -> bool {
    matches!(
        code,
        Error::ExpectedString
            | Error::ExpectedArray
            | Error::ExpectedMap
            | Error::ExpectedStructLike
            | Error::ExpectedNamedStructLike(_)
    )
}

/// A text that is no RON.
fn syntax(source: &Source, code: &Error, cursor: Range<usize>) -> Diagnostic {
    let text = source.text();
    let error = |message: &str, span: Range<usize>| Diagnostic::error(message).at(source.place(span, "here"));
    match code {
        Error::ExpectedComma => match brackets::string_before(text, cursor.start) {
            Some(string) => error("the text goes on where a string has ended", cursor)
                .related(source.place(string, "this string"))
                .help("a quote is missing or too many before this place"),
            None => error("expected a comma or a closing bracket", cursor)
                .help("a comma stands behind every entry: `a: 1, b: 2`"),
        },
        Error::ExpectedMapColon => error("expected a colon", cursor).help("write `key: value`"),
        Error::ExpectedIdentifier => {
            error("expected a key", cursor).help("write `key: value`, the key without quotes")
        }
        Error::ExpectedDifferentStructName { .. } => {
            error("expected fields in parentheses", word_at(text, cursor.start))
                .help("write `(key: value, ..)`, without a name before it")
        }
        Error::InvalidEscape(_) => {
            let start = text[..cursor.start].rfind('\\').unwrap_or(cursor.start);
            let end = start + text[start..cursor.start].trim_end().len().max(1);
            error("no character is written in this way", start..end)
                .help("write `\\\\` for a backslash, `\\\"` for a quote, `\\n` for a new line, `\\u{e9}` for a code from 0 to 10ffff")
        }
        Error::TrailingCharacters => error("text behind the end", cursor)
            .help("everything stands inside the first bracket: move it there, or remove it"),
        Error::ExceededRecursionLimit => error("too many brackets in each other", cursor)
            .help("remove those that hold nothing but another one"),
        Error::Eof => error("the text ends here, too early", cursor).help("write the rest of it"),
        code => error(&format!("syntax error: {}", lower(&code.to_string())), cursor)
            .help("look for a missing comma, quote or bracket at this place or just before it"),
    }
}

/// The bytes of the word that `at` is in or behind.
fn word_at(text: &str, at: usize) -> Range<usize> {
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    let end = text[..at].trim_end().len();
    let start = text[..end].trim_end_matches(of_word).len();
    let behind = &text[end..];
    let end = end + behind.find(|c| !of_word(c)).unwrap_or(behind.len());
    if start < end { start..end } else { at..(at + 1).min(text.len()) }
}

/// The nearest of the names in backquotes that are allowed.
fn guess(written: &str, help: &str) -> String {
    let allowed = help.strip_prefix("allowed: `").map_or("", |names| names.trim_end_matches('`'));
    let near = nearest(written.trim_matches('"'), allowed.split("`, `"));
    near.filter(|name| !name.is_empty()).map_or(String::new(), |name| format!("did you mean `{name}`?"))
}

const WHOLE: &str = "write it without quotes, unit or fraction: `3`";

/// Whether reading stopped at the point of a number: it wanted a whole one.
fn is_fraction(text: &str, at: &Range<usize>) -> bool {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let behind = text[at.start..].strip_prefix('.');
    behind.is_some_and(|rest| is_digit(rest.chars().next())) && is_digit(text[..at.start].chars().next_back())
}

/// The bytes of the number that the point at `at` belongs to.
fn number_around(text: &str, at: usize) -> Range<usize> {
    let of_number = |c: char| c.is_ascii_digit() || c == '.';
    let start = text[..at].trim_end_matches(of_number).len();
    let behind = &text[at..];
    start..at + behind.find(|c| !of_number(c)).unwrap_or(behind.len())
}

/// A value of another type was expected.
struct Wanted {
    what: &'static str,
    example: &'static str,
}

fn wanted(code: &Error) -> Option<Wanted> {
    let (what, example) = match code {
        Error::ExpectedString => ("a string", "strings stand in double quotes: `\"home/camera\"`"),
        Error::ExpectedBoolean => ("`true` or `false`", "write it without quotes"),
        Error::ExpectedInteger | Error::InvalidIntegerDigit { .. } => ("a whole number", WHOLE),
        Error::IntegerOutOfBounds => {
            ("a whole number that fits here", "it is negative or too large; whole numbers begin at 0")
        }
        Error::ExpectedFloat => ("a number", "write it without quotes: `0.5`"),
        Error::ExpectedArray => ("a list", "lists stand in brackets: `[a, b]`"),
        Error::ExpectedMap => ("a map", "maps stand in braces: `{ \"camera\": ( .. ) }`"),
        Error::ExpectedStructLike | Error::ExpectedNamedStructLike(_) => {
            ("fields in parentheses", "write `(key: value, ..)`")
        }
        Error::ExpectedIdentifier => ("a name", "names stand without quotes: `Publisher(..)`, `WhenQuiet`"),
        _ => return None,
    };
    Some(Wanted { what, example })
}

/// The struct that the unknown field stands in, and the bytes of the field's name.
fn field_place<'p>(
    outline: Option<&Node>,
    path: &'p [String],
    field: &str,
) -> Option<(&'p [String], Range<usize>)> {
    // The path may end at the struct or at the field, depending on where reading stopped.
    [path, &path[..path.len().saturating_sub(1)]].into_iter().find_map(|parent| {
        let entry = outline?.find(parent)?.entries().iter().find(|entry| entry.key == field)?;
        Some((parent, entry.span.clone()))
    })
}

fn within(path: &[String]) -> String {
    if path.is_empty() { String::new() } else { format!(" in `{}`", path.join(".")) }
}

fn behind(path: &[String]) -> String {
    if path.is_empty() { String::new() } else { format!(" for `{}`", path.join(".")) }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

/// What is under `ron`'s cursor: the word or the character there.
fn cursor_span(text: &str, error: &SpannedError) -> Range<usize> {
    let end = offset(text, &error.span.end);
    let start = end + text[end..].len() - text[end..].trim_start().len();
    match text[start..].chars().next() {
        Some(first) => {
            let word =
                text[start..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len() - start);
            start..start + word.max(first.len_utf8())
        }
        // At the end of the file: its last character that can be seen.
        None => {
            let last = text.trim_end();
            let from = last.char_indices().next_back().map_or(0, |(at, _)| at);
            from..last.len()
        }
    }
}

/// The byte at `position`, whose lines and columns count from 1 and columns in characters.
fn offset(text: &str, position: &Position) -> usize {
    let mut start = 0;
    for _ in 1..position.line {
        start += text[start..].find('\n').map_or(text.len() - start, |at| at + 1);
    }
    let line = &text[start..];
    start + line.char_indices().nth(position.col.saturating_sub(1)).map_or(line.len(), |(at, _)| at)
}
