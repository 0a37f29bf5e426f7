//! What a run leaves behind, as plain data: the laboratory turns it into files.

use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;
use smallvec::SmallVec;

use crate::cause::Cause;
use crate::net::wifi::{MediumTotals, RadioUse};
use crate::stream::{Chunk, MessageId};
use crate::tls::Flight;

/// A host's place in [`Outcome::nodes`], which is the order in which the network was built.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostIndex(pub u32);

/// One TCP segment as it left its host, with all that a capture needs.
///
/// Built only while a [`Probe`] listens.
#[derive(Clone, Debug)]
pub struct FrameRecord {
    /// Number of the frame in this run, counted from 0 over all hosts.
    pub serial: u64,
    /// When it was handed to the link.
    pub at: SimTime,
    /// The sending host.
    pub from: HostIndex,
    /// The host it is addressed to.
    pub to: HostIndex,
    /// TCP source port.
    pub source_port: u16,
    /// TCP destination port.
    pub destination_port: u16,
    /// TCP sequence number.
    pub sequence: u32,
    /// TCP acknowledgement number; 0 without the ACK flag.
    pub acknowledgement: u32,
    /// TCP flags as on the wire: FIN 1, SYN 2, RST 4, PSH 8, ACK 16.
    pub flags: u8,
    /// TCP window field, unscaled.
    pub window: u16,
    /// TCP options as on the wire, padded to a multiple of four bytes.
    pub options: SmallVec<[u8; 40]>,
    /// The payload.
    pub payload: SmallVec<[Chunk; 2]>,
    /// Whether some of the payload was sent before.
    pub retransmission: bool,
}

/// Why a frame did not arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameLoss {
    /// The link lost it.
    Lost,
    /// The link's queue had no room for it.
    QueueFull,
    /// It was longer than the MTU of the next link.
    TooLong,
}

/// An ICMP message "fragmentation needed and DF set" (RFC 792, RFC 1191 §4) as it left its router.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLongRecord {
    /// Number of the frame in this run.
    pub serial: u64,
    /// When it was sent.
    pub at: SimTime,
    /// The router: nodes count hosts first.
    pub router: HostIndex,
    /// The host that it tells.
    pub to: HostIndex,
    /// Number of the frame that was dropped.
    pub quoted: u64,
    /// The MTU of the next link, in bytes.
    pub mtu: u16,
}

/// One MQTT control packet as its sender handed it to TCP.
#[derive(Clone, Debug)]
pub struct PacketRecord {
    /// When it was handed to TCP.
    pub at: SimTime,
    /// The sending host.
    pub from: HostIndex,
    /// The host it is addressed to.
    pub to: HostIndex,
    /// TCP port of the end that opened the connection: which one of those between the two hosts.
    pub client_port: u16,
    /// The packet, or all but a PUBLISH payload.
    pub head: Chunk,
    /// The payload of a PUBLISH.
    pub body: Option<Chunk>,
}

/// TLS messages as their sender handed them to TCP.
#[derive(Clone, Debug)]
pub struct FlightRecord {
    /// When they were handed to TCP.
    pub at: SimTime,
    /// The sending host.
    pub from: HostIndex,
    /// The host they are addressed to.
    pub to: HostIndex,
    /// The messages and their bytes.
    pub flight: Flight,
}

/// Listens to a run. With [`NoProbe`] every call compiles to nothing.
pub trait Probe {
    /// Whether anything listens; records are built only then.
    const LISTENS: bool;
    /// A segment left its host.
    fn frame(&mut self, frame: FrameRecord);
    /// A frame was lost on its way.
    fn frame_lost(&mut self, at: SimTime, serial: u64, why: FrameLoss);
    /// A router told the sender of a frame that it was too long.
    fn too_long(&mut self, message: TooLongRecord);
    /// A control packet was handed to TCP.
    fn packet(&mut self, packet: PacketRecord);
    /// TLS messages were handed to TCP.
    fn flight(&mut self, flight: FlightRecord);
    /// The whole control packet was taken from TCP at its destination: the oldest one from `from`
    /// to `to` that has not been taken yet on the connection with this port.
    fn packet_taken(&mut self, at: SimTime, from: HostIndex, to: HostIndex, client_port: u16);
}

/// Nothing listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProbe;

impl Probe for NoProbe {
    const LISTENS: bool = false;
    fn frame(&mut self, _: FrameRecord) {}
    fn frame_lost(&mut self, _: SimTime, _: u64, _: FrameLoss) {}
    fn too_long(&mut self, _: TooLongRecord) {}
    fn packet(&mut self, _: PacketRecord) {}
    fn flight(&mut self, _: FlightRecord) {}
    fn packet_taken(&mut self, _: SimTime, _: HostIndex, _: HostIndex, _: u16) {}
}

