//! Copies are known by the variants that they show.

use zeroize::Zeroizing;

use super::super::*;

/// Numbers that look random, the same each time (Marsaglia's xorshift64*).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

const BITS: u16 = 1024;
const TAGS: u32 = 500;

fn key(kind: CodeKind) -> PatternKey {
    PatternKey::new(1, kind, &Zeroizing::new([42; 32]))
}

fn tag(number: u32) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

fn issued(key: &PatternKey) -> Vec<([u8; 16], WmPattern)> {
    (0..TAGS).map(|number| (tag(number), key.pattern(tag(number), BITS).unwrap())).collect()
}

fn found(
    key: &PatternKey,
    issued: &[([u8; 16], WmPattern)],
    seen: Vec<Option<bool>>,
    start: Start,
) -> Vec<Finding> {
    let observed = Observation::new(seen).unwrap();
    let mut detector = Detector::new(key, BITS, &observed, start).unwrap();
    for (tag, pattern) in issued {
        detector.consider_pattern(*tag, pattern);
    }
    detector.findings().into_iter().filter(Finding::is_found).collect()
}

/// What is read of a copy: wrong in so many bits of a hundred, and unreadable in so many.
fn read(
    chance: &mut Chance,
    shown: impl Iterator<Item = bool>,
    wrong: u64,
    lost: u64,
) -> Vec<Option<bool>> {
    shown
        .map(|bit| if chance.below(lost) { None } else { Some(bit ^ chance.below(wrong)) })
        .collect()
}

#[test]
fn one_copy_is_found_through_errors_and_losses() {
    let mut chance = Chance(1);
    for kind in [CodeKind::TwoCopies, CodeKind::FourCopies] {
        let key = key(kind);
        let issued = issued(&key);
        for (wrong, lost, segments) in
            [(0, 0, 80), (10, 0, 200), (20, 0, 400), (0, 30, 120), (10, 30, 300), (20, 30, 600)]
        {
            for culprit in [3, 77, 499] {
                let first = chance.next() % 5000;
                let (tag, pattern) = &issued[culprit];
                let shown = (first..first + segments).map(|at| pattern.bit(at));
                let seen = read(&mut chance, shown, wrong, lost);
                let found = found(&key, &issued, seen, Start::At(first));
                let tags: Vec<_> = found.iter().map(|one| one.tag).collect();
                assert_eq!(tags, [*tag], "{kind:?} {wrong} {lost} {segments}: {found:?}");
                assert_eq!(found[0].start, first % u64::from(BITS));
                let share = found[0].agree * 100 / found[0].compared;
                assert!(u64::from(share) + 12 + wrong > 100, "{found:?}");
            }
        }
    }
}

/// Of two copies' bits, the one that is shown.
type Mix = fn(bool, bool, &mut Chance) -> bool;

#[test]
fn two_who_put_their_copies_together_are_both_found() {
    let mut chance = Chance(2);
    let mixes: [(&str, Mix); 3] = [
        ("either by chance", |one, other, chance| if chance.below(50) { one } else { other }),
        ("A where they differ", |one, other, _| one && other),
        ("B where they differ", |one, other, _| one || other),
    ];
    for kind in [CodeKind::TwoCopies, CodeKind::FourCopies] {
        let key = key(kind);
        let issued = issued(&key);
        for (what, mix) in mixes {
            for (wrong, lost) in [(0, 0), (10, 0), (0, 30)] {
                let tags = found_of_two(&key, &issued, mix, (wrong, lost), &mut chance);
                assert_eq!(tags, [tag(5), tag(400)], "{kind:?} {what} {wrong} {lost}");
            }
        }
    }
}

/// Who gives more is found at once; who gives a third, where the bits are even.
#[test]
fn who_gives_less_is_found_with_more_bits() {
    let mut chance = Chance(5);
    let mix: Mix = |one, other, chance| if chance.below(67) { one } else { other };
    for (kind, expected) in
        [(CodeKind::TwoCopies, &[tag(5), tag(400)][..]), (CodeKind::FourCopies, &[tag(5)])]
    {
        let key = key(kind);
        let tags = found_of_two(&key, &issued(&key), mix, (10, 0), &mut chance);
        assert_eq!(tags, expected, "{kind:?}");
    }
}

fn found_of_two(
    key: &PatternKey,
    issued: &[([u8; 16], WmPattern)],
    mix: Mix,
    (wrong, lost): (u64, u64),
    chance: &mut Chance,
) -> Vec<[u8; 16]> {
    let (one, other) = (&issued[5].1, &issued[400].1);
    let shown: Vec<_> =
        (0..u64::from(BITS)).map(|at| mix(one.bit(at), other.bit(at), chance)).collect();
    let seen = read(chance, shown.into_iter(), wrong, lost);
    let mut tags: Vec<_> =
        found(key, issued, seen, Start::At(0)).iter().map(|found| found.tag).collect();
    tags.sort_unstable();
    tags
}

