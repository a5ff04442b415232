//! Links that were signed for somebody.

use super::change::Change;
use super::error::StoreError;
use super::page::{ListOrder, Listed, Page};
use super::statement::{Condition, Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{ContentId, DownloadLink, LinkId, RequestDigest};

/// Links that are forgotten at a time.
const FORGOTTEN_AT_ONCE: u64 = 10_000;

/// Which links of a tenant; none of a field is all.
#[derive(Clone, Debug, Default)]
pub struct LinkFilter {
    /// Those to this file.
    pub file: Option<u64>,
    /// Those that this application or person asked for.
    pub issuer: Option<Box<str>>,
    /// Those that carry this tag.
    pub tag: Option<Box<str>>,
    /// In which order.
    pub order: ListOrder,
}

fn read(row: &Row) -> Result<DownloadLink, StoreError> {
    Ok(DownloadLink {
        id: row.text("id")?,
        tenant: row.number("tenant")?,
        file: row.number("file")?,
        content: row.text_opt("content")?,
        path: row.text("path")?,
        issuer: row.text("issuer")?,
        tag: row.text_opt("tag")?,
        terms: row.json("terms")?,
        created_at: row.number("created_at")?,
        expires_at: row.number("expires_at")?,
        revoked_at: row.number_opt("revoked_at")?,
    })
}

impl View {
    /// The link of that id.
    pub async fn download_link(&mut self, id: &LinkId) -> Result<DownloadLink, StoreError> {
        let statement = Statement::new(
            "SELECT id, tenant, file, content, path, issuer, tag, terms, created_at, expires_at, \
             revoked_at FROM download_link WHERE id = $1",
        );
        let link = read(&self.found(statement.bind(id.as_str())).await?)?;
        self.reach(Some(link.tenant))?;
        Ok(link)
    }

    /// A tenant's links.
    pub async fn download_link_list(
        &mut self,
        tenant: TenantId,
        filter: &LinkFilter,
        page: &Page<LinkId>,
    ) -> Result<Listed<DownloadLink, LinkId>, StoreError> {
        self.reach(Some(tenant))?;
        let LinkFilter { file, issuer, tag, order } = filter;
        let (behind, sorted) = match order {
            ListOrder::NewestFirst => ("id < ?", "ORDER BY id DESC LIMIT ?"),
            ListOrder::OldestFirst => ("id > ?", "ORDER BY id LIMIT ?"),
        };
        let mut conditions = vec![Condition::of("tenant = ?", tenant)];
        conditions.extend(page.after.as_ref().map(|id| Condition::of(behind, id.as_str())));
        conditions.extend(file.map(|file| Condition::of("file = ?", file)));
        conditions.extend(issuer.as_ref().map(|issuer| Condition::of("issuer = ?", issuer)));
        conditions.extend(tag.as_ref().map(|tag| Condition::of("tag = ?", tag)));
        let statement = Statement::all_of(
            "SELECT id, tenant, file, content, path, issuer, tag, terms, created_at, expires_at, \
             revoked_at FROM download_link WHERE",
            conditions,
            sorted,
            page.probe().into(),
        );
        let rows = self.connection().rows(statement).await?;
        let links = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(links, page, |link: &DownloadLink| link.id.clone()))
    }
}

impl Change {
    /// Keeps a link. Where it is of a request that may be made once, and that was made before, the
    /// link that was made then is given, and nothing is kept.
    pub async fn download_link_create(
        &mut self,
        link: DownloadLink,
        request: Option<&RequestDigest>,
    ) -> Result<DownloadLink, StoreError> {
        self.view().reach(Some(link.tenant))?;
        let statement = Statement::new(
            "INSERT INTO download_link (id, tenant, file, content, path, issuer, tag, terms, \
             created_at, expires_at, request) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (tenant, request, file) DO NOTHING",
        )
        .bind(link.id.as_str())
        .bind(link.tenant)
        .bind(link.file)
        .bind(link.content.as_ref().map(ContentId::as_str))
        .bind(&link.path)
        .bind(&link.issuer)
        .bind(link.tag.as_deref())
        .bind(Value::json(&link.terms)?)
        .bind(link.created_at)
        .bind(link.expires_at)
        .bind(request.map(|RequestDigest(digest)| &**digest));
        let kept = self.view().connection().execute(statement).await?;
        let Some(RequestDigest(digest)) = request.filter(|_| kept == 0) else {
            self.note("link.sign", Some(link.tenant), link.id.as_str(), None, Some(&link));
            return Ok(link);
        };
        let statement = Statement::new(
            "SELECT id, tenant, file, content, path, issuer, tag, terms, created_at, expires_at, \
             revoked_at FROM download_link WHERE tenant = $1 AND request = $2 AND file = $3",
        );
        let statement = statement.bind(link.tenant).bind(digest).bind(link.file);
        read(&self.view().found(statement).await?)
    }

    /// Notes that a link is dead; whoever calls this revokes it as well.
    pub async fn download_link_revoked(&mut self, id: &LinkId) -> Result<DownloadLink, StoreError> {
        let before = self.view().download_link(id).await?;
        if before.revoked_at.is_some() {
            return Ok(before);
        }
        let now = self.now();
        let statement = Statement::new("UPDATE download_link SET revoked_at = $2 WHERE id = $1");
        let statement = statement.bind(id.as_str()).bind(now);
        self.view().connection().execute(statement).await?;
        let after = DownloadLink { revoked_at: Some(now), ..before.clone() };
        self.note("link.revoke", Some(after.tenant), id.as_str(), Some(&before), Some(&after));
        Ok(after)
    }

    /// Forgets links that ended before that, some at a time. Not audited. Gives how many.
    pub async fn download_link_forget(&mut self, before: UnixSeconds) -> Result<u64, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM download_link WHERE id IN \
             (SELECT id FROM download_link WHERE expires_at < $1 LIMIT $2)",
        );
        let statement = statement.bind(before).bind(FORGOTTEN_AT_ONCE);
        self.view().connection().execute(statement).await
    }
}
