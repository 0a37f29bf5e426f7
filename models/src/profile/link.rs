//! Links: what a frame meets on its way.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::wifi::{Wifi, WifiFile};
use super::{Figure, Incomplete, Inherit, UnitError, number, perhaps, perhaps_whole, span, whole};

/// What is around an IP packet on a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum Framing {
    /// An Ethernet II header of 14 bytes; the frame check sequence is not counted, as in captures.
    Ethernet,
    /// A PPP header of 2 bytes.
    PointToPoint,
}

/// A file in `hw-profiles/links`. Everything but the title may come from `base`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "LinkProfile")]
pub struct LinkFile {
    /// One line that says which link.
    pub title: String,
    /// Name of the profile this one rests on.
    pub base: Option<String>,
    /// Data rate up, and down unless `rate_down` is given; without it, no limit.
    pub rate: Option<Figure>,
    /// Data rate down.
    pub rate_down: Option<Figure>,
    /// Propagation delay each way.
    pub delay: Option<Figure>,
    /// Probability that a frame is lost, each way.
    pub loss: Option<Figure>,
    /// Losses in bursts, each way; takes the place of `loss`.
    pub gilbert_elliott: Option<GilbertElliottFile>,
    /// A delay with a long tail on top of `delay`, each way.
    pub jitter: Option<JitterFile>,
    /// The states of a mobile radio.
    pub radio: Option<RadioFile>,
    /// A station of a WiFi cell; takes the place of `rate`, and `loss` is then that of each transmission
    /// on the air.
    pub wifi: Option<WifiFile>,
    /// Largest IP packet.
    pub mtu: Option<Figure>,
    /// Room for waiting frames, each way; without it, no end.
    pub queue: Option<Figure>,
    /// What is around an IP packet.
    pub framing: Option<Framing>,
}

/// A channel that is good or bad; `tc ... netem loss gemodel p r loss_bad loss_good`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "GilbertElliott")]
pub struct GilbertElliottFile {
    /// Probability to turn bad, per frame.
    pub p: Figure,
    /// Probability to turn good, per frame.
    pub r: Figure,
    /// Probability that a frame is lost in a bad channel (1 - h).
    pub loss_bad: Figure,
    /// Probability that a frame is lost in a good channel (1 - k).
    pub loss_good: Figure,
}

/// A log-normal delay.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Jitter")]
pub struct JitterFile {
    /// What half of the frames exceed.
    pub median: Figure,
    /// Standard deviation of the logarithm.
    pub sigma: Figure,
}

/// The states of a mobile radio and what they cost.
///
/// The times delay frames. The powers are there for reading and for models of the radio's energy;
/// a board's own figures for its network interface are what a run counts with.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Radio")]
pub struct RadioFile {
    /// From the first frame of an idle radio to its channel.
    pub promotion: Figure,
    /// Power meanwhile.
    pub promotion_power: Option<Figure>,
    /// From the last frame until the channel is given back.
    pub tail: Figure,
    /// Power meanwhile; the first of two states where there are two.
    pub tail_power: Option<Figure>,
    /// Power in the second state of the tail.
    pub tail_power_low: Option<Figure>,
    /// Power with a channel, before any data is counted.
    pub connected_power: Option<Figure>,
    /// Energy of a byte sent.
    pub byte_up: Option<Figure>,
    /// Energy of a byte received.
    pub byte_down: Option<Figure>,
}

/// Losses in bursts, each figure a probability.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bursts {
    /// To turn bad, per frame.
    pub p: f64,
    /// To turn good, per frame.
    pub r: f64,
    /// Of a loss in a bad channel.
    pub loss_bad: f64,
    /// Of a loss in a good channel.
    pub loss_good: f64,
}

/// The states of a mobile radio in fixed units; what a source does not give is 0.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Radio {
    /// From the first frame of an idle radio to its channel.
    pub promotion: Duration,
    /// Power meanwhile in watt.
    pub promotion_w: f64,
    /// From the last frame until the channel is given back.
    pub tail: Duration,
    /// Power meanwhile in watt.
    pub tail_w: f64,
    /// Power in the second state of the tail in watt.
    pub tail_low_w: f64,
    /// Power with a channel in watt.
    pub connected_w: f64,
    /// Joule per byte sent.
    pub byte_up_j: f64,
    /// Joule per byte received.
    pub byte_down_j: f64,
}

