//! One HTML file that needs nothing else: no network, no script.

use std::fmt::Write;

use super::escaped;
use crate::study::table::{Cell, Table, short, with_half_width};

/// A page under construction.
#[derive(Clone, PartialEq, Debug)]
pub struct Page {
    title: String,
    body: String,
    contents: Vec<(String, String)>,
}

/// Colours follow the reader's choice of dark or light; pictures are drawn in black on white and
/// recoloured. Figures and charts that are wider than a telephone scroll by themselves; of tables of
/// nothing but text each row becomes a paragraph there.
const STYLE: &str = "
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1d21; --quiet: #5a6068; --line: #d5d9de; --soft: #f3f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181c; --ink: #e8e9eb; --quiet: #a2a9b2; --line: #363b42; --soft: #20242a; }
  svg [fill='#FFFFFF'] { fill: #16181c; }
  svg [stroke='#FFFFFF'] { stroke: #16181c; }
  svg [fill='#000000'] { fill: #e8e9eb; }
  svg [stroke='#000000'] { stroke: #e8e9eb; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
.question { font-size: 1.1rem; color: var(--quiet); }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
a { color: inherit; }
figure { margin: 1rem 0; break-inside: avoid; }
figcaption, .note { color: var(--quiet); font-size: .9rem; }
svg { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
.note { margin: 1rem 0 .25rem; }
th, td { overflow-wrap: normal; text-align: left; padding: .2rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { background: var(--soft); }
td { white-space: nowrap; }
.texts td { white-space: normal; }
.texts td:last-child { min-width: 14rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  .texts thead { display: none; }
  .texts tr { display: block; padding: .3rem 0; border-bottom: 1px solid var(--line); }
  .texts td:empty { display: none; }
  .texts td::before { content: attr(data-of) ' '; color: var(--quiet); font-size: .85em; }
  .texts td:first-child::before, .texts td:last-child::before { content: none; }
  .texts td { display: inline-block; min-width: 0; padding: 0 .9rem 0 0; border: 0; }
  .texts td:first-child { font-weight: 600; }
  .texts td:last-child { display: block; color: var(--quiet); }
}
td.n { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; background: var(--soft); padding: .75rem; font-size: .8rem; line-height: 1.35; }
summary { cursor: pointer; padding: .4rem 0; }
@media print {
  body { max-width: none; font-size: 10pt; }
  details > * { display: block; }
  nav { display: none; }
  pre { white-space: pre-wrap; }
}
";

fn is_text(cell: &Cell) -> bool {
    matches!(cell, Cell::Text(_))
}

impl Page {
    /// A page of this title.
    #[must_use]
    pub fn new(title: &str, question: &str) -> Self {
        let body = format!("<h1>{}</h1>\n<p class=\"question\">{}</p>\n", escaped(title), escaped(question));
        Page { title: title.to_owned(), body, contents: Vec::new() }
    }

    /// Begins a section.
    pub fn section(&mut self, heading: &str) {
        let anchor = format!("s{}", self.contents.len() + 1);
        let _ = writeln!(self.body, "<h2 id=\"{anchor}\">{}</h2>", escaped(heading));
        self.contents.push((anchor, heading.to_owned()));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.body, "<p>{}</p>", escaped(text));
    }

    /// Pictures side by side where there is room; each is a pair of its SVG and what stands below.
    pub fn pictures<'a>(&mut self, pictures: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.body.push_str("<div class=\"pictures\">\n");
        for (svg, below) in pictures {
            let _ = writeln!(self.body, "<figure>{svg}<figcaption>{}</figcaption></figure>", escaped(below));
        }
        self.body.push_str("</div>\n");
    }

    /// A table; what it is about stands above it, where it does not scroll with it.
    pub fn table(&mut self, table: &Table) {
        let _ = write!(
            self.body,
            "<p class=\"note\">{0}</p>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table{1} aria-label=\"{0}\"><thead><tr>",
            escaped(&table.title),
            if table.rows.iter().flatten().all(is_text) { " class=\"texts\"" } else { "" }
        );
        for heading in &table.headings {
            let _ = write!(self.body, "<th scope=\"col\">{}</th>", escaped(heading));
        }
        self.body.push_str("</tr></thead><tbody>\n");
        for row in &table.rows {
            self.body.push_str("<tr>");
            for (cell, heading) in row.iter().zip(&table.headings) {
                let figure = || " class=\"n\"".to_owned();
                let (attribute, text) = match cell {
                    Cell::Text(text) => (format!(" data-of=\"{}\"", escaped(heading)), text.clone()),
                    Cell::Number(number) => (figure(), short(*number)),
                    Cell::Interval(interval) => (figure(), with_half_width(*interval)),
                    Cell::Nothing => (figure(), "-".to_owned()),
                };
                let _ = write!(self.body, "<td{attribute}>{}</td>", escaped(&text));
            }
            self.body.push_str("</tr>\n");
        }
        self.body.push_str("</tbody></table></div>\n");
    }

    /// Text as it is, in letters of one width.
    pub fn verbatim(&mut self, text: &str) {
        let _ = writeln!(self.body, "<pre tabindex=\"0\">{}</pre>", escaped(text));
    }

    /// The same, folded away.
    pub fn folded(&mut self, summary: &str, text: &str) {
        let _ = writeln!(
            self.body,
            "<details><summary>{}</summary><pre tabindex=\"0\">{}</pre></details>",
            escaped(summary),
            escaped(text)
        );
    }

    /// The whole file.
    #[must_use]
    pub fn html(&self) -> String {
        let mut contents = String::new();
        for (anchor, heading) in &self.contents {
            let _ = write!(contents, "<li><a href=\"#{anchor}\">{}</a></li>", escaped(heading));
        }
        // The contents stand behind the title and the question.
        let split = self.body.find("</p>").map_or(0, |at| at + 5);
        let (head, rest) = self.body.split_at(split);
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
             {head}<nav aria-label=\"Contents\"><ul>{contents}</ul></nav>\n{rest}</main>\n</body>\n</html>\n",
            escaped(&self.title)
        )
    }
}
