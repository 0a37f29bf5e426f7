//! Frames as a pcapng file, for Wireshark and its kin.
//!
//! Every segment becomes the Ethernet frame that a real host would have sent: Ethernet II, IPv4,
//! TCP with its options, payload, all checksums right. It is written where it left its host, at
//! that instant; a frame that was lost is there, too, with a comment that says so. What a router says about
//! a frame that is too long for the next link is an ICMP message as of RFC 1191 §4, from the address that the
//! router would have as a host.
//!
//! What the simulation does not have is filled in by rule:
//!
//! | Field | Rule |
//! | --- | --- |
//! | time | nanoseconds since the start of the run, as if that were 1970-01-01 |
//! | IPv4 address | `10.x.y.z`, where x.y.z is the host's place in the network plus 1: the first host is 10.0.0.1, host 255 is 10.0.1.0 |
//! | MAC address | `02:00:` and the host's place in four bytes: locally administered (IEEE 802 §8.4), unicast |
//! | IPv4 identification | counts the frames of the sending host from 0 (RFC 6864 §4.1 leaves it free, as Don't Fragment is set) |
//! | Time To Live | 64 |
//!
//! The name of each host is in a name resolution block, so Wireshark shows it when name resolution
//! is on. Left out: the frame check sequence, which captures of real hosts lack as well; IPv6; what
//! a frame looked like on the second of two links.
//!
//! References: draft-ietf-opsawg-pcapng; RFC 791; RFC 9293 §3.1.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use etherparse::{
    EtherType, Ethernet2Header, Icmpv4Header, Icmpv4Type, IpNumber, Ipv4Header, TcpHeader, icmpv4,
};
use models::record::{FrameLoss, FrameRecord, HostIndex, NodeRecord, TooLongRecord};
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::name_resolution::{Ipv4Record, NameResolutionBlock, Record};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use pcap_file::{DataLink, Endianness, PcapError};
use sim_core::time::SimTime;

use super::recorder::CapturedFrame;

/// Hosts that fit into 10.0.0.0/8 without its first and last address.
const MOST_HOSTS: u32 = (1 << 24) - 2;

/// `if_tsresol`: timestamps in units of 10^-9 s.
const NANOSECONDS: u8 = 9;

/// Names in one name resolution block: far below the 32-bit length of a block, and few enough for
/// readers that limit the size of a block.
const NAMES_PER_BLOCK: usize = 1_000;

/// A capture file to be.
#[derive(Clone, Copy, Debug)]
pub struct Capture<'a> {
    /// The frames.
    pub frames: &'a [CapturedFrame],
    /// What routers said about frames that were too long.
    pub too_long: &'a [TooLongRecord],
    /// The hosts, by [`HostIndex`]; their names go into the file.
    pub nodes: &'a [NodeRecord],
    /// Name of the scenario; it describes the interface.
    pub scenario: &'a str,
}

