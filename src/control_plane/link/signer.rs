//! Makes links that edges open.
//!
//! A link is made from what is in force at this moment: what an override makes public needs no
//! token and gets none. Everything else gets one that opens this one file, in this one form, and
//! has an id by which it can be revoked. Cookies, which open a content, are `cookie`'s.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use ipnet::IpNet;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::asset::{AssetPath, TenantId, Visibility};
use crate::clock::UnixSeconds;
use crate::control_plane::record::LinkId;
use crate::policy::{AssetSource, EdgeSnapshot, Site, SiteDelivery};
use crate::target::RequestHost;
use crate::token::edge_auth::{SignRequest, SignScope, sign};
use crate::token::{
    Carrier, Delivers, LinkBinding, LinkOpens, LinkPayload, LinkTerms, QueryDigest,
};

/// Seconds by which a token says it was signed earlier than it was. One that was signed in the second
/// of a revocation is of before it, and an edge whose clock is that much behind takes it.
const EARLY: u64 = 2;

/// What is in force; none before anything is. Given by whoever puts it in force.
pub type InForce = Arc<dyn Fn() -> Option<EdgeSnapshot> + Send + Sync>;

/// Makes links. Clones are the same one.
#[derive(Clone)]
pub struct LinkSigner(InForce);

/// A link that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct LinkRequest<'r> {
    /// Whose file.
    pub tenant: TenantId,
    /// By which of the tenant's sites it is had.
    pub delivery: SiteDelivery,
    /// Which file; what it says of visibility plays no part.
    pub asset: &'r AssetPath,
    /// Is it to open what is not published?
    pub opens: LinkOpens,
    /// On which terms it opens. Of what everybody may have there is no link that has any.
    pub terms: LinkTerms,
    /// The last second at which it opens.
    pub expiry: UnixSeconds,
    /// The only addresses it opens for.
    pub ip: Option<IpNet>,
    /// The name the file is to be saved under; without one it is shown where it can be.
    pub file_name: Option<&'r str>,
    /// The id that it has; a new one, if nothing is said.
    pub id: Option<&'r str>,
}

/// A link, ready to be handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedLink {
    /// The whole address.
    pub url: String,
    /// What it opens by; none where everybody may have the file.
    pub token: Option<LinkToken>,
}

