//! Transfers to and from an independent implementation, smoltcp, over the bytes of the wire.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sim_core::time::SimTime;
use smoltcp::iface::{Config as InterfaceConfig, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State as OracleState};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr};
use smoltcp::wire::{TcpOption, TcpPacket, TcpSeqNumber};

use super::harness::ms;
use crate::cause::Cause;
use crate::stream::{Chunk, Tag};
use crate::tcp::{Config, Connection, Flags, Options, Segment, SequenceNumber, State, Timestamps};

const OURS: (Ipv4Address, u16) = (Ipv4Address::new(10, 0, 0, 1), 40_000);
const THEIRS: (Ipv4Address, u16) = (Ipv4Address::new(10, 0, 0, 2), 1_883);

thread_local! {
    /// smoltcp takes its timestamps from a function without arguments.
    static TICKS: Cell<u32> = const { Cell::new(0) };
}

/// A network card: IP packets in, IP packets out.
#[derive(Default)]
struct Card {
    arrived: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Incoming(Vec<u8>);
struct Outgoing<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Card {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        self.arrived.pop_front().map(|packet| (Incoming(packet), Outgoing(&mut self.sent)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1_500;
        capabilities
    }
}

/// A segment of ours as an IP packet.
fn encode(segment: &Segment) -> Vec<u8> {
    let mut options = [0; 40];
    let options_len = segment.options_bytes(&mut options);
    let (tcp_len, payload_len) = (segment.header_len() + segment.payload_len(), segment.payload_len());
    assert_eq!(segment.header_len(), 20 + options_len);
    let ip = Ipv4Repr {
        src_addr: OURS.0,
        dst_addr: THEIRS.0,
        next_header: IpProtocol::Tcp,
        payload_len: tcp_len,
        hop_limit: 64,
    };
    let mut bytes = vec![0; 20 + tcp_len];
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut bytes[..]), &Default::default());
    let mut tcp = TcpPacket::new_unchecked(&mut bytes[20..]);
    tcp.set_src_port(OURS.1);
    tcp.set_dst_port(THEIRS.1);
    tcp.set_seq_number(TcpSeqNumber(segment.seq.0 as i32));
    tcp.set_ack_number(TcpSeqNumber(segment.ack.0 as i32));
    tcp.clear_flags();
    tcp.set_header_len(segment.header_len() as u8);
    tcp.set_syn(segment.flags.contains(Flags::SYN));
    tcp.set_ack(segment.flags.contains(Flags::ACK));
    tcp.set_fin(segment.flags.contains(Flags::FIN));
    tcp.set_rst(segment.flags.contains(Flags::RST));
    tcp.set_psh(segment.flags.contains(Flags::PSH));
    tcp.set_window_len(segment.window);
    tcp.options_mut().copy_from_slice(&options[..options_len]);
    let payload: Vec<u8> = segment.payload.chunks().flat_map(|c| c.as_slice().to_vec()).collect();
    tcp.payload_mut()[..payload_len].copy_from_slice(&payload);
    tcp.fill_checksum(&IpAddress::Ipv4(OURS.0), &IpAddress::Ipv4(THEIRS.0));
    bytes
}

/// An IP packet of theirs as a segment.
fn decode(bytes: &[u8]) -> Segment {
    let ip = Ipv4Packet::new_checked(bytes).unwrap();
    let tcp = TcpPacket::new_checked(ip.payload()).unwrap();
    assert!(tcp.verify_checksum(&IpAddress::Ipv4(THEIRS.0), &IpAddress::Ipv4(OURS.0)));
    let mut options = Options::default();
    let mut rest = tcp.options();
    while !rest.is_empty() {
        let (next, option) = TcpOption::parse(rest).unwrap();
        match option {
            TcpOption::EndOfList => break,
            TcpOption::MaxSegmentSize(mss) => options.mss = Some(mss),
            TcpOption::WindowScale(shift) => options.window_scale = Some(shift),
            TcpOption::SackPermitted => options.sack_permitted = true,
            TcpOption::TimeStamp { tsval, tsecr } => {
                options.timestamps = Some(Timestamps { value: tsval, echo_reply: tsecr });
            }
            TcpOption::NoOperation | TcpOption::SackRange(_) | TcpOption::Unknown { .. } => {}
        }
        rest = next;
    }
    Segment {
        seq: SequenceNumber(tcp.seq_number().0 as u32),
        ack: SequenceNumber(tcp.ack_number().0 as u32),
        flags: Flags::from_bits(ip.payload()[13]),
        window: tcp.window_len(),
        options,
        payload: Chunk::copied(Tag::of(Cause::Publish), tcp.payload()).into(),
        ..Segment::default()
    }
}

/// What is under way on the path.
enum Packet {
    ToUs(Segment),
    ToThem(Vec<u8>),
}

/// Our connection, theirs, and a lossy path between them.
struct Duel {
    now: SimTime,
    ours: Connection,
    interface: Interface,
    card: Card,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    under_way: BTreeMap<(SimTime, u64), Packet>,
    sent: u64,
    random: u64,
    loss_per_mille: u64,
    to_them: Vec<u8>,
    to_us: VecDeque<u8>,
    seen_by_us: Vec<u8>,
    seen_by_them: Vec<u8>,
}

