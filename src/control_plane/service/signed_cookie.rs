//! Cookies: for whoever may see a content or a folder, to all its files (requirements D14, G31).
//!
//! The right is looked at when a cookie is issued. Whoever loses it keeps what they have until it
//! ends, or is revoked; so it is short, and asked for again while somebody is there.

use super::desk::Services;
use super::download::{issuer, opens};
use super::error::ServiceError;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::Caller;
use crate::control_plane::link::{CookieRequest, FileOwnerId, SignedCookie};
use crate::control_plane::record::{ContentId, Scope};
use crate::token::LinkOpens;

/// Seconds for which a cookie opens.
const LIFETIME: u64 = 600;

impl Services {
    /// A cookie that opens every file of a content. What is not published is opened as well, for
    /// whoever may ask here may see it (D16, G16): by a cookie issued while it is not.
    pub async fn content_cookie(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ContentId,
    ) -> Result<SignedCookie, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::FilesRead, tenant).await?;
        let content = view.content(id).await?;
        rights.see(&mut view, content.draft.folder).await?;
        drop(view);
        self.cookie(caller, tenant, FileOwnerId::Content(id), opens(&content, self.now()))
    }

    /// A cookie that opens every attachment of a folder itself, not of those below.
    pub async fn folder_cookie(
        &self,
        caller: &Caller,
        tenant: TenantId,
        number: ChannelId,
    ) -> Result<SignedCookie, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::FilesRead, tenant).await?;
        view.folder(number).await?;
        rights.see(&mut view, Some(number)).await?;
        drop(view);
        self.cookie(caller, tenant, FileOwnerId::Channel(number), LinkOpens::Published)
    }

    fn cookie(
        &self,
        caller: &Caller,
        tenant: TenantId,
        owner: FileOwnerId<'_>,
        opens: LinkOpens,
    ) -> Result<SignedCookie, ServiceError> {
        let now = self.now();
        let issuer = Some(issuer(caller, tenant));
        let request = CookieRequest { tenant, owner, opens, expiry: now.plus(LIFETIME), issuer };
        Ok(self.link_signer()?.cookie(&request, now)?)
    }
}
