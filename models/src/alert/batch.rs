//! Many readings in one payload: what a gateway sends instead of a message for each.
//!
//! **Models** a small delta encoding, byte for byte. Readings of one sensor stand together; instants are whole
//! seconds, and each instant and each value is the difference from the one before, as a variable-length
//! integer of seven bits a byte. A reading that follows another of its sensor by less than 64 steps of its
//! value takes two bytes within a minute, three within some hours; as a message of its own it takes a topic of
//! a hundred bytes and a text of a dozen.
//!
//! ```text
//! format (1)  first instant in s  number of nodes
//!   per node:    length of its name, name, number of sensors
//!   per sensor:  code, number of readings
//!   per reading: seconds since the reading before (the first: since the first instant),
//!                value less the value before (the first: less 0), zigzag
//! ```
//!
//! [`Form::Lines`] is the same without compression: a line of text for each reading. The authors' plan names
//! compression at level 1 and no method, so there is nothing to compare with but this.
//!
//! **Leaves out** what the texts repeat and the database keeps: data type and range of a sensor, known from
//! its code.

use std::fmt::Write as _;

use super::message::{Reading, Sensor};

/// How the readings of a batch are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum Form {
    /// Differences, as above.
    Deltas,
    /// A line `node/sensor,seconds,value` for each.
    Lines,
}

/// A reading with its node and its instant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Sample {
    /// Name of the node.
    pub node: String,
    /// What was measured with.
    pub sensor: Sensor,
    /// When, in whole seconds from the start of the run.
    pub at_s: u64,
    /// What was measured, in the sensor's unit.
    pub value: i32,
}

impl Sample {
    /// The reading without its node and instant.
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading::new(self.sensor, self.value)
    }
}

/// Why a payload is no batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// It ends too early.
    Short,
    /// It begins with the number of another format.
    Format,
    /// A number or a code that there is not, or a name that is no text.
    Value,
    /// Bytes behind the end.
    Long,
}

const FORMAT: u8 = 1;

/// Writes samples, which it sorts by node, sensor and instant.
#[must_use]
pub fn encode(form: Form, samples: &mut [Sample]) -> Vec<u8> {
    // The sort is stable: two readings of one second stay in their order.
    samples.sort_by(|a, b| (&a.node, a.sensor, a.at_s).cmp(&(&b.node, b.sensor, b.at_s)));
    match form {
        Form::Deltas => deltas(samples),
        Form::Lines => {
            let mut text = String::new();
            for Sample { node, sensor, at_s, value } in samples {
                let _ = writeln!(text, "{node}/{},{at_s},{value}", sensor.data_name());
            }
            text.into_bytes()
        }
    }
}

fn deltas(samples: &[Sample]) -> Vec<u8> {
    let first_s = samples.iter().map(|sample| sample.at_s).min().unwrap_or(0);
    let nodes = || samples.chunk_by(|a, b| a.node == b.node);
    let mut out = vec![FORMAT];
    write(&mut out, first_s);
    write(&mut out, nodes().count() as u64);
    for of_node in nodes() {
        let sensors = || of_node.chunk_by(|a, b| a.sensor == b.sensor);
        write(&mut out, of_node[0].node.len() as u64);
        out.extend_from_slice(of_node[0].node.as_bytes());
        write(&mut out, sensors().count() as u64);
        for of_sensor in sensors() {
            out.push(of_sensor[0].sensor as u8);
            write(&mut out, of_sensor.len() as u64);
            let (mut at_s, mut value) = (first_s, 0_i64);
            for sample in of_sensor {
                write(&mut out, sample.at_s - at_s);
                write(&mut out, zigzag(i64::from(sample.value) - value));
                (at_s, value) = (sample.at_s, i64::from(sample.value));
            }
        }
    }
    out
}

/// Reads a batch of either form.
///
/// # Errors
///
/// What is wrong with it first.
pub fn decode(bytes: &[u8]) -> Result<Vec<Sample>, Malformed> {
    match bytes.first() {
        None => Err(Malformed::Short),
        Some(&FORMAT) => Reader { bytes: &bytes[1..] }.batch(),
        // A node's name begins with a character that can be seen.
        Some(first) if *first > b' ' => lines(bytes),
        Some(_) => Err(Malformed::Format),
    }
}

