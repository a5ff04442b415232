//! An archive before its bytes are there: how long it is, and what is where in it.
//!
//! Pure. A plan is made from what is known of the entries, and two plans from the same are the same on
//! every machine, byte for byte. Records are made when they are asked for: a plan of
//! 10,000 entries is their names and some numbers. The entries' own bytes are not in it, except those
//! that whoever plans it brings along.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::name::{EntryName, EntryNames};
use super::record::{Described, Directory};
use crate::clock::UnixSeconds;
use crate::delivery::{ByteRange, EntityTag, Strength};

/// A part of every entity tag: to be changed with any change of what an archive of the same entries
/// looks like, or a download that was begun before would go on as another.
const FORM: &[u8] = b"countersign zip 1";

/// Bytes of the directory that are made at once.
const RUN: usize = 16 << 10;

/// What an archive is to have.
#[derive(Debug, Default)]
pub struct Draft {
    names: EntryNames,
    entries: Vec<(EntryName, Content)>,
}

/// What is known of an entry: exactly these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Their number.
    pub size: u64,
    /// Their CRC-32 (ISO-HDLC).
    pub crc32: u32,
    /// Their SHA-256, which tells them from others of the same size and CRC-32.
    pub sha256: [u8; 32],
    /// When they last changed.
    pub modified: UnixSeconds,
}

/// An archive of more than 2^64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the archive would be longer than any file")]
pub struct TooLong(());

/// An archive. See the module.
#[derive(Debug)]
pub struct Plan {
    entries: Vec<Planned>,
    /// Where the directory begins.
    directory: u64,
    /// Where the records after the directory begin.
    end: u64,
    length: u64,
    /// Of everything that its bytes depend on.
    digest: [u8; 32],
}

/// The beginning of a span of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Bytes),
    /// Bytes of an entry.
    Entry {
        /// Which, as they were added.
        index: usize,
        /// Which of its bytes.
        range: ByteRange,
    },
}

#[derive(Debug)]
enum Content {
    Elsewhere(Pinned),
    Here(Bytes, UnixSeconds),
}

#[derive(Debug)]
struct Planned {
    name: EntryName,
    size: u64,
    crc32: u32,
    modified: UnixSeconds,
    here: Option<Bytes>,
    /// Where its local header begins.
    at: u64,
    /// Where its bytes begin.
    content_at: u64,
    /// Where its record in the directory begins.
    listed_at: u64,
}

impl Draft {
    /// Adds an entry, and says what it is called.
    pub fn add(&mut self, wanted: &str, pinned: Pinned) -> EntryName {
        self.push(wanted, Content::Elsewhere(pinned))
    }

    /// Adds an entry whose bytes are here.
    pub fn add_bytes(&mut self, wanted: &str, bytes: Bytes, modified: UnixSeconds) -> EntryName {
        self.push(wanted, Content::Here(bytes, modified))
    }

    fn push(&mut self, wanted: &str, content: Content) -> EntryName {
        let name = self.names.assign(wanted);
        self.entries.push((name.clone(), content));
        name
    }

    /// The archive.
    pub fn plan(self) -> Result<Plan, TooLong> {
        let mut hash = Sha256::new();
        hash.update(FORM);
        let mut entries = Vec::with_capacity(self.entries.len());
        let mut position = Position::default();
        for (name, content) in self.entries {
            let (pinned, here) = content.pinned();
            hash_entry(&mut hash, &name, &pinned);
            let Pinned { size, crc32, sha256: _, modified } = pinned;
            let (at, content_at, listed_at) = (position.0, 0, 0);
            let mut planned =
                Planned { name, size, crc32, modified, here, at, content_at, listed_at };
            position.pass_record(|into| planned.described().local_header(into))?;
            planned.content_at = position.0;
            position.pass(size)?;
            entries.push(planned);
        }
        let directory = position.0;
        for planned in &mut entries {
            planned.listed_at = position.0;
            position.pass_record(|into| planned.described().central_header(into))?;
        }
        let end = position.0;
        let listed = Directory {
            entries: entries.len() as u64,
            at: directory,
            length: end.saturating_sub(directory),
        };
        position.pass_record(|into| listed.end(into))?;
        Ok(Plan { entries, directory, end, length: position.0, digest: hash.finalize().into() })
    }
}

