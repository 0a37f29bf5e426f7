//! Eclipse Paho's interoperability tests against the served broker.
//!
//! The suite is not part of this repository. Where `PAHO_INTEROPERABILITY` names its folder `interoperability`
//! (<https://github.com/eclipse/paho.mqtt.testing>) and there is a Python 3, it runs; else this says that it did
//! not.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Calls the tests of a module with what its own main function would set: server, port and topics.
const CALL: &str = r##"
import importlib, sys, unittest
folder, name, port = sys.argv[1:4]
sys.path.insert(0, folder)
tests = importlib.import_module(name)
prefix = "client_test5/" if name == "client_test5" else ""
tests.host, tests.port, tests.topic_prefix = "127.0.0.1", int(port), prefix
tests.topics = [prefix + topic for topic in ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")]
tests.wildtopics = [prefix + topic for topic in ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#")]
tests.nosubscribe_topics = ("test/nosubscribe",)
sys.argv = [name]
unittest.main(module=tests)
"##;

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A broker as the suite expects it, and its port.
fn serve() -> (Served, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-twin"))
        .args(["live", "--listen", "127.0.0.1:0", "--quiet", "--for", "600 s"])
        .args(["--max-keep-alive", "60", "--refuse-filter", "test/nosubscribe", "--out"])
        .arg(std::env::temp_dir().join(format!("mqtt-twin-paho-{}", std::process::id())))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().to_owned();
    (Served(child), port)
}

/// The folder of the suite, if it can be run.
fn suite() -> Option<PathBuf> {
    let folder = std::env::var_os("PAHO_INTEROPERABILITY").map(PathBuf::from);
    let python = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    match folder {
        Some(folder) if python.is_ok() => Some(folder),
        Some(_) | None => {
            eprintln!(
                "SKIPPED: Eclipse Paho's interoperability tests. Set PAHO_INTEROPERABILITY to the folder \
                 `interoperability` of https://github.com/eclipse/paho.mqtt.testing, and have a python3."
            );
            None
        }
    }
}

fn passes(name: &str, count: usize) {
    let Some(folder) = suite() else { return };
    let (_served, port) = serve();
    let output = Command::new("python3").args(["-c", CALL]).arg(folder).args([name, &port]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("Ran {count} tests")), "{said}");
}

#[test]
fn paho_interoperability_of_mqtt_3_1_1() {
    passes("client_test", 10);
}

#[test]
fn paho_interoperability_of_mqtt_5() {
    passes("client_test5", 27);
}