/// What a link opens by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkToken {
    /// The id by which it can be revoked.
    pub id: Box<str>,
    /// The last second at which it opens.
    pub expiry: UnixSeconds,
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum LinkRefusal {
    /// Nobody said where outsiders reach the tenant's site.
    #[error("the tenant's site has no address: give its [[site]] a public_url")]
    AddressUnknown,
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    Chance(#[from] getrandom::Error),
    /// There is no key that signs.
    #[error("no key signs links now: POST /api/v1/keys makes one")]
    NoKey,
    /// No site of the tenant is for China.
    #[error("no [[site]] of this tenant has delivery = \"china\"")]
    NoChina,
    /// The tenant's site takes no tokens from cookies.
    #[error("the tenant's site takes no cookies: add \"cookie\" to carriers of its [site.token]")]
    NoCookie,
    /// No site hands out this tenant's assets.
    #[error("no [[site]] with assets and [site.token] is this tenant's")]
    NoSite,
    /// Nothing is in force.
    #[error("nothing is in force yet")]
    NothingInForce,
    /// The file's name cannot stand in a token, or in no URL at all.
    #[error("the file's path cannot stand in a token")]
    Path,
}

impl LinkSigner {
    /// A signer on what is in force.
    pub fn new(in_force: InForce) -> Self {
        Self(in_force)
    }

    /// Makes a link at `now`.
    pub fn link(
        &self,
        request: &LinkRequest<'_>,
        now: UnixSeconds,
    ) -> Result<SignedLink, LinkRefusal> {
        let snapshot = self.in_force()?;
        let LinkRequest { tenant, delivery, .. } = *request;
        let site = site_of(&snapshot, tenant, delivery, Carrier::Query);
        let site = site.ok_or_else(|| none_for(delivery))?;
        let address = address(site).ok_or(LinkRefusal::AddressUnknown)?;
        let open = match (request.opens, request.terms.delivers) {
            (LinkOpens::Published, Delivers::AsEver) => {
                snapshot.effective(request.tenant, request.asset)
            }
            // What is not published is public nowhere, whatever an override says (G16), and an
            // original is handed over by a token that says so, whoever else may have the file (G3).
            (LinkOpens::Everything, _) | (_, Delivers::Original) => Visibility::Private,
        };
        let target = Target::of(request, open);
        let mut url = format!("{address}{target}");
        if open == Visibility::Public {
            return Ok(SignedLink { url, token: None });
        }
        let statement = Statement {
            tenant: request.tenant,
            delivery,
            acl: &target.path,
            payload: LinkPayload {
                binding: LinkBinding::Query(target.digest(request.tenant)),
                opens: request.opens,
                terms: request.terms,
            },
            expiry: request.expiry,
            ip: request.ip,
            id: request.id,
        };
        let (text, token) = statement.signed(&snapshot, now)?;
        let name = site.token.as_ref().map_or("", |token| token.carriers.name());
        let separator = if target.query.is_empty() { '?' } else { '&' };
        // Writing to a `String` cannot fail.
        let _ = write!(url, "{separator}{name}={text}");
        Ok(SignedLink { url, token: Some(token) })
    }

    /// Where outsiders reach the tenant's first site of that delivery that looks up files in the catalog.
    pub fn catalog_site(
        &self,
        tenant: TenantId,
        delivery: SiteDelivery,
    ) -> Result<String, LinkRefusal> {
        let snapshot = self.in_force()?;
        let looks_up = |site: &&Site| {
            site.tenant == tenant
                && site.delivery == delivery
                && matches!(site.assets, Some(AssetSource::Catalog(_)))
        };
        let mut sites = snapshot.sites.sites().iter().filter(looks_up).peekable();
        sites.peek().ok_or_else(|| none_for(delivery))?;
        sites.find_map(address).ok_or(LinkRefusal::AddressUnknown)
    }

    /// Which shares come by the site of that host, as a visitor named it.
    pub fn delivery_at(&self, host: &str) -> SiteDelivery {
        let site = self.in_force().ok().zip(RequestHost::parse(host.as_bytes()));
        site.and_then(|(snapshot, host)| Some(snapshot.sites.find(host.as_str())?.delivery))
            .unwrap_or_default()
    }

    /// What is in force at this moment.
    pub(super) fn in_force(&self) -> Result<EdgeSnapshot, LinkRefusal> {
        (self.0)().ok_or(LinkRefusal::NothingInForce)
    }
}

impl fmt::Debug for LinkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkSigner").finish_non_exhaustive()
    }
}

/// What a token of ours is to say. When it was signed stands in it (`st`), for revocations are of
/// what was signed before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement<'s> {
    pub(super) tenant: TenantId,
    pub(super) delivery: SiteDelivery,
    pub(super) acl: &'s str,
    pub(super) payload: LinkPayload,
    pub(super) expiry: UnixSeconds,
    pub(super) ip: Option<IpNet>,
    pub(super) id: Option<&'s str>,
}

impl Statement<'_> {
    /// The token that says it, signed at `now`.
    pub(super) fn signed(
        self,
        snapshot: &EdgeSnapshot,
        now: UnixSeconds,
    ) -> Result<(String, LinkToken), LinkRefusal> {
        let Self { tenant, delivery, acl, payload, expiry, ip, id } = self;
        let start = Some(UnixSeconds::new(now.get().saturating_sub(EARLY)));
        let id: Box<str> = match id {
            Some(id) => id.into(),
            None => LinkId::random(now)?.as_str().into(),
        };
        let control = snapshot.control.as_deref().ok_or(LinkRefusal::NoKey)?;
        let signer = control.links.signer(tenant, delivery, now);
        let (rules, key) = signer.ok_or(LinkRefusal::NoKey)?;
        let payload = payload.to_string();
        let request = SignRequest {
            scope: SignScope::Acl(&[acl]),
            start,
            expiry,
            ip,
            id: Some(&id),
            payload: Some(&payload),
            escape: None,
        };
        let text = sign(rules, key, &request).map_err(|_| LinkRefusal::Path)?;
        Ok((text, LinkToken { id, expiry }))
    }
}

