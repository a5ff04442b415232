//! What goes back to the client.
//!
//! [`FileRequest`] reads the method and the conditional and range headers of a request that was
//! permitted, says what to ask of the origin, and makes the answer to the client from the
//! origin's: RFC 9110 sections 13 (conditions) and 14 (ranges). It does not know who asks, nor
//! why they may.

mod body;
mod conditional;
mod denial;
mod file_answer;
mod headers;
mod multipart;
mod range;
mod sharing;
#[cfg(test)]
mod tests;

pub use body::{AnswerBody, Portion};
pub use denial::{
    DenialContext, REASON_HEADER, REQUEST_ID_HEADER, answer as denial, closes_connection, status,
};
pub use file_answer::{FileAnswer, FileRequest, head_of};
pub use headers::{CacheControl, Disposition, FileName, OriginsWord, Presentation};
pub use sharing::{origin, preflight, share};
