//! A folder as an origin.
//!
//! The root is opened once, and every file is opened beneath that descriptor, so that renaming
//! the root or replacing it by a link changes nothing. The kernel does the jailing (`openat2`);
//! see `jail`. A file is a version for as long as it is open: replacing it by a rename does not
//! disturb those who are reading it, truncating it ends their bodies in an error. A file that is
//! rewritten in place while it is read is not detected: publish by rename.
//!
//! A file that is put is written without a name in the folder where it will be, and gets its name
//! when it is whole and on the disk. Its mode is what the process's umask leaves of 0666, that of
//! folders made for it what is left of 0777. An extended attribute says which put it was.

mod body;
mod copy;
mod familiar;
mod folder;
mod jail;
mod listing;
mod object;
mod put;
mod sniff;
mod store;
mod unfinished;

#[cfg(test)]
mod put_tests;
#[cfg(test)]
mod tests;

pub(super) use body::DiskBody;
pub use jail::Symlinks;
pub use listing::{DiskListing, Listed, PassedOver};
pub(super) use object::DiskObject;
pub use sniff::sniffed_media_type;
pub use store::{DiskConfig, DiskOrigin};
