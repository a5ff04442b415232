//! Makes cookies: tokens that open every file of one content, or of one channel, for somebody who is
//! logged in (requirements D14, G31).
//!
//! A browser sends a cookie along by itself where its `Path` is what a request begins with. That path
//! is what the token's ACL covers, in the one spelling in which links have it: what another spelling
//! asks for is sent without the cookie. Names, domains and paths tell cookies apart, so those of two
//! contents do not push each other out.
//!
//! Ids are literal: what would mean more in a pattern is escaped, and what no URL can say is refused.

use percent_encoding::{AsciiSet, utf8_percent_encode};

use super::signer::{LinkRefusal, LinkSigner, LinkToken, PARAMETER, Statement, address, site_of};
use crate::asset::{ChannelId, ContentId, TenantId};
use crate::catalog::{FileKind, FilePlace};
use crate::clock::UnixSeconds;
use crate::policy::SiteDelivery;
use crate::token::{
    Carrier, IssuerMark, LinkBinding, LinkOpens, LinkPayload, LinkTerms, OwnerDigest,
};

/// A cookie that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct CookieRequest<'r> {
    /// Whose files.
    pub tenant: TenantId,
    /// Which of them.
    pub owner: FileOwnerId<'r>,
    /// Is it to open what is not published?
    pub opens: LinkOpens,
    /// The last second at which it opens.
    pub expiry: UnixSeconds,
    /// Who asks for it.
    pub issuer: Option<IssuerMark>,
}

/// What has files that asset URLs name.
#[derive(Clone, Copy, Debug)]
pub enum FileOwnerId<'r> {
    /// A channel (D7).
    Channel(ChannelId),
    /// A content (D1 to D6).
    Content(&'r ContentId),
}

/// A cookie, ready to be handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCookie {
    /// Its name: the one of the site's tokens.
    pub name: Box<str>,
    /// Its value: a token.
    pub value: Box<str>,
    /// Where it is sent: everything below opens.
    pub path: Box<str>,
    /// The site that takes it: a scheme, a host and perhaps a port.
    pub origin: Box<str>,
    /// What it opens by.
    pub token: LinkToken,
}

impl LinkSigner {
    /// Makes a cookie at `now`.
    pub fn cookie(
        &self,
        request: &CookieRequest<'_>,
        now: UnixSeconds,
    ) -> Result<SignedCookie, LinkRefusal> {
        let snapshot = self.in_force()?;
        let tenant = request.tenant;
        let Some(site) = site_of(&snapshot, tenant, SiteDelivery::Standard, Carrier::Cookie) else {
            let takes = |it| site_of(&snapshot, tenant, SiteDelivery::Standard, it).is_some();
            let takes_others = Carrier::ALL.iter().any(|other| takes(*other));
            return Err(if takes_others { LinkRefusal::NoCookie } else { LinkRefusal::NoSite });
        };
        let address = address(site).ok_or(LinkRefusal::AddressUnknown)?;
        let (origin, before) = parted(&address);
        let folder = request.owner.folder().ok_or(LinkRefusal::Path)?;
        let (acl, owner) =
            (format!("{}*", folder.wire), OwnerDigest::of(tenant.0, &folder.decoded));
        let binding = LinkBinding::Owner(owner.ok_or(LinkRefusal::Path)?);
        let statement = Statement {
            tenant,
            delivery: SiteDelivery::Standard,
            acl: &acl,
            payload: LinkPayload {
                binding,
                opens: request.opens,
                terms: LinkTerms { issuer: request.issuer, ..LinkTerms::default() },
            },
            expiry: request.expiry,
            ip: None,
            id: None,
        };
        let (value, token) = statement.signed(&snapshot, now)?;
        let name = site.token.as_ref().map_or("", |token| token.carriers.name());
        Ok(SignedCookie {
            name: name.into(),
            value: value.into(),
            path: format!("{before}{}", folder.wire).into(),
            origin: origin.into(),
            token,
        })
    }
}

