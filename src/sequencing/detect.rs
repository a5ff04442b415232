//! Whose pattern the bits are that were decoded from a leaked copy.
//!
//! A test against the list of tags that were issued, never a decoding: what is compared with is
//! known, so half of the segments may be lost and a fifth of the rest wrong.

use super::code::PatternKey;
use super::pattern::WmPattern;
use super::score::{Classes, Tally, log_chance};

/// The longest text of decoded bits that is read, in bytes.
pub const MOST_OBSERVED_BYTES: usize = 1 << 20;

/// How much work one tag may be, in words of 64 bits compared.
const MOST_WORDS: usize = 1 << 20;

/// How many findings are kept, the least likely by chance first.
pub const MOST_FINDINGS: usize = 16;

/// The greatest chance at which a tag is said to be found: that, among all that were looked at, any
/// one of people who have nothing to do with it would be found. About that of six standard
/// deviations.
pub const GREATEST_CHANCE: f64 = 1e-9;

/// What a detector of watermarks read from a leaked copy, segment by segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation(Vec<Option<bool>>);

/// Which position the first of the decoded bits has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// That one.
    At(u64),
    /// Nobody knows; every one is tried, which costs certainty.
    Unknown,
}

/// Bits that cannot be looked for. The order is alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DetectionError {
    /// There is no bit that was decoded, or the pattern has none.
    #[error("there are no bits to look for")]
    Empty,
    /// There are more than anybody looks for.
    #[error("there are too many bits")]
    TooLong,
    /// With an unknown start, there would be too many places to look.
    #[error("too many places to look: say at which position the bits begin")]
    TooManyPlaces,
    /// Something is neither `0` or `A`, `1` or `B`, nor `?`.
    #[error("a bit is 0 or A, 1 or B, or ? where it could not be read")]
    UnknownSymbol,
}

/// A tag that may be the one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// The tag.
    pub tag: [u8; 16],
    /// The position of the first decoded bit at which it fits best.
    pub start: u64,
    /// How many bits agree with its pattern.
    pub agree: u32,
    /// How many bits were compared.
    pub compared: u32,
    /// By how many standard deviations it fits better than somebody else's would.
    pub z: f64,
    /// At most how likely it is that anybody's among all that were looked at fits so well who has
    /// nothing to do with it: a bound that is proven, not a fit to a curve.
    pub chance: f64,
}

/// Compares decoded bits with the patterns of tags, one after the other.
#[derive(Debug)]
pub struct Detector<'k> {
    key: &'k PatternKey,
    biases: Vec<u8>,
    places: Vec<Place>,
    /// What was decoded, and whether it was: the highest bit of the first word is the first.
    seen: Vec<Word>,
    classes: Vec<u64>,
    considered: u64,
    best: Vec<Best>,
}

/// Up to 64 decoded bits.
#[derive(Debug, Default, Clone, Copy)]
struct Word {
    ones: u64,
    zeros: u64,
}

/// One of the places where the bits may begin.
#[derive(Debug)]
struct Place {
    start: usize,
    classes: Classes,
}

#[derive(Debug)]
struct Best {
    tag: [u8; 16],
    start: usize,
    tally: Tally,
    log_chance: f64,
}

impl Observation {
    /// Reads bits as `0101?1`; letters A and B are as good, and white space is passed over.
    ///
    /// # Errors
    ///
    /// There is something else, or nothing, or too much.
    pub fn parse(text: &str) -> Result<Self, DetectionError> {
        if text.len() > MOST_OBSERVED_BYTES {
            return Err(DetectionError::TooLong);
        }
        let symbols = text.chars().filter(|symbol| !symbol.is_whitespace());
        let bits = symbols.map(|symbol| match symbol {
            '0' | 'a' | 'A' => Ok(Some(false)),
            '1' | 'b' | 'B' => Ok(Some(true)),
            '?' => Ok(None),
            _ => Err(DetectionError::UnknownSymbol),
        });
        Self::new(bits.collect::<Result<Vec<_>, _>>()?)
    }

    /// Takes bits, with none for those that could not be read.
    ///
    /// # Errors
    ///
    /// None could.
    pub fn new(bits: Vec<Option<bool>>) -> Result<Self, DetectionError> {
        if bits.iter().all(Option::is_none) { Err(DetectionError::Empty) } else { Ok(Self(bits)) }
    }

    /// What is seen of each position of a pattern that long, from the first: a copy that is longer
    /// than the pattern shows a position several times, and most of them count, once.
    fn folded(&self, bits: usize) -> Vec<Word> {
        let mut votes = vec![0_i64; bits.min(self.0.len())];
        for turn in self.0.chunks(bits.max(1)) {
            for (vote, bit) in votes.iter_mut().zip(turn) {
                *vote += bit.map_or(0, |bit| if bit { 1 } else { -1 });
            }
        }
        let words = votes.chunks(64).map(|votes| {
            let mut word = Word::default();
            for (at, vote) in votes.iter().enumerate() {
                let mask = (1_u64 << 63) >> at;
                word.ones |= if *vote > 0 { mask } else { 0 };
                word.zeros |= if *vote < 0 { mask } else { 0 };
            }
            word
        });
        words.collect()
    }
}

