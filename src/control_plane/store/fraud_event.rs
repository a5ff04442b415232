//! What anti-fraud found at edges, as they tell it with their downloads.

use super::change::Change;
use super::download_event::{FORGOTTEN_AT_ONCE, Forgotten};
use super::error::{StoreError, StoreErrorKind};
use super::page::{Listed, Page};
use super::statement::{Condition, Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{DownloadEventId, KeptFinding};
use crate::event::FraudEvent;

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

impl View {
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
