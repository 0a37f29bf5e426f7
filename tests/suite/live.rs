//! The served broker, as real clients meet it: child processes of `mqtt-twin live`, raw sockets and
//! Mosquitto's and Paho's clients. Every session here is journalled and must replay to its fingerprint.

mod hostile;
mod mosquitto;
mod paho;
mod raw;
mod serving;
mod visitors;
