//! The decision on one request, told step by step: the same functions as while serving, watched.

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use crate::asset::OriginKey;
use crate::clock::UnixSeconds;
use crate::network::ClientIp;
use crate::policy::{
    AntiFraudUse, AssetSource, Basis, Blocked, CatalogRejection, CorsGrant, Denial, DenialCode,
    EdgeSnapshot, FraudMode, Listed, MeantBy, Permit, PermittedObject, RequestFacts, Resource,
    Scheme, Site, Step, Witness, admit, decide_witnessed,
};
use crate::token::{CopyId, Delivers, Sharing, Subject, TokenRejection, Uses, edge_auth};

use super::identity::{Arrival, Learned, identify};
use super::share_door::{is_share, read_head, site_with_shares};
use super::{Settings, response};

/// What is asked about: one request, as it would arrive.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Its head.
    pub parts: &'a Parts,
    /// How it arrives.
    pub arrival: Arrival<'a>,
    /// When.
    pub now: UnixSeconds,
}

/// The decision and its reasons. Holds no key, no tag, and nothing that would open a file.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// `ok`, or the refusal's code.
    pub code: &'static str,
    /// The status of the answer; of an allowed request, if the origin has the file.
    pub status: u16,
    /// The path that was decided about, prefix rewritten; none where there was none.
    pub effective_path: Option<String>,
    /// What was looked at, in order.
    pub steps: Vec<ExplainedStep>,
    /// What would have made it pass.
    pub near_misses: Vec<String>,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedStep {
    /// The step's name, as in the life of a request.
    pub step: &'static str,
    /// What came of it.
    pub outcome: String,
}

/// Explains the decision on one request under a snapshot and settings.
pub fn explain(question: Question<'_>, policy: &EdgeSnapshot, settings: &Settings) -> Explanation {
    let mut story = Story::default();
    let mut learned = Learned::default();
    let site = Some(question.parts).filter(|parts| is_share(&parts.uri));
    let site = site.and_then(|it| site_with_shares(it, question.arrival, &policy.sites));
    if let Some(site) = site {
        return story.of_a_share(question, site, policy, settings);
    }
    let identified =
        identify(question.parts, question.arrival, &policy.sites, settings, &mut learned);
    story.tell_learned(&learned, question.arrival);
    if let Some(site) = learned.site {
        story.tell_cors(site, &question.parts.headers);
    }
    let facts = match identified {
        Ok(facts) => facts,
        Err(denial) => {
            story.tell("refused", format!("{denial}"));
            story.hint_unidentified(denial);
            return story.denied(denial);
        }
    };
    story.effective_path = Some(facts.target.wire().to_owned());
    story.tell_facts(&facts);
    if question.parts.method == Method::OPTIONS {
        return match admit(&facts, policy, question.now, &mut story) {
            Ok(()) => {
                story.tell("permit", "OPTIONS needs no token and is given no file".to_owned());
                story.end("allow", "ok", StatusCode::NO_CONTENT.as_u16())
            }
            Err(denial) => {
                story.near_misses(&facts, policy, question.now, denial);
                story.denied(denial)
            }
        };
    }
    match decide_witnessed(&facts, policy, question.now, &mut story) {
        Ok(permit) => {
            let basis = match permit.basis() {
                Basis::Public => "everybody may have it".to_owned(),
                Basis::Session => "a control plane hands it over".to_owned(),
                Basis::Token(token) => {
                    let delivers = match token.delivers() {
                        Delivers::AsEver => "",
                        Delivers::Original => " as an original, which nobody keeps",
                    };
                    let (carrier, key) = (token.carrier(), token.key());
                    format!("the {carrier} token of key {key} opens it{delivers}")
                }
            };
            story.tell("permit", basis);
            if let Some(usage) = usage(&permit) {
                story.tell("usage", usage.to_owned());
            }
            story.tell_uncounted(permit.basis(), facts.site);
            let object = match permit.into_object() {
                Ok(object) => object,
                Err(rejection) => {
                    story.near_misses.extend(missing_hint(rejection, facts.site));
                    return story.denied(rejection.into());
                }
            };
            let (status, fetch) = match &object.key {
                Some(_) if !is_configured(facts.site, &object) => (
                    crate::response::status(DenialCode::OriginInvalid).as_u16(),
                    format!("from {}, which the configuration does not have", object.origin),
                ),
                Some(OriginKey::Object(key)) => (200, format!("{key} from {}", object.origin)),
                Some(OriginKey::Target(target)) => {
                    (200, format!("{target} from {}", object.origin))
                }
                None => (404, "no file has this quality or format".to_owned()),
            };
            story.tell("fetch", fetch);
            story.end("allow", "ok", status)
        }
        Err(denial) => {
            story.near_misses(&facts, policy, question.now, denial);
            story.denied(denial)
        }
    }
}

