//! Files in memory, and their tagged copies.

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::forensic::*;

/// A plan, and what it cost.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) planned: Result<Planned, Refusal>,
    pub(super) asks: usize,
    pub(super) fed: u64,
}

pub(super) fn key() -> TagKey {
    TagKey::new(TagKeyNumber(3), &Zeroizing::new([9; 32]))
}

/// The plan for a file, fed with exactly what is asked for.
pub(super) fn make(file: &[u8], media_type: Option<&str>, tag: TagId) -> Made {
    let mut known = Excerpts::of(file.len() as u64);
    let planned = loop {
        match plan(&known, media_type, tag.into()) {
            Outlook::Need(span) => {
                let (offset, length) = (usize_of(span.offset), usize_of(span.length));
                let bytes = file.get(offset..offset + length).expect("asks for what there is");
                assert!(!bytes.is_empty());
                known.feed(span.offset, Bytes::copy_from_slice(bytes));
            }
            Outlook::Planned(planned) => break Ok(planned),
            Outlook::Refused(refusal) => break Err(refusal),
        }
    };
    let (asks, fed) = (known.asks(), known.fed());
    assert!(asks <= MOST_ASKS && fed <= MOST_FED);
    Made { planned, asks, fed }
}

/// The whole copy.
pub(super) fn copy(file: &[u8], splice: &SplicePlan) -> Vec<u8> {
    let whole = Span { offset: 0, length: splice.length() };
    let copy = spanned(file, splice, whole);
    assert_eq!(copy.len() as u64, splice.length());
    copy
}

/// A span of the copy, put together from its pieces.
pub(super) fn spanned(file: &[u8], splice: &SplicePlan, span: Span) -> Vec<u8> {
    let mut copy = Vec::new();
    for piece in splice.pieces(span) {
        assert!(piece.length() > 0);
        match piece {
            Piece::Literal(bytes) => copy.extend_from_slice(&bytes),
            Piece::Source(Span { offset, length }) => {
                copy.extend_from_slice(&file[usize_of(offset)..usize_of(offset + length)]);
            }
        }
    }
    copy
}

/// The copy of a file that can be tagged.
pub(super) fn tagged(file: &[u8], media_type: Option<&str>, tag: TagId) -> Vec<u8> {
    let planned = make(file, media_type, tag).planned.expect("can be tagged");
    copy(file, &planned.splice)
}

pub(super) fn scan(file: &[u8]) -> Vec<Sighting> {
    let mut scanner = Scanner::new();
    scanner.feed(file);
    scanner.finish()
}

/// Issues and carriers of the marks in a file, all genuine.
pub(super) fn issues(file: &[u8]) -> Vec<(u64, Carrier)> {
    let read = |sighting: Sighting| match key().judge(sighting.tag) {
        TagVerdict::Genuine(tag) => (tag.issue(), sighting.carrier),
        other @ (TagVerdict::Forged | TagVerdict::OtherKey(_) | TagVerdict::UnknownVersion(_)) => {
            panic!("{other:?}")
        }
    };
    scan(file).into_iter().map(read).collect()
}

pub(super) fn usize_of(number: u64) -> usize {
    usize::try_from(number).expect("fits")
}
