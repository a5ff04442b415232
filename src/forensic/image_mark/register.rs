//! Finds the original in a suspect: how it was scaled, cut and moved.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of pixels and of waves, far below 2^24, and floats that are bounded before"
)]

use super::correlate::{Spectrum, Square};
use super::linear::Squares;
use super::plane::Plane;
use super::resample::{Axis, inside, part};

/// Where the original lies in the suspect, across and down.
pub(super) type Placement = [Axis; 2];

/// The longer side that the search works at.
const SEARCH_SIDE: usize = 128;

/// The square of the search, and the one for suspects that show more than the original.
const SQUARE: usize = 256;
const LARGE_SQUARE: usize = 512;

/// How much of the longer side a suspect shows, at least and at most, and the step from one guess
/// to the next.
const LEAST_SHOWN: f64 = 0.22;
const MOST_SHOWN: f64 = 2.9;
const STEP: f64 = 1.022;

/// Guesses that are looked at closely.
const CLOSELY: usize = 8;

/// How much of the suspect's details the original has to explain.
const ENOUGH: f64 = 0.1;

/// So much, and no better guess is looked for: patterns that repeat explain as much at a wrong place.
const PLENTY: f64 = 0.95;

/// How far a guess may move or grow while it is refined, as a part of the original's side.
const FARTHEST: f64 = 0.04;

/// How far around a place what is there is taken for slow: the rest are details.
const DETAILS: usize = 6;

/// A guess, and how much of the suspect it explains.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    pub(super) at: Placement,
    pub(super) explained: f64,
}

/// Finds the original in the suspect. `None` if it is not there.
///
/// `pixels` are the sizes of the whole pictures in pixels, the original's and the suspect's: both
/// planes are smaller than those.
pub(super) fn register(
    original: &Plane,
    suspect: &Plane,
    pixels: [(usize, usize); 2],
) -> Option<Guess> {
    let small = at_most(original, SEARCH_SIDE);
    let small_suspect = at_most(suspect, 3 * SEARCH_SIDE);
    let mut best = refined(&small, &small_suspect, [Axis::WHOLE; 2], 8);
    // The likeliest first: a plain cut, a part of another size, and the whole among other things.
    for zooms in scales(pixels) {
        if best.explained >= PLENTY {
            break;
        }
        for guess in guesses(&small, &small_suspect, &zooms) {
            let guess = refined(&small, &small_suspect, guess, 8);
            if guess.explained > best.explained {
                best = guess;
            }
        }
    }
    if best.explained < ENOUGH {
        return None;
    }
    let middle = at_most(original, 2 * SEARCH_SIDE);
    let best = refined(&middle, suspect, best.at, 6);
    let best = refined(original, suspect, best.at, 6);
    (best.explained >= ENOUGH).then_some(best)
}

fn at_most(plane: &Plane, longest: usize) -> Plane {
    let (width, height) = (plane.width(), plane.height());
    let long = width.max(height);
    if long <= longest {
        return plane.clone();
    }
    let side = |side: usize| ((side * longest + long / 2) / long).max(1);
    plane.resized(side(width), side(height))
}

/// The best guesses of a search over scales, by phase correlation at each.
fn guesses(original: &Plane, suspect: &Plane, scales: &[(f64, f64)]) -> Vec<Placement> {
    let (width, height) = (original.width(), original.height());
    let mut squares: Vec<(Square, Spectrum)> = Vec::new();
    let mut found = Vec::new();
    for &(across, down) in scales {
        let size = |side: usize, part: f64| ((side as f64 * part).round() as usize).max(1);
        let to = (size(width, across), size(height, down));
        if to.0.min(to.1) < 16 || to.0.max(to.1) > LARGE_SQUARE {
            continue;
        }
        let fits = (to.0 + width).max(to.1 + height) <= SQUARE;
        let side = if fits { SQUARE } else { LARGE_SQUARE };
        if squares.iter().all(|(square, _)| square.side() != side) {
            let square = Square::new(side);
            let spectrum = square.spectrum(&details(original));
            squares.push((square, spectrum));
        }
        let fitting = squares.iter().find(|(square, _)| square.side() == side);
        let Some((square, spectrum)) = fitting else { continue };
        let resized = details(&suspect.resized(to.0, to.1));
        for (x, y) in square.shifts(spectrum, &square.spectrum(&resized)) {
            let axis = |side: usize, shown: usize, shift: i64| {
                // What is at x of the original is at x − shift of the suspect.
                Axis { scale: side as f64 / shown as f64, shift: -(shift as f64) / shown as f64 }
            };
            let at = [axis(width, to.0, x), axis(height, to.1, y)];
            if let Some((explained, _)) = step(original, suspect, at) {
                found.push((explained, at));
            }
        }
    }
    found.sort_by(|one, two| two.0.total_cmp(&one.0));
    found.into_iter().take(CLOSELY).map(|(_, at)| at).collect()
}

