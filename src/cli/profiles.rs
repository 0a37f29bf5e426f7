//! `profiles`: what there is in `hw-profiles/`, and every number and choice of one profile with its source.

use std::io::Write;
use std::path::Path;

use models::profile::{BatteryFile, BoardFile, BrokerFile, ClientFile, Figure, LinkFile, SoftwareFile};
use serde_json::json;

use super::{Finished, Format, ProfilesArguments, ProfilesCommand};
use crate::scenario::error::{Diagnostic, Place, name_help};
use crate::scenario::profiles::{Inherited, InheritedChoice, Library, Profile};

pub(super) fn profiles(arguments: &ProfilesArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let mut library = Library::find(Path::new("."), arguments.profiles.as_deref())?;
    // A reader that has gone is no failure.
    let _ = match &arguments.command {
        None => out.write_all(list(&mut library, arguments.format)?.as_bytes()),
        Some(ProfilesCommand::Show { name, format }) => {
            let pages = show(&mut library, name, *format)?;
            out.write_all(pages.as_bytes())
        }
    };
    Ok(Finished::Held)
}

/// The place of a name that stands on the command line.
fn on_command_line(name: &str) -> Place {
    let text: std::sync::Arc<str> = name.into();
    Place { file: "command line".to_owned(), span: 0..text.len(), text, label: "unknown name".to_owned() }
}

fn list(library: &mut Library, format: Format) -> Result<String, Diagnostic> {
    let mut rows = Vec::new();
    titles::<BoardFile>(library, &mut rows, |file| file.title)?;
    titles::<SoftwareFile>(library, &mut rows, |file| file.title)?;
    titles::<BrokerFile>(library, &mut rows, |file| file.title)?;
    titles::<ClientFile>(library, &mut rows, |file| file.title)?;
    titles::<BatteryFile>(library, &mut rows, |file| file.title)?;
    titles::<LinkFile>(library, &mut rows, |file| file.title)?;
    Ok(match format {
        Format::Json => {
            let rows: Vec<_> = rows
                .iter()
                .map(|(folder, name, title)| json!({ "folder": folder, "name": name, "title": title }))
                .collect();
            format!("{:#}\n", json!(rows))
        }
        Format::Text => {
            let width = rows.iter().map(|(_, name, _)| name.len()).max().unwrap_or(0);
            let mut text = String::new();
            let mut section = "";
            for (folder, name, title) in &rows {
                if *folder != section {
                    text.push_str(if section.is_empty() { "" } else { "\n" });
                    text.push_str(&format!("{folder}\n"));
                    section = folder;
                }
                text.push_str(&format!("  {name:width$}  {title}\n"));
            }
            text
        }
    })
}

