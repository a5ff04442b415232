//! Turns at what keeps much from everybody else.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::ServiceError;
use crate::control_plane::store::{StoreError, StoreErrorKind};

/// Searches by a part of a title at a time. Each reads all titles of a tenant: so many, and no more, keep
/// connections to the store from everybody else.
const TITLE_SEARCHES: usize = 2;

/// How long one waits for its turn: as long as anything waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Turns at searches by a part of a title. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct TitleSearches(Arc<Semaphore>);

impl Default for TitleSearches {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TITLE_SEARCHES)))
    }
}

impl TitleSearches {
    /// A turn, until it is dropped. Refuses whoever waited too long.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, ServiceError> {
        let turn = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok);
        turn.ok_or_else(|| StoreError::from(StoreErrorKind::Unavailable).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn some_search_and_the_others_wait_for_a_while() {
        let searches = TitleSearches::default();
        let first = searches.turn().await.unwrap();
        let _second = searches.turn().await.unwrap();
        let refused = searches.turn().await.unwrap_err();
        assert!(matches!(refused, ServiceError::Unavailable(_)), "{refused:?}");
        let waits = tokio::spawn({
            let searches = searches.clone();
            async move { searches.turn().await.is_ok() }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert!(waits.await.unwrap());
    }
}
