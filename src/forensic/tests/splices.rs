//! Any span of a copy is that part of the whole copy.

use bytes::Bytes;
use proptest::prelude::*;

use super::copies::{copy, spanned};
use crate::forensic::*;

/// What the edits amount to, done the plain way.
fn edited(file: &[u8], edits: &[Edit]) -> Vec<u8> {
    let (mut copy, mut at) = (Vec::new(), 0);
    for edit in edits {
        let offset = usize::try_from(edit.offset).unwrap();
        copy.extend_from_slice(&file[at..offset]);
        copy.extend_from_slice(&edit.bytes);
        at = offset + usize::try_from(edit.removed).unwrap();
    }
    copy.extend_from_slice(&file[at..]);
    copy
}

/// Edits in order: what is kept, left out and put in, one after another.
fn edits(steps: &[(u8, u8, Vec<u8>)]) -> (Vec<u8>, Vec<Edit>) {
    let (mut offset, mut edits) = (0, Vec::new());
    for (kept, removed, bytes) in steps {
        offset += u64::from(*kept);
        let removed = u64::from(*removed);
        edits.push(Edit { offset, removed, bytes: Bytes::copy_from_slice(bytes) });
        offset += removed;
    }
    let length = usize::try_from(offset).unwrap() + 7;
    (prop_file(length), edits)
}

/// No two runs of it are alike.
fn prop_file(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index * index / 7 + index) % 251).unwrap()).collect()
}

proptest! {
    #[test]
    fn any_span_is_that_part_of_the_whole(
        steps in prop::collection::vec(
            (0_u8..20, 0_u8..6, prop::collection::vec(any::<u8>(), 0..9)), 0..12),
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        let (file, edits) = edits(&steps);
        let whole = edited(&file, &edits);
        let splice = SplicePlan::of(file.len() as u64, edits.clone()).unwrap();
        prop_assert_eq!(splice.length(), whole.len() as u64);
        prop_assert_eq!(splice.origin_length(), file.len() as u64);
        prop_assert_eq!(&copy(&file, &splice), &whole);
        let (one, other) = (one.index(whole.len() + 1), other.index(whole.len() + 1));
        let (first, past) = (one.min(other), one.max(other));
        let span = Span { offset: first as u64, length: (past - first) as u64 };
        prop_assert_eq!(spanned(&file, &splice, span), &whole[first..past]);
        let beyond = Span { offset: first as u64, length: u64::MAX };
        prop_assert_eq!(spanned(&file, &splice, beyond), &whole[first..]);
    }
}

#[test]
fn edits_that_overlap_or_leave_the_file_are_refused() {
    let literal = Bytes::from_static(b"ab");
    let edit = |offset, removed| Edit { offset, removed, bytes: literal.clone() };
    for edits in [
        vec![edit(11, 0)],
        vec![edit(10, 1)],
        vec![edit(0, u64::MAX)],
        vec![edit(2, 4), edit(5, 1)],
        vec![edit(u64::MAX, 1)],
    ] {
        assert!(SplicePlan::of(10, edits.clone()).is_err(), "{edits:?}");
    }
    assert!(SplicePlan::of(u64::MAX, vec![edit(0, 0)]).is_err());
    let plan = SplicePlan::of(10, vec![edit(5, 1), edit(2, 3), edit(10, 0)]).unwrap();
    assert_eq!((plan.length(), plan.literal_bytes()), (12, 6));
    assert_eq!(plan.pieces(Span { offset: 12, length: 1 }).count(), 0);
    assert_eq!(plan.pieces(Span { offset: u64::MAX, length: u64::MAX }).count(), 0);
}

/// A copy of a file of 2^60 bytes is no more work than one of ten.
#[test]
fn long_files_cost_nothing() {
    let length = 1 << 60;
    let plan = SplicePlan::of(length, vec![Edit::insert(length / 2, &b"mark"[..])]).unwrap();
    let span = Span { offset: length / 2 - 1, length: 10 };
    let pieces = plan.pieces(span).collect::<Vec<_>>();
    assert_eq!(
        pieces,
        [
            Piece::Source(Span { offset: length / 2 - 1, length: 1 }),
            Piece::Literal(Bytes::from_static(b"mark")),
            Piece::Source(Span { offset: length / 2, length: 5 }),
        ]
    );
}
