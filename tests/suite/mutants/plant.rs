//! Mistakes in a source, each behind a switch.

use super::Mutant;

/// A place for one mistake.
#[derive(Clone, Debug)]
pub(super) struct Site {
    number: u32,
    right: String,
    instead: String,
}

impl Site {
    /// `right` has the expression between `⟦` and `⟧`; `number` switches `instead` on.
    pub(super) fn new(number: u32, right: &str, instead: &str) -> Self {
        Site { number, right: right.to_owned(), instead: instead.to_owned() }
    }

    /// Where its expression stands in `text`.
    fn span(&self, text: &str) -> Result<std::ops::Range<usize>, String> {
        let parts =
            self.right.split_once('⟦').and_then(|(before, rest)| Some((before, rest.split_once('⟧')?)));
        let Some((before, (expression, after))) = parts else {
            return Err(format!("`{}` has no expression between ⟦ and ⟧", self.right));
        };
        if expression == self.instead {
            return Err(format!("`{}` changes nothing", self.right));
        }
        let whole = format!("{before}{expression}{after}");
        match text.matches(&whole).count() {
            1 => {
                let start = text.find(&whole).expect("it was counted") + before.len();
                Ok(start..start + expression.len())
            }
            count => Err(format!("`{whole}` stands there {count} times")),
        }
    }
}

/// The sites of a file; mutants are numbered from 1.
pub(super) fn switches(mutants: &[Mutant], file: &str) -> Vec<Site> {
    (1..)
        .zip(mutants)
        .filter(|(_, mutant)| mutant.file == file)
        .map(|(number, mutant)| Site::new(number, &mutant.right, &mutant.instead))
        .collect()
}

/// A source with all its mistakes behind switches.
pub(super) fn plant(text: &str, sites: &[Site]) -> Result<String, String> {
    let mut places = Vec::new();
    for site in sites {
        places.push((site.span(text)?, site));
    }
    places.sort_by_key(|(span, site)| (span.start, site.number));
    let mut planted = String::new();
    let (mut copied, mut rest) = (0, places.as_slice());
    while let Some((span, _)) = rest.first() {
        let same = rest.iter().take_while(|(other, _)| other == span).count();
        if span.start < copied {
            return Err(format!("mistakes overlap at `{}`", &text[span.clone()]));
        }
        planted.push_str(&text[copied..span.start]);
        planted.push('(');
        for (_, Site { number, instead, .. }) in &rest[..same] {
            planted.push_str(&format!("if crate::planted({number}) {{ {instead} }} else "));
        }
        planted.push_str(&format!("{{ {} }})", &text[span.clone()]));
        copied = span.end;
        rest = &rest[same..];
    }
    planted.push_str(&text[copied..]);
    Ok(planted)
}

/// The switch, at the end of a package's `lib.rs`.
pub(super) const SWITCH: &str = r#"
#[doc(hidden)]
pub fn planted(number: u32) -> bool {
    static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let chosen = || std::env::var("MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    *CHOSEN.get_or_init(chosen) == number
}
"#;
