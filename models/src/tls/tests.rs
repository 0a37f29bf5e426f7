//! Two ends and a pipe.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::cause::Cause;
use crate::stream::{Chunk, MessageId, Payload, Tag};

fn publish_tag() -> Tag {
    Tag { message: MessageId(3), cause: Cause::Publish }
}

/// Both ends, and the flights that crossed.
struct Pair {
    client: Connection,
    server: Connection,
    /// (from the client, bytes)
    flights: Vec<(bool, u32)>,
    sessions: Vec<Session>,
    events: Vec<(bool, Event)>,
    /// Longest piece in which bytes arrive.
    piece: usize,
}

impl Pair {
    fn new(client: Config, server: Config, session: Option<Session>) -> Self {
        Pair {
            client: Connection::client(Arc::new(client), session, 5),
            server: Connection::server(Arc::new(server), 9),
            flights: Vec::new(),
            sessions: Vec::new(),
            events: Vec::new(),
            piece: usize::MAX,
        }
    }

    fn of(version: Version, mutual: bool) -> Self {
        let server = Config { client_certificate: mutual, ..Config::openssl(version) };
        Pair::new(Config::openssl(version), server, None)
    }

    fn run(&mut self) {
        self.client.transport_connected();
        loop {
            let up = self.cross(true);
            let down = self.cross(false);
            if !up && !down {
                return;
            }
        }
    }

    fn cross(&mut self, up: bool) -> bool {
        let mut moved = false;
        loop {
            let (from, to) =
                if up { (&mut self.client, &mut self.server) } else { (&mut self.server, &mut self.client) };
            let Some(transmit) = from.poll_transmit() else { break };
            moved = true;
            let bytes: usize = transmit.chunks.iter().map(Chunk::len).sum();
            if let Some(flight) = transmit.flight {
                assert_eq!(flight.bytes as usize, bytes);
                self.flights.push((up, flight.bytes));
            }
            for chunk in transmit.chunks {
                let mut at = 0;
                while at < chunk.len() {
                    let end = chunk.len().min(at.saturating_add(self.piece));
                    to.handle_input(chunk.slice(at..end));
                    at = end;
                }
            }
            while let Some(event) = to.poll_event() {
                self.events.push((!up, event));
                if let Event::Ticket(session) = event {
                    self.sessions.push(session);
                }
            }
        }
        moved
    }

    fn sizes(&self) -> Vec<u32> {
        self.flights.iter().map(|(_, bytes)| *bytes).collect()
    }

    fn is_connected(&self) -> bool {
        self.client.is_connected() && self.server.is_connected()
    }
}

/// Captures of OpenSSL 3 with certificates of 800 bytes, client's first.
#[test]
fn flights_of_tls_1_2_are_those_of_the_captures() {
    let mut pair = Pair::of(Version::Tls12, false);
    pair.run();
    assert!(pair.is_connected());
    assert_eq!(pair.sizes(), [162, 1199, 93, 242]);
    let mut mutual = Pair::of(Version::Tls12, true);
    mutual.run();
    assert!(mutual.is_connected());
    assert_eq!(mutual.sizes(), [162, 1256, 1177, 1058]);
}

/// A ticket of TLS 1.3 is 255 or 271 bytes long, by one bit of a random number: the capture has one
/// of each.
#[test]
fn flights_of_tls_1_3_are_those_of_the_captures() {
    let mut seen = Vec::new();
    for random in 0..8 {
        let mut pair = Pair::of(Version::Tls13, false);
        pair.server = Connection::server(Arc::new(Config::openssl(Version::Tls13)), random);
        pair.run();
        assert!(pair.is_connected());
        assert_eq!(pair.sizes()[..3], [225, 1356, 80]);
        let tickets = pair.sizes()[3..].to_vec();
        assert_eq!(tickets.len(), 2);
        assert!(tickets.iter().all(|bytes| [255, 271].contains(bytes)), "{tickets:?}");
        seen.push(tickets);
    }
    assert!(seen.contains(&vec![271, 255]), "as captured: {seen:?}");
    let mut mutual = Pair::of(Version::Tls13, true);
    mutual.run();
    assert!(mutual.is_connected());
    assert_eq!(mutual.sizes(), [225, 1423, 1201, 1071, 1071]);
}

