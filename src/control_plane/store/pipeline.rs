//! Pipelines.

use super::change::Change;
use super::counter::Counted;
use super::error::StoreError;
use super::page::Expected;
use super::statement::{Row, Statement};
use super::view::View;
use crate::asset::TenantId;
use crate::control_plane::record::{Pipeline, PipelineDraft};

fn read(row: &Row) -> Result<Pipeline, StoreError> {
    Ok(Pipeline {
        number: row.number("number")?,
        tenant: row.number("tenant")?,
        name: row.text("name")?,
        origin: row.text("origin")?,
        prefix: row.text("prefix")?,
        created_at: row.number("created_at")?,
        revision: row.number("revision")?,
    })
}

impl View {
    /// The pipeline of that number.
    pub async fn pipeline(&mut self, number: u64) -> Result<Pipeline, StoreError> {
        let statement = Statement::new(
            "SELECT number, tenant, name, origin, prefix, created_at, revision \
             FROM pipeline WHERE number = $1",
        );
        let pipeline = read(&self.found(statement.bind(number)).await?)?;
        self.reach(Some(pipeline.tenant))?;
        Ok(pipeline)
    }

    /// A tenant's pipelines, by number. There are few.
    pub async fn pipeline_list(&mut self, tenant: TenantId) -> Result<Vec<Pipeline>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT number, tenant, name, origin, prefix, created_at, revision \
             FROM pipeline WHERE tenant = $1 ORDER BY number",
        );
        let rows = self.connection().rows(statement.bind(tenant)).await?;
        rows.iter().map(read).collect()
    }
}

impl Change {
    /// Makes a pipeline.
    pub async fn pipeline_create(
        &mut self,
        tenant: TenantId,
        draft: PipelineDraft,
    ) -> Result<Pipeline, StoreError> {
        self.view().tenant(tenant).await?;
        let number = self.numbers(Counted::Pipelines, 1).await?;
        let PipelineDraft { name, origin, prefix } = draft;
        let created_at = self.now();
        let made = Pipeline { number, tenant, name, origin, prefix, created_at, revision: 1 };
        let statement = Statement::new(
            "INSERT INTO pipeline (number, tenant, name, origin, prefix, created_at, revision) \
             VALUES ($1, $2, $3, $4, $5, $6, 1)",
        )
        .bind(number)
        .bind(tenant)
        .bind(&made.name)
        .bind(&made.origin)
        .bind(&made.prefix)
        .bind(created_at);
        self.view().connection().execute(statement).await?;
        self.note("pipeline.create", Some(tenant), &number.to_string(), None, Some(&made));
        Ok(made)
    }

    /// Gives a pipeline another name.
    pub async fn pipeline_rename(
        &mut self,
        number: u64,
        expected: Expected,
        name: &str,
    ) -> Result<Pipeline, StoreError> {
        let before = self.pipeline_lock(number).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new(
            "UPDATE pipeline SET name = $2, revision = revision + 1 WHERE number = $1 \
             RETURNING number, tenant, name, origin, prefix, created_at, revision",
        );
        let after = read(&self.view().found(statement.bind(number).bind(name)).await?)?;
        let object = number.to_string();
        self.note("pipeline.update", Some(after.tenant), &object, Some(&before), Some(&after));
        Ok(after)
    }

    /// Removes a pipeline of which no file is registered any more. What is registered cannot be
    /// moved by changing its pipeline: make another one, and register the files there.
    pub async fn pipeline_remove(
        &mut self,
        number: u64,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let before = self.pipeline_lock(number).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new("DELETE FROM pipeline WHERE number = $1");
        self.view().connection().execute(statement.bind(number)).await?;
        let object = number.to_string();
        self.note("pipeline.remove", Some(before.tenant), &object, Some(&before), None);
        Ok(())
    }

    /// The pipeline, which nobody else changes until this change ends.
    async fn pipeline_lock(&mut self, number: u64) -> Result<Pipeline, StoreError> {
        let statement = Statement::new("UPDATE pipeline SET revision = revision WHERE number = $1");
        self.view().connection().execute(statement.bind(number)).await?;
        self.view().pipeline(number).await
    }
}