impl Duel {
    fn new(config: Config, we_connect: bool, loss_per_mille: u64) -> Self {
        let now = SimTime::from_secs(1);
        TICKS.set(1_000);
        let mut card = Card::default();
        let started = Instant::from_millis(1_000);
        let mut interface = Interface::new(InterfaceConfig::new(HardwareAddress::Ip), &mut card, started);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::Ipv4(THEIRS.0), 24)).unwrap();
        });
        let buffer = || SocketBuffer::new(vec![0; 65_535]);
        let mut socket = Socket::new(buffer(), buffer());
        if config.timestamps {
            socket.set_tsval_generator(Some(|| TICKS.get()));
        }
        let config = Arc::new(config);
        let ours = if we_connect {
            socket.listen(THEIRS.1).unwrap();
            Connection::connect(config, now, u32::MAX - 20_000)
        } else {
            let (remote, local) = ((IpAddress::Ipv4(OURS.0), OURS.1), THEIRS.1);
            socket.connect(interface.context(), remote, local).unwrap();
            Connection::accept(config, now, u32::MAX - 20_000)
        };
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        let bytes = |seed: usize| (0..150_000).map(move |i| (i * 31 + i / 997 + seed) as u8);
        Duel {
            now,
            ours,
            interface,
            card,
            sockets,
            handle,
            under_way: BTreeMap::new(),
            sent: 0,
            random: 0x9e37_79b9_7f4a_7c15 ^ loss_per_mille,
            loss_per_mille,
            to_them: bytes(1).collect(),
            to_us: bytes(2).collect(),
            seen_by_us: Vec::new(),
            seen_by_them: Vec::new(),
        }
    }

    fn carry(&mut self, packet: Packet) {
        // A linear congruential generator (Knuth, MMIX).
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if (self.random >> 33) % 1_000 >= self.loss_per_mille {
            self.sent += 1;
            self.under_way.insert((self.now + ms(10), self.sent), packet);
        }
    }

    /// Everything that either side does at this instant.
    fn act(&mut self) {
        self.ours.handle_timeout(self.now);
        while let Some(segment) = self.ours.poll_transmit(self.now) {
            self.carry(Packet::ToThem(encode(&segment)));
        }
        while let Some(chunk) = self.ours.read() {
            self.seen_by_us.extend(chunk.as_slice());
        }
        let micros = (self.now.as_nanos() / 1_000) as i64;
        TICKS.set((micros / 1_000) as u32);
        self.interface.poll(Instant::from_micros(micros), &mut self.card, &mut self.sockets);
        let socket = self.sockets.get_mut::<Socket>(self.handle);
        while socket.can_recv() {
            socket.recv(|bytes| (bytes.len(), self.seen_by_them.extend(&*bytes))).unwrap();
        }
        while socket.can_send() && !self.to_us.is_empty() {
            let taken = socket.send_slice(self.to_us.make_contiguous()).unwrap();
            self.to_us.drain(..taken);
        }
        self.interface.poll(Instant::from_micros(micros), &mut self.card, &mut self.sockets);
        for bytes in std::mem::take(&mut self.card.sent) {
            self.carry(Packet::ToUs(decode(&bytes)));
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.under_way.first_entry()
            && entry.key().0 <= self.now
        {
            match entry.remove() {
                Packet::ToUs(segment) => self.ours.handle_segment(self.now, segment),
                Packet::ToThem(bytes) => self.card.arrived.push_back(bytes),
            }
        }
    }

    /// Steps of a millisecond until `done`.
    fn run(&mut self, what: &str, done: impl Fn(&Duel) -> bool) {
        for _ in 0..3_600_000 {
            self.deliver();
            self.act();
            if done(self) {
                return;
            }
            self.now += ms(1);
        }
        panic!("{what}: we are {:?}, they are {}", self.ours.state(), self.theirs());
    }

    fn theirs(&self) -> OracleState {
        self.sockets.get::<Socket>(self.handle).state()
    }
}

fn transfer_both_ways(config: Config, we_connect: bool, loss_per_mille: u64) {
    let mut duel = Duel::new(config, we_connect, loss_per_mille);
    let to_us: Vec<u8> = duel.to_us.iter().copied().collect();
    let to_them = duel.to_them.clone();
    for piece in to_them.chunks(7_001) {
        duel.ours.write(duel.now, Chunk::copied(Tag::of(Cause::Publish), piece));
    }
    duel.run("transfer", |duel| duel.seen_by_us.len() == 150_000 && duel.seen_by_them.len() == 150_000);
    assert!(duel.seen_by_us == to_us);
    assert!(duel.seen_by_them == to_them);
    duel.ours.close(duel.now);
    duel.run("half close", |duel| duel.theirs() == OracleState::CloseWait);
    duel.sockets.get_mut::<Socket>(duel.handle).close();
    duel.run("close", |duel| {
        matches!(duel.ours.state(), State::TimeWait | State::Closed) && duel.theirs() == OracleState::Closed
    });
    assert_eq!(duel.ours.buffered(), 0);
}

#[test]
fn both_understand_each_other_without_loss() {
    for we_connect in [true, false] {
        for timestamps in [true, false] {
            transfer_both_ways(Config { timestamps, ..Config::linux() }, we_connect, 0);
            transfer_both_ways(Config { timestamps, ..Config::rfc() }, we_connect, 0);
        }
    }
}

#[test]
fn both_understand_each_other_at_three_percent_loss() {
    for we_connect in [true, false] {
        for timestamps in [true, false] {
            transfer_both_ways(Config { timestamps, ..Config::linux() }, we_connect, 30);
            transfer_both_ways(Config { timestamps, ..Config::rfc() }, we_connect, 30);
        }
    }
}