impl Plan {
    /// Bytes in the archive.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// A strong tag of exactly these bytes.
    pub fn etag(&self) -> Option<EntityTag> {
        EntityTag::new(Strength::Strong, &hex::encode(self.digest))
    }

    /// How many bytes of which entries lie in the span, as they were added; those that have none in
    /// it, or are here, apart.
    pub fn entries_in(&self, span: ByteRange) -> impl Iterator<Item = (usize, u64)> {
        let end = |entry: &Planned| entry.content_at.saturating_add(entry.size);
        let first = self.entries.partition_point(|entry| end(entry) <= span.first());
        let within = self.entries.iter().enumerate().skip(first);
        let within = within.take_while(move |(_, entry)| entry.content_at < span.end());
        within.filter(|(_, entry)| entry.here.is_none()).filter_map(move |(index, entry)| {
            let first = entry.content_at.max(span.first());
            let bytes = end(entry).min(span.end()).checked_sub(first)?;
            (bytes > 0).then_some((index, bytes))
        })
    }

    /// What that entry is to be; none where there is no such entry.
    pub(super) fn expected(&self, index: usize) -> Option<(u64, u32)> {
        self.entries.get(index).map(|entry| (entry.size, entry.crc32))
    }

    /// What the span begins with: never nothing, and no more than lies in it. None past the end.
    pub fn piece(&self, span: ByteRange) -> Option<Piece> {
        let position = span.first();
        if position >= self.length {
            return None;
        }
        if position >= self.directory {
            return self.directory_piece(span);
        }
        let index = self.entries.partition_point(|entry| entry.at <= position).checked_sub(1)?;
        let entry = self.entries.get(index)?;
        if position < entry.content_at {
            let mut header = Vec::new();
            entry.described().local_header(&mut header);
            return part(&header.into(), entry.at, span).map(Piece::Bytes);
        }
        if let Some(bytes) = &entry.here {
            return part(bytes, entry.content_at, span).map(Piece::Bytes);
        }
        let last = span.last().checked_sub(entry.content_at)?.min(entry.size.checked_sub(1)?);
        let range = ByteRange::new(position.checked_sub(entry.content_at)?, last)?;
        Some(Piece::Entry { index, range })
    }

    /// Many records of the directory in one piece, and what comes after it.
    fn directory_piece(&self, span: ByteRange) -> Option<Piece> {
        let before = self.entries.partition_point(|entry| entry.listed_at <= span.first());
        let first = before.saturating_sub(1);
        let at = match self.entries.get(first) {
            Some(entry) if span.first() < self.end => entry.listed_at,
            Some(_) | None => self.end,
        };
        let mut records = Vec::new();
        if at < self.end {
            for entry in self.entries.iter().skip(first) {
                if records.len() >= RUN {
                    return part(&records.into(), at, span).map(Piece::Bytes);
                }
                entry.described().central_header(&mut records);
            }
        }
        let length = self.end.saturating_sub(self.directory);
        let entries = self.entries.len() as u64;
        Directory { entries, at: self.directory, length }.end(&mut records);
        part(&records.into(), at, span).map(Piece::Bytes)
    }
}

impl Content {
    fn pinned(self) -> (Pinned, Option<Bytes>) {
        match self {
            Self::Elsewhere(pinned) => (pinned, None),
            Self::Here(bytes, modified) => {
                let pinned = Pinned {
                    size: bytes.len() as u64,
                    crc32: crc32fast::hash(&bytes),
                    sha256: Sha256::digest(&bytes).into(),
                    modified,
                };
                (pinned, Some(bytes))
            }
        }
    }
}

