//! Why nobody was let in.

use crate::control_plane::store::{StoreError, StoreErrorKind};

use super::password::HashingFailed;

/// A refusal or a failure. What it says is meant for whoever is refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Something is wrong here.
    #[error("the request could not be worked on")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database has no room.
    #[error("the database has no room")]
    Full(#[source] StoreError),
    /// Unknown, wrong, ended or disabled: which of them is nobody's business.
    #[error("the credentials are not valid")]
    NotValid,
    /// The application may not have a scope that was asked for, or there is none of that name.
    #[error("a scope was asked for that cannot be given")]
    ScopeRefused,
    /// Too many failures from that network.
    #[error("too many failed attempts from this network")]
    Throttled {
        /// When to try again, in seconds.
        retry_after: u64,
    },
    /// The database does not answer.
    #[error("the database is unavailable")]
    Unavailable(#[source] StoreError),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::NotFound => Self::NotValid,
            StoreErrorKind::Conflict | StoreErrorKind::Unavailable => Self::Unavailable(error),
            StoreErrorKind::Full => Self::Full(error),
            StoreErrorKind::Corrupt
            | StoreErrorKind::Invalid
            | StoreErrorKind::Referenced
            | StoreErrorKind::SchemaForeign
            | StoreErrorKind::SchemaNewer
            | StoreErrorKind::Stale => Self::Failed(Box::new(error)),
        }
    }
}

impl From<getrandom::Error> for AccountError {
    fn from(error: getrandom::Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<HashingFailed> for AccountError {
    fn from(error: HashingFailed) -> Self {
        Self::Failed(Box::new(error))
    }
}
