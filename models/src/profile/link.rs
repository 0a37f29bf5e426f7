//! Links: what a frame meets on its way.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{Figure, Incomplete, Inherit, UnitError, perhaps, perhaps_whole, span, whole};

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
    /// Largest IP packet.
    pub mtu: Option<Figure>,
    /// Room for waiting frames, each way; without it, no end.
    pub queue: Option<Figure>,
    /// What is around an IP packet.
    pub framing: Option<Framing>,
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
        all.into_iter().filter_map(|(key, figure)| Some((vec![key], figure.as_ref()?))).collect()
    }

    fn over(self, base: Self) -> Self {
        LinkFile {
            title: self.title,
            base: base.base,
            rate: self.rate.or(base.rate),
            rate_down: self.rate_down.or(base.rate_down),
            delay: self.delay.or(base.delay),
            loss: self.loss.or(base.loss),
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
        let loss = perhaps(&["loss"], self.loss.as_ref(), "1")?.unwrap_or(0.0);
        if loss > 1.0 {
            let error = UnitError::NotProbability { value: loss };
            return Err(Incomplete::Unit { path: vec!["loss"], error });
        }
        Ok(LinkProfile {
            name: name.into(),
            title: self.title.clone(),
            rate_up_bit_s: rate_up,
            rate_down_bit_s: rate_down.or(rate_up),
            delay: span(&["delay"], self.delay.as_ref())?,
            loss,
            mtu_bytes: whole(&["mtu"], self.mtu.as_ref(), "B")?,
            queue_bytes: perhaps_whole(&["queue"], self.queue.as_ref(), "B")?,
            framing: self.framing.ok_or(Incomplete::Missing { path: vec!["framing"] })?,
        })
    }
}
