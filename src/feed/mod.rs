//! What crosses from a control plane to an edge, and what an edge makes of it.
//!
//! A [`Replica`] holds what was said; each version of the feed is applied as a whole and gives one
//! [`ControlState`](crate::policy::ControlState). Changes hold new states, never differences: one
//! that is applied twice does no harm.
//!
//! Not here: how changes travel, and what is put in force.

mod change;
mod replica;

pub use change::{BlockedNetwork, Change, RevokedNow};
pub use replica::{Replica, TooOld};
