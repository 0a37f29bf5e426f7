//! `--set path=value`: one value of a scenario, replaced from the command line.
//!
//! A path is a key with its parents (`hosts.camera.role.qos`, `links[0].rate`), or the end of such
//! a path: `qos` is every `qos` there is. A key that is there gets the new value. Otherwise it is
//! put where the types accept it: at the root if the path fits there, else into the innermost
//! values that have room for it. `hosts.camera.link` stands for the links that begin at `camera`, or
//! else end there.
//!
//! A value is RON, but the quotes of a string may be left out: what does not fit as it stands is
//! tried as a string.

use std::ops::Range;

use super::error::{Diagnostic, name_help, nearest};
use super::legal::{Legal, Step, accepts, legal};
use super::outline::{self, Body, Node};
use super::parse::parse;
use super::schema::Scenario;
use super::source::{Insert, Source};

/// Puts the value of `argument` (`qos=2`) into the scenario.
///
/// # Errors
/// When the path is nowhere in the scenario and nothing could have it, or there is no value. That
/// the value fits is left to the parser, which shows the place in the argument.
pub fn set(source: &mut Source, argument: &str) -> Result<(), Diagnostic> {
    let number = source.add_argument(argument);
    let (path, value) = split(source, number, argument)?;
    let Ok(outline) = outline::scan(source.text()) else {
        // The text itself is broken: let the parser say where.
        return match parse::<Scenario>(source) {
            Err(diagnostic) => Err(diagnostic),
            Ok(_) => Err(Diagnostic::error("cannot find the keys of this file")),
        };
    };
    let keys: Vec<&str> = path.iter().map(|(key, _)| *key).collect();
    let targets = targets(source.text(), &outline, &keys);
    if targets.is_empty() {
        return Err(unknown_path(source, &outline, number, &path));
    }
    let shown = path[0].1.start..path[path.len() - 1].1.end;
    let bare = with_value(source, number, &targets, &shown, &[Insert::Argument(value.clone())]);
    let text = &argument[value.clone()];
    *source = match bare.ok_or(text) {
        Ok(bare) if !refused(&bare, number) => bare,
        other => {
            let quoted = with_value(source, number, &targets, &shown, &quoted(text, &value))
                .unwrap_or_else(|| source.clone());
            // Where both are wrong, the value as it was written explains more.
            match other {
                Ok(bare) if refused(&quoted, number) => bare,
                Ok(_) | Err(_) => quoted,
            }
        }
    };
    Ok(())
}

/// A key of the path with its bytes in the argument.
type Key<'a> = (&'a str, Range<usize>);

/// The keys and the bytes of the value.
fn split<'a>(
    source: &Source,
    number: usize,
    argument: &'a str,
) -> Result<(Vec<Key<'a>>, Range<usize>), Diagnostic> {
    let form =
        "write `--set path=value`, such as `--set hosts.camera.link.rate=\"10 Mbit/s\"` or `--set qos=2`";
    let wrong = |message: &str, span: Range<usize>, label: &str| {
        Diagnostic::error(message).at(source.argument_place(number, span, label)).help(form)
    };
    let Some(equals) = argument.find('=') else {
        return Err(wrong("no `=` in `--set`", 0..argument.len(), "a path, but no value"));
    };
    let mut keys = Vec::new();
    let mut start = 0;
    for (at, c) in argument[..=equals].char_indices().filter(|(_, c)| ".[]=".contains(*c)) {
        let key = argument[start..at].trim();
        // Behind `links[0]` comes a dot or the end, with nothing in between.
        let closed = argument[..start].ends_with(']');
        if !key.is_empty() {
            let from = start + argument[start..at].find(key).unwrap_or(0);
            keys.push((key, from..from + key.len()));
        } else if !closed {
            return Err(wrong("a key is missing in the path", start..at + 1, "nothing before this"));
        }
        start = at + c.len_utf8();
    }
    let value = argument[equals + 1..].trim();
    if value.is_empty() {
        return Err(wrong("no value in `--set`", equals..equals + 1, "nothing behind this"));
    }
    let from = argument.len() - argument[equals + 1..].trim_start().len();
    Ok((keys, from..from + value.len()))
}

/// What is done at one place of the text.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Target {
    /// The bytes that are replaced; empty for an insertion.
    span: Range<usize>,
    /// What stands before the value, and behind.
    around: (String, String),
}

