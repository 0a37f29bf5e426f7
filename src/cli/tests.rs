//! The commands as a user calls them: what is printed, what is written, and the exit code.

use super::*;

const ONE_PUBLISH: &str = "src/scenario/testdata/one-publish.ron";
const SMART_HOME: &str = "src/scenario/testdata/smart-home.ron";

/// Exit code, standard output, standard error.
fn called(arguments: &[&str]) -> (u8, String, String) {
    let arguments = Arguments::try_parse_from([&["mqtt-twin"], arguments].concat()).unwrap();
    let (mut out, mut problems) = (Vec::new(), Vec::new());
    let code = execute(&arguments.command, &mut out, &mut problems);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(out), text(problems))
}

#[test]
fn the_arguments_are_consistent() {
    use clap::CommandFactory;
    Arguments::command().debug_assert();
}

#[test]
fn exit_codes_tell_fine_failed_and_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run").display().to_string();
    let (code, shown, problems) = called(&["run", ONE_PUBLISH, "--seed", "3", "--run", "2", "--out", &out]);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert!(shown.contains("seed 3, run 2"), "{shown}");
    assert!(shown.ends_with(&format!("results in {out}\n")), "{shown}");
    let wrong = ["run", ONE_PUBLISH, "--set", "expect=[\"delivered == 7\"]", "--quiet", "--out", &out];
    assert_eq!(called(&wrong), (1, String::new(), String::new()));
    let unused = folder.path().join("unused").display().to_string();
    let (code, shown, problems) = called(&["run", ONE_PUBLISH, "--set", "qos=3", "--out", &unused]);
    assert_eq!((code, shown.as_str()), (2, ""));
    assert!(problems.starts_with("error: QoS 3 is reserved"), "{problems}");
    assert!(!std::path::Path::new(&unused).exists(), "bad input writes nothing");
}

#[test]
fn a_run_writes_what_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let path = out.display().to_string();
    let asked = ["run", ONE_PUBLISH, "--csv", "--pcap", "--chart", "--format", "json", "--out", &path];
    let (code, shown, _) = called(&asked);
    assert_eq!(code, 0);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let written = std::fs::read_to_string(out.join("summary.json")).unwrap();
    assert_eq!(shown, serde_json::from_str::<serde_json::Value>(&written).unwrap());
    let mut files: Vec<String> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "capture.pcapng",
            "chart.txt",
            "energy.csv",
            "energy.parquet",
            "manifest.json",
            "messages.csv",
            "messages.parquet",
            "nodes.csv",
            "nodes.parquet",
            "scenario.ron",
            "summary.json",
        ]
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let out = file.join("run").display().to_string();
    let (code, _, problems) = called(&["run", ONE_PUBLISH, "--out", &out]);
    assert_eq!(code, 2);
    assert!(problems.contains("a file stands where a folder should be"), "{problems}");
}

