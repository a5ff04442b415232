//! What the codes of patterns withstand: prints the table of the manual.
//!
//! `cargo bench --bench segments [-- TRIALS UNMARKED]`
#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a tool")]

use countersign::sequencing::{
    CodeKind, Detector, Finding, Observation, PatternKey, Start, WmPattern,
};
use zeroize::Zeroizing;

/// Tags that were issued for the file.
const TAGS: u32 = 10_000;
const BITS: u16 = 2048;

type Issued = Vec<([u8; 16], WmPattern)>;

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

/// What those show who put their copies together, of what each has.
type Mix = fn(&[bool], &mut Chance) -> bool;

fn pick(of: &[bool], chance: &mut Chance) -> bool {
    of[usize::try_from(chance.next()).unwrap() % of.len()]
}

fn ones(of: &[bool]) -> usize {
    of.iter().filter(|bit| **bit).count()
}

fn found(
    key: &PatternKey,
    issued: &[([u8; 16], WmPattern)],
    seen: Vec<Option<bool>>,
) -> Vec<Finding> {
    let observed = Observation::new(seen).unwrap();
    let mut detector = Detector::new(key, BITS, &observed, Start::At(0)).unwrap();
    for (tag, pattern) in issued {
        detector.consider_pattern(*tag, pattern);
    }
    detector.findings().into_iter().filter(Finding::is_found).collect()
}

fn main() {
    let mut given = std::env::args()
        .skip(1)
        .filter(|given| given != "--bench")
        .map(|given| given.parse().unwrap());
    let trials: u32 = given.next().unwrap_or(100);
    let unmarked: u32 = given.next().unwrap_or(100_000);
    let one: Mix = |of, _| of[0];
    let attacks: [(&str, usize, Mix, u64, u64); 15] = [
        ("one copy", 1, one, 0, 0),
        ("one copy, 10 % of bits wrong", 1, one, 10, 0),
        ("one copy, 20 % wrong", 1, one, 20, 0),
        ("one copy, 30 % unreadable", 1, one, 0, 30),
        ("one copy, 10 % wrong, 30 % unreadable", 1, one, 10, 30),
        ("two copies, either by chance", 2, pick, 0, 0),
        ("two copies, A where they differ", 2, |of, _| ones(of) == of.len(), 0, 0),
        ("two copies, B where they differ", 2, |of, _| ones(of) > 0, 0, 0),
        ("two copies, either by chance, 10 % wrong", 2, pick, 10, 0),
        ("two copies, A where they differ, 10 % wrong", 2, |of, _| ones(of) == of.len(), 10, 0),
        ("three copies, either by chance", 3, pick, 0, 0),
        ("three copies, what most have", 3, |of, _| ones(of) > 1, 0, 0),
        ("three copies, what fewest have", 3, |of, _| matches!(ones(of), 1 | 3), 0, 0),
        ("four copies, either by chance", 4, pick, 0, 0),
        ("four copies, A where they differ", 4, |of, _| ones(of) == 4, 0, 0),
    ];
    let mut chance = Chance(0x5eed);
    let mut accused = 0_u32;
    for kind in [CodeKind::TwoCopies, CodeKind::FourCopies] {
        let key = PatternKey::new(1, kind, &Zeroizing::new([42; 32]));
        let tags = (0..TAGS).map(|number| u128::from(number).to_be_bytes());
        let issued: Issued = tags.map(|tag| (tag, key.pattern(tag, BITS).unwrap())).collect();
        println!(
            "{kind:?}: of {trials}, how often somebody / everybody guilty is found, by segments"
        );
        for (what, people, mix, wrong, lost) in attacks {
            print!("| {what} |");
            for segments in [64_u64, 128, 256, 512, 1024, 2048] {
                let (mut somebody, mut everybody) = (0, 0);
                for _ in 0..trials {
                    let first = usize::try_from(chance.next() % u64::from(TAGS - 8)).unwrap();
                    let guilty = &issued[first..first + people];
                    let seen = (0..segments).map(|at| {
                        let has: Vec<_> = guilty.iter().map(|(_, own)| own.bit(at)).collect();
                        let shown = mix(&has, &mut chance) ^ chance.below(wrong);
                        (!chance.below(lost)).then_some(shown)
                    });
                    let found = found(&key, &issued, seen.collect());
                    let right = found.iter().filter(|one| guilty.iter().any(|of| of.0 == one.tag));
                    let right = right.count();
                    accused += u32::try_from(found.len() - right).unwrap();
                    somebody += u32::from(right > 0);
                    everybody += u32::from(right == people);
                }
                print!(" {somebody} / {everybody} |");
            }
            println!();
        }
        let few = &issued[..100];
        let mut wrongly = 0;
        for _ in 0..unmarked {
            let seen = (0..512).map(|_| Some(chance.below(50))).collect();
            wrongly += found(&key, few, seen).len();
        }
        println!(
            "unmarked copies of 512 segments, each against 100 tags: {wrongly} accused in {unmarked}"
        );
    }
    println!("strangers accused in all the trials above: {accused}");
}
