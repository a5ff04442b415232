//! What links of ours may be used for, beyond what a decision can tell from one request.
//!
//! A link that may be used once (requirements G22) is claimed in a ledger when the head of its answer
//! is known, 200 or 206 with bytes, and before the first of them leaves: HEAD, 304, refusals and
//! empty files claim nothing. How the answer ended is told to the ledger when its body is dropped,
//! whoever dropped it ([`Claimed`]).
//!
//! The ledger is another runtime's business, perhaps another machine's: workers hand over [`Claims`]
//! and go on with other requests meanwhile, and [`keep_claims`] does what they ask of whatever is a
//! [`Ledger`], for a crowd at one link with few questions (`crowds`).
//!
//! A link that is watched for going round, or that may have so many downloads at once, is counted
//! before anything is fetched: the second half of step 8. In this process (`places`, `downloads`), or
//! in Redis for several edges (`redis_store`); `counters` knows which, and what is done while Redis is
//! away. No request waits longer for it than the time-out, and none for a connection to be made.
//!
//! **Invariants.** No byte of a one-use link's file leaves without a claim that was granted. A ledger
//! that is away grants nothing. What was asked for and not answered is given up, so that it cannot be
//! granted later to nobody. What counts a download is dropped with its body.
//!
//! Not here: what a claim is granted (`control_plane/record/link_claim.rs`); addresses and proxies'
//! headers (`policy`).

mod claims;
mod config;
mod counters;
mod crowds;
mod downloads;
mod keeper;
mod lease;
mod ledger;
mod link;
#[cfg(test)]
mod models;
mod one_use;
mod places;
mod redis_store;
mod script;
#[cfg(test)]
mod tests;
mod user_agent;

pub use claims::{ClaimOrders, Claims};
pub use config::{RedisConfig, RedisUrl, RedisUrlRejection, UsageConfig, WhenAway};
pub(super) use counters::{Begun, Use};
pub use counters::{UsageCounters, UsageSetupError};
pub(super) use downloads::DownloadKind;
pub use keeper::keep_claims;
pub(super) use lease::Slot;
pub use ledger::{Ledger, LedgerError};
pub(super) use link::{LinkRef, Visit, network_of};
pub(super) use one_use::{Claimed, OneUse};
pub use redis_store::RedisKeeper;
pub(super) use user_agent::UserAgentFamily;