impl Capture<'_> {
    /// Writes the file.
    ///
    /// # Errors
    /// When `to` cannot be written to, or where a frame does not fit its headers: a host beyond
    /// the 10.0.0.0/8 addresses, a segment above IPv4's 65,535 bytes, options above 40 bytes.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        let mut writer = PcapNgWriter::with_section_header(to, section()).map_err(io_error)?;
        writer.write_block(&interface(self.scenario).into_block()).map_err(io_error)?;
        for block in self.names() {
            writer.write_block(&block.into_block()).map_err(io_error)?;
        }
        let mut identifications: BTreeMap<HostIndex, u16> = BTreeMap::new();
        let mut bytes = Vec::with_capacity(2_048);
        // Of frames that an ICMP message may quote.
        let mut dropped: BTreeMap<u64, u16> = BTreeMap::new();
        for entry in self.in_order_of_time() {
            let identification = identifications.entry(entry.sender()).or_default();
            match entry {
                Entry::Frame(captured) => {
                    encode(&captured.frame, *identification, &mut bytes)?;
                    if captured.lost.is_some_and(|(_, why)| why == FrameLoss::TooLong) {
                        dropped.insert(captured.frame.serial, *identification);
                    }
                }
                Entry::TooLong(message, quoted) => {
                    let quoted_identification = dropped.get(&message.quoted).copied().unwrap_or_default();
                    encode_icmp(message, quoted, (*identification, quoted_identification), &mut bytes)?;
                }
            }
            *identification = identification.wrapping_add(1);
            let comment = entry.comment();
            let block = EnhancedPacketBlock {
                interface_id: 0,
                timestamp: Duration::from_nanos(entry.time().0.as_nanos()),
                original_len: bytes.len() as u32,
                data: Cow::Borrowed(&bytes),
                options: comment.map(|text| EnhancedPacketOption::Comment(text.into())).into_iter().collect(),
            };
            writer.write_block(&block.into_block()).map_err(io_error)?;
        }
        Ok(())
    }

    /// The frames by time, equal times by serial number.
    fn in_order_of_time(&self) -> Vec<Entry<'_>> {
        let mut entries: Vec<Entry<'_>> = self.frames.iter().map(Entry::Frame).collect();
        entries.extend(self.too_long.iter().filter_map(|message| {
            let place = self.frames.binary_search_by_key(&message.quoted, |frame| frame.frame.serial).ok()?;
            Some(Entry::TooLong(message, &self.frames[place].frame))
        }));
        entries.sort_by_key(Entry::time);
        entries
    }

    fn names(&self) -> impl Iterator<Item = NameResolutionBlock<'_>> {
        let named = self.nodes.iter().enumerate().filter_map(|(place, node)| {
            let address = address(HostIndex(place as u32)).ok()?;
            let name = Cow::Borrowed(node.name.as_str());
            let usable = !node.name.is_empty() && !node.name.contains('\0');
            usable.then(|| {
                Record::Ipv4(Ipv4Record { ip_addr: Cow::Owned(address.to_vec()), names: vec![name] })
            })
        });
        let records: Vec<Record<'_>> = named.collect();
        let blocks: Vec<_> = records.chunks(NAMES_PER_BLOCK).map(<[_]>::to_vec).collect();
        blocks.into_iter().map(|records| NameResolutionBlock { records, options: Vec::new() })
    }
}

/// One packet of the file.
enum Entry<'a> {
    /// A segment.
    Frame(&'a CapturedFrame),
    /// An ICMP message and the segment that it quotes.
    TooLong(&'a TooLongRecord, &'a FrameRecord),
}

impl Entry<'_> {
    fn time(&self) -> (SimTime, u64) {
        match self {
            Entry::Frame(captured) => (captured.frame.at, captured.frame.serial),
            Entry::TooLong(message, _) => (message.at, message.serial),
        }
    }

    fn sender(&self) -> HostIndex {
        match self {
            Entry::Frame(captured) => captured.frame.from,
            Entry::TooLong(message, _) => message.router,
        }
    }

    fn comment(&self) -> Option<&'static str> {
        match self {
            Entry::Frame(captured) => comment(captured),
            Entry::TooLong(..) => None,
        }
    }
}

/// The IPv4 address of a host.
///
/// # Errors
/// When the host's place is beyond the addresses of 10.0.0.0/8.
pub fn address(host: HostIndex) -> io::Result<[u8; 4]> {
    if host.0 >= MOST_HOSTS {
        return Err(too_many(host));
    }
    let [_, x, y, z] = (host.0 + 1).to_be_bytes();
    Ok([10, x, y, z])
}

/// The MAC address of a host.
#[must_use]
pub fn mac(host: HostIndex) -> [u8; 6] {
    let [a, b, c, d] = host.0.to_be_bytes();
    [0x02, 0x00, a, b, c, d]
}

fn too_many(host: HostIndex) -> io::Error {
    invalid(format!("host {} is beyond the {MOST_HOSTS} addresses of a capture", host.0))
}

fn invalid(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

fn io_error(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => invalid(other),
    }
}

/// Why a frame deserves a second look.
fn comment(captured: &CapturedFrame) -> Option<&'static str> {
    let retransmission = captured.frame.retransmission;
    Some(match (captured.lost.map(|(_, why)| why), retransmission) {
        (Some(FrameLoss::Lost), false) => "lost on the link",
        (Some(FrameLoss::Lost), true) => "retransmission; lost on the link",
        (Some(FrameLoss::QueueFull), false) => "dropped by a full queue",
        (Some(FrameLoss::QueueFull), true) => "retransmission; dropped by a full queue",
        (Some(FrameLoss::TooLong), false) => "dropped: longer than the next link's MTU",
        (Some(FrameLoss::TooLong), true) => "retransmission; dropped: longer than the next link's MTU",
        (None, true) => "retransmission",
        (None, false) => return None,
    })
}

