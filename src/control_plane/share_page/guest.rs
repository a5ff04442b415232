//! Who visits a share, and what they stand before.
//!
//! The browser keeps a session's secret in a cookie of its own for each share, once a password was
//! typed or terms were accepted.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};

use super::brand::Brand;
use super::frame::{accepted, request_id};
use super::pages::Pages;
use super::refusal::Refusal;
use crate::control_plane::account::SecretText;
use crate::control_plane::browser::origin_of;
use crate::control_plane::record::{SecretHash, ShareAddress, ShareLogo};
use crate::control_plane::service::{Services, ShareAccess};
use crate::control_plane::words::Words;
use crate::network::ClientIp;
use crate::policy::ClientScheme;
use crate::secret::Secret;
use crate::visitor::Visitor;

/// Longest value of the cookie that is looked at.
const LONGEST: usize = 128;

/// Somebody who visits a share.
#[derive(Debug)]
pub(super) struct Guest {
    /// What the pages work with.
    pub(super) services: Services,
    /// The address that they were given.
    pub(super) address: Box<str>,
    /// What they stand before.
    pub(super) access: ShareAccess,
    /// What the page has of the tenant's.
    pub(super) brand: Brand,
    /// Their language.
    pub(super) words: Words,
    /// From where.
    pub(super) client: Option<ClientIp>,
    /// The id of their request in the log.
    pub(super) request_id: String,
    session: Option<Secret<String>>,
    scheme: ClientScheme,
}

impl Guest {
    /// The secret that their browser keeps.
    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_ref().map(|it| it.expose().as_str())
    }

    /// Where the share is.
    pub(super) fn path(&self) -> String {
        format!("/s/{}", self.address)
    }

    /// Has the browser keep a session for as long as it may last. Lax: whoever comes by the link in a
    /// letter once more is let in.
    pub(super) fn keep(&self, session: &SecretText) -> Result<HeaderValue, Refusal> {
        let name = cookie_name(&self.address, self.scheme);
        let secured = match self.scheme {
            ClientScheme::Http => "",
            ClientScheme::Https => "; Secure",
        };
        let value = session.reveal();
        let line =
            format!("{name}={value}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax{secured}");
        let mut line = HeaderValue::from_str(&line).map_err(Refusal::failed)?;
        line.set_sensitive(true);
        Ok(line)
    }
}

impl FromRequestParts<Pages> for Guest {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Refusal> {
        let names = RawPathParams::from_request_parts(parts, pages).await;
        let names = names.map_err(|_| Refusal::Missing)?;
        let address = names.iter().find(|(name, _)| *name == "address").map(|(_, it)| it);
        let address: Box<str> = address.ok_or(Refusal::Missing)?.into();
        let visitor = parts.extensions.get::<Visitor>().ok_or(Refusal::Missing)?;
        let Visitor { client, scheme, host, tenant } = visitor.clone();
        let session = kept(&parts.headers, &address, scheme);
        let known = session.as_ref().map(|it| it.expose().as_str());
        let access = pages.services.share_access(&address, known).await?;
        let access = access.by(pages.services.way(&parts.headers));
        if access.share().tenant != tenant {
            // Another tenant's site knows nothing of it.
            return Err(Refusal::Missing);
        }
        let delivery = access.share().draft.delivery;
        if pages.services.share_delivery_at(&host) != delivery {
            return Err(elsewhere(&pages.services, &access, &address, &host));
        }
        let own = access.share().draft.language.as_deref();
        let words = Words::of(own, accepted(&parts.headers));
        let brand = parts.extensions.get::<Brand>().cloned().unwrap_or_default();
        let brand = match access.share().draft.logo {
            ShareLogo::Hidden => brand.unmarked(),
            ShareLogo::Shown => brand,
        };
        let request_id = request_id(&parts.headers).to_owned();
        let (services, client) = (pages.services.clone(), Some(client));
        Ok(Self { services, address, access, brand, words, client, request_id, session, scheme })
    }
}

/// The way to a share that comes by other sites than the one that was asked: there, and nowhere else, it
/// is shown.
fn elsewhere(services: &Services, access: &ShareAccess, address: &str, host: &str) -> Refusal {
    let share = access.share();
    let url = ShareAddress::parse(address)
        .and_then(|it| services.share_url(share.tenant, share.draft.delivery, &it).ok());
    match url {
        // Whoever is there already is led nowhere.
        Some(url) if !origin_of(&url).is_some_and(|it| it.ends_with(&format!("://{host}"))) => {
            Refusal::Elsewhere(url)
        }
        Some(_) | None => Refusal::Missing,
    }
}

/// What the browser keeps for that share.
fn kept(headers: &HeaderMap, address: &str, scheme: ClientScheme) -> Option<Secret<String>> {
    let name = cookie_name(address, scheme);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|it| it.split_once('='));
    let (_, value) = pairs.find(|(found, _)| found.trim() == name)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let value = value.trim();
    let is_ours = (1..=LONGEST).contains(&value.len()) && value.bytes().all(fits);
    is_ours.then(|| Secret::new(value.to_owned()))
}

/// One a share. Over TLS a browser takes one of this name only from this host, and only so secured
/// (RFC 6265bis section 4.1.3.2). The address itself is in no cookie: those are shown in lists.
fn cookie_name(address: &str, scheme: ClientScheme) -> String {
    let hash = SecretHash::of(&format!("countersign-share-cookie-1\n{address}"));
    let tag = hash.as_str().get(..16).unwrap_or_default();
    match scheme {
        ClientScheme::Http => format!("share_{tag}"),
        ClientScheme::Https => format!("__Host-share_{tag}"),
    }
}
