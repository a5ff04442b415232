//! `[[site]]`: public hosts, what they serve, and how their tokens look.

use std::collections::{HashMap, HashSet};

use super::cache::Said;
use super::control;
use super::document::{Bounds, Section, Value};
use super::finding::Finding;
use super::fraud;
use super::origins::Origins;
use super::sharing::{cors, resource_policy};
use super::tokens::{KeyPlace, OwnKeys, TOKEN_KEYS, token_rules};
use crate::asset::TenantId;
use crate::policy::{
    Access, AntiFraudUse, AssetRules, AssetSource, CatalogRules, HostPattern, KeyTemplate, Route,
    Scheme, Site, SiteDelivery, SiteTable, TokenRules,
};
use crate::token::edge_auth::QueryRule;

pub(super) const SITE_KEYS: &[&str] = &[
    "hosts",
    "public_url",
    "tenant",
    "delivery",
    "assets",
    "anti_fraud",
    "cors",
    "cors_credentials",
    "cross_origin_resource_policy",
    "token",
    "route",
    "cache",
    "default_ttl",
    "negative_ttl",
    "stale_if_error",
];

pub(super) const ASSET_KEYS: &[&str] = &["origin", "key", "catalog"];

pub(super) const ROUTE_KEYS: &[&str] =
    &["prefix", "access", "origin", "cache", "default_ttl", "negative_ttl", "stale_if_error"];

/// Sites of one configuration.
pub(super) const MAX_SITES: usize = 10_000;

/// Hosts of one site.
const MAX_HOSTS: usize = 1000;

/// Routes of one site, which a request walks.
pub(super) const MAX_ROUTES: usize = 1000;

const TENANT: Bounds<u64> =
    Bounds { min: 0, max: i64::MAX.unsigned_abs(), why: "the number of a tenant (videoManagerId)" };

/// The sites read so far, and what may be there once only.
#[derive(Debug, Default)]
struct Sites<'d> {
    built: Vec<(Vec<HostPattern>, Site)>,
    hosts: HashMap<HostPattern, String>,
    keys: Vec<Vec<KeyPlace<'d>>>,
}

/// Reads every site.
pub(super) fn site_table(
    value: Value<'_>,
    origins: &Origins,
    catalog: CatalogFrom,
    anti_fraud: AntiFraudUse,
) -> SiteTable {
    let mut sites = Sites::default();
    for item in value.items(MAX_SITES).into_iter().flatten() {
        if let Some(section) = item.section("[[site]]", SITE_KEYS) {
            sites.add(section, origins, catalog, anti_fraud);
        }
    }
    if value.is_empty_list() {
        value.report(no_site());
    }
    sites.warn_of_shared_keys();
    SiteTable::new(sites.built)
}

/// What to say where there is none.
pub(super) fn no_site() -> Finding {
    Finding::absent("there is no [[site]]; the edge would refuse every request").help(
        "declare at least one: [[site]] with `hosts`, `assets` or [[site.route]], and [site.token]",
    )
}

impl<'d> Sites<'d> {
    fn add(
        &mut self,
        section: Section<'d>,
        origins: &Origins,
        catalog: CatalogFrom,
        anti_fraud: AntiFraudUse,
    ) {
        let (name, hosts) = self.hosts(section);
        let tenant = section.value("tenant").and_then(|it| it.integer(TENANT)).unwrap_or(1);
        let cache = Said::read(section);
        let assets = section.value("assets").map(|it| assets(it, origins, cache, catalog));
        let own_keys = match catalog {
            CatalogFrom::ControlPlane => OwnKeys::Optional,
            CatalogFrom::Nowhere => OwnKeys::Required,
        };
        let token = section
            .value("token")
            .map(|it| token_rules(it.section("[site.token]", TOKEN_KEYS)?, own_keys));
        let tokens = if token.is_some() { Tokens::Taken } else { Tokens::NotTaken };
        let assets_kind = match &assets {
            Some(Some(AssetSource::Catalog(_))) => Assets::OfCatalog,
            Some(Some(AssetSource::Template(_)) | None) => Assets::Served,
            None => Assets::NotServed,
        };
        let surroundings = RouteSurroundings { origins, tokens, assets: assets_kind, cache };
        let routes = match section.value("route") {
            Some(value) => routes(value, surroundings),
            None => Vec::new(),
        };
        if assets.is_none() && !section.has("route") {
            section.report(
                Finding::warning(format!("the site {name} serves nothing"))
                    .help("give it assets = { origin = \"…\" } or a [[site.route]]"),
            );
        } else if assets.is_some() && token.is_none() {
            section.report(
                Finding::warning(format!("the site {name} takes no token"))
                    .label("nothing under /private can be opened")
                    .help("give it a [site.token] with keys"),
            );
        }
        let (token, keys) = match token.flatten() {
            Some((rules, keys)) => (Some(rules), keys),
            None => (None, Vec::new()),
        };
        self.keys.push(keys);
        let site = Site {
            name: name.into(),
            public_url: section.value("public_url").and_then(control::public_url),
            tenant: TenantId(tenant),
            delivery: section.value("delivery").and_then(delivery).unwrap_or_default(),
            assets: assets.flatten(),
            anti_fraud: section
                .value("anti_fraud")
                .and_then(fraud::anti_fraud_use)
                .unwrap_or(anti_fraud),
            cors: cors(section, token.as_ref()),
            resource_policy: resource_policy(section),
            token,
            routes,
        };
        self.built.push((hosts, site));
    }

