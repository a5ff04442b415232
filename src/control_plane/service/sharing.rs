//! Settings of a tenant's sharing pages. Administrators say them; whoever shares reads them, for they
//! say what shares may be.

use std::num::NonZeroU32;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::desk::Services;
use super::error::{Invalid, RenditionRefusal, ServiceError, prose, text};
use super::sharing_palette::PagePalette;
use super::sharing_policy;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Scope, SharingDraft, SharingLogo, SharingSettings};
use crate::control_plane::rendering::{Image, ImagePlace, Line};
use crate::control_plane::store::Expected;
use crate::rendition::{Bounds, Encoding, Rendition};

/// Most bytes of a logo that is brought.
pub const LARGEST_LOGO: usize = 256 * 1024;

/// How large it is kept, in pixels: it is shown half as large, so that it is sharp on every screen.
const LOGO_WIDTH: u32 = 640;
const LOGO_HEIGHT: u32 = 160;

/// Bytes of what is said.
const COMPANY: usize = 256;
const FOOTER: usize = 2_048;
const TERMS: usize = 65_536;
const ADDRESS: usize = 2_048;

impl Services {
    /// What is set for a tenant's shares, for whoever sets it or shares.
    pub async fn sharing_settings(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<SharingSettings, ServiceError> {
        let shares = caller.scopes().contains(Scope::SharesWrite);
        let needed = if shares { Scope::SharesWrite } else { Scope::SettingsAdmin };
        let mut view = self.tenant_view(caller, needed, tenant).await?;
        Ok(view.sharing_settings(tenant).await?)
    }

    /// What is set, for the pages themselves.
    pub async fn sharing_shown(&self, tenant: TenantId) -> Result<SharingSettings, ServiceError> {
        let mut view = self.view(&Caller::system("share")).await?;
        Ok(view.sharing_settings(tenant).await?)
    }

    /// The bytes of a tenant's logo, if it is that one: everybody may have it.
    pub async fn sharing_logo(
        &self,
        tenant: TenantId,
        digest: &str,
    ) -> Result<Bytes, ServiceError> {
        let mut view = self.view(&Caller::system("share")).await?;
        Ok(view.sharing_logo(tenant, digest).await?)
    }

    /// Says something else: everything that can be said, at once. Colours in which pages could not be
    /// read are refused, with the nearest in which they could.
    pub async fn sharing_replace(
        &self,
        caller: &Caller,
        tenant: TenantId,
        expected: Expected,
        draft: SharingDraft,
    ) -> Result<SharingSettings, ServiceError> {
        let mut change = self.tenant_change(caller, Scope::SettingsAdmin, tenant).await?;
        accept(&draft)?;
        let made = change.sharing_replace(tenant, expected, draft).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Gives a tenant's pages a logo: a picture of it is made and kept, and not a byte of what came.
    pub async fn sharing_logo_set(
        &self,
        caller: &Caller,
        tenant: TenantId,
        expected: Expected,
        image: Bytes,
    ) -> Result<SharingSettings, ServiceError> {
        caller.require(Scope::SettingsAdmin)?;
        if image.len() > LARGEST_LOGO {
            return Err(RenditionRefusal::TooLong { most: LARGEST_LOGO as u64 }.into());
        }
        if is_svg(&image) {
            let detail = "an SVG may hold scripts: bring the logo as PNG, JPEG or WebP";
            return Err(Invalid::new("", detail).into());
        }
        let logo = self.logo_of(caller, image).await?;
        let mut change = self.tenant_change(caller, Scope::SettingsAdmin, tenant).await?;
        let made = change.sharing_logo_set(tenant, expected, Some(logo)).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Takes a tenant's logo away.
    pub async fn sharing_logo_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        expected: Expected,
    ) -> Result<SharingSettings, ServiceError> {
        let mut change = self.tenant_change(caller, Scope::SettingsAdmin, tenant).await?;
        let made = change.sharing_logo_set(tenant, expected, None).await?;
        change.commit().await?;
        Ok(made)
    }

    async fn logo_of(
        &self,
        caller: &Caller,
        image: Bytes,
    ) -> Result<(SharingLogo, Bytes), ServiceError> {
        let bounds =
            Bounds { width: NonZeroU32::new(LOGO_WIDTH), height: NonZeroU32::new(LOGO_HEIGHT) };
        let wish = Rendition { bounds, encoding: Encoding::Png, ..Rendition::default() };
        let turn = self.renderings().turn(&caller.actor().to_string(), Line::Refused).await?;
        let (bytes, place) = (image.to_vec(), ImagePlace::REQUEST);
        let image = Image { bytes, place, registered: None };
        let made = self.renderings().make(turn, image, wish).await?.rendered;
        let digest = bytes_name(&made.bytes);
        Ok((SharingLogo { digest, width: made.width, height: made.height }, made.bytes))
    }
}

/// The name of bytes that never change: the first half of their SHA-256.
pub fn bytes_name(bytes: &[u8]) -> Box<str> {
    let mut name = hex::encode(Sha256::digest(bytes));
    name.truncate(32);
    name.into()
}

/// Is it what XML looks like, which no picture read here does?
fn is_svg(bytes: &[u8]) -> bool {
    let start = bytes.get(..1_024).unwrap_or(bytes);
    start.first() == Some(&0x1f) && start.get(1) == Some(&0x8b)
        || start.trim_ascii_start().starts_with(b"<")
        || start.starts_with(b"\xef\xbb\xbf")
        || start.windows(4).any(|it| it.eq_ignore_ascii_case(b"<svg"))
}

fn accept(draft: &SharingDraft) -> Result<(), Invalid> {
    let SharingDraft {
        company,
        privacy_url,
        terms,
        footer,
        china_footer,
        light: _,
        dark: _,
        policy,
    } = draft;
    if !company.is_empty() {
        text("/company", company, COMPANY)?;
    }
    prose("/footer", footer, FOOTER)?;
    prose("/china_footer", china_footer, FOOTER)?;
    if let Some(terms) = terms {
        if terms.trim().is_empty() {
            return Err(Invalid::new("/terms", "must say something, or be null"));
        }
        prose("/terms", terms, TERMS)?;
    }
    privacy_url.as_deref().map_or(Ok(()), accept_address)?;
    sharing_policy::accept(policy)?;
    PagePalette::of(draft).accept()
}

/// An address that visitors can follow from a page over TLS.
fn accept_address(address: &str) -> Result<(), Invalid> {
    let refused = || Invalid::new("/privacy_url", "must be an address that begins with https://");
    text("/privacy_url", address, ADDRESS)?;
    let parsed = url::Url::parse(address).map_err(|_| refused())?;
    let is_plain = parsed.scheme() == "https"
        && parsed.has_host()
        && parsed.username().is_empty()
        && parsed.password().is_none();
    if is_plain && address.starts_with("https://") { Ok(()) } else { Err(refused()) }
}
