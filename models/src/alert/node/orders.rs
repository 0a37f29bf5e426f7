//! Orders of the server: another configuration over the air, other triggers.
//!
//! **Models** the paper's plan ("a mechanism so that the server can modify and update OtA the configuration
//! file") and its camera node's rules that change on the fly; its code has neither, and as built an active
//! node hears no orders at all. The node holds a new configuration against the schema itself. One that does
//! not fit changes nothing: the node reports why, and goes on as before. One that fits is reported, too; then
//! the node leaves its old topics and joins anew with the new text. Text and sampling periods are kept in a
//! file and outlast a restart; triggers are kept by the server and come again with the join.

use std::sync::Arc;
use std::time::Duration;

use super::{Action, SensorNode, Step};
use crate::alert::configuration;
use crate::alert::message::{Command, Order};

/// The longest period that a node accepts: a day.
const LONGEST_PERIOD_S: u64 = 86_400;

impl SensorNode {
    pub(super) fn reconfigure(&mut self, message: &str, sampling: Option<&str>) {
        let periods = match sampling {
            None => Ok(self.periods),
            Some(text) => periods(text).ok_or_else(|| format!("`{text}` are no three periods in s")),
        };
        let xml = configuration::validate(message).map_err(|breach| breach.to_string());
        let (xml, periods) = match (xml, periods) {
            (Ok(xml), Ok(periods)) => (xml, periods),
            (Err(why), _) | (Ok(_), Err(why)) => return self.report(Order::Configuration, Some(why)),
        };
        self.report(Order::Configuration, None);
        let (mut before, control) = (self.hears(), self.place.control());
        before.insert(0, control);
        self.configuration = Arc::from(xml);
        self.place = configuration::place(xml);
        self.periods = periods;
        let mut after = self.hears();
        after.push(self.place.control());
        before.retain(|filter| !after.contains(filter));
        self.script.extend(before.into_iter().map(|filter| Step::Do(Action::Unsubscribe(filter))));
        self.script.push_back(Step::Rejoin);
    }

    pub(super) fn set_triggers(&mut self, kinds: Vec<String>) {
        let refused = if self.plan.camera.is_none() {
            Some("no camera".to_owned())
        } else if kinds.is_empty() {
            Some("no kind of objects".to_owned())
        } else {
            self.triggers = kinds;
            None
        };
        self.report(Order::Triggers, refused);
    }

    /// Tells the server, on the topic by which the order came, what has become of it.
    fn report(&mut self, about: Order, refused: Option<String>) {
        match refused {
            Some(_) => self.tally.refused += 1,
            None => self.tally.obeyed += 1,
        }
        let text = Command::Report { about, refused }.text(self.plan.switches.form);
        let topic = self.place.control();
        self.script.push_back(Step::Do(Action::Publish { topic, text, for_server: true }));
    }
}

/// Three periods in whole seconds.
fn periods(text: &str) -> Option<[Duration; 3]> {
    let mut seconds = text.split_whitespace().map(|word| {
        let seconds: u64 = word.parse().ok()?;
        (1..=LONGEST_PERIOD_S).contains(&seconds).then(|| Duration::from_secs(seconds))
    });
    let periods = [seconds.next()??, seconds.next()??, seconds.next()??];
    seconds.next().is_none().then_some(periods)
}
