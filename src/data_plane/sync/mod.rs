//! The edge's side of the way from control planes.
//!
//! [`Follower`] is connected to one control plane at a time and takes what it says through
//! [`Intake`](crate::feed::Intake): first onto the disk (`journal`), then in force. When the
//! connection breaks, or nothing is heard on it for a few seconds, it goes on at the next one
//! (`session`); when all are away, what is in force stays so, and an edge that is started meanwhile
//! begins with what is on the disk. The [`Lease`](crate::policy::Lease) says how long that is good.
//!
//! **Invariants.** Nothing is in force that is not on the disk, unless the disk fails; a state that
//! is older than the one in force never replaces it. The token goes to the configured control
//! planes only, over TLS with verified certificates or within this machine.
//!
//! The other way, [`Reporter`] keeps on the disk what links opened here, and brings it to whichever
//! control plane answers; [`Claimant`] asks whichever answers for uses of one-use links; and
//! [`ShareCourier`] brings what is asked of shares.
//!
//! Not here: what the lines mean (`feed`), and how a state is put in force (`app`).

mod claimant;
mod connect;
mod courier;
mod follower;
mod journal;
mod reporter;
mod session;
mod settings;

pub use claimant::Claimant;
pub use connect::SyncSetupError;
pub use courier::ShareCourier;
pub use follower::{Follower, kept_state};
pub use reporter::Reporter;
pub use settings::{ControlUrl, ControlUrlRejection, SyncConfig};
