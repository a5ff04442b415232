//! Whoever knows which links were used.

use std::error::Error;

use crate::claim::{ClaimDraft, ClaimEnd, ClaimRuling};

/// The ledger of one-use links, near or far. A claim that is made again is the same claim.
pub trait Ledger: Send + Sync + 'static {
    /// Claims a use.
    fn claim(
        &self,
        draft: &ClaimDraft,
    ) -> impl Future<Output = Result<ClaimRuling, LedgerError>> + Send;

    /// Says how a claim ended.
    fn end(&self, end: &ClaimEnd) -> impl Future<Output = Result<(), LedgerError>> + Send;
}

/// Why the ledger says nothing.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be reached, or its records cannot.
    #[error("the ledger of one-use links is away")]
    Away(#[source] Box<dyn Error + Send + Sync>),
    /// It does not take what was said, and will not when it is said again.
    #[error("the ledger of one-use links refuses what it is told")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
}
