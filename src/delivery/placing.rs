//! Objects that are put into an origin, and taken away: no bytes leave, and no permit is asked for.
//!
//! For the control plane, which decides who may.

use super::desk::DeliveryDesk;
use super::digest::ask;
use crate::asset::OriginKey;
use crate::clock::Clock;
use crate::origin::{Answer, AskMethod, Kind, Origin, Put, PutError, PutHandle, Retry};
use crate::policy::OriginName;

/// Why an object is not put, or not taken away.
#[derive(Debug, thiserror::Error)]
pub enum PlacingError {
    /// There is no such origin here.
    #[error("there is no such origin here")]
    NoOrigin,
    /// The origin does not do it.
    #[error(transparent)]
    Put(#[from] PutError),
}

impl PlacingError {
    /// May the same call succeed if it is made again? Configurations reload.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::NoOrigin => Retry::Later,
            Self::Put(error) => error.retry(),
        }
    }
}

impl DeliveryDesk {
    /// Can an object be put under that key? [`PutError::Exists`] where there is one.
    pub async fn vacancy(
        &self,
        origin: &OriginName,
        key: &str,
        clock: Clock,
    ) -> Result<(), PlacingError> {
        let opened = self.opened(origin).ok_or(PlacingError::NoOrigin)?;
        match &opened.config.kind {
            Kind::Disk(_) | Kind::ObjectStore(_) => {}
            Kind::Http(_) => return Err(PutError::ReadOnly.into()),
        }
        let key = OriginKey::Object(key.into());
        match ask(opened, &key, AskMethod::Head, clock).await {
            Ok(Answer::NotFound(_)) => Ok(()),
            Ok(Answer::Described(_) | Answer::Found(_) | Answer::NotModified(_)) => {
                Err(PutError::Exists.into())
            }
            Err(error) => Err(PutError::Unavailable(Box::new(error)).into()),
        }
    }

    /// Begins to put an object; no byte is sent yet.
    pub async fn begin_put(
        &self,
        origin: &OriginName,
        key: &str,
        length: u64,
        content_type: Option<&str>,
    ) -> Result<PutHandle, PlacingError> {
        Ok(self.place(origin)?.begin_put(key, length, content_type).await?)
    }

    /// Puts the object; it is there, whole and durable, when this returns.
    pub async fn put(
        &self,
        origin: &OriginName,
        handle: &PutHandle,
        put: Put<'_>,
    ) -> Result<(), PlacingError> {
        Ok(self.place(origin)?.put(handle, put).await?)
    }

    /// Makes a put undone, also one that got through.
    pub async fn abort_put(
        &self,
        origin: &OriginName,
        key: &str,
        handle: &PutHandle,
    ) -> Result<(), PlacingError> {
        Ok(self.place(origin)?.abort_put(key, handle).await?)
    }

    /// Takes an object away; there may be none.
    pub async fn delete(&self, origin: &OriginName, key: &str) -> Result<(), PlacingError> {
        Ok(self.place(origin)?.delete(key).await?)
    }

    fn place(&self, origin: &OriginName) -> Result<&Origin, PlacingError> {
        let opened = self.opened(origin).ok_or(PlacingError::NoOrigin)?;
        Ok(&opened.source.origin)
    }
}
