//! MQTT 3.1, 3.1.1 and 5.0 without I/O: codec, client and broker machines, usable alone.
//!
//! OASIS Standards *MQTT Version 3.1.1*, 29 October 2014, and *MQTT Version 5.0*, 7 March 2019; *MQTT V3.1
//! Protocol Specification* of IBM and Eurotech, 2010. They are cited as `MQTT 3.1.1 §x.y` above the lines
//! that obey them. One codec and one pair of machines speak all three: [`packet::Version`] is what they
//! switch on. Code map:
//!
//! | module | what |
//! | --- | --- |
//! | [`packet`] | the fifteen control packets as types |
//! | [`properties`], [`reason_code`] | what MQTT 5.0 adds to them |
//! | [`message`] | an application message as the machines hold it |
//! | [`topic`] | Topic Names, Topic Filters, and which match |
//! | [`codec`] | packets to bytes and back, incremental, payloads never copied |
//! | [`session`] | the delivery state of QoS 1 and 2, the same at both ends |
//! | [`subscriptions`] | the subscription tree of a server |
//! | [`timers`] | keep-alive as clients and servers do it |
//! | [`client`] | the client machine |
//! | [`broker`] | the server machine |
//! | [`bridge`] | which messages a bridge between servers passes on, and under which names |
//! | [`aliases`] | Topic Aliases of a connection |
//! | [`close`] | why a machine asks for the end of a connection |
//!
//! The machines keep the contract of all machines here: everything outside is an argument, effects are
//! polled, timers are lazy (see the crate's code map).
//!
//! What a simulation knows beside the bytes travels in the chunks' tags: a PUBLISH carries the name of
//! its message, and everything that a machine sends about that message carries it on.

pub mod aliases;
pub mod bridge;
pub mod broker;
pub mod client;
pub mod close;
pub mod codec;
mod late;
pub mod message;
pub mod packet;
pub mod properties;
pub mod reason_code;
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
pub use packet::{Packet, PacketIdentifier, PacketType, QoS, SubscriptionOptions, Version, Will};
pub use properties::Properties;
pub use reason_code::ReasonCode;
pub use timers::keep_alive::KeepAliveRule;
pub use topic::{TopicFilter, TopicName, matches};
