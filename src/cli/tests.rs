//! The commands as a user calls them: what is printed, and the exit code.

use std::cell::RefCell;

use super::*;

const ONE_PUBLISH: &str = "src/scenario/testdata/one-publish.ron";
const SMART_HOME: &str = "src/scenario/testdata/smart-home.ron";

/// Notes what it was asked and answers as told.
struct Noted {
    answer: Finished,
    seen: RefCell<Vec<String>>,
}

impl Laboratory for Noted {
    fn run(&self, loaded: &Loaded, options: &Options) -> Result<Finished, Diagnostic> {
        self.seen
            .borrow_mut()
            .push(format!("run {} seed {} run {}", loaded.name, loaded.scenario.seed, options.run));
        Ok(self.answer)
    }

    fn chart(&self, loaded: &Loaded, options: &ChartOptions) -> Result<(), Diagnostic> {
        self.seen.borrow_mut().push(format!("chart {} {:?}", loaded.name, options.hosts));
        Ok(())
    }
}

/// Exit code, standard output, standard error, and what reached the laboratory.
fn called(arguments: &[&str], answer: Finished) -> (u8, String, String, Vec<String>) {
    let arguments = Arguments::try_parse_from([&["mqtt-twin"], arguments].concat()).unwrap();
    let laboratory = Noted { answer, seen: RefCell::default() };
    let (mut out, mut problems) = (Vec::new(), Vec::new());
    let code = execute(&arguments.command, &laboratory, &mut out, &mut problems);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(out), text(problems), laboratory.seen.into_inner())
}

#[test]
fn the_arguments_are_consistent() {
    use clap::CommandFactory;
    Arguments::command().debug_assert();
}

#[test]
fn exit_codes_tell_fine_failed_and_bad_input() {
    let run = ["run", ONE_PUBLISH, "--seed", "3", "--run", "2"];
    let (code, _, problems, seen) = called(&run, Finished::Held);
    assert_eq!((code, problems.as_str(), seen), (0, "", vec!["run one-publish seed 3 run 2".to_owned()]));
    assert_eq!(called(&run, Finished::Failed).0, 1);
    let (code, out, problems, seen) = called(&["run", ONE_PUBLISH, "--set", "qos=3"], Finished::Held);
    assert_eq!((code, out.as_str(), seen.len()), (2, "", 0), "nothing is run with bad input");
    assert!(problems.starts_with("error: QoS 3 is reserved"), "{problems}");
}

#[test]
fn check_says_ok_or_why_not_for_every_file() {
    let (code, out, problems, _) = called(&["check", ONE_PUBLISH, "missing.ron", SMART_HOME], Finished::Held);
    assert_eq!(code, 2);
    assert_eq!(out, format!("ok {ONE_PUBLISH}: 3 hosts, 3 links\nok {SMART_HOME}: 6 hosts, 7 links\n"));
    assert!(problems.contains("there is no file `missing.ron`"));
    let (code, out, ..) = called(&["check", ONE_PUBLISH, "--format", "json"], Finished::Held);
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, rows[0]["hosts"].as_u64(), rows[0]["ok"].as_bool()), (0, Some(3), Some(true)));
    assert_eq!(called(&["check", "--quiet", ONE_PUBLISH], Finished::Held).1, "");
}

#[test]
fn list_shows_every_question() {
    let (code, out, problems, _) = called(&["list", "src/scenario/testdata"], Finished::Held);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert!(out.contains("one-publish.ron\n    One message\n    What is on the wire"), "{out}");
    assert!(out.contains("Does every image arrive?"));
    assert_eq!(called(&["list", "no-such-folder"], Finished::Held).0, 2);
}

#[test]
fn chart_wants_hosts_that_are_there_and_a_window_that_opens() {
    let (code, _, _, seen) = called(&["chart", SMART_HOME, "--hosts", "camera[1],broker"], Finished::Held);
    assert_eq!((code, seen), (0, vec!["chart smart-home [\"camera[1]\", \"broker\"]".to_owned()]));
    let (code, _, problems, _) = called(&["chart", ONE_PUBLISH, "--hosts", "brokr"], Finished::Held);
    assert_eq!(code, 2);
    assert!(problems.contains("did you mean `broker`?"), "{problems}");
    assert_eq!(called(&["chart", ONE_PUBLISH, "--from", "2 s", "--to", "1 s"], Finished::Held).0, 2);
}

#[test]
fn spans_on_the_command_line_need_a_unit() {
    let error = Arguments::try_parse_from(["mqtt-twin", "run", "a.ron", "--until", "20"]).unwrap_err();
    assert!(error.to_string().contains("a unit is missing: write `20 ms`"), "{error}");
}
