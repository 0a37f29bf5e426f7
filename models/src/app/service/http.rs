//! As much of HTTP/1.1 as one call needs: heads in real bytes, and where a message ends.
//!
//! Bodies have a Content-Length; there are no chunks, no trailers, no further messages on a connection.

/// Longest head that is read.
const LONGEST_HEAD: usize = 8_192;

/// The head of a POST with a body of `length` bytes. RFC 9112 §3
#[must_use]
pub(in crate::app) fn request(host: &str, path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: \
         {length}\r\nConnection: close\r\n\r\n"
    )
}

/// The head of an answer with a body of `length` bytes. RFC 9112 §4
#[must_use]
pub(in crate::app) fn answer(length: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: \
         close\r\n\r\n"
    )
}

/// A message that is coming in.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct Incoming {
    head: Vec<u8>,
    /// Bytes of the body that are still to come, once the head was read.
    left: Option<u64>,
}

/// What cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::app) struct Unreadable;

impl Incoming {
    /// Takes bytes; returns whether the message is complete.
    pub(in crate::app) fn take(&mut self, bytes: &[u8]) -> Result<bool, Unreadable> {
        let mut body = bytes.len() as u64;
        if self.left.is_none() {
            let seen = self.head.len();
            self.head.extend_from_slice(&bytes[..bytes.len().min(LONGEST_HEAD)]);
            // RFC 9112 §2.1: the head ends with an empty line.
            match self.head.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => {
                    body -= (end + 4 - seen) as u64;
                    self.head.truncate(end);
                    self.left = Some(content_length(&self.head).ok_or(Unreadable)?);
                }
                None if self.head.len() >= LONGEST_HEAD => return Err(Unreadable),
                None => return Ok(false),
            }
        }
        // What comes behind the end is nobody's.
        let left = self.left.insert(self.left.unwrap_or(0).saturating_sub(body));
        Ok(*left == 0)
    }
}

// RFC 9110 §8.6; names of fields know no case, §5.1.
fn content_length(head: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(head).ok()?;
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    text.split("\r\n").skip(1).find_map(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_where_its_head_says_however_it_is_cut() {
        let mut whole = request("vision.example", "/v1/images:annotate", 10).into_bytes();
        whole.extend_from_slice(b"0123456789");
        for cut in 0..whole.len() {
            let mut incoming = Incoming::default();
            assert_eq!(incoming.take(&whole[..cut]), Ok(false), "{cut}");
            assert_eq!(incoming.take(&whole[cut..]), Ok(true), "{cut}");
        }
        let mut empty = Incoming::default();
        assert_eq!(empty.take(answer(0).as_bytes()), Ok(true));
    }

    #[test]
    fn a_head_without_an_end_or_a_length_is_refused() {
        assert_eq!(Incoming::default().take(&[b'x'; 9_000]), Err(Unreadable));
        assert_eq!(Incoming::default().take(b"GET / HTTP/1.1\r\n\r\n"), Err(Unreadable));
        assert_eq!(
            Incoming::default().take(b"POST / HTTP/1.1\r\ncontent-length: much\r\n\r\n"),
            Err(Unreadable)
        );
    }
}
