//! What is known of a file: its length, and the places of it that were read.

use bytes::Bytes;

use super::refusal::Refusal;

/// The most times that bytes of one file are asked for.
pub const MOST_ASKS: usize = 64;

/// The most bytes of one file that are asked for.
pub const MOST_FED: u64 = 1 << 20;

/// Asked for at least, where the file has them: headers stand close to each other.
const READ_AHEAD: u64 = 4 << 10;

/// Where bytes are, and how many: never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub offset: u64,
    /// The number of bytes.
    pub length: u64,
}

/// Why reading goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// These bytes are to be fed first.
    Need(Span),
    /// For good.
    Refused(Refusal),
}

impl From<Refusal> for Pause {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What is known of a file. To be kept beside the file's other metadata as long as its bytes are
/// the same ones: with these excerpts, every further plan for it asks for nothing.
#[derive(Clone, Debug)]
pub struct Excerpts {
    length: u64,
    parts: Vec<(u64, Bytes)>,
    fed: u64,
}

impl Excerpts {
    /// Of a file of that many bytes, nothing yet.
    pub fn of(length: u64) -> Self {
        Self { length, parts: Vec::new(), fed: 0 }
    }

    /// Adds what the file has at that place.
    pub fn feed(&mut self, offset: u64, bytes: Bytes) {
        self.fed = self.fed.saturating_add(bytes.len() as u64);
        self.parts.push((offset, bytes));
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How often it was fed.
    pub fn asks(&self) -> usize {
        self.parts.len()
    }

    /// Bytes that it was fed, and holds.
    pub fn fed(&self) -> u64 {
        self.fed
    }

    /// These bytes of the file, where it was fed them in one piece.
    pub fn held(&self, span: Span) -> Option<Bytes> {
        let end = span.offset.checked_add(span.length)?;
        self.parts.iter().find_map(|(at, bytes)| {
            let first = usize::try_from(span.offset.checked_sub(*at)?).ok()?;
            let past = usize::try_from(end.checked_sub(*at)?).ok()?;
            (first <= past && past <= bytes.len()).then(|| bytes.slice(first..past))
        })
    }

    /// These bytes of the file.
    pub(super) fn bytes(&self, offset: u64, length: u64) -> Result<&[u8], Pause> {
        let end = offset.checked_add(length).filter(|end| *end <= self.length);
        let end = end.ok_or(Refusal::Truncated)?;
        if length == 0 {
            return Ok(&[]);
        }
        match self.known(offset, end) {
            Some(bytes) => Ok(bytes),
            None => Err(self.ask(offset, length)),
        }
    }

    /// The `N` bytes there.
    pub(super) fn array<const N: usize>(&self, offset: u64) -> Result<[u8; N], Pause> {
        let bytes = self.bytes(offset, N as u64)?;
        Ok(*bytes.first_chunk().ok_or(Refusal::Truncated)?)
    }

    /// That many bytes there, or those up to the end of the file.
    pub(super) fn up_to(&self, offset: u64, most: u64) -> Result<&[u8], Pause> {
        self.bytes(offset, most.min(self.length.saturating_sub(offset)))
    }

    /// The last bytes, and where they begin.
    pub(super) fn tail(&self, most: u64) -> Result<(u64, &[u8]), Pause> {
        let offset = self.length.saturating_sub(most);
        Ok((offset, self.up_to(offset, most)?))
    }

    fn known(&self, offset: u64, end: u64) -> Option<&[u8]> {
        self.parts.iter().find_map(|(at, bytes)| {
            let first = usize::try_from(offset.checked_sub(*at)?).ok()?;
            let past = usize::try_from(end.checked_sub(*at)?).ok()?;
            bytes.get(first..past)
        })
    }

    fn ask(&self, offset: u64, length: u64) -> Pause {
        let length = length.max(READ_AHEAD).min(self.length.saturating_sub(offset));
        if self.parts.len() >= MOST_ASKS || self.fed.saturating_add(length) > MOST_FED {
            return Pause::Refused(Refusal::Scattered);
        }
        Pause::Need(Span { offset, length })
    }
}

/// The sum, as a place in a file; a larger one than any file has is nonsense.
pub(super) fn past(offset: u64, by: u64) -> Result<u64, Refusal> {
    offset.checked_add(by).ok_or(Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_asked_for_once() {
        let mut file = Excerpts::of(10_000);
        assert_eq!(file.bytes(5, 3), Err(Pause::Need(Span { offset: 5, length: 4096 })));
        assert_eq!(file.bytes(9_998, 2), Err(Pause::Need(Span { offset: 9_998, length: 2 })));
        file.feed(5, Bytes::from(vec![7; 4096]));
        assert_eq!(file.bytes(5, 3), Ok(&[7; 3][..]));
        assert_eq!(file.array(4099), Ok([7; 2]));
        assert_eq!(file.bytes(4099, 3), Err(Pause::Need(Span { offset: 4099, length: 4096 })));
        assert_eq!((file.asks(), file.fed()), (1, 4096));
    }

    #[test]
    fn past_the_end_there_is_nothing_to_ask_for() {
        let file = Excerpts::of(10);
        assert_eq!(file.bytes(8, 3), Err(Refusal::Truncated.into()));
        assert_eq!(file.bytes(u64::MAX, 3), Err(Refusal::Truncated.into()));
        assert_eq!(file.bytes(10, 0), Ok(&[][..]));
        assert_eq!(file.up_to(11, 3).unwrap_err(), Refusal::Truncated.into());
    }

    #[test]
    fn both_budgets_end() {
        let mut file = Excerpts::of(1 << 40);
        assert_eq!(file.bytes(0, MOST_FED + 1), Err(Refusal::Scattered.into()));
        for index in 0..MOST_ASKS as u64 {
            assert!(matches!(file.bytes(index << 20, 1), Err(Pause::Need(_))));
            file.feed(index << 20, Bytes::from_static(&[1]));
        }
        assert_eq!(file.bytes(1 << 30, 1), Err(Refusal::Scattered.into()));
        assert_eq!(file.bytes(1 << 20, 1), Ok(&[1][..]));
    }
}
