//! Versions of a content: which there are, and which is handed out. They count as the content's:
//! its revision is theirs.

use super::desk::Services;
use super::error::{Invalid, ServiceError, prose};
use super::file_draft;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Content, ContentId, FileOwner, Version, VersionId};
use crate::control_plane::store::{Change, Expected, View};

/// Most versions of one content.
const MOST: usize = 1_000;

/// Something of a content, and the revision of the content that has it so.
#[derive(Clone, Debug)]
pub struct OfContent<T> {
    /// What.
    pub it: T,
    /// The content's revision.
    pub revision: u64,
}

impl Services {
    /// A content's versions, the first first.
    pub async fn version_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
    ) -> Result<OfContent<Vec<Version>>, ServiceError> {
        let (mut view, content) = self.content_view(caller, tenant, content).await?;
        let it = view.version_list(&content.id).await?;
        Ok(OfContent { it, revision: content.revision })
    }

    /// Makes another version of a content, with no files yet.
    pub async fn version_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
        label: &str,
    ) -> Result<OfContent<Version>, ServiceError> {
        let (mut change, _, _) = self.content_change(caller, tenant, content).await?;
        prose("/label", label, 256)?;
        accept_another(change.view(), content).await?;
        let made = change.version_create(content, label).await?;
        finish(change, content, made).await
    }

    /// Makes a version the one that is handed out.
    pub async fn version_activate(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
        version: &VersionId,
        expected: Expected,
    ) -> Result<Content, ServiceError> {
        let (mut change, before, _) = self.content_change(caller, tenant, content).await?;
        of_content(change.view(), content, version).await?;
        expected.meet(before.revision)?;
        let content = change.version_activate(version).await?;
        change.commit().await?;
        Ok(content)
    }

    /// Says which of a version's thumbnails `active` means.
    pub async fn version_thumbnail_set(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
        version: &VersionId,
        expected: Expected,
        slot: Option<&str>,
    ) -> Result<OfContent<Version>, ServiceError> {
        let (mut change, before, _) = self.content_change(caller, tenant, content).await?;
        of_content(change.view(), content, version).await?;
        expected.meet(before.revision)?;
        if let Some(slot) = slot {
            let files = change.view().file_list(&FileOwner::Version(version.clone())).await?;
            let drafts = files.iter().map(|file| &file.draft);
            file_draft::accept_active("/active_thumbnail", slot, drafts)?;
        }
        let made = change.version_thumbnail_set(version, slot).await?;
        finish(change, content, made).await
    }

    /// Removes a version that is not the one that is handed out.
    pub async fn version_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
        version: &VersionId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let (mut change, before, _) = self.content_change(caller, tenant, content).await?;
        of_content(change.view(), content, version).await?;
        expected.meet(before.revision)?;
        change.version_remove(version).await?;
        change.commit().await?;
        Ok(())
    }
}

/// Refuses a version of a content that has as many as it may.
pub(super) async fn accept_another(
    view: &mut View,
    content: &ContentId,
) -> Result<(), ServiceError> {
    if view.version_list(content).await?.len() >= MOST {
        return Err(Invalid::new("", format!("a content has at most {MOST} versions")).into());
    }
    Ok(())
}

/// The version, if it is this content's.
pub(super) async fn of_content(
    view: &mut View,
    content: &ContentId,
    version: &VersionId,
) -> Result<Version, ServiceError> {
    let found = view.version(version).await?;
    if found.content == *content { Ok(found) } else { Err(ServiceError::NotFound) }
}

/// Commits, and says of which revision of the content what was made is.
pub(super) async fn finish<T>(
    mut change: Change,
    content: &ContentId,
    it: T,
) -> Result<OfContent<T>, ServiceError> {
    let revision = change.view().content(content).await?.revision;
    change.commit().await?;
    Ok(OfContent { it, revision })
}
