//! Why work was done: the rows of the energy ledger.

/// What a piece of work (a segment on the air, a CPU task) was done for.
///
/// Every joule and every CPU second of a node is booked to exactly one cause, so the causes of a
/// node sum to its total.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum Cause {
    /// What the board draws when nothing happens.
    #[default]
    Idle,
    /// From power-on until the program runs.
    Boot,
    /// Asleep, or between beacons of the access point.
    Sleep,
    /// Calibrating the radio after a reset.
    Calibrate,
    /// Writing the network's credentials to flash.
    SaveCredentials,
    /// Looking for the access point on every channel.
    Scan,
    /// IEEE 802.11 authentication and association.
    Associate,
    /// The four-way handshake of WPA2.
    Keys,
    /// Getting an address.
    Dhcp,
    /// The radio stays on after traffic.
    Listen,
    /// Shutting the radio down before sleep.
    ShutDown,
    /// The TCP three-way handshake.
    TcpConnect,
    /// The TLS handshake: its flights, and the CPU time for them.
    TlsHandshake,
    /// CPU time for protecting and opening TLS records.
    TlsRecord,
    /// FIN, RST and their acknowledgements.
    TcpClose,
    /// A segment that carries nothing but an acknowledgement.
    TcpAck,
    /// Bytes that were sent before.
    Retransmission,
    /// Taking a picture.
    Capture,
    /// Finding out what is on a picture.
    Inference,
    /// Reading a sensor.
    Sample,
    /// The program's own work: building a payload, handling a message.
    Application,
    /// Writing to a database or a disk.
    Storage,
    /// MQTT CONNECT.
    Connect,
    /// MQTT CONNACK.
    Connack,
    /// MQTT PUBLISH.
    Publish,
    /// MQTT PUBACK.
    Puback,
    /// MQTT PUBREC.
    Pubrec,
    /// MQTT PUBREL.
    Pubrel,
    /// MQTT PUBCOMP.
    Pubcomp,
    /// MQTT SUBSCRIBE.
    Subscribe,
    /// MQTT SUBACK.
    Suback,
    /// MQTT UNSUBSCRIBE.
    Unsubscribe,
    /// MQTT UNSUBACK.
    Unsuback,
    /// MQTT PINGREQ.
    Pingreq,
    /// MQTT PINGRESP.
    Pingresp,
    /// MQTT DISCONNECT.
    Disconnect,
    /// MQTT AUTH.
    Auth,
}

impl Cause {
    /// All causes, in ledger order.
    pub const ALL: [Cause; 37] = [
        Cause::Idle,
        Cause::Boot,
        Cause::Sleep,
        Cause::Calibrate,
        Cause::SaveCredentials,
        Cause::Scan,
        Cause::Associate,
        Cause::Keys,
        Cause::Dhcp,
        Cause::Listen,
        Cause::ShutDown,
        Cause::TcpConnect,
        Cause::TlsHandshake,
        Cause::TlsRecord,
        Cause::TcpClose,
        Cause::TcpAck,
        Cause::Retransmission,
        Cause::Capture,
        Cause::Inference,
        Cause::Sample,
        Cause::Application,
        Cause::Storage,
        Cause::Connect,
        Cause::Connack,
        Cause::Publish,
        Cause::Puback,
        Cause::Pubrec,
        Cause::Pubrel,
        Cause::Pubcomp,
        Cause::Subscribe,
        Cause::Suback,
        Cause::Unsubscribe,
        Cause::Unsuback,
        Cause::Pingreq,
        Cause::Pingresp,
        Cause::Disconnect,
        Cause::Auth,
    ];

    /// The name used in results: the standard's term for packets, lower case for the rest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Idle => "idle",
            Cause::Boot => "boot",
            Cause::Sleep => "sleep",
            Cause::Calibrate => "radio calibration",
            Cause::SaveCredentials => "saving credentials",
            Cause::Scan => "scan",
            Cause::Associate => "association",
            Cause::Keys => "WPA2 handshake",
            Cause::Dhcp => "DHCP",
            Cause::Listen => "listening",
            Cause::ShutDown => "radio shut-down",
            Cause::TcpConnect => "tcp connect",
            Cause::TlsHandshake => "tls handshake",
            Cause::TlsRecord => "tls record",
            Cause::TcpClose => "tcp close",
            Cause::TcpAck => "tcp acknowledgement",
            Cause::Retransmission => "retransmission",
            Cause::Capture => "capture",
            Cause::Inference => "inference",
            Cause::Sample => "sample",
            Cause::Application => "application",
            Cause::Storage => "storage",
            Cause::Connect => "CONNECT",
            Cause::Connack => "CONNACK",
            Cause::Publish => "PUBLISH",
            Cause::Puback => "PUBACK",
            Cause::Pubrec => "PUBREC",
            Cause::Pubrel => "PUBREL",
            Cause::Pubcomp => "PUBCOMP",
            Cause::Subscribe => "SUBSCRIBE",
            Cause::Suback => "SUBACK",
            Cause::Unsubscribe => "UNSUBSCRIBE",
            Cause::Unsuback => "UNSUBACK",
            Cause::Pingreq => "PINGREQ",
            Cause::Pingresp => "PINGRESP",
            Cause::Disconnect => "DISCONNECT",
            Cause::Auth => "AUTH",
        }
    }
}
