//! Software: what the work of an MQTT client or broker costs, and the TCP under it. How it behaves stands in
//! `hw-profiles/clients` and `hw-profiles/brokers`.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{
    Choice, Figure, Heap, HeapFile, Incomplete, Inherit, Kind, Quoted, Word, number, perhaps_whole, span,
    whole,
};

/// A TCP implementation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum Stack {
    /// Linux 6: `"linux"`.
    Linux,
    /// Linux 5 and 6 up to 6.4: `"linux-5"`.
    Linux5,
    /// What the RFCs say, no more: `"rfc"`.
    Rfc,
    /// ns-3's defaults: `"ns3"`.
    Ns3,
    /// lwIP 2.1 with segments of 536 bytes, as in the ESP8266's Arduino core: `"lwip"`.
    Lwip,
    /// The same with segments of 1,460 bytes: `"lwip-1460"`.
    Lwip1460,
    /// Espressif's lwIP 1.4 of the ESP8266's SDK and of MicroPython: `"lwip-1.4"`.
    Lwip14,
    /// The TCP in the W5500's hardware: `"w5500"`.
    W5500,
    /// The W5500 behind Arduino's Ethernet library: `"arduino"`.
    Arduino,
}

impl Word for Stack {
    const NOUN: &'static str = "TCP stack";
    const ALL: &'static [(&'static str, Self)] = &[
        ("linux", Stack::Linux),
        ("linux-5", Stack::Linux5),
        ("rfc", Stack::Rfc),
        ("ns3", Stack::Ns3),
        ("lwip", Stack::Lwip),
        ("lwip-1460", Stack::Lwip1460),
        ("lwip-1.4", Stack::Lwip14),
        ("w5500", Stack::W5500),
        ("arduino", Stack::Arduino),
    ];
}

impl TryFrom<Quoted> for Stack {
    type Error = String;

    fn try_from(word: Quoted) -> Result<Self, String> {
        Stack::from_word(&word.0)
    }
}

/// What sets the congestion window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum Congestion {
    /// RFC 5681 and 6582: `"newreno"`.
    NewReno,
    /// RFC 9438, with HyStart: `"cubic"`.
    Cubic,
}

impl Word for Congestion {
    const NOUN: &'static str = "congestion control";
    const ALL: &'static [(&'static str, Self)] =
        &[("newreno", Congestion::NewReno), ("cubic", Congestion::Cubic)];
}

impl TryFrom<Quoted> for Congestion {
    type Error = String;

    fn try_from(word: Quoted) -> Result<Self, String> {
        Congestion::from_word(&word.0)
    }
}

/// What becomes of a program that asks for memory that is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum OutOfMemory {
    /// The call fails and the program goes on: `"refuse"`.
    Refuse,
    /// The message is dropped without a word: `"drop"`.
    Drop,
    /// An exception that nobody catches ends the program: `"exit"`.
    Exit,
    /// The board resets itself: `"reboot"`.
    Reboot,
}

impl Word for OutOfMemory {
    const NOUN: &'static str = "known end of memory";
    const ALL: &'static [(&'static str, Self)] = &[
        ("refuse", OutOfMemory::Refuse),
        ("drop", OutOfMemory::Drop),
        ("exit", OutOfMemory::Exit),
        ("reboot", OutOfMemory::Reboot),
    ];
}

impl TryFrom<Quoted> for OutOfMemory {
    type Error = String;

    fn try_from(word: Quoted) -> Result<Self, String> {
        OutOfMemory::from_word(&word.0)
    }
}

/// A file in `hw-profiles/software`. Times are those on the reference PC; a board's `cpu_factor`
/// multiplies them. Everything but the title may come from `base`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Software")]
pub struct SoftwareFile {
    /// One line that says which software.
    pub title: String,
    /// Name of the profile this one rests on.
    pub base: Option<String>,
    /// The TCP under it, where the board's network interface has none of its own: `"linux"`, `"linux-5"`,
    /// `"rfc"`, `"ns3"`, `"lwip"`, `"lwip-1460"`, `"lwip-1.4"`, `"w5500"`,
    /// `"arduino"`.
    pub stack: Option<Stack>,
    /// Name of the profile in `hw-profiles/clients` that says how it behaves as a client; without it, it is
    /// none.
    pub mqtt: Option<String>,
    /// Whether it turns Nagle's algorithm off (`TCP_NODELAY`).
    pub no_delay: Option<bool>,
    /// Whether only one thread of the program runs at a time, whatever the board's cores; without it, not.
    pub interpreter_lock: Option<Choice<bool>>,
    /// CPU time for one control packet read or written; for a broker, one leg at QoS 0.
    pub packet: Option<Figure>,
    /// CPU time of a publish call, besides that of the packet.
    pub publish: Option<Figure>,
    /// CPU time per byte of payload read or written.
    pub per_byte: Option<Figure>,
    /// CPU time of opening or accepting a connection, CONNECT and CONNACK included.
    pub connect: Option<Figure>,
    /// RAM of the program before the first connection.
    pub ram_static: Option<Figure>,
    /// RAM for every connection.
    pub ram_per_connection: Option<Figure>,
    /// RAM for every TLS connection, besides; without it, the software cannot be used with TLS.
    pub tls_ram: Option<Figure>,
    /// CPU time of reading a sensor; without it, none.
    pub sample: Option<Figure>,
    /// Number of live threads at which a turn at the interpreter's lock takes twice as long; without it, it
    /// never takes longer.
    pub threads_for_double: Option<Figure>,
    /// A heap of fixed size, where the program has one.
    pub heap: Option<HeapFile>,
    /// What happens when memory ends: `"refuse"`, `"drop"`, `"exit"`, `"reboot"`.
    pub out_of_memory: Option<OutOfMemory>,
}