impl Planned {
    fn described(&self) -> Described<'_> {
        let Self { name, size, crc32, modified, here: _, at, content_at: _, listed_at: _ } = self;
        Described { name: name.as_str(), size: *size, crc32: *crc32, modified: *modified, at: *at }
    }
}

/// Where the next byte would be.
#[derive(Default)]
struct Position(u64);

impl Position {
    fn pass(&mut self, length: u64) -> Result<(), TooLong> {
        self.0 = self.0.checked_add(length).ok_or(TooLong(()))?;
        Ok(())
    }

    /// A record is as long as it is: what is measured is what is sent.
    fn pass_record(&mut self, record: impl FnOnce(&mut Vec<u8>)) -> Result<(), TooLong> {
        let mut bytes = Vec::new();
        record(&mut bytes);
        self.pass(bytes.len() as u64)
    }
}

fn hash_entry(hash: &mut Sha256, name: &EntryName, pinned: &Pinned) {
    let Pinned { size, crc32, sha256, modified } = pinned;
    hash.update((name.as_str().len() as u64).to_le_bytes());
    hash.update(name.as_str());
    hash.update(size.to_le_bytes());
    hash.update(crc32.to_le_bytes());
    hash.update(sha256);
    hash.update(modified.get().to_le_bytes());
}

