//! Rights over folders.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::Expected;
use super::statement::{Row, Statement};
use super::view::View;
use crate::asset::ChannelId;
use crate::control_plane::record::{FolderRight, Grantee, Right};

fn read(row: &Row) -> Result<FolderRight, StoreError> {
    let grantee = Grantee::parse(&row.text::<Box<str>>("grantee")?);
    Ok(FolderRight {
        folder: row.number("folder")?,
        grantee: grantee.ok_or(StoreErrorKind::Corrupt)?,
        right: row.text("permits")?,
    })
}

impl View {
    /// The rights given over a folder itself, those over the folders above apart.
    pub async fn folder_right_list(
        &mut self,
        folder: ChannelId,
    ) -> Result<Vec<FolderRight>, StoreError> {
        self.folder(folder).await?;
        let statement = Statement::new(
            "SELECT folder, grantee, permits FROM folder_right WHERE folder = $1 ORDER BY grantee",
        );
        let rows = self.connection().rows(statement.bind(folder)).await?;
        rows.iter().map(read).collect()
    }

    /// The rights somebody was given, wherever.
    pub async fn folder_right_list_of(
        &mut self,
        grantee: &Grantee,
    ) -> Result<Vec<FolderRight>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT folder_right.folder, grantee, permits FROM folder_right \
             JOIN folder ON folder.number = folder_right.folder \
             WHERE grantee = $1 AND ($2 IS NULL OR folder.tenant = $2) \
             ORDER BY folder_right.folder",
        );
        let rows = self.connection().rows(statement.bind(grantee.as_str()).bind(only)).await?;
        rows.iter().map(read).collect()
    }

    /// The most that somebody may do in a folder: by a right over it, or over one above.
    pub async fn folder_right_in_force(
        &mut self,
        folder: ChannelId,
        grantee: &Grantee,
    ) -> Result<Option<Right>, StoreError> {
        self.folder(folder).await?;
        let statement = Statement::new(
            "WITH RECURSIVE above (number, parent) AS ( \
             SELECT number, parent FROM folder WHERE number = $1 \
             UNION SELECT folder.number, folder.parent FROM folder \
             JOIN above ON folder.number = above.parent) \
             SELECT folder, grantee, permits FROM folder_right \
             JOIN above ON above.number = folder_right.folder WHERE grantee = $2",
        );
        let rows = self.connection().rows(statement.bind(folder).bind(grantee.as_str())).await?;
        let rights: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(rights.into_iter().map(|given| given.right).max())
    }
}

impl Change {
    /// Says what somebody may do in a folder and all below; none takes that back. The rights over a
    /// folder are one list, of the folder's revision: gives the one that has them so.
    pub async fn folder_right_set(
        &mut self,
        folder: ChannelId,
        expected: Expected,
        grantee: &Grantee,
        right: Option<Right>,
    ) -> Result<u64, StoreError> {
        let owner = self.folder_lock(folder).await?;
        expected.meet(owner.revision)?;
        match grantee {
            Grantee::Application(id) => self.view().application(id).await.map(drop)?,
            Grantee::Person(id) => self.view().person(id).await.map(drop)?,
        }
        let statement = Statement::new(
            "DELETE FROM folder_right WHERE folder = $1 AND grantee = $2 \
             RETURNING folder, grantee, permits",
        );
        let statement = statement.bind(folder).bind(grantee.as_str());
        let before = self.view().connection().row(statement).await?;
        let before = before.map(|row| read(&row)).transpose()?;
        let after = right.map(|right| FolderRight { folder, grantee: grantee.clone(), right });
        if let Some(FolderRight { right, .. }) = &after {
            let statement = Statement::new(
                "INSERT INTO folder_right (folder, grantee, permits) VALUES ($1, $2, $3)",
            );
            let statement = statement.bind(folder).bind(grantee.as_str()).bind(right.wire_name());
            self.view().connection().execute(statement).await?;
        }
        if before == after {
            return Ok(owner.revision);
        }
        let object = folder.to_string();
        let (before, after) = (before.as_ref(), after.as_ref());
        self.note("folder_right.set", Some(owner.tenant), &object, before, after);
        self.folder_touched(folder).await
    }
}
