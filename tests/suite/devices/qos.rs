//! What a delivered message costs an ESP8266 at each QoS, with and without TLS, with and without
//! loss: the table and the picture of `docs/devices.md`.

use models::cause::Cause;

use crate::{load, root, run, summary};

/// One bar of the picture.
struct Point {
    qos: u8,
    loss: u8,
    tls: bool,
    /// Millijoule of a delivered message by cause, dozing left out; in ledger order.
    by_cause: Vec<(Cause, f64)>,
    battery_days: f64,
}

impl Point {
    fn measure(qos: u8, loss: u8, tls: bool) -> Self {
        let mut sets = vec![
            format!("hosts.sensor.role.qos={qos}"),
            format!("links.1.loss={loss} %"),
            "expect=[]".to_owned(),
        ];
        if tls {
            sets.push("hosts.broker.role.tls=(version: \"1.2\")".to_owned());
            sets.push("hosts.sensor.mqtt.tls=()".to_owned());
        }
        let loaded = load("esp8266-qos", &sets.iter().map(String::as_str).collect::<Vec<_>>());
        let summary = summary(&loaded, &run(&loaded));
        let figure = |path: &str| summary.figure(path).unwrap();
        let delivered = figure("delivered");
        assert_eq!(delivered, 119.0, "TCP repeats what the link loses");
        let millijoule = |cause: Cause| {
            let key = cause.name().replace(' ', "_");
            1e3 * figure(&format!("nodes.sensor.energy_by_cause_j.{key}")) / delivered
        };
        let causes = Cause::ALL.into_iter().filter(|cause| *cause != Cause::Idle);
        Point {
            qos,
            loss,
            tls,
            by_cause: causes.map(|cause| (cause, millijoule(cause))).filter(|(_, mj)| *mj > 0.0).collect(),
            battery_days: figure("nodes.sensor.battery_days"),
        }
    }

    fn total(&self) -> f64 {
        self.by_cause.iter().map(|(_, mj)| mj).sum()
    }

    fn of(&self, cause: Cause) -> f64 {
        self.by_cause.iter().find(|(other, _)| *other == cause).map_or(0.0, |(_, mj)| *mj)
    }

    fn row(&self) -> String {
        let Point { qos, loss, tls, battery_days, .. } = self;
        let legs = [
            Cause::Publish,
            Cause::Puback,
            Cause::Pubrec,
            Cause::Pubrel,
            Cause::Pubcomp,
            Cause::TcpAck,
            Cause::Retransmission,
            Cause::TlsHandshake,
            Cause::TlsRecord,
        ];
        let legs: Vec<String> = legs.into_iter().map(|leg| format!("{:.4}", self.of(leg))).collect();
        let tls = if *tls { "yes" } else { "no" };
        format!(
            "| {qos} | {tls} | {loss} % | {:.1} | {:.1} | {} | {battery_days:.1} |",
            self.total(),
            self.of(Cause::Listen),
            legs.join(" | ")
        )
    }
}

/// The bars without listening, which would dwarf the rest, as an SVG.
fn picture(points: &[Point]) -> String {
    const COLOURS: [&str; 8] =
        ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#222222"];
    let parts = |point: &Point| -> Vec<(Cause, f64)> {
        point.by_cause.iter().copied().filter(|(cause, _)| *cause != Cause::Listen).collect()
    };
    let sum = |point: &Point| parts(point).iter().map(|(_, mj)| mj).sum::<f64>();
    let most = points.iter().map(sum).fold(0.0, f64::max);
    let mut causes: Vec<Cause> = points.iter().flat_map(parts).map(|(cause, _)| cause).collect();
    causes.sort();
    causes.dedup();
    let weight = |cause: &Cause| points.iter().map(|point| point.of(*cause)).sum::<f64>();
    causes.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    let colour = |cause: Cause| {
        let place = causes.iter().position(|other| *other == cause).unwrap_or(COLOURS.len());
        COLOURS[place.min(COLOURS.len() - 1)]
    };
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"420\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"860\" height=\"420\" fill=\"white\"/>\n<text x=\"20\" y=\"22\">Energy of a delivered \
         message without listening, mJ (ESP8266, one message a minute, modem sleep)</text>\n",
    );
    for (place, point) in points.iter().enumerate() {
        let x = 30 + 50 * place;
        let mut y = 350.0;
        for (cause, mj) in parts(point) {
            let height = 300.0 * mj / most;
            y -= height;
            svg.push_str(&format!(
                "<rect x=\"{x}\" y=\"{y:.2}\" width=\"38\" height=\"{height:.2}\" fill=\"{}\"/>\n",
                colour(cause)
            ));
        }
        let tls = if point.tls { "TLS" } else { "" };
        let lines = [
            format!("{:.2}", sum(point)),
            format!("QoS {}", point.qos),
            format!("{} %", point.loss),
            tls.to_owned(),
        ];
        for (text, at) in lines.iter().zip([y - 4.0, 365.0, 380.0, 395.0]) {
            svg.push_str(&format!("<text x=\"{x}\" y=\"{at:.2}\" font-size=\"11\">{text}</text>\n"));
        }
    }
    for (place, cause) in causes.iter().take(COLOURS.len()).enumerate() {
        let y = 60 + 20 * place;
        let name = if place + 1 == COLOURS.len() { "others" } else { cause.name() };
        svg.push_str(&format!(
            "<rect x=\"660\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{}\"/><text x=\"680\" y=\"{}\">{name}</text>\n",
            y - 10,
            COLOURS[place],
            y
        ));
    }
    svg.push_str("</svg>\n");
    svg
}

/// Each further leg costs, TLS costs, loss costs. `UPDATE_DOCS=1` writes the picture anew.
#[test]
fn a_message_costs_more_at_each_qos_with_tls_and_with_loss() {
    let mut points = Vec::new();
    for tls in [false, true] {
        for loss in [0, 5] {
            points.extend((0..=2).map(|qos| Point::measure(qos, loss, tls)));
        }
    }
    points.iter().for_each(|point| println!("{}", point.row()));
    let total = |qos: u8, loss: u8, tls: bool| {
        let found = points.iter().find(|point| (point.qos, point.loss, point.tls) == (qos, loss, tls));
        found.expect("a point of the table").total()
    };
    for (loss, tls) in [(0, false), (5, false), (0, true), (5, true)] {
        assert!(total(1, loss, tls) > total(0, loss, tls), "QoS 1, {loss} %, TLS {tls}");
        assert!(total(2, loss, tls) > total(1, loss, tls), "QoS 2, {loss} %, TLS {tls}");
    }
    for qos in 0..=2 {
        assert!(total(qos, 5, false) > total(qos, 0, false), "QoS {qos} with loss");
        assert!(total(qos, 0, true) > total(qos, 0, false), "QoS {qos} with TLS");
    }
    let file = root().join("docs").join("esp8266-qos.svg");
    let drawn = picture(&points);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &drawn).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap() == drawn,
        "docs/esp8266-qos.svg is not what the model says"
    );
}