/// Software with all its figures; times are those on the reference PC.
#[derive(Clone, PartialEq, Debug)]
pub struct Software {
    /// Name of the profile.
    pub name: Arc<str>,
    /// One line that says which software.
    pub title: String,
    /// The TCP under it.
    pub stack: Stack,
    /// Name of the client profile that says how it behaves; `None`: it is no client.
    pub mqtt: Option<String>,
    /// Whether it turns Nagle's algorithm off.
    pub no_delay: bool,
    /// Whether only one thread of the program runs at a time, whatever the board's cores.
    pub interpreter_lock: bool,
    /// CPU time for one control packet read or written; for a broker, one leg at QoS 0.
    pub packet: Duration,
    /// CPU time of a publish call, besides that of the packet.
    pub publish: Duration,
    /// CPU time per byte of payload read or written, in nanoseconds.
    pub per_byte_ns: f64,
    /// CPU time of opening or accepting a connection.
    pub connect: Duration,
    /// RAM of the program before the first connection, in bytes.
    pub ram_static_bytes: u64,
    /// RAM for every connection, in bytes.
    pub ram_per_connection_bytes: u64,
    /// RAM for every TLS connection besides, in bytes, where the profile says it.
    pub tls_ram_bytes: Option<u64>,
    /// CPU time of reading a sensor.
    pub sample: Duration,
    /// Number of live threads at which a turn at the interpreter's lock takes twice as long; 0: it never does.
    pub threads_for_double: u32,
    /// A heap of fixed size, where the program has one.
    pub heap: Option<Heap>,
    /// What happens when memory ends; `None` keeps the account and lets nothing fail.
    pub out_of_memory: Option<OutOfMemory>,
}

impl Inherit for SoftwareFile {
    type Complete = Software;

    fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    fn figures(&self) -> Vec<(Vec<&'static str>, &Figure)> {
        let all = [
            ("packet", &self.packet),
            ("publish", &self.publish),
            ("per_byte", &self.per_byte),
            ("connect", &self.connect),
            ("ram_static", &self.ram_static),
            ("ram_per_connection", &self.ram_per_connection),
            ("tls_ram", &self.tls_ram),
            ("sample", &self.sample),
            ("threads_for_double", &self.threads_for_double),
        ];
        let mut figures: Vec<_> =
            all.into_iter().filter_map(|(key, figure)| Some((vec![key], figure.as_ref()?))).collect();
        figures.extend(HeapFile::figures(self.heap.as_ref(), "heap"));
        figures
    }

    fn choices(&self) -> Vec<(&'static str, Kind, &str)> {
        let lock = self.interpreter_lock.iter();
        lock.map(|lock| ("interpreter_lock", lock.kind, lock.source.as_str())).collect()
    }

    fn over(self, base: Self) -> Self {
        SoftwareFile {
            title: self.title,
            base: base.base,
            stack: self.stack.or(base.stack),
            mqtt: self.mqtt.or(base.mqtt),
            no_delay: self.no_delay.or(base.no_delay),
            interpreter_lock: self.interpreter_lock.or(base.interpreter_lock),
            packet: self.packet.or(base.packet),
            publish: self.publish.or(base.publish),
            per_byte: self.per_byte.or(base.per_byte),
            connect: self.connect.or(base.connect),
            ram_static: self.ram_static.or(base.ram_static),
            ram_per_connection: self.ram_per_connection.or(base.ram_per_connection),
            tls_ram: self.tls_ram.or(base.tls_ram),
            sample: self.sample.or(base.sample),
            threads_for_double: self.threads_for_double.or(base.threads_for_double),
            heap: HeapFile::over(self.heap, base.heap),
            out_of_memory: self.out_of_memory.or(base.out_of_memory),
        }
    }

    fn complete(&self, name: &str) -> Result<Software, Incomplete> {
        let missing = |key| Incomplete::Missing { path: vec![key] };
        Ok(Software {
            name: name.into(),
            title: self.title.clone(),
            stack: self.stack.ok_or(missing("stack"))?,
            mqtt: self.mqtt.clone(),
            no_delay: self.no_delay.ok_or(missing("no_delay"))?,
            interpreter_lock: self.interpreter_lock.as_ref().is_some_and(|lock| lock.value),
            packet: span(&["packet"], self.packet.as_ref())?,
            publish: span(&["publish"], self.publish.as_ref())?,
            per_byte_ns: number(&["per_byte"], self.per_byte.as_ref(), "ns/B")?,
            connect: span(&["connect"], self.connect.as_ref())?,
            ram_static_bytes: whole(&["ram_static"], self.ram_static.as_ref(), "B")?,
            ram_per_connection_bytes: whole(&["ram_per_connection"], self.ram_per_connection.as_ref(), "B")?,
            tls_ram_bytes: perhaps_whole(&["tls_ram"], self.tls_ram.as_ref(), "B")?,
            sample: match &self.sample {
                Some(figure) => span(&["sample"], Some(figure))?,
                None => Duration::ZERO,
            },
            threads_for_double: perhaps_whole(
                &["threads_for_double"],
                self.threads_for_double.as_ref(),
                "1",
            )?
            .unwrap_or(0),
            heap: self.heap.as_ref().map(HeapFile::complete).transpose()?,
            out_of_memory: self.out_of_memory,
        })
    }
}
