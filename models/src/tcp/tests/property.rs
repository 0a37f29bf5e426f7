//! The exact bytes arrive, whatever the path does.

use proptest::prelude::*;

use super::harness::{CLIENT, Fate, Path, SERVER, ms};
use crate::cause::Cause;
use crate::stream::{Chunk, MessageId, Payload, Tag};
use crate::tcp::{Config, CongestionControl, State};
use std::time::Duration;

/// One write: after how long, from which end, how many bytes.
type Write = (u64, usize, usize);

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let size = prop_oneof![1..60_usize, 1_400..1_500_usize, 1..40_000_usize];
    prop::collection::vec((0..300_u64, 0..2_usize, size), 1..12)
}

/// The fates of the first segments; later ones are delivered, so that every run ends.
fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        6 => Just(Fate::Deliver),
        2 => Just(Fate::Lose),
        1 => Just(Fate::Twice),
        2 => (1..60_000_u64).prop_map(|micros| Fate::Late(Duration::from_micros(micros))),
    ];
    prop::collection::vec(fate, 0..150)
}

fn configs() -> impl Strategy<Value = Config> {
    let base = prop_oneof![
        3 => Just(Config::linux()),
        1 => Just(Config::linux_newreno()),
        1 => Just(Config::rfc()),
        1 => Just(Config::lwip()),
        1 => Just(Config::w5500()),
    ];
    let switches = any::<[bool; 5]>();
    let base = (base, switches).prop_map(|(config, [sack, rack, probe, prr, cubic])| Config {
        sack: config.sack && (sack || rack),
        rack: config.rack && rack,
        tail_loss_probe: config.tail_loss_probe && probe,
        prr: config.prr && prr,
        congestion: if cubic { CongestionControl::Cubic } else { config.congestion },
        ..config
    });
    let window = prop_oneof![Just(None), (600..20_000_u32).prop_map(Some)];
    (base, any::<bool>(), any::<bool>(), prop_oneof![Just(1460_u16), 100..2_000_u16], window).prop_map(
        |(config, timestamps, scale, mss, window)| Config {
            timestamps,
            window_scale: scale.then_some(7),
            mss,
            receive_window: window.unwrap_or(config.receive_window),
            receive_buffer: config.receive_buffer.map(|bytes| window.unwrap_or(bytes)),
            max_receive_window: window.unwrap_or(config.max_receive_window),
            max_receive_window_without_timestamps: window.unwrap_or(config.max_receive_window),
            data_retries: 100,
            syn_retries: 100,
            fin_wait_2_timeout: None,
            ..config
        },
    )
}

fn chunk(number: usize, len: usize) -> Chunk {
    let bytes: Vec<u8> = (0..len).map(|i| (number * 37 + i * 7 + i / 256) as u8).collect();
    let tag = Tag { message: MessageId(number as u32), cause: Cause::ALL[number % Cause::ALL.len()] };
    Chunk::shared(tag, Payload::from(bytes))
}

/// Every byte with its tag.
fn tagged(chunks: &[Chunk]) -> Vec<(u8, MessageId, Cause)> {
    let each = |chunk: &Chunk| {
        let tag = chunk.tag;
        chunk.as_slice().iter().map(move |byte| (*byte, tag.message, tag.cause)).collect::<Vec<_>>()
    };
    chunks.iter().flat_map(each).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_and_tags_arrive_and_both_sides_close(
        client in configs(),
        server in configs(),
        writes in writes(),
        fates in fates(),
        closer in 0..2_usize,
        pauses in any::<bool>(),
    ) {
        let mut path = Path::new(client, server, ms(10));
        let mut fates = fates.into_iter();
        path.fate(move |_| fates.next().unwrap_or(Fate::Deliver));
        let mut written = [Vec::new(), Vec::new()];
        for (number, (after, end, len)) in writes.into_iter().enumerate() {
            path.readers = [!pauses || number % 3 == 0; 2];
            path.run_for(ms(after));
            let chunk = chunk(number, len);
            written[end].push(chunk.clone());
            path.write(end, chunk);
        }
        path.readers = [true; 2];
        path.run_for(ms(200));
        // A client that gives up in SYN-SENT has nothing to close in order.
        while path.states()[CLIENT] == State::SynSent || path.states()[SERVER] == State::SynReceived {
            path.run_for(ms(1_000));
        }
        path.close(closer);
        path.run_for(ms(u64::from(pauses) * 500));
        path.close(1 - closer);
        path.run();
        prop_assert_eq!(path.states(), [State::Closed; 2]);
        prop_assert!(tagged(&path.received[SERVER]) == tagged(&written[CLIENT]));
        prop_assert!(tagged(&path.received[CLIENT]) == tagged(&written[SERVER]));
        prop_assert!(path.ends.iter().all(|end| end.buffered() == 0));
    }
}
