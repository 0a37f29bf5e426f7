use super::*;
use crate::alert::Variant;
use crate::alert::environment::{self, Course, Fire};
use sim_core::random::Streams;

const CN2: &str = include_str!("../../../../scenarios/alert-network/cn2.xml");

fn at(secs: f64) -> SimTime {
    SimTime::from_nanos((secs * 1e9) as u64)
}

fn fire(start_s: u64, flame: u16) -> Fire {
    Fire {
        start: SimTime::from_secs(start_s),
        origin_m: (0.0, 0.0),
        spread_m_per_s: 0.0,
        heating_c_per_s: 0.0,
        limit_c: 0.0,
        flame,
    }
}

/// A node and a broker that answers at once: acknowledgements first, unless `echo_first`.
struct Bench {
    node: SensorNode,
    draws: Stream,
    echo_first: bool,
    subscribed: Vec<String>,
    published: Vec<(SimTime, String, String)>,
}

impl Bench {
    fn new(variant: Variant, fires: &[Fire]) -> Self {
        let plan = NodePlan {
            switches: variant.node(),
            rules: Rules::default(),
            periods: SeverityMode::ALL.map(SeverityMode::period),
            camera: None,
        };
        let site = Site {
            position_m: (0.0, 0.0),
            temperature_c: Course::Constant(20.0),
            humidity_percent: Course::Constant(45.0),
            noise_c: 0.0,
            fires: fires.into(),
            sights: [].into(),
        };
        Bench::of(plan, site)
    }

    fn of(plan: NodePlan, site: Site) -> Self {
        Bench {
            node: SensorNode::new(Arc::new(plan), CN2.into(), site),
            draws: Streams::new(1, 1).stream("sensor"),
            echo_first: false,
            subscribed: Vec::new(),
            published: Vec::new(),
        }
    }

    /// Carries out what the node wants until it wants nothing.
    fn settle(&mut self, now: SimTime) {
        while let Some(action) = self.node.poll_action() {
            match action {
                Action::Publish { topic, text, .. } => {
                    let echoed = self.subscribed.contains(&topic);
                    self.published.push((now, topic.clone(), text.clone()));
                    if echoed && self.echo_first {
                        self.node.received(now, &topic, &text);
                    }
                    self.node.acknowledged(now);
                    if echoed && !self.echo_first {
                        self.node.received(now, &topic, &text);
                    }
                }
                Action::Subscribe(filter) => {
                    self.subscribed.push(filter);
                    self.node.acknowledged(now);
                }
                Action::Unsubscribe(filter) => {
                    self.subscribed.retain(|own| *own != filter);
                    self.node.acknowledged(now);
                }
                Action::TakePicture | Action::Recognise => self.node.acknowledged(now),
                Action::Disconnect => {}
            }
        }
    }

    fn join(&mut self, now: SimTime) {
        self.node.connected(now);
        self.settle(now);
        self.command(now, &Command::Activate(SeverityMode::Normal));
    }

    fn command(&mut self, now: SimTime, command: &Command) {
        let text = command.text(self.node.plan.switches.form);
        let topic = self.node.place.control();
        self.node.received(now, &topic, &text);
        self.settle(now);
    }

    fn run_until(&mut self, end: SimTime) {
        while self.node.poll_timeout() <= end {
            let now = self.node.poll_timeout();
            self.node.handle_timeout(now, &mut self.draws);
            self.settle(now);
        }
    }

    fn texts(&self, part: &str) -> Vec<&str> {
        let of = |(_, topic, text): &'_ &(SimTime, String, String)| topic.contains(part) && !text.is_empty();
        self.published.iter().filter(of).map(|(_, _, text)| text.as_str()).collect()
    }
}

#[test]
fn both_variants_join_and_sample_once_a_minute() {
    for variant in [Variant::AsBuilt, Variant::AsPublished] {
        let mut bench = Bench::new(variant, &[]);
        bench.join(at(0.0));
        assert_eq!(bench.node.mode(), FunctionalMode::Active(SeverityMode::Normal));
        bench.run_until(at(301.0));
        assert_eq!(bench.node.tally().samples, 5, "{variant:?}: first tick after one full period");
        assert_eq!(bench.texts("indoorTemperatureSensor").len(), 5);
        let wakes = bench.texts(topics::SHARED_WAKE).len();
        assert_eq!(wakes, if variant == Variant::AsBuilt { 5 } else { 0 });
    }
}

#[test]
fn handshakes_differ_in_their_order() {
    for (variant, first_is_subscribe) in [(Variant::AsBuilt, false), (Variant::AsPublished, true)] {
        let mut bench = Bench::new(variant, &[]);
        bench.node.connected(at(0.0));
        let first = bench.node.poll_action().unwrap();
        assert_eq!(matches!(first, Action::Subscribe(_)), first_is_subscribe, "{variant:?}");
    }
}

