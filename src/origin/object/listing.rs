//! What lies in a bucket, page by page: for those who register it, never for a request.

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;

use futures_core::Stream;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::super::config::OriginSetupError;
use super::super::disk::{Listed, PassedOver};
use super::config::ObjectStoreConfig;
use super::store::ObjectStoreOrigin;

/// The objects below a prefix, in the order of their keys. A page is held at a time.
pub struct ObjectListing {
    origin: ObjectStoreOrigin,
    found: Pin<Box<dyn Stream<Item = object_store::Result<ObjectMeta>> + Send>>,
    /// What stands before every key that is found.
    before: String,
}

/// A bucket cannot be listed, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// It cannot be spoken with at all.
    #[error(transparent)]
    Setup(#[from] OriginSetupError),
    /// The store failed, or one of its keys has an empty segment, `.` or `..`.
    #[error("the objects below {below:?} cannot be listed")]
    Store {
        /// The prefix.
        below: String,
        /// What the store said, or what it is not understood for.
        #[source]
        source: object_store::Error,
    },
}

impl ObjectStoreConfig {
    /// Lists what is below a prefix of the origin's keys, which is empty or ends in a slash.
    pub fn list(&self, prefix: &str) -> Result<ObjectListing, ListingError> {
        let origin = ObjectStoreOrigin::open(self.clone())?;
        let before = format!("{}{prefix}", self.prefix.as_str());
        let path = Path::parse(&before).map_err(|source| ListingError::Store {
            below: before.clone(),
            source: source.into(),
        })?;
        let found = origin.store.get().list(Some(&path));
        Ok(ObjectListing { origin, found, before })
    }
}

impl ObjectListing {
    /// The next object; none behind the last.
    pub async fn next(&mut self) -> Option<Result<Listed, ListingError>> {
        let found = poll_fn(|cx| self.found.as_mut().poll_next(cx)).await?;
        Some(match found {
            Ok(meta) => self.listed(meta).await,
            Err(source) => Err(self.failed(source)),
        })
    }

    async fn listed(&self, meta: ObjectMeta) -> Result<Listed, ListingError> {
        let ObjectMeta { location, size, .. } = meta;
        let key = location.as_ref().strip_prefix(&*self.before).map(str::to_owned);
        let passed_over = |why| Listed::PassedOver { path: PathBuf::from(location.as_ref()), why };
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Ok(passed_over(PassedOver::Marker));
        };
        if size == 0 {
            // Consoles make empty objects whose keys end in a slash, and call them folders. The
            // slash is lost by now, so it is seen from there being no object without it.
            match self.origin.store.get().head(&location).await {
                Ok(_) => {}
                Err(object_store::Error::NotFound { .. }) => {
                    return Ok(passed_over(PassedOver::Marker));
                }
                Err(source) => return Err(self.failed(source)),
            }
        }
        Ok(Listed::File { key, size })
    }

    fn failed(&self, source: object_store::Error) -> ListingError {
        ListingError::Store { below: self.before.clone(), source }
    }
}

impl std::fmt::Debug for ObjectListing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectListing").field("before", &self.before).finish_non_exhaustive()
    }
}
