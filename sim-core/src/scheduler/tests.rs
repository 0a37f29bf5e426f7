use super::*;
use proptest::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The oracle: the same contract by the plainest means.
#[derive(Default)]
struct Oracle {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    inserted: u64,
}

impl Oracle {
    fn insert(&mut self, time: u64) -> u64 {
        self.heap.push(Reverse((time, self.inserted)));
        self.inserted += 1;
        self.inserted - 1
    }

    fn peek(&self) -> Option<SimTime> {
        self.heap.peek().map(|&Reverse((time, _))| SimTime::from_nanos(time))
    }

    fn pop_until(&mut self, limit: u64) -> Option<(SimTime, u64)> {
        self.heap.peek().filter(|Reverse((time, _))| *time <= limit)?;
        self.heap.pop().map(|Reverse((time, number))| (SimTime::from_nanos(time), number))
    }
}

#[derive(Clone, Debug)]
enum Operation {
    /// Insert so many events, each a span after now.
    Insert(Vec<u64>),
    /// Insert at the time of the event that is next.
    InsertAtNext,
    /// Insert so many at one instant, the span after now.
    Burst(u64, usize),
    Pop(usize),
    Peek,
    /// Pop all up to a span after now, then set the clock there.
    PopUntil(u64),
}

/// Spans of every magnitude, from none to centuries, with many equal ones.
fn span() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => Just(0),
        4 => 0..8u64,
        4 => 0..4_096u64,
        4 => 0..10_000_000u64,
        2 => Just(1_000_000),
        4 => 0..3_600_000_000_000u64,
        1 => (0..58u32).prop_map(|bit| 1 << bit),
        1 => (0..58u32).prop_map(|bit| (1 << bit) - 1),
        1 => 0..(1u64 << 58),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => prop::collection::vec(span(), 1..40).prop_map(Operation::Insert),
        1 => Just(Operation::InsertAtNext),
        1 => (span(), 1..200usize).prop_map(|(span, count)| Operation::Burst(span, count)),
        4 => (1..60usize).prop_map(Operation::Pop),
        2 => Just(Operation::Peek),
        2 => span().prop_map(Operation::PopUntil),
    ]
}

/// Scheduler and oracle side by side; every step compares them.
#[derive(Default)]
struct Pair {
    scheduler: Scheduler<u64>,
    oracle: Oracle,
}

impl Pair {
    fn insert(&mut self, time: u64) {
        let number = self.oracle.insert(time);
        self.scheduler.at(SimTime::from_nanos(time), number);
    }

    fn pop_until(&mut self, limit: u64) -> bool {
        let expected = self.oracle.pop_until(limit);
        assert_eq!(self.scheduler.pop_until(SimTime::from_nanos(limit)), expected);
        if let Some((time, _)) = expected {
            assert_eq!(self.scheduler.now(), time);
        }
        expected.is_some()
    }

    fn check(&self) {
        assert_eq!(self.scheduler.len(), self.oracle.heap.len());
        assert_eq!(self.scheduler.is_empty(), self.oracle.heap.is_empty());
        assert_eq!(self.scheduler.executed(), self.oracle.inserted - self.oracle.heap.len() as u64);
        assert_eq!(self.scheduler.peek_time(), self.oracle.peek());
    }

    fn apply(&mut self, operation: &Operation) {
        let now = self.scheduler.now().as_nanos();
        match operation {
            Operation::Insert(spans) => spans.iter().for_each(|span| self.insert(now.saturating_add(*span))),
            Operation::InsertAtNext => {
                let next = self.oracle.peek().map_or(now, SimTime::as_nanos);
                self.insert(next);
            }
            Operation::Burst(span, count) => (0..*count).for_each(|_| self.insert(now.saturating_add(*span))),
            Operation::Pop(count) => (0..*count).for_each(|_| {
                self.pop_until(u64::MAX);
            }),
            Operation::Peek => assert_eq!(self.scheduler.peek_time(), self.oracle.peek()),
            Operation::PopUntil(span) => {
                let limit = now.saturating_add(*span);
                while self.pop_until(limit) {}
                self.scheduler.advance_to(SimTime::from_nanos(limit));
            }
        }
        self.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn it_does_what_a_binary_heap_does(operations in prop::collection::vec(operation(), 1..80)) {
        let mut pair = Pair::default();
        for operation in &operations {
            pair.apply(operation);
        }
        while pair.pop_until(u64::MAX) {}
        pair.check();
    }

    /// The shape of a simulation: each event executed inserts another, thousands wait.
    #[test]
    fn it_holds_many_events_in_order(
        pending in 1..3_000usize,
        spans in prop::collection::vec(span(), 64),
        seed in any::<u64>(),
    ) {
        let mut pair = Pair::default();
        let mut state = seed | 1;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Nine in ten are jittered, the others repeat a span exactly.
            let span = spans[(state >> 58) as usize];
            if (state >> 40) % 10 == 0 { span } else { span ^ ((state >> 20) & 0xfff) }
        };
        for _ in 0..pending {
            pair.insert(draw());
        }
        for _ in 0..2 * pending {
            prop_assert!(pair.pop_until(u64::MAX));
            let now = pair.scheduler.now().as_nanos();
            pair.insert(now.saturating_add(draw()));
        }
        while pair.pop_until(u64::MAX) {}
        pair.check();
    }
}

