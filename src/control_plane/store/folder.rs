//! Folders.

use super::change::Change;
use super::counter::Counted;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Expected, Listed, Page};
use super::statement::{Row, Statement};
use super::view::View;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::record::{FOLDER_DEPTH, FeedEvent, Folder, FolderDraft, Grantee};

fn read(row: &Row) -> Result<Folder, StoreError> {
    Ok(Folder {
        number: row.number("number")?,
        tenant: row.number("tenant")?,
        parent: row.number_opt("parent")?,
        name: row.text("name")?,
        created_at: row.number("created_at")?,
        revision: row.number("revision")?,
    })
}

impl View {
    /// The folder of that number.
    pub async fn folder(&mut self, number: ChannelId) -> Result<Folder, StoreError> {
        let statement = Statement::new(
            "SELECT number, tenant, parent, name, created_at, revision \
             FROM folder WHERE number = $1",
        );
        let folder = read(&self.found(statement.bind(number)).await?)?;
        self.reach(Some(folder.tenant))?;
        Ok(folder)
    }

    /// A tenant's folders, all of them, by number.
    pub async fn folder_list(
        &mut self,
        tenant: TenantId,
        page: &Page<ChannelId>,
    ) -> Result<Listed<Folder, ChannelId>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT number, tenant, parent, name, created_at, revision FROM folder \
             WHERE tenant = $1 AND ($2 IS NULL OR number > $2) ORDER BY number LIMIT $3",
        );
        let statement = statement.bind(tenant).bind(page.after).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let folders = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(folders, page, |folder: &Folder| folder.number))
    }

    /// Those of a tenant's folders over which somebody has a right, or over one above, by number.
    pub async fn folder_list_seen(
        &mut self,
        tenant: TenantId,
        grantee: &Grantee,
        page: &Page<ChannelId>,
    ) -> Result<Listed<Folder, ChannelId>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "WITH RECURSIVE seen (number) AS (\
             SELECT folder.number FROM folder_right \
             JOIN folder ON folder.number = folder_right.folder \
             WHERE folder_right.grantee = $1 AND folder.tenant = $2 \
             UNION SELECT folder.number FROM folder JOIN seen ON folder.parent = seen.number) \
             SELECT number, tenant, parent, name, created_at, revision FROM folder \
             WHERE number IN (SELECT number FROM seen) AND ($3 IS NULL OR number > $3) \
             ORDER BY number LIMIT $4",
        )
        .bind(grantee.as_str())
        .bind(tenant)
        .bind(page.after)
        .bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let folders = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(folders, page, |folder: &Folder| folder.number))
    }

    /// A folder and those above it, from the top.
    pub async fn folder_path(&mut self, number: ChannelId) -> Result<Vec<Folder>, StoreError> {
        self.folder(number).await?;
        let statement = Statement::new(
            "WITH RECURSIVE above (number, parent, distance) AS ( \
             SELECT number, parent, CAST(0 AS BIGINT) FROM folder WHERE number = $1 \
             UNION ALL SELECT folder.number, folder.parent, above.distance + 1 FROM folder \
             JOIN above ON folder.number = above.parent WHERE above.distance < $2) \
             SELECT folder.number, folder.tenant, folder.parent, folder.name, folder.created_at, \
             folder.revision FROM folder JOIN above ON above.number = folder.number \
             ORDER BY above.distance DESC",
        );
        let rows = self.connection().rows(statement.bind(number).bind(FOLDER_DEPTH)).await?;
        rows.iter().map(read).collect()
    }
}

impl Change {
    /// Makes a folder.
    pub async fn folder_create(
        &mut self,
        tenant: TenantId,
        draft: FolderDraft,
    ) -> Result<Folder, StoreError> {
        self.view().tenant(tenant).await?;
        let FolderDraft { parent, name } = draft;
        if let Some(parent) = parent {
            self.folder_parent(tenant, parent).await?;
        }
        let number = ChannelId(self.numbers(Counted::Folders, 1).await?);
        let folder = Folder { number, tenant, parent, name, created_at: self.now(), revision: 1 };
        let statement = Statement::new(
            "INSERT INTO folder (number, tenant, parent, name, created_at, revision) \
             VALUES ($1, $2, $3, $4, $5, 1)",
        )
        .bind(number)
        .bind(tenant)
        .bind(parent)
        .bind(&folder.name)
        .bind(folder.created_at);
        self.view().connection().execute(statement).await?;
        self.note("folder.create", Some(tenant), &number.to_string(), None, Some(&folder));
        Ok(folder)
    }

    /// Renames or moves a folder. One cannot be moved into itself
    /// ([`StoreErrorKind::Invalid`]).
    pub async fn folder_update(
        &mut self,
        number: ChannelId,
        expected: Expected,
        draft: FolderDraft,
    ) -> Result<Folder, StoreError> {
        let before = self.folder_lock(number).await?;
        expected.meet(before.revision)?;
        let FolderDraft { parent, name } = draft;
        if let Some(parent) = parent {
            let path = self.folder_parent(before.tenant, parent).await?;
            if path.iter().any(|above| above.number == number) {
                return Err(StoreErrorKind::Invalid.into());
            }
        }
        let statement = Statement::new(
            "UPDATE folder SET parent = $2, name = $3, revision = revision + 1 WHERE number = $1 \
             RETURNING number, tenant, parent, name, created_at, revision",
        );
        let statement = statement.bind(number).bind(parent).bind(&name);
        let after = read(&self.view().found(statement).await?)?;
        let object = number.to_string();
        self.note("folder.update", Some(after.tenant), &object, Some(&before), Some(&after));
        Ok(after)
    }

    /// Removes a folder with nothing in it but attachments.
    pub async fn folder_remove(
        &mut self,
        number: ChannelId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let before = self.folder_lock(number).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new("DELETE FROM folder WHERE number = $1");
        self.view().connection().execute(statement.bind(number)).await?;
        self.forget_folder(number);
        let tenant = before.tenant;
        self.note("folder.remove", Some(tenant), &number.to_string(), Some(&before), None);
        self.publish(FeedEvent::FolderRemoved { tenant, number });
        Ok(())
    }

    /// Something of the folder is another than it was. Gives the revision that has it so.
    pub(super) async fn folder_touched(&mut self, number: ChannelId) -> Result<u64, StoreError> {
        let statement = Statement::new(
            "UPDATE folder SET revision = revision + 1 WHERE number = $1 RETURNING revision",
        );
        self.view().found(statement.bind(number)).await?.number("revision")
    }

    /// The folder, which nobody else changes until this change ends.
    pub async fn folder_lock(&mut self, number: ChannelId) -> Result<Folder, StoreError> {
        let statement = Statement::new(
            "UPDATE folder SET revision = revision WHERE number = $1 \
             RETURNING number, tenant, parent, name, created_at, revision",
        );
        let folder = read(&self.view().found(statement.bind(number)).await?)?;
        self.view().reach(Some(folder.tenant))?;
        Ok(folder)
    }

    /// The path of a folder in which another may be put. The whole tree is the tenant's to lock:
    /// two folders moved into each other at once would hang in the air.
    async fn folder_parent(
        &mut self,
        tenant: TenantId,
        parent: ChannelId,
    ) -> Result<Vec<Folder>, StoreError> {
        self.tenant_lock(tenant).await?;
        let path = self.view().folder_path(parent).await?;
        let is_own = path.iter().all(|folder| folder.tenant == tenant);
        if !is_own || path.len() as u64 >= FOLDER_DEPTH {
            return Err(StoreErrorKind::Invalid.into());
        }
        Ok(path)
    }
}