/// Where the value goes, from the last place to the first.
fn targets(text: &str, outline: &Node, keys: &[&str]) -> Vec<Target> {
    let mut found = existing(outline, keys);
    if found.is_empty() {
        found = of_links(text, outline, keys);
    }
    if found.is_empty() {
        found = insertions(text, outline, keys);
    }
    // A value inside another one that is replaced goes with it.
    let all = found.clone();
    found.retain(|target| {
        !all.iter().any(|other| {
            other != target
                && other.span.start <= target.span.start
                && target.span.end <= other.span.end
                && !target.span.is_empty()
        })
    });
    found.sort_by_key(|target| std::cmp::Reverse(target.span.start));
    found
}

fn replace(node: &Node) -> Target {
    Target { span: node.span.clone(), around: (String::new(), String::new()) }
}

/// The key at this path from the root, or else all keys whose path ends in it.
fn existing(outline: &Node, keys: &[&str]) -> Vec<Target> {
    if let Some(node) = outline.find(keys) {
        return vec![replace(node)];
    }
    let mut found = Vec::new();
    outline.visit(&mut Vec::new(), &mut |path, node| {
        // A number alone names no key.
        let ends = path.len() >= keys.len() && path[path.len() - keys.len()..].iter().eq(keys);
        // What a sweep says about a key is not the key: only a path from the root leads in there.
        if ends && path[0] != "sweep" && keys[0].parse::<usize>().is_err() {
            found.push(replace(node));
        }
    });
    found
}

/// `hosts.camera.link.rate`, or its end from `camera` on: the rate of the links of `camera`.
fn of_links(text: &str, outline: &Node, keys: &[&str]) -> Vec<Target> {
    let keys = keys.strip_prefix(&["hosts"]).unwrap_or(keys);
    let [host, "link", field @ ..] = keys else { return Vec::new() };
    let links = match outline.child("links").map(|links| &links.body) {
        Some(Body::Items(links)) if !field.is_empty() => links,
        Some(_) | None => return Vec::new(),
    };
    let ends_here = |link: &Node, key: &str| {
        let end = link.child(key).map(|end| &text[end.span.clone()]);
        end.and_then(|end| ron::from_str::<String>(end).ok()).as_deref() == Some(*host)
    };
    let key = if links.iter().any(|link| ends_here(link, "from")) { "from" } else { "to" };
    let target = |index: usize| {
        let index = index.to_string();
        let path: Vec<&str> = ["links", &index].into_iter().chain(field.iter().copied()).collect();
        match outline.find(&path) {
            Some(node) => Some(replace(node)),
            None => insertion(text, outline, &[], &path).map(|(_, target)| target),
        }
    };
    (0..links.len()).filter(|index| ends_here(&links[*index], key)).filter_map(target).collect()
}

/// Where the types would take the path: at the root, or in the values that already hold most of it.
fn insertions(text: &str, outline: &Node, keys: &[&str]) -> Vec<Target> {
    if let Some((_, target)) = insertion(text, outline, &[], keys) {
        return vec![target];
    }
    let mut found: Vec<(usize, Target)> = Vec::new();
    outline.visit(&mut Vec::new(), &mut |path, _| {
        if path[0] != "sweep" {
            found.extend(insertion(text, outline, path, keys));
        }
    });
    let most = found.iter().map(|(depth, _)| *depth).max().unwrap_or(0);
    found.into_iter().filter(|(depth, _)| *depth == most).map(|(_, target)| target).collect()
}

/// The insertion of `keys` below `parent`, with the number of keys that are there already.
fn insertion(text: &str, outline: &Node, parent: &[String], keys: &[&str]) -> Option<(usize, Target)> {
    let whole: Vec<&str> = parent.iter().map(String::as_str).chain(keys.iter().copied()).collect();
    let there = (0..whole.len()).rev().find(|len| outline.find(&whole[..*len]).is_some())?;
    let steps = steps(text, outline, &whole);
    // Only fields are put in: a new host or item would be incomplete.
    let fits = there >= parent.len() && (there..whole.len()).all(|len| accepts::<Scenario>(&steps[..=len]));
    let node = outline.find(&whole[..there])?;
    let (Body::Struct(_), true) = (&node.body, fits) else { return None };
    let name = node.name.clone().map_or(node.span.start, |name| name.end);
    let open = name + text[name..].find('(')? + 1;
    let new = &whole[there..];
    let before = format!("{}: ", new.join(": ("));
    let behind = format!("{}, ", ")".repeat(new.len() - 1));
    Some((there - parent.len(), Target { span: open..open, around: (before, behind) }))
}

