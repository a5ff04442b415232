//! Huffman codes: those of a file, and the best for a copy (T.81, annexes C and K.2).

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "lengths up to 16, codes of 16 bits, places up to 256"
)]

use super::super::unmarkable::Unmarkable;
use super::bits::BitReader;

/// Bits of codes that are looked up at once.
const QUICK: u32 = 9;

/// A code to read by.
#[derive(Clone, Debug)]
pub(super) struct ReadingCode {
    /// By the next bits: length and symbol; no length if it is longer.
    quick: Vec<(u8, u8)>,
    /// Of each length from one: the first code beyond it, shifted to 16 bits, and what to add to
    /// a code of that length to have its symbol's place.
    lengths: Vec<(u32, i32)>,
    symbols: Vec<u8>,
}

impl ReadingCode {
    /// From how many codes there are of each length, and their symbols.
    pub(super) fn new(counts: [u8; 16], symbols: &[u8]) -> Result<Self, Unmarkable> {
        let mut quick = vec![(0, 0); 1 << QUICK];
        let mut lengths = Vec::with_capacity(16);
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, count) in (1_u32..).zip(counts) {
            let count = u32::from(count);
            let offset = place as i32 - code as i32;
            if code + count > 1 << length {
                return Err(Unmarkable::Broken(None));
            }
            if length <= QUICK {
                for one in 0..count {
                    let symbol =
                        *symbols.get(place + one as usize).ok_or(Unmarkable::Broken(None))?;
                    let first = ((code + one) << (QUICK - length)) as usize;
                    let covered = quick.get_mut(first..first + (1 << (QUICK - length)));
                    covered.unwrap_or_default().fill((length as u8, symbol));
                }
            }
            place += count as usize;
            code += count;
            lengths.push((code << (16 - length), offset));
            code <<= 1;
        }
        let symbols = symbols.get(..place).ok_or(Unmarkable::Broken(None))?.to_vec();
        Ok(Self { quick, lengths, symbols })
    }

    /// Reads a symbol.
    pub(super) fn read(&self, bits: &mut BitReader<'_>) -> Result<u8, Unmarkable> {
        let next = bits.peek();
        let quick = self.quick.get(usize::from(next >> (16 - QUICK))).copied().unwrap_or_default();
        if quick.0 > 0 {
            bits.skip(u32::from(quick.0))?;
            return Ok(quick.1);
        }
        for (length, &(beyond, offset)) in (1_u32..).zip(&self.lengths) {
            if u32::from(next) < beyond {
                bits.skip(length)?;
                let place = i32::from((u32::from(next) >> (16 - length)) as u16) + offset;
                let place = usize::try_from(place).map_err(|_| Unmarkable::Broken(None))?;
                return self.symbols.get(place).copied().ok_or(Unmarkable::Broken(None));
            }
        }
        Err(Unmarkable::Broken(None))
    }
}

/// A code to write by: the shortest for symbols that occur so often.
#[derive(Clone, Debug)]
pub(super) struct WritingCode {
    /// Codes of each length from one to 16.
    pub(super) counts: [u8; 16],
    /// By length, then by number.
    pub(super) symbols: Vec<u8>,
    /// By symbol: code and length.
    codes: Vec<(u32, u32)>,
}

impl WritingCode {
    /// For symbols that occur as often as is said, by symbol.
    pub(super) fn new(occurs: &[u32; 256]) -> Self {
        let mut lengths: Vec<(u8, u32)> = Vec::new();
        for (symbol, length) in (0..=u8::MAX).zip(code_lengths(occurs)) {
            if length > 0 {
                lengths.push((symbol, length));
            }
        }
        lengths.sort_by_key(|&(symbol, length)| (length, symbol));
        let mut counts = [0_u8; 16];
        let mut codes = vec![(0, 0); 256];
        let (mut code, mut last) = (0_u32, 0_u32);
        for &(symbol, length) in &lengths {
            code <<= length - last;
            last = length;
            if let Some(slot) = codes.get_mut(usize::from(symbol)) {
                *slot = (code, length);
            }
            if let Some(count) = counts.get_mut(length as usize - 1) {
                *count += 1;
            }
            code += 1;
        }
        Self { counts, symbols: lengths.into_iter().map(|it| it.0).collect(), codes }
    }

    /// The code of a symbol, and how long it is.
    pub(super) fn of(&self, symbol: u8) -> (u32, u32) {
        self.codes.get(usize::from(symbol)).copied().unwrap_or_default()
    }
}

/// How long each symbol's code is, at most 16; none is all ones, as there is one more symbol that
/// never occurs.
fn code_lengths(occurs: &[u32; 256]) -> Vec<u32> {
    // Counts are halved until no code is too long: hardly ever, and it costs next to nothing.
    let mut weights: Vec<u64> = occurs.iter().map(|&it| u64::from(it)).collect();
    weights.push(1);
    loop {
        let lengths = tree_depths(&weights);
        if lengths.iter().all(|&it| it <= 16) {
            return longest_last(lengths);
        }
        weights.iter_mut().filter(|it| **it > 0).for_each(|it| *it = *it / 2 + 1);
    }
}

/// The one that never occurs takes the place of a longest, so that its code is all ones.
fn longest_last(mut lengths: Vec<u32>) -> Vec<u32> {
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let own = lengths.pop().unwrap_or(0);
    if own < longest
        && let Some(other) = lengths.iter_mut().find(|it| **it == longest)
    {
        *other = own;
    }
    lengths
}

/// How deep each weight lies in Huffman's tree; zero for those that do not occur.
fn tree_depths(weights: &[u64]) -> Vec<u32> {
    let mut depths = vec![0; weights.len()];
    let mut heap: std::collections::BinaryHeap<_> = weights
        .iter()
        .enumerate()
        .filter(|it| *it.1 > 0)
        .map(|(symbol, &weight)| std::cmp::Reverse((weight, vec![symbol])))
        .collect();
    if heap.len() == 1
        && let Some(std::cmp::Reverse((_, symbols))) = heap.peek()
    {
        symbols.iter().filter_map(|&it| depths.get_mut(it).map(|it| *it = 1)).for_each(drop);
    }
    while let (Some(std::cmp::Reverse(one)), Some(std::cmp::Reverse(two))) =
        (heap.pop(), heap.pop())
    {
        let mut symbols = one.1;
        symbols.extend(two.1);
        for &symbol in &symbols {
            if let Some(depth) = depths.get_mut(symbol) {
                *depth += 1;
            }
        }
        if heap.is_empty() {
            break;
        }
        heap.push(std::cmp::Reverse((one.0 + two.0, symbols)));
    }
    depths
}