/// What three show that fewest of them have: even bits are blind to it, uneven ones are not, and
/// neither accuses anybody else.
#[test]
fn three_are_for_the_code_that_withstands_them() {
    let mut caught = [0, 0];
    for (kind, caught) in [CodeKind::TwoCopies, CodeKind::FourCopies].into_iter().zip(&mut caught) {
        let key = key(kind);
        let issued = issued(&key);
        let three = [&issued[1], &issued[2], &issued[3]];
        let shown = (0..4 * u64::from(BITS)).map(|at| {
            let ones = three.iter().filter(|(_, pattern)| pattern.bit(at)).count();
            matches!(ones, 1 | 3)
        });
        let found = found(&key, &issued, shown.map(Some).collect(), Start::At(0));
        let guilty = found.iter().filter(|of| three.iter().any(|(tag, _)| *tag == of.tag)).count();
        assert_eq!(guilty, found.len(), "{kind:?} {found:?}");
        *caught = guilty;
    }
    assert_eq!(caught[0], 0);
    assert!(caught[1] > 0);
}

/// 10^5 comparisons with copies that nobody leaked.
#[test]
fn nobody_is_accused_of_what_nobody_leaked() {
    let mut chance = Chance(3);
    for kind in [CodeKind::TwoCopies, CodeKind::FourCopies] {
        let key = key(kind);
        let issued = issued(&key);
        for _ in 0..100 {
            let seen = (0..200).map(|_| Some(chance.below(50))).collect();
            assert_eq!(found(&key, &issued, seen, Start::At(0)), []);
        }
        let mut plain = vec![Some(false); 300];
        assert_eq!(found(&key, &issued, plain.clone(), Start::At(9)), [], "all of variant A");
        plain.truncate(30);
        assert_eq!(found(&key, &issued, plain, Start::At(9)), [], "too short");
    }
}

/// A stranger's copy, by a key of somebody else.
#[test]
fn a_copy_of_another_house_is_nobodys_here() {
    let (ours, theirs) = (key(CodeKind::TwoCopies), [43; 32]);
    let theirs = PatternKey::new(1, CodeKind::TwoCopies, &Zeroizing::new(theirs));
    let pattern = theirs.pattern(tag(7), BITS).unwrap();
    let seen = (0..u64::from(BITS)).map(|at| Some(pattern.bit(at))).collect();
    assert_eq!(found(&ours, &issued(&ours), seen, Start::At(0)), []);
}

#[test]
fn the_start_is_found_too_if_nobody_knows_it() {
    let key = key(CodeKind::TwoCopies);
    let issued: Vec<_> = issued(&key).into_iter().take(20).collect();
    let mut chance = Chance(4);
    for first in [0, 63, 64, 100, 1000, 1023] {
        let (tag, pattern) = &issued[11];
        let shown = (first..first + 150).map(|at| pattern.bit(at));
        let seen = read(&mut chance, shown, 5, 10);
        let found = found(&key, &issued, seen, Start::Unknown);
        assert_eq!((found[0].tag, found[0].start, found.len()), (*tag, first, 1), "{found:?}");
    }
}

/// A copy longer than the pattern shows it again: the votes count, not the repetitions.
#[test]
fn repetitions_are_no_evidence_of_their_own() {
    let key = PatternKey::new(1, CodeKind::TwoCopies, &Zeroizing::new([42; 32]));
    let pattern = key.pattern(tag(1), 40).unwrap();
    let find = |turns: u64, wrong: fn(u64) -> bool| {
        let seen = (0..40 * turns).map(|at| Some(pattern.bit(at) ^ wrong(at))).collect();
        let observed = Observation::new(seen).unwrap();
        let mut detector = Detector::new(&key, 40, &observed, Start::At(0)).unwrap();
        detector.consider(tag(1));
        detector.findings().remove(0)
    };
    let once = find(1, |_| false);
    assert_eq!((once.agree, once.compared), (40, 40));
    assert_eq!(find(9, |_| false), once);
    assert_eq!(find(3, |at| at / 40 == 1), once, "outvoted");
    let lost = find(2, |at| at == 7);
    assert_eq!((lost.agree, lost.compared), (39, 39), "one against one");
    // 40 bits of which none is wrong: one chance in 2^40.
    assert!((once.chance.log2() + 40.0).abs() < 0.01, "{once:?}");
}

#[test]
fn bits_are_read_from_text() {
    let read = |text| Observation::parse(text);
    let same = Observation::new(vec![Some(false), Some(true), None, Some(true)]);
    assert_eq!(read("01?1"), same);
    assert_eq!(read(" aB ?\n1"), same);
    assert_eq!(read("01x"), Err(DetectionError::UnknownSymbol));
    assert_eq!(read("??"), Err(DetectionError::Empty));
    assert_eq!(read(""), Err(DetectionError::Empty));
    let long = "0".repeat(MOST_OBSERVED_BYTES + 1);
    assert_eq!(read(&long), Err(DetectionError::TooLong));
}

#[test]
fn what_would_take_too_long_is_not_begun() {
    let key = key(CodeKind::TwoCopies);
    let all = Observation::new(vec![Some(true); 65_535]).unwrap();
    let refused = Detector::new(&key, u16::MAX, &all, Start::Unknown);
    assert_eq!(refused.err(), Some(DetectionError::TooManyPlaces));
    assert!(Detector::new(&key, u16::MAX, &all, Start::At(u64::MAX)).is_ok());
    assert_eq!(Detector::new(&key, 0, &all, Start::At(0)).err(), Some(DetectionError::Empty));
    let one_each = Observation::new(vec![Some(true), Some(false)]).unwrap();
    let folded = Detector::new(&key, 1, &one_each, Start::At(0));
    assert_eq!(folded.err(), Some(DetectionError::Empty), "the votes leave nothing");
}
