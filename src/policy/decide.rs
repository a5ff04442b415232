//! The decision: steps 5 to 8 of the contract, in order; of step 8 what needs no counting.

use std::borrow::Cow;

use crate::asset::Visibility;
use crate::clock::UnixSeconds;
use crate::target::{RequestTarget, cut};
use crate::token::{
    Carrier, Delivers, LinkOpens, MacBudget, Sharing, Subject, TokenCandidate, TokenRejection,
    VerifiedToken, edge_auth,
};

use super::catalog_rules::Look;
use super::connected::{Connected, Meant};
use super::permit::Grant;
use super::{
    Access, AntiFraudUse, AssetSource, Basis, Blocked, CatalogRejection, ClientScheme, Denial,
    DenialCode, EdgeSnapshot, FraudFinding, FraudMode, HttpsRule, Permit, Quiet, RequestFacts,
    Resource, Scheme, Step, Way, Witness,
};

/// May this request have what it asks for, at `now`?
pub fn decide<'r>(
    facts: &'r RequestFacts<'r>,
    snapshot: &'r EdgeSnapshot,
    now: UnixSeconds,
) -> Result<Permit<'r>, Denial> {
    decide_witnessed(facts, snapshot, now, &mut Quiet)
}

/// The same, watched.
pub fn decide_witnessed<'r, W: Witness>(
    facts: &'r RequestFacts<'r>,
    snapshot: &'r EdgeSnapshot,
    now: UnixSeconds,
    witness: &mut W,
) -> Result<Permit<'r>, Denial> {
    let Admitted { grant, effective, needs } = admitted(facts, snapshot, now, witness)?;
    let token = match needs {
        Needs::Nothing => {
            let Some(token) = link_to_copy(facts, snapshot, now, witness)? else {
                witness.see(|| Step::TokenNotNeeded);
                let noticed = anti_fraud(facts, snapshot, facts.site.anti_fraud, None, witness)?;
                return Ok(Permit::new(grant, Basis::Public, noticed));
            };
            token
        }
        Needs::Token if snapshot.is_stale(now) => {
            // A link may have been revoked, or its key dropped, and nobody said so here.
            return Err(DenialCode::SnapshotStale.into());
        }
        Needs::Token => {
            let paths = match effective {
                Some(effective) => EffectivePaths::of(&facts.target, effective),
                None => EffectivePaths::as_asked(&facts.target),
            };
            verify_any(facts, paths.as_subject(facts), snapshot, now, witness)?
        }
    };
    match (token.delivers(), facts.way) {
        // What becomes of it there nobody knows (G3).
        (Delivers::Original, Way::Cdn) => return Err(DenialCode::CdnRefused.into()),
        (Delivers::Original, Way::Direct) | (Delivers::AsEver, _) => {}
    }
    // Only now: whoever has no token learns nothing of what there is.
    // A payload of somebody else's says nothing (contract part 2).
    let link = token.payload().map_or(LinkOpens::Published, |payload| payload.opens);
    let grant = grant.and_then(|grant| grant.handed_out(link));
    let wanted = match token.payload().map(|payload| payload.terms.sharing) {
        Some(Sharing::Watched) => AntiFraudUse::Always,
        Some(Sharing::Allowed) | None => facts.site.anti_fraud,
    };
    let noticed = anti_fraud(facts, snapshot, wanted, Some(&token), witness)?;
    if let Some(tag) = token.copy() {
        witness.see(|| Step::Copy { tag });
    }
    let keys = snapshot.control.as_ref().map(|control| &control.image_mark_keys);
    Ok(Permit::new(grant, Basis::Token(token), noticed).with_image_mark_keys(keys))
}

/// The link to somebody's copy of what everybody may have: whoever comes with it gets the copy, or
/// nothing where the link opens no longer.
fn link_to_copy<'r, W: Witness>(
    facts: &'r RequestFacts<'r>,
    snapshot: &EdgeSnapshot,
    now: UnixSeconds,
    witness: &mut W,
) -> Result<Option<VerifiedToken<'r>>, Denial> {
    if !shows_link_to_copy(facts, snapshot) {
        return Ok(None);
    }
    // What it was signed for, whatever else opens that by now.
    let paths = match &facts.resource {
        Resource::Asset(_) => EffectivePaths::of(&facts.target, Visibility::Private),
        Resource::Connector(_) | Resource::Route(_) => EffectivePaths::as_asked(&facts.target),
    };
    witness.see(|| Step::LinkToCopy { path: paths.wire.clone() });
    let token = verify_any(facts, paths.as_subject(facts), snapshot, now, witness)?;
    // Under a key of somebody else's its words mean nothing.
    Ok(token.copy().is_some().then_some(token))
}

