//! What the suite is built from.

pub(crate) mod edge;
pub(crate) mod raw_client;
