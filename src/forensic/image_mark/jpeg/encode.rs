//! Coefficients as a sequential file, with codes of its own (T.81, B.2 and F.1).

#![expect(
    clippy::cast_possible_truncation,
    reason = "factors up to 4, sizes up to 12, places of three components"
)]

use super::bits::BitWriter;
use super::head::{Block, Frame};
use super::huffman::WritingCode;

/// Writes a file: segments that are kept as they are, then the picture.
pub(in super::super) fn encode(frame: &Frame, kept: &[&[u8]]) -> Vec<u8> {
    let mut occurs = [[0_u32; 256]; 4];
    each_symbol(frame, &mut |part, symbol, _, _| {
        if let Some(count) = occurs.get_mut(part).and_then(|it| it.get_mut(usize::from(symbol))) {
            *count += 1;
        }
    });
    let codes = occurs.map(|occurs| WritingCode::new(&occurs));
    let mut bits = BitWriter::default();
    each_symbol(frame, &mut |part, symbol, extra, size| {
        if let Some(code) = codes.get(part) {
            let (code, length) = code.of(symbol);
            bits.put(code, length);
            bits.put(extra, size);
        }
    });
    let mut out = vec![0xff, 0xd8];
    for segment in kept {
        out.extend_from_slice(segment);
    }
    let tables = head(frame, &mut out);
    let parts = if frame.components.len() == 1 { 2 } else { 4 };
    for (part, code) in (0_u8..).zip(&codes).take(parts) {
        // Direct and alternating of the luma, then of the colours.
        let mut segment = vec![((part % 2) << 4) | (part / 2)];
        segment.extend_from_slice(&code.counts);
        segment.extend_from_slice(&code.symbols);
        put(&mut out, 0xc4, &segment);
    }
    let mut segment = vec![tables];
    for (place, component) in frame.components.iter().enumerate() {
        segment.extend([component.id, if place == 0 { 0x00 } else { 0x11 }]);
    }
    segment.extend([0, 63, 0]);
    put(&mut out, 0xda, &segment);
    out.extend(bits.finish());
    out.extend([0xff, 0xd9]);
    out
}

/// Writes the tables of steps and the frame's head; says how many components there are.
fn head(frame: &Frame, out: &mut Vec<u8>) -> u8 {
    let mut tables: Vec<[u16; 64]> = Vec::new();
    let mut segment = vec![8];
    for side in [frame.height, frame.width] {
        segment.extend(u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes());
    }
    let count = u8::try_from(frame.components.len()).unwrap_or(u8::MAX);
    segment.push(count);
    for component in &frame.components {
        let steps = component.steps.unwrap_or([1; 64]);
        let place = tables.iter().position(|it| *it == steps).unwrap_or_else(|| {
            tables.push(steps);
            tables.len() - 1
        });
        let factors = (component.across << 4 | component.down) as u8;
        segment.extend([component.id, factors, place as u8]);
    }
    let mut is_wide = false;
    for (place, steps) in (0_u8..).zip(&tables) {
        let narrow: Vec<u8> = steps.iter().filter_map(|&it| u8::try_from(it).ok()).collect();
        let table = if narrow.len() == steps.len() {
            [vec![place], narrow].concat()
        } else {
            is_wide = true;
            let wide = steps.iter().flat_map(|it| it.to_be_bytes()).collect();
            [vec![0x10 | place], wide].concat()
        };
        put(out, 0xdb, &table);
    }
    put(out, if is_wide { 0xc1 } else { 0xc0 }, &segment);
    count
}

fn put(out: &mut Vec<u8>, marker: u8, segment: &[u8]) {
    out.extend([0xff, marker]);
    out.extend(u16::try_from(segment.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(segment);
}

/// Gives each symbol in order: which code it is of (direct and alternating parts of the luma, then
/// of the colours), and the bits that follow it, with their number.
fn each_symbol(frame: &Frame, take: &mut impl FnMut(usize, u8, u32, u32)) {
    let mut before = vec![0_i32; frame.components.len()];
    let is_alone = frame.components.len() == 1;
    let groups = match frame.components.as_slice() {
        [only] => (only.width, only.height),
        _ => frame.groups,
    };
    for row in 0..groups.1 {
        for column in 0..groups.0 {
            for (place, (component, before)) in frame.components.iter().zip(&mut before).enumerate()
            {
                let part = if place == 0 { 0 } else { 2 };
                let (across, down) =
                    if is_alone { (1, 1) } else { (component.across, component.down) };
                for y in 0..down {
                    let start = (row * down + y) * component.stride + column * across;
                    let blocks = component.blocks.get(start..start + across);
                    for block in blocks.unwrap_or_default() {
                        symbols(block, before, part, take);
                    }
                }
            }
        }
    }
}

fn symbols(
    block: &Block,
    before: &mut i32,
    part: usize,
    take: &mut impl FnMut(usize, u8, u32, u32),
) {
    let bounded = |value: i16| i32::from(value.clamp(-1023, 1023));
    let [first, rest @ ..] = block;
    let direct = bounded(*first);
    let (extra, size) = extra_bits(direct - *before);
    *before = direct;
    take(part, size as u8, extra, size);
    let mut run = 0_u8;
    let end = rest.iter().rposition(|&it| it != 0).map_or(0, |it| it + 1);
    for &value in rest.iter().take(end) {
        if value == 0 {
            run += 1;
            continue;
        }
        while run >= 16 {
            take(part + 1, 0xf0, 0, 0);
            run -= 16;
        }
        let (extra, size) = extra_bits(bounded(value));
        take(part + 1, run << 4 | size as u8, extra, size);
        run = 0;
    }
    if end < 63 {
        take(part + 1, 0, 0, 0);
    }
}

/// The bits that tell a number from the others of its size, and its size (T.81, F.1.2.1).
fn extra_bits(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let bits =
        if value < 0 { (1_u32 << size) - 1 - value.unsigned_abs() } else { value.unsigned_abs() };
    (bits, size)
}
