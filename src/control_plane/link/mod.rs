//! Links and cookies of ours: the keys that sign them, and how those are kept.
//!
//! A key is made here, sealed under the master key, and only so in the store: whoever gets the
//! store's file or a copy of it can sign nothing. It is opened where it is used: on its way to the
//! edges, which verify with it, and at the signer, which is on the same snapshot as they are.

mod cookie;
mod master_key;
#[cfg(test)]
pub(in crate::control_plane) mod scenery;
mod signer;

pub use cookie::{CookieRequest, FileOwnerId, SignedCookie};
pub use master_key::{MasterKey, MasterKeyError, MasterKeySource, SealError, SealedUnder};
pub use signer::{InForce, LinkRefusal, LinkRequest, LinkSigner, LinkToken, SignedLink};
