//! Idempotency keys: what a POST with a key answered, for 24 hours.

/// How long an answer is kept, in seconds.
pub const IDEMPOTENCY_LIFETIME: u64 = 24 * 60 * 60;

/// What an `Idempotency-Key` was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdempotencyFound {
    /// The same request was answered: so it is answered again.
    Answered(KeptAnswer),
    /// Nothing yet.
    Nothing,
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
