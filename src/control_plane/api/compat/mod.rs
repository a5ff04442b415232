//! Vendors' dialects: their paths, shapes and errors, over the same services.

pub(super) mod mediahub;
pub(super) mod thron;
pub(super) mod vmpro;
