//! A session to test with, and a client that speaks bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use models::record::Outcome;
use mqtt_twin::live::replay::{Repeated, replay};
use serde_json::Value;
use tempfile::TempDir;

/// Nothing here takes longer than this; a test that waits in vain fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The command, which ends by itself should a test forget it.
pub fn mqtt_twin(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-twin"));
    command.args(arguments);
    command
}

/// A running `mqtt-twin live`.
pub struct Live {
    child: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Live {
    /// Serves with these further arguments.
    pub fn serve(arguments: &[&str]) -> Live {
        let folder = tempfile::tempdir().unwrap();
        let mut child = mqtt_twin(&["live", "--listen", "127.0.0.1:0", "--for", "60 s", "--quiet"])
            .args(arguments)
            .arg("--journal")
            .arg(folder.path().join("journal"))
            .arg("--out")
            .arg(folder.path().join("out"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
        let address = address.trim().parse().unwrap();
        Live { child, address, folder }
    }

    /// Serves `scenarios/visitors.ron` with these further arguments.
    pub fn serve_visitors(arguments: &[&str]) -> Live {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/visitors.ron");
        Live::serve(&[&["--scenario", file], arguments].concat())
    }

    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// Ends the session with a signal.
    fn end(&mut self, signal: &str) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    /// What the session wrote into this file of its results.
    fn result(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.path().join("out").join(name)).unwrap()).unwrap()
    }

    /// Ends a session with a scenario; gives `summary.json` and `live.json`, after a replay that came to
    /// the same, and what the replay came to.
    pub fn stop_scenario(mut self, signal: &str) -> (Value, Value, Outcome) {
        self.end(signal);
        let (summary, live) = (self.result("summary.json"), self.result("live.json"));
        let replayed = replay(&self.journal()).unwrap();
        assert_eq!(replayed.agrees(), Some(true));
        assert_eq!(replayed.differences(), [""; 0]);
        let Repeated::Scenario(twin, _) = &replayed.repeated else { panic!("a scenario") };
        let outcome = twin.outcome();
        assert_eq!(summary["fingerprint"], live["fingerprint"]);
        assert_eq!(summary["fingerprint"], format!("{:032x}", outcome.fingerprint));
        assert_eq!(summary["events"].as_u64(), Some(outcome.events));
        assert_eq!(live["visits"], serde_json::to_value(twin.visits()).unwrap());
        let output = mqtt_twin(&["replay"]).arg(self.journal()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains("the session had the same fingerprint"));
        (summary, live, outcome)
    }

    /// Ends the session with a signal and gives its summary, after a replay with the same one.
    pub fn stop(mut self, signal: &str) -> Value {
        self.end(signal);
        let mut summary = self.result("summary.json");
        let Output { status, stdout, stderr } =
            mqtt_twin(&["replay", "--format", "json"]).arg(self.journal()).output().unwrap();
        assert_eq!(status.code(), Some(0), "{}", String::from_utf8_lossy(&stderr));
        let replayed: Value = serde_json::from_slice(&stdout).unwrap();
        let wall_clock = summary.as_object_mut().unwrap().remove("wall_clock").unwrap();
        for (key, value) in replayed.as_object().unwrap() {
            assert!(*value == summary[key], "{key}: {value} is not {}", summary[key]);
        }
        summary["wall_clock"] = wall_clock;
        summary
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Where the test failed before its end; else there is nobody to kill any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client without a library.
pub struct Raw(pub TcpStream);

impl Raw {
    pub fn open(address: SocketAddr) -> Raw {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw(stream)
    }

    /// Connected with a clean session.
    pub fn connected(address: SocketAddr, client: &str) -> Raw {
        let mut raw = Raw::open(address);
        raw.send(&connect(client, true, 60));
        raw.expect(&[0x20, 2, 0, 0]);
        raw
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    pub fn expect(&mut self, bytes: &[u8]) {
        let mut got = vec![0; bytes.len()];
        self.0.read_exact(&mut got).unwrap();
        assert_eq!(got, bytes);
    }

    /// The server closes, and says nothing more.
    pub fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let end = self.0.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{rest:02x?}");
        match end {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    loop {
        let digit = (rest % 128) as u8;
        rest /= 128;
        bytes.push(if rest > 0 { digit | 0x80 } else { digit });
        if rest == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

pub fn connect(client: &str, clean: bool, keep_alive_s: u16) -> Vec<u8> {
    let flags = [4, u8::from(clean) << 1];
    packet(0x10, &[&string("MQTT")[..], &flags, &keep_alive_s.to_be_bytes(), &string(client)].concat())
}

pub fn subscribe(id: u16, filter: &str, qos: u8) -> Vec<u8> {
    packet(0x82, &[&id.to_be_bytes()[..], &string(filter), &[qos]].concat())
}

/// `flags`: DUP, QoS, RETAIN as in the first byte; an identifier at QoS 1 and 2.
pub fn publish(flags: u8, id: Option<u16>, topic: &str, payload: &[u8]) -> Vec<u8> {
    let id = id.map_or(Vec::new(), |id| id.to_be_bytes().to_vec());
    packet(0x30 | flags, &[&string(topic)[..], &id, payload].concat())
}
