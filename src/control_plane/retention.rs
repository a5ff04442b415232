//! Forgets what nobody needs any more: tokens that ended, failed logins, answers kept for repeated calls,
//! revocations of links that have expired by themselves, the uses of links that did, the oldest part of
//! the change feed, archives that were promised and are over, shares that ended
//! a month ago, messages to webhooks and letters that are as old, and downloads, findings of anti-fraud,
//! links and backtraces of long ago.
//!
//! Nothing of it is said to anybody, and what is forgotten late does no harm. The audit log is not
//! forgotten. By the way, webhooks are told of shares that ended since.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use super::account::LOGIN_WINDOW;
use super::caller::Caller;
use super::store::{Forgotten, Store, StoreError};
use crate::clock::{Clock, UnixSeconds};
use crate::telemetry::ErrorChain;

/// Between two rounds.
const EVERY: Duration = Duration::from_hours(1);

/// Seconds for which a token that ended can still be looked up.
const TOKENS_KEPT: u64 = 24 * 3600;

/// Seconds for which it is known who downloaded what, and who was refused: half a year. They say from where, and that is
/// nobody's to keep for ever.
const DOWNLOADS_KEPT: u64 = 180 * 24 * 3600;

/// Seconds for which a link that ended is known: as long as what was downloaded by it.
const LINKS_KEPT: u64 = DOWNLOADS_KEPT;

/// Seconds for which a share that ended is still there, and can be opened again (C25).
const SHARES_KEPT: u64 = 30 * 24 * 3600;

/// Seconds for which a message to a webhook can be looked up, and delivered again: 30 days.
const MESSAGES_KEPT: u64 = 30 * 24 * 3_600;

/// Seconds for which it is known what became of a letter.
const LETTERS_KEPT: u64 = 30 * 24 * 3600;

/// Versions of the feed that a reader may be behind.
const FEED_KEPT: u64 = 100_000;

/// Forgets now and then, for ever.
pub async fn retain(store: Store, clock: Clock) -> Infallible {
    loop {
        if let Err(error) = forget(&store, clock).await {
            tracing::warn!(error = %ErrorChain(&error), "nothing was forgotten this time");
        }
        sleep(EVERY).await;
    }
}

pub(in crate::control_plane) async fn forget(
    store: &Store,
    clock: Clock,
) -> Result<(), StoreError> {
    let now = clock.now();
    let before = |seconds| UnixSeconds::new(now.get().saturating_sub(seconds));
    let caller = Caller::system("retention");
    let mut change = store.change(&caller, now).await?;
    change.access_token_forget(before(TOKENS_KEPT)).await?;
    change.source_ticket_forget(before(TOKENS_KEPT)).await?;
    change.share_session_forget(now).await?;
    change.idempotency_forget().await?;
    change.revocation_forget().await?;
    change.login_failure_forget(before(LOGIN_WINDOW)).await?;
    change.feed_compact(FEED_KEPT).await?;
    change.commit().await?;
    // Some at a time: others are to write meanwhile.
    let mut forgotten = Forgotten::Some;
    while forgotten == Forgotten::Some {
        let mut change = store.change(&caller, now).await?;
        forgotten = change.download_event_forget(before(DOWNLOADS_KEPT)).await?;
        change.commit().await?;
    }
    forgotten = Forgotten::Some;
    while forgotten == Forgotten::Some {
        let mut change = store.change(&caller, now).await?;
        forgotten = change.fraud_event_forget(before(DOWNLOADS_KEPT)).await?;
        change.commit().await?;
    }
    let mut gone = 1;
    while gone > 0 {
        let mut change = store.change(&caller, now).await?;
        gone = change.download_link_forget(before(LINKS_KEPT)).await?;
        change.commit().await?;
    }
    gone = 1;
    while gone > 0 {
        let mut change = store.change(&caller, now).await?;
        gone = change.backtrace_forget(before(DOWNLOADS_KEPT)).await?;
        change.commit().await?;
    }
    gone = 1;
    while gone > 0 {
        let mut change = store.change(&caller, now).await?;
        gone = change.archive_plan_forget(now).await?;
        change.commit().await?;
    }
    let mut sent = 1;
    while sent > 0 {
        let mut change = store.change(&caller, now).await?;
        sent = change.letter_forget(before(LETTERS_KEPT)).await?;
        change.commit().await?;
    }
    let mut over = 1;
    while over > 0 {
        let mut change = store.change(&caller, now).await?;
        over = change.share_expire().await?;
        change.commit().await?;
    }
    let mut ended = 1;
    while ended > 0 {
        let mut change = store.change(&caller, now).await?;
        ended = change.share_forget(before(SHARES_KEPT)).await?;
        change.commit().await?;
    }
    forgotten = Forgotten::Some;
    while forgotten == Forgotten::Some {
        let mut change = store.change(&caller, now).await?;
        forgotten = change.webhook_forget(before(MESSAGES_KEPT)).await?;
        change.commit().await?;
    }
    forgotten = Forgotten::Some;
    while forgotten == Forgotten::Some {
        let mut change = store.change(&caller, now).await?;
        forgotten = change.link_claim_forget(now).await?;
        change.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::TenantId;
    use crate::control_plane::record::{RevocationDraft, RevokedLinks};
    use crate::control_plane::store::{Page, StoreAddress};

    #[tokio::test]
    async fn what_has_expired_by_itself_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", folder.path().join("records.db").display());
        let store = Store::open(&StoreAddress::parse(&address).unwrap()).await.unwrap();
        let caller = Caller::system("test");
        let mut change = store.change(&caller, UnixSeconds::new(1_000)).await.unwrap();
        change.tenant_create(TenantId(1), "one").await.unwrap();
        for end in [2_000, 3_000] {
            let draft = RevocationDraft {
                tenant: TenantId(1),
                subject: RevokedLinks::Link(format!("lnk_{end}").into()),
                reason: "lost".into(),
                made_before: None,
                expires_at: Some(UnixSeconds::new(end)),
            };
            change.revocation_create(draft).await.unwrap();
        }
        change.commit().await.unwrap();
        forget(&store, Clock::Fixed(UnixSeconds::new(2_500))).await.unwrap();
        let mut view = store.view(&caller).await.unwrap();
        let left = view.revocation_list(&Page::first(10)).await.unwrap().items;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].expires_at, Some(UnixSeconds::new(3_000)));
    }
}
