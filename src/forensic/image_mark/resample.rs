//! Planes in other sizes, and parts of them.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of pixels and of waves, far below 2^24, and floats that are bounded before"
)]

use super::plane::Plane;

/// Where one side of a picture lies in another: `scale` times the place, plus `shift`; places go
/// from zero to one along each side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) scale: f64,
    pub(super) shift: f64,
}

impl Axis {
    /// The whole of it.
    pub(super) const WHOLE: Self = Self { scale: 1.0, shift: 0.0 };
}

/// Makes a plane of another size, or of a part, out of rows, so that the larger one is never in
/// memory: means over areas where it becomes smaller, cubic curves where it becomes larger.
#[derive(Debug)]
pub(super) struct Resampler {
    across: Vec<Share>,
    down: Vec<Share>,
    made: Plane,
    /// Rows that were pushed.
    seen: usize,
    /// The first row that is not complete.
    next: usize,
}

/// What goes into one number: from where on, and how much of each. None for what lies outside.
#[derive(Debug)]
struct Share {
    start: usize,
    weights: Vec<f32>,
}

impl Resampler {
    /// From rows of one size, width and height, to a plane of another.
    pub(super) fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        Self::part(from, to, [Axis::WHOLE; 2])
    }

    /// The same, where what is made lies across and down in the rows as it is said; zero where it
    /// lies outside of them.
    pub(super) fn part(from: (usize, usize), to: (usize, usize), [x, y]: [Axis; 2]) -> Self {
        Self {
            across: shares(from.0, to.0, x),
            down: shares(from.1, to.1, y),
            made: Plane::filled(to.0, to.1, 0.0),
            seen: 0,
            next: 0,
        }
    }

    /// Takes the next row.
    pub(super) fn push(&mut self, row: &[f32]) {
        let seen = self.seen;
        self.seen += 1;
        let mut line: Option<Vec<f32>> = None;
        for (share, made) in self.down.iter().zip(self.made.rows_mut()).skip(self.next) {
            if share.start > seen {
                break;
            }
            let Some(&weight) = share.weights.get(seen - share.start) else { continue };
            let line = line.get_or_insert_with(|| mixed(row, &self.across));
            for (value, &part) in made.iter_mut().zip(line.iter()) {
                *value += weight * part;
            }
        }
        let done = |it: &Share| it.start + it.weights.len() <= self.seen;
        while self.down.get(self.next).is_some_and(done) {
            self.next += 1;
        }
    }

    /// The plane, when all rows were pushed.
    pub(super) fn finish(self) -> Plane {
        self.made
    }
}

/// A part of a plane in another size.
pub(super) fn part(plane: &Plane, to: (usize, usize), axes: [Axis; 2]) -> Plane {
    let mut resampler = Resampler::part((plane.width(), plane.height()), to, axes);
    plane.rows().for_each(|row| resampler.push(row));
    resampler.finish()
}

/// Which of the numbers of a side that becomes `to` long lie wholly in the other.
pub(super) fn inside(to: usize, axis: Axis) -> std::ops::Range<usize> {
    // A hair of room, so that rounding takes nothing away.
    let hair = 1e-6 * axis.scale;
    let is_in = |index: usize| {
        let (begin, end) = span(to, axis, index);
        begin >= -hair && end <= 1.0 + hair
    };
    let first = (0..to).find(|&it| is_in(it)).unwrap_or(to);
    let last = (first..to).rfind(|&it| is_in(it)).map_or(first, |it| it + 1);
    first..last
}

fn span(to: usize, axis: Axis, index: usize) -> (f64, f64) {
    let place = |at: f64| axis.scale * (at / to.max(1) as f64) + axis.shift;
    (place(index as f64), place(index as f64 + 1.0))
}

fn mixed(row: &[f32], shares: &[Share]) -> Vec<f32> {
    let made = shares.iter().map(|share| {
        let parts = row.get(share.start..).unwrap_or_default();
        share.weights.iter().zip(parts).map(|(weight, part)| weight * part).sum()
    });
    made.collect()
}

fn shares(from: usize, to: usize, axis: Axis) -> Vec<Share> {
    let length = from as f64;
    let share = |index: usize| {
        let (begin, end) = span(to, axis, index);
        let (begin, end) = (begin * length, end * length);
        if end <= 0.0 || begin >= length {
            // Rows are pushed past it in order: it is complete at once, or after the last.
            return Share { start: if end <= 0.0 { 0 } else { from }, weights: Vec::new() };
        }
        if end - begin <= 1.0 {
            return curved(0.5 * (begin + end) - 0.5, from);
        }
        let start = begin.max(0.0).floor() as usize;
        let stop = (end.ceil() as usize).min(from).max(start + 1);
        let part = |at: usize| {
            let covered = end.min(at as f64 + 1.0) - begin.max(at as f64);
            (covered / (end - begin)).max(0.0) as f32
        };
        Share { start, weights: (start..stop).map(part).collect() }
    };
    (0..to).map(share).collect()
}

/// At a place between two of the numbers; those beyond an end are as the last one.
fn curved(place: f64, from: usize) -> Share {
    let whole = place.floor();
    let last = from as i64 - 1;
    let first = whole as i64 - 1;
    let start = first.clamp(0, last);
    let stop = (first + 3).clamp(0, last);
    let mut weights = vec![0.0; usize::try_from(stop - start + 1).unwrap_or(1)];
    for (at, weight) in (first..).zip(cubic((place - whole) as f32)) {
        let at = usize::try_from(at.clamp(0, last) - start).unwrap_or(0);
        if let Some(sum) = weights.get_mut(at) {
            *sum += weight;
        }
    }
    Share { start: usize::try_from(start).unwrap_or(0), weights }
}

/// How much of each of four neighbours: Catmull and Rom's curve, `part` of the way from the second
/// to the third.
pub(super) fn cubic(part: f32) -> [f32; 4] {
    let (t, t2, t3) = (part, part * part, part * part * part);
    [
        0.5 * (-t3 + 2.0 * t2 - t),
        0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
        0.5 * (-3.0 * t3 + 4.0 * t2 + t),
        0.5 * (t3 - t2),
    ]
}
