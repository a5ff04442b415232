//! May this request have this asset: the compiled, immutable parts of an answer.

mod netset;
mod reputation;

pub use netset::{
    BlocklistBuilder, MAX_ENTRIES, MAX_FILE_BYTES, MAX_LINE_BYTES, NetsetError, NetsetErrors,
    NetsetFile, NetsetRejection,
};
pub use reputation::{BlockedRange, Blocklist};
