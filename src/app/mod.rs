//! The composition root: a configuration becomes running listeners, and reloads.
//!
//! The only module that names every component. Nothing here decides anything about a request.

mod claims;
mod composer;
mod control;
mod edge;
mod events;
mod load;
mod provision;
mod reload;
mod scan;
mod serve;
mod share;
mod shrinkage;
mod trace;
mod watch;

pub use crate::control_plane::record::Publication;
pub use crate::data_plane::Explanation;
pub use crate::telemetry::{ErrorChain, LogFormat, LogSetupError, init_log};
pub use load::{CheckError, Policy, Summary, check, load_policy, parse_ttl};
pub use provision::{
    ChainFault, ChainState, ClientCredentials, NewApplication, ProvisionError, Replaces, Resealed,
    Scope, ScopeSet, SecretForm, back_up, create_administrator, create_application, export_audit,
    reseal, restore, verify_audit,
};
pub use reload::{ReloadError, ReloadHandle};
pub use scan::{ScanEffect, ScanError, ScanReport, ScanRequest, scan_catalog};
pub use serve::{Finish, Planes, ServeOptions, Service, StartError};
pub use shrinkage::Shrinks;
pub use trace::{
    ComparedPicture, FoundOrigin, FoundTag, IssuedCopy, LikelyCopy, OriginalPicture, TracedFile,
    trace,
};