/// The site that hands out a tenant's assets for tokens that ride there: where there are several,
/// the first of which it is known where it is.
pub(super) fn site_of(
    snapshot: &EdgeSnapshot,
    tenant: TenantId,
    delivery: SiteDelivery,
    carrier: Carrier,
) -> Option<&Site> {
    let takes_it = |site: &&Site| {
        let rides = site.token.as_ref().is_some_and(|token| token.carriers.allows(carrier));
        let is_theirs = site.tenant == tenant && site.delivery == delivery;
        is_theirs && site.assets.is_some() && rides
    };
    let mut sites = snapshot.sites.sites().iter().filter(takes_it);
    let first = sites.clone().find(|site| address(site).is_some());
    first.or_else(|| sites.next())
}

fn none_for(delivery: SiteDelivery) -> LinkRefusal {
    match delivery {
        SiteDelivery::China => LinkRefusal::NoChina,
        SiteDelivery::Standard => LinkRefusal::NoSite,
    }
}

/// Where outsiders reach a site: as it says, else by its first host, if that is one.
pub(super) fn address(site: &Site) -> Option<String> {
    match &site.public_url {
        Some(url) => Some(url.to_string()),
        None if site.name.contains('*') => None,
        None => Some(format!("https://{}", site.name)),
    }
}

/// A path and a query as they stand in a link.
struct Target {
    path: String,
    query: String,
}

impl Target {
    fn of(request: &LinkRequest<'_>, visibility: Visibility) -> Self {
        let asset = AssetPath { asked: visibility, ..request.asset.clone() }.to_string();
        let (path, query) = asset.split_once('?').unwrap_or((&asset, ""));
        let path = utf8_percent_encode(path, IN_PATTERN).to_string();
        let mut query = query.to_owned();
        if let Some(name) = request.file_name {
            let separator = if query.is_empty() { "" } else { "&" };
            let name = utf8_percent_encode(name, PARAMETER);
            let _ = write!(query, "{separator}file-name={name}");
        }
        Self { path, query }
    }

    fn digest(&self, tenant: TenantId) -> QueryDigest {
        QueryDigest::of(tenant.0, Some(&self.query))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.query.is_empty() { Ok(()) } else { write!(f, "?{}", self.query) }
    }
}