#[test]
fn check_says_ok_or_why_not_for_every_file() {
    let (code, out, problems) = called(&["check", ONE_PUBLISH, "missing.ron", SMART_HOME]);
    assert_eq!(code, 2);
    assert_eq!(out, format!("ok {ONE_PUBLISH}: 3 hosts, 3 links\nok {SMART_HOME}: 6 hosts, 7 links\n"));
    assert!(problems.contains("there is no file `missing.ron`"));
    let (code, out, _) = called(&["check", ONE_PUBLISH, "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, rows[0]["hosts"].as_u64(), rows[0]["ok"].as_bool()), (0, Some(3), Some(true)));
    assert_eq!(called(&["check", "--quiet", ONE_PUBLISH]).1, "");
}

#[test]
fn list_shows_every_question() {
    let (code, out, problems) = called(&["list", "src/scenario/testdata"]);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert!(out.contains("one-publish.ron\n    One message\n    What is on the wire"), "{out}");
    assert!(out.contains("Does every image arrive?"));
    assert_eq!(called(&["list", "no-such-folder"]).0, 2);
    // Those in folders come behind those of the folder itself; profiles and results are no scenarios.
    let (code, out, problems) = called(&["list", "scenarios"]);
    assert_eq!((code, problems.as_str()), (0, ""));
    let files: Vec<&str> = out.lines().filter(|line| line.starts_with("scenarios/")).collect();
    let place = |file: &str| files.iter().position(|listed| *listed == file);
    let (last, inner) =
        (place("scenarios/wifi-crowd.ron").unwrap(), place("scenarios/behaviours/retained.ron").unwrap());
    assert!(last < inner && place("scenarios/explore/publish.ron").is_some(), "{files:?}");
    assert!(files.is_sorted_by_key(|file| file.matches('/').count()), "{files:?}");
    let (code, out, problems) = called(&["list", "."]);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert!(!out.contains("hw-profiles"), "{out}");
}

#[test]
fn chart_wants_hosts_that_are_there_and_a_window_that_opens() {
    let (code, out, _) = called(&["chart", SMART_HOME, "--hosts", "camera[1],broker", "--to", "3 s"]);
    assert_eq!(code, 0);
    assert!(out.lines().next().unwrap().contains("camera[1]"), "{out}");
    let (code, _, problems) = called(&["chart", ONE_PUBLISH, "--hosts", "brokr"]);
    assert_eq!(code, 2);
    assert!(problems.contains("did you mean `broker`?"), "{problems}");
    assert_eq!(called(&["chart", SMART_HOME, "--hosts", "camera[99]"]).0, 2);
    assert_eq!(called(&["chart", ONE_PUBLISH, "--from", "2 s", "--to", "1 s"]).0, 2);
}

#[test]
fn the_same_run_writes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let out = folder.path().join(name);
        let path = out.display().to_string();
        let asked = ["run", SMART_HOME, "--set", "expect=[]", "--csv", "--pcap", "--quiet", "--out", &path];
        assert_eq!(called(&asked).0, 0);
        ["manifest.json", "messages.parquet", "nodes.csv", "energy.parquet", "capture.pcapng"]
            .map(|file| std::fs::read(out.join(file)).unwrap())
    };
    assert!(bytes("first") == bytes("second"));
}

#[test]
fn spans_on_the_command_line_need_a_unit() {
    let error = Arguments::try_parse_from(["mqtt-twin", "run", "a.ron", "--until", "20"]).unwrap_err();
    assert!(error.to_string().contains("a unit is missing: write `20 ms`"), "{error}");
}

#[test]
fn profiles_lists_brokers_and_clients_and_shows_every_number_and_choice() {
    let (code, listed, _) = called(&["profiles"]);
    assert_eq!(code, 0);
    for line in ["\nbrokers\n", "  mosquitto-2.0 ", "\nclients\n", "  paho-1.3 "] {
        assert!(listed.contains(line), "{line:?} in {listed}");
    }
    let (code, shown, _) = called(&["profiles", "show", "brokers/mosquitto-2.0", "--format", "json"]);
    assert_eq!(code, 0);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let page = &shown.as_array().unwrap()[0];
    let find = |of: &str, path: &str| {
        let rows = page[of].as_array().unwrap();
        rows.iter().find(|row| row["path"] == path).unwrap_or_else(|| panic!("no {path}")).clone()
    };
    let inflight = find("figures", "max_inflight");
    assert_eq!((inflight["value"].as_f64(), inflight["kind"].as_str()), (Some(20.0), Some("Datasheet")));
    let forwards = find("choices", "qos_2_forwarded_on");
    assert_eq!((forwards["value"].as_str(), forwards["kind"].as_str()), (Some("Pubrel"), Some("Measured")));
    assert!(forwards["source"].as_str().unwrap().contains("forwarded on PUBREL"), "{forwards}");
    // What a profile inherits says where it stands.
    let (_, shown, _) = called(&["profiles", "show", "clients/paho-1.3"]);
    let row = |key: &str| shown.lines().find(|line| line.trim_start().starts_with(key)).unwrap();
    assert!(row("keep_alive_rule").contains("Paho1_3") && !row("keep_alive_rule").contains("[from"));
    assert!(row("max_inflight").ends_with("[from paho]"), "{shown}");
}

#[test]
fn an_unknown_profile_gets_the_nearest_right_name() {
    let (code, _, problems) = called(&["profiles", "show", "pubsubclent"]);
    assert_eq!(code, 2);
    assert!(problems.contains("did you mean `pubsubclient`?"), "{problems}");
    // A folder narrows it down.
    let (_, _, problems) = called(&["profiles", "show", "brokers/mosquito-2.0"]);
    assert!(problems.contains("did you mean `mosquitto-2.0`?"), "{problems}");
    assert!(!problems.contains("umqtt"), "no broker: {problems}");
}