#[test]
fn a_session_is_resumed_without_certificates() {
    let mut first = Pair::of(Version::Tls12, false);
    first.run();
    let session = first.sessions[0];
    let mut pair = Pair::new(Config::openssl(Version::Tls12), Config::openssl(Version::Tls12), Some(session));
    pair.run();
    assert!(pair.is_connected());
    // ClientHello with identifier and ticket; ServerHello that repeats the identifier; both Finished.
    let hello = 5 + 4 + 2 + 32 + 33 + 2 + 1 + 2 + 5 + 8 + 4;
    assert_eq!(pair.sizes(), [162 + 32 + 176, hello + 6 + 45, 6 + 45]);
    assert!(pair.events.contains(&(true, Event::Connected { resumed: true })));

    let mut first = Pair::of(Version::Tls13, false);
    first.run();
    let session = first.sessions[1];
    for (fresh_keys, share) in [(true, 40), (false, 0)] {
        let client = Config { fresh_keys, ..Config::openssl(Version::Tls13) };
        let mut pair = Pair::new(client, Config::openssl(Version::Tls13), Some(session));
        pair.run();
        assert!(pair.is_connected());
        let offer = 4 + 2 + 2 + u32::from(session.ticket_len) + 4 + 2 + 1 + 48;
        let hello = 127 - 40 + 6 + share;
        assert_eq!(pair.sizes()[..3], [225 + offer, hello + 6 + 28 + 74, 80]);
        assert_eq!(pair.flights.len(), 4, "one ticket more");
    }
}

#[test]
fn a_server_without_tickets_resumes_nothing() {
    let session = Session { version: Version::Tls13, ticket_len: 208 };
    let server = Config { tickets: 0, ..Config::openssl(Version::Tls13) };
    let mut pair = Pair::new(Config::openssl(Version::Tls13), server, Some(session));
    pair.run();
    assert_eq!(pair.flights.len(), 3);
    assert!(pair.events.contains(&(true, Event::Connected { resumed: false })));
}

#[test]
fn a_client_without_certificate_is_refused_where_one_is_asked_for() {
    for version in [Version::Tls12, Version::Tls13] {
        let client = Config { certificate: None, ..Config::openssl(version) };
        let server = Config { client_certificate: true, ..Config::openssl(version) };
        let mut pair = Pair::new(client, server, None);
        pair.run();
        assert!(!pair.server.is_connected());
        assert!(pair.events.contains(&(false, Event::Failed(Failure::HandshakeFailure))));
        assert!(pair.events.contains(&(true, Event::Failed(Failure::Peer))));
    }
}

#[test]
fn versions_that_differ_do_not_meet() {
    let mut pair = Pair::new(Config::openssl(Version::Tls12), Config::openssl(Version::Tls13), None);
    pair.run();
    assert!(pair.events.contains(&(false, Event::Failed(Failure::ProtocolVersion))));
    assert_eq!(pair.sizes(), [162, 7]);
}

#[test]
fn names_keys_and_groups_change_the_flights_by_their_fields() {
    let base = |version| {
        let mut pair = Pair::of(version, false);
        pair.run();
        pair.sizes()
    };
    let with = |version, change: &dyn Fn(&mut Config)| {
        let mut config = Config::openssl(version);
        change(&mut config);
        let mut pair = Pair::new(config.clone(), config, None);
        pair.run();
        assert!(pair.is_connected());
        pair.sizes()
    };
    let named = with(Version::Tls12, &|config| config.server_name = Some("broker.example".into()));
    assert_eq!(named[0], base(Version::Tls12)[0] + 9 + 14);
    let curve = with(Version::Tls13, &|config| config.group = Group::Secp256r1);
    assert_eq!(curve[..2], [225 + 33, 1356 + 33]);
    let rsa_4096 = with(Version::Tls12, &|config| {
        config.certificate = Some(Certificate { key: Key::Rsa4096, chain: vec![1_300, 1_000] });
    });
    assert_eq!(rsa_4096[1], 1199 + 256 + 500 + 1_003);
    let ecdsa = with(Version::Tls12, &|config| {
        config.certificate = Some(Certificate { key: Key::EcdsaP256, chain: vec![800] });
    });
    assert!((1199 - 256 + 70..=1199 - 256 + 72).contains(&ecdsa[1]), "{ecdsa:?}");
    let small = with(Version::Tls13, &|config| config.max_fragment = 512);
    // Offer and answer, and a second record for Certificate.
    assert_eq!(small[..2], [225 + 5, 1356 + 5 + 22]);
}

