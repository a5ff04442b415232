//! Connections on pipes, with the clock stopped: whatever a deadline says happens at that instant.

pub(super) mod frames;
mod http1;
mod http2;
mod http2_abuse;
mod spliced;
pub(in super::super) mod toy;
