//! Does the comparison of tags tell by its time where they differ? As in dudect (Reparaz, Balasch,
//! Verbauwhede, 2017): two classes of wrong tags, in random order, and Welch's t-test of their
//! times, as measured and with the slowest cropped at several percentiles. Under 4.5 nothing is
//! seen.
//!
//! `cargo bench --bench constant_time`; exits with an error when the promise fails. The same test
//! on a comparison that stops at the first difference shows that it would be seen.

#![expect(
    clippy::disallowed_types,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a stopwatch with a report; 53 bits are enough for nanoseconds"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use countersign::clock::UnixSeconds;
use countersign::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, MacAlgorithm, SharedKey};

const PAIRS: usize = 200_000;
/// Verifications in one measurement, so that it is longer than the clock's grain.
const REPEATS: usize = 4;
const LIMIT: f64 = 4.5;
const TEXT: &[u8] = b"exp=1893456000~acl=/private/videos/-civ9qE3JUjntKQM1HnGtU/*";

fn main() -> ExitCode {
    let key = SharedKey::from_hex(
        KeyId::new("it"),
        "aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899",
        KeyPurpose::Vendor,
        KeyWindow::default(),
    );
    let Ok(key) = key else { return ExitCode::FAILURE };
    let ring = Keyring::new(vec![key]);
    let now = UnixSeconds::new(0);
    let (Some(signer), Some(verifier)) = (ring.signer(now), ring.verifiers(now).next()) else {
        return ExitCode::FAILURE;
    };
    let mut held = true;
    for &algorithm in MacAlgorithm::ALL {
        let right = bytes_of(&format!("{:x}", signer.tag(algorithm, |input| input.write(TEXT))));
        let classes = Classes::new(&right);
        let t = classes.largest_t(|tag| {
            verifier.verifies(algorithm, black_box(tag), |input| input.write(black_box(TEXT)))
        });
        println!("VerifyingKey::verifies, {:<6}  |t| = {t:.2}", algorithm.wire_name());
        held &= t < LIMIT;
        if algorithm == MacAlgorithm::Sha256 {
            // Behind the same hash, so that it has to be seen through the same noise.
            let t = classes.largest_t(|tag| {
                verifier.verifies(algorithm, black_box(tag), |input| input.write(black_box(TEXT)))
                    || stops_at_the_first_difference(&right, black_box(tag))
            });
            println!("with one that stops early       |t| = {t:.2}");
            held &= t > LIMIT;
        }
    }
    println!("limit {LIMIT}, {PAIRS} pairs, {REPEATS} verifications a measurement");
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The two classes: wrong in the first byte, wrong in the last.
struct Classes {
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Classes {
    fn new(right: &[u8]) -> Self {
        let (mut first, mut last) = (right.to_vec(), right.to_vec());
        first.iter_mut().take(1).for_each(|byte| *byte ^= 0x80);
        last.iter_mut().rev().take(1).for_each(|byte| *byte ^= 0x80);
        Self { first, last }
    }

    /// |t| over all measurements, and over those below several percentiles; the largest.
    fn largest_t(&self, mut verify: impl FnMut(&[u8]) -> bool) -> f64 {
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        // One buffer for both classes, so that where it lies cannot tell them apart.
        let mut tag = self.first.clone();
        let mut times = Vec::with_capacity(2 * PAIRS);
        for round in 0..2 * PAIRS + 10_000 {
            random ^= random >> 12;
            random ^= random << 25;
            random ^= random >> 27;
            let is_first = random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 63 == 0;
            tag.copy_from_slice(if is_first { &self.first } else { &self.last });
            let started = Instant::now();
            for _ in 0..REPEATS {
                assert!(!verify(black_box(&tag)), "a wrong tag verified");
            }
            let nanoseconds = started.elapsed().as_nanos() as f64;
            // The first rounds warm up.
            if round >= 10_000 {
                times.push((is_first, nanoseconds));
            }
        }
        let mut sorted: Vec<f64> = times.iter().map(|(_, time)| *time).collect();
        sorted.sort_by(f64::total_cmp);
        let percentile = |percent: usize| sorted.get(sorted.len() * percent / 100 - 1).copied();
        [50, 75, 90, 95, 99, 100]
            .into_iter()
            .filter_map(percentile)
            .map(|most| welch_t(times.iter().filter(|(_, time)| *time <= most)).abs())
            .fold(0.0, f64::max)
    }
}

fn welch_t<'m>(measurements: impl Iterator<Item = &'m (bool, f64)>) -> f64 {
    // Welford's running mean and variance, one for each class.
    let mut classes = [(0.0_f64, 0.0_f64, 0.0_f64); 2];
    let [first, last] = &mut classes;
    for (is_first, time) in measurements {
        let (count, mean, squares) = if *is_first { &mut *first } else { &mut *last };
        *count += 1.0;
        let delta = time - *mean;
        *mean += delta / *count;
        *squares += delta * (time - *mean);
    }
    let spread = |(count, _, squares): (f64, f64, f64)| squares / (count - 1.0) / count;
    (first.1 - last.1) / (spread(*first) + spread(*last)).sqrt()
}

/// What must not be: for comparison.
fn stops_at_the_first_difference(right: &[u8], tag: &[u8]) -> bool {
    for (expected, byte) in right.iter().zip(tag) {
        if black_box(expected) != black_box(byte) {
            return false;
        }
    }
    true
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    pairs.iter().filter_map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
