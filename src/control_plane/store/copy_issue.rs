//! The log of copies that were issued. Nothing changes it, and nothing but a tenant's end ends it.

use super::change::Change;
use super::error::StoreError;
use super::statement::{Row, Statement};
use super::view::View;
use crate::control_plane::record::{ContentId, CopyIssue, CopyTrace, LinkId};

/// Reads a row.
pub(super) fn read(row: &Row) -> Result<CopyIssue, StoreError> {
    Ok(CopyIssue {
        number: row.number("number")?,
        tenant: row.number("tenant")?,
        signing_key: row.text("signing_key")?,
        tag_id: row.text("tag_id")?,
        link: row.text("link")?,
        file: row.number("file")?,
        content: row.text_opt("content")?,
        path: row.text("path")?,
        issuer: row.text("issuer")?,
        tag: row.text("tag")?,
        created_at: row.number("created_at")?,
        expires_at: row.number("expires_at")?,
    })
}

impl View {
    /// The issue whose tag id that is, of the tenants that are reached.
    pub async fn copy_issue_of_tag_id(
        &mut self,
        tag_id: &str,
    ) -> Result<Option<CopyIssue>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT number, tenant, signing_key, tag_id, link, file, content, path, issuer, tag, \
             created_at, expires_at FROM copy_issue \
             WHERE tag_id = $1 AND ($2 IS NULL OR tenant = $2)",
        );
        let row = self.connection().row(statement.bind(tag_id).bind(only)).await?;
        row.as_ref().map(read).transpose()
    }

    /// The numbers and tag ids of copies that may have marks, in order, from after that number: those of
    /// one file, or of every one, of the tenants that are reached.
    pub async fn copy_issue_list_marked(
        &mut self,
        file: Option<u64>,
        after: u64,
        most: u16,
    ) -> Result<Vec<(u64, Box<str>)>, StoreError> {
        let only = self.only_tenant();
        // The first byte of a tag id says what its copy has.
        let statement = match file {
            Some(file) => Statement::new(
                "SELECT number, tag_id FROM copy_issue \
                 WHERE file = $1 AND number > $2 AND ($3 IS NULL OR tenant = $3) \
                 AND tag_id LIKE '02%' ORDER BY number LIMIT $4",
            )
            .bind(file),
            None => Statement::new(
                "SELECT number, tag_id FROM copy_issue \
                 WHERE number > $1 AND ($2 IS NULL OR tenant = $2) \
                 AND tag_id LIKE '02%' ORDER BY number LIMIT $3",
            ),
        };
        let statement = statement.bind(after).bind(only).bind(u64::from(most));
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(|row| Ok((row.number("number")?, row.text("tag_id")?))).collect()
    }

    /// The issue that a link opens; none where it opens the file itself.
    pub async fn copy_issue_of_link(
        &mut self,
        link: &LinkId,
    ) -> Result<Option<CopyIssue>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT number, tenant, signing_key, tag_id, link, file, content, path, issuer, tag, \
             created_at, expires_at FROM copy_issue \
             WHERE link = $1 AND ($2 IS NULL OR tenant = $2)",
        );
        let row = self.connection().row(statement.bind(link.as_str()).bind(only)).await?;
        row.as_ref().map(read).transpose()
    }
}

impl Change {
    /// Notes that a copy was issued. The audit log says so as well.
    pub async fn copy_issue_create(&mut self, issue: &CopyIssue) -> Result<(), StoreError> {
        self.view().reach(Some(issue.tenant))?;
        let statement = Statement::new(
            "INSERT INTO copy_issue (number, tenant, signing_key, tag_id, link, file, content, \
             path, issuer, tag, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(issue.number)
        .bind(issue.tenant)
        .bind(issue.signing_key.as_str())
        .bind(&issue.tag_id)
        .bind(issue.link.as_str())
        .bind(issue.file)
        .bind(issue.content.as_ref().map(ContentId::as_str))
        .bind(&issue.path)
        .bind(&issue.issuer)
        .bind(&issue.tag)
        .bind(issue.created_at)
        .bind(issue.expires_at);
        self.view().connection().execute(statement).await?;
        self.note("copy.issue", Some(issue.tenant), issue.link.as_str(), None, Some(issue));
        Ok(())
    }

    /// Notes in the audit log that somebody asked whose copy a file is: in that of the tenant that they
    /// are of, if they are of one.
    pub fn copy_traced(&mut self, trace: &CopyTrace) {
        let tenant = self.view().only_tenant();
        self.note("copy.trace", tenant, &trace.sha256, None, Some(trace));
    }
}