/// The bytes of the span among these, which begin at that position.
fn part(bytes: &Bytes, at: u64, span: ByteRange) -> Option<Bytes> {
    let first = usize::try_from(span.first().checked_sub(at)?).ok()?;
    let end = usize::try_from(span.end().checked_sub(at)?).unwrap_or(usize::MAX);
    let end = end.min(bytes.len());
    (first < end).then(|| bytes.slice(first..end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An entry whose bytes are this many of this one.
    fn pinned(size: u64, byte: u8) -> Pinned {
        let bytes = vec![byte; usize::try_from(size).unwrap()];
        Pinned {
            size,
            crc32: crc32fast::hash(&bytes),
            sha256: Sha256::digest(&bytes).into(),
            modified: UnixSeconds::new(1_700_000_000),
        }
    }

    /// Of no particular bytes.
    fn sized(size: u64) -> Pinned {
        Pinned { size, crc32: 1, sha256: [2; 32], modified: UnixSeconds::new(3) }
    }

    fn pieces(plan: &Plan, span: ByteRange) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut left = Some(span);
        while let Some(span) = left {
            let piece = plan.piece(span).unwrap();
            let length = match &piece {
                Piece::Bytes(bytes) => bytes.len() as u64,
                Piece::Entry { index: _, range } => range.length(),
            };
            assert!(length > 0);
            left = ByteRange::new(span.first() + length, span.last());
            pieces.push(piece);
        }
        pieces
    }

    /// The bytes of the span, where entry `n` is all `n`.
    fn bytes(plan: &Plan, span: ByteRange) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in pieces(plan, span) {
            match piece {
                Piece::Bytes(part) => bytes.extend_from_slice(&part),
                Piece::Entry { index, range } => {
                    let byte = u8::try_from(index).unwrap();
                    bytes.resize(bytes.len() + usize::try_from(range.length()).unwrap(), byte);
                }
            }
        }
        bytes
    }

    fn whole(plan: &Plan) -> ByteRange {
        ByteRange::whole(plan.length()).unwrap()
    }

    fn draft(sizes: &[u64]) -> Draft {
        let mut draft = Draft::default();
        for (index, size) in sizes.iter().enumerate() {
            draft.add("entry.bin", pinned(*size, u8::try_from(index).unwrap()));
        }
        draft
    }

    /// What an archive looks like may change only with `FORM`: then this changes, too.
    #[test]
    fn the_form_is_the_one_that_its_tag_says() {
        let mut draft = draft(&[3, 0]);
        draft.add_bytes("manifest.csv", "a,b\n".into(), UnixSeconds::new(1_700_000_000));
        let plan = draft.plan().unwrap();
        let digest = hex::encode(Sha256::digest(bytes(&plan, whole(&plan))));
        assert_eq!(std::str::from_utf8(FORM).unwrap(), "countersign zip 1");
        assert_eq!(digest.split_at(16).0, "17baeaffd9107edd");
        assert_eq!(
            plan.etag().unwrap().to_text(),
            "\"c421876067bff58d3cb8b3c69f85362b0dd1e8587c675daa7fc06c5396560cc8\""
        );
    }

    #[test]
    fn nothing_is_an_archive_too() {
        let plan = Draft::default().plan().unwrap();
        assert_eq!(plan.length(), 22);
        assert!(bytes(&plan, whole(&plan)).starts_with(b"PK\x05\x06"));
        assert_eq!(plan.piece(ByteRange::new(22, 22).unwrap()), None);
    }

    #[test]
    fn the_tag_tells_apart_whatever_differs() {
        let tag = |name: &str, pinned: Pinned| {
            let mut draft = Draft::default();
            draft.add(name, pinned);
            draft.plan().unwrap().etag().unwrap().to_text()
        };
        let one = sized(5);
        let mut tags = vec![
            tag("a", one),
            tag("b", one),
            tag("a", Pinned { size: 6, ..one }),
            tag("a", Pinned { crc32: 6, ..one }),
            tag("a", Pinned { sha256: [6; 32], ..one }),
            tag("a", Pinned { modified: UnixSeconds::new(6), ..one }),
        ];
        assert_eq!(tag("a", one), tags[0]);
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 6);
    }

    #[test]
    fn lengths_that_no_file_has_are_refused() {
        let mut draft = Draft::default();
        draft.add("a", sized(u64::MAX - 10));
        assert_eq!(draft.plan().unwrap_err(), TooLong(()));
    }

    /// In the middle of the directory of 70,000 entries, without making what is before.
    #[test]
    fn pieces_are_small() {
        let mut draft = Draft::default();
        for index in 0..70_000 {
            draft.add(&format!("{index}.jpg"), sized(1 << 20));
        }
        let plan = draft.plan().unwrap();
        let span = ByteRange::new(plan.directory + 1_000_000, plan.length() - 1).unwrap();
        let pieces = pieces(&plan, span);
        let longest = pieces.iter().map(|piece| match piece {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Entry { .. } => panic!("{piece:?}"),
        });
        assert!(longest.max().unwrap() < RUN + 1_000);
        let tail = ByteRange::new(plan.length() - 98, plan.length() - 1).unwrap();
        assert!(bytes(&plan, tail).starts_with(b"PK\x06\x06"));
    }

    proptest! {
        #[test]
        fn any_span_is_that_part_of_the_whole(
            sizes in prop::collection::vec(0_u64..300, 0..30),
            manifest in prop::collection::vec(any::<u8>(), 0..300),
            one in any::<prop::sample::Index>(),
            other in any::<prop::sample::Index>(),
        ) {
            let mut draft = draft(&sizes);
            draft.add_bytes("manifest.csv", manifest.into(), UnixSeconds::new(9));
            let plan = draft.plan().unwrap();
            let whole = bytes(&plan, whole(&plan));
            prop_assert_eq!(whole.len() as u64, plan.length());
            let (one, other) = (one.index(whole.len()), other.index(whole.len()));
            let (first, last) = (one.min(other), one.max(other));
            let span = ByteRange::new(first as u64, last as u64).unwrap();
            prop_assert_eq!(&bytes(&plan, span), &whole[first..=last]);
            let mut left = std::collections::BTreeMap::new();
            for piece in pieces(&plan, span) {
                if let Piece::Entry { index, range } = piece {
                    *left.entry(index).or_insert(0) += range.length();
                }
            }
            prop_assert_eq!(plan.entries_in(span).collect::<Vec<_>>(), Vec::from_iter(left));
        }
    }
}
