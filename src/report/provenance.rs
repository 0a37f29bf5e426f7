//! Where each number of the profiles comes from: read from the files themselves, so that no kind of
//! profile can be forgotten.

use std::path::Path;

use crate::scenario::outline::{self, Node};
use crate::scenario::profiles::Library;
use crate::scenario::text::read_text;

/// A number of a profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provenance {
    /// The profile: `boards/raspberry-pi-3b`.
    pub profile: String,
    /// The number: `network.transmit`.
    pub path: String,
    /// Value and unit.
    pub value: String,
    /// Measured, calculated, ...
    pub kind: String,
    /// Where it comes from.
    pub source: String,
    /// Relative uncertainty, if the file gives one.
    pub uncertainty: String,
}

/// The numbers of these profiles, found in the library of `folder` or in `given`. A profile that
/// cannot be read any more is left out.
#[must_use]
pub fn of(profiles: &[String], folder: &Path, given: Option<&Path>) -> Vec<Provenance> {
    let mut rows = Vec::new();
    let Ok(library) = Library::find(folder, given) else { return rows };
    for profile in profiles {
        let Ok(text) = read_text(&library.root().join(format!("{profile}.ron"))) else { continue };
        let Ok(outline) = outline::scan(&text) else { continue };
        outline.visit(&mut Vec::new(), &mut |path, node| {
            if node.child("value").is_some() && node.child("source").is_some() {
                rows.push(row(profile, path, node, &text));
            }
        });
    }
    rows
}

fn row(profile: &str, path: &[String], node: &Node, text: &str) -> Provenance {
    let field = |key: &str| {
        let written = node.child(key).map_or("", |value| &text[value.span.clone()]);
        ron::from_str::<String>(written).unwrap_or_else(|_| written.to_owned())
    };
    let fitted = field("fitted_on");
    let source = field("source");
    Provenance {
        profile: profile.to_owned(),
        path: path.join("."),
        value: value_with_unit(&field("value"), &field("unit")),
        kind: field("kind"),
        source: if fitted.is_empty() { source } else { format!("{source}; fitted on: {fitted}") },
        uncertainty: field("uncertainty"),
    }
}

/// A pure number has the unit 1, which nobody reads aloud.
fn value_with_unit(value: &str, unit: &str) -> String {
    if unit == "1" { value.to_owned() } else { format!("{value} {unit}") }
}
