//! Figures and their units; the files themselves are read in the root package.

use super::*;

fn figure(value: f64, unit: &str) -> Figure {
    Figure {
        value,
        unit: unit.to_owned(),
        kind: Kind::Measured,
        source: "a test".to_owned(),
        uncertainty: 0.1,
        fitted_on: None,
    }
}

#[test]
fn a_figure_converts_within_its_kind_only() {
    assert_eq!(figure(583.0, "mW").in_unit("W"), Ok(0.583));
    assert_eq!(figure(1.0, "GiB").in_unit("B"), Ok(1_073_741_824.0));
    assert_eq!(figure(20.0, "us").in_unit("ns"), Ok(20_000.0));
    assert_eq!(figure(3.65, "us/B").in_unit("ns/B"), Ok(3650.0));
    assert_eq!(figure(1.0, "%").in_unit("1"), Ok(0.01));
    let error = figure(0.35, "A").in_unit("W").unwrap_err();
    assert_eq!(error.to_string(), "the unit `A` does not fit here; allowed: W, mW, uW");
}

#[test]
fn counts_are_whole_and_fit() {
    assert_eq!(whole::<u32>(&["cores"], Some(&figure(4.0, "1")), "1"), Ok(4));
    assert!(whole::<u32>(&["cores"], Some(&figure(4.5, "1")), "1").is_err());
    assert!(whole::<u8>(&["cores"], Some(&figure(256.0, "1")), "1").is_err());
    assert_eq!(whole::<u32>(&["cores"], None, "1"), Err(Incomplete::Missing { path: vec!["cores"] }));
}

#[test]
fn words_are_found_or_listed() {
    assert_eq!(Stack::from_word("linux"), Ok(Stack::Linux));
    let error = Stack::from_word("windows").unwrap_err();
    assert_eq!(
        error,
        "`windows` is no TCP stack; allowed: `linux`, `linux-5`, `rfc`, `ns3`, `lwip`, `lwip-1460`, `lwip-1.4`, `w5500`, `arduino`"
    );
}

#[test]
fn a_profile_takes_from_its_base_what_it_lacks() {
    let base = LinkFile {
        title: "base".to_owned(),
        base: None,
        rate: Some(figure(100.0, "Mbit/s")),
        rate_down: None,
        delay: Some(figure(50.0, "us")),
        loss: None,
        gilbert_elliott: None,
        jitter: None,
        radio: None,
        wifi: None,
        mtu: Some(figure(1500.0, "B")),
        queue: None,
        framing: Some(Framing::Ethernet),
    };
    let own = LinkFile {
        title: "own".to_owned(),
        base: Some("base".to_owned()),
        rate: Some(figure(10.0, "Mbit/s")),
        rate_down: None,
        delay: None,
        loss: None,
        gilbert_elliott: None,
        jitter: None,
        radio: None,
        wifi: None,
        mtu: None,
        queue: None,
        framing: None,
    };
    let link = own.over(base).complete("own").unwrap();
    assert_eq!((link.title.as_str(), link.rate_up_bit_s, link.mtu_bytes), ("own", Some(10_000_000), 1500));
    assert_eq!(link.rate_down_bit_s, Some(10_000_000), "down as up unless given");
    assert_eq!(link.delay, std::time::Duration::from_micros(50));
}
