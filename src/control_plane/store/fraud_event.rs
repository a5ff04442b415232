//! What anti-fraud found at edges, as they tell it with their downloads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;

use super::change::Change;
use super::download_event::{FORGOTTEN_AT_ONCE, Forgotten};
use super::error::{StoreError, StoreErrorKind};
use super::page::{Listed, Page};
use super::statement::{Condition, Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{DownloadEventId, KeptFinding, WebhookEvent, WebhookMessageId};
use crate::event::{FraudAction, FraudEvent};

/// Messages about refusals that a tenant's webhooks get in a minute.
const MOST_IN_A_MINUTE: u64 = 10;

/// Rules and links that one of them names.
const MOST_NAMED: usize = 20;

/// The columns of a [`row`].
pub(super) const COLUMNS: &[&str] = &["id", "tenant", "link", "rule", "edge", "event"];

/// Which findings of a tenant; none of a field is all.
#[derive(Clone, Debug, Default)]
pub struct FraudFilter {
    /// Those of requests by this link.
    pub link: Option<Box<str>>,
    /// Those by this rule.
    pub rule: Option<Box<str>>,
    /// Those of which the last request came then or later.
    pub since: Option<UnixSeconds>,
    /// Those of which it came before.
    pub until: Option<UnixSeconds>,
}

impl FraudFilter {
    fn conditions(&self, tenant: TenantId, after: &str) -> Vec<Condition> {
        let Self { link, rule, since, until } = self;
        let mut conditions =
            vec![Condition::of("tenant = ?", tenant), Condition::of("id > ?", after)];
        if let Some(link) = link {
            conditions.push(Condition::of("link = ?", link));
        }
        if let Some(rule) = rule {
            conditions.push(Condition::of("rule = ?", rule));
        }
        if let Some(since) = since {
            conditions.push(Condition::of("id >= ?", DownloadEventId::earliest(*since)));
        }
        if let Some(until) = until {
            conditions.push(Condition::of("id < ?", DownloadEventId::earliest(*until)));
        }
        conditions
    }
}

/// What is written of one.
pub(super) fn row(
    id: &DownloadEventId,
    edge: Option<&str>,
    event: &FraudEvent,
) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        id.as_str().into(),
        event.tenant.into(),
        event.link.as_deref().into(),
        (&event.rule).into(),
        edge.into(),
        Value::json(event)?,
    ])
}

fn read(row: &Row) -> Result<KeptFinding, StoreError> {
    let id: Box<str> = row.text("id")?;
    Ok(KeptFinding {
        id: DownloadEventId::parse(&id).ok_or(StoreErrorKind::Corrupt)?,
        edge: row.text_opt("edge")?,
        event: row.json("event")?,
    })
}

/// Requests that anti-fraud refused, of each tenant: told together.
#[derive(Debug, Default)]
pub(super) struct Blocked(BTreeMap<u64, Refused>);

#[derive(Debug, Default)]
struct Refused {
    findings: u64,
    requests: u64,
    rules: BTreeSet<Box<str>>,
    links: BTreeSet<Box<str>>,
}

impl Blocked {
    /// Adds a finding, if it was not only watched.
    pub(super) fn add(&mut self, event: &FraudEvent) {
        if event.action != FraudAction::Blocked {
            return;
        }
        let refused = self.0.entry(event.tenant.0).or_default();
        refused.findings += 1;
        refused.requests = refused.requests.saturating_add(event.requests);
        for (names, name) in
            [(&mut refused.rules, Some(&event.rule)), (&mut refused.links, event.link.as_ref())]
        {
            if names.len() < MOST_NAMED {
                names.extend(name.cloned());
            }
        }
    }
}

impl View {
    /// How many messages a tenant's webhooks got of that since then.
    async fn webhook_told_since(
        &mut self,
        tenant: TenantId,
        event: WebhookEvent,
        since: UnixSeconds,
    ) -> Result<u64, StoreError> {
        // Ids begin with their time: those of before are not gone through.
        let statement = Statement::new(
            "SELECT COUNT(DISTINCT message) AS told FROM webhook_delivery \
             WHERE webhook IN (SELECT id FROM webhook WHERE tenant = $1) AND message >= $2 \
             AND event = $3",
        );
        let first = WebhookMessageId::earliest(since.plus(1));
        let statement = statement.bind(tenant).bind(first).bind(event.wire_name());
        self.found(statement).await?.number("told")
    }

    /// What was found of a tenant's links and files, by when it was last.
    pub async fn fraud_event_list(
        &mut self,
        tenant: TenantId,
        filter: &FraudFilter,
        page: &Page<DownloadEventId>,
    ) -> Result<Listed<KeptFinding, DownloadEventId>, StoreError> {
        self.reach(Some(tenant))?;
        let after = page.after.as_ref().map_or("", DownloadEventId::as_str);
        let statement = Statement::all_of(
            "SELECT id, edge, event FROM fraud_event WHERE",
            filter.conditions(tenant, after),
            "ORDER BY id LIMIT ?",
            page.probe().into(),
        );
        let rows = self.connection().rows(statement).await?;
        let findings = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(findings, page, |kept: &KeptFinding| kept.id.clone()))
    }
}

impl Change {
    /// Has webhooks told of requests that were refused: of so many in a minute, and of no more.
    pub(super) async fn fraud_tell(&mut self, blocked: Blocked) -> Result<(), StoreError> {
        let event = WebhookEvent::FraudBlocked;
        let since = UnixSeconds::new(self.now().get().saturating_sub(60));
        for (tenant, Refused { findings, requests, rules, links }) in blocked.0 {
            let tenant = TenantId(tenant);
            // Where nobody wants to know, nothing is counted.
            let webhooks = self.view().webhook_list(tenant).await?;
            if !webhooks.iter().any(|webhook| webhook.is_told(event)) {
                continue;
            }
            if self.view().webhook_told_since(tenant, event, since).await? >= MOST_IN_A_MINUTE {
                continue;
            }
            let names = |all: BTreeSet<Box<str>>| -> Vec<String> {
                all.into_iter().map(String::from).collect()
            };
            let data = Map::from_iter([
                ("tenant".to_owned(), tenant.0.into()),
                ("findings".to_owned(), findings.into()),
                ("requests".to_owned(), requests.into()),
                ("rules".to_owned(), names(rules).into()),
                ("links".to_owned(), names(links).into()),
            ]);
            self.webhook_tell(tenant, event, &data).await?;
        }
        Ok(())
    }

    /// Forgets findings of before that, some at a time.
    pub async fn fraud_event_forget(
        &mut self,
        before: UnixSeconds,
    ) -> Result<Forgotten, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM fraud_event WHERE id IN \
             (SELECT id FROM fraud_event WHERE id < $1 ORDER BY id LIMIT $2)",
        );
        let statement = statement.bind(DownloadEventId::earliest(before)).bind(FORGOTTEN_AT_ONCE);
        let gone = self.view().connection().execute(statement).await?;
        Ok(if gone < FORGOTTEN_AT_ONCE { Forgotten::All } else { Forgotten::Some })
    }
}