impl<'k> Detector<'k> {
    /// Looks for decoded bits among patterns of that key and length.
    ///
    /// # Errors
    ///
    /// There is nothing to look for, or there are too many places.
    pub fn new(
        key: &'k PatternKey,
        bits: u16,
        observed: &Observation,
        start: Start,
    ) -> Result<Self, DetectionError> {
        let length = usize::from(bits);
        let biases = key.biases(bits);
        let seen = observed.folded(length);
        if seen.iter().all(|word| word.ones | word.zeros == 0) {
            return Err(DetectionError::Empty);
        }
        let starts = match start {
            Start::At(index) => {
                let index = index.checked_rem(bits.into()).ok_or(DetectionError::Empty)?;
                let index = usize::try_from(index).unwrap_or_default();
                index..index.saturating_add(1)
            }
            Start::Unknown => 0..length,
        };
        if starts.len().saturating_mul(seen.len()) > MOST_WORDS {
            return Err(DetectionError::TooManyPlaces);
        }
        let words = seen.len() + starts.end / 64 + 1;
        let classes = wrapped(&higher(&biases).ok_or(DetectionError::Empty)?, words);
        let places = starts.map(|start| {
            let mut totals = [0; 4];
            for (word, class) in seen.iter().zip(windows(&classes, start)) {
                count(&mut totals, word.ones, word.zeros, class);
            }
            Place { start, classes: Classes::new(key.kind(), totals) }
        });
        let places = places.collect();
        Ok(Self { key, biases, places, seen, classes, considered: 0, best: Vec::new() })
    }

    /// Compares a tag that was issued. Each is to be given once.
    pub fn consider(&mut self, tag: [u8; 16]) {
        if let Some(pattern) = self.key.with_biases(tag, &self.biases) {
            self.consider_pattern(tag, &pattern);
        }
    }

    /// The same, with its pattern at hand; one of another length is not compared.
    pub fn consider_pattern(&mut self, tag: [u8; 16], pattern: &WmPattern) {
        if usize::from(pattern.bits()) != self.biases.len() {
            return;
        }
        self.considered = self.considered.saturating_add(1);
        let pattern = wrapped(pattern, self.classes.len());
        let scored = self.places.iter().map(|place| {
            let mut ones = [0; 4];
            let windows = windows(&pattern, place.start).zip(windows(&self.classes, place.start));
            for (word, (own, class)) in self.seen.iter().zip(windows) {
                count(&mut ones, word.ones & own, word.zeros & own, class);
            }
            let tally = place.classes.tally(ones);
            (tally.score, tally, place)
        });
        let Some((score, tally, place)) = scored.max_by(|one, other| one.0.total_cmp(&other.0))
        else {
            return;
        };
        // Nobody who fits no better than a few deviations is found, at any number of tags.
        if tally.z() < 3.0 {
            return;
        }
        let log_chance = log_chance(&place.classes, score);
        let best = Best { tag, start: place.start, tally, log_chance };
        let at = self.best.partition_point(|one| one.log_chance <= log_chance);
        self.best.insert(at, best);
        self.best.truncate(MOST_FINDINGS);
    }

    /// Those that fit best, the best first. Those of a [`chance`](Finding::chance) up to
    /// [`GREATEST_CHANCE`] are found; several, where several put their copies together.
    pub fn findings(&self) -> Vec<Finding> {
        let places = u32::try_from(self.places.len()).map_or(f64::INFINITY, f64::from);
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 tags")]
        let tries = self.considered as f64 * places;
        let findings = self.best.iter().map(|best| Finding {
            tag: best.tag,
            start: u64::try_from(best.start).unwrap_or_default(),
            agree: best.tally.agree,
            compared: best.tally.compared,
            z: best.tally.z(),
            chance: (best.log_chance.exp() * tries).min(1.0),
        });
        findings.collect()
    }
}

impl Finding {
    /// Whether it is beyond what chance does.
    pub fn is_found(&self) -> bool {
        self.chance <= GREATEST_CHANCE
    }
}

/// Which positions have the higher bias.
fn higher(biases: &[u8]) -> Option<WmPattern> {
    let bytes: Vec<u8> = biases
        .chunks(8)
        .map(|chunk| {
            (0..).zip(chunk).fold(0, |byte, (at, bias)| byte | u8::from(*bias > 128) << (7 - at))
        })
        .collect();
    WmPattern::new(bytes, u16::try_from(biases.len()).ok()?)
}

/// Adds, by class, how many bits are where a 1 was seen, and where a 0 was.
fn count(counts: &mut [u32; 4], ones: u64, zeros: u64, class: u64) {
    let parts = [ones & !class, zeros & !class, ones & class, zeros & class];
    for (count, part) in counts.iter_mut().zip(parts) {
        *count = count.saturating_add(part.count_ones());
    }
}

/// So many words of the bits of a pattern, which goes round.
fn wrapped(pattern: &WmPattern, words: usize) -> Vec<u64> {
    let mut wrapped = Vec::with_capacity(words);
    // The highest bits are the first; no more than 71 are there.
    let (mut waiting, mut filled) = (0_u128, 0_u32);
    while wrapped.len() < words {
        let mut left = u32::from(pattern.bits());
        for byte in pattern.bytes() {
            let bits = left.min(8);
            left -= bits;
            let byte = u128::from(*byte >> (8 - bits));
            waiting |= byte << (128 - bits - filled);
            filled += bits;
            if filled >= 64 {
                wrapped.extend(u64::try_from(waiting >> 64));
                waiting <<= 64;
                filled -= 64;
            }
        }
    }
    wrapped
}

/// The words from a bit on.
fn windows(words: &[u64], start: usize) -> impl Iterator<Item = u64> {
    let words = words.get(start / 64..).unwrap_or_default();
    let shift = start % 64;
    words.windows(2).map(move |pair| match *pair {
        [one, next] if shift > 0 => one << shift | next >> (64 - shift),
        [one, ..] => one,
        [] => 0,
    })
}
