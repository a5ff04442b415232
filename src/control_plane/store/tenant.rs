//! Tenants.

use super::change::Change;
use super::error::StoreError;
use super::page::{Expected, Listed, Page};
use super::statement::{Row, Statement};
use super::view::View;
use crate::asset::TenantId;
use crate::control_plane::record::{FeedEvent, Tenant};

fn read(row: &Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        number: row.number("number")?,
        name: row.text("name")?,
        link_epoch: row.number("link_epoch")?,
        created_at: row.number("created_at")?,
        revision: row.number("revision")?,
    })
}

impl View {
    /// The tenant of that number.
    pub async fn tenant(&mut self, number: TenantId) -> Result<Tenant, StoreError> {
        self.reach(Some(number))?;
        let statement = Statement::new(
            "SELECT number, name, link_epoch, created_at, revision FROM tenant WHERE number = $1",
        );
        read(&self.found(statement.bind(number)).await?)
    }

    /// The tenant of that name.
    pub async fn tenant_by_name(&mut self, name: &str) -> Result<Tenant, StoreError> {
        let statement = Statement::new(
            "SELECT number, name, link_epoch, created_at, revision FROM tenant WHERE name = $1",
        );
        let tenant = read(&self.found(statement.bind(name)).await?)?;
        self.reach(Some(tenant.number))?;
        Ok(tenant)
    }

    /// Tenants, by number.
    pub async fn tenant_list(
        &mut self,
        page: &Page<TenantId>,
    ) -> Result<Listed<Tenant, TenantId>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT number, name, link_epoch, created_at, revision FROM tenant \
             WHERE ($1 IS NULL OR number > $1) AND ($2 IS NULL OR number = $2) \
             ORDER BY number LIMIT $3",
        );
        let statement = statement.bind(page.after).bind(only).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let tenants = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(tenants, page, |tenant: &Tenant| tenant.number))
    }
}

impl Change {
    /// Makes a tenant.
    pub async fn tenant_create(
        &mut self,
        number: TenantId,
        name: &str,
    ) -> Result<Tenant, StoreError> {
        self.view().reach(None)?;
        let tenant = Tenant {
            number,
            name: name.into(),
            link_epoch: 0,
            created_at: self.now(),
            revision: 1,
        };
        let statement = Statement::new(
            "INSERT INTO tenant (number, name, link_epoch, created_at, revision) \
             VALUES ($1, $2, 0, $3, 1)",
        );
        let statement = statement.bind(number).bind(name).bind(tenant.created_at);
        self.view().connection().execute(statement).await?;
        self.note("tenant.create", Some(number), &number.to_string(), None, Some(&tenant));
        self.publish(FeedEvent::TenantSet(tenant.clone()));
        Ok(tenant)
    }

    /// Gives a tenant another name.
    pub async fn tenant_rename(
        &mut self,
        number: TenantId,
        expected: Expected,
        name: &str,
    ) -> Result<Tenant, StoreError> {
        let before = self.tenant_lock(number).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new(
            "UPDATE tenant SET name = $2, revision = revision + 1 WHERE number = $1 \
             RETURNING number, name, link_epoch, created_at, revision",
        );
        let after = read(&self.view().found(statement.bind(number).bind(name)).await?)?;
        self.note("tenant.rename", Some(number), &number.to_string(), Some(&before), Some(&after));
        self.publish(FeedEvent::TenantSet(after.clone()));
        Ok(after)
    }

    /// Makes every link dead that carries the tenant's epoch, or an earlier one. Gives the tenant
    /// with the epoch that new links carry.
    pub async fn tenant_new_epoch(&mut self, number: TenantId) -> Result<Tenant, StoreError> {
        let before = self.tenant_lock(number).await?;
        let statement = Statement::new(
            "UPDATE tenant SET link_epoch = link_epoch + 1, revision = revision + 1 \
             WHERE number = $1 RETURNING number, name, link_epoch, created_at, revision",
        );
        let after = read(&self.view().found(statement.bind(number)).await?)?;
        let object = number.to_string();
        self.note("tenant.new_epoch", Some(number), &object, Some(&before), Some(&after));
        self.publish(FeedEvent::TenantSet(after.clone()));
        Ok(after)
    }

    /// Removes a tenant that owns nothing any more.
    pub async fn tenant_remove(
        &mut self,
        number: TenantId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        self.view().reach(None)?;
        let before = self.tenant_lock(number).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new("DELETE FROM tenant WHERE number = $1");
        self.view().connection().execute(statement.bind(number)).await?;
        self.note("tenant.remove", Some(number), &number.to_string(), Some(&before), None);
        self.publish(FeedEvent::TenantRemoved { number });
        Ok(())
    }

    /// The tenant, which nobody else changes until this change ends.
    pub async fn tenant_lock(&mut self, number: TenantId) -> Result<Tenant, StoreError> {
        self.view().reach(Some(number))?;
        let statement = Statement::new(
            "UPDATE tenant SET revision = revision WHERE number = $1 \
             RETURNING number, name, link_epoch, created_at, revision",
        );
        read(&self.view().found(statement.bind(number)).await?)
    }
}
