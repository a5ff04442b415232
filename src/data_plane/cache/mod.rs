//! What is kept between requests: objects in memory, large ones on a disk; one cache for all workers.
//!
//! Sits between `fetch` and the origins, at the level of an origin's answer: a hit is an object
//! whose bytes are here, and conditions and ranges are evaluated on it as on any other. Freshness
//! is RFC 9111's, with RFC 5861 for what is stale; a client's own `Cache-Control` plays no part, for
//! nobody may make the edge ask its origin by wishing so.
//!
//! Invariants:
//! - no authorisation in a key, no decision in the cache: a key is made from a `Cacheable`, which
//!   only a redeemed permit gives, so a hit is a request that was decided about like any other. An
//!   original (`Delivery::Source`) is no `Cacheable`;
//! - only whole objects are kept, or slices of which it is known how large the whole is and which
//!   version it is: what ends early, or is another status, is not. What an object is told by has no part in its key but the request headers
//!   that were really sent for it;
//! - one question at a time for one object that is not here, asked by a task of its own, so that
//!   it outlives the client that began it. What turns out not to be kept holds nobody up: it is
//!   remembered for a while that there is nothing to wait for;
//! - what is kept is bounded in bytes, and so is what is being read in order to be kept.
//!
//! A kept object is a description and the place of its body (`stored`): memory, or the files of
//! `slices`.
//!
//! Not here: who may have an object, which part of it is sent, and what clients are told of
//! keeping it.

mod answering;
mod fill;
mod flights;
mod freshness;
mod key;
mod purging;
mod slices;
mod status;
mod store;
mod stored;

pub use answering::{Cache, CacheConfig};
pub(super) use answering::{Kept, Served, Wanted};
pub(super) use fill::Credentials;
pub use key::PurgeScope;
pub use slices::DiskConfig;
pub(super) use status::{CacheStatus, Passed};
