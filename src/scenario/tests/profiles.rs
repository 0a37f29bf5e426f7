//! The files in `hw-profiles/`: all of them load, and every number says where it comes from.

use std::fs;
use std::path::Path;

use models::mqtt::BrokerConfig;
use models::profile::{
    BatteryFile, Board, BoardFile, BrokerFile, ClientFile, Inherit, Kind, LinkFile, SoftwareFile,
};

use crate::scenario::error::Place;
use crate::scenario::profiles::{Library, Profile, content_hash};

fn library() -> Library {
    Library::new("hw-profiles")
}

fn nowhere() -> Place {
    Place { file: "test".to_owned(), text: "name".into(), span: 0..4, label: "unknown name".to_owned() }
}

/// Loads every profile of a kind and looks at every figure.
fn all<P: Profile>() -> usize {
    let mut library = library();
    let names = library.names::<P>();
    let mut figures = 0;
    for name in &names {
        library.load::<P>(name, nowhere()).unwrap_or_else(|error| panic!("{error}"));
        let read = library.read::<P>(name, nowhere()).unwrap();
        for (path, figure) in read.profile.figures() {
            let path = format!("{}/{name}: {}", P::FOLDER, path.join("."));
            assert!(!figure.unit.is_empty(), "{path} has no unit");
            assert!(figure.source.len() >= 12, "{path} has a source in name only: {}", figure.source);
            assert_eq!(figure.kind == Kind::Calibrated, figure.fitted_on.is_some(), "{path}");
            figures += 1;
        }
        for (key, kind, source) in read.profile.choices() {
            assert!(source.len() >= 12, "{}/{name}: {key} has a source in name only: {source}", P::FOLDER);
            assert_ne!(kind, Kind::Calibrated, "a choice is not fitted");
            figures += 1;
        }
    }
    figures
}

#[test]
fn every_profile_loads_and_every_figure_has_its_source() {
    assert!(all::<BoardFile>() > 150);
    assert!(all::<SoftwareFile>() > 40);
    assert!(all::<BatteryFile>() > 60);
    assert!(all::<LinkFile>() > 10);
    assert!(all::<BrokerFile>() > 40);
    assert!(all::<ClientFile>() > 30);
    let library = library();
    let ideal = |names: Vec<String>| names.iter().any(|name| name == "ideal");
    assert!(ideal(library.names::<BoardFile>()) && ideal(library.names::<SoftwareFile>()));
    assert!(ideal(library.names::<LinkFile>()));
}

/// The machine's own defaults and the files say the same.
#[test]
fn the_brokers_of_the_files_are_those_of_the_machine() {
    let broker = |name: &str| library().load::<BrokerFile>(name, nowhere()).unwrap();
    assert_eq!(broker("mosquitto-2.0").config, BrokerConfig::default());
    assert_eq!(broker("mosquitto-2.0").listen_backlog, Some(100));
    assert_eq!(broker("ideal").config, BrokerConfig::standard());
    assert_eq!(broker("standard").config, BrokerConfig::standard());
    let old = broker("mosquitto-1.4").config.clone();
    assert_eq!((old.max_inflight, old.max_queued), (20, 100));
    assert!(!old.forward_before_acknowledging && !old.ignore_publish_to_sys);
    assert_eq!(old.newest_version, models::mqtt::Version::V3_1_1);
}

