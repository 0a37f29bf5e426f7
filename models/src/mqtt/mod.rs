//! MQTT: see the module documentation.
