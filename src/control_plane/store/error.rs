//! What can go wrong in the store, and whether to try again. Knows nothing of HTTP.

use std::error::Error;

use sqlx::error::{DatabaseError, ErrorKind};

/// A failed operation. Nothing of it was written, unless [`StoreError::retry`] says that this is
/// not known.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct StoreError {
    kind: StoreErrorKind,
    retry: Retry,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error of this kind, with what the library below said.
    pub fn caused_by(
        kind: StoreErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, retry: kind.retry(), source: Some(source.into()) }
    }

    /// What went wrong.
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Is there a point in trying again?
    pub const fn retry(&self) -> Retry {
        self.retry
    }

    /// The same, said of a commit: a connection that breaks there leaves open whether it happened.
    pub(super) fn at_commit(self) -> Self {
        match self.kind {
            StoreErrorKind::Unavailable => Self { retry: Retry::OutcomeUnknown, ..self },
            StoreErrorKind::Conflict
            | StoreErrorKind::Corrupt
            | StoreErrorKind::Full
            | StoreErrorKind::Invalid
            | StoreErrorKind::NotFound
            | StoreErrorKind::Referenced
            | StoreErrorKind::SchemaForeign
            | StoreErrorKind::SchemaNewer
            | StoreErrorKind::Stale => self,
        }
    }
}

impl From<StoreErrorKind> for StoreError {
    fn from(kind: StoreErrorKind) -> Self {
        Self { kind, retry: kind.retry(), source: None }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let kind = if let sqlx::Error::Database(database) = &error {
            of_database(&**database)
        } else if matches!(error, sqlx::Error::RowNotFound) {
            StoreErrorKind::NotFound
        } else if matches!(
            error,
            sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::ColumnIndexOutOfBounds { .. }
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::Decode(_)
                | sqlx::Error::TypeNotFound { .. }
        ) {
            StoreErrorKind::Corrupt
        } else {
            StoreErrorKind::Unavailable
        };
        Self::caused_by(kind, error)
    }
}

impl From<getrandom::Error> for StoreError {
    fn from(error: getrandom::Error) -> Self {
        Self::caused_by(StoreErrorKind::Unavailable, error)
    }
}

/// What an error that the database tells means to us.
fn of_database(error: &dyn DatabaseError) -> StoreErrorKind {
    if error.is_unique_violation() {
        StoreErrorKind::Conflict
    } else if error.is_foreign_key_violation() {
        StoreErrorKind::Referenced
    } else if error.is_check_violation() || matches!(error.kind(), ErrorKind::NotNullViolation) {
        StoreErrorKind::Invalid
    } else {
        of_code(error.code().as_deref().unwrap_or_default())
    }
}

/// What an error code of SQLite (a number) or PostgreSQL (five characters) means to us.
fn of_code(code: &str) -> StoreErrorKind {
    if code.len() == 5 {
        return match code {
            "40001" | "40P01" => StoreErrorKind::Conflict,
            "53100" => StoreErrorKind::Full,
            "22021" | "22P05" | "22003" | "22001" => StoreErrorKind::Invalid,
            "XX001" | "XX002" => StoreErrorKind::Corrupt,
            _ => StoreErrorKind::Unavailable,
        };
    }
    // The primary code is in the low byte (sqlite.org/rescode.html).
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(11 | 26) => StoreErrorKind::Corrupt,
        Ok(13) => StoreErrorKind::Full,
        Ok(18) => StoreErrorKind::Invalid,
        _ => StoreErrorKind::Unavailable,
    }
}

/// The kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreErrorKind {
    /// Something of that name or id is there already, or somebody changed the same at that moment.
    #[error("something of that name is there already, or was changed at that moment")]
    Conflict,
    /// What is stored cannot be read, or is not what this program writes.
    #[error("what is stored cannot be read")]
    Corrupt,
    /// The disk is full.
    #[error("the database's disk is full")]
    Full,
    /// A value that cannot be stored: out of range, or text with a NUL.
    #[error("a value cannot be stored")]
    Invalid,
    /// It is not there, or not the caller's to see.
    #[error("there is nothing of that id")]
    NotFound,
    /// It names something that is not there, or something that is there names it.
    #[error("something it names is missing, or something names it")]
    Referenced,
    /// The database is somebody else's, or its migrations are not this program's.
    #[error("the database was not made by this program")]
    SchemaForeign,
    /// The database was written by a newer program.
    #[error("the database was written by a newer version of this program")]
    SchemaNewer,
    /// It is not of the revision any more that the caller knows.
    #[error("it has been changed since")]
    Stale,
    /// The database does not answer, or cannot write.
    #[error("the database is unavailable")]
    Unavailable,
}

impl StoreErrorKind {
    const fn retry(self) -> Retry {
        match self {
            Self::Conflict | Self::Full | Self::Unavailable => Retry::Later,
            Self::Corrupt
            | Self::Invalid
            | Self::NotFound
            | Self::Referenced
            | Self::SchemaForeign
            | Self::SchemaNewer
            | Self::Stale => Retry::Pointless,
        }
    }
}

/// May the same operation succeed if it is made again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Perhaps, after a while.
    Later,
    /// The connection broke while the change was committed: whether it happened must be looked up.
    OutcomeUnknown,
    /// Not before something else changes.
    Pointless,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases() {
        for (code, expected) in [
            ("40001", StoreErrorKind::Conflict),
            ("53100", StoreErrorKind::Full),
            ("57P01", StoreErrorKind::Unavailable),
            ("13", StoreErrorKind::Full),
            ("5", StoreErrorKind::Unavailable),
            ("1034", StoreErrorKind::Unavailable),
            ("267", StoreErrorKind::Corrupt),
            ("", StoreErrorKind::Unavailable),
        ] {
            assert_eq!(of_code(code), expected, "{code}");
        }
    }

    #[test]
    fn only_a_commit_has_an_unknown_outcome() {
        let lost = StoreError::from(sqlx::Error::WorkerCrashed);
        assert_eq!((lost.kind(), lost.retry()), (StoreErrorKind::Unavailable, Retry::Later));
        assert_eq!(lost.at_commit().retry(), Retry::OutcomeUnknown);
        let stale = StoreError::from(StoreErrorKind::Stale).at_commit();
        assert_eq!(stale.retry(), Retry::Pointless);
    }
}
