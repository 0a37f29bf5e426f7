//! Pictures of a run.
//!
//! Drawn with `plotters` and one font that is part of the program, so that a picture is the same
//! on every machine.

mod throughput;

pub use throughput::{Picture, draw_svg};

use std::sync::Once;

use plotters::style::{FontStyle, register_font};

/// Name under which the program's font is known to `plotters`.
const FONT: &str = "DejaVu Sans";

static FONT_FILE: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");

/// Makes the font known, once.
fn font() -> &'static str {
    static KNOWN: Once = Once::new();
    KNOWN.call_once(|| {
        // The only way to fail is a file that is no font, which `a_picture_is_drawn` would show.
        assert!(register_font(FONT, FontStyle::Normal, FONT_FILE).is_ok(), "the program's font is a font");
    });
    FONT
}
