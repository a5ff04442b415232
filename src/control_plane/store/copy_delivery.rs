//! Copies that left, and their digests: layer 0, which knows a copy that nobody changed by all of its
//! bytes (requirement K.6).

use std::collections::BTreeMap;

use super::change::Change;
use super::copy_issue;
use super::error::StoreError;
use super::page::{Listed, Page};
use super::statement::Statement;
use super::view::View;
use crate::clock::UnixSeconds;
use crate::control_plane::record::CopyIssue;
use crate::event::{DownloadBy, DownloadEvent, DownloadMethod};

/// Links by which bytes left, and when first.
#[derive(Debug, Default)]
pub(super) struct Left(BTreeMap<Box<str>, UnixSeconds>);

impl Left {
    /// Takes what an edge told. Parts count: by some clients a copy leaves in parts alone.
    pub(super) fn add(&mut self, event: &DownloadEvent) {
        let DownloadBy::Link { link, key: _ } = &event.by else { return };
        let gave = event.method == DownloadMethod::Get && matches!(event.status, 200 | 206);
        if gave && event.sent > 0 {
            let first = self.0.entry(link.clone()).or_insert(event.at);
            *first = event.at.min(*first);
        }
    }
}

impl Change {
    /// Notes which copies left. Links that open no copy are passed over, and so is what is known.
    pub(super) async fn copies_left(&mut self, left: Left) -> Result<(), StoreError> {
        // In one order, so that two that tell of the same copies wait for each other, not both.
        for (link, at) in left.0 {
            let statement = Statement::new(
                "INSERT INTO copy_delivery (issue, at) \
                 SELECT number, CAST($2 AS BIGINT) FROM copy_issue WHERE link = $1 \
                 ON CONFLICT (issue) DO NOTHING",
            );
            self.view().connection().execute(statement.bind(&link).bind(at)).await?;
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
        let statement =
            Statement::new("UPDATE copy_delivery SET size = $2, sha256 = $3 WHERE issue = $1");
        let statement = statement.bind(issue).bind(size).bind(sha256);
        self.view().connection().execute(statement).await?;
        Ok(())
    }
}

impl View {
    /// Copies that left and have no digest yet, of files that are there.
    pub async fn copy_list_undigested(
        &mut self,
        page: &Page<u64>,
    ) -> Result<Listed<CopyIssue, u64>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT copy_issue.number, tenant, signing_key, tag_id, link, copy_issue.file, content, \
             path, issuer, tag, copy_issue.created_at, expires_at FROM copy_delivery \
             JOIN copy_issue ON copy_issue.number = copy_delivery.issue \
             JOIN file ON file.number = copy_issue.file \
             WHERE copy_delivery.sha256 IS NULL AND copy_issue.number > $1 \
             ORDER BY copy_issue.number LIMIT $2",
        );
        let statement = statement.bind(page.after.unwrap_or(0)).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let issues = rows.iter().map(copy_issue::read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(issues, page, |issue: &CopyIssue| issue.number))
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
