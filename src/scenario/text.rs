//! The text of a file that somebody wrote.

use std::fs;
use std::path::Path;

use super::error::{Diagnostic, nearest};

/// Bytes of the largest scenario or profile: what is larger was hardly written as one.
const LARGEST_FILE: usize = 8 << 20;

/// The text of a file.
///
/// # Errors
/// When it cannot be read, or is no UTF-8 text.
pub fn read_text(path: &Path) -> Result<String, Diagnostic> {
    let bytes = fs::read(path).map_err(|error| {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no file `{}`", path.display()),
            _ => format!("cannot read `{}`: {error}", path.display()),
        };
        let diagnostic = Diagnostic::error(message);
        match neighbour(path) {
            Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
            None if error.kind() == std::io::ErrorKind::NotFound => diagnostic,
            None => diagnostic.help("give a file of text that you may read"),
        }
    })?;
    if path.extension().is_some_and(|ending| ending == "ron") && bytes.len() > LARGEST_FILE {
        return Err(Diagnostic::error(format!("`{}` has {} bytes", path.display(), bytes.len())).help(
            format!(
                "a scenario or a profile has at most {LARGEST_FILE}; `count: 1000` makes a fleet of one entry"
            ),
        ));
    }
    // Some editors begin every file with a byte order mark.
    let bytes = if bytes.starts_with(b"\xef\xbb\xbf") { bytes[3..].to_vec() } else { bytes };
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
        let (line, column) = match before.rsplit_once('\n') {
            Some((lines, last)) => (lines.matches('\n').count() + 2, last.chars().count() + 1),
            None => (1, before.chars().count() + 1),
        };
        Diagnostic::error(format!("`{}:{line}:{column}` is no UTF-8 text", path.display()))
            .help("save the file as UTF-8; if it is no text at all, give another one")
    })
}

/// A file in the same folder whose name is nearly the same.
fn neighbour(path: &Path) -> Option<String> {
    let folder = path.parent()?;
    let look = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut names: Vec<String> = fs::read_dir(look)
        .ok()?
        .filter_map(|file| Some(file.ok()?.file_name().to_str()?.to_owned()))
        .filter(|name| name.ends_with(".ron"))
        .collect();
    names.sort();
    let near = nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str))?;
    Some(folder.join(near).display().to_string())
}
