//! Links and faults: what the keys mean, and what is refused.

use std::fs;
use std::time::Duration;

use models::net::{GilbertElliott, Jitter, Loss, LossList, NatAnswer, Queued, RadioTimes, Reordering};
use sim_core::time::SimTime;

use super::{ONE_PUBLISH, library, loaded, refusal};
use crate::scenario::assemble::blueprint;
use crate::scenario::load::{Loaded, PlannedLink, load_text};
use crate::scenario::schema::Way;
use crate::scenario::{Diagnostic, Overrides};

/// The subscriber's link with these keys in place of its delay.
fn link(keys: &str) -> PlannedLink {
    with(keys).unwrap_or_else(|error| panic!("{error}")).links.swap_remove(2)
}

fn with(keys: &str) -> Result<Loaded, Diagnostic> {
    loaded(&ONE_PUBLISH.replace("delay: \"2 ms\"", keys), &[])
}

#[test]
fn losses_are_numbers_or_models() {
    let up = |loss: &str| link(&format!("loss: {loss}")).up.impairment.loss;
    assert_eq!(up("0.01"), Loss::Bernoulli { probability: 0.01 });
    assert_eq!(up("\"1 %\""), Loss::Bernoulli { probability: 0.01 });
    assert_eq!(up("0"), Loss::Never);
    let model = GilbertElliott { p: 0.01, r: 0.3, h: 0.3, k: 0.999 };
    assert_eq!(up("GilbertElliott(p: 0.01, r: \"30 %\", h: 0.3, k: 0.999)"), Loss::GilbertElliott(model));
    let simple = GilbertElliott { p: 0.01, r: 0.3, h: 0.0, k: 1.0 };
    assert_eq!(up("GilbertElliott(p: 0.01, r: 0.3)"), Loss::GilbertElliott(simple));
    assert_eq!(up("Packets([17, 3])"), Loss::Listed(LossList::of_numbers(vec![3, 17])));
    let trace = LossList::of_trace("..x.", true).unwrap();
    assert_eq!(up("Trace(packets: \"..x.\", repeat: true)"), Loss::Listed(trace));
}

#[test]
fn each_way_has_its_own() {
    let link = link(
        "delay: \"1 ms\", delay_down: \"9 ms\", loss_up: Packets([1]), loss: 0.5, queue: Packets(20), queue_down: \"64 KiB\"",
    );
    assert_eq!((link.up.delay, link.down.delay), (Duration::from_millis(1), Duration::from_millis(9)));
    assert_eq!(link.up.impairment.loss, Loss::Listed(LossList::of_numbers(vec![1])));
    assert_eq!(link.down.impairment.loss, Loss::Bernoulli { probability: 0.5 });
    assert_eq!((link.up.queue_bytes, link.up.impairment.queue_frames), (None, Some(20)));
    assert_eq!((link.down.queue_bytes, link.down.impairment.queue_frames), (Some(65_536), None));
}

#[test]
fn delays_vary_and_frames_go_astray_as_written() {
    let two = Duration::from_millis(2);
    let jitter = |jitter: &str| link(&format!("jitter: {jitter}")).up.impairment.jitter;
    assert_eq!(jitter("Uniform(\"2 ms\")"), Some(Jitter::Uniform { most: two }));
    assert_eq!(jitter("Normal(\"2 ms\")"), Some(Jitter::Normal { sd: two }));
    let long_tail = Jitter::LogNormal { median: two, sigma: 0.8 };
    assert_eq!(jitter("LogNormal(median: \"2 ms\", sigma: 0.8)"), Some(long_tail));
    let all = link(
        "jitter: Normal(\"2 ms\"), overtaking: true, reorder: (probability: 0.25, gap: 5), duplicate: \"1 %\", bit_errors: 1e-6",
    );
    let impairment = all.down.impairment;
    assert!(impairment.overtaking);
    assert_eq!(impairment.reordering, Some(Reordering { probability: 0.25, gap: 5 }));
    assert_eq!((impairment.duplicate, impairment.bit_errors), (0.01, 1e-6));
}

#[test]
fn a_plain_link_has_no_channel_and_costs_nothing() {
    let blueprint = blueprint(&loaded(ONE_PUBLISH, &[]).unwrap(), 1, 0);
    assert!(blueprint.parameters.iter().all(|parameters| parameters.impairment.is_none()));
    assert!(blueprint.links.iter().all(|link| link.trouble.is_none()));
}

