//! Bodies of any length whose every byte tells where it is and of which body, made and compared
//! without being held.

use std::io::Write;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::chance::Chance;

/// Bytes that are made at a time.
const PIECE: usize = 64 * 1024;

/// A body is made of blocks of so many bytes: a prime, so that they meet no boundary twice.
const BLOCK: usize = 65_521;

/// A SHA-256.
pub(crate) type Sum = [u8; 32];

/// Twice as long as a block: each body's blocks begin somewhere else in it.
static RANDOM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut chance = Chance(7);
    (0..=2 * BLOCK / 8).flat_map(|_| chance.next().to_le_bytes()).collect()
});

/// Some bytes of the body of this length. A block begins with its number, and goes on at random.
pub(crate) fn content(length: usize, first: usize, count: usize) -> Vec<u8> {
    let turn = length.wrapping_mul(40_503) % BLOCK;
    let mut bytes = Vec::with_capacity(count + BLOCK);
    let mut block = first / BLOCK;
    while bytes.len() < first % BLOCK + count {
        bytes.extend_from_slice(&(block as u64).to_le_bytes());
        bytes.extend_from_slice(&RANDOM[turn + 8..turn + BLOCK]);
        block += 1;
    }
    bytes.truncate(first % BLOCK + count);
    bytes.split_off(first % BLOCK)
}

/// The pieces of a part of that body, in order.
fn pieces(length: usize, first: usize, count: usize) -> impl Iterator<Item = Vec<u8>> {
    (first..first + count)
        .step_by(PIECE)
        .map(move |at| content(length, at, PIECE.min(first + count - at)))
}

/// What a part of that body sums up to.
pub(crate) fn sum(length: usize, first: usize, count: usize) -> Sum {
    let mut hash = Sha256::new();
    pieces(length, first, count).for_each(|piece| hash.update(piece));
    hash.finalize().into()
}

/// Writes the whole of it.
pub(crate) fn write(length: usize, mut to: impl Write) {
    pieces(length, 0, length).for_each(|piece| to.write_all(&piece).unwrap());
}

/// Takes so many bytes from wherever they come, a piece at a time, and sums them up.
pub(crate) fn sum_of(count: usize, mut take: impl FnMut(usize) -> Option<Vec<u8>>) -> Option<Sum> {
    let mut hash = Sha256::new();
    let mut left = count;
    while left > 0 {
        let piece = take(left.min(PIECE))?;
        left -= piece.len();
        hash.update(piece);
    }
    Some(hash.finalize().into())
}
