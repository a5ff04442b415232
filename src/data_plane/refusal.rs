//! A denial on its way to the one function that answers it.

use http::HeaderValue;

use crate::policy::Denial;

/// Why a request gets no file, and what its answer needs to say.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) denial: Denial,
    /// The file's length, where a range missed it.
    pub(super) complete_length: Option<u64>,
    /// Where to ask instead.
    pub(super) location: Option<HeaderValue>,
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self { denial, complete_length: None, location: None }
    }
}
