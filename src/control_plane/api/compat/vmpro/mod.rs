//! movingimage's dialect (vmpro): overrides (requirements D18 to D27), download URLs, and the login of
//! its clients.
//!
//! Unknown fields are tolerated, numbers and dates are as the vendor writes them, and problems have
//! the vendor's shape unless `Accept` asks for RFC 9457.

pub(in crate::control_plane::api) mod download;
pub(in crate::control_plane::api) mod login;
mod override_body;
pub(in crate::control_plane::api) mod security_override;
