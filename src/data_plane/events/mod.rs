//! What was handed out for links of our own and through connectors, noted when a body ends, and what
//! anti-fraud found: kept until a control plane has it.
//!
//! A [`Download`] goes with its answer and ends with the answer's body, in the [`EventQueue`]: a
//! bounded buffer between the workers and whoever keeps events. Where that is a control plane in
//! this process, it takes them from there. Where control planes are elsewhere, the [`Spool`] keeps
//! them in files until one of them has said that it has them (`sync` brings them there).
//!
//! **Invariants.** No request waits for any of this: what does not fit is left out, and counted.
//! What is in the spool outlives the process. An event keeps its spool's id and its number in all
//! that follows, so that whoever takes it can tell that it was taken before.
//!
//! **What is counted together.** Whoever is refused may ask as often as it likes, and so may everybody
//! through a connector. Of what is found by one rule, of one link, from one network, the first is told at
//! once and the rest as one event when a minute is over; of so many networks a link, and so many links a
//! minute ([`Tally`](tally::Tally)). So are the downloads of one file through a connector that are alike,
//! from one address and one user agent: with how many they are and the bytes of all of them. Requests beyond are in the
//! access log, and counted in `countersign_fraud_total` or in `countersign_events_lost_total`.
//!
//! **What is lost.** A process that is killed loses what ended within the last hundredths of a
//! second, and of findings and of downloads through connectors that were told once how often they came
//! again within the last minute; a machine that loses power, the same. Counted, by [`Lost`]: what the
//! queue had no room for, the oldest of a full spool, and what a disk spoilt.
//!
//! Not here: what an event says (`event`), and where events go.

mod download;
mod queue;
mod segment;
mod spool;
mod suspicion;
mod tally;

pub(in crate::data_plane) use download::Download;
pub use queue::{EventQueue, Lost};
pub(in crate::data_plane) use spool::{Spool, SpoolLosses};
pub(in crate::data_plane) use suspicion::{Scene, Suspect};
