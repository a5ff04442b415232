//! Lines of a head or of trailers: where the section ends, and that its lines are lines.
//!
//! Stricter than a reader must be (RFC 9112 section 2.2): a line ends in CRLF and in nothing else, and
//! none is the continuation of the one before it. What two readers would take apart differently
//! does not reach the parser.

/// Looks for the empty line that ends a section, in bytes that arrive in pieces.
#[derive(Debug, Default)]
pub(super) struct SectionEnd {
    /// Where the line begins that has no end yet.
    line: usize,
    /// Up to where no line feed was found in it.
    searched: usize,
}

/// A line that does not end in CRLF, has a CR within, or continues another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line with a bare CR or LF, or one that is folded")]
pub(super) struct LineBroken;

impl SectionEnd {
    /// The length of the section with its empty line; none as long as that is not there. `bytes`
    /// begins where it began before, and only grows.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, LineBroken> {
        loop {
            let unseen = bytes.get(self.searched..).unwrap_or_default();
            let Some(found) = unseen.iter().position(|byte| *byte == b'\n') else {
                self.searched = bytes.len();
                return Ok(None);
            };
            let end = self.searched + found + 1;
            let line = bytes.get(self.line..end).and_then(|line| line.strip_suffix(b"\r\n"));
            let line = line.ok_or(LineBroken)?;
            if line.is_empty() {
                return Ok(Some(end));
            }
            if line.starts_with(b" ") || line.starts_with(b"\t") || line.contains(&b'\r') {
                return Err(LineBroken);
            }
            self.line = end;
            self.searched = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_however_the_bytes_arrive() {
        let section = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\n";
        assert_eq!(SectionEnd::default().find(section), Ok(Some(25)));
        let mut end = SectionEnd::default();
        for length in 0..25 {
            assert_eq!(end.find(&section[..length]), Ok(None), "{length}");
        }
        assert_eq!(end.find(section), Ok(Some(25)));
        assert_eq!(SectionEnd::default().find(b"\r\nbody"), Ok(Some(2)));
    }

    #[test]
    fn lines_that_are_none() {
        for section in [
            "A: b\n\r\n",
            "A: b\r\n c\r\n\r\n",
            "A: b\r\n\tc\r\n\r\n",
            "A: b\rc\r\n\r\n",
            " A\r\n",
            "\n",
        ] {
            assert_eq!(
                SectionEnd::default().find(section.as_bytes()),
                Err(LineBroken),
                "{section:?}"
            );
        }
    }
}
