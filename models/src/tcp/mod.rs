//! TCP: see the module documentation.
