use super::*;
use crate::results::sample;
use crate::results::{ContentHash, Profile};
use sim_core::time::SimTime;

struct Run {
    summary: Summary,
    manifest: Manifest,
    outcome: Outcome,
}

impl Run {
    fn new() -> Self {
        let summary = sample::summary();
        let profile = Profile { name: "pi-3b".to_owned(), hash: ContentHash::of(b"()") };
        let manifest = Manifest::of(&summary, "two-viewers.ron", b"()", vec![profile], Vec::new());
        Run { summary, manifest, outcome: sample::outcome() }
    }

    fn files(&self) -> RunFiles<'_> {
        RunFiles {
            summary: &self.summary,
            manifest: &self.manifest,
            outcome: &self.outcome,
            csv: false,
            capture: None,
            chart: None,
            picture: None,
            scenario: None,
            files: None,
            checkpoints: &[],
            durable: false,
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const ALWAYS: [&str; 5] =
    ["energy.parquet", "manifest.json", "messages.parquet", "nodes.parquet", "summary.json"];

#[test]
fn a_folder_holds_all_files_and_nothing_is_left_beside_it() {
    let home = tempfile::tempdir().unwrap();
    let run = Run::new();
    let folder = home.path().join("two-viewers/default/0");
    run.files().write(&folder).unwrap();
    assert_eq!(names(&folder), ALWAYS);
    assert_eq!(names(folder.parent().unwrap()), ["0"]);
    assert_eq!(fs::read_to_string(folder.join("summary.json")).unwrap(), run.summary.to_json());
}

#[test]
fn every_file_that_can_be_asked_for_is_a_runs_own() {
    let home = tempfile::tempdir().unwrap();
    let run = Run::new();
    let capture = Capture { frames: &[], too_long: &[], nodes: &run.outcome.nodes, scenario: "two-viewers" };
    let all = RunFiles {
        csv: true,
        capture: Some(capture),
        chart: Some("a chart\n"),
        picture: Some("<svg></svg>\n"),
        scenario: Some("()\n"),
        files: Some("{}\n"),
        checkpoints: &[Standing { now: SimTime::from_millis(1), events: 2, fingerprint: 3 }],
        durable: true,
        ..run.files()
    };
    let folder = home.path().join("0");
    all.write(&folder).unwrap();
    // A session with real clients and a report add their files afterwards.
    for name in ["report.html", "live.json"] {
        fs::write(folder.join(name), "").unwrap();
    }
    let mut own = OWN_FILES.to_vec();
    own.sort_unstable();
    assert_eq!(names(&folder), own);
    fs::write(folder.join("plot-latency.png"), "").unwrap();
    assert_eq!(fs::read_to_string(folder.join("chart.txt")).unwrap(), "a chart\n");

    run.files().write(&folder).unwrap();
    assert_eq!(names(&folder), ALWAYS, "nothing of the earlier run is left");
    assert_eq!(names(home.path()), ["0"]);
}

#[test]
fn two_runs_of_the_same_thing_leave_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let mut run = Run::new();
    run.files().write(&home.path().join("a")).unwrap();
    run.summary.wall_s = 99.0;
    run.files().write(&home.path().join("b")).unwrap();
    for name in ALWAYS {
        let [a, b] = ["a", "b"].map(|run| fs::read(home.path().join(run).join(name)).unwrap());
        assert_eq!(a == b, name != "summary.json", "{name}: only wall_s may vary");
    }
}

#[test]
fn what_no_run_wrote_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let run = Run::new();
    let folder = home.path().join("precious");
    fs::create_dir(&folder).unwrap();
    run.files().write(&folder).expect("an empty folder is free to take");
    fs::write(folder.join(".DS_Store"), "").unwrap();
    run.files().write(&folder).expect("what a file browser left behind is nobody's");
    assert_eq!(names(&folder), ALWAYS);

    fs::write(folder.join("notes.txt"), "thoughts").unwrap();
    let error = run.files().write(&folder).unwrap_err();
    assert_eq!(
        error.to_string().replace(&home.path().canonicalize().unwrap().display().to_string(), "HOME"),
        "cannot replace `HOME/precious`: it holds `notes.txt`; it is not a run's folder, so it is left \
         alone: give another folder with --out"
    );
    assert_eq!(fs::read_to_string(folder.join("notes.txt")).unwrap(), "thoughts");
    assert_eq!(names(home.path()), ["precious"]);
}

#[test]
fn a_file_in_the_way_is_told_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let run = Run::new();
    let file = home.path().join("taken");
    fs::write(&file, "mine").unwrap();
    for path in [file.clone(), file.join("0"), file.join("deeper/0")] {
        let error = run.files().write(&path).unwrap_err();
        assert!(error.to_string().contains("a file stands where a folder should be"), "{error}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(names(home.path()), ["taken"]);
}

#[test]
fn when_writing_fails_the_earlier_run_stays_and_the_draft_goes() {
    let home = tempfile::tempdir().unwrap();
    let run = Run::new();
    let folder = home.path().join("0");
    run.files().write(&folder).unwrap();
    let before = fs::read(folder.join("messages.parquet")).unwrap();

    // A name that does not fit into an IPv4 address stops the capture half way.
    let broken = crate::capture::sample::frame_from(models::record::HostIndex(u32::MAX));
    let frames = [broken];
    let capture =
        Capture { frames: &frames, too_long: &[], nodes: &run.outcome.nodes, scenario: "two-viewers" };
    let error = RunFiles { capture: Some(capture), ..run.files() }.write(&folder).unwrap_err();
    assert!(error.path.ends_with("capture.pcapng"), "{error}");
    assert_eq!(names(&folder), ALWAYS);
    assert_eq!(fs::read(folder.join("messages.parquet")).unwrap(), before);
    assert_eq!(names(home.path()), ["0"]);
}

#[test]
fn a_path_without_a_name_is_refused() {
    let error = Run::new().files().write(Path::new("/")).unwrap_err();
    assert!(error.to_string().contains("does not end in a name"), "{error}");
}

#[test]
fn every_failure_has_a_remedy_of_its_kind() {
    assert!(remedy(io::ErrorKind::StorageFull).contains("free some space"));
    assert!(remedy(io::ErrorKind::ReadOnlyFilesystem).contains("may write to"));
    assert!(remedy(io::ErrorKind::PermissionDenied).contains("may write to"));
    assert!(remedy(io::ErrorKind::Other).contains("--out"));
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_stays_a_link() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("disk")).unwrap();
    std::os::unix::fs::symlink(home.path().join("disk"), home.path().join("0")).unwrap();
    Run::new().files().write(&home.path().join("0")).unwrap();
    assert!(fs::symlink_metadata(home.path().join("0")).unwrap().is_symlink());
    assert_eq!(names(&home.path().join("disk")), ALWAYS);
}
