//! PDF: an incremental update that adds one object (ISO 32000-1, sections 7.5.4 to 7.5.8).
//!
//! Nothing that is there changes; readers begin at the end, and find the sections of before by the
//! chain. A signed file would show as changed after its signing and is refused; one that is
//! encrypted gets a comment, which is neither string nor stream.

mod object;
mod section;
mod signature;
mod syntax;
mod update;

pub(in crate::forensic) use update::{COMMENT, OBJECT, edits};