#[test]
fn profiles_bring_bursts_jitter_and_radios_and_the_scenario_has_the_last_word() {
    let profile = |keys: &str| {
        let text = ONE_PUBLISH.replace("profile: \"ethernet-100\", delay: \"2 ms\"", keys);
        loaded(&text, &[]).unwrap_or_else(|error| panic!("{error}")).links.swap_remove(2)
    };
    let weak = profile("profile: \"wifi-11n-weak\"");
    let Loss::GilbertElliott(model) = weak.up.impairment.loss else { panic!("bursts") };
    assert!((model.mean_loss() - 0.05).abs() < 1e-4 && (1.0 / model.r - 3.0).abs() < 1e-3);
    let edge = profile("profile: \"wifi-11n-edge\"");
    let Loss::GilbertElliott(model) = edge.down.impairment.loss else { panic!("bursts") };
    assert!((model.mean_loss() - 0.15).abs() < 1e-4 && (1.0 / model.r - 8.0).abs() < 1e-3);
    assert_eq!(profile("profile: \"wifi-11n-weak\", loss: 0").up.impairment.loss, Loss::Never);
    let lte = profile("profile: \"lte\"");
    let times = RadioTimes { promotion: Duration::from_millis(260), tail: Duration::from_millis(11_600) };
    assert_eq!(lte.radio, Some(times));
    assert_eq!((lte.up.rate_bit_s, lte.down.rate_bit_s), (Some(6_000_000), Some(13_000_000)));
    let radio = lte.profile.radio.unwrap();
    assert!((radio.connected_w - 1.288).abs() < 1e-9 && (radio.byte_up_j - 3.504e-6).abs() < 1e-15);
    let off = profile("profile: \"lte\", radio: (promotion: \"0 s\", tail: \"1 s\")");
    assert_eq!(off.radio, None);
    let nb_iot = profile("profile: \"nb-iot\"");
    assert!(matches!(nb_iot.up.impairment.jitter, Some(Jitter::LogNormal { .. })));
}

#[test]
fn set_replaces_a_model_by_a_number_and_back() {
    let model = ONE_PUBLISH.replace("delay: \"2 ms\"", "loss: GilbertElliott(p: 0.01, r: 0.3)");
    let lossy = loaded(&model, &["loss=0.05"]).unwrap();
    assert_eq!(lossy.links[2].up.impairment.loss, Loss::Bernoulli { probability: 0.05 });
    assert_eq!(lossy.links[0].up.impairment.loss, Loss::Never, "only where it was");
    let lossy = loaded(ONE_PUBLISH, &["loss=0.05"]).unwrap();
    assert!(lossy.links.iter().all(|link| link.down.impairment.loss == Loss::independent(0.05)));
    let sets = ["links[0].loss_up=Packets([2, 5])", "links[1].loss=Trace(packets: \"x\")"];
    let lossy = loaded(ONE_PUBLISH, &sets).unwrap();
    assert_eq!(lossy.links[0].up.impairment.loss, Loss::Listed(LossList::of_numbers(vec![2, 5])));
    assert_eq!(lossy.links[1].down.impairment.loss, Loss::Listed(LossList::of_numbers(vec![1])));
    let lossy = loaded(&model, &["loss.r=0.5"]).unwrap();
    assert!(matches!(lossy.links[2].up.impairment.loss, Loss::GilbertElliott(model) if model.r == 0.5));
}

#[test]
fn a_trace_file_lies_beside_the_scenario_and_belongs_to_the_manifest() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("losses.txt"), "# from a capture\n...x.x\n").unwrap();
    let of = |name: &str| {
        let loss = format!("loss_down: Trace(file: \"{name}\")");
        let text = ONE_PUBLISH.replace("delay: \"2 ms\"", &loss);
        load_text(&folder.path().join("sample.ron"), &text, &Overrides::default(), library())
    };
    let loaded = of("losses.txt").unwrap();
    assert_eq!(loaded.links[2].down.impairment.loss, Loss::Listed(LossList::of_numbers(vec![4, 6])));
    assert_eq!(loaded.links[2].up.impairment.loss, Loss::Never);
    assert!(loaded.profiles.iter().any(|used| used.name == "losses.txt"));
    let shown = |error: Diagnostic| {
        let folder = folder.path().display().to_string();
        error.render(false).replace(&folder, "scenarios").replace('\\', "/")
    };
    insta::assert_snapshot!("trace_file_missing", shown(of("looses.txt").unwrap_err()));
    fs::write(folder.path().join("bad.txt"), "..\n010\n").unwrap();
    insta::assert_snapshot!("trace_file_bad", shown(of("bad.txt").unwrap_err()));
}

