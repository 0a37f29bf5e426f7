//! Boards: how fast they compute and what they draw.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{
    Choice, Figure, Incomplete, Inherit, Kind, Sleep, SleepFile, Stack, Tls, TlsFile, UnitError, Wake,
    WakeFile, number, perhaps, span, text, whole,
};

/// A file in `hw-profiles/boards`. Everything but the title may come from `base`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Board")]
pub struct BoardFile {
    /// One line that says which board.
    pub title: String,
    /// Name of the profile this one rests on.
    pub base: Option<String>,
    /// Number of CPU cores.
    pub cores: Option<Figure>,
    /// Time a piece of work takes, relative to the reference PC.
    pub cpu_factor: Option<Figure>,
    /// RAM.
    pub ram: Option<Figure>,
    /// Supply voltage at which the powers hold.
    pub supply: Option<Figure>,
    /// Power of the whole board when everything is idle.
    pub idle: Option<Figure>,
    /// Power of one busy core, above idle.
    pub cpu_active: Option<Figure>,
    /// Rise of the power while a camera takes a picture; without it, none.
    pub camera: Option<Figure>,
    /// CPU time of the kernel for one TCP segment in or out, on this board; the interrupt of a frame that
    /// arrives is part of it.
    pub segment: Option<Figure>,
    /// CPU time of TLS; without it, the board cannot be used with TLS.
    pub tls: Option<TlsFile>,
    /// Time a core of the CPU takes for one inference; without it, the board is not used for any.
    pub inference_cpu: Option<Figure>,
    /// Time the accelerator takes for one inference.
    pub inference: Option<Figure>,
    /// Power of the accelerator meanwhile.
    pub accelerator: Option<Figure>,
    /// The network interface.
    pub network: Option<NetworkFile>,
    /// Time without a return to the system after which the watchdog resets the board; without it,
    /// never.
    pub watchdog: Option<Figure>,
    /// Sleep, where the board can.
    pub sleep: Option<SleepFile>,
    /// Waking, where the board sleeps.
    pub wake: Option<WakeFile>,
}

/// The network interface of a board.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename = "Network")]
pub struct NetworkFile {
    /// What it is called.
    pub name: Option<String>,
    /// The TCP in it, where it does TCP itself; without it, that of the software.
    pub stack: Option<Choice<Stack>>,
    /// Power above idle while a frame is being sent.
    pub transmit: Option<Figure>,
    /// Power above idle while a frame is being received.
    pub receive: Option<Figure>,
    /// Time per byte of frame for driver and bus to push a frame out; the transmit power is drawn
    /// meanwhile.
    pub host_transmit: Option<Figure>,
    /// The same for a frame coming in.
    pub host_receive: Option<Figure>,
}

/// A board with all its figures.
#[derive(Clone, PartialEq, Debug)]
pub struct Board {
    /// Name of the profile.
    pub name: Arc<str>,
    /// One line that says which board.
    pub title: String,
    /// Number of CPU cores.
    pub cores: u32,
    /// Time a piece of work takes, relative to the reference PC; 0 where computing costs nothing.
    pub cpu_factor: f64,
    /// RAM in bytes.
    pub ram_bytes: u64,
    /// Supply voltage in volt.
    pub supply_v: f64,
    /// Power of the whole board when everything is idle, in watt.
    pub idle_w: f64,
    /// Power of one busy core above idle, in watt.
    pub cpu_active_w: f64,
    /// Rise while a camera takes a picture, in watt.
    pub camera_w: f64,
    /// CPU time of the kernel for one TCP segment in or out, on this board.
    pub segment: Duration,
    /// CPU time of TLS, where the profile says it.
    pub tls: Option<Tls>,
    /// Time of one inference on a core of the CPU, where the profile says it.
    pub inference_cpu: Option<Duration>,
    /// Time and power of one inference on the accelerator, in watt, where there is one.
    pub inference: Option<(Duration, f64)>,
    /// The network interface.
    pub network: Network,
    /// Time without a return to the system after which the watchdog resets the board.
    pub watchdog: Option<Duration>,
    /// Sleep, where the board can.
    pub sleep: Option<Sleep>,
    /// Waking, where the board sleeps.
    pub wake: Option<Wake>,
}

/// The network interface of a board, with all its figures.
#[derive(Clone, PartialEq, Debug)]
pub struct Network {
    /// What it is called.
    pub name: String,
    /// The TCP in it, where it does TCP itself.
    pub stack: Option<Stack>,
    /// Power above idle while a frame is being sent, in watt.
    pub tx_w: f64,
    /// Power above idle while a frame is being received, in watt.
    pub rx_w: f64,
    /// Time per byte of frame for driver and bus to push a frame out, in nanoseconds.
    pub host_tx_ns_per_byte: f64,
    /// The same for a frame coming in.
    pub host_rx_ns_per_byte: f64,
}

impl Inherit for BoardFile {
    type Complete = Board;

    fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    fn figures(&self) -> Vec<(Vec<&'static str>, &Figure)> {
        let network = self.network.as_ref();
        let of = |figure: fn(&NetworkFile) -> &Option<Figure>| {
            network.and_then(|network| figure(network).as_ref())
        };
        let all = [
            (vec!["cores"], self.cores.as_ref()),
            (vec!["cpu_factor"], self.cpu_factor.as_ref()),
            (vec!["ram"], self.ram.as_ref()),
            (vec!["supply"], self.supply.as_ref()),
            (vec!["idle"], self.idle.as_ref()),
            (vec!["cpu_active"], self.cpu_active.as_ref()),
            (vec!["camera"], self.camera.as_ref()),
            (vec!["segment"], self.segment.as_ref()),
            (vec!["inference_cpu"], self.inference_cpu.as_ref()),
            (vec!["inference"], self.inference.as_ref()),
            (vec!["accelerator"], self.accelerator.as_ref()),
            (vec!["watchdog"], self.watchdog.as_ref()),
            (vec!["network", "transmit"], of(|network| &network.transmit)),
            (vec!["network", "receive"], of(|network| &network.receive)),
            (vec!["network", "host_transmit"], of(|network| &network.host_transmit)),
            (vec!["network", "host_receive"], of(|network| &network.host_receive)),
        ];
        let mut figures: Vec<_> =
            all.into_iter().filter_map(|(path, figure)| Some((path, figure?))).collect();
        figures.extend(SleepFile::figures(self.sleep.as_ref(), "sleep"));
        figures.extend(WakeFile::figures(self.wake.as_ref(), "wake"));
        figures.extend(self.tls.iter().flat_map(TlsFile::figures));
        figures
    }

    fn choices(&self) -> Vec<(&'static str, Kind, &str)> {
        let stack = self.network.iter().filter_map(|network| network.stack.as_ref());
        stack.map(|stack| ("network.stack", stack.kind, stack.source.as_str())).collect()
    }

    fn over(self, base: Self) -> Self {
        let network = match (self.network, base.network) {
            (Some(own), Some(base)) => Some(NetworkFile {
                name: own.name.or(base.name),
                stack: own.stack.or(base.stack),
                transmit: own.transmit.or(base.transmit),
                receive: own.receive.or(base.receive),
                host_transmit: own.host_transmit.or(base.host_transmit),
                host_receive: own.host_receive.or(base.host_receive),
            }),
            (own, base) => own.or(base),
        };
        BoardFile {
            title: self.title,
            base: base.base,
            cores: self.cores.or(base.cores),
            cpu_factor: self.cpu_factor.or(base.cpu_factor),
            ram: self.ram.or(base.ram),
            supply: self.supply.or(base.supply),
            idle: self.idle.or(base.idle),
            cpu_active: self.cpu_active.or(base.cpu_active),
            camera: self.camera.or(base.camera),
            segment: self.segment.or(base.segment),
            tls: match (self.tls, base.tls) {
                (Some(own), Some(base)) => Some(own.over(base)),
                (own, base) => own.or(base),
            },
            network,
            inference_cpu: self.inference_cpu.or(base.inference_cpu),
            inference: self.inference.or(base.inference),
            accelerator: self.accelerator.or(base.accelerator),
            watchdog: self.watchdog.or(base.watchdog),
            sleep: SleepFile::over(self.sleep, base.sleep),
            wake: WakeFile::over(self.wake, base.wake),
        }
    }

    fn complete(&self, name: &str) -> Result<Board, Incomplete> {
        let network = self.network.clone().unwrap_or_default();
        let network = Network {
            tx_w: number(&["network", "transmit"], network.transmit.as_ref(), "W")?,
            rx_w: number(&["network", "receive"], network.receive.as_ref(), "W")?,
            host_tx_ns_per_byte: number(
                &["network", "host_transmit"],
                network.host_transmit.as_ref(),
                "ns/B",
            )?,
            host_rx_ns_per_byte: number(&["network", "host_receive"], network.host_receive.as_ref(), "ns/B")?,
            stack: network.stack.as_ref().map(|stack| stack.value),
            name: text(&["network", "name"], network.name.as_ref())?.clone(),
        };
        let supply_v = number(&["supply"], self.supply.as_ref(), "V")?;
        let inference = match &self.inference {
            Some(figure) => {
                let watts = number(&["accelerator"], self.accelerator.as_ref(), "W")?;
                Some((span(&["inference"], Some(figure))?, watts))
            }
            None => None,
        };
        let cores = whole(&["cores"], self.cores.as_ref(), "1")?;
        if cores == 0 {
            return Err(Incomplete::Unit { path: vec!["cores"], error: UnitError::Zero });
        }
        let inference_cpu = self.inference_cpu.as_ref();
        Ok(Board {
            inference_cpu: inference_cpu.map(|figure| span(&["inference_cpu"], Some(figure))).transpose()?,
            inference,
            watchdog: self.watchdog.as_ref().map(|figure| span(&["watchdog"], Some(figure))).transpose()?,
            sleep: self.sleep.as_ref().map(|sleep| sleep.complete(supply_v)).transpose()?,
            wake: self.wake.as_ref().map(|wake| wake.complete(supply_v)).transpose()?,
            name: name.into(),
            title: self.title.clone(),
            cores,
            cpu_factor: number(&["cpu_factor"], self.cpu_factor.as_ref(), "1")?,
            ram_bytes: whole(&["ram"], self.ram.as_ref(), "B")?,
            supply_v,
            idle_w: number(&["idle"], self.idle.as_ref(), "W")?,
            cpu_active_w: number(&["cpu_active"], self.cpu_active.as_ref(), "W")?,
            camera_w: perhaps(&["camera"], self.camera.as_ref(), "W")?.unwrap_or(0.0),
            segment: span(&["segment"], self.segment.as_ref())?,
            tls: self.tls.as_ref().map(TlsFile::complete).transpose()?,
            network,
        })
    }
}