/// The path with the variants' names that the types need to follow it.
fn steps<'a>(text: &'a str, outline: &Node, path: &[&'a str]) -> Vec<Step<'a>> {
    let mut node = Some(outline);
    path.iter()
        .map(|key| {
            node = node.and_then(|node| node.child(key));
            let name = node.and_then(|node| node.name.clone());
            Step { key, variant: name.map(|name| &text[name]) }
        })
        .collect()
}

/// The source with the value at all targets; nothing where it is not one complete RON value.
fn with_value(
    source: &Source,
    number: usize,
    targets: &[Target],
    shown: &Range<usize>,
    value: &[Insert],
) -> Option<Source> {
    if let [Insert::Argument(range)] = value {
        let argument = source.argument_place(number, range.clone(), "");
        let text = &argument.text[argument.span];
        if outline::scan(text).ok()?.span != (0..text.len()) {
            return None;
        }
    }
    let mut changed = source.clone();
    for Target { span, around: (before, behind) } in targets {
        let glue = |text: &String| (!text.is_empty()).then(|| Insert::Text(text.clone(), shown.clone()));
        let parts: Vec<Insert> =
            glue(before).into_iter().chain(value.iter().cloned()).chain(glue(behind)).collect();
        changed.splice(span.clone(), number, &parts);
    }
    Some(changed)
}

/// The value as a string.
fn quoted(text: &str, value: &Range<usize>) -> [Insert; 3] {
    let (open, close) = if text.contains(['"', '\\']) {
        let longest = text.split('"').map(|part| part.len() - part.trim_start_matches('#').len()).max();
        let hashes = "#".repeat(longest.unwrap_or(0) + 1);
        (format!("r{hashes}\""), format!("\"{hashes}"))
    } else {
        ("\"".to_owned(), "\"".to_owned())
    };
    [Insert::Text(open, value.clone()), Insert::Argument(value.clone()), Insert::Text(close, value.clone())]
}

/// Whether the parser finds something wrong with this `--set` value.
fn refused(source: &Source, number: usize) -> bool {
    match parse::<Scenario>(source) {
        Ok(_) => false,
        Err(diagnostic) => diagnostic.place.is_some_and(|place| {
            let argument = source.argument_place(number, 0..0, "");
            place.file == argument.file
        }),
    }
}

fn unknown_path(source: &Source, outline: &Node, number: usize, path: &[Key<'_>]) -> Diagnostic {
    let keys: Vec<&str> = path.iter().map(|(key, _)| *key).collect();
    let text = source.text();
    // As far as the path can be followed from the root, the next key is the wrong one.
    let known = (0..keys.len()).rev().find(|len| outline.find(&keys[..*len]).is_some()).unwrap_or(0);
    let error = |at: &Key<'_>| {
        let message = format!("no `{}` in this scenario", keys.join("."));
        Diagnostic::error(message).at(source.argument_place(number, at.1.clone(), "unknown"))
    };
    if known > 0 {
        let diagnostic = error(&path[known]);
        let inside = outline.find(&keys[..known]).map(|node| &node.body);
        let names: Vec<&str> = match (legal::<Scenario>(&steps(text, outline, &keys[..known])), inside) {
            (Legal::Fields(fields), _) => fields.to_vec(),
            (_, Some(Body::Struct(entries) | Body::Map(entries))) => {
                entries.iter().map(|entry| entry.key.as_str()).collect()
            }
            (_, Some(Body::Items(items))) => {
                return diagnostic.help(format!("there are {} of them, counted from 0", items.len()));
            }
            (_, Some(Body::Scalar) | None) => {
                return diagnostic.help(format!("`{}` has no keys inside", keys[..known].join(".")));
            }
        };
        return Diagnostic { help: name_help(keys[known], names), ..diagnostic };
    }
    let names = all_names(text, outline);
    let wrong = path.iter().find(|(key, _)| !names.iter().any(|name| name == key)).unwrap_or(&path[0]);
    match nearest(wrong.0, names.iter().map(String::as_str)) {
        Some(name) => error(wrong).help(format!("did you mean `{name}`?")),
        None => error(wrong)
            .help("a path is made of keys, such as `hosts.camera.role.qos`; its end is enough: `qos`"),
    }
}

/// Every key of the file, and every field that could be in it.
fn all_names(text: &str, outline: &Node) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |path: &[String]| {
        names.extend(path.last().cloned());
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        if let Legal::Fields(fields) = legal::<Scenario>(&steps(text, outline, &keys)) {
            names.extend(fields.iter().map(|field| (*field).to_owned()));
        }
    };
    add(&[]);
    outline.visit(&mut Vec::new(), &mut |path, _| add(path));
    names.sort();
    names.dedup();
    names
}
