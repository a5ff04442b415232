//! What the fuzzers run: one function a target, from bytes that a stranger chose to invariants.
//!
//! A target panics where its invariant is broken, so that reaching no panic is a statement about
//! what the code means and not only that it ends: a second reading of the same text agrees, what
//! was printed parses back, what must not matter does not. `fuzz/` holds a shim a target for
//! libFuzzer and the inputs worth keeping; `tests/corpus.rs` runs those on every build.
//!
//! Nobody imports this module, and it decides nothing.

mod addresses;
mod answers;
mod configs;
mod connections;
mod images;
mod input;
mod origin_replies;
mod path_reading;
mod paths;
mod refusals;
mod targets;
mod token_text;
mod token_verify;

pub use addresses::{forwarded, host, netset, proxy_header};
pub use answers::{conditional, range_header};
pub use configs::config_file;
pub use connections::connection_bytes;
pub use images::image_file;
pub use origin_replies::origin_reply;
pub use paths::{asset_path, path_pattern, request_target};
pub use refusals::{accept, file_name};
pub use targets::{TARGETS, Target};
pub use token_text::{candidates, token_wire};
pub use token_verify::token_verify;
