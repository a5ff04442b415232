//! Files of a version, and attachments of a folder.
//!
//! Whoever registers a file says which object of a pipeline is handed out under an address: that
//! is for those who work with all of a tenant's catalog. A right over one folder does not give what
//! lies elsewhere in the origin, and so members see files, and register none.

use super::desk::Services;
use super::error::{Invalid, ServiceError};
use super::file_draft::{self, Attached};
use super::version::of_content;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{ContentId, File, FileDraft, FileOwner, Scope, VersionId};
use crate::control_plane::store::{Change, Expected, FileRange, StoreErrorKind, View};

/// Whose files.
#[derive(Clone, Debug)]
pub enum FilesOf {
    /// The attachments of a folder.
    Folder(ChannelId),
    /// Those of a version of a content.
    Version(ContentId, VersionId),
}

/// Files, and the revision of the folder or content that has them so.
#[derive(Clone, Debug)]
pub struct FileTable {
    /// By number.
    pub files: Vec<File>,
    /// The revision.
    pub revision: u64,
}

impl Services {
    /// The files there are.
    pub async fn file_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        of: &FilesOf,
    ) -> Result<FileTable, ServiceError> {
        let mut view = match of {
            FilesOf::Folder(number) => {
                let (view, _) = self.folder_view(caller, tenant, *number).await?;
                view
            }
            FilesOf::Version(content, version) => {
                let (mut view, _) = self.content_view(caller, tenant, content).await?;
                of_content(&mut view, content, version).await?;
                view
            }
        };
        table(&mut view, of).await
    }

    /// Puts files in place of those there are. One that is the same stays the same, with its
    /// number.
    pub async fn file_replace(
        &self,
        caller: &Caller,
        tenant: TenantId,
        of: &FilesOf,
        expected: Expected,
        drafts: Vec<FileDraft>,
    ) -> Result<FileTable, ServiceError> {
        let mut change = self.files_change(caller, tenant, of, expected).await?;
        file_draft::accept_all("/items", of.attached(), &drafts)?;
        let owner = of.owner();
        let there = change.view().file_list(&owner).await?;
        for file in &there {
            if !drafts.iter().any(|draft| draft.place == file.draft.place) {
                change.file_remove(file.number).await?;
            }
        }
        let is_new = |draft: &FileDraft| !there.iter().any(|file| file.draft == *draft);
        let fresh: Vec<_> = drafts.into_iter().filter(is_new).collect();
        if !fresh.is_empty() {
            change.file_put_all(&owner, fresh).await?;
        }
        let table = table(change.view(), of).await?;
        change.commit().await?;
        Ok(table)
    }

    /// Registers one file more, in a place that is free.
    pub async fn file_add(
        &self,
        caller: &Caller,
        tenant: TenantId,
        of: &FilesOf,
        draft: FileDraft,
    ) -> Result<(File, u64), ServiceError> {
        let mut change = self.files_change(caller, tenant, of, Expected::Any).await?;
        file_draft::accept("", of.attached(), &draft)?;
        let owner = of.owner();
        let there = change.view().file_list(&owner).await?;
        if there.iter().any(|file| file.draft.place == draft.place) {
            return Err(ServiceError::Conflict);
        }
        if there.len() >= file_draft::MOST_FILES {
            let most = file_draft::MOST_FILES;
            return Err(Invalid::new("", format!("there are at most {most} files")).into());
        }
        let made = change.file_put_all(&owner, vec![draft]).await?.pop();
        let revision = table(change.view(), of).await?.revision;
        change.commit().await?;
        made.map(|file| (file, revision)).ok_or(ServiceError::NotFound)
    }

    /// Forgets a file; it stays where it is.
    pub async fn file_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        of: &FilesOf,
        expected: Expected,
        number: u64,
    ) -> Result<(), ServiceError> {
        let mut change = self.files_change(caller, tenant, of, expected).await?;
        if change.view().file(number).await?.owner != of.owner() {
            return Err(ServiceError::NotFound);
        }
        change.file_remove(number).await?;
        change.commit().await?;
        Ok(())
    }

    /// Files in reach; none of them is a member's to list.
    pub async fn file_range(
        &self,
        caller: &Caller,
        range: FileRange,
    ) -> Result<Vec<File>, ServiceError> {
        caller.require(Scope::FilesRead)?;
        self.rights(caller).await?.everything(Scope::FilesRead)?;
        Ok(self.view(caller).await?.file_range(range).await?)
    }

    /// The file of that number.
    pub async fn file_show(&self, caller: &Caller, number: u64) -> Result<File, ServiceError> {
        caller.require(Scope::FilesRead)?;
        let rights = self.rights(caller).await?;
        let mut view = self.view(caller).await?;
        let file = view.file(number).await?;
        let folder = match &file.owner {
            FileOwner::Folder(folder) => Some(*folder),
            FileOwner::Version(version) => {
                let content = view.version(version).await?.content;
                view.content(&content).await?.draft.folder
            }
        };
        rights.see(&mut view, folder).await?;
        Ok(file)
    }

    /// Forgets the file of that number. What was registered stays where it is; of what was uploaded
    /// the object is deleted, and the content that was made of it, if nothing was added to that.
    pub async fn file_forget(&self, caller: &Caller, number: u64) -> Result<(), ServiceError> {
        caller.require(Scope::CatalogWrite)?;
        let mut view = self.view(caller).await?;
        let file = view.file(number).await?;
        let (tenant, of) = match file.owner {
            FileOwner::Folder(folder) => {
                (view.folder(folder).await?.tenant, FilesOf::Folder(folder))
            }
            FileOwner::Version(version) => {
                let content = view.version(&version).await?.content;
                let tenant = view.content(&content).await?.tenant;
                (tenant, FilesOf::Version(content, version))
            }
        };
        drop(view);
        let mut change = self.files_change(caller, tenant, &of, Expected::Any).await?;
        let upload = match change.view().upload(number).await {
            Ok(upload) => Some(upload),
            Err(error) if error.kind() == StoreErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        match (&upload, &of) {
            (Some(upload), FilesOf::Version(content, version))
                if upload.draft.version_of.is_none()
                    && upload.content.as_ref() == Some(content)
                    && is_all_there_is(&mut change, content, version).await? =>
            {
                change.content_remove(content, Expected::Any).await?;
            }
            _ => change.file_remove(number).await?,
        }
        if upload.is_some() {
            change.upload_deleting(number).await?;
        }
        change.commit().await?;
        if let Some(uploads) = self.uploads() {
            uploads.complete.notify_one();
        }
        Ok(())
    }

    async fn files_change(
        &self,
        caller: &Caller,
        tenant: TenantId,
        of: &FilesOf,
        expected: Expected,
    ) -> Result<Change, ServiceError> {
        let (change, rights, revision) = match of {
            FilesOf::Folder(number) => {
                let (mut change, rights) = self.change_by_right(caller, tenant).await?;
                change.view().folder(*number).await?;
                rights.see(change.view(), Some(*number)).await?;
                let folder = change.folder_lock(*number).await?;
                (change, rights, folder.revision)
            }
            FilesOf::Version(content, version) => {
                let (mut change, found, rights) =
                    self.content_change(caller, tenant, content).await?;
                of_content(change.view(), content, version).await?;
                (change, rights, found.revision)
            }
        };
        rights.everything(Scope::CatalogWrite)?;
        expected.meet(revision)?;
        Ok(change)
    }
}

impl FilesOf {
    fn owner(&self) -> FileOwner {
        match self {
            Self::Folder(number) => FileOwner::Folder(*number),
            Self::Version(_, version) => FileOwner::Version(version.clone()),
        }
    }

    fn attached(&self) -> Attached {
        match self {
            Self::Folder(_) => Attached::ToFolder,
            Self::Version(_, _) => Attached::ToVersion,
        }
    }
}

/// Is a content one version of one file?
async fn is_all_there_is(
    change: &mut Change,
    content: &ContentId,
    version: &VersionId,
) -> Result<bool, ServiceError> {
    let versions = change.view().version_list(content).await?.len();
    let files = change.view().file_list(&FileOwner::Version(version.clone())).await?.len();
    Ok((versions, files) == (1, 1))
}

async fn table(view: &mut View, of: &FilesOf) -> Result<FileTable, ServiceError> {
    let files = view.file_list(&of.owner()).await?;
    let revision = match of {
        FilesOf::Folder(number) => view.folder(*number).await?.revision,
        FilesOf::Version(content, _) => view.content(content).await?.revision,
    };
    Ok(FileTable { files, revision })
}
