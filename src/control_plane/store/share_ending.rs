//! Shares that ended: their webhooks are told of each end once.

use serde_json::Map;

use super::change::Change;
use super::error::StoreError;
use super::statement::Statement;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{ShareId, WebhookEvent};

/// Seconds before its end at which whoever made a share is warned (part H): three days.
pub const WARNED_BEFORE: u64 = 3 * 24 * 3_600;

/// Shares whose webhooks are told at a time.
const TOLD_AT_ONCE: u64 = 100;

impl Change {
    /// Has webhooks told of shares that ended, some at a time. Gives how many shares those were: of each
    /// end once, however many control planes look.
    pub async fn share_expire(&mut self) -> Result<usize, StoreError> {
        self.view().reach(None)?;
        let now = self.now();
        let statement = Statement::new(
            "SELECT id, tenant FROM share WHERE expires_at < $1 \
             AND (expired_for IS NULL OR expired_for <> expires_at) ORDER BY expires_at LIMIT $2",
        );
        let rows = self.view().connection().rows(statement.bind(now).bind(TOLD_AT_ONCE)).await?;
        for row in &rows {
            let (id, tenant): (ShareId, TenantId) = (row.text("id")?, row.number("tenant")?);
            // Another control plane may have been first, or the end is another by now.
            let statement = Statement::new(
                "UPDATE share SET expired_for = expires_at WHERE id = $1 AND expires_at < $2 \
                 AND (expired_for IS NULL OR expired_for <> expires_at)",
            );
            let statement = statement.bind(id.as_str()).bind(now);
            if self.view().connection().execute(statement).await? == 0 {
                continue;
            }
            let data = Map::from_iter([
                ("tenant".to_owned(), tenant.0.into()),
                ("share".to_owned(), id.as_str().into()),
            ]);
            self.webhook_tell(tenant, WebhookEvent::ShareExpired, &data).await?;
        }
        Ok(rows.len())
    }

    /// Notes that everybody was told of the ends that are past by then, and warned of those that come
    /// soon after.
    pub(super) async fn share_ends_told(&mut self, by: UnixSeconds) -> Result<(), StoreError> {
        let ended =
            Statement::new("UPDATE share SET expired_for = expires_at WHERE expires_at <= $1");
        self.view().connection().execute(ended.bind(by)).await?;
        let warned =
            Statement::new("UPDATE share SET warned_for = expires_at WHERE expires_at <= $1");
        self.view().connection().execute(warned.bind(by.plus(WARNED_BEFORE))).await.map(drop)
    }
}