    /// The first host as written, which is the site's name, and all of them.
    fn hosts(&mut self, section: Section<'_>) -> (String, Vec<HostPattern>) {
        let Some(value) = section.value("hosts") else {
            self.claim(HostPattern::Any, "*", |finding| section.report(finding));
            return ("*".to_owned(), vec![HostPattern::Any]);
        };
        let mut name = None;
        let mut hosts = Vec::new();
        for item in value.items(MAX_HOSTS).into_iter().flatten() {
            let Some(text) = item.text() else { continue };
            let Some(host) = HostPattern::parse(text) else {
                item.report(Finding::error("this is no host").help(
                    "write \"files.example.com\", \"*.example.com\" or \"*\", without scheme and \
                     port, which play no part",
                ));
                continue;
            };
            self.claim(host.clone(), text, |finding| item.report(finding));
            name.get_or_insert_with(|| text.to_owned());
            hosts.push(host);
        }
        if value.is_empty_list() {
            value
                .report(Finding::error("the site has no host").help("\"*\" stands for every host"));
        }
        (name.unwrap_or_else(|| "?".to_owned()), hosts)
    }

    fn claim(&mut self, host: HostPattern, text: &str, report: impl FnOnce(Finding)) {
        if let Some(first) = self.hosts.get(&host) {
            report(
                Finding::error(format!("the host \"{text}\" is taken already"))
                    .help(format!("each host belongs to one site; it was listed as \"{first}\"")),
            );
        } else {
            self.hosts.insert(host, text.to_owned());
        }
    }

    /// One key on two sites: a link of the one opens the same path of the other.
    fn warn_of_shared_keys(&self) {
        let mut seen: Vec<(&crate::keyring::SharedKey, &str, QueryRule)> = Vec::new();
        for ((_, site), places) in self.built.iter().zip(&self.keys) {
            let Some(TokenRules { carriers: _, scheme }) = &site.token else { continue };
            let Scheme::EdgeAuth(rules) = scheme;
            let before = seen.len();
            for place in places {
                let Some(key) = rules.keyring.keys().get(place.index) else { continue };
                let same = seen.iter().take(before).find(|(other, ..)| key.same_material(other));
                if let Some((_, other, query)) = same {
                    let help = if *query == rules.query {
                        "give each site a key of its own"
                    } else {
                        "give each site a key of its own: only one of them signs the query, and \
                         what is a query there can be part of a path here"
                    };
                    place.value.report(
                        Finding::warning(format!("the site {other} has the same key"))
                            .label("a link of the one site opens the same path of the other")
                            .help(help),
                    );
                } else {
                    seen.push((key, &site.name, rules.query));
                }
            }
        }
    }
}

/// Which shares come by the site.
fn delivery(value: Value<'_>) -> Option<SiteDelivery> {
    value.one_of(&[("standard", SiteDelivery::Standard), ("china", SiteDelivery::China)])
}

/// Has anybody a catalog for this edge?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CatalogFrom {
    /// A control plane that the configuration names.
    ControlPlane,
    /// Nobody.
    Nowhere,
}

fn assets(
    value: Value<'_>,
    origins: &Origins,
    cache: Said,
    catalog: CatalogFrom,
) -> Option<AssetSource> {
    let section = value.section("assets", ASSET_KEYS)?;
    if let Some(switch) = section.value("catalog")
        && switch.flag(true, false)?
    {
        return looked_up(section, switch, catalog)
            .map(|()| AssetSource::Catalog(CatalogRules::new(origins.all(cache))));
    }
    let key = section.value("key").map_or_else(
        || KeyTemplate::parse("{path}").ok(),
        |it| match KeyTemplate::parse(it.text()?) {
            Ok(template) => Some(template),
            Err(reason) => it.refuse(
                Finding::error("`key` is no template")
                    .label(reason.to_string())
                    .help("for example key = \"{path}\" or key = \"{visibility}/{path}\""),
            ),
        },
    );
    let origin = section
        .required(
            "origin",
            "name an [[origin]]: assets = { origin = \"media\" }; or, beside a control plane, \
             assets = { catalog = true }",
        )
        .and_then(|it| origins.named(it));
    let (origin, kind) = origin?;
    Some(AssetSource::Template(AssetRules { origin, key: key?, cache: cache.rules(kind) }))
}

