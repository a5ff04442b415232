//! Answers with bytes, for both planes.
//!
//! [`FileRequest`] reads the method and the conditional and range headers of a request that was
//! permitted, says what to ask of the origin, and makes the answer to the client from the
//! origin's: RFC 9110 sections 13 (conditions) and 14 (ranges). It does not know who asks, nor
//! why they may. What depends on that is a [`Presentation`].
//!
//! Not here: refusals, whose form is the business of whoever refuses.

mod body;
mod cdn;
mod conditional;
mod file_answer;
mod headers;
mod multipart;
mod original;
mod range;
mod status;
#[cfg(test)]
mod tests;

pub use body::{AnswerBody, Portion};
pub use cdn::CdnMarkers;
pub use file_answer::{FileAnswer, FileRequest, head_of};
pub use headers::{CacheControl, Disposition, FileName, OriginsWord, Presentation, harden};
pub use original::{Denied, Wanted, code_of, deliver_object, deliver_original};
pub use status::status;