/// Collects the steps.
#[derive(Default)]
struct Story {
    steps: Vec<ExplainedStep>,
    effective_path: Option<String>,
    near_misses: Vec<String>,
}

impl Witness for Story {
    fn see<'s>(&mut self, step: impl FnOnce() -> Step<'s>) {
        match step() {
            Step::AntiFraud { found, mode } => {
                let text = match (found, mode) {
                    (None, _) => "nothing speaks against the client".to_owned(),
                    (Some(finding), FraudMode::Enforce) => {
                        format!("{finding} ({})", finding.code())
                    }
                    (Some(finding), FraudMode::Monitor) => {
                        format!("{finding} ({}), which is only watched for", finding.code())
                    }
                };
                self.tell("anti_fraud", text);
            }
            Step::Blocklist { blocked: Blocked::No } => {
                self.tell("blocklist", "the address is on no blocklist".to_owned());
            }
            Step::Blocklist { blocked: Blocked::Yes } => {
                self.tell("blocklist", "the address is on a blocklist".to_owned());
            }
            Step::Catalog { listed } => {
                let text = match listed {
                    Listed::No(rejection) => rejection.to_string(),
                    Listed::Unpublished => CatalogRejection::Unpublished.to_string(),
                    Listed::Yes => "it is published".to_owned(),
                };
                self.tell("catalog", text);
            }
            Step::Connector { meant } => {
                let text = match meant {
                    MeantBy::Content(id) => format!("the original of content {id}"),
                    MeantBy::Nothing(rejection) => rejection.to_string(),
                    MeantBy::Several => DenialCode::ConnectorAmbiguous.meaning().to_owned(),
                };
                self.tell("connector", text);
            }
            Step::Copy { tag: CopyId(tag) } => {
                self.tell("copy", format!("with tag {}", hex::encode(tag)));
            }
            Step::Effective { asked, effective, path } => {
                let text = if asked == effective {
                    format!("{} as asked", effective.wire_name())
                } else {
                    format!("{}, asked as {}", effective.wire_name(), asked.wire_name())
                };
                self.effective_path = Some(path.into_owned());
                self.tell("override", text);
            }
            Step::LinkToCopy { path } => {
                self.tell("copy", format!("a link to one is shown, which counts for {path}"));
                self.effective_path = Some(path.into_owned());
            }
            Step::RouteRule { prefix, access } => {
                self.tell("route", format!("{prefix} is {access}"));
            }
            Step::TokenNotNeeded => self.tell("token", "none is needed".to_owned()),
            Step::TokenRefused { carrier, rejection } => {
                let from = carrier.map_or(String::new(), |carrier| format!("from the {carrier}: "));
                self.tell("token", format!("{from}{rejection} ({})", rejection.code()));
            }
            Step::TokenVerified { carrier, key } => {
                self.tell("token", format!("from the {carrier}: verified by key {key}"));
            }
        }
    }
}

impl Story {
    fn tell(&mut self, step: &'static str, outcome: String) {
        self.steps.push(ExplainedStep { step, outcome });
    }

    fn tell_learned(&mut self, learned: &Learned<'_>, arrival: Arrival<'_>) {
        if let Some(site) = learned.site {
            self.tell("site", site.name.to_string());
        }
        if let Some(client) = learned.client {
            self.tell("client", client_text(client, arrival));
        }
    }

    /// Whose scripts may read the answer: no part of the decision, and what breaks a player.
    fn tell_cors(&mut self, site: &Site, headers: &HeaderMap) {
        let Some(origin) = response::origin(headers) else { return };
        let asked = String::from_utf8_lossy(origin);
        let text = match site.cors.as_ref().map(|cors| cors.grant(Some(origin))) {
            None => format!("the site sets no `cors`: scripts of {asked} may not read the answer"),
            Some(CorsGrant::Any) => "scripts of every origin may read the answer".to_owned(),
            Some(CorsGrant::None) => {
                format!("{asked} is not listed: its scripts may not read the answer")
            }
            Some(CorsGrant::Origin(origin)) => {
                format!("scripts of {} may read the answer", origin.as_str())
            }
        };
        self.tell("cors", text);
    }

