//! One scan of a file: coefficients out of codes (T.81, F.2 and G.2).

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "one bit, at most 13 up; and what was bounded before"
)]

use super::super::unmarkable::Unmarkable;
use super::bits::BitReader;
use super::head::{Block, Frame, Tables};
use super::huffman::ReadingCode;

/// What a scan's head says.
#[derive(Debug)]
pub(super) struct Scan {
    /// Its components: place in the frame, tables of direct and of alternating parts.
    parts: Vec<(usize, usize, usize)>,
    /// The first and the last coefficient.
    first: usize,
    last: usize,
    /// Bits below those that the scans before gave, and those that this one leaves open.
    high: u32,
    low: u32,
}

impl Scan {
    /// Reads the segment of a scan.
    pub(super) fn read(segment: &[u8], frame: &Frame) -> Result<Self, Unmarkable> {
        let broken = || Unmarkable::Broken(None);
        let (&count, rest) = segment.split_first().ok_or_else(broken)?;
        let (pairs, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(broken)?;
        let mut parts: Vec<(usize, usize, usize)> = Vec::new();
        for &[id, tables] in pairs.as_chunks::<2>().0 {
            let place = frame.components.iter().position(|it| it.id == id).ok_or_else(broken)?;
            if parts.iter().any(|it| it.0 == place) {
                return Err(broken());
            }
            parts.push((place, usize::from(tables >> 4), usize::from(tables & 15)));
        }
        let &[first, last, bits] = rest.first_chunk().ok_or_else(broken)?;
        let (first, last) = (usize::from(first), usize::from(last));
        let (high, low) = (u32::from(bits >> 4), u32::from(bits & 15));
        let is_right = if frame.is_progressive {
            let is_alone = parts.len() == 1;
            let is_direct = first == 0 && last == 0;
            let is_alternating = first > 0 && first <= last && last < 64 && is_alone;
            (is_direct || is_alternating) && low <= 13 && (high == 0 || high == low + 1)
        } else {
            (first, last, high, low) == (0, 63, 0, 0)
        };
        if is_right && !parts.is_empty() {
            Ok(Self { parts, first, last, high, low })
        } else {
            Err(broken())
        }
    }

    /// The places in the frame of its components.
    pub(super) fn components(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().map(|it| it.0)
    }

    /// Reads its data, which begins there; says where the data ends.
    pub(super) fn decode(
        &self,
        frame: &mut Frame,
        tables: &Tables,
        data: &[u8],
        at: usize,
    ) -> Result<usize, Unmarkable> {
        let mut bits = BitReader::new(data, at);
        let mut state = State { before: vec![0; self.parts.len()], ended: 0 };
        let groups = match self.parts.as_slice() {
            [(only, ..)] => {
                let one = frame.components.get(*only).ok_or(Unmarkable::Broken(None))?;
                (one.width, one.height)
            }
            _ => frame.groups,
        };
        let mut seen = 0;
        for row in 0..groups.1 {
            for column in 0..groups.0 {
                if tables.restart > 0 && seen > 0 && seen % tables.restart == 0 {
                    bits.restart()?;
                    state.before.fill(0);
                    state.ended = 0;
                }
                seen += 1;
                self.group(frame, tables, &mut bits, &mut state, (column, row))?;
            }
        }
        Ok(bits.end())
    }

    fn group(
        &self,
        frame: &mut Frame,
        tables: &Tables,
        bits: &mut BitReader<'_>,
        state: &mut State,
        (column, row): (usize, usize),
    ) -> Result<(), Unmarkable> {
        let broken = || Unmarkable::Broken(None);
        let is_alone = self.parts.len() == 1;
        for (&(place, direct, alternating), before) in self.parts.iter().zip(&mut state.before) {
            let component = frame.components.get_mut(place).ok_or_else(broken)?;
            let direct = tables.direct.get(direct).and_then(Option::as_ref);
            let alternating = tables.alternating.get(alternating).and_then(Option::as_ref);
            let (across, down) = if is_alone { (1, 1) } else { (component.across, component.down) };
            for y in 0..down {
                for x in 0..across {
                    let at = (row * down + y) * component.stride + column * across + x;
                    let block = component.blocks.get_mut(at).ok_or_else(broken)?;
                    if !frame.is_progressive {
                        let direct = direct.ok_or_else(broken)?;
                        sequential(block, bits, direct, alternating.ok_or_else(broken)?, before)?;
                    } else if self.first == 0 {
                        self.direct(block, bits, direct, before)?;
                    } else {
                        let code = alternating.ok_or_else(broken)?;
                        if self.high == 0 {
                            self.alternating(block, bits, code, &mut state.ended)?;
                        } else {
                            self.refined(block, bits, code, &mut state.ended)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The direct part in a progressive scan (T.81, G.1.2.1).
    fn direct(
        &self,
        block: &mut Block,
        bits: &mut BitReader<'_>,
        code: Option<&ReadingCode>,
        before: &mut i32,
    ) -> Result<(), Unmarkable> {
        let [first, ..] = block;
        if self.high > 0 {
            *first |= (bits.take(1)? << self.low) as i16;
            return Ok(());
        }
        let value = difference(bits, code.ok_or(Unmarkable::Broken(None))?, before)?;
        *first = narrow(value << self.low);
        Ok(())
    }

    /// A first scan of alternating parts (T.81, G.1.2.2).
    fn alternating(
        &self,
        block: &mut Block,
        bits: &mut BitReader<'_>,
        code: &ReadingCode,
        ended: &mut u32,
    ) -> Result<(), Unmarkable> {
        if *ended > 0 {
            *ended -= 1;
            return Ok(());
        }
        let mut at = self.first;
        while at <= self.last {
            let symbol = code.read(bits)?;
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if run < 15 {
                    *ended = (1 << run) - 1 + u32::from(bits.take(run)?);
                    return Ok(());
                }
                at += 16;
                continue;
            }
            at += run as usize;
            let value = bits.signed(size)?;
            if at > self.last {
                return Err(Unmarkable::Broken(None));
            }
            if let Some(slot) = block.get_mut(at) {
                *slot = narrow(value << self.low);
            }
            at += 1;
        }
        Ok(())
    }

    /// A later scan of alternating parts: one bit more (T.81, G.1.2.3).
    fn refined(
        &self,
        block: &mut Block,
        bits: &mut BitReader<'_>,
        code: &ReadingCode,
        ended: &mut u32,
    ) -> Result<(), Unmarkable> {
        let bit = 1_i16 << self.low;
        let slots = block.get_mut(self.first..=self.last).unwrap_or_default();
        let mut slots = slots.iter_mut();
        if *ended == 0 {
            loop {
                if slots.len() == 0 {
                    return Ok(());
                }
                let symbol = code.read(bits)?;
                let (run, size) = (u32::from(symbol >> 4), symbol & 15);
                let mut new = 0;
                if size == 0 {
                    if run < 15 {
                        *ended = (1 << run) + u32::from(bits.take(run)?);
                        break;
                    }
                } else {
                    new = if bits.take(1)? == 1 { bit } else { -bit };
                }
                let mut zeros = run;
                for slot in slots.by_ref() {
                    if *slot != 0 {
                        more(slot, bit, bits)?;
                    } else if zeros > 0 {
                        zeros -= 1;
                    } else {
                        *slot = new;
                        break;
                    }
                }
            }
        }
        *ended -= 1;
        for slot in slots.filter(|it| **it != 0) {
            more(slot, bit, bits)?;
        }
        Ok(())
    }
}

/// What is remembered from one block to the next.
#[derive(Debug)]
struct State {
    /// Of each component, its last direct part.
    before: Vec<i32>,
    /// Blocks to come that have nothing more.
    ended: u32,
}

/// One bit more of a number that is not zero.
fn more(slot: &mut i16, bit: i16, bits: &mut BitReader<'_>) -> Result<(), Unmarkable> {
    if bits.take(1)? == 1 && *slot & bit == 0 {
        *slot = slot.saturating_add(if *slot > 0 { bit } else { -bit });
    }
    Ok(())
}

fn sequential(
    block: &mut Block,
    bits: &mut BitReader<'_>,
    direct: &ReadingCode,
    alternating: &ReadingCode,
    before: &mut i32,
) -> Result<(), Unmarkable> {
    let [first, ..] = block;
    *first = narrow(difference(bits, direct, before)?);
    let mut at = 1;
    while at < 64 {
        let symbol = alternating.read(bits)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                return Ok(());
            }
            at += 16;
            continue;
        }
        at += run;
        let value = bits.signed(size)?;
        *block.get_mut(at).ok_or(Unmarkable::Broken(None))? = narrow(value);
        at += 1;
    }
    Ok(())
}

fn difference(
    bits: &mut BitReader<'_>,
    code: &ReadingCode,
    before: &mut i32,
) -> Result<i32, Unmarkable> {
    let size = u32::from(code.read(bits)?);
    if size > 15 {
        return Err(Unmarkable::Broken(None));
    }
    *before = i32::from(narrow(before.saturating_add(bits.signed(size)?)));
    Ok(*before)
}

fn narrow(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}