/// Is one of the candidates a link to one copy, by what it says of itself?
fn shows_link_to_copy(facts: &RequestFacts<'_>, snapshot: &EdgeSnapshot) -> bool {
    // None of our cookies is one, and others can plant them.
    let shown = facts.candidates.shown().iter().filter(|it| it.carrier != Carrier::Cookie);
    shown.into_iter().any(|it| says_copy(facts, snapshot, it))
}

fn says_copy(
    facts: &RequestFacts<'_>,
    snapshot: &EdgeSnapshot,
    candidate: &TokenCandidate,
) -> bool {
    let of_site = facts.site.token.iter().map(|rules| {
        let Scheme::EdgeAuth(scheme) = &rules.scheme;
        scheme
    });
    let mut schemes = of_site.chain(snapshot.link_rules(facts.site));
    schemes.any(|scheme| edge_auth::says_copy(scheme, candidate))
}

/// May this client ask at all? Steps 5 and 6 alone, for a request that is given no bytes and shows
/// no token (a preflight).
pub fn admit<W: Witness>(
    facts: &RequestFacts<'_>,
    snapshot: &EdgeSnapshot,
    now: UnixSeconds,
    witness: &mut W,
) -> Result<(), Denial> {
    admitted(facts, snapshot, now, witness).map(|_| ())
}

/// A client that may ask, and what for.
struct Admitted<'r> {
    /// What would be granted, if there is anything.
    grant: Result<Grant<'r>, CatalogRejection>,
    /// The visibility in force, of an asset.
    effective: Option<Visibility>,
    needs: Needs,
}

/// What must open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    Token,
}

impl From<Visibility> for Needs {
    fn from(effective: Visibility) -> Self {
        match effective {
            Visibility::Private => Self::Token,
            Visibility::Public => Self::Nothing,
        }
    }
}

/// What would be granted, and whether a token must open it.
fn admitted<'r, W: Witness>(
    facts: &'r RequestFacts<'r>,
    snapshot: &EdgeSnapshot,
    now: UnixSeconds,
    witness: &mut W,
) -> Result<Admitted<'r>, Denial> {
    let mut refused = None;
    let found = match &facts.resource {
        Resource::Connector(path) => {
            let Some(AssetSource::Catalog(rules)) = &facts.site.assets else {
                return Err(DenialCode::NoRoute.into());
            };
            let control = snapshot.control.as_deref();
            let Connected { meant, https } = Connected::at(control, facts.site.tenant, path, now)?;
            witness.see(|| Step::Connector { meant: meant.told() });
            refused = match (facts.scheme, https, facts.way, &meant) {
                (ClientScheme::Http, HttpsRule::Forced, _, _) => Some(DenialCode::HttpsRequired),
                // What becomes of it there nobody knows (G3).
                (_, _, Way::Cdn, _) => Some(DenialCode::CdnRefused),
                (_, _, Way::Direct, Meant::Several) => Some(DenialCode::ConnectorAmbiguous),
                (_, _, Way::Direct, Meant::One { .. } | Meant::Nothing(_)) => None,
            };
            let grant = match meant {
                Meant::One { found, asset } => {
                    Ok(Grant::Connected { rules, found: Box::new(found), asset: Box::new(asset) })
                }
                Meant::Nothing(rejection) => Err(rejection),
                Meant::Several => Err(CatalogRejection::NotConnected),
            };
            Admitted { grant, effective: None, needs: Needs::Nothing }
        }
        Resource::Asset(asset) => {
            let source = facts.site.assets.as_ref().ok_or(DenialCode::NoRoute)?;
            let opened = snapshot.effective(facts.site.tenant, asset);
            let (grant, effective) = match source {
                AssetSource::Template(rules) => {
                    let (effective, target) = (opened, &facts.target);
                    (Ok(Grant::Asset { rules, asset, effective, target }), opened)
                }
                AssetSource::Catalog(rules) => {
                    let look = Look::at(snapshot.control.as_deref(), facts.site.tenant, asset, now)
                        .ok_or(Denial::Superseded)?;
                    witness.see(|| Step::Catalog { listed: look.listed() });
                    let effective = look.effective(opened);
                    let grant = look.found.map(|found| Grant::Registered {
                        rules,
                        found,
                        asset,
                        effective,
                    });
                    (grant, effective)
                }
            };
            witness.see(|| Step::Effective {
                asked: asset.asked,
                effective,
                path: EffectivePaths::of(&facts.target, effective).wire,
            });
            Admitted { grant, effective: Some(effective), needs: effective.into() }
        }
        Resource::Route(route) => {
            witness.see(|| Step::RouteRule {
                prefix: &route.prefix,
                access: route.access.wire_name(),
            });
            let needs = match route.access {
                Access::Deny => return Err(DenialCode::NoRoute.into()),
                Access::Open => Needs::Nothing,
                Access::Token => Needs::Token,
            };
            Admitted { grant: Ok(Grant::Route { route, facts }), effective: None, needs }
        }
    };

    let blocked = snapshot.blocks(facts.client);
    witness.see(|| Step::Blocklist { blocked: if blocked { Blocked::Yes } else { Blocked::No } });
    if blocked {
        return Err(DenialCode::IpBlocked.into());
    }
    match refused {
        Some(code) => Err(code.into()),
        None => Ok(found),
    }
}

