//! The native API: `/api/v1`, one file a noun, named as in `service`.
//!
//! Lists are pages, writes of what has a revision need `If-Match`, problems are RFC 9457, dates
//! RFC 3339. What a noun looks like on the wire is said here and nowhere else.

pub(super) mod application;
pub(super) mod audit;
pub(super) mod blocklist;
pub(super) mod folder;
pub(super) mod folder_right;
pub(super) mod path_override;
pub(super) mod person;
pub(super) mod revocation;
mod scope_list;
pub(super) mod signing_key;
pub(super) mod tenant;
