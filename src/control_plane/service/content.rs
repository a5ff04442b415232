//! Contents: whoever has the scope works with all of a tenant's; a member with those in folders
//! that they have a right over (requirement D14).

use std::collections::HashMap;

use super::content_draft;
use super::desk::Services;
use super::error::{Invalid, ServiceError};
use super::file_draft::{self, Attached};
use super::right::Rights;
use crate::asset::TenantId;
use crate::control_plane::caller::{Caller, MissingScope};
use crate::control_plane::record::{Content, ContentDraft, ContentId, ContentImport, Scope};
use crate::control_plane::store::{
    Change, ContentFilter, Expected, FolderFilter, Listed, Page, View,
};

/// What stands in paths where else an id does.
const IMPORT: &str = "import";

impl Services {
    /// A tenant's content.
    pub async fn content(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ContentId,
    ) -> Result<Content, ServiceError> {
        self.content_view(caller, tenant, id).await.map(|(_, content)| content)
    }

    /// A tenant's contents, by id; of a member, those they may see: a page may have fewer then.
    pub async fn content_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        filter: &ContentFilter,
        page: &Page<ContentId>,
    ) -> Result<Listed<Content, ContentId>, ServiceError> {
        caller.require(Scope::CatalogRead)?;
        let _turn = match filter.title {
            Some(_) => Some(self.title_searches().turn().await?),
            None => None,
        };
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        if let Some(FolderFilter::Itself(folder) | FolderFilter::WithBelow(folder)) = filter.folder
        {
            view.folder(folder).await?;
            rights.see(&mut view, Some(folder)).await?;
        }
        let mut listed = view.content_list(tenant, filter, page).await?;
        let mut known = HashMap::new();
        let mut seen = Vec::with_capacity(listed.items.len());
        for content in listed.items {
            let folder = content.draft.folder;
            let may_see = match known.get(&folder) {
                Some(may_see) => *may_see,
                None => rights.may_see(&mut view, folder).await?,
            };
            known.insert(folder, may_see);
            if may_see {
                seen.push(content);
            }
        }
        listed.items = seen;
        Ok(listed)
    }

    /// Makes a content, with its first version if it has files.
    pub async fn content_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        import: ContentImport,
    ) -> Result<Content, ServiceError> {
        let (mut change, rights) = self.change_by_right(caller, tenant).await?;
        accept(&import)?;
        may_import(change.view(), &rights, tenant, &import).await?;
        let mut made = change.content_import(tenant, vec![import]).await?;
        change.commit().await?;
        made.pop().ok_or(ServiceError::NotFound)
    }

    /// Says something else about a content. Whoever moves it must be able to change what lies where
    /// it was and where it comes to be.
    pub async fn content_replace(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ContentId,
        expected: Expected,
        draft: ContentDraft,
    ) -> Result<Content, ServiceError> {
        let (mut change, before, rights) = self.content_change(caller, tenant, id).await?;
        expected.meet(before.revision)?;
        content_draft::accept(&draft)?;
        if draft.folder != before.draft.folder {
            rights.modify(change.view(), draft.folder).await?;
        }
        let view = change.view();
        may_classify(view, &rights, tenant, &before.draft.classifications, &draft).await?;
        let content = change.content_replace(id, expected, draft).await?;
        change.commit().await?;
        Ok(content)
    }

    /// Removes a content, with its versions and what is known of their files.
    pub async fn content_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ContentId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let (mut change, _, _) = self.content_change(caller, tenant, id).await?;
        change.content_remove(id, expected).await?;
        change.commit().await?;
        Ok(())
    }

    /// A content that the caller may see, and the state it is of.
    pub(super) async fn content_view(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ContentId,
    ) -> Result<(View, Content), ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        let content = view.content(id).await?;
        rights.see(&mut view, content.draft.folder).await?;
        Ok((view, content))
    }

    /// A content that the caller may change and nobody else does until then.
    pub(super) async fn content_change(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ContentId,
    ) -> Result<(Change, Content, Rights), ServiceError> {
        let (mut change, rights) = self.change_by_right(caller, tenant).await?;
        // Whose it is comes first: nobody waits for, or holds up, another tenant's.
        change.view().content(id).await?;
        let content = change.content_lock(id).await?;
        rights.see(change.view(), content.draft.folder).await?;
        rights.modify(change.view(), content.draft.folder).await?;
        Ok((change, content, rights))
    }
}

/// Refuses what is no import.
pub(super) fn accept(import: &ContentImport) -> Result<(), Invalid> {
    let ContentImport { id, draft, files, active_thumbnail } = import;
    if id.as_ref().is_some_and(|id| id.as_str() == IMPORT) {
        return Err(Invalid::new("/id", "must be another: the word stands in paths of the API"));
    }
    if let Some(id) = id {
        file_draft::accept_id(id)?;
    }
    content_draft::accept(draft)?;
    file_draft::accept_all("/files", Attached::ToVersion, files)?;
    match active_thumbnail {
        Some(slot) => file_draft::accept_active("/active_thumbnail", slot, files.iter()),
        None => Ok(()),
    }
}

/// Refuses whoever may not make such a content there.
pub(super) async fn may_import(
    view: &mut View,
    rights: &Rights,
    tenant: TenantId,
    import: &ContentImport,
) -> Result<(), ServiceError> {
    rights.modify(view, import.draft.folder).await?;
    if !import.files.is_empty() {
        // Who names an object of the origin can hand it out: no right over one folder permits that.
        rights.everything(Scope::CatalogWrite)?;
    }
    may_classify(view, rights, tenant, &[], &import.draft).await
}

/// Refuses a member who puts a content under a classification, or takes it from one, that is not
/// theirs to manage.
async fn may_classify(
    view: &mut View,
    rights: &Rights,
    tenant: TenantId,
    before: &[Box<str>],
    draft: &ContentDraft,
) -> Result<(), ServiceError> {
    let Rights::As(member) = rights else { return Ok(()) };
    let after = &draft.classifications;
    let added = after.iter().filter(|name| !before.contains(name));
    let taken = before.iter().filter(|name| !after.contains(name));
    let changed: Vec<_> = added.chain(taken).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let managed = view.classification_list_managed(tenant, member).await?;
    if changed.into_iter().all(|name| managed.contains(name)) {
        Ok(())
    } else {
        Err(MissingScope(Scope::CatalogWrite).into())
    }
}
