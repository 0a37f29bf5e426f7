//! Enhanced authentication: an exchange whose content is the host's.

use super::*;
use crate::mqtt::broker::Verdict;
use crate::mqtt::packet::Auth;

fn config() -> BrokerConfig {
    BrokerConfig { authentication_methods: ["DIGEST".into()].into(), ..BrokerConfig::default() }
}

fn with(method: &str, data: &[u8]) -> Properties {
    Properties {
        authentication_method: Some(method.into()),
        authentication_data: Some(data.into()),
        ..none()
    }
}

fn auth(reason_code: ReasonCode, method: &str, data: &[u8]) -> Packet {
    Packet::Auth(Auth { reason_code, properties: with(method, data).boxed() })
}

impl Bench {
    fn begin(&mut self, method: &str, data: &[u8]) -> ConnectionId {
        let connection = self.open(Version::V5_0);
        self.send(connection, Packet::Connect(Box::new(hello_with("c", with(method, data)))));
        connection
    }

    fn answer(&mut self, connection: ConnectionId, verdict: Verdict) {
        self.broker.answer_authentication(self.now, connection, verdict);
        self.drain();
    }
}

#[test]
fn an_exchange_goes_to_and_fro_and_ends_with_connack() {
    let mut bench = Bench::new(config());
    let c = bench.begin("DIGEST", b"hello");
    assert!(bench.take(c).is_empty());
    assert_eq!(bench.broker.authentication(c), Some(("DIGEST", Some(&b"hello"[..]))));
    bench.answer(c, Verdict::Continue(Some(b"challenge"[..].into())));
    assert_eq!(bench.take(c), [auth(ReasonCode::ContinueAuthentication, "DIGEST", b"challenge")]);
    bench.send(c, auth(ReasonCode::ContinueAuthentication, "DIGEST", b"response"));
    assert_eq!(bench.broker.authentication(c), Some(("DIGEST", Some(&b"response"[..]))));
    bench.answer(c, Verdict::Success(Some(b"welcome"[..].into())));
    let packets = bench.take(c);
    let [Packet::Connack(connack)] = &packets[..] else { panic!("{packets:?}") };
    let said = connack.properties.as_ref().unwrap();
    assert_eq!(said.authentication_data.as_deref(), Some(&b"welcome"[..]));
    assert_eq!((connack.reason_code, bench.broker.connected_count()), (ReasonCode::Success, 1));
    bench.answer(c, Verdict::Refuse(ReasonCode::NotAuthorized));
    assert_eq!(bench.broker.connected_count(), 1, "nobody asked");
}

#[test]
fn a_refusal_is_a_connack() {
    let mut bench = Bench::new(config());
    let c = bench.begin("DIGEST", b"hello");
    bench.answer(c, Verdict::Refuse(ReasonCode::NotAuthorized));
    assert!(matches!(
        &bench.take(c)[..],
        [Packet::Connack(Connack { reason_code: ReasonCode::NotAuthorized, .. })]
    ));
    assert_eq!(bench.closed[&c], CloseReason::Refused(ReasonCode::NotAuthorized));
}

#[test]
fn an_unknown_method_is_refused_at_once() {
    let mut bench = Bench::new(config());
    let c = bench.begin("OTHER", b"hello");
    assert_eq!(bench.closed[&c], CloseReason::Refused(ReasonCode::BadAuthenticationMethod));
}

#[test]
fn nothing_but_auth_may_come_before_connack() {
    for packet in [
        Packet::Pingreq,
        auth(ReasonCode::ContinueAuthentication, "OTHER", b"x"),
        auth(ReasonCode::ReAuthenticate, "DIGEST", b"x"),
    ] {
        let mut bench = Bench::new(config());
        let c = bench.begin("DIGEST", b"hello");
        bench.answer(c, Verdict::Continue(None));
        bench.send(c, packet);
        assert!(bench.closed.contains_key(&c));
        assert_eq!(bench.broker.connected_count(), 0);
    }
}

#[test]
fn a_connected_client_may_authenticate_anew() {
    let mut bench = Bench::new(config());
    let c = bench.begin("DIGEST", b"hello");
    bench.answer(c, Verdict::Success(None));
    bench.take(c);
    bench.send(c, auth(ReasonCode::ReAuthenticate, "DIGEST", b"again"));
    bench.answer(c, Verdict::Success(Some(b"fine"[..].into())));
    assert_eq!(bench.take(c), [auth(ReasonCode::Success, "DIGEST", b"fine")]);
    bench.send(c, auth(ReasonCode::ReAuthenticate, "DIGEST", b"again"));
    bench.answer(c, Verdict::Refuse(ReasonCode::NotAuthorized));
    let reason = ReasonCode::NotAuthorized;
    assert_eq!(bench.thrown_out(c), (Some(reason), CloseReason::DisconnectedFor(reason)));
}

#[test]
fn without_a_method_auth_is_a_protocol_error() {
    let mut bench = Bench::new(config());
    let c = bench.join(Version::V5_0, "c");
    bench.send(c, auth(ReasonCode::ReAuthenticate, "DIGEST", b"x"));
    assert_eq!(bench.thrown_out(c).0, Some(ReasonCode::ProtocolError));
}
