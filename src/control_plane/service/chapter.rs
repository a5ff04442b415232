//! Chapters of a version.

use std::collections::HashSet;

use super::desk::Services;
use super::error::{Invalid, ServiceError, at_most, prose};
use super::file_draft::is_segment;
use super::version::{OfContent, finish, of_content};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Chapter, ContentId, VersionId};
use crate::control_plane::store::Expected;

/// Most chapters of one version.
const MOST: usize = 1_000;

impl Services {
    /// A version's chapters, the first first.
    pub async fn chapter_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
        version: &VersionId,
    ) -> Result<OfContent<Vec<Chapter>>, ServiceError> {
        let (mut view, found) = self.content_view(caller, tenant, content).await?;
        of_content(&mut view, content, version).await?;
        let it = view.chapter_list(version).await?;
        Ok(OfContent { it, revision: found.revision })
    }

    /// Puts chapters in place of a version's.
    pub async fn chapter_replace(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
        version: &VersionId,
        expected: Expected,
        chapters: Vec<Chapter>,
    ) -> Result<OfContent<Vec<Chapter>>, ServiceError> {
        let (mut change, before, _) = self.content_change(caller, tenant, content).await?;
        of_content(change.view(), content, version).await?;
        expected.meet(before.revision)?;
        accept(&chapters)?;
        let made = change.chapter_replace(version, chapters).await?;
        finish(change, content, made).await
    }
}

fn accept(chapters: &[Chapter]) -> Result<(), Invalid> {
    at_most("/items", chapters, MOST)?;
    let mut slots = HashSet::with_capacity(chapters.len());
    for (place, Chapter { slot, title, starts_ms }) in chapters.iter().enumerate() {
        if !is_segment(slot) || !slots.insert(slot) {
            let detail = "must be a name without slashes, another one than those before";
            return Err(Invalid::new(format!("/items/{place}/slot"), detail));
        }
        prose(format!("/items/{place}/title"), title, 1_024)?;
        if i64::try_from(*starts_ms).is_err() {
            return Err(Invalid::new(format!("/items/{place}/starts_ms"), "is out of range"));
        }
    }
    Ok(())
}
