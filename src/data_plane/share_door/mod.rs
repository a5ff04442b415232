//! The door to shares: what is asked under `/s/` of a tenant's site that has a catalog.
//!
//! A share's page is the control plane's to make; who may knock is this plane's to say. A request is
//! read as strictly as any other (`reading`), with one more thing that it may have: the fields of a
//! form, as one bounded body. Then it is handed over as a whole to the [`ShareDesk`], whichever that
//! is: the control plane in the same process, or one elsewhere ([`ShareCourier`](super::ShareCourier)).
//! The desk works on the runtime that it was given and not on the thread of a connection; what it
//! answers comes back piece by piece (`page`), no faster than the client reads. A client that goes away
//! ends the work for it.
//!
//! **Invariants.** No body is read of a request that is refused, nor of any other path. What is handed
//! over has the header fields of a short list and no others; of the answer nothing passes that is about
//! the connection it came by. There are bounds on how many are under way, of all and of one
//! subscriber. The address of a share is a capability: it is in no line of the log, metric or error.
//!
//! Not here: what a share is, and who may see it (the control plane).

mod answering;
mod door;
mod headers;
mod page;
mod places;
mod reading;
#[cfg(test)]
mod tests;

pub use door::{DeskAway, DeskBody, ShareDesk, ShareDoor};
pub use page::{PageBody, PageBroken};
pub(super) use reading::{is_share, read_head, site_with_shares};
