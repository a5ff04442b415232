//! Which files of a path are sequenced, and where their variants are (ETSI TS 104 002, 5.3, 5.7.5).

use super::claims::SegmentDuration;
use super::pattern::{Position, Variant};

/// The longest pattern of names, in bytes.
const MOST_PATTERN_BYTES: usize = 256;

/// The folder, beside the files, that an origin tells positions in.
pub const PACE_FOLDER: &str = "WMPaceInfo";

/// Which names are sequenced: `video_segment_*_{position}.mp4`.
///
/// A `*` stands for any text, none too. At most one number: `{position}`, or `{time}` in the units
/// of a track. What is not so named, as initialization segments, subtitles and images for seeking,
/// is not watermarked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    before: Box<str>,
    after: Option<(NumberKind, Box<str>)>,
}

/// What the number in a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NumberKind {
    Position,
    Time,
}

/// The number that a name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameNumber {
    /// It has none: only the origin knows the position.
    None,
    /// The number of the segment.
    Position(u64),
    /// When it begins.
    Time(u64),
}

/// A pattern that is none. The order is alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NamePatternError {
    /// With a `*` on both sides of the number, or beside it, several numbers could be meant.
    #[error("which number is meant is not clear: leave `*` on one side, and not beside it")]
    Ambiguous,
    /// It has a `/`, or a brace that begins or ends no number, or it is empty or too long.
    #[error("not a pattern of names: text, `*`, and one `{{position}}` or `{{time}}`")]
    Malformed,
    /// It has two numbers.
    #[error("a name has one number")]
    SeveralNumbers,
}

/// What variants are called in paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariantNames {
    /// Letters or numbers.
    pub scheme: VariantScheme,
    /// Whether variant A is where the file itself would be, with no folder of its own.
    pub first_in_place: bool,
}

/// How folders of variants are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariantScheme {
    /// `a` and `b`.
    Letters,
    /// `0` and `1`.
    Numbers,
}

/// How numbers of names are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// The number of the first segment, or the time of its beginning: position 0.
    pub first: u64,
    /// The units of `{time}` in a second.
    pub timescale: u64,
}

impl NamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// It is not clear which number of a name it means, or it is no pattern.
    pub fn parse(text: &str) -> Result<Self, NamePatternError> {
        if text.is_empty() || text.len() > MOST_PATTERN_BYTES || text.contains('/') {
            return Err(NamePatternError::Malformed);
        }
        let of = |kind, (before, after): (&str, &str)| Self {
            before: before.into(),
            after: Some((kind, after.into())),
        };
        let pattern = match (text.split_once("{position}"), text.split_once("{time}")) {
            (Some(_), Some(_)) => return Err(NamePatternError::SeveralNumbers),
            (Some(parts), None) => of(NumberKind::Position, parts),
            (None, Some(parts)) => of(NumberKind::Time, parts),
            (None, None) => Self { before: text.into(), after: None },
        };
        let Some((_, after)) = &pattern.after else {
            return if text.contains(['{', '}']) {
                Err(NamePatternError::Malformed)
            } else {
                Ok(pattern)
            };
        };
        if after.contains("{position}") || after.contains("{time}") {
            return Err(NamePatternError::SeveralNumbers);
        }
        if pattern.before.contains(['{', '}']) || after.contains(['{', '}']) {
            return Err(NamePatternError::Malformed);
        }
        let unclear = |beside: char| beside == '*' || beside.is_ascii_digit();
        let both = pattern.before.contains('*') && after.contains('*');
        if both || pattern.before.ends_with(unclear) || after.starts_with(unclear) {
            return Err(NamePatternError::Ambiguous);
        }
        Ok(pattern)
    }

    /// The number of a name that is so named. None if it is not.
    pub fn number(&self, name: &str) -> Option<NameNumber> {
        let Some((kind, after)) = &self.after else {
            return matches(&self.before, name).then_some(NameNumber::None);
        };
        let digits = if after.contains('*') {
            let rest = name.strip_prefix(self.before.as_ref())?;
            let end = rest.find(|of: char| !of.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, rest) = rest.split_at_checked(end)?;
            matches(after, rest).then_some(digits)?
        } else {
            let rest = name.strip_suffix(after.as_ref())?;
            let (rest, digits) =
                rest.split_at_checked(rest.trim_end_matches(|of: char| of.is_ascii_digit()).len())?;
            matches(&self.before, rest).then_some(digits)?
        };
        let number = digits.parse().ok()?;
        Some(match kind {
            NumberKind::Position => NameNumber::Position(number),
            NumberKind::Time => NameNumber::Time(number),
        })
    }
}

