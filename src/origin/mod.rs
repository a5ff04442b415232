//! Where the bytes come from: folders, and servers and object stores across a network.
//!
//! An [`Origin`] is asked for one object by the key that was authorised, and answers with what it
//! has. It knows nothing of tokens, permits or clients: only `delivery` may ask, and the
//! semantics of HTTP towards the client (which status, which ranges, which conditions hold) are
//! made from the [`Answer`] by whoever speaks with that client.
//!
//! Invariants:
//! - a key cannot name anything outside its origin: the kernel jails disk paths, and a request
//!   to a server is built new from the authorised key and a few headers of our own;
//! - a [`Body`] gives exactly the bytes it promised or ends in an error;
//! - a body nobody reads stops reading, and a dropped body closes what it read from;
//! - entity tags are the origin's own and never made stronger;
//! - what is put (`put`) never replaces anything, and is seen whole or not at all.

mod answer;
mod ask;
mod body;
mod caching;
mod config;
#[cfg(test)]
mod conformance;
mod copy;
mod directives;
mod disk;
mod dispatch;
mod error;
mod forwarding;
mod http;
mod object;
mod pulled;
mod put;
#[cfg(test)]
mod put_conformance;
mod range;
mod validator;

pub use answer::{Answer, Divisibility, Freshening, Object, ObjectMeta, Pieces};
pub use ask::{Ask, AskMethod, Conditions, IfRange};
pub use body::Body;
pub use caching::{Caching, Keeping, Revalidation, Sharing, Storing, Vary};
pub use config::{Config, Kind, OriginSetupError};
pub use copy::{CopyPart, Copying};
pub use disk::{
    DiskConfig, DiskListing, DiskOrigin, Listed, PassedOver, Symlinks, sniffed_media_type,
};
pub use dispatch::Origin;
pub use error::{OriginError, OriginErrorKind, OriginFault, Retry};
pub use forwarding::{Direction, Forwarding, ResponseHeaders, may_travel};
pub(crate) use http::{BodyEnd, NextAnswer, ReadApart, read_apart};
pub use http::{HttpConfig, HttpOrigin, UpstreamUrl, UpstreamUrlRejection};
pub use object::{
    AccessKey, Addressing, AzureCredentials, AzureLocation, KeyPrefix, KeyPrefixRejection,
    ListingError, LocationRejection, ObjectListing, ObjectStoreConfig, ObjectStoreOrigin,
    S3Credentials, S3Location, StoreService, WebIdentity, WorkloadIdentity,
};
pub use pulled::{Pull, Pulled, pulled};
pub use put::{Put, PutError, PutHandle, PutHandleRejection};
pub use range::{ByteRange, RangeSpec, Spans};
pub use validator::{EntityTag, HttpTime, Strength, TagMatch, Validators};
