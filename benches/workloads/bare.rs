//! A bare loop: the same packets over the same links, and no stack.
//!
//! What is left of a simulator when everything but the packet hop is taken away: a binary heap of events, links
//! with a busy-until time, a chance of loss, and for each connection the packets that it exchanges. No TCP (a lost
//! packet is sent again after a second), no MQTT, no CPU time, energy, memory, fingerprint or results. What the
//! full stack costs is its time per packet hop over that of this loop.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;
/// TCP, IP and link header.
const HEADERS: u64 = 42;
/// Data bytes of a full segment.
const SEGMENT: u64 = 1_448;
/// Packets of a bulk transfer under way.
const WINDOW: u32 = 10;

/// A packet, and the links that it has crossed.
#[derive(Clone, Copy, Debug)]
struct Event {
    time: u64,
    insertion: u64,
    client: u32,
    number: u32,
    bytes: u16,
    /// Towards the server.
    up: bool,
    /// Links crossed: 0 is a packet that its sender waits with.
    hop: u8,
}

/// The heap gives the earliest first, and of one instant the one inserted first.
impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.insertion).cmp(&(self.time, self.insertion))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Event {}

/// One link, free in each direction from an instant on.
#[derive(Clone, Debug)]
struct Link {
    free: [u64; 2],
    ns_per_byte: u64,
    delay_ns: u64,
}

impl Link {
    fn transmit(&mut self, now: u64, up: bool, bytes: u16) -> u64 {
        let free = &mut self.free[usize::from(up)];
        *free = now.max(*free) + u64::from(bytes) * self.ns_per_byte;
        *free + self.delay_ns
    }
}

/// The star of workloads.md: access links of 10 Mbit/s and 2 ms, a server link of 100 Mbit/s and 1 ms.
struct Star {
    events: BinaryHeap<Event>,
    inserted: u64,
    access: Vec<Link>,
    server: Link,
    /// Of 2^64 packets on an access link, so many are lost.
    lost: u64,
    chance: Vec<u64>,
    hops: u64,
}

impl Star {
    fn new(clients: u32, loss: f64) -> Self {
        Star {
            events: BinaryHeap::new(),
            inserted: 0,
            access: vec![Link { free: [0; 2], ns_per_byte: 800, delay_ns: 2 * MS }; clients as usize],
            server: Link { free: [0; 2], ns_per_byte: 80, delay_ns: MS },
            lost: (loss * u64::MAX as f64) as u64,
            chance: (0..u64::from(clients)).collect(),
            hops: 0,
        }
    }

    fn push(&mut self, event: Event) {
        self.inserted += 1;
        self.events.push(Event { insertion: self.inserted, ..event });
    }

    /// Puts a packet on its next link.
    fn forward(&mut self, now: u64, packet: Event) {
        self.hops += 1;
        let by_access = packet.up == (packet.hop == 0);
        let link = if by_access { &mut self.access[packet.client as usize] } else { &mut self.server };
        let time = link.transmit(now, packet.up, packet.bytes);
        if by_access && self.lost > 0 && self.draw(packet.client) < self.lost {
            self.push(Event { time: now + SECOND, hop: 0, ..packet });
        } else {
            self.push(Event { time, hop: packet.hop + 1, ..packet });
        }
    }