#[test]
fn a_look_ahead_does_not_bind() {
    let mut scheduler = Scheduler::new();
    let year = SimTime::from_secs(365 * 86_400);
    // More than the heap alone takes, so that the look goes into the wheel.
    for number in 0..1_000 {
        scheduler.at(year, number);
    }
    assert_eq!(scheduler.peek_time(), Some(year));
    assert_eq!(scheduler.pop_until(SimTime::from_secs(5)), None);
    assert_eq!(scheduler.now(), SimTime::ZERO);
    scheduler.at(SimTime::from_secs(6), -6);
    scheduler.at(SimTime::ZERO, 0);
    assert_eq!(scheduler.pop(), Some((SimTime::ZERO, 0)));
    scheduler.at(SimTime::from_secs(5), -5);
    assert_eq!(scheduler.pop(), Some((SimTime::from_secs(5), -5)));
    assert_eq!(scheduler.pop(), Some((SimTime::from_secs(6), -6)));
    for number in 0..1_000 {
        assert_eq!(scheduler.pop(), Some((year, number)));
    }
    assert_eq!(scheduler.pop(), None);
}

#[test]
fn the_last_instant_can_be_used() {
    let mut scheduler = Scheduler::new();
    for number in 0..200 {
        scheduler.at(SimTime::MAX, number);
        scheduler.at(SimTime::from_nanos(number), number);
    }
    for number in 0..200 {
        assert_eq!(scheduler.pop(), Some((SimTime::from_nanos(number), number)));
    }
    for number in 0..200 {
        assert_eq!(scheduler.pop(), Some((SimTime::MAX, number)));
    }
    scheduler.after(Duration::ZERO, 7);
    assert_eq!(scheduler.pop(), Some((SimTime::MAX, 7)));
}

#[test]
fn memory_does_not_grow_in_steady_state() {
    let mut scheduler = Scheduler::new();
    let span = |number: u64| Duration::from_nanos(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 34);
    for number in 0..10_000 {
        scheduler.after(span(number), number);
    }
    let mut turn = |count: u64| {
        for _ in 0..count {
            let (_, number) = scheduler.pop().expect("10,000 events wait");
            scheduler.after(span(number + 10_000), number + 10_000);
        }
        (scheduler.wheel.blocks(), scheduler.due.capacity())
    };
    let warm = turn(2_000_000);
    assert_eq!(turn(1_000_000), warm);
    assert!(warm.0 < 10_000 / 64 + 10 * 64, "at most one open block per slot: {warm:?}");
}

#[test]
fn every_event_is_dropped_exactly_once() {
    let witness = std::rc::Rc::new(());
    let mut scheduler = Scheduler::new();
    for number in 0..5_000u64 {
        scheduler.at(SimTime::from_nanos(number * number * 1_000), std::rc::Rc::clone(&witness));
    }
    for _ in 0..2_500 {
        scheduler.pop();
    }
    assert_eq!(std::rc::Rc::strong_count(&witness), 2_501);
    drop(scheduler);
    assert_eq!(std::rc::Rc::strong_count(&witness), 1);
}

#[test]
#[should_panic(expected = "time never goes back")]
fn an_event_in_the_past_panics() {
    let mut scheduler = Scheduler::new();
    scheduler.at(SimTime::from_nanos(2), ());
    scheduler.pop();
    scheduler.at(SimTime::from_nanos(1), ());
}

#[test]
#[should_panic(expected = "passed over")]
fn the_clock_cannot_pass_an_event_over() {
    let mut scheduler = Scheduler::new();
    scheduler.at(SimTime::from_nanos(2), ());
    scheduler.advance_to(SimTime::from_nanos(3));
}
