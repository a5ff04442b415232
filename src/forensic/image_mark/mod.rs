//! The image mark: whose copy a picture is, in its pixels (requirements K.4).
//!
//! The layer L2. It survives what a tag beside the pixels does not: writing the file anew, another
//! format, compression, scaling, cutting, a screenshot. Nobody sees it, and only who has the key and
//! the original can find it.
//!
//! - [`mark`] adds a pattern to the luma of a picture: some thousands of slow and middling waves over
//!   all of it, each up or down, as a sequence says that derives from the [`MarkKey`] and the tag
//!   (spread spectrum, after Cox, Kilian, Leighton and Shamoon, 1997). It is stronger where more
//!   moves in the picture, and not there at all where nothing moves. It is at least 40 decibels below
//!   the peak, 46 as a rule. A copy in which its own tag is not found clearly is not given out.
//! - [`compare`] takes an original and a suspect, finds the one in the other by phase correlation,
//!   places it to a fraction of a pixel, brings it to the same tones, and subtracts it: what is left
//!   is the mark and what was done to the copy.
//! - [`Compared::find`] asks for each of a list of tags whether its sequence is in what is left. That
//!   somebody is named who had no part in it is bounded for any suspect whatever, also for one made
//!   to deceive by somebody without the key: the only chance in it is that of the signs.
//!
//! What it does not survive: a picture turned by some degrees, bent, mirrored, or cut down to less
//! than a fifth of a side; a drawing made after it; an attacker who has the original. Who mixes
//! copies of several people weakens each one's mark by their number. Copies share nothing that tells
//! of the key, but who has two of them sees where they differ. Preview pictures in Exif stay as they
//! are, without a mark.
//!
//! Marks of older versions are found only by code of that version: see [`MARKS`].
//!
//! Pure: no I/O and no clock. Sizes are bounded by [`MOST_BYTES`] and [`MOST_PIXELS`] before anything
//! is decoded; either function takes, by estimate, at most thirty bytes a pixel beside the files.

mod band;
mod compare;
mod correlate;
mod cosine;
mod enlarger;
mod jpeg;
mod key;
mod linear;
mod marking;
mod media_type;
mod picture;
mod plane;
mod png;
mod register;
mod resample;
mod residual;
mod strength;
mod tail;
#[cfg(test)]
mod tests;
mod unmarkable;
mod webp;

use super::SightedTag;

pub use compare::{Compared, Likeness, compare};
pub use key::MarkKey;
pub use marking::{MARKS, mark};
pub use media_type::may_be_marked;
pub use unmarkable::{MOST_BYTES, MOST_PIXELS, Unmarkable};
