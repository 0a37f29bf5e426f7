//! `live` beside Mosquitto under the same load, in one run: 2,000 connections, 20,000 messages a
//! second at QoS 1 from 1,000 publishers to 1,000 subscribers, 64 bytes of payload.
//!
//! `cargo bench --bench live_load` prints, for each broker and round, the messages delivered, the CPU
//! time that the broker's process took per message (in and out, with both acknowledgements), and the
//! time from publisher to subscriber; then the ratio of the CPU times. The brokers take turns, so that
//! what else the machine does hits all alike. Needs Linux (`/proc/PID/schedstat`) and `mosquitto`.

#![expect(clippy::disallowed_types, reason = "a bench is what the wall clock is for")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

/// Pairs of a publisher and its subscriber.
const PAIRS: usize = 1_000;
/// Messages a second.
const RATE: u64 = 20_000;
/// Messages of a round.
const MESSAGES: u64 = 3 * RATE;
const ROUNDS: usize = 3;
const PAYLOAD_BYTES: usize = 64;
/// Messages that are sent before arrivals are looked at again.
const BURST: u64 = 64;

/// A broker's process, ended with its owner.
struct Broker {
    name: &'static str,
    child: Child,
    address: SocketAddr,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Broker {
    fn live(name: &'static str, folder: &Path, journal: bool) -> io::Result<Broker> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-twin"));
        command.args(["live", "--listen", "127.0.0.1:0", "--quiet", "--out"]).arg(folder.join(name));
        if journal {
            command.arg("--journal").arg(folder.join("journal"));
        }
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().and_then(|address| address.parse().ok());
        Ok(Broker { name, child, address: address.expect("an address") })
    }

    fn mosquitto(folder: &Path) -> io::Result<Broker> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = folder.join("mosquitto.conf");
        let port = address.port();
        let lines = ["allow_anonymous true", "log_type none", "persistence false", "set_tcp_nodelay true"];
        std::fs::write(&config, format!("listener {port} 127.0.0.1\n{}\nuser root\n", lines.join("\n")))?;
        let child = Command::new("mosquitto").arg("-c").arg(&config).stderr(Stdio::null()).spawn()?;
        let broker = Broker { name: "mosquitto", child, address };
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                return Ok(broker);
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Err(io::Error::other("mosquitto does not listen"))
    }

    /// CPU time of the process so far; both brokers have one thread.
    fn cpu(&self) -> io::Result<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", self.child.id()))?;
        let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
        Ok(Duration::from_nanos(nanos.ok_or(io::ErrorKind::InvalidData)?))
    }
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

/// A packet of less than 128 bytes.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    assert!(body.len() < 128);
    [&[first, body.len() as u8], body].concat()
}

struct Client {
    stream: mio::net::TcpStream,
    carry: Vec<u8>,
    topic: Vec<u8>,
    identifier: u16,
}

impl Client {
    fn connect(address: SocketAddr, number: usize) -> io::Result<Client> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let name = string(&format!("load-{number}"));
        stream.write_all(&packet(0x10, &[&string("MQTT")[..], &[4, 2, 0, 60], &name].concat()))?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer[..4])?;
        let topic = string(&format!("load/{}", number % PAIRS));
        if number < PAIRS {
            stream.write_all(&packet(0x82, &[&[0, 1], &topic[..], &[1]].concat()))?;
            stream.read_exact(&mut answer)?;
        }
        stream.set_nonblocking(true)?;
        let stream = mio::net::TcpStream::from_std(stream);
        Ok(Client { stream, carry: Vec::new(), topic, identifier: 0 })
    }

    fn publish(&mut self, now: Duration) -> io::Result<()> {
        self.identifier = self.identifier % u16::MAX + 1;
        let mut payload = [0; PAYLOAD_BYTES];
        payload[..8].copy_from_slice(&(now.as_nanos() as u64).to_le_bytes());
        let body = [&self.topic[..], &self.identifier.to_be_bytes(), &payload].concat();
        // Small enough that a socket takes all or nothing.
        self.stream.write(&packet(0x32, &body)).map(|_| ())
    }
}

/// What arrived in a round.
#[derive(Default)]
struct Arrived {
    delivered: u64,
    acknowledged: u64,
    latencies: Vec<u64>,
}

