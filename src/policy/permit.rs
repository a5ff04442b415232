//! The proof that a request may have its bytes.

use std::sync::Arc;

use crate::asset::{AssetPath, OriginKey, Visibility};
use crate::clock::UnixSeconds;
use crate::target::{RequestTarget, cut};
use crate::token::{CopyId, Delivers, LinkOpens, VerifiedToken, without_parameter};

use super::catalog_rules::{Found, Look};
use super::rules::OriginTakes;
use super::{
    AssetRules, AssetSource, CacheRules, CatalogRejection, CatalogRules, EdgeSnapshot,
    FraudFinding, HandedFile, ImageMarkKeys, OriginName, RegisteredFile, RequestFacts, Resource,
    Route,
};

/// May be made by `decide` only, is consumed by the one function that reads bytes, and names the
/// very object that was decided about: nobody can read another one with it.
#[derive(Debug)]
#[must_use]
pub struct Permit<'r> {
    grant: Result<Grant<'r>, CatalogRejection>,
    basis: Basis<'r>,
    noticed: Option<FraudFinding>,
    /// What marks the copy that it is for, if it is for one and any is known.
    image_mark_keys: Option<&'r Arc<ImageMarkKeys>>,
}

/// The file that a connector gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectedFile<'p> {
    /// The id of its content.
    pub content: &'p str,
    /// Its number, by which the control plane knows it and its version.
    pub number: u64,
}

/// Why the request is permitted.
#[derive(Debug)]
pub enum Basis<'r> {
    /// Everybody may.
    Public,
    /// A control plane hands it over by itself, to somebody whose rights it knows.
    Session,
    /// A token was verified.
    Token(VerifiedToken<'r>),
}

#[derive(Debug)]
pub(super) enum Grant<'r> {
    Registered {
        rules: &'r CatalogRules,
        found: Found,
        asset: &'r AssetPath,
        effective: Visibility,
    },
    Asset {
        rules: &'r AssetRules,
        asset: &'r AssetPath,
        effective: Visibility,
        target: &'r RequestTarget,
    },
    Route {
        route: &'r Route,
        facts: &'r RequestFacts<'r>,
    },
    Handed(HandedFile),
    Connected {
        rules: &'r CatalogRules,
        found: Box<Found>,
        asset: Box<AssetPath>,
    },
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
    /// What the catalog says of it, where it is from there.
    pub registered: Option<Box<RegisteredFile>>,
    /// The copy that is to be had, and nothing but it; none: the object.
    pub copy: Option<PermittedCopy>,
}

/// Whose copy it is, and what it is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermittedCopy {
    /// Its forensic tag id.
    pub id: CopyId,
    /// The keys that mark pictures; none where no control plane is.
    pub image_mark_keys: Arc<ImageMarkKeys>,
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
    /// Nobody, not even the client: it is an original (requirements A11, G3). Set by how it was
    /// decided, not by what kind of file it is.
    Source,
}

impl<'r> Permit<'r> {
    pub(super) fn new(
        grant: Result<Grant<'r>, CatalogRejection>,
        basis: Basis<'r>,
        noticed: Option<FraudFinding>,
    ) -> Self {
        Self { grant, basis, noticed, image_mark_keys: None }
    }

    /// The same, with the keys that mark pictures.
    pub(super) fn with_image_mark_keys(self, keys: Option<&'r Arc<ImageMarkKeys>>) -> Self {
        Self { image_mark_keys: keys, ..self }
    }

    /// What would have spoken against the request, were it not only watched for.
    pub fn noticed(&self) -> Option<FraudFinding> {
        self.noticed
    }

    /// Why the request is permitted.
    pub fn basis(&self) -> &Basis<'r> {
        &self.basis
    }

    /// The file that a connector gives; none where it is no connector that gives something.
    pub fn connected(&self) -> Option<ConnectedFile<'_>> {
        let Ok(Grant::Connected { found, asset, .. }) = &self.grant else { return None };
        found.connected(asset)
    }

    /// Gives the permit up for the object that it names. Where the catalog has none, whoever has a
    /// permit may know it.
    pub fn into_object(self) -> Result<PermittedObject, CatalogRejection> {
        let Self { grant, basis, noticed: _, image_mark_keys } = self;
        let grant = grant?;
        let copy = match &basis {
            Basis::Public | Basis::Session => None,
            Basis::Token(token) => token.copy(),
        };
        let copy = copy.map(|id| {
            let image_mark_keys = image_mark_keys.map(Arc::clone).unwrap_or_default();
            PermittedCopy { id, image_mark_keys }
        });
        let exposure = match (grant.exposure(&basis), &copy, &basis) {
            // A copy is one person's, whatever its file is to others.
            (Exposure::Public, Some(_), Basis::Token(token)) => {
                Exposure::Private { until: Some(token.claims().expiry) }
            }
            (exposure, _, _) => exposure,
        };
        let object = PermittedObject { copy, ..grant.into_object(exposure) };
        Ok(match (exposure, &object.copy) {
            (Exposure::Source, _) | (_, Some(_)) => {
                PermittedObject { cache: CacheRules::Off, ..object }
            }
            (Exposure::Private { .. } | Exposure::Public, None) => object,
        })
    }
}

