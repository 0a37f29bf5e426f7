//! WiFi cells in scenarios, and the pictures of `docs/wifi.md`.

use std::fs;

use mqtt_twin::capture::recorder::RecorderOptions;
use mqtt_twin::report;
use plotters::prelude::*;

use crate::{load, record, root, run, summary};

/// A station alone meets nobody, and the more there are the longer a message takes; TCP sees no loss.
#[test]
fn a_crowd_makes_messages_late_and_tcp_sees_no_loss() {
    let of = |stations: &str| {
        let loaded = load("wifi-crowd", &[&format!("hosts.sensor.count={stations}"), "duration=8 s"]);
        let summary = summary(&loaded, &run(&loaded));
        assert_eq!(summary.figure("tcp.retransmitted"), Some(0.0), "{stations}");
        let figure = |path: &str| summary.figure(path).unwrap();
        assert!((0.0..1.0).contains(&figure("wifi.utilisation")));
        let per_message = figure("wifi.airtime_s") / figure("published");
        (figure("wifi.collisions") / figure("wifi.attempts"), figure("latency.p99"), per_message)
    };
    let (alone, ten, fifty) = (of("1"), of("10"), of("50"));
    assert_eq!(alone.0, 0.0);
    assert!(ten.0 > 0.01 && fifty.0 > ten.0, "{ten:?} {fifty:?}");
    assert!(ten.1 > 2.0 * alone.1 && fifty.1 > 2.0 * ten.1, "{alone:?} {ten:?} {fifty:?}");
    assert!(fifty.2 > alone.2, "collisions take air: {alone:?} {fifty:?}");
}

/// With the broker on the stations' channel every message crosses the air twice; on another channel the
/// two cells do not meet.
#[test]
fn another_channel_is_another_medium() {
    let both = ["hosts.sensor.count=20", "duration=8 s", "links.2.profile=wifi-11b"];
    let busiest = |channel: &str| {
        let loaded = load("wifi-crowd", &[&both[..], &[channel]].concat());
        let outcome = run(&loaded);
        let names: Vec<String> = outcome.cells.iter().map(|cell| cell.name.clone()).collect();
        (names, summary(&loaded, &outcome).figure("wifi.utilisation").unwrap())
    };
    let (one, together) = busiest("links.2.channel=1");
    let (two, apart) = busiest("links.2.channel=6");
    assert_eq!((one, two), (vec!["home".to_owned()], vec!["home/1".to_owned(), "home/6".to_owned()]));
    assert!(apart < 0.7 * together, "{apart} against {together}");
}

/// An ESP8266 that joins with scan and DHCP: 3.11 s after its first SYN that SYN is on the air. The
/// capture has the frames as their hosts sent them.
#[test]
fn a_station_joins_before_its_first_frame_arrives() {
    let sets = ["hosts.sensor.count=1", "links.0.profile=wifi-esp8266", "duration=8 s"];
    let loaded = load("wifi-crowd", &sets);
    let (outcome, recorder) = record(&loaded, RecorderOptions { frames: true, packets: true });
    let first = outcome.messages.iter().filter_map(|message| message.accepted).min().unwrap();
    assert!((3.2..3.4).contains(&first.as_secs_f64()), "{first}");
    assert_eq!(recorder.frames().len() as u64, outcome.tcp.segments);
    let radio = outcome.cells[0].stations[0].radio;
    assert!(radio.sleep.as_secs_f64() < 0.2, "ten messages a second keep it awake: {radio:?}");
    // Asleep between messages that come every ten seconds.
    let slow = ["hosts.sensor.role.every=10 s", "duration=60 s"];
    let loaded = load("wifi-crowd", &[&sets[..2], &slow].concat());
    let radio = run(&loaded).cells[0].stations[0].radio;
    assert!((30.0..52.0).contains(&radio.sleep.as_secs_f64()), "{radio:?}");
}

/// One column of the table of throughputs: name, and (stations, simulated, by the model) in Mbit/s.
type Curve = (String, Vec<(f64, f64, f64)>);

/// Reads the table under "Saturation throughput" of `docs/wifi.md`.
fn curves(page: &str) -> Vec<Curve> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = page.lines().skip_while(|line| !line.starts_with("| stations"));
    let heads = cells(lines.next().unwrap());
    let mut curves: Vec<Curve> =
        heads[1..].iter().step_by(3).map(|head| (head.clone(), Vec::new())).collect();
    for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
        let row = cells(line);
        let number = |place: usize| row[place].parse::<f64>().unwrap();
        for (place, (_, points)) in curves.iter_mut().enumerate() {
            points.push((number(0), number(3 * place + 1), number(3 * place + 2)));
        }
    }
    curves
}

fn draw(curves: &[Curve]) -> Result<String, Box<dyn std::error::Error>> {
    let font = report::font();
    let colours = [RGBColor(0, 114, 178), RGBColor(230, 159, 0), RGBColor(0, 158, 115), RGBColor(213, 94, 0)];
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (760, 420)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption("Saturation throughput of a cell: lines by Bianchi, points simulated", (font, 17))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(56)
            .build_cartesian_2d((1.0_f64..60.0).log_scale(), 0.0_f64..1.1)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .x_desc("stations, each with always a frame to send")
            .y_desc("share of one station's throughput")
            // The labels of 8, 9 and 10 would run into each other.
            .x_label_formatter(&|x| if (8.0..9.5).contains(x) { String::new() } else { format!("{x:.0}") })
            .label_style((font, 13))
            .draw()?;
        for ((name, points), colour) in curves.iter().zip(colours) {
            // In shares of what one station has, so that all fit one picture.
            let full = points[0].2;
            let line = points.iter().map(|(n, _, model)| (*n, model / full));
            let label = format!("{name} (1 = {full:.3} Mbit/s)");
            chart
                .draw_series(LineSeries::new(line, &colour))?
                .label(label)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
            let dots = points
                .iter()
                .map(|(n, simulated, _)| Circle::new((*n, simulated / full), 4, colour.filled()));
            chart.draw_series(dots)?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerLeft)
            .background_style(WHITE)
            .border_style(BLACK.mix(0.3))
            .label_font((font, 13))
            .draw()?;
        area.present()?;
    }
    Ok(svg)
}

/// `UPDATE_DOCS=1 cargo test --test suite wifi` draws it anew.
#[test]
fn the_picture_of_saturation_shows_the_table_beside_it() {
    let page = fs::read_to_string(root().join("docs/wifi.md")).unwrap();
    let curves = curves(&page);
    assert_eq!(curves.len(), 4);
    assert!(curves.iter().all(|(_, points)| points.len() == 6));
    let svg = draw(&curves).unwrap();
    let file = root().join("docs/wifi-bianchi.svg");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &svg).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), svg, "draw it anew with UPDATE_DOCS=1");
}
