//! MQTT 3.1.1 without I/O: codec, client and broker machines, usable alone.
//!
//! OASIS Standard *MQTT Version 3.1.1*, 29 October 2014; cited as `MQTT 3.1.1 §x.y` above the lines that
//! obey it. Code map:
//!
//! | module | what |
//! | --- | --- |
//! | [`packet`] | the fourteen control packets as types |
//! | [`topic`] | Topic Names, Topic Filters, and which match |
//! | [`codec`] | packets to bytes and back, incremental, payloads never copied |
//! | [`session`] | the delivery state of QoS 1 and 2, the same at both ends |
//! | [`subscriptions`] | the subscription tree of a server |
//! | [`timers`] | keep-alive as clients and servers do it |
//! | [`client`] | the client machine |
//! | [`broker`] | the server machine |
//! | [`close`] | why a machine asks for the end of a connection |
//!
//! The machines keep the contract of all machines here: everything outside is an argument, effects are
//! polled, timers are lazy (see the crate's code map). MQTT 3.1 and 5.0 are left out so far; they join
//! as [`packet::Version`]s of the same codec and machines.
//!
//! What a simulation knows beside the bytes travels in the chunks' tags: a PUBLISH carries the name of
//! its message, and everything that a machine sends about that message carries it on.

pub mod broker;
pub mod client;
pub mod close;
pub mod codec;
pub mod packet;
pub mod session;
pub mod subscriptions;
pub mod timers;
pub mod topic;

#[cfg(test)]
mod delivery_tests;
#[cfg(test)]
mod pipe;

pub use broker::{Broker, BrokerConfig, BrokerEvent, ConnectionId};
pub use client::{Client, ClientConfig, ClientEvent, PublishError, RequestError};
pub use close::{CloseReason, ProtocolError};
pub use codec::Malformed;
pub use codec::decode::{Decoder, Received};
pub use codec::encode::{Outgoing, encode};
pub use packet::{ConnectReturnCode, Packet, PacketIdentifier, PacketType, QoS, Version, Will};
pub use timers::keep_alive::KeepAliveRule;
pub use topic::{TopicFilter, TopicName, matches};
