//! Pictures of a run, and the report of a run or a sweep: one HTML file.
//!
//! | Room | What it does |
//! | --- | --- |
//! | [`throughput`](draw_svg) | the picture that `run --plot` writes |
//! | [`canvas`] | the two kinds of pictures of a report, as SVG and PNG |
//! | [`run`], [`sweep`] | which pictures a run and a sweep have |
//! | [`provenance`] | where each number of the profiles comes from |
//! | [`page`] | the HTML |
//! | [`whole`] | all of it: a folder in, files out |
//!
//! Drawn with `plotters` and one font that is part of the program, so that a picture is the same
//! on every machine.

pub mod canvas;
pub mod page;
pub mod provenance;
pub mod run;
pub mod sweep;
mod throughput;
pub mod whole;

pub use throughput::{Picture, draw_svg};

use std::sync::Once;

use plotters::style::{FontStyle, register_font};

/// Name under which the program's font is known to `plotters`.
const FONT: &str = "DejaVu Sans";

static FONT_FILE: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");

/// The name of the program's font, which `plotters` knows from then on.
///
/// # Panics
/// If the program was built with a file that is no font.
#[must_use]
pub fn font() -> &'static str {
    static KNOWN: Once = Once::new();
    KNOWN.call_once(|| {
        // The only way to fail is a file that is no font, which `a_picture_is_drawn` would show.
        assert!(register_font(FONT, FontStyle::Normal, FONT_FILE).is_ok(), "the program's font is a font");
    });
    FONT
}

/// Text as it may stand in HTML and in its attributes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