/// Guesses of how much of the original the suspect shows across and down, where one is all of it,
/// in the order in which they are tried.
fn scales([whole, shown]: [(usize, usize); 2]) -> [Vec<(f64, f64)>; 3] {
    let ratio = (shown.0 as f64 / whole.0 as f64, shown.1 as f64 / whole.1 as f64);
    let long = ratio.0.max(ratio.1);
    let mut parts = Vec::new();
    let mut part = LEAST_SHOWN;
    while part <= MOST_SHOWN {
        parts.push(part / long);
        part *= STEP;
    }
    let (cuts, frames) = parts.into_iter().partition(|zoom| zoom * long < 1.01);
    [vec![1.0, 0.5, 2.0], cuts, frames].map(|zooms| {
        let is_within = |&zoom: &f64| (LEAST_SHOWN / 1.5..=MOST_SHOWN).contains(&(zoom * long));
        zooms.into_iter().filter(is_within).map(|zoom| (ratio.0 * zoom, ratio.1 * zoom)).collect()
    })
}

/// Moves and scales a guess, across and down apart, until the original and the suspect differ
/// least (Lucas and Kanade's way).
fn refined(original: &Plane, suspect: &Plane, at: Placement, rounds: usize) -> Guess {
    let mut best = Guess { at, explained: f64::MIN };
    let mut next = at;
    for _ in 0..=rounds {
        let Some((explained, better)) = step(original, suspect, next) else { break };
        if explained <= best.explained {
            break;
        }
        best = Guess { at: next, explained };
        if !is_near(at, better) {
            break;
        }
        next = better;
    }
    best
}

/// Is a placement still the one that it came from? One that moves on is on its way to where few
/// details are seen, or are drawn out until they fit.
fn is_near(one: Placement, other: Placement) -> bool {
    one.into_iter().zip(other).all(|(one, other)| {
        let growth = other.scale / one.scale - 1.0;
        let middle = |it: Axis| 0.5 * it.scale + it.shift;
        let move_by = (middle(other) - middle(one)) / one.scale;
        growth.abs() < FARTHEST && move_by.abs() < FARTHEST
    })
}

/// How much of the suspect's details a placement explains, and a better one.
fn step(original: &Plane, suspect: &Plane, at: Placement) -> Option<(f64, Placement)> {
    let (width, height) = (original.width(), original.height());
    let [x, y] = at;
    let (columns, rows) = (inside(width, x), inside(height, y));
    if columns.len() * rows.len() * 30 < width * height || columns.len() < 16 || rows.len() < 16 {
        return None;
    }
    // Of both the part that both show, without what changes slowly: light, skies, gradients, which
    // fit anywhere.
    let wanted = details(&original.window(columns.clone(), rows.clone()));
    let shown = part(suspect, (width, height), at).window(columns.clone(), rows.clone());
    let shown = details(&shown);
    let (half_width, half_height) = (width as f64 / 2.0, height as f64 / 2.0);
    let mut squares = Squares::<5>::new();
    let mut power = 0.0;
    let each = |take: &mut dyn FnMut([f64; 5], f64)| {
        for row in 1..rows.len() - 1 {
            let numbers = |y: usize, from: usize| {
                shown.row(y).get(from..).unwrap_or_default().iter().copied().map(f64::from)
            };
            let sides = numbers(row, 0).zip(numbers(row, 2));
            let ends = numbers(row - 1, 1).zip(numbers(row + 1, 1));
            let values = wanted.row(row).get(1..columns.len() - 1).unwrap_or_default();
            let down = ((rows.start + row) as f64 + 0.5 - half_height) / half_height;
            for (((column, &value), ((left, right), (above, below))), here) in
                (columns.start + 1..).zip(values).zip(sides.zip(ends)).zip(numbers(row, 1))
            {
                let across = (column as f64 + 0.5 - half_width) / half_width;
                let (gx, gy) = (0.5 * (right - left), 0.5 * (below - above));
                take([-gx, -gx * across, -gy, -gy * down, f64::from(value)], here);
            }
        }
    };
    each(&mut |features, target| {
        squares.add(features, target);
        power += target * target;
    });
    let found = squares.solve();
    let [move_x, grow_x, move_y, grow_y, _] = found;
    // As it lies now: without what moving it would gain.
    let (mut both, mut own) = (0.0, 0.0);
    each(&mut |[_, _, _, _, value], target| {
        both += value * target;
        own += value * value;
    });
    // The square of their correlation; a picture's negative is not that picture.
    let explained = if both > 0.0 { both * both / f64::max(own * power, 1e-9) } else { 0.0 };
    let moved = |axis: Axis, by: f64, grow: f64, half: f64| {
        // d = by + grow (x − half) / half, in pixels of the original's plane.
        let (by, grow) = (by.clamp(-4.0, 4.0) / half, grow.clamp(-4.0, 4.0) / half);
        Axis {
            scale: axis.scale * (1.0 + grow),
            shift: axis.shift + axis.scale * (by - grow) / 2.0,
        }
    };
    let [x, y] = at;
    Some((explained, [moved(x, move_x, grow_x, half_width), moved(y, move_y, grow_y, half_height)]))
}

/// What changes within a few numbers, without the finest.
fn details(plane: &Plane) -> Plane {
    let soft = plane.softened();
    soft.with(&soft.blurred(DETAILS), |soft, slow| soft - slow)
}
