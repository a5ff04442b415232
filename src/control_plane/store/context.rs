//! Contexts.

use super::change::Change;
use super::error::StoreError;
use super::page::{Expected, Listed, Page};
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::control_plane::record::{Context, ContextDraft};

fn read(row: &Row) -> Result<Context, StoreError> {
    Ok(Context {
        tenant: row.number("tenant")?,
        name: row.text("name")?,
        draft: row.json("settings")?,
        created_at: row.number("created_at")?,
        revision: row.number("revision")?,
    })
}

impl View {
    /// The context of that name.
    pub async fn context(&mut self, tenant: TenantId, name: &str) -> Result<Context, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT tenant, name, settings, created_at, revision FROM context \
             WHERE tenant = $1 AND name = $2",
        );
        read(&self.found(statement.bind(tenant).bind(name)).await?)
    }

    /// A tenant's contexts, by name.
    pub async fn context_list(
        &mut self,
        tenant: TenantId,
        page: &Page<Box<str>>,
    ) -> Result<Listed<Context, Box<str>>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT tenant, name, settings, created_at, revision FROM context \
             WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3",
        )
        .bind(tenant)
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(items, page, |item: &Context| item.name.clone()))
    }
}

impl Change {
    /// Makes a context.
    pub async fn context_create(
        &mut self,
        tenant: TenantId,
        name: &str,
        draft: ContextDraft,
    ) -> Result<Context, StoreError> {
        self.view().tenant(tenant).await?;
        let created_at = self.now();
        let made = Context { tenant, name: name.into(), draft, created_at, revision: 1 };
        let statement = Statement::new(
            "INSERT INTO context (tenant, name, settings, created_at, revision) \
             VALUES ($1, $2, $3, $4, 1)",
        )
        .bind(tenant)
        .bind(name)
        .bind(Value::json(&made.draft)?)
        .bind(created_at);
        self.view().connection().execute(statement).await?;
        self.note("context.create", Some(tenant), name, None, Some(&made));
        Ok(made)
    }

    /// Says something else about a context.
    pub async fn context_replace(
        &mut self,
        tenant: TenantId,
        name: &str,
        expected: Expected,
        draft: &ContextDraft,
    ) -> Result<Context, StoreError> {
        let before = self.context_lock(tenant, name).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new(
            "UPDATE context SET settings = $3, revision = revision + 1 \
             WHERE tenant = $1 AND name = $2 \
             RETURNING tenant, name, settings, created_at, revision",
        );
        let statement = statement.bind(tenant).bind(name).bind(Value::json(draft)?);
        let after = read(&self.view().found(statement).await?)?;
        self.note("context.update", Some(tenant), name, Some(&before), Some(&after));
        Ok(after)
    }

    /// Removes a context.
    pub async fn context_remove(
        &mut self,
        tenant: TenantId,
        name: &str,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let before = self.context_lock(tenant, name).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new("DELETE FROM context WHERE tenant = $1 AND name = $2");
        self.view().connection().execute(statement.bind(tenant).bind(name)).await?;
        self.note("context.remove", Some(tenant), name, Some(&before), None);
        Ok(())
    }

    /// The context, which nobody else changes until this change ends.
    async fn context_lock(&mut self, tenant: TenantId, name: &str) -> Result<Context, StoreError> {
        self.view().reach(Some(tenant))?;
        let statement = Statement::new(
            "UPDATE context SET revision = revision WHERE tenant = $1 AND name = $2",
        );
        self.view().connection().execute(statement.bind(tenant).bind(name)).await?;
        self.view().context(tenant, name).await
    }
}
