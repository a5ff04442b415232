//! What edges handed out for links and through connectors, and the way of every event into the store.
//! Written in batches, each once: a spool's row says how far it was taken, and is locked by whoever takes
//! more of it.

use std::collections::{BTreeSet, HashMap};

use super::change::Change;
use super::copy_delivery::Left;
use super::error::{StoreError, StoreErrorKind};
use super::fraud_event::{self, Blocked};
use super::page::{ListOrder, Listed, Page};
use super::share_delivery::Deliveries;
use super::statement::{Condition, Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{ContentId, DownloadEventId, KeptDownload, VersionId};
use crate::event::{
    ConnectorUse, DownloadBy, DownloadEvent, Event, EventBatch, FraudEvent, NumberedEvent,
};

/// Events that are forgotten at a time.
pub(super) const FORGOTTEN_AT_ONCE: u64 = 10_000;

const COLUMNS: &[&str] =
    &["id", "tenant", "link", "connector", "content", "version", "edge", "event"];

/// Which events of a tenant; none of a field is all.
#[derive(Clone, Debug, Default)]
pub struct DownloadFilter {
    /// Those by this link.
    pub link: Option<Box<str>>,
    /// Those through this connector.
    pub connector: Option<Box<str>>,
    /// Those of this content's files.
    pub content: Option<ContentId>,
    /// Those that ended then or later.
    pub since: Option<UnixSeconds>,
    /// Those that ended before.
    pub until: Option<UnixSeconds>,
    /// In which order.
    pub order: ListOrder,
}

impl DownloadFilter {
    fn conditions(&self, tenant: TenantId, after: Option<&DownloadEventId>) -> Vec<Condition> {
        let Self { link, connector, content, since, until, order } = self;
        let behind = match order {
            ListOrder::NewestFirst => "id < ?",
            ListOrder::OldestFirst => "id > ?",
        };
        let mut conditions = vec![Condition::of("tenant = ?", tenant)];
        conditions.extend(after.map(|id| Condition::of(behind, id.as_str())));
        if let Some(link) = link {
            conditions.push(Condition::of("link = ?", link));
        }
        if let Some(connector) = connector {
            conditions.push(Condition::of("connector = ?", connector));
        }
        if let Some(content) = content {
            conditions.push(Condition::of("content = ?", content.as_str()));
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

/// Was that all?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// It was.
    All,
    /// There is more to forget.
    Some,
}

/// The versions of files, each with whose it is and of which content.
type Versions = HashMap<(TenantId, ContentId, u64), VersionId>;

/// The version that a connector's file is of. Said is only what is so: a file of that content.
fn version(versions: &Versions, event: &DownloadEvent) -> Option<VersionId> {
    let DownloadBy::Connector(ConnectorUse { file, .. }) = &event.by else { return None };
    versions.get(&(event.tenant, event.content.clone()?, *file)).cloned()
}

/// What is written of one.
fn row(kept: &KeptDownload) -> Result<Vec<Value>, StoreError> {
    let KeptDownload { id, edge, version, event } = kept;
    let (link, connector) = match &event.by {
        DownloadBy::Link { link, key: _ } => (Some(&**link), None),
        DownloadBy::Connector(ConnectorUse { connector, .. }) => (None, Some(&**connector)),
    };
    Ok(vec![
        id.as_str().into(),
        event.tenant.into(),
        link.into(),
        connector.into(),
        event.content.as_ref().map(ContentId::as_str).into(),
        version.as_ref().map(VersionId::as_str).into(),
        edge.as_deref().into(),
        Value::json(event)?,
    ])
}

fn read(row: &Row) -> Result<KeptDownload, StoreError> {
    let id: Box<str> = row.text("id")?;
    Ok(KeptDownload {
        id: DownloadEventId::parse(&id).ok_or(StoreErrorKind::Corrupt)?,
        edge: row.text_opt("edge")?,
        version: row.text_opt("version")?,
        event: row.json("event")?,
    })
}

impl View {
    /// A tenant's downloads, by when they ended.
    pub async fn download_event_list(
        &mut self,
        tenant: TenantId,
        filter: &DownloadFilter,
        page: &Page<DownloadEventId>,
    ) -> Result<Listed<KeptDownload, DownloadEventId>, StoreError> {
        self.reach(Some(tenant))?;
        let order = match filter.order {
            ListOrder::NewestFirst => "ORDER BY id DESC LIMIT ?",
            ListOrder::OldestFirst => "ORDER BY id LIMIT ?",
        };
        let statement = Statement::all_of(
            "SELECT id, version, edge, event FROM download_event WHERE",
            filter.conditions(tenant, page.after.as_ref()),
            order,
            page.probe().into(),
        );
        let rows = self.connection().rows(statement).await?;
        let events = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(events, page, |kept: &KeptDownload| kept.id.clone()))
    }
}

impl Change {
    /// Takes what is new in a batch, downloads and findings, which came from the edge of that name or
    /// from this process. Gives the number up to which its spool was taken. Events of a tenant that is
    /// gone are nobody's, and are passed over. Audited is what connectors gave (requirement A13), which
    /// nobody asked this control plane for; the rest is a log itself.
    pub async fn download_event_take(
        &mut self,
        edge: Option<&str>,
        batch: EventBatch,
    ) -> Result<u64, StoreError> {
        self.view().reach(None)?;
        let now = self.now();
        let EventBatch { spool, events } = batch;
        let lock = Statement::new(
            "INSERT INTO event_spool (id, taken, at) VALUES ($1, 0, $2) \
             ON CONFLICT (id) DO UPDATE SET at = $2 RETURNING taken",
        );
        let taken: u64 =
            self.view().found(lock.bind(spool.as_str()).bind(now)).await?.number("taken")?;
        let events: Vec<_> = events.into_iter().filter(|it| it.number > taken).collect();
        let Some(last) = events.iter().map(|it| it.number).max() else { return Ok(taken) };

        let tenants = self.tenants_among(&events).await?;
        let versions = self.versions_among(&events).await?;
        let mut downloads = Vec::with_capacity(events.len());
        let mut findings = Vec::new();
        let (mut of_shares, mut blocked) = (Deliveries::default(), Blocked::default());
        let mut copies = Left::default();
        for NumberedEvent { number, event } in events {
            if !tenants.contains(&event.tenant()) {
                continue;
            }
            // A clock that is ahead shall not keep an event longer than others.
            let at = event.at().min(now);
            let id = DownloadEventId::of(at, &spool, number);
            match event {
                Event::Download(event) => {
                    let event = DownloadEvent { at, ..event };
                    of_shares.add(&event);
                    copies.add(&event);
                    let (edge, version) = (edge.map(Into::into), version(&versions, &event));
                    let kept = KeptDownload { id, edge, version, event };
                    if let Some((content, delivery)) = kept.audited() {
                        let (tenant, content) = (Some(kept.event.tenant), content.as_str());
                        self.note("connector.deliver", tenant, content, None, Some(&delivery));
                    }
                    downloads.push(row(&kept)?);
                }
                Event::Fraud(event) => {
                    let event = FraudEvent { at, since: event.since.min(at), ..event };
                    blocked.add(&event);
                    findings.push(fraud_event::row(&id, edge, &event)?);
                }
            }
        }
        self.view().connection().insert_all("download_event", COLUMNS, downloads).await?;
        let columns = fraud_event::COLUMNS;
        self.view().connection().insert_all("fraud_event", columns, findings).await?;
        self.share_sent_add(of_shares).await?;
        self.copies_left(copies).await?;
        self.fraud_tell(blocked).await?;
        let statement = Statement::new("UPDATE event_spool SET taken = $2 WHERE id = $1");
        let statement = statement.bind(spool.as_str()).bind(last);
        self.view().connection().execute(statement).await?;
        Ok(last)
    }

    /// Forgets downloads that ended before that, and spools of which nothing came since, some at a
    /// time.
    pub async fn download_event_forget(
        &mut self,
        before: UnixSeconds,
    ) -> Result<Forgotten, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM download_event WHERE id IN \
             (SELECT id FROM download_event WHERE id < $1 ORDER BY id LIMIT $2)",
        );
        let statement = statement.bind(DownloadEventId::earliest(before)).bind(FORGOTTEN_AT_ONCE);
        let gone = self.view().connection().execute(statement).await?;
        let statement = Statement::new("DELETE FROM event_spool WHERE at < $1");
        self.view().connection().execute(statement.bind(before)).await?;
        Ok(if gone < FORGOTTEN_AT_ONCE { Forgotten::All } else { Forgotten::Some })
    }

    /// The versions that the files which connectors gave are of.
    async fn versions_among(&mut self, events: &[NumberedEvent]) -> Result<Versions, StoreError> {
        let files = events.iter().filter_map(|it| match &it.event {
            Event::Download(DownloadEvent { by: DownloadBy::Connector(by), .. }) => Some(by.file),
            Event::Download(_) | Event::Fraud(_) => None,
        });
        let files: BTreeSet<u64> = files.filter(|it| i64::try_from(*it).is_ok()).collect();
        if files.is_empty() {
            return Ok(Versions::new());
        }
        let statement = Statement::any_of(
            "SELECT file.number, file.version, version.content, content.tenant FROM file \
             JOIN version ON version.id = file.version \
             JOIN content ON content.id = version.content WHERE file.number IN",
            files.into_iter().map(Value::from).collect(),
            "",
        );
        let rows = self.view().connection().rows(statement).await?;
        let known = rows.iter().map(|row| {
            let of = (row.number("tenant")?, row.text("content")?, row.number("number")?);
            Ok((of, row.text("version")?))
        });
        known.collect()
    }

    async fn tenants_among(
        &mut self,
        events: &[NumberedEvent],
    ) -> Result<BTreeSet<TenantId>, StoreError> {
        let named: BTreeSet<TenantId> = events.iter().map(|it| it.event.tenant()).collect();
        let named = named.into_iter().map(Value::from).collect();
        let statement = Statement::any_of("SELECT number FROM tenant WHERE number IN", named, "");
        let rows = self.view().connection().rows(statement).await?;
        rows.iter().map(|row| row.number("number")).collect()
    }
}
