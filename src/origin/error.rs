//! What can go wrong between us and an origin, whose fault it is, and whether to ask again.

use std::error::Error;

/// A failed ask, or a body that cannot be finished.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct OriginError {
    fault: OriginFault,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl OriginError {
    /// An error of this cause, with what the library below said.
    pub fn caused_by(fault: OriginFault, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault, source: Some(source.into()) }
    }

    /// The cause.
    pub const fn fault(&self) -> OriginFault {
        self.fault
    }

    /// The cause, as coarse as a client may know it.
    pub const fn kind(&self) -> OriginErrorKind {
        self.fault.kind()
    }

    /// May the same ask succeed if it is made again?
    pub const fn retry(&self) -> Retry {
        self.fault.retry()
    }
}

impl From<OriginFault> for OriginError {
    fn from(fault: OriginFault) -> Self {
        Self { fault, source: None }
    }
}

/// The causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginFault {
    /// The body ended before the promised length, or broke off.
    #[error("the body ended early")]
    BodyBroken,
    /// The body went on past the promised length.
    #[error("the body is longer than promised")]
    BodyOverlong,
    /// No byte of the body came in time, although somebody waited for one.
    #[error("the body stalled")]
    BodyStalled,
    /// Between two requests for parts of it the object became another version.
    #[error("the object changed while it was read")]
    Changed,
    /// No connection: name, address, port or network.
    #[error("could not connect")]
    ConnectFailed,
    /// No connection in time.
    #[error("connecting took too long")]
    ConnectTimedOut,
    /// The connection closed or was reset before an answer.
    #[error("the connection was lost before the answer")]
    ConnectionLost,
    /// A copy of the object cannot be made at this moment.
    #[error("the copy cannot be made now")]
    CopyNotMade,
    /// There is nothing to show the store who we are, or it is unusable.
    #[error("there are no credentials for the object store")]
    CredentialsUnavailable,
    /// A partial answer that does not state the part that was asked for.
    #[error("the answer's Content-Range is not what was asked for")]
    ContentRangeWrong,
    /// The end of the body is marked by nothing but the end of the connection.
    #[error("the answer does not say where its body ends")]
    FramingUnbounded,
    /// It failed too often in a row and is not asked for a moment.
    #[error("the origin failed too often and is left alone for a moment")]
    LeftAlone,
    /// What came is not an HTTP answer, or its head is too large.
    #[error("the answer is malformed")]
    HeadMalformed,
    /// No answer in time.
    #[error("the answer took too long")]
    HeadTimedOut,
    /// The object's name is in the form of another kind of origin.
    #[error("the object's name is in the form of another kind of origin")]
    KeyForm,
    /// The configuration has no origin of the name that the catalog gives.
    #[error("the configuration has no such origin")]
    NoSuchOrigin,
    /// The object is another than the one that the catalog knows.
    #[error("the object is not the one that was registered")]
    NotAsRegistered,
    /// This process may not read the file.
    #[error("the file may not be read")]
    PermissionDenied,
    /// Reading the file or its folder failed.
    #[error("reading failed")]
    ReadFailed,
    /// An answer with a status of 500 or above, or 429: it says itself that it failed.
    #[error("the origin says that it failed")]
    ServerFailed,
    /// An answer with a status that means nothing here; redirects are never followed.
    #[error("the answer has an unexpected status")]
    StatusUnexpected,
    /// As many requests as may wait for it are waiting.
    #[error("too many requests wait for the origin")]
    TooManyWaiting,
    /// No TLS session: certificate, name or protocol.
    #[error("the TLS handshake failed")]
    TlsFailed,
}

impl OriginFault {
    const fn kind(self) -> OriginErrorKind {
        match self {
            Self::BodyBroken
            | Self::BodyOverlong
            | Self::Changed
            | Self::ContentRangeWrong
            | Self::FramingUnbounded
            | Self::HeadMalformed
            | Self::KeyForm
            | Self::NoSuchOrigin
            | Self::NotAsRegistered
            | Self::PermissionDenied
            | Self::ServerFailed
            | Self::StatusUnexpected => OriginErrorKind::Invalid,
            Self::BodyStalled | Self::ConnectTimedOut | Self::HeadTimedOut => {
                OriginErrorKind::Timeout
            }
            Self::ConnectFailed
            | Self::ConnectionLost
            | Self::CredentialsUnavailable
            | Self::LeftAlone
            | Self::ReadFailed
            | Self::TlsFailed => OriginErrorKind::Unreachable,
            Self::CopyNotMade | Self::TooManyWaiting => OriginErrorKind::Overloaded,
        }
    }

    const fn retry(self) -> Retry {
        match self {
            Self::BodyBroken
            | Self::BodyStalled
            | Self::Changed
            | Self::ConnectFailed
            | Self::ConnectTimedOut
            | Self::ConnectionLost
            | Self::CopyNotMade
            | Self::CredentialsUnavailable
            | Self::HeadTimedOut
            | Self::LeftAlone
            | Self::ReadFailed
            | Self::ServerFailed
            | Self::TooManyWaiting => Retry::Later,
            Self::BodyOverlong
            | Self::ContentRangeWrong
            | Self::FramingUnbounded
            | Self::HeadMalformed
            | Self::KeyForm
            | Self::NoSuchOrigin
            | Self::NotAsRegistered
            | Self::PermissionDenied
            | Self::StatusUnexpected
            | Self::TlsFailed => Retry::Pointless,
        }
    }
}

/// The causes, as coarse as refusals tell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginErrorKind {
    /// It answers wrongly.
    Invalid,
    /// It is asked more than it can take.
    Overloaded,
    /// It answers too slowly.
    Timeout,
    /// It does not answer.
    Unreachable,
}

impl OriginErrorKind {
    /// The refusal code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "origin_invalid",
            Self::Overloaded => "overloaded",
            Self::Timeout => "origin_timeout",
            Self::Unreachable => "origin_unreachable",
        }
    }
}

/// May the same ask succeed if it is made again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Perhaps, after a while.
    Later,
    /// Not before somebody changes the origin or our configuration.
    Pointless,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_in_the_chain_and_not_in_the_message() {
        let error = OriginError::caused_by(OriginFault::ReadFailed, "errno 5");
        assert_eq!(error.to_string(), "reading failed");
        assert_eq!(error.source().unwrap().to_string(), "errno 5");
        assert_eq!(error.kind().code(), "origin_unreachable");
        assert_eq!(error.retry(), Retry::Later);
    }
}