/// A site's address: its origin, and the path that stands before every one of its own.
fn parted(address: &str) -> (&str, &str) {
    let authority = address.find("://").map_or(0, |at| at + "://".len());
    let slash = address.bytes().skip(authority).position(|byte| byte == b'/');
    address.split_at(slash.map_or(address.len(), |at| authority + at))
}

/// The path that all private files of somebody begin with, in both views.
struct Folder {
    wire: String,
    decoded: String,
}

impl FileOwnerId<'_> {
    fn folder(self) -> Option<Folder> {
        match self {
            Self::Channel(channel) => {
                let path = format!("/private/channels/{channel}/");
                Some(Folder { wire: path.clone(), decoded: path })
            }
            Self::Content(id) => {
                let source =
                    FilePlace { kind: FileKind::Source, slot: "".into(), variant: "".into() };
                source.of_content(id)?.if_read_back()?;
                let escaped = utf8_percent_encode(id.as_str(), IN_SEGMENT);
                Some(Folder {
                    wire: format!("/private/videos/{escaped}/"),
                    decoded: format!("/private/videos/{id}/"),
                })
            }
        }
    }
}

/// What an id escapes: everything but letters, digits and `-._`. So it means itself in a pattern, and
/// ends neither the token's field nor the cookie's attribute.
const IN_SEGMENT: &AsciiSet = &PARAMETER.add(b'~');

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::scenery::{NOW, TENANT, opened_with, site, snapshot};
    use super::*;
    use crate::policy::{
        DenialCode, EdgeSnapshot, HostPattern, OverrideTable, Revocations, RevokedLinks, Site,
        TenantRevocations, TokenRules,
    };
    use crate::token::CarrierRules;

    /// What may follow a content's id: every form of D1 to D6.
    const FORMS: [&str; 10] = [
        "source",
        "source?file-name=a.mp4&streaming=true",
        "formats/hd720",
        "thumbnails/78912",
        "thumbnails/active?quality=720p&cache-buster=1",
        "chapters/5/thumbnails?quality=source",
        "subtitles/9",
        "subtitles/9?source=SRT",
        "attachments/Price%20list/a%2Ab%7Ec.pdf",
        "attachments/t/~!?x",
    ];

    type Sites = Vec<(Vec<HostPattern>, Site)>;

    fn in_force(sites: Sites) -> EdgeSnapshot {
        snapshot(sites, OverrideTable::default())
    }

    fn one_site() -> EdgeSnapshot {
        in_force(vec![site("files.example.com", None, 1)])
    }

    fn cookie(
        snapshot: &EdgeSnapshot,
        owner: FileOwnerId<'_>,
    ) -> Result<SignedCookie, LinkRefusal> {
        let snapshot = snapshot.clone();
        let request = CookieRequest {
            tenant: TENANT,
            owner,
            opens: LinkOpens::Published,
            expiry: NOW.plus(600),
            issuer: None,
        };
        LinkSigner::new(Arc::new(move || Some(snapshot.clone()))).cookie(&request, NOW)
    }

    fn of_content(snapshot: &EdgeSnapshot, id: &str) -> SignedCookie {
        cookie(snapshot, FileOwnerId::Content(&ContentId::parse(id).unwrap())).unwrap()
    }

    fn sent(cookie: &SignedCookie) -> String {
        format!("{}={}", cookie.name, cookie.value)
    }

    #[test]
    fn a_cookie_opens_every_form_of_its_content_and_none_of_another() {
        let edge = one_site();
        for (id, escaped, others) in [
            (
                "-civ9qE3JUjntKQM1HnGtU",
                "-civ9qE3JUjntKQM1HnGtU",
                ["-civ9", "-civ9qE3JUjntKQM1HnGtUU"],
            ),
            ("a", "a", ["ab", "A"]),
            ("a*b", "a%2Ab", ["axb", "a*b*"]),
            ("a?b", "a%3Fb", ["axb", "a"]),
            ("a!/*".trim_end_matches("/*"), "a%21", ["a", "b"]),
            ("a~hmac=;b\"c", "a%7Ehmac%3D%3Bb%22c", ["a", "a~hmac"]),
            ("100%25", "100%2525", ["100%", "100"]),
        ] {
            let made = of_content(&edge, id);
            assert_eq!(&*made.path, format!("/private/videos/{escaped}/"));
            assert_eq!((&*made.origin, &*made.name), ("https://files.example.com", "hdnts"));
            // What RFC 6265 section 4.1.1 lets a value and an attribute have.
            let octet = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
            assert!(made.value.bytes().all(octet) && made.path.bytes().all(octet), "{made:?}");
            for form in FORMS {
                let target = format!("{}{form}", made.path);
                assert_eq!(opened_with(&edge, &target, &sent(&made), NOW), Ok(()), "{target}");
                // An edge goes by what is in force, not by what the prefix says (G15).
                let public = target.replacen("private", "public", 1);
                assert_eq!(opened_with(&edge, &public, &sent(&made), NOW), Ok(()), "{public}");
                for other in others {
                    let theirs = of_content(&edge, other);
                    let target = format!("{}{form}", theirs.path);
                    let answer = opened_with(&edge, &target, &sent(&made), NOW);
                    assert_eq!(answer, Err(DenialCode::TokenScope), "{id} opens {target}");
                    // Side by side each opens its own.
                    let both = format!("{}; x=1; {}", sent(&made), sent(&theirs));
                    assert_eq!(opened_with(&edge, &target, &both, NOW), Ok(()), "{target}");
                }
            }
            let channel = "/private/channels/7/attachments/t/f";
            let answer = opened_with(&edge, channel, &sent(&made), NOW);
            assert_eq!(answer, Err(DenialCode::TokenScope), "{id}");
        }
    }

    #[test]
    fn a_channels_cookie_opens_its_attachments() {
        let edge = one_site();
        let made = cookie(&edge, FileOwnerId::Channel(ChannelId(7))).unwrap();
        assert_eq!(&*made.path, "/private/channels/7/");
        for (target, expected) in [
            ("/private/channels/7/attachments/Logo/a%20b.png", Ok(())),
            ("/private/channels/70/attachments/Logo/a.png", Err(DenialCode::TokenScope)),
            ("/private/channels/8/attachments/Logo/a.png", Err(DenialCode::TokenScope)),
            ("/private/videos/7/source", Err(DenialCode::TokenScope)),
        ] {
            assert_eq!(opened_with(&edge, target, &sent(&made), NOW), expected, "{target}");
        }
    }

    #[test]
    fn a_cookie_ends_and_is_of_one_tenant() {
        let edge = one_site();
        let made = of_content(&edge, "a");
        assert_eq!(made.token.expiry, NOW.plus(600));
        let at = |edge, now| opened_with(edge, "/private/videos/a/source", &sent(&made), now);
        assert_eq!(at(&edge, NOW.plus(600)), Ok(()));
        assert_eq!(at(&edge, NOW.plus(601)), Err(DenialCode::TokenExpired));
        // An edge whose clock is a little behind.
        assert_eq!(at(&edge, UnixSeconds::new(NOW.get() - 2)), Ok(()));
        let others = in_force(vec![site("files.example.com", None, 2)]);
        // The key is everybody's; what it signed is not.
        assert_eq!(at(&others, NOW), Err(DenialCode::TokenScope));
    }

    #[test]
    fn every_kind_of_revocation_ends_it_and_the_next_one_opens() {
        let edge = one_site();
        let made = of_content(&edge, "a");
        let later = NOW.plus(5);
        for links in [
            RevokedLinks::Link(made.token.id.clone()),
            RevokedLinks::Asset("/private/videos/a/*".into()),
            RevokedLinks::TenantEpoch(1),
            RevokedLinks::Key("key_1".into()),
        ] {
            let mut revoked = TenantRevocations::default();
            // In the very second in which it was signed.
            revoked.add(TENANT, &links, NOW);
            let revocations = Revocations::of_tenants([(TENANT, Arc::new(revoked))].into());
            let edge = EdgeSnapshot { revocations: Arc::new(revocations), ..edge.clone() };
            let opened =
                |cookie: &str| opened_with(&edge, "/private/videos/a/source", cookie, later);
            assert_eq!(opened(&sent(&made)), Err(DenialCode::TokenRevoked), "{links:?}");
            let snapshot = edge.clone();
            let request = CookieRequest {
                tenant: TENANT,
                owner: FileOwnerId::Content(&ContentId::parse("a").unwrap()),
                opens: LinkOpens::Published,
                expiry: later.plus(600),
                issuer: None,
            };
            let signer = LinkSigner::new(Arc::new(move || Some(snapshot.clone())));
            let next = opened(&sent(&signer.cookie(&request, later).unwrap()));
            let dropped = matches!(links, RevokedLinks::Key(_));
            assert_eq!(next.is_err(), dropped, "{links:?}");
        }
    }

    #[test]
    fn where_no_cookie_would_work_none_is_made() {
        let site_of = |name: &str, url, tenant, carriers: &[Carrier]| {
            let (hosts, mut made) = site(name, url, tenant);
            let token = made.token.take().unwrap();
            let carriers = CarrierRules::new("hdnts", carriers);
            made.token = Some(TokenRules { carriers, ..token });
            (hosts, made)
        };
        let of = |sites| cookie(&in_force(sites), FileOwnerId::Channel(ChannelId(7)));
        let (query, both) = ([Carrier::Query], [Carrier::Query, Carrier::Cookie]);
        let refused = of(vec![site_of("a.example.com", None, 1, &query)]);
        assert!(matches!(refused, Err(LinkRefusal::NoCookie)), "{refused:?}");
        let refused = of(vec![site_of("a.example.com", None, 2, &both)]);
        assert!(matches!(refused, Err(LinkRefusal::NoSite)), "{refused:?}");
        let refused = of(vec![site_of("*", None, 1, &both)]);
        assert!(matches!(refused, Err(LinkRefusal::AddressUnknown)), "{refused:?}");
        // The one that takes cookies, below the path that a proxy takes away.
        let taken = of(vec![
            site_of("a.example.com", None, 1, &query),
            site_of("b.example.com", Some("http://b.example.com:8080/files"), 1, &both),
        ]);
        let taken = taken.unwrap();
        assert_eq!(&*taken.origin, "http://b.example.com:8080");
        assert_eq!(&*taken.path, "/files/private/channels/7/");
        let no_url = ContentId::parse("%2e%2e").unwrap();
        let refused = cookie(&one_site(), FileOwnerId::Content(&no_url));
        assert!(matches!(refused, Err(LinkRefusal::Path)), "{refused:?}");
    }

    #[test]
    fn what_is_not_published_needs_a_cookie_that_says_so() {
        let edge = one_site();
        let id = ContentId::parse("a").unwrap();
        let request = CookieRequest {
            tenant: TENANT,
            owner: FileOwnerId::Content(&id),
            opens: LinkOpens::Everything,
            expiry: NOW.plus(600),
            issuer: None,
        };
        assert!(!of_content(&edge, "a").value.contains(".u~hmac="));
        let signer = LinkSigner::new(Arc::new(move || Some(edge.clone())));
        assert!(signer.cookie(&request, NOW).unwrap().value.contains(".u~hmac="));
    }

    proptest! {
        /// Any id that there can be, in any file of it; and no other's.
        #[test]
        fn an_id_is_literal(
            id in "[!-.0-\\[\\]-~]{1,8}", other in "[!-.0-\\[\\]-~]{1,8}", form in 0..FORMS.len(),
        ) {
            let edge = one_site();
            let cookie_of = |id: &str| {
                let id = ContentId::parse(id)?;
                cookie(&edge, FileOwnerId::Content(&id)).ok()
            };
            if let (Some(own), Some(others)) = (cookie_of(&id), cookie_of(&other)) {
                let target = format!("{}{}", own.path, FORMS[form]);
                prop_assert_eq!(opened_with(&edge, &target, &sent(&own), NOW), Ok(()));
                let theirs = opened_with(&edge, &target, &sent(&others), NOW);
                prop_assert_eq!(theirs.is_ok(), id == other, "{:?} {:?}", id, other);
            }
        }
    }
}
