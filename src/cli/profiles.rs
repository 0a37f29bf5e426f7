//! `profiles`: what there is in `hw-profiles/`, and every number of one profile with its source.

use std::io::Write;
use std::path::Path;

use models::profile::{BatteryFile, BoardFile, Figure, LinkFile, SoftwareFile};
use serde_json::json;

use super::{Finished, Format, ProfilesArguments, ProfilesCommand};
use crate::scenario::error::{Diagnostic, Place, name_help};
use crate::scenario::profiles::{Inherited, Library, Profile};

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
    page::<BatteryFile>(library, name, &mut pages, |file| file.title)?;
    page::<LinkFile>(library, name, &mut pages, |file| file.title)?;
    if pages.is_empty() {
        let mut all = library.names::<BoardFile>();
        all.extend(library.names::<SoftwareFile>());
        all.extend(library.names::<BatteryFile>());
        all.extend(library.names::<LinkFile>());
        let plain = name.rsplit('/').next().unwrap_or(name);
        let mut diagnostic =
            Diagnostic::error(format!("there is no profile `{name}`")).at(on_command_line(name));
        diagnostic.help = name_help(plain, all.iter().map(String::as_str));
        return Err(diagnostic);
    }
    Ok(match format {
        Format::Json => {
            let pages: Vec<_> = pages.iter().map(Page::json).collect();
            format!("{:#}\n", json!(pages))
        }
        Format::Text => pages.iter().map(Page::text).collect::<Vec<_>>().join("\n"),
    })
}

/// One profile with its figures.
struct Page {
    folder: &'static str,
    name: String,
    title: String,
    figures: Vec<Inherited>,
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
    pages.push(Page { folder: P::FOLDER, name: name.to_owned(), title, figures });
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
        json!({ "folder": self.folder, "name": self.name, "title": self.title, "figures": figures })
    }

    fn text(&self) -> String {
        let mut text = format!("{}/{}: {}\n", self.folder, self.name, self.title);
        let rows: Vec<[String; 4]> = self.figures.iter().map(|one| row(&one.path, &one.figure)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), width(3)];
        for (row, Inherited { from, figure, .. }) in rows.iter().zip(&self.figures) {
            let [path, value, kind, uncertainty] = row;
            let [w0, w1, w2, w3] = widths;
            text.push_str(&format!(
                "  {path:w0$}  {value:>w1$}  {kind:w2$}  {uncertainty:>w3$}  {}",
                figure.source
            ));
            if let Some(fitted_on) = &figure.fitted_on {
                text.push_str(&format!(" [fitted on {fitted_on}]"));
            }
            if *from != self.name {
                text.push_str(&format!(" [from {from}]"));
            }
            text.push('\n');
        }
        text
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
