//! The control plane: what may be handed out, and to whom, as it is meant to be.
//!
//! What is meant is kept in the store; what is in force is what the edges have applied. The way
//! from one to the other is the change feed, and nothing else: a row that changed without its entry
//! there would never reach an edge, which is why one cannot be written without the other
//! ([`store::Change`]).
//!
//! Not here: how requests for files are answered (`data_plane`), and what decides about them
//! (`policy`).

mod caller;
pub mod record;
pub mod store;

pub use caller::{Actor, Caller, MissingScope, Reach};
