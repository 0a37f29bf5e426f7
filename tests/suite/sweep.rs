//! Sweeps as a user calls them: the same bytes however they were run, and nothing lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod statistics;

const SMALL: &str = r#"(
    title: "A small sweep",
    question: "Does a small sweep work?",
    duration: "60 s",
    stop: WhenQuiet,
    hosts: {
        "sensor": (
            count: 5,
            board: "raspberry-pi-3b",
            software: "paho-python",
            mqtt: (broker: "server", connect_at: "1 s"),
            role: Burst(topic: "a/{index}", payload: "300 B", qos: 1, at: "1 s"),
        ),
        "server": (board: "server-i3", software: "mosquitto-2.0", role: Broker()),
    },
    links: [(from: "sensor", to: "server", rate: "10 Mbit/s", delay: "2 ms", loss: 0.05)],
    expect: ["delivered == 5"],
    sweep: (
        axes: [
            (name: "qos", values: [0, 1, 2]),
            (name: "loss", set: "links[0].loss", range: (from: 0, to: 0.1, step: 0.05)),
        ],
        runs: 4,
    ),
)"#;

pub(crate) fn called(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mqtt-twin")).args(arguments).output().unwrap()
}

pub(crate) fn fine(arguments: &[&str]) -> String {
    let output = called(arguments);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {problems}");
    String::from_utf8(output.stdout).unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(scenario: &str) -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        fs::write(folder.path("small.ron"), scenario).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Sweeps the scenario into the folder `name`.
    fn sweep(&self, name: &str, more: &[&str]) -> String {
        let (file, out) = (self.text("small.ron"), self.text(name));
        fine(&[&["sweep", &file, "--out", &out], more].concat())
    }

    fn bytes(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.path(name), "", &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else {
            files.push((name, fs::read(entry.path()).unwrap()));
        }
    }
}

#[test]
fn the_same_bytes_at_any_number_of_jobs_in_pieces_and_in_shares() {
    let folder = Folder::with(SMALL);
    let told = folder.sweep("one", &["--jobs", "1"]);
    assert!(told.contains("9 points, 36 runs: 36 run now"), "{told}");
    let whole = folder.bytes("one");
    let names: Vec<&str> = whole.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["journal/complete.rows", "manifest.json", "points.parquet", "runs.parquet", "scenario.ron"]
    );
    folder.sweep("four", &["--jobs", "4"]);
    assert!(whole == folder.bytes("four"), "the number of jobs makes no difference");

    // First a few points, then fewer runs than wanted, then all: only what is missing is run.
    folder.sweep("pieces", &["qos == 2 && loss > 0"]);
    let told = folder.sweep("pieces", &["--runs", "2"]);
    assert!(told.contains("9 points, 18 runs: 14 run now"), "{told}");
    let told = folder.sweep("pieces", &[]);
    assert!(told.contains("36 runs: 14 run now") && told.contains("22 were there"), "{told}");
    let told = folder.sweep("pieces", &[]);
    assert!(told.contains("36 runs: 0 run now"), "{told}");
    assert!(whole == folder.bytes("pieces"), "pieces make the same whole");

    let shares: Vec<String> = (1..=3).map(|part| folder.text(&format!("share{part}"))).collect();
    for part in 1..=3 {
        folder.sweep(&format!("share{part}"), &["--shard", &format!("{part}/3")]);
    }
    let out = folder.text("merged");
    let missing = called(&["merge", &out, &shares[0], &shares[2]]);
    let problem = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert_eq!(missing.status.code(), Some(2));
    assert!(problem.contains("12 of 36 runs are missing") && problem.contains("share 2/3"), "{problem}");
    fine(&["merge", &out, &shares[0], &shares[1], &shares[2]]);
    assert!(whole == folder.bytes("merged"), "shares make the same whole");
}

#[test]
fn a_killed_sweep_goes_on_where_it_was_and_ends_in_the_same_bytes() {
    let folder = Folder::with(SMALL);
    let more = ["--runs", "40", "--jobs", "2"];
    folder.sweep("whole", &more);
    let (file, out) = (folder.text("small.ron"), folder.text("killed"));
    let mut kept = 0;
    for _ in 0..3 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-twin"))
            .args(["sweep", &file, "--out", &out, "--quiet"])
            .args(more)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Killed as soon as some more runs are there, wherever it is then.
        let journal = folder.path("killed/journal");
        let before = size(&journal);
        while child.try_wait().unwrap().is_none() && size(&journal) < before + 8_000 {
            std::thread::yield_now();
        }
        let _ = child.kill();
        let _ = child.wait();
        kept = size(&journal);
    }
    assert!(kept > 20_000, "some runs were kept: {kept} bytes");
    let told = folder.sweep("killed", &more);
    assert!(!told.contains("360 run now"), "{told}");
    assert!(folder.bytes("whole") == folder.bytes("killed"));
}

