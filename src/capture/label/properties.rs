//! The properties of MQTT 5.0 in a few characters each, behind the rest of a label.

use std::fmt::Write;

use super::Reader;

/// How a property's value is written. MQTT 5.0 §2.2.2.2
enum Value {
    Byte,
    TwoBytes,
    FourBytes,
    Variable,
    Text,
    Data,
    Pair,
}

/// Identifier, short name, and form. MQTT 5.0 table 2-4
const PROPERTIES: [(u8, &str, Value); 27] = [
    (0x01, "utf8", Value::Byte),
    (0x02, "expires", Value::FourBytes),
    (0x03, "type", Value::Text),
    (0x08, "reply-to", Value::Text),
    (0x09, "correlation", Value::Data),
    (0x0b, "sub", Value::Variable),
    (0x11, "session", Value::FourBytes),
    (0x12, "assigned", Value::Text),
    (0x13, "ka", Value::TwoBytes),
    (0x15, "method", Value::Text),
    (0x16, "auth", Value::Data),
    (0x17, "problems", Value::Byte),
    (0x18, "delay", Value::FourBytes),
    (0x19, "responses", Value::Byte),
    (0x1a, "response", Value::Text),
    (0x1c, "server", Value::Text),
    (0x1f, "reason", Value::Text),
    (0x21, "receive-max", Value::TwoBytes),
    (0x22, "alias-max", Value::TwoBytes),
    (0x23, "alias", Value::TwoBytes),
    (0x24, "qos-max", Value::Byte),
    (0x25, "retains", Value::Byte),
    (0x26, "user", Value::Pair),
    (0x27, "packet-max", Value::FourBytes),
    (0x28, "wildcards", Value::Byte),
    (0x29, "sub-ids", Value::Byte),
    (0x2a, "shares", Value::Byte),
];

/// The properties that come next, each with a blank in front: ` expires=5 alias=1`.
pub(super) fn properties(reader: &mut Reader<'_>) -> Option<String> {
    let length = reader.remaining_length()?;
    let mut reader = Reader(reader.bytes(length)?);
    let mut told = String::new();
    while reader.end().is_none() {
        let identifier = reader.byte()?;
        let (_, name, value) = PROPERTIES.iter().find(|(known, _, _)| *known == identifier)?;
        let _ = match value {
            Value::Byte => write!(told, " {name}={}", reader.byte()?),
            Value::TwoBytes => write!(told, " {name}={}", reader.two_bytes()?),
            Value::FourBytes => {
                let number = u32::from(reader.two_bytes()?) << 16 | u32::from(reader.two_bytes()?);
                write!(told, " {name}={number}")
            }
            Value::Variable => write!(told, " {name}={}", reader.remaining_length()?),
            Value::Text => write!(told, " {name}={}", reader.string()?),
            Value::Data => {
                let length = reader.two_bytes()?;
                reader.bytes(usize::from(length))?;
                write!(told, " {name}({length} B)")
            }
            Value::Pair => write!(told, " {name}({}={})", reader.string()?, reader.string()?),
        };
    }
    Some(told)
}
