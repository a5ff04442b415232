//! A zip archive of many files as one object, that can be resumed.
//!
//! [`Draft`] is told which entries there are, pinned to exact bytes; [`Plan`] then knows the whole
//! archive to the byte: its length, its entity tag, and what lies in any span of it. [`object`] makes
//! it something that is delivered as any file is, so that ranges and conditions are
//! answered in one place. Entries are stored as they are: media does not get smaller, and only so
//! the length is known before the first byte and any part can be had without those before it.
//!
//! Not here: who may have which entry. Whoever implements [`Entries`] decides that, again each time
//! that bytes of an entry leave.

mod name;
mod plan;
mod record;
mod stream;
#[cfg(test)]
mod tests;

pub use name::{EntryName, EntryNames};
pub use plan::{Draft, Piece, Pinned, Plan, TooLong};
pub use stream::{Entries, Opening, object};