fn board(name: &str) -> std::sync::Arc<Board> {
    library().load::<BoardFile>(name, nowhere()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_boards_of_the_smart_home_paper_have_its_figures() {
    // Smart-home paper, section V.C: 5.3 V, 0.24 A and 0.35 A.
    let ethernet = board("raspberry-pi-2b-ethernet");
    let dongle = board("raspberry-pi-2b-wifi-dongle");
    assert!((ethernet.idle_w - 5.3 * 0.24).abs() < 1e-9);
    assert!((dongle.idle_w - 5.3 * 0.35).abs() < 1e-9);
    assert_eq!(dongle.network.tx_w, 1.28);
    // 145 frames of an image, 219,049 B, take 800 ms.
    let image_s = dongle.network.host_tx_ns_per_byte * 219_049.0 * 1e-9;
    assert!((image_s - 0.8).abs() < 0.001, "{image_s}");
    assert_eq!(dongle.cores, ethernet.cores);
}

#[test]
fn the_calibrated_figure_says_what_it_was_fitted_on() {
    let read = library().read::<BoardFile>("raspberry-pi-2b-wifi-dongle", nowhere()).unwrap();
    let calibrated: Vec<_> =
        read.profile.figures().into_iter().filter(|(_, figure)| figure.kind == Kind::Calibrated).collect();
    assert_eq!(calibrated.len(), 1);
    assert_eq!(calibrated[0].0, ["network", "host_transmit"]);
    assert!(calibrated[0].1.fitted_on.as_deref().unwrap().contains("800 ms"));
}

/// The error of a folder with one file, as the user sees it; the folder's own name is left out.
fn refusal(name: &str, files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("links")).unwrap();
    for (file, text) in files {
        fs::write(folder.path().join("links").join(format!("{file}.ron")), text).unwrap();
    }
    let mut library = Library::new(folder.path());
    let error = library.load::<LinkFile>(name, nowhere()).unwrap_err().render(false);
    error.replace(&folder.path().display().to_string(), "hw-profiles").replace('\\', "/")
}

const LINK: &str = "(
    title: \"A link\",
    delay: (value: 1, unit: \"ms\", kind: Estimate, source: \"a guess with reasons\"),
    mtu: (value: 1500, unit: \"B\", kind: Datasheet, source: \"RFC 894 and others\"),
    framing: Ethernet,
)";

#[test]
fn bad_profiles_are_told() {
    let bad = |from: &str, to: &str| {
        assert!(LINK.contains(from));
        refusal("a", &[("a", &LINK.replacen(from, to, 1))])
    };
    insta::assert_snapshot!("profile_wrong_unit", bad("\"ms\"", "\"m\""));
    insta::assert_snapshot!("profile_without_source", bad("\"a guess with reasons\"", "\"\""));
    insta::assert_snapshot!("profile_without_kind", bad("kind: Estimate, ", ""));
    insta::assert_snapshot!("profile_unknown_kind", bad("Estimate", "Guess"));
    insta::assert_snapshot!("profile_calibrated_on_nothing", bad("Estimate", "Calibrated"));
    insta::assert_snapshot!("profile_negative", bad("value: 1,", "value: -1,"));
    insta::assert_snapshot!("profile_missing_figure", bad("framing: Ethernet,", ""));
    insta::assert_snapshot!("profile_unknown_field", bad("delay:", "dealy:"));
    insta::assert_snapshot!("profile_half_a_byte", bad("value: 1500", "value: 1500.5"));
    let unknown_base = LINK.replacen("framing", "base: \"b\", framing", 1);
    insta::assert_snapshot!("profile_unknown_base", refusal("a", &[("a", &unknown_base), ("bb", LINK)]));
    let circle = unknown_base.replace("\"b\"", "\"a\"");
    insta::assert_snapshot!("profile_in_a_circle", refusal("a", &[("a", &unknown_base), ("b", &circle)]));
}

#[test]
fn the_folder_is_found_above_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("scenarios").join("home");
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir_all(folder.path().join("hw-profiles").join("links")).unwrap();
    fs::write(folder.path().join("hw-profiles").join("links").join("mine.ron"), LINK).unwrap();
    let scenario = deep.join("a.ron");
    fs::write(&scenario, "()").unwrap();
    assert_eq!(Library::find(&scenario, None).unwrap().names::<LinkFile>(), ["mine"]);
    // With nothing above, the profiles beside the sources serve.
    let other = tempfile::tempdir().unwrap();
    let names = Library::find(&other.path().join("a.ron"), None).unwrap().names::<LinkFile>();
    assert!(names.iter().any(|name| name == "ideal"));
    assert!(Library::find(Path::new("a.ron"), Some(other.path())).is_ok());
}

#[test]
fn the_hash_is_that_of_the_reference() {
    // draft-eastlake-fnv, test vectors of FNV-1a 128.
    assert_eq!(content_hash(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
    assert_eq!(content_hash(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
}
