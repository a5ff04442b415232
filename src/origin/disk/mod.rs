//! A folder as an origin.
//!
//! The root is opened once, and every file is opened beneath that descriptor, so that renaming
//! the root or replacing it by a link changes nothing. The kernel does the jailing (`openat2`);
//! see `jail`. A file is a version for as long as it is open: replacing it by a rename does not
//! disturb those who are reading it, truncating it ends their bodies in an error. A file that is
//! rewritten in place while it is read is not detected: publish by rename.

mod body;
mod familiar;
mod jail;
mod listing;
mod object;
mod sniff;
mod store;

#[cfg(test)]
mod tests;

pub(super) use body::DiskBody;
pub use jail::Symlinks;
pub use listing::{DiskListing, Listed, PassedOver};
pub(super) use object::DiskObject;
pub use store::{DiskConfig, DiskOrigin};
