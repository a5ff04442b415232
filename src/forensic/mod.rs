//! Forensic tags: whose copy a file is (requirements K.1 to K.3, K.6).
//!
//! A [`TagId`] is 16 bytes that a [`TagKey`] made: the number of an issue, and a MAC. It says
//! nothing of anybody; to whom it was issued is in a log elsewhere. Its text, [`MARK_BYTES`] of
//! ASCII, is put into a copy of a file where the file's format has a place for it: the layer L1,
//! which survives copying and renaming, and hardly a program that writes the file anew.
//!
//! - [`plan`] reads a few places of a file, as [`Excerpts`] that whoever has the file feeds it, and
//!   says how the copy differs: a [`SplicePlan`], or a [`Refusal`]. What the file shows, plays or
//!   unpacks to stays as it is, bit for bit.
//! - A [`SplicePlan`] knows the length of the copy and what lies in any span of it before a byte of
//!   it was read, and holds the inserted bytes only.
//! - A [`Scanner`] is fed a whole file, piece by piece, and finds every mark in it: the marks are
//!   in plain sight in every format, so it needs no format, no name and no order, and no more
//!   memory for a larger file.
//!
//! A file that was tagged before gets a second tag, and both are found: whose copy it was is not
//! forgotten when it is uploaded again.
//!
//! Pure: no I/O and no clock. What files say of themselves is believed by nobody: each number is
//! checked against the file's length, and what is asked for is bounded by [`MOST_ASKS`] and
//! [`MOST_FED`].

mod container;
mod excerpt;
mod image_mark;
mod kind;
mod media_type;
mod planner;
mod refusal;
mod scan;
mod splice_plan;
mod tag;
#[cfg(test)]
mod tests;

pub use excerpt::{Excerpts, MOST_ASKS, MOST_FED, Span};
pub use image_mark::{
    Compared, Likeness, MARKS, MOST_BYTES, MOST_PIXELS, MarkKey, Unmarkable, compare, mark,
    may_be_marked,
};
pub use kind::FileKind;
pub use media_type::may_carry;
pub use planner::{Outlook, PLANS, Planned, plan};
pub use refusal::Refusal;
pub use scan::{Carrier, MOST_SIGHTINGS, Scanner, Sighting};
pub use splice_plan::{Edit, NotOrderly, Piece, SplicePlan};
pub use tag::{Layers, MARK_BYTES, SightedTag, TagId, TagKey, TagKeyNumber, TagVerdict};