/// A link profile with all its figures.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkProfile {
    /// Name of the profile.
    pub name: Arc<str>,
    /// One line that says which link.
    pub title: String,
    /// Data rate up in bit/s; `None` is no limit.
    pub rate_up_bit_s: Option<u64>,
    /// Data rate down in bit/s; `None` is no limit.
    pub rate_down_bit_s: Option<u64>,
    /// Propagation delay each way.
    pub delay: Duration,
    /// Probability that a frame is lost, each way.
    pub loss: f64,
    /// Losses in bursts, each way, in place of `loss`.
    pub bursts: Option<Bursts>,
    /// Median and standard deviation of the logarithm of a delay on top of `delay`.
    pub jitter: Option<(Duration, f64)>,
    /// The states of its radio.
    pub radio: Option<Radio>,
    /// What its stations do on the air, if the link is part of a WiFi cell.
    pub wifi: Option<Wifi>,
    /// Largest IP packet in bytes.
    pub mtu_bytes: u32,
    /// Room for waiting frames in bytes, each way; `None` is no end.
    pub queue_bytes: Option<u64>,
    /// What is around an IP packet.
    pub framing: Framing,
}

impl Inherit for LinkFile {
    type Complete = LinkProfile;

    fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    fn figures(&self) -> Vec<(Vec<&'static str>, &Figure)> {
        let all = [
            ("rate", &self.rate),
            ("rate_down", &self.rate_down),
            ("delay", &self.delay),
            ("loss", &self.loss),
            ("mtu", &self.mtu),
            ("queue", &self.queue),
        ];
        let mut figures: Vec<_> =
            all.into_iter().filter_map(|(key, figure)| Some((vec![key], figure.as_ref()?))).collect();
        if let Some(GilbertElliottFile { p, r, loss_bad, loss_good }) = &self.gilbert_elliott {
            let inside = [("p", p), ("r", r), ("loss_bad", loss_bad), ("loss_good", loss_good)];
            figures.extend(inside.map(|(key, figure)| (vec!["gilbert_elliott", key], figure)));
        }
        if let Some(JitterFile { median, sigma }) = &self.jitter {
            figures.extend([("median", median), ("sigma", sigma)].map(|(key, f)| (vec!["jitter", key], f)));
        }
        if let Some(wifi) = &self.wifi {
            figures.extend(wifi.figures());
        }
        if let Some(radio) = &self.radio {
            figures.extend(radio.figures().map(|(key, figure)| (vec!["radio", key], figure)));
        }
        figures
    }

    fn over(self, base: Self) -> Self {
        LinkFile {
            title: self.title,
            base: base.base,
            // A rate of its own takes the place of a cell, and the other way round.
            rate_down: self.rate_down.or(if self.wifi.is_some() { None } else { base.rate_down }),
            wifi: self.wifi.clone().or(if self.rate.is_some() { None } else { base.wifi }),
            rate: self.rate.or(if self.wifi.is_some() { None } else { base.rate }),
            delay: self.delay.or(base.delay),
            // One kind of loss takes the place of the other.
            gilbert_elliott: self.gilbert_elliott.or(if self.loss.is_some() {
                None
            } else {
                base.gilbert_elliott
            }),
            loss: self.loss.or(base.loss),
            jitter: self.jitter.or(base.jitter),
            radio: self.radio.or(base.radio),
            mtu: self.mtu.or(base.mtu),
            queue: self.queue.or(base.queue),
            framing: self.framing.or(base.framing),
        }
    }

