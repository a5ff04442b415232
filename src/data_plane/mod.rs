//! Answers links: from an accepted connection to the last byte of a response.

mod forwarded;

pub use forwarded::{ForwardedHeader, ForwardedRejection, MAX_HOPS};