/// One application message, from the publish call on.
#[derive(Clone, Debug)]
pub struct MessageRecord {
    /// Its name in the ledger: its place in [`Outcome::messages`].
    pub id: MessageId,
    /// The host whose application published it.
    pub publisher: HostIndex,
    /// The Topic Name.
    pub topic: Arc<str>,
    /// Quality of Service of the publication: 0, 1 or 2.
    pub qos: u8,
    /// Payload length in bytes.
    pub bytes: u32,
    /// The publish call.
    pub published: SimTime,
    /// When the broker first took it, if it did.
    pub accepted: Option<SimTime>,
    /// Number of subscribers it was meant for; 0 where nobody subscribes, and the broker itself is
    /// the destination.
    pub expected: u32,
    /// Whether the broker refused it because its publisher may not publish there.
    pub refused: bool,
}

/// What a broker may refuse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Refused {
    /// CONNECT.
    Connection,
    /// A Topic Filter of a SUBSCRIBE.
    Subscription,
    /// A PUBLISH.
    Publication,
}

/// A message in the hands of a subscriber's application.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryRecord {
    /// The message.
    pub message: MessageId,
    /// The host it reached.
    pub subscriber: HostIndex,
    /// The first copy's arrival at the application.
    pub at: SimTime,
    /// Number of copies that arrived, 1 or more.
    pub copies: u32,
}

/// What one host did and used.
#[derive(Clone, Debug)]
pub struct NodeRecord {
    /// Name in the scenario; a fleet's members have their number behind it (`sensor[12]`).
    pub name: String,
    /// The scenario's host entry it belongs to: the name without the number.
    pub group: Arc<str>,
    /// Number within the group, from 0.
    pub index: u32,
    /// Whether the group has more than one member.
    pub fleet: bool,
    /// Board profile.
    pub board: Arc<str>,
    /// Energy by cause, in femtojoule (microwatt times nanosecond), in the order of
    /// [`Cause::ALL`]; causes without any are left out.
    pub energy_fj: Vec<(Cause, u128)>,
    /// CPU time, all cores together.
    pub cpu_busy: Duration,
    /// Largest RAM account.
    pub ram_peak_bytes: u64,
    /// Days its battery lasts if all goes on as in this run; `None` without one.
    pub battery_days: Option<f64>,
    /// Frames sent.
    pub frames_sent: u64,
    /// Bytes of these frames.
    pub bytes_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Bytes of these frames.
    pub bytes_received: u64,
    /// Connections its programs opened or accepted.
    pub connections: u64,
}

impl NodeRecord {
    /// Total energy in joule.
    #[must_use]
    pub fn energy_j(&self) -> f64 {
        self.energy_fj.iter().map(|(_, fj)| fj).sum::<u128>() as f64 * 1e-15
    }
}

/// TCP and link totals of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpTotals {
    /// Segments sent by hosts.
    pub segments: u64,
    /// Of these, segments that carry payload.
    pub data_segments: u64,
    /// Of these, segments with bytes that were sent before.
    pub retransmitted: u64,
    /// Payload bytes sent by hosts, retransmissions included.
    pub payload_bytes: u64,
    /// Bytes of the frames sent by hosts, headers included.
    pub wire_bytes: u64,
    /// Frames lost on links or dropped by full queues.
    pub lost: u64,
    /// Of these, dropped because they were longer than the next link's MTU.
    pub too_long: u64,
    /// Link transmissions: a segment that crosses two links counts twice.
    pub hops: u64,
    /// Frames with data, SYN or FIN that links lost beyond those expected, in parts of 10^9: the sum of
    /// `Crossing::surprise_ppb`. Its mean over all runs is 0 whatever is simulated. Those of a WiFi cell's
    /// air are not in it.
    pub data_surprise_ppb: i64,
    /// Of these, frames of openings: those without which a client cannot begin (`Segment::opens`).
    pub opening_surprise_ppb: i64,
    /// The same of all other frames, which only acknowledge.
    pub ack_surprise_ppb: i64,
}

/// A server node's stored messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerRecord {
    /// Messages received.
    pub received: u64,
    /// Messages stored.
    pub stored: u64,
    /// From the first message received to the last store.
    pub span: Duration,
}