impl Grant<'_> {
    /// The same, if it may be handed out now that a link opens it, which opens so far.
    pub(super) fn handed_out(self, link: LinkOpens) -> Result<Self, CatalogRejection> {
        match self {
            Grant::Registered { rules, found, asset, effective } => {
                let found = found.handed_out(link)?;
                Ok(Grant::Registered { rules, found, asset, effective })
            }
            grant @ (Grant::Asset { .. }
            | Grant::Connected { .. }
            | Grant::Route { .. }
            | Grant::Handed(_)) => Ok(grant),
        }
    }

    fn exposure(&self, basis: &Basis<'_>) -> Exposure {
        let until = match basis {
            Basis::Public | Basis::Session => None,
            Basis::Token(token) => match token.delivers() {
                Delivers::Original => return Exposure::Source,
                Delivers::AsEver => Some(token.claims().expiry),
            },
        };
        let public = match self {
            Grant::Asset { asset, effective, .. } | Grant::Registered { asset, effective, .. } => {
                asset.asked == Visibility::Public && *effective == Visibility::Public
            }
            Grant::Route { .. } => until.is_none(),
            Grant::Connected { .. } | Grant::Handed(_) => return Exposure::Source,
        };
        if public { Exposure::Public } else { Exposure::Private { until } }
    }

    fn into_object(self, exposure: Exposure) -> PermittedObject {
        let plain = |origin: &OriginName, key, cache| PermittedObject {
            origin: origin.clone(),
            key,
            exposure,
            cache,
            registered: None,
            copy: None,
        };
        match self {
            Grant::Asset { rules, asset, effective, target } => {
                // `/public/…` or `/private/…`: the grammar was proven, so there is a rest.
                let path = target.decoded().strip_prefix('/').and_then(|path| cut(path, b'/'));
                let path = path.map(|(_, rest)| rest).unwrap_or_default();
                plain(&rules.origin, rules.key.expand(asset, path, effective), rules.cache)
            }
            Grant::Registered { rules, found, asset, effective: _ } => {
                let (origin, cache, file) = rules.object(&found, asset);
                let (key, registered) = file.unzip();
                PermittedObject { origin, key, exposure, cache, registered, copy: None }
            }
            Grant::Connected { rules, found, asset } => {
                let (origin, _, file) = rules.object(&found, &asset);
                let (key, registered) = file.unzip();
                let cache = CacheRules::Off;
                PermittedObject { origin, key, exposure, cache, registered, copy: None }
            }
            Grant::Route { route, facts } => {
                let key = match route.origin_takes {
                    OriginTakes::Keys => {
                        let key = facts.target.decoded().strip_prefix('/').unwrap_or_default();
                        OriginKey::Object(key.into())
                    }
                    OriginTakes::Targets => OriginKey::Target(target_without_token(facts)),
                };
                plain(&route.origin, Some(key), route.cache)
            }
            Grant::Handed(HandedFile { tenant: _, asset: _, origin, key, registered }) => {
                PermittedObject {
                    origin,
                    key: Some(OriginKey::Object(key)),
                    exposure,
                    cache: CacheRules::Off,
                    registered: Some(Box::new(registered)),
                    copy: None,
                }
            }
        }
    }
}

/// What a refused request would have read.
#[derive(Debug)]
pub enum WouldRead {
    /// No file, whatever origins have.
    Nothing,
    /// This, if it is there.
    Object(PermittedObject),
    /// A file that is known to be there.
    Registered,
}

/// The object that a refused request would have read: for the question whether it exists, for
/// operators who chose to tell. It opens nothing. What is not published is none.
pub fn would_read(
    facts: &RequestFacts<'_>,
    snapshot: &EdgeSnapshot,
    now: UnixSeconds,
) -> WouldRead {
    let effective = Visibility::Private;
    let grant = match (&facts.resource, &facts.site.assets) {
        // Nobody is asked for a token there.
        (Resource::Asset(_), None) | (Resource::Connector(_), _) => return WouldRead::Nothing,
        (Resource::Asset(asset), Some(AssetSource::Template(rules))) => {
            Grant::Asset { rules, asset, effective, target: &facts.target }
        }
        (Resource::Asset(asset), Some(AssetSource::Catalog(_))) => {
            let look = Look::at(snapshot.control.as_deref(), facts.site.tenant, asset, now);
            let found = look.map(|look| look.found);
            return match found.map(|it| it.and_then(|it| it.handed_out(LinkOpens::Published))) {
                Some(Err(_)) => WouldRead::Nothing,
                Some(Ok(_)) | None => WouldRead::Registered,
            };
        }
        (Resource::Route(route), _) => Grant::Route { route, facts },
    };
    let object = grant.into_object(Exposure::Private { until: None });
    WouldRead::Object(PermittedObject { cache: CacheRules::Off, ..object })
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