fn read(client: &mut Client, now: Duration, arrived: &mut Arrived) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut answer = Vec::new();
    loop {
        match client.stream.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => client.carry.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    let mut bytes = &client.carry[..];
    while bytes.len() >= 2 && bytes.len() >= 2 + usize::from(bytes[1]) {
        let (packet, rest) = bytes.split_at(2 + usize::from(bytes[1]));
        bytes = rest;
        if packet[0] & 0xF0 == 0x30 {
            let end = 4 + usize::from(u16::from_be_bytes([packet[2], packet[3]]));
            answer.extend_from_slice(&[0x40, 2, packet[end], packet[end + 1]]);
            let sent = u64::from_le_bytes(packet[end + 2..end + 10].try_into().expect("eight bytes"));
            arrived.latencies.push(now.as_nanos() as u64 - sent);
            arrived.delivered += 1;
        } else if packet[0] == 0x40 {
            arrived.acknowledged += 1;
        }
    }
    let used = client.carry.len() - bytes.len();
    client.carry.drain(..used);
    if !answer.is_empty() {
        client.stream.write_all(&answer)?;
    }
    Ok(())
}

/// CPU nanoseconds a message.
fn round(broker: &Broker) -> io::Result<f64> {
    let mut poll = Poll::new()?;
    let mut clients = Vec::new();
    for number in 0..2 * PAIRS {
        let mut client = Client::connect(broker.address, number)?;
        poll.registry().register(&mut client.stream, Token(number), Interest::READABLE)?;
        clients.push(client);
    }
    let mut events = Events::with_capacity(1_024);
    let mut arrived = Arrived::default();
    let (mut sent, mut refused) = (0, 0);
    let before = broker.cpu()?;
    let start = Instant::now();
    while arrived.delivered < MESSAGES || arrived.acknowledged < MESSAGES {
        let now = start.elapsed();
        if now > Duration::from_secs(30) {
            return Err(io::Error::other("the messages do not arrive"));
        }
        let due = (now.as_micros() as u64 * RATE / 1_000_000).min(MESSAGES).min(sent + BURST);
        while sent < due {
            match clients[PAIRS + sent as usize % PAIRS].publish(now) {
                Ok(()) => sent += 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    refused += 1;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        poll.poll(&mut events, Some(Duration::from_millis(u64::from(sent == due))))?;
        let now = start.elapsed();
        for event in &events {
            read(&mut clients[event.token().0], now, &mut arrived)?;
        }
    }
    let wall = start.elapsed().as_secs_f64();
    let cpu = broker.cpu()?.saturating_sub(before);
    arrived.latencies.sort_unstable();
    let latency = |share: usize| arrived.latencies[(arrived.latencies.len() - 1) * share / 100] as f64 / 1e6;
    let each = cpu.as_nanos() as f64 / MESSAGES as f64;
    println!(
        "{:<16} {:>10.0} {:>14.0} {:>10.2} {:>10.3} {:>10.3} {:>9}",
        broker.name,
        MESSAGES as f64 / wall,
        each,
        cpu.as_secs_f64() / wall,
        latency(50),
        latency(99),
        refused
    );
    Ok(each)
}

fn run() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let brokers = [
        Broker::live("live", folder.path(), false)?,
        Broker::live("live --journal", folder.path(), true)?,
        Broker::mosquitto(folder.path())?,
    ];
    println!(
        "{:<16} {:>10} {:>14} {:>10} {:>10} {:>10} {:>9}",
        "broker", "msg/s", "CPU ns/msg", "CPU load", "p50 ms", "p99 ms", "refused"
    );
    let mut totals = [0.0; 3];
    for _ in 0..ROUNDS {
        for (broker, total) in brokers.iter().zip(&mut totals) {
            *total += round(broker)?;
        }
    }
    let [live, journalled, mosquitto] = totals;
    println!("CPU time per message, live / mosquitto: {:.2}", live / mosquitto);
    println!("CPU time per message, live --journal / mosquitto: {:.2}", journalled / mosquitto);
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("live_load: {error}");
            ExitCode::from(2)
        }
    }
}