    fn tell_facts(&mut self, facts: &RequestFacts<'_>) {
        self.tell("target", format!("path {} (as sent)", facts.target.wire()));
        let resource = match &facts.resource {
            Resource::Asset(asset) => {
                format!("asset {asset}, type {}, tenant {}", asset.asset_type(), facts.site.tenant)
            }
            Resource::Connector(path) => {
                format!("address of connector {}, tenant {}", path.connector, facts.site.tenant)
            }
            Resource::Route(route) => format!("plain path under {}", route.prefix),
        };
        self.tell("resource", resource);
    }

    /// What other requests decide, which nobody knows here.
    fn tell_uncounted(&mut self, basis: &Basis<'_>, site: &Site) {
        let Basis::Token(token) = basis else { return };
        let terms = token.payload().map(|payload| payload.terms).unwrap_or_default();
        let shared = match (terms.sharing, site.anti_fraud) {
            (Sharing::Watched, _) | (_, AntiFraudUse::Always) => {
                Some("at how many places the link is in use".to_owned())
            }
            (Sharing::Allowed, AntiFraudUse::Asked) => None,
        };
        let parallel =
            terms.parallel.map(|most| format!("how many of {most} downloads are under way"));
        let counted: Vec<_> = shared.into_iter().chain(parallel).collect();
        if token.claims().id.is_none() && !counted.is_empty() {
            self.tell("usage", "not counted: the link has no id".to_owned());
        } else if !counted.is_empty() {
            let counted = counted.join(", and ");
            self.tell("usage", format!("only the edges know {counted}"));
        }
    }

    fn hint_unidentified(&mut self, denial: Denial) {
        let hint = HINTS.iter().find(|(code, _)| *code == denial.code());
        self.near_misses.extend(hint.map(|(_, hint)| (*hint).to_owned()));
    }

    fn near_misses(
        &mut self,
        facts: &RequestFacts<'_>,
        policy: &EdgeSnapshot,
        now: UnixSeconds,
        denial: Denial,
    ) {
        match denial {
            Denial::Plain(DenialCode::IpBlocked) => {
                if let Some(range) = policy.blocklist.find(facts.client) {
                    self.near_misses
                        .push(format!("blocklist entry {range} covers {}", facts.client));
                }
            }
            Denial::Plain(DenialCode::CdnRefused) => self
                .near_misses
                .push("a client that asks directly: originals go through no CDN".to_owned()),
            Denial::Token(rejection) => self.token_near_misses(facts, now, rejection),
            Denial::Fraud(_) => self.near_misses.push(
                "a client whom no list, database or proxy's header speaks against; or \
                 edge.fraud.mode = \"monitor\", to see first whom the rules would refuse"
                    .to_owned(),
            ),
            Denial::Asset(_)
            | Denial::Catalog(_)
            | Denial::Plain(_)
            | Denial::Superseded
            | Denial::Target(_) => {}
        }
    }

    fn token_near_misses(
        &mut self,
        facts: &RequestFacts<'_>,
        now: UnixSeconds,
        rejection: TokenRejection,
    ) {
        let Some(rules) = &facts.site.token else {
            self.near_misses.push("the site has no [site.token]: nothing opens this".to_owned());
            return;
        };
        if rejection == TokenRejection::Revoked {
            self.near_misses.push("the token's id is on the revocation list".to_owned());
            return;
        }
        let candidates = match facts.candidates.to_try() {
            Ok(candidates) => candidates,
            Err(TokenRejection::Missing) => {
                let name = rules.carriers.name();
                self.near_misses.push(format!(
                    "a token named {name}, looked for in: {}",
                    crate::token::Carrier::ALL
                        .iter()
                        .filter(|carrier| rules.carriers.allows(**carrier))
                        .map(|carrier| carrier.wire_name())
                        .collect::<Vec<_>>()
                        .join(", ")
                ));
                return;
            }
            Err(_) => {
                self.near_misses
                    .push("one token only, the same in query, header and path".to_owned());
                return;
            }
        };
        let wire = self.effective_path.clone().unwrap_or_default();
        let decoded = crate::target::percent_decode(&wire)
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default();
        let (query, tenant) = (facts.target.query(), facts.site.tenant.0);
        let subject = Subject { wire: &wire, decoded: &decoded, query, tenant };
        let Scheme::EdgeAuth(scheme) = &rules.scheme;
        for candidate in candidates {
            let name = rules.carriers.name();
            self.near_misses.extend(edge_auth::near_misses(
                scheme,
                name,
                candidate,
                subject,
                facts.client,
                now,
            ));
        }
    }

