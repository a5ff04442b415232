//! Where bytes that are uploaded wait until all of them are here.
//!
//! A [`Staging`] is a folder with one file an upload. What comes is appended to it and is on the
//! disk before anybody is told so; how far an upload is is the length of its file, so nothing that
//! was acknowledged is lost with the process, and nothing is acknowledged that is not there. SHA-256,
//! MD5 and CRC-32 are kept up while bytes come, and made from the file again where the process was
//! another one.
//!
//! One request at a time writes to an upload. A newer one is the client's second attempt after its
//! first broke unnoticed: it has the older one stop, and goes on where that is. A [`Hold`] is how: who
//! has it records what came before anybody else goes on.
//!
//! Not here: who may upload what, and what comes of it (`service`).

mod digest;
mod source;
mod staging;

pub use digest::{Checksum, ChecksumAlgorithm, UploadDigest};
pub use source::{BrokenOff, ByteSource};
pub use staging::{Appended, BodyEnd, Hold, Keep, Staging, StagingError};
