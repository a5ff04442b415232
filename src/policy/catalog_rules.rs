//! What the catalog says of an asset that a site looks up there.

use std::collections::HashMap;
use std::sync::Arc;

use crate::asset::{AssetPath, OriginKey, TenantId, Visibility};
use crate::catalog::{Entry, Publication};
use crate::clock::UnixSeconds;
use crate::token::LinkOpens;

use super::{CacheRules, ConnectedFile, ControlState, Listed, OriginName};

/// How a site takes what the catalog says.
#[derive(Debug)]
pub struct CatalogRules {
    /// The origins that the configuration has, and whether answers of each are kept.
    origins: HashMap<OriginName, CacheRules>,
}

/// Why there is no file, for operators: whoever asks is told the same of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogRejection {
    /// No file of the content or folder answers to the rest of the URL.
    #[error("the catalog has no such file of it")]
    NoFile,
    /// It is in another folder than the connector, or of a kind that the connector does not take.
    #[error("it is not in the connector's folder, or of no kind that it takes")]
    NotConnected,
    /// No connector of that id is open, or its addresses have another form.
    #[error("no connector of that id is open with addresses of this form")]
    UnknownConnector,
    /// No content or folder has that id.
    #[error("the catalog has no such id")]
    UnknownId,
    /// It is not published, or not now (G16).
    #[error("it is not published")]
    Unpublished,
}

/// What the catalog says of a file that is handed out. Its origin is held to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredFile {
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256; none before it was read.
    pub sha256: Option<[u8; 32]>,
    /// Its media type; empty where nobody said.
    pub mime: Arc<str>,
    /// The name it is saved under.
    pub name: Box<str>,
}

/// One look at the catalog. A request takes it once and keeps it to its end.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) found: Result<Found, CatalogRejection>,
    publication: Publication,
}

/// An entry that has a file for the asset.
#[derive(Debug)]
pub(super) struct Found {
    entry: Entry,
    origin: Arc<str>,
    mime: Arc<str>,
    pub(super) publication: Publication,
}

impl CatalogRules {
    /// Rules for files that may be at any of these origins.
    pub fn new(origins: impl IntoIterator<Item = (OriginName, CacheRules)>) -> Self {
        Self { origins: origins.into_iter().collect() }
    }

    /// May answers of this origin be kept? None where the configuration has no such origin.
    pub fn cache(&self, origin: &OriginName) -> Option<CacheRules> {
        self.origins.get(origin).copied()
    }

    /// The origins that the configuration has.
    pub fn origins(&self) -> impl Iterator<Item = &OriginName> {
        self.origins.keys()
    }

    /// An origin by the name that the catalog has; one that the configuration does not have is
    /// named all the same, and nobody can ask it.
    fn origin(&self, name: &str) -> (OriginName, CacheRules) {
        match self.origins.get_key_value(name) {
            Some((name, cache)) => (name.clone(), *cache),
            None => (OriginName::new(name), CacheRules::Off),
        }
    }

    /// Where a file is, and what is known of it.
    pub(super) fn object(
        &self,
        found: &Found,
        asset: &AssetPath,
    ) -> (OriginName, CacheRules, Option<(OriginKey, Box<RegisteredFile>)>) {
        let (origin, cache) = self.origin(&found.origin);
        let file = found.entry.file(asset).map(|file| {
            let registered = RegisteredFile {
                size: file.size,
                sha256: file.sha256.copied(),
                mime: Arc::clone(&found.mime),
                name: file.name().into(),
            };
            (OriginKey::Object(file.key().into()), Box::new(registered))
        });
        (origin, cache, file)
    }
}

impl Look {
    /// Looks. None where what is found belongs to a newer state than this one.
    pub(super) fn at(
        control: Option<&ControlState>,
        tenant: TenantId,
        asset: &AssetPath,
        now: UnixSeconds,
    ) -> Option<Self> {
        let looked = control.and_then(|it| Some((it, it.catalog.find(tenant, asset)?)));
        let Some((control, entry)) = looked else {
            let found = Err(CatalogRejection::UnknownId);
            return Some(Self { found, publication: Publication::Unpublished });
        };
        if entry.is_newer_than(control.version) {
            return None;
        }
        Some(Self::of(control, entry, asset, now))
    }

    /// What an entry of that state says of an asset.
    pub(super) fn of(
        control: &ControlState,
        entry: Entry,
        asset: &AssetPath,
        now: UnixSeconds,
    ) -> Self {
        let publication = entry.publication(now);
        let names = entry
            .file(asset)
            .and_then(|file| Some((control.catalog.origin(&file)?, control.catalog.mime(&file)?)));
        let Some((origin, mime)) = names else {
            return Self { found: Err(CatalogRejection::NoFile), publication };
        };
        Self { found: Ok(Found { entry, origin, mime, publication }), publication }
    }

    /// The visibility in force, where overrides say this: what is not published, or not known, is
    /// private whatever is open (G16).
    pub(super) fn effective(&self, by_overrides: Visibility) -> Visibility {
        match self.publication {
            Publication::Published => by_overrides,
            Publication::Unpublished => Visibility::Private,
        }
    }

    /// In words of a witness.
    pub(super) fn listed(&self) -> Listed {
        match &self.found {
            Ok(Found { publication: Publication::Published, .. }) => Listed::Yes,
            Ok(Found { publication: Publication::Unpublished, .. }) => Listed::Unpublished,
            Err(rejection) => Listed::No(*rejection),
        }
    }
}

impl Found {
    /// The id of its content.
    pub(super) fn content(&self) -> &str {
        self.entry.id().unwrap_or_default()
    }

    /// The file that the asset names.
    pub(super) fn connected(&self, asset: &AssetPath) -> Option<ConnectedFile<'_>> {
        let number = self.entry.file(asset)?.number;
        Some(ConnectedFile { content: self.content(), number })
    }

    /// May it be handed out to somebody whose link opens its path, and opens so far? What is not
    /// published needs one that says so (G16).
    pub(super) fn handed_out(self, link: LinkOpens) -> Result<Self, CatalogRejection> {
        match (self.publication, link) {
            (Publication::Published, _) | (Publication::Unpublished, LinkOpens::Everything) => {
                Ok(self)
            }
            (Publication::Unpublished, LinkOpens::Published) => Err(CatalogRejection::Unpublished),
        }
    }
}
