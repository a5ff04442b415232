//! What there is: which files each content and each folder is made of, where they are, and whether
//! their editors have published them.
//!
//! [`Catalog`] is one index for all workers, changed entry by entry: one content among a million
//! costs microseconds, not a rebuild. A request takes the entry it asks for once, with one look,
//! and keeps it to its end: whatever changes meanwhile, it is decided about and served from one
//! state.
//!
//! Other things that a version of the feed changes (overrides, keys) are swapped as a whole, so the
//! catalog changes around that swap: what only closes before it, what only opens after it
//! ([`Catalog::restrict`], [`Grants::give`]). An entry that opens something says from which version
//! on ([`Entry::is_newer_than`]), so that a request which took the state of before the swap does not
//! decide by half of each.
//!
//! Contents that connectors find by another name than their id are in a second index by that name,
//! which follows the first: what it gives is looked up there, and has to have the name still.
//!
//! Not here: who may have a file (`policy`), and how the catalog comes here (the change feed).

mod change;
mod content_names;
mod encoding;
mod entry;
mod index;
mod name_index;
mod names;
mod packed;
mod table;

pub use change::{CatalogChange, Grants};
pub use content_names::NameRef;
pub use entry::{
    ContentKind, ContentName, ContentNames, ContentState, FileKind, FilePlace, FileState,
    FolderState, Period, Publication,
};
pub use index::{Called, Catalog};
pub use packed::{Entry, FileRef};
