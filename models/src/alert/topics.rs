//! Topics built from a node's place.
//!
//! The base of a node is nine levels: network, node, country, district, city, area description, indoor
//! or outdoor, building, room. The paper writes it with a leading `/` and system topics with `$\`; the
//! code has neither, and neither has this.

use std::fmt::Write as _;

/// Topic of the self-message that wakes the program of every node that is as built.
pub const SHARED_WAKE: &str = "node/exit";

/// Where a node stands: what its topics are made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Name of the network.
    pub network: String,
    /// The node's own name.
    pub node: String,
    /// The levels below the node's name, from country to room.
    pub levels: [String; 7],
}

impl Place {
    fn base_with(&self, node: &str) -> String {
        let mut base = format!("{}/{node}", self.network);
        for level in &self.levels {
            let _ = write!(base, "/{level}");
        }
        base
    }

    /// The base of the node's topics.
    #[must_use]
    pub fn base(&self) -> String {
        self.base_with(&self.node)
    }

    /// The control topic, on which node and server both publish.
    #[must_use]
    pub fn control(&self) -> String {
        self.base() + "/control"
    }

    /// The topic of one sensor.
    #[must_use]
    pub fn sensor(&self, data_name: &str) -> String {
        self.base() + "/" + data_name
    }

    /// The node's own topic for waking itself.
    #[must_use]
    pub fn own_wake(&self) -> String {
        self.base() + "/exit"
    }

    /// A system topic of the server named `server`, in the place of this node: a node looks for them
    /// under its own location.
    #[must_use]
    pub fn system(&self, server: &str, name: &str) -> String {
        format!("$SYS/{}/{name}", self.base_with(server))
    }

    /// The filters by which a server at this place hears control and sensor messages: of nodes in its
    /// own room, or everywhere in the network.
    #[must_use]
    pub fn server_filters(&self, own_room_only: bool) -> [String; 2] {
        let base = if own_room_only {
            self.base_with("+")
        } else {
            format!("{}{}", self.network, "/+".repeat(1 + self.levels.len()))
        };
        [base.clone() + "/control", base + "/+"]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The place of the authors' ESP8266 node.
    pub(crate) fn cn2() -> Place {
        let levels = ["Greece", "Samos", "Karlovasi", "AegeanUniversityCampus", "indoor", "A", "A52"];
        Place {
            network: "Karlovasi_IoT_network".into(),
            node: "CN2".into(),
            levels: levels.map(String::from),
        }
    }

    #[test]
    fn lengths_are_those_of_the_authors_topics() {
        let place = cn2();
        assert_eq!(place.base().len(), 84);
        assert_eq!(place.control().len(), 92);
        assert_eq!(place.sensor("indoorTemperatureSensor").len(), 108);
        assert_eq!(place.sensor("indoorHumiditySensor").len(), 105);
        assert_eq!(place.sensor("indoorFlameSensor").len(), 102);
        assert_eq!(place.system("SN", "localDateTime").len(), 102);
        assert_eq!(place.system("SN", "SN/status").len(), 98);
        assert_eq!(SHARED_WAKE.len(), 9);
    }

    #[test]
    fn a_server_hears_its_room_or_the_network() {
        use crate::mqtt::{TopicFilter, TopicName};
        let server = Place { node: "SN".into(), ..cn2() };
        let mut upstairs = cn2();
        upstairs.levels[6] = "B11".into();
        let hears = |own_room_only, place: &Place| {
            let topic = TopicName::new(&place.control()).unwrap();
            let filters = server.server_filters(own_room_only);
            filters.iter().any(|filter| TopicFilter::new(filter).unwrap().matches(&topic))
        };
        assert!(hears(true, &cn2()) && hears(false, &cn2()) && hears(false, &upstairs));
        assert!(!hears(true, &upstairs), "as built, a node in another room is never heard");
    }
}
