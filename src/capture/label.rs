//! What a control packet says, in one line: the labels of sequence charts.
//!
//! A small read-only dissector of MQTT 3.1, 3.1.1 and 5.0. It has no state and trusts nothing: whatever
//! does not follow the format is labelled `malformed`. MQTT 5.0 differs in every packet, and only
//! CONNECT says so; [`Label::of`] reads the packets after it as if they were 3.1.1, and whoever knows the
//! version of the connection ([`Label::version_of`]) asks for [`Label::in_version`].
//!
//! | Packet | Label |
//! | --- | --- |
//! | CONNECT | `CONNECT id=pub ka=60 clean len=17`: Client Identifier, Keep Alive in s, Clean Session, then `will(q1 r0 t=x)`, `user`, `password` |
//! | CONNACK | `CONNACK sp=0 rc=0`: Session Present, return code |
//! | PUBLISH | `PUBLISH q1 d0 r0 id1 t=gt/t p=16 len=26`: QoS, DUP, RETAIN, Packet Identifier, topic, payload bytes, packet bytes |
//! | SUBSCRIBE | `SUBSCRIBE id1 gt/t:1`: Topic Filters with the requested QoS |
//! | SUBACK | `SUBACK id1 rc=[1]`: return codes |
//! | UNSUBSCRIBE | `UNSUBSCRIBE id1 gt/t` |
//! | PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK | `PUBACK id1`; ` d1` behind a packet that MQTT 3.1 marks as sent again |
//! | PINGREQ, PINGRESP, DISCONNECT | `PINGREQ` |
//!
//! In MQTT 5.0 Reason Codes other than 0 stand behind as ` rc=135`, properties as ` expires=5 alias=1`, and the
//! options of a subscription behind its QoS: `n` no local, `p` retain as published, `h1` retain handling.

mod properties;

use std::fmt::Write;

use models::mqtt::Version;

use crate::results::summary::PACKET_NAMES;

/// A label that can be shortened where room is scarce.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// What comes first and is never left out: the packet's name.
    head: String,
    /// Flags that can go: they are all 0.
    dull: &'static str,
    /// Between the flags and the name.
    middle: String,
    /// A Topic Name, Topic Filters or a Client Identifier: can be cut at its front.
    name: String,
    /// What comes last.
    tail: String,
}

/// Marks where something was cut out.
const CUT: &str = "..";

impl Label {
    /// The label of a packet of which `head` is everything except a PUBLISH payload, which has
    /// `body_len` bytes.
    #[must_use]
    pub fn of(head: &[u8], body_len: usize) -> Self {
        Label::in_version(Version::V3_1_1, head, body_len)
    }

    /// The same for a connection of this version.
    #[must_use]
    pub fn in_version(version: Version, head: &[u8], body_len: usize) -> Self {
        dissect(version, head, body_len).unwrap_or_else(|| Label::malformed(head, body_len))
    }

    /// The version that a CONNECT asks for; `None` for other packets.
    #[must_use]
    pub fn version_of(head: &[u8]) -> Option<Version> {
        let mut reader = Reader(head);
        (reader.byte()? == 0x10).then_some(())?;
        reader.remaining_length()?;
        let name = reader.string()?;
        // Bridges of Mosquitto set the highest bit.
        Version::of(name.as_bytes(), reader.byte()? & 0x7f)
    }

    /// A label that is one text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Label { head: text.into(), dull: "", middle: String::new(), name: String::new(), tail: String::new() }
    }

    fn malformed(head: &[u8], body_len: usize) -> Self {
        let named = head.first().and_then(|first| packet_name(*first)).map(|name| format!(" {name}"));
        Label::text(format!("malformed{} len={}", named.unwrap_or_default(), head.len() + body_len))
    }

    /// Number of characters of the whole label.
    #[must_use]
    pub fn width(&self) -> usize {
        width(&self.head) + self.dull.len() + width(&self.middle) + width(&self.name) + width(&self.tail)
    }

    /// The label in at most `room` characters: first flags that are 0 go, then the front of the
    /// name, then the end.
    #[must_use]
    pub fn fit(&self, room: usize) -> String {
        let Label { head, dull, middle, name, tail } = self;
        if self.width() <= room {
            return format!("{head}{dull}{middle}{name}{tail}");
        }
        let around = width(head) + width(middle) + width(tail);
        let for_name = room.saturating_sub(around);
        let name_width = width(name);
        if around + name_width <= room {
            return format!("{head}{middle}{name}{tail}");
        }
        // A name of which fewer than four characters are left tells nothing.
        if for_name >= CUT.len() + 4 {
            let kept: String = name.chars().skip(name_width + CUT.len() - for_name).collect();
            return format!("{head}{middle}{CUT}{kept}{tail}");
        }
        let whole = format!("{head}{middle}{name}{tail}");
        let mut cut: String = whole.chars().take(room.saturating_sub(CUT.len())).collect();
        cut.push_str(&CUT[..CUT.len().min(room)]);
        cut
    }
}

