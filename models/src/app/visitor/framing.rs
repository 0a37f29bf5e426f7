//! Where control packets begin and end in a stream of bytes that is only passed on.

use std::ops::Range;

/// A part of the stream that belongs to one control packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Where it stands in the bytes looked at.
    pub range: Range<usize>,
    /// Whether the packet begins with it.
    pub first: bool,
    /// Whether the packet ends with it.
    pub last: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before the first byte of a packet.
    Between,
    /// In the Remaining Length, of which so much was read.
    Length { bytes: u8, value: u32 },
    /// So many bytes of the packet are to come.
    Body(u32),
    /// Not MQTT: boundaries have no meaning any more.
    Lost,
}

/// The fixed headers of one direction of one connection, whatever pieces they come in.
/// MQTT 3.1.1 §2.2
#[derive(Clone, Debug)]
pub struct Framing(State);

impl Framing {
    /// Before the first packet of a connection.
    #[must_use]
    pub const fn new() -> Self {
        Framing(State::Between)
    }

    /// The next piece of `bytes` from `start` on; `None` at their end.
    pub fn next(&mut self, bytes: &[u8], start: usize) -> Option<Piece> {
        let first = self.0 == State::Between;
        let mut at = start;
        while at < bytes.len() {
            match self.0 {
                State::Between => {
                    self.0 = State::Length { bytes: 0, value: 0 };
                    at += 1;
                }
                State::Length { bytes: 4, .. } | State::Lost => {
                    self.0 = State::Lost;
                    at = bytes.len();
                }
                State::Length { bytes: before, value } => {
                    let value = value | u32::from(bytes[at] & 0x7F) << (7 * before);
                    let more = bytes[at] & 0x80 != 0;
                    self.0 =
                        if more { State::Length { bytes: before + 1, value } } else { State::Body(value) };
                    at += 1;
                }
                State::Body(left) => {
                    let taken = (bytes.len() - at).min(left as usize);
                    self.0 = State::Body(left - taken as u32);
                    at += taken;
                }
            }
            if self.0 == State::Body(0) {
                self.0 = State::Between;
                return Some(Piece { range: start..at, first, last: true });
            }
        }
        (at > start).then_some(Piece { range: start..at, first, last: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(framing: &mut Framing, bytes: &[u8]) -> Vec<(usize, bool, bool)> {
        let mut found = Vec::new();
        let mut start = 0;
        while let Some(piece) = framing.next(bytes, start) {
            assert_eq!(piece.range.start, start);
            start = piece.range.end;
            found.push((start, piece.first, piece.last));
        }
        assert_eq!(start, bytes.len(), "every byte belongs to a piece");
        found
    }

    #[test]
    fn packets_are_found_in_whatever_pieces_they_come() {
        let two = [&[0xC0, 0, 0x30, 0x82, 0x01][..], &[7; 130], &[0xE0, 0]].concat();
        let whole = pieces(&mut Framing::new(), &two);
        assert_eq!(whole, [(2, true, true), (135, true, true), (137, true, true)]);
        for cut in 1..two.len() {
            let mut framing = Framing::new();
            let (left, right) = two.split_at(cut);
            let found = [pieces(&mut framing, left), pieces(&mut framing, right)].concat();
            assert_eq!(found.iter().filter(|(_, first, _)| *first).count(), 3, "cut at {cut}");
            assert_eq!(found.iter().filter(|(_, _, last)| *last).count(), 3, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_mqtt_passes_in_one_piece() {
        let mut framing = Framing::new();
        assert_eq!(pieces(&mut framing, &[0xFF; 64]), [(64, true, false)]);
        assert_eq!(pieces(&mut framing, &[0; 3]), [(3, false, false)]);
    }
}
