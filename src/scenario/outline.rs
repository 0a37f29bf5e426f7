//! Where things stand in a RON text: a tree of keys with the bytes of every key and value.
//!
//! This is a scanner, not a parser of values: `ron` alone decides what a text means. It exists for
//! three things `ron` does not give: the refusal of keys that are there twice (`ron` silently takes
//! the last), the place of a value in the text after parsing, and the replacement of one value in a
//! text that otherwise stays as it is.
//!
//! References: RON grammar, <https://github.com/ron-rs/ron/blob/master/docs/grammar.md>.

use std::ops::Range;

/// Deepest nesting; the same as `ron`'s own limit, so nothing that `ron` takes is refused here.
const DEEPEST: usize = 128;

/// One value in the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// The bytes of the value, its name included (`Camera(topic: "a")`).
    pub span: Range<usize>,
    /// The bytes of the name before the parenthesis, if there is one.
    pub name: Option<Range<usize>>,
    /// What is inside.
    pub body: Body,
}

/// What is inside a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// Nothing that has keys: a number, a string, a name.
    Scalar,
    /// `(key: value, ..)`
    Struct(Vec<Entry>),
    /// `{ "key": value, .. }`
    Map(Vec<Entry>),
    /// `[value, ..]`, or a tuple `(value, ..)`
    Items(Vec<Node>),
}

/// A key and its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The key, without quotes if it is a string.
    pub key: String,
    /// The bytes of the key.
    pub span: Range<usize>,
    /// The value.
    pub value: Node,
}

/// The scanner could make nothing of the text; `ron` will say why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

/// A key that is there twice in one struct or map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Duplicate {
    /// The key.
    pub key: String,
    /// Bytes of the first.
    pub first: Range<usize>,
    /// Bytes of the second.
    pub second: Range<usize>,
}

impl Node {
    /// The keys inside, in the order of the text; empty for items and scalars.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.body {
            Body::Struct(entries) | Body::Map(entries) => entries,
            Body::Items(_) | Body::Scalar => &[],
        }
    }

    /// The value under `key`, which for items is a number from 0.
    #[must_use]
    pub fn child(&self, key: &str) -> Option<&Node> {
        match &self.body {
            Body::Struct(entries) | Body::Map(entries) => {
                entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
            }
            Body::Items(items) => items.get(key.parse::<usize>().ok()?),
            Body::Scalar => None,
        }
    }

    /// The value at the end of `path`.
    #[must_use]
    pub fn find<S: AsRef<str>>(&self, path: &[S]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.child(key.as_ref()))
    }

    /// Calls `visit` with the path of every value below this one and the value, parents first.
    pub fn visit<'a>(&'a self, path: &mut Vec<String>, visit: &mut impl FnMut(&[String], &'a Node)) {
        let mut below = |key: String, node: &'a Node| {
            path.push(key);
            visit(path, node);
            node.visit(path, visit);
            path.pop();
        };
        match &self.body {
            Body::Struct(entries) | Body::Map(entries) => {
                entries.iter().for_each(|entry| below(entry.key.clone(), &entry.value));
            }
            Body::Items(items) => {
                items.iter().enumerate().for_each(|(index, node)| below(index.to_string(), node));
            }
            Body::Scalar => {}
        }
    }

    /// The first key that is there twice, wherever it is.
    #[must_use]
    pub fn duplicate(&self) -> Option<Duplicate> {
        let entries = self.entries();
        let repeated = entries.iter().enumerate().find_map(|(at, entry)| {
            let earlier = entries[..at].iter().find(|earlier| earlier.key == entry.key)?;
            let (first, second) = (earlier.span.clone(), entry.span.clone());
            Some(Duplicate { key: entry.key.clone(), first, second })
        });
        let below = || match &self.body {
            Body::Items(items) => items.iter().find_map(Node::duplicate),
            Body::Struct(entries) | Body::Map(entries) => {
                entries.iter().find_map(|entry| entry.value.duplicate())
            }
            Body::Scalar => None,
        };
        repeated.or_else(below)
    }

    /// The bytes to underline for the value as a whole: its name and opening bracket if it has
    /// keys or items, all of it otherwise.
    #[must_use]
    pub fn head(&self) -> Range<usize> {
        match &self.body {
            Body::Scalar => self.span.clone(),
            Body::Struct(_) | Body::Map(_) | Body::Items(_) => match &self.name {
                Some(name) => name.clone(),
                None => self.span.start..self.span.start + 1,
            },
        }
    }

    /// The bytes to underline for the value at `path`, or for the innermost value above it that is
    /// in the text. A value with keys is shown by its own key.
    #[must_use]
    pub fn shown<S: AsRef<str>>(&self, path: &[S]) -> Range<usize> {
        let mut node = self;
        let mut shown = self.head();
        for key in path {
            let Some(child) = node.child(key.as_ref()) else { break };
            let entry = node.entries().iter().find(|entry| entry.key == key.as_ref());
            shown = match (&child.body, entry) {
                (Body::Struct(_) | Body::Map(_) | Body::Items(_), Some(entry)) if child.name.is_none() => {
                    entry.span.clone()
                }
                (Body::Scalar | Body::Struct(_) | Body::Map(_) | Body::Items(_), _) => child.head(),
            };
            node = child;
        }
        shown
    }

    /// The bytes of the key at the end of `path`.
    #[must_use]
    pub fn key_span<S: AsRef<str>>(&self, path: &[S]) -> Option<Range<usize>> {
        let (last, parents) = path.split_last()?;
        let entry = self.find(parents)?.entries().iter().find(|entry| entry.key == last.as_ref())?;
        Some(entry.span.clone())
    }
}

