//! The alert sensor network's own language: who its nodes are, what they say, when they are alarmed.
//!
//! **Models** the network of Vrettos, Logaras and Kalligeros ("Towards standardization of
//! MQTT-alert-based sensor networks", SIES 2018): the XML configuration that names a node and the
//! schema it must obey ([`configuration`]), the topics built from it ([`topics`]), the texts of control
//! and sensor messages ([`message`]), the rules that turn measurements into a severity mode
//! ([`severity`]), what there is to measure ([`environment`]), and the programs: client node ([`node`]),
//! server node ([`server`]), and of the paper's other levels the [`gateway`] with its [`batch`]es and the
//! [`sink`] in the cloud.
//!
//! Nothing here knows of a host, a clock or a connection; the roles `app::sensor_node`, `app::server_node`,
//! `app::gateway` and `app::cloud_sink` use it.
//!
//! **Two readings.** The paper describes one network, its code builds another. Where they differ, a
//! switch says which is meant; [`Variant`] names the two sets.
//!
//! **Validated** by the regression examples and packet sizes read from the authors' code, held in the
//! tests beside each module.

pub mod batch;
pub mod configuration;
pub mod environment;
pub mod gateway;
pub mod message;
pub mod node;
pub mod server;
pub mod severity;
pub mod sink;
pub mod topics;

use std::time::Duration;

use message::Form;
use severity::RateRule;

/// How a node's timer and its flame input wake its program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum WakePath {
    /// By publishing to `node/exit`, to which every node subscribes: as built.
    SharedTopic,
    /// By publishing to a topic below the node's own base.
    OwnTopic,
    /// Without the broker.
    LocalTimer,
}

/// In which order a node that joins sends its configuration and listens for the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum Handshake {
    /// The configuration first, the subscription when it is acknowledged: as built. An answer that is
    /// faster than the subscription is lost.
    PublishThenSubscribe,
    /// The subscription first: the published state diagram.
    SubscribeThenPublish,
}

/// What differs between the network as it was published and as it was built, at a client node.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NodeSwitches {
    /// How the program wakes.
    pub wake: WakePath,
    /// Order of the join.
    pub handshake: Handshake,
    /// The configuration is sent again after this time without an answer; `None`: never.
    pub retry_after: Option<Duration>,
    /// How the rate of temperature is computed.
    pub rate: RateRule,
    /// Whether the window of temperatures is emptied when the severity mode changes.
    pub clear_window: bool,
    /// Whether a message that comes while the program waits for an acknowledgement is lost to it (one
    /// place for the last message, and nobody looks), or handled afterwards.
    pub deaf_while_waiting: bool,
    /// Whether a lost connection ends the program, or the node joins anew.
    pub ends_with_connection: bool,
    /// How messages are written.
    pub form: Form,
}

/// What a server does with a node that its database does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum UnknownNode {
    /// The thread that handles configurations ends by an exception, and with it all service: as built.
    ThreadEnds,
    /// The node is entered in the database.
    Register,
    /// The node is blocked.
    Block,
}

/// What differs at the server node.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ServerSwitches {
    /// Whether one thread handles configurations one after the other, sleeping between its messages
    /// (3.0 s a node), or each has a thread of its own.
    pub serial_joins: bool,
    /// Unknown nodes.
    pub unknown_node: UnknownNode,
    /// Whether it hears only the nodes of its own room, or the whole network.
    pub own_room_only: bool,
    /// How messages are written.
    pub form: Form,
}

/// One of the two sets of switches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum Variant {
    /// As the paper describes it.
    AsPublished,
    /// As its code does it.
    AsBuilt,
}

impl Variant {
    /// The switches of a client node.
    #[must_use]
    pub const fn node(self) -> NodeSwitches {
        match self {
            Variant::AsPublished => NodeSwitches {
                wake: WakePath::LocalTimer,
                handshake: Handshake::SubscribeThenPublish,
                retry_after: Some(Duration::from_secs(10)),
                rate: RateRule::TrueTime,
                clear_window: true,
                deaf_while_waiting: false,
                ends_with_connection: false,
                form: Form::Bracketed,
            },
            Variant::AsBuilt => NodeSwitches {
                wake: WakePath::SharedTopic,
                handshake: Handshake::PublishThenSubscribe,
                retry_after: None,
                rate: RateRule::FixedGrid,
                clear_window: false,
                deaf_while_waiting: true,
                ends_with_connection: true,
                form: Form::Plain,
            },
        }
    }

    /// The switches of the server node.
    #[must_use]
    pub const fn server(self) -> ServerSwitches {
        match self {
            Variant::AsPublished => ServerSwitches {
                serial_joins: false,
                unknown_node: UnknownNode::Register,
                own_room_only: false,
                form: Form::Bracketed,
            },
            Variant::AsBuilt => ServerSwitches {
                serial_joins: true,
                unknown_node: UnknownNode::ThreadEnds,
                own_room_only: true,
                form: Form::Plain,
            },
        }
    }
}
