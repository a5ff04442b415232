//! Files that are not what they say.

use super::super::jpeg::coefficients;
use super::super::{MOST_PIXELS, Unmarkable, compare, mark};
use super::pictures::{PAIR, jpeg, key, png, rgb, tag, webp};

/// Numbers that look like chance, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn tried(file: &[u8]) {
    // Whatever comes of it, it comes.
    drop(mark(file, &key(), tag(1)));
    drop(compare(&PAIR.original, file));
}

#[test]
fn cut_files_are_refused() {
    let picture = rgb(260, 257);
    for file in [jpeg(&picture, 80), png(&picture), webp(&picture)] {
        for part in [2, 3, 11, 20, 33, 60, 300, 700, file.len() / 2, file.len() * 9 / 10] {
            let cut = &file[..part];
            assert!(mark(cut, &key(), tag(1)).is_err(), "{part}");
        }
    }
}

#[test]
fn damaged_files_do_no_harm() {
    let picture = rgb(256, 256);
    let mut dice = Dice(5);
    for file in [jpeg(&picture, 50), png(&picture), webp(&picture)] {
        for _ in 0..2 {
            let mut damaged = file.clone();
            for _ in 0..3 {
                let at = dice.below(damaged.len().min(900));
                damaged[at] = u8::try_from(dice.below(256)).unwrap();
            }
            tried(&damaged);
        }
    }
}

/// Codes, tables and scans of a JPEG, damaged in many ways: what we read ourselves.
#[test]
fn damaged_coefficients_do_no_harm() {
    let mut dice = Dice(11);
    let (mut read, mut refused) = (0, 0);
    let file = jpeg(&rgb(64, 48), 60);
    let mut progressive = file.clone();
    let start = file.windows(2).position(|it| it == [0xff, 0xc0]).unwrap();
    progressive[start + 1] = 0xc2;
    for file in [file, progressive] {
        for _ in 0..3000 {
            let mut damaged = file.clone();
            for _ in 0..=dice.below(4) {
                let at = dice.below(damaged.len());
                damaged[at] = u8::try_from(dice.below(256)).unwrap();
            }
            damaged.truncate(damaged.len() - dice.below(3) * dice.below(200));
            if coefficients(&damaged).is_ok() { read += 1 } else { refused += 1 }
        }
    }
    assert!(read > 100 && refused > 100, "{read} {refused}");
}

#[test]
fn claims_of_size_cost_nothing() {
    let mut tall = png(&rgb(256, 256));
    tall[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    let mut wide = PAIR.original.clone();
    let start = wide.windows(2).position(|it| it == [0xff, 0xc0]).unwrap();
    wide[start + 5..start + 9].fill(0xff);
    assert!(u64::from(u16::MAX) * u64::from(u16::MAX) > MOST_PIXELS);
    for file in [tall, wide] {
        for refused in [
            mark(&file, &key(), tag(1)).unwrap_err(),
            compare(&file, &PAIR.copy).unwrap_err(),
            compare(&PAIR.original, &file).unwrap_err(),
        ] {
            assert!(matches!(refused, Unmarkable::TooLarge), "{refused:?}");
        }
    }
}