/// `catalog = true` stands alone, and beside a control plane.
fn looked_up(section: Section<'_>, switch: Value<'_>, catalog: CatalogFrom) -> Option<()> {
    let mut sound = Some(());
    for key in ["origin", "key"] {
        if let Some(value) = section.value(key) {
            sound = value.refuse(
                Finding::error(format!("`{key}` stands beside `catalog`"))
                    .label("the catalog says of each file where it is")
                    .help("take one of them out"),
            );
        }
    }
    match catalog {
        CatalogFrom::ControlPlane => sound,
        CatalogFrom::Nowhere => switch.refuse(
            Finding::absent("there is no control plane to have a catalog")
                .help("add [control], or say where files are: assets = { origin = \"media\" }"),
        ),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tokens {
    NotTaken,
    Taken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Assets {
    NotServed,
    /// Beside addresses of connectors.
    OfCatalog,
    Served,
}

/// What of a site its routes are read with.
#[derive(Clone, Copy, Debug)]
struct RouteSurroundings<'o> {
    origins: &'o Origins,
    tokens: Tokens,
    assets: Assets,
    cache: Said,
}

fn routes(value: Value<'_>, site: RouteSurroundings<'_>) -> Vec<Route> {
    let choices = [Access::Token, Access::Open, Access::Deny].map(|it| (it.wire_name(), it));
    let mut routes = Vec::new();
    let mut prefixes = HashSet::new();
    for item in value.items(MAX_ROUTES).into_iter().flatten() {
        let Some(section) = item.section("[[site.route]]", ROUTE_KEYS) else { continue };
        let prefix = section
            .required("prefix", "for example prefix = \"/vod/\"")
            .and_then(|it| Some((it, prefix(it, site.assets)?)));
        if let Some((value, prefix)) = prefix
            && !prefixes.insert(prefix)
        {
            value.report(Finding::error(format!("there are two routes for \"{prefix}\"")));
        }
        let written = section.value("access");
        let access = written.map_or(Some(Access::Token), |it| it.one_of(&choices));
        if access == Some(Access::Token) && site.tokens == Tokens::NotTaken {
            let finding = Finding::absent("the route asks for a token, but the site takes none")
                .help(
                    "give the site a [site.token] with keys, or say access = \"open\" or \"deny\"",
                );
            match written {
                Some(written) => written.report(finding),
                None => section.report(finding),
            }
        }
        let origin = section
            .required("origin", "name the [[origin]] that has the files")
            .and_then(|it| site.origins.named(it));
        let cache = Said::read(section).within(site.cache);
        if let (Some((_, prefix)), Some(access), Some((origin, kind))) = (prefix, access, origin) {
            let (origin_takes, cache) = (kind.takes(), cache.rules(kind));
            routes.push(Route { prefix: prefix.into(), access, origin, origin_takes, cache });
        }
    }
    routes
}

/// A prefix is compared with decoded paths, which never hold what is refused here.
fn prefix(value: Value<'_>, assets: Assets) -> Option<&str> {
    let text = value.text()?;
    let refuse = |label: &str| {
        value.refuse(Finding::error("this prefix can never match").label(label).help(
            "write the path as people read it, from its first slash: \"/vod/\", \"/my files/\"",
        ))
    };
    let Some(path) = text.strip_prefix('/') else { return refuse("it must begin with `/`") };
    let segments = path.strip_suffix('/').unwrap_or(path);
    if !segments.is_empty() && segments.split('/').any(str::is_empty) {
        return refuse("an empty segment is refused in every request");
    }
    let dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    if path == "/" || segments.split('/').any(dots) {
        return refuse("a segment `.` or `..` is refused in every request");
    }
    if text.contains('\\') || text.chars().any(char::is_control) {
        return refuse("a backslash or control character is refused in every request");
    }
    if crate::target::percent_decode(text).is_some_and(|it| it != text) {
        return refuse("it is compared with the decoded path");
    }
    let first = segments.split('/').next().unwrap_or_default();
    if assets != Assets::NotServed && matches!(first, "public" | "private") {
        return refuse("with `assets`, /public and /private are asset URLs and nothing else");
    }
    if assets == Assets::OfCatalog && first == "dl" {
        return refuse("with a catalog, /dl is for connectors' addresses and nothing else");
    }
    if assets == Assets::OfCatalog && first == "s" {
        return refuse("with a catalog, /s is for the pages of shares and nothing else");
    }
    Some(text)
}