fn lines(bytes: &[u8]) -> Result<Vec<Sample>, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Value)?;
    let sample = |line: &str| {
        let (topic, rest) = line.split_once(',')?;
        let (node, name) = topic.split_once('/')?;
        let (at, value) = rest.split_once(',')?;
        let sensor = Sensor::named(name)?;
        Some(Sample { node: node.to_owned(), sensor, at_s: at.parse().ok()?, value: value.parse().ok()? })
    };
    text.lines().map(|line| sample(line).ok_or(Malformed::Value)).collect()
}

fn write(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

const fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn batch(&mut self) -> Result<Vec<Sample>, Malformed> {
        let mut samples = Vec::new();
        let first_s = self.number()?;
        for _ in 0..self.number()? {
            let length = usize::try_from(self.number()?).map_err(|_| Malformed::Short)?;
            let node = std::str::from_utf8(self.take(length)?).map_err(|_| Malformed::Value)?;
            for _ in 0..self.number()? {
                let sensor = Sensor::coded(self.take(1)?[0]).ok_or(Malformed::Value)?;
                let (mut at_s, mut value) = (first_s, 0_i64);
                for _ in 0..self.number()? {
                    at_s = at_s.checked_add(self.number()?).ok_or(Malformed::Value)?;
                    value = value.checked_add(unzigzag(self.number()?)).ok_or(Malformed::Value)?;
                    let value = i32::try_from(value).map_err(|_| Malformed::Value)?;
                    samples.push(Sample { node: node.to_owned(), sensor, at_s, value });
                }
            }
        }
        if self.bytes.is_empty() { Ok(samples) } else { Err(Malformed::Long) }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(Malformed::Short)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed::Value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(node: &str, sensor: Sensor, at_s: u64, value: i32) -> Sample {
        Sample { node: node.to_owned(), sensor, at_s, value }
    }

    /// Twenty readings of two nodes: 9 + 4 bytes that are there once, and 2 to 3 a reading.
    #[test]
    fn bytes_are_counted_as_the_page_says() {
        let mut samples = Vec::new();
        for minute in 0..10_u64 {
            samples.push(sample("CN1", Sensor::Temperature, 60 * minute, 20 + minute as i32 % 2));
            samples.push(sample("CN2", Sensor::Humidity, 60 * minute + 5, 45));
        }
        let bytes = encode(Form::Deltas, &mut samples);
        // Format, instant, nodes; then for each node a name of three, a sensor, and ten pairs of one byte each.
        assert_eq!(bytes.len(), 3 + 2 * (1 + 3 + 1 + 2 + 10 * 2));
        assert_eq!(&bytes[..13], [1, 0, 2, 3, b'C', b'N', b'1', 1, 1, 10, 0, 40, 60]);
        let lines = encode(Form::Lines, &mut samples);
        assert!(lines.starts_with(b"CN1/indoorTemperatureSensor,0,20\n"));
        assert!(lines.len() > 10 * bytes.len(), "{} {}", lines.len(), bytes.len());
    }

    #[test]
    fn what_is_no_batch_is_told() {
        let mut one = [sample("CN1", Sensor::Flame, 7, 60)];
        let bytes = encode(Form::Deltas, &mut one);
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), Err(Malformed::Short), "{length}");
        }
        assert_eq!(decode(&[&bytes[..], &[0]].concat()), Err(Malformed::Long));
        assert_eq!(decode(&[2]), Err(Malformed::Format));
        assert_eq!(decode(b"CN1/thermometer,1,2"), Err(Malformed::Value));
        let code = bytes.len() - 4;
        let mut wrong = bytes.clone();
        wrong[code] = 9;
        assert_eq!(decode(&wrong), Err(Malformed::Value));
    }

    fn any_sample() -> impl Strategy<Value = Sample> {
        let sensor = prop::sample::select(Sensor::ALL.to_vec());
        ("[A-Z][a-z0-9]{0,6}", sensor, 0..1_000_000_u64, any::<i32>())
            .prop_map(|(node, sensor, at_s, value)| Sample { node, sensor, at_s, value })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(mut samples in prop::collection::vec(any_sample(), 1..40)) {
            for form in [Form::Deltas, Form::Lines] {
                let bytes = encode(form, &mut samples);
                prop_assert_eq!(decode(&bytes), Ok(samples.clone()));
            }
        }

        #[test]
        fn any_bytes_are_an_outcome(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&[&[FORMAT], &bytes[..]].concat());
            let _ = decode(&bytes);
        }
    }
}