/// Scans a whole text.
///
/// # Errors
/// When brackets, strings or comments do not close, or nesting is too deep.
pub fn scan(text: &str) -> Result<Node, Unreadable> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.skip_blank()?;
    while scanner.rest().starts_with("#!") {
        scanner.attribute()?;
        scanner.skip_blank()?;
    }
    let node = scanner.value(0)?;
    scanner.skip_blank()?;
    if scanner.at == text.len() { Ok(node) } else { Err(Unreadable) }
}

struct Scanner<'a> {
    text: &'a str,
    /// Always on a character boundary.
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn take_while(&mut self, mut keep: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// White space and comments; block comments nest.
    fn skip_blank(&mut self) -> Result<(), Unreadable> {
        loop {
            self.take_while(char::is_whitespace);
            if self.take("//") {
                self.take_while(|c| c != '\n');
            } else if self.take("/*") {
                let mut depth = 1;
                while depth > 0 {
                    if self.take("/*") {
                        depth += 1;
                    } else if self.take("*/") {
                        depth -= 1;
                    } else {
                        self.at += self.peek().ok_or(Unreadable)?.len_utf8();
                    }
                }
            } else {
                return Ok(());
            }
        }
    }

    /// `#![enable(..)]`
    fn attribute(&mut self) -> Result<(), Unreadable> {
        let end = self.rest().find(']').ok_or(Unreadable)?;
        self.at += end + 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Node, Unreadable> {
        if depth > DEEPEST {
            return Err(Unreadable);
        }
        let start = self.at;
        if self.string()? {
            return Ok(Node { span: start..self.at, name: None, body: Body::Scalar });
        }
        let word = self.word();
        let end = self.at;
        let name = (!word.is_empty()).then_some(start..end);
        if name.is_some() {
            self.skip_blank()?;
        }
        let body = match self.peek() {
            Some('(') => self.parenthesis(depth)?,
            Some('[') if name.is_none() => self.items(']', depth)?,
            Some('{') if name.is_none() => self.map(depth)?,
            _ if name.is_some() => {
                self.at = end;
                Body::Scalar
            }
            _ => return Err(Unreadable),
        };
        let wrapped = word == "Some";
        match body {
            // `Some(x)` stands for `x`: keys are the same with and without it.
            Body::Items(mut items) if wrapped && items.len() == 1 => items.pop().ok_or(Unreadable),
            Body::Scalar => Ok(Node { span: start..end, name: None, body: Body::Scalar }),
            Body::Struct(_) | Body::Map(_) | Body::Items(_) => Ok(Node { span: start..self.at, name, body }),
        }
    }

    /// A number, a name, or whatever else stands between separators.
    fn word(&mut self) -> &'a str {
        let mut before = ' ';
        let rest = self.rest();
        let len = rest
            .find(|c: char| {
                let comment = before == '/' && (c == '/' || c == '*');
                before = c;
                c.is_whitespace() || "()[]{},:\"'".contains(c) || comment
            })
            .unwrap_or(rest.len());
        // The first of the two characters that open a comment is not part of the word.
        let word = &rest[..len];
        let opens_comment = word.ends_with('/') && rest[len..].starts_with(['/', '*']);
        let word = if opens_comment { &word[..len - 1] } else { word };
        self.at += word.len();
        word
    }

    /// A string, byte string or character, if one begins here.
    fn string(&mut self) -> Result<bool, Unreadable> {
        let rest = self.rest();
        let after_b = rest.strip_prefix('b').unwrap_or(rest);
        if after_b.starts_with('"') || after_b.starts_with('\'') {
            self.at += rest.len() - after_b.len();
            self.quoted()?;
            return Ok(true);
        }
        let Some(raw) = after_b.strip_prefix('r') else { return Ok(false) };
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let Some(inside) = raw[hashes..].strip_prefix('"') else { return Ok(false) };
        let close = format!("\"{}", "#".repeat(hashes));
        let len = inside.find(&close).ok_or(Unreadable)?;
        self.at += rest.len() - inside.len() + len + close.len();
        Ok(true)
    }

    fn quoted(&mut self) -> Result<(), Unreadable> {
        let quote = self.peek().ok_or(Unreadable)?;
        self.at += 1;
        loop {
            let c = self.peek().ok_or(Unreadable)?;
            self.at += c.len_utf8();
            if c == quote {
                return Ok(());
            }
            if c == '\\' {
                self.at += self.peek().ok_or(Unreadable)?.len_utf8();
            }
        }
    }

    /// `( .. )`: a struct if its first word is followed by a colon, items otherwise.
    fn parenthesis(&mut self, depth: usize) -> Result<Body, Unreadable> {
        let start = self.at;
        self.at += 1;
        self.skip_blank()?;
        if self.take(")") {
            return Ok(Body::Struct(Vec::new()));
        }
        let word = self.word();
        self.skip_blank()?;
        let keyed = !word.is_empty() && self.peek() == Some(':');
        self.at = start;
        if keyed { self.fields(depth) } else { self.items(')', depth) }
    }

    fn fields(&mut self, depth: usize) -> Result<Body, Unreadable> {
        let entry = |scanner: &mut Self| {
            let start = scanner.at;
            let key = scanner.word();
            let span = start..scanner.at;
            scanner.colon()?;
            let value = scanner.value(depth + 1)?;
            let key = key.strip_prefix("r#").unwrap_or(key).to_owned();
            Ok(Entry { key, span, value })
        };
        Ok(Body::Struct(self.separated(')', entry)?))
    }

    fn map(&mut self, depth: usize) -> Result<Body, Unreadable> {
        let entry = |scanner: &mut Self| {
            let key = scanner.value(depth + 1)?;
            scanner.colon()?;
            let value = scanner.value(depth + 1)?;
            let written = &scanner.text[key.span.clone()];
            let plain = ron::from_str::<String>(written).unwrap_or_else(|_| written.to_owned());
            Ok(Entry { key: plain, span: key.span, value })
        };
        Ok(Body::Map(self.separated('}', entry)?))
    }

    fn items(&mut self, close: char, depth: usize) -> Result<Body, Unreadable> {
        Ok(Body::Items(self.separated(close, |scanner| scanner.value(depth + 1))?))
    }

    fn colon(&mut self) -> Result<(), Unreadable> {
        self.skip_blank()?;
        if !self.take(":") {
            return Err(Unreadable);
        }
        self.skip_blank()
    }

    /// From the opening bracket to behind the closing one.
    fn separated<T>(
        &mut self,
        close: char,
        mut one: impl FnMut(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, Unreadable> {
        let mut all = Vec::new();
        self.at += 1;
        loop {
            self.skip_blank()?;
            if self.take(close.encode_utf8(&mut [0; 4])) {
                return Ok(all);
            }
            all.push(one(self)?);
            self.skip_blank()?;
            if !self.take(",") && self.peek() != Some(close) {
                return Err(Unreadable);
            }
        }
    }
}

#[cfg(test)]
mod tests;
