//! Links that are part of a WiFi cell.

use std::time::Duration;

use models::net::wifi::{Modulation, PowerSave, Preamble};
use models::profile::{LinkProfile, Wifi, WifiPreamble, WifiStandard};

use super::super::error::Diagnostic;
use super::super::quantity::Span;
use super::super::schema::{self, Link};
use super::{End, View};

/// A link's part in a WiFi cell: its `from` is the station, its `to` the access point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlannedWifi {
    /// Links to the same node with the same channel share one medium.
    pub channel: u32,
    /// How data frames are sent, both ways.
    pub modulation: Modulation,
    /// From the first frame until the station has its address.
    pub join: Duration,
    /// Its sleep.
    pub power_save: Option<PowerSave>,
    /// IP packets longer than this are announced by RTS and CTS.
    pub rts_threshold: Option<u32>,
}

/// Beacons of 100 time units of 1,024 us. IEEE 802.11-2016 §9.4.1.3 has the unit; 100 of them is what
/// most access points have.
const BEACON_INTERVAL: Duration = Duration::from_micros(102_400);
/// Awake after the last frame: what an ESP8266 was measured to do (its Arduino LowPowerDemo: 1 to 2 s).
const STAY_AWAKE: Duration = Duration::from_secs(1);
/// Awake for a beacon: 3 ms in 300 ms (ESP8266EX datasheet, DTIM 3).
const BEACON_AWAKE: Duration = Duration::from_millis(3);

/// Why keys of a cell and keys of a plain link do not go together.
const NOT_ON_THE_AIR: &str = "the stations of a WiFi cell share one medium, whose times follow from the standard; \
     for a plain link with a rate choose a profile without a cell, `wifi-54` or `wifi-home-11n`";

/// The WiFi of link `number`, if its profile has any.
pub(super) fn wifi(
    view: &View<'_>,
    number: &str,
    link: &Link,
    (from, to): (End, End),
    profile: &LinkProfile,
) -> Result<Option<PlannedWifi>, Diagnostic> {
    let refuse = |key: &str, message: &str, help: &str| {
        Err(view.error(message, &["links", number, key], "not here").help(help.to_owned()))
    };
    let Some(wifi) = profile.wifi else {
        let keys = [
            ("channel", link.channel.is_some()),
            ("join", link.join.is_some()),
            ("power_save", link.power_save.is_some()),
            ("rts_above", link.rts_above.is_some()),
        ];
        return match keys.iter().find(|(_, given)| *given) {
            Some((key, _)) => refuse(
                key,
                &format!("`{key}` is for the stations of a WiFi cell"),
                "choose a profile with one: `wifi-11b`, `wifi-11g`, `wifi-11n-good`",
            ),
            None => Ok(None),
        };
    };
    let keys = [
        ("rate", link.rate.is_some()),
        ("rate_down", link.rate_down.is_some()),
        ("jitter", link.jitter.is_some()),
        ("reorder", link.reorder.is_some()),
        ("duplicate", link.duplicate.is_some()),
        ("radio", link.radio.is_some()),
        ("nat", link.nat.is_some()),
    ];
    if let Some((key, _)) = keys.iter().find(|(_, given)| *given) {
        return refuse(key, &format!("`{key}` has no place on a link of a WiFi cell"), NOT_ON_THE_AIR);
    }
    if matches!((from, to), (End::Forwarding(_), End::Group(_))) {
        return refuse(
            "to",
            "the access point of a WiFi link is its `to`",
            "write the station under `from` and the switch or router under `to`",
        );
    }
    Ok(Some(PlannedWifi {
        channel: link.channel.unwrap_or(1),
        modulation: modulation(&wifi),
        join: link.join.map_or(wifi.join, Span::get),
        power_save: power_save(link.power_save, &wifi),
        rts_threshold: link.rts_above.map(|size| size.0.min(u64::from(u32::MAX)) as u32),
    }))
}

fn modulation(wifi: &Wifi) -> Modulation {
    let preamble = match wifi.preamble {
        WifiPreamble::Long => Preamble::Long,
        WifiPreamble::Short => Preamble::Short,
    };
    let found = match wifi.standard {
        WifiStandard::Dot11b => Modulation::dsss(wifi.rate_kbit_s, preamble),
        WifiStandard::Dot11g => Modulation::ofdm(wifi.rate_kbit_s),
        WifiStandard::Dot11n => Modulation::ht(wifi.rate_kbit_s),
    };
    found.expect("a profile's rate is one of its standard's")
}

/// The scenario's sleep, with what it leaves out from the profile.
fn power_save(own: Option<schema::PowerSave>, wifi: &Wifi) -> Option<PowerSave> {
    let of_profile = wifi.power_save.map(|rules| PowerSave {
        beacon_interval: rules.beacon_interval,
        wake_every: rules.wake_every,
        stay_awake: rules.stay_awake,
        beacon_awake: rules.beacon_awake,
        phase: Duration::ZERO,
    });
    let Some(own) = own else { return of_profile };
    let rest = of_profile.unwrap_or(PowerSave {
        beacon_interval: BEACON_INTERVAL,
        wake_every: 1,
        stay_awake: STAY_AWAKE,
        beacon_awake: BEACON_AWAKE,
        phase: Duration::ZERO,
    });
    (own.wake_every > 0).then(|| PowerSave {
        wake_every: own.wake_every,
        beacon_interval: own.beacon_interval.map_or(rest.beacon_interval, Span::get),
        stay_awake: own.stay_awake.map_or(rest.stay_awake, Span::get),
        ..rest
    })
}
