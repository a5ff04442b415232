//! Idempotency keys: a POST that is made twice is done once.

use super::desk::Services;
use super::error::ServiceError;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{IdempotencyClaim, KeptAnswer};

impl Services {
    /// Claims the caller's key for a request of that hash.
    pub async fn idempotency_claim(
        &self,
        caller: &Caller,
        key: &str,
        request: &str,
    ) -> Result<IdempotencyClaim, ServiceError> {
        let mut change = self.change(caller).await?;
        let claim = change.idempotency_claim(key, request).await?;
        change.commit().await?;
        Ok(claim)
    }

    /// Keeps the answer to the request that claimed the caller's key.
    pub async fn idempotency_keep(
        &self,
        caller: &Caller,
        key: &str,
        answer: &KeptAnswer,
    ) -> Result<(), ServiceError> {
        let mut change = self.change(caller).await?;
        change.idempotency_keep(key, answer).await?;
        change.commit().await?;
        Ok(())
    }

    /// Gives the caller's key back: the request failed, and may be made again.
    pub async fn idempotency_release(
        &self,
        caller: &Caller,
        key: &str,
    ) -> Result<(), ServiceError> {
        let mut change = self.change(caller).await?;
        change.idempotency_release(key).await?;
        change.commit().await?;
        Ok(())
    }
}
