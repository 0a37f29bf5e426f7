use super::*;
use crate::random::{Stream, Streams};
use crate::stats::confidence_interval;
use proptest::prelude::*;

const MEAN_SERVICE: Duration = Duration::from_millis(10);

/// Mean waits, in units of the mean service time, of twenty independent replications of 100,000 jobs at
/// the offered `load` per server, each after 10,000 jobs of warm-up.
fn mean_waits(servers: u32, load: f64, service: fn(&mut Stream) -> Duration) -> Vec<f64> {
    let mean_gap = MEAN_SERVICE.div_f64(load * f64::from(servers));
    (0..20)
        .map(|run| {
            let streams = Streams::new(1975, run);
            let (mut gaps, mut services) = (streams.stream("gaps"), streams.stream("services"));
            let mut resource = Resource::new(servers);
            let mut now = SimTime::ZERO;
            let mut wait = Duration::ZERO;
            for job in 0..110_000 {
                now += gaps.exponential_duration(mean_gap);
                let grant = resource.admit(now, service(&mut services));
                if job >= 10_000 {
                    wait += grant.wait(now);
                }
            }
            wait.as_secs_f64() / 100_000.0 / MEAN_SERVICE.as_secs_f64()
        })
        .collect()
}

fn exponential(stream: &mut Stream) -> Duration {
    stream.exponential_duration(MEAN_SERVICE)
}

fn constant(_: &mut Stream) -> Duration {
    MEAN_SERVICE
}

/// At 99.9 %, because nine points are tested: at 95 % one of them would fall outside by chance in more
/// than every third suite. The width is bounded so that an interval has something to say.
fn assert_theory(what: &str, waits: &[f64], theory: f64) {
    let interval = confidence_interval(waits, 0.999);
    assert!(interval.contains(theory), "{what}: {interval:?}, theory says {theory}");
    assert!(interval.half_width < 0.1 * theory, "{what}: the interval is too wide to tell: {interval:?}");
}

/// Kleinrock I, (5.78): the wait in queue is rho / (1 - rho) mean service times.
#[test]
fn m_m_1() {
    for load in [0.3, 0.5, 0.8] {
        assert_theory("M/M/1", &mean_waits(1, load, exponential), load / (1.0 - load));
    }
}

/// The Pollaczek-Khinchine mean value formula without variance of service: half of M/M/1.
#[test]
fn m_d_1() {
    for load in [0.3, 0.5, 0.8] {
        assert_theory("M/D/1", &mean_waits(1, load, constant), load / (2.0 * (1.0 - load)));
    }
}

/// Erlang's C formula: the probability that a job has to wait, with `a` = k rho Erlangs offered.
fn erlang_c(servers: u32, load: f64) -> f64 {
    let a = load * f64::from(servers);
    // Erlang's B formula by its recursion over the number of servers.
    let blocked = (1..=servers).fold(1.0, |blocked, k| a * blocked / (f64::from(k) + a * blocked));
    blocked / (1.0 - load * (1.0 - blocked))
}

#[test]
fn m_m_k() {
    // Two servers have a closed form: 2 rho^2 / (1 + rho).
    assert!((erlang_c(2, 0.6) - 2.0 * 0.36 / 1.6).abs() < 1e-12);
    for (servers, load) in [(2, 0.7), (4, 0.8), (16, 0.9)] {
        let theory = erlang_c(servers, load) / (f64::from(servers) * (1.0 - load));
        assert_theory("M/M/k", &mean_waits(servers, load, exponential), theory);
    }
}

#[test]
fn the_lowest_idle_server_is_taken() {
    let mut resource = Resource::new(3);
    let ms = SimTime::from_millis;
    let mut server = |now, service| resource.admit(ms(now), Duration::from_millis(service)).server;
    assert_eq!([server(0, 10), server(0, 10), server(0, 4)], [0, 1, 2]);
    assert_eq!(server(1, 1), 2, "the first to become free");
    assert_eq!(server(10, 1), 0, "all are idle");
    assert_eq!(server(10, 1), 1);
}

#[test]
fn figures_of_a_worked_example() {
    let mut resource = Resource::new(2);
    let ms = SimTime::from_millis;
    for service in [10, 20, 30] {
        resource.admit(ms(5), Duration::from_millis(service));
    }
    assert_eq!(resource.next_free(), ms(25));
    assert_eq!(resource.busy_until(), ms(45));
    assert_eq!(resource.wait(ms(5)), Duration::from_millis(20));
    assert_eq!(resource.wait(ms(30)), Duration::ZERO);
    assert_eq!([5, 20, 25, 45].map(|now| resource.busy_servers(ms(now))), [2, 2, 1, 0]);
    assert_eq!([5, 15, 25, 35, 60].map(|now| resource.busy_time(ms(now)).as_millis()), [0, 20, 40, 50, 60]);
    assert_eq!([5, 15, 45].map(|now| resource.backlog(ms(now)).as_millis()), [60, 40, 0]);
    assert_eq!(resource.total_wait(), Duration::from_millis(10));
    assert_eq!(resource.mean_wait(), Duration::from_nanos(3_333_333));
    assert_eq!((resource.jobs(), resource.servers()), (3, 2));
    assert_eq!(resource.utilization(ms(60)), 0.5);
    assert_eq!(Resource::new(4).utilization(SimTime::ZERO), 0.0);
}

proptest! {
    /// Held against the list of all grants, at every instant of interest.
    #[test]
    fn busy_time_is_what_the_grants_add_up_to(
        servers in 1..5u32,
        jobs in prop::collection::vec((0..50u64, 0..80u64), 1..60),
        later in 0..200u64,
    ) {
        let mut resource = Resource::new(servers);
        let mut grants: Vec<Grant> = Vec::new();
        let mut now = SimTime::ZERO;
        let busy = |grants: &[Grant], now: SimTime| -> Duration {
            grants.iter().map(|grant| now.min(grant.end).saturating_since(grant.start)).sum()
        };
        for (gap, service) in jobs {
            now += Duration::from_nanos(gap);
            prop_assert_eq!(resource.busy_time(now), busy(&grants, now));
            let grant = resource.admit(now, Duration::from_nanos(service));
            prop_assert!(grant.start >= now && grant.end - grant.start == Duration::from_nanos(service));
            if let Some(previous) = grants.last() {
                prop_assert!(grant.start >= previous.start, "first come, first served");
            }
            if let Some(last) = grants.iter().rev().find(|other| other.server == grant.server) {
                prop_assert!(grant.start >= last.end, "one job at a time");
            }
            grants.push(grant);
            prop_assert_eq!(resource.busy_time(now), busy(&grants, now));
        }
        now += Duration::from_nanos(later);
        prop_assert_eq!(resource.busy_time(now), busy(&grants, now));
    }
}

#[test]
#[should_panic(expected = "at least one server")]
fn there_is_no_resource_without_a_server() {
    let _ = Resource::new(0);
}

#[test]
#[should_panic(expected = "a job admitted at")]
fn admissions_are_in_the_order_of_time() {
    let mut resource = Resource::new(1);
    resource.admit(SimTime::from_nanos(2), Duration::ZERO);
    resource.admit(SimTime::from_nanos(1), Duration::ZERO);
}
