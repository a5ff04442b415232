//! The chunked coding (RFC 9112 section 7.1), read off a buffer.

use bytes::{Buf, Bytes, BytesMut};

use super::lines::{LineBroken, SectionEnd};

/// Longest line that states a chunk's size, extensions included.
const MAX_SIZE_LINE: usize = 4 * 1024;

/// Most bytes of trailers, in which we believe nothing.
const MAX_TRAILERS: usize = 16 * 1024;

/// Where in the coding the next byte is.
#[derive(Debug)]
pub(super) struct Chunked(State);

#[derive(Debug)]
enum State {
    Size,
    Data(u64),
    /// The CRLF after the data.
    DataEnd,
    Trailers(SectionEnd),
    End,
}

/// What comes next out of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// Bytes of the body, never none.
    Data(Bytes),
    /// The body is whole; what the buffer still holds is not of it.
    End,
    /// Nothing before more has arrived.
    More,
}

/// Why bytes are no chunks we believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChunkRejection {
    #[error("a chunk is longer or shorter than its size")]
    DataEnd,
    #[error(transparent)]
    Line(#[from] LineBroken),
    #[error("the size of a chunk is malformed")]
    Size,
    #[error("more than {MAX_TRAILERS} bytes of trailers")]
    TrailersTooLarge,
}

impl Chunked {
    pub(super) const fn new() -> Self {
        Self(State::Size)
    }

    /// Takes the next bytes of the body off the front of what has arrived.
    pub(super) fn decode(&mut self, arrived: &mut BytesMut) -> Result<Decoded, ChunkRejection> {
        loop {
            match &mut self.0 {
                State::Size => {
                    let Some(size) = take_size(arrived)? else { return Ok(Decoded::More) };
                    self.0 = match size {
                        0 => State::Trailers(SectionEnd::default()),
                        size => State::Data(size),
                    };
                }
                State::Data(left) => {
                    if arrived.is_empty() {
                        return Ok(Decoded::More);
                    }
                    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(arrived.len());
                    *left = left.saturating_sub(length as u64);
                    if *left == 0 {
                        self.0 = State::DataEnd;
                    }
                    return Ok(Decoded::Data(arrived.split_to(length).freeze()));
                }
                State::DataEnd => {
                    let end = b"\r\n";
                    if !arrived.starts_with(end) {
                        let may_come = end.starts_with(arrived);
                        return if may_come {
                            Ok(Decoded::More)
                        } else {
                            Err(ChunkRejection::DataEnd)
                        };
                    }
                    arrived.advance(end.len());
                    self.0 = State::Size;
                }
                State::Trailers(end) => {
                    let end = end.find(arrived)?;
                    if end.unwrap_or(arrived.len()) > MAX_TRAILERS {
                        return Err(ChunkRejection::TrailersTooLarge);
                    }
                    let Some(end) = end else { return Ok(Decoded::More) };
                    arrived.advance(end);
                    self.0 = State::End;
                }
                State::End => return Ok(Decoded::End),
            }
        }
    }
}

/// The size off the front of the buffer, with its line; none as long as that is not whole.
fn take_size(arrived: &mut BytesMut) -> Result<Option<u64>, ChunkRejection> {
    let Some(end) = arrived.iter().take(MAX_SIZE_LINE).position(|byte| *byte == b'\n') else {
        let too_long = arrived.len() >= MAX_SIZE_LINE;
        return if too_long { Err(ChunkRejection::Size) } else { Ok(None) };
    };
    let line = arrived.get(..=end).unwrap_or_default();
    let text = line.strip_suffix(b"\r\n").ok_or(LineBroken)?;
    // The parser takes a line without a digit for size 0, and any byte in an extension.
    if !text.first().is_some_and(u8::is_ascii_hexdigit) || text.contains(&b'\r') {
        return Err(ChunkRejection::Size);
    }
    let Ok(httparse::Status::Complete((length, size))) = httparse::parse_chunk_size(line) else {
        return Err(ChunkRejection::Size);
    };
    if length != line.len() {
        return Err(ChunkRejection::Size);
    }
    arrived.advance(length);
    Ok(Some(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body, and what is left behind it.
    type Whole = (Vec<u8>, Vec<u8>);

    fn decode(pieces: &[&[u8]]) -> Result<Option<Whole>, ChunkRejection> {
        let (mut chunked, mut arrived, mut body) = (Chunked::new(), BytesMut::new(), Vec::new());
        for piece in pieces {
            arrived.extend_from_slice(piece);
            loop {
                match chunked.decode(&mut arrived)? {
                    Decoded::Data(bytes) => body.extend_from_slice(&bytes),
                    Decoded::End => return Ok(Some((body, arrived.to_vec()))),
                    Decoded::More => break,
                }
            }
        }
        Ok(None)
    }

    #[test]
    fn bodies_are_the_same_however_they_arrive() {
        let text = b"4\r\n0123\r\n00000a;x=\"y\"\r\n456789abcd\r\n0\r\nA: b\r\n\r\nHTTP/1.1";
        let whole = decode(&[text]).unwrap().unwrap();
        assert_eq!(whole, (b"0123456789abcd".to_vec(), b"HTTP/1.1".to_vec()));
        for at in 0..text.len() {
            let (one, other) = text.split_at(at);
            let (body, _) = decode(&[one, other]).unwrap().unwrap();
            assert_eq!(body, whole.0, "{at}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(decode(&bytes).unwrap().unwrap().0, whole.0);
        for end in 0..text.len() - b"HTTP/1.1".len() {
            assert_eq!(decode(&[&text[..end]]).unwrap(), None, "{end}");
        }
    }

    #[test]
    fn what_is_no_chunk() {
        let line = [&b"1;"[..], &[b'x'; MAX_SIZE_LINE]].concat();
        let trailers = [&b"0\r\nA: "[..], &[b'x'; MAX_TRAILERS]].concat();
        for text in [
            &b"\r\n"[..],
            b"zz\r\n",
            b" 4\r\n0123\r\n",
            b"+4\r\n0123\r\n",
            b"0x4\r\n",
            b"4 4\r\n",
            b"4\n0123",
            b"4;a\nb\r\n0123",
            b"4;a\rb\r\n0123",
            b"11112222333344445\r\n",
            b"4\r\n0123x",
            b"4\r\n0123\n0\r\n\r\n",
            b"4\r\n01234\r\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\n a\r\n\r\n",
            &line,
            &trailers,
        ] {
            assert!(decode(&[text]).is_err(), "{:?}", String::from_utf8_lossy(text));
        }
    }
}
