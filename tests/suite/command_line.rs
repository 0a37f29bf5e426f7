//! The program itself, as a newcomer calls it.

use std::path::Path;
use std::process::{Command, Output};

fn called(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mqtt-twin")).args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn the_main_job_from_the_repositorys_folder() {
    let results = tempfile::tempdir().unwrap();
    let out = results.path().join("images").display().to_string();
    let output = called(&crate::root(), &["run", "scenarios/smart-home-images.ron", "--out", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "nothing but results where no terminal is");
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["Messages", "Latency", "MQTT packets", "Energy", "PUBLISH", "results in"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours where no terminal is");
}

#[test]
fn from_an_empty_folder_the_profiles_are_found_and_results_lie_there() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = crate::root().join("scenarios/one-publish.ron").display().to_string();
    let output = called(folder.path(), &["run", &scenario, "--set", "qos=1", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.path().join("results/one-publish/qos=1/0/summary.json").is_file());
}

#[test]
fn a_missing_file_is_bad_input_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = called(folder.path(), &["run", "nowhere.ron"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.ron"));
    assert!(output.stdout.is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn every_scenario_passes_the_check() {
    let output =
        called(&crate::root(), &["check", "scenarios/one-publish.ron", "scenarios/alert-burst-500.ron"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "ok scenarios/one-publish.ron: 3 hosts, 3 links\n\
         ok scenarios/alert-burst-500.ron: 502 hosts, 502 links\n"
    );
}
