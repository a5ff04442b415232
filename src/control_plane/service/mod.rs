//! What may be done, by whom: the rules between the APIs and the store.
//!
//! Every API dialect and every page calls these and none touches the store. One file a noun, named
//! as in `record` and `store`; each adds its methods to [`Services`], and each of them takes its
//! [`Caller`](super::Caller) and asks for a scope before anything else.
//!
//! **Invariants.** Nobody gives more than they have: an application or a person is made, and a
//! right over a folder given, only within the scopes and the reach of whoever does it.
//!
//! Not here: who a caller is (`account`), and how answers are spelt (`api`).

mod application;
mod audit;
mod blocklist;
mod desk;
mod error;
mod folder;
mod folder_right;
mod idempotency;
mod path_override;
mod person;
mod revocation;
mod signing_key;
mod tenant;

pub use super::store::{Expected, Listed, Page, Store};
pub use application::{IssuedSecret, NewSecret};
pub use desk::Services;
pub use error::{Invalid, ServiceError};
pub use path_override::{OverrideDifference, OverrideProposal};
pub use person::PersonPassword;
pub use signing_key::{HEAD_START, LONGEST_LINK, NewKey};