/// The whole label.
impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fit(usize::MAX))
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn packet_name(first: u8) -> Option<&'static str> {
    // MQTT 3.1.1 §2.2.1: types 0 and 15 are reserved; 15 is AUTH of MQTT 5.0.
    PACKET_NAMES.get(usize::from(first >> 4).checked_sub(1)?).copied()
}

/// Reads a packet from front to back; every step may find nothing left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    fn two_bytes(&mut self) -> Option<u16> {
        self.bytes(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// MQTT 3.1.1 §1.5.3
    fn string(&mut self) -> Option<String> {
        let len = self.two_bytes()?;
        let text = std::str::from_utf8(self.bytes(usize::from(len))?).ok()?;
        // A control character would break the chart's lines.
        Some(text.chars().map(|c| if c.is_control() { '?' } else { c }).collect())
    }

    /// MQTT 3.1.1 §2.2.3: up to four bytes, seven bits each, the low ones first.
    fn remaining_length(&mut self) -> Option<usize> {
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(length);
            }
        }
        None
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

fn dissect(version: Version, head: &[u8], body_len: usize) -> Option<Label> {
    let mut reader = Reader(head);
    let first = reader.byte()?;
    let name = packet_name(first)?;
    let flags = first & 0x0f;
    let five = version.has_properties();
    let remaining = reader.remaining_length()?;
    (remaining == reader.0.len() + body_len && (five || name != "AUTH")).then_some(())?;
    let len = head.len() + body_len;
    if name == "PUBLISH" {
        return publish(&mut reader, five, flags, body_len, len);
    }
    // MQTT 3.1.1 §2.2.2: the flags of all other packets are fixed; but in MQTT 3.1 (§2.1) those
    // at QoS 1 have a DUP flag like PUBLISH.
    let at_qos_1 = matches!(name, "PUBREL" | "SUBSCRIBE" | "UNSUBSCRIBE");
    let (fixed, dup) = if at_qos_1 { (2, flags & 8) } else { (0, 0) };
    (flags == fixed | dup && body_len == 0).then_some(())?;
    let mut label = match name {
        "CONNECT" => connect(&mut reader, len)?,
        "CONNACK" => {
            let (flags, code) = (reader.byte()?, reader.byte()?);
            let told = if five && !reader.0.is_empty() {
                properties::properties(&mut reader)?
            } else {
                String::new()
            };
            Label::text(format!("CONNACK sp={} rc={code}{told}", flags & 1))
        }
        "SUBSCRIBE" | "UNSUBSCRIBE" => filters(&mut reader, five, name)?,
        "SUBACK" | "UNSUBACK" if five || name == "SUBACK" => {
            let id = reader.two_bytes()?;
            let told = if five { properties::properties(&mut reader)? } else { String::new() };
            let codes = reader.bytes(reader.0.len())?.iter().map(u8::to_string);
            Label::text(format!("{name} id{id} rc=[{}]{told}", codes.collect::<Vec<_>>().join(",")))
        }
        "PINGREQ" | "PINGRESP" => Label::text(name),
        "DISCONNECT" | "AUTH" => Label::text(format!("{name}{}", outcome(&mut reader, five)?)),
        _ => {
            let id = reader.two_bytes()?;
            Label::text(format!("{name} id{id}{}", outcome(&mut reader, five)?))
        }
    };
    reader.end()?;
    if dup != 0 {
        label.tail.push_str(" d1");
    }
    Some(label)
}

