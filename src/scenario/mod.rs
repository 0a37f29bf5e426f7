//! Scenarios: from a RON text to checked data, or to an error that says what to do.
//!
//! | file | step |
//! | --- | --- |
//! | [`schema`] | the types of a scenario file, made of checked values ([`quantity`], [`names`]) |
//! | [`text`] | the text of a file |
//! | [`source`] | a text that knows which bytes came from the file and which from `--set` |
//! | [`mod@set`] | `--set path=value` |
//! | [`outline`] | where keys and values stand in the text |
//! | [`mod@parse`] | text to types, by `ron`; errors with their place |
//! | `brackets` | which bracket, quote or comment of a refused text does not close |
//! | [`legal`] | what the types accept at a place, for advice |
//! | [`profiles`] | the files in `hw-profiles/` |
//! | [`expect`] | expectations |
//! | [`condition`] | conditions on the axes of a sweep |
//! | [`mod@load`] | all of it: file to [`Loaded`] |
//! | [`assemble`] | [`Loaded`] to the blueprint of a network |
//! | [`error`] | [`Diagnostic`] |

pub mod assemble;
mod brackets;
mod check;
pub mod condition;
pub mod error;
pub mod expect;
pub mod legal;
pub mod load;
pub mod measure;
pub mod named_files;
pub mod names;
pub mod outline;
pub mod parse;
pub mod profiles;
pub mod quantity;
pub mod schema;
pub mod set;
pub mod source;
pub mod text;

pub use error::Diagnostic;
pub use load::{Loaded, Overrides, load};

#[cfg(test)]
mod tests;
