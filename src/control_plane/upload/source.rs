//! Where bytes come from.

use bytes::Bytes;

/// The client went away, or said nothing for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body ended early, or its client was silent for too long")]
pub struct BrokenOff;

/// What a request brings, a part at a time.
pub trait ByteSource: Send {
    /// The next part; none at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, BrokenOff>> + Send;
}