/// A Reason Code and properties at the end of a packet; without both it is 0. MQTT 5.0 §3.4.2.1
fn outcome(reader: &mut Reader<'_>, five: bool) -> Option<String> {
    if !five || reader.0.is_empty() {
        return Some(String::new());
    }
    let code = reader.byte()?;
    let told = if reader.0.is_empty() { String::new() } else { properties::properties(reader)? };
    let code = if code == 0 { String::new() } else { format!(" rc={code}") };
    Some(code + &told)
}

/// MQTT 3.1.1 §3.3
fn publish(reader: &mut Reader<'_>, five: bool, flags: u8, body_len: usize, len: usize) -> Option<Label> {
    let (dup, qos, retain) = (flags >> 3, flags >> 1 & 3, flags & 1);
    (qos < 3).then_some(())?;
    let topic = reader.string()?;
    let id = if qos > 0 { format!(" id{}", reader.two_bytes()?) } else { String::new() };
    let told = if five { properties::properties(reader)? } else { String::new() };
    // Whoever hands over the whole packet in one piece has the payload behind the head.
    let payload = reader.0.len() + body_len;
    let dull = if dup == 0 && retain == 0 { " d0 r0" } else { "" };
    let telling = if dull.is_empty() { format!(" d{dup} r{retain}") } else { String::new() };
    Some(Label {
        head: format!("PUBLISH q{qos}{telling}"),
        dull,
        middle: format!("{id} t="),
        name: topic,
        tail: format!(" p={payload}{told} len={len}"),
    })
}

/// MQTT 3.1.1 §3.1, MQTT 3.1 §3.1
fn connect(reader: &mut Reader<'_>, len: usize) -> Option<Label> {
    let protocol = reader.string()?;
    let level = reader.byte()?;
    // Bridges of Mosquitto set the highest bit.
    let bridge = if level & 0x80 != 0 { " bridge" } else { "" };
    let five = level == 5;
    let version = match (protocol.as_str(), level & 0x7f) {
        ("MQTT", 4) => "",
        ("MQIsdp", 3) => " v3.1",
        ("MQTT", 5) => " v5.0",
        (_, _) => return None,
    };
    let flags = reader.byte()?;
    (flags & 1 == 0).then_some(())?;
    let keep_alive = reader.two_bytes()?;
    let told = if five { properties::properties(reader)? } else { String::new() };
    let client = reader.string()?;
    let mut tail = format!(" ka={keep_alive}");
    if flags & 0x02 != 0 {
        tail.push_str(" clean");
    }
    if flags & 0x04 != 0 {
        let of_will = if five { properties::properties(reader)? } else { String::new() };
        let topic = reader.string()?;
        let message = reader.two_bytes()?;
        reader.bytes(usize::from(message))?;
        let _ = write!(tail, " will(q{} r{} t={topic}{of_will})", flags >> 3 & 3, flags >> 5 & 1);
    }
    if flags & 0x80 != 0 {
        reader.string()?;
        tail.push_str(" user");
    }
    if flags & 0x40 != 0 {
        let password = reader.two_bytes()?;
        reader.bytes(usize::from(password))?;
        tail.push_str(" password");
    }
    let _ = write!(tail, "{told}{bridge} len={len}");
    Some(Label { head: format!("CONNECT{version} id="), dull: "", middle: String::new(), name: client, tail })
}

/// MQTT 3.1.1 §3.8, §3.10
fn filters(reader: &mut Reader<'_>, five: bool, name: &str) -> Option<Label> {
    let id = reader.two_bytes()?;
    let told = if five { properties::properties(reader)? } else { String::new() };
    let mut filters = Vec::new();
    while reader.end().is_none() {
        let mut filter = reader.string()?;
        if name == "SUBSCRIBE" {
            filter.push_str(&options(reader.byte()?, five));
        }
        filters.push(filter);
    }
    Some(Label {
        head: format!("{name} id{id} "),
        dull: "",
        middle: String::new(),
        name: filters.join(" "),
        tail: told,
    })
}

