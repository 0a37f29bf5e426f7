//! How a board sleeps and what waking it takes.
//!
//! Currents are those at the board's supply; power is current times supply voltage, which holds for
//! boards with a linear regulator: it passes the same current at whatever voltage (datasheets of
//! the AMS1117 and its kin). A board behind a switching regulator gives its figures at its supply.

use std::time::Duration;

use super::group::figures;
use super::{Incomplete, number, perhaps, span};

figures! {
    /// Currents of the board asleep.
    SleepFile, "Sleep" {
        /// Deep sleep: only a clock runs; waking is a reset.
        deep,
        /// Light sleep, connected: mean over beacons, at DTIM 3.
        light,
        /// Modem sleep, connected: the CPU runs, the radio wakes for beacons; mean at DTIM 3.
        modem,
        /// Time for which the radio stays on after the last frame, before any of the lighter sleeps.
        lingers,
    }
}

figures! {
    /// What happens between a reset and a working network, and on the way back to sleep.
    WakeFile, "Wake" {
        /// From reset to the program.
        boot,
        /// Current meanwhile.
        boot_current,
        /// Calibration of the radio.
        calibrate,
        /// Current meanwhile.
        calibrate_current,
        /// Writing the credentials to flash, where a program does it at every start.
        save,
        /// Scanning all channels for the access point, where a program does not remember it.
        scan,
        /// Authentication and association.
        associate,
        /// The four-way handshake of WPA2.
        keys,
        /// Getting an address by DHCP, where it is not fixed.
        dhcp,
        /// Current from scanning on, for as long as the radio is on.
        radio_current,
        /// How long the radio stays on after the last packet, so that it is really out.
        lingers,
        /// Shutting the radio down.
        shut_down,
    }
}

/// Sleep, in fixed units.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sleep {
    /// Power in deep sleep, in watt.
    pub deep_w: f64,
    /// Mean power in light sleep, in watt.
    pub light_w: Option<f64>,
    /// Mean power in modem sleep, in watt.
    pub modem_w: Option<f64>,
    /// Time for which the radio stays on after the last frame.
    pub lingers: Duration,
}

/// Waking, in fixed units.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Wake {
    /// From reset to the program.
    pub boot: Duration,
    /// Power meanwhile, in watt.
    pub boot_w: f64,
    /// Calibration of the radio.
    pub calibrate: Duration,
    /// Power meanwhile, in watt.
    pub calibrate_w: f64,
    /// Writing the credentials.
    pub save: Duration,
    /// Scanning all channels.
    pub scan: Duration,
    /// Authentication and association.
    pub associate: Duration,
    /// The four-way handshake.
    pub keys: Duration,
    /// DHCP.
    pub dhcp: Duration,
    /// Power from scanning on, in watt.
    pub radio_w: f64,
    /// How long the radio stays on after the last packet.
    pub lingers: Duration,
    /// Shutting the radio down.
    pub shut_down: Duration,
}

impl SleepFile {
    pub(super) fn complete(&self, supply_v: f64) -> Result<Sleep, Incomplete> {
        let watts = |amps: f64| amps * supply_v;
        Ok(Sleep {
            deep_w: watts(number(&["sleep", "deep"], self.deep.as_ref(), "A")?),
            light_w: perhaps(&["sleep", "light"], self.light.as_ref(), "A")?.map(watts),
            modem_w: perhaps(&["sleep", "modem"], self.modem.as_ref(), "A")?.map(watts),
            lingers: span(&["sleep", "lingers"], self.lingers.as_ref())?,
        })
    }
}

impl WakeFile {
    pub(super) fn complete(&self, supply_v: f64) -> Result<Wake, Incomplete> {
        let watts = |amps: f64| amps * supply_v;
        Ok(Wake {
            boot: span(&["wake", "boot"], self.boot.as_ref())?,
            boot_w: watts(number(&["wake", "boot_current"], self.boot_current.as_ref(), "A")?),
            calibrate: span(&["wake", "calibrate"], self.calibrate.as_ref())?,
            calibrate_w: watts(number(&["wake", "calibrate_current"], self.calibrate_current.as_ref(), "A")?),
            save: span(&["wake", "save"], self.save.as_ref())?,
            scan: span(&["wake", "scan"], self.scan.as_ref())?,
            associate: span(&["wake", "associate"], self.associate.as_ref())?,
            keys: span(&["wake", "keys"], self.keys.as_ref())?,
            dhcp: span(&["wake", "dhcp"], self.dhcp.as_ref())?,
            radio_w: watts(number(&["wake", "radio_current"], self.radio_current.as_ref(), "A")?),
            lingers: span(&["wake", "lingers"], self.lingers.as_ref())?,
            shut_down: span(&["wake", "shut_down"], self.shut_down.as_ref())?,
        })
    }
}
