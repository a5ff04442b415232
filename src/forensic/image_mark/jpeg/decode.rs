//! A file as coefficients, and the segments that are kept.

use super::super::unmarkable::Unmarkable;
use super::head::{Frame, MOST_SCANS, Tables};
use super::scan::Scan;

/// A file that was read.
#[derive(Debug)]
pub(in super::super) struct Coded<'a> {
    pub(in super::super) frame: Frame,
    /// Segments that say nothing of how the pixels are coded, each with its marker and length.
    pub(in super::super) kept: Vec<&'a [u8]>,
}

/// Reads a file up to its end, or to that of its first picture.
pub(in super::super) fn decode(file: &[u8]) -> Result<Coded<'_>, Unmarkable> {
    let broken = || Unmarkable::Broken(None);
    let mut tables = Tables::default();
    let mut frame: Option<Frame> = None;
    let mut kept = Vec::new();
    let mut red_green_blue = false;
    let (mut at, mut scans) = (2, 0);
    while let Some((marker, start)) = next_marker(file, at) {
        let length = file.get(start..).and_then(|it| it.first_chunk());
        let length = || length.map(|&it| usize::from(u16::from_be_bytes(it))).ok_or_else(broken);
        let segment = match marker {
            0x01 | 0xd0..=0xd8 => {
                at = start;
                continue;
            }
            0xd9 => break,
            _ => {
                at = start + length()?;
                file.get(start + 2..at).ok_or_else(broken)?
            }
        };
        match marker {
            0xc4 => tables.read_codes(segment)?,
            0xdb => tables.read_steps(segment)?,
            0xdd => {
                let &groups = segment.first_chunk().ok_or_else(broken)?;
                tables.restart = usize::from(u16::from_be_bytes(groups));
            }
            0xc0..=0xcf if frame.is_some() => return Err(broken()),
            0xc0..=0xcf => frame = Some(Frame::read(marker, segment)?),
            0xda => {
                scans += 1;
                let frame = frame.as_mut().ok_or_else(broken)?;
                if scans > MOST_SCANS {
                    return Err(broken());
                }
                at = scan(frame, &tables, segment, file, at)?;
            }
            // The number of lines comes behind the first scan.
            0xdc => return Err(Unmarkable::Unsupported),
            0xe0..=0xef | 0xfe if scans == 0 => {
                red_green_blue |= is_red_green_blue(marker, segment);
                if !segment.starts_with(b"MPF\0") {
                    kept.extend(file.get(start - 2..at));
                }
            }
            _ => {}
        }
    }
    let frame = frame.ok_or_else(broken)?;
    let ids: Vec<_> = frame.components.iter().map(|it| it.id).collect();
    // Of one colour it says nothing.
    if ids == b"RGB" || red_green_blue && ids.len() > 1 {
        return Err(Unmarkable::Unsupported);
    }
    if frame.components.iter().any(|it| it.steps.is_none()) {
        return Err(broken());
    }
    Ok(Coded { frame, kept })
}

fn scan(
    frame: &mut Frame,
    tables: &Tables,
    segment: &[u8],
    file: &[u8],
    at: usize,
) -> Result<usize, Unmarkable> {
    let scan = Scan::read(segment, frame)?;
    for place in scan.components() {
        if let Some(component) = frame.components.get_mut(place)
            && component.steps.is_none()
        {
            component.steps = tables.steps.get(usize::from(component.table)).copied().flatten();
        }
    }
    scan.decode(frame, tables, file, at)
}

/// The next marker from there on, and where it ends.
fn next_marker(file: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        match file.get(at..)? {
            [0xff, 0x00 | 0xff, ..] => at += 1,
            [0xff, marker, ..] => return Some((*marker, at + 2)),
            [_, _, ..] => at += 1,
            _ => return None,
        }
    }
}

/// Adobe's segment says whether three colours are luma and differences, or not.
fn is_red_green_blue(marker: u8, segment: &[u8]) -> bool {
    marker == 0xee && segment.starts_with(b"Adobe") && segment.get(11) == Some(&0)
}
