//! Has edges told the names of contents that connectors need, where a folder has more of them than
//! the change of the connector told ([`super::store::Naming`]).
//!
//! Whoever is stopped half-way is gone on with, by any control plane: how far it is stands in the
//! store, and two that do it at once do it one after the other.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::caller::Caller;
use super::store::{Naming, Store, StoreError, StoreErrorKind};
use crate::clock::Clock;
use crate::telemetry::ErrorChain;

/// Between two looks, where nothing is known to have changed.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Before a store that failed is asked again.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// Does so, for ever.
pub async fn name_contents(store: Store, clock: Clock) -> Infallible {
    let mut changed = store.subscribe();
    loop {
        changed.mark_unchanged();
        if let Err(error) = name_all(&store, clock).await {
            tracing::warn!(error = %ErrorChain(&error), "names of contents are told later");
            sleep(LEFT_ALONE).await;
            continue;
        }
        // An error: the store is closed, and the task about to end.
        if let Ok(Err(_)) = timeout(LOOK_EVERY, changed.changed()).await {
            sleep(LOOK_EVERY).await;
        }
    }
}

async fn name_all(store: &Store, clock: Clock) -> Result<(), StoreError> {
    let caller = Caller::system("connector_naming");
    let unnamed = store.view(&caller).await?.connector_list_unnamed().await?;
    for id in unnamed {
        // Some at a time: others are to write meanwhile.
        loop {
            let mut change = store.change(&caller, clock.now()).await?;
            let named = match change.connector_name_more(&id).await {
                // Somebody removed it.
                Err(error) if error.kind() == StoreErrorKind::NotFound => break,
                named => named?,
            };
            change.commit().await?;
            if named == Naming::Done {
                break;
            }
        }
    }
    Ok(())
}