    /// Who may knock is said here; the rest the control plane knows.
    fn of_a_share(
        mut self,
        question: Question<'_>,
        site: &Site,
        policy: &EdgeSnapshot,
        settings: &Settings,
    ) -> Explanation {
        let Question { parts, arrival, now: _ } = question;
        let mut learned = Learned { site: Some(site), client: None };
        let visitor = read_head(parts, arrival, site, settings, &mut learned);
        self.tell_learned(&learned, arrival);
        let visitor = match visitor {
            Ok(visitor) => visitor,
            Err(denial) => {
                self.tell("refused", format!("{denial}"));
                self.hint_unidentified(denial);
                return self.denied(denial);
            }
        };
        self.tell("resource", format!("page of a share, tenant {}", visitor.tenant));
        let is_blocked = policy.blocks(visitor.client);
        let blocked = if is_blocked { Blocked::Yes } else { Blocked::No };
        self.see(|| Step::Blocklist { blocked });
        if is_blocked {
            if let Some(range) = policy.blocklist.find(visitor.client) {
                let entry = format!("blocklist entry {range} covers {}", visitor.client);
                self.near_misses.push(entry);
            }
            return self.denied(DenialCode::IpBlocked.into());
        }
        self.tell("share", "a control plane answers: whether there is one, it knows".to_owned());
        self.end("allow", "ok", StatusCode::OK.as_u16())
    }

    fn denied(self, denial: Denial) -> Explanation {
        let code = denial.code();
        self.end("deny", code.as_str(), crate::response::status(code).as_u16())
    }

    fn end(self, decision: &'static str, code: &'static str, status: u16) -> Explanation {
        let Self { steps, effective_path, near_misses } = self;
        Explanation { decision, code, status, effective_path, steps, near_misses }
    }
}

/// What a request that was refused before a decision would have needed.
const HINTS: &[(DenialCode, &str)] = &[
    (DenialCode::ClientAddress, "a trusted proxy that writes addresses into the forwarded header"),
    (DenialCode::MethodNotAllowed, "GET or HEAD; OPTIONS where the site sets `cors`"),
    (DenialCode::NoRoute, "a [[site.route]] whose prefix covers the path by whole segments"),
    (DenialCode::NoSite, "a [[site]] whose hosts name this host, or \"*\""),
    (
        DenialCode::TargetAmbiguous,
        "a path without dot segments, empty segments, encoded slashes and double encoding",
    ),
    (
        DenialCode::TargetMalformed,
        "a path in printable ASCII, other bytes percent-encoded as UTF-8",
    ),
];

/// What would have been found.
fn missing_hint(rejection: CatalogRejection, site: &Site) -> Option<String> {
    match rejection {
        CatalogRejection::NoFile => None,
        CatalogRejection::NotConnected => {
            Some("a content in the connector's folder, of a kind that it takes".to_owned())
        }
        CatalogRejection::UnknownConnector => {
            Some(format!("an enabled connector of tenant {}, and its form of address", site.tenant))
        }
        CatalogRejection::UnknownId => {
            Some(format!("a content or folder of tenant {} with this id", site.tenant))
        }
        CatalogRejection::Unpublished => {
            Some("the content, published and in a period of its publication".to_owned())
        }
    }
}

/// Has the configuration the origin that the catalog names?
fn is_configured(site: &Site, object: &PermittedObject) -> bool {
    match &site.assets {
        Some(AssetSource::Catalog(rules)) if object.registered.is_some() => {
            rules.cache(&object.origin).is_some()
        }
        Some(AssetSource::Catalog(_) | AssetSource::Template(_)) | None => true,
    }
}

/// What the decision alone does not tell of a link.
fn usage(permit: &Permit<'_>) -> Option<&'static str> {
    let Basis::Token(token) = permit.basis() else { return None };
    match token.payload()?.terms.uses {
        Uses::Any => None,
        Uses::One => {
            Some("the link opens once; whether it was used the ledger knows, not asked here")
        }
    }
}

fn client_text(client: ClientIp, arrival: Arrival<'_>) -> String {
    if client == arrival.peer.as_client() {
        format!("{client}, the connection's own address")
    } else {
        format!("{client}, as the trusted proxy {} says", arrival.peer)
    }
}