#[test]
fn faults_find_their_link_way_and_member() {
    let fleet = ONE_PUBLISH.replace("mqtt: (client_id: \"sub\")", "count: 3").replace(
        "expect: [",
        "faults: [
            LinkDown(link: \"publisher-home\", from: \"1 s\", to: \"2 s\", way: Up),
            LinkDown(link: \"subscriber-home\", from: \"3 s\", to: \"4 s\", queued: Lost),
            LinkDown(link: \"subscriber[1]-home\", from: \"4 s\", to: \"5 s\"),
        ], expect: [",
    );
    let loaded = loaded(&fleet, &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.links[0].outages[0].way, Way::Up);
    let members: Vec<_> = loaded.links[2].outages.iter().map(|planned| planned.member).collect();
    assert_eq!(members, [None, Some(1)]);
    let blueprint = blueprint(&loaded, 1, 0);
    let outages: Vec<(usize, usize)> = blueprint
        .links
        .iter()
        .map(|link| link.trouble.as_ref().map_or((0, 0), |t| (t.outages.0.len(), t.outages.1.len())))
        .collect();
    assert_eq!(outages, [(1, 0), (0, 0), (1, 1), (2, 2), (1, 1)]);
    let outage = blueprint.links[2].trouble.as_ref().unwrap().outages.1[0];
    assert_eq!((outage.from, outage.queued), (SimTime::from_secs(3), Queued::Lost));
}

#[test]
fn a_middlebox_is_of_both_ways() {
    let nat = link("nat: (idle: \"5 min\", answer: Reset)").nat.unwrap();
    assert_eq!((nat.idle, nat.answer), (Duration::from_secs(300), NatAnswer::Reset));
    assert_eq!(link("nat: (idle: \"1 s\")").nat.unwrap().answer, NatAnswer::Silence);
}

/// The error of the sample with these keys at the subscriber's link.
fn refused(keys: &str) -> String {
    refusal(&[("delay: \"2 ms\"", keys)], &[])
}

fn refused_faults(faults: &str) -> String {
    refusal(&[("expect: [", &format!("faults: [{faults}], expect: ["))], &[])
}

#[test]
fn bad_links_are_told() {
    insta::assert_snapshot!("loss_unknown_model", refused("loss: GilbertEliott(p: 0.1, r: 0.3)"));
    insta::assert_snapshot!("loss_model_field_missing", refused("loss: GilbertElliott(p: 0.1)"));
    insta::assert_snapshot!(
        "loss_model_unknown_field",
        refused("loss: GilbertElliott(p: 0.1, r: 0.3, g: 1)")
    );
    insta::assert_snapshot!("loss_model_above_one", refused("loss_up: GilbertElliott(p: 1.1, r: 0.3)"));
    insta::assert_snapshot!("loss_never_good_again", refused("loss: GilbertElliott(p: 0.1, r: 0)"));
    insta::assert_snapshot!("loss_packet_zero", refused("loss: Packets([3, 0])"));
    insta::assert_snapshot!("loss_trace_of_nothing", refused("loss: Trace(repeat: true)"));
    insta::assert_snapshot!("loss_trace_bad", refused("loss: Trace(packets: \"..1.\")"));
    insta::assert_snapshot!("bit_errors_above_one", refused("bit_errors: 2"));
    insta::assert_snapshot!("jitter_without_kind", refused("jitter: \"2 ms\""));
    insta::assert_snapshot!("jitter_unknown_kind", refused("jitter: Gauss(\"2 ms\")"));
    insta::assert_snapshot!("jitter_without_unit", refused("jitter: Normal(2)"));
    insta::assert_snapshot!("jitter_sigma", refused("jitter: LogNormal(median: \"2 ms\", sigma: -1)"));
    insta::assert_snapshot!("reorder_gap_zero", refused("reorder: (probability: 0.1, gap: 0)"));
    insta::assert_snapshot!("queue_without_places", refused("queue: Packets(0)"));
    insta::assert_snapshot!("nat_never_idle", refused("nat: (idle: \"0 s\")"));
    insta::assert_snapshot!("nat_answer", refused("nat: (idle: \"1 s\", answer: Rst)"));
}

#[test]
fn bad_faults_are_told() {
    let down = |keys: &str| refused_faults(&format!("LinkDown({keys})"));
    insta::assert_snapshot!("fault_unknown", refused_faults("LinkUp()"));
    insta::assert_snapshot!(
        "fault_unknown_link",
        down("link: \"subscriber-hom\", from: \"1 s\", to: \"2 s\"")
    );
    insta::assert_snapshot!(
        "fault_no_such_member",
        down("link: \"subscriber[0]-home\", from: \"1 s\", to: \"2 s\"")
    );
    insta::assert_snapshot!("fault_ends_first", down("link: \"broker-home\", from: \"2 s\", to: \"2 s\""));
    let twice = "LinkDown(link: \"broker-home\", from: \"2 s\", to: \"5 s\", way: Up), LinkDown(link: \"broker-home\", from: \"4 s\", to: \"6 s\")";
    insta::assert_snapshot!("fault_twice", refused_faults(twice));
    let apart = twice.replace("from: \"4 s\"", "from: \"5 s\"");
    assert!(loaded(&ONE_PUBLISH.replace("expect: [", &format!("faults: [{apart}], expect: [")), &[]).is_ok());
}

#[test]
fn wifi_links_to_one_node_and_channel_are_one_cell() {
    use models::net::wifi::{Modulation, Preamble};
    let subscriber = "profile: \"ethernet-100\", delay: \"2 ms\"";
    let wifi = |keys: &str| loaded(&ONE_PUBLISH.replace(subscriber, keys), &[]);
    let planned = |keys: &str| wifi(keys).unwrap_or_else(|error| panic!("{error}")).links[2].wifi.unwrap();
    let b = planned("profile: \"wifi-11b\"");
    assert_eq!(b.modulation, Modulation::Dsss { kbit_s: 11_000, preamble: Preamble::Long });
    assert_eq!((b.channel, b.join, b.power_save, b.rts_threshold), (1, Duration::ZERO, None, None));
    let esp = planned("profile: \"wifi-esp8266\", channel: 6, rts_above: \"500 B\"");
    assert_eq!((esp.channel, esp.join, esp.rts_threshold), (6, Duration::from_millis(3_110), Some(500)));
    let sleep = esp.power_save.unwrap();
    assert_eq!((sleep.wake_every, sleep.stay_awake), (3, Duration::from_millis(1_500)));
    let own = planned("profile: \"wifi-esp8266\", join: \"0 s\", power_save: (wake_every: 10)");
    assert_eq!((own.join, own.power_save.unwrap().wake_every), (Duration::ZERO, 10));
    assert_eq!(own.power_save.unwrap().stay_awake, sleep.stay_awake, "the rest is the profile's");
    assert_eq!(planned("profile: \"wifi-esp8266\", power_save: (wake_every: 0)").power_save, None);
    let built = blueprint(&wifi("profile: \"wifi-11b\"").unwrap(), 1, 0);
    assert_eq!(built.cells.len(), 1);
    assert!(built.parameters.iter().any(|parameters| parameters.rate_bps.is_none()));
}

#[test]
fn keys_of_cells_and_of_plain_links_do_not_go_together() {
    let message = |keys: &str| {
        let text = ONE_PUBLISH.replace("profile: \"ethernet-100\", delay: \"2 ms\"", keys);
        loaded(&text, &[]).unwrap_err().message
    };
    let rate = message("profile: \"wifi-11b\", rate: \"5 Mbit/s\"");
    assert_eq!(rate, "`rate` has no place on a link of a WiFi cell");
    assert_eq!(message("channel: 6"), "`channel` is for the stations of a WiFi cell");
    let zero = message("profile: \"wifi-11b\", power_save: (wake_every: 1, beacon_interval: \"0 s\")");
    assert_eq!(zero, "`beacon_interval` is zero");
}
