//! Large objects, kept in pieces on a disk.
//!
//! What is larger than memory keeps, whose length is known and whose version can be told, has its
//! description in the store like any other object, and its bytes here: in files of one slice each,
//! named by the digest of origin, object, version and place (`key`). A request is answered slice by
//! slice (`reader`): from a file, from a slice that is being filled for somebody else (`filling`),
//! or by filling one.
//!
//! Invariants:
//! - a slice is of the version that its description names: it is asked for by that version, and an
//!   answer of another version ends the body in an error and forgets the description;
//! - a file is whole or not there: it is written under another name and renamed. Its length, name
//!   and header are looked at each time it is opened, and its content is hashed before its first use
//!   by a process that did not write it. What is not right is deleted and asked for again;
//! - what was purged is out of reach before the purge returns, also for a process that is killed
//!   then: directories are renamed out of the way, and emptied later;
//! - files are opened, read and written on threads that may wait, never on a worker;
//! - a fill is bounded by its slice, and all fills together by as much memory as objects may have;
//! - a disk that fails costs requests nothing but the cache: they are answered from the origin.
//!
//! Files are not synced: the system keeps them when the process is killed, and the hash finds what a
//! loss of power tore.
//!
//! Not here: which answers may be kept and how long they are fresh.

mod file;
mod filling;
mod key;
mod mark;
mod pinned;
mod reader;
#[cfg(test)]
mod tests;
mod tier;

pub(super) use key::VersionId;
pub(super) use pinned::Pinned;
pub(super) use reader::Slices;
pub use tier::DiskConfig;
pub(super) use tier::{Held, Tier};
