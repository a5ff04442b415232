//! One type for every kind of origin.

use super::answer::{Answer, Object, ObjectMeta};
use super::ask::Ask;
use super::config::{Config, Kind, OriginSetupError};
use super::disk::DiskOrigin;
use super::error::OriginError;
use super::forwarding::Forwarding;
use super::http::HttpOrigin;
use super::object::ObjectStoreOrigin;
use super::put::{Put, PutError, PutHandle, check_content_type, check_key};

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

    /// Begins a put of so many bytes. Nothing of them is sent; where the key has an object, that is
    /// told already now.
    pub async fn begin_put(
        &self,
        key: &str,
        length: u64,
        content_type: Option<&str>,
    ) -> Result<PutHandle, PutError> {
        check_key(key)?;
        check_content_type(content_type)?;
        match self {
            Self::Disk(disk) => disk.begin_put(key).await,
            Self::Http(_) => Err(PutError::ReadOnly),
            Self::ObjectStore(store) => store.begin_put(key, length, content_type).await,
        }
    }

    /// Puts the object: when this returns it is whole and durable, or there is none. An object that
    /// the key has is never replaced. Made again with a handle whose put got through, it is that
    /// put's success.
    ///
    /// If this is dropped, it may still get through, until the put is aborted.
    pub async fn put(&self, handle: &PutHandle, put: Put<'_>) -> Result<(), PutError> {
        check_key(put.key)?;
        check_content_type(put.content_type)?;
        match self {
            Self::Disk(disk) => disk.put(handle, put).await,
            Self::Http(_) => Err(PutError::ReadOnly),
            Self::ObjectStore(store) => store.put(handle, put).await,
        }
    }

    /// Makes a put undone: no part of it stays, nor the object if the put got through. Ok where
    /// there is nothing of it.
    pub async fn abort_put(&self, key: &str, handle: &PutHandle) -> Result<(), PutError> {
        check_key(key)?;
        match self {
            Self::Disk(disk) => disk.abort_put(key, handle).await,
            Self::Http(_) => Err(PutError::ReadOnly),
            Self::ObjectStore(store) => store.abort_put(key, handle).await,
        }
    }

    /// Takes the object away. Ok where there is none.
    pub async fn delete(&self, key: &str) -> Result<(), PutError> {
        check_key(key)?;
        match self {
            Self::Disk(disk) => disk.delete(key).await,
            Self::Http(_) => Err(PutError::ReadOnly),
            Self::ObjectStore(store) => store.delete(key).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::put_conformance::put_of;
    use super::super::{HttpConfig, PutHandle};
    use super::*;

    #[tokio::test]
    async fn a_server_is_only_read() {
        let kind = Kind::Http(HttpConfig::new("http://127.0.0.1:1/".parse().unwrap()));
        let origin = Origin::open(Config { name: "server".into(), kind }).unwrap();
        let handle = PutHandle::new().unwrap();
        for error in [
            origin.begin_put("x", 1, None).await.map(drop),
            origin.put(&handle, put_of("x", b"x")).await,
            origin.abort_put("x", &handle).await,
            origin.delete("x").await,
        ] {
            assert!(matches!(error, Err(PutError::ReadOnly)), "{error:?}");
        }
    }
}