/// What speaks against whoever asks: a refusal, or a word in the log where the operator only
/// watches.
fn anti_fraud<W: Witness>(
    facts: &RequestFacts<'_>,
    snapshot: &EdgeSnapshot,
    wanted: AntiFraudUse,
    token: Option<&VerifiedToken<'_>>,
    witness: &mut W,
) -> Result<Option<FraudFinding>, Denial> {
    match wanted {
        AntiFraudUse::Always => {}
        AntiFraudUse::Asked => return Ok(None),
    }
    let (found, mode) = (snapshot.suspects(facts), snapshot.anti_fraud.mode);
    witness.see(|| Step::AntiFraud { found, mode });
    if found.is_some() {
        witness.suspect(token);
    }
    match (found, mode) {
        (Some(finding), FraudMode::Enforce) => Err(finding.into()),
        (found, FraudMode::Monitor) | (found @ None, FraudMode::Enforce) => Ok(found),
    }
}

/// Tries the candidates in order; of the refusals the one that got furthest is reported.
fn verify_any<'r, W: Witness>(
    facts: &'r RequestFacts<'r>,
    subject: Subject<'_>,
    snapshot: &EdgeSnapshot,
    now: UnixSeconds,
    witness: &mut W,
) -> Result<VerifiedToken<'r>, Denial> {
    let Some(rules) = &facts.site.token else { return Err(TokenRejection::Missing.into()) };
    let mut furthest = TokenRejection::Missing;
    let mut budget = MacBudget::new();
    let candidates = facts.candidates.to_try().inspect_err(|&rejection| {
        witness.see(|| Step::TokenRefused { carrier: None, rejection });
    })?;
    // Who shows a link to one copy has that copy or nothing: not what a cookie opens beside it.
    let copies_alone = shows_link_to_copy(facts, snapshot);
    for candidate in candidates {
        if copies_alone && !says_copy(facts, snapshot, candidate) {
            continue;
        }
        let Scheme::EdgeAuth(scheme) = &rules.scheme;
        let mut verify = |scheme| {
            let (name, client) = (rules.carriers.name(), facts.client);
            edge_auth::verify(scheme, name, candidate, subject, client, now, &mut budget)
        };
        let mut verified = verify(scheme);
        for scheme in snapshot.link_rules(facts.site) {
            // Whatever else is wrong with a token, it was the site's: its signature is right.
            let Err(of_site) = verified else { break };
            if of_site.stage() > TokenRejection::Signature.stage() {
                break;
            }
            verified = verify(scheme)
                .map_err(|own| if own.stage() > of_site.stage() { own } else { of_site });
        }
        let revoked =
            |token: &VerifiedToken<'_>| snapshot.revokes(facts.site.tenant, subject.decoded, token);
        let verified = verified.and_then(|token| {
            if revoked(&token) { Err(TokenRejection::Revoked) } else { Ok(token) }
        });
        match verified {
            Ok(token) => {
                witness.see(|| Step::TokenVerified {
                    carrier: token.carrier(),
                    key: token.key().clone(),
                });
                return Ok(token);
            }
            Err(rejection) => {
                let carrier = Some(candidate.carrier);
                witness.see(|| Step::TokenRefused { carrier, rejection });
                if rejection.stage() > furthest.stage() {
                    furthest = rejection;
                }
            }
        }
    }
    Err(furthest.into())
}

/// The two views of the path that is authorised: for assets, with the prefix of the visibility
/// that is in force.
struct EffectivePaths<'t> {
    wire: Cow<'t, str>,
    decoded: Cow<'t, str>,
}

impl<'t> EffectivePaths<'t> {
    fn as_asked(target: &'t RequestTarget) -> Self {
        Self { wire: target.wire().into(), decoded: target.decoded().into() }
    }

    /// Allocates only where the link says another visibility than is in force.
    fn of(target: &'t RequestTarget, effective: Visibility) -> Self {
        let prefix = effective.wire_name();
        let rewrite = |path: &'t str| match path.strip_prefix('/').and_then(|path| cut(path, b'/'))
        {
            Some((first, rest)) if first != prefix => Cow::Owned(["/", prefix, "/", rest].concat()),
            Some(_) | None => Cow::Borrowed(path),
        };
        Self { wire: rewrite(target.wire()), decoded: rewrite(target.decoded()) }
    }

    fn as_subject<'p>(&'p self, facts: &'p RequestFacts<'_>) -> Subject<'p> {
        let (query, tenant) = (facts.target.query(), facts.site.tenant.0);
        Subject { wire: &self.wire, decoded: &self.decoded, query, tenant }
    }
}