fn size(folder: &Path) -> u64 {
    let Ok(files) = fs::read_dir(folder) else { return 0 };
    files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
}

#[test]
fn versions_are_not_mixed_unless_asked_for() {
    let folder = Folder::with(SMALL);
    folder.sweep("out", &["--runs", "1"]);
    // What an older program would have left behind.
    let rows = folder.path("out/journal/complete.rows");
    let bytes = fs::read(&rows).unwrap();
    let version = mqtt_twin::study::VERSION.as_bytes();
    let at = bytes.windows(version.len()).position(|window| window == version).unwrap();
    let mut older = bytes.clone();
    older[at] = b'9';
    fs::write(&rows, older).unwrap();
    let (file, out) = (folder.text("small.ron"), folder.text("out"));
    let refused = called(&["sweep", &file, "--out", &out, "--runs", "2"]);
    let problem = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2));
    assert!(problem.contains("runs of another version") && problem.contains("--fresh"), "{problem}");
    let told = folder.sweep("out", &["--runs", "2", "--mix-versions"]);
    assert!(told.contains("18 runs: 9 run now"), "{told}");
    let manifest = fs::read_to_string(folder.path("out/manifest.json")).unwrap();
    assert!(manifest.contains("\"other_versions\": [\n"), "the manifest says so: {manifest}");
    let told = folder.sweep("out", &["--runs", "2", "--fresh"]);
    assert!(told.contains("18 runs: 18 run now"), "{told}");
}

#[test]
fn replications_are_added_until_the_precision_is_reached_or_the_bound() {
    let folder = Folder::with(SMALL);
    let asked = ["qos == 1", "--runs", "3", "--precision", "10%", "--of", "latency.max", "--most", "40"];
    let told = folder.sweep("one", &[&asked[..], &["--jobs", "1", "--csv"]].concat());
    folder.sweep("three", &[&asked[..], &["--jobs", "3", "--csv"]].concat());
    assert!(folder.bytes("one") == folder.bytes("three"), "decided by the results alone");
    let points = fs::read_to_string(folder.path("one/points.csv")).unwrap();
    let (mut runs, mut within) = (Vec::new(), 0);
    for line in points.lines().filter(|line| line.contains(",latency.max,")) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |place: usize| cells[place].parse::<f64>().unwrap();
        let (count, mean, half_width) = (number(4), number(5), number(6));
        assert!(half_width <= 0.1 * mean || count == 40.0, "{line}");
        within += u32::from(half_width <= 0.1 * mean);
        runs.push(count);
    }
    assert_eq!(runs.len(), 3);
    assert!(runs[0] < runs[2], "lossy points need more: {runs:?}");
    assert!(told.contains(&format!("latency.max: within 10 % at {within} of 3 points")), "{told}");
    assert_eq!(told.contains("not with 40 runs at qos=1"), within < 3, "{told}");
}

#[test]
fn common_random_numbers_are_the_default_and_can_be_left() {
    let folder = Folder::with(SMALL);
    let seeds = |name: &str, more: &[&str]| {
        folder.sweep(name, &[&["--runs", "1", "--csv"], more].concat());
        let runs = fs::read_to_string(folder.path(&format!("{name}/runs.csv"))).unwrap();
        let seeds: std::collections::BTreeSet<String> =
            runs.lines().skip(1).map(|line| line.split(',').nth(4).unwrap().to_owned()).collect();
        seeds.len()
    };
    assert_eq!(seeds("common", &[]), 1);
    assert_eq!(seeds("independent", &["--independent"]), 9);
}

#[test]
fn list_shows_the_plan_and_runs_nothing() {
    let folder = Folder::with(SMALL);
    let file = folder.text("small.ron");
    let told = fine(&["list", "--points", &file, "qos >= 1 && loss < 0.1"]);
    let expected =
        "qos=1,loss=0\nqos=1,loss=0.05\nqos=2,loss=0\nqos=2,loss=0.05\n4 points x 4 runs = 16 runs\n";
    assert_eq!(told, expected);
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1);
}

/// The plan of a sweep with this section.
fn plan(section: &str) -> Vec<String> {
    let start = SMALL.find("sweep: (").unwrap();
    let folder = Folder::with(&format!("{}sweep: ({section}),\n)", &SMALL[..start]));
    let told = fine(&["list", "--points", &folder.text("small.ron")]);
    told.lines().map(str::to_owned).collect()
}

