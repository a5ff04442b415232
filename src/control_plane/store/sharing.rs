//! Settings of sharing pages: one row a tenant, once somebody set something.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::Expected;
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::control_plane::record::{SharingDraft, SharingLogo, SharingSettings};

fn read(row: &Row) -> Result<SharingSettings, StoreError> {
    let logo = match row.text_opt("logo_digest")? {
        Some(digest) => Some(SharingLogo {
            digest,
            width: row.number("logo_width")?,
            height: row.number("logo_height")?,
        }),
        None => None,
    };
    Ok(SharingSettings {
        tenant: row.number("tenant")?,
        draft: row.json("settings")?,
        logo,
        revision: row.number("revision")?,
    })
}

impl View {
    /// What is set for a tenant's shares; where there is nothing, what is so without it.
    pub async fn sharing_settings(
        &mut self,
        tenant: TenantId,
    ) -> Result<SharingSettings, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT tenant, settings, logo_digest, logo_width, logo_height, revision \
             FROM sharing_setting WHERE tenant = $1",
        );
        match self.connection().row(statement.bind(tenant)).await? {
            Some(row) => read(&row),
            None => Ok(SharingSettings {
                tenant,
                draft: SharingDraft::default(),
                logo: None,
                revision: 0,
            }),
        }
    }

    /// The bytes of a tenant's logo, if it is that one.
    pub async fn sharing_logo(
        &mut self,
        tenant: TenantId,
        digest: &str,
    ) -> Result<Bytes, StoreError> {
        self.reach(Some(tenant))?;
        let statement =
            Statement::new("SELECT bytes FROM sharing_logo WHERE tenant = $1 AND digest = $2");
        let row = self.found(statement.bind(tenant).bind(digest)).await?;
        let text: Box<str> = row.text("bytes")?;
        let bytes = STANDARD.decode(&*text);
        bytes
            .map(Bytes::from)
            .map_err(|error| StoreError::caused_by(StoreErrorKind::Corrupt, error))
    }
}

impl Change {
    /// Says something else about a tenant's shares.
    pub async fn sharing_replace(
        &mut self,
        tenant: TenantId,
        expected: Expected,
        draft: SharingDraft,
    ) -> Result<SharingSettings, StoreError> {
        let before = self.sharing_lock(tenant).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new(
            "UPDATE sharing_setting SET settings = $2, revision = revision + 1 \
             WHERE tenant = $1 \
             RETURNING tenant, settings, logo_digest, logo_width, logo_height, revision",
        );
        let statement = statement.bind(tenant).bind(Value::json(&draft)?);
        self.sharing_set(&before, statement).await
    }

    /// Gives a tenant's pages a logo, or takes it away.
    pub async fn sharing_logo_set(
        &mut self,
        tenant: TenantId,
        expected: Expected,
        logo: Option<(SharingLogo, Bytes)>,
    ) -> Result<SharingSettings, StoreError> {
        let before = self.sharing_lock(tenant).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new("DELETE FROM sharing_logo WHERE tenant = $1");
        self.view().connection().execute(statement.bind(tenant)).await?;
        if let Some((logo, bytes)) = &logo {
            let statement = Statement::new(
                "INSERT INTO sharing_logo (tenant, digest, bytes) VALUES ($1, $2, $3)",
            );
            let bytes = STANDARD.encode(bytes);
            let statement = statement.bind(tenant).bind(&logo.digest).bind(bytes);
            self.view().connection().execute(statement).await?;
        }
        let logo = logo.as_ref().map(|(logo, _)| logo);
        let statement = Statement::new(
            "UPDATE sharing_setting \
             SET logo_digest = $2, logo_width = $3, logo_height = $4, revision = revision + 1 \
             WHERE tenant = $1 \
             RETURNING tenant, settings, logo_digest, logo_width, logo_height, revision",
        )
        .bind(tenant)
        .bind(logo.map(|it| &*it.digest))
        .bind(logo.map(|it| it.width))
        .bind(logo.map(|it| it.height));
        self.sharing_set(&before, statement).await
    }

    async fn sharing_set(
        &mut self,
        before: &SharingSettings,
        statement: Statement,
    ) -> Result<SharingSettings, StoreError> {
        let after = read(&self.view().found(statement).await?)?;
        let tenant = before.tenant;
        let object = tenant.to_string();
        self.note("sharing.update", Some(tenant), &object, Some(before), Some(&after));
        Ok(after)
    }

    /// What is set, which nobody else changes until this change ends.
    async fn sharing_lock(&mut self, tenant: TenantId) -> Result<SharingSettings, StoreError> {
        self.view().tenant(tenant).await?;
        let statement = Statement::new(
            "INSERT INTO sharing_setting (tenant, settings, revision) VALUES ($1, $2, 0) \
             ON CONFLICT (tenant) DO UPDATE SET revision = sharing_setting.revision",
        );
        let settings = Value::json(&SharingDraft::default())?;
        self.view().connection().execute(statement.bind(tenant).bind(settings)).await?;
        self.view().sharing_settings(tenant).await
    }
}
