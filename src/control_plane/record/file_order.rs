//! The order in which people look for files: numbers in their names count as numbers.

use std::cmp::Ordering;

use super::{FileKind, FilePlace};

/// Compares where two files of one kind belong, as people read it: `2` is before `10`.
pub fn reading_order(one: &FilePlace, other: &FilePlace) -> Ordering {
    natural(&one.slot, &other.slot).then_with(|| natural(&one.variant, &other.variant))
}

/// The place of a frame among those of a thing that turns: a rendition whose profile is a number
/// (G28); none of what is no frame.
pub fn frame_number(place: &FilePlace) -> Option<u32> {
    match place.kind {
        FileKind::Format => place.slot.parse().ok(),
        FileKind::Attachment
        | FileKind::ChapterThumbnail
        | FileKind::Source
        | FileKind::Subtitle
        | FileKind::Thumbnail => None,
    }
}

/// Numbers by what they amount to, all else letter by letter; two that differ in zeros before a
/// number only, by these.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    loop {
        let (mut ours, mut theirs) = (left.chars(), right.chars());
        let (Some(a), Some(b)) = (ours.next(), theirs.next()) else {
            return left.len().cmp(&right.len()).then_with(|| one.cmp(other));
        };
        let order = if a.is_ascii_digit() && b.is_ascii_digit() {
            let (number, rest) = digits(left);
            let (against, further) = digits(right);
            (left, right) = (rest, further);
            number.len().cmp(&against.len()).then_with(|| number.cmp(against))
        } else {
            (left, right) = (ours.as_str(), theirs.as_str());
            a.cmp(&b)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The number that a text begins with, without zeros before it, and what is behind it.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.trim_start_matches('0'), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_in_the_order_of_numbers() {
        let sorted = ["", "01", "1", "2", "10", "a", "a2", "a10", "a10b", "b1", "ä"];
        for (at, one) in sorted.iter().enumerate() {
            for (other_at, other) in sorted.iter().enumerate() {
                assert_eq!(natural(one, other), at.cmp(&other_at), "{one:?} and {other:?}");
            }
        }
        let long = "9".repeat(400);
        assert_eq!(natural(&long, &format!("1{long}")), Ordering::Less);
    }

    #[test]
    fn a_frame_is_a_rendition_whose_profile_is_a_number() {
        let place = |kind, slot: &str| FilePlace { kind, slot: slot.into(), variant: "".into() };
        assert_eq!(frame_number(&place(FileKind::Format, "07")), Some(7));
        for other in ["", "hd", "-1", "1a", "99999999999"] {
            assert_eq!(frame_number(&place(FileKind::Format, other)), None, "{other}");
        }
        assert_eq!(frame_number(&place(FileKind::Thumbnail, "1")), None);
    }
}