/// `:1`, or `:1nph2` with all options of MQTT 5.0. MQTT 5.0 §3.8.3.1
fn options(byte: u8, five: bool) -> String {
    if !five {
        return format!(":{byte}");
    }
    let mut told = format!(":{}", byte & 3);
    for (bit, letter) in [(4, 'n'), (8, 'p')] {
        if byte & bit != 0 {
            told.push(letter);
        }
    }
    if byte >> 4 != 0 {
        let _ = write!(told, "h{}", byte >> 4);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::sample;

    fn label(bytes: &[u8]) -> String {
        Label::of(bytes, 0).to_string()
    }

    #[test]
    fn packets_are_labelled_like_the_reference_captures() {
        for (bytes, expected) in [
            (sample::connect("pub"), "CONNECT id=pub ka=60 clean len=17"),
            (vec![0x20, 2, 0, 0], "CONNACK sp=0 rc=0"),
            (vec![0x20, 2, 1, 0], "CONNACK sp=1 rc=0"),
            (vec![0x20, 2, 0, 5], "CONNACK sp=0 rc=5"),
            (sample::subscribe("gt/t", 1), "SUBSCRIBE id1 gt/t:1"),
            (vec![0x90, 3, 0, 1, 1], "SUBACK id1 rc=[1]"),
            (vec![0x90, 4, 0, 1, 1, 128], "SUBACK id1 rc=[1,128]"),
            (vec![0xa2, 5, 0, 9, 0, 1, b'#'], "UNSUBSCRIBE id9 #"),
            (vec![0xb0, 2, 0, 9], "UNSUBACK id9"),
            (vec![0x40, 2, 0, 1], "PUBACK id1"),
            (vec![0x50, 2, 0, 1], "PUBREC id1"),
            (vec![0x62, 2, 0, 1], "PUBREL id1"),
            (vec![0x6a, 2, 0, 1], "PUBREL id1 d1"),
            (vec![0x70, 2, 255, 255], "PUBCOMP id65535"),
            (vec![0xc0, 0], "PINGREQ"),
            (vec![0xd0, 0], "PINGRESP"),
            (vec![0xe0, 0], "DISCONNECT"),
        ] {
            assert_eq!(label(&bytes), expected);
        }
    }

    #[test]
    fn a_publish_may_come_in_one_piece_or_with_its_payload_apart() {
        let (head, body) = sample::publish(1, "gt/t", 16);
        let expected = "PUBLISH q1 d0 r0 id1 t=gt/t p=16 len=26";
        assert_eq!(Label::of(&head, body.len()).to_string(), expected);
        let whole = [head, body].concat();
        assert_eq!(label(&whole), expected);
        let (head, _) = sample::publish(0, "gt/t", 0);
        assert_eq!(label(&head), "PUBLISH q0 d0 r0 t=gt/t p=0 len=8");
        let mut dup = whole;
        dup[0] |= 0x09;
        assert_eq!(label(&dup), "PUBLISH q1 d1 r1 id1 t=gt/t p=16 len=26");
    }

    #[test]
    fn a_connect_tells_its_will_and_its_version() {
        let mut bytes = vec![0x10, 0, 0, 4, b'M', b'Q', b'T', b'T', 4, 0b1110_1100, 0, 10, 0, 1, b'c'];
        bytes.extend([0, 1, b'w', 0, 2, 1, 2, 0, 1, b'u', 0, 1, b'p']);
        bytes[1] = bytes.len() as u8 - 2;
        assert_eq!(label(&bytes), "CONNECT id=c ka=10 will(q1 r1 t=w) user password len=28");
        let mut old = vec![0x10, 0, 0, 6];
        old.extend(b"MQIsdp");
        old.extend([3, 2, 0, 60, 0, 1, b'c']);
        old[1] = old.len() as u8 - 2;
        assert_eq!(label(&old), "CONNECT v3.1 id=c ka=60 clean len=17");
        let mut new = vec![0x10, 19, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60];
        new.extend([5, 0x11, 0, 0, 0, 9, 0, 1, b'c']);
        assert_eq!(label(&new), "CONNECT v5.0 id=c ka=60 clean session=9 len=21");
        assert_eq!(Label::version_of(&new), Some(Version::V5_0));
        assert_eq!(Label::version_of(&old), Some(Version::V3_1));
        assert_eq!(Label::version_of(&[0xc0, 0]), None);
    }

    #[test]
    fn garbage_is_malformed_and_never_more() {
        for (bytes, expected) in [
            (&[][..], "malformed len=0"),
            (&[0x00, 0], "malformed len=2"),
            (&[0xf0, 0], "malformed AUTH len=2"),
            (&[0x10], "malformed CONNECT len=1"),
            (&[0x36, 2, 0, 0], "malformed PUBLISH len=4"),
            (&[0x82, 3, 0, 1, 0], "malformed SUBSCRIBE len=5"),
            (&[0x60, 2, 0, 1], "malformed PUBREL len=4"),
            (&[0xc0, 1, 0], "malformed PINGREQ len=3"),
            (&[0xc0, 0x80, 0x80, 0x80, 0x80, 0], "malformed PINGREQ len=6"),
        ] {
            assert_eq!(label(bytes), expected);
        }
    }

    #[test]
    fn packets_of_version_5_tell_reasons_properties_and_options() {
        let label = |bytes: &[u8]| Label::in_version(Version::V5_0, bytes, 0).to_string();
        for (bytes, expected) in [
            (
                &[0x20, 9, 0, 0, 6, 0x22, 0, 10, 0x21, 0, 20][..],
                "CONNACK sp=0 rc=0 alias-max=10 receive-max=20",
            ),
            (&[0x82, 9, 0, 1, 2, 0x0b, 7, 0, 1, b'#', 0x2d], "SUBSCRIBE id1 #:1nph2 sub=7"),
            (&[0x90, 5, 0, 1, 0, 1, 135], "SUBACK id1 rc=[1,135]"),
            (&[0xb0, 4, 0, 9, 0, 17], "UNSUBACK id9 rc=[17]"),
            (&[0x40, 3, 0, 1, 16], "PUBACK id1 rc=16"),
            (&[0x40, 2, 0, 1], "PUBACK id1"),
            (&[0xe0, 1, 142], "DISCONNECT rc=142"),
            (&[0xe0, 0], "DISCONNECT"),
            (&[0x32, 10, 0, 0, 0, 3, 3, 0x23, 0, 1, 7, 7], "PUBLISH q1 d0 r0 id3 t= p=2 alias=1 len=12"),
            (&[0x30, 9, 0, 1, b't', 5, 2, 0, 0, 0, 5], "PUBLISH q0 d0 r0 t=t p=0 expires=5 len=11"),
            (&[0xf0, 0], "AUTH"),
            (&[0x40, 3, 0, 1, 16, 0], "malformed PUBACK len=6"),
        ] {
            assert_eq!(label(bytes), expected);
        }
    }

    /// Every prefix and every single-byte change of every kind of packet: none may panic, and none
    /// may put a control character into the chart.
    #[test]
    fn damaged_packets_never_panic() {
        let (mut publish, body) = sample::publish(2, "a/b", 5);
        publish.extend(body);
        let subscribe = sample::subscribe("a/+", 2);
        for packet in
            [sample::connect("pub"), publish, subscribe, vec![0x90, 3, 0, 1, 1], vec![0x20, 2, 0, 0]]
        {
            for end in 0..packet.len() {
                assert!(label(&packet[..end]).starts_with("malformed"));
            }
            for place in 0..packet.len() {
                for value in 0..=255 {
                    let mut damaged = packet.clone();
                    damaged[place] = value;
                    assert!(!label(&damaged).contains(char::is_control));
                }
            }
        }
    }

    #[test]
    fn a_label_is_shortened_where_it_hurts_least() {
        let (head, _) = sample::publish(1, "house/kitchen/camera", 0);
        let label = Label::of(&head, 0);
        for (room, expected) in [
            (80, "PUBLISH q1 d0 r0 id1 t=house/kitchen/camera p=0 len=26"),
            (54, "PUBLISH q1 d0 r0 id1 t=house/kitchen/camera p=0 len=26"),
            (53, "PUBLISH q1 id1 t=house/kitchen/camera p=0 len=26"),
            (46, "PUBLISH q1 id1 t=..e/kitchen/camera p=0 len=26"),
            (34, "PUBLISH q1 id1 t=..mera p=0 len=26"),
            (33, "PUBLISH q1 id1 t=house/kitchen/.."),
            (1, "."),
            (0, ""),
        ] {
            assert_eq!(label.fit(room), expected, "{room}");
            assert!(label.fit(room).chars().count() <= room);
        }
    }
}
