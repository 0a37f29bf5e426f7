//! Comparisons of sweeps, and of two runs event by event.

use crate::sweep::{called, fine};

fn scenario(name: &str) -> String {
    crate::root().join(format!("scenarios/{name}.ron")).display().to_string()
}

#[test]
fn levels_are_compared_in_pairs_in_four_formats() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sweep").display().to_string();
    let file = scenario("qos-tradeoff");
    let few = "payload == 300 B && severity == NORMAL && loss == 0.02";
    fine(&[
        "sweep",
        &file,
        few,
        "--set",
        "hosts.sensor.count=40",
        "--set",
        "expect=[]",
        "--runs",
        "6",
        "--quiet",
        "--out",
        &out,
    ]);
    let text = fine(&["compare", &out]);
    assert!(text.contains("differences from qos=0, run by run on the same random numbers"), "{text}");
    let markdown = fine(&["compare", &out, "--by", "qos", "--format", "markdown"]);
    assert!(markdown.contains("| --- | ---: |") && markdown.contains("| qos=2 | 1 |"), "{markdown}");
    let csv = fine(&["compare", &out, "--figures", "packets.PUBREC,delivery", "--format", "csv"]);
    assert_eq!(
        csv.lines().next(),
        Some("level,packets.PUBREC,packets.PUBREC_ci95,delivery,delivery_ci95,Pareto front")
    );
    assert!(csv.contains("qos=2,40,0,1,0,"), "{csv}");
    let json = fine(&["compare", &out, "--baseline", "2", "--figures", "packets.PUBREC", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[1]["rows"][0]["level"], "qos=0");
    assert_eq!(json[1]["rows"][0]["packets.PUBREC"]["mean"], -40.0);
    // QoS 1 and 2 part after the same connections and the same losses.
    let energy = "nodes.sensor.energy_above_idle_j";
    let json = fine(&["compare", &out, "--baseline", "1", "--figures", energy, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[2]["rows"][1]["level"], "qos=2");
    let saving = json[2]["rows"][1][energy].as_f64().unwrap();
    assert!(saving >= 5.0, "pairs take at least five times fewer runs: {saving}");
    what_pairs_could_save_at_most(&out, saving, energy);
    let wrong = called(&["compare", &out, "--by", "qso"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean `qos`?"));
    let wrong = called(&["compare", &out, "--figures", "latency.p9"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean `latency.p90`?"));
}

/// The last table, in every format; `saving` is that of QoS 2 against 1 for the figure.
fn what_pairs_could_save_at_most(sweep: &str, saving: f64, figure: &str) {
    let asked = ["compare", sweep, "--baseline", "1", "--figures", figure, "--table", "at-most"];
    let with = |more: &[&str]| fine(&[&asked[..], more].concat());
    let csv = with(&["--format", "csv"]);
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((rows.len(), rows[0][..].join(",")), (3, format!("level,{figure}")));
    let at_most: f64 = rows[2][1].parse().unwrap();
    assert!(rows[2][0] == "qos=2" && at_most >= saving && at_most.is_finite(), "{csv}");
    let title = "at most, were the same runs paired perfectly";
    let json: serde_json::Value = serde_json::from_str(&with(&["--format", "json"])).unwrap();
    assert!(json[0]["title"].as_str().unwrap().starts_with(title), "{json}");
    assert_eq!(json[0]["rows"][1][figure].as_f64(), Some(at_most));
    assert!(with(&[]).starts_with(title));
    assert!(with(&["--format", "markdown"]).starts_with(&format!("**{title}")));
    // Without a table asked for all are shown; losses explain what no pairing can.
    let all = fine(&["compare", sweep, "--adjust", "--figures", figure]);
    assert!(all.contains(title) && all.contains("without pairs and adjustment"), "{all}");
    let wrong = called(&["compare", sweep, "--table", "at_most"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("'at-most'"));
    let one = called(&["compare", sweep, "--by", "loss", "--table", "saving"]);
    let told = String::from_utf8_lossy(&one.stderr).into_owned();
    assert!(one.status.code() == Some(2) && told.contains("only one level"), "{told}");
}

/// Where a condition leaves one level more points than the others, its mean is not compared with theirs unsaid.
#[test]
fn levels_of_different_points_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sweep").display().to_string();
    let file = scenario("qos-tradeoff");
    let uneven = "payload == 300 B && severity == NORMAL && (loss == 0.02 || qos == 0 && loss == 0.01)";
    let small = ["--set", "hosts.sensor.count=2", "--set", "expect=[]", "--runs", "2", "--quiet"];
    fine(&[&["sweep", &file, uneven, "--out", &out], &small[..]].concat());
    let told = fine(&["compare", &out, "--by", "qos"]);
    assert!(told.contains("the levels have different points (2, 1, 1)"), "{told}");
    let told = fine(&["compare", &out, "--by", "qos,loss"]);
    assert!(!told.contains("different points"), "{told}");
    // Random numbers of their own: no pairs, so nothing that they save.
    let own = folder.path().join("own").display().to_string();
    fine(&[&["sweep", &file, uneven, "--independent", "--out", &own], &small[..]].concat());
    let wrong = called(&["compare", &own, "--table", "saving"]);
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(2) && told.contains("so there are no pairs"), "{told}");
}

#[test]
fn two_sweeps_differ_where_the_scenario_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let file = scenario("qos-tradeoff");
    let few = "payload == 300 B && severity == NORMAL && loss == 0.02";
    let sweep = |name: &str, more: &[&str]| {
        let out = path(name);
        let asked = [
            "sweep",
            &file,
            few,
            "--set",
            "hosts.sensor.count=20",
            "--set",
            "expect=[]",
            "--runs",
            "8",
            "--quiet",
            "--out",
            &out,
        ];
        fine(&[&asked[..], more].concat());
    };
    sweep("one", &[]);
    sweep("same", &["--jobs", "1"]);
    sweep("slower", &["--set", "links[0].delay=\"9 ms\""]);
    let (one, same, slower) = (path("one"), path("same"), path("slower"));
    let told = fine(&["compare", &one, &same, "--fail-on-change"]);
    assert!(told.starts_with("0 of 15 figures changed"), "{told}");
    let told = fine(&["compare", &one, &slower]);
    assert!(told.contains("latency.p50") && told.contains("paired"), "{told}");
    let failed = called(&["compare", &one, &slower, "--fail-on-change"]);
    assert_eq!(failed.status.code(), Some(1));
}

#[test]
fn results_keep_the_files_that_their_scenario_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::create_dir_all(folder.path().join("lab/traces")).unwrap();
    std::fs::write(folder.path().join("lab/traces/losses.txt"), "....x.....\n").unwrap();
    let text = std::fs::read_to_string(scenario("qos-tradeoff")).unwrap();
    let text = text.replace("loss: 0.01)", "loss: Trace(file: \"traces/losses.txt\", repeat: true))");
    let text = text.replace(
        ", set: \"links[0].loss\", range: (from: 0, to: 0.09, step: 0.01)",
        ", set: \"seed\", values: [1]",
    );
    std::fs::write(folder.path().join("lab/lossy.ron"), text).unwrap();
    let (file, sets) =
        (path("lab/lossy.ron"), ["--set", "hosts.sensor.count=3", "--set", "expect=[]", "--quiet"]);
    for (name, qos) in [("run", "qos=1"), ("other", "qos=2")] {
        fine(&[&["run", &file, "--set", qos, "--out", &path(name)], &sets[..]].concat());
    }
    let few = "payload == 300 B && severity == NORMAL";
    fine(&[&["sweep", &file, few, "--runs", "2", "--out", &path("sweep")], &sets[..]].concat());
    fine(
        &[&["sweep", &file, few, "--runs", "2", "--shard", "1/1", "--out", &path("share")], &sets[..]]
            .concat(),
    );
    fine(&["merge", &path("merged"), &path("share"), "--quiet"]);
    // The scenario and its files may be gone.
    std::fs::remove_dir_all(folder.path().join("lab")).unwrap();
    for name in ["run", "sweep", "merged"] {
        fine(&["report", &path(name), "--no-pictures", "--quiet"]);
    }
    let parted = called(&["diff", &path("run"), &path("other")]);
    assert_eq!(parted.status.code(), Some(1), "{}", String::from_utf8_lossy(&parted.stderr));
    let html = std::fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    assert!(html.contains("the same events, fingerprint"));
    // The folder is still a run's, and the next run takes its place.
    let one = scenario("one-publish");
    fine(&["run", &one, "--quiet", "--out", &path("run")]);
    assert!(!folder.path().join("run/files.json").exists());
}

#[test]
fn diff_finds_the_first_event_that_two_runs_do_not_share() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let file = scenario("smart-home-images");
    let run = |name: &str, more: &[&str]| {
        fine(&[&["run", &file, "--quiet", "--set", "expect=[]", "--out", &path(name)][..], more].concat());
    };
    run("one", &[]);
    run("same", &[]);
    // The tenth image is another one: all before it is the same.
    run("fewer", &["--set", "hosts.camera.role.count=9"]);
    let (one, same, fewer) = (path("one"), path("same"), path("fewer"));
    let told = fine(&["diff", &one, &same]);
    assert!(told.starts_with("the same: "), "{told}");
    let output = called(&["diff", &one, &fewer]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let skipped: u64 = told.split('(').nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(skipped > 1_000, "checkpoints were used: {told}");
    for part in ["the last ones:", "then the first run:", "then the second run:", "camera"] {
        assert!(told.contains(part), "{told}");
    }
    let changes = fine(&["compare", &one, &fewer]);
    assert!(changes.contains("messages.published"), "{changes}");
    let wrong = called(&["diff", &one, &path("nowhere")]);
    assert_eq!(wrong.status.code(), Some(2));
}
