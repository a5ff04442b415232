//! How much of a share's downloads left: added up as edges and control planes tell it, and kept as long
//! as the share is (C27).

use std::collections::{BTreeMap, HashMap};

use serde_json::Map;

use super::change::Change;
use super::error::StoreError;
use super::statement::{Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::control_plane::record::{ShareId, WebhookEvent};
use crate::event::{DownloadBy, DownloadEnd, DownloadEvent, DownloadMethod, Extent};

/// Bytes that are added at a time, and over which nothing more is: an edge that tells nonsense makes
/// nothing that a database cannot count.
const MOST_AT_ONCE: u64 = 1 << 53;
const MOST: u64 = 1 << 60;

/// What left of downloads, each by its tenant, its share and its number: in an order, so that two who
/// write some of the same wait for each other in the same.
#[derive(Debug, Default)]
pub struct Deliveries(BTreeMap<(u64, ShareId, u64), Delivered>);

/// What left of one.
#[derive(Clone, Copy, Debug, Default)]
struct Delivered {
    sent: u64,
    /// Did all of it leave in one answer?
    whole: bool,
}

impl Deliveries {
    /// Adds what left of a download of a share.
    pub fn sent(
        &mut self,
        tenant: TenantId,
        share: ShareId,
        download: u64,
        sent: u64,
        whole: bool,
    ) {
        let left = self.0.entry((tenant.0, share, download)).or_default();
        left.sent = left.sent.saturating_add(sent);
        left.whole |= whole;
    }

    /// Adds what an edge tells of a link, if that is of a share's download:
    /// `{share}.{item}.{recipient}.{download}`.
    pub(super) fn add(&mut self, event: &DownloadEvent) {
        let DownloadBy::Link { link, key: _ } = &event.by else { return };
        // What an answer without the file says is nothing of it.
        if !matches!(event.status, 200 | 206) {
            return;
        }
        let mut parts = link.split('.');
        let share = parts.next().and_then(ShareId::parse);
        let number = |text: Option<&str>| text?.parse::<u64>().ok().filter(|it| *it < 1 << 62);
        let (_, _, download) = (number(parts.next()), number(parts.next()), number(parts.next()));
        let whole = (event.method, event.extent, event.end)
            == (DownloadMethod::Get, Extent::Whole, DownloadEnd::Complete)
            && event.status == 200;
        if let (Some(share), Some(download), None) = (share, download, parts.next()) {
            self.sent(event.tenant, share, download, event.sent, whole);
        }
    }
}

impl View {
    /// How much left of these downloads of a share, of those of which something did.
    pub(super) async fn share_sent(
        &mut self,
        id: &ShareId,
        downloads: Vec<u64>,
    ) -> Result<HashMap<u64, u64>, StoreError> {
        if downloads.is_empty() {
            return Ok(HashMap::new());
        }
        let statement = Statement::new(
            "SELECT download, sent FROM share_delivery WHERE share = $1 AND download IN",
        );
        let downloads = downloads.into_iter().map(Value::from).collect();
        let statement = statement.bind(id.as_str()).one_of(downloads);
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(|row| Ok((row.number("download")?, row.number("sent")?))).collect()
    }
}

impl Change {
    /// Adds what left, of shares that there are. Webhooks are told of each download once, when all of it
    /// left.
    pub async fn share_sent_add(&mut self, all: Deliveries) -> Result<(), StoreError> {
        for ((tenant, share, download), Delivered { sent, whole }) in all.0 {
            let (tenant, sent) = (TenantId(tenant), sent.min(MOST_AT_ONCE));
            let statement = Statement::new(
                "INSERT INTO share_delivery (share, download, sent) \
                 SELECT id, CAST($2 AS BIGINT), CAST($3 AS BIGINT) FROM share \
                 WHERE id = $1 AND tenant = $4 \
                 ON CONFLICT (share, download) \
                 DO UPDATE SET sent = CASE WHEN share_delivery.sent > $5 THEN share_delivery.sent \
                 ELSE share_delivery.sent + excluded.sent END",
            );
            let statement = statement.bind(share.as_str()).bind(download).bind(sent);
            let statement = statement.bind(tenant).bind(MOST);
            let is_there = self.view().connection().execute(statement).await? > 0;
            if is_there && whole {
                self.share_download_complete(tenant, &share, download).await?;
            }
        }
        Ok(())
    }

    async fn share_download_complete(
        &mut self,
        tenant: TenantId,
        share: &ShareId,
        download: u64,
    ) -> Result<(), StoreError> {
        let statement = Statement::new(
            "UPDATE share_delivery SET completed_at = $3 \
             WHERE share = $1 AND download = $2 AND completed_at IS NULL",
        );
        let statement = statement.bind(share.as_str()).bind(download).bind(self.now());
        if self.view().connection().execute(statement).await? == 0 {
            return Ok(());
        }
        let data = Map::from_iter([
            ("tenant".to_owned(), tenant.0.into()),
            ("share".to_owned(), share.as_str().into()),
            ("download".to_owned(), download.into()),
        ]);
        self.webhook_tell(tenant, WebhookEvent::ShareDownloadCompleted, &data).await
    }
}
