//! The composition root: a configuration becomes running listeners, and reloads.
//!
//! The only module that names every component. Nothing here decides anything about a request.

mod load;
mod reload;
mod serve;
mod watch;

pub use crate::data_plane::Explanation;
pub use crate::telemetry::{ErrorChain, LogFormat, LogSetupError, init_log};
pub use load::{CheckError, Policy, Summary, check, load_policy, parse_ttl};
pub use reload::{ReloadError, ReloadHandle};
pub use serve::{Finish, ServeOptions, Service, StartError};