impl NameNumber {
    /// The position that a name says. None if it says none: before the first, or a time where
    /// nobody says how long a segment is.
    pub fn position(
        self,
        counting: Counting,
        segment: Option<SegmentDuration>,
    ) -> Option<Position> {
        match self {
            Self::None => None,
            Self::Position(number) => number.checked_sub(counting.first).map(Position::At),
            Self::Time(time) => {
                let segment = segment?;
                let time = u128::from(time.checked_sub(counting.first)?);
                // Both in units of 1 / (timescale * scale) seconds.
                let time = time.checked_mul(u128::from(segment.scale))?;
                let length = u128::from(segment.ticks).checked_mul(counting.timescale.into())?;
                // To the nearest: segments begin a little before and after the nominal instant.
                let index = time.checked_add(length / 2)?.checked_div(length)?;
                u64::try_from(index).ok().map(Position::At)
            }
        }
    }
}

impl VariantNames {
    /// What comes before the name of a file: `b/`, or nothing.
    pub fn folder(self, variant: Variant) -> &'static str {
        match (variant, self.scheme) {
            (Variant::A, _) if self.first_in_place => "",
            (Variant::A, VariantScheme::Letters) => "a/",
            (Variant::A, VariantScheme::Numbers) => "0/",
            (Variant::B, VariantScheme::Letters) => "b/",
            (Variant::B, VariantScheme::Numbers) => "1/",
        }
    }

    /// Where the origin has that variant of a file: of `/p/f`, `/p/b/f`.
    pub fn path(self, path: &str, variant: Variant) -> String {
        beside(path, self.folder(variant))
    }

    /// Whether a path names a variant, which is for the pattern to choose: its last folder is
    /// called as one is. In any case of letters, since some origins have one case.
    pub fn are_named_in(self, path: &str) -> bool {
        let folder = path.rsplit('/').nth(1).unwrap_or_default();
        let names = match self.scheme {
            VariantScheme::Letters => ["a", "b"],
            VariantScheme::Numbers => ["0", "1"],
        };
        names.iter().any(|name| folder.eq_ignore_ascii_case(name))
    }
}

/// Where the origin tells the positions of a file: of `/p/f`, `/p/WMPaceInfo/f`.
pub fn pace_path(path: &str) -> String {
    beside(path, "WMPaceInfo/")
}

/// Whether a path is one that origins tell positions in, which is for edges only. In any case of
/// letters, since some origins have one case.
pub fn names_pace(path: &str) -> bool {
    path.split('/').any(|part| part.eq_ignore_ascii_case(PACE_FOLDER))
}

fn beside(path: &str, folder: &str) -> String {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    format!("{parent}/{folder}{name}")
}

