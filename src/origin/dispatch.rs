//! One type for every kind of origin.

use super::answer::{Answer, Object, ObjectMeta};
use super::ask::Ask;
use super::config::{Config, Kind, OriginSetupError};
use super::disk::DiskOrigin;
use super::error::OriginError;
use super::forwarding::Forwarding;
use super::http::HttpOrigin;
use super::object::ObjectStoreOrigin;

/// An origin, ready to be asked. Cheap to clone; clones share connections and descriptors.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A folder.
    Disk(DiskOrigin),
    /// A server.
    Http(HttpOrigin),
    /// An object store.
    ObjectStore(ObjectStoreOrigin),
}

impl Origin {
    /// Opens what the configuration names. Touches the local file system only: an origin across
    /// the network is first spoken to when it is asked.
    pub fn open(config: Config) -> Result<Self, OriginSetupError> {
        match config.kind {
            Kind::Disk(disk) => DiskOrigin::open(&disk).map(Self::Disk),
            Kind::Http(http) => HttpOrigin::open(http).map(Self::Http),
            Kind::ObjectStore(store) => ObjectStoreOrigin::open(*store).map(Self::ObjectStore),
        }
    }

    /// Asks.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answer, OriginError> {
        match self {
            Self::Disk(disk) => disk.ask(ask).await,
            Self::Http(http) => http.ask(ask).await,
            Self::ObjectStore(store) => store.ask(ask).await,
        }
    }

    /// An object whose description is known, of that version: bytes of another end in an error.
    /// None where bytes cannot be asked for by version.
    pub fn known(&self, meta: ObjectMeta, ask: Ask<'_>) -> Option<Object> {
        match self {
            Self::Disk(_) => None,
            Self::Http(http) => http.known(meta, ask),
            Self::ObjectStore(store) => store.known(meta, ask),
        }
    }

    /// Which headers travel; of a folder or an object store none do.
    pub fn forwarding(&self) -> Option<&Forwarding> {
        match self {
            Self::Disk(_) | Self::ObjectStore(_) => None,
            Self::Http(http) => Some(http.forwarding()),
        }
    }
}
