//! Marks are found wherever they came to be.

use proptest::prelude::*;

use super::copies::{issues, key, scan};
use crate::forensic::*;

fn mark(issue: u64) -> String {
    key().issue(issue, Layers::Container).mark()
}

#[test]
fn marks_are_found_in_any_surroundings() {
    let file = format!("<!--{}--> and {}{}.", mark(1), mark(2), mark(3));
    let expected = [(1, Carrier::MarkupComment), (2, Carrier::Elsewhere), (3, Carrier::Elsewhere)];
    assert_eq!(issues(file.as_bytes()), expected);
}

#[test]
fn what_only_begins_like_a_mark_is_none() {
    for text in ["countersign-tag:", "countersign-tag:00112233445566778899aabbccddeef"] {
        assert_eq!(scan(text.as_bytes()), []);
    }
    let file = format!("countersign-tag:zz{}", mark(1));
    assert_eq!(issues(file.as_bytes()), [(1, Carrier::Elsewhere)]);
    // Digits of a mark that begins within another are read as they stand.
    let file = format!("countersign-tag:countersign-tag:{}", mark(1).split_at(16).1);
    assert_eq!(issues(file.as_bytes()), [(1, Carrier::Elsewhere)]);
}

#[test]
fn forged_marks_are_found_and_told_from_genuine_ones() {
    let id = key().issue(1, Layers::Container).bytes();
    let forged = SightedTag::from_bytes(id.map(|byte| if byte == 3 { 3 } else { 1 }));
    let found = scan(forged.to_string().as_bytes());
    assert_eq!(found.len(), 1);
    assert_eq!(key().judge(found[0].tag), TagVerdict::Forged);
}

#[test]
fn a_file_full_of_marks_takes_no_more_memory() {
    let mut scanner = Scanner::new();
    for issue in 0..MOST_SIGHTINGS as u64 + 7 {
        scanner.feed(mark(issue).as_bytes());
    }
    assert_eq!(scanner.not_kept(), 7);
    let found = scanner.finish();
    assert_eq!(found.len(), MOST_SIGHTINGS);
    let gaps: Vec<u64> = found.windows(2).map(|pair| pair[1].offset - pair[0].offset).collect();
    let half = MOST_SIGHTINGS / 2;
    assert!(
        gaps.iter().enumerate().all(|(at, gap)| *gap == if at == half - 1 { 8 * 48 } else { 48 })
    );
    // The last of them as well: many in front of one do not hide it.
    let last = SightedTag::from(key().issue(MOST_SIGHTINGS as u64 + 6, Layers::Container));
    assert_eq!(found[MOST_SIGHTINGS - 1].tag, last);
}

#[test]
fn carriers_are_told_by_different_bytes() {
    let mut names = Carrier::ALL.iter().map(|it| it.wire_name()).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Carrier::ALL.len());
}

proptest! {
    /// However the file comes, the same marks are found in the same carriers.
    #[test]
    fn pieces_of_any_length_make_no_difference(
        gaps in prop::collection::vec(0_usize..150, 1..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut file = Vec::new();
        for (issue, gap) in gaps.iter().enumerate() {
            file.resize(file.len() + gap, b'c');
            file.extend_from_slice(b"iTXtcountersign\0\0\0\0\0");
            file.extend_from_slice(mark(issue as u64).as_bytes());
        }
        let mut cuts = cuts.iter().map(|cut| cut.index(file.len() + 1)).collect::<Vec<_>>();
        cuts.sort_unstable();
        let mut scanner = Scanner::new();
        let mut at = 0;
        for cut in cuts {
            scanner.feed(&file[at..cut]);
            at = cut;
        }
        scanner.feed(&file[at..]);
        let found = scanner.finish();
        prop_assert_eq!(&found, &scan(&file));
        prop_assert_eq!(found.len(), gaps.len());
        prop_assert!(found.iter().all(|it| it.carrier == Carrier::PngText));
    }
}
