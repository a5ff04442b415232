//! What was asked for, byte-exact: the request target and the path pattern grammar.
//!
//! [`RequestTarget`] is the only way from bytes to a path. It is parsed once; whatever the check
//! sees, the fetch sees, because both take the same value.

mod host;
mod pattern;
mod rejection;
mod request_target;
mod separated;

pub use host::RequestHost;
pub use pattern::PathPattern;
pub use rejection::TargetRejection;
pub use request_target::{PathToken, RequestTarget, parameters, percent_decode};
pub use separated::{cut, holds, separated};