/// Bytes that a write of `len` costs beyond itself.
fn overhead(version: Version, cipher: Cipher, len: usize) -> usize {
    let config = Config { cipher, ..Config::openssl(version) };
    let mut pair = Pair::new(config.clone(), config, None);
    pair.run();
    let body = Chunk::shared(publish_tag(), Payload::from(vec![7; len]));
    pair.client.write(body, None);
    let mut bytes = 0;
    while let Some(transmit) = pair.client.poll_transmit() {
        bytes += transmit.chunks.iter().map(Chunk::len).sum::<usize>();
    }
    bytes - len
}

#[test]
fn records_cost_what_the_captures_show() {
    assert_eq!(overhead(Version::Tls12, Cipher::Aes256Gcm, 24), 29);
    assert_eq!(overhead(Version::Tls13, Cipher::Aes256Gcm, 24), 22);
    // The image and its header: thirteen records.
    assert_eq!(overhead(Version::Tls12, Cipher::Aes256Gcm, 209_479), 377);
    assert_eq!(overhead(Version::Tls13, Cipher::Aes256Gcm, 209_479), 286);
    assert_eq!(overhead(Version::Tls12, Cipher::ChaCha20Poly1305, 24), 21);
    // IV, eight bytes of padding, HMAC-SHA-256.
    assert_eq!(overhead(Version::Tls12, Cipher::Aes128Cbc, 24), 5 + 16 + 8 + 32);
}

#[test]
fn close_notify_is_a_record_of_its_own() {
    let mut pair = Pair::of(Version::Tls12, false);
    pair.run();
    pair.server.close();
    pair.run();
    assert_eq!(pair.flights.last(), Some(&(false, 31)));
    assert_eq!(pair.events.last(), Some(&(true, Event::PeerClosed)));
}

#[test]
fn nonsense_is_an_outcome() {
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[22, 3, 3, 0xff, 0xff, 0], &[22, 3, 3, 0, 4, 1, 0, 0, 0]] {
        let mut server = Connection::server(Arc::new(Config::openssl(Version::Tls12)), 1);
        server.handle_input(Chunk::copied(Tag::default(), bytes));
        assert!(matches!(server.poll_event(), Some(Event::Failed(_))), "{bytes:?}");
        assert!(!server.is_connected());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the sizes of writes, fragments and pieces: the bytes arrive, exact and in order, under
    /// their tags.
    #[test]
    fn bytes_are_exact_for_any_split(
        writes in prop::collection::vec(1_usize..40_000, 1..5),
        head in 0_usize..40,
        piece in 1_usize..5_000,
        which in 0_usize..5,
        fragment in prop::sample::select(vec![512_u16, 2_048, 16_384]),
    ) {
        let (version, cipher) = [
            (Version::Tls12, Cipher::Aes256Gcm),
            (Version::Tls12, Cipher::Aes128Cbc),
            (Version::Tls12, Cipher::ChaCha20Poly1305),
            (Version::Tls13, Cipher::Aes128Gcm),
            (Version::Tls13, Cipher::ChaCha20Poly1305),
        ][which];
        let config = Config { cipher, max_fragment: fragment, ..Config::openssl(version) };
        let mut pair = Pair::new(config.clone(), config, None);
        pair.piece = piece;
        pair.run();
        prop_assert!(pair.is_connected());
        let mut sent = Vec::new();
        for (number, len) in writes.into_iter().enumerate() {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 31 + number) as u8).collect();
            let head = head.min(len);
            pair.client.write(
                Chunk::copied(publish_tag(), &bytes[..head]),
                Some(Chunk::shared(publish_tag(), Payload::from(&bytes[head..]))),
            );
            sent.extend_from_slice(&bytes);
        }
        pair.run();
        let mut received = Vec::new();
        while let Some(chunk) = pair.server.read() {
            prop_assert_eq!(chunk.tag, publish_tag());
            received.extend_from_slice(chunk.as_slice());
        }
        prop_assert!(received == sent);
        prop_assert_eq!(pair.server.buffered(), 0);
    }

    /// No bytes make an end panic, before or after the handshake.
    #[test]
    fn hostile_bytes_are_an_outcome(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 20_u8..24, late: bool) {
        let mut pair = Pair::of(if kind % 2 == 0 { Version::Tls12 } else { Version::Tls13 }, true);
        if late {
            pair.run();
        }
        let mut stream = vec![kind, 3, 3, 0, bytes.len() as u8];
        stream.extend_from_slice(&bytes);
        pair.server.handle_input(Chunk::copied(Tag::default(), &stream));
        pair.client.transport_connected();
        pair.client.handle_input(Chunk::copied(Tag::default(), &stream));
    }
}
