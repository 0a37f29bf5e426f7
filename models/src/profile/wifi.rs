//! The air of a WiFi link: standard, rate, joining, sleep.

use std::time::Duration;

use serde::Deserialize;

use super::{Figure, Incomplete, Quoted, UnitError, Word, number, span, whole};

/// A generation of IEEE 802.11.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum WifiStandard {
    /// DSSS and CCK at 2.4 GHz.
    Dot11b,
    /// OFDM.
    Dot11g,
    /// OFDM with one spatial stream of 20 MHz, no aggregation.
    Dot11n,
}

impl Word for WifiStandard {
    const NOUN: &'static str = "WiFi standard";
    const ALL: &'static [(&'static str, Self)] = &[
        ("802.11b", WifiStandard::Dot11b),
        ("802.11g", WifiStandard::Dot11g),
        ("802.11n", WifiStandard::Dot11n),
    ];
}

impl TryFrom<Quoted> for WifiStandard {
    type Error = String;

    fn try_from(word: Quoted) -> Result<Self, String> {
        WifiStandard::from_word(&word.0)
    }
}

impl WifiStandard {
    /// Its rates in kbit/s. IEEE 802.11-2016 §16.2.3, §17.2.3, Table 19-27
    const fn rates(self) -> &'static [u32] {
        match self {
            WifiStandard::Dot11b => &[1_000, 2_000, 5_500, 11_000],
            WifiStandard::Dot11g => &[6_000, 9_000, 12_000, 18_000, 24_000, 36_000, 48_000, 54_000],
            WifiStandard::Dot11n => &[
                6_500, 7_200, 13_000, 14_400, 19_500, 21_700, 26_000, 28_900, 39_000, 43_300, 52_000, 57_800,
                58_500, 65_000, 72_200,
            ],
        }
    }
}

/// What precedes an 802.11b frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum WifiPreamble {
    /// 192 us with its header.
    #[default]
    Long,
    /// 96 us with its header.
    Short,
}

/// A station of a WiFi cell, as in a file.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Wifi")]
pub struct WifiFile {
    /// `"802.11b"`, `"802.11g"` or `"802.11n"`.
    pub standard: WifiStandard,
    /// Rate of its data frames, one of the standard's.
    pub rate: Figure,
    /// Only 802.11b has a short one.
    #[serde(default)]
    pub preamble: WifiPreamble,
    /// What it takes to join the network; without it, no time.
    pub join: Option<JoinFile>,
    /// Its sleep; without it, it never sleeps.
    pub power_save: Option<PowerSaveFile>,
}

/// Steps from a radio that is off to an IP address.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Join")]
pub struct JoinFile {
    /// Looking for the access point on all channels.
    pub scan: Figure,
    /// Authentication and association.
    pub association: Figure,
    /// The four-way handshake of WPA2.
    pub key_handshake: Figure,
    /// DHCP.
    pub address: Figure,
}

/// Sleep between beacons.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "PowerSave")]
pub struct PowerSaveFile {
    /// Between two beacons.
    pub beacon_interval: Figure,
    /// It listens to one beacon in so many.
    pub wake_every: Figure,
    /// Awake after the last frame.
    pub stay_awake: Figure,
    /// Awake for a beacon.
    pub beacon_awake: Figure,
}

/// A station of a WiFi cell in fixed units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wifi {
    /// The standard.
    pub standard: WifiStandard,
    /// Rate of its data frames in kbit/s, one of the standard's.
    pub rate_kbit_s: u32,
    /// What precedes an 802.11b frame.
    pub preamble: WifiPreamble,
    /// From a radio that is off to an IP address.
    pub join: Duration,
    /// Its sleep.
    pub power_save: Option<WifiPowerSave>,
}

/// Sleep between beacons in fixed units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WifiPowerSave {
    /// Between two beacons.
    pub beacon_interval: Duration,
    /// It listens to one beacon in so many.
    pub wake_every: u32,
    /// Awake after the last frame.
    pub stay_awake: Duration,
    /// Awake for a beacon.
    pub beacon_awake: Duration,
}

impl WifiFile {
    pub(super) fn figures(&self) -> Vec<(Vec<&'static str>, &Figure)> {
        let mut figures = vec![(vec!["wifi", "rate"], &self.rate)];
        if let Some(JoinFile { scan, association, key_handshake, address }) = &self.join {
            let steps = [
                ("scan", scan),
                ("association", association),
                ("key_handshake", key_handshake),
                ("address", address),
            ];
            figures.extend(steps.map(|(key, figure)| (vec!["wifi", "join", key], figure)));
        }
        if let Some(PowerSaveFile { beacon_interval, wake_every, stay_awake, beacon_awake }) =
            &self.power_save
        {
            let rules = [
                ("beacon_interval", beacon_interval),
                ("wake_every", wake_every),
                ("stay_awake", stay_awake),
                ("beacon_awake", beacon_awake),
            ];
            figures.extend(rules.map(|(key, figure)| (vec!["wifi", "power_save", key], figure)));
        }
        figures
    }

    pub(super) fn complete(&self) -> Result<Wifi, Incomplete> {
        let path = ["wifi", "rate"];
        let kbit_s = number(&path, Some(&self.rate), "kbit/s")?;
        let fits = |rate: &&u32| (f64::from(**rate) - kbit_s).abs() < 1e-6;
        let rate_kbit_s = *self.standard.rates().iter().find(fits).ok_or_else(|| Incomplete::Unit {
            path: path.to_vec(),
            error: UnitError::NoSuchRate { rates_kbit_s: self.standard.rates().to_vec() },
        })?;
        let join = self.join.as_ref().map_or(Ok(Duration::ZERO), JoinFile::complete)?;
        let power_save = self.power_save.as_ref().map(PowerSaveFile::complete).transpose()?;
        Ok(Wifi { standard: self.standard, rate_kbit_s, preamble: self.preamble, join, power_save })
    }
}

impl JoinFile {
    fn complete(&self) -> Result<Duration, Incomplete> {
        let step = |key: &'static str, figure| span(&["wifi", "join", key], Some(figure));
        Ok(step("scan", &self.scan)?
            + step("association", &self.association)?
            + step("key_handshake", &self.key_handshake)?
            + step("address", &self.address)?)
    }
}

impl PowerSaveFile {
    fn complete(&self) -> Result<WifiPowerSave, Incomplete> {
        let of = |key: &'static str, figure| span(&["wifi", "power_save", key], Some(figure));
        let beacon_interval = of("beacon_interval", &self.beacon_interval)?;
        let wake_every: u32 = whole(&["wifi", "power_save", "wake_every"], Some(&self.wake_every), "1")?;
        for (key, zero) in [("beacon_interval", beacon_interval.is_zero()), ("wake_every", wake_every == 0)] {
            if zero {
                let path = vec!["wifi", "power_save", key];
                return Err(Incomplete::Unit { path, error: UnitError::Zero });
            }
        }
        Ok(WifiPowerSave {
            beacon_interval,
            wake_every,
            stay_awake: of("stay_awake", &self.stay_awake)?,
            beacon_awake: of("beacon_awake", &self.beacon_awake)?,
        })
    }
}