#[test]
fn an_echo_before_the_acknowledgement_leaves_the_built_node_asleep() {
    let mut bench = Bench::new(Variant::AsBuilt, &[]);
    bench.echo_first = true;
    bench.join(at(0.0));
    bench.run_until(at(601.0));
    assert_eq!(bench.node.tally().samples, 0);
    assert_eq!(bench.texts(topics::SHARED_WAKE).len(), 10, "it wakes itself, and does not hear it");
}

#[test]
fn a_fire_leads_to_danger_after_one_warning_period() {
    for variant in [Variant::AsBuilt, Variant::AsPublished] {
        let mut bench = Bench::new(variant, &[fire(100, 60)]);
        bench.join(at(0.0));
        bench.run_until(at(200.0));
        let tally = bench.node.tally();
        assert_eq!(tally.warning_at, Some(at(100.0)), "{variant:?}");
        let danger = tally.danger_at.unwrap().saturating_since(at(100.0)).as_secs_f64();
        assert!((40.0..41.0).contains(&danger), "{variant:?}: {danger} s");
        assert_eq!(bench.texts("indoorFlameSensor")[0].trim_matches(['[', ']']), "int,0-1024,60");
    }
}

#[test]
fn a_weak_flame_falls_back_to_normal() {
    let mut bench = Bench::new(Variant::AsBuilt, &[fire(100, 200)]);
    bench.join(at(0.0));
    bench.run_until(at(200.0));
    assert_eq!(bench.node.mode(), FunctionalMode::Active(SeverityMode::Normal));
    let modes: Vec<&str> = bench.texts("/control").into_iter().skip(1).collect();
    let word = |text: &str| SeverityMode::within(text);
    assert_eq!(
        modes.iter().map(|text| word(text)).collect::<Vec<_>>(),
        [SeverityMode::Normal, SeverityMode::Warning, SeverityMode::Normal]
    );
}

#[test]
fn a_blocked_node_leaves_and_does_nothing_more() {
    let mut bench = Bench::new(Variant::AsPublished, &[fire(50, 0)]);
    bench.node.connected(at(0.0));
    bench.settle(at(0.0));
    let topic = bench.node.place.control();
    bench.node.received(at(1.0), &topic, &Command::Block.text(bench.node.plan.switches.form));
    assert_eq!(bench.node.poll_action(), Some(Action::Disconnect));
    assert_eq!((bench.node.mode(), bench.node.poll_timeout()), (FunctionalMode::Blocked, SimTime::MAX));
    assert!(bench.node.ends_with_connection());
}

#[test]
fn the_published_node_asks_again_and_the_built_one_hangs() {
    for (variant, configurations) in [(Variant::AsBuilt, 1), (Variant::AsPublished, 7)] {
        let mut bench = Bench::new(variant, &[]);
        bench.node.connected(at(0.0));
        bench.settle(at(0.0));
        bench.run_until(at(60.0));
        assert_eq!(bench.texts("/control").len(), configurations, "{variant:?}");
        assert_eq!(bench.node.mode(), FunctionalMode::Initial);
    }
}

fn update(message: &str, sampling: Option<&str>) -> Command {
    Command::UpdateConfiguration { message: message.to_owned(), sampling: sampling.map(str::to_owned) }
}

#[test]
fn a_new_configuration_comes_over_the_air_and_outlasts_a_restart() {
    let mut bench = Bench::new(Variant::AsPublished, &[]);
    bench.join(at(0.0));
    let old = bench.node.place.base();
    let moved = CN2.replace("<room>A52</room>", "<room>B11</room>");
    bench.command(at(10.0), &update(&moved, Some("30 20 10")));
    assert_eq!(bench.node.mode(), FunctionalMode::Initial, "it joins anew");
    assert_eq!(bench.subscribed, [format!("{}/control", old.replace("A52", "B11"))], "and hears nothing old");
    let said = bench.texts("A52/control");
    assert_eq!(said.last(), Some(&"[PUB_CN_REPORT, configuration, accepted, parameter3]"));
    bench.command(at(11.0), &Command::Activate(SeverityMode::Normal));
    bench.run_until(at(72.0));
    assert_eq!(bench.node.tally().samples, 2, "every 30 s");
    bench.node.restarted();
    bench.join(at(100.0));
    bench.run_until(at(131.0));
    assert_eq!(bench.node.tally().samples, 3);
    assert!(bench.published.last().unwrap().1.contains("/B11/"));
}

