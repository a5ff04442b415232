//! Classifications, and who may manage them.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Listed, Page};
use super::statement::{Row, Statement};
use super::view::View;
use crate::asset::TenantId;
use crate::control_plane::record::{Classification, ClassificationRight, Grantee};

fn read(row: &Row) -> Result<Classification, StoreError> {
    Ok(Classification {
        tenant: row.number("tenant")?,
        name: row.text("name")?,
        created_at: row.number("created_at")?,
    })
}

impl View {
    /// The classification of that name.
    pub async fn classification(
        &mut self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Classification, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT tenant, name, created_at FROM classification WHERE tenant = $1 AND name = $2",
        );
        read(&self.found(statement.bind(tenant).bind(name)).await?)
    }

    /// A tenant's classifications, by name.
    pub async fn classification_list(
        &mut self,
        tenant: TenantId,
        page: &Page<Box<str>>,
    ) -> Result<Listed<Classification, Box<str>>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT tenant, name, created_at FROM classification \
             WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3",
        )
        .bind(tenant)
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(items, page, |item: &Classification| item.name.clone()))
    }

    /// Who may manage a classification.
    pub async fn classification_right_list(
        &mut self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Vec<Grantee>, StoreError> {
        self.classification(tenant, name).await?;
        let statement = Statement::new(
            "SELECT grantee FROM classification_right \
             WHERE tenant = $1 AND classification = $2 ORDER BY grantee",
        );
        let rows = self.connection().rows(statement.bind(tenant).bind(name)).await?;
        let grantee = |row: &Row| {
            let text: Box<str> = row.text("grantee")?;
            Grantee::parse(&text).ok_or_else(|| StoreErrorKind::Corrupt.into())
        };
        rows.iter().map(grantee).collect()
    }

    /// The classifications that somebody may manage, by name.
    pub async fn classification_list_managed(
        &mut self,
        tenant: TenantId,
        grantee: &Grantee,
    ) -> Result<Vec<Box<str>>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT classification FROM classification_right \
             WHERE tenant = $1 AND grantee = $2 ORDER BY classification",
        );
        let rows = self.connection().rows(statement.bind(tenant).bind(grantee.as_str())).await?;
        rows.iter().map(|row| row.text("classification")).collect()
    }
}

impl Change {
    /// Makes a classification.
    pub async fn classification_create(
        &mut self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Classification, StoreError> {
        self.view().tenant(tenant).await?;
        let made = Classification { tenant, name: name.into(), created_at: self.now() };
        let statement = Statement::new(
            "INSERT INTO classification (tenant, name, created_at) VALUES ($1, $2, $3)",
        );
        let statement = statement.bind(tenant).bind(name).bind(made.created_at);
        self.view().connection().execute(statement).await?;
        self.note("classification.create", Some(tenant), name, None, Some(&made));
        Ok(made)
    }

    /// Removes a classification that no content has any more.
    pub async fn classification_remove(
        &mut self,
        tenant: TenantId,
        name: &str,
    ) -> Result<(), StoreError> {
        let before = self.view().classification(tenant, name).await?;
        let statement =
            Statement::new("DELETE FROM classification WHERE tenant = $1 AND name = $2");
        self.view().connection().execute(statement.bind(tenant).bind(name)).await?;
        self.note("classification.remove", Some(tenant), name, Some(&before), None);
        Ok(())
    }

    /// Lets somebody manage a classification.
    pub async fn classification_right_give(
        &mut self,
        tenant: TenantId,
        name: &str,
        grantee: &Grantee,
    ) -> Result<(), StoreError> {
        self.view().classification(tenant, name).await?;
        match grantee {
            Grantee::Application(id) => self.view().application(id).await.map(drop)?,
            Grantee::Person(id) => self.view().person(id).await.map(drop)?,
        }
        let statement = Statement::new(
            "INSERT INTO classification_right (tenant, classification, grantee) \
             VALUES ($1, $2, $3) ON CONFLICT (tenant, classification, grantee) DO NOTHING",
        );
        let statement = statement.bind(tenant).bind(name).bind(grantee.as_str());
        if self.view().connection().execute(statement).await? > 0 {
            let given = right(name, grantee);
            self.note("classification_right.give", Some(tenant), name, None, Some(&given));
        }
        Ok(())
    }

    /// Somebody manages a classification no longer.
    pub async fn classification_right_take(
        &mut self,
        tenant: TenantId,
        name: &str,
        grantee: &Grantee,
    ) -> Result<(), StoreError> {
        self.view().classification(tenant, name).await?;
        let statement = Statement::new(
            "DELETE FROM classification_right \
             WHERE tenant = $1 AND classification = $2 AND grantee = $3",
        );
        let statement = statement.bind(tenant).bind(name).bind(grantee.as_str());
        if self.view().connection().execute(statement).await? > 0 {
            let taken = right(name, grantee);
            self.note("classification_right.take", Some(tenant), name, Some(&taken), None);
        }
        Ok(())
    }
}

fn right(name: &str, grantee: &Grantee) -> ClassificationRight {
    ClassificationRight { classification: name.into(), grantee: grantee.clone() }
}
