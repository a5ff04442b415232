//! THRON's dialect: its logins, sessions, versions, originals and archives (requirements A1 to A13).
//!
//! Paths, fields, headers and result codes are those of the vendor's own SDK
//! (thron-com/thron-sdk-java, f60d9ec), which asks for XML and reads it by the names below; whoever
//! asks for JSON gets the same names. Requests whose session is not shown, has ended or may not are
//! 403, as the vendor has them.

pub(in crate::control_plane::api) mod archive;
mod caller;
mod form;
pub(in crate::control_plane::api) mod login;
pub(in crate::control_plane::api) mod source;
pub(in crate::control_plane::api) mod spelling;
pub(in crate::control_plane::api) mod version;