#[test]
fn an_invalid_configuration_changes_nothing_and_is_reported() {
    let mut bench = Bench::new(Variant::AsPublished, &[]);
    bench.join(at(0.0));
    let misplaced = CN2.replace(">indoor<", ">roof<").replace("A52", "B11");
    for (message, sampling, why) in [
        ("no XML", None, "no `<?xml"),
        (misplaced.as_str(), None, "`roof` is not"),
        (CN2, Some("30 20"), "`30 20` are no three periods in s"),
        (CN2, Some("30 20 0"), "`30 20 0` are no three periods in s"),
    ] {
        bench.command(at(10.0), &update(message, sampling));
        let said = bench.texts("A52/control").last().copied().unwrap();
        assert!(said.starts_with("[PUB_CN_REPORT, configuration, refused, "), "{said}");
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(bench.node.mode(), FunctionalMode::Active(SeverityMode::Normal));
    bench.run_until(at(61.0));
    assert_eq!((bench.node.tally().samples, bench.node.tally().refused), (1, 4));
}

#[test]
fn as_built_an_active_node_hears_no_orders() {
    let mut bench = Bench::new(Variant::AsBuilt, &[]);
    bench.join(at(0.0));
    bench.command(at(10.0), &update(&CN2.replace("A52", "B11"), None));
    assert_eq!(bench.node.mode(), FunctionalMode::Active(SeverityMode::Normal));
    assert_eq!((bench.node.tally().obeyed, bench.node.tally().refused), (0, 0));
}

fn camera_bench(fires: &[Fire]) -> Bench {
    let bench = Bench::new(Variant::AsPublished, fires);
    let camera = CameraPlan {
        capture: Duration::from_millis(500),
        image_bytes: 100_000,
        triggers: vec!["fire".into()],
        warning_from: 1,
        danger_from: 2,
    };
    let sight = |kind: &str, count, from, to| environment::Sight {
        kind: kind.into(),
        count,
        from: at(from),
        to: at(to),
    };
    let sights = [sight("person", 1, 100.0, 200.0), sight("person", 2, 200.0, 300.0)];
    let plan = NodePlan { camera: Some(camera), ..bench.node.plan.as_ref().clone() };
    Bench::of(plan, Site { sights: sights.into(), ..bench.node.site.clone() })
}

#[test]
fn a_camera_node_is_alarmed_by_its_triggers_and_by_those_it_is_told() {
    let mut bench = camera_bench(&[]);
    bench.join(at(0.0));
    bench.run_until(at(125.0));
    assert_eq!(bench.texts("imageCameraSensor"), ["[int,0-100,0]"; 2], "a person is no fire");
    bench.command(at(130.0), &Command::SetTriggers(vec!["dog".into(), "person".into()]));
    assert_eq!(bench.texts("/control").last(), Some(&"[PUB_CN_REPORT, triggers, accepted, parameter3]"));
    bench.run_until(at(181.0));
    assert_eq!(bench.node.mode(), FunctionalMode::Active(SeverityMode::Warning));
    assert_eq!(bench.node.tally().sight_at, Some(at(100.0)));
    bench.run_until(at(221.0));
    assert_eq!(bench.node.mode(), FunctionalMode::Active(SeverityMode::Danger), "two of them");
    bench.run_until(at(321.0));
    assert_eq!(bench.node.mode(), FunctionalMode::Active(SeverityMode::Normal));
    bench.command(at(330.0), &Command::SetTriggers(Vec::new()));
    assert!(bench.texts("/control").last().unwrap().contains("triggers, refused, no kind"));
    bench.node.restarted();
    assert_eq!(bench.node.triggers, ["fire"], "until the server tells it again");
}

#[test]
fn a_picture_that_nobody_looks_at_leads_to_nothing() {
    let mut bench = camera_bench(&[fire(30, 60)]);
    bench.join(at(0.0));
    bench.node.handle_timeout(at(30.0), &mut bench.draws);
    assert_eq!(bench.node.poll_action(), Some(Action::TakePicture), "the flame input asks for a picture");
    bench.node.acknowledged(at(30.5));
    assert_eq!(bench.node.poll_action(), Some(Action::Recognise));
    bench.node.recognition_failed(at(40.0));
    assert_eq!((bench.node.poll_action(), bench.node.tally().unrecognised), (None, 1));
    assert_eq!(bench.node.mode(), FunctionalMode::Active(SeverityMode::Normal));
}

#[test]
fn a_node_without_a_camera_refuses_triggers() {
    let mut bench = Bench::new(Variant::AsPublished, &[]);
    bench.join(at(0.0));
    bench.command(at(10.0), &Command::SetTriggers(vec!["person".into()]));
    assert!(bench.texts("/control").last().unwrap().contains("triggers, refused, no camera"));
}
