//! What a file says before its coded data: sizes, tables, and segments of others.

use super::super::picture::is_within;
use super::super::unmarkable::Unmarkable;
use super::huffman::ReadingCode;

/// Most tables that a file may define, and most scans: a hundred times what any has.
const MOST_TABLES: usize = 1000;
pub(super) const MOST_SCANS: usize = 200;

/// Coefficients of a block, in the order of the file, slow ones first.
pub(super) type Block = [i16; 64];

/// One of the colours, or the luma.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks across and down in a group of all components.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Which table it is quantised by.
    pub(super) table: u8,
    /// Blocks in a row, and rows, that show something.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks in a row with those that fill up the last group.
    pub(super) stride: usize,
    pub(super) blocks: Vec<Block>,
    /// Its table, as it was when its first scan came.
    pub(super) steps: Option<[u16; 64]>,
}

/// What the frame's head says.
#[derive(Debug)]
pub(in super::super) struct Frame {
    pub(super) is_progressive: bool,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Groups across and down.
    pub(super) groups: (usize, usize),
    pub(super) components: Vec<Component>,
}

/// Tables that are in force.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) steps: [Option<[u16; 64]>; 4],
    pub(super) direct: [Option<ReadingCode>; 4],
    pub(super) alternating: [Option<ReadingCode>; 4],
    /// Groups between two restarts; zero if there are none.
    pub(super) restart: usize,
    defined: usize,
}

impl Frame {
    /// Reads the segment of a frame.
    pub(super) fn read(marker: u8, segment: &[u8]) -> Result<Self, Unmarkable> {
        let is_progressive = match marker {
            0xc0 | 0xc1 => false,
            0xc2 => true,
            // Lossless, hierarchical, arithmetic.
            _ => return Err(Unmarkable::Unsupported),
        };
        let Some(([bits, h1, h0, w1, w0, count], rest)) = segment.split_first_chunk() else {
            return Err(Unmarkable::Broken(None));
        };
        if *bits != 8 || !matches!(count, 1 | 3) {
            return Err(Unmarkable::Unsupported);
        }
        let (height, width) = (u16::from_be_bytes([*h1, *h0]), u16::from_be_bytes([*w1, *w0]));
        if width == 0 || height == 0 {
            return Err(Unmarkable::Unsupported);
        }
        is_within((u32::from(width), u32::from(height)))?;
        let (width, height) = (usize::from(width), usize::from(height));
        let mut shapes = Vec::new();
        for part in rest.as_chunks::<3>().0.iter().take(usize::from(*count)) {
            let [id, factors, table] = *part;
            let (across, down) = (usize::from(factors >> 4), usize::from(factors & 15));
            if !(1..=4).contains(&across) || !(1..=4).contains(&down) || table > 3 {
                return Err(Unmarkable::Broken(None));
            }
            shapes.push((id, across, down, table));
        }
        if shapes.len() != usize::from(*count) {
            return Err(Unmarkable::Broken(None));
        }
        // One alone is not in groups.
        if let [(_, across, down, _)] = shapes.as_mut_slice() {
            (*across, *down) = (1, 1);
        }
        let most = shapes.iter().fold((1, 1), |most, it| (it.1.max(most.0), it.2.max(most.1)));
        // The luma is what is finest.
        if shapes.first().is_none_or(|it| (it.1, it.2) != most) {
            return Err(Unmarkable::Unsupported);
        }
        let groups = (width.div_ceil(8 * most.0), height.div_ceil(8 * most.1));
        let components = shapes.into_iter().map(|(id, across, down, table)| {
            let stride = groups.0 * across;
            Component {
                id,
                across,
                down,
                table,
                width: (width * across).div_ceil(8 * most.0),
                height: (height * down).div_ceil(8 * most.1),
                stride,
                blocks: vec![[0; 64]; stride * groups.1 * down],
                steps: None,
            }
        });
        let components = components.collect();
        Ok(Self { is_progressive, width, height, groups, components })
    }
}

impl Tables {
    /// Reads the segment of quantisation tables.
    pub(super) fn read_steps(&mut self, mut segment: &[u8]) -> Result<(), Unmarkable> {
        while let Some((&head, rest)) = segment.split_first() {
            self.count()?;
            let mut table = [1_u16; 64];
            let rest = if head >> 4 == 0 {
                let (steps, rest) = rest.split_at_checked(64).ok_or(Unmarkable::Broken(None))?;
                table.iter_mut().zip(steps).for_each(|(to, &step)| *to = u16::from(step));
                rest
            } else {
                let (steps, rest) = rest.split_at_checked(128).ok_or(Unmarkable::Broken(None))?;
                let steps = steps.as_chunks().0.iter();
                table.iter_mut().zip(steps).for_each(|(to, &step)| *to = u16::from_be_bytes(step));
                rest
            };
            if table.contains(&0) {
                return Err(Unmarkable::Broken(None));
            }
            let slot = self.steps.get_mut(usize::from(head & 15));
            *slot.ok_or(Unmarkable::Broken(None))? = Some(table);
            segment = rest;
        }
        Ok(())
    }

    /// Reads the segment of Huffman tables.
    pub(super) fn read_codes(&mut self, mut segment: &[u8]) -> Result<(), Unmarkable> {
        while let Some((&head, rest)) = segment.split_first() {
            self.count()?;
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(Unmarkable::Broken(None))?;
            let length = counts.iter().map(|&it| usize::from(it)).sum();
            let (symbols, rest) = rest.split_at_checked(length).ok_or(Unmarkable::Broken(None))?;
            let kind = if head >> 4 == 0 { &mut self.direct } else { &mut self.alternating };
            let slot = kind.get_mut(usize::from(head & 15)).ok_or(Unmarkable::Broken(None))?;
            *slot = Some(ReadingCode::new(*counts, symbols)?);
            segment = rest;
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Unmarkable> {
        self.defined += 1;
        if self.defined > MOST_TABLES { Err(Unmarkable::Broken(None)) } else { Ok(()) }
    }
}