/// The alert network's nodes, summed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertRecord {
    /// Client nodes.
    pub nodes: u64,
    /// Of these, not let in at the end.
    pub initial: u64,
    /// Of these, active at the end.
    pub active: u64,
    /// Of these, blocked at the end.
    pub blocked: u64,
    /// Samples taken.
    pub samples: u64,
    /// Messages that came while a node waited, and were lost to it.
    pub unheard: u64,
    /// Ticks and edges that came while a node was busy, and were lost to it.
    pub missed_ticks: u64,
    /// Nodes that have been in Warning or Danger.
    pub warned: u64,
    /// Nodes that have been in Danger.
    pub in_danger: u64,
    /// When the last node became active.
    pub last_active: Option<SimTime>,
    /// For each node that a fire reached and that reported it: from the flame to the server's knowing.
    pub flame_to_server: Vec<Duration>,
    /// For each node that a fire reached and that went to Danger: from the flame to Danger.
    pub flame_to_danger: Vec<Duration>,
    /// For each node whose camera saw something alarming and that reported it: from the object's coming to the
    /// server's knowing.
    pub sight_to_server: Vec<Duration>,
    /// Pictures taken by nodes with a camera.
    pub pictures: u64,
    /// Of these, pictures that nobody has looked at.
    pub unrecognised: u64,
    /// Orders of the server that nodes have reported as carried out.
    pub orders_obeyed: u64,
    /// Orders that they have reported as refused.
    pub orders_refused: u64,
    /// Readings in the messages and batches that servers have stored.
    pub readings: u64,
    /// Batches that could not be read.
    pub malformed: u64,
    /// The gateways, summed up; `None` without any.
    pub gateway: Option<GatewayRecord>,
    /// The sinks in the cloud, summed up; `None` without any.
    pub cloud: Option<CloudRecord>,
    /// When the server's buffer thread ended by an exception.
    pub server_died: Option<SimTime>,
    /// Most storing threads alive at once at the server.
    pub most_threads: u32,
}

/// What gateways have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayRecord {
    /// Readings that came.
    pub received: u64,
    /// Bytes of their topics and texts.
    pub bytes_received: u64,
    /// Readings that went on.
    pub passed: u64,
    /// Batches that left.
    pub batches: u64,
    /// Bytes of the batches and their topic.
    pub bytes_sent: u64,
    /// Readings lost in a batch that had not left when the program was killed.
    pub forgotten: u64,
}

/// What sinks in the cloud have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloudRecord {
    /// Messages that came.
    pub received: u64,
    /// Messages stored.
    pub stored: u64,
    /// Readings in these.
    pub readings: u64,
}

/// What happened on the air of a WiFi cell.
#[derive(Clone, Debug)]
pub struct CellRecord {
    /// Name of its access point, and its channel where the access point has more than one.
    pub name: String,
    /// Counts.
    pub totals: MediumTotals,
    /// The radio of each station, in the order of the links.
    pub stations: Vec<StationRecord>,
}

/// What one radio did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StationRecord {
    /// The host it belongs to, if it belongs to one.
    pub host: Option<HostIndex>,
    /// Time in each state.
    pub radio: RadioUse,
}

/// The connections of one client, as its program saw them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ClientRecord {
    /// When CONNACK first let it in.
    pub connected_at: Option<SimTime>,
    /// When its first SUBACK came.
    pub subscribed_at: Option<SimTime>,
    /// When its last SUBACK came.
    pub last_subscribed_at: Option<SimTime>,
    /// When a connection last ended, for whatever reason.
    pub last_end: Option<SimTime>,
    /// Number of connections that ended.
    pub ends: u32,
    /// How often its program was killed.
    pub crashes: u32,
    /// Whether it is connected at the end.
    pub connected: bool,
    /// Messages of QoS 1 and 2 that it has not seen acknowledged at the end.
    pub unacknowledged: u32,
}

/// All that a finished run knows.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// 128-bit hash of the trajectory.
    pub fingerprint: u128,
    /// Messages published before this instant are recorded, but left out of statistics.
    pub warm_up: SimTime,
    /// Simulated time at the end.
    pub simulated: SimTime,
    /// Events executed.
    pub events: u64,
    /// Every message, by its [`MessageId`].
    pub messages: Vec<MessageRecord>,
    /// Every delivery, in the order of first arrivals.
    pub deliveries: Vec<DeliveryRecord>,
    /// Every host.
    pub nodes: Vec<NodeRecord>,
    /// Control packets sent, in the order of the packet types 1 (CONNECT) to 15 (AUTH).
    pub mqtt_packets: [u64; 15],
    /// TCP and link totals.
    pub tcp: TcpTotals,
    /// The server node's store, if the scenario has one.
    pub server: Option<ServerRecord>,
    /// The alert network's nodes, if the scenario has any.
    pub alert: Option<AlertRecord>,
    /// WiFi cells.
    pub cells: Vec<CellRecord>,
    /// The connections of each host's client, in the order of [`Outcome::nodes`]; `None` where there is none.
    pub clients: Vec<Option<ClientRecord>>,
    /// What brokers refused, in the order of [`Refused`].
    pub refused: [u64; 3],
    /// Things the user should know, in plain words (connections refused, messages dropped and
    /// why), each with the number of times it happened.
    pub remarks: Vec<(String, u64)>,
}
