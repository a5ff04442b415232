//! Download links: for whoever may see a content, to the files of its active version.

use super::desk::Services;
use super::error::ServiceError;
use crate::asset::TenantId;
use crate::catalog::{FileKind, Publication};
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::link::{LinkRequest, SignedLink};
use crate::control_plane::record::{Content, ContentId, File, FileOwner, Scope};
use crate::policy::SiteDelivery;
use crate::token::{IssuerMark, LinkOpens, LinkTerms};

/// Seconds for which a link opens, where nobody says how long: 120 minutes (requirement D11).
pub(super) const LIFETIME: u64 = 7_200;

/// A file, and where it is had.
#[derive(Clone, Debug)]
pub struct Download {
    /// The file.
    pub file: File,
    /// Where it is had.
    pub link: SignedLink,
}

impl Services {
    /// Links to the files of a content's active version that are of one of these kinds. `named`
    /// says under which name one is to be saved.
    ///
    /// What is not published is linked to as well, for whoever may ask here may see it (D16, G16):
    /// such a link opens it, published or not, until the link has expired or is revoked.
    pub async fn download_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ContentId,
        kinds: &[FileKind],
        named: impl Fn(&File) -> Option<String>,
    ) -> Result<Vec<Download>, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::FilesRead, tenant).await?;
        let signer = self.link_signer()?;
        let content = view.content(id).await?;
        rights.see(&mut view, content.draft.folder).await?;
        let Some(version) = content.active_version.clone() else { return Ok(Vec::new()) };
        let files = view.file_list(&FileOwner::Version(version)).await?;
        drop(view);

        let now = self.now();
        let opens = opens(&content, now);
        let issuer = Some(issuer(caller, tenant));
        let mut downloads = Vec::new();
        for file in files.into_iter().filter(|file| kinds.contains(&file.draft.place.kind)) {
            // A file that no asset URL names cannot be had by one.
            let Some(asset) = file.draft.place.of_content(id) else { continue };
            let file_name = named(&file);
            let request = LinkRequest {
                tenant,
                delivery: SiteDelivery::Standard,
                asset: &asset,
                opens,
                terms: LinkTerms { issuer, ..LinkTerms::default() },
                expiry: now.plus(LIFETIME),
                ip: None,
                file_name: file_name.as_deref(),
                id: None,
            };
            downloads.push(Download { link: signer.link(&request, now)?, file });
        }
        Ok(downloads)
    }
}

/// The mark of who asks for a link: all that carry it are revoked by it.
pub(super) fn issuer(caller: &Caller, tenant: TenantId) -> IssuerMark {
    IssuerMark::of(tenant.0, &caller.actor().to_string())
}

/// What a link must open to open a file of this content now.
pub(super) fn opens(content: &Content, now: UnixSeconds) -> LinkOpens {
    let periods = &content.draft.periods;
    let in_period = periods.is_empty() || periods.iter().any(|period| period.covers(now));
    match (content.draft.publication, in_period) {
        (Publication::Published, true) => LinkOpens::Published,
        (Publication::Published, false) | (Publication::Unpublished, _) => LinkOpens::Everything,
    }
}
