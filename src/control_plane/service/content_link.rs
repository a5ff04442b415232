//! Contents that belong to others. Who has the one has not therefore the other (requirement C3): a
//! link says nothing of rights.

use super::desk::Services;
use super::error::{Invalid, ServiceError, at_most};
use super::version::{OfContent, finish};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{ContentId, ContentLink, ContentLinkDraft};
use crate::control_plane::store::Expected;

/// Most contents that belong to one.
const MOST: usize = 1_000;

impl Services {
    /// What belongs to a content, in its order; of a member, what they may see.
    pub async fn content_link_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
    ) -> Result<OfContent<Vec<ContentLink>>, ServiceError> {
        let (mut view, found) = self.content_view(caller, tenant, content).await?;
        let rights = self.rights(caller).await?;
        let links = view.content_link_list(content).await?;
        let targets: Vec<_> = links.iter().map(|link| link.draft.target.clone()).collect();
        let folders = view.content_folders(tenant, &targets).await?;
        let mut it = Vec::with_capacity(links.len());
        for link in links {
            if let Some(folder) = folders.get(&link.draft.target)
                && rights.may_see(&mut view, *folder).await?
            {
                it.push(link);
            }
        }
        Ok(OfContent { it, revision: found.revision })
    }

    /// Puts links in place of a content's, each to one that the caller may see. What they may not
    /// see is taken away with the rest: a list that is replaced is what it was replaced by.
    pub async fn content_link_replace(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
        expected: Expected,
        drafts: Vec<ContentLinkDraft>,
    ) -> Result<OfContent<Vec<ContentLink>>, ServiceError> {
        let (mut change, before, rights) = self.content_change(caller, tenant, content).await?;
        expected.meet(before.revision)?;
        at_most("/items", &drafts, MOST)?;
        for (place, draft) in drafts.iter().enumerate() {
            if draft.target == *content || drafts.iter().take(place).any(|it| it == draft) {
                let detail = "must be another content than this one and those before";
                return Err(Invalid::new(format!("/items/{place}"), detail).into());
            }
        }
        let targets: Vec<_> = drafts.iter().map(|draft| draft.target.clone()).collect();
        let folders = change.view().content_folders(tenant, &targets).await?;
        for target in &targets {
            let seen = match folders.get(target) {
                Some(folder) => rights.may_see(change.view(), *folder).await?,
                None => false,
            };
            if !seen {
                return Err(ServiceError::Referenced);
            }
        }
        let made = change.content_link_replace(content, drafts).await?;
        finish(change, content, made).await
    }
}
