//! The report of a run and of a sweep: complete in itself, readable on a telephone.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::sweep::fine;

/// A run and a small sweep with their reports.
fn reports(folder: &Path) -> [std::path::PathBuf; 2] {
    let (run, sweep) = (folder.join("run"), folder.join("sweep"));
    let [of_run, of_sweep] = [&run, &sweep].map(|path| path.display().to_string());
    let images = crate::root().join("scenarios/smart-home-images.ron").display().to_string();
    let trade = crate::root().join("scenarios/keepalive-tradeoff.ron").display().to_string();
    fine(&["run", &images, "--quiet", "--out", &of_run]);
    fine(&["sweep", &trade, "--runs", "2", "--quiet", "--out", &of_sweep]);
    fine(&["report", &of_run, "--quiet"]);
    fine(&["report", &of_sweep, "--quiet"]);
    [run, sweep]
}

#[test]
fn a_report_is_one_file_with_all_that_the_folder_tells() {
    let folder = tempfile::tempdir().unwrap();
    let [run, sweep] = reports(folder.path());
    let html = fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "What do images over MQTT",
        "the same events, fingerprint",
        "Sequence chart",
        "PUBLISH",
        "Where the numbers come from",
        "boards/raspberry-pi-2b-wifi-dongle",
        "fitted on: smart-home paper",
        "manifest.json",
        "prefers-color-scheme: dark",
        "@media print",
        "Energy above idle by cause",
        "Power over time",
        "What is sent over time",
        "How many deliveries are how late",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    let of_sweep = fs::read_to_string(sweep.join("report.html")).unwrap();
    for part in ["Pareto front", "95 % intervals", "run by run on the same random numbers", "keep_alive"] {
        assert!(of_sweep.contains(part), "{part} is missing");
    }
    for html in [&html, &of_sweep] {
        for outside in ["src=", "@import", "url(", "<script", "href=\"http"] {
            assert!(!html.contains(outside), "a page that needs nothing else has no {outside}");
        }
        let pictures = html.matches("<svg ").count();
        assert!(pictures >= 4, "{pictures} pictures");
        assert_eq!(html.matches("<svg role=\"img\" aria-label=\"").count(), pictures, "each has a name");
    }
    let names: Vec<String> =
        fs::read_dir(&run).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    for picture in ["latency", "throughput", "energy", "power"] {
        for ending in ["svg", "png"] {
            assert!(names.contains(&format!("plot-{picture}.{ending}")), "{picture}.{ending}: {names:?}");
        }
    }
    // The folder of a run with its report can be replaced by another run.
    let images = crate::root().join("scenarios/smart-home-images.ron").display().to_string();
    fine(&["run", &images, "--quiet", "--out", &run.display().to_string()]);
}

#[test]
fn the_same_run_has_the_same_report() {
    let folder = tempfile::tempdir().unwrap();
    let [run, sweep] = reports(folder.path());
    for path in [run, sweep] {
        let before = fs::read(path.join("report.html")).unwrap();
        fine(&["report", &path.display().to_string(), "--quiet"]);
        assert!(before == fs::read(path.join("report.html")).unwrap());
    }
}

fn chromium() -> Option<&'static str> {
    let known = ["chromium", "chromium-browser", "google-chrome"];
    known
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success()))
}

#[test]
fn a_browser_shows_the_reports_at_the_width_of_a_telephone_and_of_a_desk() {
    let Some(chromium) = chromium() else {
        eprintln!("NOT TESTED: no chromium is installed, so no browser has opened the report");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for path in reports(folder.path()) {
        let mut shots = Vec::new();
        let page = format!("file://{}", path.join("report.html").display());
        // Dark and light, as the reader's system says: 0 and 1.
        for (width, scheme) in [(390, 0), (390, 1), (1280, 1)] {
            let shot = path.join(format!("shot-{width}-{scheme}.png"));
            let output = Command::new(chromium)
                .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
                .args(["--enable-logging=stderr", "--v=0"])
                .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
                .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
                .arg(format!("--window-size={width},1600"))
                .arg(format!("--screenshot={}", shot.display()))
                .arg(&page)
                .output()
                .unwrap();
            let log = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{log}");
            assert!(!log.contains("CONSOLE"), "the page has something to complain about: {log}");
            let bytes = fs::read(&shot).unwrap();
            // A PNG says its width in bytes 16 to 19.
            let wide = u32::from_be_bytes(bytes[16..20].try_into().unwrap());
            assert_eq!(wide, width);
            assert!(bytes.len() > 30_000, "there is something on it: {} bytes", bytes.len());
            shots.push(bytes);
        }
        assert_ne!(shots[0], shots[1], "dark is not light");
    }
}
