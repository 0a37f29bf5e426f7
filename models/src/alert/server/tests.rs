use super::*;
use crate::alert::Variant;
use crate::alert::message::{Form, Reading};
use crate::alert::topics;

const CN2: &str = include_str!("../../../../scenarios/alert-network/cn2.xml");

fn at(secs: f64) -> SimTime {
    SimTime::from_nanos((secs * 1e9).round() as u64)
}

fn server(variant: Variant, known: &[&str]) -> ServerNode {
    ServerNode::new(Arc::new(ServerPlan {
        place: Place { node: "SN".into(), ..topics::tests::cn2() },
        switches: variant.server(),
        known: known.iter().map(|name| ((*name).to_owned(), SeverityMode::Warning)).collect(),
        database_call: Duration::ZERO,
        threads_for_double: 0,
        instructions: Vec::new(),
    }))
}

fn place(node: &str) -> Place {
    Place { node: node.into(), ..topics::tests::cn2() }
}

fn configuration_of(node: &str) -> String {
    Command::PublishConfiguration(CN2.replace("<ID>CN2<", &format!("<ID>{node}<"))).text(Form::Plain)
}

fn join(server: &mut ServerNode, now: SimTime, node: &str) {
    server.received(now, &place(node).control(), configuration_of(node).as_bytes(), MessageId(1));
}

/// All that is said until `end`, with its instant.
fn run(server: &mut ServerNode, end: SimTime) -> Vec<(SimTime, Say)> {
    let mut said = Vec::new();
    let mut now = SimTime::ZERO;
    loop {
        while server.poll_handled().is_some() {}
        server.handle_timeout(now);
        while let Some(say) = server.poll_say(now) {
            said.push((now, say));
        }
        while server.poll_handled().is_some() {}
        now = server.poll_timeout();
        if now > end {
            return said;
        }
    }
}

#[test]
fn a_known_node_gets_its_last_severity_back_and_the_system_messages() {
    let mut server = server(Variant::AsBuilt, &["CN2"]);
    join(&mut server, at(0.0), "CN2");
    let said = run(&mut server, at(10.0));
    assert_eq!(said[0].1.text, "SET_CN_FUNCTIONAL_MODE, active,warningMode, parameter2, parameter3");
    let instants: Vec<f64> = said[1..].iter().map(|(at, _)| at.as_secs_f64()).collect();
    assert_eq!(instants, [1.0, 1.2, 2.2, 2.4, 2.6, 2.8, 3.0]);
    assert!(said[2].1.topic.ends_with("/localDateTime") && said[2].1.text == "2018-04-19 00:00:00");
    assert!(server.stored_configuration("CN2").unwrap().contains(r#""ID": "CN2""#));
}

#[test]
fn joins_wait_for_each_other_as_built_and_not_as_published() {
    for (variant, last_s) in [(Variant::AsBuilt, 27.0), (Variant::AsPublished, 0.0)] {
        let names: Vec<String> = (0..10).map(|node| format!("N{node}")).collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut server = server(variant, &known);
        names.iter().for_each(|name| join(&mut server, at(0.0), name));
        let said = run(&mut server, at(100.0));
        let last = said.iter().rfind(|(_, say)| say.for_node).unwrap().0;
        assert_eq!(last, at(last_s), "{variant:?}: 3.0 s a node");
    }
}

#[test]
fn an_unknown_node_ends_the_service_as_built() {
    let mut server = server(Variant::AsBuilt, &["CN2"]);
    join(&mut server, at(0.0), "CN9");
    join(&mut server, at(1.0), "CN2");
    assert!(run(&mut server, at(100.0)).is_empty(), "nobody is answered any more");
    assert_eq!(server.books().died_at, Some(at(0.0)));
    let mut server = self::server(Variant::AsPublished, &[]);
    join(&mut server, at(0.0), "CN9");
    assert_eq!(run(&mut server, at(1.0)).len(), 8, "as published it is let in");
}

#[test]
fn an_invalid_configuration_blocks_and_stores_nothing() {
    let mut server = server(Variant::AsBuilt, &["CN2"]);
    let text = configuration_of("CN2").replace("<area>indoor<", "<area>roof<");
    server.received(at(0.0), &place("CN2").control(), text.as_bytes(), MessageId(1));
    let said = run(&mut server, at(10.0));
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].1.text, "SET_CN_FUNCTIONAL_MODE, blocked, parameter2, parameter3");
    assert_eq!((server.stored_configuration("CN2"), server.books().blocked), (None, 1));
}

#[test]
fn severity_is_kept_for_the_next_join() {
    let mut server = server(Variant::AsBuilt, &["CN2"]);
    let text = Command::PublishSeverity(SeverityMode::Danger).text(Form::Plain);
    server.received(at(0.0), &place("CN2").control(), text.as_bytes(), MessageId(1));
    join(&mut server, at(1.0), "CN2");
    assert!(run(&mut server, at(2.0))[0].1.text.contains("dangerMode"));
}

