//! Files at origins of which somebody asked whose copy they are (requirement K.6, in the vendor's
//! spelling).

use serde::Serialize;

use super::BacktraceId;
use crate::asset::{TenantId, wire_names};
use crate::clock::UnixSeconds;

wire_names! {
    /// How far one is.
    BacktraceState {
        /// Nothing came of it.
        Failed = "failed",
        /// It is known whose copy the file is.
        Found = "found",
        /// It is looked at, or will be.
        Waiting = "waiting",
    }
}

wire_names! {
    /// Why nothing came of one.
    BacktraceProblem {
        /// It took too long.
        Late = "late",
        /// There is no such object, or no such origin.
        Missing = "missing",
        /// No tag is in it.
        NoTag = "no_tag",
        /// Tags are in it, and none is of a copy that the tenant knows of.
        NotIssued = "not_issued",
        /// Its origin does not give it.
        Unreadable = "unreadable",
    }
}

/// A file of which somebody asked whose copy it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backtrace {
    /// Its id.
    pub id: BacktraceId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it asks about.
    pub draft: BacktraceDraft,
    /// How far it is.
    pub state: BacktraceState,
    /// Whose copy the file is, as whoever asked for the link calls them.
    pub tag: Option<Box<str>>,
    /// Why nothing came of it.
    pub problem: Option<BacktraceProblem>,
    /// How often somebody took it up.
    pub attempts: u64,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// When something came of it, or nothing.
    pub finished_at: Option<UnixSeconds>,
}

/// What somebody asks about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BacktraceDraft {
    /// The pipeline at whose origin the file is.
    pub pipeline: u64,
    /// The file's key there, after the pipeline's prefix.
    pub input: Box<str>,
    /// What whoever asked says it belongs to.
    pub job: Option<Box<str>>,
    /// Who asked, by their id.
    pub issuer: Box<str>,
}