    fn complete(&self, name: &str) -> Result<LinkProfile, Incomplete> {
        let rate_up = perhaps_whole(&["rate"], self.rate.as_ref(), "bit/s")?;
        let rate_down = perhaps_whole(&["rate_down"], self.rate_down.as_ref(), "bit/s")?;
        for (path, rate) in [("rate", rate_up), ("rate_down", rate_down)] {
            if rate == Some(0) {
                return Err(Incomplete::Unit { path: vec![path], error: UnitError::Zero });
            }
        }
        let mtu_bytes: u32 = whole(&["mtu"], self.mtu.as_ref(), "B")?;
        // RFC 791 §3.2: every link carries 68 octets; the total length has 16 bits.
        let (least, most) = (68, 65_535);
        if !(least..=most).contains(&mtu_bytes) {
            let error = UnitError::OutOfRange { value: mtu_bytes, least, most };
            return Err(Incomplete::Unit { path: vec!["mtu"], error });
        }
        let loss = self.loss.as_ref().map_or(Ok(0.0), |loss| probability(&["loss"], loss))?;
        let bursts = self.gilbert_elliott.as_ref().map(GilbertElliottFile::complete).transpose()?;
        let jitter = match &self.jitter {
            Some(JitterFile { median, sigma }) => Some((
                span(&["jitter", "median"], Some(median))?,
                number(&["jitter", "sigma"], Some(sigma), "1")?,
            )),
            None => None,
        };
        Ok(LinkProfile {
            name: name.into(),
            title: self.title.clone(),
            rate_up_bit_s: rate_up,
            rate_down_bit_s: rate_down.or(rate_up),
            delay: span(&["delay"], self.delay.as_ref())?,
            loss,
            bursts,
            jitter,
            radio: self.radio.as_ref().map(RadioFile::complete).transpose()?,
            wifi: self.wifi.as_ref().map(WifiFile::complete).transpose()?,
            mtu_bytes,
            queue_bytes: perhaps_whole(&["queue"], self.queue.as_ref(), "B")?,
            framing: self.framing.ok_or(Incomplete::Missing { path: vec!["framing"] })?,
        })
    }
}

fn probability(path: &[&'static str], figure: &Figure) -> Result<f64, Incomplete> {
    let value = number(path, Some(figure), "1")?;
    if value > 1.0 {
        return Err(Incomplete::Unit { path: path.to_vec(), error: UnitError::NotProbability { value } });
    }
    Ok(value)
}

impl GilbertElliottFile {
    fn complete(&self) -> Result<Bursts, Incomplete> {
        let of = |key: &'static str, figure| probability(&["gilbert_elliott", key], figure);
        let r = of("r", &self.r)?;
        if r <= 0.0 {
            let path = vec!["gilbert_elliott", "r"];
            return Err(Incomplete::Unit { path, error: UnitError::Zero });
        }
        Ok(Bursts {
            p: of("p", &self.p)?,
            r,
            loss_bad: of("loss_bad", &self.loss_bad)?,
            loss_good: of("loss_good", &self.loss_good)?,
        })
    }
}

impl RadioFile {
    fn figures(&self) -> impl Iterator<Item = (&'static str, &Figure)> {
        let powers = [
            ("promotion_power", &self.promotion_power),
            ("tail_power", &self.tail_power),
            ("tail_power_low", &self.tail_power_low),
            ("connected_power", &self.connected_power),
            ("byte_up", &self.byte_up),
            ("byte_down", &self.byte_down),
        ];
        let given = powers.into_iter().filter_map(|(key, figure)| Some((key, figure.as_ref()?)));
        [("promotion", &self.promotion), ("tail", &self.tail)].into_iter().chain(given)
    }

    fn complete(&self) -> Result<Radio, Incomplete> {
        let of = |key: &'static str, figure: &Option<Figure>, unit: &str| {
            perhaps(&["radio", key], figure.as_ref(), unit).map(|value| value.unwrap_or(0.0))
        };
        Ok(Radio {
            promotion: span(&["radio", "promotion"], Some(&self.promotion))?,
            promotion_w: of("promotion_power", &self.promotion_power, "W")?,
            tail: span(&["radio", "tail"], Some(&self.tail))?,
            tail_w: of("tail_power", &self.tail_power, "W")?,
            tail_low_w: of("tail_power_low", &self.tail_power_low, "W")?,
            connected_w: of("connected_power", &self.connected_power, "W")?,
            byte_up_j: of("byte_up", &self.byte_up, "J")?,
            byte_down_j: of("byte_down", &self.byte_down, "J")?,
        })
    }
}
