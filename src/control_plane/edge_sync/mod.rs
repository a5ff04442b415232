//! The control side of the way to edges that are programs of their own.
//!
//! One task ([`EdgeHub::run`]) follows the store's feed and keeps the newest part of it as lines;
//! every edge's connection reads from there at its own pace. One that is too far behind for that
//! reads the store's feed, and one that is behind even that gets a snapshot, which lies in a file
//! and is read from there: whatever an edge needs, and however slowly it takes it, nobody waits
//! for it but itself.
//!
//! **Invariants.** A connection is there only as long as its edge's token is good: one that was
//! revoked or replaced ends within half a second. A heartbeat is sent only for a moment at which the
//! store was really looked at: a control plane whose store is away does not vouch for anything, and lets
//! its edges go after some seconds.
//!
//! Not here: the lines (`feed`), and who an edge is (`account`).

mod hub;
mod recent;
mod spool;
mod stream;

pub use hub::EdgeHub;
pub use stream::FeedLines;
