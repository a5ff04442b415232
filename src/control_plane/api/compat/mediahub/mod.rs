//! Xvid MediaHub's dialect (requirements E): files, and links to download them.
//!
//! Resources are named at the root, problems have the vendor's codes unless `Accept` asks for
//! RFC 9457, answers are JSON or XML, and a GET may carry its own signature instead of a token. The
//! vendor writes its paths with a slash at the end, and its version in front or not: all of it is
//! served, and documented in one form.

pub(in crate::control_plane::api) mod backtrace;
mod caller;
pub(in crate::control_plane::api) mod download;
pub(in crate::control_plane::api) mod file;
mod query;
pub(in crate::control_plane::api) mod spelling;
pub(in crate::control_plane::api) mod upload;
