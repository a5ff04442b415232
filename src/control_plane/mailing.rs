//! Sends letters, and warns of shares that end soon.
//!
//! Any number of control planes do it over one store: each letter is one's for a while, and is
//! another's if that one is stopped. Of a tenant one letter at a time is sent here, so that a server
//! that is slow keeps nobody else's letters.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::service::Services;
use crate::asset::TenantId;
use crate::telemetry::ErrorChain;

/// Between two looks, where nothing is known to have been written.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Between two looks for shares that end soon.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// Before a store that failed is asked again.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// Tenants whose letters are sent at once.
const MOST_AT_ONCE: usize = 16;

/// Does so, for ever.
pub async fn send_letters(services: Services) -> Infallible {
    let mut sending: JoinSet<TenantId> = JoinSet::new();
    let mut busy: BTreeSet<TenantId> = BTreeSet::new();
    // The tenant whose turn was last: those behind it come first then.
    let mut last: Option<TenantId> = None;
    let mut warned: Option<Instant> = None;
    loop {
        if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            warned = Some(Instant::now());
            if let Err(error) = services.shares_warn().await {
                tracing::warn!(error = %ErrorChain(&error), "nobody was warned this time");
            }
        }
        match services.letter_tenants_due().await {
            Ok(mut tenants) => {
                let behind = tenants.partition_point(|it| last.is_some_and(|last| *it <= last));
                tenants.rotate_left(behind);
                for tenant in tenants {
                    if sending.len() < MOST_AT_ONCE && busy.insert(tenant) {
                        last = Some(tenant);
                        let services = services.clone();
                        sending.spawn(async move {
                            send_one(&services, tenant).await;
                            tenant
                        });
                    }
                }
            }
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "letters are sent later");
                sleep(LEFT_ALONE).await;
            }
        }
        let woken = async {
            tokio::select! {
                Some(done) = sending.join_next() => done.ok(),
                () = services.letters_await() => None,
            }
        };
        if let Ok(Some(tenant)) = timeout(LOOK_EVERY, woken).await {
            busy.remove(&tenant);
        }
        if sending.is_empty() {
            // What was cut off says not whose it was.
            busy.clear();
        }
    }
}

/// Sends one letter of a tenant; then it is another's turn.
async fn send_one(services: &Services, tenant: TenantId) {
    if let Err(error) = services.letter_send_next(tenant).await {
        tracing::warn!(error = %ErrorChain(&error), "a letter is sent later");
        sleep(LEFT_ALONE).await;
    }
}
