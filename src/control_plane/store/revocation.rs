//! Revocations.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Expected, Listed, ONLY_REVISION, Page};
use super::statement::{Row, Statement};
use super::view::View;
use crate::control_plane::record::{
    FeedEvent, Revocation, RevocationDraft, RevocationId, RevokedLinks,
};

fn subject_columns(subject: &RevokedLinks) -> (&'static str, String) {
    match subject {
        RevokedLinks::Issuer(id) => ("issuer", id.to_string()),
        RevokedLinks::Asset(path) => ("asset", path.to_string()),
        RevokedLinks::Key(id) => ("key", id.to_string()),
        RevokedLinks::Link(id) => ("link", id.to_string()),
        RevokedLinks::Tag(tag) => ("tag", tag.to_string()),
        RevokedLinks::TenantEpoch(epoch) => ("tenant_epoch", epoch.to_string()),
    }
}

fn read(row: &Row) -> Result<Revocation, StoreError> {
    let subject: Box<str> = row.text("subject")?;
    let subject = match row.text::<Box<str>>("kind")?.as_ref() {
        "issuer" => Some(RevokedLinks::Issuer(subject)),
        "asset" => Some(RevokedLinks::Asset(subject)),
        "key" => Some(RevokedLinks::Key(subject)),
        "link" => Some(RevokedLinks::Link(subject)),
        "tag" => Some(RevokedLinks::Tag(subject)),
        "tenant_epoch" => subject.parse().ok().map(RevokedLinks::TenantEpoch),
        _ => None,
    };
    Ok(Revocation {
        id: row.text("id")?,
        tenant: row.number("tenant")?,
        subject: subject.ok_or(StoreErrorKind::Corrupt)?,
        reason: row.text("reason")?,
        created_at: row.number("created_at")?,
        made_before: row.number_opt("made_before")?,
        expires_at: row.number_opt("expires_at")?,
    })
}

impl View {
    /// Revocations, the oldest first, those that are not needed any more included until they are
    /// forgotten.
    pub async fn revocation_list(
        &mut self,
        page: &Page<RevocationId>,
    ) -> Result<Listed<Revocation, RevocationId>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT id, tenant, kind, subject, reason, created_at, made_before, expires_at FROM revocation \
             WHERE id > $1 AND ($2 IS NULL OR tenant = $2) ORDER BY id LIMIT $3",
        );
        let after = page.after.as_ref().map_or("", RevocationId::as_str);
        let statement = statement.bind(after).bind(only).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let revocations = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(revocations, page, |revocation: &Revocation| revocation.id.clone()))
    }
}

impl Change {
    /// Makes links dead.
    pub async fn revocation_create(
        &mut self,
        draft: RevocationDraft,
    ) -> Result<Revocation, StoreError> {
        let RevocationDraft { tenant, subject, reason, made_before, expires_at } = draft;
        self.view().reach(Some(tenant))?;
        let created_at = self.now();
        let id = RevocationId::random(created_at)?;
        let made = Revocation { id, tenant, subject, reason, created_at, made_before, expires_at };
        let (kind, subject) = subject_columns(&made.subject);
        let statement = Statement::new(
            "INSERT INTO revocation \
             (id, tenant, kind, subject, reason, created_at, made_before, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(made.id.as_str())
        .bind(tenant)
        .bind(kind)
        .bind(subject)
        .bind(&made.reason)
        .bind(created_at)
        .bind(made_before)
        .bind(expires_at);
        self.view().connection().execute(statement).await?;
        self.note("revocation.create", Some(tenant), made.id.as_str(), None, Some(&made));
        self.publish(FeedEvent::RevocationSet(made.clone()));
        Ok(made)
    }

    /// Takes a revocation back.
    pub async fn revocation_remove(
        &mut self,
        id: &RevocationId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let only = self.view().only_tenant();
        let statement = Statement::new(
            "DELETE FROM revocation WHERE id = $1 AND ($2 IS NULL OR tenant = $2) \
             RETURNING id, tenant, kind, subject, reason, created_at, made_before, expires_at",
        );
        let before = read(&self.view().found(statement.bind(id.as_str()).bind(only)).await?)?;
        expected.meet(ONLY_REVISION)?;
        self.note("revocation.remove", Some(before.tenant), id.as_str(), Some(&before), None);
        self.publish(FeedEvent::RevocationRemoved { id: before.id });
        Ok(())
    }

    /// Forgets up to a thousand revocations that are not needed any more. Not audited: the links
    /// they were about have expired. Gives how many.
    pub async fn revocation_forget(&mut self) -> Result<usize, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM revocation WHERE id IN \
             (SELECT id FROM revocation WHERE expires_at <= $1 ORDER BY id LIMIT 1000) \
             RETURNING id, tenant, kind, subject, reason, created_at, made_before, expires_at",
        );
        let statement = statement.bind(self.now());
        let rows = self.view().connection().rows(statement).await?;
        for row in &rows {
            let Revocation { id, .. } = read(row)?;
            self.publish(FeedEvent::RevocationRemoved { id });
        }
        Ok(rows.len())
    }
}
