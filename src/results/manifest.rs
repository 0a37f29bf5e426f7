//! What must be known to repeat a run, and what shows that the repetition agrees.
//!
//! `manifest.json` is byte-identical between two runs of the same thing: it holds no time, no
//! machine and no path beyond the scenario file's name.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::scenario::profiles::content_hash;

/// A 128-bit fingerprint of a file's content: FNV-1a with 128 bits.
///
/// It tells files apart that differ by accident; it is no defence against somebody who makes two
/// files collide on purpose. Chosen because it is five lines, portable, and fixed for good
/// (Fowler, Noll, Vo, Eastlake: The FNV Non-Cryptographic Hash Algorithm, RFC 9923).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ContentHash(pub u128);

impl ContentHash {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        ContentHash(content_hash(bytes))
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A hardware or software profile that the scenario refers to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub hash: ContentHash,
}

/// The scenario file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ScenarioFile {
    /// Its name, without the folder it lies in.
    pub file: String,
    /// Its content.
    pub hash: ContentHash,
}

/// What must be known to repeat a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Manifest {
    /// Version of this program.
    pub version: &'static str,
    /// The scenario file.
    pub scenario: ScenarioFile,
    /// The profiles it refers to, in the order of their names.
    pub profiles: Vec<Profile>,
    /// Overrides from the command line, `path=value`, in the order in which they were given.
    pub set: Vec<String>,
    /// Seed of the random streams.
    pub seed: u64,
    /// Number of the replication.
    pub run: u64,
    /// Simulated time from the command line, if it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// 128-bit hash of the trajectory in 32 hexadecimal digits.
    pub fingerprint: String,
    /// Events executed.
    pub events: u64,
}

impl Manifest {
    /// The manifest of a finished run. `file` is the scenario file's name and `content` the bytes
    /// that were read from it; profiles are put in the order of their names.
    #[must_use]
    pub fn of(
        summary: &super::Summary,
        file: &str,
        content: &[u8],
        mut profiles: Vec<Profile>,
        set: Vec<String>,
    ) -> Self {
        profiles.sort_by(|a, b| a.name.cmp(&b.name));
        // The folder differs from machine to machine; both separators, since a file may travel.
        let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
        Manifest {
            version: env!("CARGO_PKG_VERSION"),
            scenario: ScenarioFile { file: file.to_owned(), hash: ContentHash::of(content) },
            profiles,
            set,
            seed: summary.seed,
            run: summary.run,
            until: None,
            fingerprint: summary.fingerprint.clone(),
            events: summary.events,
        }
    }

    /// The content of `manifest.json`.
    ///
    /// # Panics
    /// Never: a manifest has no key that JSON could not hold.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        json.push('\n');
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::sample;

    /// The vectors of the FNV authors' test program.
    #[test]
    fn the_hash_is_fnv_1a_128() {
        for (bytes, hash) in [
            ("", "6c62272e07bb014262b821756295c58d"),
            ("a", "d228cb696f1a8caf78912b704e4a8964"),
            ("foobar", "343e1662793c64bf6f0d3597ba446f18"),
        ] {
            assert_eq!(ContentHash::of(bytes.as_bytes()).to_string(), hash, "{bytes:?}");
        }
    }

    #[test]
    fn the_file_names_all_that_a_repetition_needs() {
        let profiles = ["wifi-b", "pi-3b"]
            .map(|name| Profile { name: name.to_owned(), hash: ContentHash::of(name.as_bytes()) });
        let set = vec!["hosts.camera.qos=2".to_owned()];
        let manifest =
            Manifest::of(&sample::summary(), "scenarios/two-viewers.ron", b"()", profiles.to_vec(), set);
        insta::assert_snapshot!(manifest.to_json().replace(env!("CARGO_PKG_VERSION"), "[version]"));
    }
}
