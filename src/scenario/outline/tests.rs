//! The scanner finds every key, and survives every text.

use super::*;

const SMART_HOME: &str = include_str!("../testdata/smart-home.ron");

fn at<'t>(text: &'t str, path: &[&str]) -> &'t str {
    let node = scan(text).unwrap();
    let found = node.find(path).unwrap_or_else(|| panic!("nothing at {path:?}"));
    &text[found.span.clone()]
}

#[test]
fn values_are_found_by_path() {
    assert_eq!(at(SMART_HOME, &["seed"]), "7");
    assert_eq!(at(SMART_HOME, &["hosts", "camera", "role", "image"]), "\"209469 B\"");
    assert_eq!(at(SMART_HOME, &["hosts", "phone", "role", "filters", "1", "filter"]), "r#\"alarm/+\"#");
    assert_eq!(at(SMART_HOME, &["links", "0", "loss_down"]), "0.0");
    assert_eq!(at(SMART_HOME, &["hosts", "broker", "role"]), "Broker(port: 1884, max_queued: 100)");
    assert_eq!(at(SMART_HOME, &["expect", "2"]), "\"lost <= 1 %\"");
}

#[test]
fn strings_comments_and_names_do_not_confuse() {
    let text = r##"#![enable(implicit_some)]
        Scene ( /* a: 1 /* b: 2 */ ) */ a : "x\") , b: 1" , // c: 3
        b: r#"quote " here"#, c: 'x', d: b"\"", e: Some((f: 1)), g: [(h: 2), (h: 3,),], i: {"j k": 4, 'l': 5, 6: 7}, r#m: (8, "n"), o: -1.5e3, p: ())"##;
    for (path, value) in [
        (&["a"][..], r#""x\") , b: 1""#),
        (&["b"], r##"r#"quote " here"#"##),
        (&["c"], "'x'"),
        (&["d"], r#"b"\"""#),
        (&["e", "f"], "1"),
        (&["g", "1", "h"], "3"),
        (&["i", "j k"], "4"),
        (&["i", "6"], "7"),
        (&["m", "1"], "\"n\""),
        (&["o"], "-1.5e3"),
        (&["p"], "()"),
    ] {
        assert_eq!(at(text, path), value, "{path:?}");
    }
    assert!(scan(text).unwrap().duplicate().is_none());
}

#[test]
fn duplicates_are_found_at_any_depth() {
    let twice = |text: &str| {
        scan(text).unwrap().duplicate().map(|twice| (twice.key, twice.first.start, twice.second.start))
    };
    assert_eq!(twice("(a: 1, b: 2)"), None);
    assert_eq!(twice("(a: 1, a: 2)"), Some(("a".to_owned(), 1, 7)));
    assert_eq!(twice("(a: {\"x\": 1, r\"x\": 2})"), Some(("x".to_owned(), 5, 13)));
    assert_eq!(twice("(a: [(b: 1), (c: 1, c: 2)])"), Some(("c".to_owned(), 14, 20)));
    assert_eq!(twice("(a: [(b: 1), (b: 1)])"), None, "two structs");
}

#[test]
fn what_does_not_close_is_unreadable() {
    for text in [
        "", "(", "(a: 1", "[1, 2", "(a: \"x)", "(a: 1) b", "(a 1)", "/* (", "r#\"x\"", "(a: )", "{1 2}",
        "(a:1]",
    ] {
        assert_eq!(scan(text), Err(Unreadable), "{text}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(scan(&deep), Err(Unreadable), "too deep, and no overflow of the stack");
}

/// A linear congruential generator (Knuth, MMIX): test texts only.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Whatever the scanner says, its spans lie within the text, inside each other, in order.
fn check(text: &str) {
    let Ok(node) = scan(text) else { return };
    fn inside(text: &str, node: &Node) {
        assert!(text.get(node.span.clone()).is_some_and(|text| !text.is_empty()), "{text:?}");
        assert!(text.get(node.head()).is_some(), "{text:?}");
        let mut from = node.span.start;
        let children: Vec<&Node> = match &node.body {
            Body::Struct(entries) | Body::Map(entries) => entries.iter().map(|entry| &entry.value).collect(),
            Body::Items(items) => items.iter().collect(),
            Body::Scalar => Vec::new(),
        };
        for child in children {
            assert!(from <= child.span.start && child.span.end <= node.span.end, "{text:?}");
            from = child.span.end;
            inside(text, child);
        }
    }
    inside(text, &node);
    let _ = node.duplicate();
}

#[test]
fn the_scanner_survives_every_cut_and_every_slip() {
    for end in 0..=SMART_HOME.len() {
        check(&SMART_HOME[..end]);
        check(&SMART_HOME[end..]);
    }
    for at in 0..SMART_HOME.len() {
        let (before, behind) = SMART_HOME.split_at(at);
        check(&format!("{before}{}", &behind[1..]));
        for slip in ["(", ")", "[", "}", ",", ":", "\"", "'", "\\", "/", "/*", "*/", "//", "r#", "b", "é"] {
            check(&format!("{before}{slip}{behind}"));
        }
    }
}

#[test]
fn the_scanner_survives_any_text() {
    const PIECES: [&str; 28] = [
        "(", ")", "[", "]", "{", "}", ",", ":", "\"", "'", "\\", "//", "/*", "*/", "\n", " ", "a", "Some",
        "r", "r#", "#", "b", "#!", "1.5", "é", "𝄞", "\0", "r#\"",
    ];
    let mut draws = Draws(1);
    for _ in 0..200_000 {
        let len = draws.below(14);
        let text: String = (0..len).map(|_| PIECES[draws.below(PIECES.len())]).collect();
        check(&text);
    }
}

#[test]
fn whatever_ron_reads_has_an_outline() {
    const PIECES: [&str; 22] = [
        "(", ")", "[", "]", "{", "}", ",", ":", "\"x\"", "'c'", "a", "b", "Some", " ", "1", "-2.5", "r\"y\"",
        "/*c*/", "true", "()", "(a:1)", "[]",
    ];
    let mut draws = Draws(2);
    let mut read = 0;
    for _ in 0..200_000 {
        let len = 1 + draws.below(9);
        let text: String = (0..len).map(|_| PIECES[draws.below(PIECES.len())]).collect();
        if ron::from_str::<ron::Value>(&text).is_ok() {
            assert!(scan(&text).is_ok(), "ron reads {text:?}");
            read += 1;
        }
    }
    assert!(read > 1_000, "{read}");
}
