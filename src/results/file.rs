//! A single file, written all or nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `content` under another name beside `path` and renames it: whoever finds the file finds it
/// complete, and a former one is replaced only by a complete new one. What is no regular file (a
/// pipe, a device) is written to directly.
///
/// # Errors
/// When that fails; what was at `path` is then as it was.
pub fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    put_with(path, |draft| {
        let mut file = File::create(draft)?;
        file.write_all(content)?;
        // Some file systems find out only here that there is no room; devices know no such thing.
        if draft.is_file() { file.sync_data() } else { Ok(()) }
    })
}

/// The same for what writes its file itself, under the name that it is given.
///
/// # Errors
/// When that fails; what was at `path` is then as it was.
pub fn put_with<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return write(path);
    }
    // A link goes on leading to the file.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let draft = draft_of(&path);
    let written = write(&draft).and_then(|()| Ok(fs::rename(&draft, &path)?));
    if written.is_err() {
        // Nothing can be done about a failure here; the first error is the one to tell.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// A hidden name in the same folder, with the same ending.
fn draft_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{}.partial.{name}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_is_there_whole_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        put(&path, b"one").unwrap();
        put(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let failed = put_with(&path, |draft| {
            fs::write(draft, b"th")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["page.html"]);
        assert!(put(&folder.path().join("nowhere/page.html"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_links_stay_what_they_are() {
        put(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        put(&file, b"one").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        put(&link, b"two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"two");
    }
}
