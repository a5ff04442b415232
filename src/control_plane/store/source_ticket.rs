//! Tickets for originals, and the word of the audit log on each that was handed over.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::statement::{Row, Statement};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    ApplicationId, ContentId, Grantee, PersonId, SecretHash, SourceDelivery, SourceTicket,
};

fn read(row: &Row) -> Result<SourceTicket, StoreError> {
    let grantee = match row.text_opt::<PersonId>("person")? {
        Some(person) => Grantee::Person(person),
        None => Grantee::Application(row.text::<ApplicationId>("application")?),
    };
    Ok(SourceTicket {
        id: row.text("id")?,
        hash: row.text("hash")?,
        tenant: row.number("tenant")?,
        content: row.text("content")?,
        version: row.text("version")?,
        save_as: row.text_opt("save_as")?,
        grantee,
        session: row.text("session")?,
        created_at: row.number("created_at")?,
        expires_at: row.number("expires_at")?,
        used_at: row.number_opt("used_at")?,
    })
}

impl View {
    /// The ticket of that hash, if this client may use it at `now`: nobody did, and it has not ended;
    /// or this client did, no more than `again` seconds ago.
    pub async fn source_ticket(
        &mut self,
        hash: &SecretHash,
        client: &SecretHash,
        now: UnixSeconds,
        again: u64,
    ) -> Result<SourceTicket, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT id, hash, tenant, content, version, save_as, person, application, session, \
             created_at, expires_at, used_at FROM source_ticket \
             WHERE hash = $1 AND ((used_by IS NULL AND expires_at > $3) \
             OR (used_by = $2 AND used_at > $4))",
        )
        .bind(hash.as_str())
        .bind(client.as_str())
        .bind(now)
        .bind(UnixSeconds::new(now.get().saturating_sub(again)));
        read(&self.found(statement).await?)
    }
}

impl Change {
    /// Issues a ticket.
    pub async fn source_ticket_create(&mut self, ticket: &SourceTicket) -> Result<(), StoreError> {
        self.view().reach(Some(ticket.tenant))?;
        let (person, application) = match &ticket.grantee {
            Grantee::Application(id) => (None, Some(id.as_str())),
            Grantee::Person(id) => (Some(id.as_str()), None),
        };
        let statement = Statement::new(
            "INSERT INTO source_ticket (id, hash, tenant, content, version, save_as, person, \
             application, session, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(ticket.id.as_str())
        .bind(ticket.hash.as_str())
        .bind(ticket.tenant)
        .bind(ticket.content.as_str())
        .bind(ticket.version.as_str())
        .bind(ticket.save_as.as_deref())
        .bind(person)
        .bind(application)
        .bind(ticket.session.as_str())
        .bind(ticket.created_at)
        .bind(ticket.expires_at);
        self.view().connection().execute(statement).await?;
        let (tenant, id) = (Some(ticket.tenant), ticket.id.as_str().to_owned());
        self.note("source_ticket.create", tenant, &id, None, Some(ticket));
        Ok(())
    }

    /// Uses a ticket for this client, if it still may be: of two clients that show it at once, one has
    /// it.
    pub async fn source_ticket_use(
        &mut self,
        hash: &SecretHash,
        client: &SecretHash,
        again: u64,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let statement = Statement::new(
            "UPDATE source_ticket SET used_by = $2, used_at = COALESCE(used_at, $3) \
             WHERE hash = $1 AND ((used_by IS NULL AND expires_at > $3) \
             OR (used_by = $2 AND used_at > $4)) RETURNING id",
        )
        .bind(hash.as_str())
        .bind(client.as_str())
        .bind(now)
        .bind(UnixSeconds::new(now.get().saturating_sub(again)));
        match self.view().connection().row(statement).await? {
            Some(_) => Ok(()),
            None => Err(StoreErrorKind::NotFound.into()),
        }
    }

    /// Forgets tickets that ended before an instant. Not audited: they opened nothing any more.
    pub async fn source_ticket_forget(&mut self, before: UnixSeconds) -> Result<u64, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new("DELETE FROM source_ticket WHERE expires_at < $1");
        self.view().connection().execute(statement.bind(before)).await
    }

    /// Notes that something of a content's original is handed over.
    pub fn source_delivered(
        &mut self,
        tenant: TenantId,
        content: &ContentId,
        delivery: &SourceDelivery,
    ) -> Result<(), StoreError> {
        self.view().reach(Some(tenant))?;
        self.note("source.deliver", Some(tenant), content.as_str(), None, Some(delivery));
        Ok(())
    }
}
