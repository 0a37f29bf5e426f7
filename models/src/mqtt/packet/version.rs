//! Versions of the protocol.

use serde::{Deserialize, Serialize};

/// A version of the protocol: what CONNECT names, and what the codec and the machines switch on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Version {
    /// MQTT 3.1, protocol name `MQIsdp`, protocol level 3. IBM and Eurotech, 2010
    V3_1,
    /// MQTT 3.1.1, protocol name `MQTT`, protocol level 4.
    #[default]
    V3_1_1,
    /// MQTT 5.0, protocol name `MQTT`, protocol level 5.
    V5_0,
}

impl Version {
    /// All versions, oldest first.
    pub const ALL: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5_0];

    /// The protocol name in CONNECT. MQTT 3.1.1 §3.1.2.1
    #[must_use]
    pub const fn protocol_name(self) -> &'static str {
        match self {
            Version::V3_1 => "MQIsdp",
            Version::V3_1_1 | Version::V5_0 => "MQTT",
        }
    }

    /// Its number as people write it.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Version::V3_1 => "3.1",
            Version::V3_1_1 => "3.1.1",
            Version::V5_0 => "5.0",
        }
    }

    /// The protocol level in CONNECT. MQTT 3.1.1 §3.1.2.2
    #[must_use]
    pub const fn protocol_level(self) -> u8 {
        match self {
            Version::V3_1 => 3,
            Version::V3_1_1 => 4,
            Version::V5_0 => 5,
        }
    }

    /// The version of a protocol name and level, `None` for one that is not spoken here.
    #[must_use]
    pub fn of(protocol_name: &[u8], protocol_level: u8) -> Option<Self> {
        Version::ALL.into_iter().find(|version| {
            protocol_name == version.protocol_name().as_bytes() && protocol_level == version.protocol_level()
        })
    }

    /// The version of a protocol name and level, and whether the highest bit of the level says that a bridge
    /// speaks: servers before MQTT 5.0 leave out what such a client has sent itself (Mosquitto's
    /// convention).
    #[must_use]
    pub fn of_bridge(protocol_name: &[u8], protocol_level: u8) -> Option<(Self, bool)> {
        if let Some(version) = Version::of(protocol_name, protocol_level) {
            return Some((version, false));
        }
        let version = Version::of(protocol_name, protocol_level & 0x7F)?;
        (!version.has_properties()).then_some((version, true))
    }

    /// Whether packets carry properties and Reason Codes.
    #[must_use]
    pub const fn has_properties(self) -> bool {
        match self {
            Version::V3_1 | Version::V3_1_1 => false,
            Version::V5_0 => true,
        }
    }
}
