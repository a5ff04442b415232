//! What crosses from a control plane to an edge, and what an edge makes of it.
//!
//! A [`Replica`] holds what was said; each version of the feed is applied as a whole and gives one
//! [`ControlState`](crate::policy::ControlState). Changes hold new states, never differences: one
//! that is applied twice does no harm.
//!
//! On the way they are lines of text: `frame` says which, [`BatchWriter`] writes them, and
//! [`Intake`] reads them. [`Recorder`] says which of them an edge keeps in a file, and [`Replay`] reads
//! that file.
//!
//! Not here: the connections and files that lines go through, and what is put in force.

mod change;
mod frame;
mod intake;
mod lines;
mod recorder;
mod replay;
mod replica;
#[cfg(test)]
mod simulation;
mod wire;
mod writer;

pub use change::{BlockedNetwork, Change, RevokedNow};
pub use frame::MAX_LINE;
pub use intake::{BatchKind, FeedError, Heard, Intake};
pub use lines::{LineBuffer, LineTooLong};
pub use recorder::{Record, Recorder};
pub use replay::{Kept, Replay};
pub use replica::{Replica, TooOld};
pub use wire::InvalidChange;
pub use writer::{BatchWriter, Position, heartbeat, hello};
