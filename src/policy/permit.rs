//! The proof that a request may have its bytes.

use crate::asset::{AssetPath, OriginKey, Visibility};
use crate::clock::UnixSeconds;
use crate::target::cut;
use crate::token::{VerifiedToken, without_parameter};

use super::rules::OriginTakes;
use super::{AssetRules, CacheRules, OriginName, RequestFacts, Resource, Route};

/// May be made by `decide` only, is consumed by the one function that reads bytes, and names the
/// very object that was decided about: nobody can read another one with it.
#[derive(Debug)]
#[must_use]
pub struct Permit<'r> {
    facts: &'r RequestFacts<'r>,
    grant: Grant<'r>,
    basis: Basis<'r>,
}

/// Why the request is permitted.
#[derive(Debug)]
pub enum Basis<'r> {
    /// Everybody may.
    Public,
    /// A token was verified.
    Token(VerifiedToken<'r>),
}

#[derive(Debug)]
pub(super) enum Grant<'r> {
    Asset { rules: &'r AssetRules, asset: &'r AssetPath, effective: Visibility },
    Route(&'r Route),
}

/// The object that a permit names. Plain facts for the one that fetches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermittedObject {
    /// Where it is.
    pub origin: OriginName,
    /// Its key there; `None` where no file can answer to what was asked (an unknown quality).
    pub key: Option<OriginKey>,
    /// Who else may keep the answer.
    pub exposure: Exposure,
    /// May we?
    pub cache: CacheRules,
}

/// Who else may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// The client alone, and no longer than this instant where there is one.
    Private {
        /// The token's last valid second.
        until: Option<UnixSeconds>,
    },
    /// Every cache.
    Public,
}

impl<'r> Permit<'r> {
    pub(super) fn new(facts: &'r RequestFacts<'r>, grant: Grant<'r>, basis: Basis<'r>) -> Self {
        Self { facts, grant, basis }
    }

    /// Why the request is permitted.
    pub fn basis(&self) -> &Basis<'r> {
        &self.basis
    }

    /// Gives the permit up for the object that it names.
    pub fn into_object(self) -> PermittedObject {
        let (origin, key) = self.grant.names(self.facts);
        let cache = self.grant.cache_rules();
        PermittedObject { origin, key, exposure: self.exposure(), cache }
    }

    fn exposure(&self) -> Exposure {
        let until = match &self.basis {
            Basis::Public => None,
            Basis::Token(token) => Some(token.claims().expiry),
        };
        let public = match &self.grant {
            Grant::Asset { asset, effective, .. } => {
                asset.asked == Visibility::Public && *effective == Visibility::Public
            }
            Grant::Route(_) => until.is_none(),
        };
        if public { Exposure::Public } else { Exposure::Private { until } }
    }
}

impl Grant<'_> {
    fn cache_rules(&self) -> CacheRules {
        match self {
            Grant::Asset { rules, .. } => rules.cache,
            Grant::Route(route) => route.cache,
        }
    }

    fn names(&self, facts: &RequestFacts<'_>) -> (OriginName, Option<OriginKey>) {
        let target = &facts.target;
        match self {
            Grant::Asset { rules, asset, effective } => {
                // `/public/…` or `/private/…`: the grammar was proven, so there is a rest.
                let path = target.decoded().strip_prefix('/').and_then(|path| cut(path, b'/'));
                let path = path.map(|(_, rest)| rest).unwrap_or_default();
                (rules.origin.clone(), rules.key.expand(asset, path, *effective))
            }
            Grant::Route(route) => {
                let key = match route.origin_takes {
                    OriginTakes::Keys => {
                        let key = target.decoded().strip_prefix('/').unwrap_or_default();
                        OriginKey::Object(key.into())
                    }
                    OriginTakes::Targets => OriginKey::Target(target_without_token(facts)),
                };
                (route.origin.clone(), Some(key))
            }
        }
    }
}

/// The object that a refused request would have read: for the question whether it exists, for
/// operators who chose to tell. It opens nothing.
pub fn would_read(facts: &RequestFacts<'_>, effective: Visibility) -> Option<PermittedObject> {
    let grant = match &facts.resource {
        Resource::Asset(asset) => {
            Grant::Asset { rules: facts.site.assets.as_ref()?, asset, effective }
        }
        Resource::Route(route) => Grant::Route(route),
    };
    let (origin, key) = grant.names(facts);
    let exposure = Exposure::Private { until: None };
    Some(PermittedObject { origin, key, exposure, cache: CacheRules::Off })
}

fn target_without_token(facts: &RequestFacts<'_>) -> Box<str> {
    let target = &facts.target;
    let Some(query) = target.query() else { return target.wire().into() };
    let query = match &facts.site.token {
        Some(token) => without_parameter(query, token.carriers.name()),
        None => query.into(),
    };
    if query.is_empty() {
        target.wire().into()
    } else {
        format!("{}?{query}", target.wire()).into_boxed_str()
    }
}
