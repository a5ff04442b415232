//! Idempotency keys: a POST that is made twice is done once.

use super::desk::Services;
use super::error::ServiceError;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{IdempotencyFound, KeptAnswer};
use crate::control_plane::store::Once;

impl Services {
    /// What the caller's key was used for, by a request of that hash or another.
    pub async fn idempotency_find(
        &self,
        caller: &Caller,
        key: &str,
        request: &str,
    ) -> Result<IdempotencyFound, ServiceError> {
        Ok(self.view(caller).await?.idempotency_find(self.now(), key, request).await?)
    }

    /// Does a request with the caller's key once: what it changes lasts with the answer that is kept
    /// of it, or neither does.
    pub async fn once<T>(
        &self,
        caller: &Caller,
        key: &str,
        request: &str,
        work: impl Future<Output = (Option<KeptAnswer>, T)>,
    ) -> Result<Once<T>, ServiceError> {
        Ok(self.store().once(caller, self.now(), key, request, work).await?)
    }
}
