//! Idempotency keys: what a POST with a key answered, for 24 hours.

use crate::clock::UnixSeconds;

/// How long an answer is kept, in seconds.
pub const IDEMPOTENCY_LIFETIME: u64 = 24 * 60 * 60;

/// What an `Idempotency-Key` is found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdempotencyClaim {
    /// The same request was answered: so it is answered again.
    Answered(KeptAnswer),
    /// It is new, and this request's.
    Claimed,
    /// The same request is being worked on.
    InFlight {
        /// Since when.
        since: UnixSeconds,
    },
    /// Another request had that key.
    OtherRequest,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, without secrets.
    pub body: Box<str>,
}
