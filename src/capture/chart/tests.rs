use super::*;
use crate::capture::recorder::RecorderOptions;
use crate::capture::sample::{self, BROKER, PORT, PUBLISHER, SUBSCRIBER};
use models::record::Probe;

fn chart(options: &ChartOptions) -> String {
    draw(&sample::one_publish(), &sample::three_nodes(), options)
}

/// `count` sensors that publish once each to the broker behind them.
fn many(count: u32) -> (Recorder, Vec<NodeRecord>) {
    let mut names: Vec<String> = (0..count).map(|number| format!("sensor[{number}]")).collect();
    names.push("broker".to_owned());
    let nodes = sample::nodes(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut recorder = Recorder::new(RecorderOptions { frames: false, packets: true });
    for number in 0..count {
        let (head, _) = sample::publish(0, "house/hall", 0);
        let (sensor, broker) = (HostIndex(number), HostIndex(count));
        recorder.packet(sample::packet(u64::from(number), sensor, broker, &head));
        recorder.packet_taken(SimTime::from_micros(u64::from(number) * 1_000 + 250), sensor, broker, PORT);
        recorder.packet(sample::packet(u64::from(number) + 100, broker, sensor, &[0xd0, 0]));
    }
    (recorder, nodes)
}

#[test]
fn three_hosts_in_a_hundred_columns() {
    let chart = chart(&ChartOptions::default());
    assert!(chart.lines().all(|line| line.chars().count() <= 100));
    assert!(chart.contains("PUBLISH q1 d0 r0 id1 t=gt/t p=16 len=26"), "whole labels");
    insta::assert_snapshot!(chart);
}

#[test]
fn with_arrivals() {
    let chart = chart(&ChartOptions { arrivals: true, ..ChartOptions::default() });
    assert!(chart.lines().all(|line| line.chars().count() <= 100));
    insta::assert_snapshot!(chart);
}

#[test]
fn with_segments_and_losses() {
    insta::assert_snapshot!(chart(&ChartOptions { segments: true, ..ChartOptions::default() }));
}

#[test]
fn two_chosen_hosts() {
    let hosts = Some(vec![BROKER, PUBLISHER]);
    let chart = chart(&ChartOptions { hosts, ..ChartOptions::default() });
    assert!(!chart.contains("subscriber") && !chart.contains("SUBSCRIBE"));
    insta::assert_snapshot!(chart);
}

#[test]
fn as_a_list() {
    let options =
        ChartOptions { form: ChartForm::List, segments: true, arrivals: true, ..ChartOptions::default() };
    insta::assert_snapshot!(chart(&options));
}

#[test]
fn seven_hosts_have_their_labels_beside_the_columns() {
    let (recorder, nodes) = many(6);
    insta::assert_snapshot!(draw(
        &recorder,
        &nodes,
        &ChartOptions { arrivals: true, ..ChartOptions::default() }
    ));
}

#[test]
fn more_hosts_than_columns_make_a_list() {
    let (recorder, nodes) = many(MOST_COLUMNS as u32);
    let auto = draw(&recorder, &nodes, &ChartOptions::default());
    assert_eq!(
        auto.lines().next(),
        Some("  0.000 ms  sensor[0] -> broker     PUBLISH q0 d0 r0 t=house/hall p=0 len=14")
    );
    let list = ChartOptions { form: ChartForm::List, ..ChartOptions::default() };
    assert_eq!(auto, draw(&recorder, &nodes, &list));
    let columns = ChartOptions { form: ChartForm::Columns, ..ChartOptions::default() };
    assert!(draw(&recorder, &nodes, &columns).starts_with("     ms  sensor[0]"));
}

#[test]
fn no_width_is_too_small_and_no_packet_too_strange() {
    let mut recorder = sample::one_publish();
    recorder.packet(sample::packet(400, BROKER, BROKER, &[0xc0, 0]));
    recorder.packet(sample::packet(401, BROKER, SUBSCRIBER, &[]));
    for width in 0..130 {
        for form in [ChartForm::Columns, ChartForm::List] {
            for arrivals in [false, true] {
                let options =
                    ChartOptions { width, form, arrivals, segments: true, ..ChartOptions::default() };
                let chart = draw(&recorder, &sample::three_nodes(), &options);
                let heading = usize::from(form == ChartForm::Columns);
                let rows = recorder.packets().len() + recorder.frames().len();
                assert_eq!(chart.lines().count(), rows + heading);
                assert!(chart.contains("malformed len=0"));
            }
        }
    }
    let nobody = ChartOptions { hosts: Some(Vec::new()), ..ChartOptions::default() };
    assert_eq!(draw(&recorder, &sample::three_nodes(), &nobody), "nothing was sent\n");
    let alone = ChartOptions { hosts: Some(vec![BROKER]), ..ChartOptions::default() };
    assert_eq!(draw(&recorder, &sample::three_nodes(), &alone), "     ms  broker\n400.000  o  PINGREQ\n");
}

#[test]
fn times_are_rounded_to_microseconds() {
    let show = |ns| milliseconds(SimTime::from_nanos(ns));
    assert_eq!([show(0), show(499), show(500), show(12_345_678)], ["0.000", "0.000", "0.001", "12.346"]);
}

/// The flow of sequence numbers passes zero: the broker's first number is close to 2^32.
#[test]
fn sequence_numbers_count_from_the_syn() {
    let recorder = sample::one_publish();
    let mut starts = BTreeMap::new();
    let labels: Vec<String> =
        recorder.frames().iter().take(6).map(|f| segment_label(&f.frame, &mut starts)).collect();
    assert_eq!(
        labels,
        [
            "SYN seq=0",
            "SYN,ACK seq=0 ack=1",
            "ACK ack=1",
            "PSH,ACK seq=1 ack=1 len=17",
            "PSH,ACK seq=1 ack=18 len=4",
            "PSH,ACK seq=18 ack=5 len=11"
        ]
    );
    let middle = segment_label(&recorder.frames()[5].frame, &mut BTreeMap::new());
    assert_eq!(middle, "PSH,ACK seq=1 ack=1 len=11");
}