/// Whether a text is as a pattern with `*` says, in a time of no more than their product.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(pattern: &str, name: &str) -> Option<NameNumber> {
        NamePattern::parse(pattern).unwrap().number(name)
    }

    #[test]
    fn the_number_is_taken_from_the_name() {
        use NameNumber::{None as Unnumbered, Position as At, Time};
        let standard = "video_segment_*_{position}.mp4";
        for (pattern, name, expected) in [
            (standard, "video_segment_5_8353305.mp4", Some(At(8_353_305))),
            (standard, "video_segment_5_1_2.mp4", Some(At(2))),
            (standard, "video_segment__0.mp4", Some(At(0))),
            (standard, "video_segment_5_007.mp4", Some(At(7))),
            (standard, "video_init_5.mp4", None),
            (standard, "video_segment_5_.mp4", None),
            (standard, "video_segment_5_1.mp4x", None),
            (standard, "xvideo_segment_5_1.mp4", None),
            (standard, "video_segment_5_-1.mp4", None),
            (standard, "video_segment_5_+1.mp4", None),
            (standard, "video_segment_5_\u{0663}.mp4", None),
            (standard, "video_segment_5_18446744073709551615.mp4", Some(At(u64::MAX))),
            (standard, "video_segment_5_18446744073709551616.mp4", None),
            ("seg-{position}-*.ts", "seg-12-34.ts", Some(At(12))),
            ("seg-{position}-*.ts", "seg-12.ts", None),
            ("{position}.m4s", "44.m4s", Some(At(44))),
            ("s{time}", "s90", Some(Time(90))),
            ("main*.mp4", "main.mp4", Some(Unnumbered)),
            ("main*.mp4", "main_2.mp4", Some(Unnumbered)),
            ("main*.mp4", "mainmp4", None),
            ("a*b*c", "axxbyyc", Some(Unnumbered)),
            ("a*b*c", "abb", None),
            ("a*a", "a", None),
        ] {
            assert_eq!(number(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_that_mean_several_numbers_are_refused() {
        use NamePatternError::{Ambiguous, Malformed, SeveralNumbers};
        for (text, expected) in [
            ("", Malformed),
            ("a/{position}", Malformed),
            ("{positions}", Malformed),
            ("}{position}", Malformed),
            ("{position}_{position}", SeveralNumbers),
            ("{position}_{time}", SeveralNumbers),
            ("*_{position}_*", Ambiguous),
            ("*{position}.ts", Ambiguous),
            ("{position}*", Ambiguous),
            ("s1{position}.ts", Ambiguous),
            ("s{position}4.ts", Ambiguous),
        ] {
            assert_eq!(NamePattern::parse(text), Err(expected), "{text}");
        }
        assert_eq!(NamePattern::parse(&"a".repeat(257)), Err(Malformed));
    }

    #[test]
    fn numbers_are_counted_from_the_first() {
        let counting = Counting { first: 1, timescale: 60_000 };
        assert_eq!(NameNumber::Position(1).position(counting, None), Some(Position::At(0)));
        assert_eq!(NameNumber::Position(0).position(counting, None), None);
        assert_eq!(NameNumber::None.position(counting, None), None);
    }

    /// Six seconds a segment, as the standard's example of the claim says, in a track of 60,000
    /// units a second.
    #[test]
    fn times_are_counted_in_segments() {
        let counting = Counting { first: 0, timescale: 60_000 };
        let six = Some(SegmentDuration { ticks: 60_000, scale: 10_000 });
        for (time, expected) in
            [(0, 0), (360_000, 1), (359_000, 1), (361_000, 1), (720_000, 2), (179_999, 0)]
        {
            let position = NameNumber::Time(time).position(counting, six);
            assert_eq!(position, Some(Position::At(expected)), "{time}");
        }
        assert_eq!(NameNumber::Time(5).position(counting, None), None);
        let nothing = Counting { timescale: 0, ..counting };
        assert_eq!(NameNumber::Time(5).position(nothing, six), None);
        let vast = Some(SegmentDuration { ticks: u64::MAX, scale: u64::MAX });
        let vast = NameNumber::Time(u64::MAX).position(counting, vast);
        assert_eq!(vast, None, "more than can be counted");
    }

    #[test]
    fn variants_are_beside_the_file() {
        let path = "/path/to/endpoint/video_segment_5_8353305.mp4";
        let names = |scheme, first_in_place| VariantNames { scheme, first_in_place };
        let letters = names(VariantScheme::Letters, false);
        assert_eq!(
            letters.path(path, Variant::B),
            "/path/to/endpoint/b/video_segment_5_8353305.mp4"
        );
        assert_eq!(letters.path("/f", Variant::A), "/a/f");
        let numbers = names(VariantScheme::Numbers, true);
        assert_eq!(numbers.path(path, Variant::A), path);
        assert_eq!(numbers.path("/p/f", Variant::B), "/p/1/f");
        assert_eq!(names(VariantScheme::Numbers, false).path("/p/f", Variant::A), "/p/0/f");
        assert_eq!(pace_path("/p/f"), "/p/WMPaceInfo/f");
    }

    #[test]
    fn nobody_asks_for_a_variant_or_for_positions() {
        let letters = VariantNames { scheme: VariantScheme::Letters, first_in_place: true };
        for (path, expected) in
            [("/p/b/f", true), ("/p/B/f", true), ("/a/f", true), ("/p/f", false), ("/b/p/f", false)]
        {
            assert_eq!(letters.are_named_in(path), expected, "{path}");
        }
        assert!(!letters.are_named_in("/p/1/f"));
        for (path, expected) in [
            ("/p/WMPaceInfo/f", true),
            ("/p/wmpaceinfo/f", true),
            ("/WMPaceInfo", true),
            ("/p/WMPaceInfo.mp4", false),
        ] {
            assert_eq!(names_pace(path), expected, "{path}");
        }
    }
}