    /// SplitMix64.
    fn draw(&mut self, client: u32) -> u64 {
        let state = &mut self.chance[client as usize];
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Runs to the end; `arrived` says what a packet at its destination brings about.
    fn run(&mut self, mut arrived: impl FnMut(&mut Star, u64, Event)) -> u64 {
        while let Some(event) = self.events.pop() {
            if event.hop < 2 {
                self.forward(event.time, event);
            } else {
                arrived(self, event.time, event);
            }
        }
        self.hops
    }
}

/// A packet of a conversation: its way, its data, and how long its sender waits before it.
#[derive(Clone, Copy, Debug)]
struct Step {
    up: bool,
    bytes: u16,
    wait_ns: u64,
}

const fn up(data: u64) -> Step {
    Step { up: true, bytes: (data + HEADERS) as u16, wait_ns: 0 }
}

const fn down(data: u64) -> Step {
    Step { up: false, ..up(data) }
}

const fn after(wait_ns: u64, step: Step) -> Step {
    Step { wait_ns, ..step }
}

/// Workloads A and C: `clients` that connect at once, with so many QoS 2 exchanges one after the other. Returns
/// the packet hops.
pub fn burst(clients: u32, exchanges: usize) -> u64 {
    let mut steps = vec![up(0), down(0), up(0), up(30), down(4)];
    for _ in 0..exchanges {
        steps.extend([up(600), down(4), up(4), down(4)]);
    }
    steps.extend([up(2), up(0), down(0), down(0), up(0)]);
    converse(clients, 0.01, 0, &steps)
}

/// Workload D: `clients` that ping and, half a minute later, report, in so many rounds. Returns the packet hops.
pub fn idle(clients: u32, rounds: usize) -> u64 {
    const HALF: u64 = 30 * SECOND - 200 * MS;
    const ACK: Step = after(200 * MS, up(0));
    let mut steps = vec![up(0), down(0), up(0), up(30), down(4), up(0)];
    for _ in 0..rounds {
        steps.extend([after(HALF, up(2)), down(2), ACK, after(HALF, up(100)), down(4), ACK]);
    }
    converse(clients, 0.0, MS, &steps)
}

fn converse(clients: u32, loss: f64, stagger_ns: u64, steps: &[Step]) -> u64 {
    let packet = |time, client, number: u32| {
        steps.get(number as usize).map(|step| {
            let time = time + step.wait_ns;
            let event = Event { time, insertion: 0, client, number, bytes: step.bytes, up: step.up, hop: 0 };
            (event, step.wait_ns > 0)
        })
    };
    let mut star = Star::new(clients, loss);
    for client in 0..clients {
        let (first, _) = packet(SECOND + u64::from(client) * stagger_ns, client, 0).expect("a step");
        star.push(first);
    }
    star.run(|star, now, event| match packet(now, event.client, event.number + 1) {
        Some((next, true)) => star.push(next),
        Some((next, false)) => star.forward(now, next),
        None => {}
    })
}

/// Workload B: so many images of 209,487 bytes to the server and on, one every 10 s, with a fixed window and an
/// acknowledgement for every second packet. Returns the packet hops.
pub fn bulk(images: u64) -> u64 {
    const PACKETS: u32 = 209_487_u64.div_ceil(SEGMENT) as u32;
    const DATA: u16 = (SEGMENT + HEADERS) as u16;
    let data = |time, client, number| Event {
        time,
        insertion: 0,
        client,
        number,
        bytes: DATA,
        up: client == 0,
        hop: 0,
    };
    let mut star = Star::new(2, 0.0);
    // A packet without bytes is the clock that the camera is woken by; its number is that of the image.
    let clock = |time, image| Event { bytes: 0, hop: 2, ..data(time, 0, image) };
    star.push(clock(SECOND, 0));
    star.run(|star, now, event| {
        if event.bytes == 0 {
            (0..WINDOW).for_each(|number| star.forward(now, data(now, 0, number)));
            if u64::from(event.number) + 1 < images {
                star.push(clock(now + 10 * SECOND, event.number + 1));
            }
            return;
        }
        if event.bytes < DATA {
            // An acknowledgement: two more.
            for number in [event.number + WINDOW - 1, event.number + WINDOW] {
                if event.number > 0 && number < PACKETS {
                    star.forward(now, data(now, event.client, number));
                }
            }
            return;
        }
        let back = Event { bytes: HEADERS as u16, up: !event.up, hop: 0, ..event };
        if event.number + 1 == PACKETS {
            // The whole image: the answer of 4 bytes, its acknowledgement left out, and on to the viewer.
            star.forward(now, Event { bytes: back.bytes + 4, number: 0, ..back });
            if event.client == 0 {
                (0..WINDOW).for_each(|number| star.forward(now, data(now, 1, number)));
            }
        } else if event.number % 2 == 1 {
            star.forward(now, back);
        }
    })
}
