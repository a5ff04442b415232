//! Mail servers, at most one a tenant.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::Expected;
use super::statement::{Row, Statement};
use super::view::View;
use crate::asset::TenantId;
use crate::control_plane::record::{MailServer, MailServerDraft, SealedKey};

fn read(row: &Row) -> Result<MailServer, StoreError> {
    let sealed = row.text_opt::<Box<str>>("password")?.map(|hex| {
        SealedKey::try_from(String::from(hex))
            .map_err(|error| StoreError::caused_by(StoreErrorKind::Corrupt, error))
    });
    Ok(MailServer {
        tenant: row.number("tenant")?,
        draft: MailServerDraft {
            host: row.text("host")?,
            port: row.number("port")?,
            security: row.text("security")?,
            username: row.text_opt("username")?,
            from_address: row.text("from_address")?,
            from_name: row.text("from_name")?,
            reply_to: row.text_opt("reply_to")?,
            language: row.text_opt("language")?,
        },
        password: sealed.transpose()?,
        revision: row.number("revision")?,
    })
}

fn sealed(password: Option<&SealedKey>) -> Option<String> {
    password.map(|it| hex::encode(it.as_bytes()))
}

/// The text with its columns.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT tenant, host, port, security, username, password, from_address, from_name, \
             reply_to, language, revision FROM mail_server ",
            $rest
        )
    };
}

impl View {
    /// A tenant's mail server.
    pub async fn mail_server(&mut self, tenant: TenantId) -> Result<MailServer, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(select!("WHERE tenant = $1"));
        read(&self.found(statement.bind(tenant)).await?)
    }

    /// Every mail server with a password, by tenant.
    pub async fn mail_server_list_sealed(&mut self) -> Result<Vec<MailServer>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(select!("WHERE password IS NOT NULL ORDER BY tenant"));
        self.connection().rows(statement).await?.iter().map(read).collect()
    }
}

impl Change {
    /// Keeps a mail server in the place of the one that was read, or where there was none. Gives it
    /// with its revision.
    pub async fn mail_server_set(
        &mut self,
        before: Option<&MailServer>,
        expected: Expected,
        after: MailServer,
    ) -> Result<MailServer, StoreError> {
        self.view().reach(Some(after.tenant))?;
        let seen = before.map_or(0, |it| it.revision);
        expected.meet(seen)?;
        let MailServerDraft {
            host,
            port,
            security,
            username,
            from_address,
            from_name,
            reply_to,
            language,
        } = &after.draft;
        let statement = Statement::new(
            "INSERT INTO mail_server (tenant, host, port, security, username, password, \
             from_address, from_name, reply_to, language, revision) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1) \
             ON CONFLICT (tenant) DO UPDATE SET host = excluded.host, port = excluded.port, \
             security = excluded.security, username = excluded.username, \
             password = excluded.password, from_address = excluded.from_address, \
             from_name = excluded.from_name, reply_to = excluded.reply_to, \
             language = excluded.language, revision = mail_server.revision + 1 \
             WHERE mail_server.revision = $11 RETURNING revision",
        )
        .bind(after.tenant)
        .bind(host)
        .bind(*port)
        .bind(security.wire_name())
        .bind(username.as_deref())
        .bind(sealed(after.password.as_ref()).as_deref())
        .bind(from_address)
        .bind(from_name)
        .bind(reply_to.as_deref())
        .bind(language.as_deref())
        .bind(seen);
        let row = self.view().connection().row(statement).await?.ok_or(StoreErrorKind::Stale)?;
        let after = MailServer { revision: row.number("revision")?, ..after };
        let object = after.tenant.to_string();
        self.note("mail_server.set", Some(after.tenant), &object, before, Some(&after));
        Ok(after)
    }

    /// Removes a tenant's mail server.
    pub async fn mail_server_remove(
        &mut self,
        tenant: TenantId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let before = self.view().mail_server(tenant).await?;
        expected.meet(before.revision)?;
        let statement =
            Statement::new("DELETE FROM mail_server WHERE tenant = $1 AND revision = $2");
        let statement = statement.bind(tenant).bind(before.revision);
        if self.view().connection().execute(statement).await? == 0 {
            return Err(StoreErrorKind::Stale.into());
        }
        let object = tenant.to_string();
        self.note("mail_server.remove", Some(tenant), &object, Some(&before), None);
        Ok(())
    }

    /// Notes that a tenant's mail server is tried, by a letter to that address.
    pub fn mail_server_tried(&mut self, tenant: TenantId, to: &str) -> Result<(), StoreError> {
        self.view().reach(Some(tenant))?;
        let said = serde_json::json!({ "to": to });
        self.note("mail_server.try", Some(tenant), &tenant.to_string(), None, Some(&said));
        Ok(())
    }

    /// Keeps a mail server's password under another seal. It is the same password.
    pub async fn mail_server_reseal(
        &mut self,
        server: &MailServer,
        password: &SealedKey,
    ) -> Result<(), StoreError> {
        self.view().reach(Some(server.tenant))?;
        let statement = Statement::new(
            "UPDATE mail_server SET password = $2 WHERE tenant = $1 AND revision = $3",
        )
        .bind(server.tenant)
        .bind(hex::encode(password.as_bytes()))
        .bind(server.revision);
        if self.view().connection().execute(statement).await? == 0 {
            return Err(StoreErrorKind::Stale.into());
        }
        let object = server.tenant.to_string();
        self.note("mail_server.reseal", Some(server.tenant), &object, None, None::<&()>);
        Ok(())
    }
}
