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
//! **Invariants.** No byte of such a link's file leaves without a claim that was granted. A ledger
//! that is away grants nothing. What was asked for and not answered is given up, so that it cannot be
//! granted later to nobody.
//!
//! Not here: what a claim is granted (`control_plane/record/link_claim.rs`).

mod claims;
mod crowds;
mod keeper;
mod ledger;
mod one_use;
#[cfg(test)]
mod tests;

pub use claims::{ClaimOrders, Claims};
pub use keeper::keep_claims;
pub use ledger::{Ledger, LedgerError};
pub(super) use one_use::{Claimed, OneUse};
