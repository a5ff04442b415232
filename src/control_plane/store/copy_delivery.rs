//! Copies that left, and their digests: layer 0, which knows a copy that nobody changed by all of its
//! bytes (requirement K.6).

use std::collections::BTreeMap;

use super::change::Change;
use super::copy_issue;
use super::error::StoreError;
use super::statement::Statement;
use super::view::View;
use crate::clock::UnixSeconds;
use crate::control_plane::record::CopyIssue;
use crate::event::{DownloadBy, DownloadEnd, DownloadEvent, DownloadMethod, Extent};

/// Links whose answers left as a whole, with their tenant, and when first.
#[derive(Debug, Default)]
pub(super) struct Left(BTreeMap<(Box<str>, u64), UnixSeconds>);

/// A copy whose digest is not known, and how often that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndigestedCopy {
    /// The copy.
    pub issue: CopyIssue,
    /// How often it could not be read.
    pub tries: u64,
}

impl Left {
    /// Takes what an edge told. Parts say nothing of the rest.
    pub(super) fn add(&mut self, event: &DownloadEvent) {
        let DownloadBy::Link { link, key: _ } = &event.by else { return };
        let whole = (event.method, event.extent, event.end)
            == (DownloadMethod::Get, Extent::Whole, DownloadEnd::Complete);
        if whole && event.status == 200 {
            let first = self.0.entry((link.clone(), event.tenant.0)).or_insert(event.at);
            *first = event.at.min(*first);
        }
    }
}

impl Change {
    /// Notes which copies left. Links that open no copy are passed over, and so is what is known.
    pub(super) async fn copies_left(&mut self, left: Left) -> Result<(), StoreError> {
        if left.0.is_empty() {
            return Ok(());
        }
        let links = left.0.keys().map(|(link, _)| (**link).into()).collect();
        // In one order, so that two that tell of the same copies wait for each other, not both.
        let statement = Statement::any_of(
            "SELECT number, tenant, link FROM copy_issue WHERE link IN",
            links,
            "ORDER BY number",
        );
        for row in self.view().connection().rows(statement).await? {
            let (issue, tenant): (u64, u64) = (row.number("number")?, row.number("tenant")?);
            let link: Box<str> = row.text("link")?;
            // An edge that names another's link tells of nothing.
            let Some(at) = left.0.get(&(link, tenant)) else { continue };
            let statement = Statement::new(
                "INSERT INTO copy_delivery (issue, at, due_at, tries) VALUES ($1, $2, $2, 0) \
                 ON CONFLICT (issue) DO NOTHING",
            );
            self.view().connection().execute(statement.bind(issue).bind(*at)).await?;
        }
        Ok(())
    }

    /// Keeps what a copy that left is as a whole.
    pub async fn copy_digested(
        &mut self,
        issue: u64,
        size: u64,
        sha256: &str,
    ) -> Result<(), StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "UPDATE copy_delivery SET size = $2, sha256 = $3, due_at = NULL WHERE issue = $1",
        );
        let statement = statement.bind(issue).bind(size).bind(sha256);
        self.view().connection().execute(statement).await?;
        Ok(())
    }

    /// Says when a copy that could not be read is read next, or never.
    pub async fn copy_postponed(
        &mut self,
        issue: u64,
        tries: u64,
        due_at: Option<UnixSeconds>,
    ) -> Result<(), StoreError> {
        self.view().reach(None)?;
        let statement =
            Statement::new("UPDATE copy_delivery SET tries = $2, due_at = $3 WHERE issue = $1");
        let statement = statement.bind(issue).bind(tries).bind(due_at);
        self.view().connection().execute(statement).await?;
        Ok(())
    }
}

impl View {
    /// Copies that are to be read by now, of those that wait longest.
    pub async fn copy_list_due(
        &mut self,
        now: UnixSeconds,
        most: u16,
    ) -> Result<Vec<UndigestedCopy>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT number, tenant, signing_key, tag_id, link, file, content, path, issuer, tag, \
             created_at, expires_at, tries FROM copy_delivery \
             JOIN copy_issue ON copy_issue.number = copy_delivery.issue \
             WHERE due_at <= $1 ORDER BY due_at, issue LIMIT $2",
        );
        let rows = self.connection().rows(statement.bind(now).bind(u64::from(most))).await?;
        let undigested = |row| {
            let issue = copy_issue::read(row)?;
            Ok(UndigestedCopy { issue, tries: row.number("tries")? })
        };
        rows.iter().map(undigested).collect()
    }

    /// The issue of the copy that has this SHA-256, of the tenants that are reached.
    pub async fn copy_issue_of_sha256(
        &mut self,
        sha256: &str,
    ) -> Result<Option<CopyIssue>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT number, tenant, signing_key, tag_id, link, file, content, path, issuer, tag, \
             created_at, expires_at FROM copy_issue \
             WHERE number IN (SELECT issue FROM copy_delivery WHERE sha256 = $1) \
             AND ($2 IS NULL OR tenant = $2) ORDER BY number LIMIT 1",
        );
        let row = self.connection().row(statement.bind(sha256).bind(only)).await?;
        row.as_ref().map(copy_issue::read).transpose()
    }
}
