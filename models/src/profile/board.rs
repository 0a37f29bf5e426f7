//! Boards: how fast they compute and what they draw.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{Figure, Incomplete, Inherit, Tls, TlsFile, number, perhaps, span, text, whole};

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
    /// CPU time of the kernel for one TCP segment in or out, on this board.
    pub segment: Option<Figure>,
    /// CPU time of TLS; without it, the board cannot be used with TLS.
    pub tls: Option<TlsFile>,
    /// The network interface.
    pub network: Option<NetworkFile>,
}

/// The network interface of a board.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename = "Network")]
pub struct NetworkFile {
    /// What it is called.
    pub name: Option<String>,
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
    /// The network interface.
    pub network: Network,
}

/// The network interface of a board, with all its figures.
#[derive(Clone, PartialEq, Debug)]
pub struct Network {
    /// What it is called.
    pub name: String,
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
            (vec!["network", "transmit"], of(|network| &network.transmit)),
            (vec!["network", "receive"], of(|network| &network.receive)),
            (vec!["network", "host_transmit"], of(|network| &network.host_transmit)),
            (vec!["network", "host_receive"], of(|network| &network.host_receive)),
        ];
        let tls = self.tls.iter().flat_map(TlsFile::figures);
        all.into_iter().filter_map(|(path, figure)| Some((path, figure?))).chain(tls).collect()
    }

    fn over(self, base: Self) -> Self {
        let network = match (self.network, base.network) {
            (Some(own), Some(base)) => Some(NetworkFile {
                name: own.name.or(base.name),
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
            name: text(&["network", "name"], network.name.as_ref())?.clone(),
        };
        Ok(Board {
            name: name.into(),
            title: self.title.clone(),
            cores: whole(&["cores"], self.cores.as_ref(), "1")?,
            cpu_factor: number(&["cpu_factor"], self.cpu_factor.as_ref(), "1")?,
            ram_bytes: whole(&["ram"], self.ram.as_ref(), "B")?,
            supply_v: number(&["supply"], self.supply.as_ref(), "V")?,
            idle_w: number(&["idle"], self.idle.as_ref(), "W")?,
            cpu_active_w: number(&["cpu_active"], self.cpu_active.as_ref(), "W")?,
            camera_w: perhaps(&["camera"], self.camera.as_ref(), "W")?.unwrap_or(0.0),
            segment: span(&["segment"], self.segment.as_ref())?,
            tls: self.tls.as_ref().map(TlsFile::complete).transpose()?,
            network,
        })
    }
}