/// What a parameter's value escapes: everything but the unreserved (RFC 3986 section 2.3).
pub(super) const PARAMETER: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a path, escaped already, escapes as well: what would mean more than itself in a pattern, or
/// would end it, or the field, or the parameter that the token rides in.
const IN_PATTERN: &AsciiSet = &PARAMETER.remove(b'%').remove(b'/').add(b'~');

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::scenery::{self, NOW, TENANT, opened, opened_with, site, snapshot};
    use super::*;
    use crate::asset::{AssetResource, VideoId};
    use crate::policy::{
        DenialCode, Opening, OverrideLevel, OverrideTable, Revocations, RevokedLinks,
        TenantRevocations,
    };
    use crate::target::{PathToken, RequestTarget};

    fn signer(snapshot: EdgeSnapshot) -> LinkSigner {
        let in_force = Mutex::new(Some(snapshot));
        LinkSigner::new(Arc::new(move || in_force.lock().unwrap().clone()))
    }

    fn asset(text: &str) -> AssetPath {
        AssetPath::parse(&RequestTarget::parse(text, PathToken::Absent, 8192).unwrap()).unwrap()
    }

    fn request(asset: &AssetPath) -> LinkRequest<'_> {
        LinkRequest {
            tenant: TENANT,
            delivery: SiteDelivery::Standard,
            asset,
            opens: LinkOpens::Published,
            terms: LinkTerms::default(),
            expiry: NOW.plus(60),
            ip: None,
            file_name: None,
            id: None,
        }
    }

    #[test]
    fn a_link_opens_its_file_and_nothing_else() {
        let snapshot = snapshot(vec![site("files.example.com", None, 1)], OverrideTable::default());
        let signer = signer(snapshot.clone());
        for path in [
            "/private/videos/-a/source",
            "/public/videos/-a/thumbnails/active?quality=720p",
            "/private/channels/7/attachments/Price%20list/a*b%7Ec!d%3F%26e.pdf",
        ] {
            let asset = asset(path);
            let plain = signer.link(&request(&asset), NOW).unwrap();
            let named = LinkRequest { file_name: Some("ä b&c.pdf"), ..request(&asset) };
            let named = signer.link(&named, NOW).unwrap();
            for link in [&plain, &named] {
                assert!(link.url.starts_with("https://files.example.com/private/"), "{link:?}");
                assert_eq!(opened(&snapshot, &link.url, "192.0.2.1"), Ok(()), "{link:?}");
                assert_eq!(link.token.as_ref().unwrap().expiry, NOW.plus(60));
                assert!(link.url.contains(&*link.token.as_ref().unwrap().id), "{link:?}");
            }
            assert_ne!(plain.token.unwrap().id, named.token.unwrap().id);
            let other = named.url.replace("b%26c.pdf", "exe");
            assert_eq!(opened(&snapshot, &other, "192.0.2.1"), Err(DenialCode::TokenScope));
        }
        let star = asset("/private/channels/7/attachments/t/a*b");
        let link = signer.link(&request(&star), NOW).unwrap().url;
        let wider = link.replacen("a%2Ab", "aXb", 1);
        assert_eq!(opened(&snapshot, &wider, "192.0.2.1"), Err(DenialCode::TokenScope));
    }

    #[test]
    fn a_link_may_be_bound_to_an_address() {
        let snapshot = snapshot(vec![site("files.example.com", None, 1)], OverrideTable::default());
        let asset = asset("/private/videos/-a/source");
        let bound = LinkRequest { ip: Some("192.0.2.1/32".parse().unwrap()), ..request(&asset) };
        let link = signer(snapshot.clone()).link(&bound, NOW).unwrap();
        assert_eq!(opened(&snapshot, &link.url, "192.0.2.1"), Ok(()));
        assert_eq!(opened(&snapshot, &link.url, "192.0.2.2"), Err(DenialCode::TokenIp));
    }

    #[test]
    fn a_revocation_is_of_links_that_were_signed_before_it() {
        let edge = snapshot(vec![site("files.example.com", None, 1)], OverrideTable::default());
        let asset = asset("/private/videos/-a/source");
        let signed_at = |seconds| {
            let now = NOW.plus(seconds);
            let request = LinkRequest { expiry: now.plus(60), ..request(&asset) };
            let url = signer(edge.clone()).link(&request, now).unwrap().url;
            url.strip_prefix("https://files.example.com").unwrap().to_owned()
        };
        for links in
            [RevokedLinks::Asset("/private/videos/-a/source".into()), RevokedLinks::TenantEpoch(1)]
        {
            let mut revoked = TenantRevocations::default();
            revoked.add(TENANT, &links, NOW.plus(10));
            let revocations = Revocations::of_tenants([(TENANT, Arc::new(revoked))].into());
            let edge = EdgeSnapshot { revocations: Arc::new(revocations), ..edge.clone() };
            let at = |seconds| opened_with(&edge, &signed_at(seconds), "", NOW.plus(20));
            // Also one of the very second, and of those in which a clock may be ahead.
            for before in [0, 9, 10, 11] {
                assert_eq!(at(before), Err(DenialCode::TokenRevoked), "{links:?} {before}");
            }
            assert_eq!(at(12), Ok(()), "{links:?}");
        }
    }

    #[test]
    fn what_is_public_needs_no_token_but_what_is_unpublished_does() {
        let mut overrides = OverrideTable::default();
        let level = OverrideLevel::Video(VideoId::new("-a").unwrap());
        overrides.tenant_mut(TENANT).set(&level, Some(Opening::Everything));
        let signer = signer(snapshot(vec![site("files.example.com", None, 1)], overrides));
        let asset = asset("/private/videos/-a/source");
        assert!(matches!(asset.resource, AssetResource::VideoSource { .. }));
        let link = signer.link(&request(&asset), NOW).unwrap();
        let url = "https://files.example.com/public/videos/-a/source".to_owned();
        assert_eq!(link, SignedLink { url, token: None });
        let terms = LinkTerms { delivers: Delivers::Original, ..LinkTerms::default() };
        let original = signer.link(&LinkRequest { terms, ..request(&asset) }, NOW).unwrap();
        let (begin, end) = ("https://files.example.com/private/", ".s~hmac=");
        assert!(original.url.starts_with(begin) && original.url.contains(end), "{original:?}");
        let unpublished = LinkRequest { opens: LinkOpens::Everything, ..request(&asset) };
        let link = signer.link(&unpublished, NOW).unwrap();
        assert!(link.url.contains("/private/") && link.url.contains(".u~hmac="), "{link:?}");
    }

    #[test]
    fn a_link_begins_where_the_tenants_site_is() {
        let asset = asset("/private/videos/-a/source");
        let begins = |sites| {
            let link =
                signer(snapshot(sites, OverrideTable::default())).link(&request(&asset), NOW);
            link.map(|link| link.url.split("/private").next().unwrap().to_owned())
        };
        let url = Some("https://cdn.example.com");
        let known = begins(vec![site("a.example.com", url, 2), site("*", url, 1)]);
        assert_eq!(known.unwrap(), "https://cdn.example.com");
        let two = begins(vec![site("*.example.com", None, 1), site("b.example.com", None, 1)]);
        assert_eq!(two.unwrap(), "https://b.example.com");
        let unknown = begins(vec![site("*", None, 1)]);
        assert!(matches!(unknown, Err(LinkRefusal::AddressUnknown)), "{unknown:?}");
        let foreign = begins(vec![site("a.example.com", None, 2)]);
        assert!(matches!(foreign, Err(LinkRefusal::NoSite)), "{foreign:?}");
        let without = EdgeSnapshot {
            control: None,
            ..snapshot(vec![site("a.example.com", None, 1)], OverrideTable::default())
        };
        let keyless = signer(without).link(&request(&asset), NOW);
        assert!(matches!(keyless, Err(LinkRefusal::NoKey)), "{keyless:?}");
        let nothing = LinkSigner::new(Arc::new(|| None)).link(&request(&asset), NOW);
        assert!(matches!(nothing, Err(LinkRefusal::NothingInForce)), "{nothing:?}");
    }

    /// G27: a site for China is for shares that ask for it, and for nothing else.
    #[test]
    fn a_site_for_china_has_its_own_links() {
        let asset = asset("/private/videos/-a/source");
        let both = vec![
            scenery::for_china(site("files.example.cn", None, 1)),
            site("files.example.com", None, 1),
        ];
        let signer_of = |sites| signer(snapshot(sites, OverrideTable::default()));
        let begins = |signer: &LinkSigner, delivery| {
            let link = signer.link(&LinkRequest { delivery, ..request(&asset) }, NOW);
            link.map(|link| link.url.split("/private").next().unwrap().to_owned())
        };
        let whole = signer_of(both);
        assert_eq!(begins(&whole, SiteDelivery::China).unwrap(), "https://files.example.cn");
        assert_eq!(begins(&whole, SiteDelivery::Standard).unwrap(), "https://files.example.com");
        for (host, delivery) in [
            ("files.example.cn", SiteDelivery::China),
            ("FILES.example.cn:8443", SiteDelivery::China),
            ("files.example.com", SiteDelivery::Standard),
            ("other.example.com", SiteDelivery::Standard),
            ("", SiteDelivery::Standard),
        ] {
            assert_eq!(whole.delivery_at(host), delivery, "{host}");
        }
        let without = signer_of(vec![site("files.example.com", None, 1)]);
        let refused = begins(&without, SiteDelivery::China);
        assert!(matches!(refused, Err(LinkRefusal::NoChina)), "{refused:?}");
        let alone = signer_of(vec![scenery::for_china(site("files.example.cn", None, 1))]);
        let refused = begins(&alone, SiteDelivery::Standard);
        assert!(matches!(refused, Err(LinkRefusal::NoSite)), "{refused:?}");
    }
}
