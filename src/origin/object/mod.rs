//! Object stores as origins: what speaks S3, and Azure Blob Storage.
//!
//! What these ask for beyond HTTP is `object_store`'s: credentials and how they are renewed, the
//! signature of a request, lists. Bytes are read by the client that reads from every server
//! (`http`): one request a part, built new and signed; a broken answer is continued where it broke,
//! pinned to its version (`If-Match`); and pools, deadlines, breaker and books are the same. What
//! `object_store` asks for itself goes out by `transport`, so that there is one TLS stack.
//!
//! Objects are put by `object_store` altogether; see `put`.
//!
//! A key is one object below the configured prefix. Keys that no path can name (an empty segment, `.`
//! or `..`) are not there, for us.

mod config;
mod creation;
mod listing;
mod location;
mod parts;
mod put;
mod signer;
mod store;
mod transport;

#[cfg(test)]
mod azurite;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod launched;
#[cfg(test)]
mod moto;
#[cfg(test)]
mod put_faults;
#[cfg(test)]
mod put_tests;

pub use config::{
    AccessKey, AzureCredentials, ObjectStoreConfig, S3Credentials, StoreService, WebIdentity,
    WorkloadIdentity,
};
pub use listing::{ListingError, ObjectListing};
pub use location::{
    Addressing, AzureLocation, KeyPrefix, KeyPrefixRejection, LocationRejection, S3Location,
};
pub use store::ObjectStoreOrigin;