#[test]
fn every_sensor_message_is_stored_by_a_thread_of_three_turns() {
    let mut plan = (*server(Variant::AsPublished, &[]).plan).clone();
    plan.threads_for_double = 2;
    let mut server = ServerNode::new(Arc::new(plan));
    let text = Reading::TemperatureC(25).text(Form::Bracketed);
    for message in 0..2 {
        let topic = place("CN2").sensor("indoorTemperatureSensor");
        server.received(at(0.0), &topic, text.as_bytes(), MessageId(message));
    }
    let mut turns = Vec::new();
    while server.has_background() {
        turns.push(server.background(at(0.0), 1_000));
    }
    // Two threads alive double the turn of the first one; alone, the second takes half as long again.
    let (first, second) = (Some(MessageId(0)), Some(MessageId(1)));
    assert_eq!(
        turns,
        [(2_000, None), (2_000, None), (2_000, first), (1_500, None), (1_500, None), (1_500, second)]
    );
    assert_eq!((server.books().stored, server.books().most_threads), (2, 2));
}

#[test]
fn the_buffer_thread_keeps_data_waiting_while_a_node_joins() {
    let mut server = server(Variant::AsBuilt, &["CN2"]);
    join(&mut server, at(0.0), "CN2");
    let topic = place("CN2").sensor("indoorTemperatureSensor");
    server.received(at(0.5), &topic, b"float,0-70,25", MessageId(2));
    assert!(!server.has_background());
    run(&mut server, at(3.0));
    assert!(server.has_background(), "after 3.0 s it has its thread");
}

/// All turns of all threads; returns their number.
fn turns(server: &mut ServerNode, now: SimTime) -> u32 {
    let mut turns = 0;
    while server.has_background() {
        server.background(now, 1_000);
        turns += 1;
    }
    turns
}

#[test]
fn a_batch_is_one_thread_with_an_insert_for_each_reading() {
    use crate::alert::batch::{Form as BatchForm, Sample, encode};
    let mut server = server(Variant::AsPublished, &[]);
    let sample =
        |at_s| Sample { node: "CN2".into(), sensor: Reading::TemperatureC(20).sensor(), at_s, value: 20 };
    let mut samples: Vec<Sample> = (0..10).map(sample).collect();
    let topic = place("GW1").sensor(crate::alert::message::BATCH);
    server.received(at(1.0), &topic, &encode(BatchForm::Deltas, &mut samples), MessageId(1));
    assert_eq!(turns(&mut server, at(1.0)), 12, "connect, ten inserts, commit");
    server.received(at(2.0), &topic, &[1, 2], MessageId(2));
    server.received(at(2.0), &place("CN2").sensor("indoorFlameSensor"), b"int,0-1024,7", MessageId(3));
    assert_eq!(turns(&mut server, at(2.0)), 3);
    let books = server.books();
    assert_eq!((books.stored, books.readings, books.malformed, books.received), (2, 11, 1, 3));
}

#[test]
fn orders_wait_for_a_join_and_triggers_are_given_again() {
    let triggers = Command::SetTriggers(vec!["person".into()]);
    let update = Command::UpdateConfiguration { message: "<a>".into(), sampling: None };
    let order =
        |secs, command: &Command| Instruction { at: at(secs), node: "CN2".into(), command: command.clone() };
    let plan = server(Variant::AsPublished, &["CN2"]).plan.as_ref().clone();
    let mut server = ServerNode::new(Arc::new(ServerPlan {
        instructions: vec![order(1.0, &triggers), order(2.0, &update), order(50.0, &update)],
        ..plan
    }));
    let texts = |said: Vec<(SimTime, Say)>| -> Vec<(f64, String)> {
        let for_node = said.into_iter().filter(|(_, say)| say.for_node);
        for_node.map(|(now, say)| (now.as_secs_f64(), say.text)).collect()
    };
    assert_eq!(texts(run(&mut server, at(9.0))), [], "nobody is there");
    join(&mut server, at(10.0), "CN2");
    let heard = texts(run(&mut server, at(60.0)));
    let is = |command: &Command| command.text(Form::Bracketed);
    let active = is(&Command::Activate(SeverityMode::Warning));
    assert_eq!(
        heard,
        [(10.0, active.clone()), (10.0, is(&triggers)), (10.0, is(&update)), (50.0, is(&update))]
    );
    join(&mut server, at(70.0), "CN2");
    assert_eq!(texts(run(&mut server, at(80.0))), [(70.0, active), (70.0, is(&triggers))]);
    let report = Command::Report { about: crate::alert::message::Order::Triggers, refused: None };
    server.received(at(81.0), &place("CN2").control(), is(&report).as_bytes(), MessageId(9));
    assert_eq!((server.books().accepted, server.books().refused), (1, 0));
}
