//! What goes back to the client, apart from bytes: refusals, and what browsers ask for other
//! pages' sake. Answers with bytes are both planes' (`crate::response`).

mod denial;
mod sharing;

pub use denial::{
    DenialContext, REASON_HEADER, REQUEST_ID_HEADER, answer as denial, closes_connection,
};
pub use sharing::{origin, preflight, share};