/// Little-endian on every machine, so that the bytes are the same everywhere.
fn section() -> SectionHeaderBlock<'static> {
    let application = concat!("mqtt-twin ", env!("CARGO_PKG_VERSION"));
    SectionHeaderBlock {
        endianness: Endianness::Little,
        options: vec![SectionHeaderOption::UserApplication(application.into())],
        ..SectionHeaderBlock::default()
    }
}

fn interface(scenario: &str) -> InterfaceDescriptionBlock<'_> {
    InterfaceDescriptionBlock {
        linktype: DataLink::ETHERNET,
        // No limit.
        snaplen: 0,
        options: vec![
            InterfaceDescriptionOption::IfName("simulated".into()),
            InterfaceDescriptionOption::IfDescription(scenario.into()),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ],
    }
}

/// Writes the Ethernet frame of a segment into `bytes`.
fn encode(frame: &FrameRecord, identification: u16, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut tcp = TcpHeader {
        source_port: frame.source_port,
        destination_port: frame.destination_port,
        sequence_number: frame.sequence,
        acknowledgment_number: frame.acknowledgement,
        // RFC 9293 §3.1: the low bits of the flags field.
        fin: frame.flags & 0x01 != 0,
        syn: frame.flags & 0x02 != 0,
        rst: frame.flags & 0x04 != 0,
        psh: frame.flags & 0x08 != 0,
        ack: frame.flags & 0x10 != 0,
        window_size: frame.window,
        ..TcpHeader::default()
    };
    tcp.set_options_raw(&frame.options).map_err(invalid)?;
    let payload_len: usize = frame.payload.iter().map(models::stream::Chunk::len).sum();
    let segment_len = u16::try_from(tcp.header_len() + payload_len).map_err(invalid)?;
    let (source, destination) = (address(frame.from)?, address(frame.to)?);
    let mut ip = Ipv4Header::new(segment_len, 64, IpNumber::TCP, source, destination).map_err(invalid)?;
    ip.identification = identification;
    ip.header_checksum = ip.calc_header_checksum();

    let ethernet =
        Ethernet2Header { source: mac(frame.from), destination: mac(frame.to), ether_type: EtherType::IPV4 };
    bytes.clear();
    bytes.extend_from_slice(&ethernet.to_bytes());
    bytes.extend_from_slice(&ip.to_bytes());
    let headers = bytes.len() + tcp.header_len();
    bytes.resize(headers, 0);
    for chunk in &frame.payload {
        bytes.extend_from_slice(chunk.as_slice());
    }
    tcp.checksum = tcp.calc_checksum_ipv4(&ip, &bytes[headers..]).map_err(invalid)?;
    bytes[headers - tcp.header_len()..headers].copy_from_slice(&tcp.to_bytes());
    Ok(())
}

/// Writes the Ethernet frame of an ICMP message into `bytes`; `identifications` are those of its own IP
/// header and of the packet that it quotes.
fn encode_icmp(
    message: &TooLongRecord,
    quoted: &FrameRecord,
    identifications: (u16, u16),
    bytes: &mut Vec<u8>,
) -> io::Result<()> {
    encode(quoted, identifications.1, bytes)?;
    // RFC 1812 §4.3.2.3: no more than 576 bytes with both headers.
    let packet = bytes[Ethernet2Header::LEN..].iter().copied().take(576 - 28).collect::<Vec<u8>>();
    let what = icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: message.mtu };
    let icmp = Icmpv4Header::with_checksum(Icmpv4Type::DestinationUnreachable(what), &packet);
    let (source, destination) = (address(message.router)?, address(message.to)?);
    let length = (icmp.header_len() + packet.len()) as u16;
    let mut ip = Ipv4Header::new(length, 64, IpNumber::ICMP, source, destination).map_err(invalid)?;
    ip.identification = identifications.0;
    ip.header_checksum = ip.calc_header_checksum();
    let (source, destination) = (mac(message.router), mac(message.to));
    let ethernet = Ethernet2Header { source, destination, ether_type: EtherType::IPV4 };
    bytes.clear();
    bytes.extend_from_slice(&ethernet.to_bytes());
    bytes.extend_from_slice(&ip.to_bytes());
    bytes.extend_from_slice(&icmp.to_bytes());
    bytes.extend_from_slice(&packet);
    Ok(())
}

#[cfg(test)]
mod tests;