type Row = (&'static str, String, String);

fn titles<P: Profile>(
    library: &mut Library,
    rows: &mut Vec<Row>,
    title: impl Fn(P) -> String,
) -> Result<(), Diagnostic> {
    for name in library.names::<P>() {
        let read = library.read::<P>(&name, on_command_line(&name))?;
        rows.push((P::FOLDER, name, title(read.profile)));
    }
    Ok(())
}

/// The profiles of this name, one page a kind: `ideal` is a board, a software and a link.
fn show(library: &mut Library, name: &str, format: Format) -> Result<String, Diagnostic> {
    let mut pages = Vec::new();
    page::<BoardFile>(library, name, &mut pages, |file| file.title)?;
    page::<SoftwareFile>(library, name, &mut pages, |file| file.title)?;
    page::<BrokerFile>(library, name, &mut pages, |file| file.title)?;
    page::<ClientFile>(library, name, &mut pages, |file| file.title)?;
    page::<BatteryFile>(library, name, &mut pages, |file| file.title)?;
    page::<LinkFile>(library, name, &mut pages, |file| file.title)?;
    if pages.is_empty() {
        return Err(unknown(library, name));
    }
    Ok(match format {
        Format::Json => {
            let pages: Vec<_> = pages.iter().map(Page::json).collect();
            format!("{:#}\n", json!(pages))
        }
        Format::Text => pages.iter().map(Page::text).collect::<Vec<_>>().join("\n"),
    })
}

/// No profile has this name: the nearest that there is, among all or in the folder that `name` gives.
fn unknown(library: &Library, name: &str) -> Diagnostic {
    let folders = [
        (BoardFile::FOLDER, library.names::<BoardFile>()),
        (SoftwareFile::FOLDER, library.names::<SoftwareFile>()),
        (BrokerFile::FOLDER, library.names::<BrokerFile>()),
        (ClientFile::FOLDER, library.names::<ClientFile>()),
        (BatteryFile::FOLDER, library.names::<BatteryFile>()),
        (LinkFile::FOLDER, library.names::<LinkFile>()),
    ];
    let mut diagnostic = Diagnostic::error(format!("there is no profile `{name}`")).at(on_command_line(name));
    let (asked, plain) = name.split_once('/').unwrap_or(("", name));
    let mut names: Vec<&String> = match folders.iter().find(|(folder, _)| *folder == asked) {
        Some((_, names)) => names.iter().collect(),
        None => folders.iter().flat_map(|(_, names)| names).collect(),
    };
    // `ideal` is the name of several.
    names.sort();
    names.dedup();
    diagnostic.help = name_help(plain, names.into_iter().map(String::as_str));
    diagnostic
}

/// One profile with its figures and choices.
struct Page {
    folder: &'static str,
    name: String,
    title: String,
    figures: Vec<Inherited>,
    choices: Vec<InheritedChoice>,
}

/// Adds the profile `name` of one kind if there is one. `boards/ideal` asks for one kind alone.
fn page<P: Profile>(
    library: &mut Library,
    name: &str,
    pages: &mut Vec<Page>,
    title: impl Fn(P) -> String,
) -> Result<(), Diagnostic> {
    let name = match name.split_once('/') {
        Some((folder, _)) if folder != P::FOLDER => return Ok(()),
        Some((_, name)) => name,
        None => name,
    };
    if !library.names::<P>().iter().any(|known| known == name) {
        return Ok(());
    }
    // Completing it finds what is missing or has a wrong unit.
    library.load::<P>(name, on_command_line(name))?;
    let title = title(library.read::<P>(name, on_command_line(name))?.profile);
    let figures = library.inherited::<P>(name, on_command_line(name))?;
    let choices = library.inherited_choices::<P>(name, on_command_line(name))?;
    pages.push(Page { folder: P::FOLDER, name: name.to_owned(), title, figures, choices });
    Ok(())
}

impl Page {
    fn json(&self) -> serde_json::Value {
        let figures: Vec<_> = self
            .figures
            .iter()
            .map(|Inherited { from, path, figure }| {
                json!({
                    "path": path,
                    "value": figure.value,
                    "unit": figure.unit,
                    "kind": format!("{:?}", figure.kind),
                    "uncertainty": figure.uncertainty,
                    "source": figure.source,
                    "fitted_on": figure.fitted_on,
                    "from": from,
                })
            })
            .collect();
        let choices: Vec<_> = self
            .choices
            .iter()
            .map(|InheritedChoice { from, key, value, kind, source }| {
                json!({
                    "path": key,
                    "value": value,
                    "kind": format!("{kind:?}"),
                    "source": source,
                    "from": from,
                })
            })
            .collect();
        json!({
            "folder": self.folder,
            "name": self.name,
            "title": self.title,
            "figures": figures,
            "choices": choices,
        })
    }

    fn text(&self) -> String {
        let rows = self.figures.iter().map(|one| (row(&one.path, &one.figure), one.said(), &one.from));
        let choices = self.choices.iter().map(|one| {
            let InheritedChoice { key, value, kind, .. } = one;
            let row = [key.clone(), value.clone(), format!("{kind:?}"), String::new()];
            (row, one.source.clone(), &one.from)
        });
        let rows: Vec<([String; 4], String, &String)> = rows.chain(choices).collect();
        let width =
            |column: usize| rows.iter().map(|(row, ..)| row[column].chars().count()).max().unwrap_or(0);
        let [w0, w1, w2, w3] = [width(0), width(1), width(2), width(3)];
        let mut text = format!("{}/{}: {}\n", self.folder, self.name, self.title);
        for ([path, value, kind, uncertainty], source, from) in &rows {
            text.push_str(&format!("  {path:w0$}  {value:>w1$}  {kind:w2$}  {uncertainty:>w3$}  {source}"));
            if **from != self.name {
                text.push_str(&format!(" [from {from}]"));
            }
            text.push('\n');
        }
        text
    }
}

impl Inherited {
    /// The source, and what it was fitted on.
    fn said(&self) -> String {
        match &self.figure.fitted_on {
            Some(fitted_on) => format!("{} [fitted on {fitted_on}]", self.figure.source),
            None => self.figure.source.clone(),
        }
    }
}

fn row(path: &str, figure: &Figure) -> [String; 4] {
    let unit = if figure.unit == "1" { String::new() } else { format!(" {}", figure.unit) };
    let uncertainty = if figure.uncertainty == 0.0 {
        "exact".to_owned()
    } else {
        format!("+-{} %", (figure.uncertainty * 1000.0).round() / 10.0)
    };
    [path.to_owned(), format!("{}{unit}", figure.value), format!("{:?}", figure.kind), uncertainty]
}