#[test]
fn axes_are_nested_zipped_and_constrained() {
    let zipped = r#"axes: [
        (name: "board", set: "hosts.sensor.board", values: ["raspberry-pi-3b", "esp8266-nodemcu"]),
        (name: "qos", values: [0, 1]),
        (name: "software", set: "hosts.sensor.software", values: ["paho-python", "umqtt"]),
    ], zip: [["board", "software"]], runs: 1"#;
    assert_eq!(
        plan(zipped)[..4],
        [
            "board=raspberry-pi-3b,qos=0,software=paho-python",
            "board=raspberry-pi-3b,qos=1,software=paho-python",
            "board=esp8266-nodemcu,qos=0,software=umqtt",
            "board=esp8266-nodemcu,qos=1,software=umqtt",
        ]
    );
    let levels = r#"axes: [
        (name: "severity", levels: {
            "NORMAL": {"payload": "100 B", "messages": 1},
            "DANGER": {"payload": "1 kB", "messages": 3},
        }),
        (name: "delay", set: "links[0].delay", log: (from: "1 ms", to: "100 ms", points: 3)),
        (name: "count", set: "hosts.sensor.count", values: [2, 20]),
    ], where: ["count > 2 || severity == NORMAL", "!(delay == 10 ms)"], runs: 1"#;
    assert_eq!(
        plan(levels),
        [
            "severity=NORMAL,delay=1 ms,count=2",
            "severity=NORMAL,delay=1 ms,count=20",
            "severity=NORMAL,delay=100 ms,count=2",
            "severity=NORMAL,delay=100 ms,count=20",
            "severity=DANGER,delay=1 ms,count=20",
            "severity=DANGER,delay=100 ms,count=20",
            "6 points x 1 runs = 6 runs",
        ]
    );
}

#[test]
fn bad_axes_are_refused_at_their_place_before_anything_runs() {
    let start = SMALL.find("sweep: (").unwrap();
    let mut told = String::new();
    for section in [
        r#"axes: [(name: "qos", values: [0, 1, 3])]"#,
        r#"axes: [(name: "qso", values: [0, 1])]"#,
        r#"axes: [(name: "loss", set: "links[1].loss", values: [0.1])]"#,
        r#"axes: [(name: "qos", values: [])]"#,
        r#"axes: []"#,
        r#"axes: [(name: "qos", values: ["high"])]"#,
        r#"axes: [(name: "rate", values: ["10 Mbit/s", "20 ms"])]"#,
        r#"axes: [(name: "count", set: "hosts.sensor.count", range: (from: 1, to: 1000000000, step: 1))]"#,
        r#"axes: [(name: "loss", range: (from: 0, to: 0.1, step: -0.01))]"#,
        r#"axes: [(name: "delay", log: (from: "0 ms", to: "1 s", points: 5))]"#,
        r#"axes: [(name: "qos", values: [0, 1], range: (from: 0, to: 2, step: 1))]"#,
        r#"axes: [(name: "qos", values: [0, 0])]"#,
        r#"axes: [(name: "qos", value: [0, 1])]"#,
        r#"axes: [(name: "qos", values: [0, 1]), (name: "loss", values: [0.1])], zip: [["qos", "loss"]]"#,
        r#"axes: [(name: "qos", values: [0, 1])], where: ["qos == 1 && lss < 0.1"]"#,
        r#"axes: [(name: "qos", values: [0, 1])], where: ["qos > 2"]"#,
        r#"axes: [(name: "qos", values: [0, 1])], figures: ["latency.p9"]"#,
        r#"axes: [(name: "qos", values: [0, 1])], figures: ["delivery", "nodes.sensr.energy_j.mean"]"#,
        r#"axes: [(name: "qos", values: [0, 1])], precision: (of: "deliverd", half_width: "2%")"#,
        r#"axes: [(name: "qos", values: [0, 1])], runs: 0"#,
        r#"axes: [(name: "qos", values: [0, 1])], precision: (half_width: "200%")"#,
        r#"axes: [(name: "software", set: "hosts.sensor.software", values: ["paho-python", "mosquitto-2.0"])]"#,
    ] {
        let folder = Folder::with(&format!("{}sweep: ({section}),\n)", &SMALL[..start]));
        let file = folder.text("small.ron");
        let output = called(&["sweep", &file, "--out", &folder.text("out")]);
        assert_eq!(output.status.code(), Some(2), "{section}");
        assert!(!folder.path("out").exists(), "nothing was run: {section}");
        assert_eq!(called(&["check", &file, "--quiet"]).status.code(), Some(2), "{section}");
        let problem = String::from_utf8(output.stderr).unwrap().replace(&file, "small.ron");
        told.push_str(&format!("{section}\n{problem}\n"));
    }
    insta::assert_snapshot!("bad_axes", told);
}

#[test]
fn a_selection_that_names_no_axis_is_refused() {
    let folder = Folder::with(SMALL);
    let output = called(&["sweep", &folder.text("small.ron"), "qos == 2 && los > 0.01"]);
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        problem.contains("there is no axis `los`") && problem.contains("did you mean `loss`?"),
        "{problem}"
    );
    let output = called(&["sweep", "scenarios/one-publish.ron"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no sweep"));
}
