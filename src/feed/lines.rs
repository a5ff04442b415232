//! From bytes, cut anywhere, to lines.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use super::frame::MAX_LINE;

/// Bytes that have come and are no whole line yet.
#[derive(Debug, Default)]
pub struct LineBuffer {
    bytes: BytesMut,
    /// Of them, those in which there is no line's end.
    searched: usize,
}

/// More bytes than a line has, and no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of the feed is longer than {MAX_LINE} bytes")]
pub struct LineTooLong;

impl LineBuffer {
    /// More has come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, with its end.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, LineTooLong> {
        let unseen = self.bytes.get(self.searched..).unwrap_or_default();
        let Some(end) = memchr(b'\n', unseen) else {
            self.searched = self.bytes.len();
            return if self.searched > MAX_LINE { Err(LineTooLong) } else { Ok(None) };
        };
        let line = self.bytes.split_to(self.searched + end + 1).freeze();
        self.searched = 0;
        if line.len() > MAX_LINE { Err(LineTooLong) } else { Ok(Some(line)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_wherever_they_are_cut() {
        let text = b"one\n\ntwo\nthr";
        for size in 1..text.len() {
            let mut buffer = LineBuffer::default();
            let mut lines = Vec::new();
            for piece in text.chunks(size) {
                buffer.push(piece);
                while let Some(line) = buffer.next_line().unwrap() {
                    lines.push(line);
                }
            }
            assert_eq!(lines, ["one\n", "\n", "two\n"], "{size}");
        }
    }

    #[test]
    fn a_line_has_an_end() {
        let mut buffer = LineBuffer::default();
        buffer.push(&vec![b'x'; MAX_LINE - 1]);
        assert_eq!(buffer.next_line(), Ok(None));
        buffer.push(b"\n");
        assert_eq!(buffer.next_line().unwrap().unwrap().len(), MAX_LINE);
        buffer.push(&vec![b'x'; MAX_LINE]);
        assert_eq!(buffer.next_line(), Ok(None));
        buffer.push(b"x");
        assert_eq!(buffer.next_line(), Err(LineTooLong));
        let mut buffer = LineBuffer::default();
        buffer.push(&vec![b'x'; MAX_LINE]);
        buffer.push(b"\n");
        assert_eq!(buffer.next_line(), Err(LineTooLong));
    }
}
