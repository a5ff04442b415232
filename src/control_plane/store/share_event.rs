//! What happened to shares, each in its own order.

use ipnet::IpNet;
use serde_json::{Map, Value as Json};

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Listed, Page};
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    ArchivePlanId, ShareEvent, ShareEventKind, ShareId, WebhookEvent,
};

/// A history that has so many gets no more of visitors, downloads apart.
const MOST_BY_VISITORS: i64 = 100_000;

/// What webhooks are told of a detail: ids, kinds and numbers. Names and texts are for whoever may read
/// the history.
const TOLD: &[&str] = &["content", "download", "items", "kind", "size", "version"];

/// Something that happened to a share, before it has its place.
#[derive(Clone, Debug)]
pub struct Happened {
    /// What.
    pub kind: ShareEventKind,
    /// Who did it, by their id; none where it was a visitor.
    pub actor: Option<Box<str>>,
    /// By whose address, where that is a recipient's.
    pub recipient: Option<u64>,
    /// From where.
    pub network: Option<IpNet>,
    /// Of which item.
    pub item: Option<u64>,
    /// What is to be said of it.
    pub detail: Map<String, Json>,
}

impl Happened {
    /// That, and no more is known of it.
    pub fn of(kind: ShareEventKind) -> Self {
        Self { kind, actor: None, recipient: None, network: None, item: None, detail: Map::new() }
    }
}

fn read(row: &Row) -> Result<ShareEvent, StoreError> {
    let network = match row.text_opt::<Box<str>>("network")? {
        Some(text) => Some(text.parse().map_err(|_| StoreErrorKind::Corrupt)?),
        None => None,
    };
    Ok(ShareEvent {
        number: row.number("number")?,
        at: row.number("at")?,
        kind: row.text("kind")?,
        actor: row.text_opt("actor")?,
        recipient: row.number_opt("recipient")?,
        network,
        item: row.number_opt("item")?,
        sent: None,
        detail: row.json("detail")?,
    })
}

impl View {
    /// What happened at that place of a share's history.
    pub async fn share_event(
        &mut self,
        id: &ShareId,
        number: u64,
    ) -> Result<ShareEvent, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT number, at, kind, actor, recipient, network, item, detail FROM share_event \
             WHERE share = $1 AND number = $2",
        );
        read(&self.found(statement.bind(id.as_str()).bind(number)).await?)
    }

    /// The last download of a share that was begun as that archive.
    pub async fn share_event_of_archive(
        &mut self,
        id: &ShareId,
        archive: &ArchivePlanId,
    ) -> Result<Option<ShareEvent>, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT number, at, kind, actor, recipient, network, item, detail FROM share_event \
             WHERE share = $1 AND kind = $2 AND detail LIKE $3 ORDER BY number DESC LIMIT 1",
        );
        let named = format!("%\"archive\":\"{archive}\"%");
        let statement = statement.bind(id.as_str());
        let statement = statement.bind(ShareEventKind::Downloaded.wire_name()).bind(&*named);
        self.connection().row(statement).await?.as_ref().map(read).transpose()
    }

    /// What happened to a share, the latest first.
    pub async fn share_event_list(
        &mut self,
        id: &ShareId,
        page: &Page<u64>,
    ) -> Result<Listed<ShareEvent, u64>, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT number, at, kind, actor, recipient, network, item, detail FROM share_event \
             WHERE share = $1 AND ($2 IS NULL OR number < $2) ORDER BY number DESC LIMIT $3",
        );
        let statement = statement.bind(id.as_str()).bind(page.after).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let mut events = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let sent =
            self.share_sent(id, events.iter().filter_map(ShareEvent::download).collect()).await?;
        for event in &mut events {
            event.sent = event.download().and_then(|it| sent.get(&it).copied());
        }
        Ok(Listed::cut(events, page, |event: &ShareEvent| event.number))
    }
}

impl View {
    /// How often that happened to a share since then.
    pub async fn share_event_count(
        &mut self,
        id: &ShareId,
        kind: ShareEventKind,
        since: UnixSeconds,
    ) -> Result<u64, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT COUNT(*) AS events FROM share_event WHERE share = $1 AND kind = $2 AND at >= $3",
        );
        let statement = statement.bind(id.as_str()).bind(kind.wire_name()).bind(since);
        self.found(statement).await?.number("events")
    }
}

impl Change {
    /// Writes into a share's history what happened. Of visitors, whom anybody can be, nothing more is
    /// written into a history of very many.
    pub async fn share_event_add(
        &mut self,
        id: &ShareId,
        happened: &Happened,
    ) -> Result<(), StoreError> {
        let tenant = self.view().share(id).await?.tenant;
        let most = if happened.actor.is_some() { i64::MAX } else { MOST_BY_VISITORS };
        let statement = Statement::new(
            "UPDATE share SET events = events + 1 WHERE id = $1 AND events < $2 RETURNING events",
        );
        let statement = statement.bind(id.as_str()).bind(most);
        let Some(row) = self.view().connection().row(statement).await? else { return Ok(()) };
        self.share_event_write(tenant, id, row.number("events")?, happened).await
    }

    /// The same, in a place that was taken for it. Webhooks are told.
    pub(super) async fn share_event_write(
        &mut self,
        tenant: TenantId,
        id: &ShareId,
        number: u64,
        happened: &Happened,
    ) -> Result<(), StoreError> {
        let Happened { kind, actor, recipient, network, item, detail } = happened;
        let statement = Statement::new(
            "INSERT INTO share_event (share, number, at, kind, actor, recipient, network, item, \
             detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(id.as_str())
        .bind(number)
        .bind(self.now())
        .bind(kind.wire_name())
        .bind(actor.as_deref())
        .bind(*recipient)
        .bind(network.map(|it| it.to_string()).as_deref())
        .bind(*item)
        .bind(Value::json(detail)?);
        self.view().connection().execute(statement).await?;
        match WebhookEvent::of_share(*kind) {
            Some(event) => {
                self.webhook_tell(tenant, event, &told(tenant, id, number, happened)).await
            }
            None => Ok(()),
        }
    }
}

/// What webhooks are told of what happened: where it stands in the history, and no more than ids.
fn told(tenant: TenantId, id: &ShareId, number: u64, happened: &Happened) -> Map<String, Json> {
    let Happened { kind, actor, recipient, network: _, item, detail } = happened;
    let mut data = Map::from_iter([
        ("tenant".to_owned(), tenant.0.into()),
        ("share".to_owned(), id.as_str().into()),
        ("number".to_owned(), number.into()),
        ("actor".to_owned(), actor.as_deref().into()),
        ("recipient".to_owned(), (*recipient).into()),
        ("item".to_owned(), (*item).into()),
    ]);
    for name in TOLD {
        if let Some(value) = detail.get(*name) {
            data.insert((*name).to_owned(), value.clone());
        }
    }
    if *kind == ShareEventKind::Changed {
        data.retain(|name, _| !TOLD.contains(&name.as_str()));
        let fields: Vec<&str> = detail.keys().map(String::as_str).collect();
        data.insert("changed".to_owned(), fields.into());
    }
    data
}
