//! Names the sources that results depend on: results of a sweep are kept, and those of other
//! sources are not mixed with them by accident.

use std::fs;
use std::path::{Path, PathBuf};

/// What a result depends on. How it is shown is not among it.
const ROOMS: [&str; 5] = ["sim-core/src", "models/src", "src/scenario", "src/results", "src/execute.rs"];

fn main() {
    let mut files = Vec::new();
    for room in ROOMS {
        println!("cargo:rerun-if-changed={room}");
        collect(Path::new(room), &mut files);
    }
    files.sort();
    // FNV-1a, RFC 9923
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        let content = fs::read(&file).unwrap_or_default();
        for byte in name.bytes().chain(content) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    println!("cargo:rustc-env=MQTT_TWIN_SOURCES={hash:016x}");
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    // Tests and their snapshots change no result.
    let skipped = ["tests", "tests.rs", "snapshots", "testdata"];
    if path.file_name().is_some_and(|name| skipped.iter().any(|skipped| name == *skipped)) {
        return;
    }
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| collect(&entry.path(), files)),
        Err(_) => files.push(path.to_owned()),
    }
}
