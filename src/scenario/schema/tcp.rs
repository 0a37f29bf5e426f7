//! Changes to the TCP of a host, or of all.

use models::profile::{Congestion, Stack};
use serde::Deserialize;

use super::super::quantity::{Size, Span};

/// Changes to a TCP stack; what is not given stays as the stack has it.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tcp {
    /// The stack to start from: `"linux"`, `"linux-5"`, `"rfc"`, `"ns3"`, `"lwip"`, `"lwip-1460"`, `"lwip-1.4"`, `"w5500"` or `"arduino"`.
    pub stack: Option<Stack>,
    /// What sets the congestion window: `"newreno"` or `"cubic"`.
    pub congestion: Option<Congestion>,
    /// Selective acknowledgements, RFC 2018, and what recovers by them: RFC 6675, and with Linux RACK, tail
    /// loss probes and proportional rate reduction.
    pub sack: Option<bool>,
    /// Timestamps option, RFC 7323.
    pub timestamps: Option<bool>,
    /// Window Scale option, RFC 7323: the shift count, 0 to 14.
    pub window_scale: Option<u8>,
    /// Initial congestion window in segments, RFC 6928.
    pub initial_window: Option<u32>,
    /// Smallest retransmission timeout.
    pub min_rto: Option<Span>,
    /// Retransmission timeout before a round trip is measured.
    pub initial_rto: Option<Span>,
    /// Retransmission timeout of a SYN.
    pub syn_rto: Option<Span>,
    /// Longest time an acknowledgement is held back; 0 turns delaying off.
    pub delayed_ack: Option<Span>,
    /// An acknowledgement is sent after so many full segments.
    pub delayed_ack_segments: Option<u32>,
    /// Nagle's algorithm, RFC 896.
    pub nagle: Option<bool>,
    /// Whether the first segments of a connection are acknowledged at once.
    pub quickack: Option<bool>,
    /// Largest segment announced.
    pub mss: Option<Size>,
    /// Whether segments are made shorter when nothing gets through, RFC 4821 (Linux `tcp_mtu_probing`).
    pub mtu_probing: Option<bool>,
    /// How many sockets there are; who comes when all are taken is refused.
    pub sockets: Option<u32>,
}

impl Tcp {
    /// These changes, and those of `other` where there is none.
    #[must_use]
    pub fn or(&self, other: &Tcp) -> Tcp {
        Tcp {
            stack: self.stack.or(other.stack),
            congestion: self.congestion.or(other.congestion),
            sack: self.sack.or(other.sack),
            timestamps: self.timestamps.or(other.timestamps),
            window_scale: self.window_scale.or(other.window_scale),
            initial_window: self.initial_window.or(other.initial_window),
            min_rto: self.min_rto.or(other.min_rto),
            initial_rto: self.initial_rto.or(other.initial_rto),
            syn_rto: self.syn_rto.or(other.syn_rto),
            delayed_ack: self.delayed_ack.or(other.delayed_ack),
            delayed_ack_segments: self.delayed_ack_segments.or(other.delayed_ack_segments),
            nagle: self.nagle.or(other.nagle),
            quickack: self.quickack.or(other.quickack),
            mss: self.mss.or(other.mss),
            mtu_probing: self.mtu_probing.or(other.mtu_probing),
            sockets: self.sockets.or(other.sockets),
        }
    }
}
