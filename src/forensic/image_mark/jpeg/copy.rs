//! Marked copies.

#![expect(clippy::cast_possible_truncation, reason = "at most 8")]

use super::super::SightedTag;
use super::super::band::frame;
use super::super::enlarger::Enlarger;
use super::super::key::MarkKey;
use super::super::marking::{Made, change, is_large_enough};
use super::super::plane::Plane;
use super::super::resample::Resampler;
use super::super::unmarkable::Unmarkable;
use super::blocks::{Cosines, ORDER, changed};
use super::decode::decode;
use super::encode::encode;
use super::head::{Component, Frame};

/// The largest step of coefficients that the mark changes: larger ones are divided, or rounding
/// would take the mark away.
const LARGEST_STEP: u16 = 6;

/// Most blocks in a group (T.81, B.2.3).
const MOST_IN_GROUP: usize = 10;

/// A copy of a file with the mark in its luma.
pub(in super::super) fn marked(
    original: &[u8],
    key: &MarkKey,
    tag: SightedTag,
) -> Result<Made, Unmarkable> {
    let mut coded = decode(original)?;
    let size = (coded.frame.width, coded.frame.height);
    is_large_enough(size)?;
    let in_group: usize = coded.frame.components.iter().map(|it| it.across * it.down).sum();
    if in_group > MOST_IN_GROUP {
        return Err(Unmarkable::Unsupported);
    }
    let cosines = Cosines::new();
    let to = frame(size);
    let luma = shrunk(&coded.frame, &cosines, to)?;
    let cover = Plane::filled(to.0, to.1, 1.0);
    let change = change(&luma, &cover, key, tag);
    // How fast, in coefficients of a block, the fastest wave is; and one more, as blocks cut it.
    let fast = (8 * to.0 * 35).div_ceil(100 * size.0).max((8 * to.1 * 35).div_ceil(100 * size.1));
    let fast = (fast + 2).min(8) as u8;
    let component = coded.frame.components.first_mut().ok_or(Unmarkable::Broken(None))?;
    repaint(component, &cosines, &mut Enlarger::new(&change, size), fast)?;
    let file = encode(&coded.frame, &coded.kept);
    Ok(Made { file, luma, cover })
}

/// The luma in a smaller size.
fn shrunk(frame: &Frame, cosines: &Cosines, to: (usize, usize)) -> Result<Plane, Unmarkable> {
    let component = frame.components.first().ok_or(Unmarkable::Broken(None))?;
    let steps = component.steps.ok_or(Unmarkable::Broken(None))?;
    let mut resampler = Resampler::new((frame.width, frame.height), to);
    let mut left = frame.height;
    for row in 0..component.height {
        for line in cosines.luma(component, &steps, row).iter().take(left) {
            resampler.push(line.get(..frame.width).unwrap_or(line));
        }
        left = left.saturating_sub(8);
    }
    Ok(resampler.finish())
}

/// Adds the change to the luma's coefficients.
fn repaint(
    component: &mut Component,
    cosines: &Cosines,
    change: &mut Enlarger<'_>,
    fast: u8,
) -> Result<(), Unmarkable> {
    let old = component.steps.ok_or(Unmarkable::Broken(None))?;
    let mut new = old;
    for (step, (u, v)) in new.iter_mut().zip(ORDER) {
        if u < fast && v < fast {
            *step = step.div_ceil(step.div_ceil(LARGEST_STEP));
        }
    }
    component.steps = Some(new);
    let stride = component.stride;
    for (row, blocks) in component.blocks.chunks_mut(stride.max(1)).enumerate() {
        let mut lines = [(); 8].map(|()| Vec::new());
        for (line, y) in lines.iter_mut().zip(8 * row..) {
            let values = change.row(y);
            // Blocks reach beyond the edge; what is there is as at the edge.
            let last = values.last().copied().unwrap_or(0.0);
            *line = values.to_vec();
            line.resize(8 * stride, last);
        }
        for (column, block) in blocks.iter_mut().enumerate() {
            let part = lines.each_ref().map(|line| {
                let part = line.get(8 * column..).and_then(|it| it.first_chunk::<8>());
                part.copied().unwrap_or_default()
            });
            let is_still = part.iter().flatten().all(|it| it.abs() < 1e-3);
            let by = (!is_still).then(|| cosines.coefficients(&part, fast));
            changed(block, &old, &new, by.as_ref());
        }
    }
    Ok(())
}
